"""What the standards give every family: 3GPP TS 27.007 and 27.005, ITU-T V.250.

A family takes of it what its modems keep to, and adds rows of its own.
"""

from __future__ import annotations

import re

from firmware.families.base import NetworkTime, Rung, Sign, Step, UrcPattern, urc

# Spaces after the colon differ between firmwares, so none is required anywhere.
COMMON_URCS: tuple[UrcPattern, ...] = (
    urc(r"NO CARRIER", Sign.ENDED),
    urc(r"BUSY", Sign.BUSY),
    urc(r"NO ANSWER", Sign.NO_ANSWER),
    urc(r"NO ?DIAL ?TONE", Sign.NO_NETWORK),
    urc(r"RING", Sign.INCOMING),
    urc(r"\+CRING:.*", Sign.INCOMING),
    urc(r'\+CLIP:\s*"(?P<number>[^"]*)"(?:\s*,\s*(?P<type>\d+))?.*', Sign.CALLER),
    # Some firmwares leave the quotes out.
    urc(r"\+CLIP:\s*(?P<number>\+?\d+)(?:\s*,\s*(?P<type>\d+))?.*", Sign.CALLER),
    urc(r"\+CLIP:.*", Sign.INCOMING),
    # A second caller during our call: their turn comes when it is over.
    urc(r'\+CCWA:\s*"(?P<number>[^"]*)"(?:\s*,\s*(?P<type>\d+))?.*', Sign.WAITING),
    urc(r"\+CCWA:.*", Sign.NOISE),
    # SIMCom, Huawei, Cinterion (^SMGO 1 full, 2 full and one is waiting), Quectel, 27.007 +CIEV.
    urc(r"\+SMS ?FULL\b.*", Sign.SMS_FULL),
    urc(r"\^SMMEMFULL\b.*", Sign.SMS_FULL),
    urc(r"\^SMGO:\s*[12]", Sign.SMS_FULL),
    urc(r'\+QIND:\s*"smsfull".*', Sign.SMS_FULL),
    urc(r'\+CIEV:\s*"?SMSFULL"?\s*,\s*[12].*', Sign.SMS_FULL),
    urc(r'\+CMTI:\s*"(?P<store>\w+)"\s*,\s*(?P<index>\d+)', Sign.SMS),
    urc(r'\+C(?:G|E)?REG:\s*(?P<stat>\d+)(?:\s*,\s*".*)?', Sign.REGISTRATION),
    urc(r"\+CPIN:\s*NOT (?:INSERTED|READY|AVAILABLE).*", Sign.SIM_MISSING),
    urc(r"\+CPIN:.*", Sign.NOISE),
    urc(r"RDY", Sign.BOOT),
)

CALL_SETUP: tuple[Step, ...] = (
    Step(command="ATE0", reason="echo off: an echoed command must not look like an answer"),
    Step(
        command="AT+CMEE=1",
        reason="numeric error codes, the same on every firmware language",
    ),
    Step(
        command="AT+CVHU=0",
        reason="ATH ends voice calls only after this; otherwise it answers OK and does nothing",
    ),
    Step(
        command="AT+COLP=0",
        reason="with COLP the result of ATD waits for the answer, and any byte aborts the dial",
    ),
    Step(command="AT+CLIP=1", reason="an incoming caller's number, to tell an objector from noise"),
    Step(command="AT+CREG=1", reason="notices when the circuit-switched registration changes"),
    Step(command="AT+CEREG=1", reason="notices when the LTE registration changes"),
    # At UCS2, as other programs leave it, callers' numbers come as hexadecimal digits.
    Step(command='AT+CSCS="GSM"', reason="callers' numbers as digits"),
    Step(command="AT+CTZU=1", reason="the module's clock follows the network, as a time hint"),
)

CCLK_TIME = NetworkTime(
    enable=("AT+CTZU=1",),
    query="AT+CCLK?",
    pattern=re.compile(
        r'\+CCLK:\s*"(?P<time>\d\d/\d\d/\d\d,\d\d:\d\d:\d\d)(?P<zone>[+-]\d\d)?"\s*'
    ),
    utc=False,
)

STANDARD_HANG_UP: tuple[Rung, ...] = (
    Rung(command="AT+CHUP", timeout=4.0),
    Rung(command="ATH", timeout=5.0),
    Rung(command="AT+CHUP", timeout=9.0, settle=0.3),
)
