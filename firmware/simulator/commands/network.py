"""Commands of the network and the module's power: registration, signal, operator, time, reset."""

from __future__ import annotations

import re

from firmware.simulator.commands.handlers import whole_number
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.messages import time_stamp
from firmware.simulator.modem.personality import ERROR, OK, CmeError, Handler, Modem, Reply


def _registration(name: str) -> Handler:
    def handler(modem: Modem, command: Command) -> Reply:
        match command.kind:
            case Kind.SET:
                modem.memory[name] = str(whole_number(command.text.strip(), 0, 2))
                return OK
            case Kind.TEST:
                return Reply(lines=(f"{name}: (0-2)",))
            case Kind.READ:
                return Reply(lines=(_registration_row(modem, name),))
            case Kind.EXECUTE:
                return OK

    return handler


def _registration_row(modem: Modem, name: str) -> str:
    mode, stat = modem.memory.get(name, "0"), modem.registration
    if modem.malformed_creg:
        return f"{name}: 1,0,{stat}"
    if mode == "2" and stat == 1:
        return f'{name}: 2,{stat},"0001","0000ABCD",{modem.personality.access}'
    return f"{name}: {mode},{stat}"


def _signal(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+CSQ: (0-31,99),(0-7,99)",))
    strength = modem.settings.signal if modem.registration in (1, 5, 6) else 99
    return Reply(lines=(f"+CSQ: {strength},99",))


def _operator(modem: Modem, command: Command) -> Reply:
    match command.kind:
        case Kind.SET:
            arguments = command.arguments
            if arguments and arguments[0] == "3" and len(arguments) > 1:
                modem.memory["+COPS"] = arguments[1]
            return OK
        case Kind.READ:
            if modem.registration not in (1, 5, 6):
                return Reply(lines=("+COPS: 0",))
            form = modem.memory.get("+COPS", "0")
            name = "00101" if form == "2" else "Simulated"
            return Reply(lines=(f'+COPS: 0,{form},"{name}",{modem.personality.access}',))
        case Kind.TEST:
            return Reply(lines=('+COPS: (2,"Simulated","Sim","00101",7),,(0-4),(0-2)',))
        case Kind.EXECUTE:
            return OK


def _functionality(modem: Modem, command: Command) -> Reply:
    match command.kind:
        case Kind.READ:
            return Reply(lines=(f"+CFUN: {modem.memory['+CFUN']}",))
        case Kind.TEST:
            return Reply(lines=("+CFUN: (0,1,4,5,6,7),(0-1)",))
        case Kind.EXECUTE:
            return ERROR
        case Kind.SET:
            arguments = command.arguments
            level = arguments[0] if arguments else ""
            if level not in ("0", "1", "4", "5", "6", "7"):
                raise CmeError(50)
            if level == "6" or arguments[1:2] == ("1",):
                return restart_after_ok(modem)
            modem.memory["+CFUN"] = level
            if level != "1":
                modem.calls.network_lost()
            return OK


def restart_after_ok(modem: Modem) -> Reply:
    """Say OK and reset a moment later."""
    modem.later(0.2, "reset", modem.restart)
    return OK


def restart(modem: Modem, command: Command) -> Reply:
    """A reset command."""
    return OK if command.kind is Kind.TEST else restart_after_ok(modem)


def power_off(modem: Modem, command: Command) -> Reply:
    """A power-off command: nothing but a power cycle brings the modem back."""
    if command.kind is not Kind.TEST:
        modem.later(0.5, "power off", lambda: modem.restart(away=1e9))
    return OK


_CODE = re.compile(r"[*#][0-9]{1,4}#")
USSD_SECONDS = 1.5
"""Box seconds from the question to the network's answer."""


def _ussd(modem: Modem, command: Command) -> Reply:
    """27.007, 7.15: the answer comes after the OK, as a notice."""
    match command.kind:
        case Kind.TEST:
            return Reply(lines=("+CUSD: (0-2)",))
        case Kind.READ:
            return Reply(lines=(f"+CUSD: {modem.memory.get('+CUSD', '0')}",))
        case Kind.EXECUTE:
            return ERROR
    arguments = command.arguments
    shown = str(whole_number(arguments[0] if arguments else "", 0, 2))
    if shown == "2":
        modem.memory.pop("ussd asked", None)
        return OK
    modem.memory["+CUSD"] = shown
    if len(arguments) < 2:
        return OK
    modem.need_card()
    if modem.registration not in (1, 5):
        raise CmeError(30)
    code = arguments[1].strip('"')
    known = _CODE.fullmatch(code) is not None
    said = f'+CUSD: 0,"{modem.settings.balance}",15' if known else "+CUSD: 4"
    modem.memory["ussd asked"] = code

    def tell() -> None:
        if modem.memory.pop("ussd asked", None) == code and shown == "1":
            modem.notice(said)

    modem.later(USSD_SECONDS, "ussd", tell)
    return OK


def _clock(modem: Modem, command: Command) -> Reply:
    if command.kind is not Kind.READ:
        return OK
    told = modem.network_time
    if told is None:
        # Field log of a SIM7600G-H: the epoch of its clock, counting from power-up, no zone.
        seconds = int(modem.uptime.total_seconds())
        clock = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return Reply(lines=(f'+CCLK: "80/01/06,{clock}"',))
    return Reply(lines=(f'+CCLK: "{time_stamp(told)}"',))


NETWORK_COMMANDS: dict[str, Handler] = {
    "+CREG": _registration("+CREG"),
    "+CGREG": _registration("+CGREG"),
    "+CEREG": _registration("+CEREG"),
    "+CSQ": _signal,
    "+COPS": _operator,
    "+CFUN": _functionality,
    "+CCLK": _clock,
    "+CUSD": _ussd,
}
