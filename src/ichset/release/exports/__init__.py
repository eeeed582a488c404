"""Exports: one file a format, each made from the release's own tables and files."""
