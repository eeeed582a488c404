"""The folder index: every file has its row, unchanged files are not read again, damage costs time and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ichset.config import EngineConfig
from ichset.errors import SourceUnreachable
from ichset.imaging import index as module
from ichset.imaging.index import update_index

from .ct import head, save

ONE = EngineConfig(jobs=1)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    save(head("i", slices=10), folder / "a" / "b")
    (folder / "notes.txt").write_text("no DICOM")
    (folder / "empty").touch()
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "gone").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe name"))).write_bytes(b"x")
    return folder


def rows(index: Path) -> dict[bytes, dict[str, Any]]:
    return {row["path"]: row for row in pq.read_table(index).to_pylist()}


def test_every_file_has_a_row_with_its_uid_or_its_fault(archive: Path, tmp_path: Path) -> None:
    found = rows(update_index(archive, tmp_path / "index.parquet", ONE))
    assert len(found) == 16
    assert sum(not row["fault"] for row in found.values()) == 10
    assert found[b"empty"]["fault"] == "empty file"
    assert found[b"pipe"]["fault"] == found[b"gone"]["fault"] == "not a regular file"
    assert found[b"notes.txt"]["fault"] == "no DICOM file"


def test_unchanged_files_are_not_read_again(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = update_index(archive, tmp_path / "index.parquet", ONE)
    first, read = index.read_bytes(), list[Path]()
    plain = module.read_header
    monkeypatch.setattr(module, "read_header", lambda path, outlines: read.append(path) or plain(path, outlines))
    assert update_index(archive, index, EngineConfig(jobs=2)).read_bytes() == first
    assert not [path for path in read if path.suffix == "" and path.parent.name == "b"]
    os.utime(archive / "a/b/im0003", ns=(1, 1))
    (archive / "a/b/im0004").unlink()
    save(head("j", slices=2), archive / "c")
    found = rows(update_index(archive, index, ONE))
    assert {path.name for path in read} & {"im0003", "im0000"} == {"im0003", "im0000"}
    assert b"a/b/im0004" not in found
    assert b"c/im0000" in found


@pytest.mark.parametrize("damage", [b"", b"PAR1 no table", None])
def test_a_damaged_index_is_built_anew(archive: Path, tmp_path: Path, damage: bytes | None) -> None:
    index = update_index(archive, tmp_path / "index.parquet", ONE)
    whole = index.read_bytes()
    index.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert update_index(archive, index, ONE).read_bytes() == whole


def test_no_archive_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=r"no such archive folder; set retrieve\.path"):
        update_index(tmp_path / "absent", tmp_path / "index.parquet", ONE)
