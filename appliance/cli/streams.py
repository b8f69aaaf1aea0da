"""What a command prints, made safe for the terminal that shows it.

Texts come from files, modems, other programs and people: a name, an operator's reason, a network's
reply. A terminal obeys the control characters in them (ECMA-48): it clears its screen, renames its
window, turns a line around. They are printed as ``\\uXXXX``, which is also how JSON writes them.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

DRAWS = frozenset({"demo", "watch", "panel", "rehearse"})
"""Commands that move the cursor themselves, and make the texts that they show safe on their own."""

# C0 but tab and line ends, DEL, C1; what turns the direction of a line (Unicode bidirectional
# algorithm: embeddings, overrides, isolates, marks); line and paragraph separator. Both are made
# ready where they are first needed: most of what is printed is harmless at a glance.
_CONTROLS = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)"
)
_CLEAR = "\x1b[H\x1b[2J"
"""To the upper left corner, and everything erased (ECMA-48 CUP, ED)."""
_HALF = r"[\ud800-\udfff]"
_STRICT = ("strict", "surrogateescape")


def visible(text: str) -> str:
    """Return *text* with its control characters written out."""
    if _harmless(text):
        return text
    return re.sub(_CONTROLS, lambda found: f"\\u{ord(found[0]):04x}", text)


def _harmless(text: str) -> bool:
    """Tell quickly of most texts that they hold nothing to write out, no half of a pair either."""
    return text.replace("\n", "").isprintable()


def plain(text: str) -> str:
    """Return an argument of the command line as text that every file can hold.

    Bytes that are not of the locale's encoding come as halves of surrogate pairs (PEP 383).
    """
    return text if _harmless(text) else re.sub(_HALF, "\N{REPLACEMENT CHARACTER}", text)


class _Visible(io.TextIOBase):
    """A stream that writes control characters out and passes all else on."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = self.behind = stream

    def write(self, text: str, /) -> int:
        self._stream.write(visible(plain(text)))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """The stream below belongs to the interpreter."""

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def bare(stream: TextIO) -> TextIO:
    """Return the terminal behind *stream*, for what draws there nothing but its own words."""
    return stream.behind if isinstance(stream, _Visible) else stream


def draw_anew(text: str) -> None:
    """Print *text* on an empty screen, or below what stands there where it is no terminal.

    The command to the terminal goes past what writes such commands out; *text* does not.
    """
    if sys.stdout.isatty():
        terminal = bare(sys.stdout)
        terminal.write(_CLEAR)
        terminal.flush()
    print(text, flush=True)


@contextmanager
def safe_output(command: str) -> Iterator[None]:
    """Print for *command* so that no text is obeyed and none is too foreign to be printed.

    In a locale whose encoding lacks a character ``?`` stands for it; without this the command
    would end in the middle of its answer.
    """
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _STRICT:
            stream.reconfigure(errors="replace")
    if command not in DRAWS:
        sys.stdout, sys.stderr = _Visible(before[0]), _Visible(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
