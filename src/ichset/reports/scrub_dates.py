"""Dates and ages in free text: whole dates shifted by the patient's offset in the form they were written, the rest removed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from datetime import date, timedelta

from ichset.reports.scrub_spans import Span

_RU_MONTHS = ("январ", "феврал", "март", "апрел", "ма", "июн", "июл", "август", "сентябр", "октябр", "ноябр", "декабр")
_RU_GENITIVE = (
    "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip
_EN_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_RU = (
    r"(?P<month>январ[ьяею]|феврал[ьяею]|март[аеу]?|апрел[ьяею]|ма[йяею]|июн[ьяею]|июл[ьяею]|август[аеу]?|(?:сент|окт|но"
    r"|дек)ябр[ьяею])"
)
_EN = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_UNIT = r"(?!\s*(?:мм|см|мл|мг|кг|мкг|мзв|мкзв|ед|hu|хаунс|mm|cm|ml|mg|mgy|msv|%|x\s*\d|х\s*\d|×|\*|mas|кв|kv|гр\b|г/|m?a\b))"
_BIRTH = re.compile(
    r"(?:дат[аы]\s+рожд\w*|рожд(?:ения|\.)|род(?:ился|илась|\.)|д\s?\.\s?р\s?\.?|г\s?\.\s?р\s?\.?|dob|d\.o\.b\.?|born(?:\s+on)?"
    r"|birth\s?date|date\s+of\s+birth)[\s:.\-]*$",
    re.I,
)
_BIRTH_AFTER = re.compile(r"\s*,?\s*(?:г\s?\.?\s?р(?:\.|\b)|год[аы]?\s+рожд|рожд)", re.I)

_Parts = Callable[[re.Match[str], date], str]


def find_dates(text: str, shift_days: int, removed: Collection[date] = ()) -> Iterator[Span]:
    """Dates as spans with their shifted text. Birth dates, the dates in `removed` and impossible ones are not shifted but removed."""
    taken: list[tuple[int, int]] = []
    for pattern, parse, form in _FORMS:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            found = parse(match)
            shifted = found + timedelta(days=shift_days) if found and found not in removed and not _is_birth(text, match) else None
            yield Span(match.start(), match.end(), "date", None if shifted is None or form is None else form(match, shifted))


def _is_birth(text: str, match: re.Match[str]) -> bool:
    return bool(_BIRTH.search(text[max(0, match.start() - 30) : match.start()]) or _BIRTH_AFTER.match(text, match.end()))


def _number(match: re.Match[str]) -> date | None:
    groups = match.groupdict()
    year = int(groups["year"])
    if len(groups["year"]) == 2:
        year += 2000 if year < 50 else 1900
    return _date(year, int(groups["month"]), int(groups.get("day") or 15))


def _named(match: re.Match[str]) -> date | None:
    groups = match.groupdict()
    name = groups["month"].lower()
    months = _RU_MONTHS if name[0] > "z" else tuple(month.lower()[:3] for month in _EN_MONTHS)
    found = [at for at, month in enumerate(months, 1) if name.startswith(month) and not (month == "ма" and name.startswith("март"))]
    return _date(int(groups["year"]), found[0], int(groups.get("day") or 15)) if found else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _nothing(match: re.Match[str]) -> None:
    return None


def _in_place(match: re.Match[str], shifted: date) -> str:
    """The match with its day, month and year replaced, each as wide as it was."""
    new = {"day": shifted.day, "month": shifted.month, "year": shifted.year}
    text = match[0]
    for name in sorted((name for name in match.groupdict() if match[name]), key=match.start, reverse=True):
        width = match.end(name) - match.start(name)
        value = str(new[name] % 100 if name == "year" and width == 2 else new[name]).zfill(width)
        text = text[: match.start(name) - match.start()] + value + text[match.end(name) - match.start() :]
    return text


def _ru_words(match: re.Match[str], shifted: date) -> str:
    if match.groupdict().get("day"):
        return f"{shifted.day} {_RU_GENITIVE[shifted.month - 1]} {shifted.year}"
    return f"{shifted.month:02d}.{shifted.year}"


def _en_words(match: re.Match[str], shifted: date) -> str:
    month = _EN_MONTHS[shifted.month - 1]
    if match.groupdict().get("day") is None:
        return f"{month} {shifted.year}"
    return (
        f"{shifted.day} {month} {shifted.year}" if match.start("day") < match.start("month") else f"{month} {shifted.day}, {shifted.year}"
    )


def _year_only(match: re.Match[str], shifted: date) -> str:
    return str(shifted.year)


def _mid_year(match: re.Match[str]) -> date | None:
    return _date(int(match["year"]), 7, 1)


_I = re.IGNORECASE
_DAY, _MONTH = r"(?P<day>0?[1-9]|[12]\d|3[01])", r"(?P<month>0?[1-9]|1[0-2])"
# words of a number, the last an ordinal: "двадцать первого", "тысяча девятьсот сорок пятого"
_SPOKEN = r"(?:\s+[а-яё]+(?:дцать|десят|сорок|сто|девяносто)|\s+(?:сорок|сто|девяносто)){0,2}(?:\s+[а-яё]{3,}(?:ого|ом|его|ем))?"
_SPOKEN_DAY = (
    r"(?:(?:двадцать|тридцать)\s+)?(?:перв|втор|трет|четв[её]рт|пят|шест|седьм|восьм|девят|десят|[а-яё]{3,8}надцат|двадцат|тридцат)"
    r"(?:ого|ьего|ое|ье|ым|ьим)"
)
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], date | None], _Parts | None], ...] = (
    (re.compile(rf"(?<!\d){_YEAR}\s?[-./]\s?{_MONTH}\s?[-./]\s?{_DAY}(?!\d)"), _number, _in_place),
    (re.compile(rf"(?<![\d.]){_DAY}\s?[-./,]\s?{_MONTH}\s?[-./,]\s?{_YEAR}(?!\d)"), _number, _in_place),
    (re.compile(r"(?<!\d)(?P<month>1[0-2]|0?[1-9])/(?P<day>1[3-9]|2\d|3[01])/(?P<year>(?:19|20)\d\d|\d\d)(?!\d)"), _number, _in_place),
    (re.compile(rf"(?<![\d.,-]){_DAY}([./-]){_MONTH}\2(?P<year>\d\d)(?![\d]|[.,-]\d){_UNIT}", _I), _number, _in_place),
    (re.compile(rf"(?<!\d){_DAY}(?:-?го|-?е)?\s+{_RU}\s+{_YEAR}(?!\d)", _I), _named, _ru_words),
    (re.compile(rf"(?<!\d){_DAY}(?:st|nd|rd|th)?\s+(?:of\s+)?{_EN},?\s+{_YEAR}(?!\d)", _I), _named, _en_words),
    (re.compile(rf"(?<![a-z]){_EN}\s+{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}(?!\d)", _I), _named, _en_words),
    (re.compile(rf"(?<![а-яё]){_RU}\s+{_YEAR}(?!\d)", _I), _named, _ru_words),
    (re.compile(rf"(?<![a-z]){_EN},?\s+{_YEAR}(?!\d)", _I), _named, _en_words),
    (re.compile(rf"(?<!\d){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{{6}})?(?!\d)"), _nothing, None),
    (re.compile(rf"(?<![\d.]){_MONTH}[./]{_YEAR}(?!\d)"), _number, _in_place),
    (re.compile(r"(?<!\d)(?:0?[1-9]|[12]\d|3[01])\.\d{1,2}\.(?:(?:19|20)\d\d)(?!\d)"), _nothing, None),  # no such day: removed
    (re.compile(rf"(?<![а-яё]){_SPOKEN_DAY}\s+{_RU}(?:\s+(?:две\s+тысячи|тысяча\s+девятьсот){_SPOKEN})?(?:\s+года?)?", _I), _nothing, None),
    (re.compile(rf"(?<![а-яё])(?:две\s+тысячи|тысяча\s+девятьсот){_SPOKEN}\s+года?(?![а-яё])", _I), _nothing, None),
    # a day without its year cannot be shifted
    (re.compile(rf"(?<!\d){_DAY}(?:-?го|-?е)?\s+{_RU}(?![а-яё])", _I), _nothing, None),
    (re.compile(rf"(?<![a-z]){_EN}\s+(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?(?![\d%])", _I), _nothing, None),
    (
        re.compile(r"(?<=\bот )(?:0[1-9]|[12]\d|3[01])[./](?:0[1-9]|1[0-2])\.?(?![\d./])" + _UNIT + r"(?!\s*(?:до|-)\s*\d)", _I),
        _nothing,
        None,
    ),
    (re.compile(r"(?<=\bконтроль )(?:0[1-9]|[12]\d|3[01])[./](?:0[1-9]|1[0-2])\.?(?![\d./])" + _UNIT, _I), _nothing, None),
    (re.compile(r"(?<=\bза )(?:0[1-9]|[12]\d|3[01])[./](?:0[1-9]|1[0-2])\.?(?![\d./])" + _UNIT, _I), _nothing, None),
    (re.compile(rf"(?<![\d.,№/x×х-])(?<!№ )(?P<year>19[2-9]\d|20[0-4]\d)(?![\d]|[.,/]\d){_UNIT}", _I), _mid_year, _year_only),
)

_ELDER = r"(?:9\d|1[0-3]\d)"
_TENS = r"(?:девяност[оаы]|сто)(?:\s+(?:перв|втор|треть|один|одн|дв|тр|четыр|пят|шест|сем|восьм|восем|девят|десят)[а-яё]*)?"
_AGE = re.compile(
    rf"(?<![\d.,]){_ELDER}(?:[.,]\d)?\s*-?\s*(?:х\s+)?(?:лет\w*|год[ау]?\b|г\.\s*(?=жен|муж)|y\s?/\s?o\b|y\.\s?o\.?"
    rf"|years?\b(?:[\s-]+(?:old|of age))?|yrs?\b|yo\b|-?year-old)"
    rf"|(?<=[жм]\., ){_ELDER}\s*г\.|(?<=мужчина ){_ELDER}\s*г\.|(?<=женщина ){_ELDER}\s*г\.|(?<=пациент ){_ELDER}\s*г\.|(?<=пациентка ){_ELDER}\s*г\."
    rf"|(?:возраст\w*|age[ds]?)\s*(?:пациент\w*|больно\w*|patient)?\s*[:=\-]?\s*{_ELDER}(?!\d)(?:\s*(?:лет|года?|years?))?"
    rf"|\b{_TENS}\s+(?:лет|года?)\b|\b(?:девяносто|сто)[а-яё]*летн[а-яё]+|\bninety(?:[\s-]\w+)?[\s-]years?(?:[\s-]old)?",
    _I,
)


def find_ages(text: str) -> Iterator[Span]:
    """Ages over 89, in figures or in words."""
    yield from (Span(match.start(), match.end(), "age") for match in _AGE.finditer(text))
