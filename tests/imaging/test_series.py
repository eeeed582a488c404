"""Which series is taken, told from headers as scanners and hospitals write them; files that no one here wrote are named rightly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ichset.config import RetrieveConfig
from ichset.imaging.geometry import stack_of
from ichset.imaging.header import read_header, row_of
from ichset.imaging.series import Knowledge, Seen, choose

from . import descriptions
from .ct import ct, picture

CONFIG = RetrieveConfig(path=Path("archive"))
FLAT = picture(0)


def rows(positions: Any = None, **changes: Any) -> list[dict[str, Any]]:
    """Header rows of a series; the pixels do not matter here."""
    found = []
    for number, z in enumerate(np.arange(24) * 5.0 if positions is None else positions, 1):
        values = {key: value(number) if callable(value) else value for key, value in changes.items()}
        place = values.pop("place", [-115, -115, float(z)])
        found.append(row_of(ct(number, 0, FLAT, ImagePositionPatient=place, **values)) | {"fault": None, "path": b"", "size": 1})
    return found


def reason(headers: list[dict[str, Any]], config: RetrieveConfig = CONFIG, seen: Seen | None = None) -> str | None:
    uid = headers[0]["series_uid"]
    return choose({uid: headers}, config, Knowledge({(uid, 1): seen} if seen else {}))[0].reason


NO_PART = {"BodyPartExamined": None}
TAKEN: list[dict[str, Any]] = [
    {"SeriesDescription": "Head 5.0 H31s", "Manufacturer": "SIEMENS", "ConvolutionKernel": "H31s"},
    {"SeriesDescription": "HeadSeq 4.8 H40s", "ProtocolName": "01_HeadSeq", **NO_PART},
    {"SeriesDescription": "Axial Brain Std", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "Manufacturer": "GE MEDICAL SYSTEMS"},
    {"SeriesDescription": "Recon 2: 5mm STND", "ImageType": ["ORIGINAL", "SECONDARY", "AXIAL"], "BodyPartExamined": "HEAD"},
    {"SeriesDescription": "Brain Axial 5.0 CE-", "Manufacturer": "TOSHIBA", "ConvolutionKernel": "FC26"},
    {"SeriesDescription": "Голова без контраста", **NO_PART},
    {"SeriesDescription": "ГОЛОВНОЙ МОЗГ 5 мм", "BodyPartExamined": ""},
    {"SeriesDescription": "Нативная фаза", "StudyDescription": "КТ головного мозга с контрастным усилением", **NO_PART},
    {"SeriesDescription": "UB, iDose (3)", "ProtocolName": "Brain routine/Head", "Manufacturer": "Philips", "ConvolutionKernel": "UB"},
    {"SeriesDescription": "Bone 0.8", "BodyPartExamined": "HEAD", "ConvolutionKernel": "YD"},
    {"SeriesDescription": "", "BodyPartExamined": "SKULL"},
    {"SeriesDescription": "NCCT 5mm", "BodyPartExamined": "BRAIN"},
    {"SeriesDescription": "Head w/o", "ContrastBolusAgent": "NONE"},
    {"SeriesDescription": "Head Low Dose 5.0"},
    {"SeriesDescription": "Голова, низкая доза"},
    {"SeriesDescription": "Stroke CT native", "BodyPartExamined": "CHEST"},  # the scanner's default body part
]
LEFT: list[tuple[dict[str, Any], str]] = [
    ({"SeriesDescription": "Scout", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
    ({"SeriesDescription": "Topogram 0.6 T20f"}, "localizer"),
    ({"SeriesDescription": "Топограмма"}, "localizer"),
    ({"SeriesDescription": "Surview"}, "localizer"),
    ({"SeriesDescription": "Dose Report", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "dose report or screen page"),
    ({"SeriesDescription": "Patient Protocol", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "dose report or screen page"),
    ({"SeriesDescription": "Отчёт о дозе"}, "dose report or screen page"),
    ({"SeriesDescription": "Head MPR cor", "ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "derived, not original slices"),
    ({"SeriesDescription": "MIP COW 10mm"}, "derived, not original slices"),
    ({"SeriesDescription": "Голова МПР сагитт."}, "derived, not original slices"),
    ({"SeriesDescription": "Perfusion CBF map"}, "derived, not original slices"),
    ({"SeriesDescription": "PreMonitoring"}, "bolus monitoring"),
    ({"SeriesDescription": "CTA head 0.75 C+"}, "contrast phase"),
    ({"SeriesDescription": "Артериальная фаза"}, "contrast phase"),
    ({"SeriesDescription": "Голова с контрастом"}, "contrast phase"),
    ({"SeriesDescription": "Head venous 60s"}, "contrast phase"),
    ({"SeriesDescription": "Thorax 5.0 B31f", "BodyPartExamined": "CHEST"}, "not the head"),
    ({"SeriesDescription": "Шейный отдел позвоночника", "BodyPartExamined": "HEAD"}, "not the head"),
    ({"SeriesDescription": "Lumbar spine", **NO_PART}, "not the head"),
    ({"SeriesDescription": "Paranasal sinuses", "BodyPartExamined": "HEAD"}, "not the head"),
    ({"Modality": "MR"}, "not CT"),
    ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "place": lambda n: [n * 5.0, -115, 0]}, "not axial"),
    ({"BurnedInAnnotation": "YES"}, "burned-in annotation"),
]


@pytest.mark.parametrize("changes", TAKEN, ids=lambda changes: changes["SeriesDescription"] or "no description")
def test_native_axial_head_series_are_taken(changes: dict[str, Any]) -> None:
    assert reason(rows(**changes)) is None


@pytest.mark.parametrize(("changes", "why"), LEFT, ids=[changes.get("SeriesDescription", why) for changes, why in LEFT])
def test_others_are_left_with_their_reason(changes: dict[str, Any], why: str) -> None:
    assert reason(rows(**changes)) == why


WORDS = {
    None: descriptions.TAKEN, "contrast phase": descriptions.CONTRAST, "derived, not original slices": descriptions.DERIVED,
    "localizer": descriptions.LOCALIZERS, "bolus monitoring": descriptions.MONITORING, "dose report or screen page": descriptions.PAGES,
    "not the head": descriptions.ELSEWHERE, "doubtful": descriptions.DOUBTFUL,
}  # fmt: skip


@pytest.mark.parametrize("expected", WORDS, ids=str)
def test_words_of_scanners_and_hospitals(expected: str | None) -> None:
    wrong, plainly = [], rows()
    for line in WORDS[expected].strip("\n").split("\n"):
        more = descriptions.MORE.get(line, {})
        headers = rows(SeriesDescription=line, **more) if "SOPClassUID" in more or "ImageType" in more else _said(plainly, line, more)
        choice = choose({headers[0]["series_uid"]: headers}, CONFIG)[0]
        if (choice.reason or ("doubtful" if choice.phase == "doubtful" else None)) != expected:
            wrong.append((line, choice.reason, choice.phase))
    assert wrong == []


COLUMN = {"BodyPartExamined": "body_part", "StudyDescription": "study_description", "ProtocolName": "protocol", "ContrastBolusAgent": "contrast"}


def _said(headers: list[dict[str, Any]], description: str, more: dict[str, Any]) -> list[dict[str, Any]]:
    """The same slices under other words: making data sets anew for each would cost seconds."""
    changes = {"description": description} | {COLUMN[name]: value for name, value in more.items()}
    return [header | changes for header in headers]


@pytest.mark.parametrize(
    ("description", "why"),
    [("Мозг с контрастированием", "contrast phase"), ("Шейный отдел", "not the head"), ("Сагиттально", "derived, not original slices")],
)
@pytest.mark.parametrize("codec", ["cp1251", "iso8859-5", "utf-8"])
def test_cyrillic_without_its_character_set_is_read_all_the_same(description: str, why: str, codec: str) -> None:
    assert reason(_said(rows(), description.encode(codec).decode("latin-1"), {})) == why


STEPS: list[tuple[Any, str | None]] = [
    (np.arange(7) * 5.0, "too few slices"),
    (np.arange(10) * 5.0, "covers too little of the head"),
    (np.delete(np.arange(25) * 5.0, 11), "missing slices"),
    ([*np.arange(24) * 5.0, 50.0], "several slices at one position"),
    ([*np.arange(12) * 2.5, *(27.5 + 5.0 * np.arange(1, 14))], None),  # thin through the base, thick through the vault
    (np.cumsum([5, 5, 7, 4, 6.3, 5, 3, 8, 5, 6, 4, 5, 7.2, 5, 3.1, 6, 5, 4, 7, 5]), "uneven slice distances"),
]


@pytest.mark.parametrize(("positions", "why"), STEPS, ids=[str(why) for _, why in STEPS])
def test_steps_along_the_normal(positions: Any, why: str | None) -> None:
    assert reason(rows(positions)) == why


def test_two_stacks_under_one_series_number_are_told_apart() -> None:
    soft, bone = rows(), rows(ConvolutionKernel="BONE")
    for number, header in enumerate(bone):
        header["sop_uid"] += f".{number}"
    choices = choose({soft[0]["series_uid"]: [*soft, *bone]}, CONFIG)
    assert [(choice.headers[0]["kernel"], choice.reason) for choice in choices] == [
        ("BONE", "several stacks under one series number"), ("STANDARD", None)
    ]  # fmt: skip


def test_a_volume_stored_as_two_series_is_named() -> None:
    halves = {str(half): rows((12 * half + np.arange(12)) * 5.0, series=half) for half in (0, 1)}
    assert [choice.reason for choice in choose(halves, CONFIG)] == ["part of a series that was split"] * 2
    apart = {str(half): rows((14 * half + np.arange(12)) * 5.0, series=half) for half in (0, 1)}
    assert [choice.reason for choice in choose(apart, CONFIG)] == ["covers too little of the head"] * 2


def test_two_tilts_under_one_number_are_named() -> None:
    tilted = [1, 0, 0, 0, 0.94, 0.342]
    headers = rows(ImageOrientationPatient=lambda number: [1, 0, 0, 0, 1, 0] if number <= 12 else tilted)
    assert {choice.reason for choice in choose({"1": headers}, CONFIG)} == {"slices of mixed orientations"}


ROUND = np.radians(20)
TURNED = {
    "head first prone": ([-1, 0, 0, 0, -1, 0], [0, 0, 5]), "feet first": ([-1, 0, 0, 0, 1, 0], [0, 0, -5]),
    "on the right side": ([0, -1, 0, 1, 0, 0], [0, 0, 5]), "on the left side": ([0, 1, 0, -1, 0, 0], [0, 0, 5]),
    "tilt up": ([1, 0, 0, 0, np.cos(ROUND), np.sin(ROUND)], [0, 0, 5]), "tilt down": ([1, 0, 0, 0, np.cos(ROUND), -np.sin(ROUND)], [0, 0, 5]),
}  # fmt: skip


@pytest.mark.parametrize("name", TURNED)
def test_however_the_patient_lies(name: str) -> None:
    plane, step = TURNED[name]
    headers = rows(ImageOrientationPatient=plane, place=lambda number: [-115 + step[0] * number, -115 + step[1] * number, step[2] * number])
    assert reason(headers) is None
    assert stack_of(headers).spacing == pytest.approx(5 * (np.cos(ROUND) if "tilt" in name else 1), abs=0.01)


def test_best_soft_tissue_takes_one() -> None:
    series = {}
    for number, changes in enumerate(({"ConvolutionKernel": "BONE"}, {"ConvolutionKernel": "STANDARD"}, {"SeriesDescription": "Head +C"}), 1):
        headers = rows(series=number, **changes)
        series[headers[0]["series_uid"]] = headers
    best = choose(series, RetrieveConfig(path=Path("archive"), policy="best-soft-tissue"))
    assert [choice.reason for choice in best] == ["not the best soft-tissue series", None, "contrast phase"]


@pytest.mark.parametrize(
    ("changes", "pixels", "expected"),
    [
        ({}, "contrast", "doubtful"),
        ({"ContrastBolusAgent": "Omnipaque 350"}, "contrast", "contrast"),
        ({"ContrastBolusAgent": "Omnipaque 350"}, "native", "doubtful"),
        ({"ContrastBolusAgent": "Omnipaque 350", "SeriesDescription": "Head native"}, "native", "doubtful"),
        ({"SeriesDescription": "Head native"}, "contrast", "doubtful"),
        ({"SeriesDescription": "Head C+"}, "native", "contrast"),
        ({}, "native", "native"),
    ],
)
def test_tags_and_pixels_together_tell_the_phase(changes: dict[str, Any], pixels: str, expected: str) -> None:
    headers = rows(**changes)
    uid = headers[0]["series_uid"]
    choice = choose({uid: headers}, CONFIG, Knowledge({(uid, 1): Seen(pixels)}))[0]
    assert choice.phase == expected
    assert (choice.reason == "contrast phase") == (expected == "contrast")


# --- files that no one here wrote ------------------------------------------------------------------
GEOMETRY = {
    "gantrytilting_001": ("gantry tilt of 14.0 degrees", "too few slices"),
    "notavolume_001": (None, "bolus monitoring"),
    "sliceincrement_001": ("uneven slice distances", "uneven slice distances"),
    "sliceincrement_002": ("missing slices", "missing slices"),
}


def read(folder: Path) -> list[dict[str, Any]]:
    return [read_header(path) | {"path": str(path).encode(), "size": path.stat().st_size} for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("name", GEOMETRY)
def test_real_geometry_is_named(real_data: Path, name: str) -> None:
    headers = read(real_data / "edge/bad_geometry_ct" / name)
    geometry, why = GEOMETRY[name]
    assert geometry is None or stack_of(headers).name == geometry
    assert reason(headers) == why


def test_the_philips_study_yields_its_axial_series_alone(real_data: Path) -> None:
    series: dict[str, list[dict[str, Any]]] = {}
    for folder in sorted((real_data / "head_ct/philips_phantom").iterdir()):
        for header in read(folder):
            series.setdefault(header["series_uid"], []).append(header)
    choices = {choice.headers[0]["description"]: choice for choice in choose(series, CONFIG)}
    assert {name: choice.reason for name, choice in choices.items()} == {
        None: "localizer", "STEREOTAXIS": None, "Exam Summary": "dose report or screen page"
    }  # fmt: skip
    taken = choices["STEREOTAXIS"].stack
    assert round(taken.spacing or 0, 2) == 2.37
    assert round(taken.tilt or 0, 1) == 18.5
    assert len(choices["Exam Summary"].headers) == 5


def test_odd_files_are_read_or_named_never_a_crash(real_data: Path) -> None:
    for path in sorted((real_data / "edge").rglob("*")):
        if path.is_file():
            row = read_header(path)
            assert row["fault"] or row["sop_uid"], path.name
