"""Huawei E1550, a 3G voice dongle, from AT traces and chan_dongle's notes."""

from __future__ import annotations

from firmware.simulator.commands.card import iccid_line
from firmware.simulator.commands.handlers import settings
from firmware.simulator.commands.standard import STANDARD_COMMANDS
from firmware.simulator.modem.calls import Call, CallState, Phase
from firmware.simulator.modem.card import CardState
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import (
    ERROR,
    OK,
    CmeError,
    Handler,
    Modem,
    Personality,
    Reply,
    VoicePath,
    standard_release,
)
from firmware.simulator.network.scenario import Fault, FaultKind

_END_STATUS = {16: 104, 17: 67, 21: 67}
"""Third field of ^CEND for a far end; 29 is our own hang-up (trace of an E1550)."""


def _voice(modem: Modem, command: Command) -> Reply:
    """AT^CVOICE? -> 0 is voice enabled, then rate, width and frame in milliseconds."""
    if command.kind is Kind.READ:
        return Reply(lines=("^CVOICE:0,8000,16,20",))
    return ERROR if modem.card_state is CardState.ABSENT else OK


def _stream(modem: Modem, command: Command) -> Reply:
    """AT^DDSETEX=2 opens the audio port for one call; before a call it is accepted in vain."""
    if command.kind is Kind.SET and command.text.strip() == "2":
        modem.calls.switch_voice(on=True)
        return OK
    return ERROR if command.kind is Kind.SET else OK


def _pin_counters(modem: Modem, _command: Command) -> Reply:
    """AT^CPIN?: state, tries for that state, then PUK, PIN, PUK2, PIN2."""
    card = modem.card
    match modem.card_state:
        case CardState.READY:
            head, own = "READY", ""
        case CardState.PIN:
            head, own = "SIM PIN", str(card.pin_tries)
        case CardState.PUK:
            head, own = "SIM PUK", str(card.puk_tries)
        case CardState.ABSENT:
            raise CmeError(10)
        case CardState.BLOCKED:
            raise CmeError(13)
    return Reply(lines=(f"^CPIN: {head},{own},{card.puk_tries},{card.pin_tries},10,3",))


def _hold(modem: Modem, command: Command) -> Reply:
    """AT+CHLD=1x before the answer kills the AT port until the dongle is pulled out."""
    call = modem.calls.call
    early = call is not None and call.state in (CallState.DIALLING, CallState.ALERTING)
    if early and command.text.strip().startswith("1"):
        modem.faults.open([Fault(kind=FaultKind.DEAD)], modem.now, of_call=False)
        return Reply(final=None)
    standard: Handler = STANDARD_COMMANDS["+CHLD"]
    return standard(modem, command)


def _send_key(modem: Modem, command: Command) -> Reply:
    call = modem.calls.call
    ready = call is not None and call.announced_at is not None
    return OK if ready and len(command.arguments) == 2 else ERROR


def _noise(modem: Modem, command: Command) -> Reply:
    """AT^CURC=1 lets the dongle talk unasked."""
    if command.kind is Kind.SET:
        modem.memory["^CURC"] = command.text.strip()
        if modem.flag("^CURC"):
            modem.later(1.0, "noise", lambda: _talk(modem))
    return OK


def _talk(modem: Modem) -> None:
    if modem.flag("^CURC"):
        modem.notice(f"^RSSI:{modem.settings.signal}")
        modem.later(10.0, "noise", lambda: _talk(modem))


def _progress(modem: Modem, call: Call, phase: Phase) -> list[str]:
    if not modem.flag("^CURC"):
        return []
    match phase:
        case Phase.DIALLING:
            return [f"^ORIG:{call.index},0"]
        case Phase.ALERTING:
            return [f"^CONF:{call.index}"]
        case Phase.ANSWERED:
            return [f"^CONN:{call.index},0"]


def _released(modem: Modem, call: Call, cause: int, local: bool) -> list[str]:
    seconds = call.seconds(modem.now)
    if local:
        return [f"^CEND:{call.index},{seconds},29,16"]
    status = _END_STATUS.get(cause)
    # On errors of the network the fourth field is missing (ofono's driver notes it).
    fields = f"{status},{cause}" if status is not None else "255"
    if cause in (18, 19):
        fields = f"104,{cause}"
    plain = not call.outgoing or FaultKind.PLAIN_RELEASE in call.faults
    result = "NO CARRIER" if plain else standard_release(cause)
    return [f"^CEND:{call.index},{seconds},{fields}", result]


def _key_notice(modem: Modem, key: str, _milliseconds: int) -> list[str]:
    return [f"^DDTMF: {key}"] if modem.memory.get("^DDTMFCFG") == "0,1" else []


_WITHOUT_LTE = {n: h for n, h in STANDARD_COMMANDS.items() if n not in ("+CEREG", "+CCLK")}

HUAWEI = Personality(
    name="huawei",
    manufacturer="huawei",
    model="E1550",
    revision="11.608.13.00.00",
    store_full='^SMMEMFULL: "{memory}"',
    handlers={
        **_WITHOUT_LTE,
        "^CVOICE": _voice,
        "^DDSETEX": _stream,
        "^CPIN": _pin_counters,
        "^ICCID": iccid_line("^ICCID: "),
        "^CURC": _noise,
        "^DTMF": _send_key,
        "+CHLD": _hold,
        **settings("^SYSCFG", "^U2DIAG", "^DDTMFCFG", "^PORTSEL", "^STSF"),
    },
    defaults={"^CURC": "1"},
    # Seen on an E1752 in place of ERROR.
    unknown_command="COMMAND NOT SUPPORT",
    voice_path=VoicePath.ON_COMMAND,
    boot_seconds=12.0,
    boot_notices=("^BOOT:12345678,0,0,0,75", "^SRVST:2", "^MODE:5,4", "^RSSI:16"),
    access=2,
    progress=_progress,
    released=_released,
    key_notice=_key_notice,
    missed_call=lambda _modem, call: [f"^CEND:{call.index},0,104,16", "NO CARRIER"],
    answered_incoming=lambda _modem, call: [f"^CONN:{call.index},0"],
)
