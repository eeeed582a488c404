"""Damaged files and bombs: released valid or refused with a reason, in bounded memory, never a crash or a hang."""

from __future__ import annotations

import io
import os
import random
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from ct_files import ct_slice, item, sequence
from pydicom.encaps import encapsulate

from ichset.anonymize import faults, instance
from ichset.anonymize.tags import Deidentifier, Identity, Policy
from ichset.contracts import Reason
from ichset.pseudonyms import Pseudonyms


def _bytes_of(dataset: pydicom.FileDataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _seeds() -> list[bytes]:
    nested = ct_slice(ReferencedImageSequence=sequence(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID="1.2.3"))
    implicit = ct_slice(2)
    implicit.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    packed = [ct_slice(number, 32, 32) for number in (3, 4, 5)]
    for dataset, uid in zip(packed, ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"), strict=True):
        dataset.compress(uid)
    return [_bytes_of(dataset) for dataset in (ct_slice(1, 16, 16), nested, implicit, *packed)]


def _mutate(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    where = rng.randrange(len(out)) if len(out) < 200 or rng.random() < 0.3 else rng.randrange(128, min(len(out), 2600))
    kind = rng.randrange(6)
    if kind == 0:
        return bytes(out[:where])
    if kind == 1:
        out[where] ^= 1 << rng.randrange(8)
    elif kind == 2:
        out[where:where] = rng.randbytes(rng.randrange(1, 40))
    elif kind == 3:
        del out[where : where + rng.randrange(1, 40)]
    elif kind == 4:
        out[where : where + 4] = struct.pack("<I", rng.choice((0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFE, 1)))
    else:
        out[where : where + 2] = rng.choice((b"SQ", b"UN", b"OB", b"US", b"\xfe\xff", b"\0\0"))
    return bytes(out)


def _release(path: Path, target: Path) -> Reason | None:
    target.unlink(missing_ok=True)
    try:
        source = instance.read(path)
        instance.check_pixels(source)
        instance.write(target, source, Deidentifier(Policy(), Identity("PTEST", -100), Pseudonyms(b"k" * 32)))
    except Exception as error:
        return faults.explain(error)[0]
    return None


def _mutated(count: int, tmp_path: Path) -> None:
    rng, seeds = random.Random(20230405), _seeds()
    accepted = refused = 0
    for number in range(count):
        source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
        data = rng.choice(seeds)
        for _ in range(rng.randrange(1, 4)):
            data = _mutate(data, rng) or b"\0"
        source.write_bytes(data)
        reason = _release(source, target)
        if reason is not None:
            refused += 1
            continue
        accepted += 1
        shown = pydicom.dcmread(target)
        assert shown.PatientID == "PTEST", number
        assert shown.PatientIdentityRemoved == "YES"
        assert shown.pixel_array.shape == (shown.Rows, shown.Columns)
        assert "Белозерцева".encode("iso8859-5") not in target.read_bytes()
    assert accepted + refused == count
    assert accepted and refused


def test_mutated_files_are_released_valid_or_refused(tmp_path: Path) -> None:
    _mutated(250, tmp_path)


@pytest.mark.stress
def test_four_thousand_mutated_files(tmp_path: Path) -> None:
    _mutated(4000, tmp_path)


def _deflated(size: int, fill: bytes = b"\0") -> bytes:
    dataset = ct_slice()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    data = _bytes_of(dataset)
    start = data.index(b"1.2.840.10008.1.2.1.99") + 22
    head = data[: start + 60]
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = packer.compress(struct.pack("<HH2sHI", 8, 0x16, b"UT", 0, size & 0xFFFFFFFE))
    for _ in range(size >> 20):
        body += packer.compress(fill * (1 << 20))
    return head[: data.index(b"\x02\x00\x10\x00UI") + 8 + 22] + body + packer.flush()


def _nested(depth: int, defined: bool, tag: tuple[int, int] = (8, 0x1140)) -> bytes:
    if defined:
        value = b""
        for _ in range(depth):
            part = struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
            value = struct.pack("<HH2sHI", *tag, b"SQ", 0, len(part)) + part
    else:
        opening = struct.pack("<HH2sHI", *tag, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        closing = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        value = opening * depth + closing * depth
    plain = _bytes_of(ct_slice())
    at = plain.index(b"\x10\x00\x10\x00PN")
    return plain[:at] + value + plain[at:]


def _huge(rows: int, columns: int, frames: int = 1, uid: str | None = None, lie: bool = False) -> bytes:
    dataset = ct_slice(1, 64, 64)
    if uid:
        dataset.compress(uid)
        frame = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
        if lie and uid.endswith(".90"):
            frame = frame[:8] + struct.pack(">II", columns, rows) + frame[16:]
        dataset.PixelData = encapsulate([frame] * frames)
    dataset.Rows, dataset.Columns = rows, columns
    if frames > 1:
        dataset.NumberOfFrames = frames
    return _bytes_of(dataset)


J2K, RLE, JLS = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"
BOMBS: dict[str, Callable[[], bytes]] = {
    "deflate 300 MB": lambda: _deflated(300 << 20),
    "deflate 1 GB": lambda: _deflated(1 << 30),
    "deflate 2 GB of ones": lambda: _deflated(2000 << 20, b"\1"),
    "rows x columns 65535": lambda: _huge(65535, 65535),
    "rows 65535": lambda: _huge(65535, 1),
    "columns 65535": lambda: _huge(1, 65535),
    "J2K header 65535": lambda: _huge(65535, 65535, uid=J2K),
    "J2K codestream 65535": lambda: _huge(65535, 65535, uid=J2K, lie=True),
    "J2K codestream 30000 under a small header": lambda: _huge(64, 64, uid=J2K, lie=True).replace(
        struct.pack(">II", 64, 64), struct.pack(">II", 30000, 30000)
    ),
    "J2K 4096 x 4096 x 300": lambda: _huge(4096, 4096, 300, uid=J2K, lie=True),
    "RLE header 65535": lambda: _huge(65535, 65535, uid=RLE),
    "RLE 4096 x 4096 x 500": lambda: _huge(4096, 4096, 500, uid=RLE),
    "JPEG-LS 65535": lambda: _huge(65535, 65535, uid=JLS),
    "JPEG-LS 4096 x 4096 x 500": lambda: _huge(4096, 4096, 500, uid=JLS),
    "a million frames": lambda: _huge(64, 64, 999_999),
    "nested 1000, undefined": lambda: _nested(1000, defined=False),
    "nested 1000, defined": lambda: _nested(1000, defined=True),
    "nested 1000 in a private sequence": lambda: _nested(1000, defined=False, tag=(9, 0x1001)),
    "nested 20000, undefined": lambda: _nested(20_000, defined=False),
    "a length of 4 GB": lambda: _bytes_of(ct_slice()).replace(
        struct.pack("<HH2sH", 0x10, 0x10, b"PN", 26), struct.pack("<HH2sHI", 0x10, 0x10, b"UT", 0, 0xFFFFFFF0), 1
    ),
}

_CHILD = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
sys.path.insert(0, sys.argv[3])
from test_deidentify_faults import _release
reason = _release(Path(sys.argv[1]), Path(sys.argv[2]))
print(reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def _run_bomb(name: str, tmp_path: Path) -> tuple[str, int]:
    source = tmp_path / "bomb.dcm"
    source.write_bytes(BOMBS[name]())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _CHILD, str(source), str(tmp_path / "out.dcm"), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr[-500:]
    reason, megabytes = done.stdout.rsplit(maxsplit=1)
    return reason, int(megabytes)


_FEW = ("deflate 300 MB", "J2K 4096 x 4096 x 300", "nested 1000, undefined")


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in _FEW else pytest.mark.stress) for name in BOMBS])
def test_bombs_stay_below_a_gigabyte(name: str, tmp_path: Path) -> None:
    reason, megabytes = _run_bomb(name, tmp_path)
    assert megabytes <= 1024
    assert reason in (str(Reason.UNREADABLE_FILE), str(Reason.NOT_A_SLICE)) or name == "nested 1000, defined" or "private" in name


def test_there_are_twenty_bombs() -> None:
    assert len(BOMBS) == 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    assert item(PatientID="1").PatientID == "1"
