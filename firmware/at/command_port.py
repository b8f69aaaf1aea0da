"""What takes AT commands, as those see it who only ask questions or hang up."""

from __future__ import annotations

from typing import Protocol

from firmware.at.outcomes import Reply


class Commands(Protocol):
    """The part of the modem that a question needs."""

    def command(self, text: str, *, timeout: float = 2.0) -> Reply: ...


class HangsUp(Commands, Protocol):
    """The part of the modem that a ladder needs."""

    def emergency_hang_up(self) -> None: ...
