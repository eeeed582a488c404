"""Mentions -> labels, as docs/TEXT.md defines them: 1 present, 0 absent, None cannot be told; and whether a reader should look first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ichset.contracts import COMPARTMENTS
from ichset.reports.mentions import Mention
from ichset.reports.scope import ABSENT, HISTORICAL, HYPOTHETICAL, PRESENT, RESOLVED, UNCERTAIN

BLEEDING = (*COMPARTMENTS, "intraventricular", "haemorrhage")


def label_mentions(mentions: Sequence[Mention], normal: bool, nondiagnostic: bool, calm: bool = False) -> tuple[dict[str, int | None], bool]:
    """Every label but `brain_ct`, and `doubt`. `normal`: the conclusion denies any pathology, `calm`: any that is acute.

    `nondiagnostic`: the scan says nothing.

    The conclusion outranks the description: what it denies is absent, whatever the description says.
    """
    blood = _less_collections(_current(_answered([one for one in mentions if one.findings[0] in BLEEDING])))
    if any(one.findings[0] == "tumour" and one.assertion in (PRESENT, UNCERTAIN) for one in mentions):
        blood = [one for one in blood if not _DENSE.search(one.quote)]  # a lens of high density may be a meningioma
    told = [one for one in blood if one.section == "conclusion" and (one.assertion in (PRESENT, ABSENT, UNCERTAIN) or _all_gone(one))]
    described = [one for one in blood if one.section != "conclusion"]
    ich = _verdict(told)
    earlier = _verdict(described)
    if ich == 0 and not any(one.findings[0] == "haemorrhage" and not one.new for one in told):
        # "no new haemorrhage", "no SAH": what else the description names is not denied
        denied = {finding for one in told if not one.new for finding in one.findings}
        kept = _verdict([one for one in described if not set(one.findings) <= denied])
        ich = 0 if kept is _UNSAID else kept
    if ich is _UNSAID:
        ich = 0 if (normal and earlier is not _UNSAID) or (calm and earlier is None) else earlier
    doubt = earlier is not _UNSAID and bool(told or normal) and earlier != ich
    labels: dict[str, int | None] = {"ich": None if nondiagnostic and ich is _UNSAID else 0 if ich is _UNSAID else ich}  # type: ignore[dict-item]
    past = [one for one in blood if one.assertion in (HISTORICAL, RESOLVED)]
    open_ = {finding for one in blood if one.assertion == UNCERTAIN for finding in one.findings if finding != "haemorrhage"}
    unseen = nondiagnostic and ich is _UNSAID
    unsure_many = any(one.assertion == UNCERTAIN and (one.many or one.laterality == "bilateral") for one in blood)
    counted = _counting(blood, denied=[one for one in told if one.assertion == ABSENT])
    labels |= _kinds(labels["ich"], unseen, counted, past, open_, unsure_many)
    labels["fracture"] = _fracture(mentions, None if unseen else 0)
    labels["combined"] = None if unseen else _combined(labels["ich"], mentions)
    return labels, doubt or labels["ich"] is None


_UNSAID = object()


def _answered(blood: Sequence[Mention]) -> list[Mention]:
    """? SDH. No SDH: a question of the referral that the text goes on to answer is no doubt."""
    asked = [one for one in blood if one.assertion == UNCERTAIN and one.cue == "?"]
    if not asked:
        return list(blood)
    denied = [one for one in blood if one.assertion == ABSENT and not one.new]
    answers = [(one.section, one.start, finding) for one in denied for finding in one.findings]

    def answered(one: Mention) -> bool:
        names = {*one.findings, "haemorrhage"}
        return any(finding in names and (section != one.section or start > one.start) for section, start, finding in answers)

    return [one for one in blood if one not in asked or not answered(one)]


_COLLECTION = re.compile(r"(?i)(?:residual|remaining|mixed|heterogen|recurrent|recollection|остаточн|резидуальн|рецидивн)")
_DENSE = re.compile(r"(?i)гиперденс|плотност|hyperdens|hyperatten|high-")
_WATER = re.compile(r"(?i)csf|fluid|low|hypo|air|ликвор|жидк|гиподенс|низк|воздух")


def _less_collections(blood: Sequence[Mention]) -> list[Mention]:
    """A collection that is left is blood where there was blood; of an empyema or a hygroma it is none."""
    left = [one for one in blood if _COLLECTION.match(one.quote)]
    if not left:
        return list(blood)
    bled = any(one not in left and one.assertion in (PRESENT, HISTORICAL, RESOLVED) for one in blood)
    return [one for one in blood if one not in left or (bled and not _WATER.search(one.quote))]


def _all_gone(one: Mention) -> bool:
    """Кровь рассосалась: said of no place, of all the blood there was."""
    return one.assertion == RESOLVED and one.findings == ("haemorrhage",) and not one.location


_OPERATED = re.compile("удал|эвакуа|дрен|опорож|санир|после|ложе|на месте|evacuat|drain|remov|post|after|resol|clear|лиз|регрес|резорб")


def _current(blood: Sequence[Mention]) -> list[Mention]:
    """Less what the description names plainly and the conclusion calls resolved; words such as residual keep it."""
    said = [one for one in blood if one.section == "conclusion"]
    gone = {finding for one in said if one.assertion == RESOLVED for finding in one.findings}
    gone -= {finding for one in said if one.assertion == PRESENT for finding in one.findings}
    outdated = [one for one in blood if one not in said and one.assertion == PRESENT and not one.cue and set(one.findings) <= gone]
    return [one for one in blood if one not in outdated]


def _verdict(mentions: Iterable[Mention]) -> object:
    """1 when blood is present, else None when in doubt, else 0 when denied; _UNSAID without a word."""
    said = {one.assertion for one in mentions}
    if PRESENT in said:
        return 1
    if UNCERTAIN in said:
        return None
    return 0 if said - {HYPOTHETICAL, HISTORICAL} else _UNSAID


def _counting(blood: Sequence[Mention], denied: Sequence[Mention]) -> list[Mention]:
    """The present mentions, less the description's of a compartment that only the conclusion's denial names."""
    present = [one for one in blood if one.assertion == PRESENT]
    stated = {finding for one in present if one.section == "conclusion" for finding in one.findings}
    gone = {finding for one in denied if not one.new for finding in one.findings} - stated
    return [one for one in present if one.section == "conclusion" or not set(one.findings) <= gone]


def _kinds(
    ich: int | None, unseen: bool, present: Sequence[Mention], past: Sequence[Mention], open_: set[str], unsure_many: bool = False
) -> dict[str, int | None]:
    if ich is None and open_:  # the doubt is about the compartments it names, and about no other
        several = len(open_ & set(COMPARTMENTS)) > 1 or unsure_many
        return {name: None if name in open_ else 0 for name in (*COMPARTMENTS, "intraventricular")} | {"multiple": None if several else 0}
    if ich is None and not unseen:  # a doubt without a place is hardly of the ventricles, or of several foci
        return dict.fromkeys(COMPARTMENTS) | {"intraventricular": 0, "multiple": 0}
    if ich != 1:
        return dict.fromkeys((*COMPARTMENTS, "intraventricular", "multiple"), ich)
    found = {finding for one in present for finding in one.findings}
    compartments = found & set(COMPARTMENTS)
    if not compartments and "intraventricular" not in found:  # blood left where there was blood: the operated haematoma's place
        compartments = {finding for one in past if _OPERATED.search(one.cue) for finding in one.findings} & set(COMPARTMENTS)
    unnamed = None if not compartments and "intraventricular" not in found else 0
    labels: dict[str, int | None] = {name: 1 if name in compartments else unnamed for name in COMPARTMENTS}
    labels["intraventricular"] = int("intraventricular" in found)
    sure = {finding for one in present if not one.either for finding in one.findings}
    labels |= dict.fromkeys((open_ - found) | (compartments & {finding for one in present if one.either for finding in one.findings} - sure))
    apart = [one for one in present if not set(one.findings) <= {"subarachnoid", "intraventricular", "haemorrhage"}]
    sides = {one.laterality for one in apart if one.section == "conclusion" or len(present) < 3}
    # уровни с двух сторон (седиментация крови): what has no place of its own is of its sentence's cisterns or ventricles
    spread = {(one.section, one.sentence) for one in present if set(one.findings) <= {"subarachnoid", "intraventricular"}}
    unplaced = [one for one in present if one.findings == ("haemorrhage",) and (one.section, one.sentence) in spread]
    several = any(one.many for one in present if one not in unplaced and not set(one.findings) <= {"subarachnoid", "intraventricular"})
    kinds = sum(labels[name] == 1 for name in COMPARTMENTS)
    many = kinds > 1 or several or "bilateral" in sides or {"left", "right"} <= sides
    labels["multiple"] = int(many)
    return labels


def _fracture(mentions: Sequence[Mention], unsaid: int | None) -> int | None:
    """The conclusion's word, else the description's, else `unsaid`; a healed fracture is none."""
    said = [one for one in mentions if one.findings[0] == "fracture"]
    if any(one.findings[0] == "facial fracture" and one.section == "conclusion" and one.assertion == PRESENT for one in mentions):
        said = [one for one in said if one.section == "conclusion" or one.location]  # "перелом" of the description is the face's
    told = _verdict([one for one in said if one.section == "conclusion" and one.assertion in (PRESENT, ABSENT, UNCERTAIN)])
    described = _verdict([one for one in said if one.section != "conclusion"])
    verdict = described if told is _UNSAID else told
    return unsaid if verdict is _UNSAID else verdict  # type: ignore[return-value]


_TRANSFORMED = re.compile(r"(?i)пропит|трансформ|имбибиц|transform|conversion")


def _combined(ich: int | None, mentions: Sequence[Mention]) -> int | None:
    """Certain for a tumour that the blood is said to be in; not settled for vessels, transformed infarcts, cysts."""
    if ich == 0:
        return 0
    if ich is None:
        asked = any(one.findings[0] in ("vascular", "tumour") and one.assertion == PRESENT for one in mentions)
        asked |= any(one.assertion == UNCERTAIN and _TRANSFORMED.search(one.quote) for one in mentions)
        return None if asked else 0  # what the density may be instead of blood is not beside it
    bleeding = [one for one in mentions if one.assertion == PRESENT and one.findings[0] in BLEEDING]
    if any(one.location.startswith(("внутриопух", "intratumo")) for one in bleeding):
        return 1
    places = {(one.section, one.sentence) for one in bleeding}
    if any(one.findings[0] == "tumour" and one.assertion == PRESENT and (one.section, one.sentence) in places for one in mentions):
        return 1
    deep = any(not set(one.findings) & {"subdural", "epidural"} for one in bleeding)
    treated = deep and _said(mentions, "vascular", also=HISTORICAL)  # after clipping of an aneurysm
    # a bright mass that the conclusion calls a haematoma is no tumour
    named = [one for one in mentions if one.section == "conclusion" or one.quote.lower() != "mass"]
    return None if treated or _said(named if bleeding else mentions, "vascular", "tumour") else 0


def _said(mentions: Iterable[Mention], *names: str, also: str = PRESENT) -> bool:
    return any(one.findings[0] in names and one.assertion in (PRESENT, UNCERTAIN, also) for one in mentions)
