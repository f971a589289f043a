"""One module a system: each writes its exports the way the real one does, quirks included."""
