"""Framing, the player's notices, and the pacing schedule."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clips.clip import Clip
from firmware.voice.frames import (
    FRAME_BYTES,
    FRAME_SECONDS,
    SILENCE,
    Began,
    EvenBytes,
    Finished,
    Notice,
    Player,
    PlayerState,
    Schedule,
)


def clip(name: str, frames: float) -> Clip:
    size = round(frames * FRAME_BYTES)
    return Clip(name=name, pcm=(name.encode() * size)[:size])


def run(player: Player, frames: int) -> tuple[bytes, list[Notice]]:
    """Take *frames* frames; return their bytes and what was said."""
    sound = b""
    notices: list[Notice] = []
    for _ in range(frames):
        frame, said = player.next_frame()
        assert len(frame) == FRAME_BYTES
        sound += frame
        notices += said
    return sound, notices


def test_idle_is_silence() -> None:
    assert run(Player(), 3) == (SILENCE * 3, [])


def test_a_clip_plays_once_and_whole() -> None:
    player = Player()
    player.play(clip("a", 2))
    sound, notices = run(player, 4)
    assert sound == b"a" * 640 + SILENCE * 2
    assert notices == [Began(clip="a"), Finished(clip="a", played_ms=40, complete=True)]
    assert player.state is PlayerState.IDLE


def test_a_last_part_frame_is_filled_with_silence() -> None:
    player = Player()
    player.play(clip("a", 1.25))
    sound, notices = run(player, 3)
    assert sound == b"a" * 400 + bytes(560)
    assert notices[-1] == Finished(clip="a", played_ms=25, complete=True)


def test_a_clip_finishes_with_the_frame_after_its_last() -> None:
    """Then its last 20 ms have been heard."""
    player = Player()
    player.play(clip("a", 1))
    assert player.next_frame()[1] == (Began(clip="a"),)
    assert player.next_frame()[1] == (Finished(clip="a", played_ms=20, complete=True),)


def test_replacing_ends_the_first_before_the_second_begins() -> None:
    player = Player()
    player.play(clip("a", 5))
    run(player, 2)
    player.play(clip("b", 1))
    sound, notices = run(player, 2)
    assert sound == b"b" * 320 + SILENCE
    assert notices == [
        Finished(clip="a", played_ms=40, complete=False),
        Began(clip="b"),
        Finished(clip="b", played_ms=20, complete=True),
    ]


def test_a_clip_replaced_before_its_first_frame_never_was() -> None:
    player = Player()
    player.play(clip("a", 5))
    player.play(clip("b", 1))
    assert run(player, 2)[1] == [
        Began(clip="b"),
        Finished(clip="b", played_ms=20, complete=True),
    ]


@pytest.mark.parametrize("order", ["silence", "mute"])
def test_silence_and_mute_hold_from_the_next_frame(order: str) -> None:
    player = Player()
    player.play(clip("a", 5))
    run(player, 1)
    getattr(player, order)()
    assert run(player, 2) == (
        SILENCE * 2,
        [Finished(clip="a", played_ms=20, complete=False)],
    )


def test_after_silence_a_clip_plays_after_mute_none_does() -> None:
    player = Player()
    player.silence()
    player.play(clip("a", 1))
    assert run(player, 1)[0] == b"a" * 320
    player.mute()
    player.play(clip("b", 1))
    assert run(player, 1)[0] == SILENCE
    player.silence()
    player.play(clip("b", 1))
    assert run(player, 1)[0] == SILENCE


def test_a_call_that_ends_still_tells_how_far_the_clip_came() -> None:
    player = Player()
    player.play(clip("a", 5))
    run(player, 3)
    player.mute()
    assert player.drain_notices() == (Finished(clip="a", played_ms=60, complete=False),)
    assert player.drain_notices() == ()


ORDERS = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.floats(0.01, 4).filter(lambda f: round(f * 320) % 2 == 0)),
        st.tuples(st.sampled_from(["silence", "mute", "frame", "frame", "frame"])),
    ),
    max_size=40,
)


@given(ORDERS)
def test_each_clip_begins_and_finishes_once(orders: list[tuple[Any, ...]]) -> None:
    """No clip overlaps another, none is left open, and a muted player is silent."""
    player = Player()
    notices: list[Notice] = []
    names = (f"{number:04}" for number in itertools.count())
    for order, *frames in orders:
        if order == "play":
            player.play(clip(next(names), frames[0]))
        elif order == "frame":
            frame, said = player.next_frame()
            notices += said
            if player.state is PlayerState.MUTED:
                assert frame == SILENCE
        else:
            getattr(player, order)()
    player.mute()
    notices += player.drain_notices()
    for began, finished in zip(notices[::2], notices[1::2], strict=True):
        assert isinstance(began, Began)
        assert isinstance(finished, Finished)
        assert began.clip == finished.clip
    played = [notice.clip for notice in notices if isinstance(notice, Began)]
    assert played == sorted(set(played))


@given(st.binary(max_size=400), st.lists(st.integers(1, 7), max_size=100))
def test_odd_bytes_wait_for_their_other_half(data: bytes, sizes: list[int]) -> None:
    even, joined, place = EvenBytes(), b"", 0
    for size in [*sizes, len(data)]:
        part = even.feed(data[place : place + size])
        assert len(part) % 2 == 0
        joined += part
        place += size
    assert joined == data[: len(data) // 2 * 2]


def test_an_even_schedule_is_an_exact_grid() -> None:
    schedule = Schedule(10.0)
    for number in range(1000):
        assert schedule.due == pytest.approx(10.0 + number * FRAME_SECONDS)
        schedule.advance(schedule.due)
    assert schedule.late == 0


def test_small_lateness_does_not_slow_the_stream_down() -> None:
    schedule = Schedule(0.0)
    for _ in range(1000):
        schedule.advance(schedule.due + 0.4 * FRAME_SECONDS)
    assert schedule.due == pytest.approx(1000 * FRAME_SECONDS)
    assert schedule.late == 0


def test_a_stall_moves_the_schedule_and_is_never_caught_up() -> None:
    schedule = Schedule(0.0)
    schedule.advance(0.0)
    schedule.advance(3.0)
    assert schedule.due == pytest.approx(3.0 + FRAME_SECONDS)
    assert schedule.late == 1
    assert schedule.wait(3.005) == pytest.approx(0.015)
    assert schedule.wait(4.0) == 0.0


@given(st.lists(st.floats(0, 0.5), min_size=2, max_size=60))
def test_frames_never_come_in_bursts(delays: list[float]) -> None:
    """However late the thread wakes, two frames are at least half a frame apart."""
    schedule, now, sent = Schedule(0.0), 0.0, []
    for delay in delays:
        now = max(now, schedule.due) + delay
        sent.append(now)
        schedule.advance(now)
    for first, second in itertools.pairwise(sent):
        assert second - first >= FRAME_SECONDS / 2 - 1e-9


def test_a_period_is_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        Schedule(0.0, 0.0)
