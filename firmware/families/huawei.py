"""Huawei 3G voice dongles (E1550, E1750, E173, K3715 and relatives). Legacy.

Sources: the chan_dongle driver and its BUGS file, oFono's huaweimodem driver, E1550 traces.
"""

from __future__ import annotations

import re

from firmware.families.base import (
    AudioMoment,
    Family,
    NetworkTime,
    PinCounter,
    Rung,
    SerialAudio,
    Sign,
    Step,
    UsbIdentity,
    urc,
)
from firmware.families.standard import CALL_SETUP, COMMON_URCS

HUAWEI = Family(
    name="huawei",
    title="Huawei 3G voice dongles",
    tier="simulated",
    # An E1750 may call itself QUALCOMM; its model name then decides.
    makers=re.compile(r"huawei.*|QUALCOMM.*", re.IGNORECASE),
    models=re.compile(r"E\d{3,4}\w*|K[34]\d{3}\w*|U\d{4}\w*", re.IGNORECASE),
    usb=(
        UsbIdentity(vendor=0x12D1, product=0x1001, at=2, audio=1),
        UsbIdentity(vendor=0x12D1, product=0x140C, at=3, audio=2),
        UsbIdentity(vendor=0x12D1, product=0x14AC, at=4, audio=3),
        UsbIdentity(vendor=0x12D1, product=0x1436, at=4, audio=3),
        UsbIdentity(vendor=0x12D1, product=0x1506, at=3, audio=2),
    ),
    bring_up=(
        *CALL_SETUP,
        Step(command="AT^U2DIAG=0", reason="no CD drive or storage beside the ports"),
        Step(command="AT^CURC=1", reason="call notices on"),
        Step(command="AT+CCWA=0,0,1", reason="no second caller during a call"),
        Step(
            command="AT^CVOICE?",
            reason="voice must be enabled in the firmware (first field 0), or nobody is heard",
        ),
        # Some firmwares only (ModemManager); others need the host's detector.
        Step(command="AT^DDTMFCFG=0,1", reason="key notices"),
    ),
    before_call=(
        # Lost after every call. E173 firmwares answer ERROR before the dial and accept it after.
        Step(command="AT^DDSETEX=2", reason="voice on the audio port, per call"),
    ),
    urcs=(
        urc(r"\^ORIG:\s*(?P<index>\d+)\s*,\s*(?P<mode>\d+)", Sign.DIALLING),
        urc(r"\^CONF:\s*(?P<index>\d+)(?:\s*,.*)?", Sign.ALERTING),
        urc(r"\^CONN:\s*(?P<index>\d+)\s*,\s*(?P<mode>\d+)", Sign.ANSWERED),
        # The cause is missing where the network gave none (E1750, oFono).
        urc(
            r"\^CEND:\s*(?P<index>\d+)\s*,\s*(?P<seconds>\d*)\s*,\s*\d+"
            r"(?:\s*,\s*(?P<cause>\d+)?(?:\s*,.*)?)?",
            Sign.ENDED,
        ),
        urc(r"\^DDTMF:\s*(?P<key>[0-9A-D*#])", Sign.KEY),
        urc(r"\^SIMST:\s*(?:0|255)(?:\s*,.*)?", Sign.SIM_MISSING),
        # Chatter that starts a few times a minute.
        urc(r"\^(?:BOOT|RSSI|MODE|SRVST|SIMST|NWTIME|DSFLOWRPT|STIN):?.*", Sign.NOISE),
        *COMMON_URCS,
    ),
    # Never AT+CHLD=1x before ^CONF: it kills the AT port until the dongle is pulled (E1550 and
    # others, chan_dongle BUGS 4). CHUP alone is safe in every phase.
    hang_up=(
        Rung(command="AT+CHUP", timeout=4.0),
        Rung(command="AT+CHUP", timeout=9.0, settle=0.5),
        Rung(command="ATH", timeout=5.0),
    ),
    module_keys=True,
    audio=SerialAudio(
        start=("AT^DDSETEX=2",),
        stop=(),
        moment=AudioMoment.DIALLED,
    ),
    pin_counter=PinCounter(
        command="AT^CPIN?",
        # code, times for this code, puk, pin, puk2, pin2.
        pattern=re.compile(r"\^CPIN:\s*SIM PIN\s*,\s*(?P<left>\d+)(?:\s*,\s*\d*)*\s*"),
    ),
    card_id=("AT^ICCID?", "AT+CCID", "AT+ICCID"),
    registration=("AT+CREG?",),
    network_time=NetworkTime(
        enable=(),
        query="AT^NWTIME?",
        pattern=re.compile(
            r"\^NWTIME:\s*(?P<time>\d\d/\d\d/\d\d,\d\d:\d\d:\d\d)(?P<zone>[+-]\d\d)(?:,\d+)?\s*"
        ),
        utc=False,
    ),
)
