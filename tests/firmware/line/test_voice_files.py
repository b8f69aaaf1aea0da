"""How much a silent module is fed, for a clip that was cut off on its way to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmware.clips.clip import Clip
from firmware.line.voice import FILE_MARGIN, LineVoice
from firmware.line_settings import LineSettings
from firmware.voice.choice import VoiceChoice, choice_file
from tests.support.line_context import line_context

CLIPS = {"a": Clip(name="a", pcm=bytes(1000)), "b": Clip(name="b", pcm=bytes(3000))}


def voice(state: Path, audio: str | None) -> LineVoice:
    unused: Any = None
    return LineVoice(
        line_context(LineSettings(name="one", port="/dev/none", audio=audio)),
        unused,
        clips=CLIPS,
        callbacks=unused,
        state_dir=state,
        factory=unused,
    )


def test_a_silent_module_is_fed_the_longest_clip_at_every_other_opening(tmp_path: Path) -> None:
    line = voice(tmp_path, "module")
    assert [line.largest_file() for _ in range(4)] == [
        3000 + FILE_MARGIN, 0, 3000 + FILE_MARGIN, 0,
    ]  # fmt: skip


def test_a_line_that_never_sent_a_clip_feeds_nothing(tmp_path: Path) -> None:
    assert voice(tmp_path, "/dev/ttyUSB4").largest_file() == 0
    assert voice(tmp_path, None).largest_file() == 0


def test_a_line_that_gave_its_stream_up_sends_clips(tmp_path: Path) -> None:
    VoiceChoice(choice_file(tmp_path, "one")).give_up("1", "/dev/ttyUSB4", "silent")
    assert voice(tmp_path, "/dev/ttyUSB4").largest_file() == 3000 + FILE_MARGIN
