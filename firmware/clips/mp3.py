"""How long an MP3 file is: told by its Xing header, or counted frame by frame.

libsndfile takes the length of a file without that header from the bitrate of its first frames:
it may stop early without a word, and it fills the missing end of a file with one by silence.
Layer III frames as in ISO/IEC 11172-3 and 13818-3.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from firmware.wording import worded

_FIRST = 256
"""The Xing header stands in the first frame, at most 36 bytes behind its start."""
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Kilobits a second of MPEG 1, and of MPEG 2 and 2.5, by index."""
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Samples a second by version bits and index."""
_LAYER_3 = 1


def cut_off(file: BinaryIO, size: int) -> str:
    """Say what is missing where *file* of *size* bytes ends before it should, or nothing."""
    start = _sound_start(file)
    stated = _stated_bytes(file, start)
    if stated:
        present = size - start
        return (
            worded(
                "cut off; its header promises {stated} bytes of sound, {present} are there",
                stated=stated,
                present=present,
            )
            if present < stated
            else ""
        )
    _, whole = _counted(file, start, size)
    return "" if whole else worded("cut off inside its last frame")


def samples(file: BinaryIO, size: int) -> int:
    """Return the samples of one channel in a file without a Xing header; else 0."""
    start = _sound_start(file)
    return 0 if _stated_bytes(file, start) else _counted(file, start, size)[0]


def _sound_start(file: BinaryIO) -> int:
    """Return what follows an ID3v2 tag, whose length has seven bits a byte."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return 10 + length


def _stated_bytes(file: BinaryIO, start: int) -> int:
    file.seek(start)
    first = file.read(_FIRST)
    place = max(first.find(b"Xing"), first.find(b"Info"))
    if _frame(first[:4]) is None or place < 0 or len(first) < place + 16:
        return 0
    flags, _, stated = struct.unpack(">III", first[place + 4 : place + 16])
    return int(stated) if flags & 3 == 3 else 0


def _counted(file: BinaryIO, start: int, size: int) -> tuple[int, bool]:
    """Count samples up to what is no frame (mostly a tag), and tell whether the last is whole."""
    count, place = 0, start
    while True:
        file.seek(place)
        frame = _frame(file.read(4))
        if frame is None:
            return count, True
        length, held = frame
        if place + length > size:
            return count, False
        count += held
        place += length


def _frame(head: bytes) -> tuple[int, int] | None:
    """Return the bytes and the samples of the frame with this header; None where it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version not in _RATES or layer != _LAYER_3 or not 0 < bitrate < 15 or rate == 3:
        return None
    held = 1152 if version == 3 else 576
    kilobits = (_BITRATES_1 if version == 3 else _BITRATES_2)[bitrate]
    padding = head[2] >> 1 & 1
    return held // 8 * kilobits * 1000 // _RATES[version][rate] + padding, held
