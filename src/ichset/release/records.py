"""The released rows: studies, labels, series, files and independent reads of the selected studies, in a stable order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ichset.contracts import LABELS
from ichset.errors import GateFailed

_AGE = re.compile(r"0*(\d{1,3})\s*Y?\s*(\+?)")
READ_COLUMNS = ("round", "study", "reader", "role", *LABELS, "exclude", "confidence", "key_slices")
TEXT_COLUMNS = ("indication", "description", "conclusion")


@dataclass(frozen=True)
class Records:
    """Tables of the released studies only, sorted by their keys. `studies` gains split and balance later."""

    studies: pa.Table
    labels: pa.Table
    series: pa.Table
    files: pa.Table
    reads: pa.Table


def age_years(age: str | None) -> int | None:
    """Whole years of `57`, `057Y` or `90+`; None when missing or not in years."""
    match = _AGE.fullmatch(age.strip()) if age else None
    return int(match[1]) if match else None


def age_shown(age: str | None) -> str | None:
    """`57` or `90+`."""
    match = _AGE.fullmatch(age.strip()) if age else None
    return match[1] + match[2] if match else None


def sex_shown(sex: str | None) -> str | None:
    """`F`, `M`, or None for anything else."""
    return sex if sex in ("F", "M") else None


def gather(tables: Mapping[str, pa.Table], report_text: bool) -> Records:
    """The rows of the selected studies. Raises GateFailed when a selected study was not anonymized."""
    selected = tables["selected"].sort_by("study")
    names = selected["study"]
    anonymized = _of(tables["anonymized"], names).sort_by("study")
    if anonymized["study"].to_pylist() != names.to_pylist():
        raise GateFailed("release: a selected study has no anonymized record; run the anonymize stage again")
    if anonymized["subject"].to_pylist() != selected["subject"].to_pylist():
        raise GateFailed("release: a study has one subject in the cohort and another in its files")
    files = _files(_of(tables["instances"], names), selected)
    return Records(
        studies=_studies(selected, anonymized, tables, report_text),
        labels=selected.select(["study", "arm", *LABELS, "judged_by"]),
        series=_series(_of(tables["anonymized_series"], names), selected),
        files=files,
        reads=_reads(tables.get("reads"), names),
    )


def _of(table: pa.Table, studies: pa.ChunkedArray) -> pa.Table:
    return table.filter(pc.is_in(table["study"], value_set=studies.combine_chunks()))


def _studies(selected: pa.Table, anonymized: pa.Table, tables: Mapping[str, pa.Table], report_text: bool) -> pa.Table:
    columns = {
        "study": selected["study"], "subject": selected["subject"], "arm": selected["arm"],
        "age": pa.array([age_shown(age) for age in anonymized["age"].to_pylist()], pa.string()),
        "sex": pa.array([sex_shown(sex) for sex in anonymized["sex"].to_pylist()], pa.string()),
        "study_date": anonymized["shifted_date"], "study_uid": anonymized["study_uid"], "accession": anonymized["accession"],
        "series": anonymized["series"], "instances": anonymized["instances"],
        "source_prevalence": selected["source_prevalence"], "weight": selected["weight"], "judged_by": selected["judged_by"],
    }  # fmt: skip
    if report_text:
        columns.update(_texts(tables.get("released_text"), selected["study"]))
    return pa.table(columns)


def _texts(texts: pa.Table | None, studies: pa.ChunkedArray) -> dict[str, pa.Array]:
    """De-identified report text of every study; raw text never comes this way."""
    if texts is None:
        raise GateFailed("release.report_text is on but there is no table released_text: report text is released de-identified or not at all")
    rows = {row["study"]: row for row in texts.to_pylist()}
    missing = [study for study in studies.to_pylist() if study not in rows]
    if missing:
        raise GateFailed(f"released_text: no de-identified text for {len(missing)} studies, the first is {missing[0]}")
    return {name: pa.array([rows[study][name] for study in studies.to_pylist()], pa.string()) for name in TEXT_COLUMNS}


def _series(series: pa.Table, selected: pa.Table) -> pa.Table:
    subject = dict(zip(selected["study"].to_pylist(), selected["subject"].to_pylist(), strict=True))
    series = series.sort_by([("study", "ascending"), ("series", "ascending")])
    subjects = pa.array([subject[study] for study in series["study"].to_pylist()], pa.string())
    return series.add_column(2, "subject", subjects)


def _files(instances: pa.Table, selected: pa.Table) -> pa.Table:
    """One row a file; `file` becomes its path in the bag, `source` (dropped before release) its path below work/anonymized."""
    subject = dict(zip(selected["study"].to_pylist(), selected["subject"].to_pylist(), strict=True))
    instances = instances.sort_by([("study", "ascending"), ("series", "ascending"), ("instance", "ascending")])
    studies, files = instances["study"].to_pylist(), instances["file"].to_pylist()
    sources = [f"{study}/{file}" for study, file in zip(studies, files, strict=True)]
    paths = [f"data/dicom/{subject[study]}/{source}" for study, source in zip(studies, sources, strict=True)]
    position = instances.column_names.index("file")
    return instances.set_column(position, "file", pa.array(paths, pa.string())).append_column("source", pa.array(sources, pa.string()))


def _reads(reads: pa.Table | None, studies: pa.ChunkedArray) -> pa.Table:
    kinds = {"confidence": pa.int8(), **{label: pa.int8() for label in LABELS}}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in READ_COLUMNS])
    if reads is None:
        return schema.empty_table()
    reads = _of(reads, studies)
    names = pa.array([name.removeprefix("read-") for name in reads["round"].to_pylist()], pa.string())  # text, image
    reads = reads.set_column(reads.column_names.index("round"), "round", names).select(list(READ_COLUMNS)).cast(schema)
    return reads.sort_by([("round", "ascending"), ("study", "ascending"), ("role", "descending"), ("reader", "ascending")])
