"""The probe's one row: studies as there are, and the interval that its AUC and the size of the arms give."""

from __future__ import annotations

import math
from collections import Counter

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check

Z = 1.959964  # 97.5 % point of the normal distribution
ROUNDED = 2e-4  # AUC and limits are given to four decimals


def check_probe(check: Check, evidence: Evidence) -> None:
    """Hanley and McNeil (1982): the interval of an AUC from the AUC and the number of either class."""
    rows, arms = evidence.rows("probe"), Counter(evidence.rows("studies").column("arm"))
    check.expect(len(rows), 1, "probe.csv: rows")
    for row in rows:
        check.expect(row["studies"], str(arms.total()), "probe.csv: studies")
        told = [row["auc"], row["low"], row["high"]]
        check.expect((row["folds"] == "0", all(told)), (not any(told), any(told)), "probe.csv: an AUC with its interval, or no folds")
        if all(told):
            auc, low, high = map(float, told)
            error = Z * _error(auc, arms["ich"], arms["normal"])
            fits = abs(max(auc - error, 0.0) - low) <= ROUNDED and abs(min(auc + error, 1.0) - high) <= ROUNDED
            check.expect(0 <= auc <= 1 and fits, True, "probe.csv: the interval is that of the AUC")


def _error(auc: float, ones: int, zeros: int) -> float:
    """Standard error of an AUC."""
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (ones - 1) * (first - auc**2) + (zeros - 1) * (second - auc**2)
    return math.sqrt(max(spread, 0.0) / (ones * zeros)) if ones and zeros else 0.0
