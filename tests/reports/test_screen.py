"""Every report that leaves has one reason; what stays is a brain CT, one a study, the first of its kind."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ichset.config import ScreenConfig
from ichset.contracts import REPORTS, SCREENED, Reason
from ichset.errors import ConfigError
from ichset.pseudonyms import Pseudonyms
from ichset.reports.dedupe import SeenDigests, digest
from ichset.reports.region import is_brain_ct, is_brain_ct_report
from ichset.reports.screen import _words, cut, screen_reports

NAMES = Pseudonyms(bytes(range(32)))
GOOD = {
    "accession": "A", "patient_id": "P", "age": 50, "study_date": date(2021, 4, 3), "title": "КТ головного мозга",
    "description": "Гематома слева.",
    "conclusion": "Гематома.", "brain_ct": True,
}  # fmt: skip


def table_of(*rows: dict) -> pa.Table:
    empty = dict.fromkeys(REPORTS.schema.names)
    filled = [{**empty, **GOOD, "accession": f"A{at}", "patient_id": f"P{at}", "report": f"r{at}", **row} for at, row in enumerate(rows)]
    return pa.Table.from_pylist(filled, REPORTS.schema)


def screened(table: pa.Table, lookup: str = "accession", size: int = 3, **settings: object) -> tuple[list[dict], dict[str, str]]:
    outputs = list(screen_reports(table.to_batches(size), ScreenConfig(**settings), lookup, NAMES))  # type: ignore[arg-type]
    assert all(each.kept.schema == SCREENED.schema and each.excluded.schema == SCREENED.excluded_schema for each in outputs)
    kept = [row for each in outputs for row in each.kept.to_pylist()]
    left = [row for each in outputs for row in each.excluded.to_pylist()]
    assert sorted([row["report"] for row in (*kept, *left)]) == sorted(table["report"].to_pylist())
    return kept, {row["report"]: row["reason"] for row in left}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"brain_ct": False}, Reason.NOT_BRAIN_CT),
        ({"accession": None, "study_uid": "1.2"}, Reason.NO_IDENTIFIER),
        ({"study_date": None}, Reason.NO_DATE),
        ({"study_date": date(2019, 12, 31)}, Reason.OUT_OF_DATES),
        ({"study_date": date(2023, 6, 1)}, Reason.OUT_OF_DATES),
        ({"age": None}, Reason.IMPLAUSIBLE_AGE),
        ({"age": -1}, Reason.IMPLAUSIBLE_AGE),
        ({"age": 121}, Reason.IMPLAUSIBLE_AGE),
        ({"age": 17}, Reason.UNDER_AGE),
        ({"age": 100}, Reason.OVER_AGE),
        ({"description": " \n-"}, Reason.NO_DESCRIPTION),
        ({"description": None}, Reason.NO_DESCRIPTION),
        ({"conclusion": "..."}, Reason.NO_CONCLUSION),
        ({"age": 18}, None),
        ({"age": 99}, None),
        ({"study_date": date(2020, 1, 1)}, None),
        ({"study_date": date(2023, 5, 31)}, None),
        ({"patient_id": None}, None),
    ],
)
def test_each_test_turns_away_for_its_own_reason(row: dict, reason: Reason | None) -> None:
    kept, left = screened(table_of({}, row, {}), first_date=date(2020, 1, 1), last_date=date(2023, 5, 31))
    assert left == ({} if reason is None else {"r1": reason})
    assert len(kept) == 3 - len(left)


def test_description_and_conclusion_may_be_waived() -> None:
    _, left = screened(table_of({"description": None}, {"conclusion": None}), require_description=False, require_conclusion=False)
    assert not left


def test_of_duplicates_the_first_stays() -> None:
    same = {"patient_id": "P", "accession": "A1"}
    rows = [
        same,
        same | {"accession": "A2", "description": "  гематома\nСЛЕВА. "},  # the same words of the same patient
        same | {"description": "Иное описание."},  # the same study again
        same | {"patient_id": "Q", "accession": "A3"},  # another patient's same words
        {"patient_id": None, "accession": "A4"},
        {"patient_id": None, "accession": "A5"},  # nobody knows whose: not a duplicate
    ]
    for size in (1, 2, 100):
        kept, left = screened(table_of(*rows), size=size)
        assert left == {"r1": Reason.DUPLICATE_REPORT, "r2": Reason.DUPLICATE_STUDY}
        assert [row["report"] for row in kept] == ["r0", "r3", "r4", "r5"]


def test_pseudonyms_follow_study_and_patient() -> None:
    rows = [
        {"patient_id": "P", "accession": "A1"},
        {"patient_id": "P", "accession": "A2", "description": "x"},
        {"patient_id": None, "accession": "A3"},
        {"patient_id": None, "accession": "A4"},
    ]
    kept, _ = screened(table_of(*rows))
    assert kept[0]["study"] == NAMES.study("A1") and kept[0]["subject"] == NAMES.subject("P") == kept[1]["subject"]
    assert kept[2]["subject"] != kept[3]["subject"], "nobody is not one person"
    by_day, _ = screened(table_of(*rows[:2]), lookup="patient_date")
    assert by_day[0]["study"] == NAMES.study("P/2021-04-03")
    with pytest.raises(ConfigError, match=r"retrieve\.lookup"):
        screened(table_of({}), lookup="name")


def test_one_text_is_cut_at_its_own_headings() -> None:
    text = "КТ головы. Показания: травма.\nОписание: гематома слева. Цистерны сужены.\nЗАКЛЮЧЕНИЕ: САК. Диагноз: ушиб."
    kept, _ = screened(table_of({"description": text, "conclusion": None}))
    assert kept[0]["indication"] == "травма."
    assert kept[0]["description"] == "КТ головы.\nгематома слева. Цистерны сужены."
    assert kept[0]["conclusion"] == "САК. Диагноз: ушиб."


@pytest.mark.parametrize(
    ("text", "description", "conclusion"),
    [
        ("FINDINGS: SDH on the left.\nIMPRESSION:\nSDH.", "SDH on the left.", "SDH."),
        ("Описание\nнорма\nЗаключение\nбез патологии", "норма", "без патологии"),
        ("Гематома. Заключение : гематома", "Гематома.", "гематома"),
        ("В заключение отмечено улучшение", "В заключение отмечено улучшение", None),
        ("Описание: а. Заключение: б. Выводы: в", "а.", "б.\nв"),
    ],
)
def test_headings(text: str, description: str, conclusion: str | None) -> None:
    assert (cut(text)["description"], cut(text).get("conclusion")) == (description, conclusion)


BRAIN = [
    ("CT", None, "КТ головного мозга"), ("CT", "HEAD", None), ("CT", None, "МСКТ головы с контрастом"),
    (None, None, "CT brain without contrast"),
    ("CT\\SR", "BRAIN", "Routine"), ("КТ", "Головной мозг", "Компьютерная томография"),
    ("CT", None, "КТ головного мозга и шейного отдела позвоночника"),
    (None, None, "КТ г.м."), ("CT", "SKULL", ""), (None, None, "СКТ ОГМ"), ("МСКТ", None, "МСКТ черепа"),
    ("CT", None, "Head CT, stroke protocol"),
]  # fmt: skip
OTHER = [
    ("MR", "HEAD", "МРТ головного мозга"), (None, None, "МРТ головного мозга"), ("CT", None, "КТ органов грудной клетки"),
    ("CT", "CHEST", None),
    ("CT", None, "КТ спинного мозга"), ("CT", None, "КТ придаточных пазух носа"), ("CT", None, "КТ лицевого черепа"),
    ("CT", None, "КТ орбит"),
    ("US", None, "УЗИ сосудов головного мозга"), (None, None, "Рентгенография черепа"), ("CT", None, "CT femoral head"),
    ("DX", "SKULL", None),
    ("CT", "KNEE", "КТ"), ("CT", None, "КТ шейного отдела позвоночника"), (None, None, "MRI brain"), ("CT", None, "КТ височных костей"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), [*((each, True) for each in BRAIN), *((each, False) for each in OTHER)])
@pytest.mark.parametrize("rows", [1, 50])
def test_region_by_modality_part_and_title(fields: tuple[str | None, ...], expected: bool, rows: int) -> None:
    names = ("modality", "body_part", "title")
    columns = {name: pa.array([value] * rows, pa.string()) for name, value in zip(names, fields, strict=True)}
    columns |= {name: pa.array([None] * rows, pa.string()) for name in ("description", "conclusion")}
    assert is_brain_ct(columns).to_pylist() == [expected] * rows


_PIECES = st.sampled_from(
    [
        "КТ",
        "МРТ",
        "головного мозга",
        "спинного мозга",
        "головы",
        "орбит",
        "CT",
        "MRI",
        "brain",
        "Боковые желудочки",
        "T2",
        "КТ грудной клетки",
        "плотность",
        "гиперинтенсивный",
        "Мозг не включен",
        "костный мозг",
        "кровоизлияние",
        "почка",
        " ",
        "",
        "шеи",
        "ё",
    ]
)


@given(st.lists(st.tuples(*[st.lists(_PIECES, max_size=3).map(" ".join)] * 5), min_size=9, max_size=20))
def test_whole_columns_and_single_reports_agree(rows: list[tuple[str, ...]]) -> None:
    names = ("modality", "body_part", "title", "description", "conclusion")
    columns = {name: pa.array(values, pa.string()) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    assert is_brain_ct(columns).to_pylist() == [is_brain_ct_report(*row) for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Срединные структуры мозга не смещены.", True), ("Боковые желудочки не расширены.", True), ("No intracranial hemorrhage.", True),
        ("Лёгкие без очаговых изменений.", False), ("МРТ: срединные структуры мозга не смещены.", False), (None, False), ("", False),
    ],
)  # fmt: skip
def test_region_by_text_alone(text: str | None, expected: bool) -> None:
    for title in (None, "КТ", "Компьютерная томография"):
        columns = {name: pa.array([None], pa.string()) for name in ("modality", "body_part", "conclusion")}
        assert is_brain_ct({**columns, "title": pa.array([title], pa.string()), "description": pa.array([text], pa.string())}).to_pylist() == [
            expected
        ]


ELSEWHERE = [
    "Лёгкие: очаговых и инфильтративных теней не выявлено. Бронхи проходимы. Плевральный выпот справа 20 мм. Правосторонний гидроторакс.",
    "Печень увеличена, в S6 гиподенсный очаг 12 мм. Кровоизлияние в кисту левой почки. Осложнённая киста левой почки.",
    "Поясничный отдел позвоночника: грыжа L5-S1 6 мм. Дорсальная грыжа диска L5-S1.",
    "Верхнечелюстные пазухи пневматизированы, слизистая утолщена. Остеомеатальный комплекс проходим. Синусит.",
    "Грыжи межпозвонковых дисков C5-C6. Переломов позвонков нет. Остеохондроз шейного отдела.",
    "На МРТ головного мозга в режимах T1, T2, FLAIR очаги гиперинтенсивного сигнала в белом веществе. Дисциркуляторная энцефалопатия.",
    "МРТ: субдуральная гематома слева 6 мм. Подострая СДГ.",
    "КТ коленного сустава: перелом мыщелка большеберцовой кости, гемартроз. Внутрисуставной перелом.",
    "В области левой подвздошной мышцы гематома 60х40 мм. Гематома левой подвздошной мышцы.",
    "Аорта расширена до 48 мм, интрамуральная гематома. Интрамуральная гематома аорты.",
    "Глазные яблоки симметричны, зрительные нервы не утолщены. Стенки орбит целы. Патологии орбит не выявлено.",
    "Щитовидная железа увеличена, узел 18 мм. Лимфоузлы шеи не увеличены. Узловой зоб.",
    "Полости сердца не расширены. Левый желудочек без тромбов. Коронарный кальциевый индекс 0.",
    "Забрюшинная гематома слева 110х80 мм, признаки активного кровотечения из поясничной артерии. Забрюшинное кровоизлияние.",
    "ОГК: паренхима без очагов. Алвеолярная геморрагия? Контроль.",
    "Височные кости: ячейки сосцевидных отростков пневматизированы, барабанная полость воздушна. Хронический средний отит.",
    "Правый плечевой сустав: перелом хирургической шейки. Перелом плеча.",
    "The lungs are clear. No pleural effusion. Small pericardial effusion. No acute cardiopulmonary process.",
    "Retroperitoneal hematoma measuring 9 cm with active bleeding. Active retroperitoneal hemorrhage.",
    "L4-L5 disc bulge. No fracture. Degenerative change lumbar spine.",
    "MRI brain: multiple FLAIR hyperintense foci. Small vessel disease.",
    "Frontal, ethmoid and maxillary sinuses are clear. Nasal septum deviated. Normal sinuses.",
    "The left ventricle is dilated. Coronary calcium. Cardiomegaly.",
    "Liver laceration grade III with subcapsular hematoma. Splenic and hepatic injury.",
    "No cervical spine fracture. Vertebral alignment normal. Normal cervical spine.",
]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_a_text_of_another_part_or_kind_is_no_brain_ct(text: str) -> None:
    columns = {name: pa.array([None] * 10, pa.string()) for name in ("modality", "body_part", "title", "conclusion")}
    assert is_brain_ct({**columns, "description": pa.array([text] * 10, pa.string())}).to_pylist() == [False] * 10


@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=12))
def test_seen_digests_agree_with_a_set(batches: list[list[int]]) -> None:
    seen, model = SeenDigests(), set()
    for batch in batches:
        # few high halves and few low halves: collisions of the first 64 bits are common here
        digests = [(value % 3).to_bytes(8, "big") + (value // 3).to_bytes(8, "big") for value in batch]
        expected = []
        for each in digests:
            expected.append(each not in model)
            model.add(each)
        assert seen.first_time(digests).tolist() == expected


def test_words_of_another_section_or_patient_are_no_duplicate() -> None:
    rows = [
        ("Гематома слева", "Отёк.", "P"),
        ("Гематома", "слева Отёк.", "P"),
        ("Гематома слева Отёк.", "Нет.", "P"),
        ("Гематома слева", "Отёк.\nP", ""),
    ]
    kept, left = screened(table_of(*({"description": one, "conclusion": two, "patient_id": who or None} for one, two, who in rows)))
    assert len(kept) == len(rows) and not left


@pytest.mark.stress
def test_dedupe_of_millions_in_bounded_memory() -> None:
    seen, rng = SeenDigests(), np.random.default_rng(1)
    total = 0
    for _ in range(400):
        draws = rng.integers(0, 3_000_000, 8192)
        total += int(seen.first_time([digest(str(value).encode()) for value in draws]).sum())
    assert total == sum(len(run[0]) for run in seen._runs)
    assert len(seen._runs) < 30


def test_the_funnel_closes_whatever_the_rows() -> None:
    rng = random.Random(5)
    rows = [
        {
            "brain_ct": rng.random() < 0.7, "age": rng.choice([None, -1, 5, 40, 99, 130]),
            "study_date": rng.choice([None, date(2021, 1, 1)]),
            "patient_id": rng.choice([None, "P", "Q"]),
            "accession": rng.choice([None, "1", "2", "3"]), "conclusion": rng.choice([None, "x", "y"]),
        }
        for _ in range(500)
    ]  # fmt: skip
    answers = [screened(table_of(*rows), size=size) for size in (1, 7, 1000)]
    assert answers[0] == answers[1] == answers[2]
    assert len(Counter(answers[0][1].values())) >= 7


def test_every_blank_that_divides_words_is_evened_out() -> None:
    letters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    texts = pa.array([f"a{letter}b" for letter in letters])
    divided = pc.equal(pc.list_value_length(pc.utf8_split_whitespace(texts)), 2).to_pylist()
    evened = pc.equal(_words(pa.chunked_array([texts])), "a b").to_pylist()
    assert evened == divided and sum(divided) > 20


@given(st.lists(st.text(alphabet="аБ \t\n\u00a0", max_size=12), min_size=1))
def test_words_are_those_of_a_plain_reading(texts: list[str]) -> None:
    assert _words(pa.chunked_array([pa.array(texts)])).to_pylist() == [" ".join(text.lower().split()) for text in texts]
