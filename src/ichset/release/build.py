"""Build a release: gather the selected studies, split them, copy their files, count them, describe them, close the bag.

The release is built beside its place as `<name>.part` and takes its final name only when whole. Nothing in it depends
on the day, the machine or the number of workers.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from ichset.config import Config
from ichset.release import balance, paper, shift, splits, summary, versions
from ichset.release.bag import close_bag
from ichset.release.cards import write_cards
from ichset.release.dataset import Dataset
from ichset.release.exports import write_exports
from ichset.release.figures import write_figures
from ichset.release.pixels import is_blank
from ichset.release.records import Records, gather
from ichset.release.tablefiles import write_table
from ichset.release.tree import copy_tree
from ichset.release.words import write_words


def build_release(tables: Mapping[str, pa.Table], funnel: pa.Table, config: Config, work: Path) -> None:
    """Write `config.project.release` from the tables of the run (by contract name) and the funnel's counts.

    Needs `selected`, `anonymized`, `anonymized_series`, `instances`; takes `reads`, `screened`, `mentions`, `retrieved`
    and `released_text` (de-identified report text) where they are given.
    Raises GateFailed when a split would leak, a file is not what was anonymized, or report text is asked for but not there.
    """
    versions.refuse_foreign(config.project.release)
    records = gather(tables, config.release.report_text)
    earlier_at = versions.earlier_release(config)
    earlier = versions.read_earlier(earlier_at) if earlier_at else None
    if earlier:
        versions.keeps_identities(earlier, records)
    records = _with_splits(records, config, earlier.splits if earlier else {}, work)
    target = config.project.release
    part = target.with_name(target.name + ".part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    hashes = dict(copy_tree(records.files, work / "anonymized", part))
    dataset = Dataset(records, _counted(records, funnel, config, earlier), config, part, work, dict(tables), earlier)
    _write_tables(dataset)
    write_figures(dataset)
    write_exports(dataset)
    write_words(dataset)
    write_cards(dataset)
    close_bag(part, config.project, config.release, hashes)
    versions.swap_in(part, target, config.project.version)


def _with_splits(records: Records, config: Config, fixed: Mapping[str, str], work: Path) -> Records:
    clusters = splits.people(records.studies, records.files, lambda source: is_blank(work / "anonymized" / source))
    assigned = splits.assign(records, clusters, config.release.train_share, config.project.seed, fixed)
    splits.leakage_gate(assigned, clusters)
    studies = records.studies
    columns = pa.array([assigned[study] for study in studies["study"].to_pylist()], pa.string())
    studies = studies.add_column(3, "split", columns)
    studies = studies.add_column(4, "balanced", balance.undersampled(records.labels, config.project.seed))
    return Records(studies, records.labels, records.series, records.files, records.reads)


def _counted(records: Records, funnel: pa.Table, config: Config, earlier: versions.Earlier | None) -> dict[str, pa.Table]:
    """Every table that counts something, by its name in data/tables/."""
    changed = {"changes": versions.changes_table(earlier, records)} if earlier else {}
    return {
        "facts": summary.facts(records),
        "table1": paper.table1(records.labels),
        "table2": paper.table2(records.series),
        "tableS1": paper.table_s1(records.series, records.labels),
        "population": paper.population(records.studies),
        "balance": balance.class_balance(records.labels),
        "splits": summary.split_table(records),
        "agreement": summary.agreement_table(records.reads),
        "defacing": summary.defacing_table(records.series),
        "shift": shift.shift_table(records),
        "probe": shift.tag_probe(records, config.project.seed),
        "flow": funnel,
        **changed,
    }


def _write_tables(dataset: Dataset) -> None:
    folder = dataset.bag / "data" / "tables"
    records = dataset.records
    released = {
        "studies": records.studies, "labels": records.labels, "series": records.series,
        "instances": records.files.drop_columns(["source"]), "reads": records.reads,
    }  # fmt: skip
    for name, table in {**released, **dataset.counted}.items():
        write_table(table, folder, name)
