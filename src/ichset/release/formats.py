"""How a number reads: one way for every page, so that a page can be checked against its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NAMED = ("fact", "count", "parameter", "group", "label")  # columns whose texts are names of ours
MIXED = ("value", "lowest", "highest")  # columns of numbers of several kinds
SHARES = ("observed", "kappa", "low", "high", "adjusted", "auc", "p", "p_given_any")  # a one among them is 1.000
DECIMALS = 3
WORDS = {
    "arm_ich": "with ICH", "arm_normal": "without ICH", "p": "p(H)", "p_given_any": "p(H | any)", "ich": "ICH", "smd": "SMD",
    "kvp": "tube voltage", "kernel": "convolution kernel", "auc": "AUC", "low": "95 % low", "high": "95 % high",
    "tableS1": "Table S1", "class_names": "class names", "sex_unknown": "sex unknown",
    "instances": "files",
}  # fmt: skip


def shown(value: Any) -> str:
    """A table cell for people: thousands separated, three decimals, a dash where there is nothing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return f"{int(value):,}"
        return f"{value:.3f}".replace("-", "−") if abs(value) < 1000 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def column_shown(name: str, values: Sequence[Any]) -> list[str]:
    """A table's column for people: names in words, and the numbers of one kind with the same decimals, so that they stand in line."""
    if name in NAMED:
        return [word(value) if isinstance(value, str) else shown(value) for value in values]
    if name in MIXED:
        return [_number(value, _decimals(value)) if isinstance(value, float) else shown(value) for value in values]
    if name in SHARES:
        return [f"{value:.{DECIMALS}f}".replace("-", "−") if isinstance(value, float) else shown(value) for value in values]
    most = max((_decimals(value) for value in values if isinstance(value, float)), default=0)
    return [_number(value, most) if isinstance(value, float) else shown(value) for value in values]


def _decimals(value: float) -> int:
    return len(f"{value:.{DECIMALS}f}".rstrip("0").partition(".")[2]) if abs(value) < 1000 else 0


def _number(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}".replace("-", "−")


def word(name: str) -> str:
    """A column or label name for people."""
    return WORDS.get(name, name.replace("_", " "))
