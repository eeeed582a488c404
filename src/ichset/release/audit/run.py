"""Run every check over one release, reading each file once."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ichset.config import AuditConfig
from ichset.errors import ConfigError
from ichset.release.audit import bagfiles, counts, exports, files, tables, words
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.identifiers import IdentifierSearch
from ichset.release.audit.report import AuditReport


def audit_release(release: Path, private: Path | None, config: AuditConfig) -> AuditReport:
    """Check a release against itself and, when the private work folder is given, against every source identifier in it.

    Never changes the release. Raises ConfigError when there is no release to look at.
    """
    if not (release / "bagit.txt").is_file():
        raise ConfigError(f"{release}: no release here (bagit.txt is missing); build one with: ichset run release")
    evidence = Evidence.of(release)
    audit = files.FileAudit(evidence)
    search = IdentifierSearch(evidence, private)
    for name in evidence.files:
        data = evidence.bytes_of(name)
        search.see(name, data)
        if name.startswith("data/dicom/"):
            audit.see(name, data)
    checks = [
        bagfiles.check_bag(evidence), bagfiles.check_sums(evidence), tables.check_tables(evidence), tables.check_references(evidence),
        tables.check_labels(evidence), tables.check_splits(evidence), *audit.checks(),
        counts.check_counts(evidence), counts.check_flow(evidence),
        words.check_words(evidence), words.check_figures(evidence), words.check_cards(evidence),
        exports.check_exports(evidence, audit.slices),
        tables.check_deface(evidence, config.max_exposed),
        files.check_conformance(evidence, config.dciodvfy, config.require_dciodvfy, private), search.check,
    ]  # fmt: skip
    return AuditReport(release.name, _bag(release), tuple(checks))


def _bag(release: Path) -> str:
    manifest = release / "tagmanifest-sha256.txt"
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else ""
