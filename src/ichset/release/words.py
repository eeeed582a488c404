"""The pages and cards of a release: README, datasheet, checklist, licence, citation, HTML report."""

from __future__ import annotations

import base64
import re
from importlib.resources import files

from ichset.release.dataset import Dataset
from ichset.release.page import render

PAGES = {
    "README.md": "README.md.j2", "DATASHEET.md": "DATASHEET.md.j2", "CLAIM.md": "CLAIM.md.j2", "LICENSE": "LICENSE.j2",
    "CITATION.cff": "CITATION.cff.j2",
}  # fmt: skip


def write_words(dataset: Dataset) -> None:
    """Write every page at the root of the bag; the figures must be there already."""
    for name, template in PAGES.items():
        _write(dataset, name, render(template, dataset))
    css = files("ichset.release").joinpath("templates", "report.css").read_text("utf-8")
    _write(dataset, "report.html", render("report.html.j2", dataset, html=True, css=_safe(css), figures=_figures(dataset)))


def _write(dataset: Dataset, name: str, text: str) -> None:
    (dataset.bag / name).write_text(text, "utf-8", newline="\n")


def _figures(dataset: Dataset) -> dict[str, str]:
    """Each figure as it goes into the page: SVG inline, so that its text can be read and found; PNG as a data address."""
    folder = dataset.bag / "data" / "figures"
    found = {}
    for path in sorted(folder.glob("*.svg")):
        body = path.read_text("utf-8")
        found[path.stem] = _safe(_own_ids(body[body.index("<svg") :], path.stem))
    for path in sorted(folder.glob("*.png")):
        if path.stem not in found:
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            found[path.stem] = _safe(f'<img alt="{path.stem}" src="data:image/png;base64,{data}">')
    return found


def _own_ids(svg: str, stem: str) -> str:
    """Identifiers of several figures must not meet on one page."""
    svg = re.sub(r'\bid="', f'id="{stem}-', svg)
    return re.sub(r'(xlink:href="#|href="#|url\(#)', lambda match: match[1] + stem + "-", svg)


def _safe(text: str) -> str:
    from markupsafe import Markup

    return Markup(text)
