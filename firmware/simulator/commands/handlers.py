"""Ready-made handlers: fixed answers, kept settings, refusals."""

from __future__ import annotations

from firmware.simulator.modem.commandline import Command, Kind
from firmware.simulator.modem.personality import ERROR, OK, CmeError, Handler, Modem, Reply


def fixed(*lines: str) -> Handler:
    """A command that always answers the same lines and OK, in every form but the test."""

    def handler(_modem: Modem, command: Command) -> Reply:
        return OK if command.kind is Kind.TEST else Reply(lines=lines)

    return handler


def stored(name: str, *, test: str = "") -> Handler:
    """A setting: SET keeps the text, READ shows it, TEST shows the range."""

    def handler(modem: Modem, command: Command) -> Reply:
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


def refused(_modem: Modem, _command: Command) -> Reply:
    """A command that the modem knows and does not take."""
    return ERROR


def whole_number(text: str, low: int, high: int) -> int:
    """Read a parameter; raises CME 50 outside *low* to *high*."""
    if not text.isdigit() or not low <= int(text) <= high:
        raise CmeError(50)
    return int(text)


def settings(*names: str) -> dict[str, Handler]:
    """Handlers that only keep what they are told."""
    return {name: stored(name) for name in names}
