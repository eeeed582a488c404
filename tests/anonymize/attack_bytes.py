"""Hiding places below the data set: padding, unknown VRs, doubled elements, file meta, codestreams, unused bits."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
from attack_places import BORN, CT, ENHANCED, NAME, PHONE, Plant, block, code, put
from ct_files import ROOT, ct_slice, item, sequence
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence

JPEG2000, JPEGLS, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"


def encoded(dataset: FileDataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def raw(tag: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    long = vr in (b"UN", b"OB", b"OW", b"SQ", b"UT", b"UC")
    return head + (struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))) + value


def before(tag: int, inserted: bytes) -> bytes:
    """A plain slice with bytes put in front of one of its elements."""
    data = encoded(ct_slice())
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 132)
    return data[:at] + inserted + data[at:]


def instead(tag: int, vr: bytes, value: bytes, dataset: FileDataset | None = None) -> bytes:
    """A plain slice with one short text element written anew, byte by byte."""
    data = encoded(dataset or ct_slice())
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 300)
    (length,) = struct.unpack_from("<H", data, at + 6)
    return data[:at] + raw(tag, vr, value) + data[at + 8 + length :]


def unknown_sequence() -> bytes:
    """UN of undefined length: implicit items inside (CP-246)."""
    inner = struct.pack("<HHI", 0x0010, 0x0010, 10) + NAME.encode() + b" "
    items = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return struct.pack("<HH2sHI", 0x0008, 0x1140, b"UN", 0, 0xFFFFFFFF) + items


def meta(**values: object) -> bytes:
    dataset = ct_slice()
    for keyword, value in values.items():
        setattr(dataset.file_meta, keyword, value)
    return encoded(dataset)


def meta_element() -> bytes:
    """An element that no edition of the file meta group knows, inside its counted length."""
    data = encoded(ct_slice())
    (length,) = struct.unpack_from("<I", data, 140)
    end = 144 + length
    extra = raw(0x00020199, b"LO", NAME.encode() + b" ")
    return data[:140] + struct.pack("<I", length + len(extra)) + data[144:end] + extra + data[end:]


def compressed(uid: str, change: Callable[[bytes], list[bytes]], tail: bytes = b"") -> bytes:
    dataset = ct_slice()
    dataset.compress(uid, generate_instance_uid=False)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate(change(frame), has_bot=False)
    return encoded(dataset) + tail


def comment_2000(frame: bytes) -> list[bytes]:
    at = frame.index(b"\xff\x90")
    text = struct.pack(">HHH", 0xFF64, 4 + len(NAME), 1) + NAME.encode()
    return [frame[:at] + text + frame[at:]]


def comment_ls(frame: bytes) -> list[bytes]:
    return [frame[:2] + struct.pack(">HH", 0xFFFE, 2 + len(NAME)) + NAME.encode() + frame[2:]]


def application_ls(frame: bytes) -> list[bytes]:
    return [frame[:2] + struct.pack(">HH", 0xFFE1, 2 + len(NAME)) + NAME.encode() + frame[2:]]


def enhanced(**values: object) -> FileDataset:
    pixels = np.stack([np.frombuffer(ct_slice(n).PixelData, "<i2").reshape(64, 64) for n in (1, 2)])
    frames = [item(PlanePositionSequence=sequence(ImagePositionPatient=[0, 0, n]), FrameContentSequence=sequence(StackID="1")) for n in (0, 1)]
    shared = item(PixelMeasuresSequence=sequence(PixelSpacing=[1, 1], SliceThickness=1))
    return ct_slice(
        SOPClassUID=ENHANCED, NumberOfFrames=2, PixelData=pixels.tobytes(), PerFrameFunctionalGroupsSequence=Sequence(frames),
        SharedFunctionalGroupsSequence=Sequence([shared]), **values
    )  # fmt: skip


def in_frame(plant: Plant, group: str = "PerFrameFunctionalGroupsSequence") -> Callable[[], bytes]:
    def build() -> bytes:
        dataset = enhanced()
        plant(getattr(dataset, group)[0])  # type: ignore[arg-type]
        return encoded(dataset)

    return build


def unused_bits() -> bytes:
    """Twelve bits are stored; the letters travel in the other four, as overlays did before 2004."""
    letters = np.frombuffer((NAME * 512).encode()[:4096], "u1").reshape(64, 64)
    low = np.frombuffer(ct_slice().PixelData, "<i2").reshape(64, 64).clip(0, 4095)
    pixels = low.astype("<u2") | ((letters.astype("<u2") & 15) << 12)
    return encoded(ct_slice(BitsStored=12, HighBit=11, PixelRepresentation=0, PixelData=pixels.astype("<u2").tobytes()))


PLACES: dict[str, Callable[[], bytes]] = {
    "behind a NUL in text": lambda: instead(0x00181210, b"SH", b"H31s\0" + NAME.encode()),
    "behind a NUL in a code string": lambda: instead(0x00180015, b"CS", b"HEAD\0" + NAME.encode()),
    "behind a NUL in a number": lambda: instead(0x00180050, b"DS", b"5.0\0" + NAME.encode() + b" "),
    "behind a NUL in a UID": lambda: instead(0x00200052, b"UI", ROOT.encode() + b".4\0" + NAME.encode()),
    "behind a NUL in an age": lambda: instead(0x00101010, b"AS", b"075Y\0" + NAME.encode()),
    "behind a NUL in a time": lambda: instead(0x00080032, b"TM", b"153016\0" + NAME.encode() + b"\0"),
    "escape sequence in a description": lambda: instead(0x0008103E, b"LO", b"Head \x1b-L" + NAME.encode() + b" "),
    "number in a date": lambda: instead(0x00080022, b"DA", b"19480317-20230405 "),
    "sex and more": lambda: instead(0x00100040, b"CS", b"F\\" + NAME.encode()),
    "UN for a known name": lambda: before(0x00100020, raw(0x0010000F, b"UN", NAME.encode() + b" ")),
    "UN for a kept number": lambda: instead(0x00180050, b"UN", b"5.0\\" + NAME.encode() + b" "),
    "UN for a description": lambda: instead(0x0008103E, b"UN", b"Head " + NAME.encode()),
    "UN sequence of unknown length": lambda: before(0x00100010, unknown_sequence()),
    "a command group": lambda: before(0x00080005, raw(0x00000600, b"AE", NAME.encode() + b" ") + raw(0x00001031, b"US", b"\1\0")),
    "a name said twice": lambda: before(0x00100020, raw(0x00100010, b"PN", NAME.encode() + b" ")),
    "a description said twice": lambda: before(0x00100010, raw(0x0008103E, b"LO", NAME.encode() + b" ")),
    "out of order": lambda: before(0x00280002, raw(0x00100010, b"PN", NAME.encode() + b" ")),
    "elements behind the pixels": lambda: encoded(ct_slice()) + raw(0x00100010, b"PN", NAME.encode() + b" "),
    "private element behind the pixels": lambda: encoded(ct_slice()) + raw(0x7FE10010, b"LO", NAME.encode() + b" ") + raw(0x7FE11001, b"LO", b"abc "),
    "file meta, AE titles": lambda: meta(SourceApplicationEntityTitle=NAME, SendingApplicationEntityTitle=NAME, ReceivingApplicationEntityTitle=NAME),
    "file meta, unknown element": meta_element,
    "file meta, other instance": lambda: meta(MediaStorageSOPInstanceUID=f"{ROOT}.{PHONE}", ImplementationClassUID=f"{ROOT}.{BORN}"),
    "TIFF preamble": lambda: b"II*\0\x08\0\0\0" + NAME.encode().ljust(120, b"\0") + encoded(ct_slice())[128:],
    "comment in JPEG 2000": lambda: compressed(JPEG2000, comment_2000),
    "comment in JPEG-LS": lambda: compressed(JPEGLS, comment_ls),
    "application data in JPEG-LS": lambda: compressed(JPEGLS, application_ls),
    "behind the last marker, JPEG-LS": lambda: compressed(JPEGLS, lambda frame: [frame.rstrip(b"\0") + b"\0" + NAME.encode()]),
    "behind the last marker, JPEG 2000": lambda: compressed(JPEG2000, lambda frame: [frame.rstrip(b"\0") + b"\0" + NAME.encode()]),
    "behind the last segment, RLE": lambda: compressed(RLE, lambda frame: [frame + NAME.encode() + b"\0"]),
    "in the unused offsets, RLE": lambda: compressed(RLE, lambda frame: [frame[:20] + NAME.encode() + frame[29:]]),
    "a fragment of its own": lambda: compressed(JPEGLS, lambda frame: [frame, NAME.encode() + b"\0"]),
    "behind the delimiter": lambda: compressed(JPEGLS, lambda frame: [frame], NAME.encode() + b"\0"),
    "letters in the unused bits": unused_bits,
    "frame comments": in_frame(lambda ds: put(FrameContentSequence=sequence(FrameComments=NAME, StackID=NAME, FrameLabel=NAME))(ds)),
    "private macro in a frame": in_frame(block(0x0021, "SIEMENS MR SDI 02", (1, "LO", NAME), (2, "SQ", [item(PatientName=NAME)]))),  # type: ignore[arg-type]
    "private macro shared": in_frame(block(0x2005, "Philips MR Imaging DD 005", (1, "LO", NAME)), "SharedFunctionalGroupsSequence"),  # type: ignore[arg-type]
    "unassigned converted attributes": in_frame(
        put(UnassignedPerFrameConvertedAttributesSequence=sequence(OperatorsName=NAME, SeriesDescription=NAME))
    ),
    "conversion source": in_frame(
        put(ConversionSourceAttributesSequence=sequence(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}.{PHONE}"))
    ),
    "frame anatomy and times": in_frame(
        put(
            FrameAnatomySequence=sequence(FrameLaterality=NAME, AnatomicRegionSequence=code(NAME, "69536005", "SCT")),
            FrameContentSequence=sequence(FrameAcquisitionDateTime=BORN + "101010.555123+0917", FrameReferenceDateTime=BORN),
            IrradiationEventIdentificationSequence=sequence(IrradiationEventUID=f"{ROOT}.{PHONE}"),
        )
    ),
    "dimensions": lambda: encoded(
        enhanced(
            DimensionOrganizationSequence=sequence(DimensionOrganizationUID=f"{ROOT}.{PHONE}"),
            DimensionIndexSequence=sequence(
                DimensionDescriptionLabel=NAME, DimensionIndexPrivateCreator=NAME, DimensionOrganizationUID=f"{ROOT}.{PHONE}"
            ),
        )
    ),
}
