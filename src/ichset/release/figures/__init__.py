"""Figures of a release, each drawn from its tables or files alone; the same input gives the same bytes."""

from ichset.release.figures.all import write_figures

__all__ = ["write_figures"]
