"""From the demo's open image round through the readers' page to an audited release, slice labels included."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from browsing import go_to, open_case, press, save, sign_in
from pydicom import dcmread
from readers_page import Page, add_accounts, start_page
from test_reading import formula

from ichset.config import load
from ichset.contracts import LABELS
from ichset.readings import open_round
from ichset.readings.worklists import parse_row
from ichset.review.desk import Desk
from ichset.review.private import private_folder, server_secret

ICHSET = [sys.executable, "-c", "from ichset.cli import main; main()"]
KEY = bytes([1]) * 32
PRESSED = {1: "true", None: "mixed", 0: "false"}
MIDDLE = """() => {
    const canvas = document.querySelector('#picture'), [x, y] = [canvas.dataset.x, canvas.dataset.y].map(Number);
    const [columns, rows] = [canvas.width - 2 * x, canvas.height - 2 * y].map(size => size - size % 2); // 1:1 and in the middle
    return [...canvas.getContext('2d').getImageData(x + columns / 2, y + Math.floor(rows * 0.7), 8, 8).data].filter((_, i) => i % 4 === 0);
}"""


def ichset(*arguments: object) -> int:
    """Run the command line; its exit code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([*ICHSET, *map(str, arguments)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode in (0, 8), done.stdout + done.stderr
    return done.returncode


def hospital(folder: Path) -> Path:
    """A demo hospital whose image round nobody has read, and whose archive numbers its slices from the top down."""
    folder.mkdir()
    (folder / "ichset.key").touch(0o600)
    (folder / "ichset.key").write_text(KEY.hex())  # the cohort follows from it: one whose readers marked slices
    ichset("demo", "init", folder, "--size", "small", "--seed", "3")
    config = folder / "demo.toml"
    text = config.read_text("utf-8").replace('decisions = "decisions/image.csv"\n', "").replace('training = "training.parquet"\n', "")
    text = re.sub(r"target = \{.*\}", "target = { ich = 2, normal = 1 }", text).replace("margin = 0.3", "margin = 0.0")
    config.write_text(text, "utf-8")
    for path in (path for path in (folder / "archive").rglob("*") if path.is_file()):
        head = re.compile(rb"(\x20\x00\x13\x00(?:IS\x02\x00|\x02\x00\x00\x00))(\d[\d ])")
        path.write_bytes(head.sub(lambda found: found[1] + b"%02d" % (99 - int(found[2])), path.read_bytes(), count=1))
    return config


class Reader:
    """One person at the page, who answers as the demo's file of decisions has it."""

    def __init__(self, browser: Any, page: Page, user: str, rows: dict[tuple[str, str], dict[str, str]], language: str) -> None:
        self.user, self.rows, self.page = user, rows, page
        self.tab = sign_in(browser, page, user, language)
        self.marked: dict[tuple[str, str, str], tuple[str, list[int]]] = {}  # (study, label, mark) -> (offset, middle of the picture)

    def read_all(self, tokens: dict[str, str]) -> None:
        open_case(self.tab, self.page)
        assert self.user == "expert" or self.tab.locator("#expert").is_hidden()
        assert not ({"reader-1", "reader-2"} - {self.user}) & set(self.tab.inner_text("body").split())
        while self.tab.locator("#done").is_hidden():
            study = tokens[self.tab.evaluate("document.querySelector('#desk').dataset.token")]
            self.read(study, parse_row(self.rows[study, self.user]))

    def read(self, study: str, wanted: Any) -> None:
        tab = self.tab
        press(tab, {1: "y", 0: "n", None: "u"}[wanted.answers["ich"]])
        for label in LABELS[1:]:
            button = tab.locator(f"[data-label={label}]")
            while wanted.answers["ich"] is not None and button.get_attribute("aria-pressed") != PRESSED[wanted.answers[label]]:
                press(tab, str(button.get_attribute("data-key")))
        for label, slices in wanted.key_slices.items():
            if wanted.answers[label] == 1:
                for mark in (slices[0], slices[-1]):
                    self.mark(study, label, mark)
        if wanted.exclude:
            press(tab, "x")
            tab.locator("#exclude").select_option(wanted.exclude)
            press(tab, "Escape")
        if wanted.confidence:
            press(tab, f"Shift+Digit{wanted.confidence}")
        save(tab)

    def mark(self, study: str, label: str, mark: str) -> None:
        if (study, label, mark) in self.marked:
            return
        series, number = mark.split(":")
        assert series == "1"
        press(self.tab, "Digit4", "Digit0")
        go_to(self.tab, int(number) - 1)
        columns = self.tab.evaluate("document.querySelector('#corner-nw').textContent")
        assert f"({mark})" in columns
        self.tab.wait_for_function("() => { const d = document.querySelector('#picture').dataset; return d.width === '2800' && d.scale === '1'; }")
        key = self.tab.locator(f"[data-label={label}]").get_attribute("data-key")
        press(self.tab, f"Shift+{key}")
        offset = columns.split("\n")[1].split()[0]
        self.marked[study, label, mark] = (offset, self.tab.evaluate(MIDDLE))


def test_three_people_read_the_demo_through_the_page_to_an_audited_release(tmp_path: Path, browser: Any) -> None:
    path = hospital(tmp_path / "hospital")
    config = load(path)
    assert ichset("run", "--config", path) == 8
    with (path.parent / "decisions" / "image.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {(row["study"], row["reader"]): row for row in csv.DictReader(file)}
    add_accounts(config)
    page = start_page(config, path)
    people = {name: Reader(browser, page, name, rows, language) for name, language in (("reader-1", "en"), ("reader-2", "ru"), ("expert", "ru"))}
    desk = Desk(config, private_folder(config.project.work), server_secret(private_folder(config.project.work)))
    for _ in range(4):  # studies that the readers turn away call up their replacements
        for name, person in people.items():
            person.read_all(desk.cases("image", name))
        if ichset("run", "--config", path) == 0:  # its last stage is the audit of the release
            break
    lead = sign_in(browser, page, "lead")
    studies = len(desk.round("image").studies)
    assert re.search(rf"Images\s+judged {studies} / {studies}", lead.inner_text("main"))
    page.stop()
    assert (page.log.read_text(), [fault for person in people.values() for fault in person.tab.faults] + lead.faults) == ("", [])
    reads = open_round(config.project.work / "readings", "image", config.read_image, config.project.seed).reads()
    for (study, reader), entry in reads.items():
        assert entry.decision.same_as(parse_row(rows[study, reader])), "the page recorded other answers than the reader's"
    arms = pq.read_table(config.project.work / "tables" / "selected.parquet")["arm"].to_pylist()
    assert sorted(arms) == ["ich", "ich", "normal"]
    check_slices(config.project.release, people)


SUBTYPES = {"epidural": "epidural", "intraparenchymal": "intracerebral", "intraventricular": "intraventricular",
            "subarachnoid": "subarachnoid", "subdural": "subdural"}  # fmt: skip


def check_slices(release: Path, people: dict[str, Reader]) -> None:
    """Every slice that carries a label in the RSNA export is the very picture on which a reader marked it, and no other is."""
    data = release / "data"
    with (data / "exports/rsna/level.csv").open(encoding="utf-8", newline="") as file:
        level = {(row["study"], SUBTYPES[row["subtype"]]) for row in csv.DictReader(file) if row["level"] == "slice" and row["subtype"] in SUBTYPES}
    with (data / "exports/rsna/labels.csv").open(encoding="utf-8", newline="") as file:
        positive = {row["ID"] for row in csv.DictReader(file) if row["Label"] == "1"}
    files = {f.SOPInstanceUID: f for f in (dcmread(path) for path in sorted(data.rglob("*.dcm")))}
    found = {}
    rows = pq.read_table(data / "tables/instances.parquet").to_pylist()
    lowest = {(row["study"], row["series"]): row["position"] for row in sorted(rows, key=lambda row: -row["position"])}
    for row in rows:
        for subtype, label in SUBTYPES.items():
            if (row["study"], label) in level and f"ID_{row['sop_uid']}_{subtype}" in positive:
                found[row["study"], label, f"{row['position'] - lowest[row['study'], row['series']]:.1f}"] = files[row["sop_uid"]]
    marked = {(study, label, offset): seen for one in people.values() for (study, label, _), (offset, seen) in one.marked.items()}
    assert found and found.keys() == {key for key in marked if key[:2] in level}
    for key, file in found.items():
        row, column = int(file.Rows * 0.7), file.Columns // 2  # in the back of the head, where defacing alters nothing
        hu = file.pixel_array[row : row + 8, column : column + 8] * float(file.RescaleSlope) + float(file.RescaleIntercept)
        assert (np.array(marked[key]).reshape(8, 8) == formula(hu, 2800, 600)).all(), key[1:]
