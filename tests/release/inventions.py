"""A third set of faults: consistent edits that no sum betrays, columns and elements nobody declared, pages that fetch."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom

from ichset.contracts import LABELS

from .faults import Planter, close_again, dicoms, edit, pick, rewrite, rows
from .forgeries import _change_csv
from .hospital import Hospital


def _recount_agreement(release: Path) -> None:
    from ichset.release.summary import agreement_table

    table = agreement_table(pq.read_table(release / "data/tables/reads.parquet"))
    edit(release, "agreement", lambda _: table.to_pylist())


# --- reads, labels, text: the tables agree with each other, the run says otherwise --------------------
def swapped_reads(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """Two readers change places on a study that they read differently; agreement counted again."""

    def change(found: list[dict]) -> list[dict]:
        pairs: dict[str, list[dict]] = {}
        for row in found:
            if row["role"] == "reader":
                pairs.setdefault(row["study"], []).append(row)
        apart = [own for own in pairs.values() if len(own) == 2 and any(own[0][name] != own[1][name] for name in LABELS)]
        one, two = pick(rng, apart)
        for name in LABELS:
            one[name], two[name] = two[name], one[name]
        return found

    edit(release, "reads", change)
    _recount_agreement(release)
    close_again(release)


def prettier_reads(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A disagreement made to agree, or a read more certain than it was; agreement counted again."""

    def change(found: list[dict]) -> list[dict]:
        if rng.random() < 0.5:
            pick(rng, found)["confidence"] = int(pick(rng, [1, 2, 3]))
            return found
        settled = {row["study"]: row for row in found if row["role"] == "expert"}
        for row in found:
            if (truth := settled.get(row["study"])) is not None:
                row.update({name: truth[name] for name in LABELS})
        return found

    edit(release, "reads", change)
    _recount_agreement(release)
    close_again(release)


def lost_read(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The expert's read of a study left out; facts and pages say one read fewer nowhere else."""

    def change(found: list[dict]) -> list[dict]:
        gone = pick(rng, [row for row in found if row["role"] == "expert"])
        return [row for row in found if row is not gone]

    edit(release, "reads", change)
    close_again(release)


def moved_key_slice(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """Readers' marks moved to a neighbouring slice, and the RSNA rows written to fit."""
    moved: set[str] = set()

    def change(found: list[dict]) -> list[dict]:
        study = pick(rng, sorted({row["study"] for row in found if len(row["key_slices"] or "{}") > 2}))
        moved.add(str(study))
        for row in found:
            if row["study"] == study:
                row["key_slices"] = row["key_slices"].replace("1:3", "1:4")
        return found

    edit(release, "reads", change)
    own = {row["instance"]: row["sop_uid"] for row in rows(release, "instances") if row["study"] in moved and row["series"] == 1}

    def shift(found: list[dict]) -> list[dict]:
        values = {row["ID"]: row["Label"] for row in found}
        for row in found:
            for here, there in ((3, 4), (4, 3)):
                if row["ID"].startswith(f"ID_{own[here]}_"):
                    row["Label"] = values[row["ID"].replace(own[here], own[there])]
        return found

    _change_csv(release / "data/exports/rsna/labels.csv", shift)
    close_again(release)


def other_text(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A sentence of a released report turned round, in the table and in the BIO text's source line alike."""
    section = str(pick(rng, ["conclusion", "indication"]))

    def change(found: list[dict]) -> list[dict]:
        row = pick(rng, found)
        row[section] = row[section] + " Повторно."
        return found

    edit(release, "studies", change)
    close_again(release)


def fewer_lost(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A stage of the funnel looks better than it was: fewer came, fewer left; the figure is written to fit."""

    def change(found: list[dict]) -> list[dict]:
        row = pick(rng, [row for row in found if row["event"] == "excluded" and row["count"] > 1])
        less = int(rng.integers(1, row["count"]))
        row["count"] -= less
        for other in found:
            if other["event"] == "in" and (other["stage"], other["arm"]) == (row["stage"], row["arm"]):
                other["count"] -= less
        return found

    edit(release, "flow", change)
    close_again(release)


# --- tables ------------------------------------------------------------------------------------------
def undeclared_column(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """One column more, in CSV, Parquet and croissant.json."""
    name = str(pick(rng, ["studies", "labels", "series", "reads"]))
    path = release / "data/tables" / f"{name}.parquet"
    table = pq.read_table(path)
    column = str(pick(rng, ["ward", "initials", "note"]))
    table = table.append_column(column, pa.array([f"{number % 7}" for number in range(table.num_rows)]))
    pq.write_table(table, path, store_schema=False)
    from ichset.release.tablefiles import write_csv

    write_csv(table, path.with_suffix(".csv"))
    card = json.loads((release / "croissant.json").read_text("utf-8"))
    for record_set in card["recordSet"]:
        if record_set["name"] == name:
            field = json.loads(json.dumps(record_set["field"][0]))
            field["source"]["extract"]["column"], field["dataType"] = column, "sc:Text"
            record_set["field"].append(field)
    (release / "croissant.json").write_text(json.dumps(card), "utf-8")
    close_again(release)


def csv_column(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """One column more, in the CSV alone; or one cell more in one row."""
    path = release / "data/tables" / f"{pick(rng, ['population', 'table1', 'splits', 'defacing'])}.csv"
    lines = path.read_text("utf-8").splitlines()
    if rng.random() < 0.5:
        lines = [line + ("," + ("note" if number == 0 else "x")) for number, line in enumerate(lines)]
    else:
        lines[int(rng.integers(1, len(lines)))] += ",x"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    close_again(release)


def formula(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A text that a spreadsheet runs, the same in Parquet; the guard left out."""
    column, text = pick(rng, [("description", "=1+2"), ("model", "@SUM(A1)"), ("description", "+cmd"), ("description", "＝1+2"), ("model", "-2+3")])

    def change(found: list[dict]) -> list[dict]:
        found[place][column] = text
        return found

    place = int(rng.integers(len(rows(release, "series"))))
    edit(release, "series", change)
    path = release / "data/tables/series.csv"
    path.write_text(path.read_text("utf-8").replace(f"'{text}", str(text)), "utf-8")
    close_again(release)


def _other_units(*places: tuple[str, str, float]) -> Planter:
    """Spacing in centimetres throughout, or positions in tenths: nothing counts them."""

    def plant(release: Path, _: Hospital, rng: np.random.Generator) -> None:
        table, column, factor = pick(rng, list(places))

        def change(found: list[dict]) -> list[dict]:
            for row in found:
                row[column] *= factor
            return found

        edit(release, table, change)
        close_again(release)

    return plant


other_units = _other_units(("series", "pixel_spacing", 0.1), ("instances", "position", 10.0))
other_gaps = _other_units(("series", "slice_spacing", 0.1), ("series", "slice_spacing", 0.5))


def wrong_probe(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The probe's AUC nearer to chance, on every page too."""
    found = rows(release, "probe")[0]
    auc = 0.5 + float(rng.uniform(0.001, 0.01)) if found["auc"] is None or rng.random() < 0.7 else None

    def change(_: list[dict]) -> list[dict]:
        return [{**found, "auc": auc, "folds": 5, "low": 0.4, "high": 0.6}] if auc else [{**found, "studies": found["studies"] + 1}]

    edit(release, "probe", change)
    close_again(release)


# --- bag ---------------------------------------------------------------------------------------------
def named_in_bag_info(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """Who packed it, which the standard allows and a release does not tell."""
    line = str(pick(rng, ["Contact-Name: V. Pridumanov", "Source-Organization: ward 4", "Bagging-Date: 2024-01-31"]))
    path = release / "bag-info.txt"
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    close_again(release)


def short_checksums(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A file that CHECKSUMS does not name, or names twice."""
    path = release / "CHECKSUMS"
    lines = path.read_text("utf-8").splitlines()
    place = int(rng.integers(len(lines)))
    lines = lines[:place] + lines[place + 1 :] if rng.random() < 0.5 else [*lines[:place], "0" * 64 + lines[place][64:], *lines[place:]]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    tags = release / "tagmanifest-sha256.txt"
    from .faults import sha256

    tags.write_text(re.sub(r"\w{64}  CHECKSUMS", f"{sha256(path)}  CHECKSUMS", tags.read_text("utf-8")), "utf-8")


# --- pages and figures -------------------------------------------------------------------------------
def fetching_page(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A page that tells somebody else that it was opened."""
    page, words = pick(rng, [
        ("report.html", '<img src="https://example.org/seen.png">'), ("report.html", "<script>fetch('//example.org')</script>"),
        ("report.html", '<link rel="stylesheet" href="https://example.org/a.css">'), ("README.md", "![](https://example.org/seen.png)"),
        ("DATASHEET.md", '<img src="http://example.org/seen.png">'), ("report.html", '<p onclick="alert()">more</p>'),
        ("report.html", "<style>p { background: url(https://example.org/a.png) }</style>"),
    ])  # fmt: skip
    path = release / page
    path.write_text(path.read_text("utf-8") + f"\n{words}\n", "utf-8")
    close_again(release)


def stray_elsewhere(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A number in words on a page where only tables and figures have numbers."""
    page, before = pick(rng, [("report.html", "<h2 id="), ("CLAIM.md", "\n| no. |"), ("report.html", "</main>")])
    path = release / page
    words = f"In all, {int(rng.integers(3, 9999))} scans were looked at.\n"
    text = path.read_text("utf-8")
    path.write_text(text.replace(before, (f"<p>{words}</p>" if page.endswith("html") else words) + before, 1), "utf-8")
    close_again(release)


def stale_figure(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A chart of other numbers or other bars, in its file and in the report alike."""
    name = str(pick(rng, ["balance", "technique", "shift", "agreement", "age"]))
    path, page = release / f"data/figures/{name}.svg", release / "report.html"
    text = path.read_text("utf-8")
    numbers = list(re.finditer(r">(−?\d\.\d\d|\d+)(</text>)", text))
    shown = [match for match in numbers if name in ("technique", "age") or "." in match[1]]
    bars = list(re.finditer(r'<path d="M ([\d.]+) ([\d.]+) \nL ([\d.]+) ', text))
    bars = [match for match in bars if "fill: #b3261e" in text[match.end() : match.end() + 200] and match[1] != match[3]]
    if name == "age" or (name == "balance" and rng.random() < 0.5):
        match = bars[int(rng.integers(len(bars)))] if name == "balance" else None
        old = text[match.start() : match.end()] if match else re.search(r"without ICH: (\d+) studies", text)[0]
        new = old.replace(f"L {match[3]} ", f"L {float(match[3]) + 40:.4f} ") if match else old.replace(": ", ": 1")
    else:
        match = pick(rng, shown)
        old, new = match[0], match[0].replace(match[1], "0.11" if "." in match[1] else f"9{match[1]}")
    for file in (path, page):
        body = file.read_text("utf-8")
        start = 0 if file is path else body.index(f'<figure id="figure-{name}">')
        assert old in body[start:]
        file.write_text(body[:start] + body[start:].replace(old, new, 1), "utf-8")
    close_again(release)


def wrong_head(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """What hubs and citation managers read."""
    name, pattern, new = pick(rng, [
        ("README.md", r"size_categories: .*", "size_categories: [10K<n<100K]"), ("README.md", r"pretty_name: .*", 'pretty_name: "Another set"'),
        ("README.md", r"tables/reads.parquet", "tables/labels.parquet"), ("CITATION.cff", r"title: .*", 'title: "Another set"'),
        ("CITATION.cff", r"  - name: .*", '  - name: "Somebody else"'), ("CITATION.cff", r"authors:", 'authors:\n  - name: "A guest"'),
    ])  # fmt: skip
    path = release / name
    text = path.read_text("utf-8")
    path.write_text(re.sub(pattern, new, text, count=1), "utf-8")
    assert path.read_text("utf-8") != text
    close_again(release)


def wrong_ages(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The span of ages or the number of series of a part, in the card of the archive."""
    path = release / "atlas.json"
    card = json.loads(path.read_text("utf-8"))
    total = pick(rng, card["Dataset"]["Partitions"])["Total"]
    if rng.random() < 0.5:
        total["Series count"] += 1
    else:
        total["Age range"][int(rng.integers(2))][0] += 2
    path.write_text(json.dumps(card), "utf-8")
    close_again(release)


# --- files -------------------------------------------------------------------------------------------
def extra_element(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A private element, an overlay, or a picture said to have text burned in."""
    kind = int(rng.integers(4))

    def change(d: pydicom.Dataset) -> None:
        if kind == 0:
            d.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(8, "CS", "IMAGE NUM 4")
        elif kind == 1:
            d.private_block(0x0019, "ACME", create=True).add_new(2, "SH", "07")
        elif kind == 2:
            d.add_new(0x60003000, "OW", b"\x01\x02" * 36)
        else:
            d.BurnedInAnnotation = "YES"

    rewrite(release, pick(rng, dicoms(release)), change)


def hidden_volume(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A series whose NIfTI is gone and which is said to be no volume; or the last slice of one gone."""
    path = release / "data/exports/nifti/parts.csv"

    def change(found: list[dict]) -> list[dict]:
        row = pick(rng, [row for row in found if row["file"]])
        (release / row["file"]).unlink()
        row.update(file="", part="", first_slice="", slices="", windows="", note="not a volume: only the DICOM files hold it")
        return found

    def shorten(found: list[dict]) -> list[dict]:
        row = pick(rng, [row for row in found if row["file"]])
        data = bytearray(gzip.decompress((release / row["file"]).read_bytes()))
        columns, lines, slices = np.frombuffer(data, "<i2", 3, 42)
        data[46:48] = np.int16(slices - 1).tobytes()
        (release / row["file"]).write_bytes(gzip.compress(bytes(data[: 352 + 2 * int(columns) * int(lines) * (int(slices) - 1)]), mtime=0))
        row["slices"] = str(int(row["slices"]) - 1)
        return found

    _change_csv(path, change if rng.random() < 0.5 else shorten)
    close_again(release)


def other_mask(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A mask of another name, or with words behind its voxels."""
    path = release / "data/exports/masks/masks.csv"

    def rename(found: list[dict]) -> list[dict]:
        row = pick(rng, found)
        kind = str(pick(rng, [kind for kind in ("midline", "left-ventricle", "haematoma", "mask") if kind != row["kind"]]))
        name = row["file"].replace(f"/{row['kind']}", f"/{kind}")
        (release / row["file"]).rename(release / name)
        row.update(kind=kind, file=name)
        return found

    if rng.random() < 0.5:
        _change_csv(path, rename)
    else:
        mask = pick(rng, sorted((release / "data/exports/masks").rglob("*.nii.gz")))
        mask.write_bytes(gzip.compress(gzip.decompress(mask.read_bytes()) + b"Vym. T., ward 4 ", mtime=0))
    close_again(release)


INVENTIONS: dict[str, tuple[Planter, str]] = {
    "swapped reads": (swapped_reads, "sources"), "prettier reads": (prettier_reads, "sources"), "lost read": (lost_read, "sources"),
    "moved key slice": (moved_key_slice, "sources"), "other text": (other_text, "sources"), "fewer lost": (fewer_lost, "sources"),
    "undeclared column": (undeclared_column, "tables"), "column of the CSV": (csv_column, "tables"), "formula": (formula, "tables"),
    "other units": (other_units, "headers"), "other gaps": (other_gaps, "slices"),
    "wrong probe": (wrong_probe, "words"), "named in bag-info": (named_in_bag_info, "bag"), "short CHECKSUMS": (short_checksums, "checksums"),
    "fetching page": (fetching_page, "clean"), "stray number elsewhere": (stray_elsewhere, "words"), "stale figure": (stale_figure, "figures"),
    "wrong head": (wrong_head, "cards"), "wrong ages": (wrong_ages, "cards"), "extra element": (extra_element, "headers"),
    "hidden volume": (hidden_volume, "exports"), "other mask": (other_mask, "exports"),
}  # fmt: skip
