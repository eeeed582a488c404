"""What a folder's de-identification is set to: the section [anonymize] of a config, or its defaults without loading the config page.

Building every section of a config takes longer than de-identifying fifty slices, and a plain run needs four values of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ichset.anonymize.profile import OPTIONS
from ichset.errors import ConfigError

if TYPE_CHECKING:
    from ichset.config import AnonymizeConfig


@dataclass(frozen=True)
class FolderSettings:
    """The values of AnonymizeConfig, with its defaults (a test compares them); `section` is that config where there is one."""

    options: tuple[str, ...] = ("modified_dates", "patient", "descriptors")
    age_cap: int | None = 89
    subjects: Path | None = None
    section: AnonymizeConfig | None = None

    @staticmethod
    def of(section: AnonymizeConfig) -> FolderSettings:
        return FolderSettings(tuple(section.options), section.age_cap, section.subjects, section)

    def config(self) -> AnonymizeConfig:
        """The whole section, for what defacing needs of it."""
        from ichset.config import AnonymizeConfig

        section = self.section or AnonymizeConfig()
        return section.model_copy(update={"options": list(self.options), "age_cap": self.age_cap, "subjects": self.subjects})

    def signature(self, deface: bool) -> tuple[str, ...]:
        """What the output depends on, as text."""
        subject_ids = self.subjects.read_text("utf-8") if self.subjects else ""
        plain = json.dumps([sorted(self.options), self.age_cap])
        return (plain, subject_ids, self.config().model_dump_json(exclude={"options", "subjects"}) if deface else "")


def folder_settings(config: Path | None, options: Sequence[str], subjects: Path | None) -> FolderSettings:
    """The section [anonymize] of a config file, or the defaults; `options` and `subjects` of the command line win."""
    if unknown := [option for option in options if option not in OPTIONS]:
        raise ConfigError(f"--option: unknown ({len(unknown)} of {len(options)}); choose from {', '.join(OPTIONS)}")
    found = FolderSettings()
    if config:
        from ichset.config import load

        found = FolderSettings.of(load(config).anonymize)
    return replace(found, options=tuple(options) or found.options, subjects=subjects or found.subjects)
