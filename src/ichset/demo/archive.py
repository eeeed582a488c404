"""One study of the archive: its head is drawn and written as the files that this kind of study has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from ichset.demo.artefacts import with_metal, with_motion, write_text
from ichset.demo.cases import Case
from ichset.demo.encoding import write_file
from ichset.demo.headers import (
    Text,
    add_contrast,
    add_private,
    capture,
    dose_report,
    pixels,
    series_header,
    slice_elements,
    study_header,
)
from ichset.demo.people import Person
from ichset.demo.phantom import Anatomy, Grid, Phantom, Pose, draw_head, random_anatomy
from ichset.demo.phantom.anatomy import BLOOD

COVERAGE = (-74.0, 82.0)  # mm: what a head protocol covers, from the upper lip to the crown


@dataclass(frozen=True)
class Scan:
    """How finely heads are scanned: matrix, and the least distance of slices in mm."""

    size: int
    step: float

    @property
    def pixel(self) -> float:
        return 232.0 / self.size


SCANS = {"default": Scan(144, 4.5), "small": Scan(112, 5.0)}


@dataclass(frozen=True)
class Task:
    case: Case
    stranger: Person  # whose name stands in the files where the kind says so
    scan: Scan
    folder: Path  # the archive
    seed: int


@dataclass(frozen=True)
class _Series:
    number: int
    description: str
    kernel: str
    thickness: float
    grid: Grid
    hu: NDArray[np.int16]
    tilt: float = 0.0
    image_type: tuple[str, ...] = ()
    contrast: bool = False


def write_case(task: Task) -> dict[str, Any]:
    """Write the study's files; answers its truth: slices with blood, volumes in ml, the UIDs that were written."""
    case = task.case
    rng = np.random.default_rng([task.seed, 7, case.number])
    truth: dict[str, Any] = {"accession": case.accession, "kind": case.kind, "finding": case.finding, "series": []}
    if case.kind == "absent":
        return truth
    drawn, anatomy, pose = _draw(task, rng)
    text = Text(case)
    names = _Names(task)
    for series, phantom in _series(task, drawn, anatomy, pose, rng):
        _write_series(task, series, text, names, rng)
        truth["series"].append(_series_truth(series, phantom))
    _write_companions(task, text, names, drawn)
    return truth


# --- what is drawn ----------------------------------------------------------------------------------
def _draw(task: Task, rng: np.random.Generator) -> tuple[Phantom, Anatomy, Pose]:
    case = task.case
    pose = _pose(case, rng)
    anatomy = random_anatomy(
        rng, child=case.kind == "small head", age=case.age, lesions=case.lesions, fractures=case.fractures,
        contrast=case.kind == "contrast only", dental_metal=case.kind == "dental metal",
    )  # fmt: skip
    grid = _grid(case, task.scan)
    sharp = case.scanner.soft[0] in ("B",)
    return draw_head(anatomy, pose, grid, seed=case.number + 1000 * task.seed, sharp=sharp), anatomy, pose


def _pose(case: Case, rng: np.random.Generator) -> Pose:
    yaw, pitch, roll = rng.uniform(-5, 5, 3)
    if case.kind == "rotated":
        yaw = float(rng.choice((-1, 1))) * rng.uniform(18, 30)
    x, y, z = rng.uniform(-5, 5, 3)
    return Pose(float(yaw), float(pitch), float(roll), (float(x), float(y) + 8.0, float(z)))


def _thickness(case: Case) -> float:
    return case.scanner.thick[case.number // 5 % len(case.scanner.thick)]


def _grid(case: Case, scan: Scan) -> Grid:
    low, high = COVERAGE
    step = max(_thickness(case), scan.step)
    if case.kind == "few slices":
        return Grid.axial(6, scan.size, scan.pixel, step, 0.0)
    if case.kind == "crown only":
        return Grid.axial(8, scan.size, scan.pixel, step, 62.0)
    if case.kind == "two spacings":
        steps = np.concatenate([np.arange(low, -20, 3.5), np.arange(-20, high, 7.0)])
        return Grid.uneven(steps, scan.size, scan.pixel)
    tilt = 16.0 if case.kind == "tilt" else 0.0
    return Grid.axial(int((high - low) / step) + 1, scan.size, scan.pixel, step, low, tilt)


def _series(task: Task, drawn: Phantom, anatomy: Anatomy, pose: Pose, rng: np.random.Generator) -> Iterator[tuple[_Series, Phantom]]:
    """The series with slices, numbered from 2: localizers are number 1."""
    case, scanner = task.case, task.case.scanner
    soft = scanner.soft[case.number // 5 % len(scanner.soft)]
    name = scanner.soft_name if not case.person.english else "Head soft"
    tilt = 16.0 if case.kind == "tilt" else 0.0
    main = _Series(2, name, soft, _thickness(case), drawn.grid, _spoiled(case, drawn.hu, rng), tilt, scanner.image_type)
    if case.kind == "contrast only":
        main = replace(main, description=f"{name} +C", contrast=True)
    if case.kind == "derived only":
        main = replace(main, description="MPR cor", image_type=("DERIVED", "SECONDARY", "REFORMATTED"), **_coronal(drawn))
    yield main, drawn
    if case.kind in ("bone series", "thin series"):
        grid, thin = drawn.grid, case.kind == "thin series"
        if thin:
            grid = Grid.axial(52, task.scan.size, task.scan.pixel, 3.0, COVERAGE[0])
        bone = draw_head(anatomy, pose, grid, seed=case.number + 5000, noise=8.0, sharp=True)
        kernel = scanner.bone[case.number // 5 % len(scanner.bone)]
        yield (
            _Series(3, scanner.bone_name, kernel, scanner.thin if thin else _thickness(case), grid, bone.hu, 0.0, scanner.image_type),
            bone,
        )
    if case.kind == "contrast and native":
        filled = draw_head(replace(anatomy, contrast=True), pose, drawn.grid, seed=case.number + 9000)
        yield replace(main, number=4, description=f"{name} +C", hu=filled.hu, contrast=True), filled


def _spoiled(case: Case, hu: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    if case.kind == "motion":
        return with_motion(hu, rng, 16.0)
    if case.kind == "metal":
        return with_metal(hu, rng, slice(len(hu) // 3, -4), 700.0, (0.45, 0.6))
    if case.kind == "dental metal":
        return with_metal(hu, rng, slice(0, 2), 250.0, (0.2, 0.55))
    if case.kind == "another body part":
        return _trunk(hu.shape, rng)
    if case.kind == "burned-in text":
        hu = hu.copy()
        for picture in hu:
            write_text(picture, [case.person.latin.replace("^", " "), case.person.patient_id, f"{case.day:%d.%m.%Y}"], 2500)
    return hu


def _trunk(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int16]:
    """A chest: trunk, two lungs, spine."""
    y, x = np.mgrid[-1 : 1 : complex(shape[1]), -1 : 1 : complex(shape[2])]
    flat = np.where((x / 0.95) ** 2 + (y / 0.7) ** 2 < 1, 45.0, -1000.0)
    for side in (-1, 1):
        flat[((x - side * 0.42) / 0.3) ** 2 + (y / 0.45) ** 2 < 1] = -850.0
    flat[(x / 0.12) ** 2 + ((y - 0.45) / 0.12) ** 2 < 1] = 500.0
    return np.clip(flat + rng.normal(0, 12, shape), -1024, 3071).astype(np.int16)


def _coronal(drawn: Phantom) -> dict[str, Any]:
    """The volume cut from front to back instead: a reformat."""
    grid, hu = drawn.grid, drawn.hu
    step = float(grid.positions[1, 2] - grid.positions[0, 2])
    every = 6
    columns = hu[::-1, ::every].transpose(1, 0, 2)
    first = grid.positions[-1]
    positions = first + np.outer(np.arange(columns.shape[0]) * every * grid.spacing[0], grid.column_direction)
    turned = Grid(columns.shape[1], columns.shape[2], (step, grid.spacing[1]), positions, grid.row_direction, np.array([0.0, 0.0, -1.0]))
    return {"grid": turned, "hu": np.ascontiguousarray(columns)}


# --- how it is written ------------------------------------------------------------------------------
class _Names:
    """File names as archives make them up: they say nothing of what is inside."""

    def __init__(self, task: Task) -> None:
        case = task.case
        token = hashlib.blake2b(f"{task.seed}/{case.uid}".encode(), digest_size=6).hexdigest()
        self._style = case.number % 5
        self._base = task.folder / (
            f"ct{case.number % 3}/{token}", f"{case.day:%Y/%m}/{case.person.latin.split('^')[0]}_{token[:4]}", f"Исследование {token[:6]}",
            f"pacs/{token[:2]}/{token[2:4]}/{token}", f"DICOM/PAT{case.number:05d}/ST00001",
        )[self._style]  # fmt: skip
        self._token = token

    def __call__(self, series: int, instance: int) -> Path:
        mixed = hashlib.blake2b(f"{self._token}/{series}/{instance}".encode(), digest_size=8).hexdigest()
        return (
            self._base / f"{mixed}.dcm", self._base / f"S{series:03d}" / f"IM-{series:04d}-{instance:04d}.dcm",
            self._base / f"серия {series}" / f"снимок {mixed[:8]}", self._base / mixed,
            self._base / f"SE{series:05d}" / f"IM{instance:05d}",
        )[self._style]  # fmt: skip

    def beside(self, name: str) -> Path:
        return self._base / name


def _write_series(task: Task, series: _Series, text: Text, names: _Names, rng: np.random.Generator) -> None:
    case, scanner = task.case, task.case.scanner
    head = study_header(case, text)
    kvp = scanner.kvps[case.number // 5 % len(scanner.kvps)]
    current = int(rng.integers(*scanner.currents))
    description = "Head soft" if case.person.english and series.number == 2 else text(series.description)
    head.update(series_header(case, text, series.number, description, series.kernel, series.thickness, kvp, current))
    if series.contrast:
        add_contrast(head, "Omnipaque 350")
    if case.kind == "another body part":
        head.BodyPartExamined, head.SeriesDescription = "CHEST", "Chest 5.0"
    add_private(head, case, text)
    count = len(series.hu)
    for index in range(count):
        if case.kind == "missing slices" and count // 2 <= index < count // 2 + 4:
            continue
        instance = count - index if case.kind == "reversed order" else index + 1
        data = Dataset()
        data.update(head)
        slice_elements(data, series.grid, index, instance, series.image_type, series.tilt)
        pixels(data, series.hu[index], scanner.model.startswith("LightSpeed"), 0 if case.kind == "rescale fault" else None)
        _mix_up(data, task, index, count, text)
        path = names(series.number, instance)
        write_file(data, path, case.kind)
        _damage(path, case.kind, index, count)
        if case.kind == "duplicate instance" and index == count // 2:
            names.beside("copy of one slice").write_bytes(path.read_bytes())


def _mix_up(data: Dataset, task: Task, index: int, count: int, text: Text) -> None:
    """Another patient's name in the study, or one patient under two numbers."""
    stranger = task.stranger
    if task.case.kind == "wrong patient":
        data.PatientName, data.PatientID = text(stranger.dicom), stranger.patient_id
        data.PatientBirthDate = f"{stranger.birth:%Y%m%d}"
    if task.case.kind == "two patient IDs" and index >= count // 2:
        data.PatientID = f"UNKNOWN{task.case.accession[2:]}"


def _damage(path: Path, kind: str, index: int, count: int) -> None:
    if kind == "truncated" and index in (3, count - 4):
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    if kind == "damaged stream" and index == count // 2:
        whole = bytearray(path.read_bytes())
        whole[-len(whole) // 3 :] = bytes(len(whole[-len(whole) // 3 :]))
        path.write_bytes(bytes(whole))


def _write_companions(task: Task, text: Text, names: _Names, drawn: Phantom) -> None:
    """What lies beside the slices: localizer, dose report, dose page, files that are no DICOM."""
    case = task.case
    if case.kind == "localizer" or case.number % 3 == 0:
        write_file(_localizer(task, text, drawn), names(1, 1), "plain")
    if case.kind == "dose report" or case.number % 4 == 0:
        write_file(dose_report(case, text, 501), names(501, 1), "plain")
    if case.kind == "dose screen" or case.number % 6 == 0:
        picture = np.zeros((256, 320), np.uint8)
        lines = ["DOSE REPORT", case.person.latin.replace("^", " "), f"ID {case.person.patient_id}", f"{case.day:%d.%m.%Y}"]
        write_text(picture, [*lines, case.accession, "CTDIvol 42.50 mGy  DLP 812 mGy*cm"], 255, 20)
        write_file(capture(case, text, 502, picture), names(502, 1), "plain")
    if case.kind == "foreign files":
        names.beside("Thumbs.db").write_bytes(bytes(range(256)) * 4)
        names.beside("прочти меня.txt").write_text(f"{case.person.full}, тел. {case.person.phone}\n", "utf-8")
        names.beside("empty.dcm").write_bytes(b"")
        names.beside("half a preamble.dcm").write_bytes(bytes(128) + b"DICM\x02\x00")


def _localizer(task: Task, text: Text, drawn: Phantom) -> Dataset:
    """A scout from the side of the tube: means along the front-to-back direction, two columns a slice step."""
    case = task.case
    view = drawn.hu.astype(np.float32).mean(1)[::-1]
    picture = np.repeat(view, 3, axis=0).astype(np.int16)
    step = float(drawn.grid.positions[1, 2] - drawn.grid.positions[0, 2]) / 3
    middle = drawn.grid.rows // 2
    top = drawn.grid.positions[-1] + middle * drawn.grid.spacing[0] * drawn.grid.column_direction
    grid = Grid(
        picture.shape[0], picture.shape[1], (step, drawn.grid.spacing[1]), top[None], np.array([1.0, 0, 0]), np.array([0.0, 0.0, -1.0])
    )
    data = study_header(case, text)
    data.update(series_header(case, text, 1, "Scout" if case.person.english else text("Топограмма"), "STANDARD", 1.0, 120.0, 35))
    slice_elements(data, grid, 0, 1, ("ORIGINAL", "PRIMARY", "LOCALIZER"), 0.0)
    pixels(data, picture, False)
    add_private(data, case, text)
    return data


def _series_truth(series: _Series, phantom: Phantom) -> dict[str, Any]:
    voxel = phantom.grid.spacing[0] * phantom.grid.spacing[1] / 1000
    steps = np.abs(np.gradient(phantom.grid.positions[:, 2])) if len(phantom.grid.positions) > 1 else np.ones(1)
    found: dict[str, Any] = {"series": series.number, "kernel": series.kernel, "slices": len(series.hu)}
    for kind in (*BLOOD, "fracture"):
        if kind in phantom.masks and phantom.masks[kind].any():
            area = phantom.masks[kind].sum((1, 2))
            found[kind] = {"ml": round(float((area * steps).sum() * voxel), 2), "slices": np.flatnonzero(area > 3).tolist()}
    return found


def stranger_of(case: Case, cases: tuple[Case, ...], seed: int) -> Person:
    """Someone else of the archive."""
    others = [other.person for other in cases if other.person != case.person]
    return Random(f"{seed}/stranger/{case.number}").choice(others) if others else case.person
