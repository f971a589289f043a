"""Promises: what an export must look like, what happens to rows that do not, and what is checked before publishing."""
