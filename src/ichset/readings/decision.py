"""One reader's judgement of one study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ichset.contracts import LABELS
from ichset.errors import CurationError

EXCLUSIONS = ("motion", "metal", "detector", "contrast only", "not a head", "incomplete", "other")
_SLICE = re.compile("[1-9][0-9]{0,3}:[1-9][0-9]{0,4}")
IMPLIED_ABSENT = tuple(label for label in LABELS if label not in ("ich", "fracture"))


class BadDecision(CurationError):
    """A decision that cannot be recorded; the message says why, never with a patient's identifier."""


@dataclass(frozen=True)
class Decision:
    """`answers` has a value for every label: 1 present, 0 absent, None cannot tell."""

    study: str
    reader: str
    answers: Mapping[str, int | None]
    exclude: str | None = None  # one of EXCLUSIONS: the study is unfit, whatever it shows
    confidence: int | None = None  # 1 (a guess) to 5 (certain)
    comment: str = ""
    # label -> "series:slice": the series' ordinal, and the slice counted from 1 along the normal (volume.order)
    key_slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: float | None = None
    supersedes: int | None = None  # sequence number of the reader's own earlier decision that this one corrects
    pictures: Mapping[str, str] = field(default_factory=dict)  # series -> fingerprint, of the series with key slices

    def __post_init__(self) -> None:
        unknown = sorted(set(self.answers) - set(LABELS)) + sorted(set(self.key_slices) - set(LABELS))
        if unknown:
            raise BadDecision(f"unknown label {unknown[0]!r}; labels are {', '.join(LABELS)}")
        if any(value not in (0, 1, None) for value in self.answers.values()):
            raise BadDecision("an answer is 1 (present), 0 (absent) or ? (cannot tell)")
        if self.exclude is not None and self.exclude not in EXCLUSIONS:
            raise BadDecision(f"exclude: unknown reason; reasons are {', '.join(EXCLUSIONS)}")
        if any(not _SLICE.fullmatch(slice_) for slices in self.key_slices.values() for slice_ in slices):
            raise BadDecision("a key slice is series:slice, both counted from 1, as in 1:12")
        if self.confidence is not None and self.confidence not in range(1, 6):
            raise BadDecision("confidence: a whole number from 1 to 5")
        if self.answers.get("ich") == 0 and any(self.answers.get(label) == 1 for label in IMPLIED_ABSENT):
            raise BadDecision("ich is 0 but a kind of haemorrhage is 1; correct one of them")
        object.__setattr__(self, "answers", complete(self.answers))

    def same_as(self, other: Decision) -> bool:
        """Whether both say the same of the study (comment and time aside)."""
        return (self.answers, self.exclude) == (other.answers, other.exclude)

    def as_json(self) -> dict[str, Any]:
        return {
            "study": self.study, "reader": self.reader, "answers": dict(self.answers), "exclude": self.exclude,
            "confidence": self.confidence, "comment": self.comment,
            "key_slices": {label: list(slices) for label, slices in sorted(self.key_slices.items())},
            "seconds": self.seconds, "supersedes": self.supersedes, **({"pictures": dict(self.pictures)} if self.pictures else {}),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        fields = {name: data.get(name) for name in ("study", "reader", "answers", "exclude", "confidence", "seconds", "supersedes")}
        slices = {label: tuple(values) for label, values in (data.get("key_slices") or {}).items()}
        return cls(**fields, comment=data.get("comment") or "", key_slices=slices, pictures=data.get("pictures") or {})  # type: ignore[arg-type]


def complete(answers: Mapping[str, int | None]) -> dict[str, int | None]:
    """Every label in LABELS' order; without haemorrhage its kinds are absent unless said otherwise."""
    implied = 0 if answers.get("ich") == 0 else None
    return {label: value if (value := answers.get(label)) is not None else (implied if label in IMPLIED_ABSENT else None) for label in LABELS}
