"""A log that nobody reads holds up nothing."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from appliance.daemon.log_output import FORMAT, LEAVE_WITHIN, PatientHandler


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ours, theirs = os.pipe()
    yield ours, theirs
    for fd in (ours, theirs):
        os.close(fd)


def fill(fd: int) -> None:
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except BlockingIOError:
        pass
    fcntl.fcntl(fd, fcntl.F_SETFL, flags)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("box", logging.INFO, "", 0, text, None, None)


def test_lines_come_in_their_order(pipe: tuple[int, int]) -> None:
    handler = PatientHandler(pipe[1])
    handler.setFormatter(logging.Formatter(FORMAT))
    for n in range(5):
        handler.handle(record(f"line {n}"))
    handler.flush()
    assert os.read(pipe[0], 4096).decode() == "".join(f"INFO box: line {n}\n" for n in range(5))


def test_a_full_pipe_holds_nobody_up_and_what_was_lost_is_told(pipe: tuple[int, int]) -> None:
    fill(pipe[1])
    handler = PatientHandler(pipe[1], most=10)
    began = time.monotonic()
    for n in range(100):
        handler.handle(record(f"line {n}"))
    assert time.monotonic() - began < 0.5
    handler.flush()
    assert time.monotonic() - began < LEAVE_WITHIN + 1.0
    text = b""
    while b"lines of the log were lost" not in text:
        text += os.read(pipe[0], 65536)
        handler.handle(record("another"))
    # The next pipe may have this one's number: nothing may be on its way there.
    handler.flush()


def test_two_threads_and_a_handler_inside_a_handler(pipe: tuple[int, int]) -> None:
    """What a signal interrupts may be a log call: no lock is held that the second would want."""
    handler = PatientHandler(pipe[1])

    class Interrupted(logging.Formatter):
        deep = False

        def format(self, given: logging.LogRecord) -> str:
            if not self.deep:
                self.deep = True
                handler.handle(record("inner"))
            return super().format(given)

    handler.setFormatter(Interrupted())
    thread = threading.Thread(target=handler.handle, args=(record("outer"),), daemon=True)
    thread.start()
    thread.join(5.0)
    assert not thread.is_alive()
    handler.flush()
    assert os.read(pipe[0], 4096) == b"inner\nouter\n"


def test_a_program_ends_although_its_log_is_stuck(pipe: tuple[int, int]) -> None:
    fill(pipe[1])
    program = (
        "import logging; from appliance.daemon.log_output import log_to_stderr; "
        "log_to_stderr('info'); [logging.info('x' * 200) for _ in range(5000)]"
    )
    done = subprocess.run([sys.executable, "-c", program], stderr=pipe[1], timeout=30, check=False)
    assert done.returncode == 0


def test_no_lock_of_the_library_is_taken(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # CPython 3.13 enters `self.lock` in here, which is None.
    def locked(*_: object) -> None:
        raise TypeError("'NoneType' object does not support the context manager protocol")

    monkeypatch.setattr(logging.Handler, "handle", locked)
    handler = PatientHandler(pipe[1])
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.handle(record("heard"))
    handler.addFilter(lambda told: "secret" not in told.getMessage())
    handler.handle(record("secret"))
    handler.flush()
    assert os.read(pipe[0], 4096) == b"INFO box: heard\n"
