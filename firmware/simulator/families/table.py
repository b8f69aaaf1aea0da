"""The table of personalities by name."""

from __future__ import annotations

from firmware.simulator.families.a76xx import A76XX
from firmware.simulator.families.generic import GENERIC
from firmware.simulator.families.huawei import HUAWEI
from firmware.simulator.families.quectel import QUECTEL
from firmware.simulator.families.sim800 import SIM800
from firmware.simulator.families.sim7600 import SIM7600
from firmware.simulator.families.variants import OPTION, WAVECOM, ZTE
from firmware.simulator.modem.personality import Personality

PERSONALITIES: dict[str, Personality] = {
    personality.name: personality
    for personality in (SIM7600, GENERIC, A76XX, SIM800, QUECTEL, HUAWEI, ZTE, OPTION, WAVECOM)
}
