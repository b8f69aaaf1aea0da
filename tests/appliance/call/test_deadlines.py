"""How long each state of a call waits, to the second: what no notice ends, a deadline does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.call.state import ShutDown, Withdrawn
from firmware import events
from firmware.events import Cause
from tests.support.playbook import Playbook

Move = Callable[[Playbook], object]

RUNG: list[tuple[str, Move, str, float | None]] = [
    # Set up within 15 seconds and rung for 45, and no longer than the clearance.
    ("begun", lambda book: book.time(0), "Dialling", 60.0),
    ("dialled", lambda book: book.dialled(1), "Dialling", 60.0),
    ("ringing", lambda book: book.ringing(3), "Ringing", 48.0),
    # A clip starts within five seconds, and is over three after its length.
    ("answered", lambda book: book.answered(10), "Greeting", 15.0),
    ("greeting begins", lambda book: book.started(11, "greeting"), "Greeting", 24.0),
]
ASKED: list[tuple[str, Move, str, float | None]] = [
    ("greeting ends", lambda book: book.finished(21, "greeting"), "Waiting", 29.0),
    ("no key", lambda book: book.time(29), "Reminding", 42.0),
    ("prompt begins", lambda book: book.started(31, "prompt"), "Reminding", 39.0),
    ("prompt ends", lambda book: book.finished(36, "prompt"), "Waiting", 44.0),
    ("no key again", lambda book: book.time(44), "Closing", 54.0),
    ("farewell begins", lambda book: book.started(46, "farewell"), "Closing", 51.0),
]


@pytest.mark.parametrize(
    "walk",
    [
        [
            *RUNG,
            *ASKED,
            ("farewell ends", lambda book: book.finished(48, "farewell"), "HangingUp", 68.0),
            ("stop", lambda book: book.take(50, ShutDown()), "HangingUp", 68.0),
            ("ended", lambda book: book.ended(52, Cause.LOCAL_HANG_UP), "Concluded", None),
        ],
        [
            *RUNG,
            ("listens", lambda book: book.key(14, "1"), "Telling", 52.0),
            ("message begins", lambda book: book.started(15, "message"), "Telling", 48.0),
            ("message ends", lambda book: book.finished(45, "message"), "Closing", 55.0),
            ("nothing told", lambda book: book.time(55), "HangingUp", 75.0),
            ("nothing told", lambda book: book.time(75), "Concluded", None),
        ],
        [
            *RUNG,
            ("objects", lambda book: book.key(14, "9"), "Closing", 25.0),
            ("confirmed", lambda book: book.started(16, "confirmation"), "Closing", 22.0),
            ("nothing told", lambda book: book.time(22), "HangingUp", 42.0),
        ],
        [
            *RUNG,
            ("withdrawn", lambda book: book.take(14, Withdrawn(by="x")), "HangingUp", 34.0),
            ("again", lambda book: book.take(16, Withdrawn(by="y")), "HangingUp", 34.0),
        ],
        [
            # The answer is sure only in the middle of a greeting that was played to the ringback.
            *RUNG[:2],
            ("weak", lambda book: book.answered(5, weak=True), "Dialling", 60.0),
            ("greeting begins", lambda book: book.started(5, "greeting"), "Greeting", 18.0),
            ("answered", lambda book: book.answered(8), "Greeting", 26.0),
            ("greeting begins", lambda book: book.started(9, "greeting"), "Greeting", 22.0),
        ],
    ],
)
def test_each_state_waits_so_long(walk: list[tuple[str, Move, str, float | None]]) -> None:
    book = Playbook()
    for told, move, state, deadline in walk:
        move(book)
        found = getattr(book.state, "deadline", None)
        assert type(book.state).__name__ == state, told
        assert (None if found is None else found - 100.0) == deadline, told


@pytest.mark.parametrize(("linger", "waits"), [(0.0, None), (2.5, 50.5)])
def test_a_witness_that_is_late_has_its_time_after_the_last_clip(
    linger: float, waits: float | None
) -> None:
    book = Playbook(linger=linger)
    for _, move, _, _ in (*RUNG, *ASKED):
        move(book)
    told = book.finished(48, "farewell")
    if waits is None:
        assert told == ["HangUp"]
        return
    assert told == []
    assert getattr(book.state, "deadline", None) == 100.0 + waits
    assert book.time(waits - 0.001) == []
    assert book.time(waits) == ["HangUp"]


def test_no_state_outlasts_the_window() -> None:
    book = Playbook(window=26.0)
    for _, move, _, _ in RUNG:
        move(book)
    book.finished(21, "greeting")
    assert getattr(book.state, "deadline", None) == 126.0
    assert book.time(25.999) == []
    assert book.time(26.0) == ["HangUp"]
    assert getattr(book.state, "deadline", None) == 146.0, "the line may still confirm"


@pytest.mark.parametrize(
    ("pressed", "counted"),
    [(["1"], [True]), (["9"], [True]), (["5"], [False]), (["9", "9"], [True, False])],
)
def test_which_keys_count(pressed: list[str], counted: list[bool]) -> None:
    book = Playbook().to_greeting()
    for n, key in enumerate(pressed):
        book.key(12.0 + n, key)
    assert [row.data["counted"] for row in book.rows if row.kind == "call.key"] == counted


@pytest.mark.parametrize(
    ("played_ms", "deadline"), [(0, 38.0), (4_000, 34.0), (10_000, 28.0), (12_000, 28.0)]
)
def test_a_clip_that_goes_on_has_the_time_for_its_rest(played_ms: int, deadline: float) -> None:
    book = Playbook().to_greeting()
    went_on = events.ClipAdvanced(
        line="line-1", at=125.0, attempt="a1", clip="greeting", played_ms=played_ms
    )
    book.take(25, went_on)
    assert getattr(book.state, "deadline", None) == 100.0 + deadline


@pytest.mark.parametrize(("seconds", "told"), [(60.0, []), (60.001, ["HangUp"])])
def test_a_dial_may_go_out_at_the_very_end_of_its_clearance(
    seconds: float, told: list[str]
) -> None:
    assert Playbook().dialled(seconds) == told


def test_a_voice_that_fails_after_the_call_takes_nothing_back() -> None:
    book = Playbook().to_greeting()
    book.key(14, "1")
    book.finished(45, "message", complete=False)
    assert book.audio_failed(46) == []
    assert book.ended(47, Cause.LOCAL_HANG_UP).value == "partial"
    assert "audio_failure" not in book.row("call.ended").data["evidence"]


@pytest.mark.parametrize(
    ("weak_at", "talked", "talk_seconds"), [(5.0, False, 15.123), (None, True, 0.0)]
)
def test_how_long_was_talked_where_only_the_end_told_of_an_answer(
    weak_at: float | None, talked: bool, talk_seconds: float
) -> None:
    book = Playbook()
    book.dialled(1)
    if weak_at is not None:
        book.answered(weak_at, weak=True)
    outcome = book.ended(20.12345, Cause.REMOTE_HANG_UP, talked=talked)
    assert outcome.value == "declined"
    assert book.row("call.ended").data["talk_seconds"] == talk_seconds
