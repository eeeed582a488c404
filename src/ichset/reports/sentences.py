"""Where a sentence of a report ends: not at decimals, abbreviations, initials, nor where a denial goes on with its list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

# every branch begins with its sign, not with what stands before it: such a pattern is found twenty times as fast
_SENTENCE = re.compile(r"[!?]|\.(?:(?<!\d\.)(?=\s|$|[а-яa-z])|(?<=\d\.)(?=\s+[а-яa-z]|\s*$))|[;\n]\s*(?:[-•*–]\s*)?")
_ABBREVIATED = re.compile(
    r"(?:\b(?:т\.\s?[енк]|т|г|гг|диф|дифф|др|пр|см|рис|стр|напр|перел|дисл|гем|ул|dr|vs|e\.g|i\.e|approx|кровоизл|геморраг|геморр|"
    r"гемор|субдур|эпидур|субарахн|лобн|лев|прав|спр|сл|контуз|затыл|обл|кост|комп|мягк|тк|скул|хрон|подостр|незначит|множеств|"
    r"двуст|двухст|плотн|подк|г/сф|разнопл|петех|пропит|двустор|левостор|прор|пер|сут|нед|мес|тыс|лат|мед|внутриж|транс|незн|"
    r"выраж|нек|соотв|исслед|обсл|пац|б-го|б-ной|предыд|прошл|мн|множ|бок|вис|височ|лоб|тем|осн|корк|подкорк|жел|желуд|мозж|"
    r"внутр|внутримозг|умер|расшир|смещ|сдавл|борозд|цист|остр|дин|конс|толщ|разм|макс|сред|верх|ниж|симм|больш|меньш|бас|кров|"
    r"образ|переднезадн|попер|прод|[а-я]*денс|правостор|оскольч|вдавл|полуш|д|с|э|в|п|о|ok)|[а-я]{2,}[бвгджзклмпрстфхцчшщь]н|\b[а-яa-z])$"
)
# what a denial that answers a question begins with: Кровь? - Признаков нет
ANSWER = r"\s*(?:[-–—]\s*)?(?:(?:патологии|изменений|данных|признаков|таковых)\s+(?:[а-я]+\s+)?)?"
NO = r"нет|не|отсутств\w*|no|not|none"
_ANSWERED = re.compile(rf"{ANSWER}(?:{NO}|да|есть|yes|confirmed)\b")
_DENIED_LIST = re.compile(r"[^:;]*\b(?:нет|не [а-я]+|отсутству[а-я]+|данных за|no|not seen|absent|negative for)\s*:")
LONGEST_SENTENCE = 1500  # characters: what runs on without an end is cut at a space, so that no text takes long


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence: not broken at decimals, abbreviations, initials."""
    for start, end in _sentences(text):
        while end - start > LONGEST_SENTENCE:
            space = text.rfind(" ", start + 1, start + LONGEST_SENTENCE)
            cut = space if space > start else start + LONGEST_SENTENCE
            yield start, cut
            start = cut
        yield start, end


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in _SENTENCE.finditer(text):
        if mark[0] == "." and _is_abbreviated(text[max(start, mark.start() - 8) : mark.start()]):
            continue
        if mark[0][0] in ";?" and _goes_on(text, start, mark):
            continue
        stop = mark.end() if mark[0].startswith("?") else mark.start()  # a question mark is a doubt
        if stop > start:
            yield start, stop
        start = mark.end()
    if start < len(text):
        yield start, len(text)


def _goes_on(text: str, start: int, mark: re.Match[str]) -> bool:
    """Не видно: САК; СДГ; ЭДГ. A denial before a colon is of all that is listed; a question may be answered at once: Кровь? Нет."""
    if mark[0][0] == "?":
        if text[mark.end() : mark.end() + 1].isalpha():
            return True  # ?САК, ?SDH: the sign stands before what is asked
        return bool(_ANSWERED.match(text, mark.end()))
    return bool(_DENIED_LIST.match(text, start, mark.start()))


@lru_cache(50_000)
def _is_abbreviated(ending: str) -> bool:
    return _ABBREVIATED.search(ending) is not None
