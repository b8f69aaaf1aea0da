"""Commands that every family shares: ITU-T V.250 and 3GPP TS 27.007. Each is a small handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.simulator.card import CardState
from firmware.simulator.commandline import Command, Kind
from firmware.simulator.message_commands import MESSAGE_COMMANDS
from firmware.simulator.messages import time_stamp
from firmware.simulator.personality import ERROR, OK, CmeError, Handler, Reply

if TYPE_CHECKING:
    from firmware.simulator.modem import SimulatedModem

_DIAL_CHARACTERS = frozenset("0123456789*#+ABCDabcd,PpTtWw!@ -")
_VTS_KEYS = frozenset("0123456789*#ABCD")


def fixed(*lines: str) -> Handler:
    """A command that always answers the same lines and OK, in every form but the test."""

    def handler(_modem: SimulatedModem, command: Command) -> Reply:
        return OK if command.kind is Kind.TEST else Reply(lines=lines)

    return handler


def stored(name: str, *, test: str = "") -> Handler:
    """A setting: SET keeps the text, READ shows it, TEST shows the range."""

    def handler(modem: SimulatedModem, command: Command) -> Reply:
        match command.kind:
            case Kind.SET:
                modem.memory[name] = command.text.strip()
                return OK
            case Kind.READ:
                return Reply(lines=(f"{name}: {modem.memory.get(name, '0')}",))
            case Kind.TEST:
                return Reply(lines=(f"{name}: {test}",)) if test else OK
            case Kind.EXECUTE:
                return OK

    return handler


def refused(_modem: SimulatedModem, _command: Command) -> Reply:
    """A command that the modem knows and does not take."""
    return ERROR


def _number(text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise CmeError(50)
    return int(text)


# -- V.250 -----------------------------------------------------------------------------------


def _ok(_modem: SimulatedModem, _command: Command) -> Reply:
    return OK


def _echo(modem: SimulatedModem, command: Command) -> Reply:
    if command.text not in ("", "0", "1"):
        return ERROR
    modem.echo(on=command.text == "1")
    return OK


def _reset_profile(modem: SimulatedModem, _command: Command) -> Reply:
    # V.250 §6.1.1: Z also ends a call in progress.
    modem.calls.hang_up()
    modem.echo(on=True)
    kept = modem.memory["+CFUN"]
    modem.memory = {"+CMEE": "0", "+CVHU": modem.personality.cvhu_default}
    modem.memory.update(modem.personality.defaults)
    modem.memory["+CFUN"] = kept
    return OK


def _dial(modem: SimulatedModem, command: Command) -> Reply:
    text = command.text
    if not text.endswith(";"):
        # Without the semicolon it is a data call, which nobody offers any more.
        return Reply(final="NO CARRIER")
    number = text[:-1].strip()
    # A trailing I or G chooses whether the number is shown (TS 27.007 §6.3).
    number = number.rstrip("IiGg")
    if not number or not set(number) <= _DIAL_CHARACTERS:
        return ERROR
    modem.need_card()
    if modem.registration not in (1, 5):
        if modem.personality.cme_errors_on_dial:
            raise CmeError(30)
        return Reply(final="NO CARRIER" if modem.personality.usb else "NO DIALTONE")
    return modem.calls.dial("".join(c for c in number if c.isdigit() or c in "+*#"))


def _answer(modem: SimulatedModem, _command: Command) -> Reply:
    if not modem.calls.answer():
        return Reply(final="NO CARRIER")
    call = modem.calls.call
    assert call is not None
    return Reply(after=tuple(modem.personality.answered_incoming(modem, call)))


def _hook(modem: SimulatedModem, _command: Command) -> Reply:
    # TS 27.007 +CVHU: with 1 or 2 the modem says OK to ATH and keeps the voice call.
    if modem.memory["+CVHU"] != "0":
        return OK
    return hang_up(modem)


def hang_up(modem: SimulatedModem) -> Reply:
    """End the call; its notices follow the OK, or go before it as in the SIM7600 manual."""
    notices_first = modem.notices_first
    lines = modem.calls.hang_up()
    if notices_first:
        modem.notice(*lines)
        return OK
    return Reply(after=lines)


def _hang_up(modem: SimulatedModem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else hang_up(modem)


def _register(_modem: SimulatedModem, command: Command) -> Reply:
    return Reply(lines=("000",)) if command.kind is Kind.READ else OK


def _list_commands(modem: SimulatedModem, _command: Command) -> Reply:
    names = sorted(n for n in modem.personality.handlers if not n[0].isalpha() and n[0] != "&")
    return Reply(lines=tuple(names))


# -- identity --------------------------------------------------------------------------------


def _manufacturer(modem: SimulatedModem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.personality.manufacturer,))


def _model(modem: SimulatedModem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.personality.model,))


def _revision(modem: SimulatedModem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.personality.revision,))


def _serial_number(modem: SimulatedModem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.imei,))


def _information(modem: SimulatedModem, _command: Command) -> Reply:
    me = modem.personality
    return Reply(
        lines=(
            f"Manufacturer: {me.manufacturer}",
            f"Model: {me.model}",
            f"Revision: {me.revision.removeprefix('+CGMR: ')}",
            f"IMEI: {modem.imei}",
        )
    )


def _subscriber_identity(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return OK
    modem.need_card()
    # MCC 001, MNC 01 is the test network of ITU-T E.212.
    return Reply(lines=(f"00101{modem.index:010d}",))


def iccid_line(prefix: str) -> Handler:
    """The card's number, which may be read before the PIN."""

    def handler(modem: SimulatedModem, command: Command) -> Reply:
        if command.kind is Kind.TEST:
            return OK
        if modem.card_state is CardState.ABSENT:
            raise CmeError(10)
        return Reply(lines=(f"{prefix}{modem.card.iccid}",))

    return handler


# -- SIM -------------------------------------------------------------------------------------


def _pin(modem: SimulatedModem, command: Command) -> Reply:
    match command.kind:
        case Kind.READ | Kind.TEST | Kind.EXECUTE:
            if command.kind is not Kind.READ:
                return OK
            _need_present(modem)
            return Reply(lines=(f"+CPIN: {modem.card_state}",))
        case Kind.SET:
            return _enter_pin(modem, command.arguments)


def _need_present(modem: SimulatedModem) -> None:
    if modem.card_state in (CardState.ABSENT, CardState.BLOCKED):
        modem.need_card()
    if modem.card_state is CardState.READY:
        modem.need_card()  # a card that is still busy answers nothing else


def _enter_pin(modem: SimulatedModem, arguments: tuple[str, ...]) -> Reply:
    _need_present(modem)
    card = modem.card
    match card.state:
        case CardState.READY:
            raise CmeError(3)
        case CardState.PUK:
            if len(arguments) != 2:
                raise CmeError(12)
            right = card.enter_puk(*arguments)
            modem.log("puk_tried", right=right, tries_left=card.puk_tries)
        case _:
            if len(arguments) != 1:
                raise CmeError(50)
            right = card.enter_pin(arguments[0])
            modem.log("pin_tried", right=right, tries_left=card.pin_tries)
    if not right:
        raise CmeError(12 if card.state is CardState.PUK else 16)
    return Reply(after=("+CPIN: READY",))


def _facility_lock(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=('+CLCK: ("SC","AO","OI","AI","IR","FD")',))
    arguments = command.arguments
    if len(arguments) < 2 or arguments[0].upper() != "SC":
        raise CmeError(3)
    if arguments[1] == "2":
        return Reply(lines=(f"+CLCK: {int(modem.card.pin_enabled)}",))
    if len(arguments) < 3:
        raise CmeError(50)
    modem.need_card()
    if not modem.card.set_lock(enabled=arguments[1] == "1", pin=arguments[2]):
        raise CmeError(16)
    return OK


def _remaining_tries(modem: SimulatedModem, _command: Command) -> Reply:
    if modem.card_state is CardState.ABSENT:
        raise CmeError(10)
    return Reply(
        lines=(
            f"+CPINR: SIM PIN,{modem.card.pin_tries},3",
            f"+CPINR: SIM PUK,{modem.card.puk_tries},10",
        )
    )


def simcom_counters(modem: SimulatedModem, _command: Command) -> Reply:
    """AT+SPIC: tries left of PIN1, PUK1, PIN2, PUK2 (SIMCom manuals; the card has no PIN2)."""
    if modem.card_state is CardState.ABSENT:
        raise CmeError(10)
    return Reply(lines=(f"+SPIC: {modem.card.pin_tries},{modem.card.puk_tries},0,10",))


# -- network ---------------------------------------------------------------------------------


def _registration(name: str) -> Handler:
    def handler(modem: SimulatedModem, command: Command) -> Reply:
        match command.kind:
            case Kind.SET:
                modem.memory[name] = str(_number(command.text.strip(), 0, 2))
                return OK
            case Kind.TEST:
                return Reply(lines=(f"{name}: (0-2)",))
            case Kind.READ:
                return Reply(lines=(_registration_row(modem, name),))
            case Kind.EXECUTE:
                return OK

    return handler


def _registration_row(modem: SimulatedModem, name: str) -> str:
    mode, stat = modem.memory.get(name, "0"), modem.registration
    if modem.malformed_creg:
        return f"{name}: 1,0,{stat}"
    if mode == "2" and stat == 1:
        return f'{name}: 2,{stat},"0001","0000ABCD",{modem.personality.access}'
    return f"{name}: {mode},{stat}"


def _signal(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+CSQ: (0-31,99),(0-7,99)",))
    strength = modem.settings.signal if modem.registration in (1, 5, 6) else 99
    return Reply(lines=(f"+CSQ: {strength},99",))


def _operator(modem: SimulatedModem, command: Command) -> Reply:
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


def _functionality(modem: SimulatedModem, command: Command) -> Reply:
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


def restart_after_ok(modem: SimulatedModem) -> Reply:
    """Say OK and reset a moment later."""
    modem.later(0.2, "reset", modem.restart)
    return OK


def restart(modem: SimulatedModem, command: Command) -> Reply:
    """A reset command."""
    return OK if command.kind is Kind.TEST else restart_after_ok(modem)


def power_off(modem: SimulatedModem, command: Command) -> Reply:
    """A power-off command: nothing but a power cycle brings the modem back."""
    if command.kind is not Kind.TEST:
        modem.later(0.5, "power off", lambda: modem.restart(away=1e9))
    return OK


def _clock(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is not Kind.READ:
        return OK
    told = modem.network_time
    if told is None:
        # Field log of a SIM7600G-H: the epoch of its clock, counting from power-up, no zone.
        seconds = int(modem.uptime.total_seconds())
        clock = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return Reply(lines=(f'+CCLK: "80/01/06,{clock}"',))
    return Reply(lines=(f'+CCLK: "{time_stamp(told)}"',))


# -- calls -----------------------------------------------------------------------------------


def _call_list(modem: SimulatedModem, command: Command) -> Reply:
    match command.kind:
        case Kind.SET:
            # Only some families know the notice form AT+CLCC=1.
            if not modem.personality.clcc_notices:
                return ERROR
            modem.memory["+CLCC"] = str(_number(command.text.strip(), 0, 1))
            return OK
        case Kind.TEST:
            return Reply(lines=("+CLCC: (0-1)",)) if modem.personality.clcc_notices else OK
        case Kind.READ:
            if not modem.personality.clcc_notices:
                return ERROR
            return Reply(lines=(f"+CLCC: {modem.memory.get('+CLCC', '0')}",))
        case Kind.EXECUTE:
            return Reply(lines=tuple(modem.calls.rows()))


def _cause(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return OK
    return Reply(lines=(modem.personality.cause_text(modem, modem.calls.last_cause),))


def _activity(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+CPAS: (0,3,4)",))
    call = modem.calls.call
    state = 0 if call is None else 4 if call.outgoing or call.announced_at is not None else 3
    return Reply(lines=(f"+CPAS: {state}",))


def _send_keys(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+VTS: (0-9,A-D,*,#)",))
    keys = command.text.replace('"', "").replace(",", "")
    call = modem.calls.call
    if not keys or not set(keys.upper()) <= _VTS_KEYS or call is None or call.announced_at is None:
        return ERROR
    return OK


def _error_level(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.SET:
        modem.memory["+CMEE"] = str(_number(command.text.strip(), 0, 2))
        return OK
    return stored("+CMEE", test="(0-2)")(modem, command)


def _hold(modem: SimulatedModem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+CHLD: (0,1,1x,2,2x,3,4)",))
    if modem.calls.call is None:
        raise CmeError(3)
    if command.text.strip()[:1] in ("0", "1"):
        return hang_up(modem)
    return ERROR


def settings(*names: str) -> dict[str, Handler]:
    """Handlers that only keep what they are told."""
    return {name: stored(name) for name in names}


STANDARD_COMMANDS: dict[str, Handler] = {
    "E": _echo,
    "Q": _ok,
    "V": _ok,
    "X": _ok,
    "L": _ok,
    "M": _ok,
    "&C": _ok,
    "&D": _ok,
    "&W": _ok,
    "&F": _reset_profile,
    "Z": _reset_profile,
    "S0": _register,
    "S7": _register,
    "I": _information,
    "D": _dial,
    "A": _answer,
    "H": _hook,
    "+CHUP": _hang_up,
    "+CLAC": _list_commands,
    "+CGMI": _manufacturer,
    "+GMI": _manufacturer,
    "+CGMM": _model,
    "+GMM": _model,
    "+CGMR": _revision,
    "+GMR": _revision,
    "+CGSN": _serial_number,
    "+GSN": _serial_number,
    "+CIMI": _subscriber_identity,
    "+CPIN": _pin,
    "+CLCK": _facility_lock,
    "+CREG": _registration("+CREG"),
    "+CGREG": _registration("+CGREG"),
    "+CEREG": _registration("+CEREG"),
    "+CSQ": _signal,
    "+COPS": _operator,
    "+CFUN": _functionality,
    "+CCLK": _clock,
    "+CLCC": _call_list,
    "+CEER": _cause,
    "+CPAS": _activity,
    "+VTS": _send_keys,
    "+CHLD": _hold,
    "+CNUM": fixed(),
    "+CMEE": _error_level,
    **settings(
        "+CVHU", "+CLIP", "+CLIR", "+CRC", "+COLP", "+CCWA", "+CTZU", "+CTZR", "+CSCS", "+CLVL"
    ),
    **settings("+VTD", "+CMUT", "+IPR", "+ICF", "+IFC", "+CGDCONT"),
    **MESSAGE_COMMANDS,
}

REMAINING_TRIES: dict[str, Handler] = {"+CPINR": _remaining_tries}
"""TS 27.007 §8.65, which only the generic personality has."""
