"""Commands that every family shares: ITU-T V.250 and 3GPP TS 27.007. Each is a small handler."""

from __future__ import annotations

from firmware.simulator.commands.card import CARD_COMMANDS
from firmware.simulator.commands.handlers import fixed, settings, stored, whole_number
from firmware.simulator.commands.messages import MESSAGE_COMMANDS
from firmware.simulator.commands.network import NETWORK_COMMANDS
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import ERROR, OK, CmeError, Handler, Modem, Reply

_DIAL_CHARACTERS = frozenset("0123456789*#+ABCDabcd,PpTtWw!@ -")
_VTS_KEYS = frozenset("0123456789*#ABCD")


# -- V.250 -----------------------------------------------------------------------------------


def _ok(_modem: Modem, _command: Command) -> Reply:
    return OK


def _echo(modem: Modem, command: Command) -> Reply:
    if command.text not in ("", "0", "1"):
        return ERROR
    modem.interfaces.echo(on=command.text == "1")
    return OK


def _reset_profile(modem: Modem, _command: Command) -> Reply:
    # V.250 §6.1.1: Z also ends a call in progress.
    modem.calls.hang_up()
    modem.interfaces.echo(on=True)
    kept = modem.memory["+CFUN"]
    modem.memory = {"+CMEE": "0", "+CVHU": modem.personality.cvhu_default}
    modem.memory.update(modem.personality.defaults)
    modem.memory["+CFUN"] = kept
    return OK


def _dial(modem: Modem, command: Command) -> Reply:
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


def _answer(modem: Modem, _command: Command) -> Reply:
    if not modem.calls.answer():
        return Reply(final="NO CARRIER")
    call = modem.calls.call
    assert call is not None
    return Reply(after=tuple(modem.personality.answered_incoming(modem, call)))


def _hook(modem: Modem, _command: Command) -> Reply:
    # TS 27.007 +CVHU: with 1 or 2 the modem says OK to ATH and keeps the voice call.
    if modem.memory["+CVHU"] != "0":
        return OK
    return hang_up(modem)


def hang_up(modem: Modem) -> Reply:
    """End the call; its notices follow the OK, or go before it as in the SIM7600 manual."""
    notices_first = modem.notices_first
    lines = modem.calls.hang_up()
    if notices_first:
        modem.notice(*lines)
        return OK
    return Reply(after=lines)


def _hang_up(modem: Modem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else hang_up(modem)


def _register(_modem: Modem, command: Command) -> Reply:
    return Reply(lines=("000",)) if command.kind is Kind.READ else OK


def _list_commands(modem: Modem, _command: Command) -> Reply:
    names = sorted(n for n in modem.personality.handlers if not n[0].isalpha() and n[0] != "&")
    return Reply(lines=tuple(names))


# -- identity --------------------------------------------------------------------------------


def _manufacturer(modem: Modem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.personality.manufacturer,))


def _model(modem: Modem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.personality.model,))


def _revision(modem: Modem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.personality.revision,))


def _serial_number(modem: Modem, command: Command) -> Reply:
    return OK if command.kind is Kind.TEST else Reply(lines=(modem.imei,))


def _information(modem: Modem, _command: Command) -> Reply:
    me = modem.personality
    return Reply(
        lines=(
            f"Manufacturer: {me.manufacturer}",
            f"Model: {me.model}",
            f"Revision: {me.revision.removeprefix('+CGMR: ')}",
            f"IMEI: {modem.imei}",
        )
    )


# -- calls -----------------------------------------------------------------------------------


def _call_list(modem: Modem, command: Command) -> Reply:
    match command.kind:
        case Kind.SET:
            # Only some families know the notice form AT+CLCC=1.
            if not modem.personality.clcc_notices:
                return ERROR
            modem.memory["+CLCC"] = str(whole_number(command.text.strip(), 0, 1))
            return OK
        case Kind.TEST:
            return Reply(lines=("+CLCC: (0-1)",)) if modem.personality.clcc_notices else OK
        case Kind.READ:
            if not modem.personality.clcc_notices:
                return ERROR
            return Reply(lines=(f"+CLCC: {modem.memory.get('+CLCC', '0')}",))
        case Kind.EXECUTE:
            return Reply(lines=tuple(modem.calls.rows()))


def _cause(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return OK
    return Reply(lines=(modem.personality.cause_text(modem, modem.calls.last_cause),))


def _activity(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+CPAS: (0,3,4)",))
    call = modem.calls.call
    state = 0 if call is None else 4 if call.outgoing or call.announced_at is not None else 3
    return Reply(lines=(f"+CPAS: {state}",))


def _send_keys(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+VTS: (0-9,A-D,*,#)",))
    keys = command.text.replace('"', "").replace(",", "")
    call = modem.calls.call
    if not keys or not set(keys.upper()) <= _VTS_KEYS or call is None or call.announced_at is None:
        return ERROR
    return OK


def _error_level(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.SET:
        modem.memory["+CMEE"] = str(whole_number(command.text.strip(), 0, 2))
        return OK
    return stored("+CMEE", test="(0-2)")(modem, command)


def _hold(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return Reply(lines=("+CHLD: (0,1,1x,2,2x,3,4)",))
    if modem.calls.call is None:
        raise CmeError(3)
    if command.text.strip()[:1] in ("0", "1"):
        return hang_up(modem)
    return ERROR


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
    **CARD_COMMANDS,
    **NETWORK_COMMANDS,
    **MESSAGE_COMMANDS,
}
