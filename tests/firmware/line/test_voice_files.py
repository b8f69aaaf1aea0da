"""How much a silent module is fed, for a clip that was cut off on its way to it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from firmware.clips.clip import Clip
from firmware.line.voice import FILE_MARGIN, LineVoice
from firmware.voice.choice import VoiceChoice, choice_file

CLIPS = {"a": Clip(name="a", pcm=bytes(1000)), "b": Clip(name="b", pcm=bytes(3000))}


def voice(state: Path) -> LineVoice:
    unused: Any = None
    return LineVoice(
        "one",
        clips=CLIPS,
        clock=unused,
        callbacks=unused,
        state_dir=state,
        factory=unused,
        log=logging.getLogger("test"),
    )


def test_a_silent_module_is_fed_the_longest_clip_at_every_other_opening(tmp_path: Path) -> None:
    line = voice(tmp_path)
    assert [line.largest_file("module") for _ in range(4)] == [
        3000 + FILE_MARGIN, 0, 3000 + FILE_MARGIN, 0,
    ]  # fmt: skip


def test_a_line_that_never_sent_a_clip_feeds_nothing(tmp_path: Path) -> None:
    assert voice(tmp_path).largest_file("/dev/ttyUSB4") == 0
    assert voice(tmp_path).largest_file(None) == 0


def test_a_line_that_gave_its_stream_up_sends_clips(tmp_path: Path) -> None:
    VoiceChoice(choice_file(tmp_path, "one")).give_up("1", "/dev/ttyUSB4", "silent")
    assert voice(tmp_path).largest_file("/dev/ttyUSB4") == 3000 + FILE_MARGIN
