"""`ichset run`, `ichset status`, `ichset explain`."""

from __future__ import annotations

import json
from pathlib import Path

import click

CONFIG = click.option(
    "--config", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The run's TOML file; see configs/ for examples."
)
STAGE_NAMES = (
    "ingest", "screen", "rules", "classify", "sample", "read-text", "cohort", "retrieve", "read-image", "anonymize", "release", "audit",
)  # fmt: skip - a test holds this list to pipeline.py, whose import would slow every --help
STAGE = click.Choice(STAGE_NAMES)


@click.command()
@click.argument("stage", type=STAGE, required=False)
@CONFIG
@click.option("--from", "first", type=STAGE, help="Start at this stage.")
@click.option("--until", "last", type=STAGE, help="Stop after this stage.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; default: the config's, else every core.")
@click.option("--limit", type=click.IntRange(min=1), help="Take the first N reports of the export only: a trial of a new config.")
@click.option("--dry-run", is_flag=True, help="Say what would run and why; change nothing.")
@click.option("--force", is_flag=True, help="Run the stages even where nothing changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object on standard output.")
def run(
    stage: str | None, config: Path, first: str | None, last: str | None, jobs: int | None, limit: int | None, dry_run: bool, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Run the whole pipeline, or only STAGE.

    The stages, in order: ingest, screen, rules, classify, sample, read-text, cohort, retrieve, read-image, anonymize,
    release, audit. A stage whose inputs, settings and outputs are as it left them does nothing, so the same command
    goes on after an interruption, after readers sent their decisions (exit code 8 means: waiting for readers) and
    after a change of the config.

    \b
    Examples:
      ichset run --config configs/demo.toml
      ichset run --config mine.toml --until sample        stop before the first reading
      ichset run release --config mine.toml --force       build the release again
      ichset run --config mine.toml --limit 10000         a trial on the first 10,000 reports
      ichset run --config mine.toml --dry-run             what would run, and why
    """
    from ichset import pipeline
    from ichset.config import load
    from ichset.run import Run, locked

    if stage and (first or last):
        raise click.UsageError("name one STAGE, or a range by --from and --until, not both")
    if first and last and STAGE_NAMES.index(first) > STAGE_NAMES.index(last):
        raise click.UsageError(f"--from {first} comes after --until {last}")
    settings = load(config)
    if limit:
        settings = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"limit": limit})})
    with locked(settings.project.work):
        state = Run(settings, jobs=jobs, force=force, dry=dry_run)
        try:
            pipeline.execute(state, pipeline.chosen(stage, first, last))
        finally:
            if as_json:
                click.echo(json.dumps({"stages": state.results, "release": settings.project.release.name}, ensure_ascii=False))


@click.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print the funnel as JSON rows.")
def status(config: Path, as_json: bool) -> None:
    """Show the funnel (records in, kept, excluded with reasons) and which stages are up to date."""
    from ichset import pipeline
    from ichset.cli.tables import funnel_lines
    from ichset.config import load
    from ichset.run import Run

    state = Run(load(config), quiet=True)
    rows = state.funnel().to_pylist()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    current = {stage.name: state.manifests.is_current(stage.name, state.inputs(stage)) for stage in pipeline.STAGES}
    click.echo("\n".join(funnel_lines(rows, current)))


@click.command()
@click.argument("study")
@CONFIG
def explain(study: str, config: Path) -> None:
    """Show STUDY's whole way: matched phrases, scores, reads, reasons.

    STUDY is the study's pseudonym (S...), or on the private side its accession number or Study Instance UID.
    What is printed holds report text: for the hospital's own eyes.
    """
    from ichset.config import load
    from ichset.explain import explain_study
    from ichset.run import Run

    click.echo("\n".join(explain_study(Run(load(config), quiet=True), study)))
