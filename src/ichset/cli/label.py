"""`ichset label`."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="CSV or JSONL, by the name's ending.")
@click.option("--explain", is_flag=True, help="Add every label's mentions: place, finding, assertion, the words that decided.")
@click.option("--model", type=FILE, help="Add p_ich from a trained classifier (work/model/ of a pipeline).")
@click.option("--method", type=click.Choice(["scoped", "paper"]), default="scoped", show_default=True, help="Our rules, or the published rule.")
@click.option("--keywords", type=FOLDER, help="Your own keywords folder.")
@click.option("--stopphrases", type=FOLDER, help="Your own stopphrases folder.")
def label(file: Path, output: Path, explain: bool, model: Path | None, method: str, keywords: Path | None, stopphrases: Path | None) -> None:
    """Label the radiology reports of FILE (CSV, JSONL or Parquet), one row out for every row in.

    FILE has columns id and either text, or description and conclusion; lang (ru, en) and title are optional. A label is 1
    (present), 0 (absent) or empty (cannot be told from this report). Needs no network, no training and no pipeline.

    \b
    Examples:
      ichset label reports.csv --output labels.csv
      ichset label reports.parquet --output labels.jsonl --explain
    """
    from ichset.config import RulesConfig
    from ichset.reports.label_file import label_file

    config = RulesConfig(method=method, keywords=keywords, stopphrases=stopphrases)  # type: ignore[arg-type]
    click.echo(f"{label_file(file, output, config, explain, model)} reports labelled", err=True)
