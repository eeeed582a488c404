"""What went wrong, told as a reason and a detail without any value of the source."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from ichset.anonymize.tags import Doubt
from ichset.dicomfile import NotReadable
from ichset.errors import CurationError, OutOfSpace

if TYPE_CHECKING:
    from ichset.contracts import Reason


def explain(error: Exception) -> tuple[Reason, str]:
    """The reason of a fault of one file or study. A full disk or a wrong setting is nobody's file: it is raised.

    An unforeseen fault is told by its type alone, since a library's message may quote the value it stumbled over.
    """
    from ichset.contracts import Reason

    if isinstance(error, Doubt):
        return Reason[error.reason], str(error)
    if isinstance(error, NotReadable):
        return Reason.UNREADABLE_FILE, str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise OutOfSpace("no space left for de-identified files; free some and run again") from None
    if type(error).__name__ in ("CannotDeface", "GeometryError"):  # by name: their modules are heavy and may never have been loaded
        return Reason.DEFACE_IMPOSSIBLE, str(error)
    if isinstance(error, CurationError):
        raise error
    return Reason.UNREADABLE_FILE, f"{type(error).__name__} while reading or writing"
