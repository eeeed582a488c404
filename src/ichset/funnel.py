"""The funnel as counts: how many came to each stage, stayed, and left for which reason."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from ichset import contracts as c
from ichset.contracts import Contract, Reason
from ichset.store import Store

SCHEMA = pa.schema([("stage", pa.string()), ("arm", pa.string()), ("event", pa.string()), ("reason", pa.string()), ("count", pa.int64())])
# stage -> the table that says who stayed
STAGES = {
    "ingest": c.REPORTS, "screen": c.SCREENED, "rules": c.RULED, "classify": c.CLASSIFIED, "sample": c.CANDIDATES, "read-text": c.TEXT_READ,
    "cohort": c.COHORT, "retrieve": c.RETRIEVED, "read-image": c.IMAGE_READ, "anonymize": c.ANONYMIZED, "release": c.SELECTED,
}  # fmt: skip
BY_ARM = ("cohort", "retrieve", "read-image", "anonymize", "release")


def funnel(store: Store) -> pa.Table:
    """Rows (stage, arm, event, reason, count); event is in, kept, excluded or quarantined. Stages that have not run are absent."""
    arms = _arms(store)
    rows: list[tuple[str, str | None, str, str | None, int]] = []
    for stage, contract in STAGES.items():
        if not store.has(contract):
            continue
        by_arm = arms if stage in BY_ARM else {}
        kept = _kept(store, contract, by_arm)
        left = _left(store, contract, by_arm)
        for arm in sorted(set(kept) | {arm for arm, _ in left}, key=str):
            gone = {reason: count for (one, reason), count in left.items() if one == arm}
            rows.append((stage, arm, "in", None, kept[arm] + sum(gone.values())))
            rows.append((stage, arm, "kept", None, kept[arm]))
            for reason in sorted(gone):
                rows.append((stage, arm, "quarantined" if Reason(reason).quarantined else "excluded", reason, gone[reason]))
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)


def _arms(store: Store) -> dict[str, str]:
    if not store.has(c.COHORT):
        return {}
    table = store.read(c.COHORT, ["study", "arm"])
    return dict(zip(table["study"].to_pylist(), table["arm"].to_pylist(), strict=True))


def _kept(store: Store, contract: Contract, arms: dict[str, str]) -> Counter[str | None]:
    if not arms:
        return Counter({None: store.rows(contract)})
    return Counter(arms.get(study) for study in store.read(contract, ["study"])["study"].to_pylist())


def _left(store: Store, contract: Contract, arms: dict[str, str]) -> Counter[tuple[str | None, str]]:
    table = store.excluded(contract)
    if not arms:
        counts = table["reason"].value_counts().to_pylist()
        return Counter({(None, row["values"]): row["counts"] for row in counts})
    return Counter((arms.get(row["study"]), row["reason"]) for row in table.select(["study", "reason"]).to_pylist())
