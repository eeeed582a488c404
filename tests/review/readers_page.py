"""The readers' page of a ward as a real process, and clients signed in to it."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from argon2 import PasswordHasher
from ward import PASSWORDS

from ichset.config import Config
from ichset.review.app import make_app
from ichset.review.patience import PatientProtocol
from ichset.review.private import private_folder, write_private
from ichset.review.serve import listen

BROWSER_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # plain HTTP: reading the machine's certificates for every client would take longer than its test


@dataclass
class Page:
    """A running readers' page."""

    config: Config
    url: str
    stop: Callable[[], None]
    process: subprocess.Popen[str] | None = None
    log: Path = Path(os.devnull)

    def client(self, user: str | None = None) -> httpx.Client:
        """A browser-like client; signed in as `user`, with the CSRF header set."""
        client = httpx.Client(base_url=self.url, timeout=30, verify=UNUSED)
        if user:
            form = client.get("/").text
            token = re.search(r'name="token" value="(\w+)"', form).group(1)
            answer = client.post("/sign-in", data={"token": token, "user": user, "password": PASSWORDS[user]})
            assert answer.status_code == 303, answer.text
            client.headers["X-CSRF-Token"] = client.get("/api/me").json()["csrf"]
        return client


def start_page(config: Config, path: Path) -> Page:
    """Serve the page of the config at `path`, as an operator would; errors go to page.log beside it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    log = path.with_name("page.log")
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", "from ichset.cli.review import review; review()", "--config", str(path), "--port", "0"],
            stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
        )  # fmt: skip
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, (line, log.read_text())

    def stop() -> None:
        process.terminate()
        process.wait(20)
        process.stdout.close()

    return Page(config, found.group(), stop, process, log)


def lent_page(config: Config) -> Page:
    """The page in a thread of this process: the same application behind the same protocol, without a second start of Python."""
    listening = listen(0)
    server = uvicorn.Server(uvicorn.Config(make_app(config), http=PatientProtocol, ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(20)

    return Page(config, f"http://127.0.0.1:{listening.getsockname()[1]}", stop)


def forked_page(config: Config) -> tuple[str, int]:
    """The page in a process of its own, forked from this one with everything loaded: its address and process number."""
    listening = listen(0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    child = os.fork()
    if child == 0:
        try:
            uvicorn.Server(uvicorn.Config(make_app(config), http=PatientProtocol, ws="none", lifespan="off", log_config=None)).run([listening])
        finally:
            os._exit(1)
    listening.close()
    return url, child


def add_accounts(config: Config) -> None:
    """Accounts for all; their hashes carry cheap parameters, which the page takes from the hash itself."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    hashes = {name: hasher.hash(password) for name, password in PASSWORDS.items()}
    write_private(private_folder(config.project.work) / "users.json", json.dumps(hashes).encode())
