"""Any voice modem that follows 3GPP TS 27.007, and the tail of vendors that almost do.

No claim of an answer without a CLCC row in state 0. The notices of its variants are here too, for
modems that do not name their maker (a ZTE dongle may call itself QUALCOMM): ZTE says ``CONNECT``
and ``HANGUP: 1``, Wavecom reports calls with ``+WIND``. What such a variant needs besides is in a
file of its own.
"""

from __future__ import annotations

import re

from firmware.families.base import Family, PinCounter, Sign, Timing, urc
from firmware.families.simcom import SIMCOM_URCS
from firmware.families.standard import (
    CALL_SETUP,
    CCLK_TIME,
    COMMON_URCS,
    STANDARD_HANG_UP,
)

GENERIC = Family(
    name="generic",
    title="Generic 3GPP 27.007",
    tier="simulated",
    makers=re.compile(r".*", re.DOTALL),
    models=re.compile(r".*", re.DOTALL),
    bring_up=CALL_SETUP,
    urcs=(
        *COMMON_URCS,
        # A modem of unknown make may still speak SIMCom's widespread words; each is unambiguous.
        *SIMCOM_URCS,
        urc(r"\+DTMF\s*:\s*(?P<key>[0-9A-D*#])(?:\s*,\s*\d+)?", Sign.KEY),
        urc(r"HANGUP\s*:\s*(?P<index>\d+)", Sign.ENDED),
        urc(
            r"\+WIND\s*:\s*(?P<state>[256])(?:\s*,\s*\d+)?",
            Sign.NOISE,
            states={"5": Sign.DIALLING, "2": Sign.ALERTING, "6": Sign.ENDED},
        ),
        urc(r"\+WIND\s*:.*", Sign.NOISE),
    ),
    hang_up=STANDARD_HANG_UP,
    pin_counter=PinCounter(
        command="AT+CPINR",
        # 27.007 8.65: +CPINR: <code>,<retries>[,<default>].
        pattern=re.compile(r'\+CPINR:\s*"?SIM PIN"?\s*,\s*(?P<left>\d+)(?:\s*,\s*\d+)?\s*'),
    ),
    network_time=CCLK_TIME,
    timing=Timing(dial=15.0),
)
