"""Names of people in free text by their own marks: initials, patronymics, titles, given names. Eponyms of medicine survive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ichset.reports.scrub_spans import Span

_LISTS = Path(__file__).parent / "names"
_RU_CAP = r"(?:[А-ЯЁ](?:[а-яё]+|[А-ЯЁ]+)(?:-[А-ЯЁ](?:[а-яё]+|[А-ЯЁ]+))?)"
_EN_CAP = r"(?:(?:O'|O’|Mc|Mac|De|Van|Von)?[A-Z](?:[a-z’']+|[A-Z’']+)(?:-[A-Z](?:[a-z]+|[A-Z]+))?)"
_INITIAL = r"[А-ЯЁ]\s?\."
_SURNAME_END = (
    r"(?:[оеё]в|[ыи]н|[сц]к(?:[ио]й|ого|ому|[ио]м|ая|ую)|енк[оа]|[уюа]к|чук|ук|ян|янц|швили|дзе|идзе|ава|уа|ия|их|ых|ой|ый|ец|ман|берг"
    r"|штейн|сон|[оеё]ва|[ыи]на|ская|цкая)"
)
_CASES = r"(?:а|у|ым|ом|ем|е|ой|ую|ого|ому|ей|ыми|ых|и|ы|ю|я)?"
_PATRONYMIC = re.compile(
    r"(?<![А-ЯЁа-яё])(?:[А-ЯЁа-яё]{2,}(?:ович|евич|ьич)(?:а|у|ем|е|и|ей)?"
    r"|(?:Иль|Кузьм|Фом|Лук|Никит|Савв|Фок|Ерём|Карп)ич(?:а|у|ём|ем|е)?"
    r"|[А-ЯЁа-яё]{2,}(?:ов|ев|ёв)н(?:а|ы|е|у|ой|ою)|(?:Ильи|Кузьми|Фоми|Луки|Никити|Савви)ничн(?:а|ы|е|у|ой)"
    r"|[А-ЯЁа-яё]{3,}\s(?:оглы|кызы|заде))(?![А-ЯЁа-яё])",
    re.IGNORECASE,
)
_NOT_PATRONYMIC = re.compile(
    r"(?:голо|осно|кро|церко|духо|верхо|поло|усло|сло|грехо|готo|плачe|душе|дне|полдне|древе|ровно|уро|ро|злокровно|бескро"
    r"|малокро|полнокро|толсто|дре|гне|ключе|плане|бое|вне)вн",
    re.I,
)
_ANCHOR = re.compile(
    r"(?<![А-ЯЁа-яё])(?:(?:ф\.?\s?и\.?\s?о\.?(?:\s+(?:пациента|врача|больного))?|фамилия(?:,\s*имя(?:,\s*отчество)?)?"
    r"|пациент(?:ка|ки|ке|ку|кой|а|у|ом)?|больн(?:ой|ая|ого|ому|ую)"
    r"|гр(?:-н|-ка|аждан\w+|\.)|г-н|г-жа|г-жи|госпож[аи]|господин\w*|муж|жена|сын|дочь|мать|отец|родственни\w+"
    r"|врач(?:-[а-яё]+)?(?:\s+(?:лучевой\s+диагностики|высшей\s+категории|кт|мрт|[а-яё]+олог))*"
    r"|вр\.|доктор\w{0,2}|д-р\w?|[а-яё]{3,}олог(?:а|у|ом|е)?|(?:нейро)?хирург(?:а|у|ом|е)?|терапевт(?:а|у|ом|е)?|педиатр(?:а|у|ом"
    r"|е)?|заведующ\w+(?:\s+отделени\w+)?|зав\.?\s?отд(?:\.|елени\w+)"
    r"|лаборант|рентгенолаборант|медсестра|исполнил[а]?|сообщ\w+|передан\w*|доложен\w*|исполнитель|описал[а]?|подпис\w+"
    r"|направил[а]?|направивший\s+врач|лечащий(?:\s+врач)?|консультант|консультирован\w*"
    r"|профессор\w{0,2}|проф\.|асс(?:истент\w{0,2}|\.)|стаж[её]р\w{0,2}|интерн\w{0,2}(?!ет)|доцент|доц\.|академик|ординатор|[кд]\.?\s?м\.?\s?н\.?|согласовано(?:\s+с)?|проверил[а]?"
    r"|утвердил[а]?|имя|отчество)"
    r"[\s:.,_/\-]{1,4})+",
    re.IGNORECASE,
)
_AFTER_ANCHOR = re.compile(
    rf"(?:{_INITIAL}\s?{_INITIAL}\s?)?{_RU_CAP}(?:\s+(?:{_INITIAL}\s?(?:{_INITIAL})?|{_RU_CAP}))*|(?:{_EN_CAP}"
    rf"|[A-Z]\.)(?:\s+(?:{_EN_CAP}|[A-Z]\.?(?![a-z])))*"
)
_LOWER_NAME = re.compile(rf"[а-яё]{{2,}}{_SURNAME_END}{_CASES}(?:\s+[а-яё]+){{0,2}}")
_LOWER_INITIALS = re.compile(rf"[а-яё]{{2,}}{_SURNAME_END}{_CASES}\s+(?!т\.\s?[едпок]\.)[а-яё]\.\s?[а-яё]\.", re.I)
# in a text of capitals two letters between words are a preposition or a particle, no initials: "КРОВИ НЕ ВЫЯВЛЕНО"
_SHOUTED = re.compile(r"[А-ЯЁ]{2,}\s(?:НЕ|НИ|НА|ДО|ПО|ИЗ|ОТ|ЗА|СО|ВО|ОБ|БЕЗ)\s+[А-ЯЁ]{3}")
_INITIALS = (
    re.compile(rf"(?<![А-ЯЁа-яё])({_RU_CAP})\s{{0,2}},?\s?{_INITIAL}\s{{0,2}}[А-ЯЁ](?![А-ЯЁа-яё])\s?\.?"),
    re.compile(rf"(?<![А-ЯЁа-яё.]){_INITIAL}\s?{_INITIAL}\s{{0,2}}({_RU_CAP})"),
    re.compile(
        # the surname may stand in capitals; initials are never small letters: "крови не", "полоска до" are no people
        rf"(?<![А-ЯЁа-яё])([А-ЯЁ](?i:[а-яё]+{_SURNAME_END}{_CASES}))\s(?:{_INITIAL}(?![А-ЯЁа-яё])"
        rf"|[А-ЯЁ]{{2}}(?![А-ЯЁа-яё])|[А-ЯЁ]\s[А-ЯЁ](?![А-ЯЁа-яё]))",
    ),
    re.compile(rf"(?<![А-ЯЁа-яё.]){_INITIAL}\s?([А-ЯЁ][а-яё]+{_SURNAME_END}{_CASES})(?![А-ЯЁа-яё])"),
)
_ENGLISH = (
    re.compile(
        rf"\b(?:(?:Dr|Mr|Mrs|Ms|Miss|Prof|Doctor|Professor|Sir|Madam|DR|MR|MRS|MS)\b\.?\s*)+(?:(?:{_EN_CAP}|[A-Z]\.)(?:\s+|(?=\W)"
        rf"|$)){{1,4}}"
    ),
    re.compile(
        rf"\b(?i:patient(?:'s)?(?:\s+name)?|pt\.?|name|(?:electronically\s+)?(?:signed|dictated|interpreted|reviewed|transcribed"
        rf"|reported|read|verified|approved|finalized|performed|ordered|referred|discussed)"
        rf"(?:\s+(?:by|with|to|and\s+\w+\s+by))|radiologist|attending|resident|physician|referring(?:\s+physician)?|technologist"
        rf"|provider)\s*[:\-]?\s*((?:{_EN_CAP}|[A-Z]\.|[A-Z](?=\s+{_EN_CAP}))(?:,?\s+(?:{_EN_CAP}|[A-Z]\.?(?![a-z])))*)"
    ),
    re.compile(rf"\b{_EN_CAP}(?:\s+[A-Z]\.)*(?:\s+{_EN_CAP})+,?\s+(?:MD|M\.D\.?|DO|D\.O\.?|PhD|Ph\.D\.?|RN|FRCR|MBBS|FRCPC|PA-C|NP)\b"),
    re.compile(rf"\b{_EN_CAP}\^{_EN_CAP}(?:\^[A-Za-z]*)*|(?<![А-ЯЁа-яё]){_RU_CAP}\^{_RU_CAP}(?:\^[А-ЯЁа-яё]*)*"),
)  # fmt: skip


@cache
def _words(name: str) -> tuple[str, ...]:
    lines = (_LISTS / name).read_text("utf-8").splitlines()
    return tuple(sorted({word.replace("ё", "е") for line in lines if not line.startswith("#") for word in line.split()}))


@cache
def _given_names() -> frozenset[str]:
    """Given names in all their cases."""
    forms: set[str] = set()
    for name in _words("first_names.txt"):
        forms.add(name)
        if name[0] < "а":
            continue
        stem = name[:-1] if name[-1] in "аяйьо" else name
        forms |= {stem + end for end in _GIVEN_ENDINGS[name[-1] if name[-1] in _GIVEN_ENDINGS else ""]}
    return frozenset(forms | {"павла", "павлу", "павлом", "павле", "льва", "льву", "львом", "петра", "петру", "петром", "петре"})


_GIVEN_ENDINGS = {
    "а": ("ы", "и", "е", "у", "ой", "ою"), "я": ("и", "е", "ю", "ей"), "й": ("я", "ю", "ем", "е", "и"),
    "ь": ("я", "ю", "ем", "е", "и", "ью"), "": ("а", "у", "ом", "е", "ем"),
}  # fmt: skip


def plain(word: str) -> str:
    return word.lower().replace("ё", "е")


def is_eponym(word: str) -> bool:
    """Whether every part of a word is, or begins with, an eponym of medicine."""
    return all(part.startswith(_words("eponyms.txt")) for part in re.split(r"[\s-]+", plain(word)) if part)


def is_common(word: str) -> bool:
    """A word of reports, by the list: whole, or by its beginning where its ending is no surname's (the place is, Головин is not)."""
    whole, beginnings = _common_words()
    return plain(word) in whole or (plain(word).startswith(beginnings) and not _SURE_SURNAME.fullmatch(word))


@cache
def _common_words() -> tuple[frozenset[str], tuple[str, ...]]:
    words = _words("not_names.txt")
    return frozenset(word for word in words if word[-1] != "*"), tuple(word[:-1] for word in words if word[-1] == "*")


def is_given_name(word: str) -> bool:
    return plain(word) in _given_names()


_SURE_SURNAME = re.compile(
    r"[А-ЯЁ][а-яё]+(?:[оеё]в|[ыи]н)(?:а|у|ым|ой|е|ых)?|[А-ЯЁ][а-яё]+[сц]к(?:ий|ого|ому|им|ом|ая|ую|ой)(?<!ческий)(?<!ческого)(?<!ческая)(?<!ческой)"
    r"|[А-ЯЁа-яё]+(?:енко|швили|дзе)|[А-ЯЁ]{3,}(?:ОВ|ЕВ|ИН|ЫН)(?:А|У|ЫМ|ОЙ|Е)?|[А-ЯЁ]{3,}[СЦ]К(?:ИЙ|ОГО|ОМУ|ИМ|АЯ|УЮ|ОЙ)"
)
_SURNAME = re.compile(rf"[А-ЯЁа-яё]{{2,}}{_SURNAME_END}{_CASES}", re.IGNORECASE)


def looks_like_surname(word: str) -> bool:
    """A Russian surname by its ending, in any case; no known term."""
    return _ends_like_surname(word) and not is_eponym(word) and not is_common(word)


def _ends_like_surname(word: str) -> bool:
    return bool(_SURNAME.fullmatch(word)) and "ческ" not in plain(word)


def find_names(text: str) -> Iterator[Span]:
    """Names that their own context gives away. `text` is prepared by `for_matching`."""
    yield from _by_initials(text)
    yield from _by_patronymic(text)
    yield from _by_anchor(text)
    yield from _by_given_name(text)
    for pattern in _ENGLISH:
        for match in pattern.finditer(text):
            group = 1 if pattern.groups else 0
            words = re.findall(r"[^\W\d_]{2,}", match[group])
            if any(not is_common(word) for word in words):
                yield Span(match.start(group), _trim(text, match.start(group), match.end(group)), "name")


def _trim(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1] in " ,\n":
        end -= 1
    return end


def _by_initials(text: str) -> Iterator[Span]:
    for pattern in _INITIALS:
        for match in pattern.finditer(text):
            surname = match[1]
            short = surname.isupper() and len(surname) <= 4 and surname not in ("КИМ", "ЦОЙ", "ПАК", "ЛИ", "ТЕН", "ХАН", "ЮН", "АН")
            if not short and not is_common(surname) and not _SHOUTED.search(text, match.start(1), min(len(text), match.end() + 20)):
                yield Span(match.start(), match.end(), "name")


def _neighbours(text: str, start: int, end: int, before: int = 2) -> tuple[int, int]:
    """Widen a sure name over the name-like words beside it: up to `before` ahead of it, one behind."""
    for _ in range(before):
        word = re.search(r"(?<![А-ЯЁа-яё])([А-ЯЁа-яё]+(?:-[А-ЯЁа-яё]+)?)\s{1,3}$", text[max(0, start - 40) : start])
        if word is None or not _is_name_like(word[1]):
            break
        start = max(0, start - 40) + word.start()
    after = re.match(rf"\s{{1,3}}({_RU_CAP})(?![А-ЯЁа-яё])", text[end : end + 40])
    if after is not None and _is_name_like(after[1]) and not is_eponym(after[1]):
        end += after.end()
    return start, end


def _is_name_like(word: str) -> bool:
    capital = word[0].isupper() and len(word) > 1 and not is_common(word)
    return is_given_name(word) or looks_like_surname(word) or (capital and not (word.isupper() and len(word) <= 3))


def _by_patronymic(text: str) -> Iterator[Span]:
    for match in _PATRONYMIC.finditer(text):
        word = match[0]
        if _NOT_PATRONYMIC.match(word) or (
            re.search(r"вн[аыеую]|вной", plain(word)) and not (word[0].isupper() or _has_given_before(text, match.start()))
        ):
            continue
        if is_common(word):
            continue
        yield Span(*_neighbours(text, match.start(), match.end()), "name")


def _has_given_before(text: str, at: int) -> bool:
    before = re.search(r"([А-ЯЁа-яё]+)\s{1,3}$", text[max(0, at - 30) : at])
    return before is not None and is_given_name(before[1])


def _by_anchor(text: str) -> Iterator[Span]:
    for anchor in _ANCHOR.finditer(text):
        match = _AFTER_ANCHOR.match(text, anchor.end())
        if match is not None:
            end = _names_until(match[0])
            if end:
                yield Span(*_neighbours(text, match.start(), match.start() + end, before=0), "name")
            continue
        called = re.search(r"ф\.?и\.?о|фамили", anchor[0], re.I)
        low = _LOWER_INITIALS.match(text, anchor.end()) or (_LOWER_NAME.match(text, anchor.end()) if called else None)
        if low is not None:
            yield Span(low.start(), low.end(), "name")


def _names_until(phrase: str) -> int:
    """How far into the capitalised words behind a title the name goes: it ends at the first common word."""
    end = 0
    for word in re.finditer(r"\S+", phrase):
        bare = word[0].strip(".,")
        abbreviation = bare.isupper() and 1 < len(bare) <= 3
        if len(bare) > 1 and (is_common(bare) or abbreviation or (bare.isupper() and not _known_upper(bare))):
            break
        end = word.end()
    return end if re.search(r"[^\W\d_]{2,}", phrase[:end]) else 0


def _known_upper(word: str) -> bool:
    """In a text set in capitals the case says nothing: only what looks like a name is one."""
    return is_given_name(word) or looks_like_surname(word) or bool(_PATRONYMIC.fullmatch(word)) or word[0] < "А"


_PAIR = re.compile(rf"(?<![А-ЯЁа-яё\w])(?=({_RU_CAP}|{_EN_CAP})(,?\s{{1,2}})((?:[A-ZА-ЯЁ]\.\s?)*)({_RU_CAP}|{_EN_CAP})(?!\w))")


def _by_given_name(text: str) -> Iterator[Span]:
    """A given name with a capitalised word beside it, in either order."""
    for match in _PAIR.finditer(text):
        first, second = match[1], match[4]
        surname, given = (second, first) if is_given_name(first) and "," not in match[2] else (first, second)
        if is_given_name(given) and not is_common(surname) and not is_eponym(surname):
            yield Span(match.start(1), match.end(4), "name")
