"""The stored classifier: a skops file with its recorded hash beside it. Nothing in a foreign file is ever executed.

A file is refused unless its sha256 is the recorded one, it is a zip of bounded size, and every
object in it is of the few kinds that we store. The stored bytes carry no date.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from ichset.errors import CurationError

MAX_BYTES = 256 << 20
MAX_UNPACKED = 1 << 30
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_REMEDY = "train it again: ichset run classify --force"
# Of scikit-learn's own classes skops asks about these three: plain data holders without code of their own.
_HOLDERS = ["sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration", "sklearn.tree._tree.Tree"]
# Every class, and every way of loading one, that our files hold; a file that names another is refused unread.
_OURS = frozenset({
    *_HOLDERS, "builtins.dict", "builtins.list", "builtins.str", "builtins.tuple", "numpy.float64", "numpy.int64", "numpy.ndarray",
    "sklearn.calibration.CalibratedClassifierCV", "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.feature_extraction.text.TfidfTransformer", "sklearn.tree._classes.DecisionTreeClassifier",
    "DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode", "TreeNode", "TupleNode", "TypeNode",
})  # fmt: skip


class ModelRefused(CurationError):
    """The model file is not the one that was stored."""


def record_path(model: Path) -> Path:
    return model.with_suffix(".json")


def save_model(path: Path, content: dict[str, Any], record: dict[str, Any]) -> None:
    """Write model and record, each whole or not at all. Same content, same bytes."""
    from skops.io import dumps

    data = _undated(dumps(content))
    write_whole(path, data)
    text = json.dumps({"sha256": hashlib.sha256(data).hexdigest(), **record}, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(record_path(path), (text + "\n").encode())


def read_record(path: Path) -> dict[str, Any] | None:
    """What was recorded beside the model, or None."""
    try:
        found = json.loads(record_path(path).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and path.is_file() else None


def load_model(path: Path) -> dict[str, Any]:
    """The content stored by `save_model`. Raises ModelRefused before anything foreign is built."""
    from skops.io import loads

    if not path.is_file():
        raise ModelRefused(f"{path}: no such model file; {_REMEDY}")
    if path.stat().st_size > MAX_BYTES:
        raise ModelRefused(f"{path}: larger than any model of ours ({MAX_BYTES >> 20} MiB); refused unread")
    record = read_record(path)
    if record is None:
        raise ModelRefused(f"{path}: no record of its hash beside it ({record_path(path).name}); {_REMEDY}")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != record.get("sha256"):
        raise ModelRefused(f"{path}: not the file that was recorded (its sha256 differs); {_REMEDY}")
    foreign = foreign_kinds(data, path)
    if foreign:
        raise ModelRefused(f"{path}: holds objects that are none of ours ({', '.join(foreign[:5])}); refused, nothing was executed")
    try:
        content = loads(data, trusted=_HOLDERS)
    except Exception as error:  # whatever a damaged file makes the reader raise, the answer is the same
        raise ModelRefused(f"{path}: cannot be read ({type(error).__name__}); {_REMEDY}") from None
    if not isinstance(content, dict):
        raise ModelRefused(f"{path}: not a classifier of ours; {_REMEDY}")
    return content


def foreign_kinds(data: bytes, path: Path) -> list[str]:
    """Names of the classes in a skops file that are none of ours. Raises ModelRefused for what is no skops file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_UNPACKED:
                raise ModelRefused(f"{path}: unpacks to more than {MAX_UNPACKED >> 20} MiB; refused")
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, NotImplementedError, RuntimeError):
        raise ModelRefused(f"{path}: not a skops file; pickled and other models are refused") from None
    return sorted(_kinds(schema) - _OURS)


def _kinds(schema: Any) -> set[str]:
    kinds: set[str] = set()
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "__class__" in node or "__module__" in node:
                kinds |= {f"{node.get('__module__')}.{node.get('__class__')}", str(node.get("__loader__"))}
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return kinds


def _undated(data: bytes) -> bytes:
    """The same archive without dates, and without the memory addresses by which skops numbers objects and names members."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        schema = json.loads(source.read("schema.json"))
        names: dict[str, str] = {}
        _renumber(schema, {}, names)
        members = {names[name]: source.read(name) for name in source.namelist() if name in names}
    members["schema.json"] = json.dumps(schema, sort_keys=True).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, members[name])
    return packed.getvalue()


def _renumber(node: Any, numbers: dict[int, int], names: dict[str, str]) -> None:
    """Objects and member files are numbered as they are met, keys in order."""
    if isinstance(node, dict):
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
        if isinstance(node.get("file"), str):
            node["file"] = names.setdefault(node["file"], f"{len(names) + 1:04d}{Path(node['file']).suffix}")
        for key in sorted(node):
            _renumber(node[key], numbers, names)
    elif isinstance(node, list):
        for each in node:
            _renumber(each, numbers, names)


def write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
