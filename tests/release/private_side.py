"""What a run leaves on the private side besides the tables a release is built from: stage tables, and the readers' logs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ichset.contracts import LABELS


def leave_trail(work: Path, tables: dict[str, pa.Table], arms: dict[str, str]) -> None:
    """The tables that the funnel of `hospital.funnel` counts. `arms`: study -> arm of the released studies."""
    folder, count = work / "tables", len(arms)
    spare = {arm: [f"SPARE{arm.upper()}{number}" for number in range(4)] for arm in ("ich", "normal")}
    lost = [(spare[arm][3], "study not in the archive") for arm in spare]
    held = [(spare[arm][2], "text may be drawn in the pixels") for arm in spare]
    unused = [(study, "reserve, not needed") for arm in spare for study in spare[arm][:2]]
    _write(folder / "reports.parquet", report=[f"R{number}" for number in range(count + 35)])
    _left(folder / "reports", [("", "unreadable row")] * 5)
    _left(folder / "screened", [("", "not a brain CT")] * 32 + [("", "below the age limit")] * 3)
    everyone = {**arms, **{study: arm for arm, own in spare.items() for study in own}}
    _write(folder / "cohort.parquet", study=list(everyone), arm=list(everyone.values()))
    _left(folder / "cohort", [(f"UNTOLD{number}", "the readers cannot tell") for number in range(12)])
    for name, kept, left in (("retrieved", 3, lost), ("anonymized", 2, held)):
        more = pa.table({"study": [study for own in spare.values() for study in own[:kept]]})
        pq.write_table(pa.concat_tables([tables[name], more], promote_options="default"), folder / f"{name}.parquet")
        _left(folder / name, left)
    _left(folder / "selected", unused)
    pq.write_table(tables["released_text"], folder / "released_text.parquet")
    keep_readings(work / "readings", tables["reads"])


def _write(path: Path, **columns: list[str]) -> None:
    pq.write_table(pa.table(columns), path)


def _left(table: Path, rows: list[tuple[str, str]]) -> None:
    _write(table.with_name(f"{table.name}.excluded.parquet"), study=[study for study, _ in rows], reason=[reason for _, reason in rows])


def keep_readings(folder: Path, reads: pa.Table) -> None:
    """`<round>.jsonl`: each line the hash of the line before and the decision. The first of each log was corrected later."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(set(reads["round"].to_pylist())):
        rows = [row for row in reads.to_pylist() if row["round"] == name]
        first = {**rows[0], "fracture": 1 - (rows[0]["fracture"] or 0)}
        last, lines = "0" * 64, []
        for number, row in enumerate([first, *rows], 1):
            body = {
                "sequence": number, "study": row["study"], "reader": row["reader"], "answers": {label: row[label] for label in LABELS},
                "exclude": row["exclude"], "confidence": row["confidence"], "key_slices": json.loads(row["key_slices"] or "{}"),
            }  # fmt: skip
            text = json.dumps(body, sort_keys=True)
            last = hashlib.sha256((last + text).encode()).hexdigest()
            lines.append(f"{last} {text}\n")
        (folder / f"{name}.jsonl").write_text("".join(lines), "utf-8")
