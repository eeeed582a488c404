"""The command line: names a stage, picks a config, turns errors into one line and an exit code. Decides nothing.

Commands are imported when they are called, so that `ichset --help` answers at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import warnings
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from ichset import __version__
from ichset.errors import INTERRUPTED, CurationError, OutOfSpace

# command -> (module, attribute, one line of help), in the order of `ichset --help`
COMMANDS = {
    "run": ("run", "run", "Run the pipeline, or one stage of it."),
    "status": ("run", "status", "Show the funnel and what is up to date."),
    "explain": ("run", "explain", "Show one study's whole way through the pipeline."),
    "readings": ("readings", "readings", "Worklists out, readers' decisions in, agreement."),
    "review": ("review", "review", "Serve the readers' page on this machine."),
    "review-user": ("review", "review_user", "Add a reader's account for the readers' page."),
    "label": ("label", "label", "Label anyone's reports by the rules, without a pipeline."),
    "evaluate-entities": ("entities", "evaluate_entities", "Score entity tags against a gold standard."),
    "index": ("imaging", "index", "List what a folder of DICOM files holds."),
    "series": ("imaging", "series", "Show which series would be taken, and why not the others."),
    "deidentify": ("deidentify", "deidentify", "De-identify a folder of DICOM files."),
    "deface": ("deface", "deface", "Hide the face in a folder of head CT."),
    "deface-report": ("deface", "deface_report", "Measure what a defacing hid and what it changed."),
    "audit": ("release", "audit", "Check a release, independently of what built it."),
    "evaluate": ("release", "evaluate", "Score an AI service's predictions on a release."),
    "keys": ("keys", "keys", "Make pseudonym keys."),
    "demo": ("demo", "demo", "Make a synthetic hospital."),
}


class LazyGroup(click.Group):
    """Lists every command without importing it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command = getattr(import_module(f"ichset.cli.{module}"), attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="ichset")
def group() -> None:
    """From radiology reports and a CT archive to a verified, de-identified, labelled head-CT dataset.

    \b
    See it work on a synthetic hospital:
      ichset demo init data/demo
      ichset run --config configs/demo.toml
      ichset status --config configs/demo.toml

    \b
    Exit codes: 0 done; 2 usage or config; 3 finished, but a person must look; 4 a gate failed; 5 another run
    holds the folder; 6 a source is unreachable; 7 out of space; 8 waiting for readers; 130 interrupted.
    """


def main() -> NoReturn:
    """The console script."""
    if sys.getfilesystemencoding() != "utf-8":
        # PyArrow takes paths as UTF-8 only: an old locale begins again in UTF-8, where every file name can be spoken
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    signal.signal(signal.SIGTERM, _terminate)
    # libraries' warnings name the file they read, and a hospital's file names can hold a patient's: workers inherit this
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.simplefilter("ignore")
    try:
        group.main(standalone_mode=False)
        code = 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted; run the same command again to go on", err=True)
        code = INTERRUPTED
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except CurationError as error:
        click.echo(f"ichset: {error}", err=True)
        code = error.exit_code
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            click.echo("ichset: no space left on the disk; free some and run the same command again", err=True)
            code = OutOfSpace.exit_code
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            # without the file's name, which may be a patient's
            click.echo(f"ichset: {error.strerror}; may the folders of this command be read and written?", err=True)
            code = CurationError.exit_code
        else:
            raise
    sys.stdout.flush()
    sys.exit(code)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
