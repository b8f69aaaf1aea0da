"""Voice over a sound card of the host: USB audio of a module, or a card wired to its analogue end.

The card's own clock paces the voice: PortAudio (through ``sounddevice``, an optional extra) asks
for 20 ms at a time and brings 20 ms. A thread of ours tells the line and hands on the downlink,
so that a slow listener cannot make the voice stutter; another one starts and stops the card
(:mod:`firmware.voice.card_call`). Two separate streams, opened anew for each call: linked streams
and streams kept over calls went silent on EC25 USB audio (field notes).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue

from firmware.clips.clip import Clip
from firmware.clock import Clock
from firmware.errors import PortUnusable
from firmware.queue_wait import take_within
from firmware.voice.card_call import CardCall, Failed, Heard, News, Told, card_options
from firmware.voice.frames import Advanced, Began, Finished
from firmware.voice.path import AudioCallbacks, AudioCounters, Orders, Reporter
from firmware.voice.sound_card import USAGE, CardThread, SoundLibrary, Usage, load_library
from firmware.wording import worded

WATCHDOG_SECONDS = 2.0
_LOOK_EVERY = 0.25
_CARD_WITHIN = 3.0
"""Real seconds after which a card that does not start or stop is left behind."""


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
        usage: Usage = USAGE,
    ) -> None:
        self._usage = usage
        self._device: str | int = int(device) if device.isdigit() else device
        self._clock = clock
        self._callbacks = callbacks
        self._load = load
        self.counters = AudioCounters()
        self._report = Reporter(worded("sound card {device}", device=device), self.counters)
        self._library: SoundLibrary | None = None
        self._orders = Orders()
        self._call: CardCall | None = None
        self._tried: CardCall | None = None
        """The last call that the card was to be started for since it was opened."""
        self._card: CardThread | None = None
        self._thread: threading.Thread | None = None
        self._news: SimpleQueue[News | None] = SimpleQueue()

    @property
    def lost(self) -> str | None:
        """A card that was pulled shows at the next start only, or by standing still in a call."""
        if self._library is None:
            return worded("the sound card is not open")
        tried = self._tried
        return None if tried is None else tried.failure

    # -- orders ------------------------------------------------------------------------------

    def prepare(self, clips: Iterable[Clip]) -> None:
        """Nothing to do: the clips stream from memory."""

    def open(self) -> None:
        """Find the card among those that are there now, and ask whether it takes 8 kHz.

        Raises PortUnusable.
        """
        if self._thread is not None:
            return
        library = self._load()
        options = card_options(self._device)
        renewed = False
        try:
            # A card that came since, or came back under another number, is not in the old list.
            renewed = self._usage.renew(library)
            library.check_output_settings(**options)
            library.check_input_settings(**options)
        except (library.PortAudioError, ValueError) as error:
            held = (
                ""
                if renewed
                else worded(" (another line's call, or a card that hangs, keeps the old list)")
            )
            raise PortUnusable(
                worded(
                    "sound card {device}: {error}{held}",
                    device=self._device,
                    error=error,
                    held=held,
                ),
                remedy=worded(
                    "list the cards with: python -m sounddevice; the line needs one that plays and "
                    "records 8000 samples a second, mono (alsa:plughw:N converts)"
                ),
            ) from error
        self._library = library
        self._tried = None
        self._card = self._new_card_thread()
        self._thread = threading.Thread(
            target=self._tell, name=f"sound card {self._device} tells", daemon=True
        )
        self._thread.start()

    def start(self) -> None:
        library, card = self._library, self._card
        if library is None or card is None:
            self._callbacks.on_failed(worded("the sound card is not open"), self._clock.monotonic())
            return
        if self._call is not None and not self._call.is_over():
            return
        self._orders.begin()
        call = CardCall(
            device=self._device,
            library=library,
            orders=self._orders,
            clock=self._clock,
            counters=self.counters,
            thread=card,
            post=self._news.put,
            usage=self._usage,
        )
        self._call = self._tried = call
        if not card.done(call.start, within=_CARD_WITHIN):
            self._leave(call, "start")

    def play(self, clip: Clip) -> None:
        self._orders.ask(clip)
        self._ask_drop()

    def silence(self) -> None:
        self._orders.ask(None)
        self._ask_drop()

    def mute(self) -> None:
        """The next block is silent, and the card drops those that it already holds."""
        self._orders.mute()
        call = self._call
        if call is not None:
            call.thread.post(call.hush)

    def pause(self) -> None:
        self._orders.held = True

    def resume(self) -> None:
        self._orders.held = False

    def played(self, *, failed: bool, at: float) -> None:
        """The module plays nothing by itself on this path."""

    def stop(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cut()
        self._orders.forget()
        if call is None:
            return
        if call.thread is not self._card:
            # Left behind at its start; it closes what it has if it ever goes on.
            call.thread.post(call.end)
            call.thread.leave()
        elif not call.thread.done(call.end, within=_CARD_WITHIN):
            self._leave(call, "stop")
            call.thread.leave()

    def close(self) -> None:
        self.stop()
        self._library = None
        card, self._card = self._card, None
        if card is not None:
            card.leave()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._news.put(None)
            thread.join(timeout=2.0)

    # -- our threads ---------------------------------------------------------------------------

    def _ask_drop(self) -> None:
        call = self._call
        if call is not None:
            call.ask_drop()

    def _new_card_thread(self) -> CardThread:
        return CardThread(worded("sound card {device}", device=self._device))

    def _leave(self, call: CardCall, what: str) -> None:
        """Go on without a card that hangs; the next call tries it with a thread of its own."""
        why = worded(
            "sound card {device}: it did not {what} within {card_within:g} s",
            device=self._device,
            what=what,
            card_within=_CARD_WITHIN,
        )
        call.give_up(why)
        self._card = self._new_card_thread()
        self._callbacks.on_failed(why, self._clock.monotonic())

    def _tell(self) -> None:
        while True:
            try:
                news = take_within(self._news, _LOOK_EVERY)
            except Empty:
                self._look()
                continue
            match news:
                case Told(notice=Began(clip=clip), at=at):
                    self._report(self._callbacks.on_started, clip, at)
                case Told(notice=Advanced(clip=clip, played_ms=played_ms), at=at):
                    self._report(self._callbacks.on_advanced, clip, played_ms, at)
                case Told(notice=Finished() as finished, at=at):
                    self._report(
                        self._callbacks.on_finished,
                        finished.clip,
                        finished.played_ms,
                        finished.complete,
                        at,
                    )
                case Heard(pcm=pcm, at=at):
                    self.counters.bytes_received += len(pcm)
                    self._report(self._callbacks.on_downlink, pcm, at)
                case Failed(detail=detail, at=at):
                    self._report(self._callbacks.on_failed, detail, at)
                case None:
                    return
            self._look()

    def _look(self) -> None:
        """Tell of a direction that stands still: a card that was pulled calls back no more."""
        call = self._call
        if call is None or call.is_over() or self._orders.muted:
            return
        now = self._clock.monotonic()
        for name, at in (("taken", call.taken_at), ("received", call.heard_at)):
            if now - at > WATCHDOG_SECONDS:
                call.taken_at = call.heard_at = now
                self._report(
                    self._callbacks.on_failed,
                    worded(
                        "no voice {name} for {watchdog_seconds:g} s",
                        name=name,
                        watchdog_seconds=WATCHDOG_SECONDS,
                    ),
                    now,
                )
                return
