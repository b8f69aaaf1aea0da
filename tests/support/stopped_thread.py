"""One thread of another process, stopped while the others go on (ptrace(2), Linux)."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path
from typing import Self

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long


class StoppedThread:
    """The first thread of process *pid*, stopped in a wait of its own.

    SIGSTOP would stop every thread. A thread that holds the interpreter's lock would stop all
    others of a Python program as well, so it is taken in a wait, where it does not.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stopped = False

    def __enter__(self) -> Self:
        self._ask(_SEIZE)
        deadline = time.monotonic() + 5.0
        while True:
            self._ask(_INTERRUPT)
            os.waitpid(self._pid, _WALL)
            self._stopped = True
            if self._waits():
                return self
            if time.monotonic() > deadline:
                self.release()
                raise RuntimeError("the thread was never found waiting")
            self.release()
            time.sleep(0.003)
            self._ask(_SEIZE)

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let it go on; one that is gone needs nothing."""
        if self._stopped:
            self._stopped = False
            _LIBC.ptrace(_DETACH, self._pid, None, None)

    def _waits(self) -> bool:
        """Whether it sleeps in a call of the system that gives the interpreter's lock away."""
        asked = Path(f"/proc/{self._pid}/task/{self._pid}/syscall").read_text().split()
        # futex, poll, select, epoll_wait, clock_nanosleep, ppoll, pselect6 of x86_64 and arm64.
        waits = {"202", "7", "23", "232", "230", "271", "270"}
        return bool(asked) and asked[0] in waits | {"98", "115", "73", "72", "22"}

    def _ask(self, request: int) -> None:
        if _LIBC.ptrace(request, self._pid, None, None) < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
