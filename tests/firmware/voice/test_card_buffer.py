"""What was handed to a card and not heard yet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware.clips.clip import Clip
from firmware.voice.card_buffer import Unheard
from firmware.voice.frames import FRAME_SECONDS, SILENCE, Finished, Player

FRAME = b"\1\2" * 160


def finished(played_ms: int = 1000, *, complete: bool = True) -> Finished:
    return Finished(clip="message", played_ms=played_ms, complete=complete)


def test_sound_lasts_until_the_end_of_its_last_frame() -> None:
    unheard = Unheard()
    assert not unheard.sounds(0.0)
    unheard.handed((), begins=5.0, sounds=True)
    unheard.handed((), begins=5.02, sounds=False)
    assert unheard.sounds(5.019)
    assert not unheard.sounds(5.02)


def test_an_end_is_told_once_and_when_it_was_heard() -> None:
    unheard = Unheard()
    unheard.handed((finished(),), begins=3.0, sounds=False)
    assert unheard.ended(2.999) == ()
    assert unheard.ended(3.0) == (finished(),)
    assert unheard.ended(9.0) == ()
    assert unheard.dropped((), now=2.0) == ()


def test_where_something_else_begins_all_ends_are_told() -> None:
    unheard = Unheard()
    unheard.handed((finished(),), begins=3.0, sounds=False)
    assert unheard.ended_at_last() == (finished(),)
    assert unheard.ended_at_last() == ()


def test_what_was_dropped_was_not_played() -> None:
    unheard = Unheard()
    unheard.handed((), begins=7.0, sounds=True)
    assert unheard.dropped((finished(800, complete=False),), now=6.98) == (
        finished(760, complete=False),
    )
    assert not unheard.sounds(6.98), "nothing is left"


def test_a_whole_clip_whose_end_was_dropped_is_not_complete() -> None:
    unheard = Unheard()
    unheard.handed((finished(1000),), begins=7.0, sounds=False)
    assert unheard.dropped((), now=6.9995) == (finished(999, complete=False),)


def test_what_had_been_heard_stays_heard() -> None:
    unheard = Unheard()
    unheard.handed((finished(1000),), begins=7.0, sounds=False)
    assert unheard.dropped((), now=7.0) == (finished(1000),)


@given(
    frames=st.integers(1, 12),
    held=st.integers(0, 6),
    steps=st.integers(0, 20),
    into=st.floats(0.0, FRAME_SECONDS, exclude_max=True),
)
def test_no_more_is_claimed_than_a_card_in_step_has_played(
    frames: int, held: int, steps: int, into: float
) -> None:
    """A card that always plays *held* frames later is stopped somewhere in or after a clip."""
    player, unheard = Player(), Unheard()
    player.play(Clip(name="message", pcm=FRAME * frames))
    told: list[Finished] = []
    sounding = []
    for step in range(steps):
        now = step * FRAME_SECONDS
        told += unheard.ended(now)
        frame, notices = player.next_frame()
        sounding.append(frame is not SILENCE)
        unheard.handed(notices, begins=now + held * FRAME_SECONDS, sounds=frame is not SILENCE)
    now = max(0, steps - 1) * FRAME_SECONDS + into
    player.silence()
    told += unheard.dropped(player.drain_notices(), now=now)
    heard = sum(
        max(0.0, min(FRAME_SECONDS, now - (step + held) * FRAME_SECONDS))
        for step, sounds in enumerate(sounding)
        if sounds
    )
    assert len(told) == (1 if steps else 0)
    for notice in told:
        assert heard * 1000 - 2 <= notice.played_ms <= heard * 1000 + 1e-6
        assert notice.complete == (notice.played_ms == frames * 20)
