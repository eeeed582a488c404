"""The complete config of a demo hospital."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ichset.demo.readers import EXPERT, IMAGE_READERS, TEXT_READERS


@dataclass(frozen=True)
class Size:
    """What `ichset demo init --size` makes when nothing else is said."""

    reports: int
    studies: int
    training: int


SIZES = {"default": Size(2500, 64, 1200), "small": Size(500, 32, 700)}

_TEMPLATE = """\
# {title}
# Made by: ichset demo init. Everything here is synthetic: no patient, reader or hospital exists.
schema_version = 1

[project]
name = "ichset-demo"
version = "1.0.0"
date = 2024-01-15
seed = 7
work = "{work}"
release = "{release}"
key = "{data}ichset.key"

[ingest]
path = "{data}reports"

[screen]
min_age = 18
max_age = 99
first_date = 2020-01-01
last_date = 2023-05-31

[classify]
training = "{data}training.parquet"

[sample]
target = {texts}
surplus = 0.2

[read_text]
readers = {text_readers}
readers_per_study = 2
expert = "{expert}"
decisions = "{data}decisions/text.csv"

[cohort]
target = {{ ich = {arm}, normal = {arm} }}
margin = 0.3

[retrieve]
source = "folder"
path = "{data}archive"
lookup = "accession"

[read_image]
readers = {image_readers}
readers_per_study = 2
expert = "{expert}"
decisions = "{data}decisions/image.csv"

[release]
title = "Synthetic head CT with and without intracranial haemorrhage"
license = "CC0-1.0"
creators = ["ichset demo hospital"]
exports = ["rsna", "cq500"]
"""


def config_text(studies: int, title: str, data: str = "", work: str = "work", release: str = "release") -> str:
    """TOML; `data`, `work`, `release` are relative to the config file. Three sixteenths of the studies go to each arm."""
    text_readers, image_readers = (json.dumps(list(names)) for names in (TEXT_READERS, IMAGE_READERS))
    return _TEMPLATE.format(
        title=title, data=data, work=work, release=release, texts=max(studies, 2), arm=max(studies * 3 // 16, 1),
        text_readers=text_readers, image_readers=image_readers, expert=EXPERT,
    )  # fmt: skip
