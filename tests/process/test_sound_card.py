"""The sound card path on the real library and the real ALSA, with a card that is a file.

Needs the extra ``alsa`` and libportaudio2; skipped where either is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

try:
    import sounddevice  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: F401
except (ImportError, OSError) as error:
    pytest.skip(f"no sound library: {error}", allow_module_level=True)

pytestmark = pytest.mark.process

CARD = """\
</usr/share/alsa/alsa.conf>
pcm.tape {{ type file slave.pcm "null" file "{tape}" format "raw" }}
pcm.testcard {{
  type asym
  playback.pcm {{ type plug slave.pcm "tape" }}
  capture.pcm {{ type plug slave.pcm "null" }}
  hint {{ show on description "a card that is a file" }}
}}
"""

CALL = """
import sys, threading
from firmware.voice.alsa import AlsaPath
from firmware.clips.clip import Clip
from firmware.voice.path import AudioCallbacks
from firmware.clock import SystemClock
from firmware.errors import PortUnusable

finished, heard = threading.Event(), threading.Event()
path = AlsaPath(sys.argv[1], clock=SystemClock(), callbacks=AudioCallbacks(
    on_started=lambda clip, at: print("started", clip),
    on_finished=lambda clip, ms, whole, at: (print("finished", clip, ms, whole), finished.set()),
    on_downlink=lambda pcm, at: heard.set(),
    on_failed=lambda why, at: print("failed", why)))
try:
    path.open()
except PortUnusable as error:
    sys.exit(f"{error}; {error.remedy}")
clip = Clip(name="greeting", pcm=bytes(range(1, 251)) * 80)
path.start()
path.play(clip)
print("in time", finished.wait(20.0), heard.wait(20.0))
path.stop()
path.close()
"""


def call(tmp_path: Path, card: str) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "asound.conf"
    config.write_text(CARD.format(tape=tmp_path / "tape.raw"), encoding="ascii")
    return subprocess.run(
        [sys.executable, "-c", CALL, card],
        env={**os.environ, "ALSA_CONFIG_PATH": str(config)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_a_clip_goes_to_the_card_whole_and_sound_comes_back(tmp_path: Path) -> None:
    done = call(tmp_path, "testcard")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "started greeting",
        "finished greeting 1250 True",
        "in time True True",
    ]
    assert bytes(range(1, 251)) * 80 in (tmp_path / "tape.raw").read_bytes()


def test_a_card_that_is_not_there_is_named_with_a_remedy(tmp_path: Path) -> None:
    done = call(tmp_path, "nosuchcard")
    assert done.returncode == 1
    assert "nosuchcard" in done.stderr
    assert "python -m sounddevice" in done.stderr


LATE = """
import sys
from pathlib import Path
from firmware.voice.alsa import AlsaPath
from firmware.voice.path import AudioCallbacks
from firmware.clock import SystemClock
from firmware.errors import PortUnusable

path = AlsaPath("testcard", clock=SystemClock(), callbacks=AudioCallbacks(
    on_started=print, on_finished=print, on_downlink=print, on_failed=print))
for config in sys.argv[2:]:
    fresh = Path(sys.argv[1] + ".new")
    fresh.write_text(Path(config).read_text())
    fresh.replace(sys.argv[1])
    try:
        path.open()
        print("found")
        path.close()
    except PortUnusable as error:
        print("not found")
"""


def test_a_card_that_comes_late_goes_and_comes_again_is_found(tmp_path: Path) -> None:
    """PortAudio itself lists the cards once; the list must be renewed for each opening."""
    plugged, bare, config = (tmp_path / name for name in ("plugged", "bare", "asound.conf"))
    plugged.write_text(CARD.format(tape=tmp_path / "tape.raw"), encoding="ascii")
    bare.write_text("</usr/share/alsa/alsa.conf>\n", encoding="ascii")
    done = subprocess.run(
        [sys.executable, "-c", LATE, config, bare, plugged, bare, plugged],
        env={**os.environ, "ALSA_CONFIG_PATH": str(config)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:4] == ["not found", "found", "not found", "found"]
