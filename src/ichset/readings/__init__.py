"""Readings: rounds, append-only decisions, worklists, adjudication, agreement. One truth for files and page."""

from ichset.readings.agreement import Agreement, cohen_kappa
from ichset.readings.decision import Decision
from ichset.readings.rounds import Consensus, Round, open_round

__all__ = ["Agreement", "Consensus", "Decision", "Round", "cohen_kappa", "open_round"]
