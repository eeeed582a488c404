"""A second set of faults, planted where nobody counts: what lies beside the content, what is derived, what is consistent but untrue."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import struct
import zlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom

from .faults import Planter, close_again, dicoms, edit, pick, reenter, rewrite, rows
from .hospital import Hospital, header_name, scanner_number, source_date


def _change_csv(path: Path, change: object) -> None:
    found = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    columns = list(found[0])
    found = change(found)  # type: ignore[operator]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


# --- files that have no place ------------------------------------------------------------------------
def hidden_file(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """Entered in every manifest."""
    folder = pick(rng, [release / "data", *sorted(path for path in (release / "data").rglob("*") if path.is_dir())])
    (folder / str(pick(rng, [".DS_Store", ".notes.txt", "Thumbs.db", ".~lock"]))).write_bytes(rng.bytes(20))
    close_again(release)


def crosswalk_left(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """A list of who is who, its numbers written with a gap so that no search finds them; entered in every manifest."""
    lines = [f"{case.study},{case.patient_id[:6]} {case.patient_id[6:]}" for case in hospital.cases]
    place = pick(rng, ["data/tables/crosswalk.csv", "data/subjects.csv", "crosswalk.csv", "data/exports/rsna/key.csv"])
    (release / str(place)).write_text("\n".join(["study,patient", *lines]) + "\n")
    close_again(release)


def empty_folder(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    case = pick(rng, list(hospital.cases))
    (release / "data" / str(pick(rng, ["dicom", "exports", "tables"])) / case.patient_id[:6]).mkdir()


def linked_folder(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    folder = pick(rng, sorted(path for path in (release / "data").rglob("*") if path.is_dir() and not any(p.is_dir() for p in path.iterdir())))
    target = folder.rename(release.parent / f"elsewhere{int(rng.integers(1 << 40))}")
    folder.symlink_to(target)


def fetched_file(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A bag may name files that lie elsewhere (RFC 8493, 2.2.3); a whole release may not."""
    path = pick(rng, dicoms(release))
    (release / "fetch.txt").write_text(f"https://example.org/{path.name} {path.stat().st_size} {path.relative_to(release)}\n")
    close_again(release)


# --- beside the content ------------------------------------------------------------------------------
def words_in_png(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, sorted((release / "data/figures").glob("*.png")))
    data, case = path.read_bytes(), pick(rng, list(hospital.cases))
    kind, body = pick(rng, [
        (b"tEXt", b"Comment\0" + f"Vymyshlenskiy-{case.number}".encode()),
        (b"zTXt", b"Comment\0\0" + zlib.compress(case.name.encode())), (b"eXIf", b"II*\0" + rng.bytes(12)),
    ])  # fmt: skip
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data[:33] + chunk + data[33:])
    close_again(release)


def comment(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """In a figure, and in the same figure of the report; or in a page."""
    place = str(pick(rng, ["data/figures/age.svg", "data/figures/flow.svg", "README.md", "DATASHEET.md", "report.html"]))
    path = release / place
    if place.endswith(".svg"):
        words = "<!-- Vymyshlenskij T. -->" if rng.random() < 0.5 else "<desc>Vymyshlenskij T.</desc>"
        for file in (path, release / "report.html"):
            text = file.read_text("utf-8")
            at = text.index(' <g id="figure_1">') if file is path else text.index(f' <g id="{path.stem}-figure_1">')
            file.write_text(text[:at] + words + text[at:], "utf-8")
    else:
        path.write_text(path.read_text("utf-8") + "\n<!-- Vymyshlenskij T. -->\n", "utf-8")
    close_again(release)


def parquet_metadata(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, sorted((release / "data/tables").glob("*.parquet")))
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"made by": b"V. Pridumanov, room 12"}), path)
    close_again(release)


def gzip_name(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, sorted((release / "data/exports").rglob("*.nii.gz")))
    data = gzip.decompress(path.read_bytes())
    out = io.BytesIO()
    with gzip.GzipFile("hematoma_Vymyshlenskij.nii", "wb", fileobj=out, mtime=int(rng.integers(1 << 30))) as file:
        file.write(data)
    path.write_bytes(out.getvalue())
    close_again(release)


def nifti_words(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, sorted((release / "data/exports").rglob("*.nii.gz")))
    data = bytearray(gzip.decompress(path.read_bytes()))
    at, words = pick(rng, [(148, b"room 12, ward 4"), (14, b"PACS-3"), (228, b"list.txt"), (328, b"Vym. T.")])
    data[at : at + len(words)] = words
    path.write_bytes(gzip.compress(bytes(data), mtime=0))
    close_again(release)


def words_in_preamble(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, dicoms(release))
    data = bytearray(path.read_bytes())
    at = int(rng.integers(0, 100))
    data[at : at + 12] = b"Vym. T., 4/2"
    path.write_bytes(bytes(data))
    reenter(release, path)
    close_again(release)


def after_the_pixels(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    rewrite(release, pick(rng, dicoms(release)), lambda d: d.add_new(0xFFFCFFFC, "OB", b"Vym. T., ward 4 "))


# --- identities --------------------------------------------------------------------------------------
def _nested(**values: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def nested_date(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """A date that no table of the run knows, left as it was in a sequence."""
    case = pick(rng, list(hospital.cases))
    path = pick(rng, [path for path in dicoms(release) if path.parts[-3] == case.study])
    day = (source_date(case) + timedelta(days=1)).strftime("%Y%m%d")
    rewrite(release, path, lambda d: setattr(d, "RequestAttributesSequence", [_nested(PerformedProcedureStepStartDate=day)]))


def nested_doctor(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A name that no table of the run knows."""
    keyword = str(pick(rng, ["RequestingPhysician", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"]))
    item = _nested(**{keyword: str(pick(rng, ["Doktorov^D", "Д. Докторов", "SMITH^J"]))})

    def change(d: pydicom.Dataset) -> None:
        d.SpecificCharacterSet = "ISO_IR 192"
        d.RequestAttributesSequence = [_nested(ScheduledProcedureStepID=""), item]

    rewrite(release, pick(rng, dicoms(release)), change)


def source_uid(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """Of the file or the frame of reference, in a private element."""
    case = pick(rng, list(hospital.cases))
    path = pick(rng, [path for path in dicoms(release) if path.parts[-3] == case.study])
    value = str(pick(rng, [f"{case.uid}.99", f"{case.uid}.1.{int(rng.integers(1, 6))}"]))
    rewrite(release, path, lambda d: d.private_block(0x0011, "ACME 1", create=True).add_new(7, "LO", f"from {value}"))


def scanner_name(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """The patient's name in Latin letters: as the scanner had it, or as a passport would."""
    case = pick(rng, list(hospital.cases))
    passport = f"Vymyshlenskii-{case.number % 8} Testoslav Primerovich"
    name = str(pick(rng, [header_name(case), header_name(case).replace("^", " "), passport, passport.upper()]))
    path = release / str(pick(rng, ["DATASHEET.md", "report.html", "data/figures/shift.svg", "CITATION.cff"]))
    path.write_text(path.read_text("utf-8") + f"\n{name}\n", "utf-8")
    close_again(release)


def short_number(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """A patient number of seven digits, in words."""
    case = pick(rng, list(hospital.cases))
    path, number = pick(rng, [path for path in dicoms(release) if path.parts[-3] == case.study]), scanner_number(case)
    words = str(pick(rng, [f"No {number}", number, f"AXIAL/{number}/2"]))
    rewrite(release, path, lambda d: setattr(d, str(pick(rng, ["SeriesDescription", "ImageComments"])), words))


def very_old(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """An age over the cap, the same in header, table and counts."""
    ages = {row["study"]: row for row in rows(release, "studies") if row["age"] and row["age"].isdigit()}
    study, age = str(pick(rng, sorted(ages))), int(rng.integers(90, 103))

    def older(found: list[dict]) -> list[dict]:
        for row in found:
            row["age"] = str(age) if row["study"] == study else row["age"]
        return found

    edit(release, "studies", older)
    own = [path for path in dicoms(release) if path.parts[-3] == study]
    for path in own:
        d = pydicom.dcmread(path)
        d.PatientAge = f"{age:03d}Y"
        d.save_as(path)
    reenter(release, *own)
    close_again(release)


# --- consistent, and untrue --------------------------------------------------------------------------
def other_run(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """Built by the tool itself from a run whose labels and reads were turned over beforehand: the release agrees with itself in all."""
    from ichset.release.build import build_release

    from . import hospital as ward

    label, number = str(pick(rng, ["fracture", "multiple", "intraventricular"])), int(rng.integers(0, 5)) * 2

    def turned(name: str) -> pa.Table:
        found = hospital.tables[name].to_pylist()
        study = hospital.cases[number].study
        for row in found:
            if row["study"] == study:
                row[label] = 1 - (hospital.cases[number].labels[label] or 0)
        return pa.Table.from_pylist(found, hospital.tables[name].schema)

    tables = {**hospital.tables, "selected": turned("selected"), "reads": turned("reads")}
    shutil.rmtree(release)
    config = ward.config(hospital.work.parent, report_text=True, exports=["rsna"], examples=0)
    project = config.project.model_copy(update={"release": release})
    build_release(tables, hospital.funnel, config.model_copy(update={"project": project}), hospital.work)


def wrong_sampling(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        pick(rng, found)[str(pick(rng, ["weight", "source_prevalence"]))] += float(rng.uniform(0.01, 0.3))
        return found

    edit(release, "studies", change)
    close_again(release)


def repainted(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A lesion painted into one slice; size and hashes entered anew."""
    path = pick(rng, dicoms(release))
    d = pydicom.dcmread(path)
    pixels = d.pixel_array.copy()
    pixels[20:26, 20:26] = 70
    d.PixelData = pixels.astype("<i2").tobytes()
    d.save_as(path)
    reenter(release, path)
    close_again(release)


def other_scale(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The picture of a patient of the other split under new UIDs, stored on another scale, or turned over: no stored byte is the same."""
    split = {row["study"]: row["split"] for row in rows(release, "studies")}
    one = pick(rng, [path for path in dicoms(release) if split[path.parts[-3]] == "train"])
    two = pick(rng, [path for path in dicoms(release) if split[path.parts[-3]] == "test"])
    pixels, turn = pydicom.dcmread(one).pixel_array, int(rng.integers(3))

    def change(d: pydicom.Dataset) -> None:
        shown = pixels + 1024 if turn == 0 else np.fliplr(pixels) if turn == 1 else np.rot90(pixels)
        d.RescaleIntercept = "-1024" if turn == 0 else "0"
        d.PixelData = np.ascontiguousarray(shown, "<i2").tobytes()

    rewrite(release, two, change)


def moved_patient(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """All studies of a patient to the other split; the counts stay as they were."""
    subject = pick(rng, sorted({row["subject"] for row in rows(release, "studies")}))

    def change(found: list[dict]) -> list[dict]:
        for row in found:
            if row["subject"] == subject:
                row["split"] = {"train": "test", "test": "train"}[row["split"]]
        return found

    edit(release, "studies", change)
    close_again(release)


# --- derived figures and cards -----------------------------------------------------------------------
def _number(table: str, columns: tuple[str, ...]) -> Planter:
    def plant(release: Path, _: Hospital, rng: np.random.Generator) -> None:
        def change(found: list[dict]) -> list[dict]:
            cells = [(row, column) for row in found for column in columns if row[column] is not None]
            row, column = pick(rng, cells)
            row[column] += float(pick(rng, [-1, 1])) * float(rng.uniform(0.005, 0.2))
            return found

        edit(release, table, change)
        close_again(release)

    return plant


wrong_interval = _number("agreement", ("low", "high", "observed", "adjusted"))
wrong_shift = _number("shift", ("ich", "normal", "smd"))
wrong_defacing = _number("defacing", ("exposed_median", "exposed_highest", "relief_highest", "voxels_changed_median"))


def other_figure(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A picture replaced by another, or a bar of a chart made longer."""
    folder = release / "data/figures"
    name = str(pick(rng, ["montage.png", "surface.png", "flow.png", "age.svg", "balance.svg"]))
    if name.endswith(".png"):
        (folder / name).write_bytes((folder / ("montage.png" if name != "montage.png" else "surface.png")).read_bytes())
    else:
        text = (folder / name).read_text("utf-8")
        match = pick(rng, list(re.finditer(r"L (\d+)\.", text)))
        (folder / name).write_text(text[: match.start(1)] + str(int(match[1]) + 3) + text[match.end(1) :], "utf-8")
    close_again(release)


def wrong_card(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A field of croissant.json: type, version, licence, date, citation, key, number."""
    path = release / "croissant.json"
    card = json.loads(path.read_text("utf-8"))
    what = int(rng.integers(7))
    if what == 0:
        pick(rng, pick(rng, card["recordSet"])["field"])["dataType"] = "sc:Boolean"
    elif what == 1:
        pick(rng, card["recordSet"])["key"] = [{"@id": "studies/arm"}]
    elif what == 2:
        card["description"] = re.sub(r"\d+(?= patients)", lambda match: str(int(match[0]) + 1), card["description"])
    else:
        name, value = [("version", "1.0.1"), ("license", "https://creativecommons.org/licenses/by/3.0/"), ("datePublished", "2024-02-01"),
                       ("citeAs", "Somebody else. 2024.")][what - 3]  # fmt: skip
        card[name] = value
    path.write_text(json.dumps(card), "utf-8")
    close_again(release)


def wrong_licence(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    name, old, new = pick(rng, [
        ("LICENSE", "/by/4.0/", "/by-nc/4.0/"), ("CITATION.cff", "CC-BY-4.0", "CC-BY-NC-4.0"), ("README.md", "`CC-BY-4.0`", "`CC0-1.0`"),
        ("README.md", '"cc-by-4.0"', '"mit"'), ("atlas.json", "/by/4.0/", "/by-nd/4.0/"), ("CITATION.cff", '"1.0.0"', '"2.0.0"'),
    ])  # fmt: skip
    path = release / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    close_again(release)


# --- exports -----------------------------------------------------------------------------------------
def missing_rsna(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The six rows of one image."""
    image = str(pick(rng, [row["sop_uid"] for row in rows(release, "instances")]))
    _change_csv(release / "data/exports/rsna/labels.csv", lambda found: [row for row in found if f"_{image}_" not in row["ID"]])
    close_again(release)


def wrong_level(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        row = pick(rng, found)
        row["level"] = {"slice": "study", "study": "slice"}[row["level"]]
        return found

    _change_csv(release / "data/exports/rsna/level.csv", change)
    close_again(release)


def _volume(path: Path) -> tuple[bytearray, np.ndarray]:
    data = bytearray(gzip.decompress(path.read_bytes()))
    shape = struct.unpack_from("<4h", data, 40)[1:]
    return data, np.frombuffer(data, "<i2", offset=352).reshape(shape, order="F").copy()


def mirrored_nifti(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """Left and right, or front and back, change places in the voxels; every sum stays."""
    path = pick(rng, sorted((release / "data/exports/nifti").rglob("*.nii.gz")))
    data, voxels = _volume(path)
    turned = np.flip(voxels, int(rng.integers(2)))
    path.write_bytes(gzip.compress(bytes(data[:352]) + turned.tobytes("F"), mtime=0))
    close_again(release)


def flipped_nifti(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """One axis of the affine has the wrong sign."""
    path = pick(rng, sorted((release / "data/exports/nifti").rglob("*.nii.gz")))
    data = bytearray(gzip.decompress(path.read_bytes()))
    affine = np.frombuffer(data, "<f4", 12, 280).reshape(3, 4).copy()
    affine[:, int(rng.integers(3))] *= -1
    data[280:328] = affine.tobytes()
    path.write_bytes(gzip.compress(bytes(data), mtime=0))
    close_again(release)


def scaled_nifti(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The voxels stay; what readers do with them does not."""
    path = pick(rng, sorted((release / "data/exports/nifti").rglob("*.nii.gz")))
    data = bytearray(gzip.decompress(path.read_bytes()))
    at, value = pick(rng, [(112, struct.pack("<2f", 2, 0)), (112, struct.pack("<2f", 1, -24)), (252, struct.pack("<2h", 0, 0)),
                           (80, struct.pack("<f", 1.0)), (123, b"\x03"), (252, struct.pack("<2h", 1, 1))])  # fmt: skip
    data[at : at + len(value)] = value
    path.write_bytes(gzip.compress(bytes(data), mtime=0))
    close_again(release)


def shifted_mask(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """By a slice."""
    path = pick(rng, sorted((release / "data/exports/masks").rglob("*.nii.gz")))
    data = bytearray(gzip.decompress(path.read_bytes()))
    shape = struct.unpack_from("<4h", data, 40)[1:]
    voxels = np.frombuffer(data, "u1", offset=352).reshape(shape, order="F")
    path.write_bytes(gzip.compress(bytes(data[:352]) + np.roll(voxels, int(pick(rng, [-1, 1])), 2).tobytes("F"), mtime=0))
    close_again(release)


def other_window(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The PNG of another slice or window; or one is missing; or those of a whole series, and the list says that there are none."""
    if rng.random() < 0.3:
        folder = pick(rng, sorted((release / "data/exports/nifti").glob("*/*_png")))
        shutil.rmtree(folder)
        name = folder.relative_to(release).as_posix()
        _change_csv(release / "data/exports/nifti/parts.csv", lambda found: [{**row, "windows": row["windows"].replace(name, "")} for row in found])
        close_again(release)
        return
    paths = sorted((release / "data/exports/nifti").rglob("*.png"))
    one, two = (paths[place] for place in rng.choice(len(paths), 2, replace=False))
    one.unlink() if rng.random() < 0.2 else one.write_bytes(two.read_bytes())
    close_again(release)


def wrong_bio(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A tag, a token, an offset, or a finding."""
    folder = release / "data/exports/bio"
    what = int(rng.integers(3))
    if what == 0:
        text = (folder / "reports.bio").read_text("utf-8")
        (folder / "reports.bio").write_text(text.replace("\tB-", "\tI-", 1) if rng.random() < 0.5 else text.replace("\tO\n", "\tB-ICH\n", 1), "utf-8")
    else:
        lines = (folder / "spans.jsonl").read_text("utf-8").splitlines()
        place = pick(rng, [number for number, line in enumerate(lines) if json.loads(line)["entities"]])
        line = json.loads(lines[place])
        span = line["entities"][0]
        span.update({"start": span["start"] + 1} if what == 1 else {"finding": "fracture", "label": "FRACTURE"})
        lines[place] = json.dumps(line, ensure_ascii=False)
        (folder / "spans.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    close_again(release)


WITH_PNG = "other window"  # needs the release with its PNG slices
FORGERIES: dict[str, tuple[Planter, str]] = {
    "hidden file": (hidden_file, "bag"), "crosswalk left": (crosswalk_left, "bag"), "empty folder": (empty_folder, "bag"),
    "linked folder": (linked_folder, "bag"), "file to fetch": (fetched_file, "bag"),
    "words in a PNG": (words_in_png, "clean"), "comment": (comment, "clean"), "Parquet metadata": (parquet_metadata, "clean"),
    "gzip name": (gzip_name, "clean"), "NIfTI words": (nifti_words, "clean"), "preamble": (words_in_preamble, "clean"),
    "after the pixels": (after_the_pixels, "headers"), "nested date": (nested_date, "headers"), "nested doctor": (nested_doctor, "headers"),
    "source UID": (source_uid, "identifiers"), "scanner's name": (scanner_name, "identifiers"), "short number": (short_number, "identifiers"),
    "very old": (very_old, "headers"), "other run": (other_run, "sources"), "wrong sampling": (wrong_sampling, "sources"),
    "repainted": (repainted, "sources"), "other scale": (other_scale, "pictures"), "moved patient": (moved_patient, "words"),
    "wrong interval": (wrong_interval, "words"), "wrong shift": (wrong_shift, "counts"), "wrong defacing": (wrong_defacing, "counts"),
    "other figure": (other_figure, "figures"), "wrong card": (wrong_card, "cards"), "wrong licence": (wrong_licence, "cards"),
    "missing RSNA rows": (missing_rsna, "exports"), "wrong level": (wrong_level, "exports"), "mirrored NIfTI": (mirrored_nifti, "exports"),
    "flipped NIfTI": (flipped_nifti, "exports"), "scaled NIfTI": (scaled_nifti, "exports"), "shifted mask": (shifted_mask, "exports"),
    "wrong BIO": (wrong_bio, "exports"), WITH_PNG: (other_window, "exports"),
}  # fmt: skip
