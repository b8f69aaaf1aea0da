"""The box's ports in the supervisor's hands: written beside the box, or taken when it is gone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable

from firmware.supervisor.plan import PlannedLine
from firmware.supervisor.silence import Silencer, write_beside

_RETURN_SECONDS = 0.3
"""How long a port may take to be given back; its thread goes on to close it."""


class Ports:
    """Used by the supervisor's loop. *proven* and *unproven* are told a line's name, from threads
    that each serve one port."""

    def __init__(self, *, proven: Callable[[str], None], unproven: Callable[[str], None]) -> None:
        self._proven = proven
        self._unproven = unproven
        self._silencers: list[Silencer] = []
        self.silent: set[str] = set()
        """Lines whose list of calls was empty since the ports were taken."""

    def write_hang_up(self, lines: Iterable[PlannedLine]) -> None:
        """Put the hang-up on every port, whoever has it open. Does not wait."""
        for line in lines:
            for device in line.devices:
                threading.Thread(target=_write, args=(device,), daemon=True).start()

    def take(self, lines: Iterable[PlannedLine]) -> None:
        """Hang up on every port until silence is proven. Does not wait."""
        if self._silencers:
            return
        self.silent.clear()
        for line in lines:
            for device in line.devices:
                silencer = Silencer(line, device, proven=self._silenced, unproven=self._doubted)
                self._silencers.append(silencer)
                silencer.start()

    def give_back(self) -> None:
        """Close every port that was taken."""
        for silencer in self._silencers:
            silencer.stop()
        for silencer in self._silencers:
            silencer.join(_RETURN_SECONDS)
        self._silencers.clear()

    def all_silent(self, lines: Iterable[PlannedLine]) -> bool:
        return {line.name for line in lines} <= self.silent

    def _silenced(self, name: str) -> None:
        self.silent.add(name)
        self._proven(name)

    def _doubted(self, name: str) -> None:
        # The other port of the same modem may have proven it.
        if name not in self.silent:
            self._unproven(name)


def _write(device: str) -> None:
    with contextlib.suppress(OSError):
        write_beside(device)
