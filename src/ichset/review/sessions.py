"""Signed sessions: they outlive a restart of the server, and end with sign-out, a new password, or their time."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

from ichset.review.accounts import Accounts


@dataclass(frozen=True)
class Session:
    user: str
    id: str


class Sessions:
    """`cookie` holds a signed (user, random id, password fingerprint); nothing of it is kept on the server but sign-outs."""

    def __init__(self, folder: Path, secret: bytes, accounts: Accounts, minutes: int) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="ichset session", signer_kwargs={"digest_method": hashlib.sha256})
        self._secret = secret
        self._accounts = accounts
        self._seconds = minutes * 60
        self._ended_path = folder / "signed-out"
        self._ended: frozenset[str] = frozenset()
        self._ended_size = 0
        self._lock = threading.Lock()

    def begin(self, user: str) -> str:
        """The cookie of a new session."""
        return self._signer.dumps([user, secrets.token_hex(16), self._accounts.fingerprint(user)])

    def check(self, cookie: str | None) -> Session | None:
        """The session, or None when it is unsigned, altered, too old, signed out, or the password has changed."""
        try:
            user, identity, fingerprint = self._signer.loads(cookie or "", max_age=self._seconds)
        except (BadSignature, ValueError, TypeError):
            return None
        if not (isinstance(user, str) and isinstance(identity, str)):
            return None
        current = self._accounts.fingerprint(user)
        if current is None or current != fingerprint or _digest(identity) in self._signed_out():
            return None
        return Session(user, identity)

    def end(self, session: Session) -> None:
        """Sign out, for good: the cookie is refused from now on, also after a restart."""
        digest = _digest(session.id)
        handle = os.open(self._ended_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with self._lock, os.fdopen(handle, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(digest + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _signed_out(self) -> frozenset[str]:
        """Read again when it has grown: another server of the same work folder may have added to it."""
        size = self._ended_path.stat().st_size if self._ended_path.exists() else 0
        if size != self._ended_size:
            self._ended, self._ended_size = frozenset(self._ended_path.read_text("ascii").split()), size
        return self._ended

    def csrf(self, identity: str) -> str:
        """The token that every change must carry, bound to one session (or to one sign-in form)."""
        return hmac.new(self._secret, b"csrf\0" + identity.encode(), hashlib.sha256).hexdigest()

    def csrf_holds(self, identity: str, token: str | None) -> bool:
        return hmac.compare_digest(self.csrf(identity).encode(), (token or "").encode())


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:32]
