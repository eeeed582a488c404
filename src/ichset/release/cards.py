"""The description for machines: Croissant 1.0 with its responsible-AI fields, and the RSNA ATLAS dataset card (2025-11)."""

from __future__ import annotations

import json
from typing import Any

from ichset.contracts import LABELS
from ichset.release.bag import sha256_of
from ichset.release.dataset import Dataset
from ichset.release.page import LABEL_MEANING, LICENSES, citation, columns, link
from ichset.release.records import age_years

ROW_TABLES = ("studies", "labels", "series", "instances", "reads")
ATLAS_SCHEMA = "https://atlas.rsna.org/schema/2025-11/dataset.json"
_CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField",
    "path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated",
    "replace": "cr:replace", "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
_TYPES = {"string": "sc:Text", "double": "sc:Float", "float": "sc:Float", "date32[day]": "sc:Date"}
_KEYS = {"studies": ["study"], "labels": ["study"], "series": ["study", "series"], "instances": ["study", "series", "instance"],
         "reads": ["round", "study", "reader"]}  # fmt: skip


def write_cards(dataset: Dataset) -> None:
    """croissant.json and atlas.json; the tables must be there already."""
    for name, card in (("croissant.json", croissant(dataset)), ("atlas.json", atlas(dataset))):
        (dataset.bag / name).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n")


def croissant(dataset: Dataset) -> dict[str, Any]:
    """Croissant JSON-LD: the row tables as record sets, the DICOM files as a file set."""
    config = dataset.config
    objects = [_file_object(dataset, name) for name in ROW_TABLES]
    return {
        "@context": _CONTEXT, "@type": "sc:Dataset", "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": config.release.title, "description": _summary(dataset), "version": config.project.version,
        "datePublished": config.project.date.isoformat(),
        "license": LICENSES.get(config.release.license, ("", ""))[1] or config.release.license,
        "url": link(dataset), "citeAs": citation(dataset),
        "creator": [{"@type": "sc:Organization", "name": name} for name in (config.release.creators or [config.project.name])],
        **_responsible(dataset),
        "distribution": [
            *objects,
            {"@type": "cr:FileObject", "@id": "bag", "name": "bag", "description": "The whole release as a folder (BagIt).",
             "contentUrl": ".", "encodingFormat": "local-directory", "sha256": sha256_of(dataset.bag / "data/tables/instances.csv")},
            {"@type": "cr:FileSet", "@id": "dicom", "name": "dicom", "description": "The images, one file a slice.",
             "containedIn": {"@id": "bag"}, "encodingFormat": "application/dicom", "includes": "data/dicom/*/*/*/*.dcm"},
        ],
        "recordSet": [_record_set(dataset, name) for name in ROW_TABLES],
    }  # fmt: skip


def _file_object(dataset: Dataset, name: str) -> dict[str, Any]:
    path = dataset.bag / "data" / "tables" / f"{name}.csv"
    return {
        "@type": "cr:FileObject", "@id": f"{name}.csv", "name": f"{name}.csv", "contentUrl": f"data/tables/{name}.csv",
        "contentSize": f"{path.stat().st_size} B", "encodingFormat": "text/csv", "sha256": sha256_of(path),
    }  # fmt: skip


def _record_set(dataset: Dataset, name: str) -> dict[str, Any]:
    records = dataset.records
    table = {
        "studies": records.studies,
        "labels": records.labels,
        "series": records.series,
        "instances": records.files,
        "reads": records.reads,
    }[name]
    fields = []
    for column in columns(dataset)[name]:
        fields.append({
            "@type": "cr:Field", "@id": f"{name}/{column}", "name": column, "description": LABEL_MEANING.get(column,
            column.replace("_", " ")),
            # whole numbers with gaps are read as floats by the common loaders
            "dataType": _TYPES.get(str(table.schema.field(column).type), "sc:Integer" if not table[column].null_count else "sc:Float"),
            "source": {"fileObject": {"@id": f"{name}.csv"}, "extract": {"column": column}},
        })  # fmt: skip
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": [{"@id": f"{name}/{key}"} for key in _KEYS[name]], "field": fields}


def _summary(dataset: Dataset) -> str:
    values = {row["fact"]: row["value"] for row in dataset.counted["facts"].to_pylist()}
    return (
        f"{int(values['studies'])} head CT studies of {int(values['patients'])} patients, {int(values['arm_ich'])} with "
        f"intracranial haemorrhage "
        f"and {int(values['arm_normal'])} without; DICOM, de-identified and defaced, with labels by radiologists and "
        f"every independent read."
    )


def _responsible(dataset: Dataset) -> dict[str, str]:
    return {
        "rai:dataCollection": "Reports of clinical routine were searched and filtered; candidates were drawn at random, "
        "verified, and their images "
        "retrieved from the archive. data/tables/flow.csv counts every step with reasons.",
        "rai:dataAnnotationProtocol": "Radiologists read blind to each other; an expert decided disagreements. "
        "data/tables/reads.csv holds the raw reads.",
        "rai:dataPreprocessingProtocol": "DICOM PS3.15 de-identification with keyed pseudonyms and shifted dates; faces covered.",
        "rai:dataBiases": "The ratio of the arms is chosen, not clinical; data/tables/shift.csv measures how the arms "
        "differ in age, sex and technique.",
        "rai:dataLimitations": "Voxels of the face carry no information. Prevalence must be computed with the sampling weights.",
        "rai:personalSensitiveInformation": "Health data without direct identifiers; age, sex and findings remain.",
        "rai:dataUseCases": "Training and testing of detection and classification of intracranial haemorrhage.",
    }


def atlas(dataset: Dataset) -> dict[str, Any]:
    """The ATLAS card; counts by split, sex and label."""
    config = dataset.config
    name, url = LICENSES.get(config.release.license, (config.release.license, ""))
    return {"$schema": ATLAS_SCHEMA, "Dataset": {
        "Name": config.release.title[:128].ljust(4), "Link": link(dataset),
        "Indexing": {"Content": ["CT", "NR", "ER"], "RadLex": ["RID4700"],
        "Keywords": ["intracranial haemorrhage", "head CT", "de-identified", "defaced"]},
        "Descriptors": {
            "Date": {"Created": config.project.date.isoformat()}, "License": {"Text": name, **({"URL": url} if url else {})},
            "Organizations": [{"Name": who} for who in (config.release.creators or [config.project.name])],
            "Version": config.project.version,
            **({"Ethical review": config.release.ethics} if config.release.ethics else {}),
        },
        "Dataset properties": _atlas_words(dataset),
        "Imaging": {
            "Modalities": ["Computed tomography (RID10321)"], "Procedures": [{"Name": "CT Head without IV contrast", "LOINC": "30799-1"}],
            "File format": ["DICOM", *(["NiFTI", "PNG"] if "nifti" in config.release.exports else [])],
            "Pre-processing": "De-identified by DICOM PS3.15; faces covered.", "Burned-in PHI": "No",
        },
        "Partitions": [_partition(dataset, split, called) for split, called in (("train", "Training"), ("test", "Test"))],
    }}  # fmt: skip


def _atlas_words(dataset: Dataset) -> dict[str, str]:
    return {
        "Motivation": "Training and testing of services that find intracranial haemorrhage on non-contrast head CT.",
        "Sampling": "Reports of clinical routine, filtered by rules, drawn at random, verified by readers; arms filled in seeded random order.",
        "Partitioning scheme": "By patient, stratified over labels and technical parameters, seeded; no patient, study or picture in two partitions.",
        "Relationships between instances": "Studies of one patient share the subject identifier; dates of a patient are shifted together.",
        "Re-identification": "No direct identifiers; every byte was searched for source identifiers. Rare findings with "
        "age and sex may be known to insiders.",
        "Missing information": "Labels that readers could not tell are empty; technical values that a scanner did not write are empty.",
        "Noise": "Readers disagree; their raw reads are released. Voxels of the face are covered.",
        "Sensitive data": "Health data: CT images, findings, age, sex"
        + (", de-identified report text." if dataset.config.release.report_text else "."),
    }


def _partition(dataset: Dataset, split: str, called: str) -> dict[str, Any]:
    studies = [row for row in dataset.records.studies.to_pylist() if row["split"] == split]
    labels = {row["study"]: row for row in dataset.records.labels.to_pylist()}
    ages = [age for age in (age_years(row["age"]) for row in studies) if age is not None]
    total = _subset(studies)
    if ages:
        total["Age range"] = [[min(ages), "years"], [max(ages), "years"]]
    sexes = {"Female": "F", "Male": "M", "Unknown": None}
    subsets = [{"Sex": name, **_subset([row for row in studies if row["sex"] == sex])} for name, sex in sexes.items()]
    subsets += [{"Criterion": label, **_subset([row for row in studies if labels[row["study"]][label] == 1])} for label in LABELS]
    subsets.append({"Criterion": "no haemorrhage", **_subset([row for row in studies if row["arm"] == "normal"])})
    return {"Partition": called, "Total": total, "Subsets": subsets}


def _subset(studies: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Patient count": len({row["subject"] for row in studies}), "Exam count": len(studies),
        "Series count": sum(row["series"] for row in studies), "Image count": sum(row["instances"] for row in studies),
    }  # fmt: skip
