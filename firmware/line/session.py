"""A modem in service: waits for orders, places and takes calls, sweeps messages.

One session lasts from the end of bring-up to the next fault; it runs on the line's worker thread.
What ends it is a :class:`~firmware.faults.LineDown` or a link that is gone.

Long because each order of the line is carried out here, and each shares what the others leave.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypedDict, assert_never

from firmware.at.calls import CallRow
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
    NOTICE_COUNTS,
    WAITER_WITHIN,
    Caller,
    await_caller,
    find_caller,
    forget_callers,
    number_of,
    told_by,
)
from firmware.call.procedure import CallProcedure
from firmware.errors import CommandAborted, CommandRefused, CommandTimeout, LinkLost
from firmware.events import AddressKind, Cause, IncomingRejected, WaitingGone
from firmware.families.base import Sign
from firmware.faults import Fault, LineDown
from firmware.line.balance import LineBalance
from firmware.line.calls import LineCalls
from firmware.line.messages import LineMessages
from firmware.line.recovery import LineRecovery
from firmware.line.status import LineStatus
from firmware.line.voice import LineVoice
from firmware.modem.hang_up import hang_up
from firmware.modem.identity import Identity, ask_name
from firmware.modem.modem import VoiceModem
from firmware.modem.network import (
    Service,
    read_network_time,
    read_operator,
    read_service,
    read_signal,
    service_fault,
)
from firmware.orders import AnswerCall, DeleteSms, Dial, HangUp, Play, SendSms, Silence
from firmware.wording import worded

SERVICE_EVERY = 30.0
"""Box seconds between two questions for the registration; notices come in between."""
SERVICE_SETTLES = 1.0
"""Box seconds after a look at the registration in which notices of it do not ask for another."""
TIME_EVERY = 600.0
NAME_EVERY = 5.0
"""Box seconds between two questions to a modem who it is, while it has not said so."""
UNNAMED_FOR = 60.0
"""Box seconds after which one that does not say is treated by the standard alone."""
NAME_EVERY_LATER = 300.0
POWER_WARNING_LASTS = 30.0
"""Box seconds after an undervoltage notice in which no call is placed."""
BUILT_AFTER = datetime(2025, 1, 1, tzinfo=UTC)
"""A module clock before this was never set by a network."""
_LONGEST_WAIT = 5.0
"""Real seconds: the worker looks at its duties at least this often."""
_WAITER_EVERY = 0.25
"""Box seconds between two looks for somebody who waited."""


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
    balance: LineBalance | None = None

    def __post_init__(self) -> None:
        now = self.line.now()
        self._unfit = self.status.unfit()
        """Why no call can be held on this line: it takes none then and is never ready, but messages
        come in."""
        self._service_at = now + SERVICE_EVERY
        self._checked_at = float("-inf")
        self._sms_at = now
        self._time_at = now
        self._name_at = now + NAME_EVERY
        self._unnamed_until = now + UNNAMED_FOR
        self._warned_until = float("-inf")
        self._turned: tuple[Caller | None, float] = (None, float("-inf"))
        """Who was turned away last, and when the line was silent again."""
        self._backlog: list[Item] = []

    def serve(self) -> None:
        """Serve until :class:`~firmware.call.inbox.Closing`. Raises LineDown, LinkLost."""
        if self._unfit is not None:
            self.line.fault(*self._unfit, final=True)
        elif not self.identity.certain:
            self.line.fault(Fault.UNNAMED, worded("the modem has not said who it is"))
        else:
            self.recovery.announce()
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
                self._confirm_silence(worded("after the emergency stop"))
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
            self.line.refuse(order, worded("stopped before the dial"), cause=Cause.EMERGENCY)
            return False
        if not self.line.ready:
            self.line.refuse(order, worded("the line is not in service"))
            return False
        lost = self.voice.lost
        if lost is not None:
            # The fault is told first: the next Dial follows the end of this one.
            self.line.fault(Fault.AUDIO_UNUSABLE, lost)
            self.line.refuse(order, lost)
            raise LineDown(Fault.AUDIO_UNUSABLE, lost)
        if order.dial_by is not None and self.line.now() > order.dial_by:
            self.line.refuse(order, worded("the permission ended before the dial"))
            return False
        if self.balance is not None and self.balance.is_asking:
            self.balance.end(self.modem)
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
        return result.waited and self._waited(result.waiter)

    def _heard(self, heard: Heard) -> None:
        match heard.reading.sign:
            case Sign.SMS | Sign.SMS_FULL:
                self._sms_at = self.line.now()
            case Sign.REGISTRATION:
                # One question for a burst of them: a slow modem would answer nothing else.
                due = max(self.line.now(), self._checked_at + SERVICE_SETTLES)
                self._service_at = min(self._service_at, due)
            case Sign.SIM_MISSING:
                raise LineDown(
                    Fault.SIM_MISSING, worded("the modem said {heard}", heard=heard.text)
                )
            case Sign.BOOT | Sign.POWER_DOWN:
                raise LineDown(Fault.RESTARTED, worded("the modem said {heard}", heard=heard.text))
            case Sign.POWER_LOW:
                self._warned_until = self.line.now() + POWER_WARNING_LASTS
                self.line.fault(Fault.POWER_LOW, worded("the modem said {heard}", heard=heard.text))
                self._service_at = self._warned_until
            case _:
                pass

    # -- duties ------------------------------------------------------------------------------

    def _wait(self) -> float:
        due = min(self._service_at, self._sms_at, self._time_at) - self.line.now()
        if not self.identity.certain:
            due = min(due, self._name_at - self.line.now())
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
        if now >= self._name_at and not self.identity.certain:
            early = now < self._unnamed_until
            self._name_at = now + (NAME_EVERY if early else NAME_EVERY_LATER)
            self._ask_name()
        if now >= self._time_at:
            self._time_at = now + TIME_EVERY
            self._read_time()
        if self.balance is not None:
            self.balance.duty(self.modem)

    def _check_service(self) -> None:
        self._took(read_service(self.modem, self.identity.family))
        if self.line.ready:
            self._ask_signal()

    def _ask_signal(self) -> None:
        """Ask how strong the network is: for people alone, so no answer is no fault."""
        try:
            self.status.signal = read_signal(self.modem.command("AT+CSQ", timeout=3.0).lines)
        except CommandTimeout:
            self.status.signal = None

    def _took(self, service: Service) -> None:
        """Tell a fault of the registration, or that it is over."""
        self._checked_at = self.line.now()
        found = service_fault(service)
        if found is not None:
            self._service_at = self.line.now() + 1.0
            self.line.fault(found.fault, found.detail)
            return
        self._service_at = self.line.now() + SERVICE_EVERY
        if not self.line.ready and self._is_fit() and self.line.now() >= self._warned_until:
            self.recovery.announce()

    def _is_fit(self) -> bool:
        """Whether a call may be held: also by a modem that has not said who it is for so long that
        it never will."""
        named = self.identity.certain or self.line.now() >= self._unnamed_until
        return self._unfit is None and named

    def _ask_name(self) -> None:
        """A modem that still booted was taken for nobody's: it may be somebody's by now."""
        named = ask_name(self.modem)
        if not named.certain:
            return
        if named.family is not self.identity.family:
            raise LineDown(
                Fault.NAMED_LATE,
                worded("the modem is a {title} after all", title=named.family.title),
            )
        self.identity = replace(self.identity, maker=named.maker, model=named.model, certain=True)
        self.status.identity = self.identity
        self._service_at = self.line.now()

    def _confirm_silence(self, why: str) -> None:
        silence = hang_up(self.modem, self.identity.family, pause=self.line.pause)
        if not silence.confirmed:
            raise LineDown(
                Fault.HANG_UP_UNCONFIRMED, worded("calls could not be ended {why}", why=why)
            )
        if silence.radio_cycled:
            self.line.fault(Fault.NOT_REGISTERED, RADIO_CYCLED)
            self._service_at = self.line.now()

    def _called(self, heard: Heard) -> bool:
        """Answer or reject a caller; one who is gone already is no call."""
        if self.line.settings.incoming == "ignore":
            return False
        row = find_caller(self.modem, self.identity.family)
        if row is None:
            return self._gave_up(told_by(heard), heard.at)
        caller = number_of(row)
        fresh = self.line.now() - heard.at <= NOTICE_COUNTS
        if caller is None and fresh:
            caller = told_by(heard)
        if caller is None and not (fresh and heard.reading.sign is Sign.CALLER):
            waited = await_caller(self.line.inbox, self.line.clock, self._who_rings)
            caller = waited.caller
            for item in waited.others:
                self.line.inbox.put(item)
            row = find_caller(self.modem, self.identity.family)
            if row is None:
                return self._gave_up(caller, heard.at)
        return self._take_call(row, caller)

    def _gave_up(self, caller: Caller | None, heard_at: float) -> bool:
        """Somebody let it ring once and is gone: calling may be an objection all the same.

        Not where it is a late word of the call that was turned away just now.
        """
        who, silent_at = self._turned
        if caller is not None and not (caller == who and heard_at <= silent_at):
            self._turned_away(caller)
        return False

    def _turned_away(self, caller: Caller | None) -> None:
        self.line.tell_caller(
            IncomingRejected(
                line=self.line.name, at=self.line.now(), attempt=_call_id(), **_shown(caller)
            )
        )

    def _who_rings(self) -> Caller | bool:
        """Look at the call list: the caller it shows, else whether somebody rings at all."""
        row = find_caller(self.modem, self.identity.family)
        return row is not None and (number_of(row) or True)

    def _take_call(self, row: CallRow, caller: Caller | None) -> bool:
        answers = self.line.settings.incoming == "answer"
        if answers and self.line.ready and self.voice.lost is None:
            return self._run(self.calls.receive(self.modem, row, caller))
        # Told first: calling may be an objection, which must not hang on how the call ends.
        self._turned_away(caller)
        self._confirm_silence(worded("when a caller was turned away"))
        self._turned = caller, self.line.now()
        return False

    def _waited(self, caller: Caller | None) -> bool:
        """Somebody called while a call was up: their turn comes now, or the box learns why not."""
        if self.line.settings.incoming == "answer":
            until = self.line.now() + WAITER_WITHIN
            while self.line.now() < until:
                row = find_caller(self.modem, self.identity.family)
                if row is not None:
                    return self._take_call(row, number_of(row) or caller)
                self.line.pause(_WAITER_EVERY)
            why = worded("they were gone when the call was over")
        else:
            why = worded(
                "this line is set to {incoming} callers", incoming=self.line.settings.incoming
            )
        self.line.tell_caller(
            WaitingGone(
                line=self.line.name,
                at=self.line.now(),
                attempt=_call_id(),
                why=why,
                **_shown(caller),
            )
        )
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


def _call_id() -> str:
    """An id for a call that no order began."""
    return f"in-{uuid.uuid4().hex}"


class _Shown(TypedDict):
    number: str | None
    kind: AddressKind


def _shown(caller: Caller | None) -> _Shown:
    """A caller as events tell them."""
    number, kind = (None, AddressKind.UNKNOWN) if caller is None else caller
    return {"number": number, "kind": kind}
