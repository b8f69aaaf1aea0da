"""SIMCom SIM800 and SIM900: 2G only, serial TTL.

Source: SIM800 Series AT Command Manual V1.09 (V1.05 for SIM900 where it differs).
"""

from __future__ import annotations

import re

from firmware.families.base import Family, FileAudio, Rung, Sign, Step, urc
from firmware.families.simcom import SIMCOM_CALL_LIST, SIMCOM_URCS, SPIC_COUNTER
from firmware.families.standard import CALL_SETUP, CCLK_TIME, COMMON_URCS

SIM800 = Family(
    name="sim800",
    title="SIMCom SIM800 / SIM900",
    tier="simulated",
    makers=re.compile(r"SIMCOM.*", re.IGNORECASE),
    models=re.compile(r"(?:SIMCOM_)?SIM[89]\d\d.*", re.IGNORECASE),
    models_suffice=True,
    bring_up=(
        *CALL_SETUP,
        SIMCOM_CALL_LIST,
        Step(command="AT+MORING=1", reason="MO RING and MO CONNECTED notices"),
        # Interval and report are not stored, and the command needs a SIM.
        Step(command="AT+DDET=1,0,0,0", reason="key notices"),
        Step(command="AT+CLTS=1", reason="network time notices and clock"),
    ),
    urcs=(
        *COMMON_URCS,
        urc(r"MO RING", Sign.ALERTING),
        urc(r"\+CREC\s*:\s*0", Sign.PLAY_ENDED),
        urc(r"MO CONNECTED", Sign.ANSWERED, check=True),
        # "+DTMF:1", "+DTMF: 1" and "+DTMF: 1,40" (tone length) all occur.
        urc(r"\+DTMF\s*:\s*(?P<key>[0-9A-D*#])(?:\s*,\s*\d+)?", Sign.KEY),
        *SIMCOM_URCS,
        urc(r"\*PSUTTZ:.*|DST:.*|\+CIEV:.*", Sign.NOISE),
    ),
    # ATH ends voice calls on every firmware; CHUP is missing on old SIM900 ones.
    hang_up=(
        Rung(command="ATH", timeout=5.0),
        Rung(command="AT+CHUP", timeout=5.0),
        Rung(command="ATH", timeout=5.0, settle=0.3),
    ),
    module_keys=True,
    stored_clips=FileAudio(
        folder="C:\\User\\",
        measure="AT+FSFLSIZE={path}",
        measured=re.compile(r"\+FSFLSIZE:\s*(?P<bytes>\d+)"),
        create=("AT+FSCREATE={path}",),
        # R14.18 refuses mode 0 (write from the start), so parts are appended to an empty file.
        upload="AT+FSWRITE={path},1,{size},10",
        part=4096,
        delete="AT+FSDEL={path}",
        play='AT+CREC=4,"{path}",0,90',
        stop="AT+CREC=5",
    ),
    pin_counter=SPIC_COUNTER,
    card_id=("AT+CCID",),
    registration=("AT+CREG?",),
    network_time=CCLK_TIME,
)
