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
@click.argument("where", metavar="FOLDER|STUDY")
@click.option("--policy", type=click.Choice(["all-native", "best-soft-tissue"]), help="Default: the config's, else all-native.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="The run whose archive or PACS has STUDY.")
@click.option("--paths", is_flag=True, help="Name each study's folders too; folders of an archive may name a patient.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; default: every core.")
def series(where: str, policy: str | None, config: Path | None, paths: bool, jobs: int | None) -> None:
    """Show every series below FOLDER, or of one STUDY of a run's archive: taken, or why it would be left.

    STUDY is a pseudonym (S...), an accession number or a Study Instance UID; the source in the config is asked for its
    headers, no pixels move. What only pixels tell (artefacts, filled vessels) is decided by the stage `retrieve`.

    \b
    Examples:
      ichset series /archive/ct/one-study
      ichset series A1002003 --config configs/pacs.toml
    """
    from ichset.imaging.listing import series_lines, study_lines

    if Path(where).is_dir():
        for line in series_lines(Path(where), policy or "all-native", jobs, paths):
            click.echo(line)
        return
    if config is None:
        raise click.UsageError("no such folder; to look at one study of a run's archive, name the run by --config")
    from ichset.config import load
    from ichset.explain import find_report
    from ichset.run import Run, locked

    settings = load(config)
    with locked(settings.project.work):
        state = Run(settings, jobs=jobs, quiet=True)
        retrieve = settings.retrieve.model_copy(update={"policy": policy} if policy else {})
        for line in study_lines(where, find_report(state, where), retrieve, state.engine, state.work):
            click.echo(line)
