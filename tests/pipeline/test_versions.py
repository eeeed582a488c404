"""A second release of a grown cohort, as an operator makes it: old names and splits stay, it says what changed, the old bag still verifies."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import bagit
import pyarrow.parquet as pq

from .conftest import copy_of, ichset

Released = tuple[Path, str]


def _rows(release: Path, table: str) -> dict[str, dict[str, str]]:
    with (release / f"data/tables/{table}.csv").open(encoding="utf-8", newline="") as file:
        return {row["study"]: row for row in csv.DictReader(file)}


def _grown(hospital: Path, arm: int) -> Path:
    """Larger arms and a new version in the same places."""
    config = hospital / "demo.toml"
    text = re.sub(r"target = \{.*\}", f"target = {{ ich = {arm}, normal = {arm} }}", config.read_text("utf-8"))
    config.write_text(text.replace('version = "1.0.0"', 'version = "1.1.0"').replace("require_dciodvfy = true", "dciodvfy = false"), "utf-8")
    return config


def _half(reports: Path) -> dict[str, bytes]:
    """An export as it was earlier: the largest file half as long, another not there yet. Returns the files as they are now."""
    now = {path.name: path.read_bytes() for path in sorted(reports.glob("*.csv"))}
    longer, missing = sorted(now, key=lambda name: -len(now[name]))[:2]
    lines = now[longer].splitlines(keepends=True)  # bytes: one row is in another encoding
    half = next(n for n in range(len(lines) // 2, len(lines)) if b"".join(lines[:n]).count(b'"') % 2 == 0)  # not within a cell
    (reports / longer).write_bytes(b"".join(lines[:half]))
    (reports / missing).unlink()
    return now


def test_a_grown_export_becomes_a_second_version(source: Path, tmp_path: Path) -> None:
    """New reports in a file that was read before, and a new file: the whole pipeline again, over the same work folder."""
    hospital = copy_of(source, tmp_path / "hospital")
    now = _half(hospital / "reports")
    ichset("run", "--config", hospital / "demo.toml", "--jobs", "2")
    place = next(path.parent for path in sorted(hospital.rglob("bagit.txt")))
    before, manifest = _rows(place, "studies"), (place / "manifest-sha256.txt").read_text()
    for name, data in now.items():
        (hospital / "reports" / name).write_bytes(data)
    ichset("run", "--config", _grown(hospital, 3), "--jobs", "2")  # its last stage is the audit, against the run and the version before
    after, old = _rows(place, "studies"), place.with_name(f"{place.name}-1.0.0")
    stayed = before.keys() & after.keys()
    assert len(before) == 4 and len(after) == 6 and stayed
    for study in stayed:
        for name in ("subject", "split", "study_uid", "accession", "study_date"):
            assert after[study][name] == before[study][name]
    changes = [(row["study"], row["change"]) for row in pq.read_table(place / "data/tables/changes.parquet").to_pylist()]
    told = [(study, "added") for study in after.keys() - before.keys()] + [(study, "withdrawn") for study in before.keys() - after.keys()]
    assert sorted(changes) == sorted(told)
    added, withdrawn = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    words = f"follows version `1.0.0`: {added} studies were added, {withdrawn} withdrawn, 0 labels"
    assert words in (place / "README.md").read_text("utf-8")
    assert bagit.Bag(str(old)).validate() and bagit.Bag(str(place)).validate()
    assert (old / "manifest-sha256.txt").read_text() == manifest
    lines = set((place / "manifest-sha256.txt").read_text().splitlines())
    assert {line for line in manifest.splitlines() if any(f"/{study}/" in line for study in stayed) and "data/dicom/" in line} <= lines
    checks = json.loads(place.with_name(f"{place.name}.audit.json").read_text("utf-8"))["checks"]
    assert [(check["passed"], check["skipped"], check["notes"]) for check in checks if check["name"] == "versions"] == [(True, "", [])]


def test_a_person_in_two_splits_of_the_earlier_release_ends_with_exit_4(released: Released, tmp_path: Path) -> None:
    """The leakage gate, met from the command line: both studies of the release are made one person's by the earlier version."""
    hospital = copy_of(released[0], tmp_path / "hospital")
    place = next(path.parent for path in sorted(hospital.rglob("bagit.txt")))
    studies = place / "data/tables/studies.csv"
    rows = list(csv.DictReader(studies.open(encoding="utf-8", newline="")))
    first, second = rows[0], rows[1]
    work = next(path.parent.parent for path in sorted(hospital.rglob("anonymized.parquet")))
    # one picture under two identities, as when a study is sent again under new UIDs
    table = pq.read_table(work / "tables/instances.parquet")
    pixels = table["pixels"].to_pylist()
    owners = table["study"].to_pylist()
    pixels[owners.index(second["study"])] = pixels[owners.index(first["study"])]
    _rewrite(work / "tables/instances.parquet", table, pixels)
    first["split"], second["split"] = "train", "test"
    with studies.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    before = sorted(place.rglob("*"))
    done = ichset("run", "release", "--config", _grown(hospital, 2), "--force", code=4)
    assert "different splits of the earlier release" in done.stderr and "Traceback" not in done.stderr
    assert sorted(place.rglob("*")) == before
    shutil.rmtree(hospital)


def _rewrite(path: Path, table: object, pixels: list[str]) -> None:
    import pyarrow as pa

    assert isinstance(table, pa.Table)
    position = table.column_names.index("pixels")
    pq.write_table(table.set_column(position, table.schema.field(position), pa.array(pixels, pa.string())), path)
