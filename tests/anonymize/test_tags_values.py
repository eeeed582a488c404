"""Dates, grammars and vocabularies: what may stay, and in which form."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ichset.anonymize import charsets, dates, values, vocabulary

_DAYS = st.dates(date(1900, 1, 1), date(2090, 12, 31))
_SHIFT = st.integers(-3650, -1)


@given(_DAYS, _DAYS, _SHIFT)
def test_intervals_survive(one: date, other: date, shift: int) -> None:
    moved = [dates.read_date(str(dates.shift_date(day.strftime("%Y%m%d"), shift))) for day in (one, other)]
    assert moved[0] is not None
    assert moved[1] is not None
    assert moved[0] - moved[1] == one - other
    assert moved[0] - one == timedelta(shift)


@given(_DAYS, st.times(), _SHIFT, st.sampled_from(["", "+0300", "-1130"]))
def test_datetimes_move_with_dates_and_keep_their_time(day: date, time: object, shift: int, offset: str) -> None:
    text = f"{day:%Y%m%d}{time:%H%M%S.%f}{offset}"
    moved = dates.shift_datetime(text, shift)
    assert moved is not None
    assert moved[:8] == dates.shift_date(text[:8], shift)
    assert moved[8:] == text[8 : len(text) - len(offset)]  # the zone tells where the patient lives


@pytest.mark.parametrize("text", ["20230230", "00010101", "99991231", "20231301", "2023", "иванов", "20230405-20230406", "2023-04-05", "", "0"])
def test_impossible_dates_are_told(text: str) -> None:
    assert dates.shift_date(text, -1) is None


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2023", "2023"),
        ("202304", "202304"),
        ("20230405", "20230404"),
        ("2023040512", "2023040412"),
        ("20230405123059.5", "20230404123059.5"),
        ("2023040525", None),
        ("20230405 1230", None),
        ("QZVANOV", None),
    ],
)
def test_datetime_precision(text: str, moved: str | None) -> None:
    assert dates.shift_datetime(text, -1) == moved


@pytest.mark.parametrize(
    ("text", "kept"), [("153016.307829", True), ("1530", True), ("15:30:16", True), ("2530", False), ("phone", False), ("1530160", False)]
)
def test_times(text: str, kept: bool) -> None:
    assert (dates.check_time(text) is not None) == kept


@given(st.text(max_size=40))
def test_no_check_lets_control_characters_or_unknown_words_through(text: str) -> None:
    for kind, vr in (("vocabulary", "LO"), ("kernel", "SH"), ("model", "LO"), ("manufacturer", "LO"), ("version", "LO"), ("terms:HEAD|NECK", "CS")):
        kept = values.check(kind, vr, text)
        assert kept is None or (kept.isprintable() and len(kept) <= 64)


@given(
    st.sampled_from(["Иванов", "Petrovskaya", "QZVANOV", "Zhanna", "Абдурахманова", "ул. Лесная", "тел."]),
    st.sampled_from(["Head", "КТ головного мозга", "5.0 H31s"]),
)
def test_a_name_in_a_description_goes_and_the_rest_stays(name: str, known: str) -> None:
    kept = vocabulary.clean(f"{known} {name} {known}") or ""
    assert not any(part.casefold() in kept.casefold() for part in name.replace(".", " ").split() if len(part) > 2)
    assert kept.count(known.split()[0]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "КТ головного мозга",
        "Head 5.0 H31s",
        "HEAD_NATIVE_5.0_J30s",
        "1.25mm BONE",
        "Brain 64x0.6",
        "Thin Brain 0.625",
        "Head w/o contrast",
        "Топограмма",
        "Head  1.5  STD",
        "SAH follow-up",
    ],
)
def test_known_descriptions_stay_as_they_are(text: str) -> None:
    assert vocabulary.clean(text) == text


@pytest.mark.parametrize("text", ["+7 903 123-45-67", "12.03.1950", "481516", "4411", "LEAK0012", "07.11.2022 12:30"])
def test_numbers_that_identify_do_not_stay(text: str) -> None:
    assert vocabulary.clean(text) is None
    assert vocabulary.clean(f"Head {text}") == "Head"


def test_all_kernels_of_the_reference_stay() -> None:
    names = "B BONE BONEPLUS D FC08 FC09 FC21 FC23 FC26 FC30 FC35 FC62 FC64 FC68 FC81 H31s H70h J30s J37s J40s J45s J80s SOFT STANDARD Sharp UB YA YB"
    assert [vocabulary.kernel(name) for name in names.split()] == names.split()
    assert vocabulary.kernel("QZVANOV") is None
    assert values.check("kernel", "SH", "Br40d\\3") == "Br40d\\3"


@pytest.mark.parametrize(
    "name",
    [
        "SOMATOM Definition AS+",
        "LightSpeed VCT",
        "Brilliance 64",
        "Aquilion ONE",
        "Optima CT660",
        "Discovery CT750 HD",
        "Revolution EVO",
        "Ingenuity CT",
        "iCT 256",
        "Sensation 64",
        "Airo",
        "NeuViz 128",
        "uCT 760",
        "Aquilion/CX",
        "TSX-101A",
    ],
)
def test_scanner_models_stay(name: str) -> None:
    assert vocabulary.model(name) == name


@pytest.mark.parametrize(
    ("text", "cap", "kept"),
    [
        ("075Y", 89, "075Y"),
        ("089Y", 89, "089Y"),
        ("090Y", 89, "090Y"),
        ("101Y", 89, "090Y"),
        ("101Y", None, "101Y"),
        ("018M", 89, "018M"),
        ("999Y", 89, None),
        ("75", 89, None),
        ("QZVA", 89, None),
    ],
)
def test_ages_are_capped(text: str, cap: int | None, kept: str | None) -> None:
    assert values.age(text, cap) == kept


@pytest.mark.parametrize("codec", ["utf-8", "cp1251", "iso8859-5", "koi8-r"])
@pytest.mark.parametrize("declared", [b"", b"ISO_IR 100", b"ISO_IR 144", b"ISO_IR 192", b"nonsense"])
def test_a_wrong_character_set_is_seen_through(codec: str, declared: bytes) -> None:
    raw = "КТ головного мозга".encode(codec)
    kept = [vocabulary.clean(text) for text in charsets.readings(raw, charsets.codecs_of(declared))]
    assert max((text for text in kept if text), key=len) == "КТ головного мозга"
