"""`ichset deidentify`: any folder of DICOM in, a de-identified one out."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("src", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("dst", type=click.Path(file_okay=False, path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Pseudonym key file (mode 0600; `ichset keys new FILE` makes one).")
@click.option("--deface/--no-deface", default=True, help="Hide the face in the pixels (head CT); without it the pixels stay bit-identical.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; default: every core.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write counts, reasons and the tag census here as JSON.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Take the section [anonymize] of this config.")
@click.option("--option", "options", multiple=True, metavar="NAME", help="A profile option of PS3.15 instead of the default set; repeat it.")
@click.option("--subjects", type=click.Path(dir_okay=False, path_type=Path), help="The hospital's own subject IDs: CSV patient_id,subject.")
def deidentify(
    src: Path, dst: Path, key: Path, deface: bool, jobs: int | None, report: Path | None, config: Path | None, options: tuple[str, ...],
    subjects: Path | None,
) -> None:  # fmt: skip
    """De-identify every CT file below SRC into DST.

    Files come out as DST/<subject>/<study>/<series>/<instance>.dcm, named by keyed pseudonyms: the same key gives the same
    names on every machine and in every run. What is in doubt (screen captures, dose pages, scouts, drawn text, damaged
    files) is set aside in DST.private/quarantine with a reason for each file, and the command ends with exit code 3.
    DST.private also holds the crosswalk back to the patients: keep it in the hospital. A run that was interrupted goes on
    where it stopped.

    \b
    Make a key once, outside of both folders:
      ichset keys new ~/ichset.key
    De-identify with defacing, and write the report for the privacy officer:
      ichset deidentify /archive/heads /export/heads --key ~/ichset.key --report census.json
    Tags only, on four cores:
      ichset deidentify SRC DST --key ~/ichset.key --no-deface --jobs 4
    Remove all dates instead of shifting them:
      ichset deidentify SRC DST --key ~/ichset.key --option patient --option descriptors
    """
    from ichset.anonymize import deidentify as work
    from ichset.anonymize.settings import folder_settings
    from ichset.errors import NeedsAPerson
    from ichset.pseudonyms import load_key

    settings = folder_settings(config, options, subjects)
    secret = load_key(key, outside=(src, dst, work.private_folder(dst)))
    summary = work.deidentify_folder(src, dst, secret, settings, None, deface, jobs)
    if report:
        work.write_report(report, summary, settings, deface)
    click.echo(f"{summary.files} files: {summary.written} written in {summary.studies} studies, {summary.quarantined} quarantined")
    for reason, count in summary.reasons.items():
        click.echo(f"  {count} x {reason}")
    if summary.quarantined:
        raise NeedsAPerson(f"{summary.quarantined} files were set aside; see quarantine/reasons.csv in the private folder beside DST")
