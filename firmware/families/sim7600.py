"""SIMCom SIM7500 and SIM7600: LTE with voice, PCM on a USB serial port.

Sources: SIM7500_SIM7600 Series AT Command Manual V3.00; logs of SIM7600G-H in the field.
"""

from __future__ import annotations

import re

from firmware.families.base import (
    AudioMoment,
    Family,
    SerialAudio,
    Step,
    Timing,
    UsbIdentity,
)
from firmware.families.simcom import SIMCOM_CALL_LIST, SIMCOM_URCS, SPIC_COUNTER, lte_store
from firmware.families.standard import (
    CALL_SETUP,
    CCLK_TIME,
    COMMON_URCS,
    STANDARD_HANG_UP,
)

SIM7600 = Family(
    name="sim7600",
    title="SIMCom SIM7500 / SIM7600",
    tier="simulated",
    makers=re.compile(r"SIMCOM.*", re.IGNORECASE),
    models=re.compile(r"(?:SIMCOM_)?SIM7[56]\d\d.*", re.IGNORECASE),
    models_suffice=True,
    usb=(UsbIdentity(vendor=0x1E0E, product=0x9001, at=2, spare_at=3, audio=4),),
    bring_up=(
        *CALL_SETUP,
        SIMCOM_CALL_LIST,
        # Manual V3.00 does not list DDET and a SIM7600G-H reported keys without it (field log);
        # other drivers send it, so an ERROR here means nothing.
        Step(command="AT+DDET=1", reason="key notices, on firmwares that need to be asked"),
        # LE20B03..B06: default is 16 kHz, the setting is lost at every reset, and reading it back
        # proves nothing: the received byte rate does.
        Step(command="AT+CPCMBANDWIDTH=1,1", reason="8 kHz voice for VoLTE and for 2G/3G calls"),
    ),
    urcs=(*COMMON_URCS, *SIMCOM_URCS),
    # The manual allows CHUP 120 s. A rung does not wait that long: the list is read instead.
    hang_up=STANDARD_HANG_UP,
    reset="AT+CRESET",
    module_keys=True,
    audio=SerialAudio(
        start=("AT+CPCMREG=1",),
        # "0,1" is the manual's form (5.2.25); older firmwares know the plain one only.
        stop=("AT+CPCMREG=0,1", "AT+CPCMREG=0"),
        moment=AudioMoment.DIALLED,
        # SIM7600G-H LE20B04/B05: from the second call after power-up the first CPCMREG=1 answers
        # ERROR, then OK, and the audio is chopped or silent both ways. CFUN and USB rebinding do
        # not help, CRESET between calls does.
        resets_after_refusal=True,
    ),
    # Both players read drive E: only, whatever the manual's examples say.
    stored_clips=lte_store("E", play='AT+CCMXPLAYWAV="{path}",1', stop="AT+CCMXSTOPWAV"),
    pin_counter=SPIC_COUNTER,
    card_id=("AT+CICCID", "AT+CCID", "AT+ICCID"),
    network_time=CCLK_TIME,
    # USB comes back 14 to 20 s after CRESET.
    timing=Timing(dial=10.0, boot=45.0),
)
