"""Text under a declared, missing or wrong character set: the reading that makes words is the right one."""

from __future__ import annotations

# PS3.3 C.12.1.1.2, the sets a head CT of our sources can carry; code extensions (ISO 2022) share their base set here
_CODECS = {
    "": "latin-1", "ISO_IR 6": "latin-1", "ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2", "ISO_IR 109": "iso8859-3", "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5", "ISO_IR 127": "iso8859-6", "ISO_IR 126": "iso8859-7", "ISO_IR 138": "iso8859-8", "ISO_IR 148": "iso8859-9",
    "ISO_IR 13": "shift_jis", "ISO_IR 166": "tis_620", "ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk",
    "ISO 2022 IR 149": "euc_kr", "ISO 2022 IR 87": "iso2022_jp", "ISO 2022 IR 58": "gb2312",
}  # fmt: skip
CYRILLIC = ("utf-8", "cp1251", "iso8859-5", "koi8-r", "cp866")


def codecs_of(declared: bytes) -> tuple[str, ...]:
    """Python codecs for the raw value of (0008,0005), in its order; then those that Cyrillic text is found in when it is wrong."""
    names = [part.strip() for part in declared.decode("ascii", "replace").split("\\")]
    known = [_CODECS.get(name.replace("ISO 2022 IR", "ISO_IR"), _CODECS.get(name)) for name in names]
    return tuple(dict.fromkeys([*(codec for codec in known if codec), *CYRILLIC]))


def readings(raw: bytes, codecs: tuple[str, ...]) -> list[str]:
    """Every different way to read these bytes, the declared one first. ASCII has one."""
    if raw.isascii() and b"\x1b" not in raw:
        return [raw.decode("ascii")]
    found = []
    for codec in codecs:
        try:
            found.append(raw.decode(codec))
        except UnicodeDecodeError:
            continue
    return list(dict.fromkeys(found)) or [raw.decode("latin-1")]
