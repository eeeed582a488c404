"""Tables, figures and the audit of tables at up to 100,000 studies, pixels aside: CPU seconds and peak memory, each size in a new process.

python scripts/bench_release.py [STUDIES ...]
"""

from __future__ import annotations

import datetime
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LABELS = ("ich", "epidural", "subarachnoid", "subdural", "intracerebral", "intraventricular", "multiple", "fracture", "combined")
SERIES, SLICES = 2, 2  # of each study; slices are rows only


def tables(studies: int) -> dict[str, pa.Table]:
    """Contract tables of a finished run."""
    rng = np.random.default_rng(1)
    names = [f"S{number:016d}" for number in range(studies)]
    subjects = [f"P{number // 2 * 2 if number % 10 == 1 else number:016d}" for number in range(studies)]
    ich = np.arange(studies) % 2
    labels = {label: pa.array((ich & (rng.random(studies) < 0.3)).astype("i1")) for label in LABELS[1:]}
    series_of, slices_of = [name for name in names for _ in range(SERIES)], studies * SERIES
    kernels = np.array([f"FC{number:02d}" for number in range(28)])
    makers = np.array(["GE MEDICAL SYSTEMS", "Philips", "SIEMENS", "TOSHIBA"])
    thickness = np.array([0.5, 0.625, 1.0, 2.5, 5.0])
    files = [(name, one, two) for name in names for one in range(1, SERIES + 1) for two in range(1, SLICES + 1)]
    reads = [(name, reader) for name in names for reader in ("reader-1", "reader-2")]
    constant = {
        column: pa.array(np.full(slices_of, value))
        for column, value in (("exposed", 0.01), ("relief", 0.1), ("brain_changed", 0.0), ("voxels_changed", 0.03))
    }
    return {
        "selected": pa.table(
            {
                "study": names,
                "subject": subjects,
                "arm": np.where(ich == 1, "ich", "normal"),
                "rank": np.arange(studies) // 2 + 1,
                "ich": pa.array(ich.astype("i1")),
                **labels,
                "judged_by": ["image readers"] * studies,
                "source_prevalence": np.full(studies, 0.12),
                "weight": np.full(studies, 1.0),
            }
        ),
        "anonymized": pa.table(
            {
                "study": names,
                "subject": subjects,
                "study_uid": [f"2.25.{number}" for number in range(studies)],
                "accession": [f"A{number:015d}" for number in range(studies)],
                "age": [str(age) for age in rng.integers(18, 90, studies)],
                "sex": [("F", "M")[sex] for sex in rng.integers(0, 2, studies)],
                "shifted_date": pa.array([datetime.date(2015, 1, 1)] * studies),
                "series": pa.array(np.full(studies, SERIES, "i4")),
                "instances": pa.array(np.full(studies, SERIES * SLICES, "i4")),
            }
        ),
        "anonymized_series": pa.table(
            {
                "study": series_of,
                "series": pa.array(np.tile(np.arange(1, SERIES + 1, dtype="i4"), studies)),
                "series_uid": [f"2.25.7{number}" for number in range(slices_of)],
                "instances": pa.array(np.full(slices_of, SLICES, "i4")),
                "description": ["AXIAL"] * slices_of,
                "manufacturer": makers[rng.integers(0, 4, slices_of)],
                "model": ["one"] * slices_of,
                "kernel": kernels[rng.integers(0, 28, slices_of)],
                "slice_thickness": thickness[rng.integers(0, 5, slices_of)],
                "slice_spacing": np.full(slices_of, 5.0),
                "pixel_spacing": np.full(slices_of, 0.45),
                "kvp": rng.choice([100.0, 120.0, 140.0], slices_of),
                "tube_current": rng.integers(25, 450, slices_of).astype(float),
                "tilt": np.zeros(slices_of),
                "rows": pa.array(np.full(slices_of, 512, "i4")),
                "columns": pa.array(np.full(slices_of, 512, "i4")),
                "deface_method": ["guarded"] * slices_of,
                **constant,
            }
        ),
        "instances": pa.table(
            {
                "study": [row[0] for row in files],
                "series": pa.array([row[1] for row in files], pa.int32()),
                "instance": pa.array([row[2] for row in files], pa.int32()),
                "sop_uid": [f"2.25.9{number}" for number in range(len(files))],
                "file": [f"{row[1]:02d}/{row[2]:04d}.dcm" for row in files],
                "position": np.zeros(len(files)),
                "bytes": np.full(len(files), 530_000),
                "sha256": [f"{number:064x}" for number in range(len(files))],
                "pixels": [f"{number:063x}p" for number in range(len(files))],
            }
        ),
        "reads": pa.table(
            {
                "round": ["image"] * len(reads),
                "study": [row[0] for row in reads],
                "reader": [row[1] for row in reads],
                "role": ["reader"] * len(reads),
                "ich": pa.array(np.repeat(ich, 2).astype("i1")),
                **{label: pa.array(np.repeat(np.asarray(values), 2)) for label, values in labels.items()},
                "exclude": pa.nulls(len(reads), pa.string()),
                "confidence": pa.array(np.full(len(reads), 4, "i1")),
                "key_slices": ["{}"] * len(reads),
            }
        ),
    }


def run(studies: int, folder: Path) -> dict[str, Any]:
    """One size: CPU seconds of each part, peak memory of the process in MB."""
    from ichset.config import Config
    from ichset.release import build, splits
    from ichset.release.bag import close_bag
    from ichset.release.balance import undersampled
    from ichset.release.cards import write_cards
    from ichset.release.dataset import Dataset
    from ichset.release.exports import write_exports
    from ichset.release.figures import charts, flow
    from ichset.release.records import Records, gather
    from ichset.release.words import write_words

    made, took = tables(studies), {}
    _keep_private(made, folder / "work/tables")
    _keep_readings(made["reads"], folder / "work/readings")
    start = time.process_time()

    def lap(name: str) -> None:
        nonlocal start
        took[name] = round(time.process_time() - start, 1)
        start = time.process_time()

    readers = {"readers": ["reader-1", "reader-2"], "readers_per_study": 2}
    project = {"date": "2024-01-31", "work": folder / "work", "release": folder / "release", "key": folder / "key"}
    ingest = {"path": folder / "reports"}
    config = Config.model_validate(
        {"project": project, "ingest": ingest, "read_text": readers, "read_image": readers, "release": {"exports": ["rsna", "cq500"]}}
    )
    found = gather(made, report_text=False)
    lap("gather")
    clusters = splits.people(found.studies, found.files)
    assigned = splits.assign(found, clusters, 0.7, 1, {})
    splits.leakage_gate(assigned, clusters)
    columns = [pa.array([assigned[study] for study in found.studies["study"].to_pylist()]), undersampled(found.labels, 1)]
    ready = found.studies.add_column(3, "split", columns[0]).add_column(4, "balanced", columns[1])
    found = Records(ready, found.labels, found.series, found.files, found.reads)
    lap("splits")
    arms = [("release", arm, event, None, studies // 2) for arm in ("ich", "normal") for event in ("in", "kept")]
    kinds = [("stage", pa.string()), ("arm", pa.string()), ("event", pa.string()), ("reason", pa.string()), ("count", pa.int64())]
    funnel = pa.Table.from_pylist([dict(zip(("stage", "arm", "event", "reason", "count"), row, strict=True)) for row in arms], pa.schema(kinds))
    bag = folder / "release"
    dataset = Dataset(found, build._counted(found, funnel, config, None), config, bag, folder, made, None)
    lap("counts")
    build._write_tables(dataset)
    lap("writing")
    (bag / "data/figures").mkdir()
    rows = {name: table.to_pylist() for name, table in dataset.counted.items()}
    flow.draw(rows["flow"], bag / "data/figures")
    charts.draw_all(rows, found, bag / "data/figures")
    write_exports(dataset)
    write_words(dataset)
    write_cards(dataset)
    close_bag(bag, config.project, config.release, {})
    lap("figures and words")
    took["built MB"] = _peak()
    del made, found, dataset, rows, ready, clusters, assigned
    faults = _audited(bag, folder / "work")
    lap("audit of tables")
    assert not faults, faults
    return {"studies": studies, **took, "peak MB": _peak()}


def _keep_private(made: dict[str, pa.Table], folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet")


def _keep_readings(reads: pa.Table, folder: Path) -> None:
    """The readers' log, each line with the hash of the line before."""
    folder.mkdir(parents=True)
    last = "0" * 64
    with (folder / "image.jsonl").open("w", encoding="utf-8") as file:
        for row in reads.to_pylist():
            answers = {label: row[label] for label in LABELS}
            text = json.dumps({"study": row["study"], "reader": row["reader"], "answers": answers, "confidence": row["confidence"]})
            last = hashlib.sha256((last + text).encode()).hexdigest()
            file.write(f"{last} {text}\n")


def _audited(bag: Path, private: Path) -> list[str]:
    """Every check of the audit but those that open a DICOM file; the faults they found."""
    from ichset.release.audit import bagfiles, cards, counts, exports, figures, sources, tables, words
    from ichset.release.audit.clean import CleanAudit
    from ichset.release.audit.evidence import Evidence

    evidence, clean = Evidence.of(bag), CleanAudit()
    for name in evidence.files:
        clean.see(name, evidence.bytes_of(name))
    checks = [
        bagfiles.check_bag(evidence),
        bagfiles.check_sums(evidence),
        tables.check_tables(evidence),
        tables.check_references(evidence),
        tables.check_labels(evidence),
        tables.check_splits(evidence),
        counts.check_counts(evidence),
        counts.check_flow(evidence),
        words.check_words(evidence),
        figures.check_figures(evidence),
        cards.check_cards(evidence),
        exports.check_exports(evidence, {}, None),
        tables.check_deface(evidence, 0.05, 0.0),
        sources.check_sources(evidence, private),
        clean.check,
    ]
    return [f"{check.name}: {fault}" for check in checks for fault in check.faults]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(sizes: list[int]) -> None:
    for size in sizes:
        done = subprocess.run([sys.executable, __file__, "--one", str(size)], capture_output=True, text=True, check=False)
        print(done.stdout.strip() or done.stderr[-2000:], flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        with tempfile.TemporaryDirectory() as place:
            print(json.dumps(run(int(sys.argv[2]), Path(place))))
    else:
        main([int(size) for size in sys.argv[1:]] or [10_000, 30_000, 100_000])
