"""The running box: threads, queue and loop around :class:`~appliance.box.box.Box`.

Threads exist only where something blocks: one per line (and its reader and audio), one that
watches the buttons, one that accepts technicians. Each stamps what it saw and puts it into one
inbox. One loop empties the inbox, steps the engine, makes its records durable and sends its
orders. The stop path alone goes past all this, from the button's thread straight to the lines.
So does the end of the program where the loop hangs (:mod:`appliance.daemon.end_signals`).

Long because the life of the process, from its first row to its last, is told in one piece.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.box.box import Box, calendar
from appliance.box.calendar_clock import time_zone_database
from appliance.box.lamps import code_shown, lamps
from appliance.box.state import BoxState
from appliance.box.wiring import LINES, line_settings, open_panel, open_power
from appliance.call.state import Concluded
from appliance.campaign import inputs
from appliance.campaign.inputs import Input
from appliance.clearance.preload import preload
from appliance.config.load import Config
from appliance.config.paths import resolve
from appliance.control.job import Job
from appliance.control.operations import Fingers, Operations, Surroundings
from appliance.control.protocol import LATCH_WITHIN, ControlServer
from appliance.daemon.end_signals import EndSignals
from appliance.daemon.fleet import join
from appliance.daemon.host_watch import HostWatch
from appliance.daemon.metrics_file import MetricsFile
from appliance.daemon.starts import SETTLED
from appliance.daemon.state_watch import StateWatch
from appliance.daemon.supervised import Supervised, SupervisedFingers, call_name
from appliance.effects import Record
from appliance.errors import Refused
from appliance.selftest import result as selftest_result
from appliance.storage.files import SYSTEM_DISK, StorageError
from firmware.clock import Clock, SystemClock
from firmware.events import CallerEvent, KeyHeard, StopRaised
from firmware.gpio.panel import NoPanel, Panel
from firmware.line.line import Line
from firmware.modem.identity import Identity
from firmware.queue_wait import take_within
from firmware.service_manager import notify, watchdog_seconds
from firmware.wording import worded

log = logging.getLogger(__name__)

BEAT = 0.5
"""Real seconds that the loop sleeps at most: heartbeat, lamps and watchdog live on it."""
BATCH = 256
"""Inputs taken per step."""
ANSWER_WITHIN = 60.0
"""Real seconds that a technician's request may wait for the loop."""
LOOK_EVERY = 0.5
"""Real seconds after which a waiting request looks whether the loop is still there."""
IDLE_HORIZON = timedelta(minutes=30)
"""``--until-idle`` ends where nobody may be called for so long."""
QUIET = 10.0
"""Real seconds without anything to do, before what takes a second is done: 100,000 people are
written anew in 0.7 s on a desktop computer, several on a Raspberry Pi."""
SHUTDOWN = 8.0
"""Real seconds that running calls get to hang up when the box is told to end."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A technician's question on its way through the inbox."""

    operation: str
    arguments: dict[str, Any]
    answer: Future[Any] = field(default_factory=Future)
    begun: threading.Event = field(default_factory=threading.Event)
    """It takes long, and the loop is at it: the client waits for as long as that takes."""


class Daemon:
    """One run of the box on an opened state."""

    def __init__(
        self,
        config: Config,
        state: BoxState,
        supervisor: Path | None = None,
        *,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        """*supervisor* is the folder of the supervisor that is expected, None for none. *settled*
        is called once, when the box has run for long enough to have started well."""
        self._config = config
        self._state = state
        self._inbox: queue.SimpleQueue[Input | _Request | None] = queue.SimpleQueue()
        self._clock: Clock = SystemClock(config.settings.clock.speed)
        self._calendar = calendar(config, state, self._clock, self._described)
        self._switches = {line.name: open_power(config, line) for line in config.settings.lines}
        self._lines = {
            line.name: Line(
                line_settings(config, line),
                power=self._switches[line.name],
                proven=self._keys_proven,
                clips=config.clips,
                post=self._inbox.put,
                key_heard=self._key_heard,
                caller_shown=self._caller_shown,
                clock=self._clock,
                state_dir=state.directory / LINES,
                log=logging.getLogger(f"line.{line.name}"),
            )
            for line in config.settings.lines
        }
        self._fleet = join(
            config,
            state,
            self._inbox.put,
            self._clock,
            calls=lambda: self._calls_running,
            request=self._request,
        )
        self._supervised = Supervised(
            config,
            supervisor,
            stop_lines=lambda: self._box.stop_everything(),
            post=self._inbox.put,
            clock=self._clock,
        )
        self._box = Box(
            config,
            state,
            self._calendar,
            lines={name: self._supervised.line(line) for name, line in self._lines.items()},
            post=self._inbox.put,
            fleet=self._fleet,
        )
        self._panel: Panel | NoPanel = NoPanel()
        self._ending = threading.Event()
        self._over = threading.Event()
        self._operations = Operations(self._box)
        self._jobs: deque[tuple[_Request, Job]] = deque()
        self._beat_every = BEAT
        self._watch = StateWatch(state, self._inbox.put)
        self._host = HostWatch(state.directory, self._inbox.put)
        textfile = config.settings.metrics.textfile
        self._metrics = MetricsFile(
            None if textfile is None else resolve(config.file.parent, textfile),
            lambda: self._operations.perform("status", {}),
        )
        self._settled = settled
        self._settles_at: float | None = None
        self._turned: float | None = None
        """When the loop began its last turn, in real seconds; None while it does not run yet."""
        self._calls_running = 0
        self.goes_on_anew = False
        """The box ends between two calls, only to start again with another configuration."""

    def _pulse(self) -> float:
        """Return how many seconds ago the loop began a turn."""
        return 0.0 if self._turned is None else time.monotonic() - self._turned

    def _keys_proven(self, identity: Identity, audio: str) -> bool:
        """Whether a self-test heard keys by the module of a family that promises none."""
        tests = selftest_result.load(self._state.directory)
        return selftest_result.module_heard(tests, identity.imei, audio)

    def _key_heard(self, event: KeyHeard) -> None:
        """Called on a line's thread: an objection is on disk before the loop comes round."""
        self._box.objections.heard(event)

    def _caller_shown(self, event: CallerEvent) -> None:
        """Called on a line's thread, as :meth:`_key_heard`."""
        self._box.caller_shown(event)

    def _described(self) -> list[dict[str, object]]:
        """Return what the lines say of themselves; some of it is what a network told."""
        return [line.describe() for line in self._lines.values()]

    def run(self, *, until_idle: bool = False) -> int:
        """Run until told to end (or idle); returns the exit code."""
        server = ControlServer(
            self._state.directory, self._request, pulse=self._pulse, share=self._share
        )
        with EndSignals(told=self._signalled, overdue=self._hang_up_beside) as signals:
            try:
                # Before all else: a technician's stop must reach a box that is still starting.
                server.start()
                self._start()
                notify("READY=1")
                self._settles_at = time.monotonic() + SETTLED
                return self._loop(until_idle=until_idle)
            finally:
                signals.begun()
                notify("STOPPING=1")
                self._shut_down()
                server.close()
                # The program may go on with another configuration: whoever still waits for this
                # loop is told that it is over.
                self._over.set()

    # --- the loop ----------------------------------------------------------------------------

    def _start(self) -> None:
        settings = self._config.settings
        watchdog = watchdog_seconds()
        if watchdog is not None:
            self._beat_every = min(BEAT, watchdog / 3)
        # The stop is armed before anything else is: it must beat a box that is still starting.
        self._supervised.start()
        panel = open_panel(
            self._config,
            post=self._inbox.put,
            stop_lines=self._box.stop_everything,
            clock=self._clock,
            supervised=self._supervised.active,
        )
        if panel is not None:
            self._panel = panel
        self._operations = Operations(
            self._box,
            Surroundings(
                running=True,
                describe_line=lambda name: self._lines[name].describe(),
                fingers=self._fingers(),
                fleet=None if self._fleet is None else self._fleet.status,
                host=self._host.told,
                go_on_anew=self._leave,
            ),
        )
        self._box.note(
            [
                Record(
                    kind="box.started",
                    data={
                        "version": __version__,
                        "box": settings.box.name,
                        "bench": self._config.bench,
                        "time_zones": time_zone_database(),
                        **self._state.repaired(),
                    },
                ),
                Record(
                    kind="config.loaded",
                    data={
                        "purpose": settings.campaign.purpose,
                        "mode": settings.campaign.mode,
                        "profile": self._config.rules.profile.label,
                        "sha256": config_digest(self._config),
                    },
                ),
            ]
        )
        self._box.recover()
        # Before anybody is called: whom a stick named while no box could write it down.
        self._operations.withdraw_kept().run()
        self._operations.folders.take()
        if self._fleet is not None:
            self._fleet.start(self._state.ledger.head[0])
        self._watch.begin()
        SYSTEM_DISK.on_full = self._host.ballast.release
        # Its findings are taken with the loop's first step, before anybody is dialled.
        self._host.look()
        self._metrics.look()
        for line in self._lines.values():
            line.start()
        # While the lines look for their modems: no request is to wait for it later.
        preload(self._config.rules.profile, self._box.country)

    def _leave(self) -> None:
        """Begin no further call; the loop ends when none is up."""
        self.goes_on_anew = True
        self._box.engine.retire()

    def _fingers(self) -> Fingers | None:
        panel = self._config.settings.panel
        if not isinstance(self._panel, Panel) or panel is None or not panel.simulated:
            return None
        if self._supervised.active:
            return SupervisedFingers(self._supervised, self._panel.press_start)
        return self._panel

    def _loop(self, *, until_idle: bool) -> int:
        while not self._ending.is_set():
            self._turned = time.monotonic()
            batch = self._collect()
            self._box.take(given for given in batch if not isinstance(given, _Request))
            for request in batch:
                if isinstance(request, _Request):
                    self._answer(request)
            self._work()
            self._tell_supervisor()
            self._keep_house()
            self._look_after_state()
            self._show()
            notify("WATCHDOG=1")
            if self._settles_at is not None and self._turned >= self._settles_at:
                self._settles_at = None
                self._settled()
            if until_idle and self._idle():
                return 0
            if self._operations.update.is_over() and not self.goes_on_anew:
                log.warning("the update was not heard of for an hour: starting anew without it")
                self._leave()
            if self.goes_on_anew and not self._in_call() and not self._jobs:
                log.info("ending, to go on with the new configuration")
                return 0
            if self._box.engine.storage_failure is not None and not self._in_call():
                log.error("storage failed: %s", self._box.engine.storage_failure)
                return 1
        return 0

    def _tell_supervisor(self) -> None:
        engine = self._box.engine
        calls = [
            call_name(line, call.call.attempt)
            for line, call in engine.calls.items()
            if not isinstance(call, Concluded)
        ]
        calls += [
            call_name(line, live.call.attempt) for line, live in engine.incoming_calls.items()
        ]
        self._supervised.turn(
            calls,
            engine.unconfirmed_lines,
            recorded=lambda: engine.storage_failure is None and self._box.stops_are_taken,
        )
        self._supervised.found({name: line.describe() for name, line in self._lines.items()})

    def _collect(self) -> list[Input | _Request]:
        """Wait for something to do and return all of it, with a tick at the end."""
        batch: list[Input | _Request] = []
        wait = 0.0 if self._jobs else self._beat_every
        wake = self._box.engine.wake_at(self._box.now())
        if wake is not None:
            wait = min(wait, max(self._clock.real(wake - self._clock.monotonic()), 0.0))
        try:
            first = take_within(self._inbox, wait)
            while True:
                if first is not None:
                    batch.append(first)
                if len(batch) >= BATCH:
                    break
                first = self._inbox.get_nowait()
        except queue.Empty:
            pass
        batch.append(inputs.Tick())
        return batch

    def _idle(self) -> bool:
        engine, now = self._box.engine, self._box.now()
        if engine.state.stopped or engine.state.paused or engine.doubts:
            return False
        if set(self._lines) - set(engine.ready_lines) - set(engine.line_faults):
            # A line that has not reported may still hold a call of a box that died.
            return False
        if engine.unconfirmed_lines:
            # One whose end nobody has confirmed may be up: it needs a program that watches it.
            return False
        return engine.finished(now, IDLE_HORIZON)

    def _keep_house(self) -> None:
        registry = self._state.registry
        try:
            self._operations.keep_house()
            if registry.wants_compaction and self._is_quiet():
                registry.compact()
        except StorageError as error:
            log.error("the registry could not be tidied: %s", error)
            if registry.failure is not None:
                # It takes no objection any more.
                self._box.storage_failed(error, self._box.now())

    def _look_after_state(self) -> None:
        self._host.look()
        failed = self._watch.look()
        if failed is not None and self._box.engine.storage_failure is None:
            self._box.storage_failed(failed, self._box.now())

    def _is_quiet(self) -> bool:
        """Whether the loop may be away for a second: no call runs or is about to begin."""
        engine, now = self._box.engine, self._box.now()
        if self._in_call() or self._jobs:
            return False
        wake = engine.wake_at(now)
        return wake is None or self._clock.real(wake - self._clock.monotonic()) > QUIET

    def _show(self) -> None:
        facts = self._operations.facts()
        self._panel.show(lamps(facts))
        self._supervised.shows(code_shown(facts))
        calls = self._calls()
        if self._fleet is not None and calls != self._calls_running:
            self._calls_running = calls
            self._fleet.changed()
        engine = self._box.engine
        self._panel.let_reset(engine.state.stopped and self._box.reset_refusal() is None)
        self._panel.heartbeat()
        self._state.save_checkpoint_aside()

    # --- requests ----------------------------------------------------------------------------

    def _request(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Called on a client's thread: stop acts here, everything else waits for the loop."""
        if operation == "stop":
            self._box.stop_everything()
            self._inbox.put(StopRaised(at=self._clock.monotonic(), source="command"))
        request = _Request(operation, arguments)
        self._inbox.put(request)
        until = time.monotonic() + ANSWER_WITHIN
        while True:
            try:
                return request.answer.result(
                    timeout=LATCH_WITHIN if operation == "stop" else LOOK_EVERY
                )
            except FutureTimeout:
                if operation == "stop":
                    unreached = self._operations.unreached()
                    return {"stopped": True, "recorded": False, "unreached": unreached}
                if self._over.is_set():
                    raise _ending() from None
                if not request.begun.is_set() and time.monotonic() > until:
                    raise Refused(
                        worded("the box did not answer in time"), worded("see its log and lamps")
                    ) from None

    def _answer(self, request: _Request) -> None:
        with self._told_to(request):
            outcome = self._operations.begin(request.operation, request.arguments)
            if isinstance(outcome, Job):
                request.begun.set()
                self._jobs.append((request, outcome))
            else:
                request.answer.set_result(outcome)

    def _share(self) -> float | None:
        """How much is done of what takes long; asked by the threads of the clients."""
        jobs = list(self._jobs)
        return jobs[0][1].share if jobs else None

    def _work(self) -> None:
        """Do one step of what takes long; calls and the stop go on in between."""
        if self._jobs:
            request, job = self._jobs[0]
            with self._told_to(request):
                if job.step():
                    request.answer.set_result(job.result)
            if request.answer.done():
                self._jobs.popleft()

    @contextmanager
    def _told_to(self, request: _Request) -> Iterator[None]:
        """Give the technician every refusal and failure as the answer."""
        try:
            yield
        except (Refused, StorageError) as refusal:
            remedy = getattr(refusal, "remedy", "")
            request.answer.set_exception(Refused(str(refusal), remedy))
        except Exception as error:
            log.exception("operation %s failed", request.operation)
            request.answer.set_exception(
                Refused(
                    worded("{operation} failed: {error}", operation=request.operation, error=error)
                )
            )

    def _abandon_work(self) -> None:
        for request, job in self._jobs:
            try:
                job.abandon()
            except StorageError as error:
                log.error("%s could not be left in order: %s", request.operation, error)
            request.answer.set_exception(
                Refused(
                    worded("the box is ending"), worded("see with contacts list what has been done")
                )
            )
        self._jobs.clear()

    def _signalled(self, signum: int) -> None:
        self._ending.set()
        # Before any end that it causes: a call that is cut now was refused by nobody.
        self._inbox.put(inputs.ShutDown())
        log.info("ending on signal %s", signal.Signals(signum).name)

    def _hang_up_beside(self) -> None:
        """The loop hangs: no call may stay up that nobody watches. Not the loop's thread."""
        for line in self._lines.values():
            line.emergency_hang_up()
        self._in_parallel([line.close for line in self._lines.values()])

    # --- the end -----------------------------------------------------------------------------

    def _shut_down(self) -> None:
        """Hang up what runs, record how it ended, and leave the state sound."""
        try:
            self._box.take([inputs.ShutDown()])
        except Exception:
            # Whatever is wrong with the box, its lines are closed, which hangs up.
            log.exception("the running calls could not be told of the end")
        self._watch.close()
        self._abandon_work()
        self._supervised.ending(2 * SHUTDOWN + 2.0)
        self._in_parallel([line.close for line in self._lines.values()])
        deadline = time.monotonic() + SHUTDOWN
        try:
            while self._in_call() and time.monotonic() < deadline:
                self._turned = time.monotonic()
                with suppress(queue.Empty):
                    self._take_last(take_within(self._inbox, 0.1))
        except StorageError as error:
            log.error("the last calls could not be recorded: %s", error)
        if not self._in_call():
            self._supervised.farewell()
        # From here on the button is for the next start, which looks whether it is pressed.
        self._panel.close()
        try:
            self._take_rest()
            self._box.note([Record(kind="box.stopped", data={})])
            self._state.save_checkpoint(force=True)
        except StorageError as error:
            log.error("the end could not be recorded: %s", error)
        self._calls_running = self._calls()
        if self._fleet is not None:
            self._fleet.close()
        for switch in self._switches.values():
            if switch is not None:
                switch.close()

    def _take_last(self, given: Input | _Request | None) -> None:
        """Take what still comes in while the box ends: a key 9, a text, a stop. Nothing is begun;
        a technician's request is told so, but its stop is latched and its look answered."""
        if not isinstance(given, _Request):
            if given is not None:
                self._box.take([given])
        elif given.operation in ("stop", "status"):
            self._answer(given)
        else:
            given.answer.set_exception(_ending())

    def _take_rest(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._take_last(self._inbox.get_nowait())

    def _calls(self) -> int:
        return len(self._box.engine.calls) + len(self._box.engine.incoming_calls)

    def _in_call(self) -> bool:
        return self._calls() > 0

    @staticmethod
    def _in_parallel(calls: list[Callable[[], None]]) -> None:
        threads = [threading.Thread(target=call, daemon=True) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=SHUTDOWN)


def _ending() -> Refused:
    return Refused(worded("the box is ending"), worded("ask again when it has started anew"))


def config_digest(config: Config) -> str:
    """Return the SHA-256 of the configuration file as it was loaded."""
    import hashlib

    return hashlib.sha256(config.file.read_bytes()).hexdigest()
