"""A port opens where its control lines are refused, and only there."""

from __future__ import annotations

import errno
import fcntl
import os
import termios
import tty
from collections.abc import Iterator
from typing import Any

import pytest
import serial

from firmware.errors import PortUnusable
from firmware.modem.port import open_port
from firmware.voice.serial_port import _open_port

pytestmark = pytest.mark.pty

LINES = (termios.TIOCMBIS, termios.TIOCMBIC, termios.TIOCMSET)


@pytest.fixture
def terminal() -> Iterator[str]:
    ours, theirs = os.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    asked: list[int] = []
    real = fcntl.ioctl

    def ioctl(fd: int, request: int, *rest: Any) -> Any:
        if request in LINES:
            asked.append(request)
            raise OSError(number, os.strerror(number))
        return real(fd, request, *rest)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return asked


OPENERS = (
    lambda name: open_port(name, 115200, rtscts=False),
    lambda name: open_port(name, 115200, rtscts=False, hears_before=True),
    _open_port,
)


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize(
    "number",
    [
        errno.EPIPE,
        errno.EPROTO,
        errno.ETIMEDOUT,
        errno.EOPNOTSUPP,
        errno.ENOTTY,
        errno.EINVAL,
    ],
)
def test_a_device_without_control_lines_opens_and_speaks(
    terminal: str, monkeypatch: pytest.MonkeyPatch, opener: Any, number: int
) -> None:
    asked = refuse(monkeypatch, number)
    port: serial.Serial = opener(terminal)
    assert asked, "nothing asked for the control lines: the test refuses nothing"
    assert port.is_open
    assert port.write(b"AT\r") == 3
    port.close()


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO])
def test_a_device_that_is_gone_does_not_open(
    terminal: str, monkeypatch: pytest.MonkeyPatch, opener: Any, number: int
) -> None:
    refuse(monkeypatch, number)
    with pytest.raises(PortUnusable) as caught:
        opener(terminal)
    assert caught.value.remedy


@pytest.mark.parametrize("hears", [True, False])
def test_what_was_said_before_is_heard_where_old_is_told_from_new(hears: bool) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.write(ours, b"\r\n+CMT: ,23\r\n0691\r\n")
    port = open_port(os.ttyname(theirs), 115200, rtscts=False, hears_before=hears)
    try:
        os.write(ours, b"OK")
        heard = port.read(64)
    finally:
        port.close()
        os.close(ours)
        os.close(theirs)
    assert heard == (b"\r\n+CMT: ,23\r\n0691\r\nOK" if hears else b"OK")
