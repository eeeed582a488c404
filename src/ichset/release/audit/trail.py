"""What else the run left on the private side: the readers' logs, the de-identified text, the mentions, and who left at which stage."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from ichset.release.audit.declared import LABELS
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check
from ichset.release.audit.tables import same

# stage -> the table that says who stayed; who left lies beside it as <table>.excluded.parquet
STAGES = {
    "ingest": "reports", "screen": "screened", "rules": "ruled", "classify": "classified", "sample": "candidates", "read-text": "text_read",
    "cohort": "cohort", "retrieve": "retrieved", "read-image": "image_read", "anonymize": "anonymized", "release": "selected",
}  # fmt: skip
OF_ARMS = ("cohort", "retrieve", "read-image", "anonymize", "release")
SECTIONS = ("indication", "description", "conclusion")


def check_trail(check: Check, evidence: Evidence, private: Path) -> None:
    """Reads, report text, spans and flow against the run; what a hospital has cleared away is said in a note."""
    for name, compare in (("readings", _reads), ("tables/released_text.parquet", _texts), ("tables/mentions.parquet", _mentions)):
        if (private / name).exists():
            compare(check, evidence, private / name)
        elif name == "readings" and len(evidence.rows("reads")):
            check.notes.append("the readers' logs are no longer kept: reads.csv cannot be compared with them")
    if (private / "tables/reports.parquet").is_file():
        _flow(check, evidence, private / "tables")
    elif len(evidence.rows("flow")):
        check.notes.append("the run's first tables are no longer kept: flow.csv cannot be counted again")


def _reads(check: Check, evidence: Evidence, folder: Path) -> None:
    """Of a reader's decisions on a study the last one counts."""
    studies = set(evidence.rows("studies").column("study"))
    standing: dict[tuple[str, str, str], dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        last = "0" * 64
        for number, line in enumerate(path.read_text("utf-8").split("\n")[:-1], 1):
            digest, _, body = line.partition(" ")
            check.expect(
                digest == hashlib.sha256((last + body).encode()).hexdigest(), True, f"readings of the round {path.stem}, line {number}: whole"
            )
            if (read := json.loads(body))["study"] in studies:
                standing[path.stem, read["study"], read["reader"]] = read
            last = digest
    found = {(row["round"], row["study"], row["reader"]): row for row in evidence.rows("reads")}
    check.expect(sorted(found) == sorted(standing), True, "reads.csv: one row for every standing decision of the readers")
    for key, read in standing.items():
        row = found.get(key, {})
        cells = {label: read["answers"].get(label) for label in LABELS}
        cells |= {name: read.get(name) for name in ("exclude", "confidence")}
        for name, value in cells.items():
            check.expect(same(row.get(name, ""), value), True, f"reads.csv, {' '.join(key)}: {name} as the reader gave it")
        marks = {label: list(places) for label, places in (read.get("key_slices") or {}).items()}
        check.expect(json.loads(row.get("key_slices") or "{}") == marks, True, f"reads.csv, {' '.join(key)}: key slices as the reader gave them")


def _texts(check: Check, evidence: Evidence, path: Path) -> None:
    import pyarrow.parquet as pq

    if "conclusion" not in evidence.rows("studies").names:
        return
    texts = {row["study"]: row for row in pq.read_table(path).to_pylist()}
    for row in evidence.rows("studies"):
        for section in SECTIONS:
            wanted = texts.get(row["study"], {}).get(section)
            check.expect(same(row[section], wanted), True, f"studies.csv, {row['study']}: {section} is the de-identified text of the run")


def _mentions(check: Check, evidence: Evidence, path: Path) -> None:
    """Every finding that the rules saw in a released report is carried into the BIO text or counted as left out."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not (counted := evidence.text("data/exports/bio/counts.json")):
        return
    screened = pq.read_table(path.with_name("screened.parquet"), columns=["report", "study"])
    reports = screened.filter(pc.is_in(screened["study"], value_set=_strings(evidence.rows("studies").column("study"))))["report"]
    mentions = pq.read_table(path, columns=["report", "section"])
    own = mentions.filter(pc.and_(pc.is_in(mentions["report"], reports.combine_chunks()), pc.is_in(mentions["section"], _strings(SECTIONS))))
    check.expect(sum(json.loads(counted).values()), own.num_rows, "bio/counts.json: mentions of the released reports")


def _strings(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(list(values), pa.string())


def _flow(check: Check, evidence: Evidence, folder: Path) -> None:
    """Who stayed at each stage and who left it, counted again."""
    import pyarrow.parquet as pq

    arms = dict(zip(*pq.read_table(folder / "cohort.parquet", columns=["study", "arm"]).to_pydict().values(), strict=True))
    wanted: Counter[tuple[str, str, str, str]] = Counter()
    for stage, name in STAGES.items():
        kept, left = folder / f"{name}.parquet", folder / f"{name}.excluded.parquet"
        if not kept.is_file():
            continue
        if stage not in OF_ARMS:
            wanted[stage, "", "kept", ""] += pq.read_metadata(kept).num_rows
            reasons = pq.read_table(left, columns=["reason"])["reason"].value_counts().to_pylist() if left.is_file() else []
            wanted.update({(stage, "", "left", row["values"]): row["counts"] for row in reasons})
            continue
        wanted.update((stage, arms.get(study) or "", "kept", "") for study in _column(kept, "study"))
        gone = zip(_column(left, "study"), _column(left, "reason"), strict=True)
        wanted.update((stage, arms.get(study) or "", "left", reason) for study, reason in gone)
    found: Counter[tuple[str, str, str, str]] = Counter()
    for row in evidence.rows("flow"):
        if row["event"] != "in":
            found[row["stage"], row["arm"], "kept" if row["event"] == "kept" else "left", row["reason"]] += int(row["count"])
    for key in sorted({*wanted, *found}):
        check.expect(found[key], wanted[key], f"flow.csv, {' '.join(part for part in key if part)}")


def _column(path: Path, name: str) -> list[Any]:
    import pyarrow.parquet as pq

    return list(pq.read_table(path, columns=[name])[name].to_pylist()) if path.is_file() else []
