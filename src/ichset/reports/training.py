"""Train and judge the classifiers on the table of earlier verified reports."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from ichset.config import ClassifyConfig, RulesConfig
from ichset.contracts import LABELS
from ichset.errors import ConfigError
from ichset.manifest import sha256_file
from ichset.reports.features import HALF, joined, learn_vocabulary
from ichset.reports.metrics import judged
from ichset.reports.model_file import write_whole

log = logging.getLogger(__name__)

FORMAT = 2  # of the stored content; another one is trained anew
SEED = 20240230
MIN_OF_EACH = 20  # verified reports with and without a label, below which it is not learnt
FOLDS = 5
TREE_LEAF = 5


def identity(config: ClassifyConfig, rules: RulesConfig) -> dict[str, Any]:
    """What a stored model must have been made from to be used again."""
    import sklearn

    return {
        "format": FORMAT,
        "training": sha256_file(_present(config)),
        "model": config.model,
        "test_share": config.test_share,
        "method": rules.method,
        "sklearn": sklearn.__version__,
    }


def train(config: ClassifyConfig, rules: RulesConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """(content for the model file, metrics). Raises ConfigError when the table cannot train `ich`."""
    table = read_training(_present(config))
    texts = joined(table)
    test = split(texts, table["ich"].to_pylist(), config.test_share)
    vocabulary = learn_vocabulary(texts.filter(pa.array(~test)))
    counts = vocabulary.counts(texts)
    weights = TfidfTransformer(sublinear_tf=True).fit(counts[~test])
    matrix = weights.transform(counts)
    truths = {label: np.array([-1 if value is None else value for value in table[label].to_pylist()]) for label in LABELS}
    models: dict[str, dict[str, Any]] = {"linear": {}, "tree": {}}
    for label, truth in truths.items():
        known = truth >= 0
        if min((truth[~test] == 1).sum(), (truth[~test] == 0).sum()) < MIN_OF_EACH:
            log.warning("label %s: fewer than %d reports of each kind to learn from; not learnt", label, MIN_OF_EACH)
            continue
        for name, model in _new_models().items():
            models[name][label] = model.fit(matrix[known & ~test], truth[known & ~test])
    if "ich" not in models[config.model]:
        raise ConfigError(
            f"{config.training}: fewer than {MIN_OF_EACH} training reports with and without ich; give more, or leave classify.training out"
        )
    content = {
        "stems": " ".join(vocabulary.stems),
        "keys": vocabulary.keys,
        "words": " ".join(vocabulary.spelt),
        "words_stems": " ".join(vocabulary.spelt.values()),
        "weights": weights,
        "models": models,
        "used": config.model,
    }
    return content, _metrics(table, test, matrix, truths, models, rules)


def _new_models() -> dict[str, Any]:
    """The reference tree, as in the paper, and the linear model with its probabilities calibrated on held-out folds."""
    linear = LogisticRegression(C=10.0, max_iter=1000, random_state=SEED)
    return {
        "linear": CalibratedClassifierCV(linear, method="sigmoid", cv=FOLDS, ensemble=False),
        "tree": DecisionTreeClassifier(min_samples_leaf=TREE_LEAF, random_state=SEED),
    }


def read_training(path: Path) -> pa.Table:
    """description, conclusion and LABELS (1, 0, null), Parquet or CSV. Raises ConfigError naming the column."""
    try:
        table = pq.read_table(path) if path.suffix.lower() in (".parquet", ".pq") else pa_csv.read_csv(path, parse_options=_QUOTED)
    except (OSError, pa.ArrowInvalid) as error:
        raise ConfigError(f"{path}: no readable Parquet or UTF-8 CSV table ({type(error).__name__}); check classify.training") from None
    missing = [name for name in ("description", "conclusion", *LABELS) if name not in table.column_names]
    if missing:
        raise ConfigError(f"{path}: no column {', '.join(missing)} (classify.training wants description, conclusion and every label)")
    schema = pa.schema([("description", pa.string()), ("conclusion", pa.string()), *((label, pa.int8()) for label in LABELS)])
    try:
        table = table.select(schema.names).cast(schema)
    except pa.ArrowInvalid:
        raise ConfigError(f"{path}: labels must be 1, 0 or empty (classify.training)") from None
    for label in LABELS:
        if not set(table[label].to_pylist()) <= {0, 1, None}:
            raise ConfigError(f"{path}: column {label} holds other values than 1, 0 and empty (classify.training)")
    return table


_QUOTED = pa_csv.ParseOptions(newlines_in_values=True)


def split(texts: pa.Array, truth: list[int | None], share: float) -> np.ndarray:
    """True where a report is held out. Stratified by ich; the same words always fall on the same side."""
    digests = [blake2b(" ".join((text or "").lower().split()).encode(), digest_size=8).digest() for text in texts.to_pylist()]
    stratum: dict[bytes, int | None] = {}
    for digest, value in zip(digests, truth, strict=True):
        stratum.setdefault(digest, value)
    held: set[bytes] = set()
    for value in (None, 0, 1):
        group = sorted(digest for digest, of in stratum.items() if of == value)
        held |= set(group[: round(len(group) * share)])
    return np.array([digest in held for digest in digests], bool)


def _metrics(
    table: pa.Table, test: np.ndarray, matrix: Any, truths: Mapping[str, np.ndarray], models: Mapping[str, Any], rules: RulesConfig
) -> dict[str, Any]:
    held = np.flatnonzero(test)
    by_rules = _rules_on(table.take(pa.array(held)), rules)
    labels: dict[str, Any] = {}
    for label, truth in truths.items():
        of = truth[held]
        asked = of >= 0
        found: dict[str, Any] = {"reports": int(asked.sum()), "present": int((of == 1).sum())}
        for name in ("linear", "tree"):
            if label in models[name] and asked.any():
                scores = models[name][label].predict_proba(matrix[held[asked]])[:, 1]
                found[name] = judged(of[asked] == 1, scores >= HALF, SEED, scores)
        if asked.any():
            said = by_rules[label][asked]
            found["rules"] = {**judged(of[asked] == 1, said == 1, SEED), "cannot_tell": int((said < 0).sum())}
        labels[label] = found
    return {
        "split": {"train": int((~test).sum()), "test": len(held)},
        "interval": "95 %: Wilson; bootstrap for f1 and auc",
        "labels": labels,
    }


def _rules_on(table: pa.Table, config: RulesConfig) -> dict[str, np.ndarray]:
    """What the rules say of the held-out reports: 1, 0, or -1 for cannot tell (counted as absent)."""
    from ichset.reports.rules import load_rules

    rules = load_rules(config)
    said: dict[str, list[int]] = {label: [] for label in LABELS}
    for description, conclusion in zip(table["description"].to_pylist(), table["conclusion"].to_pylist(), strict=True):
        labels = rules.read(description or "", conclusion or "").labels
        for label in LABELS:
            value = labels[label]
            said[label].append(-1 if value is None else value)
    return {label: np.array(values) for label, values in said.items()}


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    write_whole(path, (json.dumps(metrics, indent=1, sort_keys=True) + "\n").encode())


def _present(config: ClassifyConfig) -> Path:
    if config.training is None or not config.training.is_file():
        raise ConfigError(
            f"{config.training}: no table of verified reports here; check classify.training, or leave it out to run on rules alone"
        )
    return config.training
