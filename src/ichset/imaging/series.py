"""Which series to take: native axial head CT, original slices, enough of them; every other series gets its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ichset.config import RetrieveConfig
from ichset.imaging.geometry import Stack, by_orientation, plane_of, stack_of
from ichset.imaging.sources import Header
from ichset.imaging.words import BOTH, CONTRAST, DERIVED, LOCALIZER, MONITORING, NATIVE, NO_AGENT, PAGE, is_sharp, plain, region_of

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
DOUBTFUL = "phase in doubt beside a native series"
TOO_LITTLE = ("too few slices", "covers too little of the head")
SPLIT = "part of a series that was split"
UNTOLD = "position or orientation missing"
Key = tuple[str, int]  # series UID, part of the series


@dataclass(frozen=True)
class Seen:
    """What the pixels of one part said: `phase` native, contrast or unclear; `reason` to leave it."""

    phase: str = "unclear"
    reason: str | None = None


@dataclass(frozen=True)
class Choice:
    """One series, or one part of a series that holds several stacks: taken when `reason` is None.

    `phase` is native, contrast or doubtful (tags and pixels disagree: a reader decides). `region` is None when no word
    says head or elsewhere. `sparse`: the listing does not tell enough; the files must be seen.
    """

    key: Key
    headers: tuple[Header, ...]
    stack: Stack
    phase: str
    reason: str | None
    region: bool | None = None
    sparse: bool = False

    @property
    def sharp(self) -> bool:
        """A bone or lung kernel, by its name."""
        return is_sharp(self.headers[0]["kernel"])


@dataclass(frozen=True)
class Knowledge:
    """What was learnt from files, by series part; `listed`: series of which only a remote listing is known."""

    seen: Mapping[Key, Seen] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()


def choose(series: Mapping[str, Sequence[Header]], config: RetrieveConfig, knowledge: Knowledge | None = None) -> list[Choice]:
    """Judge every series of a study, in the order of series numbers; a series of several stacks is judged by parts."""
    known = knowledge or Knowledge()
    ordered = sorted(series.items(), key=lambda item: (_number(item[1]), item[0]))
    choices = [_judge((uid, part), headers, config, known) for uid, all_headers in ordered for part, headers in enumerate(_parts(all_headers), 1)]
    choices = _split_named(_mixed_named(_one_part_each(choices)))
    native = any(choice.reason is None and choice.phase == "native" for choice in choices)
    if native:
        choices = [replace(one, reason=DOUBTFUL) if one.reason is None and one.phase == "doubtful" else one for one in choices]
    taken = [choice for choice in choices if choice.reason is None]
    if config.policy == "best-soft-tissue" and taken:
        best = min(taken, key=_rank)
        choices = [replace(one, reason="not the best soft-tissue series") if one.reason is None and one is not best else one for one in choices]
    return choices


def _number(headers: Sequence[Header]) -> float:
    return min((header["series_number"] for header in headers if header["series_number"] is not None), default=0.0)


def _rank(choice: Choice) -> tuple[bool, bool, float, float, Key]:
    """Soft kernel, then native for certain, then coverage in steps of 2 cm, then the nearest to 5 mm slices."""
    step = abs((choice.stack.spacing or 0) - 5.0)
    return choice.sharp, choice.phase != "native", -round(choice.stack.coverage / 20), step, choice.key


# --- one series of several stacks -------------------------------------------------------------------
def _parts(headers: Sequence[Header]) -> list[list[Header]]:
    """Scouts and pages apart, one plane and matrix each; slices at one position apart where something tells them apart."""
    kinds: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        kinds[_kind(header)].append(header)
    parts = []
    for kind in sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind)):
        for group in by_orientation(kinds[kind]) if kind == "slice" else [kinds[kind]]:
            parts += _untangled(group)
    return parts


def _kind(header: Header) -> str:
    types = _types(header)
    if "LOCALIZER" in types or "SCOUT" in types:
        return "localizer"
    return "slice" if (header["sop_class"] or CT_IMAGE) == CT_IMAGE else "other"


def _untangled(headers: list[Header]) -> list[list[Header]]:
    """Stacks merged under one number, told apart by kernel, agent, image type or acquisition; as they are when nothing does."""
    if stack_of(headers).fault != "several slices at one position":
        return [headers]
    for names in (("kernel",), ("contrast",), ("image_type",), ("acquisition",)):
        groups: dict[str, list[Header]] = defaultdict(list)
        for header in headers:
            groups[str([header[name] for name in names])].append(header)
        found = [groups[key] for key in sorted(groups, key=lambda key: (-len(groups[key]), key))]
        if 1 < len(found) <= 4 and all(stack_of(group).fault is None for group in found):
            return found
    return [headers]


def _one_part_each(choices: Iterable[Choice]) -> list[Choice]:
    """Of the parts of one series only the best goes on: a released series number stands for one stack."""
    taken: dict[str, list[Choice]] = defaultdict(list)
    listed = list(choices)
    for choice in listed:
        if choice.reason is None:
            taken[choice.key[0]].append(choice)
    best = {uid: min(parts, key=_rank).key for uid, parts in taken.items()}
    return [one if one.reason or one.key == best[one.key[0]] else replace(one, reason="several stacks under one series number") for one in listed]


def _mixed_named(choices: list[Choice]) -> list[Choice]:
    """Parts of one series that are each too short lack what lies in another plane or matrix: that is why they are."""
    series: dict[str, list[Choice]] = defaultdict(list)
    for choice in choices:
        if _kind(choice.headers[0]) == "slice":
            series[choice.key[0]].append(choice)
    return [replace(one, reason=_mixture(one, series[one.key[0]])) if one.reason in TOO_LITTLE else one for one in choices]


def _mixture(one: Choice, parts: Sequence[Choice]) -> str | None:
    plane, matrix = plane_of(one.headers[0])
    others = [plane_of(other.headers[0]) for other in parts if other.reason in TOO_LITTLE]
    if any(plane != other for other, _ in others):
        return "slices of mixed orientations"
    return "slices of different pixel spacing or size" if any(matrix != other for _, other in others) else one.reason


def _split_named(choices: list[Choice]) -> list[Choice]:
    """A stack too short for itself whose next slice lies in a series of the same make: one volume stored as several."""
    short = [choice for choice in choices if choice.reason in TOO_LITTLE]
    found = {one.key for one in short if any(one is not other and _continues(one, other) for other in short)}
    return [replace(choice, reason=SPLIT) if choice.key in found else choice for choice in choices]


def _continues(one: Choice, other: Choice) -> bool:
    first, second = one.headers[0], other.headers[0]
    alike = ("kernel", "slice_thickness", "rows", "columns", "pixel_spacing", "contrast", "description")
    if any(first[name] != second[name] for name in alike):
        return False
    joined = stack_of([*one.headers, *other.headers])
    return joined.fault is None and len(joined.spacings) == 1


# --- one stack --------------------------------------------------------------------------------------
def _judge(key: Key, headers: Sequence[Header], config: RetrieveConfig, known: Knowledge) -> Choice:
    ordered = tuple(sorted(headers, key=lambda header: (header["instance_number"] or 0, header["sop_uid"])))
    first, seen = ordered[0], known.seen.get(key)
    region = region_of(plain(first["description"], first["protocol"]), plain(first["body_part"]), plain(first["study_description"]))
    phase = _phase(phase_of(ordered), seen)
    reason = _unsuitable(ordered, region)
    stack = stack_of(ordered)
    reason = reason or stack.fault
    sparse = key[0] in known.listed and reason in (None, UNTOLD) and _is_sparse(ordered)
    if reason is None and phase == "contrast":
        reason = "contrast phase"
    if not sparse and reason is None and len(ordered) < config.min_slices:
        reason = "too few slices"
    if not sparse and reason is None and stack.coverage < config.min_coverage_mm:
        reason = "covers too little of the head"
    if sparse and reason == UNTOLD:
        reason = None
    return Choice(key, ordered, stack, phase, reason or (seen.reason if seen else None), region, sparse)


def _is_sparse(headers: Sequence[Header]) -> bool:
    return any(header["image_type"] is None or header["orientation"] is None or header["position"] is None for header in headers)


def _types(header: Header) -> list[str]:
    return (header["image_type"] or "").upper().split("\\")


def _unsuitable(headers: Sequence[Header], region: bool | None) -> str | None:
    """What the headers rule out. ORIGINAL\\SECONDARY\\AXIAL is an ordinary reconstruction of GE scanners."""
    first = headers[0]
    described = plain(first["description"])
    if (first["modality"] or "CT") != "CT":
        return "dose report or screen page" if PAGE.search(described) else "not CT"
    if _kind(first) == "localizer" or LOCALIZER.search(described):
        return "localizer"
    if any((header["sop_class"] or CT_IMAGE) != CT_IMAGE or (header["frames"] or 1) > 1 or (header["samples"] or 1) > 1 for header in headers):
        return "dose report or screen page" if PAGE.search(described) else "not a CT slice series"
    if PAGE.search(described):
        return "dose report or screen page"
    if MONITORING.search(described) or any("MON" in kind.split() for header in headers for kind in _types(header)):
        return "bolus monitoring"
    if any("DERIVED" in _types(header)[:1] or "REFORMATTED" in _types(header) or "MPR" in _types(header) for header in headers):
        return "derived, not original slices"
    if DERIVED.search(described):
        return "derived, not original slices"
    if any((header["burned_in"] or "").upper() == "YES" for header in headers):
        return "burned-in annotation"
    return "not the head" if region is False else None


def phase_of(headers: Sequence[Header]) -> str:
    """What the tags say: native, contrast, silent, or doubtful when a recorded agent and the description disagree.

    Scanners keep an agent's name in the protocol, so that an agent alone proves nothing; the pixels decide with it.
    """
    first = headers[0]
    described = plain(first["description"])
    agent = any((header["contrast"] or "").strip().lower() not in NO_AGENT for header in headers)
    if BOTH.search(described):
        return "doubtful"
    rest = NATIVE.sub(" ", described)
    if CONTRAST.search(rest):
        return "doubtful" if rest != described else "contrast"
    if rest != described:
        return "doubtful" if agent else "native"
    return "doubtful" if agent else "silent"


def _phase(told: str, seen: Seen | None) -> str:
    """Tags and pixels together: agreement is believed, disagreement is for a reader."""
    pixels = seen.phase if seen else "unclear"
    if told == "contrast" or (told == "doubtful" and pixels == "contrast"):
        return "contrast"
    if told == "doubtful" or pixels == "contrast":
        return "doubtful"
    return "native"
