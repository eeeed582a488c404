"""What changed since the earlier release: told completely, and of what stayed, person, split and bytes are the same."""

from __future__ import annotations

import re
from pathlib import Path

from ichset.release.audit.csvtable import CsvTable
from ichset.release.audit.declared import LABELS
from ichset.release.audit.evidence import Evidence, Row
from ichset.release.audit.report import Check


def check_versions(evidence: Evidence) -> Check:
    """changes.csv against the rows of this release and, where it is kept beside, of the one before."""
    check = Check("versions", "changes since the earlier release are told; persons, splits and bytes are kept")
    follows = re.search(r"follows version `([^`]+)`", evidence.text("README.md"))
    changes = evidence.rows("changes")
    check.expect(bool(follows), bool(changes.names), "README.md names an earlier version where changes.csv is there")
    if follows is None or not changes.names:
        check.skipped = "this is a first version"
        return check
    _true_now(check, evidence, changes)
    earlier = evidence.release.with_name(f"{evidence.release.name}-{follows[1]}")
    if (earlier / "data/tables/studies.csv").is_file():
        _against(check, evidence, earlier, changes)
    else:
        check.notes.append("the earlier release is not kept beside this one: changes.csv cannot be compared with it")
    return check


def _true_now(check: Check, evidence: Evidence, changes: CsvTable) -> None:
    labels = {row["study"]: row for row in evidence.rows("labels")}
    for row in changes:
        study, change = row["study"], row["change"]
        if change in ("added", "withdrawn"):
            check.expect(study in labels, change == "added", f"changes.csv: {study} {change}")
            continue
        name, _, values = change.partition(": ")
        after = values.partition(" to ")[2]
        value = labels.get(study, {}).get(name, "(none)") or "unknown"
        check.expect((name in LABELS, value), (True, after), f"changes.csv: {study}, {name}")


def _against(check: Check, evidence: Evidence, earlier: Path, changes: CsvTable) -> None:
    before, now = _studies(CsvTable.read(earlier / "data/tables/studies.csv")), _studies(evidence.rows("studies"))
    old, new = _studies(CsvTable.read(earlier / "data/tables/labels.csv")), _studies(evidence.rows("labels"))
    wanted = [(study, "added") for study in now.keys() - before.keys()] + [(study, "withdrawn") for study in before.keys() - now.keys()]
    for study in before.keys() & now.keys():
        for name in ("subject", "split", "study_uid", "accession"):
            check.expect(now[study][name], before[study][name], f"{study}: {name} of the earlier release")
        pairs = ((label, old[study][label] or "unknown", new[study][label] or "unknown") for label in LABELS)
        wanted += [(study, f"{label}: {one} to {two}") for label, one, two in pairs if one != two]
    check.expect(sorted((row["study"], row["change"]) for row in changes), sorted(wanted), "changes.csv against the earlier release")
    known = set(evidence.text("manifest-sha256.txt").splitlines())
    for line in (earlier / "manifest-sha256.txt").read_text("utf-8").splitlines():
        parts = line.partition("  data/dicom/")[2].split("/")
        if len(parts) > 1 and parts[1] in now:
            check.expect(line in known, True, f"{'/'.join(parts)}: bytes of the earlier release")


def _studies(table: CsvTable) -> dict[str, Row]:
    return {row["study"]: row for row in table}
