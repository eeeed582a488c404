"""A release is a valid bag, the same bytes every time, whole or absent, and keeps what an earlier version promised."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import bagit
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ichset.config import AuditConfig
from ichset.contracts import ARMS
from ichset.errors import GateFailed
from ichset.release.audit import audit_release
from ichset.release.build import build_release

from . import hospital
from .conftest import Built

ROOT = Path(__file__).resolve().parents[2]


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_bag_is_valid_for_the_reference_implementation(built: Built) -> None:
    bag = bagit.Bag(str(built.release))
    assert bag.validate(processes=1)
    assert bag.info["Bagging-Date"] == "2024-01-31"


def test_layout_is_by_subject_study_series(built: Built) -> None:
    studies = pq.read_table(built.release / "data/tables/studies.parquet").to_pylist()
    for row in studies:
        folder = built.release / "data/dicom" / row["subject"] / row["study"]
        assert sorted(path.name for path in folder.iterdir()) == [f"{n:02d}" for n in range(1, row["series"] + 1)]
        assert len(list(folder.rglob("*.dcm"))) == row["instances"]
    assert len(studies) == len(built.hospital.cases)
    assert not list(built.release.parent.glob("*.part"))


def test_files_are_copies_of_the_anonymized_bytes(built: Built) -> None:
    for row in pq.read_table(built.release / "data/tables/instances.parquet").to_pylist():
        released = (built.release / row["file"]).read_bytes()
        assert hashlib.sha256(released).hexdigest() == row["sha256"]
        source = built.work / "anonymized" / "/".join(row["file"].split("/")[3:])
        assert released == source.read_bytes()


def test_same_inputs_give_the_same_bytes(built: Built, tmp_path: Path) -> None:
    """Another process, hash seed, locale, time zone, row order of the tables, and place."""
    code = (
        "import sys; from pathlib import Path; from release import hospital; from ichset.release.build import build_release\n"
        "folder = Path(sys.argv[1]); made = hospital.build(folder / 'work', 10, size=48, patients=8); hospital.add_mask(made)\n"
        "turned = {name: table.take(list(range(table.num_rows))[::-1]) for name, table in made.tables.items()}\n"
        "config = hospital.config(folder, report_text=True, exports=['bio', 'cq500', 'masks', 'nifti', 'rsna'], examples=2)\n"
        "build_release(turned, made.funnel, config, made.work)\n"
    )
    environment = {
        **os.environ, "PYTHONHASHSEED": "1234", "TZ": "Asia/Kamchatka", "LC_ALL": "C",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / 'tests'), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment, cwd=tmp_path)
    assert tree(tmp_path / "release") == tree(built.release)


def test_a_changed_file_stops_the_build_and_the_old_release_stays(tmp_path: Path, without_figures: None) -> None:
    made = hospital.build(tmp_path / "work", 4, slices=3, size=32, two_series=False)
    config = hospital.config(tmp_path, examples=0)
    build_release(made.tables, made.funnel, config, made.work)
    before = tree(config.project.release)
    victim = next((made.work / "anonymized").rglob("*.dcm"))
    victim.write_bytes(victim.read_bytes() + b"\0\0")
    with pytest.raises(GateFailed, match="not the bytes that were anonymized"):
        build_release(made.tables, made.funnel, config, made.work)
    assert tree(config.project.release) == before
    victim.unlink()
    with pytest.raises(GateFailed, match="gone"):
        build_release(made.tables, made.funnel, config, made.work)


def test_report_text_is_released_de_identified_or_not_at_all(built: Built, tmp_path: Path) -> None:
    tables = {name: table for name, table in built.hospital.tables.items() if name != "released_text"}
    with pytest.raises(GateFailed, match="released_text"):
        build_release(tables, built.hospital.funnel, hospital.config(tmp_path, report_text=True), built.work)
    assert not (tmp_path / "release").exists()
    studies = (built.release / "data/tables/studies.csv").read_text("utf-8")
    assert "[ФАМИЛИЯ]" in studies and "Вымышленский" not in studies


def test_a_selected_study_without_files_stops_the_build(built: Built, tmp_path: Path) -> None:
    anonymized = built.hospital.tables["anonymized"].slice(1)
    with pytest.raises(GateFailed, match="no anonymized record"):
        build_release({**built.hospital.tables, "anonymized": anonymized}, built.hospital.funnel, hospital.config(tmp_path), built.work)


def test_one_arm_alone_without_reads_is_released_and_audited(tmp_path: Path) -> None:
    """A real archive without haemorrhage: a normal arm, no independent reads, one patient."""
    made = hospital.build(tmp_path / "work", 2, slices=4, size=32, first=1)
    tables = {name: table for name, table in made.tables.items() if name not in ("reads", "mentions")}
    flow = made.funnel.filter(pc.or_kleene(pc.is_null(made.funnel["arm"]), pc.equal(made.funnel["arm"], "normal")))
    config = hospital.config(tmp_path, exports=["rsna", "cq500", "nifti", "masks"])
    build_release(tables, flow, config, made.work)
    shutil.rmtree(made.work / "readings")  # nobody read
    (made.work / "tables/reports.parquet").unlink()  # the funnel of one arm alone is no run's
    report = audit_release(config.project.release, made.work, AuditConfig(dciodvfy=False))
    assert report.ok, report.text()


class TestVersions:
    def test_a_grown_cohort_keeps_pseudonyms_splits_and_bytes(self, tmp_path: Path, without_figures: None) -> None:
        made = hospital.build(tmp_path / "work", 8, slices=3, size=32, two_series=False, patients=6)
        config = hospital.config(tmp_path, version="1.0.0", examples=0)
        build_release(made.tables, made.funnel, config, made.work)
        old = config.project.release
        before = {row["study"]: row for row in pq.read_table(old / "data/tables/studies.parquet").to_pylist()}
        manifest = (old / "manifest-sha256.txt").read_text()
        # the reserve filled up: more studies, patients drawn from the same namespace, one label corrected
        made = hospital.build(tmp_path / "work", 14, slices=3, size=32, two_series=False, patients=6)
        labels = made.tables["selected"].to_pylist()
        labels[0]["fracture"] = 1 - labels[0]["fracture"]
        tables = {**made.tables, "selected": pa.Table.from_pylist(labels, made.tables["selected"].schema)}
        config = hospital.config(tmp_path, version="1.1.0", examples=0)
        build_release(tables, made.funnel, config, made.work)
        after = {row["study"]: row for row in pq.read_table(old / "data/tables/studies.parquet").to_pylist()}
        assert len(after) == 14 and all(
            after[study]["split"] == row["split"] and after[study]["subject"] == row["subject"] for study, row in before.items()
        )
        kept = old.with_name("release-1.0.0")
        assert bagit.Bag(str(kept)).validate()
        for line in manifest.splitlines():
            digest, name = line.split(maxsplit=1)
            if name.startswith("data/dicom/"):
                assert hashlib.sha256((old / name).read_bytes()).hexdigest() == digest
        changes = pq.read_table(old / "data/tables/changes.parquet").to_pylist()
        assert sum(row["change"] == "added" for row in changes) == 6
        assert [row["change"] for row in changes if row["study"] == labels[0]["study"]] == [
            f"fracture: {1 - labels[0]['fracture']} to {labels[0]['fracture']}"
        ]
        assert "follows version `1.0.0`" in (old / "README.md").read_text()
        report = audit_release(old, made.work, AuditConfig(dciodvfy=False))
        before = tree(old)
        build_release(tables, made.funnel, config, made.work)
        assert tree(old) == before
        # the label was corrected behind the readers' and the run's back and nothing was drawn (an empty folder): nothing else is wrong
        assert [check.name for check in report.failed] == ["bag", "labels", "figures", "sources"]

    def test_an_earlier_patient_under_another_name_is_refused(self, built: Built, tmp_path: Path) -> None:
        def renamed(table: pa.Table) -> pa.Table:
            names = [f"X{name}" for name in table["subject"].to_pylist()]
            return table.set_column(table.column_names.index("subject"), "subject", pa.array(names))

        tables = dict(built.hospital.tables)
        tables.update(selected=renamed(tables["selected"]), anonymized=renamed(tables["anonymized"]))
        config = hospital.config(tmp_path, version="2.0.0", previous=built.release)
        with pytest.raises(GateFailed, match="another subject in version"):
            build_release(tables, built.hospital.funnel, config, built.work)


def test_arms_are_those_of_the_contracts() -> None:
    assert set(hospital.cases(4)[0].labels) and {case.arm for case in hospital.cases(4)} == set(ARMS)
