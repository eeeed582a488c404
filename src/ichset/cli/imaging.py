"""`ichset index` and `ichset series`."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Keep the index here (Parquet); unchanged files are not read again.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; default: every core.")
def index(folder: Path, output: Path | None, jobs: int | None) -> None:
    """Read the headers of every file below FOLDER and say what is there: studies, series, instances, faults.

    \b
    Examples:
      ichset index /archive/ct
      ichset index /archive/ct --output index.parquet      again later: only what is new is read
    """
    from ichset.imaging.listing import summary_of

    click.echo("\n".join(summary_of(folder, output, jobs)))


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--policy", type=click.Choice(["all-native", "best-soft-tissue"]), default="all-native", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; default: every core.")
def series(folder: Path, policy: str, jobs: int | None) -> None:
    """Show every series below FOLDER: taken, or why it would be left.

    \b
    Example:
      ichset series /archive/ct/one-study
    """
    from ichset.imaging.listing import series_lines

    click.echo("\n".join(series_lines(folder, policy, jobs)))
