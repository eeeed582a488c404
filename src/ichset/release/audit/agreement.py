"""Agreement of the readers taken again from their reads: counts, observed agreement, kappa and its interval."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import combinations

from ichset.release.audit.declared import LABELS
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check

Z = 1.959963984540054  # 97.5 % point of the normal distribution


def check_agreement(check: Check, evidence: Evidence) -> None:
    """Every pair of readers of a round, every label that both answered; nothing else stands in agreement.csv."""
    answers: dict[tuple[str, str], dict[str, dict[str, str]]] = defaultdict(dict)
    for row in evidence.rows("reads"):
        if row["role"] == "reader":
            answers[row["round"], row["reader"]][row["study"]] = row
    wanted = {}
    for (name, one), (other, two) in combinations(sorted(answers), 2):
        shared = answers[name, one].keys() & answers[other, two].keys() if name == other else ()
        for label in LABELS:
            pairs = Counter((answers[name, one][study][label], answers[other, two][study][label]) for study in shared)
            cells = [pairs[pair] for pair in (("1", "1"), ("1", "0"), ("0", "1"), ("0", "0"))]
            if sum(cells):
                wanted[name, one, two, label] = cells
    rows = {(row["round"], row["first"], row["second"], row["label"]): row for row in evidence.rows("agreement")}
    check.expect(sorted(rows), sorted(wanted), "agreement.csv: pairs of readers and labels")
    for key, cells in wanted.items():
        where, row = f"agreement.csv, {' '.join(key)}", rows.get(key, {})
        counts = dict(zip(("both", "first_only", "second_only", "neither"), cells, strict=True))
        for column, count in {**counts, "studies": sum(cells)}.items():
            check.expect(row.get(column), str(count), f"{where}: {column}")
        for column, value in _measures(*cells).items():
            check.expect(_near(row.get(column, ""), value), True, f"{where}: {column}")


def _measures(a: int, b: int, c: int, d: int) -> dict[str, float | None]:
    """Observed agreement, kappa (Cohen 1960), its 95 % interval (Fleiss, Cohen & Everitt 1969), and 2 observed - 1."""
    n = a + b + c + d
    observed, one, two = (a + d) / n, (a + b) / n, (a + c) / n
    chance = one * two + (1 - one) * (1 - two)
    adjusted = 2 * observed - 1
    if a + b in (0, n) and a + b == a + c:  # one answer throughout
        return {"observed": observed, "kappa": None, "low": None, "high": None, "adjusted": adjusted}
    kappa = (observed - chance) / (1 - chance)
    left = 1 - kappa
    agreeing = a / n * (1 - (one + two) * left) ** 2 + d / n * (1 - (2 - one - two) * left) ** 2
    apart = left**2 * (b / n * (two + 1 - one) ** 2 + c / n * (one + 1 - two) ** 2)
    spread = (agreeing + apart - (kappa - chance * left) ** 2) / ((1 - chance) ** 2 * n)
    error = Z * math.sqrt(max(spread, 0.0))
    return {"observed": observed, "kappa": kappa, "low": kappa - error, "high": min(kappa + error, 1.0), "adjusted": adjusted}


def _near(found: str, wanted: float | None) -> bool:
    try:
        return (found == "") if wanted is None else abs(float(found) - wanted) <= 1e-6
    except ValueError:
        return False
