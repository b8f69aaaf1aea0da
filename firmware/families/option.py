"""Option GTM382: the standard, with voice that has to be let through before each call.

Source: homeassistant-gsm-call's dialler for this module.
"""

from __future__ import annotations

import re
from dataclasses import replace

from firmware.families.base import Step
from firmware.families.generic import GENERIC

OPTION = replace(
    GENERIC,
    name="option",
    title="Option GTM382",
    makers=re.compile(r"Option\b.*", re.IGNORECASE),
    models=re.compile(r".*", re.DOTALL),
    before_call=(
        Step(command="AT_ODO=0", reason="circuit-switched instead of packet data"),
        Step(command="AT_OPCMENABLE=1", reason="digital voice on"),
    ),
)
