"""Everything that decides: who may be called, when, and what is written down about it."""

__version__ = "0.1.0"
