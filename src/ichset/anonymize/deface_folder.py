"""Deface a folder of head CT, tags left as they are: series in, series out, what cannot be treated set aside with its reason."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ichset.anonymize.deface import CannotDeface, Defaced, deface_study, within_limits
from ichset.anonymize.measure import Measures, measure
from ichset.anonymize.preview import write_preview
from ichset.config import DefaceConfig
from ichset.pseudonyms import Pseudonyms
from ichset.volume import GeometryError, Volume, from_datasets, hu_to_stored


@dataclass(frozen=True)
class Treated:
    """One series' outcome: `folder` relative to DST, or the reason why it was left out."""

    folder: str
    instances: int
    reason: str | None
    measures: Measures | None


def deface_folder(source: Path, target: Path, key: bytes, config: DefaceConfig, preview: Path | None = None) -> list[Treated]:
    """Every study below `source` to `target/<study>/<series>/<slice>.dcm`, ordinals all; a row a series in `target/deface.csv`."""
    target.mkdir(parents=True, exist_ok=True)
    pseudonyms = Pseudonyms(key)
    treated: list[Treated] = []
    for number, series in enumerate(_studies(source), 1):
        treated += _study(number, series, target, pseudonyms, config, preview)
    part = target / "deface.csv.part"
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["series", "instances", "left out", *Measures.__dataclass_fields__])
        for one in treated:
            figures = one.measures.as_dict().values() if one.measures else [""] * len(Measures.__dataclass_fields__)
            writer.writerow([one.folder, one.instances, one.reason or "", *figures])
    part.replace(target / "deface.csv")
    return treated


def _studies(source: Path) -> list[list[list[Path]]]:
    """Files by study and series, both in the order of their UIDs."""
    from pydicom import dcmread

    found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"])
            found[str(header.StudyInstanceUID)][str(header.SeriesInstanceUID)].append(path)
        except Exception:  # not a DICOM object: it has no face
            continue
    return [[series[uid] for uid in sorted(series)] for _, series in sorted(found.items())]


def _study(
    number: int, series: Sequence[Sequence[Path]], target: Path, pseudonyms: Pseudonyms, config: DefaceConfig, preview: Path | None
) -> list[Treated]:
    from pydicom import dcmread

    loaded: dict[int, tuple[list[Any], Volume]] = {}
    reasons: dict[int, str] = {}
    for place, paths in enumerate(series, 1):
        try:
            datasets = [dcmread(path) for path in paths]
            volume = from_datasets(datasets)
            if len(volume.hu) < 2:
                reasons[place] = "one slice is no volume"
            else:
                loaded[place] = (datasets, volume)
        except GeometryError as error:
            reasons[place] = error.reason
        except Exception as error:  # a damaged file: the parser raises many kinds
            reasons[place] = f"cannot be read ({type(error).__name__})"
    try:
        seed = pseudonyms.seed("deface", str(next(iter(loaded.values()))[0][0].StudyInstanceUID)) if loaded else 0
        hidden = dict(zip(loaded, deface_study([volume for _, volume in loaded.values()], config, seed), strict=True))
    except CannotDeface as error:
        reasons |= dict.fromkeys(loaded, error.reason)  # one series left as it is would undo the others
        hidden = {}
    treated = []
    for place, paths in enumerate(series, 1):
        folder = f"{number:04}/{place:02}"
        measures = None
        if place in hidden:
            measures = _write(target / folder, *loaded[place], hidden[place], config)
            if measures is None:
                reasons[place] = "the face is still to be seen in the written files"
            elif preview:
                after = replace(loaded[place][1], hu=hidden[place].hu)
                write_preview(preview / f"{number:04}-{place:02}.png", loaded[place][1], after, hidden[place].pose)
        treated.append(Treated(folder, len(paths), reasons.get(place), measures))
    return treated


def _write(folder: Path, datasets: Sequence[Any], volume: Volume, hidden: Defaced, config: DefaceConfig) -> Measures | None:
    """Write one series, measure the written files, give them their name; None when the limits are exceeded."""
    import shutil

    from pydicom import dcmread

    part = folder.with_name(folder.name + ".part")
    for stale in (part, folder):
        shutil.rmtree(stale, ignore_errors=True)
    part.mkdir(parents=True)
    for place, index in enumerate(volume.order):
        dataset = datasets[index]
        if hidden.changed[place]:
            stored = dataset.pixel_array
            fresh = hu_to_stored(hidden.hu[place], dataset)
            _replace_pixels(dataset, np.where(hidden.hu[place] != volume.hu[place], fresh, stored).astype(stored.dtype))
        dataset.RecognizableVisualFeatures = "NO"
        dataset.save_as(part / f"{place + 1:04}.dcm", enforce_file_format=True)
    written = from_datasets([dcmread(path) for path in sorted(part.iterdir())])
    measures = measure(volume, written, hidden.pose, hidden.skull)
    if not within_limits(measures, config):
        shutil.rmtree(part)
        return None
    for path in sorted(part.iterdir()):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    part.rename(folder)
    return measures


def _replace_pixels(dataset: Any, pixels: np.ndarray) -> None:
    """Uncompressed pixels of a changed slice; a compressed slice becomes Explicit VR Little Endian."""
    from pydicom.uid import ExplicitVRLittleEndian

    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    little = dataset.file_meta.TransferSyntaxUID.is_little_endian
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<" if little else ">")).tobytes()
    dataset["PixelData"].VR = "OW"
