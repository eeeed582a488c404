"""What happens to which attribute: PS3.15 Table E.1-1 with its options, and the CT IODs as an allow-list, read from data files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

EDITION = "2026c"  # of Table E.1-1; the first line of table_e1_1.csv says the same, and a test compares them

# Option (column of the table and word in the config) -> CID 7050 code and meaning
OPTIONS = {
    "safe_private": ("113111", "Retain Safe Private Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
    "patient": ("113108", "Retain Patient Characteristics Option"),
    "full_dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "modified_dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "descriptors": ("113105", "Clean Descriptors Option"),
    "structured": ("113104", "Clean Structured Content Option"),
    "graphics": ("113103", "Clean Graphics Option"),
}
BASIC = ("113100", "Basic Application Confidentiality Profile")
CLEAN_FACE = ("113102", "Clean Recognizable Visual Features Option")
ALL_CODES = (BASIC, CLEAN_FACE, *OPTIONS.values())


class Action(StrEnum):
    """What is done to one attribute; the wording is that of the documentation and the census."""

    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "replaced by a dummy"
    UID = "replaced by a keyed UID"
    SHIFT = "shifted by the patient's offset"
    CHECK = "kept when its value passes its check"
    DESCEND = "kept; the same rules apply inside"
    IDENTITY = "replaced by a keyed pseudonym"


@dataclass(frozen=True)
class Rule:
    """One attribute's action. `type` is its type in the CT IODs (1, 1C, 2, 2C, 3), `check` what a kept value must be."""

    action: Action
    vr: str
    type: str = "3"
    check: str = ""
    top_only: bool = False


REMOVED = Rule(Action.REMOVE, "")


@dataclass(frozen=True)
class TableRow:
    """One row of Table E.1-1; `options` maps an option to K or C."""

    tag: str
    name: str
    vr: str
    basic: str
    options: dict[str, str]


# Attributes of the CT IODs that the table replaces or empties, with their type at the top level (PS3.3 A.3)
_IDENTITY = {0x00100010: "PN", 0x00100020: "LO", 0x00080050: "SH"}
_TYPE_2 = {0x00080020: "DA", 0x00080030: "TM", 0x00080090: "PN", 0x00100030: "DA", 0x00200010: "SH", 0x00100040: "CS"}
# Written by `marks`, never taken from the source
WRITTEN = frozenset({0x00080005, 0x00120062, 0x00120063, 0x00120064, 0x00280303, 0x00280302})


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("ichset.anonymize").joinpath(name).read_text("utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def tag_of(text: str) -> int:
    """`(0008,103E)` as 0x0008103E."""
    return int(text[1:5] + text[6:10], 16)


@cache
def table() -> tuple[TableRow, ...]:
    """Every row of Table E.1-1, masked groups and private attributes included."""
    return tuple(
        TableRow(row["tag"], row["name"], row["vr"], row["basic"], {option: row[option] for option in OPTIONS if row[option]})
        for row in _rows("table_e1_1.csv")
    )


@cache
def ct_attributes() -> dict[int, Rule]:
    """The attributes of the CT Image and Enhanced CT Image IODs that may stay, with the check of their values."""
    return {
        tag_of(row["tag"]): Rule(Action.DESCEND if row["vr"] == "SQ" else Action.CHECK, row["vr"], row["type"], row["check"])
        for row in _rows("ct_attributes.csv")
    }


@cache
def rules(options: frozenset[str]) -> dict[int, Rule]:
    """Tag -> rule under these options. A tag that is not in here goes; private tags are judged by their creator."""
    found = dict(ct_attributes())
    for row in table():
        if re.fullmatch(r"\([0-9A-F]{4},[0-9A-F]{4}\)", row.tag):
            tag = tag_of(row.tag)
            found[tag] = _resolve(row, tag, options, found.get(tag))
    for tag in WRITTEN:
        found[tag] = REMOVED
    return found


@cache
def vrs() -> dict[int, str]:
    """VR of every attribute that may be written, for reading back files under implicit VR."""
    found = {tag_of(row.tag): row.vr for row in table() if "X" not in row.tag and "G" not in row.tag}
    found |= {tag: rule.vr for tag, rule in ct_attributes().items()}
    return found | {0x00080005: "CS", 0x00120062: "CS", 0x00120063: "LO", 0x00120064: "SQ", 0x00280303: "CS", 0x00280302: "CS"}


@cache
def names() -> dict[int, str]:
    """The standard's name of every attribute of the two lists."""
    found = {tag_of(row["tag"]): row["keyword"] for row in _rows("ct_attributes.csv")}
    return found | {tag_of(row.tag): row.name for row in table() if "X" not in row.tag and "G" not in row.tag}


def _resolve(row: TableRow, tag: int, options: frozenset[str], ct: Rule | None) -> Rule:
    chosen = {option: code for option, code in row.options.items() if option in options}
    vr = row.vr
    if "full_dates" in chosen:
        return Rule(Action.CHECK, vr, "2" if tag in _TYPE_2 else "3", "date")
    if "modified_dates" in chosen and vr in ("DA", "DT", "TM"):
        return Rule(Action.SHIFT, vr, "2" if tag in _TYPE_2 else "3")
    if tag in _IDENTITY:
        return Rule(Action.IDENTITY, vr, "2", top_only=True)
    if "uids" in chosen and vr == "UI":
        return Rule(Action.CHECK, vr, "3", "uid")
    if ct is not None and ct.action is Action.DESCEND and row.basic in ("X/Z/U*", "X/Z/D"):
        return ct
    if chosen and ct is not None:
        return ct  # kept or cleaned: the attribute's own check decides
    if "K" in chosen.values():
        return Rule(Action.CHECK, vr, "3", "text")
    if row.basic == "U":
        return Rule(Action.UID, vr, "1")
    if tag in _TYPE_2:
        return Rule(Action.EMPTY, vr, "2", top_only=True)
    if ct is not None and ct.type == "2" and "Z" in row.basic:
        return Rule(Action.EMPTY, vr, "2", top_only=True)
    return REMOVED  # X; and Z or D where the CT IODs do not ask for the attribute


def method_codes(options: frozenset[str], defaced: bool) -> list[tuple[str, str]]:
    """(code, meaning) from CID 7050 for what is really done."""
    codes = [BASIC, *(OPTIONS[option] for option in OPTIONS if option in options)]
    return sorted({*codes, CLEAN_FACE} if defaced else codes)
