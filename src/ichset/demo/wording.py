"""Report texts: what a radiologist would write of a study's findings, in hundreds of thousands of ways."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Any

from ichset.demo.phantom.anatomy import Fracture, Lesion

_CHOICE = re.compile(r"\{([^{}]*)\}")
_FILL = re.compile(r"<(\w+)>")
# A radiologist does not call normal what is named as abnormal two lines above.
_DENIES = {
    "subarachnoid": "истерн|орозд|cistern", "intraventricular": "елудоч|entric", "scalp": "ягкие ткани", "atrophy": "елудоч|орозд|entric",
    "cerebellar": "озжеч|твол|osterior|rainstem",
}  # fmt: skip
_RU_REGIONS = {"frontal": "лобной", "temporal": "височной", "parietal": "теменной", "occipital": "затылочной", "cerebellar": "мозжечковой"}


@dataclass(frozen=True)
class Text:
    title: str
    indication: str
    description: str
    conclusion: str


@cache
def language(name: str) -> Mapping[str, Any]:
    """The phrases of `texts/<name>.toml`."""
    return tomllib.loads(resources.files("ichset.demo").joinpath(f"texts/{name}.toml").read_text("utf-8"))


def say(rng: Random, phrases: list[str], values: Mapping[str, object] | None = None) -> str:
    """One of the phrases with its choices made and its values filled in."""
    text = rng.choice(phrases)
    while "{" in text:
        text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
    if values:
        text = _FILL.sub(lambda match: str(values[match[1]]), text)
    text = re.sub(r" +([.,])", r"\1", re.sub(r"  +", " ", text)).strip()
    return text[:1].upper() + text[1:]


def write(rng: Random, lang: str, finding: str, lesions: tuple[Lesion, ...], fractures: tuple[Fracture, ...], thick: float) -> Text:
    """The report of a study with these findings. `finding` names its archetype; `thick`: mm."""
    words = language(lang)
    common = {"thick": f"{thick:g}", "n": rng.randrange(10, 99), "side_noun": _side_noun(rng, lang)}
    described = [say(rng, words["technique"], common)]
    found, ends = _findings(rng, words, lang, finding, lesions, fractures)
    blood = any(lesion.kind in ("epidural", "subdural", "subarachnoid", "intracerebral", "intraventricular") for lesion in lesions)
    rest = [say(rng, [phrase]) for phrase in rng.sample(words["background"], rng.randrange(3, len(words["background"]) - 1))]
    kinds = {lesion.kind for lesion in lesions} | {finding}
    rest = [sentence for sentence in rest if not any(re.search(_DENIES[kind], sentence) for kind in kinds if kind in _DENIES)]
    if any(lesion.shift > 2 for lesion in lesions):  # what shifts the midline cannot be described as unshifted
        rest = [sentence for sentence in rest if not re.search("редин|средней|idline", sentence)]
        worst = max(lesions, key=lambda lesion: lesion.shift)
        found.append(say(rng, words["find"]["shift"], _values(rng, lang, worst.towards, worst)))
    if not blood:
        rest.insert(rng.randrange(len(rest) + 1), say(rng, words["no_blood"]))
    if not fractures and rng.random() < 0.5:
        rest.append(say(rng, words["no_fracture"]))
    described += found + rest if rng.random() < 0.7 else rest[:1] + found + rest[1:]
    return Text(
        say(rng, words["titles"]),
        say(rng, words["indication"], common),
        " ".join(described),
        " ".join(ends or [say(rng, words["normal_end"])]),
    )


def doubtful(rng: Random, lang: str, thick: float) -> Text:
    """A report from which haemorrhage cannot be told."""
    plain = write(rng, lang, "normal", (), (), thick)
    words = language(lang)
    values = _values(rng, lang, (rng.choice((-1.0, 1.0)), 0.0, 0.3), None)
    first = plain.description.split(". ")[0].rstrip(".") + "."
    described = f"{first} {say(rng, words['doubt']['description'], values)} {say(rng, words['background'][:1])}"
    return Text(plain.title, plain.indication, described, say(rng, words["doubt"]["conclusion"], values))


def _findings(
    rng: Random, words: Mapping[str, Any], lang: str, finding: str, lesions: tuple[Lesion, ...], fractures: tuple[Fracture, ...]
) -> tuple[list[str], list[str]]:
    """Sentences of the description and of the conclusion."""
    found: list[str] = []
    ends: list[str] = []
    seen: set[tuple[str, bool]] = set()
    for lesion in lesions:
        kind = _kind(lesion, finding)
        if kind is None or (lesion.kind == "calcification" and ends):
            continue
        values = _values(rng, lang, lesion.towards, lesion)
        found.append(say(rng, words["find"][kind], values))
        end = "contusion" if finding == "contusions" and kind == "intracerebral" else "combined" if finding == "bleeding tumour" else kind
        if (end == "combined" and kind == "tumour_blood") or (end, lesion.towards[0] > 0) in seen or (end == "scalp" and len(lesions) > 1):
            continue
        seen.add((end, lesion.towards[0] > 0))
        if not (end == "scalp" and fractures):
            ends.append(say(rng, words["end"][end], values))
    if finding in ("atrophy",):
        found.append(say(rng, words["find"]["atrophy"]))
        ends.append(say(rng, words["end"]["atrophy"]))
    for fracture in fractures:
        values = _values(rng, lang, fracture.towards, None)
        found.append(say(rng, words["find"]["fracture"], values))
        ends.append(say(rng, words["end"]["fracture"], values))
    return found, ends


def _kind(lesion: Lesion, finding: str) -> str | None:
    """The phrase list for a lesion; None where another lesion speaks for it."""
    if lesion.kind == "oedema":
        return "infarct" if finding == "infarct" else None
    if lesion.kind == "subdural" and lesion.hu < 45:
        return "isodense"
    if lesion.kind == "intracerebral" and finding == "bleeding tumour":
        return "tumour_blood"
    if finding == "cyst":
        return "cyst"
    return {"calcification": "calcified"}.get(lesion.kind, lesion.kind)


def _values(rng: Random, lang: str, towards: tuple[float, float, float], lesion: Lesion | None) -> dict[str, object]:
    left = towards[0] > 0
    scale = 1.0 if max(abs(part) for part in towards) > 2 else 60.0
    y, z = towards[1] * scale, towards[2] * scale
    region = (
        "cerebellar" if z < -26 and y > 25 else "frontal" if y < -20 else "occipital" if y > 40 else "parietal" if z > 22 else "temporal"
    )
    size = lesion.size if lesion else 8.0
    if lesion is not None and lesion.kind in ("intracerebral", "tumour"):
        size *= 2
    bone = rng.choice((region, region, "parietal"))
    ru = lang == "ru"
    return {
        "side": ("слева" if left else "справа") if ru else ("left" if left else "right"), "into": "вправо" if left else "влево",
        "to": "right" if left else "left", "gen": "левого" if left else "правого", "side_noun": "",
        "region": _RU_REGIONS[region] if ru else region, "bone": _RU_REGIONS[bone] if ru else bone, "mm": round(size),
        "mm2": round(size * 1.2),
        "hu": round(lesion.hu) if lesion else 60, "ml": max(round(0.52 * size**3 * 1.2 / 1000), 1),
        "shift": round(lesion.shift) if lesion else 0,
    }  # fmt: skip


def _side_noun(rng: Random, lang: str) -> str:
    return rng.choice(("справа", "слева") if lang == "ru" else ("on the right", "on the left"))
