"""Lines that show by themselves whether they are whole: ``CRC32 TEXT``. Pure."""

from __future__ import annotations

import zlib


def frame(text: bytes) -> bytes:
    """Return *text*, which has no newline, as a line with its checksum in front."""
    return b"%08x %b\n" % (zlib.crc32(text), text)


def body(raw: bytes) -> bytes | None:
    """Return the text of a line if it is whole and its checksum fits, else None."""
    text = raw[9:-1]
    if len(raw) < 10 or raw[-1:] != b"\n" or raw[:9] != b"%08x " % zlib.crc32(text):
        return None
    return text
