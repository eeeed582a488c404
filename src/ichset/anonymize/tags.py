"""Decide what becomes of each element: a pure function of (tag, VR, raw value) for one patient and policy, remembered.

Headers of one series differ from slice to slice in a few elements only, so nearly every decision is looked up.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Literal

from ichset.anonymize import charsets, codes, dates, profile, safe_private, values
from ichset.anonymize.marks import marks
from ichset.anonymize.profile import Action, Rule
from ichset.dicomfile import PIXEL_DATA, PIXELS, DicomFile, Element, Syntax, encode, encode_items, items
from ichset.pseudonyms import Pseudonyms

DEFAULT_OPTIONS = frozenset({"modified_dates", "patient", "descriptors"})
VERSION = "3"  # of these rules: raise it when the same input would be written otherwise
CENSUS_CAP = 10_000  # distinct values counted for one attribute
_TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_FREE_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})  # the VRs that a character set governs (PS3.5 6.1.2.3)
_PIXEL_RANGES = frozenset({0x00280106, 0x00280107, 0x00280108, 0x00280109})  # no longer true once pixels are changed
_ENHANCED = frozenset({"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"})
_EQUIPMENT = (0x00081090, 0x00181000, 0x00181020)  # type 1 in the Enhanced General Equipment module: a dummy where they went
_MEMO_VALUE = 1 << 16  # longer values are decided anew each time
_MEMO_SIZE = 1 << 15  # decisions; then the memory starts afresh


# members of contracts.Reason by name: that page is heavy to import and needed only once something is in doubt
DoubtReason = Literal["NOT_A_SLICE", "BURNED_IN_TEXT", "REQUIRED_VALUE", "IDENTIFIER_LEFT", "DEFACE_IMPOSSIBLE", "UNREADABLE_FILE", "NO_SUBJECT_ID"]


class Doubt(Exception):
    """This file must not be released; the message says why and names no value."""

    def __init__(self, message: str, reason: DoubtReason) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Policy:
    """What the config decides about tags."""

    options: frozenset[str] = DEFAULT_OPTIONS
    age_cap: int | None = 89


@dataclass(frozen=True)
class Identity:
    """One patient's released identity: the subject pseudonym and the date offset in days."""

    subject: str
    shift_days: int


@dataclass
class Ledger:
    """What was done, for the census and the report: tags, hashes of kept values, notes. No value of the source."""

    kept: dict[int, set[bytes]] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    notes: set[tuple[str, int]] = field(default_factory=set)

    def keep(self, tag: int, value: bytes) -> None:
        found = self.kept.setdefault(tag, set())
        if len(found) < CENSUS_CAP:
            found.add(hashlib.blake2b(value, digest_size=8).digest())

    def note(self, what: str, tag: int) -> None:
        self.notes.add((what, tag))


@dataclass(frozen=True)
class _Context:
    """What a value's meaning depends on besides its own bytes."""

    read: Syntax
    write: Syntax
    charset: bytes  # raw (0008,0005)
    signed: bool  # pixel representation: whether `US or SS` means SS
    depth: int


class Deidentifier:
    """De-identifies the data sets of one patient; remembers its decisions, so use one for a whole study."""

    def __init__(self, policy: Policy, identity: Identity, pseudonyms: Pseudonyms) -> None:
        self.policy, self.identity, self.pseudonyms = policy, identity, pseudonyms
        self.ledger = Ledger()
        self._rules = {tag: rule for tag, rule in profile.rules(policy.options).items() if rule.action is not Action.REMOVE}
        self._memos: dict[_Context, dict[tuple[int, bytes, bytes], bytes]] = {}
        self._marks: dict[tuple[Syntax, bool], dict[int, bytes]] = {}

    def dataset(self, file: DicomFile, defaced: bool = False, changed: bool = False) -> bytes:
        """The encoded elements of one file up to its pixel data; nothing is kept after them.

        `defaced`: the study's faces are hidden (a mark says so); `changed`: this file's pixels are not the source's.
        Raises Doubt for a required attribute without a value that may be kept.
        """
        signed = (file.raw(0x00280103) or b"").strip(b"\0") == b"\1"
        context = _Context(file.syntax, file.syntax, file.raw(0x00080005) or b"", signed, 0)
        key = (file.syntax, defaced)
        if key not in self._marks:
            self._marks[key] = marks(self.policy.options, self.identity.subject, file.syntax, defaced)
        written = self._marks[key]
        skip = written.keys() | _PIXEL_RANGES if changed else written.keys()
        merged = sorted([*self._elements(file.data, file.elements, context, skip), *written.items()])
        if file.text(0x00080016) in _ENHANCED:
            present = {tag for tag, _ in merged}
            merged = sorted([*merged, *((tag, encode(tag, b"LO", b"UNKNOWN", file.syntax)) for tag in _EQUIPMENT if tag not in present)])
        return b"".join([part for tag, part in merged if tag < PIXEL_DATA])

    def _elements(self, data: bytes | mmap.mmap, elements: list[Element], context: _Context, skip: Set[int]) -> list[tuple[int, bytes]]:
        rules, removed = self._rules, self.ledger.removed
        memo = self._memos.setdefault(context, {})
        if "safe_private" in self.policy.options:
            rules = rules | safe_private.rules_of(data, elements)
        done = []
        for element in elements:
            tag, vr, value, end, _, _ = element
            rule = rules.get(tag)
            if rule is None or tag in skip:
                removed.add(tag)
                continue
            if tag in PIXELS:
                continue
            raw = data[value:end]
            key = (tag, vr, raw)
            part = memo.get(key)
            if part is None:
                part = self._decide(rule, tag, vr, raw, context)
                if len(raw) <= _MEMO_VALUE:
                    if len(memo) >= _MEMO_SIZE:
                        memo.clear()
                    memo[key] = part
            if part:
                done.append((tag, part))
        return done

    def _decide(self, rule: Rule, tag: int, declared: bytes, raw: bytes, context: _Context) -> bytes:
        """The element as it is written: all its bytes, or none."""
        top = context.depth == 0
        vr = _agreed_vr(rule.vr, declared, context)
        if vr is None or (rule.top_only and not top):
            self.ledger.removed.add(tag)
            return b""
        kept = self._value(rule, tag, declared, vr, raw, context)
        if kept is None:
            self.ledger.note("value did not pass its check", tag)
            if top and rule.type == "1":
                raise Doubt(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) must have a value and holds none that may be kept", "REQUIRED_VALUE")
            if not rule.type.startswith("2"):
                return b""
            kept = b""
        self.ledger.keep(tag, kept)
        return encode(tag, vr.encode(), kept, context.write)

    def _value(self, rule: Rule, tag: int, declared: bytes, vr: str, raw: bytes, context: _Context) -> bytes | None:
        if rule.action is Action.EMPTY or not raw:
            return b""
        if vr == "SQ":
            return self._sequence(rule, declared, raw, context)
        if vr not in _TEXT_VRS:
            return raw if len(raw) % values.WIDTHS.get(vr, len(raw) + 1) == 0 else None
        if not raw.strip(b" \0"):
            return b""
        found = self._text(rule, tag, vr, raw, context)
        return None if found is None else found.encode("utf-8")

    def _text(self, rule: Rule, tag: int, vr: str, raw: bytes, context: _Context) -> str | None:
        if rule.action is Action.UID:
            uids = [part.strip(" \0") for part in raw.decode("latin-1").split("\\")]
            return "\\".join(self.pseudonyms.uid(uid) if uid and not values.standard(uid) else uid for uid in uids)
        if rule.action is Action.SHIFT:
            return self._shift(tag, vr, raw.decode("latin-1"))
        if rule.action is Action.IDENTITY:
            return self.pseudonyms.accession(raw.decode("latin-1"))
        best = None
        for text in charsets.readings(raw, charsets.codecs_of(context.charset)):
            found = values.check(rule.check, vr, text.strip(" \0"), self.policy.age_cap)
            if found is not None and (found.isascii() or vr in _FREE_TEXT) and (best is None or len(found) > len(best)):
                best = found
        return best

    def _shift(self, tag: int, vr: str, text: str) -> str:
        kept = []
        for part in text.split("\\"):
            part = part.strip(" \0")
            if vr == "TM":
                found = dates.check_time(part)
            else:
                found = (dates.shift_date if vr == "DA" else dates.shift_datetime)(part, self.identity.shift_days)
            if found is None and part:
                self.ledger.note("impossible date or time emptied", tag)
            kept.append(found or "")
        return "\\".join(kept)

    def _sequence(self, rule: Rule, declared: bytes, raw: bytes, context: _Context) -> bytes | None:
        """The items of one sequence by the same rules; `raw` is its value without a closing delimiter."""
        inner = Syntax("", explicit=False) if declared == b"UN" else context.read
        nested, _ = items(raw, 0, len(raw), inner, context.depth + 1, closed=True)
        below = _Context(inner, context.write, context.charset, context.signed, context.depth + 1)
        kept = []
        for item in nested:
            code = codes.encode_code(raw, item, context.write) if rule.check == "codes" else b""
            if rule.check == "codes" and not code:
                continue
            rest = codes.without_code(item) if code else item
            encoded = code + b"".join([part for _, part in sorted(self._elements(raw, rest, below, frozenset()))])
            if encoded:
                kept.append(encoded)
        return encode_items(kept, context.write) if kept or not nested else None


def _agreed_vr(ours: str, declared: bytes, context: _Context) -> str | None:
    """The VR to write: the standard's; None when the declared one is of another kind, so that the bytes mean something else."""
    given = declared.decode("ascii")
    if ours == "US or SS":
        if given in ("US", "SS"):
            return given
        ours = "SS" if context.signed else "US"
    if given in ("", ours):
        return ours
    if given == "UN":
        return ours if context.write.little else None
    return ours if given in _TEXT_VRS and ours in _TEXT_VRS else None
