"""The calls of one modem: what the network does, what the modem says, what the callee hears.

Long because the network's and the modem's side of one call change the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from firmware.simulator.modem.accounting import account, log_sound
from firmware.simulator.modem.calls import NORMAL_CLEARING, Call, CallState, Phase
from firmware.simulator.modem.faults import INCIDENTS
from firmware.simulator.modem.personality import ERROR, CmeError, Modem, Reply, standard_release
from firmware.simulator.modem.storage import Player
from firmware.simulator.modem.stream import Stream
from firmware.simulator.modem.timers import Timer
from firmware.simulator.modem.waiting import CallWaiting
from firmware.simulator.network.callee import Callee, HungUp, Pressed
from firmware.simulator.network.scenario import (
    Answer,
    Busy,
    FaultKind,
    IncomingCall,
    KeyPress,
    NoAnswer,
    Outcome,
    Plan,
    Reject,
    Subscribers,
    Unreachable,
    Voicemail,
)
from firmware.simulator.network.sounds import key_tone

_PROGRESS_SECONDS = 0.1
"""Box seconds from the dial command to the notice that the modem is dialling."""

_WORD_TRAILS = 0.15
"""Box seconds between the notice of an end and its result word, where they come apart."""
_TEXT_WITH_WORDS = ('+CUSD: 0,"Credit 5.00', "BUSY", "NO CARRIER", 'Call us",15')
"""A network's own message of several lines (27.007 7.15), with lines that mean more elsewhere."""


def _hand_on(call: Call) -> None:
    """The network hands the call on (SRVCC), and the modem lists it under another id."""
    call.index += 1


class CallControl:
    """At most one voice call at a time, like the cheap modules, and at most one caller who waits;
    a second dial is an ERROR."""

    def __init__(self, modem: Modem, subscribers: Subscribers) -> None:
        self._modem = modem
        self._subscribers = subscribers
        self.call: Call | None = None
        self.last_cause: int | None = None
        self.stream: Stream | None = None
        """The samples of the present call."""
        self._count = 0
        self._count_since_power = 0
        self._network: list[Timer] = []
        self._waiting = CallWaiting(modem, self.ring)

    # -- commands ---------------------------------------------------------------------------

    def dial(self, number: str) -> Reply:
        """Place a call; the number was checked by the dial command."""
        modem = self._modem
        if self.call is not None:
            if modem.personality.cme_errors_on_dial:
                raise CmeError(3)
            return ERROR
        self._count += 1
        self._count_since_power += 1
        plan = self._subscribers.plan(number)
        line_faults = [f for f in modem.settings.faults if f.call == self._count]
        faults = [*plan.faults, *line_faults]
        modem.faults.open(faults, modem.now, of_call=True)
        if modem.faults.use(FaultKind.DIAL_ERROR, modem.now):
            modem.faults.close_call()
            modem.log("dial_refused", number=number)
            return ERROR
        rotten = modem.faults.active(FaultKind.AUDIO_ROT, modem.now) is not None
        call = self._new_call(number, plan.behaviour, outgoing=True)
        call.faults = tuple({f.kind for f in faults} | _always(modem))
        call.rotten = rotten and self._count_since_power > 1
        modem.log("dialled", number=number, call=call.count)
        for fault in faults:
            if fault.kind in INCIDENTS:
                modem.arm_incident(fault)
        self._schedule(call, plan)
        early = FaultKind.NOTICES_BEFORE_OK in call.faults
        if early:
            self._announce(call, Phase.DIALLING)
        else:
            self._soon(_PROGRESS_SECONDS, lambda: self._announce(call, Phase.DIALLING))
        for fault in faults:
            if fault.kind is FaultKind.NEW_CALL_ID:
                self._soon(fault.after + (fault.lasts or 0.0), lambda: _hand_on(call))
            elif fault.kind is FaultKind.WORD_IN_TEXT:
                self._soon(fault.after, lambda: modem.notice(*_TEXT_WITH_WORDS))
        call.colp = modem.flag("+COLP")
        no_result = {FaultKind.NO_OK, FaultKind.LATE_RESULT} & set(call.faults)
        if no_result or call.colp or modem.personality.dial_result:
            call.dial_result_due = True
            return Reply(final=None)
        late = modem.faults.active(FaultKind.LATE_OK, modem.now)
        return Reply(delay=late.lasts or 0.0) if late is not None else Reply()

    def abort_dial(self) -> bool:
        """A character came from the host; True where it aborted a dial without result."""
        call = self.call
        if call is None or not (call.dial_result_due and call.colp):
            return False
        call.dial_result_due = False
        self._end(call, NORMAL_CLEARING, by="line")
        self._modem.notice("NO CARRIER")
        return True

    def hang_up(self) -> tuple[str, ...]:
        """End the call from our side; returns the notices that follow the OK."""
        call = self.call
        if call is None:
            return ()
        if self._modem.faults.use(FaultKind.IGNORE_HANG_UP, self._modem.now):
            self._modem.log("hang_up_ignored", call=call.count)
            return ()
        lines = self._end(call, NORMAL_CLEARING, by="line")
        if call.dial_result_due:
            lines = ["NO CARRIER"]
        return tuple(lines)

    def answer(self) -> bool:
        """Answer an incoming call (ATA); False where none rings."""
        call = self.call
        if call is None or call.state is not CallState.INCOMING:
            return False
        self._cancel_network()
        call.state = CallState.ACTIVE
        call.announced_at = self._modem.now
        call.callee.pick_up(self._modem.now)
        self._modem.log("answered", number=call.number, call=call.count, direction="incoming")
        return True

    def switch_voice(self, *, on: bool) -> bool:
        """Switch the sample stream; False where the modem refuses (there is no call)."""
        return not on if self.stream is None else self.stream.switch(on=on)

    @property
    def voice_on(self) -> bool:
        """The command that switches the sample stream on was accepted in this call."""
        return self.stream is not None and self.stream.on

    @property
    def playing(self) -> bool:
        """A stored clip plays to the far end."""
        return self.stream is not None and self.stream.player is not None

    def play(self, samples: bytes, finished: Callable[[], None]) -> bool:
        """Play a stored clip to the far end; False where there is no answered call."""
        if self.stream is None or self.call is None or self.call.state is not CallState.ACTIVE:
            return False
        # Frames that are overdue were silent, and take nothing of the clip.
        self.stream.advance()
        self.stream.player = Player(samples, finished)
        return True

    def stop_playing(self) -> None:
        if self.stream is not None:
            self.stream.player = None

    def rows(self) -> list[str]:
        """The lines of +CLCC."""
        personality = self._modem.personality
        rows = list(personality.extra_clcc_rows)
        if self._modem.faults.active(FaultKind.EMPTY_LIST, self._modem.now):
            return rows
        handover = self._modem.faults.active(FaultKind.NEW_CALL_ID, self._modem.now)
        if self.call is not None and handover is None:
            rows.append(personality.clcc_row(self._modem, self.call, self.call.state))
        return rows + self._waiting.rows()

    # -- the network ------------------------------------------------------------------------

    def ring(self, incoming: IncomingCall) -> None:
        """Somebody calls this line."""
        modem = self._modem
        facts = {"number": incoming.number, "direction": "incoming"}
        if not modem.plugged_in or modem.registration != 1:
            modem.log("incoming", **facts, reached=False)
            return
        if self.call is not None:
            waits = self._waiting.take(incoming, self.call)
            modem.log("incoming", **facts, reached=False, busy=not waits, waiting=waits)
            return
        self._count += 1
        call = self._new_call(incoming.number, incoming.caller, outgoing=False)
        call.state = CallState.INCOMING
        modem.log("incoming", **facts, reached=True, call=call.count)
        self._ring_once(call)
        modem.call_notice(*modem.personality.incoming(modem, call))
        self._soon(incoming.rings_for, lambda: self._give_up(call))

    def _ring_once(self, call: Call) -> None:
        if self.call is not call or call.state is not CallState.INCOMING:
            return
        modem = self._modem
        modem.call_notice("+CRING: VOICE" if modem.flag("+CRC") else "RING")
        if modem.flag("+CLIP"):
            shown = f'"{call.number}",{call.type_of_address}' if call.number else '"",128'
            modem.call_notice(f"+CLIP: {shown},,,,0")
        self._soon(modem.personality.ring_period, lambda: self._ring_once(call))

    def _give_up(self, call: Call) -> None:
        if self.call is call and call.state is CallState.INCOMING:
            lines = self._modem.personality.missed_call(self._modem, call)
            self._end(call, NORMAL_CLEARING, by="far_end")
            self._modem.call_notice(*lines)

    def _new_call(self, number: str | None, behaviour: Outcome, *, outgoing: bool) -> Call:
        self.call = Call(
            index=self._modem.personality.first_call_index,
            number=number,
            outgoing=outgoing,
            state=CallState.DIALLING,
            callee=Callee(behaviour, self._subscribers.recordings),
            count=self._count,
        )
        self.stream = Stream(self._modem, self.call)
        return self.call

    def _schedule(self, call: Call, plan: Plan) -> None:
        behaviour = plan.behaviour
        match behaviour:
            case Answer() | Voicemail():
                self._soon(behaviour.rings_in, lambda: self._alert(call))
                picks_up = behaviour.rings_in + behaviour.after
                self._soon(picks_up, lambda: self._pick_up(call))
            case Busy():
                if FaultKind.FALSE_ANSWER in call.faults:
                    self._soon(behaviour.after, lambda: self._busy_in_band(call))
                else:
                    self._soon(behaviour.after, lambda: self._release(call, 17, "network"))
            case NoAnswer():
                self._soon(behaviour.rings_in, lambda: self._alert(call))
                if behaviour.gives_up_after is not None:
                    ends = behaviour.rings_in + behaviour.gives_up_after
                    self._soon(ends, lambda: self._release(call, 19, "network"))
            case Reject():
                self._soon(behaviour.rings_in, lambda: self._alert(call))
                ends = behaviour.rings_in + behaviour.after
                self._soon(ends, lambda: self._release(call, 21, "far_end"))
            case Unreachable():
                cause = behaviour.cause
                self._soon(behaviour.after, lambda: self._release(call, cause, "network"))
            case _:
                assert_never(behaviour)

    def _alert(self, call: Call) -> None:
        self._modem.log("ringing", number=call.number, call=call.count)
        if FaultKind.FALSE_ANSWER in call.faults:
            # A7672SA on a network with early media: every sign of an answer comes at ringback.
            self._announce(call, Phase.ALERTING)
            self._announce(call, Phase.ANSWERED)
        elif FaultKind.NEVER_ALERTING not in call.faults:
            self._announce(call, Phase.ALERTING)

    def _busy_in_band(self, call: Call) -> None:
        self._announce(call, Phase.ANSWERED)
        call.callee.pick_up(self._modem.now)
        self._soon(20.0, lambda: self._release(call, 17, "network"))

    def _pick_up(self, call: Call) -> None:
        who = "machine" if isinstance(call.callee.behaviour, Voicemail) else "person"
        self._modem.log("answered", number=call.number, call=call.count, who=who)
        call.callee.pick_up(self._modem.now)
        if call.announced_at is None:
            self._announce(call, Phase.ANSWERED)

    def _announce(self, call: Call, phase: Phase) -> None:
        if self.call is not call:
            return
        modem = self._modem
        match phase:
            case Phase.DIALLING:
                pass
            case Phase.ALERTING:
                call.state = CallState.ALERTING
            case Phase.ANSWERED:
                call.state = CallState.ACTIVE
                call.announced_at = modem.now
                if call.dial_result_due:
                    self._dial_result(call)
            case _:
                assert_never(phase)
        modem.call_notice(*modem.personality.progress(modem, call, phase))

    def _dial_result(self, call: Call) -> None:
        """The dial command has had no result so far; the far end has answered."""
        modem = self._modem
        late = modem.faults.active(FaultKind.LATE_RESULT, modem.now)

        def tell() -> None:
            if call.dial_result_due:
                call.dial_result_due = False
                modem.notice(modem.personality.dial_result or "OK")

        if late is None:
            tell()
        else:
            self._soon((late.lasts or 0.0) * modem.speed, tell)

    def _release(self, call: Call, cause: int, by: str) -> None:
        if self.call is not call:
            return
        told = cause
        if FaultKind.WRONG_END_WORD in call.faults and call.announced_at is not None:
            told = 17
        lines = self._end(call, cause, by=by, told=told)
        if told != cause:
            lines = ["BUSY" if line == "NO CARRIER" else line for line in lines]
            lines += [] if "BUSY" in lines else ["BUSY"]
        if FaultKind.END_BEFORE_WORD in call.faults and len(lines) > 1:
            last = lines.pop()
            self._modem.later(_WORD_TRAILS, "last word", lambda: self._modem.notice(last))
        if call.dial_result_due:
            # The dial command never had its OK: this is its result, and cannot be lost.
            self._modem.notice(standard_release(cause))
            return
        self._modem.notice(*lines)

    def _end(self, call: Call, cause: int, *, by: str, told: int | None = None) -> list[str]:
        """Take the call out of the list; returns what the modem says about it.

        *told* is the cause that the modem tells where it is another one.
        """
        modem = self._modem
        account(modem, call, self.stream, by=by, cause=cause)
        cause = cause if told is None else told
        self.last_cause = None if by == "line" else cause
        if FaultKind.STALE_CAUSE in call.faults:
            # As if the call before had found a busy phone.
            self.last_cause = 17
        self._cancel_network()
        self.call = None
        self.stream = None
        self._waiting.line_is_free()
        released = modem.personality.released(modem, call, cause, by == "line")
        lines = modem.as_sent(released)
        modem.faults.close_call()
        if FaultKind.INCOMING_AFTER_END in call.faults:
            incoming = IncomingCall(at=0.0, number=call.number, rings_for=10.0)
            modem.later(0.2, "incoming after end", lambda: self.ring(incoming))
        return lines

    def network_lost(self) -> None:
        """No service any more: a call ends by itself."""
        if self.call is not None:
            self._release(self.call, 27, "network")

    def power_lost(self) -> None:
        """The modem died: the network notices and clears the call."""
        if self.call is not None:
            self._end(self.call, 27, by="network")

    def powered_up(self) -> None:
        self._count_since_power = 0
        self.last_cause = None

    def _soon(self, seconds: float, action: Callable[[], None]) -> None:
        modem = self._modem
        self._network.append(modem.timers.set(modem.now + seconds, "network", action))

    def _cancel_network(self) -> None:
        for timer in self._network:
            timer.cancel()
        self._network.clear()

    # -- the callee -------------------------------------------------------------------------

    @property
    def streaming(self) -> bool:
        return self.stream is not None and self.stream.flowing

    def take_uplink(self, data: bytes) -> None:
        """Samples from the host; without a call they vanish."""
        if self.stream is not None:
            self.stream.take_uplink(data)

    def press(self, key: KeyPress) -> None:
        """The far end of the answered call presses *key* now."""
        if self.call is not None and self.stream is not None:
            self._press(self.call, Pressed(key=key.key, milliseconds=key.milliseconds))

    def stop_audio(self) -> None:
        """The stream dies in both directions without a word."""
        if self.stream is not None:
            self.stream.die()

    def advance(self) -> None:
        """Move samples and let the callee act, up to the modem's present."""
        call, stream = self.call, self.stream
        if call is None or stream is None:
            return
        stream.advance()
        log_sound(self._modem, call)
        for act in call.callee.act(self._modem.now):
            if self.call is not call:
                break
            if isinstance(act, HungUp):
                self._modem.log("hung_up", number=call.number, call=call.count, why=act.why)
                self._release(call, NORMAL_CLEARING, "far_end")
            else:
                self._press(call, act)

    def _press(self, call: Call, press: Pressed) -> None:
        modem = self._modem
        modem.log(
            "key",
            number=call.number,
            call=call.count,
            key=press.key,
            at_ms=call.callee.heard_until_ms,
            heard_ms=call.callee.ears.heard_ms,
        )
        if FaultKind.NO_KEY_TONES not in call.faults:
            call.callee.voice.press(key_tone(press.key, press.milliseconds))
        if FaultKind.NO_KEY_NOTICES not in call.faults:
            lag = modem.personality.key_notice_lag
            if modem.personality.key_notice_at_release:
                lag += press.milliseconds / 1000
            late = modem.faults.active(FaultKind.LATE_KEY_NOTICES, modem.now)
            if late is not None:
                lag += late.lasts or 0.0
            self._soon(lag, lambda: self._notice_key(press))

    def _notice_key(self, press: Pressed) -> None:
        modem = self._modem
        modem.call_notice(*modem.personality.key_notice(modem, press.key, press.milliseconds))

    def wake_at(self) -> float | None:
        if self.call is None or self.stream is None:
            return None
        times = (self.call.callee.wake_at(), self.stream.wake_at)
        return min((time for time in times if time is not None), default=None)


def _always(modem: Modem) -> set[FaultKind]:
    return {f.kind for f in modem.settings.faults if f.call is None and f.at is None}
