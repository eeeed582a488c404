"""The quick way into a header says what pydicom says, or leaves the file to it."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ichset.dicomfile import Outlines
from ichset.imaging.header import read_header, read_slowly
from ichset.imaging.prefix import PREFIXES, quick_row, row_of_bytes

from .ct import ct, picture

FLAT = picture(0)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # pydicom on values that are odd on purpose


def stored(data: Dataset, raw: tuple[int, str, bytes] | None = None) -> bytes:
    if raw:
        data.add_new(raw[0], "UN", b"")
        data[raw[0]]._value, data[raw[0]].VR = raw[2], "OB"
    file = BytesIO()
    data.save_as(file, enforce_file_format=True)
    whole = file.getvalue()
    if raw:  # the wanted representation in place of OB with its longer head
        group = raw[0].to_bytes(4, "big")
        tag = bytes((group[1], group[0], group[3], group[2]))
        at = whole.index(tag + b"OB")
        whole = whole[: at + 4] + raw[1].encode() + len(raw[2]).to_bytes(2, "little") + whole[at + 12 :]
    return whole


def same(data: bytes) -> bool:
    """Whether the quick way answered; its answer must be pydicom's."""
    quick = row_of_bytes(data, Outlines())
    assert quick is None or quick | {"fault": None} == read_slowly(data)
    return quick is not None


def test_files_that_no_one_here_wrote(real_data: Path) -> None:
    outlines, quick = Outlines(), 0
    for path in sorted(real_data.rglob("*")):
        if path.is_file() and (row := quick_row(path, outlines)) is not None:
            assert row | {"fault": None} == read_slowly(path), path.name
            quick += 1
    assert quick > 230


@pytest.mark.parametrize(
    ("text", "charset"),
    [("Голова 5 мм", "ISO_IR 144"), ("Голова 5 мм", "ISO_IR 192"), ("Tête", "ISO_IR 100"), ("Kopf", None), ("A\\B", "ISO_IR 100"), (" x ", None)],
)
def test_text_in_the_usual_character_sets(text: str, charset: str | None) -> None:
    assert same(stored(ct(1, 0, FLAT, SeriesDescription=text, SpecificCharacterSet=charset)))


@pytest.mark.parametrize("charset", ["ISO_IR 13", "GB18030", ["", "ISO 2022 IR 144"], "ISO_IR 126"])
def test_other_character_sets_are_left_to_pydicom(charset: Any) -> None:
    data = stored(ct(1, 0, FLAT, SeriesDescription="Head", SpecificCharacterSet=charset))
    assert not same(data)
    assert read_header(data)["description"] == "Head"


@pytest.mark.parametrize(
    ("raw", "column", "value"),
    [
        ((0x00181151, "IS", b"199.5 "), "tube_current", 199.5),
        ((0x00180060, "DS", b"120,0 "), "kvp", None),
        ((0x00200032, "DS", b"1\\\\3 "), "position", None),
        ((0x00200032, "DS", b"1\\2\\nan"), "position", None),
        ((0x00181120, "DS", b"0\\0 "), "tilt", None),
        ((0x00200013, "IS", b"    "), "instance_number", None),
        ((0x00280010, "US", b"\x40\0\x40\0"), "rows", None),
        ((0x00200013, "SH", b"12"), "instance_number", 12.0),
    ],
)
def test_odd_values_cost_their_column_and_not_the_file(raw: tuple[int, str, bytes], column: str, value: Any) -> None:
    data = stored(ct(1, 0, FLAT), raw)
    same(data)
    row = read_header(data)
    assert (row[column], row["modality"]) == (value, "CT")


def test_every_encoding_and_a_header_longer_than_the_first_prefix(tmp_path: Path) -> None:
    data = ct(1, 0, FLAT)
    data.add_new(0x00190010, "LO", "MAKER")
    data.add_new(0x00191001, "OB", b"\0" * PREFIXES[0])
    (tmp_path / "long").write_bytes(stored(data))
    assert quick_row(tmp_path / "long", Outlines()) is not None
    plain = read_slowly(tmp_path / "long")
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
        fresh = ct(1, 0, FLAT)
        fresh["PixelData"].VR = "OW"
        fresh.file_meta.TransferSyntaxUID = syntax
        whole = stored(fresh)
        assert same(whole) == (syntax == ImplicitVRLittleEndian)
        assert read_header(whole) == plain


@pytest.mark.parametrize("seed", range(3))
def test_damage_is_never_a_crash_and_seldom_read_otherwise(seed: int) -> None:
    """Bytes changed, lost or cut off at random; what both ways read is the same but for the rarest."""
    chance, whole, outlines = random.Random(seed), stored(ct(1, 0, FLAT))[:4000], Outlines()
    answered = unlike = 0
    for _ in range(200):
        data = bytearray(whole)
        at = chance.randrange(128, 1400)
        match chance.randrange(3):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(1, 5)]
            case _:
                del data[at:]
        row_of_bytes(whole, outlines)
        if (quick := row_of_bytes(bytes(data), outlines)) is not None:
            slow = read_slowly(bytes(data))
            answered, unlike = answered + 1, unlike + (not slow["fault"] and quick | {"fault": None} != slow)
    assert answered > 30
    assert unlike <= 2
