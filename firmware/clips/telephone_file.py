"""Recordings of a telephone: AAC and AMR, which the libraries here do not read, by way of ffmpeg.

A telephone's recorder writes M4A (AAC in MP4), 3GP or AMR. ffmpeg is a program of the distribution
and no part of the box: it runs where a clip is prepared, and where it is missing the remedy names
it. It is told what kind of file it gets, so that no playlist makes it read another.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from firmware.errors import ClipUnusable, FirmwareError
from firmware.wording import worded

PROGRAM = "ffmpeg"
LONGEST = 3600
"""Seconds of sound that are taken of one file."""
WITHIN = 300.0
"""Real seconds that it may take."""


class DecoderMissing(FirmwareError):
    """The program that reads a telephone's recordings is not installed."""


def kind(head: bytes) -> str | None:
    """Return ffmpeg's name of the kind of file that begins with *head*; None where it is another.

    ISO/IEC 14496-12 (``ftyp``), ISO/IEC 13818-7 (ADTS), RFC 4867 (AMR).
    """
    if head[4:8] == b"ftyp":
        return "mov"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    return "amr" if head.startswith(b"#!AMR") else None


def decoded(path: Path, form: str, folder: TemporaryDirectory[str]) -> Path:
    """Return *path* as a WAV file in *folder*, in its own rate and channels.

    Raises :class:`DecoderMissing`, or :class:`~firmware.errors.ClipUnusable` where the file is
    broken or cut off: half a greeting would be called.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise DecoderMissing(
            worded("{path}: reading a telephone's recording needs the program ffmpeg", path=path),
            remedy=worded("sudo apt install ffmpeg, or export the recording as WAV or MP3"),
        )
    target = Path(folder.name) / "decoded.wav"
    try:
        done = subprocess.run(
            [
                *(program, "-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file"),
                *("-f", form, "-i", f"file:{path.resolve()}", "-map", "0:a:0", "-vn"),
                *("-t", str(LONGEST), "-c:a", "pcm_s16le", "-f", "wav", str(target)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=WITHIN,
        )
    except subprocess.TimeoutExpired:
        failed: str = worded("it takes too long")
    else:
        if done.returncode == 0 and target.is_file():
            return target
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        failed = (
            said[0][-200:] if said else worded("ffmpeg ended with {code}", code=done.returncode)
        )
    raise ClipUnusable(
        worded("{path}: broken or cut off ({why})", path=path, why=failed),
        remedy=worded("copy or record it again"),
    )
