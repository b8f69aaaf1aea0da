"""Hanging up on ports that nobody serves, until the call list is empty.

One thread a port, because each of them may block: a port that is wedged must not hold up another.
The bytes are few and known; nothing of what a modem says is believed but the call list, read
twice, each time with nothing else on the wire.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from firmware.errors import PortUnusable
from firmware.supervisor.plan import Plan, PlannedLine

HANG_UP = b"\x1b\rAT+CHUP\rATH\r"
"""ESC leaves a text entry (27.005, 3.5.1), CR ends a half line; then 27.007 6.5 and V.250 6.3.6."""
UNPROVEN_SECONDS = 3.0
"""A line that is not proven silent after so long is told, again and again."""
_ANSWER_SECONDS = 1.0
_QUIET_SECONDS = 0.15
"""Nothing else may follow an answer for so long, or it may have been the answer to another."""
_PROOFS = 2
_RETRY_SECONDS = 0.1
_FIRST_SECONDS, _FIRST_RETRY_SECONDS = 0.5, 0.03
"""At first a port that is still held is asked for more often: its holder is dying."""
_FINAL = re.compile(rb"^(?:OK|ERROR|\+CM[ES] ERROR:.*|COMMAND NOT SUPPORT)\s*$", re.MULTILINE)
_ROW = re.compile(rb"^\+CLCC:(.*)$", re.MULTILINE)
_RELEASED = 6
"""``<stat>`` of a call that is over, in SIMCom's lists."""


def write_beside(device: str) -> None:
    """Put :data:`HANG_UP` on *device* now, whoever else has it open. Raises OSError.

    A port that is no file is left to those who take it whole.
    """
    if "://" in device:
        return
    flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(device, flags)
    try:
        os.write(descriptor, HANG_UP)
    finally:
        os.close(descriptor)


def lists_a_call(answer: bytes) -> bool:
    """Whether the answer to AT+CLCC (27.007, 7.18) holds a voice call, or a row nobody can read."""
    for row in _ROW.findall(answer):
        fields = row.split(b",")
        try:
            state, mode = int(fields[2]), int(fields[3])
        except (IndexError, ValueError):
            return True
        if mode == 0 and state != _RELEASED:
            return True
    return False


class Silencer:
    """Takes one port of *line* and hangs up until its list is empty or it must give it back.

    *proven* and *unproven* are told from the thread.
    """

    def __init__(
        self,
        line: PlannedLine,
        device: str,
        *,
        proven: Callable[[str], None],
        unproven: Callable[[str], None],
    ) -> None:
        self._line = line
        self._device = device
        self._proven = proven
        self._unproven = unproven
        self._give_back = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"silence {device}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Give the port back; :meth:`join` waits for it."""
        self._give_back.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        # Not at the top: the stop contact is watched before the serial library is loaded.
        from firmware.modem.port import open_port

        began = time.monotonic()
        next_word = began + UNPROVEN_SECONDS
        while not self._give_back.is_set():
            try:
                port = open_port(self._device, self._line.baudrate, rtscts=self._line.rtscts)
            except PortUnusable:
                # Whoever holds it may be dying; it may also be plugged in again any moment.
                with contextlib.suppress(OSError):
                    write_beside(self._device)
            else:
                # A port can die in any call, with any of pyserial's errors.
                with contextlib.closing(port), contextlib.suppress(Exception):
                    if self._converse(port):
                        self._proven(self._line.name)
                        return
            if time.monotonic() >= next_word:
                next_word = time.monotonic() + UNPROVEN_SECONDS
                self._unproven(self._line.name)
            fresh = time.monotonic() < began + _FIRST_SECONDS
            self._give_back.wait(_FIRST_RETRY_SECONDS if fresh else _RETRY_SECONDS)

    def _converse(self, port: Any) -> bool:
        port.timeout = 0.02
        port.write(HANG_UP)
        self._drain(port)
        until = time.monotonic() + UNPROVEN_SECONDS
        proofs = 0
        while time.monotonic() < until and not self._give_back.is_set():
            answer = self._ask(port, b"AT+CLCC")
            empty = answer is not None and not lists_a_call(answer)
            proofs = proofs + 1 if empty else 0
            if proofs == _PROOFS:
                return True
            if not empty:
                for command in self._line.hang_up:
                    self._ask(port, command.encode("ascii"))
        return False

    def _ask(self, port: Any, command: bytes) -> bytes | None:
        """Return the whole answer where exactly one came; None where it is not certain."""
        port.write(command + b"\r")
        heard = b""
        until = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < until and not self._give_back.is_set():
            heard += port.read(256)
            if _FINAL.search(heard.replace(b"\r", b"\n")):
                heard += self._drain(port)
                text = heard.replace(b"\r", b"\n")
                return text if len(_FINAL.findall(text)) == 1 and b"\nOK" in text else None
        return None

    def _drain(self, port: Any) -> bytes:
        """Read until nothing has come for a moment."""
        heard = b""
        quiet_from = time.monotonic()
        until = quiet_from + _ANSWER_SECONDS
        while time.monotonic() < min(quiet_from + _QUIET_SECONDS, until):
            got = port.read(256)
            if got:
                heard += got
                quiet_from = time.monotonic()
        return heard


def hang_up(plan: Plan, seconds: float) -> set[str]:
    """Hang up on every line of *plan* at once; the lines proven silent within *seconds*."""
    silent: set[str] = set()
    silencers = [
        Silencer(line, device, proven=silent.add, unproven=lambda _: None)
        for line in plan.lines
        for device in line.devices
    ]
    for silencer in silencers:
        silencer.start()
    names = {line.name for line in plan.lines}
    until = time.monotonic() + seconds
    while not names <= silent and time.monotonic() < until:
        time.sleep(0.02)
    return silent
