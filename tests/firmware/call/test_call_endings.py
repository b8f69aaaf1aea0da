"""What a call's end is, whatever words, ids and reads go with it.

Each row is a call as some modem tells it; the next spelling is one more row. Sources: logs and
issues of chan_dongle (K3715, E1752: no rows), chan_quectel (rows that come back under another id),
SIMCom field notes (an answer without ringing; the cause of the call before in AT+CEER).
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from firmware.at.calls import CallRow, call_list
from firmware.call.facts import AnswerConfirmed, Fact
from firmware.call.progress import Phase, Progress
from firmware.events import Cause
from firmware.families import FAMILIES

Seen = str | Sequence[CallRow] | None
"""A notice, ``=`` and a dial result, ``+N`` seconds without anything, a call list, or None."""


def row(state: int, call_id: int = 1, *, incoming: bool = False) -> tuple[CallRow, ...]:
    return call_list((f'+CLCC: {call_id},{int(incoming)},{state},0,0,"x",129',)).voice_rows


DIALLING, ALERTING, ACTIVE = row(2), row(3), row(0)


def tell(
    seen: Sequence[Seen],
    family: str = "sim7600",
    *,
    step: float = 0.5,
    listed: bool | None = None,
    incoming: bool = False,
) -> tuple[Progress, list[Fact]]:
    state = Progress(family=FAMILIES[family], began=0.0, listed=listed, incoming=incoming)
    facts: list[Fact] = []
    at = 0.0
    for item in seen:
        at += step
        if item is None:
            state, new = state.list_unreadable(at)
        elif not isinstance(item, str):
            state, new = state.rows(item, at)
        elif item.startswith("="):
            state, new = state.dial_final(item[1:], at)
        elif item.startswith("wait "):
            until = at + float(item[5:])
            new = ()
            while at < until:
                at += step
                state, more = state.rows((), at)
                new += more
        else:
            state, new = state.urc(item, at)
        facts += new
    return state, facts


RANG: list[Seen] = ["=OK", DIALLING, ALERTING, ALERTING]
ANSWERED: dict[str, list[Seen]] = {
    "sim7600": [*RANG, "VOICE CALL: BEGIN", ACTIVE],
    "a76xx": [*RANG, "VOICE CALL: BEGIN", ACTIVE],
    "huawei": ["=OK", "^ORIG:1,0", "^CONF:1", ALERTING, "^CONN:1,0", ACTIVE],
    "quectel": ["=OK", "^DSCI: 1,0,7,0,x,129,0", ALERTING, "^DSCI: 1,0,3,0,x,129,0", ACTIVE],
    "sim800": [*RANG, "MO CONNECTED", ACTIVE],
    "generic": [*RANG, ACTIVE],
}
WORDS: dict[str, list[Seen]] = {
    "BUSY": ["BUSY"],
    "NO ANSWER": ["NO ANSWER"],
    "BUSY after END": ["VOICE CALL: END: 000007", "BUSY"],
    "NO CARRIER": ["NO CARRIER"],
}


@pytest.mark.parametrize(
    "end_cause", [None, "+CEER: 17", "+CEER: User busy", "+CEER: 19", "+CEER: 21", "+CEER: 27"]
)
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("family", sorted(ANSWERED.keys() - {"a76xx"}))
def test_an_answered_call_is_what_it_was_whatever_its_last_words(
    family: str, words: str, end_cause: str | None
) -> None:
    state, _ = tell([*ANSWERED[family], *WORDS[words], ()], family)
    assert state.phase is Phase.OVER
    release = state.release_cause(end_cause)
    assert release.cause is Cause.REMOTE_HANG_UP
    assert release.code is None


@pytest.mark.parametrize("cause", [17, 18, 19, 21, 1, 27])
def test_huawei_names_a_cause_for_an_answered_call(cause: int) -> None:
    seen = [*ANSWERED["huawei"], f"^CEND:1,7,67,{cause}", "BUSY", ()]
    release = tell(seen, "huawei")[0].release_cause(f"+CEER: {cause}")
    assert (release.cause, release.code, release.talked) == (Cause.REMOTE_HANG_UP, None, True)


QUICK: dict[str, list[Seen]] = {
    "huawei": ["=OK", "^ORIG:1,0", "^CONN:1,0", ACTIVE],
    "sim7600": ["=OK", "VOICE CALL: BEGIN", ACTIVE],
    "generic": ["=OK", DIALLING, ACTIVE],
}
RANG_HUAWEI: list[Seen] = ["=OK", "^ORIG:1,0", "^CONF:1", ALERTING]
REMOTE = Cause.REMOTE_HANG_UP


@pytest.mark.parametrize(
    ("family", "call", "last", "cause", "talked"),
    [
        # An answer without ringing is weak, but the module has counted the talk.
        ("sim7600", QUICK["sim7600"], ["VOICE CALL: END: 000005", "BUSY"], REMOTE, True),
        ("a76xx", ANSWERED["a76xx"], ["VOICE CALL: END: 000005", "NO ANSWER"], REMOTE, True),
        ("huawei", QUICK["huawei"], ["^CEND:1,5,67,17", "BUSY"], REMOTE, True),
        # Seconds without an answer are those of the ringing (chan_dongle).
        ("huawei", RANG_HUAWEI, ["^CEND:1,5,67,17", "BUSY"], Cause.BUSY, False),
        ("huawei", RANG_HUAWEI, ["^CEND:1,0,67,21", "NO CARRIER"], Cause.REJECTED, False),
        # Nothing was counted, and a notice of this call names the cause: the box decides.
        ("generic", QUICK["generic"], ["BUSY"], Cause.BUSY, False),
        # Only AT+CEER, which may tell of the call before.
        ("generic", QUICK["generic"], ["NO CARRIER"], REMOTE, False),
    ],
)
def test_an_answer_without_ringing(
    family: str, call: list[Seen], last: list[Seen], cause: Cause, talked: bool
) -> None:
    release = tell([*call, *last, ()], family)[0].release_cause("+CEER: 17")
    assert (release.cause, release.talked) == (cause, talked)


BLIND: list[Seen] = ["=OK", "^ORIG:1,0", (), (), "^CONF:1"]


@pytest.mark.parametrize("ringing", [8.0, 30.0, 60.0], ids=lambda seconds: f"rings {seconds:g} s")
@pytest.mark.parametrize("talk", [5.0, 60.0])
def test_a_modem_that_lists_no_calls_is_believed(ringing: float, talk: float) -> None:
    seen = [*BLIND, f"wait {ringing}", "^CONN:1,0", f"wait {talk}"]
    state, facts = tell(seen, "huawei")
    assert state.phase is Phase.ANSWERED
    assert [f.weak for f in facts if isinstance(f, AnswerConfirmed)] == [False]
    assert state.lists_calls is False
    over, _ = tell([*seen, "^CEND:1,60,104,16", ()], "huawei")
    assert (over.phase, over.release_cause(None).cause) == (Phase.OVER, Cause.REMOTE_HANG_UP)


@pytest.mark.parametrize(
    ("seen", "listed", "longest"),
    [
        (["=OK", "^ORIG:1,0"], None, 21.0),
        (BLIND, None, 91.0),
        ([*BLIND, "wait 2", "^CONN:1,0"], None, 182.0),
        # A modem that lists its calls is not waited for.
        (["=OK", "^ORIG:1,0"], True, 4.0),
    ],
)
def test_the_silence_of_a_modem_without_a_list_has_a_ceiling(
    seen: list[Seen], listed: bool | None, longest: float
) -> None:
    assert tell([*seen, f"wait {longest}"], "huawei", listed=listed)[0].phase is Phase.OVER


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (["=OK", "^ORIG:1,0", "wait 15", "^ORIG:1,0", "wait 15"], Phase.DIALLING),
        ([*BLIND, "wait 60", "^CONF:1", "wait 60"], Phase.ALERTING),
        ([*BLIND, "wait 80", "^CONN:1,0", "wait 120", "^CONN:1,0", "wait 120"], Phase.ANSWERED),
    ],
)
def test_its_silence_begins_with_its_last_word(seen: list[Seen], phase: Phase) -> None:
    assert tell(seen, "huawei")[0].phase is phase


def test_the_ceiling_is_reached_at_its_very_second() -> None:
    dialling, _ = tell(["=OK", "^ORIG:1,0"], "huawei")
    assert dialling.rows((), 20.75)[0].phase is Phase.DIALLING
    assert dialling.rows((), 21.0)[0].phase is Phase.OVER


@pytest.mark.parametrize(
    "before", [[*RANG, "VOICE CALL: BEGIN"], [*RANG, ACTIVE], [*RANG, ACTIVE, (), ACTIVE], RANG]
)
def test_two_reads_without_a_row_end_no_call_however_far_apart(before: list[Seen]) -> None:
    """Three do: a call that is handed on may miss two."""
    started, _ = tell(before, step=2.5)
    assert tell([*before, (), ()], step=2.5)[0].phase is started.phase
    assert tell([*before, (), (), ()], step=2.5)[0].phase is Phase.OVER


@pytest.mark.parametrize(
    ("word", "phase", "ending"),
    [
        ("OK", Phase.CLAIMED, False),
        (" ok ", Phase.CLAIMED, False),
        ("CONNECT", Phase.CLAIMED, False),
        ("NO CARRIER", Phase.DIALLING, True),
        ("ERROR", Phase.OVER, False),
        ("+CME ERROR: 3", Phase.OVER, False),
    ],
)
def test_what_the_result_of_ata_says(word: str, phase: Phase, *, ending: bool) -> None:
    state, _ = tell([row(4, incoming=True), f"={word}"], incoming=True)
    assert (state.phase, state.ending) == (phase, ending)


@pytest.mark.parametrize(
    ("seen", "lists"),
    [
        ([*BLIND, "wait 5"], False),
        # Nothing came of this call but blanks: it may not be up yet.
        (["=OK", (), (), ()], None),
        # A read or two may be too early.
        (["=OK", "^CONF:1"], None),
        (["=OK", "^CONF:1", ()], None),
        (["=OK", "^CONF:1", (), ()], False),
        (["=OK", "^CONN:1,0", (), ()], False),
        (["=OK", "^CONF:1", (), (), ALERTING], True),
    ],
)
def test_what_a_call_shows_of_the_list(seen: list[Seen], lists: bool | None) -> None:
    assert tell(seen, "huawei")[0].lists_calls is lists


def test_a_modem_known_to_list_nothing_is_believed_at_once() -> None:
    state, facts = tell(
        ["=OK", "^ORIG:1,0", "^CONF:1", "^CONN:1,0", (), ()], "huawei", listed=False
    )
    assert state.phase is Phase.ANSWERED
    assert [f.weak for f in facts if isinstance(f, AnswerConfirmed)] == [False]


def test_a_row_unlearns_it() -> None:
    assert tell(["=OK", "^ORIG:1,0", ALERTING], "huawei", listed=False)[0].lists_calls is True


@pytest.mark.parametrize(
    "handover",
    [
        [row(0, 2)],
        [(), row(0, 2)],
        [(), (), row(0, 2)],
        [(), (), ACTIVE],
        [(), (), (), row(0, 3), row(0, 2)],
        ['+CLCC: 1,0,6,0,0,"x",129', row(0, 2), row(0, 2), row(0, 2)],
        [row(1, 2), row(0, 2)],
    ],
)
def test_a_call_that_is_handed_on_goes_on(handover: list[Seen]) -> None:
    state, _ = tell([*ANSWERED["sim7600"], *handover, row(0, 2), row(0, 2)])
    assert state.phase is Phase.ANSWERED
    state, _ = tell([*ANSWERED["sim7600"], *handover, "VOICE CALL: END: 000034", "NO CARRIER", ()])
    release = state.release_cause(None)
    assert (release.cause, release.evidence) == (Cause.REMOTE_HANG_UP, "VOICE CALL: END: 000034")


def test_the_id_may_change_while_it_rings() -> None:
    state, _ = tell([*RANG, (), row(3, 2), row(3, 2), "VOICE CALL: BEGIN", row(0, 2)])
    assert state.phase is Phase.ANSWERED


def test_a_second_caller_is_not_the_call_that_was_answered() -> None:
    mine = row(0, 1, incoming=True)
    waits = row(5, 2, incoming=True)
    state, _ = tell(
        [row(4, 1, incoming=True), "=OK", mine, waits, waits, waits, waits, waits, waits],
        incoming=True,
    )
    assert state.phase is Phase.OVER


def test_the_echo_of_our_own_hang_up_is_no_evidence() -> None:
    state, _ = tell([*ANSWERED["sim7600"], "wait 3"])
    assert state.phase is Phase.OVER
    state, _ = state.cut(came_back=True).urc("VOICE CALL: END: 000034", 20.0)
    state, _ = state.urc("NO CARRIER", 20.1)
    release = state.release_cause("+CEER: 16")
    assert release.cause is Cause.FAILED
    assert release.evidence == "the call left the call list and came back: hung up by the box"


def test_what_the_far_end_said_before_our_hang_up_stays_evidence() -> None:
    state, _ = tell([*ANSWERED["sim7600"], "NO CARRIER", ()])
    state, _ = state.cut().urc("VOICE CALL: END: 000034", 20.0)
    assert state.release_cause(None).evidence == "NO CARRIER"


@pytest.mark.parametrize("word", ["BUSY", "NO ANSWER", "NO CARRIER", "NO DIALTONE"])
@pytest.mark.parametrize("listed", [ALERTING, ACTIVE], ids=["ringing", "answered"])
def test_a_word_inside_another_notice_is_noise(word: str, listed: Sequence[CallRow]) -> None:
    """A text message or a USSD answer of several lines may hold any word."""
    seen = [*(RANG if listed is ALERTING else ANSWERED["sim7600"]), word, *[listed] * 7]
    state, _ = tell(seen)
    assert state.phase is (Phase.ALERTING if listed is ALERTING else Phase.ANSWERED)
    state, _ = tell([*seen, "NO CARRIER", ()])
    wanted = Cause.NO_ANSWER if listed is ALERTING else Cause.REMOTE_HANG_UP
    assert state.release_cause(None).cause is wanted


def test_a_named_cause_is_believed_although_an_old_row_lingers() -> None:
    state, _ = tell(["=OK", "^CONF:1", ALERTING, "^CEND:1,0,67,17", *[ALERTING] * 3], "huawei")
    assert (state.phase, state.release_cause(None).cause) == (Phase.OVER, Cause.BUSY)


@pytest.mark.parametrize("order", [["VOICE CALL: END", "BUSY"], ["BUSY", "VOICE CALL: END"]])
@pytest.mark.parametrize("before", [["=OK", DIALLING], RANG])
def test_an_end_and_its_word_belong_together(order: list[Seen], before: list[Seen]) -> None:
    first, second = order
    state, _ = tell([*before, first, (), second], step=0.1)
    assert state.release_cause(None).cause is Cause.BUSY
