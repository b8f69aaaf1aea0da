"""The rules of a claim: whatever comes in whatever order, no call on anything but a fresh grant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fleet.claim import (
    DIAL_WITHIN,
    Acknowledged,
    Asked,
    Denied,
    Event,
    Granted,
    NotWritten,
    Objected,
    Passed,
    Position,
    Reason,
    State,
    refusal,
    step,
)

PID, OTHER = "a" * 32, "b" * 32
SUBJECT = f"c.spring.claim.{PID}.1"


def asked(position: Position, at: float = 100.0) -> Asked:
    return Asked(
        pid=PID,
        number=1,
        subject=SUBJECT,
        epoch=position.epoch,
        sent_at=at,
        floor=position.highest,
    )


def test_a_grant_in_time_may_be_dialled_on_for_two_seconds_from_sending() -> None:
    position = Position(highest=40)
    state, position = step(asked(position), Acknowledged(42), position, 100.3)
    assert isinstance(state, Granted)
    assert position == Position(highest=42, anchor=41, anchor_subject=SUBJECT)
    assert refusal(state, position, 100.0 + DIAL_WITHIN) is None
    assert refusal(state, position, 100.001 + DIAL_WITHIN) is Reason.LATE


@pytest.mark.parametrize(
    ("event", "at", "reason"),
    [
        (NotWritten(Reason.CLAIMED), 100.1, Reason.CLAIMED),
        (NotWritten(Reason.OBJECTED), 100.1, Reason.OBJECTED),
        (NotWritten(Reason.STOPPED), 100.1, Reason.STOPPED),
        (NotWritten(Reason.NO_ANSWER), 100.1, Reason.NO_ANSWER),
        (NotWritten(Reason.NOT_CONNECTED), 100.1, Reason.NOT_CONNECTED),
        (NotWritten(Reason.REFUSED, "no space"), 100.1, Reason.REFUSED),
        (Passed(), 102.01, Reason.NO_ANSWER),
        (Acknowledged(42), 102.01, Reason.LATE),
        (Acknowledged(40), 100.1, Reason.FORGETFUL),
        (Acknowledged(7), 100.1, Reason.FORGETFUL),
    ],
)
def test_everything_but_a_grant_in_time_is_no_call(event: Event, at: float, reason: Reason) -> None:
    position = Position(highest=40)
    state, position = step(asked(position), event, position, at)
    assert isinstance(state, Denied)
    assert state.reason is reason
    assert refusal(state, position, at) is reason


def test_an_answer_after_giving_up_uses_the_attempt_and_calls_nobody() -> None:
    position = Position(highest=40)
    state, position = step(asked(position), Passed(), position, 103.0)
    state, position = step(state, Acknowledged(44), position, 103.1)
    assert isinstance(state, Denied)
    assert state.sequence == 44
    assert position.highest == 44


def test_what_is_heard_while_asking_may_overtake_the_answer() -> None:
    """An objection to somebody else, committed just after the claim, and delivered before it."""
    position = Position(highest=40)
    claim = asked(position)
    position = position.sees(45)
    state, position = step(claim, Acknowledged(42), position, 100.2)
    assert isinstance(state, Granted)
    assert position.highest == 45
    assert not position.forgetful


@pytest.mark.parametrize("before_the_answer", [True, False])
def test_an_objection_heard_meanwhile_wins(before_the_answer: bool) -> None:
    position = Position()
    events: list[Event] = [Acknowledged(2), Objected(PID)]
    state: State = asked(position)
    for event in reversed(events) if before_the_answer else events:
        state, position = step(state, event, position, 100.2)
    assert refusal(state, position, 100.2) is Reason.OBJECTED
    assert isinstance(state, Denied)
    assert state.sequence == 2


def test_somebody_elses_objection_changes_nothing() -> None:
    position = Position()
    state, position = step(asked(position), Objected(OTHER), position, 100.1)
    state, position = step(state, Acknowledged(2), position, 100.2)
    assert refusal(state, position, 100.2) is None


def test_a_stop_meanwhile_wins_and_a_new_epoch_does_not_revive_the_claim() -> None:
    position = Position()
    state, position = step(asked(position), Acknowledged(2), position, 100.2)
    stopped = position.stops(1, "Ada")
    assert refusal(state, stopped, 100.3) is Reason.STOPPED
    assert refusal(state, stopped.opens(2, 9, after_loss=False), 100.4) is Reason.EPOCH


def test_a_stop_of_an_epoch_that_is_over_says_nothing() -> None:
    position = Position(epoch=3)
    assert position.stops(2, "Ada") == position
    assert position.opens(2, 50, after_loss=False) == position
    assert position.stops(3, "Ada").bars() == "headquarters stopped this box by Ada"


def test_a_hub_that_went_back_bars_until_a_person_says_so() -> None:
    position = Position(highest=40, anchor=30, anchor_subject=SUBJECT)
    assert position.meets(40, SUBJECT) == position
    assert position.meets(900, SUBJECT) == position
    shorter = position.meets(39, SUBJECT)
    other = position.meets(900, "c.spring.rev." + OTHER)
    gone = position.meets(900, None)
    for barred in (shorter, other, gone):
        assert barred.bars()
        assert barred.opens(2, 12, after_loss=False).bars(), "an ordinary resume is not enough"
        again = barred.opens(2, 12, after_loss=True)
        assert again.bars() is None
        assert again.highest == 12


EVENTS = st.one_of(
    st.builds(Acknowledged, st.integers(1, 60)),
    st.builds(NotWritten, st.sampled_from(list(Reason))),
    st.builds(Objected, st.sampled_from([PID, OTHER])),
    st.just(Passed()),
)
WORLD = st.one_of(
    EVENTS,
    st.tuples(st.just("stop"), st.integers(1, 4)),
    st.tuples(st.just("epoch"), st.integers(1, 4)),
    st.tuples(st.just("sees"), st.integers(1, 60)),
)


@given(
    highest=st.integers(0, 50),
    story=st.lists(st.tuples(WORLD, st.floats(0.0, 1.5)), max_size=12),
)
def test_whatever_happens_a_dial_stands_on_a_fresh_grant_alone(
    highest: int, story: list[tuple[object, float]]
) -> None:
    position = Position(highest=highest)
    sent, at = 100.0, 100.0
    state: State = asked(position, sent)
    acknowledged: list[int] = []
    objected = stopped = refused = False
    for happening, passed in story:
        at += passed
        match happening:
            case ("stop", int(epoch)):
                stopped = stopped or epoch >= position.epoch
                position = position.stops(epoch, "Ada")
            case ("epoch", int(epoch)):
                stopped = stopped or epoch > position.epoch
                position = position.opens(epoch, 0, after_loss=False)
            case ("sees", int(sequence)):
                position = position.sees(sequence)
            case Acknowledged() | NotWritten() | Objected() | Passed() as event:
                if isinstance(event, Acknowledged):
                    acknowledged.append(event.sequence)
                objected = objected or event == Objected(PID)
                refused = refused or (isinstance(event, NotWritten) and not acknowledged)
                before = position.highest
                state, position = step(state, event, position, at)
                assert position.highest >= before
        if refusal(state, position, at) is None:
            assert acknowledged
            assert acknowledged[0] > highest
            assert at <= sent + DIAL_WITHIN
            assert not objected
            assert not stopped
            assert not refused


@given(st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_epochs_only_go_up(stop: int, epoch: int, first: bool) -> None:
    position = Position(epoch=4)
    ways = [lambda p: p.stops(stop, "Ada"), lambda p: p.opens(epoch, 0, after_loss=False)]
    for way in ways if first else reversed(ways):
        moved = way(position)
        assert moved.epoch >= position.epoch
        position = moved
    # In whichever order they come, the newest epoch decides, and a stop in it holds.
    assert position.stopped is (stop >= max(4, epoch))


def test_a_stale_position_is_replaced_whole() -> None:
    assert replace(Position(), epoch=2).bars() is None
