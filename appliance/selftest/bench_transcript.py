"""The AT traffic of a modem as lines that tell nothing of anybody.

Each direction is put together to whole lines before it is masked: a number that came in two reads,
with an answer of ours in between, is still one number.
"""

from __future__ import annotations

import re
import threading

LONGEST = 300
"""Characters of a line; what is longer is a clip on its way to the module's memory."""

_PIN = re.compile(r"(?i)(\+(?:CPIN|CLCK|CPWD)\s*=).*")
_DIGITS = re.compile(r"\d{6,}")
_SPACED = re.compile(r"\d(?:[ -]?\d){7,}|\d\d(?:\.\d\d){4}")
"""A number as people and networks write it in a text."""
_HEX = re.compile(r"(?i)[0-9a-f]{12,}")
_TELLS = re.compile(
    r"(?i)(?:AT)?[+^](?:CLIP|CNUM|CLCC|CCWA|COLP|CMT|CDS|CMGR|CMGL|CMGS|CPBR|CPBF|CUSD|C[EG]?REG"
    r"|QENG|CPSI|MONI)\b"
)
"""Lines whose texts are numbers, names, messages, balances, or the cell where the modem stands."""
_QUOTED = re.compile(r'"[^"]*"')
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")


def masked(line: str) -> str:
    """Return *line* with zeros for digits and x for letters wherever they may identify somebody."""
    line = _PIN.sub(r"\1(masked)", line)
    if _TELLS.match(line):
        line = _QUOTED.sub(lambda found: _LETTER.sub("x", _DIGIT.sub("0", found[0])), line)
    line = _SPACED.sub(lambda found: _DIGIT.sub("0", found[0]), line)
    line = _HEX.sub(lambda found: "0" * len(found[0]), line)
    return _DIGITS.sub(lambda found: "0" * len(found[0]), line)


class Transcript:
    """Gathers traced bytes; the reader's and the caller's threads both add."""

    def __init__(self) -> None:
        self._rows: list[str] = []
        self._open = {"tx": b"", "rx": b""}
        self._lock = threading.Lock()

    def add(self, direction: str, data: bytes, _: float) -> None:
        """Take what went over the port; a ``trace`` of the line."""
        with self._lock:
            whole = self._open.get(direction, b"") + data
            *lines, rest = re.split(rb"[\r\n]", whole)
            for line in lines:
                self._line(direction, line)
            if len(rest) > LONGEST:
                self._line(direction, rest)
                rest = b""
            self._open[direction] = rest

    def lines(self) -> list[str]:
        """Return ``>`` (to the modem) and ``<`` (from it), masked; the last may be half a line."""
        with self._lock:
            for direction, rest in self._open.items():
                self._line(direction, rest)
                self._open[direction] = b""
            return list(self._rows)

    def _line(self, direction: str, line: bytes) -> None:
        if not line:
            return
        sign = ">" if direction == "tx" else "<"
        text = line.decode("ascii", "replace")
        if len(line) > LONGEST or not text.isprintable() or "\ufffd" in text:
            text = f"({len(line)}B)"
        self._rows.append(f"{sign} {masked(text)}")
