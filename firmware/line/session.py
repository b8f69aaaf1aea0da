"""A modem in service: waits for orders, places and takes calls, sweeps messages.

One session lasts from the end of bring-up to the next fault; it runs on the line's worker thread.
What ends it is a :class:`~firmware.faults.LineDown` or a link that is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from firmware.at.calls import CallRow
from firmware.call.context import RADIO_CYCLED, RESTARTED, VOICE_LATE, CallResult, refuse
from firmware.call.inbox import (
    Attention,
    AudioTrouble,
    Closing,
    Emergency,
    Heard,
    Inbox,
    Item,
    LinkDown,
    Ordered,
    rings,
)
from firmware.call.incoming import (
    CALLER_WITHIN,
    Receiving,
    find_caller,
    forget_callers,
    number_of,
    told_number,
)
from firmware.call.procedure import Calling, pause
from firmware.clock import Clock
from firmware.errors import CommandAborted, CommandRefused, CommandTimeout, LinkLost
from firmware.events import Cause, Event, IncomingRejected, SmsReceived
from firmware.families.base import Sign
from firmware.faults import Fault, LineDown
from firmware.modem.bring_up import BringUp
from firmware.modem.hang_up import hang_up
from firmware.modem.identity import Identity
from firmware.modem.modem import VoiceModem
from firmware.modem.network import read_network_time, service_fault
from firmware.orders import AnswerCall, DeleteSms, Dial, HangUp, Play, SendSms, Silence

SERVICE_EVERY = 30.0
SERVICE_SETTLES = 1.0
"""Box seconds after a look at the registration in which notices of it do not ask for another."""
"""Box seconds between two questions for the registration; notices come in between."""
SMS_EVERY = 60.0
"""Box seconds between two sweeps of the message store; +CMTI notices get lost."""
TIME_EVERY = 600.0
POWER_WARNING_LASTS = 30.0
"""Box seconds after an undervoltage notice in which no call is placed."""
BUILT_AFTER = datetime(2025, 1, 1, tzinfo=UTC)
"""A module clock before this was never set by a network."""
_LONGEST_WAIT = 5.0
"""Real seconds: the worker looks at its duties at least this often."""


@dataclass(kw_only=True)
class Session:
    """See the module. ``place`` makes the :class:`Calling` of one Dial, ``clear`` forgets it."""

    name: str
    modem: VoiceModem
    identity: Identity
    bring_up: BringUp
    inbox: Inbox
    post: Callable[[Event], None]
    announce: Callable[[], None]
    """Post LineReady."""
    fault: Callable[..., None]
    """Tell a fault and its detail; ``final`` where it stays until a person helps."""
    place: Callable[[Ordered, Dial], Calling]
    receive: Callable[[CallRow, str | None], Receiving]
    """Make the call of a caller, whose number is None where it is withheld."""
    clear: Callable[[], None]
    between_calls: Callable[[], None]
    """Done after each call, when nothing is up."""
    emergencies: Callable[[], int]
    voice_lost: Callable[[], str | None]
    """Why the voice path has to be opened anew: no call is placed or taken then."""
    time_read: Callable[[datetime | None, float], None]
    """Told the network's time (UTC, or None) and when it was read, in box seconds."""
    callers: str
    """``reject``, ``ignore`` or ``answer`` (:class:`~firmware.line_settings.LineSettings`)."""
    unfit: tuple[Fault, str] | None = None
    """Why no call can be held on this line: it takes none then and is never ready, but messages
    come in."""
    clock: Clock
    log: logging.Logger

    def __post_init__(self) -> None:
        now = self._now()
        self.ready = False
        self._service_at = now + SERVICE_EVERY
        self._checked_at = float("-inf")
        self._sms_at = now
        self._time_at = now
        self._warned_until = 0.0
        self._backlog: list[Item] = []
        self._reset_due = False
        self._read_messages: dict[int, tuple[str, str]] = {}

    def serve(self) -> None:
        """Serve until :class:`~firmware.call.inbox.Closing`. Raises LineDown, LinkLost."""
        if self.unfit is None:
            self.ready = True
            self.announce()
        else:
            self.fault(*self.unfit, final=True)
        while True:
            try:
                item = self._backlog.pop(0) if self._backlog else self.inbox.get(self._wait())
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
                        self._delete(order)
                    case AnswerCall() | Play() | Silence() | HangUp():
                        # Of a call that is over already: its Ended is on its way or was posted.
                        self.log.debug("%s came after the call", type(order).__name__)
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
                self.log.debug("voice trouble outside a call: %s", detail)
            case Attention():
                pass
            case _ as rest:
                assert_never(rest)
        return False

    def _dial(self, item: Ordered, order: Dial) -> bool:
        if item.emergencies != self.emergencies():
            self._refuse(order, "stopped before the dial", Cause.EMERGENCY)
            return False
        if not self.ready:
            self._refuse(order, "the line is not in service", Cause.FAILED)
            return False
        lost = self.voice_lost()
        if lost is not None:
            # The fault is told first: the next Dial follows the end of this one.
            self.fault(Fault.AUDIO_UNUSABLE, lost)
            self._refuse(order, lost, Cause.FAILED)
            raise LineDown(Fault.AUDIO_UNUSABLE, lost)
        if order.dial_by is not None and self._now() > order.dial_by:
            self._refuse(order, "the permission ended before the dial", Cause.FAILED)
            return False
        return self._run(self.place(item, order))

    def _run(self, call: Calling) -> bool:
        try:
            result = call.run()
        finally:
            self.clear()
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
        if result.radio_cycled:
            self._unready(Fault.NOT_REGISTERED, RADIO_CYCLED)
            self._service_at = self._now()
        self.between_calls()
        return False

    def _heard(self, heard: Heard) -> None:
        match heard.reading.sign:
            case Sign.SMS:
                self._sms_at = self._now()
            case Sign.REGISTRATION:
                # One question for a burst of them: a slow modem would answer nothing else.
                due = max(self._now(), self._checked_at + SERVICE_SETTLES)
                self._service_at = min(self._service_at, due)
            case Sign.SIM_MISSING:
                raise LineDown(Fault.SIM_MISSING, f"the modem said {heard.text}")
            case Sign.BOOT | Sign.POWER_DOWN:
                raise LineDown(Fault.RESTARTED, f"the modem said {heard.text}")
            case Sign.POWER_LOW:
                self._warned_until = self._now() + POWER_WARNING_LASTS
                self._unready(Fault.POWER_LOW, f"the modem said {heard.text}")
                self._service_at = self._warned_until
            case _:
                pass

    # -- duties ------------------------------------------------------------------------------

    def _wait(self) -> float:
        due = min(self._service_at, self._sms_at, self._time_at) - self._now()
        return min(max(self.clock.real(due), 0.0), _LONGEST_WAIT)

    def _duties(self) -> None:
        lost = self.voice_lost()
        if lost is not None:
            raise LineDown(Fault.AUDIO_UNUSABLE, lost)
        now = self._now()
        if now >= self._service_at:
            self.check_service()
        if now >= self._sms_at:
            self._sms_at = now + SMS_EVERY
            self._sweep()
        if now >= self._time_at:
            self._time_at = now + TIME_EVERY
            self._read_time()

    def check_service(self) -> None:
        """Ask for the registration; tell a fault of it, or that it is over. Raises LineDown."""
        service = self.bring_up.service(self.identity.family)
        self._checked_at = self._now()
        found = service_fault(service)
        if found is not None:
            self._service_at = self._now() + 1.0
            self._unready(found.fault, found.detail)
            return
        self._service_at = self._now() + SERVICE_EVERY
        if not self.ready and self.unfit is None and self._now() >= self._warned_until:
            self.ready = True
            self.announce()

    def _unready(self, fault: Fault, detail: str) -> None:
        self.ready = False
        self.fault(fault, detail)

    def _confirm_silence(self, why: str) -> None:
        silence = hang_up(self.modem, self.identity.family, pause=self._pause)
        if not silence.confirmed:
            raise LineDown(Fault.HANG_UP_UNCONFIRMED, f"calls could not be ended {why}")
        if silence.radio_cycled:
            self._unready(Fault.NOT_REGISTERED, RADIO_CYCLED)
            self._service_at = self._now()

    def _called(self, heard: Heard) -> bool:
        """Answer or reject a caller; one who is gone already is no call."""
        if self.callers == "ignore":
            return False
        caller = find_caller(self.modem, self.identity.family)
        if caller is None:
            return False
        number = number_of(caller)
        if number is None and self._now() - heard.at <= CALLER_WITHIN:
            number = heard.reading.fields.get("number") or None
        if number is None and heard.reading.sign is Sign.INCOMING:
            number, others = told_number(self.inbox, self.clock.real(CALLER_WITHIN))
            for item in others:
                self.inbox.put(item)
        if self.callers == "answer" and self.ready and self.voice_lost() is None:
            return self._run(self.receive(caller, number))
        # Told first: calling may be an objection, which must not hang on how the call ends.
        self.post(IncomingRejected(line=self.name, at=self._now(), number=number))
        self._confirm_silence("when a caller was turned away")
        return False

    def _sweep(self) -> None:
        try:
            for message in self.modem.stored_messages():
                if message.status not in (0, 1):
                    continue
                if message.text is not None:
                    # Storage places are used again: what was read decides, not the number alone.
                    self._read_messages[message.index] = (message.number, message.text)
                    self.post(
                        SmsReceived(
                            line=self.name,
                            at=self._now(),
                            number=message.number,
                            text=message.text,
                            index=message.index,
                        )
                    )
        except (CommandRefused, CommandTimeout) as error:
            self.log.info("messages could not be read: %s", error)
            if isinstance(error, CommandTimeout):
                self._service_at = self._now()

    def _delete(self, order: DeleteSms) -> None:
        if self._read_messages.get(order.index) != (order.number, order.text):
            return
        del self._read_messages[order.index]
        try:
            self.modem.delete_message(order.index)
        except (CommandRefused, CommandTimeout) as error:
            self.log.info("a message could not be deleted: %s", error)

    def _send(self, order: SendSms) -> None:
        try:
            self.modem.send_text(order.number, order.text)
        except (CommandRefused, CommandTimeout, ValueError) as error:
            self.log.warning("a confirmation message was not sent: %s", error)

    def _read_time(self) -> None:
        family = self.identity.family
        try:
            reply = self.modem.command(family.network_time.query)
        except CommandTimeout:
            self._service_at = self._now()
            return
        told = read_network_time(family, reply.lines, not_before=BUILT_AFTER)
        self.time_read(told, self._now())

    def _refuse(self, order: Dial, evidence: str, cause: Cause) -> None:
        refuse(self.post, order, self._now(), evidence, cause=cause)

    def _now(self) -> float:
        return self.clock.monotonic()

    def _pause(self, seconds: float) -> None:
        pause(self.clock, seconds)
