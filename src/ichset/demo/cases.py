"""The studies of the archive: who, when, what the head shows, and what is peculiar about the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from ichset.contracts import COMPARTMENTS, LABELS
from ichset.demo.people import Person, person, physician
from ichset.demo.phantom.anatomy import Fracture, Lesion
from ichset.demo.scanners import SCANNERS, Scanner

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2023, 5, 31)
Finding = tuple[tuple[Lesion, ...], tuple[Fracture, ...]]

# Peculiarities of files that a run must take as they are, and those that must cost the study its place.
KEPT = (
    "plain", "bone series", "dose report", "implicit", "rle", "jpeg lossless", "tilt", "rotated", "thin series", "contrast and native",
    "jpeg 2000", "localizer", "big endian", "deflated", "foreign files", "dental metal", "jpeg-ls", "two spacings", "rescale fault",
    "duplicate instance", "mislabelled charset", "dose screen", "reversed order", "small head",
)  # fmt: skip
LOST = (
    "absent", "contrast only", "motion", "missing slices", "wrong patient", "truncated", "misreported", "two patient IDs", "metal",
    "burned-in text", "few slices", "undecided", "damaged stream", "derived only", "another body part", "crown only",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One study of the archive and its report."""

    number: int
    person: Person
    day: date
    time: str  # HHMMSS
    accession: str
    uid: str
    finding: str
    lesions: tuple[Lesion, ...]
    fractures: tuple[Fracture, ...]
    labels: dict[str, int]  # what the images show
    kind: str
    scanner: Scanner
    institution: int
    radiologist: str
    referrer: str

    @property
    def age(self) -> int:
        birth = self.person.birth
        return self.day.year - birth.year - ((self.day.month, self.day.day) < (birth.month, birth.day))

    @property
    def lost(self) -> bool:
        return self.kind in LOST

    @property
    def reported(self) -> dict[str, int]:
        """What the report says: in a misreported study blood where the images show none, or none where there is."""
        if self.kind != "misreported":
            return self.labels
        return dict.fromkeys(LABELS, 0) if self.labels["ich"] else {**dict.fromkeys(LABELS, 0), "ich": 1, "subdural": 1}


def plan_cases(seed: int, studies: int) -> tuple[Case, ...]:
    """The archive's studies, ICH and not in turn. Every fourth of each kind is one that a run must lose."""
    cases: list[Case] = []
    for number in range(studies):
        rng = Random(f"{seed}/case/{number}")
        turn, ich = number // 2, number % 2 == 0
        kind = LOST[_place(turn // 4, ich, len(LOST))] if turn % 4 == 3 else KEPT[_place(turn - turn // 4, ich, len(KEPT))]
        case = _case(rng, number, ich, kind)
        if number % 11 == 10 and cases[-1].kind not in LOST:  # the same patient comes again
            case = _follow_up(case, cases[-1], rng)
        cases.append(case)
    return tuple(cases)


def _place(turn: int, ich: bool, count: int) -> int:
    """Pairs of kinds in turn; with every round ICH and normal change places, so that each kind meets both."""
    return (turn * 2 + (ich ^ (turn * 2 // count % 2 == 0))) % count


def _case(rng: Random, number: int, ich: bool, kind: str) -> Case:
    name, make = (POSITIVE if ich else NEGATIVE)[(number // 2) % len(POSITIVE if ich else NEGATIVE)]
    lesions, fractures = make(rng)
    day = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days))
    english = rng.random() < 0.15
    age = min(max(round(rng.gauss(57, 17)), 19), 97)
    if name == "atrophy":
        age = max(age, 70)
    who = person(rng, day, age, english, 100_000 + number * 37)
    scanner = SCANNERS[number % len(SCANNERS)]
    return Case(
        number, who, day, f"{rng.randrange(7, 22):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}",
        f"RG{day:%y}{700_000 + number * 13:07d}",
        f"1.2.643.5.1.13.13.{scanner.root}.{day:%Y%m%d}.{rng.randrange(10**8, 10**9)}.{number + 1}", name, lesions, fractures,
        labels_of(lesions, fractures), kind, scanner, 3 if english else rng.randrange(3), physician(rng, english), physician(rng, english),
    )  # fmt: skip


def _follow_up(case: Case, before: Case, rng: Random) -> Case:
    day = min(before.day + timedelta(days=rng.randrange(2, 60)), LAST_DAY)
    return replace(case, person=before.person, day=day, institution=before.institution)


def labels_of(lesions: tuple[Lesion, ...], fractures: tuple[Fracture, ...]) -> dict[str, int]:
    """The labels of LABELS.md from what is drawn."""
    kinds = [lesion.kind for lesion in lesions]
    compartments = [kind for kind in kinds if kind in COMPARTMENTS]
    ich = bool(compartments) or "intraventricular" in kinds
    found = {name: int(name in kinds) for name in (*COMPARTMENTS, "intraventricular")}
    return {
        "ich": int(ich), **found, "multiple": int(len(compartments) > 1), "fracture": int(bool(fractures)),
        "combined": int(ich and "tumour" in kinds),
    }  # fmt: skip


def _side(rng: Random) -> float:
    return rng.choice((-1.0, 1.0))


def _hu(rng: Random) -> float:
    return round(rng.uniform(58, 76), 1)


def _epidural(rng: Random) -> Finding:
    side, y, z = _side(rng), rng.uniform(-0.4, 0.3), rng.uniform(0.2, 0.45)
    place = (side, y, z)
    return (
        Lesion("epidural", place, rng.uniform(13, 24), _hu(rng), rng.uniform(2, 6)),
        Lesion("scalp", place, 13, 58),
    ), (Fracture(place, rng.uniform(50, 80), rng.uniform(-60, 60)),)


def _subdural(rng: Random) -> Finding:
    place = (_side(rng), rng.uniform(-0.3, 0.3), rng.uniform(0.2, 0.5))
    broken = (Fracture(place, 55, rng.uniform(-60, 60)),) if rng.random() < 0.3 else ()
    return (Lesion("subdural", place, rng.uniform(7, 15), _hu(rng), rng.uniform(3, 8)),), broken


def _isodense(rng: Random) -> Finding:
    place = (_side(rng), rng.uniform(-0.3, 0.3), rng.uniform(0.2, 0.5))
    return (Lesion("subdural", place, rng.uniform(10, 18), rng.uniform(36, 39), rng.uniform(3, 7)),), ()


def _both_subdurals(rng: Random) -> Finding:
    lesions = [Lesion("subdural", (side, rng.uniform(-0.3, 0.2), 0.35), rng.uniform(6, 12), _hu(rng)) for side in (-1.0, 1.0)]
    return tuple(lesions), ()


def _aneurysm(rng: Random) -> Finding:
    blood = [Lesion("subarachnoid", (0.0, -12.0, -20.0), rng.uniform(42, 58), _hu(rng))]
    if rng.random() < 0.5:
        blood.append(Lesion("intraventricular", (0.0, 0.0, 0.0), 30.0, _hu(rng)))
    return tuple(blood), ()


def _convexity(rng: Random) -> Finding:
    side = _side(rng)
    place = (side * 52, rng.uniform(-25, 25), rng.uniform(25, 40))
    return (Lesion("subarachnoid", place, rng.uniform(24, 34), _hu(rng)),), (Fracture((side, 0.1, 0.5), 60, rng.uniform(-60, 60)),)


def _deep(rng: Random) -> Finding:
    side, size = _side(rng), rng.uniform(10, 18)
    place = (side * 25, rng.uniform(-10, 4), rng.uniform(2, 10))
    foci = [Lesion("oedema", place, size + 9, 20.0, rng.uniform(2, 6)), Lesion("intracerebral", place, size, _hu(rng))]
    if rng.random() < 0.45:
        foci.append(Lesion("intraventricular", (0.0, 0.0, 0.0), rng.uniform(26, 34), _hu(rng)))
    return tuple(foci), ()


def _lobar(rng: Random) -> Finding:
    size = rng.uniform(10, 19)
    place = (_side(rng) * 36, rng.uniform(-35, 40), rng.uniform(18, 32))
    return (Lesion("oedema", place, size + 8, 20.0, rng.uniform(1, 4)), Lesion("intracerebral", place, size, _hu(rng))), ()


def _cerebellar(rng: Random) -> Finding:
    return (Lesion("intracerebral", (_side(rng) * 24, 42.0, -32.0), rng.uniform(8, 14), _hu(rng)),), ()


def _contusions(rng: Random) -> Finding:
    side = _side(rng)
    foci = []
    for place in ((side * 28, -58.0, 8.0), (side * 46, -20.0, -22.0)):
        size = rng.uniform(6, 10)
        foci += [Lesion("oedema", place, size + 5, 21.0), Lesion("intracerebral", place, size, _hu(rng))]
    foci.append(Lesion("subarachnoid", (side * 50, -10.0, 15.0), 26.0, _hu(rng)))
    foci.append(Lesion("subdural", (side, -0.2, 0.4), rng.uniform(5, 8), _hu(rng), rng.uniform(1, 4)))
    return tuple(foci), (Fracture((-side, 0.5, 0.3), 70, rng.uniform(-40, 40)),)


def _ventricular(rng: Random) -> Finding:
    return (Lesion("intraventricular", (0.0, 0.0, 0.0), rng.uniform(18, 30), _hu(rng)),), ()


def _bleeding_tumour(rng: Random) -> Finding:
    place = (_side(rng) * 34, rng.uniform(-20, 30), rng.uniform(14, 28))
    return (
        Lesion("oedema", place, 30, 19.0, 4.0), Lesion("tumour", place, 17, 40.0), Lesion("intracerebral", place, rng.uniform(8, 11),
        _hu(rng)),
    ), ()  # fmt: skip


def _nothing(rng: Random) -> Finding:
    return (), ()


def _infarct(rng: Random) -> Finding:
    return (Lesion("oedema", (_side(rng) * 42, rng.uniform(-10, 25), 15.0), rng.uniform(16, 26), 18.0),), ()


def _scalp(rng: Random) -> Finding:
    return (Lesion("scalp", (_side(rng), rng.uniform(-0.5, 0.6), 0.5), 15, 60),), ()


def _fracture(rng: Random) -> Finding:
    place = (_side(rng), rng.uniform(-0.3, 0.5), 0.4)
    return (Lesion("scalp", place, 13, 58),), (Fracture(place, rng.uniform(45, 70), rng.uniform(-60, 60)),)


def _calcified(rng: Random) -> Finding:
    return tuple(Lesion("calcification", (side * 21, -8.0, 2.0), 4.0, 130.0) for side in (-1.0, 1.0)), ()


def _hygroma(rng: Random) -> Finding:
    return (Lesion("hygroma", (_side(rng), -0.3, 0.4), rng.uniform(6, 11), 9.0),), ()


def _cyst(rng: Random) -> Finding:
    return (Lesion("tumour", (_side(rng) * 26, -6.0, 5.0), rng.uniform(7, 11), 8.0),), ()


def _tumour(rng: Random) -> Finding:
    place = (_side(rng) * 33, rng.uniform(-20, 30), 22.0)
    return (Lesion("oedema", place, 27, 19.0, 3.0), Lesion("tumour", place, 14, 40.0)), ()


Maker = Callable[[Random], Finding]
POSITIVE: tuple[tuple[str, Maker], ...] = (
    ("epidural", _epidural), ("subdural", _subdural), ("deep", _deep), ("aneurysm", _aneurysm), ("contusions", _contusions), ("lobar",
    _lobar),
    ("isodense", _isodense), ("bleeding tumour", _bleeding_tumour), ("convexity", _convexity), ("ventricular", _ventricular),
    ("both subdurals", _both_subdurals), ("cerebellar", _cerebellar),
)  # fmt: skip
NEGATIVE: tuple[tuple[str, Maker], ...] = (
    ("normal", _nothing), ("infarct", _infarct), ("scalp", _scalp), ("atrophy", _nothing), ("fracture", _fracture), ("calcified",
    _calcified),
    ("normal", _nothing), ("hygroma", _hygroma), ("cyst", _cyst), ("tumour", _tumour), ("normal", _nothing),
)  # fmt: skip
