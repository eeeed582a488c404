"""Errors the operator can act on: shown as one line, never as a traceback.

Exit codes are part of the command line's contract; README lists them and a test holds them here.
"""

from __future__ import annotations


class CurationError(Exception):
    """Something the operator can mend. The message names the file, the key and the remedy."""

    exit_code = 2


class ConfigError(CurationError):
    """A config, rule file or command-line value is wrong."""


class NeedsAPerson(CurationError):
    """The work finished but a person must look: an arm is unfilled, or files were quarantined."""

    exit_code = 3


class GateFailed(CurationError):
    """An audit, leakage or privacy gate failed; nothing may be released as it stands."""

    exit_code = 4


class LockHeld(CurationError):
    """Another run works on the same folder."""

    exit_code = 5


class SourceUnreachable(CurationError):
    """An archive, a server or an export cannot be read at all."""

    exit_code = 6


class OutOfSpace(CurationError):
    """The disk is full; everything under a final name is still whole."""

    exit_code = 7


class WaitingForReaders(CurationError):
    """Worklists are written; the run goes on when decisions are imported."""

    exit_code = 8


INTERRUPTED = 130
