"""Everything that decides: who may be called, when, and what is written down about it."""
