"""What a line does while it is down, how long it waits, and what the log says of it."""

from __future__ import annotations

import logging
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.call.inbox import Attention, Closing, Emergency, Item, LinkDown, Ordered
from firmware.clock import Clock, SystemClock
from firmware.errors import CommandTimeout, FirmwareError, LinkLost
from firmware.events import Ended, Event, LineFault, LineReady
from firmware.families import FAMILIES
from firmware.faults import Fault, LineDown
from firmware.line.ladder import Ladder
from firmware.line.log_throttle import FIRST_AGAIN, LONGEST, Repeats
from firmware.line.out_of_service import Downtime
from firmware.line.recovery import URGENT_EVERY, LineRecovery, PowerSwitch
from firmware.line.status import LineStatus
from firmware.orders import Dial
from tests.support.line_context import line_context

HOUR = 3600.0
IDENTITY = {"family": FAMILIES["sim7600"], "model": "m", "imei": None, "iccid": None}


class Time(Clock):
    """Moves only where the line waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.looks = 0

    def monotonic(self) -> float:
        return self.seconds

    def real(self, box_seconds: float) -> float:
        self.looks += 1
        assert self.looks < 20_000, "the line waits for nothing, again and again"
        self.seconds += max(box_seconds, 0.0)
        return 0.0


class Down:
    """A line that is tried again and again."""

    def __init__(self) -> None:
        self.time = Time()
        self.posted: list[Event] = []
        line = line_context(post=self.posted.append, clock=self.time)
        status = LineStatus(line)
        status.identity = cast(Any, SimpleNamespace(**IDENTITY))
        status.path = cast(Any, SimpleNamespace(kind="none", hears=False))
        self.recovery = LineRecovery(
            line=line, status=status, downtime=Downtime(line=line), power=None
        )

    def fail(self, seconds: float, fault: Fault = Fault.PORT_MISSING) -> int:
        """Fail for so long; return how often."""
        until, tries = self.time.seconds + seconds, 0
        while self.time.seconds < until:
            self.recovery.recover(LineDown(fault, f"try {tries}", answering=False))
            tries += 1
        return tries


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_line_that_stays_down_is_logged_at_growing_intervals(
    log: pytest.LogCaptureFixture,
) -> None:
    down = Down()
    assert down.fail(24 * HOUR) > 1000
    assert 5 <= len(log.messages) <= 10
    (fault,) = down.posted
    assert isinstance(fault, LineFault)


def test_another_fault_and_the_return_are_logged_at_once(log: pytest.LogCaptureFixture) -> None:
    down = Down()
    down.fail(60)
    down.fail(60, Fault.PORT_UNUSABLE)
    assert len(log.messages) == 2
    down.recovery.announce()
    down.recovery.announce()
    assert log.messages[2:] == ["line in service again"]
    down.fail(60)
    assert len(log.messages) == 4


def test_what_never_failed_says_nothing_when_it_is_in_service(
    log: pytest.LogCaptureFixture,
) -> None:
    Down().recovery.announce()
    assert log.messages == []


def test_the_same_is_told_after_twice_the_time_up_to_a_day() -> None:
    repeats = Repeats()
    told = [60 * n for n in range(60 * 24 * 10) if repeats.due("x", 60.0 * n)]
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert gaps[:3] == [FIRST_AGAIN, 2 * FIRST_AGAIN, 4 * FIRST_AGAIN]
    assert gaps[-1] == LONGEST


class Waits(Down):
    """A line whose waits are written down."""

    def __init__(self, *, power: PowerSwitch | None = None) -> None:
        super().__init__()
        self.waited: list[float] = []
        self.longest = float("inf")
        """A wait that something ends is no longer than this."""
        self.recovery.power = power
        self.recovery._ladder = Ladder(power_switch=power is not None)
        self.recovery.downtime = cast(Any, SimpleNamespace(idle=self.idle))

    def idle(self, seconds: float) -> None:
        self.waited.append(seconds)
        assert len(self.waited) < 100, "the line waits for nothing, again and again"
        self.time.seconds += min(seconds, self.longest)

    def went(self, fault: Fault = Fault.NO_REPLY, **how: bool) -> list[float]:
        """Go down once; return the waits of it."""
        self.waited.clear()
        self.recovery.recover(LineDown(fault, "because", **how))
        return list(self.waited)

    def told(self) -> list[tuple[str, bool]]:
        return [(e.fault, e.final) for e in self.posted if isinstance(e, LineFault)]


class Power:
    """A power switch that may fail."""

    def __init__(self, *failing: str) -> None:
        self.done: list[str] = []
        self.failing = failing

    def off(self) -> None:
        self.switch("off")

    def on(self) -> None:
        self.switch("on")

    def switch(self, way: str) -> None:
        self.done.append(way)
        if way in self.failing:
            raise FirmwareError("no such pin")


def test_each_failure_waits_as_its_rung_says_and_is_told_once() -> None:
    down = Waits()
    assert [down.went() for _ in range(12)] == [
        [0.5], [1.0], [2.0], [5.0], [10.0], [20.0], [30.0], [30.0], [30.0], [30.0], [30.0], [60.0],
    ]  # fmt: skip
    # The last rung waits for a person; the fault is told again as a final one.
    assert down.told() == [(Fault.NO_REPLY, False), (Fault.NO_REPLY, True)]


def test_what_only_a_person_can_help_is_looked_at_once_a_minute() -> None:
    down = Waits()
    assert down.went(Fault.SIM_PUK, final=True) == [60.0]
    assert down.told() == [(Fault.SIM_PUK, True)]
    assert not down.recovery.reset_due


def test_a_reset_is_due_where_the_ladder_says_so() -> None:
    down = Waits()
    due = []
    for _ in range(8):
        down.went()
        due.append(down.recovery.reset_due)
        down.recovery.reset_due = False
    assert due == [False, False, False, True, False, False, False, True]


def test_a_module_that_must_be_reset_is_so_at_once_and_once() -> None:
    down = Waits()
    assert down.went(Fault.RESETTING) == []
    assert down.recovery.reset_due
    assert down.told() == [(Fault.RESETTING, False)]
    # It was not taken: from here on it is a failure like any other.
    assert down.went(Fault.RESETTING) == [0.5]
    down = Waits()
    assert down.went(Fault.RESETTING, answering=False) == [0.5]
    assert not down.recovery.reset_due


class Module:
    """A module that restarts before it answers, or after."""

    emergency_count = 0

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent: list[tuple[str, object]] = []

    def command(self, text: str, **options: object) -> Reply:
        self.sent.append((text, options.get("timeout")))
        if self.error is not None:
            raise self.error
        return Reply(final=Final(kind=FinalKind.OK, text="OK"))

    def emergency_hang_up(self) -> None: ...


@pytest.mark.parametrize("error", [None, CommandTimeout("none"), LinkLost("gone")])
def test_a_reset_waits_for_the_port_and_then_for_the_boot(error: Exception | None) -> None:
    down, module = Waits(), Module(error)
    family = FAMILIES["sim7600"]
    down.recovery.reset_due = True
    down.recovery.reset(module)
    assert module.sent == [(family.reset, 3.0)]
    assert not down.recovery.reset_due
    with pytest.raises(LineDown) as settled:
        down.recovery.settle()
    assert (settled.value.fault, settled.value.answering) == (Fault.RESETTING, False)
    assert down.waited == [2.0]
    # While it boots, failures are neither told nor counted, but for those that cannot wait.
    assert [down.went(Fault.PORT_MISSING, answering=False) for _ in range(3)] == [[1.0]] * 3
    assert down.told() == []
    down.time.seconds = family.timing.boot
    assert down.went(Fault.PORT_MISSING, answering=False) == [0.5]
    assert down.told() == [(Fault.PORT_MISSING, False)]


@pytest.mark.parametrize(
    ("fault", "how", "waits"),
    [
        (Fault.HANG_UP_UNCONFIRMED, {}, [0.5]),
        (Fault.SIM_PUK, {"final": True}, [60.0]),
        (Fault.NO_REPLY, {}, [1.0]),
    ],
)
def test_a_boot_excuses_no_call_that_is_up(
    fault: Fault, how: dict[str, bool], waits: list[float]
) -> None:
    down = Waits()
    down.recovery.reset(Module())
    assert down.went(fault, **how) == waits


def test_a_line_in_service_waits_for_no_boot_any_more() -> None:
    down = Waits()
    down.recovery.reset(Module())
    down.recovery.announce()
    assert isinstance(down.posted[-1], LineReady)
    assert down.went() == [0.5]


@pytest.mark.parametrize("failing", [(), ("off",), ("on",), ("off", "on")])
def test_power_is_cut_for_five_seconds_and_given_back_whatever_fails(
    failing: tuple[str, ...], log: pytest.LogCaptureFixture
) -> None:
    power = Power(*failing)
    down = Waits(power=power)
    assert down.went(Fault.HANG_UP_UNCONFIRMED) == [5.0, 0.5]
    assert power.done == ["off", "on"]
    assert down.recovery.status.power_cuts == 1
    assert sum("could not be switched" in line for line in log.messages) == len(failing)
    # The module boots now.
    assert down.went() == [1.0]


def test_a_minute_of_service_forgets_what_was_before() -> None:
    down = Waits()
    for _ in range(3):
        down.went()
    down.recovery.served(59.9)
    assert down.went() == [5.0]
    down.recovery.served(60.0)
    assert down.went() == [0.5]


# -- out of service ---------------------------------------------------------------------------


def dial(attempt: str) -> Ordered:
    order = Dial(line="one", attempt=attempt, number="+33639980001", greeting="g")
    return Ordered(order=order, emergencies=0)


def refused(posted: list[Event]) -> list[tuple[str, str]]:
    return [(e.attempt, e.evidence) for e in posted if isinstance(e, Ended)]


def test_a_line_waits_its_whole_time() -> None:
    line = line_context(clock=Time())
    Downtime(line=line).idle(10.0)
    assert line.now() == 10.0


class Steps(Time):
    """Lets one second pass for each look, so that a wait takes in several items."""

    def real(self, box_seconds: float) -> float:
        if box_seconds <= 0:
            return 0.0
        self.seconds += 1.0
        return 1e-6


def test_every_dial_is_answered_while_the_line_waits() -> None:
    posted: list[Event] = []
    line = line_context(post=posted.append, clock=Steps())
    line.inbox.put(dial("a"))
    line.inbox.put(dial("b"))
    Downtime(line=line).idle(3.0)
    said = "the line is not in service"
    assert refused(posted) == [("a", said), ("b", said)]
    assert line.now() == 3.0


def test_a_closing_line_waits_for_nothing() -> None:
    line = line_context(clock=Time())
    line.closing = True
    Downtime(line=line).idle(10.0)
    assert line.now() == 0.0
    with pytest.raises(LineDown) as down:
        Downtime(line=line).wait_boot(10.0)
    assert down.value.fault is Fault.OUT_OF_SERVICE


def test_a_boot_is_waited_for_in_a_line_that_stays() -> None:
    line = line_context(clock=Time())
    Downtime(line=line).wait_boot(10.0)
    assert line.now() == 10.0


@pytest.mark.parametrize("is_open", [True, False])
def test_a_port_that_is_lost_matters_while_it_is_open(is_open: bool) -> None:
    line = line_context(clock=Steps())
    line.modem = cast(Any, "a modem") if is_open else None
    line.inbox.put(LinkDown(reason="unplugged"))
    if is_open:
        with pytest.raises(LinkLost, match="unplugged"):
            Downtime(line=line).idle(5.0)
    else:
        Downtime(line=line).idle(5.0)
        assert line.now() == 5.0


def test_what_the_last_modem_said_is_forgotten_and_orders_are_not() -> None:
    line = line_context(clock=Time())
    items: tuple[Item, ...] = (
        dial("a"),
        LinkDown(reason="old"),
        Closing(),
        Emergency(),
        Attention(),
        dial("b"),
    )
    for one in items:
        line.inbox.put(one)
    Downtime(line=line).drop_stale()
    kept = []
    while (item := line.inbox.get(0.0)) is not None:
        kept.append(item)
    assert kept == [dial("a"), Closing(), dial("b")]


def test_a_closed_line_refuses_what_was_still_ordered() -> None:
    posted: list[Event] = []
    line = line_context(post=posted.append, clock=Time())
    for item in (dial("a"), Attention(), dial("b")):
        line.inbox.put(item)
    Downtime(line=line).refuse_waiting()
    assert refused(posted) == [("a", "the line is closed"), ("b", "the line is closed")]


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("why", ["call", "stop"])
def test_a_modem_in_which_a_call_may_be_up_is_looked_for_twice_a_second(
    why: str, final: bool
) -> None:
    down = Down()
    down.fail(300.0)
    line = down.recovery.line
    if why == "call":
        line.call_doubtful = True
    elif why == "stop":
        line.emergencies += 1
    before = down.time.seconds
    down.recovery.recover(LineDown(Fault.PORT_MISSING, "gone", answering=False, final=final))
    assert URGENT_EVERY == 0.5
    assert down.time.seconds - before <= URGENT_EVERY + 0.01

    # Once it is back in service nothing can be up, and the back-off is what it was.
    down.recovery.announce()
    assert not down.recovery.urgent


def test_a_stop_ends_the_wait_that_is_under_way() -> None:
    line = line_context(post=lambda _: None, clock=SystemClock())
    line.inbox.put(Emergency())
    began = time.monotonic()
    Downtime(line=line).idle(20.0)
    assert time.monotonic() - began < 10.0


def test_what_lasts_long_without_a_call_keeps_its_pauses() -> None:
    down = Down()
    assert down.fail(600.0) < 40


@pytest.mark.parametrize("wired", [True, False])
def test_a_line_knows_whether_its_supply_is_wired(wired: bool) -> None:
    power = Power()
    down = Down()
    recovery = LineRecovery(
        line=down.recovery.line,
        status=down.recovery.status,
        downtime=down.recovery.downtime,
        power=power if wired else None,
    )
    assert not recovery.reset_due
    recovery.recover(LineDown(Fault.HANG_UP_UNCONFIRMED, "it goes on"))
    assert power.done == (["off", "on"] if wired else [])
    assert recovery.reset_due is not wired


def test_a_wait_that_something_ends_leaves_the_supply_off_for_its_time() -> None:
    power = Power()
    down = Waits(power=power)
    down.longest = 4.5
    assert down.went(Fault.HANG_UP_UNCONFIRMED) == [5.0, 0.5, 0.5]
    assert power.done == ["off", "on"]


def test_a_line_that_is_closed_gives_the_supply_back_at_once() -> None:
    power = Power()
    down = Waits(power=power)
    down.recovery.line.closing = True
    assert down.went(Fault.HANG_UP_UNCONFIRMED) == [0.5]
    assert power.done == ["off", "on"]


def test_what_is_looked_through_is_not_waited_for() -> None:
    line = line_context(clock=Time())
    asked: list[float] = []

    def get(timeout: float) -> None:
        asked.append(timeout)

    line.inbox.get = get  # type: ignore[method-assign,assignment]
    Downtime(line=line).drop_stale()
    Downtime(line=line).refuse_waiting()
    assert asked == [0.0, 0.0]


def test_the_times_of_a_recovery() -> None:
    assert (FIRST_AGAIN, LONGEST) == (300.0, 86_400.0)
    line_down = LineDown(Fault.NO_REPLY, "because")
    assert line_down.answering
