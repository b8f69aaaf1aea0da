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

from appliance.daemon.log_output import (
    FORMAT,
    LEAVE_WITHIN,
    MaskingFormatter,
    PatientHandler,
)


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


NUMBERS = ["+33639980001", "+33 6 39 98 00 01", "+33-6-39-98-00-01"]


def formatted(text: str, *arguments: object, error: BaseException | None = None) -> str:
    ended = None if error is None else (type(error), error, error.__traceback__)
    told = logging.LogRecord("box", logging.INFO, "", 0, text, arguments, ended)
    return MaskingFormatter(FORMAT).format(told)


@pytest.mark.parametrize("number", NUMBERS)
def test_no_message_and_no_traceback_holds_a_number(number: str) -> None:
    digits = "".join(filter(str.isdigit, number))
    for told in (
        formatted("nobody knows %s", number),
        formatted("operation failed", error=KeyError(number)),
        formatted("operation failed", error=ValueError(f"input_value='{number}'")),
        formatted("operation failed", error=ValueError("0639980001")),
    ):
        left = "".join(filter(str.isdigit, told))
        assert digits not in left
        assert "639980001" not in left


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise KeyError("+33639980001")
    except KeyError as error:
        told = formatted("failed", error=error)
    assert "Traceback" in told
    assert 'log_output.py", line ' in told


def test_what_a_modem_says_makes_no_line_of_its_own() -> None:
    assert formatted("said %s", "OK\r\n<0>the box is fine") == (
        "INFO box: said OK\\r\\n<0>the box is fine"
    )


HOOKED = """
import sys, threading
from appliance.cli import main as m
import appliance.cli.completion as command

def run(arguments):
    thread = threading.Thread(target=lambda: {{}}["+33639980001"])
    thread.start()
    thread.join()
    class Lost:
        def __del__(self):
            raise ValueError("+33 6 39 98 00 01")
    Lost()
    raise KeyError("+33639980001 and 06 39 98 00 01")

command.run = run
sys.argv = ["autodialer", "completion", "bash"]
m.main()
"""


@pytest.mark.process
def test_a_program_that_a_bug_ends_tells_no_number() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HOOKED.replace("{{}}", "{}")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 3
    assert done.stderr.count("(number)") == 4
    assert "39980001" not in done.stderr.replace(" ", "")
