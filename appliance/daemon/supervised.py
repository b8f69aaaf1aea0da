"""The box under its supervisor: what it is told, and what it tells.

With a supervisor (``run --supervisor DIR``, which the shipped unit does) a stop comes over the
socket, is carried out on the link's own thread and is in the ledger when the loop has come round.
Every call is announced before its dial command, so that none is ever up that the supervisor does
not know of. Without one nothing is told, and the panel watches the button itself.

In both cases a stop that a supervisor has kept on disk, because no box was there to take it, is
pressed at the start.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from appliance.box.wiring import AUTO, hang_up_commands, supervision_plan
from appliance.clearance.circumstances import longest_call
from appliance.config.load import Config
from firmware.clock import Clock
from firmware.events import Event, PanelFault, PanelHealed, StopRaised, StopReleased
from firmware.orders import AnswerCall, Dial, Order
from firmware.supervisor.link import SupervisorLink
from firmware.supervisor.pins import CONTACT_PIPE
from firmware.supervisor.plan import Notes

log = logging.getLogger(__name__)

MARGIN_SECONDS = 15.0
"""Real seconds that a call may take beyond its longest length: a busy machine, a slow network."""
UNCONFIRMED_SECONDS = 3600.0
"""A line whose hang-up nobody has confirmed works at it with its own ladder, reset and power
switch; the supervisor only sees to it that somebody does."""
BEAT_EVERY = 0.2


class LinePort(Protocol):
    """What the box needs of a line."""

    def order(self, order: Order) -> None: ...

    def emergency_hang_up(self) -> None: ...


class AnnouncedLine:
    """A line whose calls are announced to the supervisor before they are begun."""

    def __init__(self, line: LinePort, announce: Callable[[str], None]) -> None:
        self._line = line
        self._announce = announce

    def order(self, order: Order) -> None:
        if isinstance(order, Dial | AnswerCall):
            self._announce(call_name(order.line, order.attempt))
        self._line.order(order)

    def emergency_hang_up(self) -> None:
        self._line.emergency_hang_up()


def call_name(line: str, attempt: str) -> str:
    """Return how a call is named towards the supervisor."""
    return f"{line} {attempt}"


class Supervised:
    """The daemon's side; *run* is the supervisor's folder, None where there is no supervisor.

    *stop_lines* silences and hangs up every line; any thread.
    """

    def __init__(
        self,
        config: Config,
        run: Path | None,
        *,
        stop_lines: Callable[[], None],
        post: Callable[[Event], None],
        clock: Clock,
    ) -> None:
        self._stop_lines = stop_lines
        self._post = post
        self._clock = clock
        self._run = run
        self._notes = Notes(config.state)
        timers = config.campaign.timers
        longest = max(longest_call(each, timers) for each in config.campaign.scripts.values())
        self._longest = clock.real(longest) + MARGIN_SECONDS
        self._until: dict[str, float] = {}
        self._ports: dict[str, dict[str, object]] = {}
        self._beat_at = 0.0
        self._unrecorded = False
        self._kept: str | None = None
        self._looks_for_ports = {
            line.name
            for line in config.settings.lines
            if AUTO in (line.port, line.emergency_port) or line.family == AUTO
        }
        self._link = (
            None
            if run is None
            else SupervisorLink(
                run,
                supervision_plan(config),
                stop=self._stop,
                released=lambda: post(StopReleased(at=clock.monotonic())),
                fault=self._contacts,
            )
        )

    @property
    def active(self) -> bool:
        """A supervisor is expected: it owns the stop contact."""
        return self._link is not None

    def line(self, line: LinePort) -> LinePort:
        """Return *line* as the box is to use it."""
        return line if self._link is None else AnnouncedLine(line, self._announce)

    def start(self) -> None:
        """Get watched, and press a stop that was kept; before any line is started."""
        if self._link is not None:
            self._link.start()
            return
        self._kept = self._notes.latched()
        if self._kept is not None:
            self._stop(self._kept)
            self._post(StopReleased(at=self._clock.monotonic()))

    def turn(
        self, calls: Iterable[str], unconfirmed: Iterable[str], *, recorded: Callable[[], bool]
    ) -> None:
        """Tell how the loop stands, once a turn.

        *calls* are those that are up (:func:`call_name`), *unconfirmed* the lines whose last
        hang-up nobody has confirmed; *recorded* says whether the ledger has every stop so far.
        """
        if self._unrecorded:
            # Asked after the look, or a stop that came between the two would count as written.
            self._unrecorded = False
            if recorded():
                self._told_ledger()
            else:
                self._unrecorded = True
        if self._link is None:
            return
        now = time.monotonic()
        known, self._until = self._until, {}
        for name in calls:
            self._until[name] = known.get(name, now + self._longest)
        for line in unconfirmed:
            name = f"{line} unconfirmed"
            self._until[name] = known.get(name, now + UNCONFIRMED_SECONDS)
        if now >= self._beat_at + BEAT_EVERY or known.keys() != self._until.keys():
            self._beat_at = now
            self._link.beat(self._until)

    def found(self, lines: Mapping[str, Mapping[str, object]]) -> None:
        """Tell where the lines that look for their modem have found it (their descriptions)."""
        if self._link is None:
            return
        for name in self._looks_for_ports:
            line = lines[name]
            if line["family"] is None or line["port"] == AUTO:
                continue
            found: dict[str, object] = {
                "port": line["port"],
                "emergency_port": line["emergency_port"],
                "hang_up": list(hang_up_commands(str(line["family"]))),
            }
            if self._ports.get(name) != found:
                self._ports[name] = found
                self._link.found({name: found})

    def shows(self, code: int | None) -> None:
        """Tell which code the fault lamp shows, for the time after the box."""
        if self._link is not None:
            self._link.shows(code)

    def ending(self, seconds: float) -> None:
        """Say that the loop closes its lines now, for at most real *seconds*."""
        if self._link is not None:
            self._link.beat(self._until, deadline=seconds)

    def farewell(self) -> None:
        """Say that no call is up and the ports are closed."""
        if self._link is not None:
            self._link.farewell()

    def move_contact(self, word: str) -> None:
        """Move the bench's stop contact, a pipe of the supervisor's: ``open`` or ``closed``."""
        if self._run is None:
            return
        descriptor = os.open(self._run / CONTACT_PIPE, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, f"{word} {time.monotonic()}\n".encode())
        finally:
            os.close(descriptor)

    # --- the link's thread -------------------------------------------------------------------

    def _stop(self, source: str) -> None:
        self._stop_lines()
        self._post(StopRaised(at=self._clock.monotonic(), source=source))
        self._unrecorded = True

    def _contacts(self, detail: str) -> None:
        at = self._clock.monotonic()
        self._post(PanelFault(at=at, detail=detail) if detail else PanelHealed(at=at))

    def _announce(self, name: str) -> None:
        if self._link is not None:
            self._until[name] = until = time.monotonic() + self._longest
            self._link.announce(name, until)

    def _told_ledger(self) -> None:
        if self._link is not None:
            self._link.recorded()
        elif self._kept is not None:
            try:
                self._notes.release()
            except OSError as error:
                # It is pressed again at the next start, which a person then resets again.
                log.error("a stop that the ledger has could not be put away: %s", error)


class SupervisedFingers:
    """The buttons of a simulated panel whose stop contact is the supervisor's."""

    def __init__(self, supervised: Supervised, press_start: Callable[[float], None]) -> None:
        self._supervised = supervised
        self._press_start = press_start

    def press_stop(self) -> None:
        self._supervised.move_contact("open")

    def release_stop(self) -> None:
        self._supervised.move_contact("closed")

    def press_start(self, seconds: float = 0.2) -> None:
        self._press_start(seconds)
