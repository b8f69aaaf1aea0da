"""What the supervisor does about what it sees: a function of (state, fact, time). Pure.

All times are real monotonic seconds, which every process of the machine reads alike. The shell
(:mod:`firmware.supervisor.process`) performs the actions in their order. Facts and actions are
named tuples: the dataclasses module alone would cost a tenth of the memory that the supervisor has.

The order of things after a press: the box is told at once and hangs up by its own path. Where it
has not confirmed within :data:`NUDGE_SECONDS` that the hang-up is with the kernel, the supervisor
writes the hang-up to the ports as well, beside the box. After :data:`CONFIRM_SECONDS` it ends the
box, takes the ports and proves the silence.
"""

from __future__ import annotations

from typing import NamedTuple

NUDGE_SECONDS = 0.04
CONFIRM_SECONDS = 0.1
"""After the press, within which the box has to say that every line was told to hang up."""
STOPPED_CALL_SECONDS = 20.0
"""After a stop no call may stay longer: the box's own ladder of hang-ups takes as long."""
SAFE_MODE = 0
"""In place of a fault's number: the box could not start."""
STORAGE = 1
"""The number of the fault that the supervisor can see by itself."""
DEATH_SECONDS = 0.3
"""A process that was killed and does not end keeps its ports no longer than this."""


# --- facts -------------------------------------------------------------------------------------


class Pressed(NamedTuple):
    """The stop was raised: ``button``, ``wire``, ``contacts`` (they disagree) or ``command``.

    ``began`` is when the contact opened, where that is known.
    """

    source: str
    began: float | None = None


class Released(NamedTuple):
    """The contact is closed again."""


class Connected(NamedTuple):
    """A box has said who it is; from here on it is watched."""

    pid: int
    deadline: float
    """Seconds of silence that it may take."""


class Beat(NamedTuple):
    """The box's decision loop is alive. ``calls`` maps each call to when it must have ended."""

    deadline: float
    calls: dict[str, float]


class Silenced(NamedTuple):
    """The box has handed the hang-up of every line to the kernel and muted their voices."""


class Recorded(NamedTuple):
    """The box has the stop in its ledger, on disk."""


class Told(NamedTuple):
    """The box's fault lamp shows ``code``: None for none, :data:`SAFE_MODE` for safe mode."""

    code: int | None


class Kept(NamedTuple):
    """A note of ours was written to the disk, or (``well`` is False) could not be."""

    well: bool


class Farewell(NamedTuple):
    """The box ends in order: no call is up, its ports are closed."""


class Gone(NamedTuple):
    """The box's process has ended."""


class Detached(NamedTuple):
    """The box has closed its connection, and its process lives."""


class Proven(NamedTuple):
    """Every line's call list is empty."""


class Unproven(NamedTuple):
    """The modem of ``line`` still lists a call, or cannot be reached."""

    line: str


class Tick(NamedTuple):
    """Time has passed."""


Fact = (
    Pressed
    | Released
    | Connected
    | Beat
    | Silenced
    | Recorded
    | Told
    | Kept
    | Farewell
    | Gone
    | Detached
    | Proven
    | Unproven
    | Tick
)


# --- actions -----------------------------------------------------------------------------------


class TellStop(NamedTuple):
    """Tell the box that the stop was raised."""

    source: str


class TellReleased(NamedTuple):
    pass


class Welcome(NamedTuple):
    """Tell the box that it is watched, and what it has to know: the contact, a standing latch."""

    open_now: bool
    latched: str | None


class WriteHangUp(NamedTuple):
    """Put the hang-up on every port now, beside whoever has it open."""


class TakePorts(NamedTuple):
    """Hang up on every port and prove the silence, until told to give them back."""


class GivePorts(NamedTuple):
    """Close every port, and let fault lamp and power pins go."""


class Kill(NamedTuple):
    why: str


class Latch(NamedTuple):
    """Keep on disk that a stop stands, for a box that starts."""

    source: str


class Unlatch(NamedTuple):
    """The box's ledger has the stop."""


class LightFault(NamedTuple):
    """Show the code (:attr:`Supervision.code`) on the fault lamp, until the ports are given."""


class CutPower(NamedTuple):
    """Switch off the supply of the line's modem (every line's for None) where that is wired."""

    line: str | None


Action = (
    TellStop
    | TellReleased
    | Welcome
    | WriteHangUp
    | TakePorts
    | GivePorts
    | Kill
    | Latch
    | Unlatch
    | LightFault
    | CutPower
)


class _Press:
    """A stop whose silence the box has not confirmed."""

    __slots__ = ("at", "nudged")

    def __init__(self, at: float) -> None:
        self.at = at
        self.nudged = False


class _Box:
    """The process that is watched."""

    __slots__ = ("calls", "deadline", "farewell", "heard_at", "killed_at", "press")

    def __init__(self, heard_at: float, deadline: float) -> None:
        self.heard_at = heard_at
        self.deadline = deadline
        self.calls: dict[str, float] = {}
        self.farewell = False
        self.killed_at: float | None = None
        self.press: _Press | None = None

    @property
    def is_over(self) -> bool:
        """It ends in order and has nothing that could be up: only its end is waited for."""
        return self.farewell and not self.calls and self.press is None


class Supervision:
    """See the module."""

    def __init__(self, *, latched: str | None = None) -> None:
        self.latched = latched
        """Source of a stop that no ledger has yet; None where there is none."""
        self.open_now = False
        """The contact is open."""
        self.taken = False
        """The ports are the supervisor's."""
        self._told: int | None = None
        self._unkept = False
        self._box: _Box | None = None

    @property
    def watching(self) -> bool:
        """A box is connected."""
        return self._box is not None

    @property
    def code(self) -> int | None:
        """The fault that stood when the box was last heard of, or that stands without it."""
        return STORAGE if self._unkept else self._told

    def wake_at(self) -> float | None:
        """When a :class:`Tick` can matter; None where only a fact can."""
        box = self._box
        if box is None:
            return None
        if box.killed_at is not None:
            return None if self.taken else box.killed_at + DEATH_SECONDS
        if box.is_over:
            return None
        times = [box.heard_at + box.deadline, *box.calls.values()]
        if box.press is not None:
            wait = CONFIRM_SECONDS if box.press.nudged else NUDGE_SECONDS
            times.append(box.press.at + wait)
        return min(times)

    def step(self, fact: Fact, now: float) -> list[Action]:
        """Take one fact; return what to do, in order."""
        match fact:
            case Pressed():
                actions = self._pressed(fact, now)
            case Released():
                self.open_now = False
                actions = [TellReleased()] if self._box else []
            case Connected():
                actions = self._connected(fact, now)
            case Beat():
                actions = self._beat(fact, now)
            case Silenced():
                if self._box is not None:
                    self._box.press = None
                actions = []
            case Recorded():
                actions = [Unlatch()] if self.latched is not None else []
                self.latched = None
            case Told(code=code):
                self._told = code
                actions = []
            case Kept(well=well):
                self._unkept = not well
                actions = []
            case Farewell():
                if self._box is not None:
                    self._box.farewell = True
                    self._box.calls = {}
                actions = []
            case Gone():
                actions = self._gone()
            case Detached():
                actions = self._kill("it closed its connection to the supervisor", now, quiet=True)
            case Unproven(line=line):
                actions = [CutPower(line)] if self.taken else []
            case Proven() | Tick():
                actions = []
        return actions + self._overdue(now)

    def _pressed(self, press: Pressed, now: float) -> list[Action]:
        if press.source != "command":
            self.open_now = True
        actions: list[Action] = []
        box = self._box
        if box is None or box.killed_at is not None:
            # Nobody else can: the hang-up goes first, the disk after it.
            actions += [WriteHangUp(), *self._take(), CutPower(None)]
        else:
            began = now if press.began is None else min(press.began, now)
            box.press = box.press or _Press(at=began)
            limit = now + STOPPED_CALL_SECONDS
            box.calls = {call: min(until, limit) for call, until in box.calls.items()}
            actions.append(TellStop(press.source))
        return actions + self._latch(press.source)

    def _connected(self, fact: Connected, now: float) -> list[Action]:
        self._box = _Box(heard_at=now, deadline=fact.deadline)
        self._told = None
        self.taken = False
        return [GivePorts(), Welcome(self.open_now, self.latched)]

    def _beat(self, beat: Beat, now: float) -> list[Action]:
        box = self._box
        if box is None or box.killed_at is not None:
            return []
        box.heard_at, box.deadline = now, beat.deadline
        # A stop has shortened what it found: the box may not lengthen it again.
        box.calls = {
            call: min(until, box.calls.get(call, until)) for call, until in beat.calls.items()
        }
        return []

    def _gone(self) -> list[Action]:
        box, self._box = self._box, None
        if box is None:
            return []
        pressed = box.press is not None
        if box.farewell and not pressed:
            return [LightFault()]
        actions: list[Action] = [WriteHangUp(), *self._take()]
        if pressed:
            actions.append(CutPower(None))
        if box.calls or pressed:
            actions += self._latch("supervisor")
        return actions

    def _overdue(self, now: float) -> list[Action]:
        box = self._box
        if box is None:
            return []
        if box.killed_at is not None:
            late = not self.taken and now >= box.killed_at + DEATH_SECONDS
            return self._take() if late else []
        press = box.press
        if press is not None:
            if now >= press.at + CONFIRM_SECONDS:
                return self._kill("it did not confirm the stop", now)
            if now >= press.at + NUDGE_SECONDS and not press.nudged:
                press.nudged = True
                return [WriteHangUp()]
        if now >= box.heard_at + box.deadline:
            return self._kill(f"its decisions stood still for {now - box.heard_at:.1f} s", now)
        if any(now >= until for until in box.calls.values()):
            return self._kill("a call outlived its longest length", now)
        return []

    def _kill(self, why: str, now: float, *, quiet: bool = False) -> list[Action]:
        """End the box. *quiet*: nothing is latched where no call was up."""
        box = self._box
        if box is None or box.killed_at is not None:
            return []
        if box.is_over:
            return []
        box.killed_at = now
        latch = not quiet or bool(box.calls) or box.press is not None
        # Dead processes let ports go; the hang-up does not wait even for that.
        actions: list[Action] = [Kill(why), WriteHangUp(), LightFault()]
        return actions + (self._latch("supervisor") if latch else [])

    def _take(self) -> list[Action]:
        self.taken = True
        return [TakePorts(), LightFault()]

    def _latch(self, source: str) -> list[Action]:
        if self.latched is not None:
            return []
        self.latched = source
        return [Latch(source)]
