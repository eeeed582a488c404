"""Private attributes known to be safe, by their creator (PS3.15 E.3.10): numbers of the acquisition, nothing else."""

from __future__ import annotations

import csv
import mmap
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from ichset.anonymize.profile import Action, Rule
from ichset.dicomfile import Element


@cache
def _listed() -> dict[tuple[str, int, int], Rule]:
    text = files("ichset.anonymize").joinpath("safe_private.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        (row["creator"], int(row["group"], 16), int(row["element"], 16)): Rule(Action.CHECK, row["vr"], "3", row["check"]) for row in rows
    }


def rules_of(data: bytes | mmap.mmap, elements: Sequence[Element]) -> dict[int, Rule]:
    """Rules for the private elements of one data set whose reserved block belongs to a listed creator, and for that creator."""
    listed = _listed()
    found: dict[int, Rule] = {}
    blocks: dict[tuple[int, int], tuple[str, int]] = {}
    for element in elements:
        group, number = element.tag >> 16, element.tag & 0xFFFF
        if not group & 1:
            continue
        if 0x10 <= number <= 0xFF:
            creator = data[element.value : element.end].decode("latin-1").strip(" \0")
            blocks[group, number] = (creator, element.tag)
        elif (block := blocks.get((group, number >> 8))) and (rule := listed.get((block[0], group, number & 0xFF))):
            found[element.tag] = rule
            found[block[1]] = Rule(Action.CHECK, "LO", "3", f"terms:{block[0]}")
    return found
