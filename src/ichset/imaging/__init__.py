"""Imaging: from a study's identity to its right series, from a folder archive or a PACS."""
