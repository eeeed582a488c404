"""Where a finding lies: the compartment of blood, the bone of a fracture, or a place outside the skull."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ichset.contracts import COMPARTMENTS
from ichset.reports.phrases import PLACES, PhraseBook

BLOOD = "haemorrhage"
OUTSIDE = "extracranial"
BLEEDS = ("epidural", "subdural", "subarachnoid", "intracerebral", "intraventricular")
NEAR = 90  # characters: how far a place may stand from its blood word
_COMMA = re.compile(r",(?!\d)|[();]|\swith\s")
_AND = re.compile(r"\s*-?\s*(?:,|и|/|and)\s*")
# внутримозговые, внутрижелудочковое, субдуральное и субарахноидальное кровоизлияния: a row of such words
_ROW = re.compile(  # each blank has one place to be read at, so that a long row of commas takes no time
    r"\s*(?:(?:,|и\b|/|and\b)\s*(?:(?:эпи|экстра|суб|внутри|паренхимат|вентрик|epid|extrad|subd|subar|intra)[\w-]*(?:ые|ое|ая|ых|ого|ой|ый|al|oid|ular)\b\s*)?)+"
)
_WITHIN = re.compile(r"(?:\bв|\bво|\bпо|\bwithin|\bin|\balong|\binto)\s+(?:the\s+)?(?:[\w-]+\s+){0,2}$")
# beside a place is not in it: над височной долей, adjacent to the frontal lobe
_BESIDE = re.compile(
    r"(?:\bнад|\bвдоль|\bпо ходу|\bоколо|\bпод|прилеж\w+ к|возле|рядом с|abutting|near|\bover|\boverlying|\balong|adjacent to|(?:anterior|posterior|lateral|ventral|dorsal) to|кпереди от|кзади от|вентральнее|дорсальнее)\s+(?:the\s+)?(?:(?!(?:в|во|in)\b)[\w-]+\s+){0,3}(?:[a-z]+-)?$"
)
_INTO = re.compile(r"(?:\b(?:в|во|из|просвет\w*|рог\w*|полост\w*|систем\w*|отдел\w*|in|within|into|of))\s+(?:[\w-]+\s+){0,3}$")
# в обоих боковых, третьем и IV желудочках; in both lateral and the third ventricles
_INTO_SEVERAL = re.compile(
    r"\b(?:в|во|in|within)\s+(?:(?:обо?[еи]х?|боков\w+|бок\.|лев\w+|прав\w+|треть\w+|четверт\w+|iii|iv|3-?\w*|4-?\w*|задн\w+|затыл\w+|затыл\.|рог\w+|и|в|а также|both|all|and|the|of|right|left"
    r"|lateral|third|fourth|3rd|4th|four|three|occipital|posterior|dependent|horns?|portions?|parts?),?\s+){1,9}$"
)
# желудочек сдавлен, в его просвете; the ventricle is effaced, with blood in its lumen
_IN_THAT = re.compile(
    r"\b(?:в|из)\s+(?:(?:его|ее|их|этом|том)\s+)?(?:просвет\w*|полост\w*)|\b(?:в нем|в них|в ней|внутри|в которых|в котором)\b"
    r"|\b(?:in|within|inside)\s+(?:it|them|its|their|which|the lumen|this)\b"
)
_BREAKS_OUT = re.compile(r"\bс\s+прор\w*\.?\s+(?:крови\s+)?в|вскры|\bwith\s+(?:[\w-]+\s+)?(?:extension|rupture|breakthrough|decompression)|ruptur|decompressing")
_TOUCHES = re.compile(r"прилеж\w+ к|в области|abutting|adjacent to|near|сдавл\w+|компресс\w+|compress\w+|effac\w+|displac\w+|indent\w+|distort\w+")
# signs of a fracture that are of the skull only where its bone is named
_SIGN = re.compile(r"отломк|фрагмент|дефект|импресс|вдавл|костн\w* фраг|пер\.|comminut|hairline|cortical|break|bon[ey]|diasta|depressed")
_WITH = re.compile(r"\b(?:с|со|with)\s+(?:[\w-]+\s+){0,3}$")
# опухолевую природу, вентрикулярного дренажа: the place only names a cause or a device
_OF_NATURE = re.compile(r"\s*(?:природ|генез|характер|этиолог|дренаж|катетер|шунт|nature|etiolog|drain|catheter|shunt)")
_LENS = re.compile(r"линз|двояк|чечев|lenti|biconv|lens")
_DEEP = re.compile(r"капсул[еыа]\b|скорлуп|таламус|putam|thalam|external capsule|internal capsule|ganglia")
_THROMBOSIS = re.compile(r"\s*(?:thrombo|occlu|тромб)")
OUTSIDE_BRAIN = re.compile(r"экстрааксиальн|внемозгов|подоболоч|оболочечн|extra-?axial")
_TUMOUR = re.compile(r"опухол|образован|метастаз|tumo|mass")
_FILLED = re.compile(r"тампонир|заполн|содерж|выполн|filling|occupying|filled|contain|cast")
_IN_ORGAN = re.compile(r"\s+(?:(?:в|во|in|to|of)\s+)?(?:(?:the|both|обе\w+|прав\w+|лев\w+|right|left)\s+)*")
_ORIGIN = re.compile(r"метаста|mts|metast")  # a metastasis of the kidney's cancer is not in the kidney
_LEADS = re.compile(r"\s+(?:[\w-]+\s+)?")
_JOINS = re.compile(r"[(,;]|\b(?:и|с|со|and|with|plus|also)\b")
_NOT_THERE = re.compile(r"[^,]{0,30}\bне (?:прорв|распростран|проник|поступ|попа|достиг|переход|затек)")
_NAMED = re.compile(
    r"эпи|экстрад|субд|субар|внутримозг|внутрижел|паренхимат|вентрик|двояко|линзо|серповид|внутриопух|э/д|с/д|с/а|в/ж|epid|extrad|subd|subar|intra|parenchym|lenti|biconv|cresc"
)


@dataclass(frozen=True)
class Hit:
    """A keyword found: [start, end) of the sentence; `kind` a finding, or BLOOD for a word that needs a place."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Place:
    """Words of a place near a hit. `own`: in the hit's own comma-free stretch."""

    start: int
    end: int
    name: str
    words: str
    own: bool
    far: int

    @property
    def named(self) -> bool:
        """The compartment's own word, which outranks a part of the brain: субдуральная гематома в лобной доле."""
        return bool(_NAMED.match(self.words))


class Marks:
    """Where each phrase file matches in one sentence, found once for all of its hits."""

    def __init__(self, text: str, book: PhraseBook) -> None:
        self.text, self.book = text, book
        self._found: dict[str, list[tuple[int, int]]] = {}
        self._places: dict[str, list[tuple[int, int]]] = {}

    def places(self, name: str) -> list[tuple[int, int]]:
        if not self._places:
            self._places = {place: [] for place in PLACES}
            for place, start, end in self.book.spans(PLACES, self.book.placed, self.text):
                self._places[place].append((start, end))
        return self._places[f"where/{name}"]

    def cue(self, name: str) -> list[tuple[int, int]]:
        return self._spans(f"cue/{name}", self.book.cues[name])

    def _spans(self, name: str, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
        if name not in self._found:
            self._found[name] = [mark.span() for mark in pattern.finditer(self.text)]
        return self._found[name]


def blood_findings(marks: Marks, hit: Hit, hits: Sequence[Hit]) -> tuple[tuple[str, ...], str]:
    """(compartments or extracranial or BLOOD, words of the nearest place)."""
    text = marks.text
    places = _near(marks, hit, hits)
    if not places or _TUMOUR.match(places[0].words):
        places = _topic(marks, hit) or places
    if not places and len(hits) > 1:
        places = [place for place in _near(marks, hit, ()) if place.own]
    if all(hit.start <= place.start < hit.end for place in places) and (whole := _part_of(text, hit, hits)):
        return (whole,), places[0].words if places else ""
    words = places[0].words if places else ""
    if hit.kind != BLOOD:
        if any(place.name == "spine" for place in places):
            return (OUTSIDE,), words
        joined = [p.name for p in places if p.name in BLEEDS and _beside_named(text, hit, p)]
        return tuple(dict.fromkeys((hit.kind, *joined))), words
    if any(place.name == "spine" and place.own for place in places):
        return (OUTSIDE,), words
    if text[hit.start : hit.end] == "ich" and not text.startswith(":", hit.end) and any(one.kind in BLEEDS for one in hits):
        return ("intracerebral",), words  # SAH, ICH, SDH: in such a row it is the brain's own
    outside = [place for place in places if place.name in (OUTSIDE, "spine")]
    inside = [place for place in places if place.name in BLEEDS]
    named = [place.name for place in inside if place.named and (place.own or not any(p.named and p.own for p in inside))]
    if outside and not named and (outside[0].own or not inside or not inside[0].own):
        return (OUTSIDE,), outside[0].words
    chosen = named or [place.name for place in inside[:1]]
    if chosen == ["intraventricular"] and any(_BREAKS_OUT.search(text, hit.end, place.start) for place in inside):
        chosen = ["intracerebral", *chosen]  # кровоизлияние с прорывом в желудочки: it has come from the brain
    chosen += [p.name for p in inside if p.name != "intracerebral" and (_beside_named(text, hit, p) or _again_within(text, hit, p, inside))]
    return tuple(dict.fromkeys(chosen)) or (BLOOD,), words


def _topic(marks: Marks, hit: Hit) -> list[Place]:
    """Желудочки: в левом боковом кровь. What stands before the colon places all of the sentence."""
    colon = marks.text.rfind(":", 0, hit.start)
    if colon < 0:
        return []
    places = _places(marks, 0, colon, hit, (*BLEEDS, OUTSIDE, "spine"))
    return [replace(places[-1], own=True)] if places else []


def _part_of(text: str, hit: Hit, hits: Sequence[Hit]) -> str:
    """The compartment of the blood that this bleeds into: субдуральная гематома с повторным кровоизлиянием; or ''."""
    if hit.kind != BLOOD or not _WITH.search(text, 0, hit.start):
        return ""
    earlier = [one.kind for one in hits if one.end <= hit.start and (one.kind == BLOOD or one.kind in BLEEDS)]
    return earlier[-1] if earlier and earlier[-1] in ("subdural", "epidural") else ""


def fracture_finding(marks: Marks, low: int, high: int, hit: Hit) -> tuple[tuple[str, ...], str]:
    """Fracture of vault or base (or of no said bone), or of the face or spine alone."""
    places = [p for p in _places(marks, low, high, hit, ("skull", "face", "spine")) if not p.start <= hit.start < p.end]
    places = [place for place in places if place.own] or places
    places.sort(key=lambda place: place.far)
    if places and all(place.name != "skull" for place in places):
        return ("facial fracture",), places[0].words
    if not places and _SIGN.match(marks.text, hit.start):
        return ("facial fracture",), ""
    return ("fracture",), places[0].words if places else ""


def tumour_elsewhere(marks: Marks, hit: Hit) -> bool:
    """A tumour of another organ: the words behind it name one, and no part of the brain; not what it has come from."""
    near = [place for place in _places(marks, hit.end, min(len(marks.text), hit.end + 30), hit, (OUTSIDE, "spine", "intracerebral")) if place.own]
    nearest = min(near, key=lambda place: place.far, default=None)
    return nearest is not None and nearest.name != "intracerebral" and bool(_IN_ORGAN.fullmatch(marks.text, hit.end, nearest.start))


def _near(marks: Marks, hit: Hit, hits: Sequence[Hit]) -> list[Place]:
    """Places that belong to this hit, own stretch first, then by distance."""
    text = marks.text
    low, high = 0, len(text)
    for start, end in marks.cue("contrast"):
        if start >= hit.end and is_adverb(text, hit, start, end):
            continue
        low, high = (end, high) if end <= hit.start else (low, min(high, start))
    others = [one for one in hits if (one.kind == BLOOD or one.kind in BLEEDS) and one != hit]
    before = max((one.end for one in others if one.end <= hit.start), default=-1)
    after = min((one.start for one in others if one.start >= hit.end), default=len(text) + 1)
    following = min((one.start for one in hits if one.start >= hit.end), default=len(text) + 1)
    found = []
    for place in _places(marks, max(low, before), min(high, after), hit, (*BLEEDS, OUTSIDE, "spine")):
        if place.far > NEAR or (hit.start <= place.start < hit.end and hit.kind != BLOOD):
            continue
        if (
            place.end <= hit.start
            and before >= 0
            and not _COMMA.search(text, before, place.start)
            and not _FILLED.search(text, place.end, hit.start)
            and not _AND.fullmatch(text[place.end : hit.start])
        ):
            continue  # it follows another hit without a comma: theirs
        if place.start >= hit.end and _LEADS.fullmatch(text, place.end, following) and _JOINS.search(text, hit.end, place.start):
            continue  # субгалеальная гематома, nasal bone fracture: the word before another hit is that one's
        if place.start >= hit.end and after <= len(text) and not place.own and not _COMMA.search(text, place.end, after):
            continue  # it leads to the next hit
        if not place.own and _denied(marks, place):
            continue
        if place.name == OUTSIDE and place.start >= hit.end and _ORIGIN.search(text, hit.end, place.start):
            continue
        if place.name == "epidural" and _LENS.match(place.words) and _DEEP.search(text, low, high):
            continue  # a lens in the putamen
        if place.name == OUTSIDE and _THROMBOSIS.match(text, place.end):
            continue  # sinus thrombosis with a haematoma
        if _OF_NATURE.match(text, place.end):
            continue  # опухолевую природу гематомы
        if place.name == "intracerebral" and not place.named and OUTSIDE_BRAIN.search(text, low, high):
            continue
        if place.name == "intracerebral" and not place.named and _BESIDE.search(text[max(0, place.start - 40) : place.start]):
            continue
        if place.name == "intraventricular" and not place.named and not _inside(text, place, hit):
            continue
        found.append(place)
    # a lobe beside sulci, cisterns or horns only says which of them; but a haematoma is a mass
    mass = text.startswith(("гематом", "haematom", "hematom"), hit.start)
    return sorted(found, key=lambda place: (not place.own, place.name == "intracerebral" and not place.named and not mass, place.far, place.name))


def is_adverb(text: str, hit: Hit, start: int, end: int) -> bool:
    """Blood now layers in the horns: the word stands between subject and verb, and contrasts nothing."""
    return text[start:end] in ("now", "на этом фоне") and "," not in text[hit.end : start]


def _places(marks: Marks, low: int, high: int, hit: Hit, names: Sequence[str]) -> list[Place]:
    found = []
    for name in names:
        for start, end in marks.places(name):
            if start < low or end > high:
                continue
            between = (hit.end, start) if start >= hit.end else (end, hit.start)
            own = not _COMMA.search(marks.text, *between)
            found.append(Place(start, end, name, marks.text[start:end], own, max(between[1] - between[0], 0)))
    if len(found) < 2:
        return found
    within = [one for one in found if any(o.start <= one.start and one.end <= o.end and o.end - o.start > one.end - one.start for o in found)]
    return [one for one in found if one not in within]


def _inside(text: str, place: Place, hit: Hit) -> bool:
    """In the ventricles, not beside them; or they are full of it."""
    if _FILLED.search(text, place.end, max(hit.start, place.end)) or _FILLED.search(text, hit.end, max(place.start, hit.end)):
        return True
    ahead = text[max(0, place.start - 80) : place.start]
    if _INTO_SEVERAL.search(ahead) or (_INTO.search(ahead[-40:]) and not _TOUCHES.search(ahead[-60:])):
        return True
    if place.end > hit.start:
        return False
    between = text[place.end : hit.end + 40] if place.end <= hit.start else ""
    return _IN_THAT.search(between) is not None


def _denied(marks: Marks, place: Place) -> bool:
    start = max((mark.end() for mark in _COMMA.finditer(marks.text, 0, place.start)), default=0)
    stop = _COMMA.search(marks.text, place.end)
    high = stop.start() if stop else len(marks.text)
    if _NOT_THERE.match(marks.text, place.end, high):
        return True
    return any(start <= low and end <= high for low, end in (*marks.cue("negation_after"), *marks.cue("negation_before")))


def _beside_named(text: str, hit: Hit, place: Place) -> bool:
    """эпи- и субдуральная гематома; внутримозговая гематома с прорывом ... субарахноидально."""
    if place.end <= hit.start:
        return place.named and bool(_AND.fullmatch(text, place.end, hit.start) or _ROW.fullmatch(text, place.end, hit.start))
    return place.words.endswith("ально") and place.name in COMPARTMENTS


def _again_within(text: str, hit: Hit, place: Place, inside: Sequence[Place]) -> bool:
    """кровь в рогах желудочков, по бороздам: a further place of the same blood, with its own preposition."""
    lead = _WITHIN.search(text[hit.end - 1 : place.start]) if place.start >= hit.end else None
    return lead is not None and not any(hit.end - 1 + lead.start() <= other.start < place.start for other in inside)
