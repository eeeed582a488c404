"""A classifier beside the rules: trained on earlier verified reports, so that readers see first where the two disagree.

The paper's decision tree (7:3 split) is kept as the reference; the linear model is the one to use.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ichset.config import ClassifyConfig, RulesConfig
from ichset.contracts import CLASSIFIED, StageOutput
from ichset.errors import CurationError
from ichset.reports.features import HALF, Vocabulary, joined
from ichset.reports.model_file import load_model, read_record, save_model

log = logging.getLogger(__name__)

MODEL_FILE = "classifier.skops"
TEXTS, VERDICTS = ("report", "description", "conclusion"), ("report", "study", "ich")  # the columns of SCREENED and RULED that are used
_THREADS = 2  # two thirds of the work is Arrow's and numpy's, outside the interpreter's lock
_BATCH = 1024  # texts scored together: bounds the memory of their counts


def classify_reports(
    screened: Iterable[pa.RecordBatch], ruled: Iterable[pa.RecordBatch], config: ClassifyConfig, rules: RulesConfig, work: Path
) -> Iterator[StageOutput]:
    """Kept: CLASSIFIED, one row a ruled report. Both inputs hold the same reports in the same order.

    Trains under `work/model/` unless the stored model was made from this very table and config.
    Without a training table `p_ich` stays null.
    """
    scorer = _scorer(config, rules, work / "model")
    for texts, verdicts in _side_by_side(screened, ruled):
        yield _output(texts, verdicts, scorer)


def score_file(model: Path, texts: Sequence[str]) -> list[float]:
    """p(ich) of each text by a stored model. Raises ModelRefused for any file that is not as it was recorded."""
    scorer = Scorer(load_model(model))
    return [float(score) for score in scorer.score(pa.array(texts, pa.string()))]


class Scorer:
    """The stored content as a function from texts to p(ich)."""

    def __init__(self, content: dict[str, Any]) -> None:
        spelt = dict(zip(content["words"].split(), content["words_stems"].split(), strict=True))
        self._vocabulary = Vocabulary(tuple(content["stems"].split()), content["keys"], spelt)
        self._weights = content["weights"]
        self._model = content["models"][content["used"]]["ich"]
        self._pool = ThreadPoolExecutor(_THREADS)

    def score(self, texts: pa.Array) -> np.ndarray:
        """float32 probabilities, rounded to six digits so that any machine writes the same."""
        parts = list(self._pool.map(self._score, [texts.slice(at, _BATCH) for at in range(0, len(texts), _BATCH)]))
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def _score(self, texts: pa.Array) -> np.ndarray:
        matrix = self._weights.transform(self._vocabulary.counts(texts))
        return np.round(self._model.predict_proba(matrix)[:, 1], 6).astype(np.float32)


def _scorer(config: ClassifyConfig, rules: RulesConfig, folder: Path) -> Scorer | None:
    if config.training is None:
        log.warning("no table of earlier verified reports (classify.training): the run goes on with the rules alone")
        return None
    from ichset.reports import training  # scikit-learn's models load slowly: only where they are needed

    path = folder / MODEL_FILE
    wanted = training.identity(config, rules)
    record = read_record(path)
    if record is not None and record.get("made_from") == wanted:
        return Scorer(load_model(path))
    content, metrics = training.train(config, rules)
    save_model(path, content, {"made_from": wanted})
    training.write_metrics(folder / "metrics.json", metrics)
    return Scorer(content)


def _side_by_side(screened: Iterable[pa.RecordBatch], ruled: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Equal slices of both streams, whatever their batches. Raises CurationError where the reports differ."""
    right = iter(ruled)
    rest: pa.RecordBatch | None = None
    for left in screened:
        at = 0
        while at < left.num_rows:
            while rest is None or rest.num_rows == 0:
                rest = next(right, None)
                if rest is None:
                    raise CurationError("classify: fewer ruled than screened reports; run the rules again: ichset run rules --force")
            count = min(left.num_rows - at, rest.num_rows)
            pair = left.slice(at, count), rest.slice(0, count)
            if not pair[0].column("report").equals(pair[1].column("report")):
                raise CurationError("classify: ruled and screened reports differ; run the rules again: ichset run rules --force")
            yield pa.Table.from_batches([pair[0]]), pa.Table.from_batches([pair[1]])
            at, rest = at + count, rest.slice(count)
    if (rest is not None and rest.num_rows) or any(batch.num_rows for batch in right):
        raise CurationError("classify: more ruled than screened reports; run the rules again: ichset run rules --force")


def _output(texts: pa.Table, verdicts: pa.Table, scorer: Scorer | None) -> StageOutput:
    count = texts.num_rows
    if scorer is None:
        scores, disagree = pa.nulls(count, pa.float32()), pa.repeat(pa.scalar(False), count)
    else:
        scores = pa.array(scorer.score(joined(texts)), pa.float32())
        # where the rules cannot tell, `doubt` already sends the report to a reader
        disagree = pc.fill_null(pc.not_equal(pc.equal(verdicts["ich"], 1), pc.greater_equal(scores, HALF)), False)
    kept = pa.table([verdicts["report"], verdicts["study"], scores, disagree], schema=CLASSIFIED.schema)
    return StageOutput(kept=kept, excluded=CLASSIFIED.excluded_schema.empty_table())
