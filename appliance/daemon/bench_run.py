"""The checklist of docs/modems.md on one line, walked with a technician at a terminal.

Its calls are those of the self-test, to a telephone that consented to self-tests, and cleared by
the gate each time: the checklist opens no other way to a dial. The stop is heeded also while a
question waits for its answer.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.box.state import BoxState
from appliance.config.load import Config
from appliance.config.settings import LineConfig
from appliance.daemon.selftest_run import READY_WITHIN, NotCleared, SelfTestCall
from appliance.errors import Refused
from appliance.model import Contact, utc_text
from appliance.numbers import NumberClass, mask, number_class
from appliance.selftest import bench_steps as judged
from appliance.selftest.bench_report import FORMAT, Figures, Report, Step, without_numbers
from appliance.selftest.bench_transcript import Transcript
from appliance.selftest.state import Concluded
from firmware import events
from firmware.wording import said_by, worded

SMS_WITHIN = 180.0
"""Real seconds that a text message may take."""
GONE_WITHIN = 60.0
"""Real seconds to pull the plug."""
IDLE_WITHIN = 30.0
"""Real seconds from the end of a call to a line that may make the next."""
PASSES_OVER = frozenset({"s", "skip", "p", "passer"})
YES = frozenset({"y", "yes", "o", "oui"})
NO = frozenset({"n", "no", "non"})

Ask = Callable[[str, Callable[[float], None]], str | None]
"""Puts a question and returns the line typed, None at the end of input; meanwhile it calls, again
and again, what lets a moment pass."""


class BenchWalk:
    """One run of the checklist."""

    def __init__(
        self,
        config: Config,
        state: BoxState,
        line: LineConfig,
        *,
        tell: Callable[[str], None],
        ask: Ask,
        program: str,
    ) -> None:
        self._config, self._line, self._program = config, line, program
        self._tell, self._ask = tell, ask
        self._seen: list[Any] = []
        self._transcript = Transcript()
        self._steps: list[Step] = []
        self._tests: list[Concluded] = []
        self._described: dict[str, Any] = {}
        self._ready: events.LineReady | None = None
        self._figures: dict[str, Any] = {}
        self.call = SelfTestCall(
            config,
            state,
            line,
            tell=tell,
            watch=self._seen.append,
            trace=self._transcript.add,
        )

    def walk(self, number: str | None) -> Report:
        """Go through the checklist; a stop or an interruption ends it, with what was found.

        Raises Refused where nobody may be called: nothing was dialled, and there is no report.
        """
        if not number:
            number = self._ask(worded("The number of your own phone: "), self.call.attend)
        if not number:
            raise Refused(worded("no number was given"), worded("type it, or write --number"))
        contact = self.call.prepare(number)
        question = worded(
            "Is {number} your own phone, and in your hand? It is called twice. [y/n] ",
            number=mask(contact.number),
        )
        if self._yes(question) is not True:
            raise Refused(worded("the number was not confirmed"), worded("nobody was called"))
        try:
            self._come_up()
            self._first_call(contact)
            self._second_call(contact)
            self._steps.append(judged.call_list(self._tests))
            self._message()
            self._replug()
        except Refused as refused:
            self._tell(said_by(refused))
            if refused.remedy:
                self._tell(refused.remedy)
        return self._report(contact)

    # -- the steps -----------------------------------------------------------------------------

    def _come_up(self) -> None:
        began = self.call.now
        try:
            self._ready = self.call.start()
        except Refused as refused:
            self._described = dict(self.call.describe())
            self._steps.append(judged.failed("identity", said_by(refused)))
            raise
        self._figures["ready_s"] = round(self._ready.at - began, 2)
        self._described = dict(self.call.describe())
        self._steps += [
            judged.identity(self._described, self._line.family),
            judged.registration(self._described),
        ]

    def _first_call(self, contact: Contact) -> None:
        assert self._ready is not None
        self._tell(worded("First call: answer, listen to the whole clip, press its keys."))
        mark = len(self._seen)
        test = self.call.converse(contact)
        self._tests.append(test)
        self.call.keep(test, self._ready)
        seen = self._seen[mark:]
        end = _last_end(seen)
        facts = test.facts
        if facts.dialled_at is not None and facts.ringing_at is not None:
            self._figures["ring_s"] = round(facts.ringing_at - facts.dialled_at, 2)
        if test.latency is not None:
            self._figures["answer_to_first_frame_ms"] = round(1000 * test.latency)
        self._figures["key_delay_ms"] = judged.key_delays(seen)
        if end is not None and self.call.hung_up_at is not None:
            self._figures["hang_up_ms"] = round(1000 * max(end.at - self.call.hung_up_at, 0.0))
        found = [judged.answer(test), *judged.keys(test, self._ready.witnesses)]
        found.append(judged.box_hung_up(test, end))
        self._steps += self._not_lost(found, seen)
        if facts.stopped is not None or facts.withdrawn is not None:
            raise Refused(worded("the call was cut short"), "")
        rang = self._yes(worded("Did your phone ring? [y/n, s passes over] "))
        self._steps.append(judged.asked("rings", rang, worded("the phone did not ring")))
        heard = self._yes(worded("Did you hear the whole greeting, clearly? [y/n, s passes over] "))
        self._steps.append(
            judged.asked("greeting", heard, worded("the greeting was not heard clearly"))
        )

    def _second_call(self, contact: Contact) -> None:
        if not self._go_on(
            worded("Second call: answer it, and hang up while the clip plays. [Enter, s] ")
        ):
            self._steps.append(judged.skipped("hang_up_phone"))
            return
        until = time.monotonic() + IDLE_WITHIN
        while not self.call.describe()["ready"] and time.monotonic() < until:
            self.call.attend(0.2)
        mark = len(self._seen)
        try:
            test = self.call.converse(contact)
        except NotCleared as refused:
            self._tell(said_by(refused))
            self._steps.append(judged.skipped("hang_up_phone", said_by(refused)))
            return
        self._tests.append(test)
        seen = self._seen[mark:]
        self._steps += self._not_lost([judged.phone_hung_up(test, _last_end(seen))], seen)
        if test.facts.stopped is not None or test.facts.withdrawn is not None:
            self._steps.append(judged.call_list(self._tests))
            raise Refused(worded("the call was cut short"), "")

    def _not_lost(self, found: list[Step], seen: list[Any]) -> list[Step]:
        """Return what a call was *found* to be. Raises Refused where the modem was gone in it: what
        is missing then is no fault of its family."""
        if not judged.was_lost(seen):
            return found
        self._steps += judged.cut_short(found)
        raise Refused(judged.LOST, judged.PLUG_IN)

    def _message(self) -> None:
        if not self._go_on(
            worded("Press Enter, then send a text message to this line's SIM. [Enter, s] ")
        ):
            self._steps.append(judged.skipped("sms"))
            return
        began = self.call.now
        came = self._await(
            lambda: any(
                isinstance(event, events.SmsReceived) and event.at >= began for event in self._seen
            ),
            SMS_WITHIN,
        )
        self._tell(worded("a text message came") if came else worded("no text message came"))
        none = worded("no text message came")
        self._steps.append(judged.passed("sms") if came else judged.failed("sms", none))

    def _replug(self) -> None:
        assert self._ready is not None
        if not self._go_on(worded("Press Enter, then pull the modem's plug. [Enter, s] ")):
            self._steps.append(judged.skipped("replug"))
            return
        mark = len(self._seen)
        if self._await(lambda: self._plug(mark, events.LineFault), GONE_WITHIN):
            self._tell(worded("The loss was noticed: put the plug in again."))
            self._await(lambda: self._plug(mark, events.LineReady), READY_WITHIN)
        kinds = (events.LineFault, events.LineReady)
        seen = [event for event in self._seen[mark:] if isinstance(event, kinds)]
        step, seconds = judged.replug(seen, self._ready.imei)
        self._figures["replug_s"] = None if seconds is None else round(seconds, 2)
        self._steps.append(step)

    def _plug(self, mark: int, kind: type[object]) -> bool:
        return any(isinstance(event, kind) for event in self._seen[mark:])

    # -- the technician --------------------------------------------------------------------------

    def _yes(self, question: str) -> bool | None:
        """Return the answer; None where it is passed over or there is nobody to give one."""
        while True:
            told = self._ask(question, self.call.attend)
            word = None if told is None else told.casefold()
            if word is None or word in PASSES_OVER:
                return None
            if word in YES or word in NO:
                return word in YES

    def _go_on(self, question: str) -> bool:
        told = self._ask(question, self.call.attend)
        return told is not None and told.casefold() not in PASSES_OVER

    def _await(self, come: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not come():
            if time.monotonic() >= until:
                return False
            self.call.attend(0.2)
        return True

    # -- the report ------------------------------------------------------------------------------

    def _report(self, contact: Contact) -> Report:
        line, ready = self._described, self._ready
        port = str(line.get("port") or self._line.port)
        imei = line.get("imei")
        return Report(
            format=FORMAT,
            program=self._program,
            at=utc_text(datetime.now(UTC)),
            family=str(line.get("family") or "unknown"),
            model=without_numbers(line.get("model")),
            revision=without_numbers(line.get("revision")),
            imei_body=str(imei)[:2] if imei else "",
            audio=ready.audio if ready is not None else "none",
            witnesses=tuple(w.value for w in ready.witnesses) if ready is not None else (),
            simulated=judged.signs(
                imei=imei,
                device=os.path.realpath(port),
                is_device=_is_device(port),
                bench=self._line.bench,
                speed=self._config.settings.clock.speed,
                fiction=number_class(contact.number) is NumberClass.FICTION,
            ),
            steps=judged.whole(self._steps),
            figures=Figures(**self._figures),
            transcript=tuple(self._transcript.lines()),
        )


def _last_end(seen: list[Any]) -> events.Ended | None:
    return next((event for event in reversed(seen) if isinstance(event, events.Ended)), None)


def _is_device(port: str) -> bool:
    try:
        return stat.S_ISCHR(Path(port).stat().st_mode)
    except OSError:
        return False
