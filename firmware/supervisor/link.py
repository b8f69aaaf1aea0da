"""The box's end of the line to its supervisor.

A thread listens. A stop is carried out on that thread, past the decision loop, and confirmed when
the hang-up of every line is with the kernel. A supervisor that falls silent, or that is not there,
is a pressed stop: nobody else would notice that the button is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from firmware.supervisor.messages import MESSAGE_BYTES, SOCKET, channel, decode, send
from firmware.supervisor.plan import Plan, as_json

log = logging.getLogger(__name__)

SILENCE_SECONDS = 2.0
"""Real seconds without a word of the supervisor, which speaks twice a second."""
RECONNECT_SECONDS = 0.5
WELCOME_SECONDS = 3.0
"""Real seconds that a start waits for the supervisor's answer: it may still hold the ports."""
IN_CALL_DEADLINE = 2.5
"""Real seconds for which the decision loop may stand still in a call. With the hang-up and its
proof the line is down within three of whatever happened to the box."""
IDLE_DEADLINE = 25.0
"""The same outside a call, where an import or a tidied registry takes the loop's time."""


class SupervisorLink:
    """See the module. *stop* is told the source of each stop, *released* that the contact is
    closed again, *fault* what is wrong with the contacts (nothing once that is over)."""

    def __init__(
        self,
        run: Path,
        plan: Plan | None,
        *,
        stop: Callable[[str], None],
        released: Callable[[], None],
        fault: Callable[[str], None],
    ) -> None:
        self._run = run
        self._plan = plan
        self._stop = stop
        self._released = released
        self._fault = fault
        self._peer: Any = None
        self._closing = False
        self._welcomed = threading.Event()
        self._lost = False
        self._lock = threading.Lock()
        self._calls: dict[str, float] = {}
        self._found: dict[str, dict[str, Any]] = {}
        self._code: int | None = None
        self._thread = threading.Thread(target=self._listen, name="supervisor", daemon=True)

    def start(self) -> None:
        """Say who we are and wait until the supervisor watches; without it the box is stopped."""
        self._thread.start()
        if not self._welcomed.wait(WELCOME_SECONDS):
            self._lose(f"no supervisor answers at {self._run}")

    def beat(self, calls: Mapping[str, float], *, deadline: float | None = None) -> None:
        """Say that the decision loop lives, and will again within *deadline* real seconds.

        *calls* maps each call that is up to the real monotonic time by which it must have ended.
        """
        with self._lock:
            self._calls = dict(calls)
            self._send_beat(deadline)

    def announce(self, call: str, until: float) -> None:
        """Say that *call* is about to begin, before the first byte of its dial command."""
        with self._lock:
            self._calls = {**self._calls, call: until}
            self._send_beat()

    def found(self, ports: Mapping[str, Mapping[str, Any]]) -> None:
        """Say where lines have found their modems: what of their plan is different now."""
        with self._lock:
            self._found = {**self._found, **{line: dict(at) for line, at in ports.items()}}
            self._send({"found": self._found})

    def recorded(self) -> None:
        """Say that the ledger has the stop."""
        self._send({"recorded": True})

    def shows(self, code: int | None) -> None:
        """Say which code the fault lamp shows, so that it stays to be seen without the box.

        None is none; :data:`firmware.supervisor.decisions.SAFE_MODE` is safe mode.
        """
        with self._lock:
            if code != self._code:
                self._code = code
                self._send({"code": code})

    def farewell(self) -> None:
        """Say that the box ends with no call up, and hang up the line to the supervisor."""
        self._closing = True
        self._send({"farewell": True})

    def _send_beat(self, deadline: float | None = None) -> None:
        if deadline is None:
            deadline = IN_CALL_DEADLINE if self._calls else IDLE_DEADLINE
        self._send({"beat": {"deadline": deadline, "calls": self._calls}})

    def _send(self, message: dict[str, Any]) -> None:
        peer = self._peer
        if peer is not None:
            send(peer, message)

    # --- the thread --------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self._closing:
            try:
                self._peer = self._connect()
            except OSError as error:
                self._lose(f"no supervisor answers at {self._run}: {error}")
                time.sleep(RECONNECT_SECONDS)
                continue
            try:
                while not self._closing:
                    data = self._peer.recv(MESSAGE_BYTES)
                    if not data:
                        raise OSError("it has ended")
                    self._understand(decode(data))
            except OSError as error:
                self._lose(f"the supervisor fell silent: {error}")
            finally:
                if not self._closing:
                    self._peer.close()
                    self._peer = None

    def _connect(self) -> Any:
        peer = channel()
        try:
            peer.settimeout(SILENCE_SECONDS)
            peer.connect(str(self._run / SOCKET))
        except OSError:
            peer.close()
            raise
        plan = None if self._plan is None else as_json(self._plan)
        send(peer, {"hello": {"deadline": IDLE_DEADLINE, "plan": plan}})
        return peer

    def _understand(self, message: dict[str, Any] | None) -> None:
        match message:
            case {"welcome": {"open": bool(is_open), "latched": latched}}:
                self._greeted(is_open, latched)
            case {"stop": str(source)}:
                log.warning("stop: %s", source)
                self._stop(source)
                self._send({"silenced": True})
            case {"released": _}:
                self._released()
            case {"contacts": str(detail)}:
                self._fault(detail)
            case _:
                pass  # alive

    def _greeted(self, is_open: bool, latched: str | None) -> None:
        with self._lock:
            # What is up now is watched from the first moment.
            self._send_beat()
            if self._found:
                self._send({"found": self._found})
            if self._code is not None:
                self._send({"code": self._code})
        if latched is not None or is_open:
            self._stop(latched or "button")
        if not is_open and (self._lost or latched is not None):
            self._released()
        self._lost = False
        self._welcomed.set()

    def _lose(self, why: str) -> None:
        if self._closing or self._lost:
            return
        self._lost = True
        log.error("%s: that is a stop", why)
        self._stop("supervisor")
