"""The sound card path with a library that has no card."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_mock import MockerFixture

from firmware.errors import PortUnusable
from firmware.voice import alsa
from firmware.voice.card_call import BLOCK
from firmware.voice.path import AudioPath
from firmware.voice.sound_card import load_library
from tests.support.card_fakes import CLIP, FRAME, LONG, SILENCE, WAIT, Rig, open_card


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with open_card(monkeypatch) as rig:
        yield rig


def test_a_call_speaks_in_blocks_of_20_ms_and_is_silent_when_idle(rig: Rig) -> None:
    path: AudioPath = rig.path
    path.start()
    assert rig.card.options["blocksize"] == BLOCK
    assert (rig.card.options["samplerate"], rig.card.options["dtype"]) == (8000, "int16")
    assert rig.card.block() == SILENCE
    path.play(CLIP)
    assert b"".join(rig.card.block() for _ in range(3)) == CLIP.pcm
    assert rig.so_far() == [("started", "greeting")]
    assert rig.card.block() == SILENCE


def test_a_clip_has_ended_when_its_last_sample_was_heard(rig: Rig) -> None:
    rig.path.play(CLIP)
    rig.path.start()
    for _ in range(5):
        rig.card.block()
    assert rig.so_far() == [("started", "greeting")], "the card holds the end of it"
    rig.card.block()
    assert rig.so_far() == [("finished", "greeting", 60, True)]


def test_silence_drops_what_the_card_holds_and_goes_on(rig: Rig) -> None:
    rig.path.play(LONG)
    rig.path.start()
    for _ in range(5):
        assert rig.card.block() != SILENCE
    rig.path.silence()
    # 100 ms went to the card, 40 of them had not been heard.
    assert rig.so_far() == [("started", "message"), ("finished", "message", 60, False)]
    assert (rig.card.outs[0].aborted, rig.card.outs[0].started) == (1, 2)
    assert rig.card.ins[0].aborted == 0, "the callee is heard all the while"
    assert rig.card.block() == SILENCE
    rig.path.play(CLIP)
    assert rig.card.block() == CLIP.pcm[:FRAME]
    assert rig.so_far() == [("started", "greeting")]
    assert rig.card.outs[0].aborted == 1, "nothing sounded that had to be dropped"


def test_a_clip_that_replaces_another_is_heard_whole_and_alone(rig: Rig) -> None:
    rig.path.play(LONG)
    rig.path.start()
    for _ in range(10):
        rig.card.block()
    rig.path.play(CLIP)
    assert rig.so_far() == [("started", "message"), ("finished", "message", 160, False)]
    assert rig.card.outs[0].aborted == 1
    assert b"".join(rig.card.block() for _ in range(4)) == CLIP.pcm + SILENCE
    assert rig.so_far() == [("started", "greeting")]


def test_until_the_card_is_cut_the_blocks_are_silent(rig: Rig) -> None:
    rig.path.play(LONG)
    rig.path.start()
    rig.settle()
    rig.card.block()
    go_on = rig.keep_waiting()
    rig.path.play(CLIP)
    assert rig.card.block() == SILENCE
    assert rig.card.outs[0].aborted == 0
    go_on()
    assert rig.so_far() == [("started", "message"), ("finished", "message", 0, False)]
    assert rig.card.outs[0].aborted == 1
    assert rig.card.block() == CLIP.pcm[:FRAME]


def test_a_card_that_was_not_cut_in_time_takes_the_order_by_its_next_block(rig: Rig) -> None:
    rig.path.play(LONG)
    rig.path.start()
    rig.card.block()
    rig.clock.now += 1.0  # it ran dry
    rig.path.silence()
    assert rig.card.block() == SILENCE
    assert rig.so_far() == [("started", "message"), ("finished", "message", 20, False)]
    assert rig.card.outs[0].aborted == 0


def test_the_end_of_a_clip_in_the_card_is_dropped_too(rig: Rig) -> None:
    rig.path.play(CLIP)
    rig.path.start()
    for _ in range(4):
        rig.card.block()
    rig.path.silence()
    assert rig.so_far() == [("started", "greeting"), ("finished", "greeting", 40, False)]
    assert rig.card.outs[0].aborted == 1


@pytest.mark.parametrize("order", ["silence", "play"])
def test_where_nothing_sounds_the_card_is_left_alone(rig: Rig, order: str) -> None:
    rig.path.start()
    rig.card.block()
    rig.path.silence() if order == "silence" else rig.path.play(CLIP)
    rig.settle()
    assert rig.card.outs[0].aborted == 0
    assert rig.card.block() == (SILENCE if order == "silence" else CLIP.pcm[:FRAME])


@pytest.mark.parametrize("latency", [None, -3.0, 90.0])
def test_a_card_that_does_not_know_its_latency_is_taken_to_have_the_usual(
    rig: Rig, latency: float | None
) -> None:
    rig.card.latency = latency
    rig.path.play(LONG)
    rig.path.start()
    for _ in range(5):
        rig.card.block()
    rig.path.silence()
    assert rig.so_far() == [("started", "message"), ("finished", "message", 60, False)]


def test_a_clip_is_held_while_the_module_takes_no_voice(rig: Rig) -> None:
    rig.path.start()
    rig.path.pause()
    rig.path.play(CLIP)
    assert rig.card.block() == SILENCE
    rig.path.resume()
    assert b"".join(rig.card.block() for _ in range(3)) == CLIP.pcm


def test_the_emergency_drops_what_the_card_holds_and_starts_nothing(rig: Rig) -> None:
    rig.path.play(LONG)
    rig.path.start()
    for _ in range(5):
        rig.card.block()
    go_on = rig.keep_waiting()
    rig.path.mute()
    assert rig.card.block() == SILENCE, "even before the card is cut"
    rig.path.play(CLIP)
    go_on()
    assert rig.so_far() == [("started", "message"), ("finished", "message", 80, False)]
    assert (rig.card.outs[0].aborted, rig.card.outs[0].started) == (1, 1)


def test_a_mute_lasts_until_the_next_call_and_spares_it(rig: Rig) -> None:
    rig.path.start()
    rig.path.mute()
    rig.path.play(CLIP)
    assert rig.card.block() == SILENCE
    rig.path.stop()
    rig.path.start()
    assert rig.card.outs[0].aborted
    assert rig.card.block() == SILENCE, "what was asked for while muted belongs to the old call"
    rig.path.play(CLIP)
    rig.settle()
    assert rig.card.outs[1].aborted == 0
    assert rig.card.block() == CLIP.pcm[:FRAME]


def test_a_clip_asked_for_after_an_idle_emergency_is_heard(rig: Rig) -> None:
    rig.path.mute()
    rig.path.play(CLIP)
    rig.path.start()
    assert rig.card.block() == CLIP.pcm[:FRAME]


def test_a_clip_asked_for_before_the_emergency_is_not(rig: Rig) -> None:
    rig.path.play(CLIP)
    rig.path.mute()
    rig.path.start()
    assert rig.card.block() == SILENCE


def test_downlink_reaches_the_listener_in_order(rig: Rig) -> None:
    rig.path.start()
    for number in range(5):
        rig.card.say(bytes([number]) * 320)
    assert [rig.next() for _ in range(5)] == [("heard", bytes([n]) * 320) for n in range(5)]
    assert rig.path.counters.bytes_received == 1600


def test_each_call_has_its_own_streams(rig: Rig) -> None:
    for _ in range(2):
        rig.path.start()
        rig.path.stop()
    assert [(s.aborted, s.closed) for s in rig.card.outs + rig.card.ins] == [(1, True)] * 4


def test_a_clip_cut_by_the_end_of_the_call_is_finished(rig: Rig) -> None:
    rig.path.play(LONG)
    rig.path.start()
    for _ in range(5):
        rig.card.block()
    rig.path.stop()
    assert rig.next() == ("started", "message")
    assert rig.next() == ("finished", "message", 60, False)


def test_a_card_that_stops_calling_back_is_told(rig: Rig) -> None:
    rig.path.start()
    rig.clock.now += 3.0
    assert rig.next() == ("failed", "no voice taken for 2 s")


def test_a_card_that_does_not_start_is_told(rig: Rig) -> None:
    rig.card.broken = True
    rig.path.start()
    assert rig.next() == ("failed", why := "sound card EC25: device unavailable")
    assert rig.card.ins[0].closed
    assert rig.path.lost == why
    rig.path.stop()
    assert rig.path.lost == why, "the next call would be as silent"
    rig.card.broken = False
    rig.path.start()
    assert not rig.path.lost
    rig.path.play(CLIP)
    assert rig.card.block() == CLIP.pcm[:FRAME]


def test_a_card_that_does_not_start_again_is_told_and_left_alone(rig: Rig) -> None:
    rig.path.play(LONG)
    rig.path.start()
    rig.card.block()
    rig.card.broken = True
    rig.path.silence()
    told = rig.so_far()
    assert told[:2] == [("started", "message"), ("finished", "message", 0, False)]
    why = "sound card EC25: no voice after a clip was stopped: device unavailable"
    assert told[2:] == [("failed", why)]
    assert rig.path.lost == why
    rig.path.silence()
    rig.path.stop()
    assert (rig.card.outs[0].aborted, rig.card.outs[0].closed) == (1, False)
    assert rig.card.ins[0].closed


def test_a_card_that_hangs_when_it_starts_again_holds_up_neither_the_line_nor_the_next_call(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.path.play(LONG)
    rig.path.start()
    rig.card.block()
    rig.card.hang = hang = threading.Event()
    rig.path.silence()
    assert rig.next() == ("started", "message")
    assert rig.next() == ("finished", "message", 0, False)
    monkeypatch.setattr(alsa, "_CARD_WITHIN", 0.02)
    rig.path.stop()
    assert rig.next() == ("failed", why := "sound card EC25: it did not stop within 0.02 s")
    assert rig.path.lost == why
    monkeypatch.setattr(alsa, "_CARD_WITHIN", WAIT)
    rig.card.hang = None
    rig.path.start()
    rig.path.play(CLIP)
    assert rig.card.block() == CLIP.pcm[:FRAME]
    assert not rig.card.outs[0].closed
    hang.set()
    rig.wait_for(lambda: rig.card.outs[0].closed)
    assert not rig.card.outs[1].closed


def test_a_card_that_hangs_when_a_call_starts_is_told(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.card.hang = hang = threading.Event()
    monkeypatch.setattr(alsa, "_CARD_WITHIN", 0.02)
    rig.path.start()
    assert rig.next() == ("failed", why := "sound card EC25: it did not start within 0.02 s")
    monkeypatch.setattr(alsa, "_CARD_WITHIN", WAIT)
    rig.path.stop()
    assert rig.path.lost == why
    hang.set()
    rig.wait_for(lambda: rig.card.outs[0].closed and rig.card.ins[0].closed)
    assert rig.card.ins[0].started == 0, "it was given up in between"


def test_a_card_that_is_not_open_carries_no_voice(rig: Rig) -> None:
    assert rig.path.lost is None
    rig.path.close()
    assert rig.path.lost == "the sound card is not open"


def test_a_card_that_was_lost_is_whole_once_it_was_opened_anew(rig: Rig) -> None:
    rig.card.broken = True
    rig.path.start()
    rig.path.close()
    rig.path.open()
    assert rig.path.lost is None


def test_a_call_that_was_given_up_tells_nothing_in_the_next(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.card.hang = hang = threading.Event()
    monkeypatch.setattr(alsa, "_CARD_WITHIN", 0.02)
    left = rig.path._card
    assert left is not None
    rig.path.start()
    assert rig.next()[0] == "failed"
    monkeypatch.setattr(alsa, "_CARD_WITHIN", WAIT)
    rig.path.stop()
    rig.card.hang = None
    rig.path.start()
    rig.card.broken = True
    hang.set()
    left._thread.join(WAIT)
    assert rig.card.ins[0].closed
    assert rig.so_far() == []
    assert rig.path.lost is None


def test_an_underrun_is_counted(rig: Rig) -> None:
    rig.path.start()
    rig.card.block(status="output underflow")
    assert rig.path.counters.late == 1


def test_a_listener_that_fails_does_not_end_the_voice(rig: Rig) -> None:
    def fails(*_what: object) -> None:
        raise RuntimeError("a defect")

    rig.path._callbacks = replace(rig.path._callbacks, on_downlink=fails)
    rig.path.start()
    rig.card.say(SILENCE)
    rig.path.play(CLIP)
    rig.card.block()
    assert rig.next() == ("started", "greeting")
    assert rig.path.counters.callback_errors == 1


def test_a_card_that_cannot_do_8_khz_is_refused_with_the_remedy() -> None:
    rig = Rig()
    rig.card.refuses = "Invalid sample rate"
    with pytest.raises(PortUnusable, match="EC25: Invalid sample rate") as refused:
        rig.path.open()
    assert "python -m sounddevice" in refused.value.remedy


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("PortAudio not found")])
def test_without_the_library_the_remedy_says_what_to_install(
    mocker: MockerFixture, error: Exception
) -> None:
    mocker.patch.dict(sys.modules)
    mocker.patch("importlib.import_module", side_effect=error)
    with pytest.raises(PortUnusable) as refused:
        load_library()
    assert "'.[alsa]'" in refused.value.remedy
    assert "libportaudio2" in refused.value.remedy


def test_a_card_that_comes_late_or_again_is_found_by_the_next_opening(rig: Rig) -> None:
    rig.path.close()
    for plugged in (False, True, False, True):
        rig.card.plugged = plugged
        if plugged:
            rig.path.open()
            rig.path.start()
            assert rig.card.block() == SILENCE
            rig.path.close()
        else:
            with pytest.raises(PortUnusable, match="No output device matching") as caught:
                rig.path.open()
            assert "list the cards" in caught.value.remedy


def test_no_card_is_taken_from_another_lines_call(rig: Rig) -> None:
    """PortAudio closes every stream when its list is renewed."""
    rig.path.start()
    renewed = rig.card.terminated
    other = rig.another()
    other.open()
    assert rig.card.terminated == renewed
    assert rig.card.block() == SILENCE, "the call goes on"
    other.close()
    rig.card.listed = False
    with pytest.raises(PortUnusable, match="another line's call"):
        other.open()
    rig.path.stop()
    other.open()
    assert rig.card.terminated == renewed + 1
    other.close()


def test_the_list_stays_once_a_stream_was_left_behind(rig: Rig) -> None:
    """Its thread is dead and may not be ended a second time, which a renewal would do."""
    rig.card.broken = True
    rig.path.start()
    assert rig.next()[0] == "failed"
    renewed = rig.card.terminated
    rig.card.broken = False
    other = rig.another()
    other.open()
    assert rig.card.terminated == renewed
    other.close()
