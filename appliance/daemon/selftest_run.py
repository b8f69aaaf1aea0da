"""A self-test on an opened state: one line, one cleared call, the same ledger as every call.

The box must not run meanwhile; the state's lock sees to that. Everything that guards a campaign's
call guards this one: the gate decides at the instant of the call, the row is on disk before the
dial, the stop button and the stop latch hold, and a crash leaves an attempt without an end, which
the next start closes as unknown.

Long because what it tells the technician at each step stands beside the step.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from appliance.box.box import Box, calendar
from appliance.box.state import BoxState
from appliance.box.wiring import LINES, line_settings, open_panel
from appliance.call.attempt import begin
from appliance.call.state import AttemptInput, CallEvent, Keys, TimeReached, Withdrawn
from appliance.campaign.inputs import Input
from appliance.clearance import gate
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.config.settings import LineConfig
from appliance.control.protocol import LATCH_WITHIN, ControlServer
from appliance.effects import Effect, Record, Send
from appliance.errors import Refused
from appliance.model import Clearance, Contact, Verdict
from appliance.numbers import NumberRefused, read_number
from appliance.selftest import machine as selftest
from appliance.selftest import result as selftest_result
from appliance.selftest.meter import Meter
from appliance.selftest.result import Downlink
from appliance.selftest.state import Concluded, HangingUp, Live, SelfTestState
from firmware import events
from firmware.clips.clip import Clip
from firmware.clock import SystemClock
from firmware.families import FAMILIES
from firmware.line.line import Line
from firmware.queue_wait import take_within
from firmware.voice.choice import VoiceChoice, choice_file, may_fall_back
from firmware.wording import joined, said_by, worded

READY_WITHIN = 120.0
"""Real seconds that the line may take to be ready."""
SAY_EVERY = 10.0
"""Real seconds between two words to a technician who waits for that."""
LANGUAGES = ("fr", "en")
SILENT_STREAM = worded("a self-test over the stream was answered and nobody's key came back")


class NotCleared(Refused):
    """The gate refused; ``verdicts`` are the rules that said so."""

    def __init__(self, verdicts: tuple[Verdict, ...]) -> None:
        reasons = joined(" ", [verdict.reason for verdict in verdicts])
        rules = {verdict.rule for verdict in verdicts}
        remedy = ""
        if rules & {"consent", "window"}:
            remedy = worded(
                "the number needs a live consent for the purpose {purpose}, with windows that are "
                "open now: autodialer contacts import FILE",
                purpose=selftest.PURPOSE,
            )
        elif "pause" in rules:
            remedy = worded("autodialer resume")
        elif "stop" in rules:
            remedy = worded("autodialer reset --by NAME --reason TEXT")
        super().__init__(
            worded("the gate refuses the self-test now: {reasons}", reasons=reasons), remedy
        )
        self.verdicts = verdicts


class SelfTestCall:
    """One self-test on *line*. Use as a context manager; :meth:`run` once."""

    def __init__(
        self,
        config: Config,
        state: BoxState,
        line: LineConfig,
        *,
        tell: Callable[[str], None],
        watch: Callable[[Input], None] = lambda _: None,
        trace: Callable[[str, bytes, float], None] | None = None,
    ) -> None:
        """*watch* is told of every event as it comes, on the thread that it comes from; *trace*
        sees the bytes on the AT port, numbers included."""
        self._config = config
        self._state = state
        # Whether anybody hears keys on it is what the test finds out.
        self._wiring = replace(
            line_settings(config, line), tests_keys=True, incoming="reject", clips_stay=False
        )
        self._tell = tell
        self._inbox: queue.SimpleQueue[Input | Withdrawn] = queue.SimpleQueue()
        self._watch = watch
        self._hung_up_at: float | None = None
        self._clock = SystemClock(config.settings.clock.speed)
        self._meter = Meter()
        self._clips = {clip.name: clip for clip in map(load_clip, LANGUAGES)}
        self._line = Line(
            self._wiring,
            clips=self._clips,
            post=self._post,
            clock=self._clock,
            state_dir=state.directory / LINES,
            audio_path=self._meter.path,
            trace=trace,
        )
        self._box = Box(
            _begun_by_hand(config),
            state,
            calendar(config, state, self._clock),
            lines={line.name: self._line},
            post=self._post,
        )
        self._rules = replace(
            config.rules,
            purpose=selftest.PURPOSE,
            max_attempts=selftest.MAX_ATTEMPTS,
            each_asked_for=True,
        )
        self._panel = open_panel(
            config,
            post=self._post,
            stop_lines=self._box.stop_everything,
            clock=self._clock,
        )
        # This engine keeps the fold and the stop latch; it begins no call.
        self._box.engine.retire()
        self._stop_taken = threading.Event()
        self._control = ControlServer(state.directory, self._asked)

    def __enter__(self) -> Self:
        self._box.recover()
        self._control.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        if self._panel is not None:
            self._panel.close()
        self._control.close()
        # What came meanwhile: a stop that was pressed is latched, an objection is written.
        with suppress(queue.Empty):
            while True:
                self._for_box(self._inbox.get_nowait())

    def _asked(self, operation: str, _: dict[str, Any]) -> Any:
        """Answer a technician's command, on its own thread: only the stop is for now."""
        if operation != "stop":
            raise Refused(
                worded("a self-test is running on this box"), worded("wait until it has ended")
            )
        self._box.stop_everything()
        self._post(events.StopRaised(at=self._clock.monotonic(), source="command"))
        taken = self._stop_taken.wait(LATCH_WITHIN)
        return {"stopped": True, "recorded": taken and self._box.engine.storage_failure is None}

    def _post(self, event: Input) -> None:
        self._watch(event)
        self._inbox.put(event)

    def interrupt(self) -> None:
        """End the test, hanging up first; for any thread and for a signal's handler, at any time.

        An exception thrown into whatever the test does just then could leave a call up or a row
        unwritten; the queue is one that a handler may put into while it is read.
        """
        self._inbox.put(Withdrawn(by="technician"))

    def run(self, number: str | None) -> dict[str, Any]:
        """Call the technician at *number* (or the only one registered); return what was found.

        Raises :class:`~appliance.errors.Refused` where there is nobody to call, the gate
        refuses, or the line does not come up; nothing was dialled then.
        """
        contact = self.prepare(number)
        ready = self.start()
        return self.keep(self.converse(contact), ready)

    def prepare(self, number: str | None) -> Contact:
        """Return whom to call. Raises Refused where that is nobody, or may not be called now."""
        contact = self._technician(number)
        # Asked before the modem is touched, so that a refusal is quick, and again at the dial.
        self._clear(contact)
        # One language, since a module's flash may be too small for more; the line is not begun.
        for name in self._clips.keys() - {self._clip(contact).name}:
            del self._clips[name]
        return contact

    def start(self) -> events.LineReady:
        """Bring the line up. Raises Refused where it does not come up."""
        self._line.start()
        return self._await_line()

    def describe(self) -> dict[str, object]:
        """What is known of the line."""
        return self._line.describe()

    @property
    def hung_up_at(self) -> float | None:
        """When the box ordered the last hang-up, in its monotonic seconds."""
        return self._hung_up_at

    @property
    def now(self) -> float:
        """The box's monotonic seconds, which events are stamped with."""
        return self._clock.monotonic()

    def attend(self, seconds: float) -> None:
        """Let *seconds* (real ones) pass between two calls, with stop and objections heeded.

        Raises Refused where the stop came, or the technician ends the test.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            given = self._next(left)
            if self._for_box(given) and self._state.campaign.stopped:
                raise Refused(worded("the emergency stop was pressed"), worded("autodialer reset"))
            if isinstance(given, Withdrawn):
                raise Refused(
                    worded("the self-test was interrupted"), worded("nobody is being called")
                )

    def keep(self, done: Concluded, ready: events.LineReady) -> dict[str, Any]:
        """Make the test of a call the newest of its SIM; return what was found."""
        downlink = self._meter.downlink() if self._meter.hears else None
        found = selftest_result.to_json(done, ready, downlink, self._box.now().utc)
        found["next"] = self._choose_path(done, ready, downlink)
        selftest_result.keep(self._state.directory, found)
        return found

    # -- before the call -----------------------------------------------------------------------

    def _technician(self, number: str | None) -> Contact:
        registry = self._state.registry
        if number is not None:
            try:
                read = read_number(number, self._box.country, fiction=True)
            except NumberRefused as refused:
                raise Refused(said_by(refused), refused.remedy) from refused
            contact = registry.by_number(read)
            if contact is None:
                raise Refused(worded("this number is in no registry"), _ASK_CONSENT)
            return contact
        candidates = [
            contact
            for contact in registry.contacts()
            if any(c.purpose == selftest.PURPOSE for c in registry.consents(contact.subject))
        ]
        if not candidates:
            raise Refused(worded("nobody has consented to self-tests"), _ASK_CONSENT)
        if len(candidates) > 1:
            raise Refused(
                worded("{count} people consented to self-tests", count=len(candidates)),
                worded("name one with --number"),
            )
        return candidates[0]

    def _clear(self, contact: Contact) -> Clearance:
        clip, now = self._clip(contact), self._box.now()
        campaign = self._state.campaign
        decision = gate.decide(
            contact,
            self._state.registry.consents(contact.subject),
            campaign.history(contact.subject, contact.number_hash),
            self._rules,
            self._box.engine.circumstances(
                now,
                bench=self._wiring.bench,
                call_seconds=selftest.longest(clip.seconds, self._config.campaign.timers),
            ),
        )
        if decision.clearance is None:
            raise NotCleared(decision.refusals)
        return decision.clearance

    def _await_line(self) -> events.LineReady:
        began = time.monotonic()
        until, say_at = began + READY_WITHIN, began
        told = ""
        waits = worded(
            "waiting for line {wiring} (port {port})",
            wiring=self._wiring.name,
            port=self._wiring.port,
        )
        while True:
            left = until - time.monotonic()
            if time.monotonic() >= say_at:
                say_at += SAY_EVERY
                self._tell(
                    worded(
                        "{waits}, {left:.0f} s at most{told}",
                        waits=waits,
                        left=left,
                        told=told and f": {told}",
                    )
                )
            given = self._next(left)
            if self._for_box(given) and self._state.campaign.stopped:
                raise Refused(worded("the emergency stop was pressed"), worded("autodialer reset"))
            match given:
                case Withdrawn():
                    raise Refused(
                        worded("the self-test was interrupted"), worded("nobody was called")
                    )
                case events.LineReady():
                    return given
                case events.LineFault() if given.final:
                    raise Refused(joined(": ", [given.fault, given.detail]), given.remedy)
                case events.LineFault() if given.fault != told:
                    told = given.fault
                    self._tell(
                        worded(
                            "line {line}: {fault}: {detail}",
                            line=given.line,
                            fault=given.fault,
                            detail=given.detail,
                        )
                    )
                case None if time.monotonic() >= until:
                    raise Refused(
                        worded("the line did not become ready"), worded("see: autodialer doctor")
                    )
                case _:
                    pass

    # -- the call ------------------------------------------------------------------------------

    def converse(self, contact: Contact) -> Concluded:
        """Call *contact* once and go through the test with them. Raises NotCleared."""
        clearance, clip, now = self._clear(contact), self._clip(contact), self._box.now()
        campaign, attempt = self._config.campaign, uuid.uuid4().hex
        timers = campaign.timers
        keys = selftest.keys_of(campaign.listen_key, campaign.object_key)
        # The dial order is made where every dial order is; the test's machine goes on from there.
        dialled = begin(
            clearance,
            script=selftest.script(contact.language, clip.name, clip.seconds),
            timers=timers,
            keys=Keys(listen=keys[0], object=keys[1], other=keys[2]),
            line=self._wiring.name,
            attempt=attempt,
            number_hash=contact.number_hash,
            now=now,
            linger=0.0,
            purpose=selftest.PURPOSE,
        )
        test: SelfTestState = selftest.begun(
            clearance,
            attempt=attempt,
            line=self._wiring.name,
            clip=clip.name,
            clip_seconds=clip.seconds,
            timers=timers,
            now=now,
            keys=keys,
        )
        self._tell(worded("calling; press the keys {names}", names=", ".join(keys)))
        if keys != selftest.KEYS:
            said = ", ".join(selftest.KEYS)
            self._tell(
                worded(
                    "these are the keys of the campaign, although the clip says {said}", said=said
                )
            )
        self._hung_up_at = None
        self._perform(dialled.effects)
        while not isinstance(test, Concluded):
            event = self._event(test)
            if event is None:
                continue
            if isinstance(event, Withdrawn):
                self._tell(worded("interrupted: hanging up"))
            step = selftest.step(test, event, self._box.now())
            self._say(test, step.state)
            if isinstance(step.state, HangingUp) and not isinstance(test, HangingUp):
                self._hung_up_at = self.now
            test = step.state
            self._perform(step.effects)
        return test

    def _event(self, test: Live) -> AttemptInput | None:
        """Wait for what concerns the test; what concerns the box is dealt with here."""
        left = self._clock.real(test.deadline - self._clock.monotonic())
        given = self._next(left)
        if self._for_box(given):
            return given if isinstance(given, events.StopRaised) else None
        match given:
            case None:
                return TimeReached()
            case Withdrawn():
                return given
            case _:
                pass
        if isinstance(given, CallEvent) and given.attempt == test.call.attempt:
            return given
        return None

    def _for_box(self, given: Input | Withdrawn | None) -> bool:
        """Let the engine latch a stop, and take an objection, whichever way it comes."""
        match given:
            case (
                events.StopRaised()
                | events.StopReleased()
                | events.SmsReceived()
                | events.IncomingRejected()
                | events.WaitingGone()
            ):
                self._box.take([given])
                if isinstance(given, events.StopRaised):
                    self._stop_taken.set()
                return True
            case _:
                return False

    def _next(self, seconds: float) -> Input | Withdrawn | None:
        try:
            return take_within(self._inbox, min(seconds, 1.0))
        except queue.Empty:
            return None

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        """Save, then act. Raises StorageFailed before anything that stands behind the row."""
        for effect in effects:
            if isinstance(effect, Record):
                self._box.note([effect])
            elif isinstance(effect, Send):
                self._box.perform([effect], self._box.now())

    def _say(self, before: SelfTestState, after: SelfTestState) -> None:
        if before.facts.ringing_at is None and after.facts.ringing_at is not None:
            self._tell("ringing")
        if before.facts.answered_at is None and after.facts.answered_at is not None:
            self._tell(worded("answered ({answer})", answer=after.facts.answer))
        for key in after.heard[len(before.heard) :]:
            self._tell(worded("key {key} heard by the {witness}", key=key.key, witness=key.witness))

    # -- after the call ------------------------------------------------------------------------

    def _choose_path(
        self, test: Concluded, line: events.LineReady, downlink: Downlink | None
    ) -> str:
        """Keep the evidence about the voice stream; say what the line does next, or nothing."""
        choice = VoiceChoice(choice_file(self._state.directory / LINES, self._wiring.name))
        given_up = choice.given_up(line.imei, self._wiring.audio) is not None
        if given_up and line.audio == "module-file":
            proven = selftest_result.conclusive(test) and test.facts.introduced
            if test.heard or not proven:
                return worded(
                    "The line plays its clips from the module (--stream tries the stream again)."
                )
            choice.forget()
            return worded(
                "The module's own player was not heard either: the line uses the stream again."
            )
        if not selftest_result.stream_is_dead(test, line, downlink):
            return ""
        if not may_fall_back(FAMILIES[line.family]):
            return ""
        choice.give_up(line.imei, self._wiring.audio, SILENT_STREAM)
        return worded(
            "From now on the line plays its clips from the module. Repeat the self-test; "
            "if it was only that nobody pressed, repeat it with --stream."
        )

    def _clip(self, contact: Contact) -> Clip:
        language = contact.language if contact.language in LANGUAGES else LANGUAGES[-1]
        return self._clips[f"selftest.{language}"]


def _begun_by_hand(config: Config) -> Config:
    """Return *config* without the pause that waits for the start button after power-up: the test
    is begun by a person. A pause that somebody ordered holds."""
    campaign = config.settings.campaign.model_copy(update={"start": "at_once"})
    return replace(config, settings=config.settings.model_copy(update={"campaign": campaign}))


def load_clip(language: str) -> Clip:
    """Return the shipped test clip. Raises :class:`~firmware.errors.ClipUnusable`."""
    folder: Path = sample_config().parent / "audio"
    return Clip.load(folder / f"selftest.{language}.wav", f"selftest.{language}")


_ASK_CONSENT = worded(
    "import the technician's own number with a consent for the purpose {purpose}: "
    "autodialer contacts import FILE",
    purpose=selftest.PURPOSE,
)
