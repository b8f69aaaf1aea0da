"""A modem's end of a pty that answers from a table: just enough to show what reaches the wire."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Mapping

Answer = bytes | Callable[[str], bytes | None] | None

OK = b"\r\nOK\r\n"


class ScriptedPort:
    """Answers each command line (ended by CR) from ``answers``; ``None`` is silence.

    ``log`` holds (monotonic time, raw bytes) of everything that came from the driver.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        default: Answer = OK,
        echo: bool = False,
    ) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.default = default
        self.echo = echo
        self.log: list[tuple[float, bytes]] = []
        self.lines: list[str] = []
        self._master, self._slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop_read, self._stop_write = os.pipe()
        self._changed = threading.Condition()
        self._buffer = bytearray()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def __enter__(self) -> ScriptedPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def unplug(self) -> None:
        """Close both ends: the driver's descriptor reports a hang-up."""
        if self._master < 0:
            return
        os.write(self._stop_write, b"x")
        self._thread.join(2)
        os.close(self._master)
        os.close(self._slave)
        self._master = -1

    def say(self, data: bytes, *, bytewise: bool = False) -> None:
        for piece in [data[i : i + 1] for i in range(len(data))] if bytewise else [data]:
            os.write(self._master, piece)

    @property
    def raw(self) -> bytes:
        """Everything received so far."""
        with self._changed:
            return b"".join(data for _, data in self.log)

    def wait_for(self, wanted: bytes, *, start: int = 0, timeout: float = 2.0) -> float:
        """Wait for *wanted* at or after byte *start*; return when it was complete."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                seen = b""
                for at, data in self.log:
                    seen += data
                    if wanted in seen[start:]:
                        return at
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{wanted!r} not in {seen!r}")
                self._changed.wait(left)

    def _loop(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            try:
                data = os.read(self._master, 4096)
            except OSError:
                return
            with self._changed:
                self.log.append((time.monotonic(), data))
                self._changed.notify_all()
            self._answer(data)

    def _answer(self, data: bytes) -> None:
        for byte in data:
            if byte not in b"\r\x1a\x1b":
                self._buffer.append(byte)
                continue
            line = self._buffer.decode("latin-1") + ("" if byte == 0x0D else chr(byte))
            self._buffer.clear()
            if not line:
                continue
            self.lines.append(line)
            answer = self.answers.get(line, self.default)
            if callable(answer):
                answer = answer(line)
            if self.echo:
                os.write(self._master, line.encode("latin-1") + b"\r")
            if answer:
                os.write(self._master, answer)
