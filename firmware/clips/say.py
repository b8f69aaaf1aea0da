"""Speech from text by a synthesiser that is installed on this machine.

The programs are called, not linked: espeak-ng (in Debian, GPL) speaks every language plainly;
piper (MIT, a download with one voice model per language) sounds far more natural.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from firmware.clips.prepare import Preparation, prepare_clip
from firmware.errors import ClipUnusable, FirmwareError
from firmware.wording import worded

WORDS_PER_MINUTE = 150
"""Slower than espeak-ng's 175: a telephone swallows consonants."""
LONGEST_TEXT = 2000
TIMEOUT = 60.0


class SpeechUnavailable(FirmwareError):
    """No synthesiser is installed, or it refused the text."""


def say_clip(
    text: str,
    target: Path,
    *,
    language: str,
    words_per_minute: int = WORDS_PER_MINUTE,
    piper_model: Path | None = None,
) -> Preparation:
    """Speak *text* and write it as a finished clip to *target*.

    *language* is espeak-ng's voice name, such as ``fr`` or ``en-gb``. With *piper_model* (a
    ``.onnx`` voice) piper speaks instead, at its own pace.

    Raises :class:`SpeechUnavailable`, and what :func:`~firmware.clips.prepare.prepare_clip`
    raises.
    """
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise SpeechUnavailable(
            worded(
                "the text has {count} characters; 1 to {longest_text} can be spoken",
                count=len(text),
                longest_text=LONGEST_TEXT,
            ),
            remedy=worded("write a shorter text"),
        )
    try:
        words = text.encode("utf-8")
    except UnicodeEncodeError:
        raise SpeechUnavailable(
            worded("the text is not UTF-8"), remedy=worded("write it in UTF-8")
        ) from None
    with tempfile.TemporaryDirectory(prefix="autodialer-say-") as folder:
        spoken = Path(folder) / "spoken.wav"
        if piper_model is not None:
            command = ["piper", "--model", str(piper_model), "--output_file", str(spoken)]
        else:
            command = ["espeak-ng", "-v", language, "-s", str(words_per_minute)]
            command += ["-w", str(spoken), "--stdin"]
        _run(command, words)
        try:
            return prepare_clip(spoken, target)
        except ClipUnusable as error:
            if str(spoken) not in str(error):
                raise
            # The user knows no such file.
            raise SpeechUnavailable(
                worded("{command} spoke no words of this text", command=command[0]),
                remedy=worded("write words"),
            ) from error


def _run(command: list[str], words: bytes) -> None:
    program = command[0]
    if shutil.which(program) is None:
        remedy = (
            worded("sudo apt install espeak-ng")
            if program == "espeak-ng"
            else worded("install piper-tts")
        )
        raise SpeechUnavailable(
            worded("{program} is not installed", program=program), remedy=remedy
        )
    try:
        # The text goes through standard input: it can neither be taken for an option nor show
        # in the process list.
        done = subprocess.run(
            command, input=words, capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise SpeechUnavailable(
            worded(
                "{program} did not finish within {timeout:.0f} s", program=program, timeout=TIMEOUT
            ),
            remedy=worded("write a shorter text"),
        ) from None
    complaint = " ".join(done.stderr.decode("utf-8", "replace").split())
    # espeak-ng answers 0 even where it knows no such voice, and only says so.
    if done.returncode != 0 or "does not exist" in complaint:
        raise SpeechUnavailable(
            worded(
                "{program} failed: {complaint}",
                program=program,
                complaint=complaint or worded("exit code {returncode}", returncode=done.returncode),
            ),
            remedy=worded("check the language (espeak-ng --voices) or the voice model"),
        )
