"""The server of the readers' page: one process, loopback only."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable

from ichset.config import Config
from ichset.errors import ConfigError

ADDRESS = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A listening socket on loopback: a browser that is too early waits instead of failing."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((ADDRESS, port))
        server.listen(64)
    except OSError as error:
        server.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise ConfigError(f"port {port} {why}; choose another with --port, or stop the other program") from None
    return server


def serve(config: Config, port: int, say: Callable[[str], None]) -> None:
    """Answer until interrupted. `say` gets the address and what to do first; no request is ever logged."""
    with listen(port) as server:
        import uvicorn

        from ichset.review.app import make_app
        from ichset.review.patience import PatientProtocol

        logging.getLogger("uvicorn").disabled = logging.getLogger("uvicorn.error").disabled = True  # it would note every odd request
        app = make_app(config)
        say(f"Readers' page: http://{ADDRESS}:{server.getsockname()[1]}/  (Ctrl+C stops it)")
        settings = uvicorn.Config(
            app, loop="asyncio", http=PatientProtocol, ws="none", lifespan="off", access_log=False, log_config=None,
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=10,
        )  # fmt: skip
        uvicorn.Server(settings).run(sockets=[server])
