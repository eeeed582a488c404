"""One TOML file = one run: one pydantic model per section, unknown keys refused by file and key.

Paths in a config are relative to the config file's own folder.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from ichset.errors import ConfigError


def _resolve(value: Any, info: ValidationInfo) -> Any:
    base = (info.context or {}).get("base")
    return base / value if isinstance(value, str) and base is not None else value


ConfigPath = Annotated[Path, BeforeValidator(_resolve)]


class Section(BaseModel):
    """A config section: frozen, and no key that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectConfig(Section):
    name: str = "ichset"
    version: str = "1.0.0"
    date: date  # the release's fixed date: nothing in a release depends on today
    seed: int = 1
    work: ConfigPath
    release: ConfigPath
    key: ConfigPath


class IngestConfig(Section):
    @model_validator(mode="after")
    def _readable(self) -> IngestConfig:
        if self.delimiter not in ("auto", "tab", "\\t") and len(self.delimiter) != 1:
            raise ValueError('delimiter: one character, "tab" or "auto"')
        if self.date_format != "auto" and date(1999, 12, 31).strftime(self.date_format) == self.date_format:
            raise ValueError('date_format: "auto" or a pattern such as "%d.%m.%Y"')
        return self

    path: ConfigPath  # one export or a folder of them
    encoding: str = "auto"  # auto: utf-8 with or without BOM, then cp1251
    delimiter: str = "auto"
    date_format: str = "auto"  # auto: ISO, DD.MM.YYYY, YYYYMMDD
    columns: dict[str, str] = Field(default_factory=dict)  # our column = the export's column
    batch_rows: int = Field(8192, ge=1)
    limit: int | None = Field(None, ge=1)  # take the first N rows only: a trial


class ScreenConfig(Section):
    @model_validator(mode="after")
    def _ranges(self) -> ScreenConfig:
        if self.min_age > self.max_age:
            raise ValueError("min_age is above max_age")
        if self.first_date and self.last_date and self.first_date > self.last_date:
            raise ValueError("first_date is after last_date")
        return self

    min_age: int = Field(18, ge=0)
    max_age: int = Field(99, ge=0)
    first_date: date | None = None
    last_date: date | None = None
    require_description: bool = True
    require_conclusion: bool = True


class RulesConfig(Section):
    method: Literal["scoped", "paper"] = "scoped"
    keywords: ConfigPath | None = None  # None: the phrase files of the package
    stopphrases: ConfigPath | None = None


class ClassifyConfig(Section):
    training: ConfigPath | None = None  # a table of earlier verified reports
    model: Literal["linear", "tree"] = "linear"
    test_share: float = Field(0.3, gt=0, lt=1)


class SampleConfig(Section):
    target: int = Field(10_000, ge=0)  # verified texts wanted, half with ICH and half without
    surplus: float = Field(0.2, ge=0)
    keyword_free_share: float = Field(0.5, ge=0, le=1)  # of the candidates without ICH


class RoundConfig(Section):
    """A reading round: readers are pseudonyms (reader-1), never names."""

    @model_validator(mode="after")
    def _people(self) -> RoundConfig:
        if len(set(self.readers)) != len(self.readers) or self.expert in self.readers:
            raise ValueError("readers and expert must be different people")
        if self.readers_per_study > len(self.readers):
            raise ValueError("readers_per_study is larger than the number of readers")
        return self

    readers: list[str] = Field(min_length=1)
    readers_per_study: int = Field(1, ge=1)
    expert: str | None = None
    hide_report: bool = True  # the readers' page shows the report only after the read is saved
    decisions: ConfigPath | None = None  # a CSV of decisions made elsewhere, taken up as the round asks for them


class CohortConfig(Section):
    target: dict[Literal["ich", "normal"], Annotated[int, Field(ge=0)]] = {"ich": 400, "normal": 400}
    margin: float = Field(0.1, ge=0)  # how much of the reserve is in play from the first wave on
    allow_unequal: bool = False


class SecretConfig(Section):
    """Where a secret lies: an environment variable or a file only its owner can read; never the secret itself."""

    @model_validator(mode="after")
    def _one(self) -> SecretConfig:
        if (self.env is None) == (self.file is None):
            raise ValueError("name either env or file")
        return self

    env: str | None = None
    file: ConfigPath | None = None


class TlsConfig(Section):
    """Own authority and client certificate; the server's certificate is always checked."""

    ca: ConfigPath | None = None  # None: the system's authorities
    certificate: ConfigPath | None = None
    key: ConfigPath | None = None


class DicomwebConfig(Section):
    url: str = Field(pattern=r"^https?://[^/@?#]+(/[^@?#]*)?$")  # the services' root, e.g. https://pacs/dicom-web; no user in it
    user: str | None = None
    password: SecretConfig | None = None
    token: SecretConfig | None = None  # sent as a bearer token
    tls: TlsConfig = TlsConfig()
    plain_http: bool = False  # a secret may travel unencrypted beyond this machine


class DimseConfig(Section):
    host: str
    port: int = Field(104, ge=1, le=65535)
    called: str = Field("ANY-SCP", min_length=1, max_length=16)  # the archive's application entity title
    calling: str = Field("ICHSET", min_length=1, max_length=16)  # ours, as the archive knows it
    method: Literal["get", "move"] = "get"
    receive_on: str = "0.0.0.0"  # method "move": the address and port where the archive reaches us
    receive_port: int = Field(11112, ge=0, le=65535)
    tls: TlsConfig | None = None  # None: not encrypted


class CourtesyConfig(Section):
    """How hard an archive in clinical use may be asked."""

    connections: int = Field(2, ge=1, le=32)  # studies pulled at one time
    per_second: float | None = Field(None, gt=0)  # instances a second, over all connections
    window: str | None = Field(None, pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")  # local time, e.g. 20:00-06:30
    pause_seconds: float = Field(0, ge=0)  # between two studies of one connection
    retries: int = Field(4, ge=0)  # attempts without progress before a study is given up
    backoff_seconds: float = Field(1.0, ge=0)  # before the first retry; doubled each time, at most a minute
    timeout_seconds: float = Field(60, gt=0)  # without an answer, or below slowest_bytes for so long
    slowest_bytes: int = Field(4096, ge=0)  # a second


class RetrieveConfig(Section):
    @model_validator(mode="after")
    def _source(self) -> RetrieveConfig:
        if self.source != "folder" and getattr(self, self.source) is None:
            raise ValueError(f'source "{self.source}" needs the section retrieve.{self.source}')
        if self.dimse is not None and self.dimse.method == "move" and self.courtesy.connections != 1:
            raise ValueError("dimse.method \"move\" has one receiver: set courtesy.connections = 1")
        return self

    source: Literal["folder", "dicomweb", "dimse"] = "folder"
    path: ConfigPath | None = None  # folder source
    dicomweb: DicomwebConfig | None = None
    dimse: DimseConfig | None = None
    courtesy: CourtesyConfig = CourtesyConfig()
    lookup: Literal["study_uid", "accession", "patient_date"] = "accession"
    masks: ConfigPath | None = None  # where the masks lie that reports name; folder source: also beside the series
    policy: Literal["all-native", "best-soft-tissue"] = "all-native"
    min_slices: int = 8
    min_coverage_mm: float = 80.0
    max_motion: float = 1.0  # scores from 0 to 1; beyond these limits a series is left
    max_metal: float = 1.0
    max_detector: float = 1.0
    max_truncated: float = 1.0


class DefaceLimits(Section):
    """What a written series may show or have lost; above it the study stays in the hospital (definitions: docs/DEFACING.md)."""

    exposed: float = Field(0.05, ge=0, le=1)  # share of the face an attacker gets back by erasing what was altered
    relief: float = Field(0.30, ge=-1, le=1)  # correlation of the remaining relief with the face's
    median_attack: float = Field(0.15, ge=0, le=1)
    brain: float = Field(0.0, ge=0, le=1)  # share of intracranial voxels altered


class PaperConfig(Section):
    """The published method's constants; the paper names the first four."""

    threshold_hu: int = 490
    slices_share: float = Field(0.6, ge=0, le=1)  # the lowest slices that get artefacts
    rays: int = Field(9, ge=1)
    values_hu: tuple[int, int] = (-1000, 1000)
    step_degrees: float = 10.0
    size_mm: tuple[float, float] = (8.0, 20.0)  # semi-axes of an ellipse, drawn between these
    angle_degrees: float = 0.0  # shifts the rays by hand, for a turned head


class GuardedConfig(Section):
    """Lengths in mm from the brain's frontal pole, so that no border follows the face."""

    depth_mm: float = 5.0  # how far behind the pole the face is covered at the pole's level in the middle; the sides curve back
    slope: float = 0.1  # and this much deeper for each mm further down
    deepest_mm: float = 65.0
    height_mm: float = 55.0  # above the pole's level
    bone_mm: float = 15.0  # bone this near the brain stays: vault, orbital roof, skull base
    min_brain_ml: float = 300.0
    ears: bool = False  # cover the ears too


class DefaceConfig(Section):
    method: Literal["guarded", "paper"] = "guarded"
    limits: DefaceLimits | None = None  # None: the guarded method's; the paper's method needs its own
    paper: PaperConfig = PaperConfig()
    guarded: GuardedConfig = GuardedConfig()

    @model_validator(mode="after")
    def _open_limits(self) -> DefaceConfig:
        if self.method == "paper" and self.limits is None:
            raise ValueError('method "paper" leaves faces exposed: say which limits you accept in the section limits')
        return self


DeidOption = Literal[
    "safe_private", "uids", "device", "institution", "patient", "full_dates", "modified_dates", "descriptors", "structured", "graphics"
]


class AnonymizeConfig(Section):
    # options of PS3.15 Annex E beside the Basic profile; hiding the face is the option that defacing itself declares
    options: list[DeidOption] = ["modified_dates", "patient", "descriptors"]
    recompress: Literal["same", "explicit", "rle", "jpeg-ls", "jpeg-2000"] = "same"  # how a changed compressed frame is written
    age_cap: int | None = 89  # ages above become 90+; None keeps them
    subjects: ConfigPath | None = None  # the hospital's own subject IDs: CSV patient_id,subject
    deface: DefaceConfig = DefaceConfig()


class ReleaseConfig(Section):
    title: str = "Head CT with and without intracranial haemorrhage"
    license: str = "CC-BY-4.0"
    citation: str = ""
    report_text: bool = False
    train_share: float = Field(0.7, gt=0, lt=1)
    exports: list[Literal["rsna", "cq500", "nifti", "masks", "bio"]] = Field(default_factory=list)
    previous: ConfigPath | None = None  # an earlier release of this dataset: its splits stay, and what changed is told
    link: str = ""  # where the dataset can be found (URL or DOI); empty: a URN of its name and version
    creators: list[str] = Field(default_factory=list)  # people or organisations, as they want to be cited
    ethics: str = ""  # who approved the release of the data, in the words of the approval
    examples: int = Field(6, ge=0)  # heads shown as surfaces in the figures


class AuditConfig(Section):
    dciodvfy: bool = True  # needs the program dciodvfy; where it is missing, the audit says that it was not run
    require_dciodvfy: bool = False  # True: a missing program fails the audit
    max_exposed: float = Field(default=0.05, ge=0, le=1)  # highest share of a face that may be left showing, by the released figures
    max_brain_changed: float = Field(default=0.0, ge=0, le=1)  # highest share of brain voxels that defacing may have touched
    age_cap: int | None = 89  # years: an older age must be shown as `90+`; None where anonymize.age_cap is none


class ReviewConfig(Section):
    """The readers' page. It listens on loopback only; `hosts` are the names of a reverse proxy in front of it."""

    port: int = Field(8765, ge=0, le=65535)  # 0: any free port
    language: Literal["auto", "en", "ru"] = "auto"  # auto: what the browser asks for; each reader can switch
    lead: str = "lead"  # the account that sees progress and agreement; it reads nothing
    hosts: list[str] = Field(default_factory=list)
    https: bool = False  # the proxy speaks TLS: cookies are marked Secure
    session_minutes: int = Field(600, ge=1)
    highlight: bool = True  # the text round marks the phrases that the rules found


class EngineConfig(Section):
    backend: Literal["processes", "dask"] = "processes"
    scheduler: str | None = None  # dask: the scheduler's address
    jobs: int | None = Field(None, ge=1)  # None: every core


class Config(Section):
    @model_validator(mode="after")
    def _apart(self) -> Config:
        """What a run writes and replaces may not hold, or lie in, what it reads."""
        ours = {"project.work": self.project.work, "project.release": self.project.release}
        read = {
            "ingest.path": self.ingest.path, "retrieve.path": self.retrieve.path, "retrieve.masks": self.retrieve.masks,
            "classify.training": self.classify.training, "anonymize.subjects": self.anonymize.subjects,
            "rules.keywords": self.rules.keywords, "rules.stopphrases": self.rules.stopphrases,
        }  # fmt: skip
        pairs = [(name, one, other, two) for name, one in ours.items() for other, two in (*ours.items(), *read.items()) if name != other and two]
        for name, one, other, two in pairs:
            mine, theirs = one.resolve(), two.resolve()
            if mine == theirs or mine in theirs.parents or theirs in mine.parents:
                raise ValueError(f"{name} and {other} lie in one another; give each a folder of its own, since a run replaces what it wrote")
        return self

    schema_version: Literal[1] = 1
    project: ProjectConfig
    ingest: IngestConfig
    screen: ScreenConfig = ScreenConfig()
    rules: RulesConfig = RulesConfig()
    classify: ClassifyConfig = ClassifyConfig()
    sample: SampleConfig = SampleConfig()
    read_text: RoundConfig
    cohort: CohortConfig = CohortConfig()
    retrieve: RetrieveConfig = RetrieveConfig()
    read_image: RoundConfig
    anonymize: AnonymizeConfig = AnonymizeConfig()
    release: ReleaseConfig = ReleaseConfig()
    audit: AuditConfig = AuditConfig()
    review: ReviewConfig = ReviewConfig()
    engine: EngineConfig = EngineConfig()


def load(path: Path) -> Config:
    """Read one config. Every fault is named by file and key, with what was expected."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such config; see configs/ for examples") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    try:
        return Config.model_validate(data, context={"base": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {_fault(fault)}" for fault in error.errors())) from None


def _fault(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or check its spelling"
    if fault["type"] == "missing":
        return f"{key}: missing"
    return ": ".join(part for part in (key, fault["msg"].removeprefix("Value error, ")) if part)
