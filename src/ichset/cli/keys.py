"""`ichset keys`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def keys() -> None:
    """The pseudonym key: one secret file that ties a release to its patients.

    Every pseudonym, UID and date shift follows from this key. Keep it outside the work and release folders, back it
    up where only the hospital can read it, and destroy it (with the work folder) to cut all ties for good.
    """


@keys.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def new(file: Path) -> None:
    """Write a fresh random key to FILE (mode 0600). An existing file is never overwritten.

    \b
    Example:
      ichset keys new ~/ichset.key
    """
    from ichset.pseudonyms import new_key

    new_key(file)
    click.echo(f"{file}: a new 256-bit key, readable by you alone")
