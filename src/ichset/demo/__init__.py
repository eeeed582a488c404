"""Demo: a synthetic hospital of reports, head phantoms and readers."""
