"""Mentions as entities: BIO tags on tokens, and offsets that re-slice to the quoted text; both scored against a gold standard.

Two kinds of entity, as in paired image and text datasets of haemorrhage: FIND, what was found, and
LOC, where. Two forms of file: `.bio` (token, tab, tag; a blank line between documents; `#` before a
document's name) and `.jsonl` (one document a line: id, text, entities with start, end, label, text).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ichset.config import RulesConfig
from ichset.errors import ConfigError
from ichset.reports.places import find_places

FINDING, LOCATION = "FIND", "LOC"
OUTSIDE = "O"
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SECTIONS = ("description", "conclusion")


@dataclass(frozen=True)
class Entity:
    """Characters [start, end) of a document's text. `finding` and `assertion` are empty for a location."""

    start: int
    end: int
    label: str
    finding: str = ""
    assertion: str = ""


@dataclass(frozen=True)
class Document:
    """A text under a name, and its entities in order, none overlapping another."""

    name: str
    text: str
    entities: tuple[Entity, ...]


def tokens(text: str) -> list[tuple[int, int]]:
    """Words and single signs, as [start, end)."""
    return [match.span() for match in _TOKEN.finditer(text)]


def bio(document: Document) -> list[tuple[str, str]]:
    """(token, tag): B- on the first token of an entity, I- on the others, O outside."""
    tagged = []
    inside: Entity | None = None
    waiting = list(reversed(document.entities))
    for start, end in tokens(document.text):
        while waiting and waiting[-1].end <= start:
            waiting.pop()
        entity = waiting[-1] if waiting and waiting[-1].start < end else None
        tag = OUTSIDE if entity is None else f"{'I' if entity is inside else 'B'}-{entity.label}"
        tagged.append((document.text[start:end], tag))
        inside = entity
    return tagged


def entity_documents(texts: pa.Table, rules: RulesConfig) -> Iterator[Document]:
    """One document a section of each row (study, description, conclusion), named `<study>/<section>`.

    The rules read the very text that is handed over, so that offsets fit a de-identified text.
    """
    from ichset.reports.rules import load_rules

    engine = load_rules(rules)
    for row in texts.to_pylist():
        sections = {name: row[name] or "" for name in _SECTIONS}
        reading = engine.read(sections["description"], sections["conclusion"])
        for name, text in sections.items():
            found = [mention for mention in reading.mentions if mention.section == name]
            yield Document(f"{row['study']}/{name}", text, tuple(entities_of(text, found)))


def entities_of(text: str, mentions: Iterable[Any]) -> list[Entity]:
    """Findings and the places named in their sentences. Where two overlap, the earlier and longer finding stays."""
    findings = [Entity(each.start, each.end, FINDING, "+".join(each.findings), each.assertion) for each in mentions if each.start < each.end]
    places = {span for each in findings for span in find_places(text, each.start, each.end)}
    ordered = [*sorted(findings, key=lambda each: (each.start, -each.end)), *(Entity(*span, LOCATION) for span in sorted(places))]
    taken: list[Entity] = []
    for entity in ordered:
        if all(entity.end <= other.start or other.end <= entity.start for other in taken):
            taken.append(entity)
    return sorted(taken, key=lambda each: each.start)


def to_bio(documents: Iterable[Document]) -> Iterator[str]:
    """Lines of a `.bio` file."""
    for document in documents:
        yield f"# {document.name}\n"
        yield from (f"{token}\t{tag}\n" for token, tag in bio(document))
        yield "\n"


def to_jsonl(documents: Iterable[Document]) -> Iterator[str]:
    """Lines of a `.jsonl` file; every entity quotes the text that its offsets cut out."""
    for document in documents:
        entities = [
            {
                "start": each.start, "end": each.end, "label": each.label, "text": document.text[each.start : each.end],
                **({"finding": each.finding, "assertion": each.assertion} if each.finding else {}),
            }
            for each in document.entities
        ]  # fmt: skip
        yield json.dumps({"id": document.name, "text": document.text, "entities": entities}, ensure_ascii=False) + "\n"


def read_tags(path: Path) -> list[tuple[str, str, str]]:
    """(place in the file, token, tag) of a `.bio` or `.jsonl` file. Raises ConfigError naming file and line."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")  # a text may hold other signs that end a line
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    read = _jsonl_line if path.suffix.lower() in (".jsonl", ".ndjson") else _bio_line
    found: list[tuple[str, str, str]] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not (line.startswith("# ") and read is _bio_line):
            found += [(f"{path}:{number}", *pair) for pair in read(f"{path}:{number}", line)]
    if not found:
        raise ConfigError(f"{path}: holds no token")
    return found


def _bio_line(place: str, line: str) -> Sequence[tuple[str, str]]:
    parts = line.split("\t") if "\t" in line else line.split()
    if len(parts) < 2 or not re.fullmatch(r"O|[BI]-\S+", parts[-1].strip()):
        raise ConfigError(f"{place}: not a token and its tag (O, B-..., I-...) parted by a tab")
    return [(parts[0].strip(), parts[-1].strip())]


def _jsonl_line(place: str, line: str) -> Sequence[tuple[str, str]]:
    try:
        found = json.loads(line)
        text = "" + found["text"]
        quotes = [(Entity(int(each["start"]), int(each["end"]), str(each["label"])), each.get("text")) for each in found["entities"]]
        whole = all(0 <= each.start < each.end <= len(text) for each, _ in quotes)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError(f"{place}: not a document with text and entities (start, end, label)") from None
    if not whole or any(quote is not None and text[each.start : each.end] != quote for each, quote in quotes):
        raise ConfigError(f"{place}: an entity's offsets do not cut out the text that it quotes")
    return bio(Document("", text, _apart(each for each, _ in quotes)))


def _apart(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """In order; where two overlap, the first and longest alone has tags."""
    taken: list[Entity] = []
    for each in sorted(entities, key=lambda each: (each.start, -each.end)):
        if not taken or taken[-1].end <= each.start:
            taken.append(each)
    return tuple(taken)


def evaluate(gold: Path, predicted: Path) -> str:
    """Precision, recall, F1 and support per tag over all tokens, with accuracy and averages, as text.

    Raises ConfigError where the two files do not hold the same tokens.
    """
    from sklearn.metrics import classification_report

    ours, theirs = read_tags(gold), read_tags(predicted)
    for (place, token, _), (other, said, _) in zip(ours, theirs, strict=False):
        if token != said:
            raise ConfigError(f"{place} and {other}: not the same token; both files must hold the same text")
    if len(ours) != len(theirs):
        raise ConfigError(f"{gold} holds {len(ours)} tokens and {predicted} {len(theirs)}; both files must hold the same text")
    tags = sorted({tag for *_, tag in (*ours, *theirs)}, key=lambda tag: (tag != OUTSIDE, tag[2:], tag[:1]))
    report = classification_report([tag for *_, tag in ours], [tag for *_, tag in theirs], labels=tags, digits=4, zero_division=0.0)
    return str(report)
