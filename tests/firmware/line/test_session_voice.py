"""A line in service whose voice path is lost: no call begins, and the line goes down."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.call.context import CallResult
from firmware.call.inbox import AudioTrouble, Closing, Ordered
from firmware.events import Cause, Ended, Event, LineFault
from firmware.families import FAMILIES
from firmware.faults import Fault, LineDown
from firmware.line.session import Session
from firmware.modem.identity import Identity
from firmware.orders import Dial
from tests.support.line_context import line_context

LOST = "voice port gone"
DIAL = Dial(line="one", attempt="a", number="+33639980001", greeting="g")


class Clock:
    """Box time that stands still."""

    def monotonic(self) -> float:
        return 100.0

    def real(self, _seconds: float) -> float:
        return 0.0


class Calls:
    """Every call goes as *result* says."""

    def __init__(self, result: CallResult) -> None:
        self.placed = 0
        self._result = result

    def place(self, _modem: object, _item: Ordered, _dial: Dial) -> Calls:
        self.placed += 1
        return self

    def run(self) -> CallResult:
        return self._result

    def forget(self) -> None: ...


class Rig:
    def __init__(
        self,
        *,
        lost: str | None = None,
        result: CallResult | None = None,
        unfit: tuple[Fault, str] | None = None,
        certain: bool = True,
    ) -> None:
        self.told: list[Event] = []
        self.calls = Calls(result or CallResult())
        line = line_context(post=self.told.append, clock=Clock())
        self.inbox = line.inbox
        self.session = Session(
            line=line,
            status=cast(Any, SimpleNamespace(unfit=lambda: unfit)),
            recovery=cast(Any, SimpleNamespace(announce=lambda: None)),
            calls=cast(Any, self.calls),
            voice=cast(Any, SimpleNamespace(lost=lost, change=lambda _modem, _identity: False)),
            messages=cast(Any, None),
            modem=cast(Any, None),
            identity=cast(Any, SimpleNamespace(family=FAMILIES["sim7600"], certain=certain)),
        )
        # No duty but the voice is due.
        for duty in ("_service_at", "_sms_at", "_time_at", "_name_at"):
            setattr(self.session, duty, 1e9)

    def serve(self) -> LineDown:
        with pytest.raises(LineDown) as down:
            self.session.serve()
        return down.value


def test_a_dial_is_refused_after_the_fault_is_told() -> None:
    rig = Rig(lost=LOST)
    rig.inbox.put(Ordered(order=DIAL, emergencies=0))
    down = rig.serve()
    fault, ended = rig.told
    assert isinstance(fault, LineFault)
    assert (fault.fault, fault.detail) == (Fault.AUDIO_UNUSABLE, LOST)
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.evidence, rig.calls.placed) == (Cause.FAILED, LOST, 0)
    assert (down.fault, down.detail, down.answering) == (Fault.AUDIO_UNUSABLE, LOST, True)


def test_trouble_of_a_lost_path_ends_the_session() -> None:
    rig = Rig(lost=LOST)
    rig.inbox.put(AudioTrouble(detail="no bytes", at=1.0))
    assert rig.serve().detail == LOST


def test_trouble_of_a_call_that_is_over_ends_nothing() -> None:
    rig = Rig()
    rig.inbox.put(AudioTrouble(detail="no bytes", at=1.0))
    rig.inbox.put(Closing())
    rig.session.serve()
    assert rig.told == []


def test_a_call_whose_voice_broke_ends_the_session() -> None:
    """The path may be as good as new once it was opened again; as it is, it reaches nobody."""
    rig = Rig(result=CallResult(voice=(Fault.AUDIO_UNUSABLE, "no voice received")))
    rig.inbox.put(Ordered(order=DIAL, emergencies=0))
    down = rig.serve()
    assert (down.fault, down.detail, rig.calls.placed) == (
        Fault.AUDIO_UNUSABLE,
        "no voice received",
        1,
    )


def test_a_module_that_must_be_reset_is_reset_before_its_voice_is_opened_again() -> None:
    rig = Rig(result=CallResult(reset_due=True, voice=(Fault.AUDIO_UNUSABLE, "no voice received")))
    rig.inbox.put(Ordered(order=DIAL, emergencies=0))
    assert rig.serve().fault is Fault.RESETTING


def test_a_line_that_is_unfit_stays_in_session_and_places_no_call() -> None:
    rig = Rig(unfit=(Fault.KEYS_UNHEARD, "nobody hears keys"))
    rig.inbox.put(Ordered(order=DIAL, emergencies=0))
    rig.inbox.put(Closing())
    rig.session.serve()
    fault, ended = rig.told
    assert isinstance(fault, LineFault)
    told = (fault.fault, fault.detail, fault.final)
    assert told == (Fault.KEYS_UNHEARD, "nobody hears keys", True)
    assert isinstance(ended, Ended)
    assert (ended.cause, rig.calls.placed) == (Cause.FAILED, 0)


class Names:
    """A modem that says who it is from its *n*th question on."""

    emergency_count = 0

    def __init__(self, n: int, maker: str, model: str) -> None:
        self.answers = {"AT+CGMI": maker, "AT+CGMM": model}
        self.n = n

    def command(self, text: str, **_options: object) -> Reply:
        self.n -= 1
        if self.n > 0 or text not in self.answers:
            return Reply(final=Final(kind=FinalKind.ERROR, text="ERROR"), lines=())
        return Reply(final=Final(kind=FinalKind.OK, text="OK"), lines=(self.answers[text],))


def test_a_modem_that_has_not_said_who_it_is_places_no_call_and_is_asked_again() -> None:
    rig = Rig(certain=False)
    rig.session.modem = cast(Any, Names(1, "SIMCOM INCORPORATED", "SIM7500E"))
    rig.session.identity = replace(UNNAMED, family=FAMILIES["generic"])
    rig.session._name_at = 0.0
    down = rig.serve()
    fault = rig.told[0]
    assert isinstance(fault, LineFault)
    assert fault.fault == Fault.UNNAMED
    # It is one that the box knows: the line is set up anew for it.
    assert down.fault is Fault.NAMED_LATE


UNNAMED = Identity(
    family=FAMILIES["generic"],
    maker="",
    model="unknown",
    revision="",
    imei=None,
    iccid=None,
    certain=False,
)
