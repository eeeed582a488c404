"""Small private files of the page under `work/review`: made once or replaced whole, readable by their owner only."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from ichset.errors import ConfigError


def private_folder(work: Path) -> Path:
    """The page's own folder, mode 0700."""
    folder = work / "review"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def read_private(path: Path) -> bytes | None:
    """The file's bytes, or None when it is not there. Refuses a file that others can read."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError(f"{path}: others can read this file; run: chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        return None


def write_private(path: Path, data: bytes) -> None:
    """Replace the file at once and for good (written beside, synced, renamed), mode 0600."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def server_secret(folder: Path) -> bytes:
    """32 random bytes that sign sessions and name cases; made on first use, the same after a restart."""
    path = folder / "secret"
    known = read_private(path)
    if known is None:
        part = path.with_name(f"secret.{secrets.token_hex(4)}.part")
        write_private(part, secrets.token_bytes(32))
        try:
            os.link(part, path)  # fails when another server was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            part.unlink(missing_ok=True)
        known = read_private(path)
    if known is None or len(known) != 32:
        raise ConfigError(f"{path}: not a secret of 32 bytes; remove the file, all readers sign in again")
    return known
