"""Descriptors are cleaned to known words: what is not in a list does not stay. The lists are data beside this file."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files

_TOKEN = re.compile(r"\d{1,3}[xх]\d{1,2}(?:[.,]\d{1,3})?(?!\w)|\d+(?:[.,:/-]\d+)*(?:[^\W\d_]\w*)?|[^\W_]+|\S")
_NUMBER = re.compile(r"\d{1,2}([.,]\d{1,3})?")
_MEASURE = re.compile(
    r"\d{1,3}[xх]\d{1,2}([.,]\d{1,3})?|(\d{1,4}([.,]\d{1,3})?)(mm|cm|ma|mas|kv|kvp|hu|s|sec|ml|keV|мм|см|сек|мл|х|x)", re.IGNORECASE
)
_VERSION = re.compile(r"[A-Za-z]{0,2}\d{1,4}([A-Za-z]{1,2}\d{0,3})?")
_MODEL_NUMBER = re.compile(r"\d{1,4}[A-Z+]{0,2}")
# Kernel families: Siemens (B31f, H37s, Hr40, Br59d), Toshiba and Canon (FC21, FL01), Neusoft (F20), generic
_KERNEL = re.compile(
    r"[ABHIJQSTUVD][rvfqcpx]?\d{2}[a-z]?(-\d)?|F[CL]\d{2}[HQ]?(-H)?|F\d{1,3}|"
    r"[A-EHLUY][A-E]?|U[A-C]|Y[A-F]|[BHLSUCV]_[V]?(SOFT|SHARP|MID|MEDIUM|SMOOTH)(_[A-D])?|[1-5]|IMR[123]|ASIR\d{0,2}|iD[1-7]"
)


@cache
def words(name: str) -> frozenset[str]:
    """The lower-case words of one list; comment lines start with #."""
    lines = files("ichset.anonymize").joinpath(f"{name}.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.lower().split())


@cache
def codes() -> dict[tuple[str, str], str]:
    """(scheme, value) -> the meaning that is written, of every code that may stay."""
    text = files("ichset.anonymize").joinpath("codes.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {(row["scheme"], row["value"]): row["meaning"] for row in rows}


def clean(value: str) -> str | None:
    """A description reduced to known words, kernels and short measures; unchanged when all of it is known."""
    known = words("descriptions")
    tokens = [match.group() for match in _TOKEN.finditer(value)]
    marks = [_mark(token, known) for token in tokens]
    solid = [i for i, mark in enumerate(marks) if mark != "separator"]
    bare = [""] + [marks[i] for i in solid] + [""]
    for place, i in enumerate(solid):
        if marks[i] == "number":  # a bare short number only beside something known: 5.0 in "Head 5.0", not in a phone number
            beside = {bare[place], bare[place + 2]}
            marks[i] = "word" if "word" in beside and not beside & {"number", "digits"} else ""
    marks = ["" if mark == "digits" else mark for mark in marks]
    kept = [token for token, mark in zip(tokens, marks, strict=True) if mark == "word"]
    if not kept:
        return None
    whole = "" not in marks and sum(map(len, tokens)) * 2 >= len(value.replace(" ", ""))
    return value if whole else " ".join(kept)


def _mark(token: str, known: frozenset[str]) -> str:
    letter = len(token) == 1 and token.isascii() and token.isalpha()
    if letter or token.lower() in known or _KERNEL.fullmatch(token) or _MEASURE.fullmatch(token):
        return "word"
    if _NUMBER.fullmatch(token):
        return "number"
    if token[0].isdigit():
        return "digits"
    return "separator" if len(token) == 1 and not token.isalnum() else ""


def is_known(value: str) -> bool:
    """Whether a lower-case value is made of our lists' words alone, so that finding it in a kept text tells nothing."""
    known = frozenset().union(*(words(name) for name in ("descriptions", "kernels", "manufacturers", "models")))
    return all(piece in known for piece in re.split(r"[\W_]+", value) if piece)


def kernel(value: str) -> str | None:
    """A convolution kernel's name: a known word or a manufacturer's family pattern."""
    kept = [part for part in value.split() if _KERNEL.fullmatch(part) or part.lower() in words("kernels")]
    return " ".join(kept) or None


def manufacturer(value: str) -> str | None:
    """The known words of a manufacturer's name."""
    return _listed(value, words("manufacturers"))


def model(value: str) -> str | None:
    """The known words and short numbers of a scanner model's name; numbers only beside a known word."""
    known = words("models") | words("manufacturers")
    kept = [part for part in re.split(r"[\s_]+", value) if _model_part(part, known)]
    return " ".join(kept) if any(re.split(r"\d|[-+/]", part.lower())[0] in known for part in kept) else None


def _model_part(part: str, known: frozenset[str]) -> bool:
    pieces = [piece for piece in re.split(r"[-/()]|(?<=[A-Za-z])(?=\d)", part) if piece]
    return bool(pieces) and all(piece.lower().rstrip("+") in known or bool(_MODEL_NUMBER.fullmatch(piece)) for piece in pieces)


def version(value: str) -> str | None:
    """The words and version numbers of a software version."""
    known = words("models") | words("manufacturers") | words("kernels")
    kept = [part for part in re.split(r"[\s:]+", value) if part and all(_version_piece(piece, known) for piece in re.split("[_.]", part))]
    return " ".join(kept) or None


def _version_piece(piece: str, known: frozenset[str]) -> bool:
    return piece.lower() in known or bool(_VERSION.fullmatch(piece))


def _listed(value: str, known: frozenset[str]) -> str | None:
    parts = [part for part in re.split(r"\s+", value) if part]
    kept = [part for part in parts if all(piece in known for piece in re.split(r"[-/.,&()]+", part.lower()) if piece) and part[:1].isalnum()]
    return value if len(kept) == len(parts) and kept else " ".join(kept) or None
