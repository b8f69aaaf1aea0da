"""SIMCom SIM800C firmware R14.18, from "SIM800 Series AT Command Manual" and public threads.

2G only, on a UART: its port stays while it resets. Host audio is analogue, so the host has no
samples; clips are stored on the module.
"""

from __future__ import annotations

from firmware.simulator.commands.card import iccid_line, simcom_counters
from firmware.simulator.commands.handlers import settings
from firmware.simulator.commands.network import power_off
from firmware.simulator.commands.standard import STANDARD_COMMANDS
from firmware.simulator.modem.calls import Call, Phase
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import (
    ERROR,
    OK,
    DataMode,
    Modem,
    Personality,
    Reply,
    standard_release,
)
from firmware.simulator.modem.storage import samples_of
from firmware.simulator.network.scenario import FaultKind

_MOST_BYTES = 4096
"""Of one AT+FSWRITE."""


def _detect_keys(modem: Modem, command: Command) -> Reply:
    """AT+DDET=<on>[,interval][,report length][,ssdet]; needs a SIM."""
    if command.kind is Kind.READ:
        return Reply(lines=(f"+DDET: {modem.memory.get('+DDET', '0')}",))
    if command.kind is not Kind.SET:
        return OK
    modem.need_card()
    if command.first not in ("0", "1"):
        return ERROR
    modem.memory["+DDET"] = command.text.strip()
    return OK


def _key_notice(modem: Modem, key: str, milliseconds: int) -> list[str]:
    """``+DTMF:1`` in the manual, ``+DTMF: 1,40`` with the length in logs."""
    if not modem.flag("+DDET"):
        return []
    report = modem.memory["+DDET"].split(",")[2:3] == ["1"]
    return [f"+DTMF: {key},{milliseconds}" if report else f"+DTMF:{key}"]


def _create(modem: Modem, command: Command) -> Reply:
    name = command.text.strip().strip('"')
    return OK if name and modem.storage.store(name, b"") else ERROR


def _write(modem: Modem, command: Command) -> Reply:
    """AT+FSWRITE=<file>,<0 start|1 append>,<bytes>,<timeout>; R14.18 refuses mode 0."""
    arguments = command.arguments
    if len(arguments) != 4 or arguments[1] != "1" or not arguments[2].isdigit():
        return ERROR
    name, size = arguments[0], int(arguments[2])
    if not 0 < size <= _MOST_BYTES or modem.storage.read(name) is None:
        return ERROR

    def done(data: bytes) -> Reply:
        return OK if modem.storage.append(name, data) else ERROR

    return Reply(prompt="\r\n>", data=DataMode(length=size, done=done))


def _size(modem: Modem, command: Command) -> Reply:
    data = modem.storage.read(command.text.strip().strip('"'))
    return ERROR if data is None else Reply(lines=(f"+FSFLSIZE: {len(data)}",))


def _delete(modem: Modem, command: Command) -> Reply:
    return OK if modem.storage.delete(command.text.strip().strip('"')) else ERROR


def _record(modem: Modem, command: Command) -> Reply:
    """AT+CREC=4,"file",0,level plays into the call; 5 stops; ``+CREC: 0`` when it is over."""
    if command.kind is not Kind.SET:
        return OK
    arguments = command.arguments
    if command.first == "5":
        modem.calls.stop_playing()
        return OK
    if command.first != "4" or len(arguments) < 4:
        return ERROR
    data = modem.storage.read(arguments[1])
    samples = None if data is None else samples_of(data)
    if samples is None or not modem.calls.play(samples, lambda: modem.notice("+CREC: 0")):
        return ERROR
    return OK


def _progress(modem: Modem, call: Call, phase: Phase) -> list[str]:
    lines: list[str] = []
    if modem.flag("+CLCC"):
        lines.append(_row(modem, call, call.state))
    if modem.flag("+MORING") and phase is not Phase.DIALLING:
        lines.append("MO RING" if phase is Phase.ALERTING else "MO CONNECTED")
    return lines


def _released(modem: Modem, call: Call, cause: int, local: bool) -> list[str]:
    lines = [_row(modem, call, 6)] if modem.flag("+CLCC") else []
    if local:
        return lines
    plain = not call.outgoing or FaultKind.PLAIN_RELEASE in call.faults
    return [*lines, "NO CARRIER" if plain else standard_release(cause)]


def _incoming(modem: Modem, call: Call) -> list[str]:
    return [_row(modem, call, call.state)] if modem.flag("+CLCC") else []


def _row(_modem: Modem, call: Call, state: int) -> str:
    row = f"+CLCC: {call.index},{int(not call.outgoing)},{state},0,0"
    return row if call.number is None else f'{row},"{call.number}",{call.type_of_address},""'


def _power_down(modem: Modem, command: Command) -> Reply:
    power_off(modem, command)
    return Reply(final="NORMAL POWER DOWN")


_WITHOUT_LTE = {n: h for n, h in STANDARD_COMMANDS.items() if n != "+CEREG"}

SIM800 = Personality(
    name="sim800",
    manufacturer="SIMCOM_Ltd",
    model="SIMCOM_SIM800C",
    revision="Revision:1418B05SIM800C24",
    handlers={
        **_WITHOUT_LTE,
        "+SPIC": simcom_counters,
        "+CCID": iccid_line(""),
        "+DDET": _detect_keys,
        "+FSCREATE": _create,
        "+FSWRITE": _write,
        "+FSFLSIZE": _size,
        "+FSDEL": _delete,
        "+CREC": _record,
        "+CPOWD": _power_down,
        **settings("+MORING", "+CHFA", "+CLTS", "+CMIC", "+SIDET", "+ECHO", "+CALM", "+CRSL"),
    },
    usb=False,
    boot_seconds=8.0,
    boot_notices=("RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready"),
    access=0,
    clcc_notices=True,
    progress=_progress,
    released=_released,
    key_notice=_key_notice,
    key_notice_at_release=True,
    clcc_row=_row,
    incoming=_incoming,
)
