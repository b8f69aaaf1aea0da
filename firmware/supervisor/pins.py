"""The supervisor's wires: the stop contact it reads, and the pins it drives when the box is gone.

On a bench without GPIO a pipe stands for the contact and small files stand for the pins, in the
supervisor's run folder, so that the whole of it works with real processes on a laptop.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from firmware.gpio import rhythm
from firmware.gpio.character_device import InputLines, OutputLine
from firmware.supervisor.contact import Seen
from firmware.supervisor.plan import Plan

CONTACT_PIPE = "contact"
"""Takes ``open`` and ``closed``, one a line, each followed by a monotonic time or by nothing."""


class Contact(Protocol):
    """The stop button's contacts. ``open`` is pressed, cut or unplugged."""

    descriptor: int
    """Readable while an edge waits."""

    def at_peace(self) -> bool:
        """Whether every contact is closed, as far as can be told; never raises."""

    def levels(self) -> tuple[bool, ...]:
        """Read which contacts are open now. Raises OSError."""

    def edges(self) -> list[Seen]:
        """Take the edges that have come since. Raises OSError."""

    def close(self) -> None: ...


class HeaderContact:
    """Contacts between pins and ground. Raises OSError."""

    def __init__(self, plan: Plan) -> None:
        assert plan.stop_pin is not None
        pins = [plan.stop_pin]
        # A contact that is normally closed reads low in peace and high when open.
        self._open_is_high = [True]
        if plan.stop_second_pin is not None:
            pins.append(plan.stop_second_pin)
            self._open_is_high.append(not plan.stop_second_opens)
        self._lines = InputLines(pins)
        self._peace = tuple(not open_is for open_is in self._open_is_high)
        self.descriptor = self._lines.descriptor

    def at_peace(self) -> bool:
        try:
            return self._lines.read() == self._peace
        except OSError:
            return False

    def edges(self) -> list[Seen]:
        return [
            Seen(channel, high is self._open_is_high[channel], at, edge=True)
            for channel, high, at in self._lines.edges()
        ]

    def levels(self) -> tuple[bool, ...]:
        levels = self._lines.read()
        return tuple(
            high is open_is for high, open_is in zip(levels, self._open_is_high, strict=True)
        )

    def close(self) -> None:
        self._lines.close()


class PipeContact:
    """The bench's contact: closed until a line on the pipe says otherwise. Raises OSError."""

    def __init__(self, path: Path, channels: int) -> None:
        self._open = [False] * channels
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        # Open for writing too, so that it never ends when a writer does.
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""
        self._seen: list[Seen] = []

    def at_peace(self) -> bool:
        return not any(self._open)

    def edges(self) -> list[Seen]:
        self._read()
        found, self._seen = self._seen, []
        return found

    def levels(self) -> tuple[bool, ...]:
        self._read()
        return tuple(self._open)

    def close(self) -> None:
        os.close(self.descriptor)

    def _read(self) -> None:
        try:
            data = self._rest + os.read(self.descriptor, 4096)
        except BlockingIOError:
            return
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            word, _, at = line.partition(b" ")
            is_open = word != b"closed"
            seen_at = float(at) if at else time.monotonic()
            for number in range(len(self._open)):
                self._open[number] = is_open
                self._seen.append(Seen(number, is_open, seen_at, edge=True))


def open_contact(plan: Plan, run: Path) -> Contact | None:
    """Take the plan's contact; None where it has none. Raises OSError."""
    if plan.stop_pin is None:
        return None
    if plan.simulated:
        return PipeContact(run / CONTACT_PIPE, plan.channels)
    return HeaderContact(plan)


class Outputs:
    """The pins that are driven while the box is gone: the fault lamp, and supplies that are cut."""

    def __init__(self, run: Path, *, simulated: bool, tell: Callable[[str], None]) -> None:
        self._run = run
        self._simulated = simulated
        self._tell = tell
        self._held: dict[int, OutputLine | None] = {}
        self._told: set[int] = set()

    def drive(self, pin: int, *, high: bool) -> bool:
        """Drive *pin* until :meth:`release`; one that cannot be had is told, once, and False."""
        try:
            if self._simulated:
                # By renaming: whoever looks at a pin sees a level, never an empty file.
                aside = self._run / f"pin-{pin}.new"
                aside.write_text("1" if high else "0", encoding="ascii")
                aside.replace(self._run / f"pin-{pin}")
                self._held[pin] = None
            elif (line := self._held.get(pin)) is not None:
                line.drive(high=high)
            else:
                self._held[pin] = OutputLine(pin, high=high)
        except OSError as error:
            # The box that was just killed may hold it for a moment yet.
            if pin not in self._told:
                self._told.add(pin)
                self._tell(f"pin {pin} cannot be driven: {error}")
            return False
        self._told.discard(pin)
        return True

    def release(self) -> None:
        for pin, line in self._held.items():
            if line is not None:
                line.close()
            else:
                (self._run / f"pin-{pin}").unlink(missing_ok=True)
        self._held.clear()


DOWN_FLASHES = 2
"""Long flashes before a code say that it is the supervisor that shows it."""
RETRY_PIN_SECONDS = 1.0


class FaultLamp:
    """The fault lamp while the box is gone: steady, or two long flashes and the fault's number."""

    def __init__(self) -> None:
        self._on = False
        self._shows: bool | None = None
        self.change_at: float | None = None
        """When :meth:`turn` is wanted next; None where nothing changes."""

    def light(self) -> None:
        """Show from the next turn on, until :meth:`release`."""
        if not self._on:
            self._on, self._shows, self.change_at = True, None, 0.0

    def release(self) -> None:
        """Leave the lamp to the box. The pin is given by :meth:`Outputs.release`."""
        self._on, self._shows, self.change_at = False, None, None

    def turn(self, now: float, pin: int | None, code: int | None, outputs: Outputs) -> None:
        """Let the lamp show *code* at *now*."""
        if not self._on or pin is None:
            self.change_at = None
            return
        shown = rhythm.STEADY if code is None else rhythm.code(code, DOWN_FLASHES)
        is_lit = rhythm.lit(shown, now)
        wait = rhythm.until_change(shown, now)
        if is_lit is not self._shows:
            if outputs.drive(pin, high=is_lit):
                self._shows = is_lit
            else:
                wait = min(wait, RETRY_PIN_SECONDS)
        self.change_at = None if math.isinf(wait) else now + wait
