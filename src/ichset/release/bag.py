"""BagIt 1.0 (RFC 8493): payload below data/, sha256 manifests, and a plain CHECKSUMS beside them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from ichset.config import ProjectConfig, ReleaseConfig

CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def listing(folder: Path) -> list[str]:
    """Every file below, as sorted POSIX paths."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def close_bag(bag: Path, project: ProjectConfig, release: ReleaseConfig, hashes: Mapping[str, str]) -> None:
    """Write the bag's own files last. `hashes`: sha256 already taken while copying, by path in the bag."""
    files = listing(bag)
    payload = [file for file in files if file.startswith("data/")]
    known = {file: hashes.get(file) or sha256_of(bag / file) for file in files}
    total = sum((bag / file).stat().st_size for file in payload)
    _write(bag, "bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    _write(bag, "bag-info.txt", "".join(f"{name}: {_one_line(value)}\n" for name, value in _info(project, release, total, len(payload))))
    _write(bag, "manifest-sha256.txt", _manifest({file: known[file] for file in payload}))
    for tag in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt"):
        known[tag] = sha256_of(bag / tag)
    _write(bag, "CHECKSUMS", "".join(f"{known[file]}  {file}\n" for file in sorted(known)))
    known["CHECKSUMS"] = sha256_of(bag / "CHECKSUMS")
    _write(bag, "tagmanifest-sha256.txt", _manifest({file: digest for file, digest in known.items() if not file.startswith("data/")}))


def _info(project: ProjectConfig, release: ReleaseConfig, total: int, files: int) -> list[tuple[str, str]]:
    return [
        ("Bag-Software-Agent", "ichset"),
        ("Bagging-Date", project.date.isoformat()),
        ("External-Description", release.title),
        ("External-Identifier", f"{project.name}-{project.version}"),
        ("Payload-Oxum", f"{total}.{files}"),
    ]


def _manifest(hashes: Mapping[str, str]) -> str:
    # RFC 8493 2.1.3: only CR, LF and % are percent-encoded in a path
    escaped = {file: file.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A") for file in hashes}
    return "".join(f"{hashes[file]}  {escaped[file]}\n" for file in sorted(hashes))


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _write(bag: Path, name: str, text: str) -> None:
    (bag / name).write_text(text, "utf-8", newline="\n")


def version_of(bag: Path) -> str | None:
    """The version a bag names in its External-Identifier, or None when this is no bag of ours."""
    try:
        info = (bag / "bag-info.txt").read_text("utf-8")
    except OSError:
        return None
    match = re.search(r"^External-Identifier: .*-([^-\s]+)$", info, re.MULTILINE)
    return match[1] if match else None
