"""Ends within a call, folded from ledger rows: growing pauses, and then a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.campaign.history import CampaignState
from appliance.effects import Entry

T0 = datetime(2027, 3, 9, 17, tzinfo=UTC)


def folded(story: str) -> CampaignState:
    """Fold *story*: words ``start``, ``call``, ``end``, ``stop``, ``resume``, ``reset`` and
    ``+MINUTES`` between them."""
    state = CampaignState()
    at, attempt = T0, 0
    for word in story.split():
        if word.startswith(("+", "-")):
            at += timedelta(minutes=int(word))
            continue
        attempt += word == "call"
        kind, data = {
            "start": ("box.started", {}),
            "stop": ("box.stopped", {}),
            "call": ("call.authorised", {"attempt": f"a{attempt}", "line": "line-1"}),
            "end": ("call.ended", {"attempt": f"a{attempt}", "outcome": "unknown"}),
            "resume": ("dialling.resumed", {"by": "panel"}),
            "reset": ("stop.reset", {"by": "Alix"}),
        }[word]
        state.apply(
            Entry(seq=state.seq + 1, at=at, kind=kind, subject=f"{attempt:032x}", data=data)
        )
    return state


CUT = "call +1 start end"
"""A call, then the next start without an end between them; the start writes the outcome."""


@pytest.mark.parametrize(
    ("story", "minutes", "held"),
    [
        ("", None, False),
        ("start", None, False),
        (CUT, None, False),  # nothing says that the box ran before it
        ("start stop start", None, False),
        ("start start", None, False),  # cut off, but nobody was in a call
        ("start call end start", None, False),
        ("start call stop start", None, False),  # the end was said, however the call stands
        (f"start {CUT}", 1, False),
        (f"start {CUT} {CUT}", 5, False),
        (f"start {CUT} {CUT} {CUT}", None, True),
        (f"start {CUT} {CUT} {CUT} {CUT}", None, True),
        (f"start {CUT} +61 {CUT}", 1, False),  # the first is more than an hour ago
        (f"start {CUT} +59 {CUT}", 1, False),  # an hour to the second
        (f"start {CUT} +58 {CUT}", 5, False),
        (f"start {CUT} {CUT} +61 {CUT}", 1, False),
        (f"start {CUT} {CUT} stop start", None, False),  # a start in order has nothing to wait for
        (f"start {CUT} {CUT} resume {CUT}", 1, False),  # a person has looked
        (f"start {CUT} {CUT} reset {CUT}", 1, False),
        (f"start {CUT} {CUT} {CUT} resume", None, False),
        (f"start {CUT} {CUT} -500 {CUT}", None, True),  # the clock lost its time with the power
    ],
)
def test_each_end_within_a_call_makes_the_next_start_wait_longer(
    story: str, minutes: int | None, held: bool
) -> None:
    state = folded(story)
    pause = state.interruptions.pause
    assert pause == (None if minutes is None else timedelta(minutes=minutes))
    assert state.interruptions.held is held
    kept = CampaignState.from_checkpoint(state.to_checkpoint()).interruptions
    assert (kept.pause, kept.held) == (pause, held)
    assert (state.copy().interruptions.pause, state.copy().interruptions.held) == (pause, held)
