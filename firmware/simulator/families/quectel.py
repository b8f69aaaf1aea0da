"""Quectel EC25, from the EC2x AT command manual and the chan_quectel forks' notes."""

from __future__ import annotations

from firmware.simulator.commands.card import iccid_line
from firmware.simulator.commands.handlers import fixed, settings
from firmware.simulator.commands.network import power_off
from firmware.simulator.commands.standard import STANDARD_COMMANDS, hang_up
from firmware.simulator.modem.calls import Call, CallState, Phase
from firmware.simulator.modem.card import CardState
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import (
    ERROR,
    OK,
    CmeError,
    DataMode,
    Modem,
    Personality,
    Reply,
    VoicePath,
    standard_release,
)
from firmware.simulator.modem.storage import samples_of
from firmware.simulator.network.scenario import FaultKind
from firmware.simulator.network.sounds import murmur

_HANG_UP_CAUSES = ("1", "16", "17", "18", "21", "27", "31", "88")
_DATA_ROW = '+CLCC: 1,0,0,1,0,"",128'
"""On LTE the call list always holds the data connection."""
_DSCI = {0: 3, 1: 1, 2: 2, 3: 7, 4: 4, 5: 5}
"""^DSCI numbers the states in its own way: 3 is answered and 7 is alerting."""


def _pin_counters(modem: Modem, _command: Command) -> Reply:
    if modem.card_state is CardState.ABSENT:
        raise CmeError(10)
    pin, puk = modem.card.pin_tries, modem.card.puk_tries
    return Reply(lines=(f'+QPINC: "SC",{pin},{puk}', '+QPINC: "P2",3,10'))


def _indications(modem: Modem, command: Command) -> Reply:
    """AT+QINDCFG="ccinfo",1,0."""
    arguments = command.arguments
    if command.kind is Kind.SET and len(arguments) > 1:
        modem.memory[f"+QINDCFG:{arguments[0]}"] = arguments[1]
    elif command.kind is Kind.SET and arguments:
        value = modem.memory.get(f"+QINDCFG:{arguments[0]}", "0")
        return Reply(lines=(f'+QINDCFG: "{arguments[0]}",{value}',))
    return OK


def _configuration(modem: Modem, command: Command) -> Reply:
    """AT+QCFG="ims" -> enabled, registered; other names keep what they are told."""
    arguments = command.arguments
    if command.kind is not Kind.SET or not arguments:
        return OK
    name = arguments[0]
    if len(arguments) > 1:
        modem.memory[f"+QCFG:{name}"] = ",".join(arguments[1:])
        return OK
    if name == "ims":
        return Reply(lines=(f'+QCFG: "ims",1,{int(modem.registration == 1)}',))
    return Reply(lines=(f'+QCFG: "{name}",{modem.memory.get(f"+QCFG:{name}", "0")}',))


def _upload(modem: Modem, command: Command) -> Reply:
    """AT+QFUPL="x.wav",<size>: CONNECT, the bytes, ``+QFUPL: <size>,<checksum>``."""
    arguments = command.arguments
    if command.kind is not Kind.SET or len(arguments) < 2 or not arguments[1].isdigit():
        return ERROR
    name, size = arguments[0], int(arguments[1])
    if not name or size == 0 or modem.storage.read(name) is not None:
        raise CmeError(50)

    def done(data: bytes) -> Reply:
        if not modem.storage.store(name, data):
            return ERROR
        return Reply(lines=(f"+QFUPL: {len(data)},{checksum(data):x}",))

    return Reply(prompt="\r\nCONNECT\r\n", data=DataMode(length=size, done=done))


def checksum(data: bytes) -> int:
    """XOR of the 16 bit words, high byte first, an odd last byte filled up with zero."""
    padded = data + bytes(len(data) % 2)
    total = 0
    for position in range(0, len(padded), 2):
        total ^= padded[position] << 8 | padded[position + 1]
    return total


def _list_files(modem: Modem, command: Command) -> Reply:
    wanted = command.arguments[:1] if command.kind is Kind.SET else ()
    return Reply(
        lines=tuple(
            f'+QFLST: "{name}",{size}'
            for name, size in modem.storage.names()
            if wanted in ((), ("*",), (name,))
        )
    )


def _delete(modem: Modem, command: Command) -> Reply:
    name = command.first
    if name == "*":
        for stored, _ in modem.storage.names():
            modem.storage.delete(stored)
        return OK
    if not modem.storage.delete(name):
        raise CmeError(22)
    return OK


def _play(modem: Modem, command: Command) -> Reply:
    """AT+QPSND=1,"x.wav",0,1,1 plays to the far end; 0 stops; ``+QPSND: 0`` at the end."""
    arguments = command.arguments
    if command.kind is not Kind.SET:
        return OK
    if command.first == "0":
        modem.calls.stop_playing()
        return OK
    data = modem.storage.read(arguments[1]) if len(arguments) > 1 else None
    samples = None if data is None else samples_of(data)
    if samples is None or not modem.calls.play(samples, lambda: modem.notice("+QPSND: 0")):
        return ERROR
    return OK


def _speak(modem: Modem, command: Command) -> Reply:
    """AT+QWTTS=1,1,2,"text"; 903 where there is no call."""
    arguments = command.arguments
    if command.kind is not Kind.SET or len(arguments) < 4:
        return OK
    seconds = round(max(1.0, 0.07 * len(arguments[3])), 1)
    if not modem.calls.play(murmur(seconds), lambda: modem.notice("+QWTTS: 0")):
        return Reply(after=("+QWTTS: 903",))
    return OK


def _hang_up_with_cause(modem: Modem, command: Command) -> Reply:
    if command.kind is not Kind.SET:
        return OK
    return hang_up(modem) if command.first in _HANG_UP_CAUSES else ERROR


def _network_clock(modem: Modem, command: Command) -> Reply:
    """AT+QLTS=1 (UTC); an empty text where the network told nothing."""
    if command.kind is Kind.TEST:
        return OK
    told = modem.network_time
    if told is None:
        return Reply(lines=('+QLTS: ""',))
    offset = told.utcoffset()
    quarters = 0 if offset is None else round(offset.total_seconds() / 900)
    shown = told - offset if offset is not None else told
    return Reply(lines=(f'+QLTS: "{shown:%Y/%m/%d,%H:%M:%S}{quarters:+03d},0"',))


def _sim_state(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.SET:
        modem.memory["+QSIMSTAT"] = command.text.strip()
        return OK
    inserted = int(modem.card_state is not CardState.ABSENT)
    return Reply(lines=(f"+QSIMSTAT: {modem.memory.get('+QSIMSTAT', '0')},{inserted}",))


def _lines(modem: Modem, call: Call, dsci: int, ccinfo: int) -> list[str]:
    direction = int(not call.outgoing)
    number = call.number or ""
    lines: list[str] = []
    if modem.flag("^DSCI"):
        address = f"{number},{call.type_of_address}"
        lines.append(f"^DSCI: {call.index - 1},{direction},{dsci},0,{address},0")
    if modem.flag("+QINDCFG:ccinfo"):
        row = f'{call.index},{direction},{ccinfo},0,0,"{number}",{call.type_of_address}'
        lines.append(f'+QIND: "ccinfo",{row}')
    return lines


def _progress(modem: Modem, call: Call, _phase: Phase) -> list[str]:
    return _lines(modem, call, _DSCI[call.state], call.state)


def _released(modem: Modem, call: Call, cause: int, local: bool) -> list[str]:
    lines = _lines(modem, call, 6, -1)
    if local:
        return lines
    plain = not call.outgoing or FaultKind.PLAIN_RELEASE in call.faults
    return [*lines, "NO CARRIER" if plain else standard_release(cause)]


def _incoming(modem: Modem, call: Call) -> list[str]:
    return _lines(modem, call, _DSCI[CallState.INCOMING], CallState.INCOMING)


def _missed(modem: Modem, call: Call) -> list[str]:
    return [*_lines(modem, call, 6, -1), "NO CARRIER"]


def _answered_incoming(modem: Modem, call: Call) -> list[str]:
    return _lines(modem, call, _DSCI[CallState.ACTIVE], CallState.ACTIVE)


def _key_notice(modem: Modem, key: str, _milliseconds: int) -> list[str]:
    """The key's ASCII code in decimal."""
    return [f"+QTONEDET: {ord(key)}"] if modem.flag("+QTONEDET") else []


QUECTEL = Personality(
    name="quectel",
    manufacturer="Quectel",
    model="EC25",
    revision="EC25EFAR06A06M4G",
    handlers={
        **STANDARD_COMMANDS,
        "+QPINC": _pin_counters,
        "+QCCID": iccid_line("+QCCID: "),
        "+QINDCFG": _indications,
        "+QCFG": _configuration,
        "+QFUPL": _upload,
        "+QFLST": _list_files,
        "+QFDEL": _delete,
        "+QPSND": _play,
        "+QWTTS": _speak,
        "+QHUP": _hang_up_with_cause,
        "+QLTS": _network_clock,
        "+QSIMSTAT": _sim_state,
        "+QPOWD": power_off,
        "+QVTS": STANDARD_COMMANDS["+VTS"],
        "+QMBNCFG": fixed(),
        **settings("^DSCI", "+QTONEDET", "+QPCMV", "+QURCCFG", "+QAUDMOD", "+QGPSCFG"),
        **settings("+QAUDCFG", "+QSCLK", "+QDAI", "+CLCCEX"),
    },
    defaults={"+QPCMV": "0", "+CTZU": "1"},
    voice_path=VoicePath.ON_SETTING,
    voice_setting=("+QPCMV", "1,0"),
    flow_notices=("+QPCMV: 0,0", "+QPCMV: 1,0"),
    boot_seconds=13.0,
    boot_notices=("RDY", "+CPIN: READY", "+QUSIM: 1", "+CFUN: 1", "+QIND: SMS DONE"),
    first_call_index=2,
    extra_clcc_rows=(_DATA_ROW,),
    progress=_progress,
    released=_released,
    key_notice=_key_notice,
    incoming=_incoming,
    answered_incoming=_answered_incoming,
    missed_call=_missed,
)
