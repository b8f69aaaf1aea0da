"""Bytes from a modem into lines and prompts, whatever the line ends and however they are cut.

ITU-T V.250 puts ``CR LF`` around a result, real modems send ``CR CR LF`` (SIMCom ``+RXDTMF``,
Huawei lists) and ``LF CR`` too. Both characters end a line here and empty lines vanish, so every
variant gives the same lines and no split of the stream can change them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE = 8192
"""Longest line kept, in bytes. The longest honest ones are AT+CLAC lists of about 3 kB."""

# Idle lines and breaks read as NUL; XON and XOFF come from modems left in software flow control.
_NOISE = b"\x00\x11\x13"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end, stripped, never empty; undecodable bytes became U+FFFD."""

    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for the payload of the running command (3GPP TS 27.005, 3.5.1)."""


class Framer:
    """Cuts a byte stream into :class:`Line` and :class:`Prompt`; remembers one partial line.

    ``expect_prompt`` is set by whoever sent a command that is answered by ``> ``, which has no
    line end and looks like text anywhere else. A prompt clears it.
    """

    def __init__(self) -> None:
        self.expect_prompt = False
        self.overflows = 0
        """Lines thrown away because they grew beyond :data:`MAX_LINE`."""
        self._partial = bytearray()
        self._overflowing = False

    @property
    def pending(self) -> int:
        """Bytes of the unfinished line that are kept; never above :data:`MAX_LINE`."""
        return len(self._partial)

    def feed(self, data: bytes) -> Iterator[Line | Prompt]:
        """Yield what *data* completes. Lazy: ``expect_prompt`` may change between two items.

        The iterator must be exhausted before the next call.
        """
        data = data.translate(None, _NOISE)
        start = 0
        while start < len(data):
            if self.expect_prompt and self._at_prompt(data[start]):
                self._partial.clear()
                self.expect_prompt = False
                start += 1
                yield Prompt()
                continue
            end = _line_end(data, start)
            if self.expect_prompt and end != start:
                # Byte by byte, since blanks before a prompt must not hide it.
                end = start + 1
                self._keep(data[start:end])
                start = end
                continue
            if end < 0:
                self._keep(data[start:])
                return
            self._keep(data[start:end])
            start = end + 1
            line = self._take()
            if line is not None:
                yield line

    def _at_prompt(self, byte: int) -> bool:
        return byte == 0x3E and not self._overflowing and not self._partial.strip()

    def _keep(self, piece: bytes) -> None:
        if self._overflowing:
            return
        if len(self._partial) + len(piece) > MAX_LINE:
            self._overflowing = True
            self._partial.clear()
            return
        self._partial += piece

    def _take(self) -> Line | None:
        raw = bytes(self._partial)
        self._partial.clear()
        if self._overflowing:
            self._overflowing = False
            self.overflows += 1
            return None
        text = raw.decode("utf-8", "replace").strip()
        return Line(text) if text else None


def _line_end(data: bytes, start: int) -> int:
    """Index of the first CR or LF at or after *start*, or -1."""
    carriage, feed = data.find(b"\r", start), data.find(b"\n", start)
    if carriage < 0 or feed < 0:
        return max(carriage, feed)
    return min(carriage, feed)
