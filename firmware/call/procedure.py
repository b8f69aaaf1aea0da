"""One call to the proven silence after it, on the line's worker thread.

How it begins is the business of :mod:`firmware.call.outgoing` and :mod:`firmware.call.incoming`;
from then on both are alike. Whatever goes wrong ends in the hang-up ladder. ``Ended`` leaves
exactly once, when the list was read empty or the ladder gave up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from firmware.at.calls import CallRow
from firmware.at.command_port import CommandPort
from firmware.at.results import integer
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
)
from firmware.call.live_call import LiveCall
from firmware.call.release import ReleaseCause
from firmware.call.voice import CallVoice
from firmware.errors import CommandAborted, CommandTimeout, LinkLost, PortUnusable
from firmware.events import AddressKind, Ended
from firmware.families.base import Family, Sign
from firmware.faults import Fault, LineDown
from firmware.modem.hang_up import Silence as Silenced
from firmware.modem.hang_up import hang_up, is_silent, read_calls, waits
from firmware.modem.network import Service, read_service, service_fault
from firmware.orders import AnswerCall, DeleteSms, Dial, HangUp, Play, SendSms, Silence
from firmware.sms.address import read_number

_URGENT = 0.1
"""Box seconds between two reads of the call list while a claim is open."""
CAUSE_WITHIN = 0.3
"""Box seconds by which the word for the cause may trail the notice of the end."""
_SHORTEST_POLL = 0.02
"""Real seconds: a fast bench must not poll a modem without pause."""


@dataclass(kw_only=True)
class CallProcedure(ABC):
    """One call. Make a new one for each and :meth:`run` it once."""

    call: LiveCall
    voice: CallVoice
    line: LineContext
    modem: CommandPort
    family: Family
    emergencies: int
    """How often the stop had been pressed when this call was ordered."""

    def __post_init__(self) -> None:
        self._deferred: list[Item] = []
        self._closing = False
        self._ended = False
        self._service: Service | None = None
        self._waited = False
        """Somebody called meanwhile."""
        self._waiter: tuple[str, AddressKind] | None = None

    def stopped(self) -> bool:
        """Whether an emergency came since this call was ordered."""
        return self.line.stopped_since(self.emergencies)

    def run(self) -> CallResult:
        """Begin the call and see it through. Raises LinkLost or LineDown after its Ended."""
        try:
            if self._begin():
                self._follow()
            return self._finish()
        except (LinkLost, PortUnusable) as lost:
            self.call.link_lost(f"link lost: {lost}", self.line.now())
            self._end_unconfirmed(Fault.PORT_LOST, str(lost))
            raise
        except LineDown as down:
            self.call.link_lost(down.detail, self.line.now())
            self._end_unconfirmed(down.fault, down.detail)
            raise
        finally:
            if not self._ended:
                # A defect of ours; the attempt must end all the same.
                self._end_unconfirmed(Fault.INTERNAL, "the line failed during a call")

    @abstractmethod
    def _begin(self) -> bool:
        """Bring the call about; False where it must not or did not begin."""

    def _answer_ordered(self, item: Ordered) -> None:
        self.line.log.warning("%s is no order for an outgoing call", type(item.order).__name__)

    def _send_before_call(self) -> None:
        """Send what the family wants before each call; none of it may keep the call from being."""
        for step in self.family.before_call:
            try:
                self.modem.command(step.command, timeout=step.timeout)
            except (CommandTimeout, CommandAborted):
                self.line.log.debug("%s gave no result", step.command)

    def _start(self, command: str, still_wanted: Callable[[], bool]) -> bool:
        """Give ATD or ATA and take its result; return whether there is a call to follow.

        *still_wanted* looks once more just before the command.
        """
        # Read before the check: a stop between the two makes the modem refuse the command.
        epoch = self.modem.emergency_count
        if self.stopped():
            self.call.hang_up_ordered(self.line.now(), emergency=True)
            return False
        self.line.outstanding = True
        try:
            # From here on a hang-up order overtakes the command; an earlier one lies in the
            # inbox, and getting here may have taken longer than the permission lasts.
            if not still_wanted():
                return False
            reply = self.modem.command(
                command, timeout=self.family.timing.dial, dial=True, epoch=epoch
            )
            self.call.dial_final(reply.final.text, self.line.now())
        except CommandAborted:
            self.call.hang_up_ordered(self.line.now(), emergency=self.stopped())
            return False
        except CommandTimeout:
            self._unanswered()
        finally:
            self.line.outstanding = False
        if self.stopped():
            self.call.hang_up_ordered(self.line.now(), emergency=True)
        return not self.call.is_over()

    @abstractmethod
    def _unanswered(self) -> None:
        """Find out what became of an ATD or ATA without a result."""

    # -- the call ----------------------------------------------------------------------------

    def _follow(self) -> None:
        poll_at = self.line.now() + self.family.timing.poll
        self.voice.advance()
        while not self.call.is_over():
            wait = self.line.clock.real(poll_at - self.line.now())
            if self.call.progress.urgent and self.call.progress.denials == 0:
                wait = 0.0
            item = self.line.inbox.get(max(wait, 0.0))
            if item is not None:
                self._take(item)
            if self.call.is_over():
                return
            self.voice.advance()
            now = self.line.now()
            if now >= poll_at or self.call.progress.urgent:
                # Stamped before the question, so that the row of a false answer does not look
                # younger than the ringing that was reported with it.
                asked_at = self.line.now()
                self.call.rows(self._rows(), asked_at)
                poll_at = self._next_poll()
                if self.call.progress.urgent:
                    self._rest(poll_at)

    def _next_poll(self) -> float:
        every = _URGENT if self.call.progress.urgent else self.family.timing.poll
        return self.line.now() + max(every, _SHORTEST_POLL / self.line.clock.real(1.0))

    def _rest(self, until: float) -> None:
        """Wait between two urgent reads without overlooking what comes in."""
        while not self.call.is_over():
            wait = self.line.clock.real(until - self.line.now())
            if wait <= 0:
                return
            item = self.line.inbox.get(wait)
            if item is not None:
                self._take(item)
                self.voice.advance()

    def _rows(self) -> tuple[CallRow, ...] | None:
        rows = read_calls(self.modem, self.family)
        if not self.call.progress.incoming:
            for row in filter(waits, rows or ()):
                self._somebody_waits(row.number, row.number_type)
        return rows

    def _somebody_waits(self, number: str, type_of_number: int | None) -> None:
        self._waited = True
        self._waiter = read_number(number, type_of_number) or self._waiter

    def _take(self, item: Item) -> None:
        match item:
            case Attention():
                pass
            case Ordered(order=order):
                self._obey(item, None if isinstance(order, SendSms | DeleteSms) else order.attempt)
            case Emergency():
                self.call.hang_up_ordered(self.line.now(), emergency=True)
            case LinkDown(reason=reason):
                raise LinkLost(reason)
            case AudioTrouble(detail=detail, at=at):
                self.voice.trouble(detail, at)
            case Closing():
                self._closing = True
                self.call.hang_up_ordered(self.line.now())
            case Heard(reading=reading) if reading.sign is Sign.WAITING:
                kind = integer(reading.fields.get("type", ""))
                self._somebody_waits(reading.fields["number"], kind)
            case Heard():
                # Restarts are the call's business too (it has seen the notice itself); texts,
                # registration and callers wait until the line is free.
                self._deferred.append(item)

    def _obey(self, item: Ordered, attempt: str | None) -> None:
        order = item.order
        if attempt is not None and attempt != self.call.attempt:
            if isinstance(order, Dial):
                self.line.refuse(order, "the line is in a call")
            return
        match order:
            case Play(clip=clip):
                if not self.call.play(clip) and not self.call.is_over():
                    self.call.audio_failed(f"there is no clip {clip}", self.line.now())
            case Silence():
                self.call.silence()
            case HangUp():
                self.call.hang_up_ordered(self.line.now())
            case SendSms() | DeleteSms():
                self._deferred.append(item)
            case AnswerCall():
                self._answer_ordered(item)
            case Dial():
                # The same Dial again: it is running already, its Ended will come.
                self.line.log.warning("the same Dial came twice")

    # -- the end -----------------------------------------------------------------------------

    def _finish(self) -> CallResult:
        call, progress = self.call, self.call.progress
        if self._ended:
            return CallResult(closing=self._closing, deferred=tuple(self._deferred))
        radio_cycled = False
        if progress.lost is not None:
            self.voice.stop()
            confirmed = self._is_silent()
        elif progress.local or self.stopped():
            silence = self._hang_up()
            confirmed, radio_cycled = silence.confirmed, silence.radio_cycled
            self.voice.stop()
        else:
            rows = self._own(self._rows())
            # One whose end nobody told may be up on a modem that lists none, or not just now.
            confirmed = rows == () and progress.refused is None and bool(progress.ends)
            if confirmed and not progress.row_seen:
                # A call that was never listed may still be about to be.
                confirmed = self._is_silent()
            if not confirmed:
                # What the modem says from here on is the echo of our own hang-up.
                self._await_cause()
                call.cut(came_back=bool(rows) and not progress.ends)
                silence = self._hang_up()
                confirmed, radio_cycled = silence.confirmed, silence.radio_cycled
            # The end may have been a false one: keys count until the silence is proven.
            self.voice.stop()
            self._await_cause()
        if self.stopped():
            call.hang_up_ordered(self.line.now(), emergency=True)
        release = call.release_cause(self._ask_cause())
        signs = self._signs_of_trouble()
        restarted = progress.lost is not None or bool(signs & {Sign.BOOT, Sign.POWER_DOWN})
        voice = self.voice.fault()
        # What keeps the line from the next call is told before the end of this one, which is what
        # the next Dial waits for.
        if not confirmed:
            self.line.fault(Fault.HANG_UP_UNCONFIRMED, "the call list could not be read empty")
        elif restarted:
            self.line.fault(Fault.RESTARTED, RESTARTED)
        elif self.voice.switch.rotten:
            self.line.fault(Fault.RESETTING, VOICE_LATE)
        elif voice is not None:
            self.line.fault(*voice)
        elif radio_cycled:
            self.line.fault(Fault.NOT_REGISTERED, RADIO_CYCLED)
        elif Sign.REGISTRATION in signs:
            self._look_at_service()
        call.judge_keys(self.line.now())
        self._end(release, confirmed=confirmed)
        if not confirmed:
            raise LineDown(Fault.HANG_UP_UNCONFIRMED, "the call list could not be read empty")
        return CallResult(
            radio_cycled=radio_cycled,
            reset_due=self.voice.switch.rotten,
            restarted=restarted,
            voice=voice,
            service=self._service,
            closing=self._closing,
            deferred=tuple(self._deferred),
            waited=self._waited,
            waiter=self._waiter,
        )

    def _own(self, rows: tuple[CallRow, ...] | None) -> tuple[CallRow, ...] | None:
        """Leave out those who wait for their turn, where they get one."""
        if rows is None or not self._spares_callers():
            return rows
        return tuple(row for row in rows if not waits(row))

    def _spares_callers(self) -> bool:
        """Whether somebody who called during this call is left ringing for the line to answer."""
        answers = self.line.settings.incoming == "answer" and not self.call.progress.incoming
        return answers and not self.stopped() and not self._closing

    def _hang_up(self) -> Silenced:
        return hang_up(
            self.modem,
            self.family,
            pause=self.line.pause,
            spares_callers=self._spares_callers(),
        )

    def _is_silent(self) -> bool:
        return is_silent(
            self.modem,
            self.family,
            pause=self.line.pause,
            spares_callers=self._spares_callers(),
        )

    def _await_cause(self) -> None:
        """Give a modem that says ``END`` first and ``BUSY`` after it the time for it."""
        until = self.line.now() + CAUSE_WITHIN
        while self.line.now() < until:
            progress = self.call.progress
            named = progress.cause_told or progress.talked or progress.cutting
            local = progress.local or progress.emergency or progress.refused is not None
            if named or local or (progress.answer_evidence and not progress.weak):
                return
            item = self.line.inbox.get(self.line.clock.real(0.05))
            if item is not None:
                self._take(item)

    def _signs_of_trouble(self) -> set[Sign]:
        """What the module said during the call and is dealt with after it."""
        while (item := self.line.inbox.get(0.0)) is not None:
            self._take(item)
        return {item.reading.sign for item in self._deferred if isinstance(item, Heard)}

    def _look_at_service(self) -> None:
        """The network changed during the call: ask whether it can still make calls."""
        try:
            self._service = read_service(self.modem, self.family)
        except CommandAborted:
            self.line.log.debug("the stop came while the registration was read")
            return
        found = service_fault(self._service)
        if found is not None:
            self.line.fault(found.fault, found.detail)

    def _ask_cause(self) -> str | None:
        """Ask why, unless we know because we did it. The answer helps; it is never waited for."""
        progress = self.call.progress
        if progress.local or progress.emergency or progress.lost is not None:
            return None
        try:
            reply = self.modem.command(self.family.end_cause, timeout=2.0)
        except (CommandTimeout, CommandAborted):
            return None
        if not reply.final.ok or reply.doubtful or not reply.lines:
            return None
        return reply.lines[0]

    def _end_unconfirmed(self, fault: Fault, detail: str) -> None:
        if self._ended:
            return
        release = self.call.release_cause(None)
        self.line.fault(fault, detail)
        self._end(release, confirmed=False)

    def _end(self, release: ReleaseCause, *, confirmed: bool) -> None:
        if self._ended:
            return
        self._ended = True
        self.line.call_doubtful = not confirmed
        self.call.close()
        self.line.post(
            Ended(
                line=self.line.name,
                at=self.line.now(),
                attempt=self.call.attempt,
                cause=release.cause,
                evidence=release.evidence,
                code=release.code,
                confirmed=confirmed,
                talked=release.talked,
            )
        )
