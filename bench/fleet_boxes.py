"""Many real boxes for the fleet's measurements: a process each, and what they say they heard."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from appliance.fleet.keys import BoxKeys

PATIENCE = 120.0
AT_ONCE = 5
"""Boxes that start at the same time."""


class Boxes:
    """One process a box, on files below *directory*; see :mod:`bench.fleet_box`."""

    def __init__(self, directory: Path, keys: Sequence[BoxKeys], *options: str) -> None:
        self.names = [one.box for one in keys]
        self._said: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        self._news = threading.Condition()
        self._children: dict[str, subprocess.Popen[str]] = {}
        for number, one in enumerate(keys, 1):
            place = directory / one.box
            place.mkdir(exist_ok=True)
            if not (place / "fleet.key").exists():
                one.save(place / "fleet.key")
            child = subprocess.Popen(
                [sys.executable, "-m", "bench.fleet_box", str(place), *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=(place / "log").open("w"),
                text=True,
            )
            self._children[one.box] = child
            threading.Thread(target=self._read, args=(one.box, child), daemon=True).start()
            if number % AT_ONCE == 0 or number == len(keys):
                self.wait("ready", "0", self.names[:number])

    def tell(self, box: str, *words: str) -> None:
        stream = self._children[box].stdin
        assert stream is not None
        stream.write(" ".join(words) + "\n")
        stream.flush()

    def wait(self, word: str, what: str, boxes: Sequence[str]) -> dict[str, float]:
        """Return what each of *boxes* said behind *word* and *what*, once all did."""
        end = time.monotonic() + PATIENCE
        with self._news:
            while True:
                said = self._said[word, what]
                if all(box in said for box in boxes):
                    return {box: said[box] for box in boxes}
                if not self._news.wait(max(end - time.monotonic(), 0.0)):
                    missing = [box for box in boxes if box not in said]
                    raise TimeoutError(f"{word} {what}: nothing from {', '.join(missing)}")

    def claim(self, box: str) -> float | None:
        """Claim a stranger at *box*; return the milliseconds to the permit, None where refused."""
        pid = secrets.token_hex(16)
        self.tell(box, "claim", pid)
        end = time.monotonic() + PATIENCE
        with self._news:
            while time.monotonic() < end:
                if box in self._said["claim", pid]:
                    return self._said["claim", pid][box]
                if box in self._said["denied", pid]:
                    return None
                self._news.wait(1.0)
        raise TimeoutError(f"claim: nothing from {box}")

    def resident(self) -> list[float]:
        """Return each box's memory in MiB."""
        found = []
        for child in self._children.values():
            status = Path(f"/proc/{child.pid}/status").read_text()
            found.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        return found

    def processor(self) -> float:
        """Return the seconds of processor that all of them took so far."""
        ticks = 0
        for child in self._children.values():
            fields = Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        for child in self._children.values():
            with suppress(OSError):
                assert child.stdin is not None
                child.stdin.close()
        for child in self._children.values():
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()

    def _read(self, box: str, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for row in child.stdout:
            word, what, value = row.split()
            with self._news:
                # The first time counts: a push and the log say the same.
                self._said[word, what].setdefault(box, float(value))
                self._news.notify_all()
