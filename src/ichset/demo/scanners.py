"""How scanners of five makers write their files: names, kernels, techniques and private groups as METHOD.md lists them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scanner:
    """`private`: (group, creator, element, VR, value); a value with {} takes an identifier of the patient or the scanner."""

    manufacturer: str
    model: str
    root: str  # arc of its UIDs
    soft: tuple[str, ...]
    bone: tuple[str, ...]
    kvps: tuple[float, ...]
    currents: tuple[int, int]  # mA
    thick: tuple[float, ...]  # mm
    thin: float
    charset: str  # of its files
    codec: str  # Python's name of the bytes really written
    image_type: tuple[str, ...]
    station: str
    protocol: str
    soft_name: str
    bone_name: str
    private: tuple[tuple[int, str, int, str, str], ...]


SCANNERS = (
    Scanner(
        "GE MEDICAL SYSTEMS", "LightSpeed VCT", "840.113619.2", ("STANDARD", "SOFT"), ("BONE", "BONEPLUS"), (120.0, 140.0), (90, 440),
        (2.5, 5.0), 1.25, "ISO_IR 144", "iso8859_5", ("ORIGINAL", "PRIMARY", "AXIAL"), "CT99VCT", "1.1 Head Routine", "Head 5mm",
        "Bone 2.5mm",
        ((0x0009, "GEMS_IDEN_01", 0x01, "LO", "CT_LIGHTSPEED"), (0x0009, "GEMS_IDEN_01", 0xE3, "UI", "{uid}"),
         (0x0019, "GEMS_ACQU_01", 0x02, "SL", "912"), (0x0045, "GEMS_HELIOS_01", 0x01, "SS", "4")),
    ),
    Scanner(
        "SIEMENS", "SOMATOM Definition AS", "12.2.1107", ("H31s", "J30s", "J40s", "J45s", "J37s"), ("H70h", "J80s"), (100.0, 120.0), (60,
        380),
        (3.0, 5.0), 0.75, "ISO_IR 192", "utf-8", ("ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SEQ"), "CTAWP71234", "HeadSeq", "Head 3.0 H31s",
        "Head 2.0 H70h",
        ((0x0029, "SIEMENS CSA HEADER", 0x08, "CS", "SOM 5"), (0x0029, "SIEMENS MEDCOM HEADER", 0x31, "LO", "4.0.{id}"),
         (0x0019, "SIEMENS CT VA0  COAD", 0x92, "LO", "{name}")),
    ),
    Scanner(
        "Philips", "Brilliance 64", "46.670589.33", ("UB", "B", "UC"), ("D", "YB"), (80.0, 120.0, 140.0), (80, 420), (3.0, 5.0), 0.9,
        "ISO_IR 144", "iso8859_5", ("ORIGINAL", "PRIMARY", "AXIAL", "HELIX"), "BRILLIANCE64", "Голова стандарт", "ГОЛОВА, мягкие ткани",
        "КОСТИ",
        ((0x01E1, "ELSCINT1", 0x1A, "LO", "{id}"), (0x07A1, "ELSCINT1", 0x10, "LO", "{accession}"), (0x00E1, "ELSCINT1", 0x40, "SH",
        "BRN")),
    ),
    Scanner(
        "TOSHIBA", "Aquilion", "46.999999.4", ("FC21", "FC23", "FC26", "FC62", "FC64", "FC68"), ("FC30", "FC35", "FC81"), (120.0, 135.0),
        (50, 450), (2.0, 5.0), 0.5, "ISO_IR 144", "iso8859_5", ("ORIGINAL", "PRIMARY", "AXIAL"), "TSX101A", "Brain S&S", "Brain 5.0",
        "Bone 2.0",
        ((0x7005, "TOSHIBA_MEC_CT3", 0x0B, "SH", "{accession}"), (0x7005, "TOSHIBA_MEC_CT3", 0x1D, "LO", "{name}")),
    ),
    Scanner(
        "Mobius Imaging", "AIRO", "840.999.77", ("SOFT", "STANDARD"), ("Sharp", "BONE"), (100.0, 120.0, 130.0), (25, 200), (1.5, 3.0), 1.0,
        "ISO_IR 192", "utf-8", ("ORIGINAL", "PRIMARY", "AXIAL"), "AIRO-OR2", "Head Helical", "Head Soft", "Head Sharp",
        ((0x0023, "MOBIUS IMAGING CT", 0x05, "LO", "{station}"), (0x0023, "MOBIUS IMAGING CT", 0x06, "LO", "{institution}")),
    ),
)  # fmt: skip
