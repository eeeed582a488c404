"""The house itself: stage lists, commands, contracts and papers say the same thing."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ichset import contracts as c
from ichset import pipeline
from ichset.cli import COMMANDS
from ichset.cli.run import STAGE_NAMES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PRIVATE = re.compile(
    r"patient|birth|accession$|study_uid$|series_uid$|source_file|source_row|report$|"
    r"description|conclusion|indication|quote|path|folder|study_date"
)
PSEUDONYMOUS = {"study_uid", "series_uid", "accession"}  # in these tables they are pseudonyms of the release
CLEANED = {"description"}  # held to known vocabulary by de-identification


def test_the_stage_list_is_one() -> None:
    assert pipeline.NAMES == STAGE_NAMES
    assert " -> ".join(STAGE_NAMES) in README.replace("`", "").replace("\n", " ")


def test_what_workers_are_to_import_exists() -> None:
    modules = [module for stage in pipeline.STAGES for module in stage.workers]  # the server of workers says nothing of one it lacks
    assert modules and all(find_spec(module) for module in modules)


def test_the_package_runs_as_a_module() -> None:
    told = subprocess.run([sys.executable, "-m", "ichset", "--help"], capture_output=True, text=True, check=True).stdout
    assert told.startswith("Usage: python -m ichset ")


def test_every_command_is_documented_and_has_help() -> None:
    import click

    from ichset.cli import group

    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None, name
        assert command.help and len(command.help) > 40, name
        assert f"ichset {name}" in README, name


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from ichset.cli import group; group.main(['--help'], standalone_mode=False); " \
        "print(sorted(set(sys.modules) & {'numpy', 'pyarrow', 'pydicom', 'scipy', 'sklearn', 'pydantic', 'matplotlib'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip().endswith("[]")


@pytest.mark.skipif(sys.platform != "linux", reason="Arrow is built with jemalloc on Linux alone")
def test_arrow_gives_memory_back() -> None:
    code = "import ichset.store, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("jemalloc\n", "")


@pytest.mark.parametrize("contract", [one for one in c.ALL if not one.phi], ids=lambda one: one.name)
def test_no_private_column_in_a_public_table(contract: c.Contract) -> None:
    released = contract.name.startswith("anonymized") or contract.name == "released_text"
    allowed = PSEUDONYMOUS | CLEANED | ({"indication", "conclusion"} if contract.name == "released_text" else set()) if released else set()
    private = [name for name in contract.schema.names if PRIVATE.search(name) and name not in allowed]
    assert not private


def test_every_contract_names_its_key_and_parent_key() -> None:
    for contract in c.ALL:
        assert set(contract.key) <= set(contract.schema.names), contract.name
        if contract.parent:
            assert set(contract.parent.key) <= set(contract.schema.names), contract.name


def test_exit_codes_are_the_readmes() -> None:
    from ichset import errors

    codes = (("GateFailed", 4), ("LockHeld", 5), ("SourceUnreachable", 6), ("OutOfSpace", 7), ("WaitingForReaders", 8), ("NeedsAPerson", 3))
    for name, code in codes:
        assert getattr(errors, name).exit_code == code
        assert re.search(rf"^\| {code} \|", README, re.M), code


def test_make_targets_are_one_line_each_and_in_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("release", "pacs", "test", "stress", "bench", "check", "install"):
        assert re.search(rf"^{target}:", makefile, re.M)
        assert f"make {target}" in README


def test_every_key_of_the_config_is_read_somewhere() -> None:
    """A key that no code asks for is a promise not kept (`--limit` once was)."""
    from pydantic import BaseModel

    from ichset import config

    models = [one for one in vars(config).values() if isinstance(one, type) and issubclass(one, BaseModel)]
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "src/ichset").rglob("*.py") if path.name != "config.py")
    keys = {key for model in models for key in model.model_fields} - {"schema_version"}  # checked as it is read
    by_name = {f"max_{score}" for score in ("motion", "metal", "detector", "truncated")} if 'f"max_{name}"' in code else set()
    assert not sorted(key for key in keys - by_name if not re.search(rf"\.{key}\b", code))
