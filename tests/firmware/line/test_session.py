"""A line in service: what it does when, what it tells, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.at.calls import CallRow
from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.call.context import RADIO_CYCLED, CallResult
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
from firmware.call.incoming import NOTICE_COUNTS, Caller
from firmware.clock import Clock
from firmware.errors import CommandAborted, CommandTimeout, LinkLost
from firmware.events import Cause, Ended, Event, IncomingRejected, LineFault
from firmware.families import FAMILIES
from firmware.families.base import Reading, Sign
from firmware.faults import Fault, LineDown
from firmware.line.session import (
    POWER_WARNING_LASTS,
    SERVICE_EVERY,
    SERVICE_SETTLES,
    TIME_EVERY,
    Session,
)
from firmware.line_settings import LineSettings
from firmware.modem.network import Service
from firmware.orders import AnswerCall, DeleteSms, Dial, HangUp, Order, Play, SendSms, Silence
from tests.support.line_context import line_context

OK = Final(kind=FinalKind.OK, text="OK")
FAMILY = FAMILIES["sim7600"]
ASKS = FAMILY.registration[0]
REGISTERED, SEARCHING = "+CREG: 0,1", "+CREG: 0,2"
RINGS = '+CLCC: 1,1,4,0,0,"+33639980007",145'
WITHHELD = '+CLCC: 1,1,4,0,0,"",128'
UP = '+CLCC: 1,0,0,0,0,"+33639980001",145'


class Timeline(Clock):
    """Box time that passes only while the session waits; items come in at their times."""

    def __init__(self, items: Sequence[tuple[float, Item]]) -> None:
        self.at = 0.0
        self.looks = 0
        self.items = list(items)
        self.put: Any = None

    def monotonic(self) -> float:
        return self.at

    def real(self, box_seconds: float) -> float:
        self.looks += 1
        assert self.looks < 20_000, "the session waits for nothing, again and again"
        target = self.at + max(box_seconds, 0.0)
        if self.items and self.items[0][0] <= target:
            self.at, item = self.items.pop(0)
            self.put(item)
        else:
            self.at = target
        return 0.0


class Modem:
    """Answers from a table; what it was asked is kept with the time."""

    emergency_count = 0

    def __init__(self, clock: Timeline) -> None:
        self.clock = clock
        self.asked: list[tuple[float, str]] = []
        self.answers: dict[str, tuple[str, ...] | Exception] = {ASKS: (REGISTERED,)}
        self.later: dict[float, dict[str, tuple[str, ...] | Exception]] = {}
        self.ends_at = ""
        self.sent: list[tuple[str, str]] = []

    def command(self, text: str, **_options: object) -> Reply:
        self.asked.append((self.clock.at, text))
        for at in [at for at in self.later if at <= self.clock.at]:
            self.answers.update(self.later.pop(at))
        if text == self.ends_at:
            self.answers.pop("AT+CLCC", None)
        answer = self.answers.get(text, ())
        if isinstance(answer, Exception):
            raise answer
        return Reply(final=OK, lines=answer)

    def emergency_hang_up(self) -> None: ...

    def send_text(self, number: str, text: str) -> int:
        answer = self.answers.get("send")
        if isinstance(answer, Exception):
            raise answer
        self.sent.append((number, text))
        return 1

    def when(self, text: str) -> list[float]:
        return [at for at, asked in self.asked if asked == text]


class Parts:
    """The other parts of a line, of which the session only asks little."""

    sweep_every = 60.0
    lost: str | None = None

    def __init__(self, clock: Timeline) -> None:
        self.clock = clock
        self.log: list[tuple[float, str]] = []
        self.results: list[CallResult] = []
        self.sweep_fails: Exception | None = None
        self.unfit_for: tuple[Fault, str] | None = None
        self.changes = False
        self.network_time: object = "unread"
        self.operator: str | None = None
        self.signal: object = "unread"
        self.line: Any = None

    def note(self, what: str) -> None:
        self.log.append((self.clock.at, what))

    def times(self, what: str) -> list[float]:
        return [at for at, noted in self.log if noted == what]

    def unfit(self) -> tuple[Fault, str] | None:
        return self.unfit_for

    def announce(self) -> None:
        self.line.told, self.line.ready = None, True
        self.note("ready")

    def sweep(self) -> None:
        self.note("sweep")
        if self.sweep_fails is not None:
            raise self.sweep_fails

    def delete(self, order: DeleteSms) -> None:
        self.note(f"delete {order.places}")

    def place(self, _modem: object, _item: Ordered, dial: Dial) -> Parts:
        self.note(f"dial {dial.attempt}")
        return self

    def receive(self, _modem: object, _row: CallRow, caller: Caller | None) -> Parts:
        self.note(f"receive {caller and caller[0]}")
        return self

    def run(self) -> CallResult:
        return self.results.pop(0) if self.results else CallResult()

    def forget(self) -> str:
        self.note("forget")
        return "how it went"

    def judge(self, voice: object, _identity: object) -> None:
        assert voice == "how it went"
        self.note("judge")

    def change(self, _modem: object, _identity: object) -> bool:
        self.note("change")
        return self.changes


class Rig:
    def __init__(
        self, *items: tuple[float, Item], until: float = 1e6, incoming: str = "reject"
    ) -> None:
        self.clock = Timeline([*items, (until, Closing())])
        self.modem, self.parts = Modem(self.clock), Parts(self.clock)
        self.posted: list[Event] = []
        settings = LineSettings(name="one", port="/dev/none", incoming=incoming)
        self.line = line_context(settings, post=self.posted.append, clock=self.clock)
        self.clock.put = self.line.inbox.put
        self.parts.line = self.line
        self.identity: Any = SimpleNamespace(family=FAMILY, certain=True)

    def serve(self) -> Rig:
        parts = cast(Any, self.parts)
        session = Session(
            line=self.line,
            status=parts,
            recovery=parts,
            calls=parts,
            voice=parts,
            messages=parts,
            modem=cast(Any, self.modem),
            identity=self.identity,
        )
        session.serve()
        return self

    def down(self) -> LineDown:
        with pytest.raises(LineDown) as down:
            self.serve()
        return down.value

    def faults(self) -> list[tuple[float, str]]:
        return [(e.at, e.fault) for e in self.posted if isinstance(e, LineFault)]

    def ended(self) -> list[tuple[Cause, str]]:
        return [(e.cause, e.evidence) for e in self.posted if isinstance(e, Ended)]


def order(what: Order, emergencies: int = 0) -> Ordered:
    return Ordered(order=what, emergencies=emergencies)


def dial(attempt: str = "a", dial_by: float | None = None) -> Dial:
    return Dial(line="one", attempt=attempt, number="+33639980001", greeting="g", dial_by=dial_by)


def heard(sign: Sign, at: float = 0.0, **fields: str) -> Heard:
    return Heard(reading=Reading(sign=sign, fields=fields), text=sign.name, at=at)


# -- duties ---------------------------------------------------------------------------------------


def test_everything_has_its_time() -> None:
    rig = Rig(until=1250.0).serve()
    assert rig.parts.times("ready") == [0.0]
    assert rig.modem.when(ASKS) == [SERVICE_EVERY * n for n in range(1, 42)]
    assert rig.parts.times("sweep") == [60.0 * n for n in range(21)]
    assert rig.modem.when(FAMILY.network_time.query) == [0.0, TIME_EVERY, 2 * TIME_EVERY]


def test_whose_network_told_the_time_is_asked_with_it() -> None:
    """Two lines of one operator are one witness, and each is asked again."""
    rig = Rig(until=1250.0)
    rig.modem.answers[FAMILY.network_time.query] = ('+CCLK: "27/03/09,18:00:00+04"',)
    rig.modem.answers["AT+COPS?"] = ('+COPS: 0,0,"Orange F",7',)
    rig.modem.later[700.0] = {"AT+COPS?": ('+COPS: 0,2,"20810",7',)}
    rig.serve()
    assert rig.modem.when("AT+COPS?") == [0.0, TIME_EVERY, 2 * TIME_EVERY]
    assert rig.parts.network_time == (datetime(2027, 3, 9, 17, tzinfo=UTC), 2 * TIME_EVERY)
    assert rig.parts.operator == "20810"


def test_how_strong_the_network_is_is_asked_with_each_look_at_it() -> None:
    rig = Rig(until=100.0)
    rig.modem.answers["AT+CSQ"] = ("+CSQ: 20,99",)
    rig.modem.later[85.0] = {"AT+CSQ": ("+CSQ: 99,99",)}
    rig.serve()
    assert rig.modem.when("AT+CSQ") == rig.modem.when(ASKS) == [30.0, 60.0, 90.0]
    assert rig.parts.signal is None


def test_without_a_time_nobody_asks_whose_it_is() -> None:
    rig = Rig(until=700.0).serve()
    assert rig.modem.when("AT+COPS?") == []
    assert rig.parts.network_time is None


@pytest.mark.parametrize(
    ("notices", "asked"),
    [
        ([10.0], [10.0, 40.0]),
        ([10.0, 10.1, 10.2], [10.0, 11.0, 41.0]),
        ([10.0, 10.0 + SERVICE_SETTLES], [10.0, 11.0, 41.0]),
        ([10.0, 12.0], [10.0, 12.0, 42.0]),
        ([29.5], [29.5]),
    ],
)
def test_a_burst_of_registration_notices_is_one_question(
    notices: list[float], asked: list[float]
) -> None:
    items = [(at, heard(Sign.REGISTRATION)) for at in notices]
    assert Rig(*items, until=50.0).serve().modem.when(ASKS) == pytest.approx(asked)


def test_a_lost_network_is_told_once_asked_for_each_second_and_told_when_it_is_back() -> None:
    rig = Rig(until=70.0)
    rig.modem.answers[ASKS] = (SEARCHING,)
    rig.modem.later = {36.0: {ASKS: (REGISTERED,)}}
    rig.serve()
    assert rig.faults() == [(30.0, Fault.NOT_REGISTERED)]
    assert rig.parts.times("ready") == [0.0, 36.0]
    assert rig.modem.when(ASKS) == [30.0, 31.0, 32.0, 33.0, 34.0, 35.0, 36.0, 66.0]


def test_no_call_is_placed_for_a_while_after_an_undervoltage() -> None:
    rig = Rig(
        (5.0, heard(Sign.POWER_LOW)),
        (6.0, heard(Sign.REGISTRATION)),
        (7.0, order(dial())),
        until=60.0,
    ).serve()
    assert rig.faults() == [(5.0, Fault.POWER_LOW)]
    assert rig.ended() == [(Cause.FAILED, "the line is not in service")]
    assert rig.modem.when(ASKS)[0] == 6.0
    # The look at the registration in between changed the next one; both come before the end.
    (first, back) = rig.parts.times("ready")
    assert (first, back) == (0.0, 36.0)
    assert back >= 5.0 + POWER_WARNING_LASTS


def test_an_undervoltage_is_over_with_the_look_that_is_due_then() -> None:
    rig = Rig((5.0, heard(Sign.POWER_LOW)), until=36.0).serve()
    assert rig.parts.times("ready") == [0.0, 35.0]


@pytest.mark.parametrize("sign", [Sign.SMS, Sign.SMS_FULL])
def test_a_message_notice_sweeps_at_once(sign: Sign) -> None:
    rig = Rig((5.0, heard(sign)), until=64.0).serve()
    assert rig.parts.times("sweep") == [0.0, 5.0]


def test_a_sweep_without_answer_asks_for_the_service_at_once() -> None:
    rig = Rig(until=2.0)
    rig.parts.sweep_fails = CommandTimeout("no answer")
    rig.serve()
    # Not within the same round: the next one begins with the look.
    assert rig.modem.when(ASKS) == [0.0]


def test_the_network_s_time_is_kept_with_the_moment_of_the_answer() -> None:
    rig = Rig(until=1.0)
    rig.modem.answers[FAMILY.network_time.query] = ('+CCLK: "26/11/24,18:00:00+04"',)
    rig.serve()
    told = rig.parts.network_time
    assert isinstance(told, tuple)
    assert (told[0].isoformat(), told[1]) == ("2026-11-24T17:00:00+00:00", 0.0)


def test_a_clock_that_no_network_set_tells_nothing() -> None:
    rig = Rig(until=1.0)
    rig.modem.answers[FAMILY.network_time.query] = ('+CCLK: "70/01/01,00:00:00+00"',)
    rig.serve()
    assert rig.parts.network_time is None


def test_a_question_for_the_time_without_answer_asks_for_the_service() -> None:
    rig = Rig(until=2.0)
    rig.modem.answers[FAMILY.network_time.query] = CommandTimeout("no answer")
    rig.serve()
    assert rig.modem.when(ASKS) == [0.0]
    assert rig.parts.network_time == "unread"


def test_a_command_that_the_stop_threw_out_ends_no_session() -> None:
    rig = Rig(until=2.0)
    rig.parts.sweep_fails = CommandAborted("thrown out")
    rig.serve()
    assert rig.parts.times("sweep") == [0.0]


# -- notices that end the session -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "fault"),
    [
        (Sign.SIM_MISSING, Fault.SIM_MISSING),
        (Sign.BOOT, Fault.RESTARTED),
        (Sign.POWER_DOWN, Fault.RESTARTED),
    ],
)
def test_what_the_modem_says_and_cannot_go_on_with(sign: Sign, fault: Fault) -> None:
    down = Rig((5.0, heard(sign))).down()
    assert (down.fault, down.detail) == (fault, f"the modem said {sign.name}")


def test_a_lost_link_ends_the_session() -> None:
    with pytest.raises(LinkLost, match="unplugged"):
        Rig((5.0, LinkDown(reason="unplugged"))).serve()


def test_a_lost_voice_ends_the_session_without_any_item() -> None:
    rig = Rig()
    rig.parts.lost = "voice port gone"
    assert rig.down().detail == "voice port gone"


def test_what_concerns_no_session_changes_nothing() -> None:
    over: tuple[Order, ...] = (
        AnswerCall(line="one", attempt="x", greeting="g", keys=""),
        Play(line="one", attempt="x", clip="g"),
        Silence(line="one", attempt="x"),
        HangUp(line="one", attempt="x"),
    )
    rig = Rig(
        *((float(at), order(what)) for at, what in enumerate(over, start=1)),
        (8.0, Attention()),
        (9.0, AudioTrouble(detail="of an old call", at=1.0)),
        until=20.0,
    ).serve()
    assert rig.posted == []
    assert [text for _, text in rig.modem.asked] == [FAMILY.network_time.query]


# -- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dial_by", "placed"), [(None, True), (5.0, True), (6.0, True), (4.9, False)]
)
def test_a_permission_holds_to_its_last_moment(dial_by: float | None, placed: bool) -> None:
    rig = Rig((5.0, order(dial(dial_by=dial_by))), until=6.0).serve()
    assert rig.parts.times("dial a") == ([5.0] if placed else [])
    refused = [(Cause.FAILED, "the permission ended before the dial")]
    assert rig.ended() == ([] if placed else refused)


def test_a_dial_from_before_the_stop_is_an_emergency() -> None:
    rig = Rig((5.0, order(dial(), emergencies=0)), until=6.0)
    rig.line.emergencies = 1
    rig.serve()
    assert rig.ended() == [(Cause.EMERGENCY, "stopped before the dial")]
    assert rig.parts.times("dial a") == []


def test_a_call_is_forgotten_and_its_voice_judged_before_the_voice_may_change() -> None:
    rig = Rig((5.0, order(dial())), until=6.0)
    rig.parts.changes = True
    rig.serve()
    done = [what for at, what in rig.parts.log if at == 5.0]
    assert done == ["dial a", "forget", "judge", "change", "ready"]


def test_a_call_in_which_the_box_is_closed_is_the_last() -> None:
    rig = Rig((5.0, order(dial())), (6.0, order(dial("b"))), until=7.0)
    rig.parts.results = [CallResult(closing=True)]
    rig.serve()
    assert rig.parts.times("dial b") == []


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (CallResult(restarted=True, reset_due=True), Fault.RESTARTED),
        (CallResult(reset_due=True), Fault.RESETTING),
        (CallResult(voice=(Fault.INTERNAL, "deaf")), Fault.INTERNAL),
    ],
)
def test_what_a_call_leaves_that_ends_the_session(result: CallResult, fault: Fault) -> None:
    rig = Rig((5.0, order(dial())))
    rig.parts.results = [result]
    assert rig.down().fault is fault


def test_a_radio_that_was_cycled_is_a_fault_until_the_network_is_asked() -> None:
    rig = Rig((5.0, order(dial())), until=6.0)
    rig.parts.results = [CallResult(radio_cycled=True)]
    rig.serve()
    assert rig.faults() == [(5.0, Fault.NOT_REGISTERED)]
    assert [e.detail for e in rig.posted if isinstance(e, LineFault)] == [RADIO_CYCLED]
    assert rig.modem.when(ASKS) == [5.0]
    assert rig.parts.times("ready") == [0.0, 5.0]


@pytest.mark.parametrize(
    ("service", "asked"), [(Service.VOICE, [35.0]), (Service.SEARCHING, [6.0, 36.0])]
)
def test_what_a_call_read_of_the_network_counts(service: Service, asked: list[float]) -> None:
    rig = Rig((5.0, order(dial())), until=40.0)
    rig.parts.results = [CallResult(service=service)]
    rig.serve()
    assert rig.modem.when(ASKS) == asked


def test_what_a_call_put_off_comes_before_what_came_later() -> None:
    later = heard(Sign.SMS)
    rig = Rig((5.0, order(dial())), (5.0, order(dial("b"))), until=6.0)
    rig.parts.results = [CallResult(deferred=(order(dial("c")), later))]
    rig.serve()
    dials = [what for _, what in rig.parts.log if what.startswith("dial")]
    assert dials == ["dial a", "dial c", "dial b"]
    assert rig.parts.times("sweep") == [0.0, 5.0]


def test_a_message_that_was_dealt_with_is_deleted() -> None:
    rig = Rig((5.0, order(DeleteSms(line="one", places=()))), until=6.0).serve()
    assert rig.parts.times("delete ()") == [5.0]


def test_a_confirmation_is_sent_or_said_not_to_have_been(
    caplog: pytest.LogCaptureFixture,
) -> None:
    send = SendSms(line="one", number="+33639980001", text="ok")
    rig = Rig((5.0, order(send)), until=6.0).serve()
    assert rig.modem.sent == [("+33639980001", "ok")]
    rig = Rig((5.0, order(send)), until=6.0)
    rig.modem.answers["send"] = ValueError("not a number")
    rig.serve()
    assert "not sent" in caplog.text


# -- the stop and callers -------------------------------------------------------------------------


def test_silence_is_proven_after_the_stop() -> None:
    rig = Rig((5.0, Emergency()), until=6.0)
    rig.modem.answers["AT+CLCC"] = (UP,)
    rig.modem.ends_at = FAMILY.hang_up[0].command
    rig.serve()
    assert rig.modem.when(FAMILY.hang_up[0].command) == [5.0]
    assert rig.posted == []


def test_a_call_that_outlasts_the_stop_ends_the_session() -> None:
    rig = Rig((5.0, Emergency()))
    rig.modem.answers["AT+CLCC"] = (UP,)
    down = rig.down()
    assert down.fault is Fault.HANG_UP_UNCONFIRMED
    assert down.detail == "calls could not be ended after the emergency stop"


def test_a_stop_that_cost_the_registration_is_a_fault_until_it_is_back() -> None:
    rig = Rig((5.0, Emergency()), until=6.0)
    rig.modem.answers["AT+CLCC"] = (UP,)
    rig.modem.ends_at = FAMILY.last_resort[0].command
    rig.serve()
    assert [fault for _, fault in rig.faults()] == [Fault.NOT_REGISTERED]
    assert len(rig.modem.when(ASKS)) == 1
    assert len(rig.parts.times("ready")) == 2


@pytest.mark.parametrize(
    ("incoming", "row", "notice", "told"),
    [
        ("ignore", RINGS, heard(Sign.INCOMING, 5.0), None),
        ("reject", "", heard(Sign.INCOMING, 5.0), None),
        ("reject", RINGS, heard(Sign.INCOMING, 5.0), "+33639980007"),
        ("reject", WITHHELD, heard(Sign.CALLER, 5.0, number="+33639980008"), "+33639980008"),
        # Of another call: that notice is too old.
        ("reject", WITHHELD, heard(Sign.CALLER, 3.9, number="+33639980008"), ""),
        (
            "reject",
            WITHHELD,
            heard(Sign.CALLER, 5.0 - NOTICE_COUNTS, number="+33639980008"),
            "+33639980008",
        ),
        ("reject", WITHHELD, heard(Sign.CALLER, 5.0, number=""), ""),
    ],
)
def test_who_is_turned_away_and_under_which_number(
    incoming: str, row: str, notice: Heard, told: str | None
) -> None:
    rig = Rig((5.0, notice), until=20.0, incoming=incoming)
    rig.modem.answers["AT+CLCC"] = (row,) if row else ()
    rig.modem.ends_at = FAMILY.hang_up[0].command
    rig.serve()
    rejected = [e.number for e in rig.posted if isinstance(e, IncomingRejected)]
    assert rejected == ([] if told is None else [told or None])
    assert bool(rig.modem.when(FAMILY.hang_up[0].command)) is (told is not None)


@pytest.mark.parametrize(
    ("meanwhile", "number", "sweeps"),
    [
        (heard(Sign.CALLER, 5.4, number="+33639980009"), "+33639980009", 1),
        (heard(Sign.CALLER, 5.4, number=""), None, 1),
        # What else comes while the number is waited for is not lost.
        (heard(Sign.SMS, 5.4), None, 2),
    ],
)
def test_the_number_that_follows_the_ring_is_waited_for(
    meanwhile: Heard, number: str | None, sweeps: int
) -> None:
    rig = Rig((5.0, heard(Sign.INCOMING, 5.0)), (5.4, meanwhile), until=20.0)
    rig.modem.answers["AT+CLCC"] = (WITHHELD,)
    rig.modem.ends_at = FAMILY.hang_up[0].command
    rig.serve()
    assert [e.number for e in rig.posted if isinstance(e, IncomingRejected)] == [number]
    assert len(rig.parts.times("sweep")) == sweeps


@pytest.mark.parametrize(
    ("later", "told"),
    [
        # Rang again before the hang-up had its effect: the same call.
        ([heard(Sign.CALLER, 5.0, number="+33639980007")], 1),
        ([heard(Sign.CALLER, 5.0, number="+33639980007")] * 3, 1),
        ([heard(Sign.INCOMING, 5.0)], 1),
        # Somebody else, and the same person once more.
        ([heard(Sign.CALLER, 5.0, number="+33639980008")], 2),
        ([heard(Sign.CALLER, 9.0, number="+33639980007")], 2),
    ],
)
def test_a_call_that_was_turned_away_is_told_once(later: list[Heard], told: int) -> None:
    came = [(max(item.at, 5.1), item) for item in later]
    rig = Rig((5.0, heard(Sign.CALLER, 5.0, number="+33639980007")), *came, until=20.0)
    rig.modem.answers["AT+CLCC"] = (RINGS,)
    rig.modem.ends_at = FAMILY.hang_up[0].command
    rig.serve()
    assert len([e for e in rig.posted if isinstance(e, IncomingRejected)]) == told


@pytest.mark.parametrize(("ready", "lost", "received"), [(True, None, True), (False, None, False)])
def test_callers_are_answered_only_by_a_line_in_service(
    ready: bool, lost: str | None, received: bool
) -> None:
    rig = Rig((5.0, heard(Sign.INCOMING, 5.0)), until=6.0, incoming="answer")
    rig.modem.answers["AT+CLCC"] = (RINGS,)
    rig.modem.ends_at = FAMILY.hang_up[0].command
    if not ready:
        rig.parts.unfit_for = (Fault.KEYS_UNHEARD, "nobody hears keys")
    rig.serve()
    assert bool(rig.parts.times("receive +33639980007")) is received
    assert bool([e for e in rig.posted if isinstance(e, IncomingRejected)]) is not received


def test_an_unfit_line_says_why_for_good_and_is_never_ready() -> None:
    rig = Rig((5.0, order(dial())), until=100.0)
    rig.parts.unfit_for = (Fault.KEYS_UNHEARD, "nobody hears keys")
    rig.serve()
    (fault,) = [e for e in rig.posted if isinstance(e, LineFault)]
    assert (fault.fault, fault.detail, fault.final) == (
        Fault.KEYS_UNHEARD,
        "nobody hears keys",
        True,
    )
    assert rig.parts.times("ready") == []
    assert rig.parts.times("sweep") == [0.0, 60.0]
