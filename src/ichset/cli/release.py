"""`ichset audit` and `ichset evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from ichset.errors import GateFailed

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("release", type=FOLDER)
@click.option("--private", type=FOLDER, help="The private work folder: every byte is then searched for source identifiers.")
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
      ichset audit data/release --private data/work      also search for names, IDs, dates, UIDs
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
