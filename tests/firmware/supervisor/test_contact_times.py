"""The debounce at its very bounds, and when the contacts are to be read again."""

from __future__ import annotations

import pytest

from firmware.supervisor.contact import (
    DISAGREE_SECONDS,
    LATCH_SECONDS,
    RELEASE_SECONDS,
    SAMPLE_SECONDS,
    Change,
    Channel,
    Seen,
    StopContact,
)

OPEN, CLOSED = True, False
NEAR = 1e-6


def test_the_times_are_those_of_the_module() -> None:
    assert (LATCH_SECONDS, SAMPLE_SECONDS) == (0.005, 0.002)
    assert (RELEASE_SECONDS, DISAGREE_SECONDS) == (0.1, 0.25)


@pytest.mark.parametrize("channels", [-1, 0, 3])
def test_a_button_has_one_contact_or_two(channels: int) -> None:
    with pytest.raises(ValueError, match="one contact or two"):
        StopContact(channels)


def test_nothing_is_open_or_due_at_first() -> None:
    for channels in (1, 2):
        contact = StopContact(channels)
        assert not contact.pressed
        assert contact.began is None
        assert contact.due_at is None
        assert contact.tick(1.0) == []
        assert contact.due_at is None
    channel = Channel()
    assert (channel.pressed, channel.open_since, channel.due_at) == (False, None, None)
    assert not channel.released(1.0)


@pytest.mark.parametrize("edge", [True, False])
@pytest.mark.parametrize(("length", "pressed"), [(0.005 - NEAR, False), (0.005 + NEAR, True)])
def test_an_opening_is_a_press_from_the_fifth_millisecond(
    edge: bool, length: float, pressed: bool
) -> None:
    contact = StopContact()
    assert contact.take(Seen(0, OPEN, 1.0, edge)) == []
    assert contact.began == 1.0
    assert contact.due_at == pytest.approx(1.005)
    last = Seen(0, not edge, 1.0 + length, edge)
    assert contact.take(last) == ([Change.PRESSED] if pressed else [])
    assert contact.pressed is pressed


def test_a_press_of_exactly_the_length_is_one() -> None:
    channel = Channel()
    assert not channel.edge(opened=True, at=0.0)
    assert channel.edge(opened=False, at=LATCH_SECONDS)
    assert (channel.pressed, channel.open_since) == (True, None)
    # And it counts as released from exactly a tenth of a second on.
    assert channel.due_at == LATCH_SECONDS + RELEASE_SECONDS
    assert not channel.released(LATCH_SECONDS + RELEASE_SECONDS - NEAR)
    assert channel.released(LATCH_SECONDS + RELEASE_SECONDS)
    assert not channel.pressed
    assert not channel.released(LATCH_SECONDS + RELEASE_SECONDS)
    assert channel.due_at is None


def test_a_second_edge_or_sample_does_not_begin_the_opening_anew() -> None:
    for edge in (True, False):
        channel = Channel()
        channel.edge(opened=True, at=1.0)
        if edge:
            channel.edge(opened=True, at=1.004)
        else:
            assert not channel.sample(open_now=True, at=1.004)
        assert channel.open_since == 1.0
        assert channel.sample(open_now=True, at=1.0051)


def test_a_press_is_raised_once_while_it_lasts() -> None:
    channel = Channel()
    channel.sample(open_now=True, at=1.0)
    assert channel.sample(open_now=True, at=1.01)
    assert not channel.sample(open_now=True, at=1.02)
    assert channel.due_at is None
    assert not channel.edge(opened=False, at=1.03)
    assert channel.pressed


def test_samples_prove_nothing_beyond_the_last_that_saw_it() -> None:
    channel = Channel()
    channel.sample(open_now=True, at=1.0)
    assert not channel.sample(open_now=False, at=1.1)
    assert not channel.pressed
    # The next opening is another one.
    assert not channel.sample(open_now=True, at=1.102)
    assert channel.open_since == 1.102


def test_the_first_closing_counts_for_the_release() -> None:
    channel = Channel()
    channel.sample(open_now=True, at=1.0)
    channel.sample(open_now=True, at=1.01)
    channel.edge(opened=False, at=2.0)
    channel.sample(open_now=False, at=2.05)
    channel.edge(opened=False, at=2.06)
    assert channel.due_at == pytest.approx(2.1)
    # An opening on the way takes the count back, by edge or by sample.
    channel.edge(opened=True, at=2.07)
    assert channel.due_at is None
    assert not channel.released(9.0)
    channel.edge(opened=False, at=2.08)
    channel.sample(open_now=True, at=2.09)
    assert not channel.released(9.0)
    channel.sample(open_now=False, at=2.095)
    assert not channel.released(2.19)
    assert channel.released(2.2)


def test_began_is_the_first_of_two_openings_under_way() -> None:
    contact = StopContact(2)
    contact.take(Seen(1, OPEN, 1.0, True))
    assert contact.began == 1.0
    contact.take(Seen(0, OPEN, 1.001, True))
    assert contact.began == 1.0
    contact.take(Seen(1, CLOSED, 1.002, True))
    assert contact.began == 1.001
    assert contact.due_at == pytest.approx(1.006)
    contact.take(Seen(0, CLOSED, 1.003, True))
    assert contact.began is None


@pytest.mark.parametrize("first", [0, 1])
def test_two_contacts_may_differ_for_a_quarter_of_a_second(first: int) -> None:
    contact = StopContact(2)
    contact.take(Seen(first, OPEN, 0.0))
    assert contact.due_at == LATCH_SECONDS
    assert contact.take(Seen(first, OPEN, 0.25)) == [Change.PRESSED]
    assert contact.due_at == 0.5
    assert contact.tick(0.5 - NEAR) == []
    assert contact.tick(0.5) == [Change.DISAGREE]
    # Told once, and not waited for any more.
    assert not contact.due_at
    assert contact.tick(9.0) == []
    assert contact.take(Seen(first, CLOSED, 10.0)) == []
    assert contact.due_at == pytest.approx(10.1)
    assert contact.tick(10.11) == [Change.RELEASED, Change.AGREE]
    # The next difference is counted from its own beginning.
    contact.take(Seen(first, OPEN, 20.0))
    assert contact.take(Seen(first, OPEN, 20.006)) == [Change.PRESSED]
    assert contact.tick(20.2) == []
    assert contact.tick(20.257) == [Change.DISAGREE]


def test_the_other_contact_of_a_pressed_button_is_no_second_press() -> None:
    contact = StopContact(2)
    told = []
    for at, channel in ((0.0, 0), (0.006, 0), (0.01, 1), (0.02, 1)):
        told += contact.take(Seen(channel, OPEN, at))
    assert told == [Change.PRESSED]
    assert contact.due_at is None
    assert contact.take(Seen(0, CLOSED, 1.0, True)) == []
    assert contact.take(Seen(1, CLOSED, 1.01, True)) == []
    assert contact.due_at == pytest.approx(1.1)
    # The one is let go before the other: the button is with the later one.
    assert contact.tick(1.105) == []
    assert contact.pressed
    assert contact.due_at == pytest.approx(1.11)
    assert contact.tick(1.115) == [Change.RELEASED]
    assert contact.due_at is None


def test_a_press_that_comes_late_and_is_over_already_is_told_with_its_release() -> None:
    contact = StopContact()
    assert contact.take(Seen(0, OPEN, 0.0, True)) == []
    assert contact.take(Seen(0, CLOSED, 0.01, True)) == [Change.PRESSED]
    assert contact.take(Seen(0, CLOSED, 0.2)) == [Change.RELEASED]
    assert not contact.pressed


def test_one_contact_alone_differs_from_nobody() -> None:
    contact = StopContact()
    contact.take(Seen(0, OPEN, 0.0))
    assert contact.take(Seen(0, OPEN, 0.01)) == [Change.PRESSED]
    assert contact.due_at is None
    assert contact.tick(9.0) == []
