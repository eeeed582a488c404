"""Is a stage up to date? A manifest beside its output says what it was made from; this is the only place that asks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CHUNK = 1 << 20


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fingerprint(path: Path) -> str:
    """Name, size and modification time of every file under a path that is not ours; 'absent' when nothing is there."""
    if not path.exists():
        return "absent"
    digest = hashlib.sha256()
    for name, stat in sorted(_files(path)):
        digest.update(f"{name}\0{stat[0]}\0{stat[1]}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(path: Path) -> Iterable[tuple[str, tuple[int, int]]]:
    if path.is_file():
        stat = path.stat()
        yield path.name, (stat.st_size, stat.st_mtime_ns)
        return
    root = str(path)  # names are told from here on: one folder has several spellings (configs/../data)
    pending = [root]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file():
                    stat = entry.stat()
                    yield entry.path.removeprefix(root), (stat.st_size, stat.st_mtime_ns)


def digest_of(value: Any) -> str:
    """A hash of any JSON value, keys in order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()


class Manifests:
    """One JSON file a stage under `<work>/manifests/`."""

    def __init__(self, work: Path) -> None:
        self.folder, self._work = work / "manifests", work

    def _name(self, path: Path) -> str:
        """A path as it is written down: from the work folder on, so that a copied work folder stands for itself."""
        return os.path.relpath(path, self._work)

    def _path(self, name: str) -> Path:
        return Path(os.path.normpath(self._work / name))

    def identity(self, path: Path) -> str:
        """sha256 of a file of ours; taken from the manifest that wrote it while size and time still match."""
        for known in self._known().get(self._name(path), ()):
            if known["stat"] == _stat(path):
                return str(known["sha256"])
        return sha256_file(path) if path.exists() else "absent"

    def _known(self) -> dict[str, list[dict[str, Any]]]:
        known: dict[str, list[dict[str, Any]]] = {}
        for file in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else ():
            for name, output in json.loads(file.read_text("utf-8"))["outputs"].items():
                known.setdefault(name, []).append(output)
        return known

    def is_current(self, stage: str, inputs: Mapping[str, str]) -> bool:
        """Whether the stage ran on exactly these inputs and its outputs are still as it left them."""
        path = self.folder / f"{stage}.json"
        if not path.exists():
            return False
        manifest = json.loads(path.read_text("utf-8"))
        outputs = manifest["outputs"]
        return (
            manifest["inputs"] == dict(inputs)
            and all(_stat(self._path(name)) == output["stat"] for name, output in outputs.items())
            and all(fingerprint(self._path(name)) == seen for name, seen in manifest["trees"].items())
        )

    def changed(self, stage: str, inputs: Mapping[str, str]) -> list[str]:
        """Names of the inputs that differ from the stage's last run, for people."""
        path = self.folder / f"{stage}.json"
        before = json.loads(path.read_text("utf-8"))["inputs"] if path.exists() else {}
        return sorted(name for name in {*before, *inputs} if before.get(name) != inputs.get(name))

    def record(self, stage: str, inputs: Mapping[str, str], outputs: Iterable[Path], trees: Iterable[Path] = ()) -> None:
        """Written last, whole or not at all: without it the stage runs again. `trees`: folders known by their fingerprint."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        body = {
            "stage": stage,
            "inputs": dict(inputs),
            "outputs": {self._name(path): {"stat": _stat(path), "sha256": sha256_file(path)} for path in outputs if path.is_file()},
            "trees": {self._name(path): fingerprint(path) for path in trees},
        }
        part = self.folder / f"{stage}.json.part"
        with part.open("w", encoding="utf-8") as file:
            json.dump(body, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / f"{stage}.json")

    def forget(self, stage: str) -> None:
        (self.folder / f"{stage}.json").unlink(missing_ok=True)


def _stat(path: Path) -> list[int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]
