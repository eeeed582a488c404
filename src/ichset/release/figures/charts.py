"""Charts of the counted tables: labels, balance, age, technique, shift, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ichset.contracts import ARMS
from ichset.release.figures.canvas import ARM_COLOURS, ARM_NAMES, BLOOD, CALM, LINE, SOFT, figure
from ichset.release.formats import word
from ichset.release.paper import PARAMETERS
from ichset.release.records import Records, age_years

Tables = Mapping[str, list[dict[str, Any]]]
AGE_STEP = 5  # years
CLASSES_SHOWN = 12
NOTABLE = 0.1  # |SMD| beyond which a difference is usually called notable (Austin 2009)


def draw_all(tables: Tables, records: Records, folder: Path) -> None:
    """Every chart that has something to show."""
    labels(tables["table1"], folder)
    balance(tables["balance"], folder)
    age(records, folder)
    technique(tables["tableS1"], folder)
    shift(tables["shift"], folder)
    agreement(tables["agreement"], folder)


def labels(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Bars of Table 1."""
    with figure(6.2, 3.6, folder, "labels") as drawn:
        axes = drawn.subplots()
        names, values = [word(row["label"]) for row in rows], [row["present"] for row in rows]
        bars = axes.barh(names, values, color=[BLOOD if row["label"] != "fracture" else SOFT for row in rows], height=0.68)
        axes.bar_label(bars, [f"{value:,}" for value in values], padding=4)
        axes.invert_yaxis()
        axes.set(title="Studies with each label", xlim=(0, max([*values, 1]) * 1.15))
        _bare(axes)


def balance(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """p(H) and p(H | any) side by side."""
    with figure(6.2, 3.6, folder, "balance") as drawn:
        axes = drawn.subplots()
        places = np.arange(len(rows))
        for shift_by, key, colour, name in ((-0.19, "p", CALM, "of all studies"), (0.19, "p_given_any", BLOOD, "of studies with ICH")):
            values = [row[key] or 0.0 for row in rows]
            bars = axes.barh(places + shift_by, values, height=0.36, color=colour, label=name)
            axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=4, fontsize=7.5)
        axes.set_yticks(places, [word(row["label"]) for row in rows])
        axes.invert_yaxis()
        axes.set(title="Share of studies with each label", xlim=(0, 1.18))
        axes.legend(loc="lower right", fontsize=8)
        _bare(axes)


def age(records: Records, folder: Path) -> None:
    """Histogram of age, one panel an arm on a common scale."""
    rows = records.studies.select(["arm", "age"]).to_pylist()
    ages = {arm: [years for row in rows if row["arm"] == arm and (years := age_years(row["age"])) is not None] for arm in ARMS}
    known = [years for own in ages.values() for years in own]
    if not known:
        return
    edges = np.arange(min(known) // AGE_STEP * AGE_STEP, max(known) // AGE_STEP * AGE_STEP + AGE_STEP + 1, AGE_STEP)
    with figure(9.0, 3.0, folder, "age") as drawn:
        for axes, arm in zip(drawn.subplots(1, len(ARMS), sharey=True, sharex=True), ARMS, strict=True):
            axes.hist(ages[arm], bins=edges, color=ARM_COLOURS[arm], edgecolor="white", linewidth=0.8)
            axes.set(title=f"{ARM_NAMES[arm]}: {len(ages[arm]):,} studies of known age", xlabel="age, years")
            axes.yaxis.get_major_locator().set_params(integer=True)
            axes.grid(axis="y", color=LINE, linewidth=0.6)
            axes.set_axisbelow(True)


def technique(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Series in each class, stacked by arm; one panel a parameter, the rarest classes in one bar."""
    panels = [(name, _classes([row for row in rows if row["parameter"] == name])) for name in PARAMETERS if name != "tube_current"]
    panels = [(name, classes) for name, classes in panels if classes]
    tallest = [max(len(panels[i][1]) for i in pair if i < len(panels)) for pair in ((0, 1), (2, 3)) if pair[0] < len(panels)]
    if not panels:
        return
    with figure(10.0, 1.4 + 0.27 * sum(tallest) + 0.5 * len(tallest), folder, "technique") as drawn:
        grid = drawn.subplots(len(tallest), 2, squeeze=False, height_ratios=[count + 1.5 for count in tallest])
        for axes in grid.flat[len(panels) :]:
            axes.axis("off")
        for axes, (name, classes) in zip(grid.flat, panels, strict=False):
            left = np.zeros(len(classes))
            for arm in ARMS:
                values = np.array([counts[arm] for _, counts in classes], float)
                axes.barh([label for label, _ in classes], values, left=left, color=ARM_COLOURS[arm], height=0.7, label=ARM_NAMES[arm])
                left += values
            for place, total in enumerate(left):
                axes.annotate(f"{int(total):,}", (total, place), (4, 0), textcoords="offset points", va="center", fontsize=7.5, color=SOFT)
            unit = f", {PARAMETERS[name]}" if PARAMETERS[name] else ""
            axes.set(title=f"{word(name).capitalize()}{unit}", xlim=(0, max(left.max(), 1) * 1.15))
            axes.invert_yaxis()
            _bare(axes)
        drawn.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=8)


def _classes(rows: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, int]]]:
    counts = [(row["class"], {arm: row[f"arm_{arm}"] for arm in ARMS}) for row in rows]
    if len(counts) <= CLASSES_SHOWN:
        return counts
    ranked = sorted(counts, key=lambda item: (-sum(item[1].values()), item[0]))
    frequent = {name for name, _ in ranked[: CLASSES_SHOWN - 1]}
    rest = [own for name, own in counts if name not in frequent]
    return [item for item in counts if item[0] in frequent] + [(f"{len(rest)} others", {arm: sum(own[arm] for own in rest) for arm in ARMS})]


def shift(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Standardised mean differences, the largest first."""
    known = sorted((row for row in rows if row["smd"] is not None), key=lambda row: (-abs(row["smd"]), row["parameter"], row["class"]))[:20]
    if not known:
        return
    with figure(9.0, 1.0 + 0.24 * len(known), folder, "shift") as drawn:
        axes = drawn.subplots()
        names = [word(row["parameter"]) + (f" {row['class']}" if row["class"] else "") for row in known]
        values = [row["smd"] for row in known]
        axes.barh(names, values, color=[BLOOD if abs(value) > NOTABLE else CALM for value in values], height=0.6)
        reach = max(0.3, *(abs(value) for value in values)) * 1.2
        for place, value in enumerate(values):
            side, away = ("left", 4) if value >= 0 else ("right", -4)
            shown = f"{value:.2f}".replace("-", "−")
            axes.annotate(shown, (value, place), (away, 0), textcoords="offset points", va="center", ha=side, fontsize=7.5, color=SOFT)
        for limit in (-NOTABLE, NOTABLE):
            axes.axvline(limit, color=SOFT, linestyle="--", linewidth=0.8)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set(title="Standardised mean difference, ICH minus normal", xlim=(-reach, reach))
        axes.invert_yaxis()


def agreement(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Kappa with its interval, one panel a pair of readers and round (the first four)."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["round"], row["first"], row["second"]), []).append(row)
    chosen = list(groups.items())[:4]
    if not chosen:
        return
    with figure(9.0, 0.7 + 2.6 * ((len(chosen) + 1) // 2), folder, "agreement") as drawn:
        grid = drawn.subplots((len(chosen) + 1) // 2, min(len(chosen), 2), squeeze=False, sharex=True)
        for axes in grid.flat[len(chosen) :]:
            axes.axis("off")
        for axes, ((name, one, two), own) in zip(grid.flat, chosen, strict=False):
            axes.set_yticks(range(len(own)), [word(row["label"]) for row in own])
            for place, row in enumerate(own):
                if row["kappa"] is None:
                    axes.text(0.02, place, "undefined: one answer throughout", va="center", fontsize=7, color=SOFT)
                    continue
                axes.plot([max(row["low"], -0.2), row["high"]], [place, place], color=CALM, linewidth=2.2, solid_capstyle="butt")
                axes.plot(row["kappa"], place, "o", color=BLOOD, markersize=5)
                axes.text(1.04, place, f"{row['kappa']:.2f}", va="center", fontsize=7.5, color=SOFT)
            axes.set(title=f"{name}: {one}, {two}", xlim=(-0.2, 1.18), ylim=(len(own) - 0.5, -0.5), xlabel="kappa")
            axes.grid(axis="x", color=LINE, linewidth=0.6)


def _bare(axes: Any) -> None:
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.tick_params(axis="y", length=0)
