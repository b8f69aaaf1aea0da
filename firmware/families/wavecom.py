"""Wavecom GSM modems (Fastrack, Multiband 900E/1800): the standard with ``+WIND`` notices.

Source: python-gsmmodem's fake of the Multiband 900E 1800. ATD has no result until the far end
answers, which is ``OK``; ``AT+CVHU=0`` is refused, and ``AT+CPIN?`` is answered without a result.
"""

from __future__ import annotations

import re
from dataclasses import replace

from firmware.families.base import Step, Timing
from firmware.families.generic import GENERIC
from firmware.families.standard import CALL_SETUP

WAVECOM = replace(
    GENERIC,
    name="wavecom",
    title="Wavecom GSM modems",
    makers=re.compile(r"WAVECOM.*", re.IGNORECASE),
    models=re.compile(r".*", re.DOTALL),
    bring_up=(
        *CALL_SETUP,
        # 2 the far phone rings, 16 a call begins, 32 a call ends.
        Step(command="AT+WIND=50", reason="call notices"),
    ),
    registration=("AT+CREG?",),
    # The result of ATD would come with the answer, and AT+CPIN? has none; the call list and the
    # information line tell sooner.
    timing=Timing(dial=3.0, sim_state=1.5),
)
