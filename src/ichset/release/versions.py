"""Versions of one dataset: which earlier release this one follows, what it keeps, and how the new one takes its place."""

from __future__ import annotations

import csv
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ichset.config import Config
from ichset.contracts import LABELS
from ichset.errors import ConfigError, GateFailed
from ichset.release.bag import version_of
from ichset.release.records import Records
from ichset.release.tablefiles import cell


@dataclass(frozen=True)
class Earlier:
    """What a new release must know of the one before it."""

    version: str
    subjects: dict[str, str]  # study -> subject
    splits: dict[str, str]  # study -> split
    labels: dict[str, dict[str, str]]  # study -> row of labels.csv
    manifest: dict[str, str]  # path in the bag -> sha256


def _order(version: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.\-+]", version))


def earlier_release(config: Config) -> Path | None:
    """The configured earlier release; else the newest lower version kept beside the release, or at its place."""
    if config.release.previous is not None:
        if version_of(config.release.previous) is None:
            raise ConfigError(f"release.previous: {config.release.previous} is not a release (no bag-info.txt with a version)")
        return config.release.previous
    target = config.project.release
    beside = [target, *sorted(target.parent.glob(f"{target.name}-*"))] if target.parent.is_dir() else []
    found = {path: version for path in beside if (version := version_of(path)) is not None}
    lower = [path for path, version in found.items() if _order(version) < _order(config.project.version)]
    return max(lower, key=lambda path: (_order(found[path]), path == target), default=None)


def read_earlier(bag: Path) -> Earlier:
    """The earlier release's own tables and manifest."""
    studies = _rows(bag / "data/tables/studies.csv")
    labels = _rows(bag / "data/tables/labels.csv")
    lines = (bag / "manifest-sha256.txt").read_text("utf-8").splitlines()
    return Earlier(
        version=version_of(bag) or "",
        subjects={row["study"]: row["subject"] for row in studies},
        splits={row["study"]: row["split"] for row in studies},
        labels={row["study"]: row for row in labels},
        manifest={path: digest for digest, path in (line.split(maxsplit=1) for line in lines)},
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        raise ConfigError(f"release.previous: {path} cannot be read; give the folder of a whole earlier release") from None


def keeps_identities(earlier: Earlier, records: Records) -> None:
    """Raises GateFailed when a study of the earlier release comes back under another subject or with other bytes."""
    for study, subject in zip(records.studies["study"].to_pylist(), records.studies["subject"].to_pylist(), strict=True):
        if earlier.subjects.get(study, subject) != subject:
            raise GateFailed(f"study {study} had another subject in version {earlier.version}; was the pseudonym key changed?")
    now = dict(zip(records.files["file"].to_pylist(), records.files["sha256"].to_pylist(), strict=True))
    changed = sorted(path for path, digest in earlier.manifest.items() if now.get(path, digest) != digest)
    if changed:
        raise GateFailed(
            f"{len(changed)} files differ from version {earlier.version}, the first is {changed[0]}; old manifests would no longer verify"
        )


def changes_table(earlier: Earlier, records: Records) -> pa.Table:
    """(study, what changed) against the earlier release, sorted: added, withdrawn, a label's old and new value."""
    now = {row["study"]: row for row in records.labels.to_pylist()}
    found = [(study, "added") for study in now if study not in earlier.subjects]
    found += [(study, "withdrawn") for study in earlier.subjects if study not in now]
    for study in now.keys() & earlier.labels.keys():
        for label in LABELS:
            before, after = (value if value else "unknown" for value in (earlier.labels[study][label], cell(now[study][label])))
            if before != after:
                found.append((study, f"{label}: {before} to {after}"))
    rows = [{"study": study, "change": change} for study, change in sorted(found)]
    return pa.Table.from_pylist(rows, pa.schema([("study", pa.string()), ("change", pa.string())]))


def refuse_foreign(target: Path) -> None:
    """Raises ConfigError where a folder with other content stands: a release replaces a release and nothing else."""
    if target.exists() and not (target.is_dir() and ((target / "bagit.txt").is_file() or not any(target.iterdir()))):
        raise ConfigError(f"project.release: {target} holds something that is no release; name a new or an empty folder")


def swap_in(part: Path, target: Path, version: str) -> None:
    """The finished folder takes its final name; a release of another version is kept beside, one of the same version is replaced."""
    refuse_foreign(target)
    os.sync()  # one sync for the whole tree: everything is on the disk before any name changes
    old = target.with_name(target.name + ".old.part")
    if old.exists():
        shutil.rmtree(old)
    if target.exists():
        standing = version_of(target)
        kept = target.with_name(f"{target.name}-{standing}")
        if standing is not None and standing != version and not kept.exists():
            target.rename(kept)
        else:
            target.rename(old)
    part.rename(target)
    if old.exists():
        shutil.rmtree(old)
