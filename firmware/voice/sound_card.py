"""The part of ``sounddevice`` (PortAudio) in use, and what to install where it is missing."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, cast

from firmware.errors import PortUnusable
from firmware.wording import worded

__all__ = ["INSTALL", "USAGE", "SoundLibrary", "Stream", "Usage", "load_library"]

INSTALL = worded(
    "install both: pip install '.[alsa]' in the program's source folder, and sudo apt "
    "install libportaudio2"
)


class Stream(Protocol):
    """One direction of the card."""

    def start(self) -> None:
        """Begin, or begin again after :meth:`abort`; the first sound comes by the callback.

        May never return: PortAudio 19.6 waits for ever where ALSA refuses to prepare or start
        the card (its thread dies holding what the caller waits for). A stream whose start failed
        is left alone: PortAudio would end the thread a second time, which by then may be another.
        """
        ...

    def abort(self) -> None:
        """Stop at once; what the card holds is dropped, and no callback runs any more."""
        ...

    def close(self) -> None: ...


class SoundLibrary(Protocol):
    """The library itself."""

    PortAudioError: type[Exception]

    # The names are the library's.
    def RawOutputStream(self, **options: Any) -> Stream: ...  # noqa: N802

    def RawInputStream(self, **options: Any) -> Stream: ...  # noqa: N802

    def check_output_settings(self, **options: Any) -> None: ...

    def check_input_settings(self, **options: Any) -> None: ...

    def _terminate(self) -> None: ...

    def _initialize(self) -> None: ...


def load_library() -> SoundLibrary:
    """Import ``sounddevice``. Raises PortUnusable with what to install."""
    try:
        return cast(SoundLibrary, importlib.import_module("sounddevice"))
    except ImportError as error:
        raise PortUnusable(
            worded("the sound card library is not installed"), remedy=INSTALL
        ) from error
    except OSError as error:
        # sounddevice is there and libportaudio is not.
        raise PortUnusable(
            worded("the sound card library: {error}", error=error), remedy=INSTALL
        ) from error


class Usage:
    """Who has streams open, over all lines, so that the library's list of cards can be renewed.

    PortAudio lists the cards once, when it is initialised (``Pa_Initialize``): one that is plugged
    in later, or comes back under another number, is found only after ``Pa_Terminate``, which closes
    every stream that is open. So the list is renewed while nobody has one. sounddevice offers both
    calls by these names alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams = 0

    def begin(self) -> None:
        """A call is about to open its streams; waits for a list that is being renewed."""
        with self._lock:
            self._streams += 1

    def end(self) -> None:
        """Those of one call are closed."""
        with self._lock:
            self._streams -= 1

    def renew(self, library: SoundLibrary) -> bool:
        """List the cards anew; False where a call keeps the old list in use.

        A stream that hangs in its start is one for ever: nothing may be closed under it.
        Raises the library's error where it does not come up again.
        """
        with self._lock:
            if self._streams:
                return False
            library._terminate()  # noqa: SLF001
            library._initialize()  # noqa: SLF001
            return True


USAGE = Usage()
"""Of this process: PortAudio is one for all lines."""


class CardThread:
    """Does one thing after another, in the order they were asked for. Actions do not raise."""

    def __init__(self, name: str) -> None:
        self._actions: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon, so that a card that hangs does not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def post(self, action: Callable[[], None]) -> None:
        """Have *action* done soon. Any thread, never blocks."""
        self._actions.put(action)

    def done(self, action: Callable[[], None], *, within: float) -> bool:
        """Have *action* done and wait for it; False where it is not done *within* seconds."""
        done = threading.Event()

        def do() -> None:
            action()
            done.set()

        self._actions.put(do)
        return done.wait(within)

    def leave(self) -> None:
        """End after what was asked for so far; a thread that hangs ends if it ever goes on."""
        self._actions.put(None)

    def _run(self) -> None:
        while True:
            action = self._actions.get()
            if action is None:
                return
            action()
