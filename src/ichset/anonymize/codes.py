"""Code sequences stay when their code is on our list; the meaning that is written is the list's, not the source's."""

from __future__ import annotations

from ichset.anonymize import vocabulary
from ichset.anonymize.marks import code_item
from ichset.dicomfile import Element, Syntax


def encode_code(data: bytes, item: list[Element], write: Syntax) -> bytes:
    """The item of a known code, freshly encoded; nothing for another."""
    found = {element.tag: data[element.value : element.end].decode("latin-1").strip(" \0") for element in item}
    scheme, value = found.get(0x00080102, ""), found.get(0x00080100, "")
    meaning = vocabulary.codes().get((scheme, value))
    return code_item(scheme, value, meaning, write) if meaning else b""


def without_code(item: list[Element]) -> list[Element]:
    """What else an item holds beside its code: attributes that extend it, such as a contrast agent's volume."""
    return [element for element in item if element.tag >> 8 != 0x000801]
