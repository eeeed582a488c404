"""One way of drawing: fixed fonts and colours, and files without dates, program names or random identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

INK, SOFT, LINE, BAND = "#16202a", "#5a6772", "#c9d1d7", "#f4f6f8"
BLOOD, CALM = "#b3261e", "#2b6c8f"
ARM_COLOURS = {"ich": BLOOD, "normal": CALM}
ARM_NAMES = {"ich": "with ICH", "normal": "without ICH"}
_STYLE = {
    "svg.hashsalt": "ichset", "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 9, "axes.edgecolor": SOFT,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": SOFT, "ytick.color": INK, "axes.spines.top": False,
    "axes.spines.right": False, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left", "figure.dpi": 100,
    "savefig.dpi": 160, "legend.frameon": False,
}  # fmt: skip

_SILENT: dict[str, dict[str, None]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@contextmanager
def figure(width: float, height: float, folder: Path, name: str, kinds: tuple[str, ...] = ("svg",)) -> Iterator[Any]:
    """A figure of that size in inches; on leaving, `<name>.svg`, `<name>.png` or both are written."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {**matplotlib.rcParamsDefault, **_STYLE}
    with matplotlib.rc_context(style):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        for kind in kinds:
            drawn.savefig(folder / f"{name}.{kind}", format=kind, metadata=_SILENT[kind])


def save_png(pixels: Any, path: Path) -> None:
    """8-bit grey or RGB pixels as PNG with nothing but the pixels."""
    from PIL import Image

    Image.fromarray(pixels).save(path, format="PNG", compress_level=6)
