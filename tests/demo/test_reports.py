"""Report exports: every kind is there, the truth agrees with the studies, memory does not grow with the number."""

import csv
import resource
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from ichset.contracts import LABELS
from ichset.demo.cases import LOST, NEGATIVE, POSITIVE, labels_of, plan_cases
from ichset.demo.columns import RU
from ichset.demo.exports import write_exports
from ichset.demo.reports import EXTRAS, Reports
from ichset.demo.wording import doubtful, write
from ichset.reports.exports import find_exports

CASES = plan_cases(3, 24)
REPORTS = Reports(3, 900, CASES)


def test_every_study_has_one_report_with_its_own_numbers():
    found = {report.accession: report for report in REPORTS if report.kind == "archive"}
    assert set(found) == {case.accession for case in CASES}
    for case in CASES:
        report = found[case.accession]
        assert (report.person, report.uid, report.day, report.age) == (case.person, case.uid, case.day.isoformat(), str(case.age))
        assert report.labels == case.reported


def test_every_fault_of_the_list_occurs_and_most_reports_are_of_other_parts():
    kinds = Counter(report.kind for report in Reports(3, 4000, CASES))
    assert set(EXTRAS) <= set(kinds)
    assert kinds["other"] / 4000 > 0.85


def test_a_report_is_the_same_whenever_it_is_asked_for():
    assert [REPORTS[number] for number in (5, 17, 400)] == [REPORTS[number] for number in (5, 17, 400)]


@pytest.mark.parametrize("name", [name for name, _ in (*POSITIVE, *NEGATIVE)])
@pytest.mark.parametrize("lang", ["ru", "en"])
def test_texts_are_rich_and_whole(name, lang):
    make = dict((*POSITIVE, *NEGATIVE))[name]
    texts = set()
    for number in range(60):
        rng = Random(number)
        lesions, fractures = make(rng)
        text = write(rng, lang, name, lesions, fractures, 5.0)
        assert text.description and text.conclusion and text.title
        assert not set("{}<>|") & set(text.title + text.indication + text.description + text.conclusion)
        texts.add((text.description, text.conclusion))
    assert len(texts) > 55
    assert doubtful(Random(1), lang, 5.0).conclusion


def test_labels_follow_the_drawing():
    for name, make in (*POSITIVE, *NEGATIVE):
        labels = labels_of(*make(Random(4)))
        assert tuple(labels) == LABELS
        assert labels["ich"] == (name in dict(POSITIVE))
    assert labels_of(*dict(POSITIVE)["bleeding tumour"](Random(1)))["combined"] == 1
    assert labels_of(*dict(POSITIVE)["contusions"](Random(1)))["multiple"] == 1


def test_losses_leave_both_arms_enough():
    for studies in (16, 32, 64, 200):
        cases = plan_cases(1, studies)
        for ich in (0, 1):
            kept = [case for case in cases if case.labels["ich"] == ich and not case.lost]
            assert len(kept) >= studies // 4 * 1.4
    assert {case.kind for case in plan_cases(1, 64)} >= set(LOST)


def test_exports_hold_every_report_once_and_faulty_rows_besides(tmp_path):
    written = list(write_exports(REPORTS, tmp_path, 3, REPORTS.count))
    assert len(written) == REPORTS.count
    assert [name for name, _ in find_exports(tmp_path)] == sorted(path.name for path in tmp_path.iterdir())
    utf8 = (tmp_path / "01_emias.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        utf8.decode("utf-8")
    rows = list(csv.reader(utf8.decode("utf-8", "replace").splitlines(), delimiter=";"))
    assert tuple(rows[0]) == RU
    assert {len(row) for row in rows} > {len(RU)}
    (tmp_path / "02_poliklinika.csv").read_bytes().decode("cp1251", "replace").index("Заключение")


def test_ingest_reads_every_report_back(tmp_path):
    from ichset.config import IngestConfig
    from ichset.reports.ingest import ingest_reports

    list(write_exports(REPORTS, tmp_path, 3, REPORTS.count))
    kept = {row for output in ingest_reports(IngestConfig(path=tmp_path)) for row in output.kept["accession"].to_pylist()}
    assert {case.accession for case in CASES} <= kept


@pytest.mark.stress
def test_memory_is_bounded_at_a_larger_number(tmp_path):
    code = (
        "import sys, resource; from pathlib import Path; from ichset.demo.exports import write_exports; from ichset.demo.reports import Reports\n"
        "for _ in write_exports(Reports(1, int(sys.argv[1]), ()), Path(sys.argv[2]), 1, int(sys.argv[1])): pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(count: int) -> int:
        done = subprocess.run([sys.executable, "-c", code, str(count), str(tmp_path / str(count))], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert resource.getpagesize() and peak(200_000) < peak(20_000) + 60_000  # KB
