"""`ichset deface` and `ichset deface-report`."""

from __future__ import annotations

import json
from pathlib import Path

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("src", type=FOLDER)
@click.argument("dst", type=click.Path(file_okay=False, path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Pseudonym key: it seeds what is drawn (`ichset keys new FILE`).")
@click.option("--method", type=click.Choice(["guarded", "paper"]), default="guarded", show_default=True, help="paper: the published ellipses.")
@click.option("--accept-exposure", is_flag=True, help="With --method paper: write the result whatever it leaves exposed.")
@click.option("--ears", is_flag=True, help="Cover the ears too.")
@click.option("--preview", type=click.Path(file_okay=False, path_type=Path), help="Write before/after pictures here: they show the face.")
def deface(src: Path, dst: Path, key: Path, method: str, accept_exposure: bool, ears: bool, preview: Path | None) -> None:
    """Hide the face in every head CT series below SRC; write DST/<study>/<series>/<slice>.dcm and DST/deface.csv.

    Only pixels change: tags stay as they are (use `ichset deidentify` for both). The brain, the skull base near it and
    fractures of the vault stay untouched. A series whose face cannot be hidden safely is left out with its reason, and
    the command ends with exit code 3.

    \b
    Examples:
      ichset deface heads/ defaced/ --key ~/ichset.key --preview private/pictures
      ichset deface heads/ paper/ --key ~/ichset.key --method paper --accept-exposure
    """
    from ichset.anonymize.deface_folder import deface_folder
    from ichset.config import DefaceConfig, DefaceLimits, GuardedConfig
    from ichset.errors import ConfigError, NeedsAPerson
    from ichset.pseudonyms import load_key

    if method == "paper" and not accept_exposure:
        raise ConfigError("--method paper leaves a large part of most faces exposed; say --accept-exposure to compare it")
    limits = DefaceLimits(exposed=1, relief=1, median_attack=1, brain=1) if method == "paper" else None
    config = DefaceConfig(method=method, limits=limits, guarded=GuardedConfig(ears=ears))  # type: ignore[arg-type]
    treated = deface_folder(src, dst, load_key(key, outside=(src, dst)), config, preview)
    for one in treated:
        said = one.reason or (f"face exposed {one.measures.exposed:.1%}, brain altered {one.measures.brain_changed:.2%}" if one.measures else "")
        click.echo(f"{one.folder}: {one.instances} slices: {said}")
    left = sum(one.reason is not None for one in treated)
    if left:
        raise NeedsAPerson(f"{left} of {len(treated)} series were left out; reasons are in deface.csv")


@click.command("deface-report")
@click.argument("original", type=FOLDER)
@click.argument("defaced", type=FOLDER)
def deface_report(original: Path, defaced: Path) -> None:
    """Measure what defacing hid and changed: ORIGINAL and DEFACED are folders of the same series. Prints JSON.

    exposed: share of the face an attacker gets back by erasing what was altered; relief: correlation of what is left
    with the face's relief; median_attack: the same share after a median filter; brain_changed: share of intracranial
    voxels altered; voxels_changed: share of all voxels altered.
    """
    from pydicom import dcmread

    from ichset.anonymize.measure import measure
    from ichset.errors import ConfigError
    from ichset.volume import GeometryError, from_datasets

    try:
        volumes = [from_datasets([dcmread(path) for path in sorted(folder.iterdir()) if path.suffix != ".csv"]) for folder in (original, defaced)]
    except GeometryError as error:
        raise ConfigError(f"not one series of slices: {error.reason}") from None
    if volumes[0].hu.shape != volumes[1].hu.shape:
        raise ConfigError("the two folders hold different numbers or sizes of slices")
    click.echo(json.dumps(measure(volumes[0], volumes[1]).as_dict(), indent=1))
