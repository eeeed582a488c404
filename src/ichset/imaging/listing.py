"""What is in a folder of DICOM files, for people: counts, and each series with its reason."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ichset.config import EngineConfig, RetrieveConfig
from ichset.imaging.index import update_index
from ichset.imaging.series import choose
from ichset.imaging.study import distinct


def summary_of(folder: Path, output: Path | None, jobs: int | None) -> list[str]:
    """Lines of counts; faults with how many files have each."""
    rows = _rows(folder, output, jobs)
    good = [row for row in rows if not row["fault"]]
    studies, series = {row["study_uid"] for row in good}, {row["series_uid"] for row in good}
    lines = [f"{len(rows)} files: {len(studies)} studies, {len(series)} series, {len(good)} instances"]
    modalities = Counter(row["modality"] or "no modality" for row in good)
    lines += [f"  {count:>8} {modality}" for modality, count in modalities.most_common()]
    faults = Counter(row["fault"] for row in rows if row["fault"])
    return lines + [f"  {count:>8} left: {fault}" for fault, count in faults.most_common()]


def series_lines(folder: Path, policy: str, jobs: int | None) -> list[str]:
    """A line a series: number, description, slices, spacing, phase, and taken or why not."""
    studies: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows(folder, None, jobs):
        if not row["fault"]:
            studies[row["study_uid"]][row["series_uid"]].append(row)
    config = RetrieveConfig(path=folder, policy=policy)  # type: ignore[arg-type]
    lines = []
    for number, uid in enumerate(sorted(studies), 1):
        lines.append(f"study {number}")
        for choice in choose({series: distinct(rows) for series, rows in studies[uid].items()}, config):
            first, stack = choice.headers[0], choice.stack
            spacing = "" if stack.spacing is None else f", {stack.spacing:.2f} mm apart, {stack.name}"
            name = f"{int(first['series_number'] or 0):>4}  {first['description'] or '(no description)'}"
            lines.append(f"{name}: {len(choice.headers)} instances{spacing}, {choice.phase}: {choice.reason or 'taken'}")
    return lines


def _rows(folder: Path, output: Path | None, jobs: int | None) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as scratch:
        index = update_index(folder, output or Path(scratch) / "index.parquet", EngineConfig(jobs=jobs))
        return list(pq.read_table(index).to_pylist())
