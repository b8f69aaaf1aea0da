"""``audio dtmf FILE|-``: print the keys in a recording, one ``SECONDS KEY`` a line."""

from __future__ import annotations

import argparse
import json
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from firmware.audio.recording import telephone_chunks
from firmware.dtmf import ALL_KEYS, Detected, ToneDetector
from firmware.errors import ClipUnusable, FirmwareError

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
        "--keys", default=ALL_KEYS, metavar="KEYS", help="report only these keys (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _file_chunks(path: Path) -> Iterator[bytes]:
    """A plain WAV file of the telephone's own format needs no library; the rest is converted."""
    if not path.is_file():
        raise ClipUnusable(f"{path}: no such file", remedy="check the path of the recording")
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (_RATE, 2, 1):
                while chunk := file.readframes(_CHUNK // 2):
                    yield chunk
                return
    except (wave.Error, EOFError):
        # Not plain samples: libsndfile knows more kinds of WAV, and FLAC, MP3 and OGG.
        pass
    yield from telephone_chunks(path)


def _chunks(name: str, standard_input: BinaryIO) -> Iterator[bytes]:
    if name == "-":
        # read1 hands over what a live source has sent, without waiting for a full buffer.
        read = getattr(standard_input, "read1", standard_input.read)
        while chunk := read(_CHUNK):
            yield chunk
    else:
        yield from _file_chunks(Path(name))
    yield _TAIL


def _line(found: Detected, as_json: bool) -> str:
    if not as_json:
        return f"{found.at:.3f} {found.key}"
    row = {"at": round(found.at, 3), "key": found.key, "sureness": round(found.sureness, 3)}
    return json.dumps(row)


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, or 2 where the recording or the key list cannot be used."""
    try:
        detector = ToneDetector(arguments.keys)
        for chunk in _chunks(arguments.file, sys.stdin.buffer):
            for found in detector.feed(chunk):
                print(_line(found, arguments.json), flush=True)
    except (FirmwareError, OSError, ValueError) as error:
        remedy = f"; {error.remedy}" if isinstance(error, FirmwareError) and error.remedy else ""
        print(f"autodialer: {error}{remedy}", file=sys.stderr)
        return 2
    return 0
