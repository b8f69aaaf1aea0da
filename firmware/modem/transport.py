"""The serial port under GsmModem: one reader, one ordered dispatcher, one command at a time.

:class:`AtTransport` takes the place of the stock library's reader and writer by way of the method
resolution order: ``class VoiceModem(GsmModem, AtTransport)``. The conversation itself is
:class:`firmware.at.exchange.Exchange` and bytes leave by
:class:`firmware.modem.port_writer.PortWriter`; here are only the life of the port, the threads and
the locks.

Threads: the *reader* owns the descriptor and never runs a callback; the *dispatcher* hands out
notices in order and, last of all, the loss of the port; the *worker* runs what sends commands by
itself, so that a slow command never delays a notice; callers of commands write their own bytes.

Locks, always taken in this order: the *command lock* for one whole command; the writer's *byte
lock* around one write; the *condition* around the exchange, never held while anything blocks. The
emergency path takes no command lock.

Long because the order of the locks can only be judged with all of them in sight.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from gsmmodem.serial_comms import SerialComms

from firmware.at.command import Command
from firmware.at.exchange import Exchange
from firmware.at.outcomes import (
    Aborted,
    Completed,
    ExchangeEvent,
    Outcome,
    Reply,
    Resynchronised,
    Send,
    TimedOut,
    Urc,
)
from firmware.at.resync import QUIET_SECONDS
from firmware.errors import CommandAborted, CommandTimeout, LinkLost, PortUnusable
from firmware.modem.dispatcher import Dispatcher
from firmware.modem.port import READ_SECONDS, open_port
from firmware.modem.port_writer import HANG_UP_FINALS, PortWriter
from firmware.wording import worded

DUE_SECONDS = 1.0
"""How far the result of ATD may trail the notice that ended the call; ZTE gives none (K3565-Z)."""

ANSWER_DUE_SECONDS = 0.4
"""The same for the notice of an answer: the voice waits behind that result, and a person with it.
Modems that give the result at the answer only give it with the notice (Wavecom, COLP)."""

_log = logging.getLogger(__name__)

Trace = Callable[[str, bytes, float], None]


class AtTransport(SerialComms):
    """A serial port that speaks AT; see the module for its threads and locks.

    ``on_urc`` gets every notice in order on one thread. ``on_lost`` is called once for
    each :meth:`connect` whose port died, on the same thread and after the last notice; it may
    call :meth:`close`. ``trace`` sees raw bytes, numbers included: the caller masks them.
    """

    alive: bool

    def __init__(
        self,
        port: str,
        baudrate: int = 115200,
        notifyCallbackFunc: Callable[[list[str]], None] | None = None,  # noqa: N803
        fatalErrorCallbackFunc: Callable[[Exception], None] | None = None,  # noqa: N803
        *,
        rtscts: bool = False,
        emergency_port: str | None = None,
        on_urc: Callable[[Urc], None] | None = None,
        on_lost: Callable[[str], None] | None = None,
        trace: Trace | None = None,
        urcs: tuple[str, ...] = (),
    ) -> None:
        super().__init__(port, baudrate, notifyCallbackFunc, fatalErrorCallbackFunc)
        self._rtscts = rtscts
        self._emergency_name = emergency_port
        self._on_urc = on_urc
        self._on_lost = on_lost
        self._dispatcher = Dispatcher(self.take_urc, self._report_loss)
        self._trace = trace
        self._urc_words = urcs
        self._writer = PortWriter(
            note=lambda data: self._note("tx", data),
            lost=self._lose,
            escape_needed=lambda: self._exchange.escape_needed(),
        )
        self._command_lock = threading.RLock()
        self._condition = threading.Condition(threading.Lock())
        self._exchange = Exchange(urcs=urcs)
        self._outcomes: deque[Outcome] = deque()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._down: str | None = worded("the port was not opened")

    @property
    def emergency_count(self) -> int:
        """How often :meth:`emergency_hang_up` was called; a token for :meth:`transact`."""
        return self._writer.emergencies

    @property
    def needs_resync(self) -> bool:
        """A result may be outstanding that belongs to nobody; the next command resyncs first."""
        with self._condition:
            return not self._exchange.idle and self._exchange.running is None

    # -- opening and closing ---------------------------------------------------------------

    def connect(self) -> None:
        """Open the port and start the threads. Raises :class:`PortUnusable`, port closed again."""
        if self.alive:
            return
        self.close()
        port = open_port(self.port, self.baudrate, rtscts=self._rtscts, hears_before=True)
        second = None
        if self._emergency_name is not None:
            try:
                second = open_port(self._emergency_name, self.baudrate, rtscts=self._rtscts)
            except PortUnusable:
                port.close()
                raise
        with self._condition:
            self._exchange = Exchange(urcs=self._urc_words)
            self._outcomes.clear()
            self._down = None
        self._dispatcher = Dispatcher(self.take_urc, self._report_loss)
        self._work = queue.SimpleQueue()
        self._writer.attach(port, second)
        self.alive = True
        self._threads = [
            threading.Thread(target=self._read_loop, args=(port,), name="at-reader", daemon=True),
            threading.Thread(
                target=self._work_loop, args=(self._work,), name="at-worker", daemon=True
            ),
        ]
        if second is not None:
            self._threads.append(
                threading.Thread(
                    target=self._drain_loop, args=(second,), name="at-drain", daemon=True
                )
            )
        self._dispatcher.start()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Close at once; waiters get :class:`LinkLost`. Idempotent, from any thread."""
        with self._condition:
            if self._down is None:
                self._down = worded("the port was closed")
            self.alive = False
            self._condition.notify_all()
        self._work.put(None)
        for port in self._writer.ports:
            for cancel in ("cancel_read", "cancel_write"):
                _quietly(getattr(port, cancel, None))
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=2 * READ_SECONDS)
        self._dispatcher.stop()
        for port in self._writer.ports:
            _quietly(getattr(port, "close", None))

    # -- commands --------------------------------------------------------------------------

    def transact(self, command: Command, *, epoch: int | None = None) -> Reply:
        """Send *command* and wait for its final result, resyncing first where needed.

        ``epoch`` is an :attr:`emergency_count` read earlier: the command is refused if an
        emergency came since. Without it, emergencies count from this call on.
        Raises CommandTimeout, CommandAborted, LinkLost.
        """
        if epoch is None:
            epoch = self._writer.emergencies
        with self._command_lock:
            self._resync_if_needed(epoch)
            return self._transact(command, epoch)

    def transact_confirmed(self, command: Command, *, epoch: int | None = None) -> Reply:
        """Like :meth:`transact`, for a query whose bare OK is a fact to act on (AT+CLCC).

        A late OK of an older command looks the same. So while *n* results are owed, the query is
        asked *n* more times: only one of those answers can be its own, and any row counts.
        """
        if epoch is None:
            epoch = self._writer.emergencies
        with self._command_lock:
            self._resync_if_needed(epoch)
            with self._condition:
                repeats = self._exchange.debt(time.monotonic())
            reply = self._transact(command, epoch)
            for _ in range(min(repeats, 4)):
                if not reply.doubtful or not reply.final.ok:
                    break
                reply = self._transact(command, epoch)
            return reply

    def result_due(self, seconds: float = DUE_SECONDS) -> None:
        """A notice has told what ATD or ATA came to: wait real *seconds* at most for its result."""
        with self._condition:
            self._exchange.hasten(time.monotonic(), seconds=seconds)
            self._condition.notify_all()

    def resync(self, timeout: float = 5.0, *, quiet: float = QUIET_SECONDS) -> None:
        """Get back in step: silence of *quiet* seconds, then AT until a clean answer.

        Raises CommandTimeout where the modem does not answer, CommandAborted, LinkLost.
        """
        epoch = self._writer.emergencies
        with self._command_lock:
            self._resync(epoch, timeout, quiet)

    def defer(self, work: Callable[[], None]) -> None:
        """Run *work*, which may send commands, on the worker thread; its errors are logged."""
        self._work.put(work)

    def _resync_if_needed(self, epoch: int) -> None:
        with self._condition:
            needed = not self._exchange.idle
        if needed:
            self._resync(epoch, 5.0, QUIET_SECONDS)

    def _resync(self, epoch: int, timeout: float, quiet: float) -> None:
        def begin(now: float) -> list[ExchangeEvent]:
            return self._exchange.begin_resync(now, timeout=timeout, quiet=quiet)

        match self._run(begin, epoch, "AT"):
            case Resynchronised():
                return
            case _:
                raise CommandTimeout(worded("the modem does not answer AT"))

    def _transact(self, command: Command, epoch: int) -> Reply:
        def begin(now: float) -> list[ExchangeEvent]:
            return self._exchange.send(command, now)

        match self._run(begin, epoch, command.label):
            case Completed(reply=reply):
                return reply
            case TimedOut(lines=lines):
                raise CommandTimeout(
                    worded(
                        "no result for {command} in {timeout:g} s",
                        command=command.label,
                        timeout=command.timeout,
                    ),
                    lines=lines,
                )
            case _:
                raise CommandAborted(worded("{command} was thrown out", command=command.label))

    def _run(
        self, begin: Callable[[float], list[ExchangeEvent]], epoch: int, label: str
    ) -> Outcome:
        """Drive the exchange to the end of one command or resync. Command lock held."""
        finished = False
        try:
            with self._condition:
                self._check(epoch, label)
                self._outcomes.clear()
                self._apply(begin(time.monotonic()))
            while True:
                with self._condition:
                    outcome = self._next_outcome(epoch, label)
                if isinstance(outcome, Send):
                    self._writer.write(outcome.data, epoch, label)
                    continue
                finished = True
                if isinstance(outcome, Aborted):
                    raise CommandAborted(
                        worded("{label} was thrown out by the hang-up", label=label)
                    )
                return outcome
        finally:
            if not finished:
                # Whatever went wrong, nothing may stay in flight without somebody who waits.
                with self._condition:
                    self._exchange.abort(time.monotonic())

    def _next_outcome(self, epoch: int, label: str) -> Outcome:
        while True:
            self._check(epoch, label)
            self._apply(self._exchange.tick(time.monotonic()))
            if self._outcomes:
                return self._outcomes.popleft()
            wake_at = self._exchange.wake_at
            timeout = None if wake_at is None else max(0.0, wake_at - time.monotonic())
            self._condition.wait(timeout)

    def _check(self, epoch: int, label: str) -> None:
        if self._down is not None:
            raise LinkLost(self._down)
        if self._writer.emergencies != epoch:
            raise CommandAborted(worded("{label} was thrown out by the hang-up", label=label))

    def _apply(self, events: list[ExchangeEvent]) -> None:
        """Sort events to their owners. Condition held."""
        for event in events:
            if isinstance(event, Urc):
                self._dispatcher.put(event)
            else:
                self._outcomes.append(event)
                self._condition.notify_all()

    # -- the emergency -----------------------------------------------------------------------

    def emergency_hang_up(self) -> None:
        """Put a hang-up on the wire now, past every queue, and release whoever waits.

        Any thread; no command lock; returns in well under a millisecond on a port that takes
        bytes. Late results of the two commands are swept up by the resync that the next command
        starts. Never raises: a port that is gone has been reported as lost.
        """
        self._writer.hang_up()
        with self._condition:
            self._apply(self._exchange.abort(time.monotonic(), finals=HANG_UP_FINALS))
            self._condition.notify_all()

    # -- reading ---------------------------------------------------------------------------

    def _read_loop(self, port: Any) -> None:
        try:
            while self.alive:
                data = port.read(max(1, min(port.in_waiting, 4096)))
                if data:
                    self._received(data, time.monotonic())
        # An unplugged port raises SerialException, OSError (EIO, ENODEV) or TypeError.
        except Exception as error:  # noqa: BLE001
            if port is self._writer.port:
                self._lose(worded("read failed: {error}", error=error))

    def _received(self, data: bytes, now: float) -> None:
        self._note("rx", data, now)
        with self._condition:
            self._apply(self._exchange.receive(data, now))
            # Draining may now have to last longer.
            self._condition.notify_all()

    def _drain_loop(self, port: Any) -> None:
        """Empty the emergency port: a modem may stop listening where nobody reads."""
        try:
            while self.alive:
                port.read(max(1, min(port.in_waiting, 4096)))
        except Exception as error:  # noqa: BLE001
            if self.alive:
                _log.warning("emergency port %s lost: %s", self._emergency_name, error)

    def _lose(self, reason: str) -> None:
        with self._condition:
            if self._down is not None:
                return
            self._down = reason
            self.alive = False
            self._condition.notify_all()
        self._dispatcher.lose(reason)

    def _note(self, direction: str, data: bytes, now: float | None = None) -> None:
        if self._trace is None:
            return
        try:
            self._trace(direction, data, time.monotonic() if now is None else now)
        except Exception:  # noqa: BLE001
            _log.exception("trace callback failed")

    # -- handing out -----------------------------------------------------------------------

    def take_urc(self, urc: Urc) -> None:
        """Pass one notice on; on the dispatcher thread, in order."""
        if self._on_urc is not None:
            self._on_urc(urc)

    def _report_loss(self, reason: str) -> None:
        if self._on_lost is not None:
            self._on_lost(reason)

    def _work_loop(self, work: queue.SimpleQueue[Callable[[], None] | None]) -> None:
        while (job := work.get()) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001
                _log.exception("deferred work failed")


def _quietly(action: Callable[[], object] | None) -> None:
    if action is None:
        return
    try:
        action()
    except Exception:  # noqa: BLE001
        _log.debug("ignored while closing", exc_info=True)
