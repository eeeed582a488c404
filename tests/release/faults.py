"""Faults planted in a finished release by one who knows how to close a bag again: checksums alone find few of them.

Each planter takes the release, the private hospital and a seeded generator, and spoils one thing. The audit must name it
in the check that `FAULTS` pairs it with.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom

from ichset.contracts import LABELS

from .hospital import Hospital, source_date

ENCODINGS = ("utf-8", "cp1251", "iso8859-5", "koi8-r", "utf-16-le", "utf-16-be")
Planter = Callable[[Path, Hospital, np.random.Generator], None]


# --- tools of the forger ---------------------------------------------------------------------------
def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def close_again(release: Path) -> None:
    """Make every manifest true again."""
    names = sorted(path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file() and not path.is_symlink())
    payload = [name for name in names if name.startswith("data/")]
    total = sum((release / name).stat().st_size for name in payload)
    info = (release / "bag-info.txt").read_text()
    (release / "bag-info.txt").write_text(re.sub(r"Payload-Oxum: .*", f"Payload-Oxum: {total}.{len(payload)}", info))
    card = json.loads((release / "croissant.json").read_text()) if (release / "croissant.json").exists() else {"distribution": []}
    for item in card["distribution"]:
        if item.get("contentUrl", "").endswith(".csv") and item.pop("wrong", None) is None:
            path = release / item["contentUrl"]
            item.update(sha256=sha256(path), contentSize=f"{path.stat().st_size} B")
    (release / "croissant.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    hashes = {name: sha256(release / name) for name in payload}
    _write_manifest(release, "manifest-sha256.txt", hashes)
    tags = [name for name in names if not name.startswith("data/") and name not in ("tagmanifest-sha256.txt", "CHECKSUMS")]
    tag_hashes = {name: sha256(release / name) for name in tags}
    _write_manifest(release, "CHECKSUMS", {**hashes, **tag_hashes})
    _write_manifest(release, "tagmanifest-sha256.txt", {**tag_hashes, "CHECKSUMS": sha256(release / "CHECKSUMS")})


def _write_manifest(release: Path, name: str, hashes: dict[str, str]) -> None:
    (release / name).write_text("".join(f"{hashes[file]}  {file}\n" for file in sorted(hashes)))


def edit(release: Path, name: str, change: Callable[[list[dict]], list[dict]], csv_only: bool = False) -> None:
    """Change the rows of a table, in both its forms."""
    folder = release / "data/tables"
    table = pq.read_table(folder / f"{name}.parquet")
    rows = change(table.to_pylist())
    changed = pa.Table.from_pylist(rows, table.schema)
    if not csv_only:
        pq.write_table(changed, folder / f"{name}.parquet", store_schema=False)
    from ichset.release.tablefiles import write_csv

    write_csv(changed, folder / f"{name}.csv")


def rows(release: Path, name: str) -> list[dict]:
    return pq.read_table(release / "data/tables" / f"{name}.parquet").to_pylist()


def pick(rng: np.random.Generator, items: list) -> object:
    return items[int(rng.integers(len(items)))]


def dicoms(release: Path) -> list[Path]:
    return sorted((release / "data/dicom").rglob("*.dcm"))


def reenter(release: Path, *paths: Path) -> None:
    """Enter changed DICOM files into instances with their new size and hash."""
    names = {path.relative_to(release).as_posix(): path for path in paths}

    def change(found: list[dict]) -> list[dict]:
        for row in found:
            if (path := names.get(row["file"])) is not None:
                row.update(bytes=path.stat().st_size, sha256=sha256(path))
        return found

    edit(release, "instances", change)


def rewrite(release: Path, path: Path, change: Callable[[pydicom.Dataset], None]) -> None:
    d = pydicom.dcmread(path)
    change(d)
    d.save_as(path)
    reenter(release, path)
    close_again(release)


def other(rng: np.random.Generator, number: int) -> int:
    """A number near by, but another one."""
    return number + int(pick(rng, [-7, -3, -2, -1, 1, 2, 3, 10, 100])) or number + 1


def retype(release: Path, page: str, rng: np.random.Generator, pattern: str) -> None:
    """Change one number on a page where `pattern` (one group: the number) finds it."""
    path = release / page
    text = path.read_text("utf-8")
    match = pick(rng, list(re.finditer(pattern, text)))
    start, end = match.span(1)
    wrong = str(abs(other(rng, int(match[1].replace(",", "")))))
    if wrong == match[1]:
        wrong += "1"
    path.write_text(text[:start] + wrong + text[end:], "utf-8")
    close_again(release)


# --- the bag -----------------------------------------------------------------------------------------
def flipped_byte(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    files = sorted(path for path in release.rglob("*") if path.is_file() and path.stat().st_size and "manifest" not in path.name)
    path = pick(rng, [path for path in files if path.name not in ("CHECKSUMS", "bagit.txt", "bag-info.txt")])
    data = bytearray(path.read_bytes())
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def missing_file(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    pick(rng, [path for path in sorted(release.rglob("*")) if path.is_file()]).unlink() if rng.random() < 0.5 else pick(rng, dicoms(release)).unlink()


def extra_file(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    folder = pick(rng, [path for path in sorted((release / "data").rglob("*")) if path.is_dir()])
    (folder / f"notes{int(rng.integers(100))}.txt").write_text("left behind")


def linked_file(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, dicoms(release))
    target = path.rename(release.parent / f"elsewhere{int(rng.integers(1000))}.dcm")
    path.symlink_to(target)


def stray_dicom(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, dicoms(release))
    path.with_name("9999.dcm").write_bytes(path.read_bytes())
    close_again(release)


# --- labels, tables, references ----------------------------------------------------------------------
def wrong_label(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """One label turned over in the row tables, and Tables 1, S1 and balance counted again to fit."""
    from ichset.release import balance, paper

    label, place = str(pick(rng, ["fracture", "intraventricular", "multiple"])), int(rng.integers(16))

    def change(found: list[dict]) -> list[dict]:
        ich = [row for row in found if row["ich"] == 1]
        ich[place % len(ich)][label] = 1 - ich[place % len(ich)][label]
        return found

    edit(release, "labels", change)
    labels = pq.read_table(release / "data/tables/labels.parquet")
    series = pq.read_table(release / "data/tables/series.parquet")
    for name, table in (
        ("table1", paper.table1(labels)),
        ("tableS1", paper.table_s1(series, labels)),
        ("balance", balance.class_balance(labels)),
    ):
        edit(release, name, lambda _, table=table: table.to_pylist())
    close_again(release)


def wrong_arm(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        row = pick(rng, found)
        row["arm"] = {"ich": "normal", "normal": "ich"}[row["arm"]]
        return found

    edit(release, str(pick(rng, ["labels", "studies"])), change)
    close_again(release)


def doubled_study(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    edit(release, str(pick(rng, ["studies", "labels", "series", "reads"])), lambda found: [*found, pick(rng, found)])
    close_again(release)


def lost_row(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        del found[int(rng.integers(len(found)))]
        return found

    edit(release, str(pick(rng, ["studies", "labels", "series", "instances"])), change)
    close_again(release)


def parquet_differs(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        row = pick(rng, found)
        row["weight"] = row["weight"] + 0.5
        return found

    edit(release, "studies", change, csv_only=True)
    close_again(release)


def wrong_technique(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    column, value = pick(rng, [("kernel", "ZZ"), ("slice_thickness", 3.25), ("kvp", 135.0), ("manufacturer", "ACME"), ("rows", 512)])

    def change(found: list[dict]) -> list[dict]:
        pick(rng, found)[column] = value
        return found

    edit(release, "series", change)
    close_again(release)


def wrong_person(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    column, value = pick(rng, [("age", "33"), ("sex", "M"), ("sex", "F"), ("age", "90+")])

    def change(found: list[dict]) -> list[dict]:
        pick(rng, [row for row in found if row[column] != value])[column] = value
        return found

    edit(release, "studies", change)
    close_again(release)


# --- splits and pictures -----------------------------------------------------------------------------
def leaked_patient(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        subjects = [row["subject"] for row in found]
        row = pick(rng, [row for row in found if subjects.count(row["subject"]) > 1])
        row["split"] = {"train": "test", "test": "train"}[row["split"]]
        return found

    edit(release, "studies", change)
    close_again(release)


def copied_picture(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The pixels of one patient under the identity of another, across the splits."""
    split = {row["study"]: row["split"] for row in rows(release, "studies")}
    files = dicoms(release)
    one = pick(rng, [path for path in files if split[path.parts[-3]] == "train"])
    two = pick(rng, [path for path in files if split[path.parts[-3]] == "test"])
    pixels = pydicom.dcmread(one).PixelData
    rewrite(release, two, lambda d: setattr(d, "PixelData", pixels))


def unbalanced(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        row = pick(rng, found)
        row["balanced"] = 1 - row["balanced"]
        return found

    edit(release, "studies", change)
    close_again(release)


# --- files -------------------------------------------------------------------------------------------
def missing_slice(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A slice inside a series taken out, every count and number adjusted."""
    own = [row for row in rows(release, "instances") if row["series"] == 1]
    victim = pick(rng, [row for row in own if 3 <= row["instance"] <= 4])
    (release / victim["file"]).unlink()

    def change(found: list[dict]) -> list[dict]:
        return [row for row in found if row["file"] != victim["file"]]

    def fewer(found: list[dict]) -> list[dict]:
        for row in found:
            if (row["study"] == victim["study"] and row.get("series", victim["series"]) in (victim["series"],)) or (
                "subject" in row and "arm" in row and row["study"] == victim["study"]
            ):
                row["instances"] -= 1
        return found

    edit(release, "instances", change)
    edit(release, "series", fewer)
    edit(release, "studies", fewer)
    renumbered = []
    for row in rows(release, "instances"):
        if (row["study"], row["series"]) == (victim["study"], victim["series"]) and row["instance"] > victim["instance"]:
            renumbered.append(row["instance"])
    edit(release, "instances", lambda found: [
        {**row, "instance": row["instance"] - 1}
        if (row["study"], row["series"]) == (victim["study"], victim["series"]) and row["instance"] > victim["instance"] else row
        for row in found
    ])  # fmt: skip
    close_again(release)


def swapped_series(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """The files of two series changed places, sizes and hashes entered anew."""
    folders = sorted({path.parent for path in dicoms(release)})
    one, two = rng.choice(len(folders), 2, replace=False)
    pairs = list(zip(sorted(folders[one].iterdir()), sorted(folders[two].iterdir()), strict=True))
    for a, b in pairs:
        first, second = a.read_bytes(), b.read_bytes()
        a.write_bytes(second)
        b.write_bytes(first)
    reenter(release, *(path for pair in pairs for path in pair))
    close_again(release)


def swapped_slices(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    folder = pick(rng, sorted({path.parent for path in dicoms(release)}))
    a, b = (sorted(folder.iterdir())[place] for place in rng.choice(6, 2, replace=False))
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    reenter(release, a, b)
    close_again(release)


def identity_not_removed(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    rewrite(
        release,
        pick(rng, dicoms(release)),
        lambda d: d.__delattr__("PatientIdentityRemoved") if rng.random() < 0.5 else setattr(d, "PatientIdentityRemoved", "NO"),
    )


def wrong_date(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    rewrite(release, pick(rng, dicoms(release)), lambda d: setattr(d, "StudyDate", f"20{int(rng.integers(10, 15))}0102"))


def not_conformant(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    keyword = str(pick(rng, ["ImageType", "KVP", "BitsStored", "PhotometricInterpretation", "ImageOrientationPatient"]))

    def change(d: pydicom.Dataset) -> None:
        if keyword == "KVP":  # type 2: empty is allowed, absent is not
            del d.KVP
            return
        d[keyword].value = {"BitsStored": 18, "PhotometricInterpretation": "MONOCHROME9", "ImageType": ["ORIGINAL"]}.get(keyword)

    rewrite(release, pick(rng, dicoms(release)), change)


def not_a_ct(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A modality that dciodvfy lets pass, or one of another kind of image."""
    rewrite(release, pick(rng, dicoms(release)), lambda d: setattr(d, "Modality", str(pick(rng, ["XX", "MR", "OT", "PT", ""]))))


def truncated(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, dicoms(release))
    path.write_bytes(path.read_bytes()[: int(rng.integers(10, 4000))])
    reenter(release, path)
    close_again(release)


def face_showing(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        column, value = pick(rng, [("exposed", 0.4), ("exposed", None), ("brain_changed", 0.02), ("deface_method", None), ("exposed", 0.06)])
        pick(rng, found)[column] = value
        return found

    edit(release, "series", change)
    close_again(release)


# --- counts and words --------------------------------------------------------------------------------
def _wrong_count(name: str, columns: tuple[str, ...]) -> Planter:
    def plant(release: Path, _: Hospital, rng: np.random.Generator) -> None:
        def change(found: list[dict]) -> list[dict]:
            row, column = pick(rng, found), str(pick(rng, list(columns)))
            row[column] = other(rng, row[column] or 0)
            return found

        edit(release, name, change)
        close_again(release)

    return plant


wrong_table1 = _wrong_count("table1", ("present", "absent", "unknown", "studies"))
wrong_table2 = _wrong_count("table2", ("classes", "series", "missing"))
wrong_table_s1 = _wrong_count("tableS1", ("series", "arm_ich", "arm_normal", *LABELS))
wrong_population = _wrong_count("population", ("women", "men", "patients", "age_lowest", "age_capped"))
wrong_flow = _wrong_count("flow", ("count",))
wrong_split_count = _wrong_count("splits", ("train", "test"))
wrong_agreement = _wrong_count("agreement", ("both", "first_only", "second_only", "neither"))


def wrong_weight(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    def change(found: list[dict]) -> list[dict]:
        row, column = pick(rng, [row for row in found if row["p"]]), str(pick(rng, ["p", "p_given_any", "weight_present", "weight_absent"]))
        row[column] = (row[column] or 0) + float(rng.uniform(0.01, 0.5))
        return found

    edit(release, "balance", change)
    close_again(release)


def wrong_readme(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    retype(
        release,
        "README.md",
        rng,
        r"(?<=\| )(\d+)(?= \|)|\b(\d+)(?= head CT)"
        if rng.random() < 0
        else str(
            pick(
                rng,
                [
                    r"\b(\d+)(?= head CT)",
                    r"(\d+)(?= with intracranial)",
                    r"(?<=\| )(\d+)(?= \|)",
                    r"(\d+)(?= series,)",
                    r"(\d+)(?= DICOM files)",
                ],
            )
        ),
    )


def wrong_datasheet(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    retype(
        release,
        "DATASHEET.md",
        rng,
        str(pick(rng, [r"\b(\d+)(?= head CT)", r"(?<=of )(\d+)(?= patients)", r"(?<=\| )(\d+)(?= \|)", r"(\d+)(?= reads by)"])),
    )


def stray_number(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = release / str(pick(rng, ["README.md", "DATASHEET.md"]))
    path.write_text(path.read_text("utf-8") + f"\nAll in all {int(rng.integers(2, 9999))} scans were used.\n", "utf-8")
    close_again(release)


def wrong_report(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    retype(release, "report.html", rng, str(pick(rng, [r'data-fact="[a-z_]+">(\d+)<', r"<td>(\d+)</td>"])))


def wrong_figure(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    name, pattern = pick(rng, [("flow", r">(\d+)(?= [a-z])(?! left)"), ("labels", r">(\d+)</text>")])
    path = release / f"data/figures/{name}.svg"
    text = path.read_text("utf-8")
    match = pick(rng, [found for found in re.finditer(pattern, text) if not text[found.end() :].startswith(" left")])
    path.write_text(text[: match.start(1)] + str(int(match[1]) + 1000) + text[match.end(1) :], "utf-8")
    close_again(release)


def wrong_croissant(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = release / "croissant.json"
    card = json.loads(path.read_text("utf-8"))
    item = pick(rng, [item for item in card["distribution"] if item.get("contentUrl", "").endswith(".csv")])
    item["wrong"] = True
    item["sha256"] = hashlib.sha256(rng.bytes(8)).hexdigest()
    path.write_text(json.dumps(card))
    close_again(release)


def wrong_atlas(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = release / "atlas.json"
    card = json.loads(path.read_text("utf-8"))
    partition = pick(rng, card["Dataset"]["Partitions"])
    subset, name = pick(rng, [partition["Total"], *partition["Subsets"]]), str(pick(rng, ["Exam count", "Patient count", "Image count"]))
    subset[name] += int(rng.integers(1, 9))
    path.write_text(json.dumps(card))
    close_again(release)


# --- exports -----------------------------------------------------------------------------------------
def wrong_rsna(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = release / "data/exports/rsna/labels.csv"
    lines = path.read_text().splitlines()
    place = int(rng.integers(1, len(lines)))
    lines[place] = lines[place][:-1] + str(1 - int(lines[place][-1]))
    path.write_text("\n".join(lines) + "\n")
    close_again(release)


def wrong_cq500(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    path = release / "data/exports/cq500/reads.csv"
    found = list(csv.DictReader(io.StringIO(path.read_text())))
    row, column = pick(rng, found), str(pick(rng, ["R1:ICH", "R2:ICH", "R1:SDH", "R2:Fracture"]))
    row[column] = str(1 - int(row[column]))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    close_again(release)


def moved_nifti(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """One number of the affine changed by a hundredth of a millimetre."""
    path = pick(rng, sorted((release / "data/exports/nifti").rglob("*.nii.gz")))
    data = bytearray(gzip.decompress(path.read_bytes()))
    affine = np.frombuffer(data, "<f4", 12, 280).copy()
    affine[int(pick(rng, [3, 7, 11]))] += 0.01
    data[280:328] = affine.tobytes()
    path.write_bytes(gzip.compress(bytes(data), mtime=0))
    close_again(release)


def mixed_nifti(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    one, two = rng.choice(sorted((release / "data/exports/nifti").rglob("*.nii.gz")), 2, replace=False)
    first, second = gzip.decompress(one.read_bytes()), gzip.decompress(two.read_bytes())
    one.write_bytes(gzip.compress(first[:352] + second[352:], mtime=0))
    close_again(release)


def _masks(release: Path) -> list[Path]:
    return sorted((release / "data/exports/masks").rglob("*.nii.gz"))


def swapped_masks(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """Two studies' masks change places, masks.csv written to fit."""
    one, two = rng.permutation(_masks(release))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second), two.write_bytes(first)
    path = release / "data/exports/masks/masks.csv"
    found = list(csv.DictReader(io.StringIO(path.read_text())))
    for name in ("shape", "values", "voxels"):
        found[0][name], found[1][name] = found[1][name], found[0][name]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    close_again(release)


def retouched_mask(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """One voxel of a mask moved to a neighbour: the same number is set as before."""
    path = pick(rng, _masks(release))
    data = bytearray(gzip.decompress(path.read_bytes()))
    voxels = np.frombuffer(data, "u1", offset=352).copy()
    here, there = rng.choice(np.flatnonzero(voxels)), rng.choice(np.flatnonzero(voxels == 0))
    voxels[[here, there]] = voxels[[there, here]]
    path.write_bytes(gzip.compress(bytes(data[:352]) + voxels.tobytes(), mtime=0))
    close_again(release)


def moved_mask(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """A mask laid a tenth of a millimetre away."""
    path = pick(rng, _masks(release))
    data = bytearray(gzip.decompress(path.read_bytes()))
    affine = np.frombuffer(data, "<f4", 12, 280).copy()
    affine[int(pick(rng, [3, 7, 11]))] += 0.1
    data[280:328] = affine.tobytes()
    path.write_bytes(gzip.compress(bytes(data), mtime=0))
    close_again(release)


def other_frame(release: Path, _: Hospital, rng: np.random.Generator) -> None:
    """One slice in another frame of reference than its series."""
    rewrite(release, pick(rng, dicoms(release)), lambda d: setattr(d, "FrameOfReferenceUID", f"2.25.{rng.integers(1 << 60)}"))


# --- identifiers -------------------------------------------------------------------------------------
def _secret(hospital: Hospital, rng: np.random.Generator) -> bytes:
    case = pick(rng, list(hospital.cases))
    value = pick(rng, [case.patient_id, case.accession, case.uid, case.name, case.name.replace("^", " "), case.name.replace("^", " ").upper()])
    return str(value).encode(str(pick(rng, list(ENCODINGS))))


def identifier_in_dicom(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    """In a private element, a comment, or the pixels."""
    secret = _secret(hospital, rng)
    path = pick(rng, dicoms(release))
    place = int(rng.integers(3))

    def change(d: pydicom.Dataset) -> None:
        if place == 0:
            d.private_block(0x0009, "ACME", create=True).add_new(1, "UN", secret + b"\0" * (len(secret) % 2))
        elif place == 1:
            d.add_new(0x00104000, "UN", secret + b" " * (len(secret) % 2))
        else:
            at = int(rng.integers(0, len(d.PixelData) - len(secret)))
            d.PixelData = d.PixelData[:at] + secret + d.PixelData[at + len(secret) :]

    rewrite(release, path, change)


def identifier_in_table(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    case = pick(rng, list(hospital.cases))
    value = str(pick(rng, [case.patient_id, case.accession, case.uid, case.name]))

    def change(found: list[dict]) -> list[dict]:
        pick(rng, found)["description"] = f"AXIAL {value}"
        return found

    edit(release, str(pick(rng, ["series", "studies"])), change)
    close_again(release)


def identifier_in_page(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    path = release / str(pick(rng, ["README.md", "DATASHEET.md", "report.html", "atlas.json", "LICENSE", "data/figures/flow.svg"]))
    path.write_bytes(path.read_bytes() + b"\n" + _secret(hospital, rng) + b"\n")
    close_again(release)


def identifier_in_gzip(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    path = pick(rng, sorted((release / "data/exports").rglob("*.nii.gz")))
    data = bytearray(gzip.decompress(path.read_bytes()))
    secret = _secret(hospital, rng)[:70]
    data[148 : 148 + len(secret)] = secret
    path.write_bytes(gzip.compress(bytes(data), mtime=0))
    close_again(release)


def identifier_in_name(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    case = pick(rng, list(hospital.cases))
    (release / "data/exports" / f"{pick(rng, [case.patient_id, case.accession, case.uid])}.txt").write_text("x")
    close_again(release)


def source_date_left(release: Path, hospital: Hospital, rng: np.random.Generator) -> None:
    case = pick(rng, list(hospital.cases))
    path = pick(rng, [path for path in dicoms(release) if path.parts[-3] == case.study])
    shown = source_date(case).strftime(str(pick(rng, ["%Y%m%d", "%Y-%m-%d", "%d.%m.%Y"])))
    rewrite(release, path, lambda d: setattr(d, "ImageComments", f"seen {shown} again"))


FAULTS: dict[str, tuple[Planter, str]] = {
    "flipped byte": (flipped_byte, "checksums"), "missing file": (missing_file, "bag"), "extra file": (extra_file, "bag"),
    "linked file": (linked_file, "bag"), "stray DICOM": (stray_dicom, "files"), "wrong label": (wrong_label, "labels"),
    "wrong arm": (wrong_arm, "labels"), "doubled row": (doubled_study, "tables"), "lost row": (lost_row, "references"),
    "Parquet differs": (parquet_differs, "tables"), "wrong technique": (wrong_technique, "headers"),
    "wrong person": (wrong_person, "headers"),
    "leaked patient": (leaked_patient, "splits"), "copied picture": (copied_picture, "pictures"), "unbalanced": (unbalanced, "splits"),
    "missing slice": (missing_slice, "slices"), "swapped series": (swapped_series, "headers"),
    "swapped slices": (swapped_slices, "headers"),
    "identity not removed": (identity_not_removed, "headers"), "wrong date": (wrong_date, "headers"),
    "not conformant": (not_conformant, "conformance"), "not a CT": (not_a_ct, "headers"),
    "truncated file": (truncated, "headers"), "face showing": (face_showing, "defacing"),
    "wrong Table 1": (wrong_table1, "counts"), "wrong Table 2": (wrong_table2, "counts"), "wrong Table S1": (wrong_table_s1, "counts"),
    "wrong population": (wrong_population, "counts"), "wrong weight": (wrong_weight, "counts"), "wrong flow": (wrong_flow, "flow"),
    "wrong split count": (wrong_split_count, "words"), "wrong agreement": (wrong_agreement, "words"),
    "wrong README": (wrong_readme, "words"),
    "wrong datasheet": (wrong_datasheet, "words"), "stray number": (stray_number, "words"), "wrong report": (wrong_report, "words"),
    "wrong figure": (wrong_figure, "figures"), "wrong Croissant": (wrong_croissant, "cards"), "wrong ATLAS": (wrong_atlas, "cards"),
    "wrong RSNA row": (wrong_rsna, "exports"), "wrong CQ500 cell": (wrong_cq500, "exports"), "moved NIfTI": (moved_nifti, "exports"),
    "mixed NIfTI": (mixed_nifti, "exports"), "swapped masks": (swapped_masks, "exports"),
    "retouched mask": (retouched_mask, "exports"), "moved mask": (moved_mask, "exports"), "other frame": (other_frame, "headers"),
    "identifier in DICOM": (identifier_in_dicom, "identifiers"),
    "identifier in a table": (identifier_in_table, "identifiers"), "identifier on a page": (identifier_in_page, "identifiers"),
    "identifier in gzip": (identifier_in_gzip, "identifiers"), "identifier in a name": (identifier_in_name, "identifiers"),
    "source date left": (source_date_left, "identifiers"),
}  # fmt: skip
