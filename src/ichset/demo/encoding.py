"""One data set as one file, in the transfer syntax that the study's kind asks for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

SYNTAXES = {
    "implicit": ImplicitVRLittleEndian, "big endian": ExplicitVRBigEndian, "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless, "jpeg lossless": JPEGLosslessSV1, "jpeg 2000": JPEG2000Lossless, "jpeg-ls": JPEGLSLossless,
    "damaged stream": RLELossless,
}  # fmt: skip
IMPLEMENTATION = UID("1.2.643.5.1.13.13.99.1")


def write_file(data: Dataset, path: Path, kind: str) -> None:
    """Write one DICOM file; images of some kinds are compressed, everything else is explicit little endian."""
    syntax = SYNTAXES.get(kind, ExplicitVRLittleEndian)
    if "PixelData" not in data and syntax.is_compressed:
        syntax = ExplicitVRLittleEndian
    data.file_meta = _meta(data, ExplicitVRLittleEndian)
    if syntax == JPEGLosslessSV1:
        _jpeg_lossless(data)
    elif syntax.is_encapsulated:
        plugin = {RLELossless: "pydicom", JPEG2000Lossless: "pylibjpeg", JPEGLSLossless: "pyjpegls"}[syntax]
        data.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian and "PixelData" in data and data.BitsAllocated == 16:
        pixels = bytearray(data.PixelData)
        pixels[0::2], pixels[1::2] = pixels[1::2], pixels[0::2]
        data.PixelData = bytes(pixels)
    data.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, data, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian, enforce_file_format=True)


def _meta(data: Dataset, syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "HOSPITAL_PACS_7"
    meta.SourceApplicationEntityTitle = str(data.get("StationName", "CT"))[:16]
    return meta


def _jpeg_lossless(data: Dataset) -> None:
    """JPEG Lossless, Process 14, first-order prediction: encoded by GDCM, which reads and writes files only."""
    import gdcm

    handle, name = tempfile.mkstemp(suffix=".dcm")
    os.close(handle)
    try:
        bare = Dataset()
        for element in data:
            if element.tag.group == 0x0028 or element.tag in (0x7FE00010, 0x00080016, 0x00080018):
                bare.add(element)
        bare.file_meta = _meta(data, ExplicitVRLittleEndian)
        pydicom.dcmwrite(name, bare, enforce_file_format=True)
        reader = gdcm.ImageReader()
        reader.SetFileName(name)
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        if not reader.Read():
            raise ValueError("GDCM cannot read a slice of the demo")
        change.SetInput(reader.GetImage())
        if not change.Change():
            raise ValueError("GDCM cannot encode a slice of the demo")
        stream = change.GetOutput().GetDataElement().GetSequenceOfFragments().GetFragment(0).GetByteValue()
        frame = stream.GetBuffer().encode("utf-8", "surrogateescape")
    finally:
        Path(name).unlink(missing_ok=True)
    data.PixelData = encapsulate([frame])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
