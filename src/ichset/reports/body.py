"""A report of several parts of the body: what stands under the heading of another part is not of the head."""

from __future__ import annotations

import re

# headings at the start of a line or sentence, with their colon: ЖИВОТ: ..., CHEST: ...
_PARTS = (
    r"(?:органы\s+)?(?:груд[а-я]*(?:\s+клетк[а-я]+)?|живот[а-я]*|брюшн[а-я]+\s+полост[а-я]+|(?:малый\s+)?таз[а-я]?|ше[яи]|огк|обп|омт|позвоночник[а-я]?"
    r"|шейный отдел(?:\s+позвоночника)?|конечности|chest|thorax|abdomen(?:\s+and\s+pelvis)?|pelvis|neck|(?:cervical\s+)?spine|c-spine|extremities)"
)
_HEAD = r"(?:голова|головы|головной мозг|мозг|череп|гм|кт гм|head|brain|skull|заключение|вывод[а-я]*|impression|conclusion|opinion)"
_STUDY = r"(?:(?:кт|мскт|ct)\s+(?:of\s+(?:the\s+)?)?)?"
_HEADING = re.compile(rf"(?i)(?:^|(?<=[\n.;!]))[ \t\r\n]*(?:\d+[.)]\s*)?{_STUDY}(?:(?P<part>{_PARTS})|(?P<head>{_HEAD}))\s*:")


def of_the_head(text: str) -> str:
    """The text with what belongs to other parts of the body turned into line breaks: characters keep their places."""
    marks = list(_HEADING.finditer(text)) if ":" in text else []
    if not any(mark["part"] for mark in marks):
        return text
    pieces, at = [], 0
    for mark, end in zip(marks, [*(mark.start() for mark in marks[1:]), len(text)], strict=True):
        pieces.append(text[at : mark.start()])
        line = text.find("\n", mark.end(), end)
        at = (line if line >= 0 else end) if mark["part"] else mark.start()  # such a heading holds for its line
        pieces.append("\n" * (at - mark.start()))
    return "".join(pieces) + text[at:]
