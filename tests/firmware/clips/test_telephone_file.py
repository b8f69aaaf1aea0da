"""A greeting recorded on a telephone: real files, of the real program where it is installed."""

from __future__ import annotations

import random
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from firmware.clips import telephone_file
from firmware.clips.clip import Clip
from firmware.clips.prepare import prepare_clip
from firmware.clips.telephone_file import DecoderMissing, kind
from firmware.errors import ClipUnusable

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings"
"""1.2 s of 440 and 900 Hz, encoded by ffmpeg: M4A at 44.1 kHz, AAC at 16 kHz, MP3 at 22.05 kHz."""
FFMPEG = shutil.which("ffmpeg")


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"\0\0\0\x1cftypM4A ", "mov"),
        (b"\0\0\0\x18ftyp3gp4", "mov"),
        (b"\xff\xf1`@", "aac"),
        (b"\xff\xf9`@", "aac"),
        (b"#!AMR\n<", "amr"),
        (b"#!AMR-WB\n", "amr"),
        (b"\xff\xfb\x90d", None),
        (b"ID3\x03", None),
        (b"RIFF$\0\0\0WAVE", None),
        (b"OggS", None),
        (b"#EXTM3U\n", None),
        (b"", None),
    ],
)
def test_a_telephones_file_is_known_by_its_beginning(head: bytes, form: str | None) -> None:
    assert kind(head) == form


def test_the_files_are_what_they_are_called() -> None:
    kinds = {file.suffix: kind(file.read_bytes()[:12]) for file in RECORDINGS.iterdir()}
    assert kinds == {".m4a": "mov", ".aac": "aac", ".mp3": None}


def test_an_mp3_of_a_telephone_needs_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    prepare_clip(RECORDINGS / "telephone.mp3", tmp_path / "clip.wav")
    assert Clip.load(tmp_path / "clip.wav", "clip").seconds == pytest.approx(1.2, abs=0.15)


@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed here")
@pytest.mark.parametrize("name", ["telephone.m4a", "telephone.aac"])
def test_a_recording_of_a_telephone_becomes_a_clip(tmp_path: Path, name: str) -> None:
    prepare_clip(RECORDINGS / name, tmp_path / "clip.wav")
    assert Clip.load(tmp_path / "clip.wav", "clip").seconds == pytest.approx(1.2, abs=0.15)
    (tmp_path / name).write_bytes((RECORDINGS / name).read_bytes()[:2000])
    with pytest.raises(ClipUnusable, match="cut off"):
        prepare_clip(tmp_path / name, tmp_path / "half.wav")
    assert not (tmp_path / "half.wav").exists()


def amr(*, wide: bool) -> bytes:
    """1.5 s of AMR as RFC 4867 stores it, at the highest rate, of frames that sound like noise.

    Written by hand: the ffmpeg of Debian reads AMR, and has no encoder for it.
    """
    frames = random.Random(7)
    head, payload = (0x44, 60) if wide else (0x3C, 31)
    sound = b"".join(bytes([head]) + frames.randbytes(payload) for _ in range(75))
    return (b"#!AMR-WB\n" if wide else b"#!AMR\n") + sound


def made(folder: Path, name: str) -> Path:
    """Return a recording as telephones store it: AMR alone, or in a 3GP file, or AAC in one."""
    file = folder / name
    raw = file if file.suffix == ".amr" else folder / "raw.amr"
    raw.write_bytes(amr(wide="wide" in name))
    if file != raw:
        tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=1.5")
        source = (*tone, "-c:a", "aac") if "aac" in name else ("-i", str(raw), "-c", "copy")
        command = [str(FFMPEG), "-nostdin", "-v", "error", "-y", *source, str(file)]
        subprocess.run(command, check=True, timeout=60)
    return file


@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed here")
@pytest.mark.parametrize("name", ["amr.amr", "wide.amr", "amr.3gp", "wide.3gp", "aac.3gp"])
def test_what_older_telephones_record_becomes_a_clip(tmp_path: Path, name: str) -> None:
    file = made(tmp_path, name)
    assert kind(file.read_bytes()[:12]) == ("amr" if name.endswith(".amr") else "mov")
    prepare_clip(file, tmp_path / "clip.wav")
    assert Clip.load(tmp_path / "clip.wav", "clip").seconds == pytest.approx(1.5, abs=0.15)
    # In the middle of a frame: one that ends between two AMR frames is a whole file to anybody.
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ClipUnusable, match="cut off"):
        prepare_clip(file, tmp_path / "half.wav")
    assert not (tmp_path / "half.wav").exists()


def test_without_the_program_the_remedy_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DecoderMissing) as missing:
        prepare_clip(RECORDINGS / "telephone.m4a", tmp_path / "clip.wav")
    assert "apt install ffmpeg" in str(missing.value.remedy)
    assert not (tmp_path / "clip.wav").exists()


def program(folder: Path, body: str) -> None:
    file = folder / "ffmpeg"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_the_program_is_told_what_it_gets_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    source = tmp_path / "a-name;with $(things).m4a"
    source.write_bytes((RECORDINGS / "telephone.m4a").read_bytes())
    program(tmp_path, f'printf "%s\\n" "$@" > {told}; echo broken >&2; exit 3')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(ClipUnusable, match="broken or cut off"):
        prepare_clip(source, tmp_path / "clip.wav")
    given = told.read_text().splitlines()
    assert given[given.index("-f") + 1] == "mov"
    assert given[given.index("-i") + 1] == f"file:{source}"
    assert given[given.index("-protocol_whitelist") + 1] == "file"
    assert not list(tmp_path.glob("autodialer-*"))


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(telephone_file, "WITHIN", 0.3)
    with pytest.raises(ClipUnusable, match="takes too long"):
        prepare_clip(RECORDINGS / "telephone.m4a", tmp_path / "clip.wav")
