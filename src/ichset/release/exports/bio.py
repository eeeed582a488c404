"""Report text with its findings as BIO tags, one token a line (the CoNLL form that HICH-IT's entity baseline reads).

The mentions were found in the text as it was; the released text is de-identified. A mention is carried over where its
words still stand, word for word; one that de-identification touched is left out and counted.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from ichset.errors import ConfigError
from ichset.release.dataset import Dataset
from ichset.release.records import TEXT_COLUMNS

_TOKEN = re.compile(r"\w+|[^\w\s]")
Token = tuple[str, int, int]


def tokens(text: str) -> list[Token]:
    """(word or sign, start, end) in order."""
    return [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]


def write(dataset: Dataset) -> None:
    """data/exports/bio/reports.bio, spans.jsonl (the same as offsets, a text with its entities on each line) and counts.json."""
    if not dataset.config.release.report_text:
        raise ConfigError('release.exports: "bio" needs release.report_text = true')
    folder = dataset.bag / "data" / "exports" / "bio"
    folder.mkdir(parents=True)
    carried = lost = 0
    with (
        (folder / "reports.bio").open("w", encoding="utf-8", newline="\n") as bio,
        (folder / "spans.jsonl").open("w", encoding="utf-8") as lines,
    ):
        for study, section, text, mentions, raw in _sections(dataset):
            spans = carry(raw, text, mentions)
            carried, lost = carried + len(spans), lost + len(mentions) - len(spans)
            bio.write(f"# {study} {section}\n" + "".join(f"{token}\t{tag}\n" for token, tag in tagged(text, spans)) + "\n")
            line = {"id": f"{study}/{section}", "study": study, "section": section, "text": text, "entities": entities(text, spans)}
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
    (folder / "counts.json").write_text(json.dumps({"spans": carried, "left_out": lost}) + "\n", "utf-8")


def _sections(dataset: Dataset) -> Iterator[tuple[str, str, str, list[dict[str, Any]], str]]:
    """(study, section, released text, its mentions, raw text) of every section that has text."""
    screened, mentions = dataset.private.get("screened"), dataset.private.get("mentions")
    if screened is None or mentions is None:
        raise ConfigError('release.exports: "bio" needs the tables screened and mentions')
    import pyarrow.compute as pc

    wanted = dataset.records.studies["study"].combine_chunks()
    raw = {row["study"]: row for row in screened.filter(pc.is_in(screened["study"], value_set=wanted)).to_pylist()}
    reports = {row["report"] for row in raw.values()}
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for batch in mentions.to_batches(16_384):
        for row in batch.to_pylist():
            if row["report"] in reports:
                found[row["report"], row["section"]].append(row)
    for study in dataset.records.studies.select(["study", *TEXT_COLUMNS]).to_pylist():
        own = raw.get(study["study"], {})
        for section in TEXT_COLUMNS:
            if study[section]:
                rows = sorted(found[own.get("report", ""), section], key=lambda row: (row["start"], row["end"], row["finding"]))
                yield study["study"], section, study[section], rows, own.get(section) or ""


def carry(raw: str, text: str, mentions: list[dict[str, Any]]) -> list[tuple[int, int, str, str]]:
    """(start, end, finding, assertion) in the released text of the mentions whose every word stands there unchanged."""
    before, after = tokens(raw), tokens(text)
    where: dict[int, int] = {}
    for block in SequenceMatcher(None, [token[0] for token in before], [token[0] for token in after], autojunk=False).get_matching_blocks():
        where.update({block.a + step: block.b + step for step in range(block.size)})
    spans = []
    for mention in mentions:
        inside = [number for number, (_, start, end) in enumerate(before) if start < mention["end"] and end > mention["start"]]
        placed = [where.get(number) for number in inside]
        if inside and None not in placed and placed == list(range(placed[0], placed[0] + len(placed))):  # type: ignore[arg-type, operator]
            spans.append((after[placed[0]][1], after[placed[-1]][2], mention["finding"], mention["assertion"]))  # type: ignore[index]
    return spans


def entities(text: str, spans: list[tuple[int, int, str, str]]) -> list[dict[str, Any]]:
    """The spans with the label of their tags and the words that their offsets cut out."""
    return [
        {"start": start, "end": end, "label": label(finding, assertion), "text": text[start:end], "finding": finding, "assertion": assertion}
        for start, end, finding, assertion in sorted(spans, key=lambda span: (span[0], -span[1]))
    ]


def label(finding: str, assertion: str) -> str:
    return finding.upper() if assertion == "present" else f"NOT-{finding.upper()}"


def tagged(text: str, spans: list[tuple[int, int, str, str]]) -> list[tuple[str, str]]:
    """(token, tag): B-/I-<finding> for what is present, B-/I-NOT-<finding> for what is denied or not of this study; else O.

    Where spans overlap the first and longest wins.
    """
    tags: dict[int, str] = {}
    words = tokens(text)
    for start, end, finding, assertion in sorted(spans, key=lambda span: (span[0], -span[1])):
        inside = [number for number, (_, a, b) in enumerate(words) if a >= start and b <= end]
        if inside and not any(number in tags for number in inside):
            name = label(finding, assertion)
            tags.update({number: ("B-" if number == inside[0] else "I-") + name for number in inside})
    return [(token, tags.get(number, "O")) for number, (token, _, _) in enumerate(words)]
