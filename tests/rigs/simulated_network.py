"""Simulated lines and callees: what the box would meet outside, on a simulated clock.

Knows nothing of how the box decides. It takes orders, posts events with plausible delays, loses
some, and keeps its own log of what a phone network would have seen.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from firmware import events
from firmware.events import Cause, Machine, Witness
from firmware.orders import DeleteSms, Dial, HangUp, Order, Play, SendSms, Silence
from tests.rigs.timeline import Timeline

BEHAVIOURS: dict[str, int] = {
    "listens": 30,
    "says_nothing": 8,
    "hangs_up": 8,
    "objects": 10,
    "leaves_message": 6,
    "busy": 5,
    "no_answer": 8,
    "rejects": 4,
    "unreachable": 3,
    "mailbox": 4,
    "announcement": 2,
    "monologue": 2,
    "late_pick_up": 4,
    "silent_audio": 2,
    "no_greeting": 1,
    "line_dies": 2,
    "end_never_told": 1,
    "dial_refused": 2,
    "mad_keys": 2,
    "wrong_word": 3,
    "quick_pick_up": 3,
    "quick_and_silent": 2,
}
"""Behaviour of one call to its weight."""

PEOPLE = frozenset(BEHAVIOURS) - {
    "busy",
    "no_answer",
    "rejects",
    "unreachable",
    "mailbox",
    "announcement",
    "monologue",
    "dial_refused",
}
"""Behaviours of somebody who picks up, at the last answer that the line tells."""

WRONG_WORDS = (
    (Cause.BUSY, "BUSY", 17),
    (Cause.NO_ANSWER, "NO ANSWER", 19),
    (Cause.REJECTED, "NO CARRIER", 21),
    (Cause.UNREACHABLE, "NO CARRIER", 27),
)
"""What some modems say at the end of a call that was answered."""

CLIP_SECONDS = {
    "greeting": 11.0,
    "prompt": 5.0,
    "message": 24.0,
    "farewell": 2.5,
    "opted": 4.0,
    "incoming": 7.0,
}


@dataclass(slots=True)
class SeenCall:
    """One call as the network saw it. Seconds of true time."""

    number: str
    line: str
    dialled_at: float
    rows_on_disk: int
    """How many ledger rows were durable when the dial command reached the network."""
    ended_at: float | None = None
    clips: list[tuple[float, float, str]] = field(default_factory=list)
    """What the callee was played: from, until, clip."""
    keys: list[tuple[float, str, int]] = field(default_factory=list)
    """Keys that the box heard: when, which, rows on disk just before."""
    answered_rows: int | None = None
    """Of an incoming call: rows on disk when the box answered it."""
    attempt: str = ""
    person_at: float | None = None
    """When somebody picked up a dialled call."""


@dataclass(slots=True)
class LiveCall:
    """One call while it is up."""

    attempt: str
    seen: SeenCall
    behaviour: str
    playing: tuple[str, float] | None = None
    clip_token: int = 0
    answered_at: float | None = None


class SimulatedLine:
    """One line with whoever it calls."""

    def __init__(
        self,
        name: str,
        *,
        timeline: Timeline,
        random: Random,
        post: Callable[[events.Event], None],
        box_time: Callable[[], float],
        rows_on_disk: Callable[[], int],
        log: list[SeenCall],
        loss: float,
        key_heard: Callable[[events.KeyHeard], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._timeline = timeline
        self._random = random
        self._post = post
        self._box_time = box_time
        self._rows_on_disk = rows_on_disk
        self._log = log
        self._loss = loss
        self._key_heard = key_heard
        self._stored: list[events.SmsReceived] = []
        """Text messages on the SIM: they are read again at each start until they are deleted."""
        self._messages = 0
        self._call: LiveCall | None = None
        self._usable = False
        self._power = 0
        """Grows with every loss of the line: what was planned before it comes to nothing."""
        self._called_off = ""
        """Attempt that was to hang up: its dial is thrown out if it did not reach the modem."""
        self._names = tuple(BEHAVIOURS)
        self._weights = tuple(itertools.accumulate(BEHAVIOURS.values()))

    # --- from outside ------------------------------------------------------------------------

    def bring_up(self, after: float) -> None:
        """Become ready, as after power-up: whatever call there was is cleared first."""
        self._drop()
        self._usable = False
        self._power += 1
        power = self._power

        def ready() -> None:
            if self._power == power:
                self._usable = True
                for message in self._stored:
                    self._post(replace(message, at=self._box_time()))
                self._post(
                    events.LineReady(
                        line=self.name,
                        at=self._box_time(),
                        family="simulated",
                        model="simulated",
                        imei=None,
                        iccid=None,
                        witnesses=(Witness.MODULE,),
                        audio="pcm-serial",
                    )
                )

        self._timeline.after(after, ready)

    def emergency_hang_up(self) -> None:
        """Silent and hanging up at once; a dial order still on its way is thrown out."""
        self._power += 1
        call = self._call
        if call is not None:
            self._silence(call)
            self._finish(call, Cause.EMERGENCY, "emergency", after=0.2)

    def deliver(self, number: str, text: str) -> None:
        """A text message arrives; it stays on the SIM until it is ordered away."""
        self._messages += 1
        message = events.SmsReceived(
            line=self.name,
            at=self._box_time(),
            number=number,
            text=text,
            sender=events.AddressKind.INTERNATIONAL,
            mark=f"{self.name}-{self._messages}",
            places=(events.StoredAt(memory="SM", index=self._messages, pdu=""),),
        )
        self._stored.append(message)
        if self._usable:
            self._post(message)

    def fail(self, heal_after: float) -> None:
        """Lose the modem; it comes back by itself."""
        call = self._call
        self._usable = False
        self._post(
            events.LineFault(
                line=self.name,
                at=self._box_time(),
                fault="port-missing",
                detail="the port vanished",
                remedy="wait, then check the plug",
                final=False,
            )
        )
        if call is not None:
            self._drop()
            self._tell_end(call.attempt, Cause.LINE_LOST, "port lost", confirmed=False)
        self.bring_up(heal_after)

    def order(self, order: Order) -> None:
        """Take an order of the box; it reaches the modem a little later."""
        power = self._power
        self._timeline.after(self._random.uniform(0.0, 0.05), lambda: self._carry_out(order, power))

    # --- inside ------------------------------------------------------------------------------

    def _tell(self, kind: type[Any], attempt: str, **facts: Any) -> None:
        self._post(kind(line=self.name, at=self._box_time(), attempt=attempt, **facts))

    def _tell_end(
        self,
        attempt: str,
        cause: Cause,
        evidence: str,
        *,
        code: int | None = None,
        confirmed: bool = True,
    ) -> None:
        self._tell(
            events.Ended,
            attempt,
            cause=cause,
            evidence=evidence,
            code=code,
            confirmed=confirmed,
        )

    def _maybe_tell(self, kind: type[Any], attempt: str, **facts: Any) -> None:
        if self._random.random() >= self._loss:
            self._tell(kind, attempt, **facts)

    def _carry_out(self, order: Order, power: int) -> None:
        call = self._call
        match order:
            case Dial():
                lost = power != self._power or not self._usable or call is not None
                if lost or self._called_off == order.attempt:
                    self._tell_end(order.attempt, Cause.FAILED, "not dialled")
                    return
                self._dial(order)
            case Play() if call is not None and call.attempt == order.attempt:
                self._play(call, order.clip)
            case Silence() if call is not None and call.attempt == order.attempt:
                self._silence(call)
            case HangUp() if call is not None and call.attempt == order.attempt:
                self._silence(call)
                ignored = self._random.random() < 0.03
                self._finish(
                    call,
                    Cause.LOCAL_HANG_UP,
                    "call list empty",
                    after=self._random.uniform(3.0, 30.0) if ignored else 0.3,
                )
            case DeleteSms():
                self._stored = [m for m in self._stored if m.places != order.places]
            case Play() | Silence() | HangUp() | SendSms():
                pass

    def _dial(self, order: Dial) -> None:
        random = self._random
        behaviour = random.choices(self._names, cum_weights=self._weights)[0]
        if behaviour == "dial_refused":
            self._tell_end(order.attempt, Cause.FAILED, "ERROR")
            return
        seen = SeenCall(order.number, self.name, self._timeline.now, self._rows_on_disk())
        seen.attempt = order.attempt
        self._log.append(seen)
        call = self._call = LiveCall(order.attempt, seen, behaviour)
        self._later(call, 0.1, lambda: self._maybe_tell(events.Dialled, call.attempt))
        ring_at = random.uniform(1.0, 8.0)
        rings = random.uniform(2.0, 25.0)
        match behaviour:
            case "busy":
                self._finish(call, Cause.BUSY, "BUSY", after=ring_at, code=17)
                return
            case "unreachable":
                self._finish(call, Cause.UNREACHABLE, "NO CARRIER", after=ring_at, code=27)
                return
            case _:
                pass
        if behaviour in ("quick_pick_up", "quick_and_silent"):
            # The phone in the hand, or a family that never shows the ringing: weak for ever.
            self._later(call, ring_at, lambda: self._answer(call, order.greeting, True))
            return
        self._later(
            call, ring_at, lambda: self._maybe_tell(events.Ringing, call.attempt, evidence="CLCC 3")
        )
        answer_at = ring_at + rings
        match behaviour:
            case "rejects":
                self._finish(call, Cause.REJECTED, "NO CARRIER", after=answer_at, code=21)
            case "no_answer":
                if random.random() < 0.5:
                    self._finish(call, Cause.NO_ANSWER, "NO ANSWER", after=ring_at + 30.0, code=19)
            case "late_pick_up":
                self._later(call, ring_at + 0.2, lambda: self._answer(call, order.greeting, True))
                self._later(call, answer_at, lambda: self._answer(call, order.greeting, False))
            case _:
                self._later(call, answer_at, lambda: self._answer(call, order.greeting, False))

    def _answer(self, call: LiveCall, greeting: str, weak: bool) -> None:
        random = self._random
        self._tell(events.Answered, call.attempt, evidence="CLCC 0", weak=weak)
        if call.behaviour == "no_greeting":
            return
        if call.behaviour == "silent_audio":
            self._later(
                call,
                random.uniform(0.0, 15.0),
                lambda: self._tell(events.AudioFailed, call.attempt, detail="write blocked"),
            )
        if call.playing is None:
            self._play(call, greeting)
        quick = call.behaviour in ("quick_pick_up", "quick_and_silent")
        if weak and not quick:
            return
        if call.behaviour in PEOPLE:
            call.seen.person_at = self._timeline.now
        press_at = random.uniform(0.5, 18.0)
        match call.behaviour:
            case "listens" | "late_pick_up" | "silent_audio":
                self._later(call, press_at, lambda: self._press(call, "1"))
                if random.random() < 0.1:
                    self._later(call, press_at + 4.0, lambda: self._press(call, "1"))
            case "hangs_up":
                self._finish(call, Cause.REMOTE_HANG_UP, "NO CARRIER", after=press_at, code=16)
            case "wrong_word" | "quick_pick_up":
                cause, word, code = random.choice(WRONG_WORDS)
                self._finish(call, cause, word, after=press_at, code=code)
            case "leaves_message":
                self._later(call, press_at, lambda: self._press(call, "1"))
                leaves = press_at + random.uniform(0.5, 20.0)
                self._finish(call, Cause.REMOTE_HANG_UP, "NO CARRIER", after=leaves, code=16)
            case "objects":
                if random.random() < 0.5:
                    self._later(call, press_at, lambda: self._press(call, "1"))
                self._later(call, random.uniform(0.1, 50.0), lambda: self._press(call, "9"))
            case "mailbox":
                self._later(call, press_at, lambda: self._machine(call, Machine.BEEP))
            case "announcement":
                self._later(call, 1.0, lambda: self._machine(call, Machine.SIT))
            case "monologue":
                self._later(call, 8.0, lambda: self._machine(call, Machine.MONOLOGUE))
            case "line_dies":
                self._later(call, random.uniform(0.0, 40.0), lambda: self.fail(60.0))
            case "end_never_told":
                self._later(call, random.uniform(0.0, 30.0), self._vanish)
            case "mad_keys":
                for n in range(40):
                    self._later(
                        call, n * 0.7, lambda: self._press(call, random.choice("0234568*#1"))
                    )
            case _:
                pass

    def _vanish(self) -> None:
        """The call is gone, and nobody says so; the line finds out much later."""
        self._drop()
        self._usable = False
        self.bring_up(120.0)

    def _machine(self, call: LiveCall, machine: Machine) -> None:
        self._tell(events.MachineHeard, call.attempt, machine=machine, evidence="simulated")

    def _press(self, call: LiveCall, key: str) -> None:
        call.seen.keys.append((self._timeline.now, key, self._rows_on_disk()))
        heard = events.KeyHeard(
            line=self.name,
            at=self._box_time(),
            attempt=call.attempt,
            key=key,
            witness=Witness.MODULE,
            sureness=0.9,
        )
        self._key_heard(heard)
        self._post(heard)

    def _play(self, call: LiveCall, clip: str) -> None:
        self._silence(call)
        call.clip_token += 1
        token = call.clip_token
        call.playing = (clip, self._timeline.now)
        # The box's own voice tells of a start, in the same process: no modem can lose that.
        self._tell(events.ClipStarted, call.attempt, clip=clip)

        def finished() -> None:
            if call.clip_token == token and call.playing is not None:
                begun = call.playing[1]
                call.seen.clips.append((begun, self._timeline.now, clip))
                call.playing = None
                self._maybe_tell(
                    events.ClipFinished,
                    call.attempt,
                    clip=clip,
                    played_ms=round(CLIP_SECONDS[clip] * 1000),
                    complete=True,
                )

        self._later(call, CLIP_SECONDS[clip], finished)

    def _silence(self, call: LiveCall) -> None:
        if call.playing is not None:
            clip, begun = call.playing
            call.seen.clips.append((begun, self._timeline.now, clip))
            call.playing = None
            self._maybe_tell(
                events.ClipFinished,
                call.attempt,
                clip=clip,
                played_ms=round((self._timeline.now - begun) * 1000),
                complete=False,
                cut=True,
            )

    def _later(self, call: LiveCall, seconds: float, happening: Callable[[], None]) -> None:
        def if_alive() -> None:
            if self._call is call:
                happening()

        self._timeline.after(seconds, if_alive)

    def _finish(
        self, call: LiveCall, cause: Cause, evidence: str, *, after: float, code: int | None = None
    ) -> None:
        def ended() -> None:
            self._drop()
            self._tell_end(call.attempt, cause, evidence, code=code)

        self._later(call, after, ended)

    def _drop(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            if call.playing is not None:
                clip, begun = call.playing
                call.seen.clips.append((begun, self._timeline.now, clip))
            call.seen.ended_at = self._timeline.now
