"""Where the demonstration and the rehearsal tell what happens: plain lines, or a screen."""

from __future__ import annotations

from typing import Any, Protocol

from appliance.language import Speaker
from appliance.screen.status import ENGLISH


class Screen(Protocol):
    """Where news and states go."""

    def news(self, text: str) -> None: ...

    def show(self, status: dict[str, Any], called: int, expected: int) -> None:
        """Show the box's *status*, and how many of the *expected* people were called."""
        ...


class PlainScreen:
    """One line per piece of news."""

    def __init__(self, say: Speaker = ENGLISH) -> None:
        self._say = say

    def news(self, text: str) -> None:
        print(self._say(text), flush=True)

    def show(self, status: dict[str, Any], called: int, expected: int) -> None:
        pass
