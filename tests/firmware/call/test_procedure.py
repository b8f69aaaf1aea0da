"""One call's last look before the dial command: what came while the line was made ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.call.context import LineContext
from firmware.call.inbox import Closing, Inbox, Item, Ordered
from firmware.call.live_call import LiveCall
from firmware.call.outgoing import OutgoingCall
from firmware.call.voice import CallVoice
from firmware.clock import SystemClock
from firmware.errors import CommandAborted, CommandTimeout, LinkLost
from firmware.events import AudioFailed, Cause, Ended, Event, LineFault
from firmware.families import FAMILIES
from firmware.faults import Fault
from firmware.orders import Dial, HangUp, Play
from firmware.voice.path import AudioCallbacks, SilentPath
from firmware.voice.switch import VoiceSwitch
from tests.support.line_context import line_context

OK = Reply(final=Final(kind=FinalKind.OK, text="OK"))
FAMILY = FAMILIES["sim7600"]


def nothing(*_what: object) -> None: ...


class Modem:
    """An idle modem; *meanwhile* happens while it answers the first call list."""

    emergency_count = 0

    def __init__(self, meanwhile: Any) -> None:
        self.sent: list[str] = []
        self.urcs: tuple[str, ...] = ()
        """Told while the dial command waits for its result, which then never comes."""
        self.call: LiveCall | None = None
        self.late: Callable[[], None] = nothing
        """What happens while it answers why the call ended."""
        self._meanwhile = meanwhile

    def emergency_hang_up(self) -> None: ...

    def command(self, text: str, **_options: object) -> Reply:
        if not self.sent:
            self._meanwhile()
        if text.startswith("ATD"):
            if not self.urcs or self.call is None:
                raise LinkLost("far enough")
            for notice in self.urcs:
                self.call.urc(notice, 101.0)
            raise CommandTimeout("no result for ATD")
        if text == FAMILY.end_cause:
            self.late()
        self.sent.append(text)
        return OK


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at

    def real(self, seconds: float) -> float:
        return seconds / 1000


class Running(Hands):
    """A clock that goes on whenever it is looked at, so that nobody need wait."""

    def monotonic(self) -> float:
        self.at += 1.0
        return self.at


def place(
    meanwhile: Any,
    inbox: Inbox,
    clock: Hands,
    *notices: str,
    switch: VoiceSwitch | None = None,
    line: LineContext | None = None,
    late: Callable[[], None] = nothing,
    number: str = "+33639980001",
) -> tuple[Modem, list[Event]]:
    modem, posted = Modem(meanwhile), list[Event]()
    modem.urcs, modem.late = notices, late
    dial = Dial(line="one", attempt="a", number=number, greeting="g", dial_by=160.0)
    path = SilentPath(
        callbacks=AudioCallbacks(
            on_started=nothing, on_finished=nothing, on_downlink=nothing, on_failed=nothing
        ),
        clock=SystemClock(),
    )
    line = line or line_context()
    line.post, line.clock, line.inbox = posted.append, clock, inbox
    call = LiveCall(
        line=line,
        attempt=dial.attempt,
        greeting=dial.greeting,
        family=FAMILY,
        path=path,
        clips={},
        witnesses=(),
        began=clock.at,
    )
    calling = OutgoingCall(
        dial=dial,
        call=call,
        voice=CallVoice(
            call=call,
            switch=switch
            or VoiceSwitch(modem=modem, family=FAMILY, path=path, pause=nothing, log=line.log),
            path=path,
            line=line,
            emergencies=0,
        ),
        line=line,
        modem=modem,
        family=FAMILY,
        emergencies=0,
    )
    modem.call = calling.call
    calling.run()
    return modem, posted


@pytest.mark.parametrize(
    "item",
    [
        Ordered(order=HangUp(line="one", attempt="a"), emergencies=0),
        Closing(),
    ],
)
def test_nothing_is_dialled_that_was_called_off_while_the_line_was_made_ready(item: Item) -> None:
    inbox = Inbox()
    modem, posted = place(lambda: inbox.put(item), inbox, Hands())
    assert not [command for command in modem.sent if command.startswith("ATD")]
    (ended,) = posted
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.confirmed) == (Cause.LOCAL_HANG_UP, True)


def test_no_permission_outlasts_the_making_ready() -> None:
    clock = Hands()

    def slowly() -> None:
        clock.at = 160.5

    modem, posted = place(slowly, Inbox(), clock)
    assert not [command for command in modem.sent if command.startswith("ATD")]
    (ended,) = posted
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.confirmed) == (Cause.FAILED, True)


def test_nobody_is_called_once_the_voice_is_lost() -> None:
    class Switch:
        lost: str | None = None

    def loses() -> None:
        switch.lost = "voice port gone"

    switch = Switch()
    _, posted = place(loses, Inbox(), Hands(), switch=cast(VoiceSwitch, switch))
    fault, ended = posted
    assert isinstance(fault, LineFault)
    assert fault.fault == Fault.AUDIO_UNUSABLE
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.evidence) == (Cause.FAILED, "voice port gone")


@pytest.mark.parametrize(
    "number",
    ["", "+", "+33 6 39 98 00 01", "+33639980001;+CMGD=1,4", "+33639980001\r", "*21*123#", "112#",
     "++336", "+٣٣٦٣٩٩٨٠٠", "+33639980001\n", ">SM3", "+" + "1" * 16, "+33639980001,,1", "p1",
     "112", "0639980001", "+033639980001", "+336399", " +33639980001"],
)  # fmt: skip
def test_nothing_but_an_e_164_number_reaches_the_port(number: str) -> None:
    modem, posted = place(nothing, Inbox(), Hands(), number=number)
    assert modem.sent == []
    (ended,) = posted
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.evidence) == (Cause.FAILED, "the number is not E.164")


def test_a_hang_up_of_another_call_holds_nobody_back() -> None:
    inbox = Inbox()
    other = Ordered(order=HangUp(line="one", attempt="b"), emergencies=0)
    with pytest.raises(LinkLost, match="far enough"):
        place(lambda: inbox.put(other), inbox, Hands())


def test_a_notice_tells_the_end_where_the_dial_has_no_result() -> None:
    _, posted = place(nothing, Inbox(), Running(), "MO RING", "VOICE CALL: END")
    (ended,) = posted
    assert isinstance(ended, Ended)
    assert (ended.evidence, ended.confirmed) == ("VOICE CALL: END", True)


@pytest.mark.parametrize("late", [False, True])
def test_a_clip_ordered_when_the_call_was_over_is_no_failure_of_the_voice(late: bool) -> None:
    inbox = Inbox()
    order = Ordered(order=Play(line="one", attempt="a", clip="message"), emergencies=0)

    def put() -> None:
        inbox.put(order)

    # The line has no clip at all: whoever orders one in time is told so.
    meanwhile, at_end = (nothing, put) if late else (put, nothing)
    modem, posted = place(meanwhile, inbox, Running(), "MO RING", "VOICE CALL: END", late=at_end)
    assert FAMILY.end_cause in modem.sent
    failures = [event.detail for event in posted if isinstance(event, AudioFailed)]
    assert failures == ([] if late else ["there is no clip message"])
    assert isinstance(posted[-1], Ended)


def test_a_call_that_was_neither_listed_nor_told_to_end_is_hung_up() -> None:
    modem, posted = place(nothing, Inbox(), Running(), "+CLCC: 1,0,3,0,0")
    (ended,) = [event for event in posted if isinstance(event, Ended)]
    assert ended.confirmed
    assert FAMILY.hang_up[0].command in modem.sent


def test_a_stop_while_the_voice_of_a_restarted_module_is_switched_off_is_an_emergency() -> None:
    stops: list[str] = []
    line = line_context()

    class Switch:
        rotten = False
        lost = None
        defects = 0

        def stop(self) -> None:
            stops.append("stop")
            line.emergencies = 1
            if len(stops) == 1:
                raise CommandAborted("thrown out by the hang-up")

    _, posted = place(
        nothing,
        Inbox(),
        Running(),
        "MO RING",
        "RDY",
        switch=cast(VoiceSwitch, Switch()),
        line=line,
    )
    (ended,) = [event for event in posted if isinstance(event, Ended)]
    assert (ended.cause, ended.confirmed) == (Cause.EMERGENCY, True)
    assert len(stops) == 2
