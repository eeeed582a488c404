"""Kappa against worked examples, scikit-learn, and the delta method worked out numerically."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ichset.readings import cohen_kappa
from ichset.readings.agreement import Z95


def pairs(both: int, first: int, second: int, neither: int) -> list[tuple[int, int]]:
    return [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither


# worked by hand in the textbook way: observed minus chance over one minus chance
@pytest.mark.parametrize(
    ("counts", "kappa"),
    [((20, 5, 10, 15), (0.7 - 0.5) / 0.5), ((45, 15, 25, 15), (0.6 - 0.54) / 0.46), ((25, 35, 5, 35), (0.6 - 0.46) / 0.54)],
)
def test_worked_examples(counts: tuple[int, int, int, int], kappa: float) -> None:
    assert cohen_kappa(pairs(*counts)).kappa == pytest.approx(kappa, abs=1e-12)


# (counts, kappa, standard error, lower, upper, prevalence-adjusted), to the last digit from statsmodels 0.14 `cohens_kappa`. As published:
# Bonett's statpsych manual, ci.kappa (0.6756757, error 0.07344761, 0.5317210 to 0.8196303); Sim & Wright 2005 (0.67);
# Feinstein & Cicchetti 1990, one observed agreement with two kappas (0.70 and 0.32)
PUBLISHED = [
    ((31, 12, 4, 58), 0.6756756756756757, 0.07344760734443494, 0.5317210105299436, 0.8196303408214077, 73 / 105),
    ((22, 2, 4, 11), 0.6666666666666666, 0.12383607455045041, 0.4239524205609666, 0.9093809127723667, 27 / 39),
    ((40, 9, 6, 45), 0.6995192307692307, 0.07139360269998822, 0.5595903407506923, 0.8394481207877692, 0.7),
    ((80, 10, 5, 5), 0.318181818181818, 0.13345652122383617, 0.05661184308109374, 0.5797517932825422, 0.7),
]


@pytest.mark.parametrize(("counts", "kappa", "error", "low", "high", "adjusted"), PUBLISHED)
def test_published_intervals(counts: tuple[int, int, int, int], kappa: float, error: float, low: float, high: float, adjusted: float) -> None:
    found = cohen_kappa(pairs(*counts))
    assert (found.kappa, found.low, found.high, found.adjusted) == pytest.approx((kappa, low, high, adjusted), abs=1e-9)
    assert found.low == pytest.approx(kappa - Z95 * error, abs=1e-9)


counts = st.integers(0, 60)


@given(counts, counts, counts, counts)
def test_equals_scikit_learn_and_the_delta_method(a: int, b: int, c: int, d: int) -> None:
    found = cohen_kappa(pairs(a, b, c, d))
    if found.kappa is None:
        assert a + b + c + d == 0 or (a + b + c + d) in (a, d)
        return
    one, two = zip(*pairs(a, b, c, d), strict=True)
    assert found.kappa == pytest.approx(cohen_kappa_score(one, two), abs=1e-9)
    n = a + b + c + d
    cells = np.array([a, b, c, d]) / n
    gradient = np.array([(_kappa(cells + step) - _kappa(cells - step)) / 2e-6 for step in np.eye(4) * 1e-6])
    variance = (cells * gradient**2).sum() - (cells * gradient).sum() ** 2
    assert found.low == pytest.approx(found.kappa - Z95 * math.sqrt(max(variance, 0) / n), abs=2e-4)


def _kappa(cells: np.ndarray) -> float:
    """Of a table of probabilities that need not add up to one."""
    a, b, c, d = cells / cells.sum()
    chance = (a + b) * (a + c) + (c + d) * (b + d)
    return float((a + d - chance) / (1 - chance))


def test_one_class_throughout_is_undefined_not_a_crash() -> None:
    assert cohen_kappa(pairs(12, 0, 0, 0)).kappa is None
    assert cohen_kappa([]).observed is None


def test_prevalence_adjusted() -> None:
    assert cohen_kappa(pairs(90, 4, 3, 3)).adjusted == pytest.approx(2 * 0.93 - 1)
