"""The cards for machines load in the tools they are for, and every page speaks from the tables alone; all offline."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest
import yaml

from .conftest import Built

SCHEMA = Path(__file__).with_name("atlas-2025-11.json")


def test_croissant_is_valid_and_its_record_sets_load(built: Built) -> None:
    code = (
        "import sys, json, mlcroissant as mlc\n"
        "card = mlc.Dataset(sys.argv[1])\n"
        "assert not card.metadata.ctx.issues.errors, card.metadata.ctx.issues.errors\n"
        "labels = list(card.records('labels')); series = list(card.records('series'))\n"
        "print(json.dumps([len(labels), len(series), labels[0]['labels/study'].decode(), int(labels[0]['labels/ich'])]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(built.release / "croissant.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    labels = pq.read_table(built.release / "data/tables/labels.parquet").to_pylist()
    series = pq.read_table(built.release / "data/tables/series.parquet")
    assert json.loads(done.stdout.splitlines()[-1]) == [len(labels), series.num_rows, labels[0]["study"], labels[0]["ich"]]


def test_atlas_card_fits_its_schema(built: Built) -> None:
    card = json.loads((built.release / "atlas.json").read_text("utf-8"))
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(card)
    exams = [partition["Total"]["Exam count"] for partition in card["Dataset"]["Partitions"]]
    assert sum(exams) == len(built.hospital.cases)
    card["Dataset"]["Partitions"][0]["Total"]["Exam count"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(card)


def test_readme_head_is_what_a_hub_reads(built: Built) -> None:
    text = (built.release / "README.md").read_text("utf-8")
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["license"] == "cc-by-4.0" and head["size_categories"] == ["n<1K"]
    for item in head["configs"]:
        assert (built.release / item["data_files"]).is_file()
    assert yaml.safe_load((built.release / "CITATION.cff").read_text("utf-8"))["version"] == "1.0.0"


def test_every_place_that_a_page_names_exists(built: Built) -> None:
    pages = [(built.release / name).read_text("utf-8") for name in ("README.md", "DATASHEET.md", "CLAIM.md")]
    named = {name for page in pages for name in re.findall(r"`([\w./-]+\.(?:md|csv|json|svg|html|txt))`", page)}
    assert {"report.html", "data/tables/reads.csv", "data/figures/flow.svg"} <= named
    assert [name for name in sorted(named) if not (built.release / name).exists()] == []


def test_every_section_of_the_datasheet_has_words(built: Built) -> None:
    sections = re.split(r"^## ", (built.release / "DATASHEET.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert [section.split("\n")[0] for section in sections] == [
        "Motivation", "Composition", "Collection", "Preprocessing", "Uses", "Distribution", "Maintenance",
    ]  # fmt: skip
    assert all(len(section.split()) > 20 for section in sections)


def test_no_number_on_a_page_comes_from_elsewhere_than_the_tables(built: Built) -> None:
    """Every number of README and DATASHEET is a cell of a table, a version or date of the config, or a fixed term."""
    cells: set[str] = set()
    for path in (built.release / "data/tables").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            for value in row.values():
                if isinstance(value, float):
                    cells.update(f"{value:,.{places}f}".lstrip("-") for places in range(4))
                cells.update(re.findall(r"\d+(?:\.\d+)?", str(value)))
    fixed = {"1", "2", "95"}
    for name in ("README.md", "DATASHEET.md"):
        text = re.sub(r"`[^`]*`|```.*?```|^---\n.*?\n---\n|<https[^>]*>", "", (built.release / name).read_text("utf-8"), flags=re.DOTALL)
        strays = [number for number in re.findall(r"(?<![\w.])\d{1,3}(?:,\d{3})*(?:\.\d+)?(?![\d.]*\d)", text) if number not in cells | fixed]
        assert strays == [], name


def test_report_needs_nothing_from_outside(built: Built) -> None:
    page = (built.release / "report.html").read_text("utf-8")
    loads = re.findall(r"""(?:src|href)\s*=\s*["']([^"'#][^"']*)""", page)
    assert all(place.startswith("data:image/png;base64,") for place in loads), [place[:60] for place in loads]
    assert "<script" not in page and "@import" not in page and "url(http" not in page
    for name in ("flow", "labels", "balance", "age", "technique", "agreement", "montage", "surface"):
        assert f'id="figure-{name}"' in page, name
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert [ref for ref in re.findall(r'(?:href="|url\()#([^")]+)', page) if ref not in identifiers] == []


def test_report_opens_in_a_browser_with_every_figure_and_nothing_clipped(built: Built, chromium: Path, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(chromium), args=flags)
        page = browser.new_page(viewport={"width": 1200, "height": 900}, offline=True)
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else faults.append(request.url))
        page.goto((built.release / "report.html").as_uri())
        for width in (420, 1366, 1200):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 100)")
        # no text of a figure lies outside its picture, with whatever font the browser has
        outside = page.evaluate(
            """[...document.querySelectorAll('figure svg')].flatMap(svg => { const box = svg.getBoundingClientRect();
               return [...svg.querySelectorAll('text')].filter(text => { const own = text.getBoundingClientRect();
               return own.width && (own.left < box.left - 1 || own.right > box.right + 1 ||
                 own.top < box.top - 1 || own.bottom > box.bottom + 1) })
               .map(text => text.textContent) })"""
        )
        assert outside == [] and faults == []
        data = page.pdf(format="A4")
        browser.close()
    assert data.startswith(b"%PDF") and len(data) > 20_000
