"""Serial ports in memory, for tests of what a real one rarely does."""

from __future__ import annotations

import contextlib
import os
import threading


class FakePort:
    """A port in memory whose reads and writes can be made to fail."""

    port = "fake"

    def __init__(self) -> None:
        self.written = bytearray()
        self.write_error: Exception | None = None
        self.read_error: Exception | None = None
        self.silent: set[bytes] = set()
        self.closed = False
        self._replies = bytearray()
        self._wake = threading.Condition()

    def open(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def fail(self, error: Exception) -> None:
        with self._wake:
            self.read_error = error
            self._wake.notify_all()

    @property
    def in_waiting(self) -> int:
        return len(self._replies)

    def read(self, size: int) -> bytes:
        with self._wake:
            self._wake.wait_for(lambda: self._replies or self.read_error or self.closed, 0.5)
            if self.read_error is not None:
                raise self.read_error
            data = bytes(self._replies[:size])
            del self._replies[:size]
            return data

    def cancel_read(self) -> None:
        with self._wake:
            self.closed = True
            self._wake.notify_all()

    def write(self, data: bytes) -> int:
        if self.write_error is not None:
            raise self.write_error
        self.written += data
        if data.endswith(b"\r") and data not in self.silent:
            with self._wake:
                self._replies += b"\r\nOK\r\n"
                self._wake.notify_all()
        return len(data)


class PipePort(FakePort):
    """A port with a real descriptor; what does not fit into it waits for *room*."""

    def __init__(self) -> None:
        super().__init__()
        self.room = threading.Event()
        self.far_end, self._near_end = os.pipe()
        os.set_blocking(self._near_end, False)

    def fileno(self) -> int:
        return self._near_end

    def write(self, data: bytes) -> int:
        if not self.room.wait(10):
            raise TimeoutError("no room")
        return super().write(data)

    def fill(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._near_end, bytes(65536))

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self.far_end)
            os.close(self._near_end)
