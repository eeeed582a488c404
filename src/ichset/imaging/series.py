"""Which series to take: native axial head CT, original slices, enough of them; every other series gets its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ichset.config import RetrieveConfig
from ichset.imaging.geometry import Stack, stack_of
from ichset.imaging.sources import Header

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
# words of headers, Russian and English; matched against body part, protocol and descriptions, lower case
HEAD = re.compile(r"head|brain|skull|cran|neuro|cereb|stroke|routine|голов|мозг|череп|инсульт|ктгм")
ELSEWHERE = re.compile(
    r"chest|thora|lung|abdom|pelvi|spine|lumb|cardi|heart|knee|foot|leg|hand|extrem|shoulder|hip\b|neck|sinus|orbit|dental|"
    r"груд|л[её]гк|брюш|живот|таз|позвон|поясн|сердц|колен|стоп|конечн|плеч|шея|шеи|пазух|орбит|зуб"
)
DERIVED = re.compile(r"\b(mpr|mip|minip|vrt?|3d|ssd|recon 3|reformat|perf|cbf|cbv|mtt|tmax|ttp|fusion|subtr|рекон|перфуз)", re.I)
CONTRAST = re.compile(
    r"contrast|\bc\+|\+c\b|\bce\b|post[ -]?c|with c|\bcta?a\b|angio|arter|venous|portal|delayed|\biv\b|"
    r"контраст|ангио|артер|веноз|болюс|в/в|\bк\+|\+к\b|\bку\b", re.I,
)  # fmt: skip
NATIVE = re.compile(r"non[ -]?contrast|without|w/?o\b|native|plain|\bnc|c-(?!\w)|натив|без контр|бесконтр|бк\b", re.I)
SHARP = re.compile(r"bone|sharp|lung|edge|^fc[368]\d|^[hjb][ur]?[5-9]\d|^(d|yd|ye|e|detail|ub|yc)$", re.I)


@dataclass(frozen=True)
class Choice:
    """One series: taken when `reason` is None. `phase` is native or contrast."""

    headers: tuple[Header, ...]
    stack: Stack
    phase: str
    reason: str | None

    @property
    def sharp(self) -> bool:
        """A bone or lung kernel, by its name."""
        return bool(SHARP.search((self.headers[0]["kernel"] or "").split("\\")[0]))


def choose(series: Mapping[str, Sequence[Header]], config: RetrieveConfig) -> list[Choice]:
    """Judge every series of a study, in the order of series numbers."""
    ordered = sorted(series.values(), key=lambda headers: (headers[0]["series_number"] or 0, headers[0]["series_uid"]))
    choices = [_judge(headers, config) for headers in ordered]
    taken = [choice for choice in choices if choice.reason is None]
    if config.policy == "best-soft-tissue" and taken:
        best = min(taken, key=lambda choice: (choice.sharp, -choice.stack.coverage, choice.stack.spacing or 0))
        choices = [replace(one, reason="not the best soft-tissue series") if one.reason is None and one is not best else one for one in choices]
    return choices


def _judge(headers: Sequence[Header], config: RetrieveConfig) -> Choice:
    ordered = tuple(sorted(headers, key=lambda header: (header["instance_number"] or 0, header["sop_uid"])))
    phase = phase_of(ordered)
    reason = _unsuitable(ordered)
    stack = Stack(None) if reason else stack_of(ordered)
    reason = reason or stack.fault
    if reason is None and phase == "contrast":
        reason = "contrast phase"
    if reason is None and len(ordered) < config.min_slices:
        reason = "too few slices"
    if reason is None and stack.coverage < config.min_coverage_mm:
        reason = "covers too little of the head"
    return Choice(ordered, stack, phase, reason)


def _unsuitable(headers: Sequence[Header]) -> str | None:
    """What the first look at the headers rules out."""
    first = headers[0]
    image_type = (first["image_type"] or "").upper().split("\\")
    if first["modality"] != "CT":
        return "not CT"
    if any(header["sop_class"] != CT_IMAGE or (header["frames"] or 1) > 1 or (header["samples"] or 1) > 1 for header in headers):
        return "not a CT slice series"
    if "LOCALIZER" in image_type or "SCOUT" in image_type:
        return "localizer"
    described = " ".join(first[name] or "" for name in ("description", "protocol"))
    if image_type[0] == "DERIVED" or "SECONDARY" in image_type[1:2] or DERIVED.search(first["description"] or ""):
        return "derived, not original slices"
    if any((header["burned_in"] or "").upper() == "YES" for header in headers):
        return "burned-in annotation"
    return None if _is_head(first, described.lower()) else "not the head"


def _is_head(first: Header, described: str) -> bool:
    part = (first["body_part"] or "").lower()
    if part:
        return bool(HEAD.search(part)) or (not ELSEWHERE.search(part) and bool(HEAD.search(described)))
    said = f"{described} {(first['study_description'] or '').lower()}"
    return bool(HEAD.search(said)) or not ELSEWHERE.search(said)


def phase_of(headers: Sequence[Header]) -> str:
    """Native unless the description says contrast, or an agent is recorded and nothing says native."""
    first = headers[0]
    described = first["description"] or ""
    if NATIVE.search(described):
        return "native"
    agent = (first["contrast"] or "").strip().lower()
    told = agent not in ("", "no", "none", "нет", "0")
    return "contrast" if told or CONTRAST.search(described) else "native"
