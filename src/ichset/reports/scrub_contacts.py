"""Numbers and places in free text: phones, e-mails, insurance and record numbers, addresses, institutions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ichset.reports.scrub_spans import Span

_I = re.IGNORECASE
_CAP = r"[А-ЯЁ][А-ЯЁа-яё]+(?:-[А-ЯЁа-яё]+)*"
_NUMBER = r"(?:№|n\.?º|no\.?|#|номер)"
_QUOTED = r"(?:\s*[«\"“][^»\"”\n]{2,80}[»\"”])"
_NAMED = (
    rf"(?:\s+(?:им\.?|имени)\s+(?:(?:акад(?:\.|емика)|проф(?:\.|ессора)|св(?:\.|ят\w+))\s*)?(?:[А-ЯЁ]\.\s*){{0,2}}{_CAP}(?:\s+{_CAP})?)"
)
_NTH = rf"(?:\s*{_NUMBER}\s*\d+[а-яё]?|\s+\d{{1,3}}(?!\d|\s*(?:мм|см|%|HU)))"
_INSTITUTION = (
    r"(?:(?:Г|Ц|О|Р|Д|М|ЦМ)?КБ|(?:Ф?Г|М|О)?[БАК]УЗ|ФГ[БАК]О?У(?:\s?ВО)?|ФКУЗ?|МБУЗ|ГКБ|ГБ|ЦРБ|ЦГБ|ЦРКБ|ЦКБ|РКБ|ОКБ|БСМП|КДЦ|НМИЦ"
    r"|НМХЦ|НИИ|НИЦ|МСЧ|МНТК|КГБУЗ|ОГБУЗ|ГБУЗ|ГАУЗ|"
    r"ФГБУ|ФГБОУ|ДГКБ|ДГП|ГП|СПб\s?ГБУЗ|ООО|ОАО|ЗАО|ПАО|АО)"
)
_PLACE_WORD = (
    r"(?:больниц[аыеу]|больницей|поликлиник[аиеу]|поликлиникой|госпитал[ьяею]|госпиталем|клиник[аиеу]|клиникой|диспансер\w{0,2}"
    r"|роддом\w{0,2}|медсанчаст[ьию]"
    r"|медицинск\w+\s+центр\w{0,2}|диагностическ\w+\s+центр\w{0,2}|институт\w{0,2}|санатори\w+|центр\w{0,2}\s+(?:здоровья"
    r"|томографии|мрт|диагностики))"
)
_BEFORE_PLACE = r"(?:(?:[А-ЯЁа-яё-]+(?:ая|ой|ую|ый|ого|ому|ом|ий|его|ей|ым|им)\s+){0,4})"
_STREET = (
    r"(?:ул(?:\.|ица|ице|ицы)|пр-?к?т\.?|просп(?:\.|ект\w*)|пр\.(?=,?\s*(?:д|\d))|пер(?:\.|еул\w*)|б-р|бульвар\w*|шоссе|ш\.|наб(?:\.|ережн\w*)"
    r"|пл(?:\.|ощад\w*)|проезд\w*|мкр\.?|микрорайон\w*|тупик|аллея)"
)
_HOUSE = (
    r"(?:[,\s]+(?:д(?:\.|ом)?\s*)?\d+[а-яё]?(?:/\d+)?(?:[,\s]+(?:к(?:орп)?\.?|стр\.?)\s*\d+)?(?:[,\s]+(?:кв\.?|оф\.?|квартира)\s*\d+)?)"
)
_TOWN = r"(?:г\.\s?|гор\.\s?|город\w{0,2}\s+|пос\.\s?|пгт\.?\s?|с\.\s?|дер\.\s?|д\.\s?|село\s+|деревня\s+|ст-ца\s+)"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[\w.+-]+\s?@\s?[\w-]+(?:\.[\w-]+)+", _I)),
    ("email", re.compile(r"(?<!\w)[A-Za-z][\w.-]*\s+(?:собака|at)\s+[A-Za-z][\w-]*(?:\s+(?:точка|dot)\s+[A-Za-z]{2,})+")),
    ("email", re.compile(r"(?:https?://|www\.)\S+|(?<!\w)@[A-Za-z]\w{3,}|(?:vk|t)\.(?:com|me)/\S+", _I)),
    ("phone", re.compile(r"(?<![\d.])(?:\+\s?7|\+\s?\d{1,3}|8)[\s(\-]*\d{3,5}[\s)\-]*\d{1,3}[\s-]*\d{2}[\s-]*\d{2}(?!\d)")),
    ("phone", re.compile(r"(?<!\d)\(\d{3,5}\)\s?\d{1,3}[\s-]?\d{2}[\s-]?\d{2}(?!\d)|(?<![\d-])\(?\d{3}\)?[\s.-]\d{3}[.-]\d{4}(?!\d)")),
    ("phone", re.compile(r"\b(?:тел(?:ефон\w*)?|моб(?:ильн\w+)?|сот(?:ов\w+)?|факс|phone|tel|fax|cell|mobile"
        r"|pager)\b[\s.:№]*[+(]?\d[\d\s()\-]{2,}\d", _I)),
    ("insurance", re.compile(r"(?<!\d)\d{3}-\d{3}-\d{3}[\s-]?\d{2}(?!\d)")),
    (
        "insurance",
        re.compile(
            rf"\b(?:снилс|омс|дмс|енп|полис\w*|страхов\w+|паспорт\w*|инн|ssn|insurance|policy|passport)\b[\s:.]*"
            rf"(?:(?:{_NUMBER}|омс|дмс|рф|сери[яи]|id|number"
            rf"|выдан)[\s:.]*)*(?:[A-ZА-ЯЁ]{{1,4}}\s?)?\d[\d\s\-]{{3,}}\d(?:[\s,]*{_NUMBER}\s*\d+)?",
            _I,
        ),
    ),
    ("number", re.compile(r"(?<![\d.])\d+(?:\.\d+){5,}(?![\d])")),
    (
        "number",
        re.compile(
            rf"\b(?:и\s?/\s?б|иб|истори[яи]\s+болезни|медкарт\w*|мед\.\s?карт\w*|медицинск\w+\s+карт\w*|амб(?:\."
            rf"|улаторн\w+)\s*карт\w*|карт[аыеу]|м/к|а/к|кейс|направлени[ея]"
            rf"|исследовани[ея]|протокол\w*|снимок|снимк[аи]|заказ\w*|талон\w*|пациент\w*|acc(?:ession)?|mrn|record|chart|case"
            rf"|exam|order|patient|study|encounter|visit|req(?:uisition)?)"
            rf"(?:\s+(?:id|ид|number|стационарного\s+больного|пациента))?[\s:.]*(?:{_NUMBER}|id|ид"
            rf"|:)[\s:.]*(?![A-Z]\d\d(?!\d))[A-ZА-ЯЁ]{{0,4}}[-/]?\d[\w/\-]*",
            _I,
        ),
    ),
    (
        "number",
        re.compile(
            r"(?<!\w)(?:и\s?/\s?б|иб|истори[яию]\s+болезни|медкарт\w*|амб(?:\.|улаторн\w+)\s*карт\w*|м/к|а/к|accession|chart|record)"
            r"[\s.:#№]*[A-ZА-ЯЁ]{0,4}[-/]?\d[\w/\-]+",
            _I,
        ),
    ),
    ("number", re.compile(r"\b(?:mrn|ид|id|acc)\b[\s:.#№]*[A-ZА-ЯЁ]{0,4}[-/]?\d[\w/-]{2,}", _I)),
    ("number", re.compile(r"(?<!\w)№\s*[A-ZА-ЯЁ]{0,4}[-/]?\d{3,}[\w/\-]*", _I)),
    ("number", re.compile(r"(?<![\w.,])[A-ZА-ЯЁ]{1,4}-?\d{5,}(?:[/\-]\d+)*(?!\w)")),
    ("number", re.compile(r"(?<![\w.,])\d{6,}(?:[/\-]\d+)*(?![\w]|[.,]\d)")),
    ("number", re.compile(r"(?<![\w.,])\d{4}(?:[ -]\d{4}){3}(?!\d)|(?<![\w.,])\d{2}\s\d{2}\s\d{6}(?!\d)"
        r"|(?<![\w.,])\d{3,}/\d{2,}(?:/\d+)*(?![\w])")),
    ("institution", re.compile(rf"(?<![А-ЯЁа-яё]){_INSTITUTION}(?![А-ЯЁа-яё])(?:{_NTH}|{_QUOTED}|{_NAMED}"
        rf"|\s+(?:{_BEFORE_PLACE}){_PLACE_WORD})+")),
    ("institution", re.compile(rf"(?<![А-ЯЁа-яё])(?:ГКБ|ГБУЗ|ФГБУ|ЦРБ|НИИ|ОКБ|РКБ|БСМП|НМИЦ|ЦГБ|МСЧ|КДЦ"
        rf"|ЦКБ)(?![А-ЯЁа-яё])(?:\s+{_CAP}){{0,3}}")),
    ("institution", re.compile(rf"(?<![А-ЯЁа-яё]){_BEFORE_PLACE}{_PLACE_WORD}(?:\s+[а-яё]+\s+помощи)?(?:{_NTH}|{_QUOTED}|{_NAMED}"
        rf"|\s+г\.\s?{_CAP})+", _I)),
    ("institution", re.compile(rf"(?<![А-ЯЁа-яё])(?:ООО|ОАО|ЗАО|АО|МЦ|ЛДЦ|СК|СМО|[Сс]трахов\w+\s+компани\w+){_QUOTED}")),
    ("institution", re.compile(rf"(?<![А-ЯЁа-яё])(?:ОВД|УВД|ОУФМС|УФМС|ОМВД|ГУ\s?МВД|МВД|УМВД|ОВМ)(?![А-ЯЁа-яё])"
        rf"(?:\s+(?:по|России|РФ|район[ау]?|округ[ау]?|г\.|гор\.|обл\.|области)|\s+{_CAP})+")),
    ("institution", re.compile(r"\b(?:[ИиСс]з?|[Вв]о?|НИИ(?:\s+СП)?)\s+(?:Склиф(?:осовского|а|е)?|Бурденко|Джанелидзе|Вишневского|Пирогов(?:ке|ки|а)"
        r"|Боткинск(?:ой|ую)|Морозовск(?:ой|ую)|Филатовск(?:ой|ую)|Мариинск(?:ой|ую)|Поленова|Бехтерева)(?![а-яё])")),
    ("institution", re.compile(rf"(?<![а-яё])(?:им\.|имени)\s*(?:(?:акад|проф)\.\s*)?(?:[А-ЯЁ]\.\s*){{1,2}}{_CAP}")),
    (
        "institution",
        re.compile(
            r"(?:\b(?:St\.?|Saint|Mount|Mt\.?)\s+)?\b(?:[A-Z][\w'’]+\s+){1,4}(?:(?:Regional|General|University|Memorial|Medical"
            r"|Community|Children's|City|County)\s+)*"
            r"(?:Hospital|Clinic|Medical\s+Cent(?:er|re)|Infirmary|Health\s+System|Institute)\b"
        ),
    ),
    (
        "address",
        re.compile(
            rf"(?:(?:\d{{6}}\s*,?\s*)?(?:{_CAP}\s+(?:обл\.?|область|края?|р-н|район)\s*,?\s*)*(?:{_TOWN}{_CAP}(?:\s{_CAP})?\s*,?\s*)?)"
            rf"(?:{_STREET}\s*(?:[А-ЯЁ\d][\w.-]*)(?:\s+[А-ЯЁ][\w-]*)?|{_CAP}\s+(?:{_STREET}))(?:{_HOUSE})?"
        ),
    ),
    ("address", re.compile(r"\b(?:адрес\w*|прожива\w+|зарегистрирован\w*|прописан\w*|address|resid\w+\s+at"
        r"|lives\s+at)\b(?:\s+по\s+адресу)?\s*:?\s*[^\n;]{4,90}?(?=[\n;]|\.\s+[А-ЯЁA-Z]|\.?$)", _I)),
    ("address", re.compile(r"(?<![\d\s.])\s+(?:г\.\s?|гор\.\s|город[аеу]?\s|пос\.\s?|пос[её]л(?:ок|к[аеу])\s|пгт\.?\s?|дер\.\s?|сел[оаеу]\s"
        r"|деревн[яиею]\s|станиц[аыеу]\s|хутор[аеу]?\s|аул[аеу]?\s)[А-ЯЁ][а-яё]{2,}(?:[- ][А-ЯЁ][а-яё]+)?")),
    ("address", re.compile(rf"{_CAP}(?:ая|ой|ую)\s+(?:обл\.|област[ьи])|{_CAP}(?:ий|ого|ом)\s+(?:р-н|район[а-яё]*"
        rf"|кра[йяею])(?![а-яё])")),
    ("address", re.compile(r"\b\d{1,5}\s+(?:[NSEW]\.?\s+)?(?:[A-Z][a-z]+\s+){1,3}(?:Street|St\.?|Avenue|Ave\.?|Road|Rd\.?|Lane"
        r"|Ln\.?|Drive|Dr\.?|Boulevard|Blvd\.?|Court|Way)\b(?:,?\s+(?:Apt|Unit|#)\.?\s*\w+)?")),
)  # fmt: skip
_BARE = re.compile(r"(?<![\w.,])\d{11}(?!\w)|(?<![\w.,])\d{16}(?!\w)")


def find_contacts(text: str) -> Iterator[Span]:
    """Everything of this page's kinds; a bare number with a valid check digit is called insurance."""
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start = match.start() + len(match[0]) - len(match[0].lstrip(" ,;"))
            end = match.end() - (len(match[0]) - len(match[0].rstrip(" ,;")))
            if start < end:
                yield Span(start, end, kind)
    for match in _BARE.finditer(text):
        if is_snils(match[0]) or is_oms(match[0]):
            yield Span(match.start(), match.end(), "insurance")


def is_snils(digits: str) -> bool:
    """Check number of the Russian pension insurance number (11 digits): the weighted sum of the first nine, modulo 101, 100 as 00."""
    if len(digits) != 11 or not digits.isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1), strict=False))
    return total % 101 % 100 == int(digits[9:])


def is_oms(digits: str) -> bool:
    """Check digit of the Russian health insurance number (16 digits): the odd places counted from the right, read as one
    number and doubled, set after the even places; the digit fills the sum of all digits up to ten."""
    if len(digits) != 16 or not digits.isdigit():
        return False
    body = digits[:15][::-1]
    doubled = str(int(body[0::2]) * 2)
    total = sum(map(int, body[1::2] + doubled))
    return (10 - total % 10) % 10 == int(digits[15])
