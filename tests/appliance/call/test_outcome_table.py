"""Every outcome from the facts and the end that make it, on both sides of each boundary."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from appliance.call import attempt, incoming, keys, outcome, state
from appliance.call.outcome import (
    HANG_UP_MACHINES,
    End,
    Facts,
    Press,
    confirmed,
    evidence,
    missed,
    told,
)
from appliance.model import Outcome
from firmware.events import Cause, Machine

LOCAL, REMOTE = Cause.LOCAL_HANG_UP, Cause.REMOTE_HANG_UP
NOBODY = [
    (Cause.BUSY, Outcome.BUSY),
    (Cause.NO_ANSWER, Outcome.NO_ANSWER),
    (Cause.REJECTED, Outcome.REJECTED),
    (Cause.UNREACHABLE, Outcome.UNREACHABLE),
]
NINE = (Press("9", "host"),)


def ended(cause: Cause | None, at: float = 60.0, *, talked: bool = False) -> End:
    return End(cause=cause, at=at, evidence="e", code=None, confirmed=True, talked=talked)


@pytest.mark.parametrize("cause", [*Cause, None])
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # The order of what wins, whatever the line says: each beats all below it.
        ({"opted_out": True, "message_complete": True, "stopped": "button"}, Outcome.OPTED_OUT),
        ({"message_complete": True, "stopped": "button", "audio_failure": "x"}, Outcome.LISTENED),
        ({"stopped": "button", "audio_failure": "x", "chosen_at": 9.0}, Outcome.STOPPED),
        ({"audio_failure": "x", "chosen_at": 9.0, "machine": Machine.SIT}, Outcome.FAILED),
        ({"chosen_at": 9.0, "machine": Machine.SIT, "answered_at": 3.0}, Outcome.PARTIAL),
        ({"machine": Machine.SIT, "answered_at": 3.0}, Outcome.UNREACHABLE),
        ({"machine": Machine.BEEP, "answered_at": 3.0}, Outcome.VOICEMAIL),
        ({"machine": Machine.FAX, "answered_at": 3.0}, Outcome.VOICEMAIL),
    ],
)
def test_what_wins_over_the_last_words(
    facts: dict[str, Any], expected: Outcome, cause: Cause | None
) -> None:
    stopped = cause is Cause.EMERGENCY and not {"opted_out", "message_complete"} & set(facts)
    assert outcome.outcome(Facts(**facts), ended(cause)) is (
        Outcome.STOPPED if stopped else expected
    )


ANSWERED = {"dialled_at": 0.0, "ringing_at": 2.0, "answered_at": 10.0}
WEAK = {"dialled_at": 0.0, "weak_answer": "w", "weak_at": 10.0}


@pytest.mark.parametrize(
    ("facts", "end", "expected"),
    [
        *[(ANSWERED, ended(cause), Outcome.DECLINED) for cause, _ in NOBODY],
        (ANSWERED, ended(REMOTE), Outcome.DECLINED),
        (ANSWERED, ended(LOCAL), Outcome.DECLINED),
        (ANSWERED, ended(None), Outcome.DECLINED),
        (ANSWERED, ended(Cause.FAILED), Outcome.FAILED),
        (ANSWERED, ended(Cause.LINE_LOST), Outcome.FAILED),
        (ANSWERED | {"machine": Machine.MONOLOGUE}, ended(REMOTE), Outcome.VOICEMAIL),
        # A busy tone up to six seconds after the answer is the network's.
        (ANSWERED | {"machine": Machine.BUSY_TONE, "machine_at": 16.0}, ended(None), Outcome.BUSY),
        (
            ANSWERED | {"machine": Machine.BUSY_TONE, "machine_at": 16.1},
            ended(None),
            Outcome.DECLINED,
        ),
        (
            ANSWERED | {"machine": Machine.BUSY_TONE, "machine_at": 12.0, "asked_at": 11.0},
            ended(None),
            Outcome.DECLINED,
        ),
        (
            ANSWERED | {"machine": Machine.BUSY_TONE, "machine_at": 12.0, "presses": NINE},
            ended(None),
            Outcome.DECLINED,
        ),
        # Where a tone has shown nobody, the network may know better why.
        *[
            (ANSWERED | {"machine": Machine.BUSY_TONE, "machine_at": 12.0}, ended(cause), known)
            for cause, known in NOBODY
        ],
        # Ringback over the answer: nobody, unless something was played whole since.
        (
            ANSWERED | {"machine": Machine.RINGBACK, "machine_at": 12.0},
            ended(REMOTE),
            Outcome.NO_ANSWER,
        ),
        (
            ANSWERED | {"machine": Machine.RINGBACK, "machine_at": 12.0, "asked_at": 11.9},
            ended(REMOTE),
            Outcome.NO_ANSWER,
        ),
        (
            ANSWERED | {"machine": Machine.RINGBACK, "machine_at": 12.0, "asked_at": 12.0},
            ended(REMOTE),
            Outcome.DECLINED,
        ),
        (
            ANSWERED | {"machine": Machine.RINGBACK, "machine_at": 12.0, "presses": NINE},
            ended(REMOTE),
            Outcome.DECLINED,
        ),
        # An answer that may have been ringback.
        (WEAK, ended(REMOTE), Outcome.DECLINED),
        (WEAK, ended(LOCAL, talked=True), Outcome.DECLINED),
        (WEAK | {"greeting_at": 11.0}, ended(LOCAL), Outcome.DECLINED),
        (WEAK | {"hung_up_because": "ring_timeout"}, ended(LOCAL), Outcome.NO_ANSWER),
        (WEAK, ended(LOCAL), Outcome.FAILED),
        (WEAK, ended(Cause.BUSY, 10.9), Outcome.BUSY),
        (WEAK, ended(Cause.BUSY, 11.0), Outcome.DECLINED),
        (WEAK | {"introduced": True}, ended(Cause.BUSY, 10.1), Outcome.DECLINED),
        # No answer at all.
        *[({"dialled_at": 0.0}, ended(cause), known) for cause, known in NOBODY],
        ({"dialled_at": 0.0}, ended(LOCAL, talked=True), Outcome.DECLINED),
        ({"dialled_at": 0.0}, ended(REMOTE, 24.9), Outcome.UNREACHABLE),
        ({"dialled_at": 0.0}, ended(REMOTE, 25.0), Outcome.NO_ANSWER),
        ({"dialled_at": 0.0, "ringing_at": 5.0}, ended(REMOTE, 29.9), Outcome.REJECTED),
        ({"dialled_at": 0.0, "ringing_at": 5.0}, ended(REMOTE, 30.0), Outcome.NO_ANSWER),
        ({}, ended(REMOTE), Outcome.UNREACHABLE),
        ({}, ended(LOCAL), Outcome.FAILED),
        ({"hung_up_because": "stop"}, ended(LOCAL), Outcome.FAILED),  # it was never dialled
        ({"dialled_at": 0.0}, ended(LOCAL), Outcome.FAILED),
        ({"ringing_at": 0.0}, ended(LOCAL), Outcome.FAILED),
        ({"dialled_at": 0.0, "hung_up_because": "x"}, ended(LOCAL), Outcome.NO_ANSWER),
        ({"ringing_at": 0.0, "hung_up_because": "x"}, ended(None), Outcome.NO_ANSWER),
        (
            {"dialled_at": 0.0, "machine": Machine.BUSY_TONE, "hung_up_because": "x"},
            ended(LOCAL),
            Outcome.BUSY,
        ),
        ({}, ended(Cause.EMERGENCY), Outcome.STOPPED),
    ],
)
def test_the_one_outcome(facts: dict[str, Any], end: End, expected: Outcome) -> None:
    assert outcome.outcome(Facts(**facts), end) is expected


def test_sounds_that_no_person_makes() -> None:
    assert {Machine.BEEP, Machine.FAX, Machine.SIT} == HANG_UP_MACHINES


def test_an_end_as_it_was_not_told() -> None:
    assert End.untold(7.5) == End(
        cause=None,
        at=7.5,
        evidence="the line did not confirm the end in time",
        code=None,
        confirmed=False,
        talked=False,
    )


OPEN, OTHER = Press("9", "host"), Press("1", "module")
HEARD = Press("9", "host", confirmed_by="module", confirmed_sureness=0.988)
LOST = Press("9", "host", missed_by="module")


@pytest.mark.parametrize(
    ("presses", "after"),
    [
        ((OPEN,), (HEARD,)),
        ((OTHER, OPEN, OPEN), (OTHER, HEARD, OPEN)),  # the oldest open one of that key
        ((HEARD, OPEN), (HEARD, HEARD)),
        ((LOST, OPEN, OTHER), (LOST, HEARD, OTHER)),
        ((HEARD,), (HEARD,)),
        ((LOST,), (LOST,)),
        ((OTHER,), (OTHER,)),
        ((Press("9", "module"),), (Press("9", "module"),)),  # its own word confirms nothing
        ((), ()),
    ],
)
def test_the_other_witness_confirms(presses: tuple[Press, ...], after: tuple[Press, ...]) -> None:
    assert confirmed(presses, "9", "module", 0.98765) == after


@pytest.mark.parametrize(
    ("presses", "after"),
    [
        ((OPEN,), (LOST,)),
        ((OTHER, OPEN, OPEN), (OTHER, LOST, OPEN)),
        ((LOST, OPEN), (LOST, LOST)),
        ((HEARD, OPEN, OTHER), (HEARD, LOST, OTHER)),
        ((HEARD,), (HEARD,)),
        ((OTHER,), (OTHER,)),
        ((Press("9", "module"),), (Press("9", "module"),)),
        ((), ()),
    ],
)
def test_the_other_witness_heard_nothing(
    presses: tuple[Press, ...], after: tuple[Press, ...]
) -> None:
    assert missed(presses, "9", "host", "module") == after


def test_keys_as_the_ledger_has_them() -> None:
    assert told((HEARD, LOST, OTHER)) == [
        {"key": "9", "witness": "host", "confirmed_by": "module", "confirmed_sureness": 0.988},
        {"key": "9", "witness": "host", "missed_by": "module"},
        {"key": "1", "witness": "module"},
    ]


def test_the_evidence_holds_what_is_known_and_nothing_else() -> None:
    end = ended(REMOTE)
    assert evidence(Facts(), end) == {"end": "e", "confirmed": True}
    full = Facts(
        answer="a",
        weak_answer="w",
        hung_up_because="h",
        machine=Machine.BEEP,
        machine_evidence="m",
        audio_failure="f",
        message_ms=0,
        withdrawn="sms",
        stopped="button",
        chosen_at=0.0,
        presses=(OTHER,),
    )
    assert evidence(full, replace(end, code=0, confirmed=False)) == {
        "end": "e",
        "confirmed": False,
        "code": 0,
        "answer": "a",
        "weak_answer": "w",
        "hung_up_because": "h",
        "machine": Machine.BEEP.value,
        "machine_evidence": "m",
        "audio_failure": "f",
        "message_ms": 0,
        "withdrawn": "sms",
        "stop": "button",
        "message_complete": False,
        "keys": [{"key": "1", "witness": "module"}],
    }


def test_nothing_is_known_at_first() -> None:
    known = {f.name: f.default for f in fields(Facts) if f.default not in (None, False, ())}
    assert known == {"greetings": 1}
    assert Facts().repeats == 0


def test_documented_figures() -> None:
    assert outcome.NETWORK_RING_SECONDS == 25.0
    assert outcome.MOST_GREETINGS == 2
    assert (outcome.TALK_SECONDS, outcome.BUSY_SECONDS) == (1.0, 6.0)
    assert attempt.GREETING_RESTART == 1.5
    assert state.MONOLOGUE_WAIT == 2.0
    assert keys.MAX_PRESS_ROWS == 32
    assert incoming.ANSWER_WITHIN == 20.0
