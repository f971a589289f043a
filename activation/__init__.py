"""Audiences out: who is in, who may be sent, what changes, and what came of it."""
