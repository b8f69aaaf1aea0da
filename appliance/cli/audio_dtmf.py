"""``audio dtmf FILE|-``: print the keys in a recording, one ``SECONDS KEY`` a line."""

from __future__ import annotations

import argparse
import json
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.cli.speech import say
from appliance.errors import Refused
from firmware.wording import joined, worded

if TYPE_CHECKING:
    from firmware.dtmf import Detected

_RATE: Final = 8000
_CHUNK: Final = 1 << 16
_TAIL: Final = bytes(2 * 640)
"""80 ms of silence, so that a key at the very end is decided."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="recording (WAV; FLAC, MP3 and OGG with the extra `audio`); - reads raw 8 kHz s16le "
        "from standard input",
    )
    parser.add_argument(
        "--keys",
        type=_keys,
        metavar="KEYS",
        help="report only these keys (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


class _Told:
    """What the technician must know beside the keys, on standard error."""

    def __init__(self) -> None:
        self.incomplete = False

    def note(self, sentence: str) -> None:
        print(say("autodialer: {sentence}", sentence=sentence), file=sys.stderr)

    def fault(self, sentence: str) -> None:
        self.incomplete = True
        self.note(worded("{sentence}; copy or record it again", sentence=sentence))


def _keys(text: str) -> str:
    # Here and below: the detector's arithmetic takes long to load, and help and completions do
    # without it.
    from firmware.dtmf import ToneDetector

    try:
        ToneDetector(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _file_chunks(path: Path, told: _Told) -> Iterator[bytes]:
    """A plain WAV file of the telephone's own format needs no library; the rest is converted."""
    from firmware.clips.recording import cut_off, refuse_no_file, telephone_chunks

    refuse_no_file(path)
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (_RATE, 2, 1):
                missing = cut_off(path)
                if missing:
                    told.fault(joined(": ", [str(path), missing]))
                while chunk := file.readframes(_CHUNK // 2):
                    yield chunk
                return
    except (wave.Error, EOFError, RuntimeError, ValueError):
        # Not plain samples: libsndfile knows more kinds of WAV, and FLAC, MP3 and OGG. wave (3.11)
        # raises a bare RuntimeError where a chunk is longer than the file.
        pass
    yield from telephone_chunks(path, told)


def _chunks(name: str, told: _Told) -> Iterator[bytes]:
    if name == "-":
        if sys.stdin is None:
            raise Refused(worded("standard input is closed"), worded("pipe raw 8 kHz s16le in"))
        # read1 hands over what a live source has sent, without waiting for a full buffer.
        source = sys.stdin.buffer
        read = getattr(source, "read1", source.read)
        while chunk := read(_CHUNK):
            yield chunk
    else:
        yield from _file_chunks(Path(name), told)
    yield _TAIL


def _line(found: Detected, as_json: bool) -> str:
    if not as_json:
        return f"{found.at:.3f} {found.key}"
    row = {"at": round(found.at, 3), "key": found.key, "sureness": round(found.sureness, 3)}
    return json.dumps(row)


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0; 1 where the recording is cut off or broken, whose keys are printed too."""
    from firmware.dtmf import ALL_KEYS, ToneDetector

    told = _Told()
    detector = ToneDetector(ALL_KEYS if arguments.keys is None else arguments.keys)
    for chunk in _chunks(arguments.file, told):
        for found in detector.feed(chunk):
            print(_line(found, arguments.json), flush=True)
    return 1 if told.incomplete else 0
