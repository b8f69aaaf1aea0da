"""A modem in service: waits for orders, places and takes calls, sweeps messages.

One session lasts from the end of bring-up to the next fault; it runs on the line's worker thread.
What ends it is a :class:`~firmware.faults.LineDown` or a link that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from firmware.call.context import RADIO_CYCLED, RESTARTED, VOICE_LATE, CallResult, LineContext
from firmware.call.inbox import (
    Attention,
    AudioTrouble,
    Closing,
    Emergency,
    Heard,
    Item,
    LinkDown,
    Ordered,
    rings,
)
from firmware.call.incoming import (
    CALLER_WITHIN,
    find_caller,
    forget_callers,
    number_of,
    told_number,
)
from firmware.call.procedure import CallProcedure
from firmware.errors import CommandAborted, CommandRefused, CommandTimeout, LinkLost
from firmware.events import Cause, IncomingRejected
from firmware.families.base import Sign
from firmware.faults import Fault, LineDown
from firmware.line.calls import LineCalls
from firmware.line.messages import LineMessages
from firmware.line.recovery import LineRecovery
from firmware.line.status import LineStatus
from firmware.line.voice import LineVoice
from firmware.modem.hang_up import hang_up
from firmware.modem.identity import Identity
from firmware.modem.modem import VoiceModem
from firmware.modem.network import (
    Service,
    read_network_time,
    read_operator,
    read_service,
    service_fault,
)
from firmware.orders import AnswerCall, DeleteSms, Dial, HangUp, Play, SendSms, Silence

SERVICE_EVERY = 30.0
"""Box seconds between two questions for the registration; notices come in between."""
SERVICE_SETTLES = 1.0
"""Box seconds after a look at the registration in which notices of it do not ask for another."""
TIME_EVERY = 600.0
POWER_WARNING_LASTS = 30.0
"""Box seconds after an undervoltage notice in which no call is placed."""
BUILT_AFTER = datetime(2025, 1, 1, tzinfo=UTC)
"""A module clock before this was never set by a network."""
_LONGEST_WAIT = 5.0
"""Real seconds: the worker looks at its duties at least this often."""


@dataclass(kw_only=True)
class Session:
    """See the module."""

    line: LineContext
    status: LineStatus
    recovery: LineRecovery
    calls: LineCalls
    voice: LineVoice
    messages: LineMessages
    modem: VoiceModem
    identity: Identity

    def __post_init__(self) -> None:
        now = self.line.now()
        self._unfit = self.status.unfit()
        """Why no call can be held on this line: it takes none then and is never ready, but messages
        come in."""
        self._service_at = now + SERVICE_EVERY
        self._checked_at = float("-inf")
        self._sms_at = now
        self._time_at = now
        self._warned_until = 0.0
        self._backlog: list[Item] = []

    def serve(self) -> None:
        """Serve until :class:`~firmware.call.inbox.Closing`. Raises LineDown, LinkLost."""
        if self._unfit is None:
            self.recovery.announce()
        else:
            self.line.fault(*self._unfit, final=True)
        while True:
            try:
                item = self._backlog.pop(0) if self._backlog else self.line.inbox.get(self._wait())
                if item is not None and self._take(item):
                    return
                self._duties()
            except CommandAborted:
                # The stop path hung up; its Emergency is in the inbox.
                continue

    # -- what comes in -----------------------------------------------------------------------

    def _take(self, item: Item) -> bool:
        match item:
            case Ordered(order=order):
                match order:
                    case Dial():
                        return self._dial(item, order)
                    case SendSms():
                        self._send(order)
                    case DeleteSms():
                        self.messages.delete(order)
                    case AnswerCall() | Play() | Silence() | HangUp():
                        # Of a call that is over already: its Ended is on its way or was posted.
                        self.line.log.debug("%s came after the call", type(order).__name__)
                    case _ as never:
                        assert_never(never)
            case Heard(reading=reading) if rings(reading.sign):
                return self._called(item)
            case Heard():
                self._heard(item)
            case LinkDown(reason=reason):
                raise LinkLost(reason)
            case Emergency():
                self._confirm_silence("after the emergency stop")
            case Closing():
                return True
            case AudioTrouble(detail=detail):
                # Of a path that is lost, which the duties look at, or of a call that is over.
                self.line.log.debug("voice trouble outside a call: %s", detail)
            case Attention():
                pass
            case _ as rest:
                assert_never(rest)
        return False

    def _dial(self, item: Ordered, order: Dial) -> bool:
        if self.line.stopped_since(item.emergencies):
            self.line.refuse(order, "stopped before the dial", cause=Cause.EMERGENCY)
            return False
        if not self.line.ready:
            self.line.refuse(order, "the line is not in service")
            return False
        lost = self.voice.lost
        if lost is not None:
            # The fault is told first: the next Dial follows the end of this one.
            self.line.fault(Fault.AUDIO_UNUSABLE, lost)
            self.line.refuse(order, lost)
            raise LineDown(Fault.AUDIO_UNUSABLE, lost)
        if order.dial_by is not None and self.line.now() > order.dial_by:
            self.line.refuse(order, "the permission ended before the dial")
            return False
        return self._run(self.calls.place(self.modem, item, order))

    def _run(self, call: CallProcedure) -> bool:
        try:
            result = call.run()
        finally:
            voice = self.calls.forget()
            if voice is not None:
                self.voice.judge(voice, self.identity)
        return self._after_call(result)

    def _after_call(self, result: CallResult) -> bool:
        self._backlog += forget_callers(result.deferred)
        if result.closing:
            return True
        if result.restarted:
            raise LineDown(Fault.RESTARTED, RESTARTED)
        if result.reset_due:
            raise LineDown(Fault.RESETTING, VOICE_LATE)
        if result.voice is not None:
            raise LineDown(*result.voice)
        if result.service is not None:
            self._took(result.service)
        if result.radio_cycled:
            self.line.fault(Fault.NOT_REGISTERED, RADIO_CYCLED)
            self._service_at = self.line.now()
        if self.voice.change(self.modem, self.identity):
            self.recovery.announce()
        return False

    def _heard(self, heard: Heard) -> None:
        match heard.reading.sign:
            case Sign.SMS | Sign.SMS_FULL:
                self._sms_at = self.line.now()
            case Sign.REGISTRATION:
                # One question for a burst of them: a slow modem would answer nothing else.
                due = max(self.line.now(), self._checked_at + SERVICE_SETTLES)
                self._service_at = min(self._service_at, due)
            case Sign.SIM_MISSING:
                raise LineDown(Fault.SIM_MISSING, f"the modem said {heard.text}")
            case Sign.BOOT | Sign.POWER_DOWN:
                raise LineDown(Fault.RESTARTED, f"the modem said {heard.text}")
            case Sign.POWER_LOW:
                self._warned_until = self.line.now() + POWER_WARNING_LASTS
                self.line.fault(Fault.POWER_LOW, f"the modem said {heard.text}")
                self._service_at = self._warned_until
            case _:
                pass

    # -- duties ------------------------------------------------------------------------------

    def _wait(self) -> float:
        due = min(self._service_at, self._sms_at, self._time_at) - self.line.now()
        return min(max(self.line.clock.real(due), 0.0), _LONGEST_WAIT)

    def _duties(self) -> None:
        lost = self.voice.lost
        if lost is not None:
            raise LineDown(Fault.AUDIO_UNUSABLE, lost)
        now = self.line.now()
        if now >= self._service_at:
            self._check_service()
        if now >= self._sms_at:
            self._sms_at = now + self.messages.sweep_every
            self._sweep()
        if now >= self._time_at:
            self._time_at = now + TIME_EVERY
            self._read_time()

    def _check_service(self) -> None:
        self._took(read_service(self.modem, self.identity.family))

    def _took(self, service: Service) -> None:
        """Tell a fault of the registration, or that it is over."""
        self._checked_at = self.line.now()
        found = service_fault(service)
        if found is not None:
            self._service_at = self.line.now() + 1.0
            self.line.fault(found.fault, found.detail)
            return
        self._service_at = self.line.now() + SERVICE_EVERY
        if not self.line.ready and self._unfit is None and self.line.now() >= self._warned_until:
            self.recovery.announce()

    def _confirm_silence(self, why: str) -> None:
        silence = hang_up(self.modem, self.identity.family, pause=self.line.pause)
        if not silence.confirmed:
            raise LineDown(Fault.HANG_UP_UNCONFIRMED, f"calls could not be ended {why}")
        if silence.radio_cycled:
            self.line.fault(Fault.NOT_REGISTERED, RADIO_CYCLED)
            self._service_at = self.line.now()

    def _called(self, heard: Heard) -> bool:
        """Answer or reject a caller; one who is gone already is no call."""
        if self.line.settings.incoming == "ignore":
            return False
        caller = find_caller(self.modem, self.identity.family)
        if caller is None:
            return False
        number = number_of(caller)
        if number is None and self.line.now() - heard.at <= CALLER_WITHIN:
            number = heard.reading.fields.get("number") or None
        if number is None and heard.reading.sign is Sign.INCOMING:
            number, others = told_number(self.line.inbox, self.line.clock.real(CALLER_WITHIN))
            for item in others:
                self.line.inbox.put(item)
        if self.line.settings.incoming == "answer" and self.line.ready and self.voice.lost is None:
            return self._run(self.calls.receive(self.modem, caller, number))
        # Told first: calling may be an objection, which must not hang on how the call ends.
        self.line.post(IncomingRejected(line=self.line.name, at=self.line.now(), number=number))
        self._confirm_silence("when a caller was turned away")
        return False

    def _sweep(self) -> None:
        try:
            self.messages.sweep()
        except CommandTimeout as error:
            self.line.log.info("messages could not be read: %s", error)
            self._service_at = self.line.now()

    def _send(self, order: SendSms) -> None:
        try:
            self.modem.send_text(order.number, order.text)
        except (CommandRefused, CommandTimeout, ValueError) as error:
            self.line.log.warning("a confirmation message was not sent: %s", error)

    def _read_time(self) -> None:
        family = self.identity.family
        try:
            reply = self.modem.command(family.network_time.query)
        except CommandTimeout:
            self._service_at = self.line.now()
            return
        told = read_network_time(family, reply.lines, not_before=BUILT_AFTER)
        self.status.network_time = None if told is None else (told, self.line.now())
        if told is not None:
            self.status.operator = self._operator()

    def _operator(self) -> str | None:
        """Return whose network told the time: two of one operator are one witness."""
        try:
            return read_operator(self.modem.command("AT+COPS?").lines)
        except CommandTimeout:
            self._service_at = self.line.now()
            return None
