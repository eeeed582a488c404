"""`ichset review` and `ichset review-user`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

_CONFIG = click.option("--config", "config_path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The TOML file of the run.")


@click.command("review")
@_CONFIG
@click.option("--port", type=click.IntRange(0, 65535), help="Port on loopback; 0 takes any free one. Default: [review] port, 8765.")
def review(config_path: Path, port: int | None) -> None:
    """Serve the readers' page: blind double reading of reports and CT in the browser.

    It reads the same rounds and appends to the same log as the worklist files, and listens on this machine only.
    Put the hospital's own reverse proxy in front of it for readers elsewhere (docs/REVIEW.md). Run the pipeline
    first: it opens the rounds and stops with exit code 8 when it waits for readers.

    \b
    Example:
      ichset run --config configs/mine.toml
      ichset review-user --config configs/mine.toml reader-1
      ichset review --config configs/mine.toml
    """
    from ichset.config import load
    from ichset.errors import ConfigError

    config = load(config_path)
    try:
        from ichset.review.serve import serve

        serve(config, config.review.port if port is None else port, click.echo)
    except ModuleNotFoundError as error:
        raise ConfigError(f"the readers' page needs {error.name}; install it with: pip install 'ichset[review]'") from None


@click.command("review-user")
@_CONFIG
@click.option("--password-stdin", is_flag=True, help="Take the password from the first line of standard input.")
@click.option("--remove", is_flag=True, help="Take the account away; its reads stay.")
@click.argument("name", required=False)
def review_user(config_path: Path, password_stdin: bool, remove: bool, name: str | None) -> None:
    """Set the password of NAME, or list the accounts without NAME.

    NAME is a reader or expert of the config, or the lead ([review] lead). Passwords are kept as argon2 hashes in
    the work folder, readable by you alone. A new password ends the sessions of the old one.

    \b
    Examples:
      ichset review-user --config configs/mine.toml
      ichset review-user --config configs/mine.toml reader-1
      pass show reader-1 | ichset review-user --config configs/mine.toml reader-1 --password-stdin
    """
    from ichset.config import load
    from ichset.review.accounts import Accounts, names
    from ichset.review.private import private_folder

    config = load(config_path)
    accounts = Accounts(private_folder(config.project.work), names(config))
    if name is None:
        having = accounts.hashes()
        for one in names(config):
            click.echo(f"{one}: {'has an account' if one in having else 'no account yet'}")
        return
    if remove:
        accounts.remove(name)
        click.echo(f"{name}: account removed")
        return
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    accounts.set_password(name, given if password_stdin else click.prompt("Password", hide_input=True, confirmation_prompt=True))
    click.echo(f"{name}: password set")
