"""Agreement of two readers on one label: Cohen's kappa with its interval, and the prevalence-adjusted kappa."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054  # 97.5 % point of the normal distribution


@dataclass(frozen=True)
class Agreement:
    """Counts of (first reader, second reader) answers, and what follows from them; None where undefined."""

    both: int
    first_only: int
    second_only: int
    neither: int
    observed: float | None
    kappa: float | None
    low: float | None  # 95 % interval
    high: float | None
    adjusted: float | None  # prevalence- and bias-adjusted kappa, 2 * observed - 1 (Byrt 1993)

    @property
    def pairs(self) -> int:
        return self.both + self.first_only + self.second_only + self.neither


def cohen_kappa(pairs: Sequence[tuple[int, int]]) -> Agreement:
    """Kappa over pairs of 0/1 answers (Cohen 1960), its large-sample variance as in Fleiss, Cohen & Everitt (1969).

    Undefined (None) without pairs, or when both readers give one and the same answer throughout.
    """
    a, b, c, d = (sum(pair == wanted for pair in pairs) for wanted in ((1, 1), (1, 0), (0, 1), (0, 0)))
    n = a + b + c + d
    if n == 0:
        return Agreement(a, b, c, d, None, None, None, None, None)
    observed = (a + d) / n
    rows, columns = ((a + b) / n, (c + d) / n), ((a + c) / n, (b + d) / n)
    chance = rows[0] * columns[0] + rows[1] * columns[1]
    if chance >= 1:
        return Agreement(a, b, c, d, observed, None, None, None, 2 * observed - 1)
    kappa = (observed - chance) / (1 - chance)
    error = math.sqrt(max(_variance(((a / n, b / n), (c / n, d / n)), rows, columns, kappa, chance), 0) / n)
    return Agreement(a, b, c, d, observed, kappa, kappa - Z95 * error, min(kappa + Z95 * error, 1.0), 2 * observed - 1)


def _variance(
    cells: tuple[tuple[float, float], tuple[float, float]],
    rows: tuple[float, float], columns: tuple[float, float], kappa: float, chance: float,
) -> float:  # fmt: skip
    """n times the variance of kappa, equation 13 of Fleiss, Cohen & Everitt (1969) for unit weights."""
    diagonal = sum(cells[i][i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in (0, 1))
    off = (1 - kappa) ** 2 * sum(cells[i][j] * (columns[i] + rows[j]) ** 2 for i, j in ((0, 1), (1, 0)))
    return (diagonal + off - (kappa - chance * (1 - kappa)) ** 2) / (1 - chance) ** 2
