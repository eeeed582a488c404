"""Run every check over one release, reading each file once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from ichset.config import AuditConfig
from ichset.errors import ConfigError
from ichset.release.audit import bagfiles, cards, conformance, counts, exports, figures, files, sources, tables, versions, words
from ichset.release.audit.clean import CleanAudit
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.identifiers import IdentifierSearch
from ichset.release.audit.report import AuditReport, Check


def audit_release(release: Path, private: Path | None, config: AuditConfig) -> AuditReport:
    """Check a release against itself and, when the private work folder is given, against every source identifier in it.

    Never changes the release. Raises ConfigError when there is no release to look at.
    """
    if not (release / "bagit.txt").is_file():
        raise ConfigError(f"{release}: no release here (bagit.txt is missing); build one with: ichset run release")
    release = release.resolve()
    evidence = Evidence.of(release)
    audit = files.FileAudit(evidence, private, config.age_cap)
    search, clean = IdentifierSearch(evidence, private), CleanAudit()
    for name in evidence.files:
        data = evidence.bytes_of(name)
        search.look(name, data)
        clean.see(name, data)
        if name.startswith("data/dicom/"):
            audit.see(name, data)
    plain: tuple[tuple[str, Callable[[Evidence], Check]], ...] = (
        ("bag", bagfiles.check_bag), ("checksums", bagfiles.check_sums), ("tables", tables.check_tables),
        ("references", tables.check_references), ("labels", tables.check_labels), ("splits", tables.check_splits),
        ("counts", counts.check_counts), ("flow", counts.check_flow), ("words", words.check_words), ("figures", figures.check_figures),
        ("cards", cards.check_cards), ("exports", lambda found: exports.check_exports(found, audit.slices, private)),
        ("defacing", lambda found: tables.check_deface(found, config.max_exposed, config.max_brain_changed)),
        ("versions", versions.check_versions), ("sources", lambda found: sources.check_sources(found, private)),
        ("conformance", lambda found: conformance.check_conformance(found, config.dciodvfy, config.require_dciodvfy, private)),
    )  # fmt: skip
    checks = [*(_guarded(name, check, evidence) for name, check in plain), *audit.checks(), clean.check, search.check]
    for check in checks:
        check.faults = [search.unnamed(fault) for fault in check.faults]
    return AuditReport(release.name, _bag(release), tuple(checks))


def _guarded(name: str, check: Callable[[Evidence], Check], evidence: Evidence) -> Check:
    """A release may be broken in any way: a check that cannot go on has failed, and the others still speak."""
    try:
        return check(evidence)
    except Exception as error:  # whatever broken content raises; its words may repeat the content
        broken = Check(name, "the check could be completed")
        broken.fault(f"the content is broken beyond reading ({type(error).__name__})")
        return broken


def _bag(release: Path) -> str:
    manifest = release / "tagmanifest-sha256.txt"
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else ""
