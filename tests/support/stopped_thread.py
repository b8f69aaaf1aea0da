"""One thread of another process, stopped while the others go on (ptrace(2), Linux)."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path
from typing import Self

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_LOOK = 0.012
# futex, poll, select, epoll_wait, clock_nanosleep, ppoll, pselect6 of x86_64 and arm64.
_WAITS = {"202", "7", "23", "232", "230", "271", "270", "98", "115", "73", "72", "22"}
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long


class StoppedThread:
    """The first thread of process *pid*, stopped in a wait of its own.

    SIGSTOP would stop every thread. A thread that holds the interpreter's lock would stop all
    others of a Python program as well, and one that waits for that lock may hold any other, the
    log's for one. So it is taken in a wait that is longer than CPython's for its own lock, which
    wakes every five milliseconds (``sys.getswitchinterval``).
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stopped = False

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline:
            call = self._long_wait()
            if call is None:
                continue
            self._ask(_SEIZE)
            self._ask(_INTERRUPT)
            os.waitpid(self._pid, _WALL)
            self._stopped = True
            if self._call() == call:
                return self
            self.release()
        raise RuntimeError("the thread was never found in a wait of its own")

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let it go on; one that is gone needs nothing."""
        if self._stopped:
            self._stopped = False
            _LIBC.ptrace(_DETACH, self._pid, None, None)

    def _long_wait(self) -> str | None:
        """The call of the system that it sleeps in, or None where it woke within the look."""
        before = self._call(), self._sleeps()
        time.sleep(_LOOK)
        asleep = before == (self._call(), self._sleeps()) and before[0].split()[0] in _WAITS
        return before[0] if asleep else None

    def _call(self) -> str:
        return self._told("syscall")

    def _sleeps(self) -> str:
        """How often it went to sleep by itself (proc(5), ``voluntary_ctxt_switches``)."""
        lines = self._told("status").splitlines()
        return next(line for line in lines if line.startswith("voluntary_ctxt_switches"))

    def _told(self, name: str) -> str:
        return Path(f"/proc/{self._pid}/task/{self._pid}/{name}").read_text()

    def _ask(self, request: int) -> None:
        if _LIBC.ptrace(request, self._pid, None, None) < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
