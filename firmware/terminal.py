"""A serial device as a port of pyserial's, also where it refuses to move its control lines."""

from __future__ import annotations

import errno
from typing import Any

import serial

REFUSALS = frozenset({errno.EPIPE, errno.EPROTO, errno.ETIMEDOUT, errno.EOPNOTSUPP})
"""What a device answers that is there and takes no SET_CONTROL_LINE_STATE: a stalled request is
EPIPE, one that the host controller gave up EPROTO or ETIMEDOUT (Linux, usb/error-codes). One that
is gone answers EIO or ENODEV."""


class Terminal(serial.Serial):
    """A port that opens without DTR and RTS where the device refuses them.

    A CDC-ACM modem need not support them (USB CDC PSTN 1.2, 5.3.2), and AT commands need neither;
    pyserial passes over EINVAL and ENOTTY alone and gives the port up otherwise.
    """

    def _update_dtr_state(self) -> None:
        try:
            super()._update_dtr_state()  # type: ignore[misc]  # not in its stubs
        except OSError as error:
            if error.errno not in REFUSALS:
                raise

    def _update_rts_state(self) -> None:
        try:
            super()._update_rts_state()  # type: ignore[misc]  # not in its stubs
        except OSError as error:
            if error.errno not in REFUSALS:
                raise


class Hearing(Terminal):
    """A port that keeps what was said before it was opened: pyserial throws it away.

    A modem that hands a message over inline (``+CMT``) while the box starts does not say it again.
    """

    def _reset_input_buffer(self) -> None:
        pass


def refuses_lines(name: str, error: OSError) -> bool:
    """Return whether the device *name* is there and only its control lines are not."""
    return name.startswith("/") and error.errno in REFUSALS


def open_without_lines(name: str, **settings: Any) -> Terminal:
    """Open a device path whatever it answers about its control lines. Raises as pyserial does."""
    return Terminal(name, **settings)
