"""Quectel EC20, EC21, EC25, EG25-G, EG9x, EG2x: LTE with voice.

Sources: EC2x/EG9x/EG2x-G/EM05 AT manual, QTONEDET application table, the chan_quectel drivers.
"""

from __future__ import annotations

import re

from firmware.families.base import (
    AudioMoment,
    Family,
    FileAudio,
    NetworkTime,
    PinCounter,
    SerialAudio,
    Sign,
    Step,
    Timing,
    UsbIdentity,
    urc,
)
from firmware.families.standard import CALL_SETUP, COMMON_URCS, STANDARD_HANG_UP

_DSCI = {
    "1": Sign.HELD,
    "2": Sign.DIALLING,
    # Quectel counts its own way: 3 is connected and 7 alerting. Other vendors number ^DSCI like
    # +CLCC, where 3 is alerting, so this table must never leave this file.
    "3": Sign.ANSWERED,
    "4": Sign.INCOMING,
    "5": Sign.INCOMING,
    "6": Sign.ENDED,
    "7": Sign.ALERTING,
}
_CCINFO = {
    "-1": Sign.ENDED,
    "0": Sign.ANSWERED,
    "1": Sign.HELD,
    "2": Sign.DIALLING,
    "3": Sign.ALERTING,
    "4": Sign.INCOMING,
    "5": Sign.INCOMING,
}


def xor_of_words(data: bytes) -> int:
    """Quectel's AT+QFUPL checksum: XOR of big-endian 16-bit words, an odd last byte zero-filled."""
    padded = data + bytes(len(data) % 2)
    total = 0
    for position in range(0, len(padded), 2):
        total ^= padded[position] << 8 | padded[position + 1]
    return total


QUECTEL = Family(
    name="quectel",
    title="Quectel EC2x / EG2x / EG9x",
    tier="simulated",
    makers=re.compile(r"QUECTEL.*", re.IGNORECASE),
    models=re.compile(r"(?:Quectel )?E[CG](?:2[015]|9[15]|20|25|21).*", re.IGNORECASE),
    models_suffice=True,
    usb=(
        UsbIdentity(vendor=0x2C7C, product=0x0125, at=2, spare_at=3, audio=1),
        UsbIdentity(vendor=0x2C7C, product=0x0121, at=2, spare_at=3, audio=1),
        UsbIdentity(vendor=0x2C7C, product=0x0191, at=2, spare_at=3, audio=1),
        UsbIdentity(vendor=0x2C7C, product=0x0195, at=2, spare_at=3, audio=1),
        UsbIdentity(vendor=0x2C7C, product=0x0512, at=2, spare_at=3, audio=1),
    ),
    bring_up=(
        *CALL_SETUP,
        Step(command='AT+QURCCFG="urcport","usbat"', reason="notices on the port that we read"),
        Step(command='AT+QINDCFG="ccinfo",1,0', reason="call notices, preferred form"),
        Step(command='AT+QINDCFG="smsfull",1,0', reason="a notice when a message store is full"),
        Step(command="AT^DSCI=1", reason="call notices, older form; not stored in the module"),
        Step(command="AT+QTONEDET=1", reason="key notices; not stored in the module"),
        Step(command='AT+QGPSCFG="outport","none"', reason="frees the NMEA port for voice"),
        Step(command="AT+QAUDMOD=3", reason="voice goes to USB and not to the analog codec"),
    ),
    urcs=(
        # The mode field (4th of ^DSCI, 4th of ccinfo) is 0 for voice; on LTE a permanent data row
        # with mode 1 is listed and must not pass for our call.
        urc(
            r"\^DSCI:\s*(?P<index>\d+)\s*,\s*(?P<dir>[01])\s*,\s*(?P<state>\d+)\s*,"
            r'\s*(?P<mode>\d+)\s*,\s*"?(?P<number>[^",]*)"?.*',
            Sign.NOISE,
            states=_DSCI,
        ),
        urc(
            r'\+QIND:\s*"ccinfo"\s*,\s*(?P<index>\d+)\s*,\s*(?P<dir>[01])\s*,\s*(?P<state>-?\d+)'
            r'\s*,\s*(?P<mode>\d+)\s*,\s*\d+(?:\s*,\s*"?(?P<number>[^",]*)"?.*)?',
            Sign.NOISE,
            states=_CCINFO,
        ),
        # Decimal ASCII: 49 is the key 1. Not a digit string.
        urc(r"\+QTONEDET:\s*(?P<key>\d{2,3})(?:\s*,.*)?", Sign.KEY, key_code=True),
        urc(r"\+QPCMV:\s*0(?:\s*,\s*0)?", Sign.FLOW_STOP),
        urc(r"\+QPCMV:\s*1(?:\s*,\s*0)?", Sign.FLOW_GO),
        urc(r"\+QPSND:\s*0", Sign.PLAY_ENDED),
        urc(r"\+QPSND:\s*-?\d+", Sign.PLAY_FAILED),
        urc(r"\+QSIMSTAT:\s*1\s*,\s*0", Sign.SIM_MISSING),
        urc(r'\+QSIMSTAT:.*|\+QIND:(?!\s*"smsfull").*|\+QAUDPIND:.*|\+QUSIM:.*', Sign.NOISE),
        urc(r"POWERED DOWN|NORMAL POWER DOWN", Sign.POWER_DOWN),
        *COMMON_URCS,
    ),
    hang_up=STANDARD_HANG_UP,
    module_keys=True,
    audio=SerialAudio(
        start=("AT+QPCMV=1,0",),
        stop=("AT+QPCMV=0",),
        moment=AudioMoment.DIALLED,
    ),
    # USB audio must be part of the USB composition first: AT+QCFG="usbcfg", last field 1.
    sound_card=SerialAudio(
        start=("AT+QPCMV=1,2",),
        stop=("AT+QPCMV=0",),
        moment=AudioMoment.DIALLED,
    ),
    stored_clips=FileAudio(
        folder="",
        listing='AT+QFLST="*"',
        listed=re.compile(r'\+QFLST:\s*"(?:UFS:)?(?P<name>[^"]+)"\s*,\s*(?P<bytes>\d+)'),
        upload='AT+QFUPL="{path}",{size}',
        uploaded=re.compile(r"\+QFUPL:\s*(?P<bytes>\d+)\s*,\s*(?P<sum>[0-9A-Fa-f]+)"),
        checksum=xor_of_words,
        # QAUDPLAY is the local speaker only; QPSND 0,1,1 goes to the far end.
        play='AT+QPSND=1,"{path}",0,1,1',
        stop='AT+QPSND=0,"{path}",0,1,1',
        delete='AT+QFDEL="{path}"',
    ),
    pin_counter=PinCounter(
        command='AT+QPINC="SC"',
        pattern=re.compile(r'\+QPINC:\s*"SC"\s*,\s*(?P<left>\d+)\s*,\s*\d+\s*'),
    ),
    card_id=("AT+QCCID", "AT+CCID", "AT+ICCID"),
    network_time=NetworkTime(
        enable=("AT+CTZU=1",),
        query="AT+QLTS=1",
        # An empty string means that the network never told; 2000/01/01 that it was never set.
        pattern=re.compile(
            r'\+QLTS:\s*"(?:20)?(?P<time>\d\d/\d\d/\d\d,\d\d:\d\d:\d\d)(?P<zone>[+-]\d\d)?(?:,\d)?"\s*'
        ),
        utc=True,
    ),
    # The manual allows 5 s for the result of ATD.
    timing=Timing(dial=10.0, boot=40.0),
)
