"""Which faults act at a moment. The modem asks; this remembers windows and how often each acted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from firmware.simulator.network.scenario import REAL_SECONDS, Fault, FaultKind

INCIDENTS = frozenset(
    {FaultKind.USB_LOSS, FaultKind.RESET, FaultKind.UNDERVOLTAGE, FaultKind.AUDIO_STOPS}
)
"""Faults that happen once at a moment; all others act while their window is open."""

_SECONDS_ARE_NO_WINDOW = frozenset(
    {
        FaultKind.DELAY_REPLIES,
        FaultKind.LATE_OK,
        FaultKind.LATE_RESULT,
        FaultKind.LATE_KEY_NOTICES,
    }
)

_DEFAULT_TIMES = {FaultKind.DROP_REPLIES: 1, FaultKind.IGNORE_HANG_UP: 1}


@dataclass(slots=True)
class Window:
    """One fault from its beginning to its end; ``times_left`` None acts without bound."""

    fault: Fault
    opens_at: float
    closes_at: float | None
    times_left: int | None
    of_call: bool

    def is_open(self, now: float) -> bool:
        return (
            self.opens_at <= now
            and (self.closes_at is None or now < self.closes_at)
            and self.times_left != 0
        )


class FaultWindows:
    """The faults of one line. *speed* turns the real seconds of wire faults into box seconds."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._windows: list[Window] = []

    def open(self, faults: Iterable[Fault], now: float, *, of_call: bool) -> None:
        """Arm every fault that is not an incident, counted from *now*."""
        for fault in faults:
            if fault.kind in INCIDENTS:
                continue
            opens_at = now + fault.after
            closes_at = None
            if fault.lasts is not None and fault.kind not in _SECONDS_ARE_NO_WINDOW:
                scale = self._speed if fault.kind in REAL_SECONDS else 1.0
                closes_at = opens_at + fault.lasts * scale
            times = fault.times if fault.times is not None else _DEFAULT_TIMES.get(fault.kind)
            self._windows.append(
                Window(
                    fault=fault,
                    opens_at=opens_at,
                    closes_at=closes_at,
                    times_left=times,
                    of_call=of_call,
                )
            )

    def close_call(self) -> None:
        """The call is over: forget what belonged to it, but let timed windows run out."""
        self._windows = [w for w in self._windows if not w.of_call or w.closes_at is not None]

    def active(self, kind: FaultKind, now: float, command: str = "") -> Fault | None:
        """Return the fault of this kind that acts now (on this command line), or None."""
        window = self._find(kind, now, command)
        return None if window is None else window.fault

    def use(self, kind: FaultKind, now: float, command: str = "") -> Fault | None:
        """As :meth:`active`, and count it."""
        window = self._find(kind, now, command)
        if window is None:
            return None
        if window.times_left is not None:
            window.times_left -= 1
        return window.fault

    def _find(self, kind: FaultKind, now: float, command: str) -> Window | None:
        for window in self._windows:
            wanted = window.fault.command
            if (
                window.fault.kind is kind
                and window.is_open(now)
                and (wanted is None or command.upper().startswith(wanted.upper()))
            ):
                return window
        return None
