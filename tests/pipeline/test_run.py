"""The whole run on the demo hospital: released, audited, repeatable, closed, and silent about patients."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ichset import contracts as c
from ichset.contracts import Contract

from .conftest import ichset

Released = tuple[Path, str]


def test_arms_are_exactly_full(released: Released) -> None:
    hospital, _ = released
    arms = pq.read_table(hospital / "work/tables/selected.parquet")["arm"].to_pylist()
    assert sorted(arms) == ["ich"] * 2 + ["normal"] * 2


def test_the_audit_passes_when_asked_again(released: Released) -> None:
    hospital, _ = released
    ichset("audit", hospital / "release", "--private", hospital / "work", "--no-report")


def test_a_second_run_writes_nothing(released: Released) -> None:
    hospital, _ = released

    def state() -> dict[str, tuple[int, int, int]]:
        paths = [path for part in ("work", "release") for path in (hospital / part).rglob("*") if path.is_file() and "logs" not in path.parts]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino, path.stat().st_size) for path in paths}

    before = state()
    done = ichset("run", "--config", hospital / "work" / ".." / "demo.toml", "--json")  # another spelling of the same folders
    assert state() == before
    assert {stage["state"] for stage in json.loads(done.stdout)["stages"]} == {"up to date"}


def keys(table: object, columns: tuple[str, ...]) -> list[tuple[object, ...]]:
    return sorted(zip(*(table[column].to_pylist() for column in columns), strict=True))  # type: ignore[index]


@pytest.mark.parametrize("contract", [one for one in c.ALL if one.parent], ids=lambda one: one.name)
def test_the_funnel_closes(released: Released, contract: Contract) -> None:
    tables = released[0] / "work" / "tables"
    parent = contract.parent
    assert parent is not None
    stage_parent = tables / f"{'wave' if contract is c.RETRIEVED else parent.name}.parquet"
    came = keys(pq.read_table(stage_parent), parent.key)
    kept = keys(pq.read_table(tables / f"{contract.name}.parquet"), parent.key)
    left = keys(pq.read_table(tables / f"{contract.name}.excluded.parquet"), parent.key)
    assert sorted(kept + left) == came


def test_no_planted_identifier_leaves(released: Released) -> None:
    hospital, printed = released
    planted = json.loads((hospital / "truth/identifiers.json").read_text("utf-8"))
    known: set[str] = set()
    for kind in ("names", "surnames", "ids", "phones", "uids", "institutions", "addresses", "physicians", "stations"):
        known |= {value for value in planted[kind] if len(value) > 4}
    known |= set(planted["patients"])
    needles = {value.encode(code) for value in known for code in ("utf-8", "cp1251", "iso8859-5", "utf-16-le") if can(value, code)}
    outputs = [path for path in (hospital / "release").rglob("*") if path.is_file()] + list((hospital / "work/logs").iterdir())
    texts = {str(path.relative_to(hospital)): path.read_bytes() for path in outputs}
    texts["printed"] = printed.encode()
    for name, data in texts.items():
        found = [needle for needle in needles if needle in data or needle in name.encode()]
        assert not found, f"{len(found)} planted identifiers in {name}"


def can(value: str, code: str) -> bool:
    try:
        value.encode(code)
    except UnicodeEncodeError:
        return False
    return True


def test_status_and_explain_show_a_study(released: Released) -> None:
    hospital, _ = released
    status = ichset("status", "--config", hospital / "demo.toml").stdout
    assert status.count("up to date") >= 12
    study = pq.read_table(hospital / "work/tables/selected.parquet")["study"].to_pylist()[0]
    said = ichset("explain", study, "--config", hospital / "demo.toml").stdout
    assert "release: selected, judged by the image readers" in said
    assert "read-text: reader-" in said


def test_a_dry_run_changes_nothing_and_says_why(released: Released) -> None:
    hospital, _ = released
    config = hospital / "other.toml"
    config.write_text((hospital / "demo.toml").read_text("utf-8").replace("surplus = 0.2", "surplus = 0.3"), "utf-8")
    said = ichset("run", "--dry-run", "--config", config).stderr
    assert "sample      would run (config sample)" in said
    assert "ingest      up to date" in said


def test_private_folders_are_closed(released: Released) -> None:
    hospital, _ = released
    for folder in ("work", "work/tables", "work/manifests", "work/retrieved"):
        assert (hospital / folder).stat().st_mode & 0o077 == 0, folder
