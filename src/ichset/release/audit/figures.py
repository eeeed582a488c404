"""The figures: the numbers drawn in them are those of the tables, and each is the one that report.html shows."""

from __future__ import annotations

import base64
import io
import re
from collections import Counter

from ichset.release.audit.charts import check_charts, texts
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check

FOLDER = "data/figures/"


def check_figures(evidence: Evidence) -> Check:
    """The numbers drawn in the flow diagram and in every chart are those of the tables."""
    check = Check("figures", "the numbers drawn in the figures equal the tables")
    flow = texts(evidence.text(f"{FOLDER}flow.svg"))
    wanted = Counter(row["count"] for row in evidence.rows("flow") if row["event"] == "kept" and (row["arm"], row["count"]) != ("", "0"))
    # the last stage counts the whole order again: of its reasons only the reserve is drawn, where it left
    last = evidence.rows("flow")[-1]["stage"] if evidence.rows("flow") else ""
    gone = [row for row in evidence.rows("flow") if row["event"] in ("excluded", "quarantined") and row["count"] != "0"]
    wanted.update(row["count"] for row in gone if row["stage"] != last)
    reserve = sum(int(match[1].replace(",", "")) for text in flow if (match := re.match(r"([\d,]+) reserve, not needed", text)))
    if flow:
        check.expect(reserve, sum(int(row["count"]) for row in gone if row["reason"] == "reserve, not needed"), "flow.svg: reserve")
    found = Counter(match[1].replace(",", "") for text in flow if (match := re.match(r"([\d,]+) (?!left$)", text)))
    if flow:
        for count, times in wanted.items():
            check.looked_at += 1
            if found[count] < times:
                check.fault(f"flow.svg: the count {count} should be drawn {times} times, it is drawn {found[count]} times")
    for text in flow:
        if (match := re.match(r"([\d,]+)(?= )", text)) and not text.endswith((" left", " reserve, not needed")):
            known = {row["count"] for row in evidence.rows("flow")}
            check.expect(match[1].replace(",", "") in known, True, f"flow.svg: {text!r} stands in flow.csv")
    check_charts(check, evidence)
    _shown_in_report(check, evidence)
    _same_boxes(check, evidence)
    return check


def _shown_in_report(check: Check, evidence: Evidence) -> None:
    """Each figure is, byte for byte, the one that report.html shows; a figure that was drawn twice is shown as SVG."""
    page = evidence.text("report.html")
    names = {name.removeprefix(FOLDER) for name in evidence.files if name.startswith(FOLDER)}
    stems = {name.rpartition(".")[0] for name in names}
    check.expect(set(re.findall(r'<figure id="figure-([a-z]+)">', page)), stems, "report.html: figures shown")
    for stem in sorted(stems):
        found = re.search(rf'<figure id="figure-{stem}">(.*?)<figcaption>', page, re.DOTALL)
        if found is None:
            continue
        if f"{stem}.svg" in names:
            drawn = evidence.text(f"{FOLDER}{stem}.svg")
            plain = re.sub(rf'(id="|href="#|url\(#){stem}-', r"\1", found[1])  # the page's own identifiers
            check.expect(plain.strip() == drawn[drawn.find("<svg") :].strip(), True, f"{FOLDER}{stem}.svg is the figure of report.html")
        else:
            data = base64.b64encode((evidence.release / f"{FOLDER}{stem}.png").read_bytes()).decode()
            check.expect(f'src="data:image/png;base64,{data}"' in found[1], True, f"{FOLDER}{stem}.png is the figure of report.html")


def _same_boxes(check: Check, evidence: Evidence) -> None:
    """flow.png has ink where the boxes of flow.svg have their corners, and the same proportions."""
    import numpy as np
    from PIL import Image

    text = evidence.text(f"{FOLDER}flow.svg")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    if size is None or f"{FOLDER}flow.png" not in evidence.files:
        check.expect(f"{FOLDER}flow.png" in evidence.files, bool(text), "flow.png beside flow.svg")
        return
    try:
        picture = np.asarray(Image.open(io.BytesIO((evidence.release / f"{FOLDER}flow.png").read_bytes())).convert("L"))
    except (OSError, ValueError) as error:
        check.fault(f"flow.png: cannot be read ({type(error).__name__})")
        return
    scale = picture.shape[1] / float(size[1])
    check.expect(abs(picture.shape[0] - scale * float(size[2])) <= 2, True, "flow.png: proportions of flow.svg")
    boxes = re.findall(r'<path d="M ([\d.]+) ([\d.]+)[^"]*z\s*"[^>]*stroke: #', text)
    for x, y in boxes:
        column, row = int(float(x) * scale), int(float(y) * scale)
        around = picture[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        check.expect(bool(around.size) and int(around.min()) < 235, True, "flow.png: a box of flow.svg")
    # what is drawn between the boxes is arrows alone: more ink than that is another picture
    check.expect(bool((picture > 235).mean() > 0.5), True, "flow.png: paper between the boxes")
