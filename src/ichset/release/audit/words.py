"""Every number on the pages, taken again from the tables: README, datasheet, report, figures, cards.

A page's Markdown and HTML tables are compared cell by cell with the CSV they show. A number in the prose must stand in a
sentence that the audit knows, and be right there; a number anywhere else in the prose is a fault by itself.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser

from ichset.release.audit.agreement import check_agreement
from ichset.release.audit.declared import LABELS
from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.probe import check_probe
from ichset.release.audit.report import Check

# sentence -> the facts its numbers must be, in order
CLAIMS = (
    (r"([\d,]+) head CT studies of ([\d,]+) patients: ([\d,]+) with intracranial haemorrhage \(ICH\) and ([\d,]+) without",
     ("studies", "patients", "arm_ich", "arm_normal")),
    (r"([\d,]+) series, ([\d,]+) DICOM files", ("series", "instances")),
    (r"([\d,]+) reads by ([\d,]+) readers", ("reads", "readers")),
    (r"([\d,]+) studies were added, ([\d,]+) withdrawn, ([\d,]+) labels changed", ("added", "withdrawn", "relabelled")),
)  # fmt: skip
# what stands on the pages as words: names of standards, tables and windows
FIXED = re.compile(r"Table S?[12]\b|95 %|RFC \d+|Hanley and McNeil|80/40|200/80|380/40|50 to 90 HU|\b2020\)|(?<=\| )\d\d?(?:–\d\d)?(?= \|)")
TABLES = ("facts", "table1", "table2", "population", "balance", "splits", "agreement", "probe", "defacing", "flow")
DASH = "–"
NAMED = ("fact", "count", "parameter", "group", "label")  # a page has these in words


def facts(evidence: Evidence) -> dict[str, float | None]:
    """The release in numbers, from the rows."""
    studies, reads = evidence.rows("studies"), evidence.rows("reads")
    ages = [int(row["age"].rstrip("+")) for row in studies if row["age"]]
    arms, splits, sexes = (Counter(row[column] for row in studies) for column in ("arm", "split", "sex"))
    return {
        "studies": len(studies), "patients": len({row["subject"] for row in studies}), "arm_ich": arms["ich"], "arm_normal": arms["normal"],
        "series": len(evidence.rows("series")), "instances": len(evidence.rows("instances")), "reads": len(reads),
        "readers": len({row["reader"] for row in reads}), "train": splits["train"], "test": splits["test"],
        "age_lowest": min(ages, default=None), "age_median": statistics.median(ages) if ages else None,
        "age_highest": max(ages, default=None),
        "women": sexes["F"], "men": sexes["M"], "sex_unknown": sexes[""],
    }  # fmt: skip


def check_words(evidence: Evidence) -> Check:
    """README, DATASHEET and report.html say what the tables say."""
    check = Check("words", "every number in README, DATASHEET and report.html equals the tables")
    known = facts(evidence)
    stored = {row["fact"]: row["value"] for row in evidence.rows("facts")}
    check.expect(sorted(stored), sorted(known), "facts.csv: facts")
    for name, value in known.items():
        check.expect(stored.get(name, "(none)"), "" if value is None else _plain(value), f"facts.csv: {name}")
    changes = Counter(row["change"] if row["change"] in ("added", "withdrawn") else "relabelled" for row in evidence.rows("changes"))
    known |= {name: changes[name] for name in ("added", "withdrawn", "relabelled")}
    for page in ("README.md", "DATASHEET.md"):
        text = evidence.text(page)
        _markdown_tables(check, evidence, page, text)
        _prose(check, page, _bare_prose(text), known)
    _prose(check, "CLAIM.md", _bare_prose(evidence.text("CLAIM.md"), tables=True), known)
    _html(check, evidence, known)
    _prose(check, "report.html", _bare_html(evidence.text("report.html")), known)
    check_probe(check, evidence)
    check_agreement(check, evidence)
    _splits(check, evidence)
    return check


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def _agrees(shown: str, cell: str) -> bool:
    """Whether a page's text is the table's cell, to the decimals that the page shows."""
    shown, cell = shown.strip().replace("\\|", "|"), re.sub(r"\s*\n\s*", " ", cell.strip())
    if shown == (cell or DASH):
        return True
    try:
        page, table = _number(shown), float(cell)
    except ValueError:
        return False
    decimals = len(shown.partition(".")[2])
    return abs(page - table) <= 0.5 * 10**-decimals + 1e-9 * abs(table)


def _markdown_tables(check: Check, evidence: Evidence, page: str, text: str) -> None:
    """Each Markdown table that shows a CSV is found by its header and compared cell by cell."""
    shown = [[_split_cells(line) for line in block.splitlines()] for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    wanted = {
        "README.md": TABLES[:-1],
        "DATASHEET.md": ("table1", "table2", "population", "balance", "splits", "agreement", "probe", "defacing", "flow"),
    }
    for name in wanted[page]:
        rows = evidence.rows(name)
        if not rows:
            continue
        header = [_heading(column) for column in rows[0]]
        found = [table for table in shown if table[0] == header]
        check.expect(len(found), 1, f"{page}: tables that show {name}.csv")
        for table in found:
            _cells(check, f"{page}, {name}", table[2:], rows)


def _split_cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _heading(column: str) -> str:
    special = {
        "arm_ich": "with ICH", "arm_normal": "without ICH", "p": "p(H)", "p_given_any": "p(H \\| any)", "ich": "ICH",
        "smd": "SMD", "auc": "AUC",
        "low": "95 % low", "high": "95 % high", "sex_unknown": "sex unknown", "class_names": "class names",
        "kvp": "tube voltage", "kernel": "convolution kernel", "instances": "files",
    }  # fmt: skip
    return special.get(column, column.replace("_", " "))


def _cells(check: Check, where: str, shown: list[list[str]], rows: Sequence[Row]) -> None:
    check.expect(len(shown), len(rows), f"{where}: rows")
    for number, (line, row) in enumerate(zip(shown, rows, strict=False), 1):
        for column, text, cell in zip(row, line, row.values(), strict=False):
            check.looked_at += 1
            if not _agrees(text, cell) and not (column in NAMED and text == _heading(cell)):
                check.fault(f"{where}, row {number}, {column}: the page says {text!r}, the table {cell!r}")


def _bare_prose(text: str, tables: bool = False) -> str:
    """The page without what is not prose: the head, code, quotations, links, and, unless `tables` are words, tables."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith((">", "# ") if tables else ("|", ">", "# "))]
    return re.sub(r"`[^`]*`|<[^>]*>", "", re.sub(r"\s+", " ", " ".join(lines)))


def _bare_html(page: str) -> str:
    """The words of report.html: without figures, tables' cells, headings of the release, and what names its fact."""
    page = re.sub(r"<(style|svg|code|pre|title|h1|th|td|footer)\b.*?</\1>|<(span|b) data-fact[^>]*>[^<]*</\2>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", page)))


def _prose(check: Check, page: str, prose: str, known: dict[str, float | None]) -> None:
    for pattern, names in CLAIMS:
        for match in re.finditer(pattern, prose):
            for name, shown in zip(names, match.groups(), strict=True):
                check.expect(_number(shown), known[name], f"{page}: {name}")
        prose = re.sub(pattern, "", prose)
    for stray in re.findall(r"\S*\d\S*", FIXED.sub("", prose)):
        check.fault(f"{page}: the number {stray!r} stands in no sentence that a table answers for")
    check.looked_at += 1


class _Report(HTMLParser):
    """Facts and tables of report.html, and the text of its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[tuple[str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.columns: dict[str, list[str]] = {}
        self._fact = self._table = ""
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if "data-fact" in given:
            self._fact = given["data-fact"] or ""
        if tag == "table":
            self._table = given.get("data-table") or ""
            self.tables[self._table], self.columns[self._table] = [], []
        if tag == "th":
            self.columns[self._table].append(given.get("data-column") or "")
        if tag == "tr" and self._table:
            self.tables[self._table].append([])
        if tag == "td":
            self._cell = []

    def handle_data(self, data: str) -> None:
        if self._fact:
            self.facts.append((self._fact, data))
            self._fact = ""
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "td" and self._cell is not None:
            self.tables[self._table][-1].append("".join(self._cell))
            self._cell = None


def _html(check: Check, evidence: Evidence, known: dict[str, float | None]) -> None:
    page = _Report()
    page.feed(evidence.text("report.html"))
    check.expect(bool(page.facts), True, "report.html: facts shown")
    for name, shown in page.facts:
        value = known.get(name)
        check.expect(shown.strip() == DASH if value is None else _agrees(shown, _plain(value)), True, f"report.html: {name} ({shown})")
    for name, lines in page.tables.items():
        rows = [{column: row.get(column, "(none)") for column in page.columns[name]} for row in evidence.rows(name)]
        _cells(check, f"report.html, {name}", [line for line in lines if line], rows)


def _splits(check: Check, evidence: Evidence) -> None:
    labels = {row["study"]: row for row in evidence.rows("labels")}
    for split in ("train", "test"):
        own = [study for study in evidence.rows("studies") if study["split"] == split]
        counts = {
            "studies": len(own), "patients": len({study["subject"] for study in own}),
            **{f"arm_{arm}": sum(study["arm"] == arm for study in own) for arm in ("ich", "normal")},
            **{label: sum(labels.get(study["study"], {}).get(label) == "1" for study in own) for label in LABELS},
        }  # fmt: skip
        found = {row["count"]: row.get(split) for row in evidence.rows("splits")}
        check.expect(sorted(found), sorted(counts), f"splits.csv: what is counted in {split}")
        for name, count in counts.items():
            check.expect(found.get(name), str(count), f"splits.csv: {name} in {split}")
