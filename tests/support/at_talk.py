"""A conversation with a modem on a clock of its own, for tests of the exchange."""

from __future__ import annotations

from collections.abc import Iterable

from firmware.at.command import make_command
from firmware.at.exchange import Exchange
from firmware.at.outcomes import (
    Completed,
    ExchangeEvent,
    Reply,
    Resynchronised,
    Send,
    Urc,
)

BEGAN = 100.0


class Talk:
    """An exchange with its own clock; what it emits is sorted for the tests."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.exchange = exchange or Exchange()
        self.now = BEGAN
        self.urcs: list[str] = []
        self.sent: list[bytes] = []
        self.written: list[tuple[float, bytes]] = []
        """What was sent, with the seconds since the beginning."""
        self.outcomes: list[ExchangeEvent] = []

    def take(self, events: Iterable[ExchangeEvent]) -> None:
        for event in events:
            match event:
                case Urc(text=text):
                    self.urcs.append(text)
                case Send(data=data):
                    self.sent.append(data)
                    self.written.append((round(self.now - BEGAN, 3), data))
                case _:
                    self.outcomes.append(event)

    def send(self, text: str, *, timeout: float = 2.0, payload: bytes | None = None) -> None:
        command = make_command(text, timeout=timeout, payload=payload)
        self.take(self.exchange.send(command, self.now))

    def hear(self, *lines: str) -> None:
        for line in lines:
            self.take(self.exchange.receive(f"\r\n{line}\r\n".encode(), self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass, ticking exactly when the exchange asks for it."""
        end = self.now + seconds
        for _ in range(10_000):
            wake = self.exchange.wake_at
            if wake is None or wake > end:
                self.now = end
                return
            self.now = max(self.now, wake)
            self.take(self.exchange.tick(self.now))
        raise AssertionError("the exchange asks to be woken again and again, and does nothing")

    def resync(self, timeout: float = 5.0) -> None:
        self.take(self.exchange.begin_resync(self.now, timeout=timeout))

    def in_step(self) -> None:
        """Resync against a modem that answers."""
        self.resync()
        self.wait(0.3)
        self.hear("OK")
        self.wait(0.2)
        assert self.outcomes.pop() == Resynchronised()

    def reply(self) -> Reply:
        event = self.outcomes.pop()
        assert isinstance(event, Completed), event
        return event.reply
