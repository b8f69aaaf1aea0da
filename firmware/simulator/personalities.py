"""The table of personalities by name."""

from __future__ import annotations

from firmware.simulator.a76xx import A76XX
from firmware.simulator.generic import GENERIC
from firmware.simulator.huawei import HUAWEI
from firmware.simulator.modem.personality import Personality
from firmware.simulator.quectel import QUECTEL
from firmware.simulator.sim800 import SIM800
from firmware.simulator.sim7600 import SIM7600
from firmware.simulator.variants import OPTION, WAVECOM, ZTE

PERSONALITIES: dict[str, Personality] = {
    personality.name: personality
    for personality in (SIM7600, GENERIC, A76XX, SIM800, QUECTEL, HUAWEI, ZTE, OPTION, WAVECOM)
}
