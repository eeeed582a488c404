"""One file in, one file out: read once, decide, write once, with its checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ichset import dicomfile
from ichset.anonymize import codestreams, pixels
from ichset.anonymize.tags import Deidentifier, Doubt
from ichset.dicomfile import PIXEL_DATA, DicomFile, Outlines, Syntax, encode, encode_fragments

if TYPE_CHECKING:
    from pydicom import Dataset

# config word -> transfer syntax of a changed compressed file; "same" falls back to JPEG-LS where no encoder exists
RECOMPRESS = {
    "explicit": dicomfile.EXPLICIT_LE,
    "rle": dicomfile.RLE_LOSSLESS,
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
}


@dataclass(frozen=True)
class Source:
    """One admitted source file in memory."""

    file: DicomFile
    shape: pixels.Shape

    def dataset(self) -> Dataset:
        """The same file as pydicom reads it, for geometry and decoding."""
        from io import BytesIO

        from pydicom import dcmread
        from pydicom.uid import UID

        dataset = dcmread(BytesIO(self.file.data[:]), force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:  # a deflated file: its data set alone was inflated
            dataset.file_meta.TransferSyntaxUID = UID(self.file.syntax.uid)
        return dataset

    @property
    def slope(self) -> float:
        """Rescale slope; 1 where it is missing or no number."""
        try:
            return float(self.file.text(0x00281053) or 1)
        except ValueError:
            return 1.0

    @property
    def sop_class(self) -> str:
        return self.file.text(0x00080016)

    @property
    def sop_uid(self) -> str:
        return self.file.text(0x00080018)


@dataclass(frozen=True)
class Written:
    """One written file; hashes are SHA-256 in hex, `pixels` over the stored pixel bytes."""

    sop_class: str
    sop_uid: str
    size: int
    sha256: str
    pixels: str


def read(path: Path, outlines: Outlines | None = None) -> Source:
    """Read and admit one file; `outlines` of the files read before it make it quicker. Raises NotReadable or Doubt."""
    file = (outlines or Outlines()).parse(dicomfile.load(path))
    if not file.elements:
        raise dicomfile.NotReadable("no elements")
    shape = pixels.admit(file)
    if file.syntax.encapsulated:
        _require_bounded(shape)
        codestreams.check(file, shape)
    return Source(file, shape)


def frames_of(source: Source) -> NDArray:
    """(frames, rows, columns) of stored values together; only compressed ones are decoded. Raises Doubt beyond a bound."""
    _require_bounded(source.shape)
    return np.stack(list(_each_frame(source))) if source.file.syntax.encapsulated else pixels.native_frames(source.file, source.shape)


def _require_bounded(shape: pixels.Shape) -> None:
    if shape.frame_bytes * shape.frames > pixels.MAX_DECODED:
        raise Doubt("more pixels than one file's bound", "NOT_A_SLICE")


def check_pixels(source: Source) -> None:
    """Look for drawn text in every frame, one at a time. Raises Doubt."""
    pixels.check_drawn(_each_frame(source), source.shape, source.slope)


def _each_frame(source: Source) -> Iterable[NDArray]:
    if source.file.syntax.encapsulated:
        return pixels.decoded_frames(source.dataset())
    return pixels.native_frames(source.file, source.shape)


def write(
    target: Path,
    source: Source,
    deidentifier: Deidentifier,
    defaced: bool = False,
    changed: NDArray | None = None,
    recompress: str = "same",
    hash_pixels: bool = True,
) -> Written:
    """Write the de-identified file. `changed`: new stored values (frames, rows, columns) when the pixels were edited."""
    file = source.file
    stored: memoryview | bytes = pixels.stored_bytes(file, source.shape)
    if changed is not None:
        file, stored = _recompressed(source, changed, recompress)
    elif file.syntax.encapsulated:
        stored = codestreams.blanked(file, source.shape) or stored
    body = deidentifier.dataset(file, defaced, changed is not None)
    sop_uid = deidentifier.pseudonyms.uid(source.sop_uid)
    meta = dicomfile.file_meta(source.sop_class, sop_uid, file.syntax.uid)
    parts = [meta, body, _pixel_head(file.syntax, source, len(stored)), stored, b"\0" * (len(stored) & 1)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    dicomfile.write(target, parts)
    pixel_hash = hashlib.sha256(stored).hexdigest() if hash_pixels else ""
    return Written(source.sop_class, sop_uid, sum(map(len, parts)), digest.hexdigest(), pixel_hash)


def _pixel_head(syntax: Syntax, source: Source, length: int) -> bytes:
    if syntax.encapsulated:
        return encode(PIXEL_DATA, b"OB", b"", syntax)[:-4] + b"\xff" * 4
    vr = source.file.elements[-1].vr or b"OW"
    if vr not in (b"OB", b"OW") or source.shape.allocated > 8:
        vr = b"OW"
    head = encode(PIXEL_DATA, vr, b"", syntax)
    return head[:-4] + (length + (length & 1)).to_bytes(4, "little" if syntax.little else "big")


def _recompressed(source: Source, changed: NDArray, recompress: str) -> tuple[DicomFile, bytes]:
    """The file under the syntax that its changed frames are written in, and those bytes; the values are kept exactly."""
    file, shape = source.file, source.shape
    if not file.syntax.encapsulated:
        kind = np.dtype(f"{file.syntax.order}{'i' if shape.signed else 'u'}{shape.allocated // 8}")
        return file, np.ascontiguousarray(changed, dtype=kind).tobytes()
    uid = _output_syntax(file.syntax.uid) if recompress == "same" else RECOMPRESS[recompress]
    file = replace(file, syntax=dicomfile.syntax_of(uid))
    kind = np.dtype(f"<{'i' if shape.signed else 'u'}{shape.allocated // 8}")
    plain = np.ascontiguousarray(changed, dtype=kind)
    if not file.syntax.encapsulated:
        return file, plain.tobytes()
    return file, encode_fragments([_encode_frame(frame, source, uid) for frame in plain])


def _output_syntax(uid: str) -> str:
    if uid == dicomfile.RLE_LOSSLESS:
        return uid
    return RECOMPRESS["jpeg-2000"] if uid in ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91") else RECOMPRESS["jpeg-ls"]


def _encode_frame(frame: NDArray, source: Source, uid: str) -> bytes:
    """One losslessly encoded frame. The samples' bits above those stored are cut by no encoder: BitsStored bounds the values."""
    from pydicom.pixels.encoders.base import get_encoder

    shape = source.shape
    encoded: Sequence[bytes] = list(
        get_encoder(uid).iter_encode(
            frame.tobytes(),
            rows=shape.rows,
            columns=shape.columns,
            number_of_frames=1,
            samples_per_pixel=1,
            bits_allocated=shape.allocated,
            bits_stored=shape.stored,
            pixel_representation=int(shape.signed),
            photometric_interpretation=source.file.text(0x00280004),
            pixel_keyword="PixelData",
        )
    )
    return encoded[0]
