"""Accounts, sessions and the commands around them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from ward import CONFIG

from ichset.cli.review import review_user
from ichset.config import load
from ichset.errors import ConfigError
from ichset.review.accounts import FREE_TRIES, PAUSE_SECONDS, Accounts, names
from ichset.review.cases import pieces
from ichset.review.lead import _inert
from ichset.review.private import private_folder, server_secret
from ichset.review.serve import listen
from ichset.review.sessions import Sessions
from ichset.review.words import LANGUAGES, choose, words


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    path = tmp_path / "ward.toml"
    path.write_text(CONFIG.format(ich=1, normal=1), "utf-8")
    return path


def run(config_path: Path, *arguments: str, password: str = "") -> str:
    result = CliRunner().invoke(review_user, ["--config", str(config_path), *arguments], input=f"{password}\n{password}\n")
    if isinstance(result.exception, ConfigError):
        raise result.exception
    return result.output


def test_the_command_makes_lists_and_removes_accounts(config_path: Path) -> None:
    assert "password set" in run(config_path, "reader-1", password="long enough")
    assert "password set" in run(config_path, "lead", "--password-stdin", password="also long enough")
    assert run(config_path).splitlines() == [
        "expert: no account yet", "reader-1: has an account", "reader-2: no account yet", "lead: has an account",
    ]  # fmt: skip
    users = config_path.parent / "work" / "review" / "users.json"
    assert stat.S_IMODE(users.stat().st_mode) == 0o600 and stat.S_IMODE(users.parent.stat().st_mode) == 0o700
    assert "long enough" not in users.read_text() and "$argon2id$" in users.read_text()
    run(config_path, "lead", "--remove")
    assert "lead: no account yet" in run(config_path)


@pytest.mark.parametrize(("name", "password", "said"), [("nobody", "long enough", "nobody in this config"), ("reader-1", "short", "at least 10")])
def test_an_unknown_name_and_a_short_password_are_refused(config_path: Path, name: str, password: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        run(config_path, name, password=password)


def test_a_user_file_that_others_can_read_is_refused(config_path: Path) -> None:
    run(config_path, "reader-1", password="long enough")
    (config_path.parent / "work" / "review" / "users.json").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        run(config_path)


def test_the_lead_may_not_be_a_reader(config_path: Path) -> None:
    config_path.write_text(config_path.read_text("utf-8") + '[review]\nlead = "reader-1"\n', "utf-8")
    with pytest.raises(ConfigError, match=r"review\.lead"):
        names(load(config_path))


def test_wrong_passwords_pause_the_account_and_a_new_one_ends_old_sessions(tmp_path: Path) -> None:
    now = [0.0]
    accounts = Accounts(private_folder(tmp_path), ("reader-1",), clock=lambda: now[0])
    accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # the cost is not the matter here
    accounts.set_password("reader-1", "long enough")
    sessions = Sessions(private_folder(tmp_path), server_secret(private_folder(tmp_path)), accounts, 60)
    cookie = sessions.begin("reader-1")
    for _ in range(FREE_TRIES):
        assert not accounts.verify("reader-1", "wrong")
    assert accounts.paused("reader-1") and not accounts.verify("reader-1", "long enough")
    now[0] += PAUSE_SECONDS + 1
    assert accounts.verify("reader-1", "long enough") and not accounts.paused("reader-1")
    assert sessions.check(cookie).user == "reader-1"
    accounts.set_password("reader-1", "another one that is long")
    assert sessions.check(cookie) is None


def test_only_loopback_is_bound_and_a_taken_port_is_one_line() -> None:
    with listen(0) as server:
        address, port = server.getsockname()
        assert address == "127.0.0.1"
        with pytest.raises(ConfigError, match=f"port {port} is in use"):
            listen(port)


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    english, russian = (words(language) for language in LANGUAGES)
    assert english.keys() == russian.keys()
    for key in english:
        assert english[key].count("{") == russian[key].count("{"), key
    assert choose(None, "auto", "de-DE,ru;q=0.8,en;q=0.5") == "ru" and choose("en", "ru", "ru") == "en" and choose("xx", "auto", "de") == "en"


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(-2, 42), st.integers(-2, 42), st.just("subdural")), max_size=8))
def test_a_text_cut_at_its_mentions_is_still_the_text(text: str, spans: list[tuple[int, int, str]]) -> None:
    assert "".join(piece for piece, _ in pieces(text, spans)) == text


def test_a_comment_is_never_a_formula_in_the_export() -> None:
    assert [_inert(text)[0] for text in ("=1+1", "+7", "-x", "@a", "fine")] == ["'", "'", "'", "'", "f"]
