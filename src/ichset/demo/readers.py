"""The demo hospital's readers: what each would decide of each study, with the disagreements of real ones."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

from ichset.contracts import COMPARTMENTS, LABELS
from ichset.demo.cases import Case

TEXT_READERS, IMAGE_READERS, EXPERT = ("reader-1", "reader-2", "reader-3"), ("reader-1", "reader-2"), "expert"
COLUMNS = ("round", "study", "reader", *LABELS, "exclude", "confidence", "comment", "key_slices", "seconds")
Answers = dict[str, int | None]

# How often a reader overlooks haemorrhage, sees one that is not there, errs in a kind or in a fracture: the readers of
# METHOD.md's data set were radiologists of more than five years, and kappa among such readers is about 0.8-0.9.
OVERLOOKED, INVENTED, WRONG_KIND, WRONG_FRACTURE = 0.03, 0.025, 0.05, 0.03


def text_rows(study: str, accession: str, truth: Mapping[str, int | None], seed: int) -> Iterable[dict[str, object]]:
    """Each reader's and the expert's row of the text round."""
    for reader in (*TEXT_READERS, EXPERT):
        rng = Random(f"{seed}/text/{accession}/{reader}")
        answers = dict(truth) if reader == EXPERT else _mistaken(dict(truth), rng)
        yield _row("text", study, reader, answers, rng)


def image_rows(study: str, case: Case, seed: int, key_slices: str = "") -> Iterable[dict[str, object]]:
    """Each reader's and the expert's row of the image round, from what the images show."""
    for reader in (*IMAGE_READERS, EXPERT):
        rng = Random(f"{seed}/image/{case.accession}/{reader}")
        answers: Answers = dict(case.labels)
        exclude = case.kind if case.kind in ("motion", "metal") else "not a head" if case.kind == "another body part" else ""
        if case.kind == "undecided":
            answers = dict.fromkeys(LABELS)
        elif reader != EXPERT:
            answers = _mistaken(answers, rng)
            exclude = "" if exclude in ("motion", "metal") and rng.random() < 0.1 else exclude
        row = _row("image", study, reader, answers, rng)
        yield row | {"exclude": exclude, "key_slices": key_slices if answers["ich"] else ""}


def _mistaken(answers: Answers, rng: Random) -> Answers:
    if answers.get("ich") == 1 and rng.random() < OVERLOOKED:
        answers = {label: 0 if label != "fracture" else answers["fracture"] for label in LABELS}
    elif answers.get("ich") == 0 and rng.random() < INVENTED:
        answers |= {"ich": 1, rng.choice(("subdural", "subarachnoid")): 1}
    elif answers.get("ich") == 1 and rng.random() < WRONG_KIND:
        wrong = rng.choice(COMPARTMENTS)
        answers |= {wrong: 1 - int(answers[wrong] or 0)}
        answers["multiple"] = int(sum(int(answers[label] or 0) for label in COMPARTMENTS) > 1)
    if answers.get("fracture") is not None and rng.random() < WRONG_FRACTURE:
        answers["fracture"] = 1 - int(answers["fracture"] or 0)
    return answers


def _row(round_: str, study: str, reader: str, answers: Answers, rng: Random) -> dict[str, object]:
    shown = {label: "?" if answers[label] is None else answers[label] for label in LABELS}
    confidence = rng.choices((2, 3, 4, 5), (1, 3, 8, 10))[0]
    seconds = round((25 if round_ == "text" else 110) * rng.lognormvariate(0, 0.4), 1)
    return {
        "round": round_, "study": study, "reader": reader, **shown, "exclude": "", "confidence": confidence, "comment": "",
        "key_slices": "",
        "seconds": seconds,
    }  # fmt: skip


def write_rows(path: Path, rows: Iterable[dict[str, object]]) -> None:
    """Decisions as `ichset readings import` takes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
