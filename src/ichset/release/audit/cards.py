"""The cards for machines: croissant.json and atlas.json against files, tables, and what the pages say of licence and version."""

from __future__ import annotations

import json
import math
import re

from ichset.release.audit.declared import KEYS
from ichset.release.audit.evidence import Evidence
from ichset.release.audit.report import Check
from ichset.release.audit.words import facts

ROW_TABLES = ("studies", "labels", "series", "instances", "reads")


def check_cards(evidence: Evidence) -> Check:
    """croissant.json points at files as they are and names columns that exist; atlas.json counts as the tables do."""
    check = Check("cards", "croissant.json and atlas.json agree with files and tables")
    try:
        croissant, atlas = (json.loads(evidence.text(name)) for name in ("croissant.json", "atlas.json"))
        _croissant(check, evidence, croissant)
        _titles(check, evidence, croissant, atlas["Dataset"])
        _atlas(check, evidence, atlas["Dataset"]["Partitions"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        check.fault(f"croissant.json or atlas.json cannot be read ({type(error).__name__})")
    return check


def _croissant(check: Check, evidence: Evidence, card: dict) -> None:
    for item in card["distribution"]:
        name = item.get("contentUrl", "")
        if name.endswith(".csv"):
            check.expect(item["sha256"], evidence.digests.get(name), f"croissant.json: sha256 of {name}")
            size = evidence.files[name].st_size if name in evidence.files else None
            check.expect(item["contentSize"], f"{size} B", f"croissant.json: size of {name}")
    for record_set in card["recordSet"]:
        columns = evidence.rows(record_set["name"]).names
        check.expect(
            [field["source"]["extract"]["column"] for field in record_set["field"]],
            columns,
            f"croissant.json: fields of {record_set['name']}",
        )
        kinds = {field["source"]["extract"]["column"]: field["dataType"] for field in record_set["field"]}
        check.expect(kinds, _kinds(evidence, record_set["name"], columns), f"croissant.json: types of {record_set['name']}")
        keys = [key["@id"].partition("/")[2] for key in record_set["key"]]
        check.expect(keys, list(KEYS[record_set["name"]]), f"croissant.json: key of {record_set['name']}")
    check.expect([record_set["name"] for record_set in card["recordSet"]], list(ROW_TABLES), "croissant.json: record sets")
    listed = {item["contentUrl"] for item in card["distribution"] if item.get("contentUrl", "").endswith(".csv")}
    check.expect(listed, {f"data/tables/{name}.csv" for name in ROW_TABLES}, "croissant.json: files")
    numbers = tuple(int(number) for number in re.findall(r"\d+", card["description"]))
    known = facts(evidence)
    wanted = tuple(known[name] for name in ("studies", "patients", "arm_ich", "arm_normal"))
    check.expect(numbers, wanted, "croissant.json: numbers of the description")


def _kinds(evidence: Evidence, table: str, columns: list[str]) -> dict[str, str]:
    """The Croissant type of each column, from what the Parquet file says."""
    import pyarrow.parquet as pq

    schema = pq.read_table(evidence.release / f"data/tables/{table}.parquet")
    found = {}
    for column in columns:
        kind = str(schema.schema.field(column).type)
        whole = "sc:Float" if schema[column].null_count else "sc:Integer"  # loaders read whole numbers with gaps as floats
        found[column] = {"string": "sc:Text", "double": "sc:Float", "float": "sc:Float", "date32[day]": "sc:Date"}.get(kind, whole)
    return found


def _titles(check: Check, evidence: Evidence, croissant: dict, atlas: dict) -> None:
    """Title, version, date, licence, address and citation are the same wherever they stand."""
    info = dict(line.split(": ", 1) for line in evidence.text("bag-info.txt").splitlines() if ": " in line)
    version, day = croissant["version"], croissant["datePublished"]
    check.expect(info["External-Identifier"].rpartition("-")[2], version, "croissant.json: version")
    check.expect(info["Bagging-Date"], day, "croissant.json: date")
    check.expect(info["External-Description"], " ".join(croissant["name"].split()), "croissant.json: name")
    descriptors = atlas["Descriptors"]
    found = (descriptors["Version"], descriptors["Date"]["Created"], atlas["Link"])
    check.expect(found, (version, day, croissant["url"]), "atlas.json: version, date, link")
    check.expect(atlas["Name"].strip(), croissant["name"][:128].strip(), "atlas.json: name")
    check.expect(descriptors["License"].get("URL", descriptors["License"]["Text"]), croissant["license"], "atlas.json: licence")
    check.expect([who["Name"] for who in descriptors["Organizations"]], [who["name"] for who in croissant["creator"]], "atlas.json: organisations")
    cff, readme, licence = (evidence.text(name) for name in ("CITATION.cff", "README.md", "LICENSE"))
    spdx = re.search(r'^license: "?([^"\n]+)"?$', cff, re.MULTILINE)
    check.expect(
        spdx is not None and f"licence `{spdx[1]}`" in readme and f'license: "{spdx[1].lower()}"' in readme,
        True,
        "README.md: licence of CITATION.cff",
    )
    for name, page in (("LICENSE", licence), ("README.md", readme)):
        check.expect(croissant["license"] in page, True, f"{name}: licence of croissant.json")
    names = [line.strip() for line in cff.splitlines() if line.startswith("  - name: ")]
    check.expect(
        (json.loads(_value(cff, "title")), [json.loads(name[8:]) for name in names]),
        (croissant["name"], [who["name"] for who in croissant["creator"]]),
        "CITATION.cff: title and authors",
    )
    check.expect(json.loads(_value(readme, "pretty_name")), croissant["name"], "README.md: title in the head")
    check.expect(_value(readme, "size_categories"), f"[{_size(len(evidence.rows('studies')))}]", "README.md: size in the head")
    check.expect(re.findall(r"data_files: (\S+)", readme), [f"data/tables/{name}.parquet" for name in ROW_TABLES], "README.md: files in the head")
    check.expect(f'version: "{version}"' in cff and f'date-released: "{day}"' in cff, True, "CITATION.cff: version and date")
    for name in ("README.md", "DATASHEET.md"):
        check.expect(f"Version `{version}` of `{day}`" in evidence.text(name), True, f"{name}: version and date")
        check.expect(croissant["citeAs"].strip() in evidence.text(name), True, f"{name}: citation")
    check.expect(f"<code>{version}</code> of <code>{day}</code>" in evidence.text("report.html"), True, "report.html: version and date")
    check.expect(f"version {version}" in licence, True, "LICENSE: version")


def _value(text: str, name: str) -> str:
    """The value of a line of YAML."""
    found = re.search(rf"^{name}: (.*)$", text, re.MULTILINE)
    return found[1].strip() if found else "null"


def _size(studies: int) -> str:
    """The hubs' classes of size."""
    return next(name for most, name in ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (math.inf, "100K<n<1M")) if studies < most)


def _atlas(check: Check, evidence: Evidence, partitions: list[dict]) -> None:
    labels = {row["study"]: row for row in evidence.rows("labels")}
    for partition, split in zip(partitions, ("train", "test"), strict=True):
        own = [row for row in evidence.rows("studies") if row["split"] == split]
        for subset in (partition["Total"], *partition["Subsets"]):
            members = own
            if "Sex" in subset:
                members = [row for row in own if row["sex"] == {"Female": "F", "Male": "M"}.get(subset["Sex"], "")]
            if (label := subset.get("Criterion")) == "no haemorrhage":
                members = [row for row in own if row["arm"] == "normal"]
            elif label:
                members = [row for row in own if labels.get(row["study"], {}).get(label) == "1"]
            where = f"atlas.json, {split} {subset.get('Sex') or subset.get('Criterion') or 'total'}"
            check.expect(subset["Exam count"], len(members), f"{where}: exams")
            check.expect(subset["Patient count"], len({row["subject"] for row in members}), f"{where}: patients")
            check.expect(subset["Series count"], sum(int(row["series"] or 0) for row in members), f"{where}: series")
            ages = [int(row["age"].rstrip("+")) for row in members if row["age"]]
            if "Age range" in subset:
                check.expect([age for age, _ in subset["Age range"]], [min(ages, default=None), max(ages, default=None)], f"{where}: ages")
            check.expect(subset["Image count"], sum(int(row["instances"] or 0) for row in members), f"{where}: images")
