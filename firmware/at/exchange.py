"""The conversation with one modem, without any I/O: bytes and the time in, events out.

Rules (27.007 leaves them open; each is paid for by a modem or a simulator that broke without it):

* One command is in flight. It owns the information prefixes it names; every other line is a
  notice and is passed on, also in the middle of an answer.
* BUSY, NO CARRIER and their like end ATD and ATA only; at any other time they are notices.
* A command without a final result in time leaves the exchange *dirty*: its late result must not
  be taken by the next command. :meth:`Exchange.begin_resync` gets back in step
  (:mod:`firmware.at.resync`). Notices flow meanwhile; orphan results and orphan information lines
  are dropped and counted.
* Some modems answer a slow command after the next one. Results still owed after a resync are the
  *debt*. While it stands, a result that follows information of the dead command is taken for the
  dead one's, so is a bare OK to a query that cannot be answered so, and a reply that may be
  somebody else's is marked ``doubtful``. Debt is forgotten after a while.
* A NO CARRIER during ATD may be the late word of the call before: the dial's own result then still
  comes, and must not pass for an empty call list.

States: idle, running, dirty, resyncing. ``now`` is real monotonic seconds.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from firmware.at.command import Command, is_urc
from firmware.at.debt import Debt
from firmware.at.echo import Echo, looks_like_echo
from firmware.at.framing import Framer, Line, Prompt
from firmware.at.outcomes import (
    Aborted,
    Completed,
    ExchangeEvent,
    Reply,
    ResyncFailed,
    Resynchronised,
    Send,
    TimedOut,
    Urc,
)
from firmware.at.parsing import is_message_body
from firmware.at.results import CALL_RESULTS, Final, FinalKind, final_result
from firmware.at.resync import QUIET_SECONDS, Resync

EARLY_SECONDS = 5.0
"""How long ATD may still owe its result after a call result that was perhaps not its own."""
MAX_ANSWER = 256 * 1024
"""Characters of information lines kept for one command; AT+CMGL of a full SIM is about 100 kB."""


class _State(Enum):
    IDLE = auto()
    RUNNING = auto()
    DIRTY = auto()
    RESYNCING = auto()


_HEADERS = ("+CMT:", "+CDS:", "+CBM:")
# Line noise, such as the bytes of a modem that is still at another baud rate, says nothing.
_SAYS_SOMETHING = re.compile(r"[0-9A-Za-z]")


class Exchange:
    """State of the conversation; see the module. Not thread-safe, never blocks, never raises
    for anything that a modem sends."""

    def __init__(self, *, urcs: tuple[str, ...] = ()) -> None:
        self.dropped = 0
        """Orphan results, orphan information lines and echoes thrown away so far."""
        self._urcs = urcs
        self._framer = Framer()
        self._state = _State.IDLE
        self._command: Command | None = None
        self._lines: list[str] = []
        # send() sets these three, before anything reads them.
        self._size: int
        self._deadline: float
        self._echo: Echo
        # The last byte that was not of a notice.
        self._last_byte = float("-inf")
        self._header: str | None = None
        self._debt = Debt()
        # Information of a dead command came without its result; a bare OK to the running query was
        # taken for an older command's.
        self._late = self._taken = False
        self._resync = Resync()

    @property
    def idle(self) -> bool:
        """A command may be sent."""
        return self._state is _State.IDLE

    @property
    def running(self) -> Command | None:
        """The command in flight, if any."""
        return self._command if self._state is _State.RUNNING else None

    @property
    def overflows(self) -> int:
        """Lines dropped for being longer than any honest one."""
        return self._framer.overflows

    @property
    def wake_at(self) -> float | None:
        """When :meth:`tick` must be called, if nothing else happens before."""
        match self._state:
            case _State.IDLE | _State.DIRTY:
                return None
            case _State.RUNNING:
                return self._deadline
            case _State.RESYNCING:
                return self._resync.wake_at

    def debt(self, now: float) -> int:
        """Final results that older commands still owe."""
        return self._debt.owed(now)

    def send(self, command: Command, now: float) -> list[ExchangeEvent]:
        """Put *command* in flight. Raises RuntimeError unless :attr:`idle` (a caller's error)."""
        if self._state is not _State.IDLE:
            raise RuntimeError("a command is in flight or the exchange is out of step")
        self._state = _State.RUNNING
        self._command = command
        self._lines, self._size, self._late, self._taken = [], 0, False, False
        self._echo = Echo(command.text, listed=command.plain)
        self._framer.expect_prompt = command.payload is not None
        self._deadline = now + command.timeout
        return [Send(command.text.encode("ascii") + b"\r")]

    def receive(self, data: bytes, now: float) -> list[ExchangeEvent]:
        """Take bytes that were read at *now*; any bytes, cut anywhere."""
        events: list[ExchangeEvent] = []
        if not data:
            return events
        for token in self._framer.feed(data):
            draining = self._resync.draining
            before = len(events)
            match token:
                case Prompt():
                    self._open_prompt(events)
                case Line(text=text):
                    self._take(text, now, events)
            if any(isinstance(event, Urc) for event in events[before:]):
                # Notices do not break the silence: a busy network would put every resync off. Half
                # a line does not either, so that cutting the stream differently changes nothing.
                continue
            self._last_byte = now
            if draining:
                self._resync.heard(now)
        return events

    def tick(self, now: float) -> list[ExchangeEvent]:
        """Let time pass."""
        events: list[ExchangeEvent] = []
        match self._state:
            case _State.RUNNING if now >= self._deadline:
                lines = tuple(self._lines)
                # A modem that has nothing to say to this query has answered it after all.
                self._bury(now, owes=0 if self._taken else 1)
                events.append(TimedOut(lines))
            case _State.RESYNCING:
                self._tick_resync(now, events)
            case _:
                pass
        return events

    def hasten(self, now: float, *, seconds: float) -> None:
        """A notice has told how ATD or ATA ended: its result comes within *seconds*, or never."""
        command = self.running
        if command is not None and command.call:
            self._deadline = min(self._deadline, now + seconds)

    def abort(self, now: float, *, finals: int = 0) -> list[ExchangeEvent]:
        """Throw out whatever runs and become dirty.

        ``finals`` is how many results the bytes owe that were written past this exchange.
        """
        events: list[ExchangeEvent] = []
        if self._state is _State.RUNNING:
            self._bury(now)
            events.append(Aborted())
        elif self._state is _State.RESYNCING:
            self._resync.stop()
            events.append(Aborted())
        self._state = _State.DIRTY
        self._debt.owe(finals, now)
        self._last_byte = max(self._last_byte, now)
        return events

    def escape_needed(self) -> bool:
        """The modem may be waiting for message text, where commands would be read as text."""
        command = self._command
        return self._resync.escape or (
            self._state is _State.RUNNING and command is not None and command.payload is not None
        )

    def begin_resync(
        self, now: float, *, timeout: float, quiet: float = QUIET_SECONDS
    ) -> list[ExchangeEvent]:
        """Start to get back in step; ends with :class:`Resynchronised` or :class:`ResyncFailed`.

        Raises RuntimeError while a command runs.
        """
        if self._state is _State.RUNNING:
            raise RuntimeError("a command is in flight")
        self._state = _State.RESYNCING
        self._resync.begin(now, timeout=timeout, quiet=quiet, last_byte=self._last_byte)
        return self.tick(now)

    def _tick_resync(self, now: float, events: list[ExchangeEvent]) -> None:
        match event := self._resync.tick(now):
            case None:
                return
            case Send():
                # Silence has outlasted every answer, so information without its result is complete.
                self._late = False
            case ResyncFailed():
                self._state = _State.DIRTY
            case Resynchronised():
                self._state = _State.IDLE
        events.append(event)

    def _open_prompt(self, events: list[ExchangeEvent]) -> None:
        # Prompts are expected only while a command with a payload runs.
        command = self._command
        assert command is not None
        assert command.payload is not None
        self._echo.expect(command.payload.decode("utf-8", "replace"))
        events.append(Send(command.payload))

    def _take(self, line: str, now: float, events: list[ExchangeEvent]) -> None:
        if self._header is not None:
            header, self._header = self._header, None
            if is_message_body(header, line):
                events.append(Urc(text=header, at=now, body=line))
                return
            events.append(Urc(text=header, at=now))
        if not _SAYS_SOMETHING.search(line):
            self.dropped += 1
            return
        if line.startswith(_HEADERS) and not self._owned(line):
            self._header = line
            return
        match self._state:
            case _State.RUNNING:
                self._take_running(line, now, events)
            case _State.IDLE:
                self._take_idle(line, now, events)
            case _State.DIRTY | _State.RESYNCING:
                self._take_out_of_step(line, now, events)

    def _owned(self, line: str) -> bool:
        command = self._command
        return (
            self._state is _State.RUNNING
            and command is not None
            and bool(command.owns)
            and line.startswith(command.owns)
        )

    def _take_running(self, line: str, now: float, events: list[ExchangeEvent]) -> None:
        command = self._command
        assert command is not None
        if self._echo.takes(line):
            self.dropped += 1
            return
        final = final_result(line, call=command.call)
        if final is not None:
            self._finish(final, command, now, events)
        elif self._owned(line):
            self._keep(line)
        elif self._debt.claims(line, now):
            self._late = True
            self.dropped += 1
        elif command.payload is not None and line == "CONNECT":
            # Quectel's file upload opens with CONNECT instead of "> ".
            self._framer.expect_prompt = False
            self._open_prompt(events)
        elif is_urc(line, self._urcs) or not command.plain:
            events.append(Urc(text=line, at=now))
        else:
            self._keep(line)

    def _finish(
        self, final: Final, command: Command, now: float, events: list[ExchangeEvent]
    ) -> None:
        owed = self._debt.owed(now)
        bare = not self._lines
        accepted = final.kind is FinalKind.OK
        if owed and (self._late or (accepted and command.informs and bare)):
            self._taken = self._taken or not self._late
            self._pay()
            return
        if accepted and self._framer.expect_prompt:
            # Taking it would leave the modem in text entry, deaf to every later command.
            self._pay()
            return
        self._state = _State.IDLE
        self._command = None
        self._framer.expect_prompt = False
        reply = Reply(final=final, lines=tuple(self._lines), doubtful=bool(owed) and bare)
        if final.text in CALL_RESULTS:
            self._debt.owe(1, now, EARLY_SECONDS)
        events.append(Completed(reply))

    def _take_idle(self, line: str, now: float, events: list[ExchangeEvent]) -> None:
        if final_result(line) is not None:
            self._pay()
        elif looks_like_echo(line) or self._debt.claims(line, now):
            self.dropped += 1
        else:
            events.append(Urc(text=line, at=now))

    def _take_out_of_step(self, line: str, now: float, events: list[ExchangeEvent]) -> None:
        final = final_result(line)
        if final is not None:
            if not self._resync.answered(now, ok=final.kind is FinalKind.OK, late=self._late):
                self._pay()
        elif looks_like_echo(line):
            self.dropped += 1
        elif self._debt.claims(line, now):
            self._orphan(now)
        elif self._resync.answered_tersely(line, now):
            self.dropped += 1
        elif is_urc(line, self._urcs):
            command = self._command
            call = command is not None and command.call
            if call and line in CALL_RESULTS and self._debt.owed(now):
                self._debt.pay()
                self._command = None
            events.append(Urc(text=line, at=now))
        else:
            self._orphan(now)

    def _orphan(self, now: float) -> None:
        self.dropped += 1
        self._late = True
        self._resync.disturbed(now)

    def _keep(self, line: str) -> None:
        if self._size + len(line) > MAX_ANSWER:
            self.dropped += 1
            return
        self._size += len(line) + 1
        self._lines.append(line)

    def _bury(self, now: float, *, owes: int = 1) -> None:
        """Turn the running command into a dead one whose result may still come."""
        command = self._command
        assert command is not None
        self._resync.escape = command.payload is not None
        self._framer.expect_prompt = False
        self._state = _State.DIRTY
        self._debt.owe(owes, now)
        self._debt.bury(command.owns)

    def _pay(self) -> None:
        self.dropped += 1
        self._late = False
        self._debt.pay()
