"""`ichset audit` and `ichset evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from ichset.errors import GateFailed

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("release", type=FOLDER)
@click.option("--private", type=FOLDER, help="Private work folder: bytes are searched for its identifiers, tables and reads compared with its own.")
@click.option("--no-dciodvfy", is_flag=True, help="Leave out the DICOM conformance check (the slowest one).")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--no-report", is_flag=True, help="Print only; write no report beside the release.")
def audit(release: Path, private: Path | None, no_dciodvfy: bool, as_json: bool, no_report: bool) -> None:
    """Check the release in the folder RELEASE: checksums, bag, tables, files, counts, splits, words, identifiers.

    The audit shares no code with what built the release and never changes it. Its report is written beside the bag
    (RELEASE.audit.txt and RELEASE.audit.json). Exit code 4 when anything is wrong.

    \b
    Examples:
      ichset audit data/release
      ichset audit data/release --private data/work      also search for names, IDs, dates, UIDs; compare with the run
      ichset audit data/release --json | jq .passed
    """
    from ichset.config import AuditConfig
    from ichset.release.audit import audit_release

    report = audit_release(release, private, AuditConfig(dciodvfy=not no_dciodvfy))
    click.echo(report.json() if as_json else report.text(), nl=False)
    if not no_report:
        report.write(release)
    if not report.ok:
        raise GateFailed(f"{release}: the audit failed in {', '.join(check.name for check in report.failed)}")


@click.command()
@click.argument("release", type=FOLDER)
@click.argument("predictions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--split", type=click.Choice(["all", "train", "test"]), default="test", show_default=True, help="Which studies are scored.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="At or above it a study is called positive.")
@click.option(
    "--bootstrap", "rounds", type=click.IntRange(0), default=1000, show_default=True, help="Draws for the 95 % intervals; 0: none."
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for scores, ROC curves and the test's log.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evaluate(release: Path, predictions: Path, split: str, threshold: float, rounds: int, out: Path | None, as_json: bool) -> None:
    """Score PREDICTIONS.csv of an AI service on the release in the folder RELEASE.

    PREDICTIONS has a row a study (column `study`) or a row an image (column `image`, the SOP instance UID; a study then has
    the highest value of its images), a probability from 0 to 1 in a column for each label it predicts, and `seconds` where
    the time was taken. RSNA's long form (`ID,Label`) is read too. Unknown, missing, doubled and unreadable rows are named
    and left out.

    \b
    Examples:
      ichset evaluate data/release predictions.csv
      ichset evaluate data/release predictions.csv --split all --out results/
      printf 'study,ich,seconds\\nS4XK...,0.93,1.7\\n' > predictions.csv
    """
    import json

    from ichset.release.evaluate import evaluate as score_predictions
    from ichset.release.results import as_text, write_results

    result = score_predictions(release, predictions, split, threshold, rounds)
    if out is not None:
        write_results(result, out)
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else as_text(result), nl=as_json)
