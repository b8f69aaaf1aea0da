"""The ports of simulated modems: pseudo-terminals, and the names under which they are found."""

from __future__ import annotations

import os
import tty
from dataclasses import dataclass, field
from pathlib import Path

from firmware.simulator.modem.modem import SimulatedModem

_READ_BYTES = 65536
_MOST_PENDING = 65536
"""Bytes kept for a host that does not read; more is lost, as from a real port's buffer."""


class Pty:
    """One pseudo-terminal, both ends raw.

    The slave stays open here, or the master would read EIO between two openings by the host.
    """

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self._slave)
        self.pending = bytearray()

    def read(self) -> bytes:
        try:
            return os.read(self.master, _READ_BYTES)
        except (BlockingIOError, OSError):
            return b""

    def write(self, data: bytes) -> None:
        """Write now what fits, keep the rest for :meth:`flush`."""
        if self.pending:
            self.pending += data[: max(0, _MOST_PENDING - len(self.pending))]
            return
        self.pending += data[self._write(data) :]

    def write_or_lose(self, data: bytes) -> None:
        """Write samples; what a host does not read in time is gone."""
        self._write(data)

    def flush(self) -> None:
        del self.pending[: self._write(bytes(self.pending))]

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self.master, data)
        except (BlockingIOError, OSError):
            return 0

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)


@dataclass(slots=True)
class SimulatedLine:
    """One modem and its present ports.

    ``at_path``, ``second_at_path`` and ``audio_path`` are what a driver should open: stable links
    where the simulation has a link directory, else the pseudo-terminals, whose names change when
    the modem loses its USB. ``audio_path`` is None for a family without host audio.
    """

    name: str
    family: str
    modem: SimulatedModem
    links: Path | None
    port_name: str = ""
    at: list[Pty] = field(default_factory=list)
    audio: Pty | None = None
    has_audio: bool = True

    @property
    def at_path(self) -> str:
        return self._path("at", self.at[0] if self.at else None)

    @property
    def second_at_path(self) -> str | None:
        if len(self.at) < 2 and self.links is None:
            return None
        return self._path("at2", self.at[1] if len(self.at) > 1 else None)

    @property
    def audio_path(self) -> str | None:
        return self._path("audio", self.audio) if self.has_audio else None

    def _path(self, kind: str, pty: Pty | None) -> str:
        if self.links is not None:
            return str(self.links / f"{self.name}.{kind}")
        return "" if pty is None else pty.path

    def paths(self) -> dict[str, str | None]:
        """What to open, by kind: ``at``, ``audio`` (or None) and ``second_at``."""
        return {
            "at": self.at_path,
            "audio": self.audio_path,
            "second_at": self.second_at_path,
        }

    def ports(self) -> list[tuple[str, Pty]]:
        """Every open port with the ending of its link."""
        named = list(zip(("at", "at2"), self.at, strict=False))
        if self.audio is not None:
            named.append(("audio", self.audio))
        return named
