"""Readers: bytes in, text rows out. One module a family of formats."""
