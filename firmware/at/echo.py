"""A modem's echo of what was sent to it, which must not pass for an answer."""

from __future__ import annotations


class Echo:
    """What may still be echoed of one command; with *listed* an answer may name other commands."""

    def __init__(self, text: str, *, listed: bool = False) -> None:
        self._text = text
        self._listed = listed
        self._expected = {text}

    def expect(self, text: str) -> None:
        """More was sent (the payload of the command)."""
        self._expected.add(_printable(text))

    def takes(self, line: str) -> bool:
        """Whether *line* is an echo; each is taken once."""
        text = _printable(line)
        if text in self._expected:
            self._expected.discard(text)
            return True
        rest = self._text.removeprefix(text)
        if rest and rest != self._text and len(text) >= 2:
            # A notice has cut the echo in two; without the rest it would pass for an answer.
            self._expected.add(rest.strip())
            return True
        return not self._listed and looks_like_echo(line)


def looks_like_echo(line: str) -> bool:
    """No notice of any known modem starts with AT; A76xx's ``*ATREADY`` does not either."""
    return line.lstrip("\x1a\x1b")[:2] in ("AT", "at")


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()
