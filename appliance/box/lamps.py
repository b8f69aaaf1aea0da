"""What the lamps say: one table from the state of the box to patterns. Pure.

A technician in a corridor reads four lamps before anything else, so each pattern means one
thing, and the fault lamp counts out what to do. Where several faults stand, the gravest is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique
from typing import Literal

from appliance.language import marked, worded
from firmware.gpio.lamp import Blink, Flashes, Lamp, Pattern, describe
from firmware.supervisor.pins import DOWN_FLASHES


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxFacts:
    """Everything that the lamps depend on, as the decision loop knows it."""

    lines: int = 0
    """Configured lines."""
    lines_ready: int = 0
    """Lines that could dial or are in a call."""
    lines_out: int = 0
    """Lines that only a person can bring back (SIM, wiring)."""
    dialling: int = 0
    """Calls on their way, not answered."""
    talking: int = 0
    """Calls that were answered."""
    paused: bool = False
    """Paused, or not started yet."""
    awaiting_press: bool = False
    """Attended mode: the next call needs a press of the start button."""
    done: bool = False
    """Nobody is left to call."""
    stopped: bool = False
    """The emergency stop is latched."""
    clock_trusted: bool = True
    storage_ok: bool = True
    state_ok: bool = True
    """False while a person must look at what was lost or restored."""
    law_refuses: bool = False
    """A rule forbids every call of this box (the numbering gate), not only calls at this hour."""
    panel_ok: bool = True
    host_ok: bool = True
    """False while the computer's supply is too weak to call with."""
    safe_mode: bool = False
    """The box has not started: nothing else is known of it."""
    audio_ok: bool = True
    """False once a call's voice path failed, until one worked."""
    provisioned: Literal["", "applied", "refused"] = ""
    """What came of a folder on a stick or boot partition, a short while ago."""
    unconfigured: bool = False
    """The box has no configuration yet: it waits for one, and nothing else is known of it."""
    updated: Literal["", "writing", "holds", "refused", "taken_back"] = ""
    """What becomes of an update from a stick, or became of it a short while ago."""
    fleet_barred: bool = False
    """The box belongs to a fleet that lets it call nobody: stopped, or not to be asked."""
    fleet_unheard: bool = False
    """Headquarters has not heard of an objection that this box knows of."""


@unique
class FaultCode(Enum):
    """Faults that the fault lamp counts out, gravest first: flashes, meaning, what to do."""

    STORAGE = (
        1,
        marked("ledger or registry cannot be written, or the storage is nearly full"),
        marked("free or replace the storage; `doctor` says which, and whether to restart the box"),
    )
    CLOCK = (
        2,
        marked("the box does not know what time it is"),
        marked(
            "autodialer clock says why and what to do; NTP or an RTC is enough; wait a few minutes"
        ),
    )
    LAW = (
        3,
        marked("the law profile forbids every call of this box"),
        marked(
            "`status` names the rule; usually the SIM's number: change it, or use attended mode"
        ),
    )
    LINE_OUT = (
        4,
        marked("a modem or SIM needs a person"),
        marked("`doctor` names the line and the reason (PIN, PUK, SIM missing, wiring)"),
    )
    NO_LINE = (
        5,
        marked("no line is ready, or the power supply is too weak to call"),
        marked(
            "wait two minutes; then check supply, antenna, SIM and USB; `doctor` names the reason"
        ),
    )
    AUDIO = (
        6,
        marked("callees did not hear the box"),
        marked("`doctor` names the line; `modem selftest` proves the voice path"),
    )
    PANEL = (
        7,
        marked("a button or lamp failed"),
        marked("check the panel's plug and wires; the stop is still watched"),
    )

    FLEET = (
        8,
        marked("headquarters cannot be asked, or has not heard of an objection"),
        marked("`status` says why: the link, the hub, this box's keys, or a stop by headquarters"),
    )
    STATE = (
        9,
        marked("the state was restored, or something in it is lost"),
        marked(
            "`doctor` says what is missing and what to do; `reset` with a name and a reason goes on"
        ),
    )
    PROVISIONING = (
        Flashes(1, long=1),
        marked("the folder on the stick was refused, or part of it not understood"),
        marked("RESULT.txt in the folder says why; the box goes on as before"),
    )
    UPDATE = (
        Flashes(3, long=1),
        marked("the update was refused, or taken back"),
        marked("UPDATE.txt beside it says why; the box goes on with the version that it had"),
    )

    def __init__(self, flashes: int | Flashes, meaning: str, remedy: str) -> None:
        self.pattern = flashes if isinstance(flashes, Flashes) else Flashes(flashes)
        self.meaning = meaning
        self.remedy = remedy


SAFE_MODE = marked("safe mode: the box could not start three times, and calls nobody")
SAFE_MODE_REMEDY = marked(
    "`doctor` or `status` says why; mend it, then press start, or switch the box off and on"
)

WAITING = marked("no configuration yet: the box waits for one")
WAITING_REMEDY = marked(
    "put the folder autodialer on the card's boot partition; README.txt there says how"
)
DATA_LOST = worded(
    "the card's data partition cannot be read, so that people and objections are not known"
)
DATA_LOST_REMEDY = worded(
    "switch off and on; if it stays, copy the card's partition data on another "
    "computer, and replace the card"
)

_STANDS: dict[FaultCode, Callable[[BoxFacts], bool]] = {
    FaultCode.STORAGE: lambda box: not box.storage_ok,
    FaultCode.CLOCK: lambda box: not box.clock_trusted,
    FaultCode.LAW: lambda box: box.law_refuses,
    FaultCode.LINE_OUT: lambda box: box.lines_out > 0,
    FaultCode.NO_LINE: lambda box: box.lines_ready == 0 or not box.host_ok,
    FaultCode.AUDIO: lambda box: not box.audio_ok,
    FaultCode.PANEL: lambda box: not box.panel_ok,
    FaultCode.FLEET: lambda box: box.fleet_barred or box.fleet_unheard,
    FaultCode.STATE: lambda box: not box.state_ok,
    FaultCode.PROVISIONING: lambda box: box.provisioned == "refused",
    FaultCode.UPDATE: lambda box: box.updated in ("refused", "taken_back"),
}


def faults(box: BoxFacts) -> tuple[FaultCode, ...]:
    """Return every fault that stands, gravest first."""
    return tuple(code for code in FaultCode if _STANDS[code](box))


def code_shown(box: BoxFacts) -> int | None:
    """Return the number that the fault lamp counts out, or would without the stop; None for none.

    The supervisor shows it when the box is gone. What came of a stick is no reason to be.
    """
    codes = (code.pattern for code in faults(box))
    return next((pattern.count for pattern in codes if not pattern.long), None)


def _blocked(box: BoxFacts) -> bool:
    return (
        not box.storage_ok
        or not box.state_ok
        or not box.host_ok
        or not box.clock_trusted
        or box.law_refuses
        or box.lines_ready == 0
        or box.fleet_barred
    )


@dataclass(frozen=True, slots=True)
class LampRow:
    """One line of the lamp table: when *holds* is true, *lamp* shows *pattern*."""

    lamp: Lamp
    pattern: Pattern
    meaning: str
    holds: Callable[[BoxFacts], bool]


LAMP_TABLE: tuple[LampRow, ...] = (
    LampRow(
        Lamp.READY, Blink.OFF, marked("stopped by the emergency stop"), lambda box: box.stopped
    ),
    LampRow(
        Lamp.READY,
        Flashes(3),
        marked("the folder on the stick was applied: take the stick out"),
        lambda box: box.provisioned == "applied",
    ),
    LampRow(
        Lamp.READY,
        Flashes(4),
        marked("a new version is being written; then the box restarts"),
        lambda box: box.updated == "writing",
    ),
    LampRow(
        Lamp.READY,
        Flashes(5),
        marked("the new version holds: take the stick out"),
        lambda box: box.updated == "holds",
    ),
    LampRow(Lamp.READY, Blink.OFF, marked("cannot call; the fault lamp says why"), _blocked),
    LampRow(Lamp.READY, Blink.SLOW, marked("paused; press start to go on"), lambda box: box.paused),
    LampRow(Lamp.READY, Flashes(2), marked("done: nobody is left to call"), lambda box: box.done),
    LampRow(
        Lamp.READY,
        Blink.FAST,
        marked("attended mode: press start for one call"),
        lambda box: box.awaiting_press,
    ),
    LampRow(
        Lamp.READY, Blink.ON, marked("at work: calls whenever the rules allow"), lambda _: True
    ),
    LampRow(Lamp.LINE, Blink.OFF, marked("no line is ready"), lambda box: box.lines_ready == 0),
    LampRow(
        Lamp.LINE,
        Blink.SLOW,
        marked("some lines are ready"),
        lambda box: box.lines_ready < box.lines,
    ),
    LampRow(Lamp.LINE, Blink.ON, marked("all lines are ready"), lambda _: True),
    LampRow(Lamp.CALL, Blink.ON, marked("a call is answered"), lambda box: box.talking > 0),
    LampRow(Lamp.CALL, Blink.FAST, marked("a phone is being rung"), lambda box: box.dialling > 0),
    LampRow(Lamp.CALL, Blink.OFF, marked("no call"), lambda _: True),
    LampRow(
        Lamp.FAULT,
        Blink.FAST,
        marked("emergency stop: release the button, then hold start for five seconds"),
        lambda box: box.stopped,
    ),
    LampRow(
        Lamp.FAULT,
        Blink.ON,
        marked("the box does not run; its supervisor watches the stop button"),
        # The supervisor lights it, where nobody evaluates this table.
        lambda _: False,
    ),
    LampRow(
        Lamp.FAULT,
        Flashes(0, long=DOWN_FLASHES),
        marked(
            "the box does not run: the short flashes after the long ones are the fault that stood; "
            "none: not even safe mode runs, call a technician"
        ),
        lambda _: False,
    ),
    LampRow(
        Lamp.FAULT,
        Blink.SLOW,
        f"{SAFE_MODE}: {SAFE_MODE_REMEDY}",
        lambda box: box.safe_mode,
    ),
    LampRow(
        Lamp.FAULT,
        Flashes(2, long=1),
        f"{WAITING}: {WAITING_REMEDY}",
        lambda box: box.unconfigured,
    ),
    *(
        LampRow(Lamp.FAULT, code.pattern, f"{code.meaning}: {code.remedy}", _STANDS[code])
        for code in FaultCode
    ),
    LampRow(Lamp.FAULT, Blink.OFF, marked("no fault"), lambda _: True),
)
"""For each lamp the first row that holds is shown."""


def card_rows() -> list[tuple[str, str, str, str]]:
    """Return lamp, pattern, meaning and remedy of each row, for a card that is printed."""
    whole = {f"{code.meaning}: {code.remedy}": (code.meaning, code.remedy) for code in FaultCode}
    whole[f"{SAFE_MODE}: {SAFE_MODE_REMEDY}"] = (SAFE_MODE, SAFE_MODE_REMEDY)
    whole[f"{WAITING}: {WAITING_REMEDY}"] = (WAITING, WAITING_REMEDY)
    return [
        (row.lamp.value, describe(row.pattern), *whole.get(row.meaning, (row.meaning, "")))
        for row in LAMP_TABLE
    ]


def lamps(box: BoxFacts) -> dict[Lamp, Pattern]:
    """Return what each lamp shows (the heartbeat is not a matter of facts)."""
    shown: dict[Lamp, Pattern] = {}
    for row in LAMP_TABLE:
        if row.lamp not in shown and row.holds(box):
            shown[row.lamp] = row.pattern
    return shown


def safe_mode_lamps() -> dict[Lamp, Pattern]:
    """Return what the lamps of a box in safe mode show."""
    return lamps(BoxFacts(safe_mode=True))


def waiting_lamps(*, refused: bool) -> dict[Lamp, Pattern]:
    """Return what the lamps of a box without configuration show; *refused*: it was brought one,
    which says more than that it has none."""
    shown = lamps(BoxFacts(unconfigured=True))
    return shown | ({Lamp.FAULT: FaultCode.PROVISIONING.pattern} if refused else {})
