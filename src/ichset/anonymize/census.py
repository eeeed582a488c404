"""The tag census: which attributes were kept, with how many distinct values, and what was removed or noted. No value is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ichset.anonymize import profile
from ichset.anonymize.tags import CENSUS_CAP, Ledger
from ichset.dicomfile import PIXELS


def to_json(ledger: Ledger) -> dict[str, Any]:
    """A ledger as plain lists, sorted."""
    return {
        "kept": {f"{tag:08X}": sorted(value.hex() for value in found) for tag, found in sorted(ledger.kept.items())},
        "removed": [f"{tag:08X}" for tag in sorted(ledger.removed)],
        "notes": [[what, f"{tag:08X}"] for what, tag in sorted(ledger.notes)],
    }


def merge(records: Iterable[Mapping[str, Any]]) -> Ledger:
    """One ledger of many studies' records."""
    total = Ledger()
    for record in records:
        for tag, found in record["kept"].items():
            values = total.kept.setdefault(int(tag, 16), set())
            if len(values) < CENSUS_CAP:
                values.update(bytes.fromhex(value) for value in found)
        total.removed |= {int(tag, 16) for tag in record["removed"]}
        total.notes |= {(what, int(tag, 16)) for what, tag in record["notes"]}
    return total


def rows(ledger: Ledger, options: frozenset[str]) -> list[dict[str, Any]]:
    """One row an attribute that was met: tag, keyword, what is done to it, how many distinct values stay in the output."""
    rules, names = profile.rules(options), profile.names()
    found = []
    for tag in sorted({*ledger.kept, *ledger.removed} - PIXELS):
        rule = rules.get(tag)
        action = str(rule.action) if rule else "removed: private" if tag >> 16 & 1 else "removed: not in the table or the CT IODs"
        distinct = len(ledger.kept.get(tag, ()))
        found.append({"tag": f"({tag >> 16:04X},{tag & 0xFFFF:04X})", "name": names.get(tag, ""), "action": action, "distinct": distinct})
    return found
