"""What SIMCom's modules have in common: their words, their PIN counter, their file store.

Sources: the AT command manuals that the families of SIMCom name (``a76xx``, ``sim7600``,
``sim800``).
"""

from __future__ import annotations

import re

from firmware.families.base import FileAudio, PinCounter, Sign, Step, UrcPattern, urc

# "^DSCI" exists on them too but tells no end (SIM7600), so it is not read.
SIMCOM_URCS: tuple[UrcPattern, ...] = (
    urc(r"VOICE CALL\s*:\s*BEGIN", Sign.ANSWERED, check=True),
    # The duration is HHMMSS (manual, ATH and AT+CHUP examples), not seconds: 001404 is 14 min 4 s.
    urc(r"VOICE CALL\s*:\s*END(?:\s*:\s*(?P<duration>\d{6}))?\s*:?", Sign.ENDED),
    urc(r"MISSED_CALL\s*:.*", Sign.NOISE),
    urc(r"\+RXDTMF\s*:\s*(?P<key>[0-9A-D*#])", Sign.KEY),
    urc(r"\+SIMCARD\s*:\s*NOT AVAILABLE", Sign.SIM_MISSING),
    urc(r"\+CREC\s*:.*", Sign.NOISE),
    urc(r"\+(?:AUDIOSTATE\s*:\s*audio|WAVSTATE\s*:\s*wav) play stop", Sign.PLAY_ENDED),
    urc(r"\+(?:AUDIOSTATE\s*:\s*audio|WAVSTATE\s*:\s*wav) play error", Sign.PLAY_FAILED),
    urc(r"\+(?:AUDIOSTATE|WAVSTATE)\s*:.*", Sign.NOISE),
    # "WARNNING" is SIMCom's own spelling (SIM800 R14); the module reboots soon after.
    urc(r"(?:UNDER|OVER)-VOLTAGE WARN+ING", Sign.POWER_LOW),
    urc(r"(?:(?:UNDER|OVER)-VOLTAGE|NORMAL) POWER DOWN|POWER DOWN", Sign.POWER_DOWN),
    urc(r"\*ATREADY.*", Sign.BOOT),
    urc(r"(?:SMS DONE|PB DONE|SMS READY|CALL READY)", Sign.NOISE),
)

SIMCOM_CALL_LIST = Step(
    command="AT+CLCC=1",
    reason="the module tells each change of the call list by itself",
)

SPIC_COUNTER = PinCounter(
    command="AT+SPIC",
    # pin1, puk1, pin2, puk2 (SIM7500/SIM7600 manual V3.00 3.2.6, A76XX manual V1.09 6.2.8).
    pattern=re.compile(r"\+SPIC:\s*(?P<left>\d+)\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+\s*"),
)


def lte_store(drive: str, *, play: str, stop: str) -> FileAudio:
    """Return the file store of the LTE modules (A76xx, SIM7600), with *drive*'s own player."""
    return FileAudio(
        folder=f"{drive}:/",
        enter=(f"AT+FSCD={drive}:",),
        listing="AT+FSLS",
        listed=re.compile(r"(?P<name>[A-Za-z0-9_][\w.-]*)"),
        measure="AT+FSATTRI={name}",
        # SIM7500/SIM7600 manual, chapter file system; a full path is not accepted, so FSCD comes
        # first.
        measured=re.compile(r"\+FSATTRI:\s*(?P<bytes>\d+)(?:\s*,.*)?"),
        upload='AT+CFTRANRX="{path}",{size}',
        delete="AT+FSDEL={name}",
        play=play,
        stop=stop,
        stop_announced=True,
    )
