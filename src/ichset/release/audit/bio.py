"""The BIO text: every token, tag and offset against the released text of studies.csv."""

from __future__ import annotations

import json
import re
from collections import defaultdict

from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check

FOLDER = "data/exports/bio/"
SECTIONS = ("indication", "description", "conclusion")
Span = tuple[int, int, str]  # start, end, tag without B- or I-


def check_bio(check: Check, evidence: Evidence) -> None:
    """spans.jsonl quotes the text where it says; reports.bio has every token of the text, tagged as spans.jsonl has it."""
    if f"{FOLDER}reports.bio" not in evidence.files:
        return
    texts = {(row["study"], section): row.get(section, "") for row in evidence.rows("studies") for section in SECTIONS}
    spans: dict[tuple[str, str], list[Span]] = defaultdict(list)
    lines = [json.loads(line) for line in evidence.text(f"{FOLDER}spans.jsonl").split("\n") if line]
    filled = [f"{study}/{section}" for (study, section), text in texts.items() if text]
    check.expect([line["id"] for line in lines] == filled, True, "bio/spans.jsonl: a line for every text")
    for line in lines:
        where = line["study"], line["section"]
        check.expect((line["id"], line["text"] == texts.get(where)), ("/".join(where), True), f"bio/spans.jsonl, {line['id']}: the text")
        for span in line["entities"]:
            tag = ("" if span["assertion"] == "present" else "NOT-") + span["finding"].upper()
            quoted = line["text"][span["start"] : span["end"]] == span["text"] != ""
            check.expect((quoted, span["label"]), (True, tag), f"bio/spans.jsonl, {line['id']}: words and label of a span")
            spans[where].append((span["start"], span["end"], tag))
    counted = json.loads(evidence.text(f"{FOLDER}counts.json")).get("spans")
    check.expect(counted, sum(map(len, spans.values())), "bio/counts.json: spans")
    wanted = "".join(f"# {study} {section}\n{_tagged(text, spans[study, section])}\n" for (study, section), text in texts.items() if text)
    found = evidence.text(f"{FOLDER}reports.bio")
    check.expect(found == wanted, True, f"bio/reports.bio has the text and the tags of spans.jsonl{_first_difference(found, wanted)}")


def _tagged(text: str, spans: list[Span]) -> str:
    """A line a token. Of spans that overlap, the one that starts first counts, of those the longest."""
    taken = [(match.start(), match.end(), match[0]) for match in re.finditer(r"\w+|[^\w\s]", text)]
    tags = ["O"] * len(taken)
    for start, end, tag in sorted(spans, key=lambda span: (span[0], -span[1])):
        inside = [place for place, (a, b, _) in enumerate(taken) if start <= a and b <= end]
        if inside and all(tags[place] == "O" for place in inside):
            for place in inside:
                tags[place] = ("B-" if place == inside[0] else "I-") + tag
    return "".join(f"{token}\t{tag}\n" for (_, _, token), tag in zip(taken, tags, strict=True))


def _first_difference(found: str, wanted: str) -> str:
    if found == wanted:
        return ""
    pairs = zip(found.splitlines(), wanted.splitlines(), strict=False)
    return f", line {next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 0)}"
