"""One call as all threads see it: what is known, what was told, and the voice that goes with it.

The dispatcher thread (notices), the voice thread (downlink, clips) and the line's worker (call
list, orders) meet here under one lock, so that the greeting starts on the thread that saw the
answer, without waiting for a worker that may be blocked in a silent command. Everything under the
lock takes microseconds; nothing under it touches a port.

Events leave in a fixed order: ``Dialled``, ``Ringing``, ``Answered``, then the rest. A claimed
answer already plays the greeting; its clip and key events wait until the call list has agreed. A
call that is over before the list was asked was answered all the same where a key was pressed: a
key proves a person.

Keys count from the answer until :meth:`LiveCall.close`, not until the hang-up is ordered: the call
stays up until the network has taken it down, and who objects in between has objected.

Long because everything that takes the one lock stands in one file.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from firmware.at.calls import CallRow
from firmware.call.context import LineContext
from firmware.call.facts import (
    Alerting,
    AnswerClaimed,
    AnswerConfirmed,
    AnswerDenied,
    EndClaimed,
    Fact,
    Over,
)
from firmware.call.inbox import Attention
from firmware.call.key_witnesses import Confirmation, KeyFusion, Press
from firmware.call.progress import Phase, Progress
from firmware.call.release import ReleaseCause
from firmware.clips.clip import Clip
from firmware.dtmf.detector import ALL_KEYS
from firmware.dtmf.listener import DownlinkDetector
from firmware.dtmf.tones import MachineFound
from firmware.events import (
    Answered,
    AudioFailed,
    ClipAdvanced,
    ClipFinished,
    ClipStarted,
    Dialled,
    Event,
    KeyConfirmed,
    KeyHeard,
    KeyUnconfirmed,
    MachineHeard,
    Ringing,
    Witness,
)
from firmware.families.base import Family, Sign
from firmware.voice.path import AudioPath

MODULE_SURENESS = 0.9
"""A module gives no estimate of its own; its detector is good but sees transcoded audio."""
MOST_GREETINGS = 2
"""The line begins the greeting by itself so often in one call, whatever the modem says."""
BREAK_SECONDS = 1.0
"""A module that plays files may say that one has stopped some time before it says that the callee
has hung up: so long a clip that nobody cut is not told as broken off."""


class LiveCall:
    """See the module docstring.

    ``greeting`` is the clip that starts at the answer, ``keys`` are those on offer (see
    :class:`~firmware.orders.Dial`). An *incoming* call has neither until it is ordered to be
    answered.
    """

    def __init__(
        self,
        *,
        line: LineContext,
        attempt: str,
        greeting: str | None,
        keys: str = "",
        incoming: bool = False,
        family: Family,
        path: AudioPath,
        clips: Mapping[str, Clip],
        witnesses: Sequence[Witness],
        began: float,
        listed: bool | None = None,
    ) -> None:
        self._line = line
        self.attempt = attempt
        self._greeting = greeting
        self._family = family
        self._path = path
        self._clips = clips
        self._lock = threading.RLock()
        self._progress = Progress(family=family, began=began, incoming=incoming, listed=listed)
        self._witnesses = witnesses
        self._listen_for(keys)
        self._we_speak = False
        self._orders = 0
        """Orders to play or to be silent so far."""
        self._ordered: dict[str, int] = {}
        """Which of them asked for a clip last."""
        self._begun_by = 0
        """Which of them the clip that plays came from."""
        # An incoming call was told of when it rang.
        self._dialled_told = incoming
        self._answer_told = False
        self._claimed_at: float | None = None
        """An answer was claimed and not denied since."""
        self._greeted = False
        self._greetings = 0
        """How often the greeting was begun."""
        self._held: list[Event] = []
        self._broken_off: ClipFinished | None = None
        """A clip that ended early without an order; the end of the call may be why."""
        self._closed = False

    # -- what the worker asks ----------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        return self._progress

    def is_over(self) -> bool:
        return self._progress.phase is Phase.OVER

    @property
    def speaking(self) -> bool:
        """An answer was claimed or confirmed: the voice path must be on."""
        return self._progress.phase in (Phase.CLAIMED, Phase.ANSWERED)

    @property
    def listening(self) -> bool:
        """Keys of this call count."""
        return (self._answer_told or self._claimed_at is not None) and not self._closed

    def release_cause(self, end_cause: str | None) -> ReleaseCause:
        return self._progress.release_cause(end_cause)

    # -- what is seen ------------------------------------------------------------------------

    def urc(self, text: str, at: float) -> None:
        """Take a notification (dispatcher thread). *at* is box seconds."""
        with self._lock:
            reading = self._family.read(text)
            if reading is not None and reading.sign is Sign.KEY:
                self._key(reading.fields["key"], Witness.MODULE, at, MODULE_SURENESS)
                return
            self._take(self._progress.urc(text, at), at)

    def rows(self, rows: Sequence[CallRow] | None, at: float) -> None:
        """Take a call list, or None where it could not be read (worker)."""
        with self._lock:
            if rows is None:
                self._take(self._progress.list_unreadable(at), at)
            else:
                self._take(self._progress.rows(rows, at), at)
            self._take(self._progress.tick(at), at)
            broken = self._broken_off
            if broken and at - broken.at >= BREAK_SECONDS and not self._progress.ending:
                self._tell_break()
            self.judge_keys(at)

    def judge_keys(self, at: float) -> None:
        """Tell of presses whose other witness had its time; a younger one is nobody's miss."""
        with self._lock:
            for missed in self._fusion.expired(at):
                self._post(
                    KeyUnconfirmed(
                        line=self._line.name,
                        at=at,
                        attempt=self.attempt,
                        key=missed.press.key,
                        witness=missed.press.witness,
                        missed_by=missed.missed_by,
                    )
                )

    def dial_final(self, text: str, at: float) -> None:
        with self._lock:
            self._take(self._progress.dial_final(text, at), at)

    def link_lost(self, reason: str, at: float) -> None:
        with self._lock:
            self._take(self._progress.link_lost(reason), at)

    def close(self) -> None:
        """The end is about to be told; nothing of this call is told after it."""
        with self._lock:
            self._tell_break()
            self._closed = True

    def hang_up_ordered(self, at: float, *, emergency: bool = False) -> None:
        """From here on an end is our own; the progress closes and the voice falls silent."""
        with self._lock:
            self._progress = self._progress.hang_up_ordered(emergency=emergency)
            self._take(self._progress.finished("hung up by the box"), at)

    def cut(self, *, came_back: bool = False) -> None:
        """The ladder goes to work although the far end ended the call, to be sure.

        *came_back*: the call is listed again, so that it is the box that ends it.
        """
        with self._lock:
            self._progress = self._progress.cut(came_back=came_back)

    def gave_up(self, reason: str, at: float) -> None:
        """The dial command failed without a result; the line now ends whatever there is."""
        with self._lock:
            self._take(self._progress.dial_final(reason, at), at)

    # -- voice -------------------------------------------------------------------------------

    def greet_with(self, clip: str, keys: str) -> None:
        """An incoming call is to be answered with *clip*, which offers *keys*."""
        with self._lock:
            self._greeting = clip
            self._listen_for(keys)

    def play(self, clip: str) -> bool:
        """Play a clip by name; False where there is none of that name or the call is over."""
        with self._lock:
            found = self._clips.get(clip)
            if found is None or self.is_over():
                return False
            self._play(found)
            return True

    def silence(self) -> None:
        with self._lock:
            self._orders += 1
            self._path.silence()

    def clip_started(self, clip: str, at: float) -> None:
        self._we_speak = True
        with self._lock:
            self._tell_break()
            self._begun_by = self._ordered.get(clip, 0)
            self._post(ClipStarted(line=self._line.name, at=at, attempt=self.attempt, clip=clip))

    def clip_advanced(self, clip: str, played_ms: int, at: float) -> None:
        with self._lock:
            self._post(
                ClipAdvanced(
                    line=self._line.name,
                    at=at,
                    attempt=self.attempt,
                    clip=clip,
                    played_ms=played_ms,
                )
            )

    def clip_finished(
        self, clip: str, played_ms: int, complete: bool, at: float, *, stopped: bool = False
    ) -> None:
        """The path says that a clip ended; *stopped* where an emergency stop has muted it."""
        self._we_speak = False
        with self._lock:
            cut = stopped or self.is_over() or self._orders != self._begun_by
            self._tell_break()
            finished = ClipFinished(
                line=self._line.name,
                at=at,
                attempt=self.attempt,
                clip=clip,
                played_ms=played_ms,
                complete=complete,
                cut=cut and not complete,
            )
            if complete or cut:
                self._post(finished)
            else:
                self._broken_off = finished

    def audio_failed(self, detail: str, at: float) -> None:
        with self._lock:
            self._tell_break()
            self._post(
                AudioFailed(line=self._line.name, at=at, attempt=self.attempt, detail=detail)
            )

    def downlink(self, pcm: bytes, at: float) -> None:
        """Listen to what the far end says (voice thread)."""
        if not self.listening:
            return
        detector = self._detector
        detector.we_speak = self._we_speak
        for found in detector.feed(pcm):
            if isinstance(found, MachineFound):
                if self.is_over():
                    # What the network plays after the end tells nothing of who answered.
                    continue
                self._post(
                    MachineHeard(
                        line=self._line.name,
                        at=at,
                        attempt=self.attempt,
                        machine=found.kind,
                        evidence=found.evidence,
                    )
                )
            else:
                with self._lock:
                    self._key(found.key, Witness.HOST, at, found.sureness)

    # -- inside the lock ---------------------------------------------------------------------

    def _key(self, key: str, witness: Witness, at: float, sureness: float) -> None:
        # Before the greeting nobody was asked anything, and ringing tones are not keys.
        if not self.listening:
            return
        # In order: what this key no longer confirms is told before what it does.
        self.judge_keys(at)
        line, attempt = self._line.name, self.attempt
        match self._fusion.heard(key, witness, at, sureness):
            case None:
                return
            case Press():
                heard = KeyHeard(
                    line=line, at=at, attempt=attempt, key=key, witness=witness, sureness=sureness
                )
                self._line.key_heard(heard)
                event: Event = heard
            case Confirmation():
                event = KeyConfirmed(
                    line=line, at=at, attempt=attempt, key=key, witness=witness, sureness=sureness
                )
        self._post(event)

    def _take(self, step: tuple[Progress, tuple[Fact, ...]], at: float) -> None:
        self._progress, facts = step
        line, attempt = self._line.name, self.attempt
        if self._progress.accepted and not self._dialled_told:
            self._dialled_told = True
            self._line.post(Dialled(line=line, at=at, attempt=attempt))
        for fact in facts:
            match fact:
                case Alerting():
                    self._line.post(
                        Ringing(line=line, at=at, attempt=attempt, evidence=fact.evidence)
                    )
                case AnswerClaimed():
                    self._claimed_at = at
                    if not self._greetings:
                        # After one that was denied, the call list must agree first.
                        self._greet()
                case AnswerDenied():
                    self._claimed_at = None
                    self._greeted = False
                    self._held.clear()
                    self._broken_off = None
                    self.silence()
                    self._listen_for(self._keys)
                case AnswerConfirmed():
                    self._greet()
                    self._tell_answer(fact.evidence, at, weak=fact.weak)
                case EndClaimed():
                    pass
                case Over():
                    self.silence()
                    self._tell_break()
                    self._prove_by_key()
                case _ as never:
                    assert_never(never)
        if facts:
            self._line.inbox.put(Attention())

    def _tell_answer(self, evidence: str, at: float, *, weak: bool) -> None:
        self._line.post(
            Answered(
                line=self._line.name,
                # The moment of the notice, not of what agreed with it.
                at=at if self._claimed_at is None else self._claimed_at,
                attempt=self.attempt,
                evidence=evidence,
                weak=weak,
                greetings=self._greetings,
            )
        )
        self._answer_told, self._claimed_at = True, None
        for event in self._held:
            self._line.post(event)
        self._held.clear()

    def _prove_by_key(self) -> None:
        """The call is over and no list will agree with its answer any more; a key does."""
        keys = [event for event in self._held if isinstance(event, KeyHeard)]
        if keys and not self._answer_told:
            proof = f"{self._progress.answer_evidence}, key {keys[0].key}"
            self._tell_answer(proof, keys[0].at, weak=False)

    def _listen_for(self, keys: str) -> None:
        self._keys = keys
        offered = keys or ALL_KEYS
        self._detector = DownlinkDetector(offered, careful=keys)
        self._fusion = KeyFusion(self._witnesses, host_keys=offered)

    def _greet(self) -> None:
        greeting = None if self._greeting is None else self._clips.get(self._greeting)
        if not self._greeted and greeting is not None and self._greetings < MOST_GREETINGS:
            self._greeted = True
            self._greetings += 1
            self._play(greeting)

    def _play(self, clip: Clip) -> None:
        self._orders += 1
        self._ordered[clip.name] = self._orders
        self._path.play(clip)

    def _tell_break(self) -> None:
        broken, self._broken_off = self._broken_off, None
        if broken is not None:
            self._post(replace(broken, cut=self.is_over()))

    def _post(self, event: Event) -> None:
        with self._lock:
            if self._closed:
                return
            if self._answer_told or isinstance(event, AudioFailed):
                self._line.post(event)
            elif self._claimed_at is not None:
                self._held.append(event)
                if self.is_over():
                    self._prove_by_key()
