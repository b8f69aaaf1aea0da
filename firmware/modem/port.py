"""Opening a modem's serial port, and saying why one cannot be used."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import serial

from firmware.errors import PortUnusable
from firmware.modem import port_users
from firmware.terminal import Hearing, open_without_lines, refuses_lines
from firmware.wording import reason_of, worded

READ_SECONDS = 0.5
"""How long one read blocks; only handlers without cancel_read need it to end at all."""
WRITE_SECONDS = 1.0
"""A port that takes no byte for so long is dead (flow control without a modem behind it)."""
_REPLUG = worded("unplug the modem and plug it in again; dmesg tells what the kernel made of it")


def open_port(name: str, baudrate: int, *, rtscts: bool, hears_before: bool = False) -> Any:
    """Open a path or a URL that pyserial takes, for us alone. Raises :class:`PortUnusable`.

    *hears_before*: what lies there unread is read, on a path. Only where whoever reads can tell old
    answers from new ones.
    """
    settings: dict[str, Any] = {
        "baudrate": baudrate,
        "rtscts": rtscts,
        "timeout": READ_SECONDS,
        "write_timeout": WRITE_SECONDS,
        "exclusive": True,
    }
    try:
        port: Any = serial.serial_for_url(name, do_not_open=True, **settings)
        if hears_before and type(port) is serial.Serial:
            port = Hearing(None, **settings)
            port.port = name
        try:
            port.open()
        except OSError as error:
            if not refuses_lines(name, error):
                raise
            port = open_without_lines(name, **settings)
    # Handlers raise OSError, ValueError, termios.error and more; each means the same here.
    except Exception as error:
        raise _unusable(name, error) from error
    if name.startswith("/dev/"):
        # ModemManager does not lock its ports, and its probes would mix with ours.
        for holder in port_users.holders(name):
            if holder.name == port_users.MODEM_MANAGER:
                port.close()
                raise PortUnusable(
                    worded(
                        "{name} is held by {holder} (pid {pid})",
                        name=name,
                        holder=holder.name,
                        pid=holder.pid,
                    ),
                    remedy=port_users.MODEM_MANAGER_REMEDY,
                )
    return port


def _told(code: int | None, error: Exception) -> str:
    return reason_of(OSError(code, os.strerror(code))) if code else str(error)


def _is_character_device(path: str) -> bool:
    try:
        return Path(path).is_char_device()
    except OSError:
        # Not even that may be asked; the reason of the failed open says more.
        return True


def _unusable(name: str, error: Exception) -> PortUnusable:
    code = getattr(error, "errno", None)
    if code is None and isinstance(error.__context__, OSError):
        code = error.__context__.errno
    path = "" if "://" in name else name
    if not path:
        return PortUnusable(
            worded(
                "{name} cannot be opened ({strerror})",
                name=name,
                strerror=_told(code, error),
            ),
            remedy=worded("correct the address, or start what should answer there"),
        )
    if not os.path.lexists(path):
        return PortUnusable(
            worded("{name} does not exist", name=name),
            remedy=worded("plug the modem in, or correct the port of the line"),
        )
    held = _told(code, error)
    # termios.error is no OSError; pyserial wraps it.
    not_a_terminal = errno.ENOTTY in (code, *getattr(error.__context__, "args", ())[:1])
    if not_a_terminal or (code != errno.EACCES and not _is_character_device(path)):
        return PortUnusable(
            worded("{name} is not a serial port", name=name),
            remedy=worded("correct the port of the line"),
        )
    who, remedy = port_users.explain(path)
    if who:
        return PortUnusable(
            worded(
                "{name} cannot be opened ({held}); held by {who}", name=name, held=held, who=who
            ),
            remedy=remedy,
        )
    if code in (errno.EAGAIN, errno.EBUSY):
        remedy = worded("another program has locked it; find it with: sudo fuser -v ") + path
    if code == errno.EACCES:
        remedy = worded(
            "add the box's user to the group of the port: sudo usermod -aG dialout USER"
        )
    return PortUnusable(
        worded("{name} cannot be opened ({held})", name=name, held=held), remedy=remedy or _REPLUG
    )
