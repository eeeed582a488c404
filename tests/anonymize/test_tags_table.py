"""Table E.1-1 as data: against another reading of the standard, and against the rules that its options follow."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as theirs
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.sr.codedict import codes

from ichset.anonymize import marks, profile
from ichset.anonymize.profile import Action
from ichset.anonymize.settings import FolderSettings
from ichset.anonymize.tags import DEFAULT_OPTIONS
from ichset.config import AnonymizeConfig

_GROUPS = {
    "D": theirs.D_TAGS, "Z": theirs.Z_TAGS, "X": theirs.X_TAGS, "U": theirs.U_TAGS, "Z/D": theirs.Z_D_TAGS, "X/Z": theirs.X_Z_TAGS,
    "X/D": theirs.X_D_TAGS, "X/Z/D": theirs.X_Z_D_TAGS, "X/Z/U*": theirs.X_Z_U_STAR_TAGS,
}  # fmt: skip


def _single() -> dict[int, profile.TableRow]:
    return {profile.tag_of(row.tag): row for row in profile.table() if re.fullmatch(r"\([0-9A-F]{4},[0-9A-F]{4}\)", row.tag)}


def test_basic_column_equals_the_other_reading_row_by_row() -> None:
    expected = {tag[0] << 16 | tag[1]: action for action, tags in _GROUPS.items() for tag in tags if len(tag) == 2}
    assert {tag: row.basic for tag, row in _single().items()} == expected


def test_edition_is_stamped() -> None:
    head = files("ichset.anonymize").joinpath("table_e1_1.csv").read_text("utf-8").splitlines()[0]
    assert profile.EDITION in head
    assert theirs.__name__.endswith(profile.EDITION)


def test_vr_column_is_the_dictionary_s() -> None:
    known = {tag: row.vr for tag, row in _single().items() if keyword_for_tag(tag)}
    assert len(known) > 600
    assert {tag: vr for tag, vr in known.items() if vr != dictionary_VR(tag)} == {}


def test_date_options_are_the_rows_of_time_vrs_with_the_known_exceptions() -> None:
    timed = {tag for tag, row in _single().items() if row.vr in ("DA", "DT", "TM")} - {0x00100030, 0x00100032, 0x00160077}
    timed |= {0x00080201, 0x00340007, 0x04000310}
    assert {tag for tag, row in _single().items() if row.options.get("full_dates") == "K"} == timed
    assert {tag for tag, row in _single().items() if row.options.get("modified_dates") == "C"} == timed


def test_uid_option_is_the_rows_of_vr_ui_with_the_known_exceptions() -> None:
    uids = {tag for tag, row in _single().items() if row.vr == "UI"} - {0x0040A124, 0x04000100}
    uids |= {0x00081110, 0x00081111, 0x00081120, 0x00081140, 0x00082112}
    assert {tag for tag, row in _single().items() if row.options.get("uids") == "K"} == uids


@pytest.mark.parametrize(("option", "count"), [("institution", 10), ("structured", 3), ("graphics", 4), ("safe_private", 1)])
def test_small_options_have_their_rows(option: str, count: int) -> None:
    assert sum(option in row.options for row in profile.table()) == count


def test_patient_characteristics() -> None:
    kept = {tag for tag, row in _single().items() if "patient" in row.options}
    assert {0x00100040, 0x00101010, 0x00101020, 0x00101030, 0x00102160, 0x001021C0} <= kept
    assert 0x00100010 not in kept


def test_codes_are_those_of_the_dictionary() -> None:
    known = {code.value: code.meaning for code in codes.cid7050.concepts.values()}
    for value, meaning in [profile.BASIC, profile.CLEAN_FACE, *profile.OPTIONS.values()]:
        assert known[value] == meaning


def test_default_options_are_the_config_s() -> None:
    assert frozenset(AnonymizeConfig().options) == DEFAULT_OPTIONS
    assert {code for code, _ in profile.method_codes(DEFAULT_OPTIONS, defaced=True)} == {"113100", "113102", "113105", "113107", "113108"}
    assert "113102" not in {code for code, _ in profile.method_codes(DEFAULT_OPTIONS, defaced=False)}


@pytest.mark.parametrize("options", [frozenset(), DEFAULT_OPTIONS, frozenset(profile.OPTIONS) - {"full_dates"}])
def test_nothing_identifying_is_ever_kept(options: frozenset[str]) -> None:
    rules = profile.rules(options)
    gone = (0x00080090, 0x00081050, 0x00081070, 0x00101000, 0x00101001, 0x00101040, 0x00102154, 0x00104000, 0x00204000)
    for tag in gone:
        assert tag not in rules or rules[tag].action in (Action.REMOVE, Action.EMPTY), hex(tag)
    assert rules[0x00100010].action is Action.IDENTITY
    assert rules[0x00100020].action is Action.IDENTITY
    assert rules[0x00100030].action is Action.EMPTY
    assert rules[0x00080018].action is (Action.CHECK if "uids" in options else Action.UID)


def test_every_allowed_attribute_has_a_check_that_can_say_no() -> None:
    for tag, rule in profile.ct_attributes().items():
        assert rule.vr == dictionary_VR(tag), hex(tag)
        assert rule.check, hex(tag)
        if rule.vr in ("LO", "SH", "ST", "LT", "UT", "CS"):
            assert rule.check.split(":")[0] in ("terms", "imagetype", "vocabulary", "kernel", "manufacturer", "model", "version", "code"), hex(tag)


def test_the_documentation_names_what_the_marks_say() -> None:
    assert all(len(line) <= 64 for line in (*marks.METHOD, marks.METHOD_DEFACED))


def test_a_folders_defaults_are_the_configs() -> None:
    assert FolderSettings.of(AnonymizeConfig()) == replace(FolderSettings(), section=AnonymizeConfig())
    assert FolderSettings().signature(True) == FolderSettings.of(AnonymizeConfig()).signature(True)
