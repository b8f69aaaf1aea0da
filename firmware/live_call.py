"""One call as all threads see it: what is known, what was told, and the voice that goes with it.

The dispatcher thread (notices), the voice thread (downlink, clips) and the line's worker (call
list, orders) meet here under one lock, so that the greeting starts on the thread that saw the
answer, without waiting for a worker that may be blocked in a silent command. Everything under the
lock takes microseconds; nothing under it touches a port.

Events leave in a fixed order: ``Dialled``, ``Ringing``, ``Answered``, then the rest. A claimed
answer already plays the greeting; its clip and key events wait until the call list has agreed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from firmware.at.calls import CallRow
from firmware.audio.clip import Clip
from firmware.audio.path import AudioPath
from firmware.dtmf.ears import Ears
from firmware.dtmf.tones import MachineFound
from firmware.events import (
    Answered,
    AudioFailed,
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
from firmware.keys import Confirmation, KeyFusion, Press
from firmware.progress import Phase, Progress
from firmware.progress_facts import (
    Alerting,
    AnswerClaimed,
    AnswerConfirmed,
    AnswerDenied,
    EndClaimed,
    Fact,
    Over,
)
from firmware.verdict import Verdict

CAREFUL_KEYS = "19"
"""Keys that open the message or withdraw a consent need the detector's extra evidence."""

MODULE_SURENESS = 0.9
"""A module gives no estimate of its own; its detector is good but sees transcoded audio."""


class LiveCall:
    """See the module docstring. ``attention`` wakes the worker; it never blocks.

    ``greeting`` is the clip that starts at the answer. An *incoming* call has none until it is
    ordered to be answered.
    """

    def __init__(
        self,
        *,
        line: str,
        attempt: str,
        greeting: str | None,
        incoming: bool = False,
        family: Family,
        path: AudioPath,
        clips: Mapping[str, Clip],
        witnesses: Sequence[Witness],
        post: Callable[[Event], None],
        attention: Callable[[], None],
        began: float,
    ) -> None:
        self.line = line
        self.attempt = attempt
        self.greeting = greeting
        self._family = family
        self._path = path
        self._clips = clips
        self._post_event = post
        self._attention = attention
        self._lock = threading.RLock()
        self._progress = Progress(family=family, began=began, incoming=incoming)
        self._fusion = KeyFusion(witnesses)
        self._ears = Ears(careful=CAREFUL_KEYS)
        self._we_speak = False
        # An incoming call was told of when it rang.
        self._dialled_told = incoming
        self._answer_told = False
        self._greeted = False
        self._held: list[Event] = []

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

    def verdict(self, end_cause: str | None) -> Verdict:
        return self._progress.verdict(end_cause)

    # -- what is seen ------------------------------------------------------------------------

    def notice(self, text: str, at: float) -> None:
        """Take a notification (dispatcher thread). *at* is box seconds."""
        with self._lock:
            reading = self._family.read(text)
            if reading is not None and reading.sign is Sign.KEY:
                self._key(reading.fields["key"], Witness.MODULE, at, MODULE_SURENESS)
                return
            self._take(self._progress.notice(text, at), at)

    def rows(self, rows: Sequence[CallRow] | None, at: float) -> None:
        """Take a call list, or None where it could not be read (worker)."""
        with self._lock:
            if rows is None:
                self._take(self._progress.list_unreadable(at), at)
            else:
                self._take(self._progress.rows(rows, at), at)
            self._take(self._progress.tick(at), at)
            self.judge_keys(at)

    def judge_keys(self, at: float) -> None:
        """Tell of presses whose other witness had its time; a younger one is nobody's miss."""
        with self._lock:
            for missed in self._fusion.expired(at):
                self._post(
                    KeyUnconfirmed(
                        line=self.line,
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

    def hang_up_ordered(self, at: float, *, emergency: bool = False) -> None:
        """From here on an end is our own; the story closes and the voice falls silent."""
        with self._lock:
            self._progress = self._progress.hang_up_ordered(emergency=emergency)
            self._take(self._progress.finished("hung up by the box"), at)

    def gave_up(self, reason: str, at: float) -> None:
        """The dial command failed without a result; the line now ends whatever there is."""
        with self._lock:
            self._take(self._progress.dial_final(reason, at), at)

    # -- voice -------------------------------------------------------------------------------

    def play(self, clip: str) -> bool:
        """Play a clip by name; False where there is none of that name or the call is over."""
        with self._lock:
            found = self._clips.get(clip)
            if found is None or self.is_over():
                return False
            self._path.play(found)
            return True

    def silence(self) -> None:
        self._path.silence()

    def clip_started(self, clip: str, at: float) -> None:
        self._we_speak = True
        self._post(ClipStarted(line=self.line, at=at, attempt=self.attempt, clip=clip))

    def clip_finished(self, clip: str, played_ms: int, complete: bool, at: float) -> None:
        self._we_speak = False
        self._post(
            ClipFinished(
                line=self.line,
                at=at,
                attempt=self.attempt,
                clip=clip,
                played_ms=played_ms,
                complete=complete,
            )
        )

    def audio_failed(self, detail: str, at: float) -> None:
        self._post(AudioFailed(line=self.line, at=at, attempt=self.attempt, detail=detail))

    def downlink(self, pcm: bytes, at: float) -> None:
        """Listen to what the far end says (voice thread)."""
        if not self.speaking:
            return
        ears = self._ears
        ears.we_speak = self._we_speak
        for found in ears.feed(pcm):
            if isinstance(found, MachineFound):
                self._post(
                    MachineHeard(
                        line=self.line,
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
        if not self.speaking:
            return
        line, attempt = self.line, self.attempt
        match self._fusion.heard(key, witness, at, sureness):
            case None:
                return
            case Press():
                event: Event = KeyHeard(
                    line=line, at=at, attempt=attempt, key=key, witness=witness, sureness=sureness
                )
            case Confirmation():
                event = KeyConfirmed(
                    line=line, at=at, attempt=attempt, key=key, witness=witness, sureness=sureness
                )
        self._post(event)

    def _take(self, step: tuple[Progress, tuple[Fact, ...]], at: float) -> None:
        claimed_at = self._progress.claimed_at if self._progress.phase is Phase.CLAIMED else None
        self._progress, facts = step
        line, attempt = self.line, self.attempt
        if self._progress.accepted and not self._dialled_told:
            self._dialled_told = True
            self._post_event(Dialled(line=line, at=at, attempt=attempt))
        for fact in facts:
            match fact:
                case Alerting():
                    self._post_event(
                        Ringing(line=line, at=at, attempt=attempt, evidence=fact.evidence)
                    )
                case AnswerClaimed():
                    self._greet()
                case AnswerDenied():
                    self._greeted = False
                    self._held.clear()
                    self._path.silence()
                    self._ears = Ears(careful=CAREFUL_KEYS)
                case AnswerConfirmed():
                    self._greet()
                    self._post_event(
                        Answered(
                            line=line,
                            # The moment of the notice, not of the list that agreed with it.
                            at=at if claimed_at is None else claimed_at,
                            attempt=attempt,
                            evidence=fact.evidence,
                            weak=fact.weak,
                        )
                    )
                    self._answer_told = True
                    for event in self._held:
                        self._post_event(event)
                    self._held.clear()
                case EndClaimed():
                    pass
                case Over():
                    self._path.silence()
                    self._held.clear()
                case _ as never:
                    assert_never(never)
        if facts:
            self._attention()

    def _greet(self) -> None:
        greeting = None if self.greeting is None else self._clips.get(self.greeting)
        if not self._greeted and greeting is not None:
            self._greeted = True
            self._path.play(greeting)

    def _post(self, event: Event) -> None:
        with self._lock:
            if self._answer_told:
                self._post_event(event)
            elif not isinstance(event, AudioFailed) and self._progress.phase is not Phase.CLAIMED:
                # A clip or key of an answer that was denied, or of none.
                return
            elif isinstance(event, AudioFailed):
                self._post_event(event)
            else:
                self._held.append(event)
