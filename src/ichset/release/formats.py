"""How a number reads: one way for every page, so that a page can be checked against its tables."""

from __future__ import annotations

from typing import Any

SHARES = ("p", "p_given_any")
WORDS = {
    "arm_ich": "with ICH", "arm_normal": "without ICH", "p": "p(H)", "p_given_any": "p(H | any)", "ich": "ICH", "smd": "SMD",
    "kvp": "tube voltage", "kernel": "convolution kernel", "auc": "AUC", "low": "95 % low", "high": "95 % high",
    "tableS1": "Table S1", "class_names": "class names", "sex_unknown": "sex unknown",
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


def word(name: str) -> str:
    """A column or label name for people."""
    return WORDS.get(name, name.replace("_", " "))
