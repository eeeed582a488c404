"""Release: the labelled, audited dataset and what is measured on it."""
