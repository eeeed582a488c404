"""Where in the head a sentence places a finding: spans of anatomy beside a mention, for the entity export."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SIDE = (
    r"(?:лев\w{2,4}|прав\w{2,4}|обе(?:их|им)|двусторонн\w+|слева|справа|(?:с|по)\s+обе(?:их)?\s+сторон\w?|left|right|bilateral(?:ly)?|both)"
)
_LOBE = (
    r"(?:(?:лобно|теменно|височно|затылочно|базально|медио|парието|фронто|темпоро|окципито)-?)*"
    r"(?:лобн|теменн|височн|затылочн|базальн|островков|лимбическ|парасагиттальн|конвекситальн|перивентрикулярн|паравентрикулярн)\w+"
)
_WHAT = (
    r"(?:дол\w{1,3}|област\w{1,3}|гемисфер\w{1,2}|полушари\w{1,3}"
    r"|отдел\w{0,3}|извилин\w{0,3}|борозд\w{0,3}|полюс\w{0,2}|рог\w{0,2}|регион\w{0,2}|кост\w{1,2})"
)
_ALONE = (
    r"(?:таламус\w{0,2}|мозжечк\w{1,2}|мозжечок|червь?\s+мозжечка|ствол\w{0,2}\s+мозга|моста?|мосту|подкорков\w+\s+(?:ядр\w+|структур\w+)|базальн\w+\s+(?:ядр\w+|цистерн\w*)"
    r"|внутренн\w+\s+капсул\w+|наружн\w+\s+капсул\w+|скорлуп\w+|хвостат\w+\s+ядр\w+|бледн\w+\s+шар\w*|мозолист\w+\s+тел\w+|боков\w+\s+желудочк\w+|(?:третьего|четв[её]ртого|iii|iv)\s+желудочк\w+"
    r"|желудочков\w+\s+систем\w+|сильвиев\w+\s+(?:щел\w+|борозд\w+)|межполушарн\w+\s+щел\w+|намет\w*\s+мозжечка|серп\w{0,2}(?:\s+мозга)?|конвекс\w*|полушари\w+\s+(?:большого\s+)?мозга"
    r"|семиовальн\w+\s+центр\w*|лучист\w+\s+вен\w+|основани\w+\s+черепа|задн\w+\s+черепн\w+\s+ямк\w+"
    r"|thalam\w+|cerebell\w+|brainstem|pons|midbrain|medulla|putamen|caudate(?:\s+nucleus)?|globus\s+pallidus|basal\s+(?:ganglia|cisterns?)|internal\s+capsule|external\s+capsule"
    r"|corona\s+radiata|corpus\s+callosum|lateral\s+ventricles?|(?:third|fourth)\s+ventricle|ventric\w+|sylvian\s+fissures?|interhemispheric\s+fissure|falx|tentori\w+|convexit\w+"
    r"|(?:cerebral\s+)?hemispher\w+|posterior\s+fossa|(?:frontal|parietal|temporal|occipital|insular)(?:\s+(?:lobes?|region|horn|convexity|pole))?|fronto\w+|parieto\w+|temporo\w+)"
)
_PLACE = re.compile(rf"(?<!\w)(?:{_SIDE}\s+)?(?:{_LOBE}(?:\s+и\s+{_LOBE})*(?:\s+{_WHAT})?|{_ALONE})(?:\s+{_SIDE})?(?!\w)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.;!?](?=\s|$)|\n\s*\n")


def sentence_at(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence that holds [start, end)."""
    first = max((match.end() for match in _SENTENCE_END.finditer(text, 0, start)), default=0)
    after = _SENTENCE_END.search(text, end)
    return first, after.start() if after else len(text)


def find_places(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Places named in the sentence of a mention, outside the mention itself."""
    first, last = sentence_at(text, start, end)
    for match in _PLACE.finditer(text, first, last):
        if match.end() <= start or match.start() >= end:
            yield match.span()
