"""GPIO lines straight from the kernel: the character device, without a library.

The supervisor must be up within a fraction of a second and small, and gpiozero alone costs 60 ms
and 11 MiB (gpiozero 2.0.1 on CPython 3.11); lgpio besides makes a pipe in the current directory.
What it needs is three requests of the kernel's own interface, version 2 (Linux 5.10 and later,
``linux/gpio.h``): request lines, read them, set them. Edges arrive on a descriptor, stamped by the
kernel with the monotonic clock that :func:`time.monotonic` reads.

Lines are BCM numbers: they are the offsets on the chip of the 40-pin header, on every Raspberry Pi.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from firmware.wording import worded

HEADER_CHIPS = ("pinctrl-rp1", "pinctrl-bcm2712", "pinctrl-bcm2711", "pinctrl-bcm2835")
"""Labels of the chip that drives the header: Pi 5, and the older ones."""

CHIP_INFO = struct.Struct("=32s32sI")
LINE_REQUEST = struct.Struct("=64I32sQI5I240sII5Ii")
"""offsets, consumer, config (flags, number of attributes, padding, ten attributes), number of
lines, event buffer, padding, descriptor."""
LINE_ATTRIBUTE = struct.Struct("=IIQQ")
LINE_VALUES = struct.Struct("=QQ")
LINE_EVENT = struct.Struct("=QIIII6I")


def _code(direction: int, number: int, size: int) -> int:
    """An ioctl number as asm-generic/ioctl.h composes it; GPIO's type is 0xB4."""
    return direction << 30 | size << 16 | 0xB4 << 8 | number


_READ, _READ_WRITE = 2, 3
GET_CHIPINFO = _code(_READ, 0x01, CHIP_INFO.size)
GET_LINE = _code(_READ_WRITE, 0x07, LINE_REQUEST.size)
GET_VALUES = _code(_READ_WRITE, 0x0E, LINE_VALUES.size)
SET_VALUES = _code(_READ_WRITE, 0x0F, LINE_VALUES.size)

INPUT, OUTPUT = 1 << 2, 1 << 3
EDGE_RISING, EDGE_FALLING = 1 << 4, 1 << 5
PULL_UP = 1 << 8
OUTPUT_VALUES = 2
RISING = 1
"""``id`` of an event whose level went up."""
_CONSUMER = b"autodialer-supervisor"
_EVENTS_AT_ONCE = 64


def header_chip(devices: str = "/dev") -> str:
    """Return the path of the chip that drives the 40-pin header. Raises OSError."""
    chips = sorted(str(chip) for chip in Path(devices).glob("gpiochip*"))
    for path in chips:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            answer = fcntl.ioctl(descriptor, GET_CHIPINFO, bytes(CHIP_INFO.size))
        finally:
            os.close(descriptor)
        label = CHIP_INFO.unpack(answer)[1].rstrip(b"\0").decode(errors="replace")
        if label in HEADER_CHIPS:
            return path
    raise OSError(
        worded(
            "no GPIO chip of a Raspberry Pi's header among {chips}",
            chips=chips or worded("no chips at all"),
        )
    )


def line_request(pins: Sequence[int], flags: int, values: Sequence[bool] = ()) -> bytes:
    """Return the kernel's request for *pins*; *values* are the first levels of outputs."""
    if not 1 <= len(pins) <= 64 or any(not 0 <= pin < 64 for pin in pins):
        raise ValueError(f"pins {list(pins)} cannot be requested")
    attributes = b""
    if values:
        bits = sum(1 << index for index, high in enumerate(values) if high)
        attributes = LINE_ATTRIBUTE.pack(OUTPUT_VALUES, 0, bits, (1 << len(pins)) - 1)
    offsets = [*pins, *(0 for _ in range(64 - len(pins)))]
    no_padding = (0, 0, 0, 0, 0)
    return LINE_REQUEST.pack(
        *offsets,
        _CONSUMER,
        flags,
        1 if values else 0,
        *no_padding,
        attributes.ljust(240, b"\0"),
        len(pins),
        _EVENTS_AT_ONCE,
        *no_padding,
        0,
    )


def _request(chip: str, pins: Sequence[int], flags: int, values: Sequence[bool] = ()) -> int:
    descriptor = os.open(chip, os.O_RDONLY | os.O_CLOEXEC)
    try:
        answer = fcntl.ioctl(descriptor, GET_LINE, line_request(pins, flags, values))
    finally:
        os.close(descriptor)
    line = int(LINE_REQUEST.unpack(answer)[-1])
    os.set_blocking(line, False)
    return line


class InputLines:
    """Contacts to ground with the pin's own pull-up, watched for both edges. Raises OSError."""

    def __init__(self, pins: Sequence[int], chip: str | None = None) -> None:
        self._pins = tuple(pins)
        flags = INPUT | EDGE_RISING | EDGE_FALLING | PULL_UP
        self.descriptor = _request(chip or header_chip(), self._pins, flags)
        """Readable while an edge waits."""

    def read(self) -> tuple[bool, ...]:
        """Return each pin's level: True is high. Raises OSError."""
        asked = LINE_VALUES.pack(0, (1 << len(self._pins)) - 1)
        bits = LINE_VALUES.unpack(fcntl.ioctl(self.descriptor, GET_VALUES, asked))[0]
        return tuple(bool(bits >> index & 1) for index in range(len(self._pins)))

    def edges(self) -> list[tuple[int, bool, float]]:
        """Return the edges that wait as (index of the pin, level went up, monotonic seconds)."""
        try:
            data = os.read(self.descriptor, LINE_EVENT.size * _EVENTS_AT_ONCE)
        except BlockingIOError:
            return []
        return [
            (self._pins.index(event[2]), event[1] == RISING, event[0] / 1e9)
            for event in LINE_EVENT.iter_unpack(data)
        ]

    def close(self) -> None:
        os.close(self.descriptor)


class OutputLine:
    """One driven pin. Its level lasts until :meth:`close`. Raises OSError."""

    def __init__(self, pin: int, *, high: bool, chip: str | None = None) -> None:
        self._descriptor = _request(chip or header_chip(), (pin,), OUTPUT, (high,))

    def drive(self, *, high: bool) -> None:
        """Set the level. Raises OSError."""
        fcntl.ioctl(self._descriptor, SET_VALUES, LINE_VALUES.pack(int(high), 1))

    def close(self) -> None:
        os.close(self._descriptor)
