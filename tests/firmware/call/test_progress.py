"""One progress from notices, call list and dial result, whatever their order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.at.calls import CallRow, call_list
from firmware.call.facts import AnswerClaimed, AnswerConfirmed, AnswerDenied, Fact, mask
from firmware.call.progress import Phase, Progress
from firmware.events import Cause
from firmware.families import FAMILIES
from firmware.families.base import Family, talk_seconds

SIM7600 = FAMILIES["sim7600"]
GENERIC = FAMILIES["generic"]
HUAWEI = FAMILIES["huawei"]


def rows(*lines: str) -> tuple[CallRow, ...]:
    return call_list(lines).voice_rows


DIALLING = rows('+CLCC: 1,0,2,0,0,"+33639980001",145')
ALERTING = rows('+CLCC: 1,0,3,0,0,"+33639980001",145')
ACTIVE = rows('+CLCC: 1,0,0,0,0,"+33639980001",145')
Seen = str | Sequence[CallRow] | None
"""A notice, ``=`` and a dial result, a call list, or None for one that could not be read."""


def tell(
    seen: Iterable[Seen], family: Family = SIM7600, *, step: float = 1.0
) -> tuple[Progress, list[Fact]]:
    """Feed what was seen, *step* seconds apart; urgent questions are answered by the next one."""
    state = Progress(family=family, began=0.0)
    facts: list[Fact] = []
    for place, item in enumerate(seen):
        at = place * step
        if item is None:
            state, new = state.list_unreadable(at)
        elif isinstance(item, str):
            state, new = (
                state.dial_final(item[1:], at) if item.startswith("=") else state.urc(item, at)
            )
        else:
            state, new = state.rows(item, at)
        facts += new
    return state, facts


def kinds(facts: Iterable[Fact]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


@pytest.mark.parametrize(
    ("seen", "story"),
    [
        pytest.param(
            ["=OK", ALERTING, "VOICE CALL: BEGIN", ACTIVE, "VOICE CALL: END: 000034", ()],
            ["Alerting", "AnswerClaimed", "AnswerConfirmed", "EndClaimed", "Over"],
            id="as the manual says",
        ),
        pytest.param(
            ["=OK", ALERTING, ACTIVE, (), (), ()],
            ["Alerting", "AnswerConfirmed", "Over"],
            id="every notice lost",
        ),
        pytest.param(
            ["=OK", '+CLCC: 1,0,3,0,0,"x",129', '+CLCC: 1,0,0,0,0,"x",129', ACTIVE, (), (), ()],
            ["Alerting", "AnswerConfirmed", "Over"],
            id="rows as notices",
        ),
        pytest.param(
            ["=OK", ALERTING, "VOICE CALL: BEGIN", "VOICE CALL: BEGIN", ACTIVE, ACTIVE],
            ["Alerting", "AnswerClaimed", "AnswerConfirmed"],
            id="doubled",
        ),
        pytest.param(
            ["=OK", "VOICE CALL: BEGIN", ALERTING, ACTIVE],
            ["AnswerClaimed", "AnswerDenied", "Alerting", "AnswerConfirmed"],
            id="BEGIN while it still rings is no answer",
        ),
        pytest.param(
            ["=OK", ALERTING, "VOICE CALL: BEGIN", None],
            ["Alerting", "AnswerClaimed", "AnswerConfirmed"],
            id="call list unreadable",
        ),
        pytest.param(
            ["VOICE CALL: BEGIN", "=OK", ACTIVE],
            ["AnswerClaimed", "AnswerConfirmed"],
            id="notice before the result of ATD",
        ),
        pytest.param(
            ["=OK", DIALLING, "NO CARRIER", DIALLING, DIALLING, DIALLING, ALERTING],
            ["EndClaimed", "Alerting"],
            id="a late NO CARRIER of the call before",
        ),
        pytest.param(["=BUSY", ()], ["EndClaimed", "Over"], id="BUSY as the result of ATD"),
        pytest.param(["=ERROR"], ["Over"], id="dial refused"),
        pytest.param(
            ["=OK", ALERTING, "BUSY", "NO CARRIER", (), "NO CARRIER", ()],
            ["Alerting", "EndClaimed", "Over"],
            id="two ends are one",
        ),
        pytest.param(["=OK", ALERTING, "RDY"], ["Alerting", "Over"], id="module restarted"),
        pytest.param(
            ["=OK", rows('+CLCC: 1,0,0,1,0,"",128'), rows('+CLCC: 1,0,0,1,0,"",128')],
            [],
            id="a data row is nobody's call",
        ),
        pytest.param(
            ["=OK", rows('+CLCC: 1,1,0,0,0,"x",129')], [], id="an incoming call is not ours"
        ),
        pytest.param(
            ["=OK", DIALLING, rows('+CLCC: 1,0,2,0,0,"x",129', '+CLCC: 2,0,0,0,0,"y",129')],
            [],
            id="another call id is not ours",
        ),
        pytest.param(
            ["=OK", rows('+CLCC: 1, 0, 3, 0, 0, "x", 129, "Ada, wife",,0')],
            ["Alerting"],
            id="spaces, alpha with a comma, extra fields",
        ),
    ],
)
def test_story(seen: list[Seen], story: list[str]) -> None:
    assert kinds(tell(seen)[1]) == story


def answer_of(seen: list[Seen], family: Family = SIM7600, *, step: float = 1.0) -> AnswerConfirmed:
    return next(f for f in tell(seen, family, step=step)[1] if isinstance(f, AnswerConfirmed))


@pytest.mark.parametrize(
    ("seen", "family", "step", "weak"),
    [
        (["=OK", ALERTING, "VOICE CALL: BEGIN", ACTIVE], "sim7600", 1.0, False),
        (["=OK", ALERTING, ACTIVE], "generic", 0.5, False),
        (["=OK", ALERTING, "VOICE CALL: BEGIN", None], "sim7600", 1.0, True),
        (["=OK", ALERTING, "VOICE CALL: BEGIN", ACTIVE], "sim7600", 0.01, True),
        (["=OK", "VOICE CALL: BEGIN", ACTIVE], "sim7600", 1.0, True),
        (["=OK", ALERTING, "VOICE CALL: BEGIN", ACTIVE], "a76xx", 1.0, True),
        (["=OK", ALERTING, "VOICE CALL: BEGIN", (), (), ()], "sim7600", 1.0, False),
    ],
)
def test_weak_answers(seen: list[Seen], family: str, step: float, weak: bool) -> None:
    """Answers that the call list does not back, or that come with the ringing, are weak."""
    if weak or () not in seen:
        assert answer_of(seen, FAMILIES[family], step=step).weak is weak
    else:
        assert kinds(tell(seen, FAMILIES[family], step=step)[1])[-1] == "Over"


def test_a_later_row_makes_an_unchecked_answer_certain() -> None:
    _, facts = tell(["=OK", ALERTING, "VOICE CALL: BEGIN", None, ACTIVE, ACTIVE])
    confirmed = [fact.weak for fact in facts if isinstance(fact, AnswerConfirmed)]
    assert confirmed == [True, False]


@pytest.mark.parametrize(
    ("family", "step", "told"),
    [
        ("sim7600", 1.0, [True, False]),
        # At the very start of ringing, and on a family whose answers are weak, no row is proof.
        ("sim7600", 0.01, [True]),
        ("a76xx", 1.0, [True]),
    ],
)
def test_a_later_row_is_looked_at_once(family: str, step: float, told: list[bool]) -> None:
    """The rows after it change nothing, though they come later."""
    seen: list[Seen] = ["=OK", ALERTING, "VOICE CALL: BEGIN", None, *[ACTIVE] * 4]
    state, facts = tell(seen, FAMILIES[family], step=step)
    assert [fact.weak for fact in facts if isinstance(fact, AnswerConfirmed)] == told
    assert not state.unchecked


@pytest.mark.parametrize(
    ("seen", "end_cause", "cause", "code"),
    [
        (["=OK", ALERTING, "NO CARRIER", ()], "+CEER: 17", Cause.BUSY, 17),
        (["=OK", ALERTING, "NO CARRIER", ()], "+CEER: User busy", Cause.BUSY, 17),
        (["=OK", ALERTING, "NO CARRIER", ()], '+CEER: "21 Call rejected"', Cause.REJECTED, 21),
        (["=OK", ALERTING, "NO CARRIER", ()], "+CEER: 5,19", Cause.NO_ANSWER, 19),
        (["=OK", ALERTING, "NO ANSWER", ()], None, Cause.NO_ANSWER, None),
        (["=OK", ALERTING, "BUSY", ()], None, Cause.BUSY, None),
        (["=OK", ALERTING, "BUSY", ()], "+CEER: 21", Cause.REJECTED, 21),
        (["=OK", "NO CARRIER", ()], "+CEER: 1", Cause.UNREACHABLE, 1),
        (["=OK", "NO CARRIER", ()], "+CEER: 3", Cause.UNREACHABLE, 3),
        (["=OK", "NO CARRIER", ()], "+CEER: 20", Cause.UNREACHABLE, 20),
        (["=OK", "NO CARRIER", ()], "+CEER: 22", Cause.UNREACHABLE, 22),
        (["=OK", "NO CARRIER", ()], "+CEER: 27", Cause.UNREACHABLE, 27),
        (["=OK", "NO CARRIER", ()], "+CEER: Invalid/incomplete number", Cause.UNREACHABLE, 28),
        (["=OK", "NO CARRIER", ()], '+CEER: "31 Normal unspecified"', Cause.UNREACHABLE, 31),
        (["=OK", "NO CARRIER", ()], "+CEER: 42", Cause.FAILED, 42),
        (["=OK", "NO CARRIER", ()], None, Cause.FAILED, None),
        (["=OK", "NO CARRIER", ()], '+CEER: "0 Unknown"', Cause.FAILED, None),
        (["=OK", ALERTING, "NO CARRIER", ()], None, Cause.NO_ANSWER, None),
        (["=OK", ALERTING, ACTIVE, "NO CARRIER", ()], "+CEER: 16", Cause.REMOTE_HANG_UP, 16),
        (["=OK", ALERTING, ACTIVE, "NO CARRIER", ()], "+CEER: 41", Cause.REMOTE_HANG_UP, 41),
        (["=OK", ALERTING, ACTIVE, (), ()], None, Cause.REMOTE_HANG_UP, None),
        # Perhaps the cause of the call before: in doubt somebody has answered.
        (
            ["=OK", "VOICE CALL: BEGIN", None, "NO CARRIER", ()],
            "+CEER: 17",
            Cause.REMOTE_HANG_UP,
            None,
        ),
        # Nobody saw the answer, but the module counted it.
        (["=OK", "VOICE CALL: END: 000003", ()], None, Cause.REMOTE_HANG_UP, None),
        (["=OK", "VOICE CALL: END: 000000", ()], None, Cause.FAILED, None),
        (["=NO DIALTONE", ()], None, Cause.FAILED, None),
        # A number that says something else is that of an earlier call.
        (["=NO DIALTONE", ()], "+CEER: 16", Cause.FAILED, None),
        (["=OK", "BUSY", ()], "+CEER: 16", Cause.BUSY, None),
        (["=+CME ERROR: 30"], None, Cause.FAILED, None),
        (["=+CME ERROR: 30"], "+CEER: 16", Cause.FAILED, None),
        (["=+CME ERROR: 30"], "+CEER: 34", Cause.FAILED, 34),
        (["=OK", ALERTING, "RDY"], None, Cause.LINE_LOST, None),
    ],
)
def test_verdict(seen: list[Seen], end_cause: str | None, cause: Cause, code: int | None) -> None:
    release = tell(seen)[0].release_cause(end_cause)
    assert (release.cause, release.code) == (cause, code)


@pytest.mark.parametrize(
    ("line", "cause", "code"),
    [
        ("^CEND:1,0,67,17", Cause.BUSY, 17),
        ("^CEND: 1, 0, 67, 21", Cause.REJECTED, 21),
        ("^CEND:1,0,255", Cause.FAILED, None),
        ("^CEND:1,0,104,31", Cause.UNREACHABLE, 31),
        ("^CEND: 1,,101,17,0", Cause.BUSY, 17),
        ("^CEND:1,0,104,", Cause.FAILED, None),
    ],
)
def test_huawei_end_with_cause(line: str, cause: Cause, code: int | None) -> None:
    release = tell(["=OK", line, ()], FAMILIES["huawei"])[0].release_cause(None)
    assert (release.cause, release.code) == (cause, code)


def test_the_last_word_of_the_call_before_is_denied_by_the_row_of_this_one() -> None:
    """Its cause too, in either order: the result and the notice come from two threads."""
    for last in (["^CEND:1,12,104,16", "=OK", "^CONF:1"], ["=NO CARRIER", "^CEND:1,12,104,16"]):
        state, facts = tell([*last, ALERTING], HUAWEI)
        assert state.phase is Phase.ALERTING
        assert kinds(facts) == ["EndClaimed", "Alerting"]
    state, _ = tell(["^CEND:1,12,104,16", "=OK", ALERTING, "^CEND:1,0,67,17", ()], HUAWEI)
    release = state.release_cause(None)
    assert (release.cause, release.code) == (Cause.BUSY, 17)


def test_a_call_not_yet_listed_is_not_over_because_the_one_before_ended() -> None:
    state, facts = tell(["VOICE CALL: END: 000010", "=OK", (), (), ALERTING, ACTIVE])
    assert kinds(facts) == ["EndClaimed", "Alerting", "AnswerConfirmed"]
    assert state.phase is Phase.ANSWERED


def test_an_end_that_came_before_the_result_of_the_dial_is_believed_without_a_row() -> None:
    release = tell(["^CEND:1,0,67,17", "=NO CARRIER", ()], HUAWEI)[0].release_cause(None)
    assert (release.cause, release.code) == (Cause.BUSY, 17)


def test_quectel_numbers_its_states_its_own_way() -> None:
    seen: list[Seen] = [
        "=OK",
        "^DSCI: 1,0,2,0,10086,129,0",
        "^DSCI: 1,0,7,0,10086,129,0",
        "^DSCI: 1,0,3,0,10086,129,0",
        "^DSCI: 1,0,6,0,10086,129,0",
        (),
    ]
    assert kinds(tell(seen, FAMILIES["quectel"])[1]) == [
        "Alerting",
        "AnswerConfirmed",
        "EndClaimed",
        "Over",
    ]


def test_our_own_hang_up_is_ours_whatever_comes_after() -> None:
    state, _ = tell(["=OK", ALERTING, ACTIVE])
    state, facts = state.hang_up_ordered().finished("hung up by the box")
    assert kinds(facts) == ["Over"]
    state, facts = state.urc("NO CARRIER", 9.0)
    assert not facts
    assert state.release_cause("+CEER: 16").cause is Cause.LOCAL_HANG_UP
    assert state.hang_up_ordered(emergency=True).release_cause(None).cause is Cause.EMERGENCY


@pytest.mark.parametrize("began", [0.0, 100.0])
def test_a_call_that_never_shows_itself_is_given_up(began: float) -> None:
    state, _ = tell(["=OK", ()])
    state, facts = replace(state, began=began).tick(began + SIM7600.timing.row_missing - 0.1)
    assert not facts
    _, facts = state.tick(began + SIM7600.timing.row_missing)
    assert kinds(facts) == ["Over"]


ORDER = [
    '+CLCC: 1,0,2,0,0,"x",129',
    '+CLCC: 1,0,3,0,0,"x",129',
    "VOICE CALL: BEGIN",
    '+CLCC: 1,0,0,0,0,"x",129',
]


@pytest.mark.parametrize("notices", list(itertools.permutations(ORDER)))
def test_answered_once_in_any_order(notices: tuple[str, ...]) -> None:
    state, facts = tell(["=OK", *notices, ACTIVE])
    assert state.phase is Phase.ANSWERED
    assert kinds(facts).count("AnswerConfirmed") == 1


NOTICES = st.sampled_from(
    [
        *ORDER,
        '+CLCC: 1,0,6,0,0,"x",129',
        "VOICE CALL: END: 000012",
        "VOICE CALL:END:",
        "NO CARRIER",
        "BUSY",
        "NO ANSWER",
        "RING",
        '+CLIP: "+33639980001",145',
        "+CREG: 1",
        "+RXDTMF: 1",
        "^DSCI: 1,0,3,0,10086,129,0",
        "RDY",
        "=OK",
        "=NO CARRIER",
        "=CONNECT",
        "gar\ufffdbage",
        "+CLCC: ,,,",
    ]
)
LISTS = st.sampled_from([(), DIALLING, ALERTING, ACTIVE, rows('+CLCC: 2,1,4,0,0,"y",129')])


@given(
    st.lists(st.one_of(NOTICES, LISTS, st.none()), max_size=30),
    st.sampled_from(sorted(FAMILIES)),
    st.sampled_from([0.01, 0.5]),
)
def test_any_sequence_tells_at_most_one_story(seen: list[Seen], family: str, step: float) -> None:
    """One end, at most one ringing, no answer after the end, and an empty list heals all."""
    state, facts = tell([*seen, *[()] * 8], FAMILIES[family], step=step)
    state, late = state.tick(1000.0)
    story = kinds([*facts, *late])
    assert state.phase is Phase.OVER
    assert story.count("Over") == 1
    assert story[-1] == "Over"
    assert story.count("Alerting") <= 1
    confirmed = [fact.weak for fact in facts if isinstance(fact, AnswerConfirmed)]
    assert confirmed in ([], [True], [False], [True, False])
    claims = [f for f in facts if isinstance(f, AnswerClaimed | AnswerDenied)]
    for first, second in itertools.pairwise(claims):
        assert type(first) is not type(second)
    state.release_cause(None)


def test_lines_of_another_call_change_nothing() -> None:
    state, _ = tell(["=OK", ALERTING])
    for line in ('+CLCC: 1,1,6,0,0,"y",129', '+CLCC: 3,0,6,0,0,"y",129', "RING", '+CMTI: "SM",2'):
        assert state.urc(line, 5.0) == (state, ())


def test_durations_are_hours_minutes_seconds() -> None:
    assert talk_seconds("001404") == 844


def test_evidence_shows_no_number() -> None:
    assert "639980001" not in mask('+CLCC: 1,0,0,0,0,"+33639980001",145')
    assert mask("^DSCI: 1,0,3,0,10086,129,0", "10086") == "^DSCI: 1,0,3,0,•••,129,0"
    assert mask("VOICE CALL: END: 000034") == "VOICE CALL: END: 000034"
    assert mask("x" * 81) == "x" * 80


@pytest.mark.parametrize(
    ("seen", "urgent"),
    [
        ([], False),
        (["=OK", ALERTING], False),
        # An answer that the list has not agreed to, and an end that it has not.
        (["=OK", ALERTING, "VOICE CALL: BEGIN"], True),
        (["=OK", ALERTING, "VOICE CALL: BEGIN", ACTIVE], False),
        (["=OK", ALERTING, "NO CARRIER"], True),
        (["=OK", ALERTING, ACTIVE, "VOICE CALL: END"], True),
        (["=OK", ALERTING, ACTIVE, "VOICE CALL: END", ()], False),
    ],
)
def test_the_list_is_read_at_once_while_something_waits_for_it(
    seen: list[Seen], urgent: bool
) -> None:
    assert tell(seen)[0].urgent is urgent


def test_a_modem_that_repeats_itself_fills_no_memory() -> None:
    state, _ = tell(["=OK", ALERTING, *["NO CARRIER"] * 30])
    assert len(state.ends) == 8
