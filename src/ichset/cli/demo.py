"""`ichset demo init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def demo() -> None:
    """The synthetic hospital: reports, head phantoms as DICOM, readers' decisions."""


@demo.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--reports", type=click.IntRange(0), help="How many reports (any number: memory does not grow with it).")
@click.option("--studies", type=click.IntRange(0), help="How many studies in the archive; three sixteenths fill each arm.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed and key give the same bytes.")
@click.option("--size", type=click.Choice(["small", "default"]), default="default", show_default=True, help="small is for tests and CI.")
@click.option("--if-absent", is_flag=True, help="Do nothing where a finished hospital is already.")
@click.option("--jobs", type=click.IntRange(1), help="Workers (all cores).")
def init(directory: Path, reports: int | None, studies: int | None, seed: int, size: str, if_absent: bool, jobs: int | None) -> None:
    """Make a synthetic hospital in DIRECTORY: reports/, archive/, decisions/, training.parquet, ichset.key, demo.toml.

    Nobody in it exists. truth/ holds what is really in the images and reports, and every identifier that was planted;
    no stage reads it. An ichset.key that lies in DIRECTORY already is kept.

    \b
    Examples:
      ichset demo init data/demo                                  the embedded default
      ichset demo init /tmp/ward --size small && ichset run --config /tmp/ward/demo.toml
      ichset demo init /tmp/big --reports 1000000 --studies 0     report exports only
    """
    from ichset.demo.hospital import init_demo, is_complete
    from ichset.demo.settings import SIZES

    if if_absent and is_complete(directory):
        click.echo(f"{directory}: a demo hospital is there already")
        return
    asked = SIZES[size]
    reports, studies = (default if given is None else given for given, default in ((reports, asked.reports), (studies, asked.studies)))
    init_demo(directory, reports, studies, seed, size, jobs)
    click.echo(f"{directory}: a demo hospital; run it with: ichset run --config {directory / 'demo.toml'}")
