"""Keyed pseudonyms: stable, unlinkable, without collisions, and no use to a guesser who has no key."""

from __future__ import annotations

import hashlib
import random
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ichset.errors import ConfigError
from ichset.pseudonyms import KEY_BYTES, MAX_SHIFT_DAYS, Pseudonyms, load_key, new_key

KEY, OTHER = b"k" * KEY_BYTES, b"o" * KEY_BYTES


def _million(count: int) -> None:
    names = Pseudonyms(KEY)
    seen: dict[str, set[str]] = {"subject": set(), "study": set(), "accession": set(), "uid": set()}
    for number in range(count):
        value = f"{number:07d}"
        for kind, found in seen.items():
            found.add(getattr(names, kind)(value))
    assert all(len(found) == count for found in seen.values())
    assert not seen["subject"] & seen["study"]


def test_no_collisions_among_many() -> None:
    _million(20_000)


@pytest.mark.stress
def test_no_collisions_among_a_million() -> None:
    _million(1_000_000)


@given(st.lists(st.text(max_size=6), min_size=1, max_size=4), st.lists(st.text(max_size=6), min_size=1, max_size=4))
def test_adjacent_fields_never_run_together(left: list[str], right: list[str]) -> None:
    names = Pseudonyms(KEY)
    assert (names.digest(*left) == names.digest(*right)) == (left == right)


def test_two_keys_share_nothing() -> None:
    one, two = Pseudonyms(KEY), Pseudonyms(OTHER)
    values = [f"{number:06d}" for number in range(2000)]
    for kind in ("subject", "study", "accession", "uid"):
        assert not {getattr(one, kind)(value) for value in values} & {getattr(two, kind)(value) for value in values}
    same_shift = sum(one.date_shift(value) == two.date_shift(value) for value in values)
    assert same_shift < 10  # chance: 2000 / 3650


@given(st.text(min_size=1, max_size=64))
def test_forms_are_legal(value: str) -> None:
    names = Pseudonyms(KEY)
    assert re.fullmatch(r"P[A-Z2-7]{16}", names.subject(value))
    assert re.fullmatch(r"A[A-Z2-7]{15}", names.accession(value))
    uid = names.uid(value)
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid)
    assert int(uid[5:]) >> 128 == 0
    assert int(uid[5:]) >> 76 & 0xF == 8
    assert -MAX_SHIFT_DAYS <= names.date_shift(value) <= -1


def _guesses(names: Pseudonyms, patient: str) -> set[str]:
    """What someone without the key can compute from a patient ID: the digests that other tools use."""
    forms = (patient, patient.strip("0"), f"subject{patient}", f"P{patient}", f"uid{patient}")
    digests = [hashlib.new(kind, form.encode()).hexdigest() for form in forms for kind in ("md5", "sha1", "sha256")]
    numbers = [int(digest, 16) for digest in digests]
    return {*digests, *(f"2.25.{number % 2**128}" for number in numbers), *(str(-(number % MAX_SHIFT_DAYS) - 1) for number in numbers)}


def test_a_guesser_with_every_patient_id_does_no_better_than_chance() -> None:
    names = Pseudonyms(bytes(random.Random(4).randbytes(KEY_BYTES)))
    patients = [f"{number:06d}" for number in range(4000)]
    wrong_key = Pseudonyms(hashlib.sha256(b"guess").digest())
    ids = uids = shifts = shifts_wrong_key = 0
    for patient in patients:
        guesses = _guesses(names, patient)
        ids += names.subject(patient) in guesses
        uids += names.uid(patient) in guesses
        shifts += str(names.date_shift(patient)) in guesses
        shifts_wrong_key += names.date_shift(patient) == wrong_key.date_shift(patient)
    assert ids == uids == 0
    expected = 4000 * 15 / MAX_SHIFT_DAYS  # fifteen different guesses each
    assert shifts < expected + 6 * expected**0.5
    assert shifts_wrong_key < 1.1 + 6 * 1.1**0.5


def test_dates_of_one_patient_move_together_and_patients_apart() -> None:
    names = Pseudonyms(KEY)
    assert names.date_shift(" 77 ") == names.date_shift("77")
    shifts = [names.date_shift(str(number)) for number in range(20_000)]
    assert len(set(shifts)) > MAX_SHIFT_DAYS * 0.98
    assert abs(sum(shifts) / len(shifts) + MAX_SHIFT_DAYS / 2) < 30


def test_padding_of_a_uid_does_not_matter() -> None:
    assert Pseudonyms(KEY).uid("1.2.3\0") == Pseudonyms(KEY).uid("1.2.3")


def test_a_new_key_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "hospital.key"
    new_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(load_key(path)) == KEY_BYTES
    with pytest.raises(ConfigError, match="never overwritten"):
        new_key(path)


@pytest.mark.parametrize("content", ["", "zz" * KEY_BYTES, "00" * (KEY_BYTES - 1), "00" * (KEY_BYTES + 1)])
def test_a_bad_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not a key"):
        load_key(path)


def test_a_key_that_others_read_or_that_lies_in_the_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "release" / "k"
    new_key(path)
    with pytest.raises(ConfigError, match="outside"):
        load_key(path, outside=(tmp_path / "release",))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        load_key(path)
    with pytest.raises(ConfigError, match="no pseudonym key"):
        load_key(tmp_path / "none")
    with pytest.raises(ConfigError, match="32 bytes"):
        Pseudonyms(b"short")


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    names = Pseudonyms(bytes(range(32)))
    values = ["", " A1 ", "A1", "Иванов", "\ud800", *map(str, range(300))]
    assert names.studies(values) == [names.study(value) for value in values]
    assert names.subjects(values) == [names.subject(value) for value in values]
    assert names.studies([]) == []
