"""The stages in order: what each reads, calls, writes.  START READING HERE

Every stage is one public function of its folder, called here on the tables of the store. A stage whose manifest still
matches its inputs does nothing. Between `retrieve` and `anonymize` the run works in waves: when more studies are lost
than the margin holds, the wave grows by the shortfall and the three stages go over what is new.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ichset import contracts as c
from ichset.contracts import StageOutput
from ichset.errors import GateFailed, NeedsAPerson, SourceUnreachable, WaitingForReaders
from ichset.readings import Round
from ichset.readings.pictures import fingerprint
from ichset.readings.worklists import import_decisions, write_worklists
from ichset.run import Run, Stage

if TYPE_CHECKING:
    from ichset.reports.scrub_known import KnownValues


# --- reports --------------------------------------------------------------------------------------
def ingest(run: Run) -> None:
    from ichset.reports.ingest import ingest_reports

    run.store.write_stream(c.REPORTS, ingest_reports(run.config.ingest))


def screen(run: Run) -> None:
    from ichset.reports.screen import screen_reports

    batches = run.store.batches(c.REPORTS)
    run.store.write_stream(c.SCREENED, screen_reports(batches, run.config.screen, run.config.retrieve.lookup, run.pseudonyms))
    if not run.store.rows(c.SCREENED):
        reasons = Counter(run.store.excluded(c.SCREENED)["reason"].to_pylist()).most_common(3)
        run.say("screen: no report is left; " + ", ".join(f"{count:,} {reason}" for reason, count in reasons), event="nothing left")


def rules(run: Run) -> None:
    from ichset.reports.ruling import READ, rule_reports

    outputs = rule_reports(run.store.batches(c.SCREENED, READ), run.config.rules, run.engine)
    run.store.write_stream(c.RULED, outputs, tables=[c.MENTIONS])


def classify(run: Run) -> None:
    from ichset.reports.classify import TEXTS, VERDICTS, classify_reports

    screened, ruled = run.store.batches(c.SCREENED, TEXTS), run.store.batches(c.RULED, VERDICTS)
    run.store.write_stream(c.CLASSIFIED, classify_reports(screened, ruled, run.config.classify, run.config.rules, run.work))


# --- cohort ---------------------------------------------------------------------------------------
def sample(run: Run) -> None:
    from ichset.cohort.sample import sample_candidates

    keyword = run.store.read(c.MENTIONS, ["report"])["report"].unique().to_pylist()
    ruled, classified = run.store.read(c.RULED), run.store.read(c.CLASSIFIED)
    run.store.write(c.CANDIDATES, sample_candidates(ruled, classified, keyword, run.config.sample, run.config.project.seed))


def read_text(run: Run) -> None:
    from ichset.cohort.verify import verified_texts
    from ichset.cohort.waves import in_play

    candidates = run.store.read(c.CANDIDATES)
    half = math.ceil(run.config.sample.target / 2)
    arms = dict(zip(candidates["study"].to_pylist(), candidates["arm"].to_pylist(), strict=True))
    first = candidates.filter(candidates["first"])["study"].to_pylist()
    asked, lost = None, list[str]()
    while (wave := in_play(candidates, {"ich": half, "normal": half}, 0, lost, "position")) != asked:
        asked = wave
        round_ = run.open_round("text", wave["study"].to_pylist(), first)
        _take_up(run, round_)
        judged = round_.consensus()
        lost = [study for study, one in judged.items() if one.exclude or one.answers["ich"] != (arms[study] == "ich")]
    shown = ["accession", "title", "indication", "description", "conclusion"]
    _wait_for_readers(run, round_, shown)
    run.store.write(c.TEXT_READ, verified_texts(candidates, judged))


def cohort(run: Run) -> None:
    from ichset.cohort.rank import rank_cohort

    run.store.write(c.COHORT, rank_cohort(run.store.read(c.CANDIDATES), run.store.read(c.TEXT_READ), run.config.project.seed))


# --- imaging, in waves ----------------------------------------------------------------------------
def retrieve(run: Run) -> None:
    from ichset.imaging.retrieve import retrieve_wave

    wave = run.wave()
    output = retrieve_wave(wave, run.store.read(c.SCREENED), run.config.retrieve, run.engine, run.work)
    run.store.write(c.RETRIEVED, output, tables=[c.SERIES], parents=wave)


def read_image(run: Run) -> None:
    from ichset.cohort.verify import verified_images

    retrieved, wave = run.store.read(c.RETRIEVED), run.wave()
    slices, pictures = _pictures(run)
    round_ = run.open_round("image", retrieved["study"].to_pylist(), slices=slices, pictures=pictures)
    _take_up(run, round_)
    _wait_for_readers(run, round_, ["accession", "study_uid"])
    arms = dict(zip(wave["study"].to_pylist(), wave["arm"].to_pylist(), strict=True))
    run.store.write(c.IMAGE_READ, verified_images(retrieved, arms, round_.consensus()))


def _pictures(run: Run) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, str]]]:
    """Study -> series -> number of slices, and -> fingerprint, of the taken series: what a key slice can be."""
    slices, prints = defaultdict[str, dict[str, int]](dict), defaultdict[str, dict[str, str]](dict)
    for row in run.store.read(c.SERIES).to_pylist():
        if row["taken"]:
            slices[row["study"]][str(row["series"])] = row["instances"]
            prints[row["study"]][str(row["series"])] = fingerprint(row)
    return dict(slices), dict(prints)


def anonymize(run: Run) -> None:
    from ichset.anonymize.study import anonymize_wave

    read = run.store.read(c.IMAGE_READ, ["study"])
    retrieved = run.store.read(c.RETRIEVED)
    retrieved = retrieved.filter(pc.is_in(retrieved["study"], read["study"]))
    series, screened = run.store.read(c.SERIES), run.store.read(c.SCREENED)
    output = anonymize_wave(retrieved, series, screened, run.config.anonymize, run.key, run.engine, run.work)
    run.store.write(c.ANONYMIZED, output, tables=[c.ANONYMIZED_SERIES, c.INSTANCES])


# --- release --------------------------------------------------------------------------------------
def release(run: Run) -> None:
    from ichset.release.build import build_release

    run.store.write(c.SELECTED, _selection(run))
    short = run.shortfall()
    if any(short.values()) and not run.config.cohort.allow_unequal:
        lacking = ", ".join(f"{count} {arm}" for arm, count in short.items() if count)
        raise NeedsAPerson(f"the order is exhausted and the arms lack {lacking}; add reports or studies, or set cohort.allow_unequal")
    if run.config.release.report_text:
        _scrub(run)
    build_release(run.release_tables(), run.funnel(), run.config, run.work)


def _selection(run: Run) -> StageOutput:
    from ichset.cohort.select import JUDGES, select_final

    anonymized = run.store.read(c.ANONYMIZED)
    subjects = dict(zip(anonymized["study"].to_pylist(), anonymized["subject"].to_pylist(), strict=True))
    judgements = {
        judge: {row["study"]: row for row in run.store.read(contract, ["study", *c.LABELS]).to_pylist()}
        for judge, contract in zip(JUDGES, (c.IMAGE_READ, c.TEXT_READ, c.RULED), strict=True)
    }
    return select_final(run.store.read(c.COHORT), run.config.cohort.target, subjects, run.lost_reasons(), judgements)


def _scrub(run: Run) -> None:
    from ichset.reports.scrub import scrub_reports

    screened = run.store.read(c.SCREENED)
    selected = run.store.read(c.SELECTED, ["study"])["study"]
    screened = screened.filter(pc.is_in(screened["study"], selected))
    retrieved = run.store.read(c.RETRIEVED, ["study", "folder"])
    folders = retrieved.filter(pc.is_in(retrieved["study"], selected)).sort_by("study").to_pylist()
    further = {row["study"]: _header_values(run.work / row["folder"]) for row in folders}
    text, residual = scrub_reports(screened, run.pseudonyms, further)
    run.store.write(c.RELEASED_TEXT, StageOutput(text, c.RELEASED_TEXT.excluded_schema.empty_table()))
    run.store.write_side("scrub_residual", residual)


def _header_values(folder: Path) -> KnownValues:
    """The people, numbers and places of a study's source headers: what its report must not say either."""
    from ichset.anonymize.header_values import header_values
    from ichset.dicomfile import NotReadable
    from ichset.reports.scrub_known import KnownValues

    try:
        found = header_values(folder)
    except (NotReadable, OSError) as error:
        why = type(error).__name__
        raise GateFailed(f"report text needs every study's source headers ({why}); run: ichset run retrieve --force") from None
    return KnownValues(found.names, found.numbers, found.birth_dates, found.places)


def audit(run: Run) -> None:
    from ichset.release.audit import audit_release

    report = audit_release(run.config.project.release, run.work, run.config.audit)
    report.write(run.config.project.release)
    if not report.ok:
        raise GateFailed(f"the audit failed in {', '.join(check.name for check in report.failed)}; see the report beside the release")


# --- readers --------------------------------------------------------------------------------------
def _take_up(run: Run, round_: Round) -> None:
    """Decisions made elsewhere (config `decisions`): first the readers', then the expert's on what is left."""
    path = round_.config.decisions
    if path is None:
        return
    while (imported := import_decisions(path, {round_.name: round_}, waiting_allowed=True)).recorded:
        run.say(f"{imported.recorded} decisions of the {round_.name} round taken up", event="decisions", count=imported.recorded)
    for line, why in imported.refused:
        run.say(f"{path.name}, line {line}: {why}", event="refused", row=line)


def _wait_for_readers(run: Run, round_: Round, shown: list[str]) -> None:
    """Write what is still to be read; raises WaitingForReaders while anything is."""
    waiting = round_.open_studies()
    screened = run.store.read(c.SCREENED, ["study", *shown]) if waiting else None
    context = {} if screened is None else {row.pop("study"): row for row in screened.to_pylist() if row["study"] in set(waiting)}
    folder = run.work / "worklists"
    write_worklists(round_, folder, context, _history(run, round_))
    if waiting:
        raise WaitingForReaders(
            f"{len(waiting)} studies of the {round_.name} round wait for readers; worklists are in {folder}; "
            "import them when they are filled: ichset readings import FILE --config CONFIG, or read them at: ichset review --config CONFIG"
        )


def _history(run: Run, round_: Round) -> dict[str, str]:
    """What the expert is told of the other studies of these patients; most have none."""
    from ichset.imaging.dynamics import COLUMNS, other_studies

    difficult = round_.queue(round_.config.expert) if round_.config.expert else []
    return other_studies(lambda: run.store.batches(c.SCREENED, COLUMNS), difficult) if difficult else {}


STAGES = (
    Stage("ingest", "reads report exports", ingest, (), (c.REPORTS,), ("ingest",), lambda config: (config.ingest.path,)),
    Stage("screen", "keeps brain CT reports that can be used", screen, (c.REPORTS,), (c.SCREENED,), ("screen", "retrieve.lookup")),
    Stage(
        "rules", "finds haemorrhage by phrases", rules, (c.SCREENED,), (c.RULED, c.MENTIONS), ("rules",),
        lambda config: (config.rules.keywords, config.rules.stopphrases), workers=("ichset.reports.ruling",),
    ),
    Stage(
        "classify", "scores reports by a trained model", classify, (c.SCREENED, c.RULED), (c.CLASSIFIED,), ("classify", "rules"),
        lambda config: (config.classify.training,),
    ),
    Stage("sample", "draws candidates for text verification", sample, (c.RULED, c.MENTIONS, c.CLASSIFIED), (c.CANDIDATES,), ("sample",)),
    Stage(
        "read-text", "readers verify the reports", read_text, (c.CANDIDATES, c.SCREENED), (c.TEXT_READ,), ("sample", "read_text"),
        lambda config: (config.read_text.decisions, config.project.work / "readings" / "text.jsonl"),
    ),
    Stage("cohort", "ranks the verified candidates of each arm", cohort, (c.CANDIDATES, c.TEXT_READ), (c.COHORT,)),
    Stage(
        "retrieve", "finds the studies and copies the right series", retrieve, (c.WAVE, c.SCREENED), (c.RETRIEVED, c.SERIES), ("retrieve",),
        lambda config: (config.retrieve.path,), lambda config: (config.project.work / "retrieved",), ("ichset.imaging.study", "ichset.volume"),
    ),
    Stage(
        "read-image", "readers verify the images", read_image, (c.WAVE, c.RETRIEVED, c.SERIES, c.SCREENED), (c.IMAGE_READ,), ("read_image",),
        lambda config: (config.read_image.decisions, config.project.work / "readings" / "image.jsonl"),
    ),
    Stage(
        "anonymize", "strips identifiers and hides the face", anonymize, (c.IMAGE_READ, c.RETRIEVED, c.SERIES, c.SCREENED),
        (c.ANONYMIZED, c.ANONYMIZED_SERIES, c.INSTANCES), ("anonymize",),
        lambda config: (config.anonymize.subjects,), lambda config: (config.project.work / "anonymized",),
        ("ichset.anonymize.study", "ichset.anonymize.deface", "ichset.anonymize.measure"),
    ),
    Stage(
        "release", "writes the labelled dataset", release,
        (c.COHORT, c.TEXT_READ, c.IMAGE_READ, c.RULED, c.ANONYMIZED, c.ANONYMIZED_SERIES, c.INSTANCES, c.SERIES, c.RETRIEVED),
        (c.SELECTED,), ("project", "cohort", "release", "read_text", "read_image", "anonymize"),
        lambda config: (config.release.previous, config.project.work / "readings"), lambda config: (config.project.release,),
    ),
    Stage(
        "audit", "checks the release independently", audit, (c.SELECTED, c.SCREENED, c.RETRIEVED), (), ("audit",),
        lambda config: (config.project.release,),
    ),
)  # fmt: skip
NAMES = tuple(stage.name for stage in STAGES)
IMAGE_STAGES = ("retrieve", "read-image", "anonymize")


def chosen(only: str | None = None, first: str | None = None, last: str | None = None) -> tuple[Stage, ...]:
    """One stage, or the stages from `first` to `last`."""
    if only:
        return (STAGES[NAMES.index(only)],)
    return STAGES[NAMES.index(first) if first else 0 : NAMES.index(last) + 1 if last else len(STAGES)]


def _before_work(run: Run, names: set[str]) -> None:
    """What would stop a run after hours is asked first."""
    from ichset.release.versions import refuse_foreign

    config = run.config
    if "release" in names:
        refuse_foreign(config.project.release)
    if "retrieve" in names and config.retrieve.source == "folder" and config.retrieve.path and not config.retrieve.path.is_dir():
        raise SourceUnreachable(f"{config.retrieve.path}: no such archive folder; set retrieve.path")


def execute(run: Run, stages: tuple[Stage, ...]) -> None:
    """Run the stages in order, going back to `retrieve` whenever the wave has to grow.

    Raises NeedsAPerson at the end when an arm was released unfilled.
    """
    _before_work(run, {stage.name for stage in stages})
    run.worker_modules = tuple(module for stage in stages for module in stage.workers)
    position = 0
    while position < len(stages):
        stage = stages[position]
        run.stage(stage)
        position += 1
        if stage.name in IMAGE_STAGES and not run.dry and run.wave_grew(IMAGE_STAGES[: IMAGE_STAGES.index(stage.name) + 1]):
            names = [one.name for one in stages]
            if "retrieve" not in names:
                raise NeedsAPerson("more studies were lost than the wave's margin holds; go on with: ichset run --from retrieve")
            position = names.index("retrieve")
    short = {arm: count for arm, count in run.shortfall().items() if count} if stages[-1].name == "audit" and not run.dry else {}
    if short:
        raise NeedsAPerson("released with unequal arms, as the config allows: " + ", ".join(f"{n} {arm} lacking" for arm, n in short.items()))
