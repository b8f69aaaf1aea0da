"""Whole supervisions: each fact, everything that is done about it, and when time matters next."""

from __future__ import annotations

import pytest

from firmware.supervisor import decisions as d
from firmware.supervisor.contact import Change, Seen, StopContact

TAKE: list[d.Action] = [d.TakePorts(), d.LightFault()]
BESIDE = d.WriteHangUp()
Step = tuple[float, d.Fact, list[d.Action], float | None]
"""When, what, what is done, and the next moment that matters."""

UP = {"line-1 a": 100.0}
START: list[Step] = [
    (0.0, d.Connected(7, 25.0), [d.GivePorts(), d.Welcome(False, None)], 25.0),
    (1.0, d.Beat(2.0, UP), [], 3.0),
]
IDLE: list[Step] = [*START[:1], (1.0, d.Beat(25.0, {}), [], 26.0)]
PRESS: Step = (
    2.0,
    d.Pressed("button", began=1.995),
    [d.TellStop("button"), d.Latch("button")],
    1.995 + 0.04,
)


def killed(why: str, *, latch: bool = True) -> list[d.Action]:
    return [d.Kill(why), BESIDE, d.LightFault(), *([d.Latch("supervisor")] if latch else [])]


STOOD_STILL = killed("its decisions stood still for 2.0 s")
OUTLIVED = killed("a call outlived its longest length")
DEAF = "it closed its connection to the supervisor"

SUPERVISIONS: dict[str, list[Step]] = {
    "nobody there": [
        (1.0, d.Tick(), [], None),
        (1.0, d.Released(), [], None),
        (1.0, d.Recorded(), [], None),
        (1.0, d.Silenced(), [], None),
        (1.0, d.Unproven("line-1"), [], None),
        (1.0, d.Gone(), [], None),
        (
            2.0,
            d.Pressed("wire"),
            [BESIDE, *TAKE, d.CutPower(None), d.Latch("wire")],
            None,
        ),
        # Pressed again: hung up on again, and kept once.
        (3.0, d.Pressed("button"), [BESIDE, *TAKE, d.CutPower(None)], None),
        (4.0, d.Unproven("line-1"), [d.CutPower("line-1")], None),
        (5.0, d.Proven(), [], None),
        (6.0, d.Connected(8, 25.0), [d.GivePorts(), d.Welcome(True, "wire")], 31.0),
        (7.0, d.Recorded(), [d.Unlatch()], 31.0),
        (8.0, d.Recorded(), [], 31.0),
        (9.0, d.Released(), [d.TellReleased()], 31.0),
    ],
    "a box that connects anew after a press, and is not asked what the one before was told": [
        *START,
        PRESS,
        (2.01, d.Connected(8, 25.0), [d.GivePorts(), d.Welcome(True, "button")], 27.01),
        (2.2, d.Tick(), [], 27.01),
    ],
    "a stop that goes well": [
        *START,
        PRESS,
        (2.01, d.Silenced(), [], 3.0),
        # The ladder has 20 s, whatever the box says of its call afterwards.
        (2.9, d.Beat(25.0, UP), [], 22.0),
        (3.0, d.Recorded(), [d.Unlatch()], 22.0),
        (21.9, d.Beat(25.0, UP), [], 22.0),
        (21.95, d.Beat(25.0, {}), [], 46.95),
        (22.0, d.Tick(), [], 46.95),
        (30.0, d.Released(), [d.TellReleased()], 46.95),
    ],
    "a call that outlives the stop": [
        *START,
        PRESS,
        (2.01, d.Silenced(), [], 3.0),
        (2.9, d.Beat(25.0, UP), [], 22.0),
        # The stop is latched already.
        (22.0, d.Tick(), OUTLIVED[:-1], 22.3),
    ],
    "a stop that nobody confirms": [
        *START,
        PRESS,
        (2.03, d.Tick(), [], 2.035),
        (2.0351, d.Tick(), [BESIDE], 2.095),
        # A second press does not put the end off.
        (2.05, d.Pressed("button"), [d.TellStop("button")], 2.095),
        (2.09, d.Beat(2.0, UP), [], 2.095),
        (2.0951, d.Tick(), killed("it did not confirm the stop", latch=False), 2.3951),
        (2.1, d.Beat(2.0, {}), [], 2.3951),
        (2.2, d.Tick(), [], 2.3951),
        (2.3952, d.Tick(), TAKE, None),
        (2.5, d.Tick(), [], None),
        (2.6, d.Gone(), [BESIDE, *TAKE, d.CutPower(None)], None),
        (9.0, d.Connected(8, 25.0), [d.GivePorts(), d.Welcome(True, "button")], 34.0),
        # It has begun anew: the old press is not its.
        (9.2, d.Tick(), [], 34.0),
    ],
    "a press without a beginning counts from when it is told": [
        *START,
        (2.0, d.Pressed("command"), [d.TellStop("command"), d.Latch("command")], 2.04),
        (2.04, d.Tick(), [BESIDE], 2.1),
        (2.1, d.Tick(), killed("it did not confirm the stop", latch=False), 2.4),
    ],
    "a press that begins in the future counts from now": [
        *START,
        (2.0, d.Pressed("button", 9.0), [d.TellStop("button"), d.Latch("button")], 2.04),
    ],
    "a press that is read a second late": [
        *START,
        (
            2.0,
            d.Pressed("button", 1.0),
            [
                d.TellStop("button"),
                d.Latch("button"),
                *killed("it did not confirm the stop", latch=False),
            ],
            2.3,
        ),
    ],
    "a box that dies while it is stopped": [
        *START,
        PRESS,
        (2.01, d.Gone(), [BESIDE, *TAKE, d.CutPower(None)], None),
    ],
    "a box that dies in a call": [
        *START,
        (1.5, d.Gone(), [BESIDE, *TAKE, d.Latch("supervisor")], None),
        (1.6, d.Unproven("line-1"), [d.CutPower("line-1")], None),
    ],
    "a box that dies between calls": [*IDLE, (1.5, d.Gone(), [BESIDE, *TAKE], None)],
    "a box whose loop stands still in a call": [
        *START,
        (2.99, d.Tick(), [], 3.0),
        (3.0, d.Tick(), STOOD_STILL, 3.3),
        (3.1, d.Detached(), [], 3.3),
        (3.2, d.Gone(), [BESIDE, *TAKE], None),
    ],
    "a box whose loop stands still between calls": [
        *IDLE,
        (25.9, d.Tick(), [], 26.0),
        (26.5, d.Tick(), killed("its decisions stood still for 25.5 s"), 26.8),
        (26.8, d.Tick(), TAKE, None),
    ],
    "a box that never beats": [
        START[0],
        (24.9, d.Tick(), [], 25.0),
        (25.0, d.Tick(), killed("its decisions stood still for 25.0 s"), 25.3),
    ],
    "a call that is longer than calls are": [
        *START,
        (2.5, d.Beat(200.0, UP), [], 100.0),
        (99.9, d.Tick(), [], 100.0),
        (100.0, d.Tick(), OUTLIVED, 100.3),
    ],
    "two calls": [
        *START,
        (2.0, d.Beat(500.0, {"line-1 a": 300.0, "line-2 b": 90.0}), [], 90.0),
        (3.0, d.Beat(500.0, {"line-1 a": 300.0}), [], 100.0),
        (4.0, d.Beat(500.0, {"line-1 a": 50.0}), [], 50.0),
        (5.0, d.Beat(500.0, {"line-1 c": 400.0}), [], 400.0),
    ],
    "deaf in a call": [*START, (1.5, d.Detached(), killed(DEAF), 1.8)],
    "deaf between calls": [*IDLE, (1.5, d.Detached(), killed(DEAF, latch=False), 1.8)],
    "deaf while it is stopped": [
        *IDLE,
        PRESS,
        (2.01, d.Detached(), killed(DEAF, latch=False), 2.31),
    ],
    "ends in order": [
        *START,
        (1.5, d.Farewell(), [], None),
        (1.6, d.Detached(), [], None),
        (1.7, d.Gone(), [d.LightFault()], None),
        (1.8, d.Unproven("line-1"), [], None),
    ],
    "says farewell and does not end": [
        *START,
        # Its silence matters no more: a moment that is past would keep the supervisor awake.
        (1.5, d.Farewell(), [], None),
        (9.0, d.Tick(), [], None),
    ],
    "says farewell and has a call": [
        *START,
        (1.5, d.Farewell(), [], None),
        (1.6, d.Beat(2.0, UP), [], 3.6),
        (1.7, d.Detached(), killed(DEAF), 2.0),
    ],
    "says farewell and is stopped": [
        *START,
        (1.5, d.Farewell(), [], None),
        (2.0, d.Pressed("button"), [d.TellStop("button"), d.Latch("button")], 2.04),
        (2.01, d.Gone(), [BESIDE, *TAKE, d.CutPower(None)], None),
    ],
    "pressed while it dies": [
        *START,
        (3.0, d.Tick(), STOOD_STILL, 3.3),
        (3.1, d.Pressed("button"), [BESIDE, *TAKE, d.CutPower(None)], None),
        (3.5, d.Tick(), [], None),
    ],
}


@pytest.mark.parametrize("steps", SUPERVISIONS.values(), ids=SUPERVISIONS.keys())
def test_a_whole_supervision(steps: list[Step]) -> None:
    supervision = d.Supervision()
    assert not supervision.watching
    for at, fact, actions, wake_at in steps:
        # Named tuples without a field are equal, whatever their names.
        assert list(map(repr, supervision.step(fact, at))) == list(map(repr, actions)), (at, fact)
        assert supervision.wake_at() == (None if wake_at is None else pytest.approx(wake_at))
        if isinstance(fact, d.Connected | d.Gone):
            assert supervision.watching is isinstance(fact, d.Connected)


@pytest.mark.parametrize("source", ["button", "wire", "contacts"])
def test_the_contact_is_open_from_press_to_release(source: str) -> None:
    supervision = d.Supervision()
    assert (supervision.open_now, supervision.taken, supervision.code) == (False, False, None)
    supervision.step(d.Pressed(source), 0.0)
    assert (supervision.open_now, supervision.taken) == (True, True)
    supervision.step(d.Released(), 1.0)
    assert not supervision.open_now
    supervision.step(d.Connected(8, 25.0), 2.0)
    assert not supervision.taken


# -- the contact, fact by fact --------------------------------------------------------------------

Fact = tuple[Seen, list[Change], float | None, float | None]
"""What is seen, what changes, since when it is open, and when to look again."""
PRESSED, RELEASED = [Change.PRESSED], [Change.RELEASED]


def edge(at: float, open_now: bool, channel: int = 0) -> Seen:
    return Seen(channel, open_now, at, edge=True)


def seen(at: float, open_now: bool, channel: int = 0) -> Seen:
    return Seen(channel, open_now, at)


OPENINGS: dict[str, list[Fact]] = {
    "edges, then a release of a tenth of a second": [
        (edge(1.0, True), [], 1.0, 1.005),
        # The second edge of the same kind changes nothing: one between them was lost.
        (edge(1.002, True), [], 1.0, 1.005),
        (edge(1.005, False), PRESSED, None, 1.105),
        (seen(1.05, False), [], None, 1.105),
        (edge(1.06, False), [], None, 1.105),
        (seen(1.1049, False), [], None, 1.105),
        (seen(1.105, False), RELEASED, None, None),
        (seen(2.0, False), [], None, None),
    ],
    "edges that bounce while it is let go": [
        (edge(1.0, True), [], 1.0, 1.005),
        (seen(1.006, True), PRESSED, 1.0, None),
        (edge(2.0, False), [], None, 2.1),
        (edge(2.05, True), [], 2.05, None),
        (seen(2.2, True), [], 2.05, None),
        (edge(2.3, False), [], None, 2.4),
        (seen(2.41, False), RELEASED, None, None),
    ],
    "samples": [
        (seen(0.5, False), [], None, None),
        (seen(1.0, True), [], 1.0, 1.005),
        (seen(1.0049, True), [], 1.0, 1.005),
        (seen(1.0051, True), PRESSED, 1.0, None),
        (seen(1.2, True), [], 1.0, None),
        (seen(1.3, False), [], None, 1.4),
        (seen(1.35, True), [], 1.35, None),
        (seen(1.36, False), [], None, 1.46),
        (seen(1.41, False), [], None, 1.46),
        (seen(1.4601, False), RELEASED, None, None),
        # A spike.
        (seen(2.0, True), [], 2.0, 2.005),
        (seen(2.004, False), [], None, None),
        (seen(2.006, True), [], 2.006, 2.011),
        (seen(2.02, True), PRESSED, 2.006, None),
    ],
}


@pytest.mark.parametrize("facts", OPENINGS.values(), ids=OPENINGS.keys())
def test_a_contact_fact_by_fact(facts: list[Fact]) -> None:
    contact = StopContact()
    assert (contact.pressed, contact.began, contact.due_at) == (False, None, None)
    pressed = False
    for fact, changes, began, due_at in facts:
        assert contact.take(fact) == changes, fact
        pressed = (pressed or changes == PRESSED) and changes != RELEASED
        assert (contact.pressed, contact.began) == (pressed, began), fact
        assert contact.due_at == (None if due_at is None else pytest.approx(due_at)), fact


def test_two_contacts_fact_by_fact() -> None:
    contact = StopContact(2)
    assert contact.take(edge(1.0, True, 1)) == []
    assert contact.take(edge(1.001, True, 0)) == []
    assert contact.began == 1.0
    assert contact.due_at == pytest.approx(1.005)
    assert contact.take(seen(1.0055, True, 1)) == PRESSED
    # One is pressed and one is not yet: that is to be looked at again, the nearer time first.
    assert contact.due_at == pytest.approx(1.006)
    assert contact.take(edge(1.004, False, 0)) == []
    assert contact.due_at == pytest.approx(1.0055 + 0.25)
    assert contact.tick(1.2554) == []
    assert contact.tick(1.2556) == [Change.DISAGREE]
    # Told once, and nothing is waited for any more.
    assert contact.tick(1.3) == []
    assert contact.due_at is None
    assert contact.take(edge(2.0, False, 1)) == []
    assert contact.due_at == pytest.approx(2.1)
    assert contact.tick(2.1001) == [Change.RELEASED, Change.AGREE]
    assert (contact.pressed, contact.due_at) == (False, None)


@pytest.mark.parametrize("channels", [0, 3])
def test_a_button_has_one_contact_or_two(channels: int) -> None:
    with pytest.raises(ValueError, match="one contact or two"):
        StopContact(channels)
