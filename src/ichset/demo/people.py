"""Invented patients and physicians: names, numbers, addresses. Nobody of these exists."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from random import Random

_NAMES = tomllib.loads(resources.files("ichset.demo").joinpath("texts/people.toml").read_text("utf-8"))
SURNAMES, MEN, WOMEN, FATHERS, STREETS = (tuple(_NAMES[key]) for key in ("surnames", "men", "women", "fathers", "streets"))
ENGLISH, ENGLISH_MEN, ENGLISH_WOMEN = (tuple(_NAMES[key]) for key in ("english", "english_men", "english_women"))
INSTITUTIONS = (
    ("ГБУЗ «Городская клиническая больница № 97 им. А. С. Лесновского»", "GKB 97 LESNOVSKOGO", "г. Зареченск, ул. Больничноозёрная, д. 12"),
    ("ГБУЗ «Больница скорой помощи имени Верейского»", "BSMP VEREYSKOGO", "г. Зареченск, Верейский проезд, д. 3, корп. 2"),
    ("ФГБУ «Клинический центр неврологии Синегорье»", "KCN SINEGORYE", "г. Синегорьевск, Набережная Первостроителей, д. 41"),
    ("Northgate Falls University Hospital", "NORTHGATE FALLS UH", "17 Halloway Crescent, Northgate Falls"),
)
LATIN = dict(zip("абвгдезийклмнопрстуфхыьъэё", [*"abvgdeziyklmnoprstufhy", "", "", "e", "e"], strict=True)) | {
    "ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya",
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    surname: str
    given: str
    father: str
    sex: str  # M, F or empty: not known
    birth: date
    patient_id: str
    phone: str
    address: str
    insurance: str
    english: bool = False

    @property
    def full(self) -> str:
        return " ".join(part for part in (self.surname, self.given, self.father) if part)

    @property
    def short(self) -> str:
        return f"{self.surname} {self.given[0]}." + (f" {self.father[0]}." if self.father else "")

    @property
    def dicom(self) -> str:
        """The family^given^middle form of a DICOM person name."""
        return "^".join(part for part in (self.surname, self.given, self.father) if part)

    @property
    def latin(self) -> str:
        return transliterate(self.dicom).upper()


def transliterate(text: str) -> str:
    return "".join(LATIN.get(letter.lower(), letter).title() if letter.isupper() else LATIN.get(letter, letter) for letter in text)


def person(rng: Random, day: date, age: int, english: bool = False, number: int = 0) -> Person:
    """Someone who is `age` full years old on `day`; `number` makes the patient's numbers unique."""
    female = rng.random() < 0.43
    birth = _back(day, age) - timedelta(days=rng.randrange(1, 364))
    if english:
        names = rng.choice(ENGLISH), rng.choice(ENGLISH_WOMEN if female else ENGLISH_MEN), ""
    else:
        surname, father = rng.choice(SURNAMES), rng.choice(FATHERS)
        if female:
            surname = _feminine(surname)
            father = father[:-2] + "на"
        names = surname, rng.choice(WOMEN if female else MEN), father
    sex = "" if rng.random() < 0.01 else "F" if female else "M"
    return Person(
        *names, sex, birth, f"NF-{number:07d}" if english else f"97{number:08d}",
        f"+7(9{rng.randrange(10, 99)}){rng.randrange(100, 999)}-{rng.randrange(10, 99)}-{rng.randrange(10, 99)}",
        f"г. Зареченск, ул. {rng.choice(STREETS)}, д. {rng.randrange(1, 150)}, кв. {rng.randrange(1, 300)}",
        f"77{rng.randrange(10**13, 10**14)}", english,
    )  # fmt: skip


def _feminine(surname: str) -> str:
    if surname.endswith(("ий", "ый")):
        return surname[:-2] + "ая"
    return surname + "а" if surname.endswith(("ов", "ев", "ёв", "ин")) else surname


def _back(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def physician(rng: Random, english: bool = False) -> str:
    """An invented colleague: surname and initials."""
    if english:
        return f"{rng.choice(ENGLISH)} {rng.choice('ABCDEFGH')}."
    return f"{rng.choice(SURNAMES)} {rng.choice('АБВГДЕИК')}. {rng.choice('АБВГДЕИК')}."
