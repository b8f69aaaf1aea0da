"""How a box behaves beyond its campaign. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.campaign.line_limits import LineLimits
from appliance.objections.understand import Phrasebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this box behaves beyond its campaign."""

    start_paused: bool = False
    """Wait for the start button after power-up."""
    incoming_call_objects: bool = False
    """Whether calling the box back withdraws consent (where people were told so)."""
    phrasebook: Phrasebook = field(default_factory=Phrasebook)
    """What a text message says by which it objects."""
    limits: Mapping[str, LineLimits] = field(default_factory=dict)
    """By the line's name."""
    confirmation: str = ""
    """Text that answers a new objection by text message, once; empty for none."""
