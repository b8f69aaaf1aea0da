"""What each step of the checklist came to, from what the call showed and the technician said."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.call.outcome import Facts
from appliance.model import Outcome, Timers
from appliance.selftest import bench_steps
from appliance.selftest.bench_report import STEPS, Step
from appliance.selftest.state import CallUnderTest, Concluded, Key
from firmware import events
from firmware.events import Cause, LineFault, Witness
from firmware.faults import Fault

MODULE, HOST = Witness.MODULE, Witness.HOST
CALL = CallUnderTest(
    attempt="a",
    line="l",
    subject="s",
    clip="c",
    clip_seconds=1.0,
    timers=Timers(),
    end_by=99.0,
    keys=("1", "9"),
)


def a_test(*heard: Key, confirmed: bool = True, **facts: Any) -> Concluded:
    return Concluded(CALL, Facts(**facts), 1, heard, Outcome.LISTENED, confirmed)


def key(name: str, witness: Witness = MODULE, confirmed_by: Witness | None = None) -> Key:
    return Key(key=name, at=1.0, witness=witness, sureness=1.0, confirmed_by=confirmed_by)


def end(cause: Cause) -> events.Ended:
    return events.Ended(
        line="l", at=9.0, attempt="a", cause=cause, evidence="NO CARRIER", code=16, confirmed=True
    )


def told(step: Step) -> tuple[str, str, str]:
    return step.step, step.verdict, step.detail


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (True, ("clear", "passed", "")),
        (False, ("clear", "failed", "it crackled")),
        (None, ("clear", "skipped", "the technician passed it over")),
    ],
)
def test_what_the_technician_says(answer: bool | None, expected: tuple[str, str, str]) -> None:
    assert told(bench_steps.asked("clear", answer, "it crackled")) == expected


@pytest.mark.parametrize(
    ("missing", "detail"),
    [
        ((), ""),
        (("model",), "not told: model"),
        (("imei", "iccid"), "not told: imei, iccid"),
    ],
)
def test_who_the_modem_says_it_is(missing: tuple[str, ...], detail: str) -> None:
    line = {"model": "EC25", "imei": "8", "iccid": "8933"} | dict.fromkeys(missing)
    verdict = "failed" if missing else "passed"
    assert told(bench_steps.identity(line, "auto")) == ("identity", verdict, detail)


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (-71, ("registration", "passed", "signal -71 dBm")),
        (0, ("registration", "passed", "signal 0 dBm")),
        (None, ("registration", "failed", "the modem tells no signal")),
    ],
)
def test_whether_the_network_is_heard(signal: int | None, expected: tuple[str, str, str]) -> None:
    assert told(bench_steps.registration({"signal": signal})) == expected


@pytest.mark.parametrize(
    ("facts", "verdict", "detail"),
    [
        ({"answered_at": 3.0, "answer": "BEGIN"}, "passed", "BEGIN"),
        ({"answered_at": 3.0, "answer": "key 1"}, "failed", "only a key told that somebody"),
        ({"answered_at": 3.0}, "failed", "nothing told that somebody answered"),
        ({"answer": "BEGIN"}, "failed", "nothing told that somebody answered"),
        ({}, "failed", "nothing told that somebody answered"),
    ],
)
def test_what_told_of_the_answer(facts: dict[str, Any], verdict: str, detail: str) -> None:
    found = bench_steps.answer(a_test(**facts))
    assert (found.step, found.verdict) == ("answer", verdict)
    assert found.detail.startswith(detail)


@pytest.mark.parametrize(
    ("heard", "there", "expected"),
    [
        (
            (key("1", MODULE, HOST), key("9", HOST, MODULE)),
            (MODULE, HOST),
            [("passed", ""), ("passed", ""), ("passed", "")],
        ),
        (
            (key("1"), key("9")),
            (MODULE,),
            [("passed", ""), ("passed", ""), ("skipped", "the line has no such witness")],
        ),
        (
            (key("1"), key("9")),
            (MODULE, HOST),
            [("passed", ""), ("passed", ""), ("failed", "not heard: 1, 9")],
        ),
        (
            # It is not said to be there, and has heard one of two: it is there.
            (key("1", MODULE, HOST), key("9")),
            (MODULE,),
            [("passed", ""), ("passed", ""), ("failed", "not heard: 9")],
        ),
        (
            (key("1"),),
            (MODULE,),
            [
                ("failed", "not heard by anybody: 9"),
                ("failed", "not heard: 9"),
                ("skipped", "the line has no such witness"),
            ],
        ),
        (
            (),
            (MODULE,),
            [
                ("failed", "not heard by anybody: 1, 9"),
                ("failed", "not heard: 1, 9"),
                ("skipped", "the line has no such witness"),
            ],
        ),
    ],
)
def test_who_heard_the_keys(
    heard: tuple[Key, ...], there: tuple[Witness, ...], expected: list[tuple[str, str]]
) -> None:
    steps = bench_steps.keys(a_test(*heard), there)
    assert [step.step for step in steps] == ["keys", "keys_module", "keys_sound"]
    assert [(step.verdict, step.detail) for step in steps] == expected


@pytest.mark.parametrize(
    ("cause", "confirmed", "expected"),
    [
        (Cause.LOCAL_HANG_UP, True, ("passed", "NO CARRIER")),
        (Cause.LOCAL_HANG_UP, False, ("failed", "the end was not confirmed")),
        (None, True, ("failed", "the end was not confirmed")),
        (Cause.REMOTE_HANG_UP, True, ("failed", "how it ended: the other side hung up")),
    ],
)
def test_whether_the_box_ended_the_call(
    cause: Cause | None, confirmed: bool, expected: tuple[str, str]
) -> None:
    found = bench_steps.box_hung_up(
        a_test(confirmed=confirmed), None if cause is None else end(cause)
    )
    assert told(found) == ("hang_up_box", *expected)


@pytest.mark.parametrize(
    ("cause", "answered_at", "expected"),
    [
        (Cause.REMOTE_HANG_UP, 3.0, ("passed", "NO CARRIER")),
        (Cause.REMOTE_HANG_UP, None, ("failed", "nobody answered")),
        (Cause.LOCAL_HANG_UP, 3.0, ("failed", "how it ended: the box hung up")),
        (None, 3.0, ("failed", "how it ended: -")),
    ],
)
def test_whether_the_phone_ended_the_call(
    cause: Cause | None, answered_at: float | None, expected: tuple[str, str]
) -> None:
    found = bench_steps.phone_hung_up(
        a_test(answered_at=answered_at), None if cause is None else end(cause)
    )
    assert told(found) == ("hang_up_phone", *expected)


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [
        ((), ("skipped", "the checklist ended before this step")),
        ((True, True), ("passed", "")),
        ((True, False), ("failed", "after a call it was not read empty")),
        ((False,), ("failed", "after a call it was not read empty")),
    ],
)
def test_whether_the_call_list_was_read_empty(
    confirmed: tuple[bool, ...], expected: tuple[str, str]
) -> None:
    tests = [a_test(confirmed=one) for one in confirmed]
    assert told(bench_steps.call_list(tests)) == ("call_list", *expected)


def test_a_loss_and_a_return_are_told_in_words() -> None:
    lost = events.LineFault(line="l", at=5.0, fault="port-lost", detail="", remedy="", final=False)
    assert told(bench_steps.replug([], "1")[0])[1:] == (
        "failed",
        "the loss of the port was not noticed",
    )
    assert told(bench_steps.replug([lost], "1")[0])[1:] == (
        "failed",
        "the line did not come back",
    )


def test_only_the_first_word_on_each_key_is_measured() -> None:
    at: dict[str, Any] = {"line": "l", "attempt": "a", "sureness": 1.0}
    seen: list[events.Event] = [
        events.KeyConfirmed(at=0.5, key="1", witness=MODULE, **at),
        events.KeyHeard(at=1.0, key="1", witness=HOST, **at),
        events.KeyHeard(at=1.1, key="1", witness=HOST, **at),
        events.KeyConfirmed(at=3.0, key="1", witness=MODULE, **at),
        events.KeyConfirmed(at=3.5, key="1", witness=MODULE, **at),
        events.KeyConfirmed(at=4.0, key="9", witness=MODULE, **at),
    ]
    assert bench_steps.key_delays(seen) == {"1": 2000}


def test_what_a_step_says_is_masked_and_what_is_clean_stays_a_message() -> None:
    assert bench_steps.failed("rings", "call 06 39 98 00 07").detail == "call 00 00 00 00 00"
    clean = bench_steps.NOT_REACHED
    assert bench_steps.skipped("rings", clean).detail is clean
    assert told(bench_steps.skipped("rings")) == (
        "rings",
        "skipped",
        "the technician passed it over",
    )
    assert told(bench_steps.passed("rings")) == ("rings", "passed", "")


def test_a_whole_checklist_keeps_what_was_done() -> None:
    found = bench_steps.whole(
        [bench_steps.passed("keys", "all"), bench_steps.failed("replug", "x")]
    )
    assert [step.step for step in found] == list(STEPS)
    done = {step.step: (step.verdict, step.detail) for step in found if step.detail != ""}
    assert done.pop("keys") == ("passed", "all")
    assert done.pop("replug") == ("failed", "x")
    assert set(done.values()) == {("skipped", "the checklist ended before this step")}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("passed passed failed failed", "passed passed failed skipped"),
        ("failed passed passed skipped", "failed passed passed skipped"),
        ("passed passed skipped failed", "passed passed failed skipped"),
        ("passed passed passed passed", "passed passed passed passed"),
    ],
)
def test_of_a_call_that_lost_its_modem_one_step_is_lost(verdicts: str, expected: str) -> None:
    names = ("answer", "keys", "keys_module", "hang_up_box")
    steps = [
        Step(step=name, verdict=verdict, detail="as heard")  # type: ignore[arg-type]
        for name, verdict in zip(names, verdicts.split(), strict=True)
    ]
    found = bench_steps.cut_short(steps)
    assert [step.verdict for step in found] == expected.split()
    assert [step.step for step in found] == list(names)
    lost = [step.detail for step in found if step.verdict == "failed"]
    assert lost == [bench_steps.LOST] * len(lost)


@pytest.mark.parametrize(
    ("fault", "lost"),
    [(Fault.PORT_LOST, True), (Fault.PORT_MISSING, True), (Fault.NO_REPLY, False), (None, False)],
)
def test_a_modem_was_gone_where_its_port_was(fault: Fault | None, lost: bool) -> None:
    seen: list[object] = [end(Cause.LINE_LOST)]
    if fault is not None:
        down = LineFault(at=1.0, line="l", fault=fault, detail="", remedy="", final=False)
        seen.insert(0, down)
    assert bench_steps.was_lost(seen) is lost
