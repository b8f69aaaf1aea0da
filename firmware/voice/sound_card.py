"""The part of ``sounddevice`` (PortAudio) in use, and what to install where it is missing."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, cast

from firmware.errors import PortUnusable

__all__ = ["INSTALL", "SoundLibrary", "Stream", "load_library"]

INSTALL = "install the extra and the system library: pip install 'autodialer[alsa]' and sudo apt "
INSTALL += "install libportaudio2"


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


def load_library() -> SoundLibrary:
    """Import ``sounddevice``. Raises PortUnusable with what to install."""
    try:
        return cast(SoundLibrary, importlib.import_module("sounddevice"))
    except ImportError as error:
        raise PortUnusable("the sound card library is not installed", remedy=INSTALL) from error
    except OSError as error:
        # sounddevice is there and libportaudio is not.
        raise PortUnusable(f"the sound card library: {error}", remedy=INSTALL) from error


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
