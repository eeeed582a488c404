"""Which column of an export is which of ours: by the config's mapping first, else by customary Russian and English headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ichset.errors import ConfigError

# `text` is a whole report in one column; screening cuts it into sections.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "study_uid": (
        "study uid", "studyuid", "study instance uid", "studyinstanceuid", "study iuid", "siuid", "0020 000d", "uid",
        "uid исследования", "уид исследования", "уникальный идентификатор исследования",
    ),
    "accession": (
        "accession", "accession number", "accessionnumber", "acc", "acc no", "accno", "0008 0050",
        "study id", "studyid", "exam id", "order id",
        "номер исследования", "ид исследования", "id исследования", "идентификатор исследования", "номер направления", "номер заказа",
    ),
    "patient_id": (
        "patient id", "patientid", "pid", "mrn", "pat id", "0010 0020", "ид пациента", "id пациента", "идентификатор пациента",
        "номер карты", "номер пациента", "амбулаторная карта", "история болезни", "номер истории болезни", "номер мк", "иб",
    ),
    "patient_name": ("patient name", "patientname", "patient", "name", "0010 0010", "фио",
        "фио пациента", "ф и о", "пациент", "имя пациента"),
    "birth_date": (
        "birth date", "birthdate", "date of birth", "dob", "patient birth date", "patientbirthdate", "0010 0030",
        "дата рождения", "дата рождения пациента", "др", "д р",
    ),
    "sex": ("sex", "gender", "patient sex", "patientsex", "0010 0040", "пол", "пол пациента"),
    "age": ("age", "patient age", "patientage", "0010 1010", "возраст", "возраст пациента", "полных лет"),
    "study_date": (
        "study date", "studydate", "exam date", "date", "study datetime", "0008 0020", "дата исследования",
        "дата", "дата и время исследования",
        "дата проведения", "дата проведения исследования", "дата выполнения",
    ),
    "modality": ("modality", "modalities", "modalities in study", "0008 0060", "модальность",
        "вид исследования", "тип исследования", "метод"),
    "body_part": (
        "body part", "bodypart", "body part examined", "bodypartexamined", "anatomy", "0018 0015", "область исследования", "область",
        "анатомическая область", "зона исследования", "орган",
    ),
    "title": (
        "title", "study description", "studydescription", "procedure", "procedure name", "exam", "exam name", "service", "0008 1030",
        "исследование", "наименование исследования", "название исследования", "название", "наименование", "услуга", "наименование услуги",
        "название услуги", "процедура",
    ),
    "indication": (
        "indication", "indications", "clinical history", "clinical information", "history", "reason", "reason for exam", "referral",
        "показания", "показание", "направление", "цель исследования", "клинические данные", "анамнез", "диагноз направления",
        "диагноз при направлении", "диагноз", "жалобы",
    ),
    "description": ("description", "findings", "report findings", "body", "описание", "описание исследования",
        "протокол описания", "описательная часть"),
    "conclusion": ("conclusion", "conclusions", "impression", "summary", "заключение", "заключение исследования",
        "вывод", "выводы", "резюме"),
    "text": (
        "text", "report", "report text", "reporttext", "full text", "текст", "текст протокола", "текст отчета", "текст исследования",
        "протокол", "протокол исследования", "полный текст",
    ),
    "masks": ("masks", "mask", "segmentation", "маска", "маски"),
}  # fmt: skip

_IDENTIFIERS = "study_uid, accession, or patient_id with study_date"


def heading(text: str) -> str:
    """A heading as it is compared: lower case, е for ё, runs of other characters as one space."""
    return re.sub(r"[\W_]+", " ", text.lower().replace("ё", "е")).strip()


_BY_HEADING = {heading(alias): ours for ours, aliases in ALIASES.items() for alias in (ours, *aliases)}


def known_headings(headings: Iterable[str]) -> int:
    """How many of the headings are ours by their alias: the measure by which a delimiter is guessed."""
    return len({_BY_HEADING[name] for name in map(heading, headings) if name in _BY_HEADING})


def match_columns(file: str, headings: list[str], mapped: Mapping[str, str], strict: bool = True) -> dict[str, int]:
    """Our column -> position in the export. A mapped or required column that is absent is an error naming its remedy."""
    found = _mapped(file, headings, mapped, strict)
    for position, name in enumerate(headings):
        ours = _BY_HEADING.get(heading(name))
        if ours is not None and ours not in found and ours not in mapped and position not in found.values():
            found[ours] = position
    if strict:
        _require(file, headings, found)
    return found


def _mapped(file: str, headings: list[str], mapped: Mapping[str, str], strict: bool) -> dict[str, int]:
    positions = {heading(name): position for position, name in reversed(list(enumerate(headings)))}
    found: dict[str, int] = {}
    for ours, theirs in mapped.items():
        if ours not in ALIASES:
            raise ConfigError(f"ingest.columns.{ours}: no such column; ours are {', '.join(ALIASES)}")
        if heading(theirs) in positions:
            found[ours] = positions[heading(theirs)]
        elif strict:
            raise ConfigError(f"{file}: no column {theirs!r} (ingest.columns.{ours}); the export has: {_listed(headings)}")
    return found


def _require(file: str, headings: list[str], found: Mapping[str, int]) -> None:
    if not ({"study_uid", "accession"} & found.keys() or {"patient_id", "study_date"} <= found.keys()):
        raise ConfigError(
            f"{file}: no column identifies the study ({_IDENTIFIERS}); name it in [ingest.columns]; the export has: {_listed(headings)}"
        )
    for required in ("description", "conclusion"):
        if required not in found and "text" not in found:
            raise ConfigError(
                f"{file}: no column {required!r} (nor 'text'); name it in [ingest.columns]; the export has: {_listed(headings)}"
            )


def _listed(headings: list[str]) -> str:
    if any(re.search(r"\d{3}|@|\d[.:/-]\d", name) or len(name) > 60 for name in headings):
        return "a first line that looks like data, which is not shown; its headings must stand in the first line"
    shown = ", ".join(repr(name[:40]) for name in headings[:40])
    return shown or "no columns at all"
