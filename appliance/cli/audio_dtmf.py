"""``audio dtmf FILE|-``: print the keys in a recording, one ``SECONDS KEY`` a line."""

from __future__ import annotations

import argparse
import json
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from firmware.dtmf import ALL_KEYS, Detected, ToneDetector

_RATE: Final = 8000
_CHUNK: Final = 1 << 16
_TAIL: Final = bytes(2 * 640)
"""80 ms of silence, so that a key at the very end is decided."""


class _Unreadable(Exception):
    """The recording is not 8 kHz 16-bit mono; the text says what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="WAV file, 8 kHz 16-bit mono; - reads raw 8 kHz s16le from standard input",
    )
    parser.add_argument(
        "--keys", default=ALL_KEYS, metavar="KEYS", help="report only these keys (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _wave_chunks(path: Path) -> Iterator[bytes]:
    remedy = f"convert it with: autodialer audio prepare {path} OUT.wav"
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getframerate(), 8 * file.getsampwidth(), file.getnchannels())
            if found != (_RATE, 16, 1):
                raise _Unreadable(
                    f"{path}: {found[0]} Hz, {found[1]} bit, {found[2]} channel(s), but keys are "
                    f"read from 8000 Hz, 16 bit, 1 channel; {remedy}"
                )
            while chunk := file.readframes(_CHUNK // 2):
                yield chunk
    except FileNotFoundError as error:
        raise _Unreadable(f"{path}: no such file") from error
    except (wave.Error, EOFError, OSError) as error:
        raise _Unreadable(f"{path}: not a PCM WAV file ({error}); {remedy}") from error


def _chunks(name: str, standard_input: BinaryIO) -> Iterator[bytes]:
    if name == "-":
        # read1 hands over what a live source has sent, without waiting for a full buffer.
        read = getattr(standard_input, "read1", standard_input.read)
        while chunk := read(_CHUNK):
            yield chunk
    else:
        yield from _wave_chunks(Path(name))
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
    except (_Unreadable, ValueError) as error:
        print(f"autodialer: {error}", file=sys.stderr)
        return 2
    return 0
