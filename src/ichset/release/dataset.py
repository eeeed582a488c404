"""What every writer of a release is handed: the rows, the counts, the config, and the folder it writes into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ichset.config import Config
from ichset.release.records import Records
from ichset.release.versions import Earlier


@dataclass(frozen=True)
class Dataset:
    """A release in the making. `private` are the run's tables by contract name: read for masks and text spans only."""

    records: Records
    counted: Mapping[str, pa.Table]
    config: Config
    bag: Path
    work: Path
    private: Mapping[str, pa.Table]
    earlier: Earlier | None
