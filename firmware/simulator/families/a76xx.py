"""SIMCom A7670E, from "A76XX Series AT Command Manual V1.09" and field notes.

No samples reach the host: clips are stored on the module. Received keys are in no manual, so
this personality announces none.
"""

from __future__ import annotations

from firmware.simulator.commands.card import iccid_line, simcom_counters
from firmware.simulator.commands.handlers import fixed, refused, settings
from firmware.simulator.commands.network import power_off, restart
from firmware.simulator.commands.simcom_files import (
    file_length,
    list_files,
    player,
    resolve,
    speak_text,
    stopper,
    upload,
)
from firmware.simulator.commands.standard import STANDARD_COMMANDS
from firmware.simulator.families import simcom
from firmware.simulator.modem.calls import Call
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import ERROR, OK, Modem, Personality, Reply


def _upload_new(modem: Modem, command: Command) -> Reply:
    """As on the SIM7600, but the target must not exist yet (field driver for the A7670)."""
    arguments = command.arguments
    if modem.storage.broken or (arguments and modem.storage.read(arguments[0]) is not None):
        return ERROR
    return upload(modem, command)


def _delete(modem: Modem, command: Command) -> Reply:
    """Deleting a file that is not there breaks the file system until the next reset (A7670E)."""
    name = resolve(modem, command.text.strip().strip('"'))
    if modem.storage.broken or not modem.storage.delete(name):
        modem.storage.broken = True
        return ERROR
    return OK


def _ims(modem: Modem, command: Command) -> Reply:
    """AT+CIREG?: the second field says whether voice over LTE is registered."""
    if command.kind is Kind.SET:
        modem.memory["+CIREG"] = command.text.strip()
        return OK
    mode = modem.memory.get("+CIREG", "0")
    return Reply(lines=(f"+CIREG: {mode},{int(modem.registration == 1)},15",))


def _row(_modem: Modem, call: Call, state: int) -> str:
    # Manual V1.09: blanks after the commas, and on 4G nothing after the empty alpha field.
    number = f', "{call.number}", {call.type_of_address}, ""' if call.number is not None else ""
    return f"+CLCC: {call.index}, {int(not call.outgoing)}, {state}, 0, 0{number}"


_CAUSES = {
    1: "1 Unassigned number",
    16: "16 Normal call clearing",
    17: "17 User busy",
    18: "18 No user responding",
    19: "19 User alerting, no answer",
    21: "21 Call rejected",
    27: "27 Destination out of order",
}


def _cause(_modem: Modem, cause: int | None) -> str:
    # After our own hang-up the field notes show "0 Unknown".
    text = "0 Unknown" if cause is None else _CAUSES.get(cause, "31 Normal unspecified")
    return f'+CEER: "{text}"'


A76XX = Personality(
    name="a76xx",
    manufacturer="INCORPORATED",
    model="A7670E-FASE",
    revision="+CGMR: A011B07A7670M7_F",
    handlers={
        **STANDARD_COMMANDS,
        "+SPIC": simcom_counters,
        "+CICCID": iccid_line("+ICCID: "),
        "+CPCMREG": refused,
        "+CFTRANRX": _upload_new,
        "+FSDEL": _delete,
        "+FSLS": list_files,
        "+FSATTRI": file_length,
        "+CCMXPLAY": player(
            "C:/",
            first="+CCMXPLAY:",
            begun="+AUDIOSTATE: audio play",
            stopped="+AUDIOSTATE: audio play stop",
        ),
        "+CCMXSTOP": stopper("+CCMXSTOP:", "+AUDIOSTATE: audio play stop"),
        "+CTTS": speak_text,
        "+CIREG": _ims,
        "+CRESET": restart,
        "+CPOF": power_off,
        "+SIMCOMATI": fixed(),
        **settings("+CNMP", "+CAVIMS", "+CEVDP", "+CEMODE", "+GSMBUSY", "+MSTK", "+CDTAM"),
        **settings("+CLTS", "+CMICGAIN", "+COUTGAIN", "+FSCD", "+CATR"),
    },
    defaults={"+CTZU": "1", "+CNMP": "2", "+CEMODE": "1"},
    # Shipped with 1: then ATH says OK and the call goes on.
    cvhu_default="1",
    boot_notices=("*ATREADY: 1", "+CPIN: READY", "SMS DONE", "PB DONE"),
    clcc_notices=True,
    ring_period=6.0,
    progress=simcom.progress,
    released=simcom.released,
    clcc_row=_row,
    cause_text=_cause,
    incoming=simcom.incoming,
    answered_incoming=simcom.answered_incoming,
)
