"""Whatever is wrong with a slice's pixels has one name; a decoder's death costs the slice and not the process."""

from __future__ import annotations

import os
import random
import signal
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from ichset import decoding
from ichset.decoding import DECODERS, FRAGILE, NotDecodable, stored_pixels, survive
from ichset.volume import GeometryError, from_datasets

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
PLAIN = "LittleEndianExplicit"
REFUSED = ("10_12", "6_8", "2_4")  # no decoder, or none for 12 bits


def slices(real_data: Path) -> list[Path]:
    return sorted((real_data / "edge/transfer_syntax_ct").iterdir())


def test_every_syntax_decodes_or_is_refused_by_name(real_data: Path) -> None:
    plain = next(stored_pixels(dcmread(path)) for path in slices(real_data) if PLAIN in path.name)
    for path in slices(real_data):
        data = dcmread(path)
        survive([data])
        if any(mark in path.name for mark in REFUSED):
            with pytest.raises(NotDecodable):
                stored_pixels(data)
        elif path.name.startswith("CTImage") and "Lossy" not in path.name and "2000Transfer" not in path.name and "Process1T" not in path.name:
            assert (stored_pixels(data) == plain).all(), path.name


@pytest.mark.parametrize("seed", range(4))
def test_damage_has_a_name(real_data: Path, seed: int) -> None:
    """Bytes changed or lost anywhere; nothing but a named reason, or a picture, comes of it."""
    chance, ends = random.Random(seed), 0
    for path in slices(real_data):
        data = bytearray(path.read_bytes())
        for _ in range(chance.choice((1, 3, 20))):
            at = chance.randrange(1500 if chance.random() < 0.8 else 200, len(data) - 300)
            if chance.random() < 0.5:
                data[at : at + 4] = chance.randbytes(4)
            else:
                del data[at : at + chance.randrange(1, 200)]
        try:
            dataset = dcmread(BytesIO(bytes(data)))
        except Exception:
            continue
        try:
            survive([dataset])
            from_datasets([dataset])
        except (GeometryError, NotDecodable) as fault:
            ends += bool(str(fault))
    assert ends > 3


@pytest.mark.parametrize("name", ["Rows", "SamplesPerPixel", "RescaleSlope", "PixelSpacing", "ImagePositionPatient"])
def test_values_of_a_wrong_length_have_a_name(real_data: Path, name: str) -> None:
    data = dcmread(next(path for path in slices(real_data) if PLAIN in path.name))
    raw = data.get_item(name)
    data[name] = raw._replace(value=b"1\\x\x01" if raw.VR == "DS" else b"\1", length=3)  # type: ignore[union-attr]
    with pytest.raises(GeometryError):
        from_datasets([data])


def _dies(dataset: Dataset) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hangs(dataset: Dataset) -> None:
    time.sleep(60)


@pytest.mark.parametrize("end", [_dies, _hangs])
def test_a_decoder_that_dies_or_hangs_leaves_the_process_alive(real_data: Path, monkeypatch: pytest.MonkeyPatch, end: Any) -> None:
    monkeypatch.setattr(decoding, "stored_pixels", end)
    monkeypatch.setattr(decoding, "SECONDS_A_FRAME", -9.8)
    data = dcmread(next(path for path in slices(real_data) if "14SV1" in path.name))
    assert data.file_meta.TransferSyntaxUID in FRAGILE
    with pytest.raises(NotDecodable, match="gave up"):
        survive([data])


def test_a_frame_that_says_to_be_larger_is_not_decoded(real_data: Path) -> None:
    for path in slices(real_data):
        data = dcmread(path)
        if str(data.file_meta.TransferSyntaxUID) in DECODERS and data.file_meta.TransferSyntaxUID != "1.2.840.10008.1.2.5":
            data.Rows = 64
            with pytest.raises(NotDecodable, match="another size"):
                stored_pixels(data)
