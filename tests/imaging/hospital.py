"""Tables as the earlier stages hand them over, for studies made by tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from ichset.config import EngineConfig, RetrieveConfig
from ichset.contracts import SCREENED, WAVE, StageOutput
from ichset.imaging.retrieve import retrieve_wave

from .ct import uid

ONE = EngineConfig(jobs=1)


def asked(*studies: str, **changes: Any) -> list[dict[str, Any]]:
    """Screened rows of studies made by ct.head: pseudonym S<name>, accession A<name>, patient P<name>."""
    return [
        {
            "study": f"S{study}", "subject": f"P-{study}", "report": f"r-{study}", "study_uid": uid("study", study), "accession": f"A{study}",
            "patient_id": f"P{study}", "study_date": date(2022, 1, 10), **changes,
        }
        for study in studies
    ]  # fmt: skip


def retrieve(rows: Sequence[dict[str, Any]], config: RetrieveConfig, work: Path, engine: EngineConfig = ONE) -> StageOutput:
    wave = [{"study": row["study"], "arm": "normal", "rank": rank, "source_prevalence": 0.1, "weight": 1.0} for rank, row in enumerate(rows, 1)]
    tables = pa.Table.from_pylist(wave, WAVE.schema), pa.Table.from_pylist(list(rows), SCREENED.schema)
    return retrieve_wave(*tables, config, engine, work)


def reasons(output: StageOutput) -> dict[str, str]:
    return {row["study"]: row["reason"] for row in output.excluded.to_pylist()}


def taken(output: StageOutput) -> dict[str, dict[int, str | None]]:
    """study -> series ordinal -> reason to leave it."""
    found: dict[str, dict[int, str | None]] = {}
    for row in output.tables["series"].to_pylist():
        found.setdefault(row["study"], {})[row["series"]] = row["reason"]
    return found


def files(work: Path) -> dict[str, bytes]:
    """What was retrieved, records left out."""
    root = work / "retrieved"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.dcm"))}
