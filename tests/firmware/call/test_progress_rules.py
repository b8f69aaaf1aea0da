"""Each rule of the progress alone: what one notice or read makes of a state that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from firmware.at.calls import CallRow, CallState, call_list
from firmware.call.facts import (
    Alerting,
    AnswerClaimed,
    AnswerConfirmed,
    AnswerDenied,
    EndClaimed,
    Fact,
    Over,
)
from firmware.call.progress import Phase, Progress, _outlived
from firmware.call.release import EndSign
from firmware.events import Cause
from firmware.families import FAMILIES

LEFT = "the call left the call list"
NEW = Progress(family=FAMILIES["sim7600"], began=0.0)
DONGLE = Progress(family=FAMILIES["huawei"], began=0.0)
BARE = EndSign(evidence="NO CARRIER")
BUSY = EndSign(evidence="BUSY", cause=Cause.BUSY)
CODED = EndSign(evidence="^CEND", cause=Cause.BUSY, code=17, certain=True)
BEFORE = EndSign(evidence="before", early=True)
BEFORE_CODED = replace(CODED, evidence="before, coded", early=True)


def rows(*lines: str) -> tuple[CallRow, ...]:
    return call_list([f'+CLCC: {line},"",128' for line in lines]).rows


NOBODY: tuple[CallRow, ...] = ()
DIALS, RINGS, ACTIVE, HELD = (rows(f"1,0,{state},0,0") for state in (2, 3, 0, 1))


def at_phase(phase: Phase, **known: object) -> Progress:
    """A call that has come as far as that, in the way that calls do."""
    given: dict[str, object] = {"phase": phase, "row_seen": True, "index": 1, "begun": True}
    if phase >= Phase.ALERTING:
        given["alerted_at"] = 1.0
    if phase in (Phase.CLAIMED, Phase.ANSWERED):
        given |= {"answer_evidence": "BEGIN", "claimed_at": 5.0}
    return replace(NEW, **(given | known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "ending", "urgent"),
    [
        (NEW, False, False),
        (at_phase(Phase.ALERTING), False, False),
        (at_phase(Phase.CLAIMED), False, True),
        (at_phase(Phase.ANSWERED), False, False),
        (at_phase(Phase.ANSWERED, ends=(BARE,)), True, True),
        (at_phase(Phase.CLAIMED, ends=(BARE,)), True, True),
        (at_phase(Phase.OVER, ends=(BARE,)), False, False),
        (at_phase(Phase.OVER), False, False),
    ],
)
def test_what_waits_for_the_call_list(state: Progress, ending: bool, urgent: bool) -> None:
    assert (state.ending, state.urgent) == (ending, urgent)


@pytest.mark.parametrize(
    ("known", "lists_calls", "blind"),
    [
        ({}, None, False),
        ({"row_seen": True, "listed": False, "told_blind": True}, True, False),
        ({"row_seen": True}, True, False),
        ({"told_blind": True}, None, True),
        ({"listed": False}, None, True),
        ({"listed": True}, None, False),
        ({"listed": True, "told_blind": True}, None, True),
        # What has shown itself otherwise, and was missing twice.
        ({"alerted_at": 1.0, "blank_reads": 1}, None, False),
        ({"alerted_at": 1.0, "blank_reads": 2}, False, False),
        ({"answer_evidence": "BEGIN", "blank_reads": 2}, False, False),
        ({"blank_reads": 9}, None, False),
    ],
)
def test_what_the_list_is_worth(
    known: dict[str, object], lists_calls: bool | None, blind: bool
) -> None:
    state = replace(NEW, **known)  # type: ignore[arg-type]
    assert (state.lists_calls, state.blind) == (lists_calls, blind)


@pytest.mark.parametrize(
    ("ends", "early", "talked", "told"),
    [
        ((), True, False, False),
        ((BARE,), False, False, False),
        ((BEFORE,), True, False, False),
        ((BEFORE, BARE), False, False, False),
        ((BARE, BUSY), False, False, True),
        ((replace(BARE, talked=True), BUSY), False, True, True),
    ],
)
def test_what_the_ends_say(
    ends: tuple[EndSign, ...], early: bool, talked: bool, told: bool
) -> None:
    state = replace(NEW, ends=ends)
    assert (state.ended_early, state.talked, state.cause_told) == (early, talked, told)


@pytest.mark.parametrize("phase", [Phase.DIALLING, Phase.ALERTING, Phase.CLAIMED, Phase.ANSWERED])
def test_nothing_happens_after_the_end_but_late_words(phase: Phase) -> None:
    assert phase < Phase.OVER
    over = at_phase(Phase.OVER, answer_evidence="BEGIN", empties=9, empty_at=0.0)
    for state, facts in (
        over.rows(ACTIVE, 900.0),
        over.rows(NOBODY, 900.0),
        over.list_unreadable(900.0),
        over.tick(900.0),
        over.finished("again"),
        over.link_lost("gone"),
        over.urc("VOICE CALL: BEGIN", 900.0),
        over.urc("RDY", 900.0),
        over.dial_final("OK", 900.0),
        over.dial_final("CONNECT", 900.0),
        over.dial_final("+CME ERROR: 30", 900.0),
    ):
        assert (state, facts) == (over, ())


# -- notices and results --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "seen", "accepted", "begun"),
    [
        (NEW, "=OK", True, True),
        (NEW, "=CONNECT", True, False),
        (NEW, "VOICE CALL: BEGIN", True, False),
        (NEW, '+CLCC: 1,0,3,0,0,"",128', True, False),
        (NEW, DIALS, True, False),
        # A bare word may be the last one of the call before; a cause is this one's.
        (NEW, "=NO CARRIER", True, False),
        (NEW, "=BUSY", True, True),
        (replace(NEW, begun=True), "=NO CARRIER", True, True),
        (NEW, "NO CARRIER", False, False),
        (NEW, "RING", False, False),
        (NEW, NOBODY, False, False),
    ],
)
def test_what_shows_that_the_dial_was_taken(
    state: Progress, seen: str | Sequence[CallRow], accepted: bool, begun: bool
) -> None:
    if not isinstance(seen, str):
        after, _ = state.rows(seen, 1.0)
    elif seen[0] == "=":
        after, _ = state.dial_final(seen[1:], 1.0)
    else:
        after, _ = state.urc(seen, 1.0)
    assert (after.accepted, after.begun) == (accepted, begun)


@pytest.mark.parametrize(
    ("known", "early"),
    [
        ({}, True),
        ({"begun": True}, False),
        ({"row_seen": True}, False),
        ({"told_at": 0.0}, False),
    ],
)
@pytest.mark.parametrize("line", ["NO CARRIER", '+CLCC: 1,0,6,0,0,"",128'])
def test_an_end_before_any_sign_may_be_another_calls(
    line: str, known: dict[str, object], early: bool
) -> None:
    after, facts = replace(NEW, **known).urc(line, 1.0)  # type: ignore[arg-type]
    assert facts == (EndClaimed(evidence=line),)
    assert [end.early for end in after.ends] == [early]
    # A second one changes nothing, and is kept.
    after, facts = after.urc("BUSY", 1.1)
    assert facts == ()
    assert [end.evidence for end in after.ends] == [line, "BUSY"]


@pytest.mark.parametrize(
    ("line", "answered", "talked"),
    [
        ("^CEND:1,9,104", False, False),
        ("^CEND:1,9,104", True, True),
        ("^CEND:1,0,104", True, False),
    ],
)
def test_counted_seconds_are_talk_where_an_answer_was_told(
    line: str, answered: bool, talked: bool
) -> None:
    after, _ = replace(DONGLE, answer_evidence="^CONN" if answered else "").urc(line, 9.0)
    assert after.talked is talked
    # What the module calls talk is that, whoever missed the answer.
    after, _ = NEW.urc("VOICE CALL: END: 000003", 9.0)
    assert after.talked


QUECTEL = replace(NEW, family=FAMILIES["quectel"])


@pytest.mark.parametrize(
    ("incoming", "line", "ours"),
    [
        (False, "^DSCI: 1,0,7,0,10086,129,0", True),
        (False, "^DSCI: 1,1,7,0,10086,129,0", False),
        (False, "^DSCI: 1,0,7,1,10086,129,0", False),
        (True, "^DSCI: 1,1,3,0,10086,129,0", True),
        (True, "^DSCI: 1,0,3,0,10086,129,0", False),
        (True, "^DSCI: 1,1,3,1,10086,129,0", False),
    ],
)
def test_a_notice_that_names_direction_and_mode_must_name_ours(
    incoming: bool, line: str, ours: bool
) -> None:
    state = replace(QUECTEL, incoming=incoming)
    after, facts = state.urc(line, 1.0)
    assert bool(facts) is ours
    assert (after != state) is ours
    # After the end too.
    over = replace(state, phase=Phase.OVER)
    after, facts = over.urc(line.replace(",7,", ",6,").replace(",3,", ",6,"), 1.0)
    assert facts == ()
    assert bool(after.ends) is ours


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ('+CLCC: 1,0,3,0,0,"",128', True),
        ('+CLCC: 2,0,3,0,0,"",128', False),
        ('+CLCC: 1,1,3,0,0,"",128', False),
        ('+CLCC: 1,0,3,1,0,"",128', False),
    ],
)
def test_a_row_that_comes_as_a_notice_must_be_ours(line: str, ours: bool) -> None:
    after, facts = replace(NEW, index=1).urc(line, 1.0)
    assert facts == ((Alerting(evidence=line.replace('""', '""')),) if ours else ())
    assert (after.told_at == 1.0) is ours
    # It says which call is ours where nothing has yet.
    after, _ = NEW.urc('+CLCC: 3,0,3,0,0,"",128', 1.0)
    assert after.index == 3


@pytest.mark.parametrize(
    ("number", "facts"),
    [
        (0, [AnswerConfirmed]),
        (1, [AnswerConfirmed]),
        (2, []),
        (3, [Alerting]),
        (4, []),
        (6, [EndClaimed]),
    ],
)
def test_the_states_of_a_row_that_comes_as_a_notice(number: int, facts: list[type[Fact]]) -> None:
    after, told = NEW.urc(f'+CLCC: 1,0,{number},0,0,"",128', 1.0)
    assert [type(fact) for fact in told] == facts
    assert not after.row_seen


@pytest.mark.parametrize("sign", ["DIALLING", "ALERTING", "ANSWERED"])
@pytest.mark.parametrize(
    ("known", "blind"),
    [
        ({}, False),
        ({"empties": 1, "empty_at": 0.5}, False),
        ({"empties": 2, "empty_at": 0.5}, True),
        ({"empties": 2, "empty_at": 0.5, "row_seen": True}, False),
        ({"told_blind": True}, True),
        ({"told_blind": True, "row_seen": True}, True),
    ],
)
def test_a_notice_after_empty_reads_shows_a_modem_that_lists_none(
    sign: str, known: dict[str, object], blind: bool
) -> None:
    line = {"DIALLING": "^ORIG:1,0", "ALERTING": "^CONF:1", "ANSWERED": "^CONN:1,0"}[sign]
    after, _ = replace(DONGLE, **known).urc(line, 7.0)  # type: ignore[arg-type]
    assert (after.told_at, after.told_blind) == (7.0, blind)


@pytest.mark.parametrize(
    ("state", "phase", "told"),
    [
        (NEW, Phase.ALERTING, True),
        (at_phase(Phase.ALERTING), Phase.ALERTING, False),
        # A claim stands, and that it rings is worth knowing.
        (at_phase(Phase.CLAIMED, alerted_at=None), Phase.CLAIMED, True),
        (at_phase(Phase.CLAIMED), Phase.CLAIMED, False),
        (at_phase(Phase.ANSWERED, alerted_at=None), Phase.ANSWERED, False),
        (replace(NEW, incoming=True), Phase.DIALLING, False),
    ],
)
def test_when_ringing_is_told(state: Progress, phase: Phase, told: bool) -> None:
    line = f'+CLCC: 1,{int(state.incoming)},3,0,0,"",128'
    after, facts = state.urc(line, 9.0)
    assert after.phase is phase
    assert facts == ((Alerting(evidence=line),) if told else ())
    assert after.alerted_at == (9.0 if told else state.alerted_at)


@pytest.mark.parametrize("phase", Phase)
def test_an_answer_is_claimed_once(phase: Phase) -> None:
    state = at_phase(phase, empties=4, empty_at=3.0)
    after, facts = state.urc("VOICE CALL: BEGIN", 9.0)
    if phase < Phase.CLAIMED:
        assert facts == (AnswerClaimed(evidence="VOICE CALL: BEGIN"),)
        assert (after.phase, after.claimed_at) == (Phase.CLAIMED, 9.0)
        # From here the empty reads are counted anew.
        assert (after.empties, after.empty_at) == (0, None)
    else:
        assert facts == ()
        assert (after.phase, after.empties) == (phase, 4)


def test_an_answer_counts_the_empty_reads_anew() -> None:
    state = replace(DONGLE, empties=2, empty_at=3.0, alerted_at=1.0, phase=Phase.ALERTING)
    after, _ = state.urc("^CONN:1,0", 9.0)
    assert (after.phase, after.empties, after.empty_at) == (Phase.ANSWERED, 0, None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [("RDY", "RDY"), ("+CPIN: NOT INSERTED", "+CPIN: NOT INSERTED"), ("POWER DOWN", "POWER DOWN")],
)
def test_a_module_that_starts_or_goes_has_no_call(line: str, reason: str) -> None:
    after, facts = at_phase(Phase.ANSWERED).urc(line, 9.0)
    assert facts == (Over(evidence=f"the module said {reason}"),)
    assert after.lost == f"the module said {reason}"


@pytest.mark.parametrize(
    ("result", "refused"),
    [("ERROR", "ERROR"), ("+CME ERROR: 30", "+CME ERROR: 30"), ("RING", "RING")],
)
def test_what_refuses_a_dial(result: str, refused: str) -> None:
    after, facts = NEW.dial_final(result, 1.0)
    assert facts == (Over(evidence=f"ATD: {refused}"),)
    assert after.refused == refused
    _, facts = replace(NEW, incoming=True).dial_final(result, 1.0)
    assert facts == (Over(evidence=f"ATA: {refused}"),)


# -- the call list --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "row", "denials", "seconds", "outlived"),
    [
        ((BARE,), CallState.ALERTING, 2, 99.0, False),
        ((BARE,), CallState.ALERTING, 3, 0.0, True),
        ((BUSY,), CallState.ALERTING, 3, 1.99, False),
        ((BUSY,), CallState.ALERTING, 3, 2.0, True),
        ((BARE, BUSY), CallState.DIALLING, 9, 1.0, False),
        ((BUSY,), CallState.ACTIVE, 2, 99.0, False),
        ((BUSY,), CallState.ACTIVE, 3, 0.0, True),
        ((BUSY,), CallState.HELD, 3, 0.0, True),
        ((CODED,), CallState.ALERTING, 3, 0.0, True),
        ((BUSY, CODED), CallState.ALERTING, 3, 0.0, True),
    ],
)
def test_when_a_row_has_outlived_an_end(
    ends: tuple[EndSign, ...], row: CallState, denials: int, seconds: float, outlived: bool
) -> None:
    state = at_phase(Phase.ALERTING, ends=ends, denials=denials)
    assert _outlived(state, row, seconds) is outlived


def test_the_reads_that_deny_an_end_are_counted() -> None:
    state = at_phase(Phase.ALERTING, ends=(BUSY,))
    for number, at in enumerate((10.0, 11.0, 11.9)):
        state, facts = state.rows(RINGS, at)
        assert facts == ()
        assert (state.denials, state.denied_at) == (number + 1, 10.0)
    state, _ = state.rows(RINGS, 12.0)
    assert (state.denials, state.denied_at, state.ends) == (0, None, ())


@pytest.mark.parametrize(
    ("ends", "over"),
    [
        ((BARE, CODED), "NO CARRIER"),
        ((CODED, BARE), "^CEND"),
        # Its cause was another call's.
        ((BEFORE_CODED, BARE), None),
        ((BARE, BUSY), None),
    ],
)
def test_an_end_with_its_cause_outlives_the_row(
    ends: tuple[EndSign, ...], over: str | None
) -> None:
    state = at_phase(Phase.ALERTING, ends=ends, denials=2, denied_at=0.0)
    after, facts = state.rows(RINGS, 9.0)
    assert facts == ((Over(evidence=over),) if over else ())
    assert after.ending is False
    assert after.ends == (ends if over else ())


def test_a_row_shows_that_an_early_end_was_another_calls() -> None:
    for ends in ((BEFORE,), (BEFORE, BEFORE_CODED)):
        state = replace(NEW, ends=ends)
        after, facts = state.rows(RINGS, 1.0)
        assert (after.ends, after.denials, after.row_seen) == ((), 0, True)
        assert facts == (Alerting(evidence="CLCC state 3"),)


def test_a_row_begins_the_count_of_empty_reads_anew() -> None:
    state = at_phase(Phase.ALERTING, empties=2, empty_at=4.0, blank_reads=2, accepted=False)
    after, _ = state.rows(RINGS, 5.0)
    assert (after.empties, after.empty_at, after.blank_reads) == (0, None, 2)
    assert after.accepted
    for number, at in enumerate((6.0, 7.0)):
        after, _ = after.rows(NOBODY, at)
        assert (after.empties, after.empty_at, after.blank_reads) == (number + 1, 6.0, number + 3)


@pytest.mark.parametrize(
    ("row", "alerted", "phase", "facts"),
    [
        (DIALS, None, Phase.DIALLING, ["denied 2"]),
        (DIALS, 1.0, Phase.ALERTING, ["denied 2"]),
        (RINGS, None, Phase.ALERTING, ["denied 3", "rings"]),
        (RINGS, 1.0, Phase.ALERTING, ["denied 3"]),
    ],
)
def test_a_row_that_dials_or_rings_denies_an_answer(
    row: Sequence[CallRow], alerted: float | None, phase: Phase, facts: list[str]
) -> None:
    state = at_phase(Phase.CLAIMED, alerted_at=alerted)
    after, told = state.rows(row, 9.0)
    words = {
        "denied 2": AnswerDenied(evidence="BEGIN denied by CLCC state 2"),
        "denied 3": AnswerDenied(evidence="BEGIN denied by CLCC state 3"),
        "rings": Alerting(evidence="CLCC state 3"),
    }
    assert list(told) == [words[name] for name in facts]
    assert (after.phase, after.answer_evidence) == (phase, "")


@pytest.mark.parametrize("number", [4, 5])
def test_a_row_that_rings_here_denies_an_answer_of_ours(number: int) -> None:
    state = replace(
        NEW, incoming=True, phase=Phase.CLAIMED, answer_evidence="OK to ATA", claimed_at=1.0
    )
    after, facts = state.rows(rows(f"1,1,{number},0,0"), 2.0)
    assert facts == (AnswerDenied(evidence=f"OK to ATA denied by CLCC state {number}"),)
    assert after.phase is Phase.DIALLING


@pytest.mark.parametrize(
    ("incoming", "index", "phase", "lines", "mine"),
    [
        (False, None, Phase.DIALLING, ["1,0,2,0,0"], 1),
        (False, None, Phase.DIALLING, ["1,1,4,0,0", "2,0,2,0,0"], 2),
        (False, None, Phase.DIALLING, ["1,0,2,1,0"], None),
        (False, None, Phase.DIALLING, ["1,0,6,0,0"], None),
        (False, 2, Phase.ALERTING, ["1,0,3,0,0", "2,0,3,0,0"], 2),
        # Handed on, it is under another id: the only one that can be ours.
        (False, 7, Phase.ALERTING, ["1,0,3,0,0"], 1),
        (False, 7, Phase.ALERTING, ["1,0,3,0,0", "2,0,3,0,0"], None),
        (False, 7, Phase.ANSWERED, ["1,0,0,0,0"], 1),
        (False, 7, Phase.ANSWERED, ["1,0,1,0,0"], 1),
        (False, 7, Phase.ANSWERED, ["1,0,3,0,0"], None),
        (False, 7, Phase.ANSWERED, ["1,0,0,0,0", "2,0,1,0,0"], None),
        (False, 7, Phase.ANSWERED, ["1,0,3,0,0", "2,0,0,0,0"], 2),
        # A second caller beside an answered one is another call, and so is one before an answer.
        (True, 7, Phase.ANSWERED, ["1,1,0,0,0"], 1),
        (True, 7, Phase.ANSWERED, ["1,1,5,0,0"], None),
        (True, 7, Phase.DIALLING, ["1,1,4,0,0"], None),
        (True, 7, Phase.DIALLING, ["1,1,0,0,0"], None),
        (True, None, Phase.DIALLING, ["1,1,4,0,0"], 1),
        (True, None, Phase.DIALLING, ["1,0,0,0,0"], None),
    ],
)
def test_which_row_is_ours(
    incoming: bool, index: int | None, phase: Phase, lines: list[str], mine: int | None
) -> None:
    state = at_phase(phase, incoming=incoming, index=index, row_seen=False)
    after, _ = state.rows(rows(*lines), 9.0)
    assert after.row_seen is (mine is not None)
    assert after.index == (index if mine is None else mine)


@pytest.mark.parametrize(
    ("known", "over"),
    [
        ({"ends": (BARE, BUSY), "empties": 0}, "NO CARRIER"),
        ({"ends": (BEFORE, BARE), "empties": 0}, "before"),
        ({"ends": (BEFORE, BEFORE_CODED), "empties": 4}, None),
        ({"ends": (BEFORE, BEFORE_CODED), "empties": 5}, "before"),
        # A modem that lists its calls, and not this one that it told of.
        ({"told_at": 0.0, "listed": True, "empties": 4}, None),
        ({"told_at": 0.0, "listed": True, "empties": 5}, LEFT),
        ({"told_at": 0.0, "listed": True, "told_blind": True, "empties": 5}, None),
        ({"told_at": 0.0, "listed": False, "empties": 5}, None),
        ({"told_at": 0.0, "empties": 5}, None),
        ({"listed": True, "empties": 5}, None),
        ({"told_at": 0.0, "listed": True, "row_seen": True, "empties": 5, "empty_at": 8.5}, None),
        ({"row_seen": True, "empties": 2, "empty_at": 7.0}, LEFT),
        ({"row_seen": True, "empties": 1, "empty_at": 7.0}, None),
        ({"row_seen": True, "empties": 2, "empty_at": 7.01}, None),
    ],
)
def test_an_empty_read(known: dict[str, object], over: str | None) -> None:
    given: dict[str, object] = {"empty_at": 0.0} | known
    state = replace(NEW, **given)  # type: ignore[arg-type]
    after, facts = state.rows(NOBODY, 9.0)
    assert facts == ((Over(evidence=over),) if over else ())
    assert after.phase is (Phase.OVER if over else Phase.DIALLING)


@pytest.mark.parametrize(
    ("known", "confirmed"),
    [
        # Two empty reads on a modem that has shown no row: the notice is all there is.
        ({"empties": 1}, True),
        ({"empties": 0}, False),
        ({"empties": 1, "row_seen": True}, False),
    ],
)
def test_a_claim_that_no_row_contradicts(known: dict[str, object], confirmed: bool) -> None:
    state = at_phase(Phase.CLAIMED, **({"row_seen": False, "empty_at": 5.0} | known))
    for blind in (False, True):
        after, facts = replace(state, told_blind=blind).rows(NOBODY, 6.0)
        weak = not blind
        assert facts == ((AnswerConfirmed(evidence="BEGIN", weak=weak),) if confirmed else ())
        assert after.unchecked is (confirmed and weak)


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        (at_phase(Phase.ALERTING), []),
        (at_phase(Phase.ANSWERED), []),
        (at_phase(Phase.CLAIMED), [AnswerConfirmed(evidence="BEGIN", weak=True)]),
        (at_phase(Phase.CLAIMED, ends=(BARE, BUSY)), [Over(evidence="NO CARRIER")]),
        (at_phase(Phase.DIALLING, ends=(BEFORE,)), [Over(evidence="before")]),
    ],
)
def test_a_list_that_cannot_be_read_leaves_claims_standing(
    state: Progress, facts: list[Fact]
) -> None:
    after, told = state.list_unreadable(9.0)
    assert list(told) == facts
    assert after.unchecked is (told != () and isinstance(told[0], AnswerConfirmed))


@pytest.mark.parametrize(
    ("known", "at", "over"),
    [
        ({}, 99.0, False),
        ({"empties": 1, "empty_at": 60.0}, 59.99, False),
        ({"empties": 1, "empty_at": 60.0}, 60.0, True),
        ({"empties": 1, "empty_at": 60.0, "row_seen": True}, 99.0, False),
        ({"empties": 3, "empty_at": 60.0, "row_seen": True}, 61.99, False),
        ({"empties": 3, "empty_at": 60.0, "row_seen": True}, 62.0, True),
        ({"empties": 1, "empty_at": 60.0, "told_at": 55.0}, 74.99, False),
        ({"empties": 1, "empty_at": 60.0, "told_at": 55.0}, 75.0, True),
        ({"empties": 1, "empty_at": 60.0, "told_at": 55.0, "phase": Phase.ALERTING}, 144.9, False),
        ({"empties": 1, "empty_at": 60.0, "told_at": 55.0, "phase": Phase.ALERTING}, 145.0, True),
        ({"empties": 1, "empty_at": 60.0, "told_at": 55.0, "phase": Phase.ANSWERED}, 234.9, False),
        ({"empties": 1, "empty_at": 60.0, "told_at": 55.0, "phase": Phase.ANSWERED}, 235.0, True),
        # A claim is settled by the reads themselves.
        ({"empties": 1, "empty_at": 60.0, "told_at": 55.0, "phase": Phase.CLAIMED}, 999.0, False),
        ({"told_at": 55.0}, 999.0, False),
    ],
)
def test_how_long_a_silent_call_is_waited_for(
    known: dict[str, object], at: float, over: bool
) -> None:
    state = replace(NEW, began=50.0, **known)  # type: ignore[arg-type]
    after, facts = state.tick(at)
    assert [type(fact) for fact in facts] == ([Over] if over else [])
    assert (after.phase is Phase.OVER) is over


# -- how sure an answer is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "alerted", "claimed", "at", "weak"),
    [
        ("sim7600", 1.0, None, 1.3, False),
        ("sim7600", 1.0, None, 1.2999, True),
        ("sim7600", None, None, 9.0, True),
        # It counts when it was told, not when the list agreed.
        ("sim7600", 1.0, 1.1, 9.0, True),
        ("sim7600", 1.0, 1.5, 9.0, False),
        ("a76xx", 1.0, None, 9.0, True),
    ],
)
@pytest.mark.parametrize("row", [ACTIVE, HELD])
def test_how_sure_a_listed_answer_is(
    family: str,
    alerted: float | None,
    claimed: float | None,
    at: float,
    weak: bool,
    row: Sequence[CallRow],
) -> None:
    state = replace(NEW, family=FAMILIES[family], alerted_at=alerted)
    state = replace(state, phase=Phase.DIALLING if alerted is None else Phase.ALERTING)
    evidence = f"CLCC state {int(row[0].state)}"
    if claimed is not None:
        state, _ = state.urc("VOICE CALL: BEGIN", claimed)
        evidence = f"VOICE CALL: BEGIN, {evidence}"
    after, facts = state.rows(row, at)
    assert facts == (AnswerConfirmed(evidence=evidence, weak=weak),)
    assert (after.phase, after.weak, after.unchecked) == (Phase.ANSWERED, weak, False)
    assert after.rows(row, at + 9.0)[1] == ()
    # One that we have answered ourselves is never in doubt.
    ours = replace(NEW, family=FAMILIES[family], incoming=True)
    ours, _ = ours.dial_final("OK", 1.0)
    unread, facts = ours.list_unreadable(1.1)
    assert facts == (AnswerConfirmed(evidence="OK to ATA", weak=False),)
    assert not unread.unchecked


@pytest.mark.parametrize(
    ("family", "alerted", "at", "told"),
    [
        ("sim7600", 1.0, 1.3, True),
        ("sim7600", 1.0, 1.2, False),
        ("sim7600", None, 9.0, False),
        ("a76xx", 1.0, 9.0, False),
    ],
)
def test_a_row_that_comes_later_is_looked_at_once(
    family: str, alerted: float | None, at: float, told: bool
) -> None:
    state = at_phase(
        Phase.ANSWERED, family=FAMILIES[family], alerted_at=alerted, weak=True, unchecked=True
    )
    after, facts = state.rows(ACTIVE, at)
    sure = AnswerConfirmed(evidence="BEGIN, CLCC state 0", weak=False)
    assert facts == ((sure,) if told else ())
    assert (after.unchecked, after.weak) == (False, not told)
    assert after.rows(ACTIVE, at + 9.0)[1] == ()
    # A list that cannot be read again changes nothing.
    assert state.list_unreadable(at) == (state, ())


# -- why it ended ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (at_phase(Phase.OVER, alerted_at=None), Cause.FAILED),
        (at_phase(Phase.OVER), Cause.NO_ANSWER),
        (at_phase(Phase.OVER, answer_evidence="BEGIN"), Cause.REMOTE_HANG_UP),
        (at_phase(Phase.OVER, alerted_at=None, incoming=True), Cause.REMOTE_HANG_UP),
        (
            at_phase(Phase.OVER, alerted_at=None, ends=(replace(BARE, talked=True),)),
            Cause.REMOTE_HANG_UP,
        ),
        (at_phase(Phase.OVER, answer_evidence="BEGIN", weak=True, ends=(CODED,)), Cause.BUSY),
        (at_phase(Phase.OVER, answer_evidence="BEGIN", ends=(CODED,)), Cause.REMOTE_HANG_UP),
        # Doubt of an answer that was denied is none of the caller's who rings here.
        (at_phase(Phase.OVER, incoming=True, weak=True, ends=(CODED,)), Cause.REMOTE_HANG_UP),
        (at_phase(Phase.OVER, came_back=True), Cause.FAILED),
        (at_phase(Phase.OVER, local=True), Cause.LOCAL_HANG_UP),
        (at_phase(Phase.OVER, emergency=True), Cause.EMERGENCY),
        (at_phase(Phase.OVER, lost="gone"), Cause.LINE_LOST),
        (at_phase(Phase.OVER, refused="ERROR"), Cause.FAILED),
    ],
)
def test_what_is_known_of_its_end(state: Progress, cause: Cause) -> None:
    release = state.release_cause(None)
    assert release.cause is cause
    assert release.talked is state.talked


def test_the_first_word_is_the_evidence_of_the_end() -> None:
    state = at_phase(Phase.ALERTING)
    for line in ("BUSY", "NO CARRIER"):
        state, _ = state.urc(line, 5.0)
    _, facts = state.rows(NOBODY, 5.1)
    assert facts == (Over(evidence="BUSY"),)


def test_the_words_after_the_end_are_kept_up_to_eight() -> None:
    over = at_phase(Phase.OVER)
    for _ in range(9):
        over, _ = over.urc("NO CARRIER", 9.0)
    assert len(over.ends) == 8
    for ours in (replace(over, ends=(), local=True), replace(over, ends=(), cutting=True)):
        assert ours.urc("NO CARRIER", 9.0)[0].ends == ()
