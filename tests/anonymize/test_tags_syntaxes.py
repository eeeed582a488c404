"""The byte reader against pydicom's, the remembered decision against the fresh one, and pixels in every transfer syntax."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from ct_files import ROOT, ct_slice, item, sequence
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ichset import dicomfile
from ichset.anonymize import instance
from ichset.anonymize.tags import Deidentifier, Identity, Policy
from ichset.dicomfile import DicomFile, Element, NotReadable, Syntax
from ichset.pseudonyms import Pseudonyms

IMPLICIT, EXPLICIT, DEFLATED, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
RLE, JLS, J2K = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
NATIVE, COMPRESSED = (IMPLICIT, EXPLICIT, DEFLATED, BIG), (RLE, JLS, J2K)


def _bytes_of(dataset: pydicom.FileDataset, uid: str) -> bytes:
    if uid in COMPRESSED:
        dataset.compress(uid, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = uid
    if uid == BIG:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True, **({"little_endian": False, "implicit_vr": False} if uid == BIG else {}))
    return buffer.getvalue()


def _rich() -> pydicom.FileDataset:
    dataset = ct_slice(
        ReferencedImageSequence=Sequence(
            [item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=f"{ROOT}.8.{n}") for n in (1, 2)]
        ),
        CTDIPhantomTypeCodeSequence=sequence(CodeValue="113690", CodingSchemeDesignator="DCM", CodeMeaning="IEC Head Dosimetry Phantom"),
        SmallestImagePixelValue=0,
        PixelPaddingValue=-2000,
        SpiralPitchFactor=0.55,
        AcquisitionDateTime="20230405153021.5",
    )
    dataset.private_block(0x0019, "SIEMENS CT VA0  COAD", create=True).add_new(0x92, "DS", "1.5")
    return dataset


def _deidentify(data: bytes, tmp_path: Path, changed: np.ndarray | None = None, recompress: str = "same") -> pydicom.FileDataset:
    source_path, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source_path.write_bytes(data)
    target.unlink(missing_ok=True)
    instance.write(
        target, instance.read(source_path), Deidentifier(Policy(), Identity("PTEST", -100), Pseudonyms(b"k" * 32)), False, changed, recompress
    )
    return pydicom.dcmread(target)


def _plain(dataset: Dataset) -> dict[str, object]:
    """Every value, nested ones by their path, without the pixels."""
    found: dict[str, object] = {}
    for element in dataset:
        if element.VR == "SQ":
            for number, nested in enumerate(element.value):
                found |= {f"{element.tag}/{number}/{path}": value for path, value in _plain(nested).items()}
        elif element.tag != 0x7FE00010:
            found[str(element.tag)] = (element.VR, str(element.value))
    return found


@pytest.mark.parametrize("uid", [*NATIVE, *COMPRESSED])
def test_pixels_stay_as_they_are(uid: str, tmp_path: Path) -> None:
    data = _bytes_of(_rich(), uid)
    before, after = pydicom.dcmread(io.BytesIO(data)), _deidentify(data, tmp_path)
    assert before.PixelData == after.PixelData
    assert np.array_equal(before.pixel_array, after.pixel_array)
    assert after.file_meta.TransferSyntaxUID == (EXPLICIT if uid == DEFLATED else uid)


@pytest.mark.parametrize("uid", [*NATIVE, *COMPRESSED])
def test_every_syntax_is_decoded_from_what_was_read(uid: str, tmp_path: Path) -> None:
    """As defacing decodes it: a deflated file stands inflated in memory, without its meta header."""
    data = _bytes_of(_rich(), uid)
    (tmp_path / "source.dcm").write_bytes(data)
    read = instance.read(tmp_path / "source.dcm").dataset()
    assert np.array_equal(read.pixel_array, pydicom.dcmread(io.BytesIO(data)).pixel_array)


@pytest.mark.parametrize("uid", [*NATIVE, *COMPRESSED])
def test_every_syntax_gives_the_same_data_set(uid: str, tmp_path: Path) -> None:
    expected = _plain(_deidentify(_bytes_of(_rich(), EXPLICIT), tmp_path))
    assert _plain(_deidentify(_bytes_of(_rich(), uid), tmp_path)) == expected
    assert len(expected) > 60


@pytest.mark.parametrize("recompress", ["same", "explicit", "rle", "jpeg-ls", "jpeg-2000"])
@pytest.mark.parametrize("uid", [EXPLICIT, BIG, *COMPRESSED])
def test_changed_pixels_are_written_without_loss(uid: str, recompress: str, tmp_path: Path) -> None:
    data = _bytes_of(_rich(), uid)
    wanted = pydicom.dcmread(io.BytesIO(data)).pixel_array.copy()
    wanted[5:20, 5:20] = np.arange(225).reshape(15, 15) - 1000
    after = _deidentify(data, tmp_path, wanted[None], recompress)
    assert np.array_equal(after.pixel_array, wanted)
    assert "SmallestImagePixelValue" not in after
    kept = uid if recompress == "same" or uid not in COMPRESSED else instance.RECOMPRESS[recompress]
    assert after.file_meta.TransferSyntaxUID == kept


def test_enhanced_multi_frame(tmp_path: Path) -> None:
    frames = np.stack([np.frombuffer(ct_slice(n).PixelData, "<i2").reshape(64, 64) for n in (1, 2, 3)])
    position = [
        item(
            PlanePositionSequence=sequence(ImagePositionPatient=[0, 0, n]),
            FrameContentSequence=sequence(FrameAcquisitionDateTime="20230405153021", FrameComments="Белозерцева"),
        )
        for n in range(3)
    ]
    shared = item(
        CTImageFrameTypeSequence=sequence(FrameType=["ORIGINAL", "PRIMARY", "AXIAL", "NONE"]),
        PixelMeasuresSequence=sequence(PixelSpacing=[1, 1], SliceThickness=1),
    )
    dataset = ct_slice(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
        NumberOfFrames=3,
        PixelData=frames.tobytes(),
        DeviceSerialNumber="SN-7",
        PerFrameFunctionalGroupsSequence=Sequence(position),
        SharedFunctionalGroupsSequence=Sequence([shared]),
    )
    after = _deidentify(_bytes_of(dataset, EXPLICIT), tmp_path)
    assert np.array_equal(after.pixel_array, frames)
    assert after.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient == [0, 0, 2]
    content = after.PerFrameFunctionalGroupsSequence[1].FrameContentSequence[0]
    assert content.FrameAcquisitionDateTime == "20221226153021"
    assert "FrameComments" not in content
    assert after.DeviceSerialNumber == "UNKNOWN"


def _raw(data: Dataset) -> dict[int, tuple[str, bytes]]:
    found: dict[int, tuple[str, bytes]] = {}
    for tag in data.keys():  # noqa: SIM118 - iterating a Dataset decodes
        element = data.get_item(tag)
        if isinstance(element, RawDataElement) and element.length != 0xFFFFFFFF:
            found[int(tag)] = (str(element.VR or ""), element.value or b"")
    return found


def _ours(file: DicomFile) -> dict[int, tuple[str, bytes]]:
    return {e.tag: (e.vr.decode(), file.data[e.value : e.end]) for e in file.elements if not e.undefined}


def _compare(path: Path) -> bool:
    """Our reading of a file against pydicom's raw elements; False when either refuses the file."""
    try:
        theirs = pydicom.dcmread(path, force=True)
        file = dicomfile.parse(dicomfile.load(path))
    except Exception:
        return False
    raw, ours = _raw(theirs), _ours(file)
    shared = raw.keys() & ours.keys()
    assert len(shared) > 3 or len(file.elements) < 5, path.name
    for tag in shared:
        vr, value = ours[tag]
        assert not vr or vr == raw[tag][0], (path.name, hex(tag))
        assert value == raw[tag][1], (path.name, hex(tag))
    last = max(element.tag for element in file.elements)
    assert {tag for tag in theirs.keys() if tag <= last} | {0x7FE00010} == {element.tag for element in file.elements} | {0x7FE00010}, path.name  # noqa: SIM118
    return True


def test_our_reader_reads_what_pydicom_reads(real_data: Path) -> None:
    assert sum(_compare(path) for path in sorted((real_data / "edge").rglob("*")) if path.is_file()) > 60


@pytest.mark.parametrize("uid", [*NATIVE, *COMPRESSED])
def test_our_reader_reads_built_files_as_pydicom_does(uid: str, tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(_bytes_of(_rich(), uid))
    assert _compare(tmp_path / "x.dcm")


def test_a_remembered_decision_is_the_fresh_one(tmp_path: Path) -> None:
    names = Pseudonyms(b"k" * 32)
    warm = Deidentifier(Policy(), Identity("PTEST", -100), names)
    for number in range(1, 8):
        data = _bytes_of(ct_slice(number, SeriesDescription=f"Head {number}.0", StudyDate=f"2023040{number}"), (EXPLICIT, IMPLICIT)[number % 2])
        file = dicomfile.parse(data)
        assert warm.dataset(file) == Deidentifier(Policy(), Identity("PTEST", -100), names).dataset(file)
        assert warm.dataset(file) == warm.dataset(file)


def test_sequences_read_the_same_with_and_without_lengths() -> None:
    dataset = _rich()
    dataset.ReferencedImageSequence.is_undefined_length = True
    dataset["ReferencedImageSequence"].is_undefined_length = True
    open_ended = dicomfile.parse(_bytes_of(dataset, EXPLICIT))
    closed = dicomfile.parse(_bytes_of(_rich(), EXPLICIT))
    deidentifier = Deidentifier(Policy(), Identity("PTEST", -100), Pseudonyms(b"k" * 32))
    assert any(element.undefined for element in open_ended.elements if element.tag == 0x00081140)
    assert deidentifier.dataset(open_ended) == deidentifier.dataset(closed)


def test_a_deflated_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _bytes_of(_rich(), DEFLATED)
    monkeypatch.setattr(dicomfile, "MAX_INFLATED", 4096)
    with pytest.raises(NotReadable, match="bound"):
        dicomfile.parse(data)
    assert zlib.MAX_WBITS == 15


@pytest.mark.parametrize("vr", [b"SQ", b"UN", b"OB", b"UT", b"LO", b"US"])
def test_an_element_is_encoded_as_it_is_read(vr: bytes) -> None:
    for syntax in (Syntax(EXPLICIT), Syntax(IMPLICIT, explicit=False), Syntax(BIG, little=False)):
        encoded = dicomfile.encode(0x00091001, vr, b"", syntax) + dicomfile.encode(0x00091002, b"LO", b"abc", syntax)
        elements, stop = dicomfile.scan(encoded, 0, len(encoded), syntax)
        assert stop == len(encoded)
        assert [element.tag for element in elements] == [0x00091001, 0x00091002]
        assert isinstance(elements[0], Element)
        assert encoded[elements[1].value : elements[1].end] == b"abc "


def _series() -> list[bytes]:
    """Slices of three layouts, one cut, one with more behind its pixels, one whose value reads like an element's head."""
    odd = ct_slice(9, SeriesDescription="Head " + "7FE0 0010 OW")
    files = [_bytes_of(ct_slice(number, SliceLocation=number * 2.5), (EXPLICIT, IMPLICIT)[number // 8]) for number in range(1, 13)]
    files += [_bytes_of(_rich(), EXPLICIT), _bytes_of(odd, EXPLICIT), files[0] + b"more", files[1][:-7], _bytes_of(ct_slice(3, 32, 32), EXPLICIT)]
    relabelled = bytearray(files[2])
    place = relabelled.index(b"\x18\x00\x50\x00DS")
    relabelled[place + 4 : place + 6] = b"LO"
    return [*files, bytes(relabelled), _bytes_of(_rich(), BIG), _bytes_of(_rich(), RLE), *files[:4]]


@pytest.mark.parametrize("until", [dicomfile.UNDEFINED, 0x00200013])
def test_a_head_of_a_known_outline_reads_as_one_walked_over(until: int) -> None:
    outlines = dicomfile.Outlines()
    for data in _series():
        try:
            plain = dicomfile.parse(data, until)
        except NotReadable as error:
            with pytest.raises(NotReadable, match=str(error)):
                outlines.parse(data, until)
        else:
            assert outlines.parse(data, until) == plain
    known = {id(outlines.parse(data, until).elements) for data in _series()[:4]}
    assert len(known) < 4  # some were recognised at all


def test_any_changed_byte_of_a_known_head_reads_as_it_would_afresh() -> None:
    data = _bytes_of(_rich(), EXPLICIT)
    for place in range(128, data.index(b"\xe0\x7f\x10\x00OW") + 12, 3):
        outlines = dicomfile.Outlines()
        outlines.parse(data)
        changed = data[:place] + bytes((data[place] ^ 4,)) + data[place + 1 :]
        try:
            plain = dicomfile.parse(changed)
        except NotReadable:
            with pytest.raises(NotReadable):
                outlines.parse(changed)
        else:
            assert outlines.parse(changed) == plain
