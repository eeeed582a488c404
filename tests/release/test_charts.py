"""Whatever the cohort, the audit reads the charts as they were drawn: no false alarm from an axis, an order or a scale."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ichset.contracts import LABELS
from ichset.release.audit.charts import check_charts
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check
from ichset.release.figures import charts

KERNELS = ("H31s", "J40s", "B", "STANDARD", "FC26", "UB", "FC64", "A", "C", "BONEPLUS", "H60s", "D", "E", "UC", "SOFT")


def tables(rng: np.random.Generator, largest: float) -> dict[str, list[dict[str, Any]]]:
    kernels = list(rng.choice(KERNELS, int(rng.integers(1, len(KERNELS) + 1)), replace=False))
    counts = {kernel: rng.integers(0, int(10 ** rng.uniform(0.5, 4)), 2) for kernel in kernels}
    shift = [{"parameter": "kernel", "class": kernel, "smd": float(rng.uniform(-largest, largest))} for kernel in kernels]
    technique = [
        {"parameter": "kernel", "class": kernel, "series": int(ich + normal), "arm_ich": int(ich), "arm_normal": int(normal)}
        for kernel, (ich, normal) in counts.items()
    ]
    return {
        "table1": [{"label": label, "present": int(rng.integers(0, int(10 ** rng.uniform(0.5, 5))))} for label in LABELS],
        "balance": [{"label": label, "p": float(rng.uniform()), "p_given_any": float(rng.uniform())} for label in LABELS],
        "shift": [{"parameter": "age", "class": "", "smd": largest}, *shift],
        "tableS1": technique,
        "agreement": [agreed(rng, *pair, label) for pair in (("a", "b"), ("b", "c")) for label in LABELS],
    }


def agreed(rng: np.random.Generator, first: str, second: str, label: str) -> dict[str, Any]:
    kappa = float(rng.uniform(-0.2, 1)) if rng.uniform() < 0.8 else None  # None: one answer throughout
    return {"round": "image", "first": first, "second": second, "label": label, "kappa": kappa, "low": (kappa or 0) - 0.2, "high": (kappa or 0) + 0.1}


@pytest.mark.parametrize("largest", [0.02, 0.2, 0.86, 2.4, 12.0])  # the axis counts in other steps each time
def test_charts_as_drawn_pass(largest: float, tmp_path: Path) -> None:
    bag = tmp_path / "release"
    for name in ("tables", "figures"):
        (bag / "data" / name).mkdir(parents=True)
    rng = np.random.default_rng(int(largest * 100))
    rows = tables(rng, largest)
    ages = [f"{age}+" if age >= 90 else str(age) for age in rng.integers(18, 95, int(rng.integers(2, 200)))]
    studies = [{"arm": ("ich", "normal")[at % 2], "age": age} for at, age in enumerate(ages)]
    charts.draw_all(rows, SimpleNamespace(studies=pa.Table.from_pylist(studies)), bag / "data/figures")  # type: ignore[arg-type]
    for name, own in {**rows, "studies": studies}.items():
        with (bag / f"data/tables/{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(own[0]))
            writer.writeheader()
            writer.writerows(own)
    evidence = Evidence.of(bag)
    check = Check("figures", "charts")
    check_charts(check, evidence)
    assert check.looked_at > 20 and not check.faults, check.faults
