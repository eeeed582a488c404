"""Keyed identities, UIDs and date offsets: stateless, so that any worker on any machine agrees.

Every pseudonym is HMAC-SHA-256(key, fields), the fields length-prefixed so that neighbours never
run together. Without the 256-bit key nobody can go from a known identifier to its pseudonym;
with another key nothing is shared.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ichset.errors import ConfigError

KEY_BYTES = 32
MAX_SHIFT_DAYS = 3650  # ten years back at most; never forward, so that no released date lies in the future


def new_key(path: Path) -> None:
    """Write a fresh key to `path` (mode 0600); an existing file is never touched."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path}: a key file is already there; a key is never overwritten") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
    with os.fdopen(handle, "w") as file:
        file.write(os.urandom(KEY_BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def load_key(path: Path, outside: tuple[Path, ...] = ()) -> bytes:
    """The key in `path`: refused when missing, readable by others, or inside one of the `outside` folders."""
    remedy = f"make one with: ichset keys new {path}"
    if not path.is_file():
        raise ConfigError(f"{path}: no pseudonym key here; {remedy}")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path}: others can read this key; run: chmod 600 {path}")
    for folder in outside:
        if path.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(f"{path}: the key lies inside {folder}; keep it outside the work and release folders")
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{path}: not a key of {KEY_BYTES} bytes in hex; name the right file in project.key, or move this one away and {remedy}")
    return key


_BLOCK, _PADS = 64, (0x36, 0x5C)  # of HMAC-SHA-256 (RFC 2104): both begin alike for every value, and are mixed in once
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648


class Pseudonyms:
    """One namespace of pseudonyms under one key. Holds no state but the key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigError(f"a pseudonym key has {KEY_BYTES} bytes, this one has {len(key)}")
        self._key = key

    def digest(self, *fields: str) -> bytes:
        """HMAC-SHA-256 over the length-prefixed fields (32 bytes)."""
        message = b"".join(len(data).to_bytes(8, "big") + data for data in (field.encode("utf-8", "surrogatepass") for field in fields))
        return hmac.digest(self._key, message, "sha256")

    def _name(self, prefix: str, kind: str, value: str) -> str:
        # 80 bits in base32: 16 letters and digits, no look-alike of a path or a formula
        return prefix + base64.b32encode(self.digest(kind, value)[:10]).decode("ascii")

    def subject(self, patient_id: str) -> str:
        """The released identity of a patient, e.g. `P4QX…` (17 characters)."""
        return self._name("P", "subject", patient_id.strip())

    def study(self, identity: str) -> str:
        """The released identity of a study, e.g. `S7KD…`, from the value that looks it up in the archive."""
        return self._name("S", "study", identity.strip())

    def subjects(self, patient_ids: Sequence[str]) -> list[str]:
        """`subject` of each, in a third of the time: of a whole export."""
        return self._names("P", "subject", patient_ids)

    def studies(self, identities: Sequence[str]) -> list[str]:
        """`study` of each."""
        return self._names("S", "study", identities)

    def _names(self, prefix: str, kind: str, values: Sequence[str]) -> list[str]:
        import numpy as np

        start = len(kind).to_bytes(8, "big") + kind.encode()
        inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in self._key.ljust(_BLOCK, b"\0"))) for pad in _PADS)
        digests = []
        for value in values:
            field = value.strip().encode("utf-8", "surrogatepass")
            inside, outside = inner.copy(), outer.copy()
            inside.update(start + len(field).to_bytes(8, "big") + field)
            outside.update(inside.digest())
            digests.append(outside.digest()[:10])
        bits = np.unpackbits(np.frombuffer(b"".join(digests), np.uint8)).reshape(-1, 16, 5)
        letters = np.frombuffer(_BASE32, "S1")[np.packbits(bits, axis=2)[:, :, 0] >> 3]
        return [prefix + name.decode("ascii") for name in letters.view("S16")[:, 0].tolist()]

    def accession(self, accession: str) -> str:
        """A 16-character accession number (VR SH allows no more)."""
        return self._name("A", "accession", accession.strip())[:16]

    def uid(self, uid: str) -> str:
        """`2.25.<128 bit>` for a source UID, shaped as a version-8 UUID (RFC 9562)."""
        return "2.25." + str(self._uuid("uid", uid.strip(" \0")))

    def _uuid(self, kind: str, value: str) -> int:
        number = int.from_bytes(self.digest(kind, value)[:16], "big")
        number = number & ~(0xF << 76) | (8 << 76)
        return number & ~(0x3 << 62) | (0x2 << 62)

    def date_shift(self, patient_id: str) -> int:
        """Whole days, between -MAX_SHIFT_DAYS and -1, the same for all of a patient's dates."""
        return -1 - int.from_bytes(self.digest("date shift", patient_id.strip())[:8], "big") % MAX_SHIFT_DAYS

    def seed(self, *fields: str) -> int:
        """A 128-bit seed for numpy's `default_rng`, derived for this purpose and these fields alone."""
        return int.from_bytes(self.digest("seed", *fields)[:16], "big")
