"""Voice over a sound card of the host: USB audio of a module, or a card wired to its analogue end.

The card's own clock paces the voice: PortAudio (through ``sounddevice``, an optional extra) asks
for 20 ms at a time and brings 20 ms. Its callbacks only copy; a thread of ours tells the line
and hands on the downlink, so that a slow listener cannot make the voice stutter. Two separate
streams, opened anew for each call: linked streams and streams kept over calls went silent on EC25
USB audio (field notes).
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol, cast

from firmware.audio.clip import SAMPLE_RATE, Clip
from firmware.audio.frames import FRAME_BYTES, Began, Finished, Notice, Player
from firmware.audio.path import AudioCallbacks, AudioCounters
from firmware.clock import Clock
from firmware.errors import PortUnusable

PREFIX = "alsa:"
"""How the ``audio`` setting names a card: ``alsa:hw:2``, ``alsa:EC25``."""
BLOCK = FRAME_BYTES // 2
"""Samples per callback: 20 ms."""
LATENCY = 0.04
"""Seconds of sound that the card may hold: what was handed over cannot be silenced but by
aborting the stream, so it is kept short."""
WATCHDOG_SECONDS = 2.0
_LOOK_EVERY = 0.25
INSTALL = "install the extra and the system library: pip install 'autodialer[alsa]' and sudo apt "
INSTALL += "install libportaudio2"


class Stream(Protocol):
    """One direction of the card."""

    def start(self) -> None: ...

    def abort(self) -> None:
        """Stop at once; what the card holds is dropped."""
        ...

    def close(self) -> None: ...


class SoundLibrary(Protocol):
    """The part of ``sounddevice`` in use."""

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


@dataclass(frozen=True, slots=True)
class _Wanted:
    clip: Clip | None
    mutes: int
    """How often the path had been muted when it was asked for."""


@dataclass(frozen=True, slots=True)
class _Told:
    notice: Notice
    at: float


@dataclass(frozen=True, slots=True)
class _Heard:
    pcm: bytes
    at: float


@dataclass(frozen=True, slots=True)
class _Abort:
    """Drop what the card still holds."""


@dataclass(frozen=True, slots=True)
class _Leave:
    """The path is being closed."""


class AlsaPath:
    """The voice path over the sound card *device*: a name's part, or a number, as PortAudio has it.

    *load* gives the library; tests hand in one without a card.
    """

    kind = "alsa"
    hears = True

    def __init__(
        self,
        device: str,
        *,
        clock: Clock,
        callbacks: AudioCallbacks,
        load: Callable[[], SoundLibrary] = load_library,
    ) -> None:
        self._device: str | int = int(device) if device.isdigit() else device
        self._clock = clock
        self._callbacks = callbacks
        self._load = load
        self.counters = AudioCounters()
        self._library: SoundLibrary | None = None
        self._streams: tuple[Stream, ...] = ()
        self._thread: threading.Thread | None = None
        self._news: SimpleQueue[_Told | _Heard | _Abort | _Leave] = SimpleQueue()
        self._lock = threading.Lock()
        self._wanted: _Wanted | None = None
        self._muted = False
        self._mutes = 0
        self._held = False
        self._running = False
        self._player = Player()
        self._taken_at = self._heard_at = 0.0

    # -- orders ------------------------------------------------------------------------------

    def prepare(self, clips: Iterable[Clip]) -> None:
        """Nothing to do: the clips stream from memory."""

    def open(self) -> None:
        """Find the card and ask whether it takes 8 kHz. Raises PortUnusable."""
        if self._thread is not None:
            return
        library = self._load()
        options = self._options()
        try:
            library.check_output_settings(**options)
            library.check_input_settings(**options)
        except (library.PortAudioError, ValueError) as error:
            raise PortUnusable(
                f"sound card {self._device}: {error}",
                remedy="list the cards with: python -m sounddevice; the line needs one that "
                "plays and records 8000 samples a second, mono (alsa:plughw:N converts)",
            ) from error
        self._library = library
        self._thread = threading.Thread(
            target=self._tell, name=f"sound card {self._device}", daemon=True
        )
        self._thread.start()

    def start(self) -> None:
        library = self._library
        if library is None:
            self._callbacks.on_failed("the sound card is not open", self._clock.monotonic())
            return
        with self._lock:
            if self._running:
                return
            if self._wanted is not None and self._wanted.mutes != self._mutes:
                # Asked for before the emergency; what was asked for since belongs to this call,
                # whose answer may come before its voice.
                self._wanted = None
            self._muted = self._held = False
            self._player = Player()
            self._taken_at = self._heard_at = self._clock.monotonic()
            self._running = True
        options = self._options() | {"blocksize": BLOCK, "latency": LATENCY}
        made: list[Stream] = []
        try:
            made.append(library.RawOutputStream(**options, callback=self._speak))
            made.append(library.RawInputStream(**options, callback=self._listen))
            self._streams = tuple(made)
            for stream in made:
                stream.start()
        except (library.PortAudioError, ValueError, OSError) as error:
            self._streams = tuple(made)
            self.stop()
            self._callbacks.on_failed(
                f"sound card {self._device}: {error}", self._clock.monotonic()
            )

    def play(self, clip: Clip) -> None:
        with self._lock:
            self._wanted = _Wanted(clip, self._mutes)

    def silence(self) -> None:
        with self._lock:
            self._wanted = _Wanted(None, self._mutes)

    def mute(self) -> None:
        """The next block is silent, and the thread drops those that the card already holds."""
        self._muted = True
        self._mutes += 1
        self._news.put(_Abort())

    def pause(self) -> None:
        self._held = True

    def resume(self) -> None:
        self._held = False

    def played(self, *, failed: bool, at: float) -> None:
        """The module plays nothing by itself on this path."""

    def stop(self) -> None:
        with self._lock:
            self._running = False
            self._wanted = None
            streams, self._streams = self._streams, ()
        for stream in streams:
            self._end(stream.abort)
            self._end(stream.close)
        # No callback runs any more.
        self._player.mute()
        now = self._clock.monotonic()
        for notice in self._player.drain_notices():
            self._news.put(_Told(notice, now))

    def close(self) -> None:
        thread, self._thread = self._thread, None
        self.stop()
        self._library = None
        if thread is not None and thread is not threading.current_thread():
            self._news.put(_Leave())
            thread.join(timeout=2.0)

    # -- PortAudio's threads -------------------------------------------------------------------

    def _speak(self, out: Any, _frames: int, _time: object, status: object) -> None:
        """Fill the next block; *out* is a writable buffer of 320 bytes."""
        now = self._clock.monotonic()
        self._taken_at = now
        if status:
            self.counters.late += 1
        if self._muted:
            self._player.mute()
        else:
            with self._lock:
                wanted, self._wanted = self._wanted, None
            if wanted is not None:
                if wanted.clip is None:
                    self._player.silence()
                else:
                    self._player.play(wanted.clip)
        if self._held and not self._muted:
            out[:] = bytes(len(out))
            return
        frame, notices = self._player.next_frame()
        out[:] = frame.ljust(len(out), b"\0")[: len(out)]
        self.counters.frames_sent += 1
        for notice in notices:
            self._news.put(_Told(notice, now))

    def _listen(self, given: Any, _frames: int, _time: object, _status: object) -> None:
        now = self._clock.monotonic()
        self._heard_at = now
        self._news.put(_Heard(bytes(given), now))

    # -- our thread ----------------------------------------------------------------------------

    def _tell(self) -> None:
        while True:
            try:
                news = self._news.get(timeout=_LOOK_EVERY)
            except Empty:
                self._look()
                continue
            match news:
                case _Told(notice=Began(clip=clip), at=at):
                    self._report(self._callbacks.on_started, clip, at)
                case _Told(notice=Finished() as finished, at=at):
                    self._report(
                        self._callbacks.on_finished,
                        finished.clip,
                        finished.played_ms,
                        finished.complete,
                        at,
                    )
                case _Heard(pcm=pcm, at=at):
                    self.counters.bytes_received += len(pcm)
                    self._report(self._callbacks.on_downlink, pcm, at)
                case _Abort():
                    for stream in self._streams[:1]:
                        self._end(stream.abort)
                case _Leave():
                    return
            self._look()

    def _look(self) -> None:
        """Tell of a direction that stands still: a card that was pulled calls back no more."""
        if not self._running or self._muted:
            return
        now = self._clock.monotonic()
        for name, at in (("taken", self._taken_at), ("received", self._heard_at)):
            if now - at > WATCHDOG_SECONDS:
                self._taken_at = self._heard_at = now
                self._report(
                    self._callbacks.on_failed, f"no voice {name} for {WATCHDOG_SECONDS:g} s", now
                )
                return

    def _options(self) -> dict[str, Any]:
        return {
            "device": self._device,
            "channels": 1,
            "dtype": "int16",
            "samplerate": SAMPLE_RATE,
        }

    def _end(self, action: Callable[[], None]) -> None:
        """A card that was pulled out cannot be stopped properly, nor need it be."""
        try:
            action()
        except Exception:  # noqa: BLE001
            self.counters.callback_errors += 1

    def _report(self, callback: Callable[..., None], *what: object) -> None:
        """Call back; whatever goes wrong there must not end the voice of a call."""
        try:
            callback(*what)
        except Exception:  # noqa: BLE001
            self.counters.callback_errors += 1
