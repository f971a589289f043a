"""Exports in: a declaration per source table, readers for formats, landing."""
