"""One call over a sound card: two streams, their callbacks, and how a clip is cut short.

What was handed to the card sounds on for up to 60 ms, whatever is handed over next. A clip that
is stopped or replaced is therefore cut in the card: the output stream is aborted, which drops
what the card holds, and started again. That is what PortAudio itself does after each underrun,
so every card must bear it. It happens only where something sounds; in silence the next block
simply holds the new clip.

Three threads meet here. PortAudio's callbacks only copy. The card's thread
(:class:`~firmware.voice.sound_card.CardThread`) starts, aborts and closes. Orders come from
anywhere and only leave a mark. From the moment that a clip has to be cut until it is, the
callbacks hand over silence and leave the player to the card's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firmware.clips.clip import SAMPLE_RATE
from firmware.clock import Clock
from firmware.voice.card_buffer import Unheard
from firmware.voice.frames import FRAME_BYTES, SILENCE, Notice, Player
from firmware.voice.path import AudioCounters, Orders
from firmware.voice.sound_card import USAGE, CardThread, SoundLibrary, Stream, Usage
from firmware.wording import worded

_log = logging.getLogger(__name__)

BLOCK = FRAME_BYTES // 2
"""Samples per callback: 20 ms."""
LATENCY = 0.04
"""Seconds of sound that the card may hold besides the block that it plays. Less of it and a busy
Pi stutters; it does not make a stop slower, because a stop drops it."""
_MOST_LATENCY = 1.0
"""A card that says it holds more than this many seconds is not believed."""


@dataclass(frozen=True, slots=True)
class Told:
    """A clip began or ended."""

    notice: Notice
    at: float


@dataclass(frozen=True, slots=True)
class Heard:
    """The far end's voice."""

    pcm: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The card refused."""

    detail: str
    at: float


News = Told | Heard | Failed


def card_options(device: str | int) -> dict[str, Any]:
    """Return how PortAudio is asked for the card *device*: as telephones speak."""
    return {"device": device, "channels": 1, "dtype": "int16", "samplerate": SAMPLE_RATE}


class CardCall:
    """The voice of one call. :meth:`start`, :meth:`drop`, :meth:`hush` and :meth:`end` are for
    the card's thread, :meth:`ask_drop` and :meth:`cut` for any."""

    def __init__(
        self,
        *,
        device: str | int,
        library: SoundLibrary,
        orders: Orders,
        clock: Clock,
        counters: AudioCounters,
        thread: CardThread,
        post: Callable[[News], None],
        usage: Usage = USAGE,
    ) -> None:
        self.thread = thread
        self._usage = usage
        self._uses = False
        self._over = False
        self.failure: str | None = None
        """Why the card carries no voice any more; set before it is posted."""
        self.taken_at = self.heard_at = clock.monotonic()
        """When the card last took a block, and brought one."""
        self._device = device
        self._library = library
        self._orders = orders
        self._clock = clock
        self._counters = counters
        self._post = post
        self._player = Player()
        self._unheard = Unheard()
        self._out: Stream | None = None
        self._in: Stream | None = None
        self._drop_asked = False
        self._abandoned = False
        """A stream whose start failed is left alone for ever, and with it the list of cards."""

    def is_over(self) -> bool:
        """Return whether no sound is handed over any more and nothing begins."""
        return self._over

    def give_up(self, why: str) -> None:
        """The card hangs; should it ever go on, nothing may begin."""
        self._over = True
        self.failure = self.failure or why

    # -- the card's thread -------------------------------------------------------------------

    def start(self) -> None:
        """Open both directions anew and start them; a refusal is posted."""
        library = self._library
        self._uses = True
        self._usage.begin()
        options = card_options(self._device) | {"blocksize": BLOCK, "latency": LATENCY}
        try:
            self._out = library.RawOutputStream(**options, callback=self._speak)
            self._in = library.RawInputStream(**options, callback=self._listen)
            for stream in (self._out, self._in):
                if not self._over:
                    self._begin(stream)
        except (library.PortAudioError, ValueError, OSError) as error:
            self._over = True
            self.end()
            self._fail(str(error))

    def drop(self) -> None:
        """Silence a clip that sounds, at once, and go on with what is asked for instead."""
        self._drop_asked = False
        orders, out = self._orders, self._out
        now = self._clock.monotonic()
        with orders.lock:
            if self._silent() or orders.wanted is None or out is None:
                return
            if not self._unheard.sounds(now):
                return
        self._quietly(out.abort)
        # No callback runs any more: the player is ours until the stream starts again.
        with orders.lock:
            if self.is_over():
                return
            wanted = orders.take()
            self._player.turn_to(None if wanted is None else wanted.clip)
            self._tell_dropped(now)
        if self._silent():
            return
        try:
            self._begin(out)
        except (self._library.PortAudioError, ValueError, OSError) as error:
            self._fail(worded("no voice after a clip was stopped: {error}", error=error))

    def hush(self) -> None:
        """Drop what the card holds, for good (emergency)."""
        if self._out is None or not self._orders.muted:
            # A mute of the call before.
            return
        now = self._clock.monotonic()
        self._quietly(self._out.abort)
        with self._orders.lock:
            if not self._over:
                self._player.mute()
                self._tell_dropped(now)

    def end(self) -> None:
        """Close the streams."""
        streams = (self._out, self._in)
        self._out = self._in = None
        for stream in streams:
            if stream is not None:
                self._quietly(stream.abort)
                self._quietly(stream.close)
        if self._uses and not self._abandoned:
            self._uses = False
            self._usage.end()

    def _silent(self) -> bool:
        return self._over or self._orders.muted

    def _begin(self, stream: Stream) -> None:
        try:
            stream.start()
        except BaseException:
            # Never touched again: see Stream.start. So it counts as open.
            self._abandoned = True
            if stream is self._out:
                self._out = None
            else:
                self._in = None
            raise
        self.taken_at = self._clock.monotonic()

    def _fail(self, detail: str) -> None:
        if self.failure is not None:
            # Told already, and another call may be up by now.
            return
        self.failure = worded("sound card {device}: {detail}", device=self._device, detail=detail)
        self._post(Failed(self.failure, self._clock.monotonic()))

    def _quietly(self, action: Callable[[], None]) -> None:
        """A card that was pulled out cannot be stopped properly, nor need it be."""
        try:
            action()
        except Exception as error:  # noqa: BLE001
            # No defect of a callback, which the counter of those would make the line go down for.
            _log.debug("sound card %s: %s", self._device, error)

    # -- any thread --------------------------------------------------------------------------

    def ask_drop(self) -> None:
        """Have what sounds cut soon in favour of what is asked for."""
        if not self._drop_asked:
            self._drop_asked = True
            self.thread.post(self.drop)

    def cut(self) -> None:
        """The call is over: a clip that plays ends here."""
        self._over = True
        with self._orders.lock:
            self._player.mute()
            self._tell_dropped(self._clock.monotonic())

    def _tell_dropped(self, now: float) -> None:
        for finished in self._unheard.dropped(self._player.drain_notices(), now=now):
            self._post(Told(finished, now))

    # -- PortAudio's threads -----------------------------------------------------------------

    def _speak(self, out: Any, _frames: int, time: Any, status: object) -> None:
        """Fill the next block; *out* is a writable buffer of 320 bytes."""
        now = self._clock.monotonic()
        self.taken_at = now
        if status:
            self._counters.late += 1
        with self._orders.lock:
            frame, news = self._next_block(now, now + _latency(time))
        out[:] = frame.ljust(len(out), b"\0")[: len(out)]
        self._counters.frames_sent += 1
        for notice in news:
            self._post(Told(notice, now))

    def _next_block(self, now: float, begins: float) -> tuple[bytes, tuple[Notice, ...]]:
        """Return the block that will be heard from *begins* on, and what became true."""
        orders, unheard = self._orders, self._unheard
        if self._silent():
            return SILENCE, ()
        news: tuple[Notice, ...] = unheard.ended(now)
        if orders.wanted is not None and unheard.sounds(now):
            self.ask_drop()
            return SILENCE, news
        wanted = orders.take()
        if wanted is not None:
            self._player.turn_to(wanted.clip)
            # Nothing of them is in the card.
            news += unheard.ended_at_last() + self._player.drain_notices()
        if orders.held:
            return SILENCE, news
        frame, notices = self._player.next_frame()
        return frame, news + unheard.handed(notices, begins=begins, sounds=frame is not SILENCE)

    def _listen(self, given: Any, _frames: int, _time: object, _status: object) -> None:
        now = self._clock.monotonic()
        self.heard_at = now
        self._post(Heard(bytes(given), now))


def _latency(time: Any) -> float:
    """Return in how many seconds a block that is handed over now will be heard."""
    try:
        seconds: float = time.outputBufferDacTime - time.currentTime
    except AttributeError:
        return LATENCY
    return seconds if 0.0 <= seconds <= _MOST_LATENCY else LATENCY
