"""The table of personalities by name."""

from __future__ import annotations

from firmware.simulator.generic import GENERIC
from firmware.simulator.personality import Personality
from firmware.simulator.sim7600 import SIM7600

PERSONALITIES: dict[str, Personality] = {
    personality.name: personality for personality in (SIM7600, GENERIC)
}
