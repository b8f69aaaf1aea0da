"""Errors of the wire. Fields carry the facts; the docstring says what the error means."""

from __future__ import annotations


class ErrorWithRemedy(Exception):
    """Base of everything that the box raises on purpose and a person may read.

    ``remedy`` is what a technician should do about it, in one sentence; it may be empty where
    the caller handles the error itself.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class FirmwareError(ErrorWithRemedy):
    """Base of everything that this package raises on purpose."""


class PortUnusable(FirmwareError):
    """The port does not exist, may not be opened, or belongs to another program."""


class LinkLost(FirmwareError):
    """The port vanished or died (USB unplugged, module reset, write blocked)."""


class CommandTimeout(FirmwareError):
    """The modem gave no final result in time; the exchange resynchronises before the next command.

    ``lines`` is what came of the answer: some modems never end one (Wavecom's AT+CPIN?).
    """

    def __init__(self, message: str, *, lines: tuple[str, ...] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.lines = lines


class CommandAborted(FirmwareError):
    """The emergency path threw this command out so that the hang-up could go first."""


class CommandRefused(FirmwareError):
    """The modem answered with an error result; ``result`` holds its text."""

    def __init__(self, message: str, *, result: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.result = result


class ClipUnusable(FirmwareError):
    """A clip is missing, is not a WAV file, or is not 8 kHz 16-bit mono PCM with sound in it."""
