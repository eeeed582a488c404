"""The people and places of a study's headers, and that its report's text does not say them either."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pydicom
import pytest
from ct_files import ct_slice

from ichset.anonymize.header_values import header_values
from ichset.dicomfile import NotReadable
from ichset.reports.scrub import KnownValues, scrub

PEOPLE = {
    "PatientName": "Zimnyakova^Oksana^Ermilovna", "ReferringPhysicianName": "Хлуднев^А^П", "OperatorsName": "Вяхирь",
    "InstitutionName": "Медцентр Лазурит", "PatientBirthDate": "19510304", "OtherPatientIDs": "77-4410\\POL 5512 88", "AccessionNumber": "RX90817",
}  # fmt: skip


def study(folder: Path, *slices: dict[str, str]) -> Path:
    for number, values in enumerate(slices, 1):
        path = folder / "01" / f"{number:04d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        pydicom.dcmwrite(path, ct_slice(number, **{**dict.fromkeys(PEOPLE, ""), **values}), enforce_file_format=True)
    return folder


def test_every_file_is_asked_and_the_text_says_none_of_it(tmp_path: Path) -> None:
    found = header_values(study(tmp_path, {}, PEOPLE))
    assert "Zimnyakova^Oksana^Ermilovna" in found.names and found.birth_dates == (date(1951, 3, 4),)
    assert {"77-4410", "POL 5512 88", "RX90817"} <= set(found.numbers)
    text = "Зимняковой, 04.03.1951, сделано в медцентр Лазурит, по заявке Хлуднева, укладка Вяхиря; RX90817, полис 551288, карта 774410. Отек."
    clean = scrub(text, KnownValues(found.names, found.numbers, found.birth_dates, found.places), 30).text
    left = [word for word in ("Зимняк", "Лазурит", "Хлуднев", "Вяхир", "RX90817", "774410", "1951") if word in clean]
    assert not left and "Отек" in clean, clean


@pytest.mark.parametrize("declared", ["ISO_IR 144", "ISO_IR 100"])
def test_a_name_under_the_wrong_character_set_is_read_all_the_same(tmp_path: Path, declared: str) -> None:
    folder = study(tmp_path, PEOPLE)
    path = folder / "01" / "0001.dcm"
    data = path.read_bytes().replace(b"ISO_IR 144", declared.encode())
    path.write_bytes(data.replace("Хлуднев".encode("iso8859-5"), "Хлуднев".encode("cp1251" if declared != "ISO_IR 144" else "iso8859-5")))
    assert "Хлуднев" in {name.partition("^")[0] for name in header_values(folder).names}


def test_words_of_the_trade_in_a_staff_field_are_no_names(tmp_path: Path) -> None:
    assert "HEAD" not in header_values(study(tmp_path, {"OperatorsName": "HEAD"})).names


def test_a_study_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReadable):
        header_values(tmp_path)
