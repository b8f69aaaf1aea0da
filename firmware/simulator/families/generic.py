"""A modem that knows 3GPP TS 27.007 and nothing more: no call notices, the list must be read.

Its voice comes out of analogue sockets; the audio port stands in for the sound card there, so
samples flow during every call without a command. Nobody on it hears keys but the host.
"""

from __future__ import annotations

from firmware.simulator.commands.card import REMAINING_TRIES, iccid_line
from firmware.simulator.commands.standard import STANDARD_COMMANDS
from firmware.simulator.modem.personality import Personality, VoicePath

GENERIC = Personality(
    name="generic",
    manufacturer="Generic",
    model="GM27007",
    revision="1.0",
    handlers={
        **STANDARD_COMMANDS,
        **REMAINING_TRIES,
        "+CCID": iccid_line("+CCID: "),
    },
    voice_path=VoicePath.IN_CALL,
    boot_seconds=10.0,
)
