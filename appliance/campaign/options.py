"""How a box behaves beyond its campaign. Data only."""

from __future__ import annotations

from dataclasses import dataclass

OBJECTION_WORDS = frozenset(
    {"stop", "arret", "arrêt", "non", "no", "unsubscribe", "cancel", "quit", "end"}
)
"""First words of a text message that withdraw consent, lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this box behaves beyond its campaign."""

    start_paused: bool = False
    """Wait for the start button after power-up."""
    incoming_call_objects: bool = False
    """Whether calling the box back withdraws consent (where the greeting says so)."""
    objection_words: frozenset[str] = OBJECTION_WORDS
    """First words of a text message that withdraw consent, lower case."""
    confirmation: str = ""
    """Text that answers a new objection by text message, once; empty for none."""
