"""How the callee hears us: one protocol for every kind of voice path.

Paths differ in who owns playback (a serial port that the box clocks, a sound card, the module's
own file player) but a line drives all of them alike. In a call the order is ``start``, then any
number of ``play``, then ``stop``; ``mute`` may come from the stop path at any moment. A line that
calls ``start`` looks at its own stop flag *afterwards* and mutes again if it is set, because
``start`` is what lifts a mute.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import ParamSpec, Protocol

from firmware.clips.clip import Clip
from firmware.clock import Clock
from firmware.voice.frames import FRAME_BYTES, FRAME_SECONDS
from firmware.wording import worded

__all__ = [
    "FRAME_BYTES",
    "FRAME_SECONDS",
    "AudioCallbacks",
    "AudioCounters",
    "AudioPath",
    "SilentPath",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCallbacks:
    """What a path reports; ``at`` is box-monotonic seconds.

    They run on the path's own thread, which also paces the voice: they return within a
    millisecond or two (post to a queue), and never call ``close`` of the path.
    """

    on_started: Callable[[str, float], None]
    """(clip name, at): its first frame went out."""
    on_finished: Callable[[str, int, bool, float], None]
    """(clip name, played milliseconds, complete, at): exactly once for each clip that started."""
    on_advanced: Callable[[str, int, float], None] = lambda *_: None
    """(clip name, played milliseconds, at): about once a second of a clip that goes on. A path on
    which the module plays by itself tells none."""
    on_downlink: Callable[[bytes, float], None]
    """(whole 16-bit samples, at): what the far end says, any length."""
    on_failed: Callable[[str, float], None]
    """(detail, at): the callee hears nothing, or nothing is heard from them."""


@dataclass(slots=True, kw_only=True)
class AudioCounters:
    """What a path did since it was made; for ``status``, ``doctor`` and benches."""

    frames_sent: int = 0
    late: int = 0
    """Deadlines missed by more than half a frame; the schedule moved."""
    blocked: int = 0
    """Deadlines at which the port took no data; the clip waited."""
    bytes_received: int = 0
    callback_errors: int = 0
    """Exceptions of the callbacks, which are defects of the box: clips or keys went untold."""

    def plus(self, more: AudioCounters) -> AudioCounters:
        """Return the sums."""
        return AudioCounters(
            **{
                each.name: getattr(self, each.name) + getattr(more, each.name)
                for each in fields(self)
            }
        )


class AudioPath(Protocol):
    """A way for clips to reach the callee, and perhaps for the callee's voice to reach us."""

    @property
    def kind(self) -> str:
        """``pcm-serial``, ``module-file``, ``alsa`` or ``none``."""
        ...

    @property
    def hears(self) -> bool:
        """Whether downlink audio comes to the host (for the key detector)."""
        ...

    @property
    def counters(self) -> AudioCounters: ...

    @property
    def lost(self) -> str | None:
        """Why the device carries no voice until it is opened anew; None while it may. Any thread.

        Whatever the module says of its voice, nobody may be called on a path that is lost.
        """
        ...

    def prepare(self, clips: Iterable[Clip]) -> None:
        """Make the clips playable before any call (a path that plays on the module uploads them).

        Never during a call. Raises a FirmwareError where that fails.
        """
        ...

    def open(self) -> None:
        """Take the device. Raises :class:`~firmware.errors.PortUnusable` with the remedy."""
        ...

    def start(self) -> None:
        """The call is up: voice goes out (silence when idle), downlink comes in; lifts a mute."""
        ...

    def play(self, clip: Clip) -> None:
        """Play a clip in place of what plays. Any thread, does not block."""
        ...

    def silence(self) -> None:
        """Stop the clip; the next frame is silent. Any thread."""
        ...

    def mute(self) -> None:
        """Emergency: silent within one frame until :meth:`start`. Any thread, never blocks."""
        ...

    def pause(self) -> None:
        """The module's buffer is full (flow-control notice): send nothing for now."""
        ...

    def resume(self) -> None:
        """The module takes voice again."""
        ...

    def played(self, *, failed: bool, at: float) -> None:
        """The module says that a clip it plays itself ended, or could not be played (notice)."""
        ...

    def stop(self) -> None:
        """The call is over: pacing stops, a running clip finishes incomplete."""
        ...

    def close(self) -> None:
        """Give the device back. Idempotent."""
        ...


class SilentPath:
    """No voice path at all; every clip fails, so that no line seems to speak when it cannot."""

    kind = "none"
    hears = False
    lost = None

    def __init__(self, *, clock: Clock, callbacks: AudioCallbacks) -> None:
        self._clock = clock
        self._callbacks = callbacks
        self.counters = AudioCounters()

    def prepare(self, clips: Iterable[Clip]) -> None:
        pass

    def open(self) -> None:
        pass

    def start(self) -> None:
        pass

    def play(self, clip: Clip) -> None:
        self._callbacks.on_failed(
            worded("this line has no voice path; {clip} was not played", clip=clip.name),
            self._clock.monotonic(),
        )

    def silence(self) -> None:
        pass

    def mute(self) -> None:
        pass

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def played(self, *, failed: bool, at: float) -> None:
        pass

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to play, or None for silence."""

    clip: Clip | None
    mutes: int
    """How often the path had been muted when it was asked for."""
    epoch: int
    """How often the modem had been told to hang up by then, where the modem is what plays."""


class Orders:
    """The newest order, and whether it may be heard."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held around each change but those of an emergency; a path may hold it around what must
        not come between its own state and an order."""
        self.wanted: Wanted | None = None
        self.muted = False
        self.held = False
        """The module's voice buffer is full."""
        self._mutes = 0

    def ask(self, clip: Clip | None, *, epoch: int = 0) -> None:
        with self.lock:
            self.wanted = Wanted(clip, self._mutes, epoch)

    def take(self) -> Wanted | None:
        """Return what is to be carried out now, once."""
        with self.lock:
            wanted, self.wanted = self.wanted, None
        return wanted

    def mute(self) -> None:
        """Without the lock: an emergency waits for nobody."""
        self.muted = True
        self._mutes += 1

    def begin(self) -> None:
        """A call begins, and lifts a mute."""
        with self.lock:
            if self.wanted is not None and self.wanted.mutes != self._mutes:
                self.wanted = None
            self.muted = self.held = False

    def forget(self) -> None:
        with self.lock:
            self.wanted = None


P = ParamSpec("P")

_log = logging.getLogger(__name__)


class Reporter:
    """Calls back for the path *name*; one thread at a time.

    What goes wrong there is counted in ``callback_errors``, from which the line learns that it may
    be deaf. The log gets the first of each kind with its traceback: a detector that is broken
    fails fifty times a second.
    """

    def __init__(self, name: str, counters: AudioCounters) -> None:
        self._name = name
        self._counters = counters
        self._logged: set[type[Exception]] = set()

    def __call__(self, callback: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:  # noqa: BLE001
            self._counters.callback_errors += 1
            if type(error) not in self._logged:
                self._logged.add(type(error))
                _log.exception("%s: the box failed at what the voice path told it", self._name)
