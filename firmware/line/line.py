"""One modem line: a worker thread that keeps a modem in service and carries out orders.

The worker opens the port, brings the modem up, serves (:mod:`firmware.line.session`), and when that
fails climbs the recovery ladder (:mod:`firmware.line.ladder`) with back-off. Every Dial is answered
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
from pathlib import Path

from firmware.at.outcomes import Urc
from firmware.call.context import LineContext
from firmware.call.inbox import LINE_SIGNS, Closing, Emergency, Heard, LinkDown, Ordered
from firmware.clips.clip import Clip
from firmware.clock import Clock
from firmware.dtmf.listener import DownlinkDetector
from firmware.errors import CommandAborted, CommandTimeout, LinkLost, PortUnusable
from firmware.events import CallerEvent, Event, KeyHeard
from firmware.families.base import Sign
from firmware.faults import Fault, LineDown
from firmware.line.balance import LineBalance
from firmware.line.calls import LineCalls
from firmware.line.messages import LineMessages
from firmware.line.out_of_service import Downtime
from firmware.line.recovery import LineRecovery, PowerSwitch
from firmware.line.session import Session
from firmware.line.status import LineStatus, none_proven
from firmware.line.voice import LineVoice
from firmware.line_settings import LineSettings
from firmware.modem.bring_up import BringUp
from firmware.modem.discovery import Bindings, Resolver
from firmware.modem.identity import Identity
from firmware.modem.modem import VoiceModem
from firmware.modem.network import read_operator, read_own_number, read_signal
from firmware.modem.sim_card import PinMemory
from firmware.modem.transport import ANSWER_DUE_SECONDS
from firmware.orders import HangUp, Order
from firmware.voice.switch import PathFactory, make_path
from firmware.wording import worded

__all__ = ["Line", "LineSettings"]

_CLOSE_SECONDS = 30.0
_WARMING = threading.Lock()
"""One line works the detector's tables out, the others wait: eight at once take thirty times as
long as one."""


Resolve = Callable[[LineSettings], LineSettings]
"""Replaces ``auto`` ports by those of the modem that belongs to the line. Raises LineDown."""


class Line:
    """See the module. Everything public may be called from any thread.

    *proven* tells whether a self-test has heard keys by a modem on a voice path. *key_heard* is
    told of each key on the thread that hears it, *caller_shown* of each caller, see
    :class:`~firmware.call.context.LineContext`.
    """

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
        power: PowerSwitch | None = None,
        proven: Callable[[Identity, str], bool] = none_proven,
        trace: Callable[[str, bytes, float], None] | None = None,
        key_heard: Callable[[KeyHeard], None] = lambda _: None,
        caller_shown: Callable[[CallerEvent], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        log = log or logging.getLogger(f"firmware.line.line.{settings.name}")
        if resolve is None and settings.port == "auto":
            resolve = Resolver(bindings=Bindings(state_dir / "modems.json"))
        self._resolve = resolve
        self._trace = trace
        self._pins = PinMemory(state_dir / "sim-tries")
        self._speed = 1.0 / clock.real(1.0)
        self._line = LineContext(
            settings,
            post=post,
            clock=clock,
            log=log,
            key_heard=key_heard,
            caller_shown=caller_shown,
        )
        self._status = LineStatus(self._line, proven=proven)
        self._calls = LineCalls(line=self._line, status=self._status, clips=clips)
        self._messages = LineMessages(self._line)
        self._balance = LineBalance(self._line)
        self._voice = LineVoice(
            self._line,
            self._status,
            clips=clips,
            callbacks=self._calls.voice_callbacks(),
            state_dir=state_dir,
            factory=audio_path,
        )
        self._downtime = Downtime(line=self._line)
        self._recovery = LineRecovery(
            line=self._line, status=self._status, downtime=self._downtime, power=power
        )
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._run, name=f"line {settings.name}", daemon=True)

    # -- any thread --------------------------------------------------------------------------

    def start(self) -> None:
        """Start the worker; bring-up and recovery happen there."""
        self._thread.start()

    def order(self, order: Order) -> None:
        """Take an order. Never blocks; events answer it."""
        self._line.inbox.put(Ordered(order=order, emergencies=self._line.emergencies))
        modem = self._line.modem
        if not isinstance(order, HangUp) or modem is None or self._calls.call is None:
            return
        if self._line.outstanding or modem.needs_resync:
            # ATD is outstanding, or a result that never came is waited for: a modem that answers
            # only when the far end does would otherwise ring on, or be silent, until then.
            modem.emergency_hang_up()

    def emergency_hang_up(self) -> None:
        """Silence and hang up now, whatever else goes on. Never blocks, never raises."""
        self._line.emergencies += 1
        path, modem = self._voice.path, self._line.modem
        if path is not None:
            path.mute()
        if modem is not None:
            modem.emergency_hang_up()
        self._line.inbox.put(Emergency())

    def close(self) -> None:
        """Hang up if in a call, stop the threads, close the ports."""
        self._line.closing = True
        self._line.inbox.put(Closing())
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=_CLOSE_SECONDS)
        if self._thread.is_alive():
            # A worker that is stuck in a command: take the port away under it.
            self._release()
            self._thread.join(timeout=_CLOSE_SECONDS)

    def describe(self) -> dict[str, object]:
        """What is known of the line, for status and doctor. Plain values only."""
        described = self._status.describe(in_call=self._calls.call is not None)
        levels, now = self._calls.levels, self._line.now()
        return described | {
            "level_out": levels.sent(now),
            "level_in": levels.received(now),
            "messages": self._messages.describe(),
            "balance": self._balance.describe(),
        }

    # -- the worker --------------------------------------------------------------------------

    def _run(self) -> None:
        # The first detector works out the matrices of all, which a call should not wait for.
        with _WARMING:
            DownlinkDetector()
        while not self._line.closing:
            began = self._line.now()
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
            except Exception as error:
                # A defect must not end a line silently: it is told and tried again like a fault.
                self._line.log.exception("the line's worker failed")
                down = LineDown(Fault.INTERNAL, f"{type(error).__name__}: {error}")
            finally:
                served = self._session is not None
                self._release()
            if down is None:
                break
            if served:
                self._recovery.served(self._line.now() - began)
            self._recovery.recover(down)
        self._release()
        self._downtime.refuse_waiting()

    def _serve(self) -> None:
        settings = self.settings if self._resolve is None else self._resolve(self.settings)
        self._line.wiring = settings
        self._downtime.drop_stale()
        modem = VoiceModem(
            settings.port,
            baudrate=settings.baudrate,
            rtscts=settings.rtscts,
            emergency_port=settings.emergency_port,
            on_urc=self._take_urc,
            on_lost=self._lost,
            trace=self._trace,
            largest_file=self._voice.largest_file(),
        )
        self._line.modem = modem
        modem.open()
        if self._recovery.reset_due:
            self._calls.module_restarted()
            self._recovery.reset(modem)
            self._release()
            self._recovery.settle()
        bring_up = self._bring_up(modem)
        identity = bring_up.identify()
        wanted = self.settings.imei
        if wanted is not None and identity.imei != wanted:
            detail = worded(
                "IMEI {imei} answers where {wanted} was expected", imei=identity.imei, wanted=wanted
            )
            raise LineDown(Fault.WRONG_MODEM, detail)
        self._status.identity = identity
        bring_up.adopt(identity.family)
        bring_up.open_sim(identity)
        if not identity.certain or identity.model == "unknown":
            # Some modems do not even tell who they are before the SIM is open (Qualcomm M6280).
            identity = bring_up.identify()
            self._status.identity = identity
        bring_up.configure(identity.family)
        if identity.iccid is None:
            # Some firmwares read the card's number only once the SIM is open.
            identity = replace(identity, iccid=bring_up.card(identity.family))
            self._status.identity = identity
        self._messages.attach(modem)
        self._voice.open(modem, identity)
        bring_up.await_service(identity.family)
        self._ask_sim(modem)
        self._session = Session(
            line=self._line,
            status=self._status,
            recovery=self._recovery,
            calls=self._calls,
            voice=self._voice,
            modem=modem,
            identity=identity,
            messages=self._messages,
            balance=self._balance,
        )
        self._session.serve()
        self._voice.leave()

    def _ask_sim(self, modem: VoiceModem) -> None:
        """Ask whose network it is and what number the SIM has: for people alone, so that a modem
        which does not say is no worse. Raises CommandAborted, LinkLost."""
        try:
            self._status.carrier = read_operator(modem.command("AT+COPS?", timeout=3.0).lines)
            self._status.own_number = read_own_number(modem.command("AT+CNUM", timeout=3.0).lines)
            self._status.signal = read_signal(modem.command("AT+CSQ", timeout=3.0).lines)
        except CommandTimeout:
            self._line.log.info("the modem does not say its network or its number")

    def _bring_up(self, modem: VoiceModem) -> BringUp:
        return BringUp(
            modem=modem,
            family=self.settings.family,
            pin=self.settings.pin,
            pins=self._pins,
            pause=self._downtime.wait_boot,
            now=self._line.now,
            log=self._line.log,
            turns_away=self.settings.incoming == "reject",
        )

    def _port_fault(self, error: PortUnusable) -> LineDown:
        port = self._line.wiring.port
        # A pyserial URL names no file; hwgrep:// and socket:// have no path to look at.
        missing = "://" not in port and not Path(port).exists()
        fault = Fault.PORT_MISSING if missing else Fault.PORT_UNUSABLE
        return LineDown(fault, str(error), answering=False)

    def _release(self) -> None:
        modem, self._line.modem = self._line.modem, None
        self._session = None
        self._status.signal = None
        self._messages.leave()
        self._calls.forget()
        self._voice.release()
        if modem is not None:
            modem.close()

    # -- callbacks of the modem and of the voice path -------------------------------------------

    def _take_urc(self, urc: Urc) -> None:
        """Dispatcher thread: the call learns of it first, the worker when it has time."""
        age = time.monotonic() - urc.at
        at = self._line.now() - max(age, 0.0) * self._speed
        call, identity, path = self._calls.call, self._status.identity, self._voice.path
        if call is not None:
            call.urc(urc.text, at)
            modem = self._line.modem
            if self._line.outstanding and modem is not None:
                if call.progress.ending:
                    modem.result_due()
                elif call.speaking:
                    # The voice is switched on by a command, which waits for this result.
                    modem.result_due(ANSWER_DUE_SECONDS)
        self._messages.inline(urc.text, urc.body)
        self._balance.urc(urc.text)
        if identity is None:
            return
        reading = identity.family.read(urc.text)
        if reading is None:
            return
        if reading.sign is Sign.FLOW_STOP and path is not None:
            path.pause()
        elif reading.sign is Sign.FLOW_GO and path is not None:
            path.resume()
        elif reading.sign in (Sign.PLAY_ENDED, Sign.PLAY_FAILED) and path is not None:
            path.played(failed=reading.sign is Sign.PLAY_FAILED, at=at)
        elif reading.sign in LINE_SIGNS:
            self._line.inbox.put(Heard(reading=reading, text=urc.text, at=at))

    def _lost(self, reason: str) -> None:
        call = self._calls.call
        if call is not None:
            call.link_lost(worded("link lost: {reason}", reason=reason), self._line.now())
        self._line.inbox.put(LinkDown(reason=reason))
