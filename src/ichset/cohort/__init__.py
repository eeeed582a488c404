"""Cohort: candidates for verification, ranked arms, who is in play, and the final N of each arm."""
