"""Commands of the SIM: identity, PIN, PUK and their counters (3GPP TS 27.007 §8.3, §7.4)."""

from __future__ import annotations

from firmware.simulator.modem.card import CardState
from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import OK, CmeError, Handler, Modem, Reply


def _subscriber_identity(modem: Modem, command: Command) -> Reply:
    if command.kind is Kind.TEST:
        return OK
    modem.need_card()
    # MCC 001, MNC 01 is the test network of ITU-T E.212.
    return Reply(lines=(f"00101{modem.index:010d}",))


def iccid_line(prefix: str) -> Handler:
    """The card's number, which may be read before the PIN."""

    def handler(modem: Modem, command: Command) -> Reply:
        if command.kind is Kind.TEST:
            return OK
        if modem.card_state is CardState.ABSENT:
            raise CmeError(10)
        return Reply(lines=(f"{prefix}{modem.card.iccid}",))

    return handler


def _pin(modem: Modem, command: Command) -> Reply:
    match command.kind:
        case Kind.READ | Kind.TEST | Kind.EXECUTE:
            if command.kind is not Kind.READ:
                return OK
            _need_present(modem)
            return Reply(lines=(f"+CPIN: {modem.card_state}",))
        case Kind.SET:
            return _enter_pin(modem, command.arguments)


def _need_present(modem: Modem) -> None:
    if modem.card_state in (CardState.ABSENT, CardState.BLOCKED):
        modem.need_card()
    if modem.card_state is CardState.READY:
        modem.need_card()  # a card that is still busy answers nothing else


def _enter_pin(modem: Modem, arguments: tuple[str, ...]) -> Reply:
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


def _facility_lock(modem: Modem, command: Command) -> Reply:
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


def _remaining_tries(modem: Modem, _command: Command) -> Reply:
    if modem.card_state is CardState.ABSENT:
        raise CmeError(10)
    return Reply(
        lines=(
            f"+CPINR: SIM PIN,{modem.card.pin_tries},3",
            f"+CPINR: SIM PUK,{modem.card.puk_tries},10",
        )
    )


def simcom_counters(modem: Modem, _command: Command) -> Reply:
    """AT+SPIC: tries left of PIN1, PUK1, PIN2, PUK2 (SIMCom manuals; the card has no PIN2)."""
    if modem.card_state is CardState.ABSENT:
        raise CmeError(10)
    return Reply(lines=(f"+SPIC: {modem.card.pin_tries},{modem.card.puk_tries},0,10",))


CARD_COMMANDS: dict[str, Handler] = {
    "+CIMI": _subscriber_identity,
    "+CPIN": _pin,
    "+CLCK": _facility_lock,
}

REMAINING_TRIES: dict[str, Handler] = {"+CPINR": _remaining_tries}
"""TS 27.007 §8.65, which only the generic personality has."""
