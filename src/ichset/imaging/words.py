"""Words of series headers, Russian and English: body region, phase, reformats, pages. Matched in lower case, ё as е."""

from __future__ import annotations

import re

HEAD = re.compile(
    r"\bhead|\bbrain|skull|crani|neuro|cerebr|stroke|\bcct\b|kopf|schadel|голов|мозг|череп|инсульт|кт ?гм\b|\bгм\b|г/м|нейро"
)
ELSEWHERE = re.compile(
    r"chest|thora|\blung|abdom|pelvi|spine|lumb|cervic|cardi|\bheart|coronar|\bknee|\bfoot|ankle|\bleg\b|\bhand\b|wrist|elbow|extrem|shoulder|"
    r"\bhip\b|\bneck|sinus|orbit|dental|mandib|maxill|facial|\bface\b|temporal|\bear\b|petrous|aorta|carotid|urogra|liver|kidney|whole ?body|"
    r"груд|легк|огк\b|огп\b|брюш|живот|\bобп\b|\bтаз|позвон|поясн|\bшоп\b|сердц|корон|колен|стоп[аы]|голен|кист[ьи]|локт|конечн|плеч|"
    r"\bше[яию]\b|шейн|пазух|\bппн\b|орбит|зуб|челюст|лицев|височн|пирамид|аорт|каротид|печен|почек|все тело"
)
LOCALIZER = re.compile(r"localizer|\bscout|topogram|surview|scanogram|pilot|топограм|скаут|локалайз|локализатор|сурвью|обзорн")
PAGE = re.compile(
    r"(?<!low )(?<!low-)(?<!reduced )\bdose(?! ?(right|reduc|sav|modul))|"
    r"patient protocol|protocol page|exam summary|screen ?(save|shot|captur)|summary|\breport\b|\bsr\b|"
    r"(?<!низкая )(?<!сниженная )\bдоз[аы]|отчет|протокол исслед|скриншот"
)
DERIVED = re.compile(
    r"\bmpr|\bmip|\bminip|\bmmip|\bavg\b|\bvrt?\b|\b3d|\bssd|reformat|reconstruct(ed)? (cor|sag)|perf|\bcbf|\bcbv|\bmtt\b|\btmax|\bttp\b|"
    r"fusion|subtr|\bdsa\b|\bcor(onal)?\b|\bsag(ittal)?\b|bone ?remov|segmented|processed|iodine|monoenerg|virtual|"
    r"мпр|мип\b|3д|реформат|перфуз|корон(альн|арная проек)|сагит|фронтальн|объемн|вычит"
)
MONITORING = re.compile(
    r"monitor|bolus ?track|test ?bolus|smart ?prep|sure ?start|control scan|\bdyn(amic)?\b|тест.?болюс|мониторинг|трекинг"
)
CONTRAST = re.compile(
    r"contrast|\bc\+|\+ ?c\b|\bce\b(?! ?-(?!\w))|"
    r"\bcect\b|post[ -]?(c\b|gd|inj)|\bcta\b|angio|arter|\bven(ous|a)\b|portal|delayed|\biv\b|enhanc|omni|ultrav|"
    r"контраст|ангио|артер|веноз|болюс|в/в|\bк\+|\+ ?к\b|\bку\b|отсроч|усилен|омнипак|ультравист"
)
NATIVE = re.compile(
    r"non[ -]?(contrast|enhanc|ce\b)|\bncct|unenhanc|without|\bw/?o\b|pre[ -]?contrast|native|plain|\bnc\b|\bce? ?-(?![\w+])|"
    r"натив|без (в/в )?(контр|усил|ку\b)|бесконтр|\bбк\b|\bбез к\b"
)
NO_AGENT = frozenset({"", "no", "none", "n", "0", "нет", "не вводилось", "without", "na", "n/a"})
# bone and lung: words of GE, Mobius; FC3x FC5x FC8x of Toshiba; 50 and up of Siemens; single letters of Philips
SHARP = re.compile(r"bone|sharp|lung|edge|detail|^fc[358]\d|^[hjbuq][a-z]?[5-9]\d|^(d|e|l|yb|yc|yd|ye)$", re.I)


def plain(*texts: str | None) -> str:
    """One lower-case text of header values: separators of identifiers become spaces, so that words stand alone."""
    joined = " ".join(text for text in texts if text).lower().replace("ё", "е")
    return re.sub(r"[_\\^.,;:()\[\]]+", " ", joined)


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
