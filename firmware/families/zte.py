"""ZTE voice dongles (K3565-Z, MF110 and kin): the standard with a word of their own.

Sources: python-gsmmodem's fakes of the K3565-Z and the M6280, homeassistant-gsm-call's ZTE dialler.
ATD has no result until the far end answers, which is ``CONNECT``; the end is ``HANGUP: 1``. Both
are understood by ``generic`` as well, for dongles that do not name their maker.
"""

from __future__ import annotations

import re
from dataclasses import replace

from firmware.families.base import Step, Timing
from firmware.families.generic import GENERIC

ZTE = replace(
    GENERIC,
    name="zte",
    title="ZTE voice dongles",
    makers=re.compile(r"ZTE.*", re.IGNORECASE),
    models=re.compile(r".*", re.DOTALL),
    before_call=(
        Step(command="AT%ICSCALL=1,0", reason="circuit-switched voice calls on, before each"),
    ),
    # The result would come with the answer; the call list tells sooner.
    timing=Timing(dial=3.0),
)
