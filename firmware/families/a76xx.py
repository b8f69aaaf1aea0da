"""SIMCom A7670, A7672, A7608: LTE cat 1 with voice, no host audio.

Sources: A76XX Series AT Command Manual V1.09, Audio Application Note V1.02; field notes of an
A7672SA in Argentina and of A7670E/C in Thailand.
"""

from __future__ import annotations

import re

from firmware.families.base import Family, Rung, Step, Timing, UsbIdentity
from firmware.families.simcom import SIMCOM_CALL_LIST, SIMCOM_URCS, SPIC_COUNTER, lte_store
from firmware.families.standard import CALL_SETUP, CCLK_TIME, COMMON_URCS

A76XX = Family(
    name="a76xx",
    title="SIMCom A7670 / A7672 / A7608",
    tier="simulated",
    makers=re.compile(r"(?:SIMCOM )?INCORPORATED|SIMCOM.*", re.IGNORECASE),
    models=re.compile(r"(?:SIMCOM_)?A76\d\d.*", re.IGNORECASE),
    models_suffice=True,
    usb=(UsbIdentity(vendor=0x1E0E, product=0x9011, at=4, spare_at=5),),
    bring_up=(
        *CALL_SETUP,
        SIMCOM_CALL_LIST,
        Step(command="AT+COPS=3,0", reason="long operator names in the status"),
        # STK menus announce themselves on every network change.
        Step(command="AT+MSTK=0,0", reason="no SIM toolkit noise on the port"),
    ),
    # Answers ERROR on A7670C-LANS V11.0.01; incoming calls are then turned away one by one.
    turn_away=(
        Step(command="AT+GSMBUSY=1", reason="callers hear busy, so the line stays free to call"),
    ),
    let_in=(Step(command="AT+GSMBUSY=0", reason="callers ring here: the box answers them"),),
    urcs=(*COMMON_URCS, *SIMCOM_URCS),
    # A7672SA on Claro (CSFB with early media): dialling, alerting, BEGIN and CLCC 0 all come at
    # ringback; nobody answering, a rejection and an answer look the same until the release.
    weak_answer=True,
    hang_up=(
        Rung(command="AT+CHUP", timeout=4.0),
        Rung(command="ATH", timeout=5.0),
        # A clip that still plays keeps the call alive on A7670E (field notes).
        Rung(command="AT+CCMXSTOP", timeout=3.0),
        Rung(command="AT+CHUP", timeout=9.0, settle=0.3),
    ),
    # CPOF is never sent: on one board PWRKEY did not wake the module again.
    reset="AT+CRESET",
    # No manual documents received keys and +RXDTMF is unconfirmed on this family.
    module_keys=False,
    stored_clips=lte_store("C", play='AT+CCMXPLAY="{path}",1,0', stop="AT+CCMXSTOP"),
    pin_counter=SPIC_COUNTER,
    card_id=("AT+CICCID", "AT+ICCID", "AT+CCID"),
    # On VoLTE-only (CEMODE=3) CREG stays 0,0 while IMS voice works: CIREG joins the question.
    registration=("AT+CREG?", "AT+CEREG?"),
    network_time=CCLK_TIME,
    timing=Timing(dial=10.0, boot=45.0),
)
