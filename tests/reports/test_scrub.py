# ruff: noqa: E501 - sentences as they stand in reports, one a line
"""No name, number, date, age or place gets through; the terms of medicine do."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ichset.contracts import RELEASED_TEXT, SCREENED
from ichset.pseudonyms import Pseudonyms
from ichset.reports.scrub import KnownValues, known_of, scrub, scrub_reports
from ichset.reports.scrub_contacts import is_oms, is_snils
from ichset.reports.scrub_known import sound_key
from ichset.reports.scrub_spans import Span, merged, replaced

NOBODY = KnownValues()
CASES = ("nominative", "genitive", "dative", "accusative", "instrumental", "prepositional")
# how words of these endings are declined: what is cut off, and the six endings
MALE = {
    "ов": (0, ("", "а", "у", "а", "ым", "е")), "ин": (0, ("", "а", "у", "а", "ым", "е")), "ский": (2, ("ий", "ого", "ому", "ого", "им", "ом")),
    "ко": (0, ("", "", "", "", "", "")), "ук": (0, ("", "а", "у", "а", "ом", "е")), "ян": (0, ("", "а", "у", "а", "ом", "е")),
    "дзе": (0, ("", "", "", "", "", "")), "ых": (0, ("", "", "", "", "", "")),
}  # fmt: skip
FEMALE = {
    "ова": (1, ("а", "ой", "ой", "у", "ой", "ой")),
    "ина": (1, ("а", "ой", "ой", "у", "ой", "ой")),
    "ская": (2, ("ая", "ой", "ой", "ую", "ой", "ой")),
}
STEMS = [
    "Берд", "Крутил", "Ветош", "Жарк", "Зимняк", "Ломтев", "Мохнатк", "Прибыл", "Рогожк", "Стрижев", "Тугарин", "Хлудн", "Чернопят", "Щегл", "Юшк", "Ягод", "Вяхир", "Быструшк", "Куропат", "Ендовк",
]  # fmt: skip
FATHERS = [
    "Иван", "Пётр", "Семён", "Рамазан", "Ильдар", "Ашот", "Вячеслав", "Эдуард", "Борис", "Тимур", "Платон", "Богдан", "Мурад", "Галактион", "Евстафий", "Ермил",
]  # fmt: skip
GIVEN_MALE = [
    "Иван", "Сергей", "Аркадий", "Ильдар", "Ашот", "Платон", "Мурад", "Игорь",
]  # fmt: skip
GIVEN_FEMALE = [
    "Анна", "Мария", "Гульнара", "Зульфия", "Оксана", "Любовь",
]  # fmt: skip


def declined(word: str, case: int, table: dict[str, tuple[int, tuple[str, ...]]]) -> str:
    ending = next(end for end in table if word.endswith(end))
    cut, endings = table[ending]
    return word[: len(word) - cut] + endings[case]


def patronymic(father: str, female: bool, case: int) -> str:
    stem = father[:-2] + "ь" if father.endswith("ий") else father
    if female:
        return stem + ("евн" if stem.endswith("ь") else "овн") + ("а", "ы", "е", "у", "ой", "е")[case]
    return stem + ("евич" if stem.endswith("ь") else "ович") + ("", "а", "у", "а", "ем", "е")[case]


def people(seed: int, count: int) -> Iterator[tuple[random.Random, str, str, str, bool]]:
    """(surname, given name, father's name, whether a woman), in the nominative."""
    rng = random.Random(seed)
    for _ in range(count):
        female = rng.random() < 0.5
        surname = rng.choice(STEMS) + rng.choice(list(FEMALE if female else MALE))
        yield rng, surname, rng.choice(GIVEN_FEMALE if female else GIVEN_MALE), rng.choice(FATHERS), female


UNKNOWN_FORMS = (
    "Врач {s} {i}.{j}. описал снимки", "Описал: {s} {i}. {j}.", "{i}.{j}. {s}", "{i}. {j}. {s} направил", "Пациент {s} {g} {p}, доставлен бригадой",
    "Консультирован: {s} {i}.{j}., нейрохирург", "ФИО: {s} {g} {p}", "Лечащий врач {s} {i} {j}", "больной {s} {i}.{j}.", "{S} {G} {P}", "{S} {i}.{j}.",
    "Подпись: {s}\n{i}.{j}.", "передано доктору {s}", "{g} {p} {s}", "{g} {p} пришла сама", "Зав. отделением {s} {i}.{j}.", "гр. {s} {g} {p} 45 лет",
)  # fmt: skip


def leaks(text: str, *words: str) -> list[str]:
    """Words of which at least the first four letters stand in the text, whatever their case."""
    flat = text.lower().replace("ё", "е")
    return [word for word in words if len(word) > 3 and word[:-1].lower().replace("ё", "е") in flat]


@pytest.mark.parametrize("form", UNKNOWN_FORMS)
def test_unknown_people_are_found_by_their_context(form: str) -> None:
    for rng, surname, given_name, father, female in people(11, 150):
        case = rng.randrange(6)
        s = declined(surname, case, FEMALE if female else MALE)
        p = patronymic(father, female, case)
        fields = {
            "s": s,
            "g": given_name,
            "p": p,
            "i": given_name[0],
            "j": father[0],
            "S": s.upper(),
            "G": given_name.upper(),
            "P": p.upper(),
        }
        text = "Срединные структуры не смещены. " + form.format(**fields) + ". Гематома слева 9 мм."
        found = scrub(text, NOBODY, -10).text
        asked = [fields[name.lower()] for name in re.findall(r"{(\w)}", form) if name.lower() in "sgp"]
        assert not leaks(found, *asked), (text, found)
        assert found.startswith("Срединные структуры не смещены. ") and found.endswith("Гематома слева 9 мм."), found


LATIN = str.maketrans({
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k", "л": "l", "м": "m",
    "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch",
    "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
})  # fmt: skip
OTHER_LATIN = LATIN | {
    ord("й"): "i",
    ord("х"): "h",
    ord("ц"): "c",
    ord("щ"): "sch",
    ord("ю"): "iu",
    ord("я"): "ia",
    ord("ы"): "i",
    ord("ь"): "'",
}


@pytest.mark.parametrize("kept_in", ["cyrillic", "latin", "dicom"])
def test_the_patients_own_name_goes_in_every_form(kept_in: str) -> None:
    for rng, surname, given_name, father, female in people(23, 400):
        full = f"{surname} {given_name} {patronymic(father, female, 0)}"
        known = {
            "cyrillic": full,
            "latin": full.lower().translate(LATIN).title(),
            "dicom": full.upper().translate(LATIN).lower().translate(LATIN).upper().replace(" ", "^"),
        }
        case = rng.randrange(6)
        form = declined(surname, case, FEMALE if female else MALE)
        form = rng.choice([
            form, form.lower(), form.upper(), form.lower().translate(LATIN).title(), form.lower().translate(OTHER_LATIN).upper(), form.replace("о", "o").replace("е", "e"),
        ])  # fmt: skip
        found = scrub(f"гематома, со слов {form} травма накануне", KnownValues(names=(known[kept_in],)), -10).text
        assert found == "гематома, со слов [NAME] травма накануне", (known[kept_in], form, found)


def test_one_slip_of_the_pen_does_not_hide_a_long_name() -> None:
    known = KnownValues(names=("Чернопятова Гульнара",))
    for slip in ("Чернопятва", "Черннопятова", "Чернопятива", "Чернопяотва", "Чернопятовй"):
        assert scrub(f"осмотр {slip} без динамики", known, -1).text == "осмотр [NAME] без динамики"


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("Ли Анна", "передано Ли на руки"), ("Павел Лев", "пришёл с Павлом и Львом"), ("Щербакова", "Scherbakov"), ("Shcherbakova", "Щербаковой"),
        ("Сергеев", "Sergeyev"), ("Юрий", "Jurij"), ("Фёдор", "Fyodor"), ("Хачатрян", "Khachatryan"), ("Цой-Петренко", "Цоя"), ("O'Neil", "O’Neil"),
        ("Мамедов Али", "МАМЕДОВА"), ("Достоевский", "Dostoyevskogo"),
    ],
)  # fmt: skip
def test_spellings_meet(known: str, text: str) -> None:
    released = scrub(text, KnownValues(names=(known,)), -1).text
    words = [word for word in re.findall(r"\w+", re.sub(r"\[NAME\]", "", released)) if word[0].isupper()]
    assert not words and "[NAME]" in released


def test_known_numbers_go_with_any_separators() -> None:
    known = KnownValues(numbers=("AB-123/456", "12", "1.2.840.99"))
    text = "карта AB123456, ab 123 456, AB-123-456; толщина 12 мм; uid 1.2.840.99; AB1234567"
    assert scrub(text, known, -1).text == "карта [NUMBER], [NUMBER], [NUMBER]; толщина 12 мм; uid [NUMBER]; [NUMBER]"


TERMS = (
    "Аномалия Денди-Уокера. Вариант Денди – Уокера. Сильвиевы борозды, Сильвиев водопровод сужен, ROLANDIC fissure. Аномалия Арнольда-Киари I типа. Полость Верге. Виллизиев круг. Вена Галена."
    " Отверстия Монро, Люшки и Мажанди. Пространства Вирхова-Робина. Индекс Эванса 0,3. Шкала Fisher 3, Ханта-Хесса II. Синдром Штурге-Вебера.",
    "Dandy-Walker malformation. Sylvian fissure, Galen vein, foramen of Monro, Virchow-Robin spaces, circle of Willis, Chiari I, cavum Vergae. Hunt and Hess grade 2. Marshall II.",
    "Головной мозг: основной пазухи воздушность сохранена. Срединные структуры смещены вправо на 12.5 мм. Плотность 60 HU, объём 30,5 см3, 120 кВ, 250 мАс, DLP 1200 мГр*см.",
    "Условной линией. Кровной родственницей. Пациент доставлен в тяжёлом состоянии. Врач приёмного отделения. Больной без сознания. Пациентка Не контактна.",
    "Очаги 3-4 мм, 12 х 14 х 20 мм, толщина 5.5 мм, ШКГ 8 баллов, возраст 45 лет, 7 мес., 89 лет. Слой 0.625 мм, kernel H31s, серия 2 из 4, срез 45.",
    "Субдуральная гематома левого полушария 2000 мл. Кость теменная слева. Закл.: САК. КТ О.Г.К. не проводилась. Рекомендована консультация нейрохирурга. МРТ в динамике.",
    "No acute intracranial hemorrhage. The patient is 45 years old. Findings were unchanged. Left frontal SDH measures 12 mm. CT Head Without Contrast. Impression: Normal Study.",
)  # fmt: skip


@pytest.mark.parametrize("text", TERMS)
def test_medicine_survives_word_for_word(text: str) -> None:
    assert scrub(text, NOBODY, -100).text == text


def test_an_eponym_is_no_shelter_for_a_person() -> None:
    assert "Фишер" not in scrub("Врач Фишер А.В. описал", NOBODY, -1).text
    assert "Вебер" not in scrub("Поступила Вебер из дома", KnownValues(names=("Вебер Анна",)), -1).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("тел. 8 (916) 123-45-67", "[PHONE]"), ("+7 916 123 45 67", "[PHONE]"), ("89161234567", "[PHONE]"), ("(495) 123-45-67", "[PHONE]"), ("call (555) 123-4567", "call [PHONE]"),
        ("ivan.petrov@mail.ru", "[EMAIL]"), ("см. https://clinic.example/p/1", "см. [EMAIL]"), ("СНИЛС 112-233-445 95", "[INSURANCE]"),
        ("112-233-445 95", "[INSURANCE]"), ("11223344595", "[INSURANCE]"), ("полис ОМС № 7700 1234 5678 9012", "[INSURANCE]"),
        ("паспорт 45 12 345678", "[INSURANCE]"), ("и/б № 12345/21", "[NUMBER]"), ("история болезни 2021-123: 5", None), ("MRN: 00123456", "[NUMBER]"),
        ("Accession # A-2021-77", "[NUMBER]"), ("1.2.840.113619.2.55.3.1", "[NUMBER]"), ("исследование № 45", "[NUMBER]"), ("карта №12-34", "[NUMBER]"),
        ("проживает: г. Москва, ул. Лесная, д. 5, кв. 12.", "[ADDRESS]."), ("ул. Академика Янгеля, 14к2", None), ("Тверская обл., г. Ржев", None),
        ("lives at 12 Oak Street, Apt. 4", "[ADDRESS]"), ("из ГКБ № 15 им. О.М. Филатова", "из [INSTITUTION]"), ("ФГБУ «НМИЦ нейрохирургии»", "[INSTITUTION]"),
        ("НИИ скорой помощи им. Н.В. Склифосовского", None), ("Городская клиническая больница №1", None), ("поликлиника № 45", "[INSTITUTION]"),
        ("at St. Mary's Hospital", "at [INSTITUTION]"), ("Massachusetts General Hospital", "[INSTITUTION]"), ("клиника «Здоровье»", "[INSTITUTION]"),
    ],
)  # fmt: skip
def test_contacts_numbers_and_places(text: str, expected: str | None) -> None:
    found = scrub(text, NOBODY, -1).text
    if expected is not None:
        assert found == expected
    for word in re.findall(r"[А-Я][а-я]{4,}|\d{3,}|Mary|Oak|Massach\w+", text):
        if word not in ("Городская", "Академика"):
            assert word not in found, found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("КТ от 12.03.2021", "КТ от 02.03.2021"), ("2021-03-12T10:11", "2021-03-02T10:11"), ("12/03/2021", "02/03/2021"), ("5.1.21", "26.12.20"), ("12 марта 2021 г.", "2 марта 2021 г."),
        ("March 12, 2021", "March 2, 2021"), ("12 Mar 2021", "2 March 2021"), ("03/25/2021", "03/15/2021"), ("в марте 2021", "в 03.2021"), ("03.2021", "03.2021"),
        ("20210312", "[NUMBER]"), ("31.02.2021", "[DATE]"), ("12 марта", "[DATE]"), ("КТ от 12.03 и 5 мм", "КТ от [DATE] и 5 мм"), ("12.03.1950 г.р.", "[DATE] г.р."),
        ("Дата рождения: 12.03.1950", "Дата рождения: [DATE]"), ("DOB 03/12/1950", "DOB [DATE]"), ("в 2019 году", "в 2019 году"), ("12 . 03 . 2021", None),
    ],
)  # fmt: skip
def test_dates_are_shifted_in_their_own_form(text: str, expected: str | None) -> None:
    found = scrub(text, NOBODY, -10).text
    if expected is not None:
        assert found == expected
    assert "12.03" not in found and "12 марта" not in found


@given(st.dates(date(1990, 1, 1), date(2049, 12, 31)), st.integers(-3650, -1))
def test_every_form_of_a_date_moves_by_the_offset(day: date, shift: int) -> None:
    moved = day + timedelta(days=shift)
    for form in ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"):
        assert scrub(f"КТ {day.strftime(form)} без динамики", NOBODY, shift).text == f"КТ {moved.strftime(form)} без динамики"


def test_the_patients_birth_date_is_removed_not_shifted() -> None:
    assert scrub("род. 01.02.1950, КТ 01.02.2021", KnownValues(dates=(date(1950, 2, 1),)), -1).text == "род. [DATE], КТ 31.01.2021"
    assert "1950" not in scrub("Иванов И.И. 01.02.1950", KnownValues(dates=(date(1950, 2, 1),)), -1).text


@pytest.mark.parametrize(
    "text",
    [
        "92 года",
        "90 лет",
        "101 год",
        "возраст: 95",
        "92-летний",
        "92-х лет",
        "девяносто два года",
        "девяностолетняя",
        "95-year-old",
        "aged 93",
        "91 y.o.",
        "ninety-two-year-old",
    ],
)
def test_ages_over_89_are_capped(text: str) -> None:
    found = scrub(f"Женщина, {text}, травма", NOBODY, -1).text
    assert "[AGE]" in found and not re.search(r"\d|девян|ninety", found)


def test_english_names() -> None:
    texts = (
        "Electronically signed by: Jane Q. Doe, MD", "Dr. John Smith", "Mrs. Abernathy", "discussed with Dr. Wilkes at noon", "Patient: SMITH, JOHN", "Patient name: Abernathy Wilkes",
        "Smith^John^A", "Ivanov Ivan", "dictated by Wilkes", "Robert Abernathy", "Referring physician: Wilkes J.", "Jane Doe, RN", "Radiologist: M. Abernathy",
    )  # fmt: skip
    for text in texts:
        found = scrub(f"CT head. {text}. No bleed.", NOBODY, -1).text
        assert not re.search("jane|doe|smith|john|abern|wilkes|ivan|robert", found, re.I), (text, found)
        assert found.startswith("CT head. ") and found.endswith("No bleed.")


def test_invisible_signs_and_lookalikes_do_not_hide_a_name() -> None:
    known = KnownValues(names=("Иванов Пётр",))
    for text in ("Ива\u200bнов", "Ива\u00adнов", "Ивaнов", "Ивано\u0301в", "ИВАНОВ", "Иванов\u00a0П.А.", "Пе\u0308тр"):
        assert scrub(f"осмотрен {text} дома", known, -1).text == "осмотрен [NAME] дома"


def test_residual_risk_names_what_a_person_should_see() -> None:
    found = scrub("Гематома. Со слов Крутилова упал. Звонить 12345. Мария согласна.", NOBODY, -1)
    why = {found.text[each.start : each.end]: each.why for each in found.residual}
    assert why == {"Крутилова": "surname-like word", "12345": "long number", "Мария": "given name"}
    assert not scrub("Субдуральная гематома. Киста Верге. Норма.", NOBODY, -1).residual


@given(st.text(max_size=200))
def test_any_text_is_scrubbed_without_a_crash_and_twice_is_as_once_on_placeholders(text: str) -> None:
    known = KnownValues(names=("Иванов Иван",), numbers=("123456",))
    once = scrub(text, known, -5)
    for each in once.residual:
        assert 0 <= each.start < each.end <= len(once.text)
    assert all(a.end <= b.start for a, b in pairwise(once.removed))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10), st.sampled_from(["name", "date", "number"])), max_size=8))
def test_merged_spans_cover_what_was_found_and_nothing_else(found: list[tuple[int, int, str]]) -> None:
    spans = [Span(start, start + size, kind) for start, size, kind in found]
    done = merged(spans)
    covered = {at for span in spans for at in range(span.start, span.end)}
    assert {at for span in done for at in range(span.start, span.end)} == covered
    text = "".join(chr(0x4E00 + at) for at in range(60))
    left = re.sub(r"\[[A-Z]+\]", "", replaced(text, done))
    assert left == "".join(letter for at, letter in enumerate(text) if at not in covered)


def test_check_digits() -> None:
    assert is_snils("11223344595") and not is_snils("11223344596") and not is_snils("1122334459")
    digits = "779080867800000"
    assert sum(is_oms(digits + str(last)) for last in range(10)) == 1


def test_sound_keys() -> None:
    assert len({sound_key(word) for word in ("Щукин", "Shchukin", "Schukin", "SHUKIN", "щукин")}) == 1
    assert sound_key("Иванов") != sound_key("Петров")


def test_a_table_of_reports_leaves_with_its_residual_report() -> None:
    names = Pseudonyms(bytes(range(32)))
    empty = dict.fromkeys(SCREENED.schema.names)
    row = {
        "report": "r1", "study": "S1", "subject": "PX", "patient_id": "P-77", "patient_name": "ИВАНОВА^МАРИЯ", "accession": "ACC55512",
        "birth_date": date(1950, 1, 1), "description": "Ивановой 12.03.2021 проведена КТ, ACC55512. Со слов Крутилова.", "conclusion": "Д-р House.",
    }  # fmt: skip
    further = {"S1": KnownValues(names=("HOUSE",))}
    texts, residual = scrub_reports(pa.Table.from_pylist([empty | row], SCREENED.schema), names, further)
    assert texts.schema == RELEASED_TEXT.schema
    moved = (date(2021, 3, 12) + timedelta(days=names.date_shift("P-77"))).strftime("%d.%m.%Y")
    assert texts.to_pylist() == [
        {
            "study": "S1",
            "indication": None,
            "description": f"[NAME] {moved} проведена КТ, [NUMBER]. Со слов Крутилова.",
            "conclusion": "Д-р [NAME].",
        }
    ]
    assert residual["quote"].to_pylist() == ["Крутилова"] and residual["section"].to_pylist() == ["description"]
    assert known_of(row).numbers == ("P-77", "ACC55512")


@pytest.mark.parametrize("text", [
    "Остаточных скоплений крови не выявлено.", "Полоска крови до 3 мм.", "Геморрагического пропитывания не отмечено.",
    "ВНУТРИЖЕЛУДОЧКОВОЙ КРОВИ НЕ ВЫЯВЛЕНО", "ПРИЧИН НЕ УСТАНОВЛЕНО, ИЗМЕНЕНИЯ НА ПРЕЖНЕМ УРОВНЕ", "Диагноз направления: I60.", "Больной указан т.е. без травмы.",
    "Первого и второго типа", "На серии из двадцати срезов", "Крови во внутренних отделах нет", "Второго очага нет, третий желудочек не расширен",
])  # fmt: skip
def test_words_before_a_particle_are_no_surnames(text: str) -> None:
    """A negation that is taken for initials would turn the released report's meaning round."""
    assert scrub(text, NOBODY, 40).text == text


@pytest.mark.parametrize(("text", "hidden"), [
    ("Описано совместно с асс. Дроздовым.", "Дроздов"), ("Лаборант: смирнова е.п.", "смирнова"), ("Read by S Whitcombe.", "Whitcombe"),
    ("Pt Ivanchuk Bohdan", "Ivanchuk"), ("Осмотрен: Петров НА", "Петров"), ("СНИЛС 112 233 445 95, СК «Согаз-Мед»", "Согаз"),
    ("Паспорт выдан ОВД района Зюзино", "Зюзино"), ("эл. почта ivan_k собака mail точка ru", "ivan_k"), ("Доставлен из села Большие Вязёмы.", "Вяз"),
    ("Ранее в Склифосовского выполнена трепанация", "Склиф"), ("Живёт на Кутузовском пр., дом 3", "Кутузов"), ("Мужчина 101 г., падение", "101"),
    ("Ж., 92 г., ЧМТ", "92"), ("КТ от двадцать первого мая две тысячи двадцатого года", "двадцат"), ("КТ от первого июня без динамики", "июня"),
    ("Контроль 14.05.", "14.05"), ("Maria Gonzalez NP, pager 4471", "4471"), ("Беседа с Фаридом Рустамовичем, сыном больной", "Рустам"),
    ("96-летняя женщина", "96"), ("Магомедова Патимат Гаджиевна из СИЗО-2", "Гаджи"), ("Снимки показаны А. Н. Безбородько и О.Ширяевой.", "Ширяев"),
])  # fmt: skip
def test_a_second_set_of_notes(text: str, hidden: str) -> None:
    assert hidden.lower() not in scrub(text, NOBODY, 40).text.lower()
