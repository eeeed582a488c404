"""Read a service's predictions: one row a study or one row an image, wide or in RSNA's long form; faults are named."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ichset.contracts import LABELS
from ichset.errors import ConfigError

RSNA_NAMES = {
    "any": "ich", "epidural": "epidural", "intraparenchymal": "intracerebral", "intraventricular": "intraventricular",
    "subarachnoid": "subarachnoid", "subdural": "subdural",
}  # fmt: skip
SHOWN = 5
UNEVEN = "\0"  # the column of a row that has more or fewer cells than the header: how many


@dataclass
class Predictions:
    """Probabilities per label and study, the seconds a case took where given, and what was wrong with the file."""

    level: str  # study or image
    values: dict[str, dict[str, float]] = field(default_factory=dict)  # label -> study -> probability
    seconds: dict[str, float] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=lambda: {"unknown": [], "missing": [], "duplicate": [], "unreadable": []})


def read_predictions(path: Path, studies: Collection[str], images: Mapping[str, str], scored: Collection[str]) -> Predictions:
    """`images`: SOP instance UID -> study. A study's probability is the highest of its images.

    `studies` are all of the release, `scored` those of the split: only they can be missing, and only they are kept.

    Columns: `study` or `image`, one for each predicted label, and `seconds` if measured; or RSNA's `ID,Label`. Separated by
    commas, or by semicolons or tabs (a decimal comma is then understood).
    Raises ConfigError when the file is no table of predictions; single bad rows are named in `faults` and left out.
    """
    rows, header, comma = _read(path)
    if "ID" in header and "Label" in header:
        rows = _from_rsna(rows)
        header = ["image", *dict.fromkeys(name for row in rows for name in row if name in LABELS)]
        found = Predictions("image")
    elif "study" in header or "image" in header:
        found = Predictions("study" if "study" in header else "image")
    else:
        raise ConfigError(f"{path}: needs a header with `study` or `image` and label columns ({', '.join(LABELS)}), or RSNA's `ID,Label`")
    labels = [label for label in LABELS if label in header]
    if not labels:
        raise ConfigError(f"{path}: no column is a label; labels are {', '.join(LABELS)}")
    known = dict.fromkeys(studies) if found.level == "study" else images
    _fill(found, rows, labels, known, comma)
    wanted = set(scored)
    for kind in ("missing", "unreadable"):  # of another split nobody asks
        found.faults[kind] = [text for text in found.faults[kind] if (known[_name(text)] or _name(text)) in wanted]
    found.values = {label: {study: p for study, p in own.items() if study in wanted} for label, own in found.values.items()}
    found.seconds = {study: seconds for study, seconds in found.seconds.items() if study in wanted}
    return found


def _read(path: Path) -> tuple[list[dict[str, str]], list[str], bool]:
    """(rows, header, whether decimals have a comma): separated by commas, semicolons or tabs, as the header tells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            separator = max(",;\t", key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True)
            header = [name.strip() for name in next(reader, [])]
            lines = [cells for cells in reader if any(cell.strip() for cell in cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as a UTF-8 CSV ({type(error).__name__})") from None
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise ConfigError(f"{path}: the column {twice[0]} is there twice")
    # a line of another length is not this table's: `S1,0,93` would be a 0 and not 0.93
    return [_row(header, cells) for cells in lines], header, separator != ","


def _row(header: list[str], cells: list[str]) -> dict[str, str]:
    row = dict(zip(header, cells, strict=False))
    return row if len(cells) == len(header) else {**row, UNEVEN: str(len(cells))}


def _from_rsna(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    wide: dict[str, dict[str, str]] = {}
    doubled: list[dict[str, str]] = []
    for row in rows:
        identifier = row.get("ID", "").strip()
        image, _, name = identifier.removeprefix("ID_").rpartition("_")
        label = RSNA_NAMES.get(name)
        own = wide.setdefault(image, {"image": image})
        if label is None or label in own:
            doubled.append({"image": image if label else identifier})
        else:
            own[label] = row.get("Label", "")
            if UNEVEN in row:
                own[UNEVEN] = row[UNEVEN]
    return [*wide.values(), *doubled]


def _fill(found: Predictions, rows: list[dict[str, str]], labels: list[str], known: Mapping[str, str | None], comma: bool) -> None:
    seen: set[str] = set()
    found.values = {label: {} for label in labels}
    for number, row in enumerate(rows, 2):
        name = (row.get(found.level) or "").strip()
        if name not in known:
            found.faults["unknown"].append(name or f"line {number}")
        elif name in seen:
            found.faults["duplicate"].append(name)
        elif UNEVEN in row:
            seen.add(name)
            found.faults["unreadable"].append(f"{name}, a line of {row[UNEVEN]} cells")
        else:
            seen.add(name)
            _take(found, {column: _plain(cell, comma) for column, cell in row.items()}, labels, known[name] or name, name)
    found.faults["missing"] += [name for name in known if name not in seen]


def _take(found: Predictions, row: dict[str, str], labels: list[str], study: str, name: str) -> None:
    for label in labels:
        if not (text := row.get(label, "")):
            found.faults["missing"].append(f"{name} {label}")  # an empty cell is no way round a hard case
            continue
        value = _number(text)
        if value is None or not 0 <= value <= 1:
            found.faults["unreadable"].append(f"{name} {label}")
        else:
            found.values[label][study] = max(value, found.values[label].get(study, 0.0))
    if text := row.get("seconds", ""):
        seconds = _number(text)
        if seconds is None or seconds < 0:
            found.faults["unreadable"].append(f"{name} seconds")
        else:
            found.seconds[study] = found.seconds.get(study, 0.0) + seconds


def _plain(cell: str | None, comma: bool) -> str:
    text = (cell or "").strip()
    return text.replace(",", ".") if comma else text


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _name(fault: str) -> str:
    return fault.partition(" ")[0].removesuffix(",")


def told(faults: Mapping[str, list[str]]) -> list[str]:
    """One line a kind of fault, naming the first few rows."""
    lines = []
    for kind, names in faults.items():
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            lines.append(f"{len(names)} {kind}: {', '.join(names[:SHOWN])}{more}")
    return lines
