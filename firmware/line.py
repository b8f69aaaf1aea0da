"""One modem line: a worker thread that keeps a modem in service and carries out orders.

The worker opens the port, brings the modem up, serves (:mod:`firmware.session`), and when that
fails climbs the recovery ladder (:mod:`firmware.recovery`) with back-off. Every Dial is answered
by exactly one Ended, also while the line is down. :meth:`Line.emergency_hang_up`
passes the worker by: it mutes the voice and writes the hang-up from the caller's own thread, and
leaves the worker to prove that silence followed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from firmware.at.exchange import Notification
from firmware.audio.clip import Clip
from firmware.audio.path import AudioCallbacks
from firmware.bring_up import BringUp, Identity, LineDown
from firmware.calling import Calling, pause, refuse
from firmware.clock import Clock
from firmware.discovery import Bindings, Resolver
from firmware.dtmf.ears import Ears
from firmware.errors import CommandAborted, CommandTimeout, LinkLost, PortUnusable
from firmware.events import Cause, Event
from firmware.families import FAMILIES
from firmware.families.base import Sign
from firmware.faults import Fault
from firmware.inbox import (
    LINE_SIGNS,
    Attention,
    AudioTrouble,
    Closing,
    Emergency,
    Heard,
    Inbox,
    Item,
    LinkDown,
    Ordered,
)
from firmware.line_settings import LineSettings
from firmware.line_status import LineStatus
from firmware.line_voice import LineVoice
from firmware.live_call import CAREFUL_KEYS, LiveCall
from firmware.modem import VoiceModem
from firmware.orders import Dial, HangUp, Order
from firmware.recovery import Ladder, Remedy
from firmware.session import Session
from firmware.sim_card import PinMemory
from firmware.voice import PathFactory, VoiceSwitch, make_path

__all__ = ["Line", "LineSettings"]

RESET_SETTLE = 2.0
"""Box seconds between a reset command and the first try to open the port again."""
_BOOT_EVERY = 1.0
_CLOSE_SECONDS = 30.0


Resolve = Callable[[LineSettings], LineSettings]
"""Replaces ``auto`` ports by those of the modem that belongs to the line. Raises LineDown."""


class Line:
    """See the module. Everything public may be called from any thread."""

    def __init__(
        self,
        settings: LineSettings,
        *,
        clips: Mapping[str, Clip],
        post: Callable[[Event], None],
        clock: Clock,
        state_dir: Path,
        log: logging.Logger | None = None,
        audio_path: PathFactory = make_path,
        resolve: Resolve | None = None,
        power_cycle: Callable[[], None] | None = None,
        trace: Callable[[str, bytes, float], None] | None = None,
    ) -> None:
        self.settings = settings
        self._clips = clips
        self._post = post
        self._clock = clock
        self._log = log or logging.getLogger(f"firmware.line.{settings.name}")
        if resolve is None and settings.port == "auto":
            resolve = Resolver(bindings=Bindings(state_dir / "modems.json"))
        self._resolve = resolve
        self._power_cycle = power_cycle
        self._trace = trace
        self._pins = PinMemory(state_dir / "sim-tries")
        self._inbox = Inbox()
        self._status = LineStatus(settings, post=post, clock=clock)
        self._wiring = settings
        self._voice = LineVoice(
            settings.name,
            clips=clips,
            clock=clock,
            callbacks=AudioCallbacks(
                on_started=self._clip_started,
                on_finished=self._clip_finished,
                on_downlink=self._downlink,
                on_failed=self._audio_failed,
            ),
            state_dir=state_dir,
            factory=audio_path,
            log=self._log,
        )
        self._speed = 1.0 / clock.real(1.0)
        self._emergencies = 0
        self._closing = False
        self._dialling = False
        self._modem: VoiceModem | None = None
        self._call: LiveCall | None = None
        self._session: Session | None = None
        self._ladder = Ladder(power_switch=power_cycle is not None)
        self._reset_first = False
        self._boot_until = 0.0
        self._usual_refusals: int | None = None
        self._calling: Calling | None = None
        self._thread = threading.Thread(target=self._run, name=f"line {settings.name}", daemon=True)

    # -- any thread --------------------------------------------------------------------------

    def start(self) -> None:
        """Start the worker; bring-up and recovery happen there."""
        self._thread.start()

    def order(self, order: Order) -> None:
        """Take an order. Never blocks; events answer it."""
        self._inbox.put(Ordered(order=order, emergencies=self._emergencies))
        modem = self._modem
        if self._dialling and isinstance(order, HangUp) and modem is not None:
            # The dial command is outstanding: a modem that answers it only when the far end
            # does would otherwise ring on until then.
            modem.emergency_hang_up()

    def emergency_hang_up(self) -> None:
        """Silence and hang up now, whatever else goes on. Never blocks, never raises."""
        self._emergencies += 1
        path, modem = self._voice.path, self._modem
        if path is not None:
            path.mute()
        if modem is not None:
            modem.emergency_hang_up()
        self._inbox.put(Emergency())

    def close(self) -> None:
        """Hang up if in a call, stop the threads, close the ports."""
        self._closing = True
        self._inbox.put(Closing())
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=_CLOSE_SECONDS)
        if self._thread.is_alive():
            # A worker that is stuck in a command: take the port away under it.
            self._release()
            self._thread.join(timeout=_CLOSE_SECONDS)

    def describe(self) -> dict[str, object]:
        """What is known of the line, for status and doctor. Plain values only."""
        return self._status.describe(in_call=self._call is not None)

    # -- the worker --------------------------------------------------------------------------

    def _run(self) -> None:
        # The first pair of ears works out their matrices, which a call should not wait for.
        Ears(careful=CAREFUL_KEYS)
        while not self._closing:
            began = self._clock.monotonic()
            down: LineDown | None = None
            try:
                self._serve()
            except LineDown as error:
                down = error
            except PortUnusable as error:
                down = self._port_fault(error)
            except LinkLost as error:
                down = LineDown(Fault.PORT_LOST, str(error), answering=False)
            except CommandTimeout as error:
                down = LineDown(Fault.NO_REPLY, str(error))
            except CommandAborted:
                continue
            except Exception as error:  # noqa: BLE001
                # A defect must not end a line silently: it is told and tried again like a fault.
                self._log.exception("the line's worker failed")
                down = LineDown(Fault.INTERNAL, f"{type(error).__name__}: {error}")
            finally:
                served = self._session is not None
                self._release()
            if down is None:
                break
            if served:
                self._ladder = self._ladder.served(self._clock.monotonic() - began)
            self._recover(down)
        self._release()
        self._refuse_waiting()

    def _serve(self) -> None:
        settings = self.settings if self._resolve is None else self._resolve(self.settings)
        self._status.port = settings.port
        self._wiring = settings
        self._drop_stale()
        modem = VoiceModem(
            settings.port,
            baudrate=settings.baudrate,
            rtscts=settings.rtscts,
            emergency_port=settings.emergency_port,
            on_notification=self._notice,
            on_lost=self._lost,
            trace=self._trace,
        )
        self._modem = modem
        modem.open()
        if self._reset_first:
            self._reset(modem)
            return
        bring_up = self._bring_up(modem)
        identity = bring_up.identify()
        wanted = self.settings.imei
        if wanted is not None and identity.imei != wanted:
            detail = f"IMEI {identity.imei} answers where {wanted} was expected"
            raise LineDown(Fault.WRONG_MODEM, detail)
        self._status.identity = identity
        bring_up.adopt(identity.family)
        bring_up.open_sim(identity)
        bring_up.configure(identity.family)
        if identity.iccid is None:
            # Some firmwares read the card's number only once the SIM is open.
            identity = replace(identity, iccid=bring_up.card(identity.family))
            self._status.identity = identity
        self._open_voice(modem, identity)
        bring_up.await_service(identity.family)
        self._session = Session(
            name=settings.name,
            modem=modem,
            identity=identity,
            bring_up=bring_up,
            inbox=self._inbox,
            post=self._post,
            announce=self._announce,
            fault=self._status.fault,
            place=self._place,
            clear=self._clear_call,
            between_calls=self._change_voice,
            emergencies=lambda: self._emergencies,
            time_read=self._time_read,
            turns_away=settings.incoming != "ignore",
            clock=self._clock,
            log=self._log,
        )
        self._session.serve()

    def _bring_up(self, modem: VoiceModem) -> BringUp:
        return BringUp(
            modem=modem,
            family=self.settings.family,
            pin=self.settings.pin,
            pins=self._pins,
            pause=self._wait_boot,
            now=self._clock.monotonic,
            log=self._log,
        )

    def _open_voice(self, modem: VoiceModem, identity: Identity) -> None:
        self._voice.open(modem, identity, self._wiring)
        self._status.path, self._status.voice_note = self._voice.path, self._voice.note

    def _change_voice(self) -> None:
        modem, identity = self._modem, self._status.identity
        if modem is None or identity is None:
            return
        if self._voice.change(modem, identity, self._wiring):
            self._status.path, self._status.voice_note = self._voice.path, self._voice.note
            self._announce()

    def _place(self, item: Ordered, dial: Dial) -> Calling:
        modem, path, identity = self._modem, self._voice.path, self._status.identity
        session = self._session
        assert session is not None
        assert modem is not None
        assert path is not None
        assert identity is not None
        call = LiveCall(
            dial=dial,
            family=identity.family,
            path=path,
            clips=self._clips,
            witnesses=self._status.witnesses(),
            post=self._post,
            attention=lambda: self._inbox.put(Attention()),
            began=self._clock.monotonic(),
        )
        self._call = call
        self._calling = Calling(
            call=call,
            modem=modem,
            family=identity.family,
            voice=VoiceSwitch(
                modem=modem,
                family=identity.family,
                path=path,
                pause=lambda seconds: pause(self._clock, seconds),
                log=self._log,
                usual_refusals=self._usual_refusals,
            ),
            mute=path.mute,
            inbox=self._inbox,
            post=self._post,
            fault=self._status.fault,
            check_service=session.check_service,
            clock=self._clock,
            emergencies=lambda: self._emergencies,
            emergencies_at_order=item.emergencies,
            dialling=self._set_dialling,
            log=self._log,
        )
        return self._calling

    def _clear_call(self) -> None:
        calling, self._calling, self._call = self._calling, None, None
        if calling is not None:
            self._voice.judge(calling.voice, self._status.identity, self._wiring)
        if calling is not None and self._usual_refusals is None:
            self._usual_refusals = calling.voice.refusals

    def _time_read(self, told: datetime | None, at: float) -> None:
        self._status.network_time = None if told is None else (told, at)

    def _set_dialling(self, outstanding: bool) -> None:
        self._dialling = outstanding

    # -- recovery ----------------------------------------------------------------------------

    def _recover(self, down: LineDown) -> None:
        now = self._clock.monotonic()
        booting = now < self._boot_until and not down.final
        if booting and down.fault is not Fault.HANG_UP_UNCONFIRMED:
            self._idle(_BOOT_EVERY)
            return
        if down.fault is Fault.RESETTING and down.answering and not self._reset_first:
            self._reset_first = True
            self._status.fault(down.fault, down.detail)
            return
        self._ladder, remedy, wait = self._ladder.failed(answering=down.answering)
        if down.fault is Fault.HANG_UP_UNCONFIRMED and remedy is Remedy.REOPEN:
            remedy = Remedy.RESET
        final = down.final or remedy is Remedy.WAIT
        if down.final:
            remedy = Remedy.WAIT
        self._status.fault(down.fault, down.detail, final=final)
        self._log.warning("line down (%s): %s; next: %s", down.fault, down.detail, remedy)
        match remedy:
            case Remedy.REOPEN | Remedy.WAIT:
                pass
            case Remedy.RESET:
                self._reset_first = True
            case Remedy.POWER_CYCLE:
                if self._power_cycle is not None:
                    self._power_cycle()
        self._idle(60.0 if down.final else wait)

    def _reset(self, modem: VoiceModem) -> None:
        """Restart the module; the port goes away or not, then bring-up begins anew."""
        self._reset_first = False
        self._usual_refusals = None
        family = self._status.identity.family if self._status.identity else FAMILIES["generic"]
        self._boot_until = self._clock.monotonic() + family.timing.boot
        try:
            modem.command(family.reset, timeout=3.0)
        except (CommandTimeout, LinkLost):
            pass  # many modules reset before they answer
        self._release()
        self._idle(RESET_SETTLE)
        raise LineDown(Fault.RESETTING, "the module restarts", answering=False)

    def _idle(self, seconds: float) -> None:
        """Wait box seconds while orders are answered and a closing line leaves at once."""
        until = self._clock.monotonic() + seconds
        while not self._closing:
            left = self._clock.real(until - self._clock.monotonic())
            if left <= 0:
                return
            self._answer_while_down(left)

    def _wait_boot(self, seconds: float) -> None:
        """Bring-up's pause. A line that is being closed leaves it at once."""
        self._idle(seconds)
        if self._closing:
            raise LineDown(Fault.OUT_OF_SERVICE, "the line is being closed")

    def _answer_while_down(self, seconds: float) -> None:
        item = self._inbox.get(seconds)
        match item:
            case Ordered(order=Dial() as dial):
                refuse(
                    self._post,
                    dial,
                    self._clock.monotonic(),
                    "the line is not in service",
                    cause=Cause.FAILED,
                )
            case LinkDown(reason=reason) if self._modem is not None:
                raise LinkLost(reason)
            case _:
                pass

    def _drop_stale(self) -> None:
        """Forget what the last modem said; orders and the wish to close stay."""
        kept: list[Item] = []
        while (item := self._inbox.get(0.0)) is not None:
            if isinstance(item, Ordered | Closing):
                kept.append(item)
        for item in kept:
            self._inbox.put(item)

    def _refuse_waiting(self) -> None:
        while (item := self._inbox.get(0.0)) is not None:
            if isinstance(item, Ordered) and isinstance(item.order, Dial):
                refuse(
                    self._post,
                    item.order,
                    self._clock.monotonic(),
                    "the line is closed",
                    cause=Cause.FAILED,
                )

    def _port_fault(self, error: PortUnusable) -> LineDown:
        port = self._status.port
        missing = port.startswith("/") and not Path(port).exists()
        fault = Fault.PORT_MISSING if missing else Fault.PORT_UNUSABLE
        return LineDown(fault, str(error), answering=False)

    def _release(self) -> None:
        modem = self._modem
        self._session = None
        self._call = None
        self._modem = None
        self._voice.release()
        if modem is not None:
            modem.close()

    def _announce(self) -> None:
        self._boot_until = 0.0
        self._status.announce()

    # -- callbacks of the modem and of the voice path -------------------------------------------

    def _notice(self, notification: Notification) -> None:
        """Dispatcher thread: the call learns of it first, the worker when it has time."""
        age = time.monotonic() - notification.at
        at = self._clock.monotonic() - max(age, 0.0) * self._speed
        call, identity, path = self._call, self._status.identity, self._voice.path
        if call is not None:
            call.notice(notification.text, at)
        if identity is None:
            return
        reading = identity.family.read(notification.text)
        if reading is None:
            return
        if reading.sign is Sign.FLOW_STOP and path is not None:
            path.pause()
        elif reading.sign is Sign.FLOW_GO and path is not None:
            path.resume()
        elif reading.sign in (Sign.PLAY_ENDED, Sign.PLAY_FAILED) and path is not None:
            path.played(failed=reading.sign is Sign.PLAY_FAILED, at=at)
        elif reading.sign in LINE_SIGNS:
            self._inbox.put(Heard(reading=reading, text=notification.text, at=at))

    def _lost(self, reason: str) -> None:
        call = self._call
        if call is not None:
            call.link_lost(f"link lost: {reason}", self._clock.monotonic())
        self._inbox.put(LinkDown(reason=reason))

    def _clip_started(self, clip: str, at: float) -> None:
        call = self._call
        if call is not None:
            call.clip_started(clip, at)

    def _clip_finished(self, clip: str, played_ms: int, complete: bool, at: float) -> None:
        call = self._call
        if call is not None:
            call.clip_finished(clip, played_ms, complete, at)

    def _downlink(self, pcm: bytes, at: float) -> None:
        call = self._call
        if call is not None:
            call.downlink(pcm, at)

    def _audio_failed(self, detail: str, at: float) -> None:
        self._inbox.put(AudioTrouble(detail=detail, at=at))
