"""Who is drawn: size and traits of one head, its haemorrhages and fractures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ichset.demo.phantom.frame import Point

Kind = Literal[
    "epidural", "subdural", "subarachnoid", "intracerebral", "intraventricular", "tumour", "oedema", "hygroma", "scalp", "calcification"
]
BLOOD = ("epidural", "subdural", "subarachnoid", "intracerebral", "intraventricular")


@dataclass(frozen=True)
class Lesion:
    """One focus. Extra-axial kinds lie where `towards` (head's own direction) meets the skull; deep ones at `towards`, mm.

    `size`: greatest thickness (extra-axial) or radius (deep), mm. `hu`: its mean. METHOD.md section 1: hyperdense
    blood 45-50 to 90 HU, an isodense subdural about 35-40 HU.
    """

    kind: Kind
    towards: Point
    size: float
    hu: float
    shift: float = 0.0  # mm by which the midline gives way, away from the focus


@dataclass(frozen=True)
class Fracture:
    """A line through the vault around `towards`, `length` mm long, in the plane turned by `turn` degrees, `gap` mm wide."""

    towards: Point
    length: float = 60.0
    turn: float = 30.0
    gap: float = 2.2


@dataclass(frozen=True)
class Anatomy:
    """A head. `size` scales everything (adult 1, child about 0.85); the others are shares of the average."""

    size: float = 1.0
    width: float = 1.0
    length: float = 1.0
    height: float = 1.0
    nose: float = 1.0
    chin: float = 1.0
    ears: float = 1.0
    lips: float = 1.0
    skull: float = 6.5  # mm, thickness of the vault
    scalp: float = 6.0  # mm
    ventricles: float = 1.0
    sulci: float = 0.18  # share of the cortex that is fluid: more with age
    phases: tuple[float, ...] = (0.3, 1.1, 2.0, 0.7, 2.9, 1.6)  # of the folds
    contrast: bool = False  # vessels, sinuses and mucosa filled
    head_rest: bool = True
    neck: bool = True
    dental_metal: bool = False
    bone_defect: bool = False  # a burr hole of 14 mm in the right parietal bone
    lesions: tuple[Lesion, ...] = ()
    fractures: tuple[Fracture, ...] = ()

    @property
    def scale(self) -> Point:
        return self.size * self.width, self.size * self.length, self.size * self.height


def random_anatomy(
    rng: np.random.Generator,
    child: bool = False,
    age: float = 50.0,
    lesions: tuple[Lesion, ...] = (),
    fractures: tuple[Fracture, ...] = (),
    **traits: bool,
) -> Anatomy:
    """A head of random traits; fluid spaces grow with `age` (years)."""
    share = rng.normal(0, 1, 8).clip(-2, 2)
    return Anatomy(
        size=float((0.85 if child else 1.0) + 0.02 * share[0]),
        width=float(1 + 0.03 * share[1]), length=float(1 + 0.03 * share[2]), height=float(1 + 0.025 * share[3]),
        nose=float(1 + 0.14 * share[4]), chin=float(1 + 0.12 * share[5]), ears=float(1 + 0.1 * share[6]), lips=float(1 + 0.2 * share[7]),
        skull=float(rng.uniform(4.5, 5.5) if child else rng.uniform(5.8, 7.5)), scalp=float(rng.uniform(5, 7.5)),
        ventricles=float(0.8 + 0.006 * age + 0.1 * rng.normal()), sulci=float(0.08 + 0.0025 * age),
        phases=tuple(float(value) for value in rng.uniform(0, 2 * np.pi, 6)),
        lesions=lesions, fractures=fractures, **traits,
    )  # fmt: skip
