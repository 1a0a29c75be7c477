"""Definitions as SQL over the archive: pure, text out. What runs it is `personas.batch`."""
