"""Fill a page's template from the release's tables. Templates hold words; numbers come from the tables alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pyarrow as pa

from ichset.release.dataset import Dataset
from ichset.release.formats import column_shown, shown, word

LABEL_MEANING = {
    "ich": "blood inside the skull on this study, of any age and kind",
    "epidural": "blood between skull and dura",
    "subarachnoid": "blood in the subarachnoid spaces or cisterns",
    "subdural": "blood between dura and arachnoid, falx and tentorium included",
    "intracerebral": "blood in the brain's tissue, contusions with blood included",
    "intraventricular": "blood in the ventricles, primary or by extension",
    "multiple": "two or more of the four compartments, or two or more separate foci",
    "fracture": "fracture of the vault or base of the skull",
    "combined": "haemorrhage together with another pathology that bleeds or is bled into",
}
LICENSES = {
    "CC-BY-4.0": ("Creative Commons Attribution 4.0 International", "https://creativecommons.org/licenses/by/4.0/"),
    "CC-BY-NC-4.0": ("Creative Commons Attribution-NonCommercial 4.0 International", "https://creativecommons.org/licenses/by-nc/4.0/"),
    "CC-BY-SA-4.0": ("Creative Commons Attribution-ShareAlike 4.0 International", "https://creativecommons.org/licenses/by-sa/4.0/"),
    "CC-BY-NC-ND-4.0": ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0 International",
                        "https://creativecommons.org/licenses/by-nc-nd/4.0/"),
    "CC-BY-NC-SA-4.0": ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
                        "https://creativecommons.org/licenses/by-nc-sa/4.0/"),
    "CC0-1.0": ("Creative Commons Zero 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
}  # fmt: skip


def render(template: str, dataset: Dataset, html: bool = False, **more: Any) -> str:
    """One page. Undefined names in a template raise, so that no page is ever half filled."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=html, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters.update(shown=shown, word=word)
    source = files("ichset.release").joinpath("templates", template).read_text("utf-8")
    return environment.from_string(source).render(**context(dataset), **more)


def context(dataset: Dataset) -> dict[str, Any]:
    """What every template may use."""
    config, counted = dataset.config, dataset.counted
    license_name, license_url = LICENSES.get(config.release.license, (config.release.license, ""))
    values = {row["fact"]: row["value"] for row in counted["facts"].to_pylist()}
    return {
        "project": config.project, "release": config.release, "config": config,
        "fact": {name: shown(value) for name, value in values.items()},
        "number": values, "tables": {name: table.to_pylist() for name, table in counted.items()},
        "display": {name: display(table) for name, table in counted.items()},
        "markdown": {name: markdown(table) for name, table in counted.items()}, "label_meaning": LABEL_MEANING,
        "license_name": license_name, "license_url": license_url, "citation": citation(dataset), "link": link(dataset),
        "earlier": dataset.earlier, "text_released": config.release.report_text, "exports": sorted(config.release.exports),
        "judged": _judged(dataset), "capped": config.anonymize.age_cap, "columns": columns(dataset),
        "changed": _changed(dataset),
    }  # fmt: skip


def _changed(dataset: Dataset) -> dict[str, str]:
    """How much changed since the earlier release, by kind."""
    kinds = [row["change"] for row in dataset.counted["changes"].to_pylist()] if "changes" in dataset.counted else []
    counts = {kind: kinds.count(kind) for kind in ("added", "withdrawn")}
    return {kind: shown(count) for kind, count in {**counts, "relabelled": len(kinds) - sum(counts.values())}.items()}


def _judged(dataset: Dataset) -> str:
    """Who settled the labels: people, unless the table says otherwise."""
    judges = {str(judge) for judge in dataset.records.labels["judged_by"].to_pylist()}
    if all("reader" in judge or "expert" in judge for judge in judges):
        reads = " and are traceable to every independent read" if dataset.records.reads.num_rows else ""
        return f"The labels were settled by people{reads}."
    return "Not every label was settled by people: judged_by in the table labels says by whom."


def columns(dataset: Dataset) -> Mapping[str, list[str]]:
    """Column names of the released row tables."""
    records = dataset.records
    return {
        "studies": records.studies.column_names, "labels": records.labels.column_names, "series": records.series.column_names,
        "instances": [name for name in records.files.column_names if name != "source"], "reads": records.reads.column_names,
    }  # fmt: skip


def markdown(table: pa.Table) -> str:
    """A Markdown table of a small table; columns of numbers are set to the right."""
    heads = [_cell(word(name)) for name in table.column_names]
    sides = [" --- |" if pa.types.is_string(column.type) else " ---: |" for column in table.schema]
    lines = ["| " + " | ".join(heads) + " |", "|" + "".join(sides)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in zip(*display(table).values(), strict=True)]
    return "\n".join(lines)


def display(table: pa.Table) -> dict[str, list[str]]:
    """Each column as people read it."""
    return {name: column_shown(name, table[name].to_pylist()) for name in table.column_names}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def citation(dataset: Dataset) -> str:
    """The configured citation, else one made of creators, title, version and year."""
    config = dataset.config
    if config.release.citation:
        return config.release.citation
    who = ", ".join(config.release.creators) or config.project.name
    return f"{who}. {config.release.title}. Version {config.project.version}. {config.project.date.year}."


def link(dataset: Dataset) -> str:
    """The configured address, else a URN that stands for this name and version alone."""
    import uuid

    project = dataset.config.project
    return dataset.config.release.link or uuid.uuid5(uuid.NAMESPACE_URL, f"ichset/{project.name}/{project.version}").urn
