"""What the supervisor has to know of a box, kept so that it knows it before the box is up.

The box tells it at every start; the supervisor keeps the last one in ``plan.json``, because a box
whose configuration is broken tells nothing and still has modems. Beside it lies ``latch``: a stop
that no ledger has yet. The latch's file has its full size from the first start on and is written
in place, so that a full card takes it too.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from firmware.durable import replace_file
from firmware.json_text import parse_json

FOLDER = "supervisor"
"""Below the state directory."""
PLAN = "plan.json"
LATCH = "latch"
LATCH_BYTES = 512
"""One sector: it is old or new after a power cut."""
_FREE = b"released\n"
_HANG_UP = re.compile(r"AT[+^*]?[A-Z]{1,12}")


class PlannedLine(NamedTuple):
    """One modem, as far as a hang-up needs it."""

    name: str
    port: str
    """A device path, or a URL that pyserial takes; empty where it is not known yet."""
    emergency_port: str | None = None
    baudrate: int = 115200
    rtscts: bool = False
    hang_up: tuple[str, ...] = ("AT+CHUP", "ATH")
    """The family's commands, gentlest first."""
    power_pin: int | None = None
    power_cuts_high: bool = True

    @property
    def devices(self) -> tuple[str, ...]:
        """Every way to the modem, the spare port first: nothing is under way on it."""
        return tuple(port for port in (self.emergency_port, self.port) if port)


class Plan(NamedTuple):
    """The box's modems and what the supervisor owns of its panel. Pins are BCM numbers."""

    lines: tuple[PlannedLine, ...] = ()
    stop_pin: int | None = None
    stop_second_pin: int | None = None
    stop_second_opens: bool = False
    """The second contact is normally open: it closes when the button is pressed."""
    fault_pin: int | None = None
    panel: dict[str, int | None] | None = None
    """The panel's other pins by name, for a box that cannot read its configuration any more."""
    simulated: bool = False
    """No pins here: the contact is a pipe and lamps are files, in the supervisor's run folder."""

    @property
    def channels(self) -> int:
        if self.stop_pin is None:
            return 0
        return 1 if self.stop_second_pin is None else 2


def as_json(plan: Plan) -> dict[str, Any]:
    return plan._asdict() | {"lines": [line._asdict() for line in plan.lines]}


def from_json(data: Any) -> Plan:
    """Read a plan. Raises ValueError where it is none; nothing unfit reaches a port."""
    try:
        lines = tuple(
            PlannedLine(**{**line, "hang_up": tuple(line["hang_up"])}) for line in data["lines"]
        )
        plan = Plan(**{**data, "lines": lines})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a plan: {error}") from error
    for line in plan.lines:
        if not line.hang_up or not all(_HANG_UP.fullmatch(text) for text in line.hang_up):
            raise ValueError(f"not the hang-up of a modem: {line.hang_up!r}")
    return plan


class Notes:
    """The supervisor's own files in the state directory. Every error is the caller's to log."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER

    def load_plan(self) -> Plan | None:
        """Return the last plan; None where there is none or it is damaged."""
        try:
            return from_json(parse_json((self._folder / PLAN).read_bytes()))
        except (OSError, ValueError):
            return None

    def save_plan(self, plan: Plan) -> None:
        """Keep *plan*, durable when this returns. Raises OSError."""
        replace_file(self._folder / PLAN, json.dumps(as_json(plan)).encode())

    def latched(self) -> str | None:
        """Return the source of a stop that stands, or None. A damaged file is a stop."""
        try:
            text = (self._folder / LATCH).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return "supervisor"
        if text.startswith(_FREE):
            return None
        source = text.split(b"\n", 1)[0].removeprefix(b"pressed ").decode("ascii", "replace")
        return source if source.isalpha() else "supervisor"

    def latch(self, source: str) -> None:
        """Note that a stop stands. Raises OSError."""
        self._write(b"pressed " + source.encode("ascii") + b"\n")

    def release(self) -> None:
        """Note that the ledger has it, and make room for the next one. Raises OSError."""
        self._write(_FREE)

    def _write(self, text: bytes) -> None:
        path, text = self._folder / LATCH, text.ljust(LATCH_BYTES, b"\n")
        if not path.exists():
            # Whole from its first moment: a box that starts then takes an empty one for a stop.
            replace_file(path, text)
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, text, 0)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
