"""A released CSV held by columns: a table of a large cohort fits where a mapping for every row would not."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

Row = dict[str, str]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what a spreadsheet runs, full-width signs included
SAMPLE = 1000  # rows after which a column is known to repeat its values or not


class CsvTable(Sequence[Row]):
    """Rows of text (formula guard taken off) as mappings made when they are asked for."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = list(names)
        self._columns: list[list[str]] = [[] for _ in names]
        self.uneven: list[int] = []  # rows of another length than the header, counted from 1
        self.formulas: list[tuple[int, str]] = []  # (row, column) of a text that a spreadsheet would run

    @classmethod
    def read(cls, path: Path) -> CsvTable:
        """The file's rows; none when it is missing or not UTF-8 (the bag check names it)."""
        try:
            with path.open(encoding="utf-8", newline="") as file:
                lines = csv.reader(file)
                table = cls(next(lines, []))
                table._fill(lines)
        except (OSError, UnicodeDecodeError, csv.Error):
            return cls()
        return table

    def _fill(self, lines: Iterator[list[str]]) -> None:
        width = len(self.names)
        once: list[dict[str, str] | None] = [{} for _ in self.names]  # one object for a value that occurs often
        for number, cells in enumerate((line for line in lines if line), 1):
            if len(cells) != width:
                self.uneven.append(number)
                cells = (cells + [""] * width)[:width]
            for place, cell in enumerate(cells):
                if cell.startswith(("'", *FORMULA)):
                    cell = self._bare(cell, number, place)
                known = once[place]
                self._columns[place].append(cell if known is None else known.setdefault(cell, cell))
            if number == SAMPLE:
                once = [known if known is not None and len(known) < SAMPLE // 2 else None for known in once]

    def _bare(self, cell: str, number: int, place: int) -> str:
        if cell[0] == "'":  # the writer's guard is an apostrophe before a formula sign
            return cell[1:] if cell.lstrip("'")[:1] in FORMULA else cell
        if not _is_number(cell):
            self.formulas.append((number, self.names[place]))
        return cell

    def column(self, name: str) -> Sequence[str]:
        """One column; empty cells where the table has none of this name."""
        return self._columns[self.names.index(name)] if name in self.names else [""] * len(self)

    def __len__(self) -> int:
        return len(self._columns[0]) if self._columns else 0

    def __iter__(self) -> Iterator[Row]:
        for cells in zip(*self._columns, strict=True):
            yield dict(zip(self.names, cells, strict=True))

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return list(self)[place]
        return dict(zip(self.names, (column[place] for column in self._columns), strict=True))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
