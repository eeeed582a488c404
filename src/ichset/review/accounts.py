"""Who may sign in: names from the config, passwords as argon2 hashes in one private file."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ichset.config import Config
from ichset.errors import ConfigError
from ichset.review.private import read_private, write_private

MIN_PASSWORD = 10  # characters
FREE_TRIES = 5  # wrong passwords in a row before the account pauses
PAUSE_SECONDS = 30.0
MADE_UP_NAMES = 1000  # unknown names whose wrong tries are remembered


def names(config: Config) -> tuple[str, ...]:
    """Every account that the config knows: readers, experts, the lead."""
    rounds = (config.read_text, config.read_image)
    people = {name for one in rounds for name in (*one.readers, one.expert) if name}
    if config.review.lead in people:
        raise ConfigError(f"review.lead: {config.review.lead!r} also reads; the lead sees all reads, so give it a name of its own")
    return (*sorted(people), config.review.lead)


class Accounts:
    """The file is read again whenever it changes, so that accounts can be added while the page is open."""

    def __init__(self, folder: Path, known: tuple[str, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self.path = folder / "users.json"
        self._known = known
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("nobody has this account")
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def hashes(self) -> dict[str, str]:
        """Name -> password hash, of the accounts that the config still knows."""
        data = read_private(self.path)
        try:
            stored = json.loads(data) if data else {}
        except ValueError:
            raise ConfigError(f"{self.path}: not valid JSON; restore it, or remove it and set the passwords again") from None
        return {name: stored[name] for name in self._known if isinstance(stored.get(name), str)}

    def set_password(self, name: str, password: str) -> None:
        if name not in self._known:
            raise ConfigError(f"{name!r} is nobody in this config; the accounts are {', '.join(self._known)}")
        if len(password) < MIN_PASSWORD:
            raise ConfigError(f"the password is too short: at least {MIN_PASSWORD} characters")
        self._store({**self.hashes(), name: self._hasher.hash(password)})

    def remove(self, name: str) -> None:
        left = self.hashes()
        if left.pop(name, None) is None:
            raise ConfigError(f"{name!r} has no account here")
        self._store(left)

    def _store(self, hashes: dict[str, str]) -> None:
        write_private(self.path, json.dumps(hashes, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n")

    def paused(self, name: str) -> bool:
        """Whether too many wrong passwords were tried just now."""
        count, until = self._wrong.get(name[:100], (0, 0.0))
        return count >= FREE_TRIES and self._clock() < until

    def verify(self, name: str, password: str) -> bool:
        """True for the right password. Takes as long for an unknown name as for a known one."""
        name = name[:100]
        if self.paused(name):
            return False
        stored = self.hashes().get(name)
        try:
            right = self._hasher.verify(stored or self._nobody, password) and stored is not None
        except (VerificationError, InvalidHashError):
            right = False
        with self._lock:
            if right:
                self._wrong.pop(name, None)
            else:  # made-up names pause as well, or a pause would tell which ones exist; they must not fill the memory
                self._wrong[name] = (self._wrong.pop(name, (0, 0.0))[0] + 1, self._clock() + PAUSE_SECONDS)
                made_up = [one for one in self._wrong if one not in self._known]
                for one in made_up[: max(0, len(made_up) - MADE_UP_NAMES)]:
                    del self._wrong[one]
        return right

    def fingerprint(self, name: str) -> str | None:
        """Changes with the password, so that old sessions end; None without an account."""
        stored = self.hashes().get(name)
        return None if stored is None else hashlib.sha256(stored.encode()).hexdigest()[:16]
