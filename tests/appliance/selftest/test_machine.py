"""The self-test's machine and what it says of what it found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.call.keys import MAX_PRESS_ROWS
from appliance.call.state import AttemptInput, TimeReached, Withdrawn
from appliance.effects import Effect, Now, Record, Send
from appliance.model import Clearance, Interval, Outcome, Timers
from appliance.selftest import machine as selftest
from appliance.selftest import result as selftest_result
from appliance.selftest.machine import KEYS
from appliance.selftest.result import Downlink
from appliance.selftest.state import (
    Concluded,
    HangingUp,
    Live,
    Playing,
    SelfTestState,
    Settling,
    Waiting,
)
from firmware import events
from firmware.clips.levels import Levels
from firmware.events import Cause, Machine, Witness
from firmware.orders import HangUp, Play

NOON = datetime(2027, 3, 9, 17, tzinfo=UTC)
CLIP = "selftest.fr"
HEADER = {"line": "one", "attempt": "a1"}


def now(monotonic: float = 0.0) -> Now:
    return Now(
        monotonic=monotonic, utc=NOON + timedelta(seconds=monotonic), trusted=True, source="test"
    )


def fresh(*, window: float = 3600.0, keys: tuple[str, ...] = KEYS) -> Live:
    clearance = Clearance(
        subject="s" * 32,
        number="+33639980001",
        language="fr",
        consent="c" * 32,
        window=Interval(NOON, NOON + timedelta(seconds=window)),
        profile="fr",
        rules=(),
        clock="test",
        granted_at=NOON,
        expires_at=NOON + timedelta(seconds=60),
        bench=True,
    )
    return selftest.begun(
        clearance,
        attempt="a1",
        line="one",
        clip=CLIP,
        clip_seconds=4.0,
        timers=Timers(),
        now=now(),
        keys=keys,
    )


def dialled(at: float) -> events.Dialled:
    return events.Dialled(line="one", attempt="a1", at=at)


def answered(at: float, *, weak: bool = False) -> events.Answered:
    return events.Answered(line="one", attempt="a1", at=at, evidence="BEGIN", weak=weak)


def started(at: float) -> events.ClipStarted:
    return events.ClipStarted(line="one", attempt="a1", at=at, clip=CLIP)


def finished(at: float, *, complete: bool = True) -> events.ClipFinished:
    return events.ClipFinished(
        line="one", attempt="a1", at=at, clip=CLIP, played_ms=4000, complete=complete
    )


def key(at: float, pressed: str, witness: Witness = Witness.MODULE) -> events.KeyHeard:
    return events.KeyHeard(
        line="one", attempt="a1", at=at, key=pressed, witness=witness, sureness=0.9
    )


def confirmed(at: float, pressed: str, witness: Witness = Witness.HOST) -> events.KeyConfirmed:
    return events.KeyConfirmed(
        line="one", attempt="a1", at=at, key=pressed, witness=witness, sureness=0.9
    )


def ended(at: float, cause: Cause = Cause.LOCAL_HANG_UP) -> events.Ended:
    return events.Ended(
        line="one", attempt="a1", at=at, cause=cause, evidence="END", code=16, confirmed=True
    )


def play(test: SelfTestState, *story: AttemptInput) -> tuple[SelfTestState, list[Effect]]:
    """Tell the test a story; time passes as the events say."""
    effects: list[Effect] = []
    at = 0.0
    for event in story:
        if isinstance(event, TimeReached) and not isinstance(test, Concluded):
            at = test.deadline
        at = getattr(event, "at", at)
        step = selftest.step(test, event, now(at))
        test = step.state
        effects += step.effects
    return test, effects


def concluded(test: SelfTestState, *story: AttemptInput) -> Concluded:
    """Tell the test a story that ends it."""
    end, _ = play(test, *story)
    assert isinstance(end, Concluded)
    return end


def rows(effects: list[Effect], kind: str) -> list[dict[str, Any]]:
    return [e.data for e in effects if isinstance(e, Record) and e.kind == kind]


def orders(effects: list[Effect]) -> list[str]:
    return [type(e.order).__name__ for e in effects if isinstance(e, Send)]


ALL_KEYS = (key(4, "1"), confirmed(4.1, "1"), key(5, "9"), key(6, "5"), confirmed(6.1, "5"))
ANSWERED = (dialled(0.2), answered(3.0), started(3.1))
LATE = TimeReached()


def test_the_keys_of_the_campaign_are_tested() -> None:
    assert selftest.keys_of("1", "9") == KEYS
    own = fresh(keys=selftest.keys_of("2", "5"))
    test, _ = play(own, *ANSWERED, key(4, "1"), key(5, "2"), key(6, "5"))
    assert test.missing == ("7",)
    test, effects = play(test, key(7, "7"), LATE, ended(9.5))
    assert isinstance(test, Concluded)
    assert orders(effects) == ["HangUp"]
    found = selftest_result.to_json(test, ready(), None, NOON)
    assert (found["passed"], list(found["keys"])) == (True, ["2", "5", "7"])


def test_quick_presses_are_confirmed_in_their_order() -> None:
    missed = events.KeyUnconfirmed(
        line="one", attempt="a1", at=6, key="1", witness=Witness.MODULE, missed_by=Witness.HOST
    )
    test, effects = play(
        fresh(), *ANSWERED, key(4, "1"), key(4.2, "1"), confirmed(4.4, "1"), missed, ended(8)
    )
    assert [heard.confirmed_by for heard in test.heard] == [Witness.HOST, None]
    (row,) = rows(effects, "call.ended")
    assert row["evidence"]["keys"] == [
        {"key": "1", "witness": "module", "confirmed_by": "host", "confirmed_sureness": 0.9},
        {"key": "1", "witness": "module", "missed_by": "host"},
    ]


def test_the_whole_test() -> None:
    test, effects = play(fresh(), *ANSWERED, *ALL_KEYS, LATE, ended(8.5))
    assert isinstance(test, Concluded)
    assert test.outcome is Outcome.LISTENED
    assert selftest_result.passed(test)
    assert orders(effects) == ["HangUp"]
    assert [row["key"] for row in rows(effects, "call.key")] == ["1", "9", "5"]
    assert {row["counted"] for row in rows(effects, "call.key")} == {False}
    assert rows(effects, "call.answered") == [{**HEADER, "evidence": "BEGIN"}]
    (end,) = rows(effects, "call.ended")
    assert (end["outcome"], end["cause"]) == ("listened", "local_hang_up")
    assert end["evidence"]["purpose"] == "self-test"
    first = {"key": "1", "witness": "module", "confirmed_by": "host", "confirmed_sureness": 0.9}
    assert end["evidence"]["keys"][0] == first
    assert test.latency == pytest.approx(0.1)


def test_no_test_takes_longer_than_the_gate_was_told() -> None:
    """Ringing to the end, the clip twice at its slowest, every wait, a hang-up that is not
    confirmed: the room that the window must have."""
    timers = Timers()
    slowest = timers.clip_start.total_seconds() + timers.clip_margin.total_seconds()
    rung = timers.set_up.total_seconds() + timers.ring.total_seconds()
    playing = rung + timers.clip_start.total_seconds()
    test, _ = play(fresh(), dialled(0.2), answered(rung), started(playing - 0.001))
    over = [getattr(test, "deadline", 0.0)]
    while not isinstance(test, Concluded):
        test, _ = play(test, LATE)
        over.append(getattr(test, "deadline", over[-1]))
    longest = selftest.longest(4.0, timers)
    assert over[-1] <= longest
    once = slowest + 4.0 + selftest.KEY_WAIT
    around = rung + timers.hang_up.total_seconds()
    assert longest == around + selftest.PLAYS * once + selftest.SETTLE


def test_an_answer_while_the_clip_plays_leaves_the_clip_its_time() -> None:
    before, _ = play(fresh(), dialled(0.2), started(3.0))
    after, effects = play(before, answered(3.5))
    assert isinstance(before, Playing)
    assert isinstance(after, Playing)
    assert after.deadline == before.deadline
    assert len(rows(effects, "call.answered")) == 1
    called, _ = play(fresh(), dialled(0.2), answered(3.0))
    assert isinstance(called, Playing)
    assert called.deadline == 3.0 + Timers().clip_start.total_seconds()


@pytest.mark.parametrize(
    "event",
    [
        replace(started(5.0), clip="another"),
        replace(finished(5.0), clip="another"),
        finished(5.0, complete=False),
        started(5.0),
    ],
)
def test_only_the_test_s_own_clip_moves_it_and_only_to_its_end(event: AttemptInput) -> None:
    playing, _ = play(fresh(), *ANSWERED)
    waiting, _ = play(playing, finished(7.1))
    assert isinstance(playing, Playing)
    assert isinstance(waiting, Waiting)
    after, _ = play(waiting, event)
    assert after == waiting
    after, _ = play(playing, event)
    if event == started(5.0):
        assert isinstance(after, Playing)
        assert after.facts.greeting_at == 3.1, "the first frame is when it began"
    else:
        assert after == playing


def test_presses_that_fill_the_disk_are_not_written() -> None:
    test, effects = play(fresh(), *ANSWERED, *[key(4.0, "2")] * (MAX_PRESS_ROWS + 5))
    assert len(rows(effects, "call.key")) == MAX_PRESS_ROWS
    assert len(test.heard) == MAX_PRESS_ROWS


def test_a_key_answers_a_call_whose_answer_nobody_told() -> None:
    test, effects = play(fresh(), dialled(0.2), started(3.0), key(4.0, "1"), key(5.0, "9"))
    assert (test.facts.answered_at, test.facts.answer) == (4.0, "key 1")
    (row,) = rows(effects, "call.answered")
    assert row["evidence"] == "key 1"
    assert [one["offset_ms"] for one in rows(effects, "call.key")] == [1000, 2000]


def test_nine_withdraws_nothing() -> None:
    _, effects = play(fresh(), *ANSWERED, key(4, "9"), LATE, ended(60))
    kinds = {effect.kind for effect in effects if isinstance(effect, Record)}
    assert kinds == {"call.answered", "call.key", "call.ended"}


def test_the_slower_witness_gets_its_time_before_the_hang_up() -> None:
    test, effects = play(fresh(), *ANSWERED, key(4, "1"), key(5, "9"), key(6, "5"))
    assert isinstance(test, Settling)
    assert test.deadline == 6 + selftest.SETTLE
    assert orders(effects) == []
    test, effects = play(test, LATE)
    assert orders(effects) == ["HangUp"]


def test_the_clip_is_repeated_once_while_keys_are_missing() -> None:
    story = (*ANSWERED, key(4, "1"), finished(7.1))
    test, effects = play(fresh(), *story, LATE)
    assert orders(effects) == ["Play"]
    test, effects = play(test, started(20), finished(24), LATE, ended(40))
    assert orders(effects) == ["HangUp"]
    assert isinstance(test, Concluded)
    assert test.outcome is Outcome.PARTIAL
    assert test.missing == ("9", "5")
    assert not selftest_result.passed(test)


def test_an_answered_test_without_a_key_is_no_refusal() -> None:
    test = concluded(fresh(), *ANSWERED, finished(7.1), ended(12, Cause.REMOTE_HANG_UP))
    assert test.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("story", "outcome"),
    [
        ((dialled(0.2), ended(5, Cause.BUSY)), Outcome.BUSY),
        ((LATE, ended(70)), Outcome.FAILED),
        ((dialled(0.2), LATE, ended(70)), Outcome.NO_ANSWER),
        ((dialled(0.2), answered(3, weak=True), LATE, ended(70)), Outcome.NO_ANSWER),
        ((dialled(0.2), answered(3.0), LATE, ended(9)), Outcome.FAILED),
        (
            (*ANSWERED, events.AudioFailed(**HEADER, at=4.0, detail="dead"), ended(5)),
            Outcome.FAILED,
        ),
        (
            (
                *ANSWERED,
                events.MachineHeard(**HEADER, at=4.0, machine=Machine.BEEP, evidence="1 kHz"),
                ended(5),
            ),
            Outcome.VOICEMAIL,
        ),
        ((*ANSWERED, events.StopRaised(at=4.0, source="button"), ended(5)), Outcome.STOPPED),
        ((*ANSWERED, Withdrawn(by="technician"), ended(5)), Outcome.FAILED),
        ((*ANSWERED, *ALL_KEYS, LATE, LATE), Outcome.LISTENED),
    ],
)
def test_every_other_end(story: tuple[AttemptInput, ...], outcome: Outcome) -> None:
    test, effects = play(fresh(), *story)
    assert isinstance(test, Concluded)
    assert test.outcome is outcome
    assert len(rows(effects, "call.ended")) == 1


def test_no_call_outlasts_its_window() -> None:
    test, effects = play(fresh(window=10.0), *ANSWERED, finished(7.1), LATE)
    assert isinstance(test, HangingUp)
    assert orders(effects) == ["HangUp"]
    assert test.facts.hung_up_because == "window_end"


def test_a_stop_is_ordered_again_while_hanging_up() -> None:
    stop = events.StopRaised(at=9.0, source="button")
    _, effects = play(fresh(), *ANSWERED, Withdrawn(by="technician"), stop)
    assert orders(effects) == ["HangUp", "HangUp"]


STORY = st.lists(
    st.one_of(
        st.just(LATE),
        st.floats(0, 200).flatmap(
            lambda at: st.sampled_from(
                [
                    dialled(at),
                    answered(at),
                    answered(at, weak=True),
                    started(at),
                    finished(at),
                    finished(at, complete=False),
                    *(key(at, pressed) for pressed in "1950#"),
                    confirmed(at, "1"),
                    ended(at),
                    ended(at, Cause.EMERGENCY),
                    events.StopRaised(at=at, source="command"),
                    events.AudioFailed(**HEADER, at=at, detail="dead"),
                    Withdrawn(by="technician"),
                ]
            )
        ),
    ),
    max_size=30,
)


@given(STORY)
def test_any_story_ends_exactly_once(story: list[AttemptInput]) -> None:
    test, effects = play(fresh(), *story)
    for _ in range(12):
        test, more = play(test, LATE)
        effects += more
    assert isinstance(test, Concluded)
    assert len(rows(effects, "call.ended")) == 1
    sent = [effect.order for effect in effects if isinstance(effect, Send)]
    assert all(isinstance(order, HangUp | Play) for order in sent)


# -- the result ----------------------------------------------------------------------------------

LEVELS = Levels(
    seconds=5.0,
    active_dbfs=-20.0,
    peak_dbfs=-6.0,
    clipped=0,
    leading_silence=0.0,
    trailing_silence=0.0,
)
GOOD = Downlink(byte_count=80000, seconds=5.0, levels=LEVELS)


def ready(audio: str = "pcm-serial", *witnesses: Witness) -> events.LineReady:
    return events.LineReady(
        line="one",
        at=0.0,
        family="sim7600",
        model="SIM7600",
        imei="001010123450018",
        iccid="8999900000000000014",
        witnesses=witnesses or (Witness.MODULE, Witness.HOST),
        audio=audio,
    )


PASSED = concluded(fresh(), *ANSWERED, *ALL_KEYS, confirmed(5.1, "9"), LATE, ended(8.5))
KEYLESS = concluded(fresh(), *ANSWERED, finished(7.1), ended(12, Cause.REMOTE_HANG_UP))
INTERRUPTED = concluded(
    fresh(), *ANSWERED, finished(7.1), Withdrawn(by="technician"), ended(9, Cause.LOCAL_HANG_UP)
)
SHUT = concluded(fresh(window=10.0), *ANSWERED, finished(7.1), TimeReached(), ended(11))
MACHINE = concluded(
    fresh(),
    *ANSWERED,
    events.MachineHeard(**HEADER, at=6.0, machine=Machine.FAX, evidence="CNG"),
    ended(9),
)
UNANSWERED = concluded(fresh(), ended(20, Cause.BUSY))


def test_a_test_of_a_module_that_promises_no_keys_proves_them() -> None:
    line = replace(ready(audio="module-file"), witnesses=(), imei="001010123450018")
    for test, proven in ((PASSED, True), (KEYLESS, False)):
        kept = {"sim": selftest_result.to_json(test, line, None, NOON)}
        assert selftest_result.module_heard(kept, line.imei, "module-file") is proven


def test_a_passed_test_has_nothing_to_say() -> None:
    found = selftest_result.to_json(PASSED, ready(), GOOD, NOON)
    assert found["passed"]
    assert found["findings"] == []
    assert found["keys"] == {name: ["module", "host"] for name in KEYS}
    assert found["downlink"] == {
        "bytes": 80000, "bytes_per_second": 16000, "speech_dbfs": -20.0, "peak_dbfs": -6.0,
    }  # fmt: skip
    assert found["at"] == "2027-03-09T17:00:00Z"


@pytest.mark.parametrize(
    ("test", "line", "downlink", "words"),
    [
        (concluded(fresh(), LATE, ended(70)), ready(), GOOD, "Nobody answered"),
        (KEYLESS, ready(), GOOD, "If the phone was silent"),
        (KEYLESS, ready("none"), None, "no voice path"),
        (PASSED, ready("module-file", Witness.MODULE), None, "the module alone hears keys"),
        (PASSED, ready(), replace(GOOD, byte_count=0, levels=None), "Not one sample"),
        (PASSED, ready(), replace(GOOD, byte_count=160000), "16 kHz"),
        (
            PASSED,
            ready(),
            replace(GOOD, levels=replace(LEVELS, peak_dbfs=-96.0)),
            "digitally silent",
        ),
        (
            concluded(fresh(), *ANSWERED, *ALL_KEYS, LATE, ended(8.5)),
            ready(),
            GOOD,
            "The host did not hear 9",
        ),
        (
            concluded(fresh(), answered(1.0), started(2.0), *ALL_KEYS, LATE, ended(8.5)),
            ready(),
            GOOD,
            "1000 ms after the answer",
        ),
        (concluded(fresh(), *ANSWERED, *ALL_KEYS, LATE, LATE), ready(), GOOD, "not confirmed"),
        (KEYLESS, replace(ready(), witnesses=()), None, "Nobody can hear keys"),
        (PASSED, replace(ready(), witnesses=()), None, "this line may call"),
    ],
)
def test_what_ails_is_said(
    test: Concluded, line: events.LineReady, downlink: Downlink | None, words: str
) -> None:
    said = selftest_result.findings(test, line, downlink)
    assert any(words in sentence for sentence in said), said


@pytest.mark.parametrize(
    ("test", "audio", "downlink", "dead"),
    [
        (KEYLESS, "pcm-serial", GOOD, True),
        (KEYLESS, "module-file", None, False),
        (KEYLESS, "alsa", GOOD, False),
        (PASSED, "pcm-serial", GOOD, False),
        (concluded(fresh(), LATE, ended(70)), "pcm-serial", GOOD, False),
        (concluded(fresh(), *ANSWERED, ended(5)), "pcm-serial", GOOD, False),
        (
            concluded(fresh(), *ANSWERED, ended(5)),
            "pcm-serial",
            Downlink(byte_count=0, seconds=0.0, levels=None),
            True,
        ),
        (
            concluded(
                fresh(),
                *ANSWERED,
                finished(7.1),
                events.StopRaised(at=8.0, source="button"),
                ended(9),
            ),
            "pcm-serial",
            GOOD,
            False,
        ),
        (INTERRUPTED, "pcm-serial", GOOD, False),
        (SHUT, "pcm-serial", GOOD, False),
        (replace(KEYLESS, confirmed=False), "pcm-serial", GOOD, False),
    ],
)
def test_what_proves_the_stream_dead(
    test: Concluded, audio: str, downlink: Downlink | None, dead: bool
) -> None:
    assert selftest_result.stream_is_dead(test, ready(audio), downlink) is dead


def test_the_newest_result_of_each_sim_is_kept(tmp_path: Path) -> None:
    first = selftest_result.to_json(KEYLESS, ready(), GOOD, NOON)
    second = selftest_result.to_json(PASSED, ready(), GOOD, NOON + timedelta(hours=1))
    other = {**first, "iccid": None, "line": "two"}
    for found in (first, other, second):
        selftest_result.keep(tmp_path / "state", found)
    kept = selftest_result.load(tmp_path / "state")
    assert kept == {"8999900000000000014": second, "two": other}
    assert selftest_result.of_line(kept, "one", "8999900000000000014") == second
    assert selftest_result.of_line(kept, "one", None) == second
    assert selftest_result.of_line(kept, "one", "8999900000000000099") is None
    assert selftest_result.of_line(kept, "two", None) == other


@pytest.mark.parametrize("test", [INTERRUPTED, SHUT])
def test_nothing_is_concluded_from_a_test_that_was_cut_short(test: Concluded) -> None:
    (said,) = selftest_result.findings(test, ready(), GOOD)
    assert "cut short" in said


@pytest.mark.parametrize("vain", [UNANSWERED, INTERRUPTED, MACHINE])
def test_a_test_that_says_nothing_takes_no_proof_away(tmp_path: Path, vain: Concluded) -> None:
    line = ready("module-file")
    proof = selftest_result.to_json(PASSED, line, None, NOON)
    later = selftest_result.to_json(vain, line, None, NOON + timedelta(hours=1))
    selftest_result.keep(tmp_path, later)
    assert selftest_result.load(tmp_path)[line.iccid or ""] == later, "better than nothing"
    selftest_result.keep(tmp_path, proof)
    selftest_result.keep(tmp_path, later)
    kept = selftest_result.load(tmp_path)
    assert kept == {line.iccid: proof | {"vain_at": later["at"]}}
    assert selftest_result.module_heard(kept, line.imei, "module-file")
    # Also that of another card in the same module.
    selftest_result.keep(tmp_path, later | {"iccid": "8999900000000000022"})
    assert selftest_result.module_heard(selftest_result.load(tmp_path), line.imei, "module-file")
    # A test that ran to its end does.
    failed = selftest_result.to_json(KEYLESS, line, None, NOON + timedelta(hours=2))
    selftest_result.keep(tmp_path, failed)
    assert not selftest_result.module_heard(
        selftest_result.load(tmp_path), line.imei, "module-file"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}'])
def test_a_damaged_file_holds_no_result(tmp_path: Path, text: str) -> None:
    (tmp_path / selftest_result.FILE).write_text(text)
    assert selftest_result.load(tmp_path) == {}
