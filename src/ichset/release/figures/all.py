"""Which figures a release gets, and where they go: charts as SVG and PNG, pictures as PNG."""

from __future__ import annotations

from ichset.release.dataset import Dataset
from ichset.release.figures import charts, flow, montage, surface


def write_figures(dataset: Dataset) -> None:
    """Write data/figures/. A figure with nothing to show is left out."""
    folder = dataset.bag / "data" / "figures"
    folder.mkdir(parents=True)
    tables = {name: table.to_pylist() for name, table in dataset.counted.items()}
    flow.draw(tables["flow"], folder)
    charts.draw_all(tables, dataset.records, folder)
    montage.draw(dataset, folder)
    surface.draw(dataset, folder)
