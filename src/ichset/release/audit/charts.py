"""The charts: each number drawn, and the length of each bar, against the table that it shows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from html import unescape

from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.report import Check

BLOOD, CALM = "#b3261e", "#2b6c8f"
AGE_STEP = 5  # years a bar
PANELS = {"Manufacturer": "manufacturer", "Convolution kernel": "kernel", "Slice thickness, mm": "slice_thickness", "Tube voltage, kV": "kvp"}
SHIFTS = 20  # differences shown
PAIRS = 4  # of readers
CLOSE = 0.02  # share of the longest bar that a bar may be off: a line's width


def check_charts(check: Check, evidence: Evidence) -> None:
    """A chart shows its table; labels and balance are always there, the others where they have something to show."""
    for name in ("labels", "balance"):
        check.expect(f"data/figures/{name}.svg" in evidence.files, True, f"{name}.svg is there")
    for name, look in (("labels", _labels), ("balance", _balance), ("age", _age), ("technique", _technique), ("shift", _shift),
                       ("agreement", _agreement)):  # fmt: skip
        if svg := evidence.text(f"data/figures/{name}.svg"):
            look(check, evidence, svg)


def texts(svg: str) -> list[str]:
    """The texts of an SVG, in order."""
    return [unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def _bars(svg: str, colour: str) -> list[tuple[float, float]]:
    """Width and height of the filled rectangles of one colour, in order."""
    found = []
    for outline in re.findall(rf'<path d="(M [^"]*z)\s*"[^>]*style="fill: {colour}[^"]*"', svg):
        points = [tuple(map(float, pair)) for pair in re.findall(r"([-\d.]+) ([-\d.]+)", outline)]
        found.append((max(x for x, _ in points) - min(x for x, _ in points), max(y for _, y in points) - min(y for _, y in points)))
    return found


def _lengths(check: Check, where: str, drawn: Sequence[float], values: Sequence[float]) -> None:
    """Bars are to each other as their values are."""
    check.expect(len(drawn), len(values), f"{where}: bars")
    longest, highest = max(drawn, default=0.0), max(values, default=0.0)
    for number, (length, value) in enumerate(zip(drawn, values, strict=False), 1):
        share = value / highest if highest else 0.0
        check.expect(abs(length / (longest or 1.0) - share) <= CLOSE, True, f"{where}: length of bar {number}")


def _labels(check: Check, evidence: Evidence, svg: str) -> None:
    rows = evidence.rows("table1")
    drawn = [text.replace(",", "") for text in texts(svg) if re.fullmatch(r"[\d,]+", text)]
    check.expect(drawn, list(rows.column("present")), "labels.svg: bars")
    widths = [width for width, _ in _bars(svg, BLOOD)]
    _lengths(check, "labels.svg", widths, [float(row["present"]) for row in rows if row["label"] != "fracture"])


def _balance(check: Check, evidence: Evidence, svg: str) -> None:
    rows = evidence.rows("balance")
    columns = [[float(row[name] or 0) for row in rows] for name in ("p", "p_given_any")]
    drawn = [text for text in texts(svg) if re.fullmatch(r"\d\.\d\d", text)]
    check.expect(drawn, [f"{value:.2f}" for values in columns for value in values], "balance.svg: numbers")
    for colour, values in zip((CALM, BLOOD), columns, strict=True):
        _lengths(check, "balance.svg", [width for width, _ in _bars(svg, colour)][: len(values)], values)


def _age(check: Check, evidence: Evidence, svg: str) -> None:
    ages: dict[str, list[int]] = defaultdict(list)
    for row in evidence.rows("studies"):
        if row["age"]:
            ages[row["arm"]].append(int(row["age"].rstrip("+")))
    known = [age for own in ages.values() for age in own]
    first, last = min(known, default=0) // AGE_STEP, max(known, default=0) // AGE_STEP
    highest = max((max(Counter(age // AGE_STEP for age in own).values()) for own in ages.values()), default=1)
    heights = {arm: [height for _, height in _bars(svg, colour)] for arm, colour in (("ich", BLOOD), ("normal", CALM))}
    tallest = max((height for own in heights.values() for height in own), default=1.0) or 1.0
    for arm, name in (("ich", "with ICH"), ("normal", "without ICH")):
        check.expect(f"{name}: {len(ages[arm]):,} studies of known age" in texts(svg), True, f"age.svg: studies {name}")
        bins = Counter(age // AGE_STEP for age in ages[arm])
        wanted = [bins[step] / highest for step in range(first, last + 1)]
        drawn = [height / tallest for height in heights[arm]]
        fits = len(drawn) == len(wanted) and all(abs(one - two) <= CLOSE for one, two in zip(drawn, wanted, strict=True))
        check.expect(fits, True, f"age.svg: bars {name}")


def _technique(check: Check, evidence: Evidence, svg: str) -> None:
    chunk: list[str] = []
    shown = set()
    for text in texts(svg):
        if text not in PANELS:
            chunk.append(text)
            continue
        shown.add(PANELS[text])
        counts = {row["class"]: int(row["series"]) for row in evidence.rows("tableS1") if row["parameter"] == PANELS[text]}
        half = len(chunk) // 2
        drawn = dict(zip(chunk[:half], (total.replace(",", "") for total in chunk[half:]), strict=False))
        rest = {name: count for name, count in counts.items() if name not in drawn}
        known = {f"{len(rest)} others": sum(rest.values())} | counts if rest else counts
        wanted = {name: str(known.get(name, 0)) for name in drawn}
        check.expect(drawn, wanted, f"technique.svg: series by {PANELS[text]}")
        check.expect(sum(map(int, wanted.values())), sum(counts.values()), f"technique.svg: all series by {PANELS[text]}")
        chunk = []
    check.expect(shown, {row["parameter"] for row in evidence.rows("tableS1")} & set(PANELS.values()), "technique.svg: panels")


def _shift(check: Check, evidence: Evidence, svg: str) -> None:
    known = [row for row in evidence.rows("shift") if row["smd"]]
    known = sorted(known, key=lambda row: (-abs(float(row["smd"])), row["parameter"], row["class"]))[:SHIFTS]
    shown = [text for text in texts(svg) if not text.startswith("Standardised")]
    names = [at for at, text in enumerate(shown) if not re.fullmatch(r"−?\d+(?:\.\d+)?", text)]
    drawn = shown[max(names, default=-1) + 1 :]  # the axis' own numbers stand before the names, the values behind them
    check.expect(drawn, [f"{float(row['smd']):.2f}".replace("-", "−") for row in known], "shift.svg: numbers")
    widths = sorted((width for colour in (BLOOD, CALM) for width, _ in _bars(svg, colour)), reverse=True)
    _lengths(check, "shift.svg", widths, [abs(float(row["smd"])) for row in known])


def _agreement(check: Check, evidence: Evidence, svg: str) -> None:
    pairs: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.rows("agreement"):
        pairs[f"{row['round']}: {row['first']}, {row['second']}"].append(row)
    found = texts(svg)
    for title, rows in list(pairs.items())[:PAIRS]:
        wanted = [f"{float(row['kappa']):.2f}" if row["kappa"] else "undefined: one answer throughout" for row in rows]
        place = found.index(title) if title in found else 0
        drawn = [text.replace("−", "-") for text in found[max(place - len(rows), 0) : place]]
        check.expect(drawn, wanted, f"agreement.svg, {title}: kappa")
