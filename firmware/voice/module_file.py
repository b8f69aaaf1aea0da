"""Voice from clips that lie on the module: it plays them itself, the box only says which.

No sample passes through the box, so there is nothing to pace and nothing to hear: keys come from
the module's own notices alone. The module owns playback. An emergency is therefore silent when
the hang-up is, and the stop command goes out besides.

Commands may block for seconds behind another one, and a play order comes from threads that must
not: one thread per path carries the orders out. The newest order wins. Each play command carries
the emergency count of the moment when it was asked for, so that none follows a hang-up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from firmware.at.command_port import CommandPort
from firmware.clips.clip import Clip
from firmware.clock import Clock
from firmware.errors import CommandAborted, CommandTimeout, LinkLost
from firmware.families.base import FileAudio
from firmware.voice.module_memory import FileMemory
from firmware.voice.module_store import ModuleStore
from firmware.voice.path import AudioCallbacks, AudioCounters, Orders
from firmware.wording import worded

PLAY_TIMEOUT = 3.0
STOP_TIMEOUT = 1.0
"""Real seconds. A hang-up may wait behind a stop command, so this one is short."""
SETTLE = 0.3
"""Real seconds to wait for the notice that belongs to our own stop before the next clip starts."""
SLACK = 0.25
"""Box seconds by which a clip may seem to end early and still count as played."""
_SHORTEST_PAUSE = 0.02


@dataclass(slots=True)
class _Playing:
    clip: Clip
    sent_at: float
    """When the play command went out: the clip cannot have begun earlier."""
    started: bool = False
    over: tuple[bool, float] | None = None
    """The module's word that it ended (failed, at), where that came before the command's OK."""


class ModuleFilePath:
    """See the module docstring. ``prepare`` must have stored a clip before it can be played."""

    kind = "module-file"
    hears = False

    def __init__(
        self,
        port: CommandPort,
        files: FileAudio,
        *,
        clock: Clock,
        callbacks: AudioCallbacks,
        baudrate: int = 115200,
        memory: FileMemory | None = None,
        guest: bool = False,
    ) -> None:
        """*memory* and *guest*: see :class:`ModuleStore`."""
        self._port = port
        self._files = files
        self._clock = clock
        self._callbacks = callbacks
        self.counters = AudioCounters()
        self.store = ModuleStore(port, files, baudrate=baudrate, memory=memory, guest=guest)
        self._paths: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._quiet = threading.Event()
        """The module has answered our stop with its notice."""
        self._orders = Orders()
        self._lock = self._orders.lock
        self._running = False
        self._closing = False
        self._halt = False
        self._playing: _Playing | None = None
        self._owed = 0
        """Notices of our own stops that have not come yet."""

    @property
    def lost(self) -> str | None:
        thread = self._thread
        ended = thread is not None and not thread.is_alive() and not self._closing
        return worded("the box failed at playing clips on the module") if ended else None

    # -- orders, from any thread ---------------------------------------------------------------

    def prepare(self, clips: Iterable[Clip]) -> None:
        self._paths = self.store.keep(clips)

    def open(self) -> None:
        if self._thread is not None:
            return
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="clips on the module", daemon=True)
        self._thread.start()

    def start(self) -> None:
        with self._lock:
            if self._running:
                return
            self._orders.begin()
            self._running = True
            self._owed = 0
        self._wake.set()

    def play(self, clip: Clip) -> None:
        self._orders.ask(clip, epoch=self._port.emergency_count)
        self._wake.set()

    def silence(self) -> None:
        self._orders.ask(None, epoch=self._port.emergency_count)
        self._wake.set()

    def mute(self) -> None:
        """No clip starts any more. What plays ends with the hang-up that goes with this."""
        self._orders.mute()
        self._halt = True
        self._wake.set()

    def pause(self) -> None:
        """There is no stream to hold back."""

    def resume(self) -> None:
        pass

    def stop(self) -> None:
        """The call is over. A clip that still plays is stopped, or the next one would be refused
        and, on A7670E, the call kept alive."""
        with self._lock:
            self._running = False
            self._orders.forget()
            playing, self._playing = self._playing, None
            if playing is not None:
                self._halt = True
        if playing is not None:
            self._tell_finished(playing, self._clock.monotonic(), complete=False)
        self._wake.set()

    def close(self) -> None:
        thread = self._thread
        self.stop()
        self._closing = True
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            # It may wait in a command; the modem's own close releases that.
            thread.join(timeout=STOP_TIMEOUT)
        self._thread = None

    def played(self, *, failed: bool, at: float) -> None:
        """The module says that playback ended (dispatcher thread)."""
        with self._lock:
            playing = self._playing
            if playing is None:
                self._owed = max(0, self._owed - 1)
                self._quiet.set()
                return
            whole = at - playing.sent_at >= playing.clip.seconds - SLACK
            if self._owed and not whole:
                # The end of the clip that this one replaced.
                self._owed -= 1
                self._quiet.set()
                return
            if not playing.started:
                playing.over = (failed, at)
                return
            self._playing = None
        self._over(playing, failed, at)

    # -- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait()
            self._wake.clear()
            try:
                self._obey()
            except LinkLost:
                # The line learns of it by itself; whatever played is over.
                self._forget()
        try:
            self._carry_out_halt()
        except LinkLost:
            pass

    def _obey(self) -> None:
        while True:
            self._carry_out_halt()
            with self._lock:
                if self._halt:
                    continue
                wanted = self._orders.wanted
                if wanted is None or self._orders.muted:
                    return
                if not self._running and wanted.clip is not None:
                    return  # asked for before the voice is on: start() comes back to it
                self._orders.forget()
            self._stop_playing(settle=wanted.clip is not None)
            if wanted.clip is not None:
                self._begin(wanted.clip, wanted.epoch)

    def _carry_out_halt(self) -> None:
        with self._lock:
            halt, self._halt = self._halt, False
            playing, self._playing = self._playing, None if halt else self._playing
        if halt:
            self._send_stop()
            if playing is not None:
                self._tell_finished(playing, self._clock.monotonic(), complete=False)

    def _stop_playing(self, *, settle: bool) -> None:
        with self._lock:
            playing, self._playing = self._playing, None
        if playing is None:
            return
        self._send_stop()
        self._tell_finished(playing, self._clock.monotonic(), complete=False)
        if settle and self._files.stop_announced:
            self._quiet.wait(SETTLE)

    def _send_stop(self) -> None:
        if self._files.stop_announced:
            self._quiet.clear()
            with self._lock:
                self._owed = 1
        try:
            self._port.command(self._files.stop, timeout=STOP_TIMEOUT)
        except (CommandTimeout, CommandAborted):
            pass  # a hang-up follows or went before, and ends it for certain

    def _begin(self, clip: Clip, epoch: int) -> None:
        path = self._paths.get(clip.name)
        if path is None:
            self._fail(worded("{clip} is not stored on the module", clip=clip.name))
            return
        said = "nothing"
        for attempt in range(self._files.tries):
            if attempt:
                self._wake.wait(max(self._clock.real(self._files.retry_after), _SHORTEST_PAUSE))
            playing = _Playing(clip, self._clock.monotonic())
            # Orders change the state first and wake afterwards, so none is lost by this.
            self._wake.clear()
            with self._lock:
                if self._outdated():
                    return
                self._playing = playing
            try:
                command = self._files.play.format(path=path)
                reply = self._port.command(command, timeout=PLAY_TIMEOUT, epoch=epoch)
            except CommandAborted:
                self._drop(playing)
                return
            except CommandTimeout:
                self._drop(playing)
                self._send_stop()
                said = worded("no result")
                break
            if reply.final.ok:
                self._begun(playing)
                return
            self._drop(playing)
            said = reply.final.text
        self._fail(worded("the module did not play {clip}: {said}", clip=clip.name, said=said))

    def _outdated(self) -> bool:
        return (
            self._orders.muted
            or self._halt
            or self._closing
            or not self._running
            or self._orders.wanted is not None
        )

    def _begun(self, playing: _Playing) -> None:
        self._callbacks.on_started(playing.clip.name, self._clock.monotonic())
        with self._lock:
            playing.started = True
            if self._playing is not playing:
                # stop() was quicker and found nothing that had begun.
                over: tuple[bool, float] | None = (True, self._clock.monotonic())
                failed = False
            else:
                over = playing.over
                failed = over is not None and over[0]
                if over is not None:
                    self._playing = None
        if over is not None:
            self._over(playing, failed, over[1])

    def _over(self, playing: _Playing, failed: bool, at: float) -> None:
        whole = at - playing.sent_at >= playing.clip.seconds - SLACK
        self._tell_finished(playing, at, complete=whole and not failed)
        if failed:
            self._fail(worded("the module gave up playing {clip}", clip=playing.clip.name))

    def _drop(self, playing: _Playing) -> None:
        with self._lock:
            if self._playing is playing:
                self._playing = None

    def _forget(self) -> None:
        with self._lock:
            playing, self._playing = self._playing, None
            self._orders.forget()
            self._halt, self._owed = False, 0
        if playing is not None:
            self._tell_finished(playing, self._clock.monotonic(), complete=False)

    def _tell_finished(self, playing: _Playing, at: float, *, complete: bool) -> None:
        if not playing.started:
            return
        length = round(playing.clip.seconds * 1000)
        heard = length if complete else round((at - playing.sent_at) * 1000)
        self._callbacks.on_finished(playing.clip.name, max(0, min(heard, length)), complete, at)

    def _fail(self, detail: str) -> None:
        self._callbacks.on_failed(detail, self._clock.monotonic())
