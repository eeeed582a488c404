"""The outer wall: known hosts only, same-origin changes only, small bodies, strict headers, and a log that names nobody."""

from __future__ import annotations

import json
import sys
import traceback
from asyncio import wait_for
from collections.abc import Iterable
from time import monotonic
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024  # bytes: a read with a long comment is below 8 KB
BODY_SECONDS = 20.0  # for the whole body
LOOPBACK = frozenset({"127.0.0.1", "localhost"})

# Nothing inline, nothing from elsewhere, nobody's frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # "no-referrer" would make the browser send "Origin: null" with every form
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Pure ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                set_already = {name.lower() for name, _ in message.get("headers", ())}
                message["headers"] = [*message.get("headers", ()), *(pair for pair in HEADERS if pair[0] not in set_already)]
            await send(message)

        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if refusal := self._refusal(scope["method"], headers):
            await _refuse(guarded_send, *refusal)
            return
        try:
            await self._app(scope, _limited(receive), guarded_send)
        except _TooLarge:
            await _refuse(guarded_send, 413, "too_large")
        except TimeoutError:
            await _refuse(guarded_send, 408, "too_slow")
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception as error:  # the last line of defence: a fault is answered and logged without its values
            _log_fault(error)
            if not started:
                await _refuse(guarded_send, 500, "fault")

    def _refusal(self, method: bytes | str, headers: dict[bytes, str]) -> tuple[int, str] | None:
        host = _host(headers.get(b"host", ""))
        if host not in self._hosts:
            return 421, "unknown_host"  # a foreign name that resolves to loopback (DNS rebinding)
        if method in ("GET", "HEAD"):
            return None
        origin = headers.get(b"origin")
        if origin is not None and not self._own(origin, headers.get(b"host", "")):
            return 403, "foreign_origin"
        if headers.get(b"sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "foreign_origin"
        length = headers.get(b"content-length", "0")
        return (413, "too_large") if not length.isdigit() or int(length) > MAX_BODY else None

    def _own(self, origin: str, host: str) -> bool:
        """Whether a page of this very site sent it. On loopback the port counts too: other programs serve pages there."""
        scheme, _, place = origin.partition("://")
        name = _host(place)
        return scheme in ("http", "https") and name in self._hosts and (name not in LOOPBACK or place.lower() == host.lower())


class _TooLarge(Exception):
    """The body grew beyond MAX_BODY."""


def _limited(receive: Receive) -> Receive:
    """`receive` of a body that must be small and arrive in time. Raises _TooLarge or TimeoutError."""
    taken, whole, deadline = 0, False, monotonic() + BODY_SECONDS

    async def limited() -> Message:
        nonlocal taken, whole
        message = await (receive() if whole else wait_for(receive(), deadline - monotonic()))
        taken += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if taken > MAX_BODY:
            raise _TooLarge
        return message

    return limited


def _host(value: str) -> str:
    """Host header without its port, lower case."""
    try:
        return (urlsplit(f"//{value}").hostname or "").lower()
    except ValueError:
        return ""


async def _refuse(send: Send, status: int, code: str) -> None:
    body = json.dumps({"error": code}).encode()
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def _log_fault(error: Exception) -> None:
    """One JSON line: the kind of fault and where in the code. Its message may quote data, so it stays out."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    sys.stderr.write(json.dumps({"event": "fault", "kind": type(error).__name__, "where": where}) + "\n")
