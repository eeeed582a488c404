"""The attributes that say truthfully what was done to a file, and whose it now is."""

from __future__ import annotations

from ichset.anonymize import profile
from ichset.dicomfile import Syntax, encode, encode_items

METHOD = (f"PS3.15 Table E.1-1 {profile.EDITION}", "Attributes and values by allow-list")
METHOD_DEFACED = "Face hidden in the pixel data"


def marks(options: frozenset[str], subject: str, syntax: Syntax, defaced: bool) -> dict[int, bytes]:
    """Tag -> encoded element (PS3.15 E.1.1 and E.3; codes of CID 7050)."""
    method = (*METHOD, METHOD_DEFACED) if defaced else METHOD
    temporal = "UNMODIFIED" if "full_dates" in options else "MODIFIED" if "modified_dates" in options else "REMOVED"
    found = {
        0x00080005: ("CS", "ISO_IR 192"),
        0x00100010: ("PN", subject),
        0x00100020: ("LO", subject),
        0x00120062: ("CS", "YES"),
        0x00120063: ("LO", "\\".join(method)),
        0x00280303: ("CS", temporal),
    }
    if defaced:
        found[0x00280302] = ("CS", "NO")  # RecognizableVisualFeatures
    encoded = {tag: encode(tag, vr.encode(), value.encode(), syntax) for tag, (vr, value) in found.items()}
    items = [code_item("DCM", code, meaning, syntax) for code, meaning in profile.method_codes(options, defaced)]
    encoded[0x00120064] = encode(0x00120064, b"SQ", encode_items(items, syntax), syntax)
    return encoded


def code_item(scheme: str, value: str, meaning: str, syntax: Syntax) -> bytes:
    """One item of a code sequence (PS3.3 Table 8.8-1)."""
    parts = ((0x00080100, value), (0x00080102, scheme), (0x00080104, meaning))
    return b"".join(encode(tag, b"LO" if tag == 0x00080104 else b"SH", text.encode(), syntax) for tag, text in parts)
