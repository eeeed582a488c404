"""Splits by person, stratified over labels and technical parameters, and the gate that no leak passes.

Two studies belong to one person when they share the subject, the study UID or accession, or the stored pixels of a
slice that is not blank (the same images under new identities). The stratification is greedy in the manner of
Sechidis et al. (2011): rarest attributes first, each cluster to the split that is relatively furthest below its share of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ichset.contracts import LABELS
from ichset.errors import GateFailed
from ichset.release.records import Records, age_years

SPLITS = ("train", "test")


def people(studies: pa.Table, files: pa.Table, blank: Callable[[str], bool] = lambda _: False) -> dict[str, str]:
    """The cluster (named by its first study) of every study. `blank(source)` tells a slice of one single value."""
    clusters = _Clusters(studies["study"].to_pylist())
    for column in ("subject", "study_uid", "accession"):
        clusters.join(zip(studies[column].to_pylist(), studies["study"].to_pylist(), strict=True))
    clusters.join(_shared_pixels(files, blank))
    return {study: clusters.root(study) for study in studies["study"].to_pylist()}


def _shared_pixels(files: pa.Table, blank: Callable[[str], bool]) -> Iterable[tuple[str, str]]:
    pairs = files.select(["pixels", "study", "source"]).filter(pc.is_valid(files["pixels"]))
    counts = pairs.group_by("pixels").aggregate([("study", "count_distinct")])
    shared = counts.filter(pc.greater(counts["study_count_distinct"], 1))["pixels"].combine_chunks()
    found = pairs.filter(pc.is_in(pairs["pixels"], value_set=shared)).to_pylist()
    judged: dict[str, bool] = {}
    for row in found:
        if not judged.setdefault(row["pixels"], blank(row["source"]) if row["pixels"] not in judged else False):
            yield row["pixels"], row["study"]


class _Clusters:
    """Union-find; the root of a cluster is its smallest study name, whatever the order of joins."""

    def __init__(self, studies: Iterable[str]) -> None:
        self._parent = {study: study for study in studies}

    def root(self, study: str) -> str:
        while self._parent[study] != study:
            self._parent[study] = self._parent[self._parent[study]]
            study = self._parent[study]
        return study

    def join(self, pairs: Iterable[tuple[str | None, str]]) -> None:
        first: dict[str, str] = {}
        for value, study in pairs:
            if value:
                one, two = sorted((self.root(first.setdefault(value, study)), self.root(study)))
                self._parent[two] = one


def assign(records: Records, clusters: Mapping[str, str], train_share: float, seed: int, fixed: Mapping[str, str]) -> dict[str, str]:
    """The split of every study. `fixed` are the splits of an earlier release: they stay, and so does their person's."""
    members: dict[str, list[str]] = defaultdict(list)
    for study, cluster in clusters.items():
        members[cluster].append(study)
    traits = _traits(records)
    totals = Counter(trait for study in clusters for trait in traits[study])
    shares = {"train": train_share, "test": 1 - train_share}
    room = {(split, trait): 1.0 for trait in totals for split in SPLITS}  # what is left of the split's own quota
    splits: dict[str, str] = {}

    def put(cluster: str, split: str) -> None:
        for study in members[cluster]:
            splits[study] = split
            for trait in traits[study]:
                room[split, trait] -= 1 / (shares[split] * totals[trait])

    free = []
    for cluster in sorted(members):
        before = sorted({fixed[study] for study in members[cluster] if study in fixed})
        if len(before) > 1:
            raise GateFailed(f"splits: a person's studies were in different splits of the earlier release (study {cluster})")
        put(cluster, before[0]) if before else free.append(cluster)
    free.sort(key=lambda cluster: (min(totals[trait] for study in members[cluster] for trait in traits[study]), _rank(seed, cluster)))
    for cluster in free:
        put(cluster, _neediest(cluster, members[cluster], traits, room, seed))
    return splits


def _neediest(cluster: str, members: Sequence[str], traits: Mapping[str, tuple[str, ...]], room: Mapping[tuple[str, str], float], seed: int) -> str:
    """The split with most room for what the cluster brings; a rare trait weighs more, since one study fills more of its quota."""

    def need(split: str) -> float:
        return sum(room[split, trait] for study in members for trait in traits[study])

    return max(SPLITS, key=lambda split: (round(need(split), 9), _rank(seed, cluster + split)))


def _traits(records: Records) -> dict[str, tuple[str, ...]]:
    """What a split must hold its share of: every study, its labels, age decade, sex, and its series' technical classes."""
    technical: dict[str, set[str]] = defaultdict(set)
    for column in ("manufacturer", "kernel", "slice_thickness", "kvp"):
        for study, value in zip(records.series["study"].to_pylist(), records.series[column].to_pylist(), strict=True):
            technical[study].add(f"{column}={value}")
    traits = {}
    for study, label in zip(records.studies.to_pylist(), records.labels.to_pylist(), strict=True):
        own = ["study", f"arm={study['arm']}", f"sex={study['sex']}"]
        own += [f"{name}=1" for name in LABELS if label[name] == 1]
        own += [f"age={age // 20}"] if (age := age_years(study["age"])) is not None else []
        traits[study["study"]] = (*own, *sorted(technical[study["study"]]))
    return traits


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"split {seed} {name}".encode()).digest()


def leakage_gate(splits: Mapping[str, str], clusters: Mapping[str, str]) -> None:
    """Raises GateFailed (exit 4) when one person's studies lie in two splits."""
    where: dict[str, set[str]] = defaultdict(set)
    for study, split in splits.items():
        where[clusters[study]].add(split)
    leaks = sorted(cluster for cluster, found in where.items() if len(found) > 1)
    if leaks:
        raise GateFailed(f"splits: {len(leaks)} persons lie in more than one split, the first with study {leaks[0]}")
