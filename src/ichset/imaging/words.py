"""Words of series headers, Russian and English: body region, phase, reformats, pages. Matched in lower case, ё as е."""

from __future__ import annotations

import re
from unicodedata import normalize

HEAD = re.compile(
    r"\bhead|\bbrain|skull|crani|neuro|cerebr|stroke|\bcct\b|kopf|schadel|голов|мозг|череп|golov|\bmozg|cherep|инсульт|кт ?гм\b|\bгм\b|г/м|нейро"
)
ELSEWHERE = re.compile(
    r"chest|thora|\blung|abdom|pelvi|spine|lumb|cervic|cardi|\bheart|coronar|\bknee|\bfoot|ankle|\bleg\b|\bhand\b|wrist|elbow|extrem|shoulder|"
    r"\bhip\b|\bneck|sinus|orbit|dental|mandib|maxill|facial|\bface\b|temporal|inner ?ear|\bear\b|\biac\b|mastoid|petrous|larynx|pharynx|thyroid|"
    r"\bnnh\b|\bhws\b|\bbws\b|\blws\b|\bhals\b|\bpns\b|\btmj\b|\bdvt\b|aorta|carotid|urogra|liver|kidney|whole ?body|"
    r"\btap\b|\bcap\b|груд|легк|огк\b|огп\b|брюш|живот|\bобп\b|\bтаз|позвон|поясн|\bшоп\b|сердц|корон|колен|стоп[аы]|голен|кист[ьи]|локт|конечн|плеч|"
    r"\bше[яию]\b|шейн|пазух|\bппн\b|орбит|зуб|челюст|лицев|височн|пирамид|сосцевид|"
    r"\bвнчс\b|\bчло\b|\bбца\b|гортан|глотк|аорт|каротид|печен|почек|все тело"
)
LOCALIZER = re.compile(r"localizer|\bscout|topogram|surview|scanogram|pilot|топограм|скан[оа]грамм|скаут|локалайз|локализатор|сурвью|обзорн")
PAGE = re.compile(
    r"(?<!low )(?<!low-)(?<!reduced )\bdose(?! ?(right|reduc|sav|modul))|"
    r"patient protocol|protocol page|exam summary|screen ?(save|shot|captur)|summary|\breport\b|\bsr\b|"
    r"(?<!низкая )(?<!сниженная )\bдоз[аы]|отчет|протокол исслед|скриншот"
)
DERIVED = re.compile(
    r"\bmpr|\bmip|\bminip|\bmmip|\bavg\b|\bvrt?\b|(?<!aidr )(?<!aidr-)\b3d|\bvmi\b|\d+ ?kev\b|\bssd|volume ?rend|"
    r"reformat|reconstruct(ed)? (cor|sag)|\bv?pct\b|[a-z]vpct|perf|\bcbf|\bcbv|\bmtt\b|\btmax|\bttp\b|"
    r"fusion|subtr|\bdsa\b|\bcor(onal)?\b|\bsag(ittal)?\b|bone ?remov|segmented|processed|iodine|monoenerg|virtual|"
    r"мпр|мип\b|3д|реформ[аи]|\bперф|корон(альн|арная проек)|сагит|фронтальн|объемн|вычит"
)
MONITORING = re.compile(
    r"monitor|bolus ?track|\btracker\b|\blocator\b|test ?bolus|smart ?prep|sure ?start|control scan|\bdyn(amic)?\b|тест.?болюс|мониторинг|трекинг"
)
CONTRAST = re.compile(
    r"[ck]ontrast|\bwith$|\bpost$|\b[cс]\+|\+ ?[cс]\b|\bce\b(?! ?-(?!\w))|\bcect\b|post[ -]?(c\b|gd|inj)|\bcta\b|angio|arter|\bart\b|\bven(ous|a)?\b|"
    r"venogra|\bctv\b|\bkm\b|portal|delayed|\biv\b|enhanc|omni|ultrav|"
    r"контраст|\bс конт\b|(поздн|паренхим)\w* фаз|"
    r"ангио|\bарт\b|артер|\bвен\b|веноз|\bкта\b|\bкт-?а\b|болюс|в/в|\bк\+|\+ ?к\b|\bк/?у\b|отсроч|усилен|омнипак|ультравист"
)
_BEFORE = r"(в/в|внутривенн\w+|болюсн\w+|введени\w+|применени\w+) "
NATIVE = re.compile(
    r"non[ -]?(contrast|enhanc|ce\b)|\bncct|unenhanc|(without|\bw/?o\b|\bno\b|\bohne\b)( iv)?( ?[ck]ontrast\w*| km\b)|without|\bw/?o\b|"
    r"\bno iv\b|\bkm ?frei|pre[ -]?contrast|\bnativ|plain|\bnc\b|\bc(e)? ?-(?![\w+])|\bbez (k\b|ku\b|kontrast\w*)|"
    rf"натив|\bнат\b|(без|до) ({_BEFORE})*(конт\w*|усил\w*|к/?у\b|к\b)|бесконтр\w*|\bпре-?контр\w*|\bб/?к\b"
)
BOTH = re.compile(r"with (and|&) without|\bw ?/ ?wo\b|\bw/? (and )?w/?o\b|\bwo ?/ ?w\b|\bс и без|\bдо и после|\bbefore and after|pre ?[/+&-] ?post")
NO_AGENT = frozenset({"", "no", "none", "n", "0", "нет", "не вводилось", "without", "na", "n/a"})
# bone and lung: words of GE, Mobius; FC3x FC5x FC8x of Toshiba; 50 and up of Siemens; single letters of Philips
SHARP = re.compile(r"bone|sharp|lung|edge|detail|^fc[358]\d|^[hjbuq][a-z]?[5-9]\d|^(d|e|l|yb|yc|yd|ye)$", re.I)


def plain(*texts: str | None) -> str:
    """One lower-case text of header values: separators of identifiers become spaces, so that words stand alone."""
    joined = normalize("NFC", " ".join(_read_anew(text) for text in texts if text)).lower().translate(_LETTERS)
    return re.sub(r"[_\\^.,;:()\[\]]+", " ", joined)


_LETTERS = str.maketrans({"ё": "е", "ä": "a", "ö": "o", "ü": "u", "ß": "ss", "‑": "-", "–": "-"})
_RUSSIAN = re.compile("[а-яё]{3}", re.I)


def _read_anew(text: str) -> str:
    """Cyrillic that was stored without its character set comes as Latin letters with accents: read in the usual three as well."""
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        return text
    if raw.isascii():
        return text
    others = (raw.decode(codec, "replace") for codec in ("utf-8", "cp1251", "iso8859-5"))
    return " ".join([text, *(other for other in others if _RUSSIAN.search(other))])


def region_of(described: str, body_part: str, study: str) -> bool | None:
    """Head or not, None when no word tells. The protocol's and series' words outweigh the body part, which is often a default."""
    for text in (described, body_part, study):
        head, elsewhere = bool(HEAD.search(text)), bool(ELSEWHERE.search(text))
        if head != elsewhere:
            return head
    return True if any(HEAD.search(text) for text in (described, body_part)) else None


def is_sharp(kernel: str | None) -> bool:
    """A bone or lung kernel, by its name."""
    return bool(SHARP.search((kernel or "").split("\\")[0].strip()))
