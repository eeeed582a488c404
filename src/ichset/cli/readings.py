"""`ichset readings`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ichset.cli.run import CONFIG


@click.group()
def readings() -> None:
    """Reading rounds as files: worklists are in <work>/worklists, one CSV and one XLSX a reader.

    Each reader has an own seeded order and sees nobody else's reads; the expert's list holds disagreements only. A
    label is 1 (present), 0 (absent) or ? (cannot tell); leave a row empty to read it later.
    Key slices: `subdural=1:12 1:13; fracture=2:4`, label=series:slice, slices counted from 1 along the normal (the lowest first).
    """


@readings.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@CONFIG
def import_(file: Path, config: Path) -> None:
    """Append the decisions of FILE (a filled worklist, CSV or XLSX).

    A row that is changed, duplicated or unknown is refused by line and study, the others are recorded, and the
    command ends with exit code 3. A recorded decision is never edited.

    \b
    Example:
      ichset readings import data/work/worklists/image-reader-1.xlsx --config mine.toml
    """
    from ichset.config import load
    from ichset.errors import ConfigError, NeedsAPerson
    from ichset.readings import open_round
    from ichset.readings.worklists import import_decisions

    settings = load(config)
    folder = settings.project.work / "readings"
    sections = {"text": settings.read_text, "image": settings.read_image}
    opened = {name: open_round(folder, name, section, settings.project.seed) for name, section in sections.items()}
    rounds = {name: round_ for name, round_ in opened.items() if round_ is not None}
    if not rounds:
        raise ConfigError(f"{folder}: no round is open yet; run the pipeline first: ichset run --config {config}")
    done = import_decisions(file, rounds)
    click.echo(f"{done.recorded} decisions recorded, {len(done.refused)} rows refused")
    for line, why in done.refused:
        click.echo(f"  {file.name}, line {line}: {why}", err=True)
    if done.refused:
        raise NeedsAPerson(f"{len(done.refused)} rows of {file.name} were refused; the others are recorded")


@readings.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def agreement(config: Path, as_json: bool) -> None:
    """Cohen's kappa (95 % interval, prevalence-adjusted) of each pair of readers, on their independent first reads."""
    from dataclasses import asdict

    from ichset.config import load
    from ichset.contracts import LABELS
    from ichset.readings import open_round

    settings = load(config)
    rows = []
    for name, section in (("text", settings.read_text), ("image", settings.read_image)):
        round_ = open_round(settings.project.work / "readings", name, section, settings.project.seed)
        if round_ is None:
            continue
        for label in LABELS:
            for (one, two), found in round_.agreement(label).items():
                rows.append({"round": name, "label": label, "readers": [one, two], **asdict(found)})
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        kappa = "undefined" if row["kappa"] is None else f"{row['kappa']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        click.echo(f"{row['round']:<6} {row['label']:<17} {' / '.join(row['readers']):<24} kappa {kappa}, adjusted {row['adjusted']:.3f}")
