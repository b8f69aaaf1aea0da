"""The stop contact's debounce: no spike under 5 ms latches, no opening of 10 ms is missed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import pytest

from firmware.supervisor.contact import (
    DISAGREE_SECONDS,
    LATCH_SECONDS,
    RELEASE_SECONDS,
    SAMPLE_SECONDS,
    Change,
    Seen,
    StopContact,
)

SEQUENCES = 100_000 if os.environ.get("THOROUGH") else 10_000
SHORT, LONG = 0.005, 0.010


def openings(chance: random.Random, gaps: tuple[float, ...]) -> list[tuple[float, float]]:
    """Return (from, until) of a few openings: spikes and bounces, and in half of them a press.

    They lie at least a part of one of *gaps* apart.
    """
    at, found = chance.uniform(0.0, 0.02), []
    for _ in range(chance.randrange(5)):
        length = chance.choice((0.0001, 0.001, 0.003, 0.00499)) * chance.uniform(0.2, 1.0)
        found.append((at, at + length))
        at += length + chance.choice(gaps) * chance.uniform(1.0, 5.0)
    if chance.random() < 0.5:
        length = chance.choice((LONG, LONG * 1.0001, 0.02, 0.3))
        found.append((at, at + length))
    return found


def edges(found: list[tuple[float, float]], chance: random.Random) -> Iterator[Seen]:
    """The kernel's edges, and level reads at the 10 ms beat, which may be late by up to 8 ms."""
    facts = [
        Seen(0, open_now, at, edge=True)
        for start, end in found
        for at, open_now in ((start, True), (end, False))
    ]
    # An edge that lies before a read is always taken before it: the reader drains them first.
    at, end = 0.0, (found[-1][1] if found else 0.0) + 0.03
    while at < end:
        at += chance.uniform(0.001, 0.018)
        facts.append(Seen(0, any(a <= at < b for a, b in found), at))
    return iter(sorted(facts, key=lambda fact: fact.at))


def samples(found: list[tuple[float, float]], chance: random.Random) -> Iterator[Seen]:
    """A contact without edges, read at least as often as the module demands."""
    at, end = chance.uniform(0.0, SAMPLE_SECONDS), (found[-1][1] if found else 0.0) + 0.02
    while at < end:
        yield Seen(0, any(a <= at < b for a, b in found), at)
        at += chance.uniform(0.0005, SAMPLE_SECONDS)


@pytest.mark.parametrize(
    ("reader", "gaps"),
    [
        (edges, (0.00005, 0.0002, 0.001, 0.006)),
        # Samples cannot see a closing that is shorter than the pause between them.
        (samples, (SAMPLE_SECONDS, 0.006)),
    ],
)
def test_no_press_is_missed_and_no_spike_latches(
    reader: Callable[[list[tuple[float, float]], random.Random], Iterator[Seen]],
    gaps: tuple[float, ...],
) -> None:
    presses = 0
    for seed in range(SEQUENCES // 2):
        chance = random.Random(seed)
        found = openings(chance, gaps)
        contact = StopContact()
        raised = [c for fact in reader(found, chance) for c in contact.take(fact)]
        longest = max((end - start for start, end in found), default=0.0)
        if longest >= LONG:
            presses += 1
            assert raised.count(Change.PRESSED) >= 1, (seed, found)
        elif longest < SHORT:
            assert Change.PRESSED not in raised, (seed, found)
    assert presses > SEQUENCES // 8


@pytest.mark.parametrize(
    ("length", "pressed"),
    [(0.0, False), (0.001, False), (0.0049, False), (0.0051, True), (0.010, True), (5.0, True)],
)
def test_an_opening_known_by_its_edges_is_judged_by_its_length(
    length: float, pressed: bool
) -> None:
    contact = StopContact()
    contact.take(Seen(0, True, 1.0, edge=True))
    # Both edges are read late and together, as by a starved program.
    assert (Change.PRESSED in contact.take(Seen(0, False, 1.0 + length, edge=True))) is pressed


def test_a_press_is_told_five_milliseconds_after_it_began() -> None:
    contact = StopContact()
    assert contact.take(Seen(0, True, 1.0, edge=True)) == []
    assert contact.due_at == pytest.approx(1.0 + LATCH_SECONDS)
    assert contact.take(Seen(0, True, 1.0 + LATCH_SECONDS)) == [Change.PRESSED]


def test_a_contact_found_open_at_start_is_a_press() -> None:
    contact = StopContact()
    contact.take(Seen(0, True, 0.0))
    assert contact.take(Seen(0, True, 0.006)) == [Change.PRESSED]


def test_it_counts_as_released_only_after_a_tenth_of_a_second() -> None:
    contact = StopContact()
    contact.take(Seen(0, True, 0.0))
    contact.take(Seen(0, True, 0.01))
    assert contact.take(Seen(0, False, 1.0)) == []
    # A bounce on the way back begins the wait anew and is no second press.
    assert contact.take(Seen(0, True, 1.05)) == []
    assert contact.take(Seen(0, False, 1.06)) == []
    assert contact.tick(1.06 + RELEASE_SECONDS / 2) == []
    assert contact.tick(1.06 + RELEASE_SECONDS) == [Change.RELEASED]
    assert not contact.pressed


@pytest.mark.parametrize("first", [0, 1])
def test_either_of_two_contacts_stops_and_a_lasting_difference_is_a_fault(first: int) -> None:
    contact = StopContact(2)
    contact.take(Seen(first, True, 0.0))
    assert contact.take(Seen(first, True, 0.006)) == [Change.PRESSED]
    assert contact.tick(0.006 + DISAGREE_SECONDS / 2) == []
    assert contact.tick(0.006 + DISAGREE_SECONDS) == [Change.DISAGREE]
    contact.take(Seen(1 - first, True, 1.0))
    assert contact.take(Seen(1 - first, True, 1.006)) == [Change.AGREE]


def test_two_contacts_that_move_a_little_apart_are_no_fault() -> None:
    contact = StopContact(2)
    told = []
    for at, channel in ((0.0, 0), (0.006, 0), (0.03, 1), (0.04, 1)):
        told += contact.take(Seen(channel, True, at))
    told += contact.tick(2.0)
    assert told == [Change.PRESSED]


def test_two_contacts_are_released_when_both_are() -> None:
    contact = StopContact(2)
    for at, channel in ((0.0, 0), (0.006, 0), (0.0061, 1), (0.0125, 1)):
        contact.take(Seen(channel, True, at))
    contact.take(Seen(0, False, 1.0))
    assert Change.RELEASED not in contact.tick(1.0 + RELEASE_SECONDS)
    contact.take(Seen(1, False, 1.2))
    assert Change.RELEASED in contact.tick(1.2 + RELEASE_SECONDS)
