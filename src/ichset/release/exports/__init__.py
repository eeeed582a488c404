"""Exports: one file a format, each made from the release's own tables and files."""

from __future__ import annotations

from collections.abc import Callable

from ichset.release.dataset import Dataset


def write_exports(dataset: Dataset) -> None:
    """Write data/exports/<format>/ for every format that the config names."""
    from ichset.release.exports import bio, cq500, masks, nifti, rsna

    writers: dict[str, Callable[[Dataset], None]] = {
        "rsna": rsna.write, "cq500": cq500.write, "nifti": nifti.write, "masks": masks.write, "bio": bio.write,
    }  # fmt: skip
    for name in sorted(set(dataset.config.release.exports)):
        writers[name](dataset)
