"""The columns of the exports, under Russian and English headings, and one report as a row of them."""

from __future__ import annotations

from ichset.demo.reports import Report

RU = (
    "Номер исследования", "Study UID", "Идентификатор пациента", "ФИО", "Дата рождения", "Пол", "Возраст", "Дата исследования",
    "Модальность",
    "Область исследования", "Исследование", "Показания", "Описание", "Заключение", "Учреждение", "Врач", "Телефон", "Адрес", "Полис",
)  # fmt: skip
EN = (
    "accession", "study_uid", "patient_id", "patient_name", "birth_date", "sex", "age", "study_date", "modality", "body_part", "title",
    "indication", "description", "conclusion", "institution", "radiologist", "phone", "address", "insurance",
)  # fmt: skip


def cells(report: Report, dots: bool) -> tuple[str, ...]:
    """The row's cells; dates as DD.MM.YYYY when `dots`."""
    who, day = report.person, report.day
    if dots and day.count("-") == 2 and day[5:7] <= "12":
        day = f"{day[8:10]}.{day[5:7]}.{day[:4]}"
    birth = "" if who.birth.year < 1850 else f"{who.birth:%d.%m.%Y}" if dots else who.birth.isoformat()
    sex = {"F": "Ж", "M": "М", "": ""}[who.sex] if report.lang == "ru" else who.sex
    text = report.text
    return (
        report.accession, report.uid, who.patient_id, who.full, birth, sex, report.age, day, report.modality, report.body_part, text.title,
        text.indication, text.description, text.conclusion, report.institution, report.radiologist, who.phone, who.address, who.insurance,
    )  # fmt: skip
