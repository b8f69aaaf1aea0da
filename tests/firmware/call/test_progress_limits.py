"""How many reads and how many seconds decide over a call: each fact at its very moment."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from firmware.at.calls import CallRow, call_list
from firmware.call.facts import (
    Alerting,
    AnswerClaimed,
    AnswerConfirmed,
    AnswerDenied,
    EndClaimed,
    Fact,
    Over,
)
from firmware.call.progress import Phase, Progress
from firmware.events import Cause
from firmware.families import FAMILIES

BEGIN, END, GONE = "VOICE CALL: BEGIN", "VOICE CALL: END: 000034", "NO CARRIER"
LEFT = "the call left the call list"


def rows(*lines: str) -> tuple[CallRow, ...]:
    return call_list(lines).rows


def row(state: int, index: int = 1, direction: int = 0, mode: int = 0) -> tuple[CallRow, ...]:
    return rows(f'+CLCC: {index},{direction},{state},{mode},0,"+33639980001",145')


DIALS, RINGS, ACTIVE, HELD = row(2), row(3), row(0), row(1)
NOBODY: tuple[CallRow, ...] = ()
Step = tuple[float, str | Sequence[CallRow] | None, list[Fact]]
"""When; a notice, ``=`` and a result, a list, ``tick``, or None for a list without answer; what
follows."""

RANG = Alerting(evidence="CLCC state 3")
CLAIM = AnswerClaimed(evidence=BEGIN)
ENDS = EndClaimed(evidence=GONE)
SURE = AnswerConfirmed(evidence=f"{BEGIN}, CLCC state 0", weak=False)
WEAK = AnswerConfirmed(evidence=f"{BEGIN}, CLCC state 0", weak=True)
PICKED_UP = AnswerConfirmed(evidence="CLCC state 0", weak=False)

OK: Step = (0.1, "=OK", [])
CALLS: dict[str, list[Step]] = {
    "an answer a third of a second after the ringing began": [
        OK,
        (1.0, RINGS, [RANG]),
        (1.3, BEGIN, [CLAIM]),
        (1.5, ACTIVE, [SURE]),
    ],
    "an answer sooner than that": [
        OK,
        (1.0, RINGS, [RANG]),
        (1.29, BEGIN, [CLAIM]),
        # It counts when it was told, not when the list agreed.
        (9.0, ACTIVE, [WEAK]),
        (9.5, ACTIVE, []),
    ],
    "an answer by the row alone": [OK, (1.0, RINGS, [RANG]), (1.3, ACTIVE, [PICKED_UP])],
    "held is answered": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, HELD, [AnswerConfirmed(evidence="CLCC state 1", weak=False)]),
    ],
    "no ringing before it": [
        OK,
        (1.0, DIALS, []),
        (9.0, ACTIVE, [AnswerConfirmed(evidence="CLCC state 0", weak=True)]),
    ],
    "claimed, denied and claimed again": [
        OK,
        (1.0, BEGIN, [CLAIM]),
        (1.1, DIALS, [AnswerDenied(evidence=f"{BEGIN} denied by CLCC state 2")]),
        (2.0, BEGIN, [CLAIM]),
        (2.1, RINGS, [AnswerDenied(evidence=f"{BEGIN} denied by CLCC state 3"), RANG]),
        (3.0, BEGIN, [CLAIM]),
        (3.1, ACTIVE, [SURE]),
    ],
    "a list that cannot be read": [
        OK,
        (0.5, None, []),
        (1.0, RINGS, [RANG]),
        (2.0, BEGIN, [CLAIM]),
        (2.1, None, [AnswerConfirmed(evidence=BEGIN, weak=True)]),
        (2.5, None, []),
        # The later row makes it certain: it came long after the ringing began.
        (3.0, ACTIVE, [SURE]),
        (4.0, GONE, [ENDS]),
        (4.1, None, [Over(evidence=GONE)]),
        (4.2, None, []),
    ],
    "an early claim that a much later row makes certain": [
        OK,
        (1.0, RINGS, [RANG]),
        (1.1, BEGIN, [CLAIM]),
        (1.2, None, [AnswerConfirmed(evidence=BEGIN, weak=True)]),
        (5.0, ACTIVE, [SURE]),
        (6.0, ACTIVE, []),
    ],
    "a claim that two empty reads do not contradict": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, BEGIN, [CLAIM]),
        (2.1, NOBODY, []),
        (2.2, NOBODY, []),
    ],
    "a claim on a modem that shows no row": [
        OK,
        (2.0, BEGIN, [CLAIM]),
        (2.1, NOBODY, []),
        (2.2, NOBODY, [AnswerConfirmed(evidence=BEGIN, weak=True)]),
    ],
    # A row that is gone without a word: three empty reads and two seconds.
    "three reads, and less than two seconds": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, ACTIVE, [PICKED_UP]),
        (3.0, NOBODY, []),
        (3.5, NOBODY, []),
        (4.0, NOBODY, []),
        (4.99, "tick", []),
        (5.0, "tick", [Over(evidence=LEFT)]),
        (5.5, "tick", []),
    ],
    "two seconds, and less than three reads": [
        OK,
        (1.0, RINGS, [RANG]),
        (3.0, NOBODY, []),
        (9.0, NOBODY, []),
        (9.5, "tick", []),
        (9.6, NOBODY, [Over(evidence=LEFT)]),
    ],
    "back before that": [
        OK,
        (1.0, RINGS, [RANG]),
        (3.0, NOBODY, []),
        (4.0, NOBODY, []),
        (4.5, RINGS, []),
        (5.0, NOBODY, []),
        (6.0, NOBODY, []),
        (6.9, NOBODY, []),
        (7.0, "tick", [Over(evidence=LEFT)]),
    ],
    "handed on under another id": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, ACTIVE, [PICKED_UP]),
        (3.0, NOBODY, []),
        (3.5, row(0, index=4), []),
        (4.0, row(0, index=1), []),
        (5.0, rows(*('+CLCC: 7,0,0,0,0,"",128', '+CLCC: 8,0,0,0,0,"",128')), []),
        (6.0, rows(*('+CLCC: 7,0,0,0,0,"",128', '+CLCC: 8,0,0,0,0,"",128')), []),
        (7.1, NOBODY, [Over(evidence=LEFT)]),
    ],
    # An end that a row contradicts: three reads outweigh a bare word.
    "an end that was none": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, GONE, [ENDS]),
        (2.1, RINGS, []),
        (2.2, RINGS, []),
        (2.3, RINGS, []),
        (5.0, GONE, [ENDS]),
        (5.1, RINGS, []),
        (5.2, NOBODY, [Over(evidence=GONE)]),
    ],
    "a word with a cause that was none, for two seconds": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, "BUSY", [EndClaimed(evidence="BUSY")]),
        (2.5, RINGS, []),
        (3.0, RINGS, []),
        (3.5, RINGS, []),
        (4.4, RINGS, []),
        # The same end still, told once more.
        (4.45, "BUSY", []),
        (4.5, RINGS, []),
        # It has outlived it: the next word is a new one.
        (5.0, "BUSY", [EndClaimed(evidence="BUSY")]),
        (5.1, NOBODY, [Over(evidence="BUSY")]),
    ],
    "somebody who talks is not busy": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, ACTIVE, [PICKED_UP]),
        (3.0, "BUSY", [EndClaimed(evidence="BUSY")]),
        (3.1, ACTIVE, []),
        (3.2, ACTIVE, []),
        (3.3, ACTIVE, []),
        (4.0, "BUSY", [EndClaimed(evidence="BUSY")]),
    ],
    # A call that never shows itself.
    "never a row": [
        OK,
        (1.0, NOBODY, []),
        (9.99, "tick", []),
        (10.0, "tick", [Over(evidence="the call never appeared in the call list")]),
    ],
    "never a row, and the list never read": [OK, (99.0, "tick", [])],
    "refused": [(0.1, "=+CME ERROR: 30", [Over(evidence="ATD: +CME ERROR: 30")])],
    "answered by the result of the dial": [
        (0.1, "=CONNECT", [AnswerClaimed(evidence="CONNECT")]),
    ],
    "restarted": [OK, (1.0, "RDY", [Over(evidence="the module said RDY")]), (1.1, "RDY", [])],
    "no call of ours": [
        OK,
        (1.0, row(0, direction=1), []),
        (1.1, row(0, mode=1), []),
        (1.2, row(6), []),
        (1.3, RINGS, [RANG]),
    ],
}
MUTE: dict[str, list[Step]] = {
    "silent while it dials": [
        OK,
        (1.0, "^ORIG:1,0", []),
        (1.1, NOBODY, []),
        (20.99, "tick", []),
        (21.0, "tick", [Over(evidence="a modem that lists no calls was silent for 20 s")]),
    ],
    "silent while it rings": [
        OK,
        (1.0, "^ORIG:1,0", []),
        (2.0, "^CONF:1", [Alerting(evidence="^CONF:1")]),
        (2.1, NOBODY, []),
        (91.99, "tick", []),
        (92.0, "tick", [Over(evidence="a modem that lists no calls was silent for 90 s")]),
    ],
    "silent after the answer": [
        OK,
        (2.0, "^CONF:1", [Alerting(evidence="^CONF:1")]),
        (5.0, "^CONN:1,0", [AnswerConfirmed(evidence="^CONN:1,0", weak=False)]),
        (5.1, NOBODY, []),
        (184.99, "tick", []),
        (185.0, "tick", [Over(evidence="a modem that lists no calls was silent for 180 s")]),
    ],
    "an end with its cause is believed after three reads": [
        OK,
        (1.0, RINGS, [RANG]),
        (2.0, "^CEND:1,0,67,17", [EndClaimed(evidence="^CEND:1,0,67,17")]),
        (2.1, RINGS, []),
        (2.2, RINGS, []),
        (2.3, RINGS, [Over(evidence="^CEND:1,0,67,17")]),
    ],
    "an end before any sign waits for six empty reads": [
        (0.1, "^CEND:1,0,67,17", [EndClaimed(evidence="^CEND:1,0,67,17")]),
        *((0.2 + n / 10, NOBODY, []) for n in range(5)),
        (0.9, NOBODY, [Over(evidence="^CEND:1,0,67,17")]),
    ],
}


def run(steps: list[Step], state: Progress) -> Progress:
    for at, seen, facts in steps:
        if seen is None:
            state, new = state.list_unreadable(at)
        elif seen == "tick":
            state, new = state.tick(at)
        elif isinstance(seen, str):
            state, new = state.dial_final(seen[1:], at) if seen[0] == "=" else state.urc(seen, at)
        else:
            state, new = state.rows(seen, at)
        assert list(new) == facts, (at, seen)
    return state


@pytest.mark.parametrize("steps", CALLS.values(), ids=CALLS.keys())
def test_a_listed_call(steps: list[Step]) -> None:
    run(steps, Progress(family=FAMILIES["sim7600"], began=0.0))


@pytest.mark.parametrize("steps", MUTE.values(), ids=MUTE.keys())
def test_a_call_of_a_dongle(steps: list[Step]) -> None:
    run(steps, Progress(family=FAMILIES["huawei"], began=0.0))


def test_a_modem_that_lists_its_calls_and_not_this_one() -> None:
    steps: list[Step] = [
        OK,
        (1.0, "^ORIG:1,0", []),
        *((2.0 + n, NOBODY, []) for n in range(5)),
        (7.0, NOBODY, [Over(evidence=LEFT)]),
    ]
    run(steps, Progress(family=FAMILIES["huawei"], began=0.0, listed=True))
    # A notice after empty reads proves that it lists none: it is waited for.
    steps = [OK, (1.0, NOBODY, []), (1.1, NOBODY, []), (1.2, "^ORIG:1,0", [])]
    steps += [(2.0 + n, NOBODY, []) for n in range(8)]
    state = run(steps, Progress(family=FAMILIES["huawei"], began=0.0, listed=True))
    assert state.blind


@pytest.mark.parametrize(
    ("steps", "lists_calls", "blind"),
    [
        ([OK], None, False),
        ([OK, (1.0, RINGS, [RANG])], True, False),
        ([OK, (1.0, NOBODY, []), (2.0, NOBODY, [])], None, False),
        (
            [OK, (0.5, "^CONF:1", [Alerting(evidence="^CONF:1")]), (1.0, NOBODY, [])],
            None,
            False,
        ),
        (
            [
                OK,
                (0.5, "^CONF:1", [Alerting(evidence="^CONF:1")]),
                (1.0, NOBODY, []),
                (2.0, NOBODY, []),
            ],
            False,
            False,
        ),
        (
            [
                OK,
                (1.0, NOBODY, []),
                (2.0, NOBODY, []),
                (3.0, "^CONF:1", [Alerting(evidence="^CONF:1")]),
            ],
            False,
            True,
        ),
    ],
)
def test_whether_the_modem_lists_its_calls(
    steps: list[Step], lists_calls: bool | None, blind: bool
) -> None:
    state = run(steps, Progress(family=FAMILIES["huawei"], began=0.0))
    assert (state.lists_calls, state.blind) == (lists_calls, blind)


def test_an_incoming_call_is_answered_by_ourselves() -> None:
    up = row(0, direction=1)
    steps: list[Step] = [
        (0.1, row(4, direction=1), []),
        (0.2, ACTIVE, []),
        (1.0, "=OK", [AnswerClaimed(evidence="OK to ATA")]),
        (
            1.1,
            up,
            [AnswerConfirmed(evidence="OK to ATA, CLCC state 0", weak=False)],
        ),
        (2.0, "=NO CARRIER", [EndClaimed(evidence="NO CARRIER")]),
        (2.1, NOBODY, [Over(evidence="NO CARRIER")]),
    ]
    state = run(steps, Progress(family=FAMILIES["sim7600"], began=0.0, incoming=True))
    assert (state.command, state.phase) == ("ATA", Phase.OVER)
    assert state.release_cause(None).cause is Cause.REMOTE_HANG_UP


def test_what_is_known_at_the_beginning() -> None:
    state = Progress(family=FAMILIES["sim7600"], began=5.0)
    flags = (
        state.incoming, state.accepted, state.begun, state.row_seen, state.told_at is not None,
        state.told_blind, state.ending, state.weak, state.unchecked, state.local, state.cutting,
        state.came_back, state.emergency, state.urgent, state.blind, state.talked,
        state.cause_told,
    )  # fmt: skip
    assert not any(flags)
    assert (state.empties, state.blank_reads, state.denials) == (0, 0, 0)
    assert state.ended_early


def test_seconds_that_are_counted_from_the_dial_are_no_talk() -> None:
    dongle = Progress(family=FAMILIES["huawei"], began=0.0)
    unheard = run([OK, (1.0, "^CEND:1,9,104", [EndClaimed(evidence="^CEND:1,9,104")])], dongle)
    assert not unheard.talked
    answer: list[Step] = [
        (0.5, "^CONF:1", [Alerting(evidence="^CONF:1")]),
        (2.0, "^CONN:1,0", [AnswerConfirmed(evidence="^CONN:1,0", weak=False)]),
    ]
    heard = run(
        [OK, *answer, (9.0, "^CEND:1,9,104", [EndClaimed(evidence="^CEND:1,9,104")])], dongle
    )
    assert heard.talked


def test_what_comes_after_the_end_is_kept_only_where_the_far_end_ended_it() -> None:
    ended = run(
        [OK, (1.0, RINGS, [RANG]), (2.0, GONE, [ENDS]), (2.1, NOBODY, [Over(evidence=GONE)])],
        Progress(family=FAMILIES["sim7600"], began=0.0),
    )
    assert [end.evidence for end in ended.urc("BUSY", 3.0)[0].ends] == [GONE, "BUSY"]
    assert ended.urc("RING", 3.0)[0].ends == ended.ends
    for ours in (ended.cut(), ended.cut(came_back=True).cut()):
        assert ours.urc("BUSY", 3.0)[0].ends == ended.ends
        assert ours.cutting
    assert ended.cut(came_back=True).cut().came_back
    assert not ended.cut().came_back
    assert not ended.hang_up_ordered().local
    assert ended.hang_up_ordered(emergency=True).hang_up_ordered().emergency


def test_an_order_to_hang_up_is_remembered() -> None:
    state = run([OK, (1.0, RINGS, [RANG])], Progress(family=FAMILIES["sim7600"], began=0.0))
    ordered = state.hang_up_ordered()
    assert (ordered.local, ordered.emergency) == (True, False)
    stopped = state.hang_up_ordered(emergency=True).hang_up_ordered()
    assert (stopped.local, stopped.emergency) == (True, True)
    over, facts = ordered.finished("hung up by the box")
    assert facts == (Over(evidence="hung up by the box"),)
    assert over.finished("again") == (over, ())
    lost, facts = state.link_lost("gone")
    assert (lost.lost, facts) == ("gone", (Over(evidence="gone"),))
    assert over.link_lost("gone") == (over, ())
