"""The conversation: who owns a line, what ends a command, and how it gets back in step."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.at.command import Command, make_command
from firmware.at.debt import DEBT_SECONDS
from firmware.at.exchange import MAX_ANSWER, Exchange
from firmware.at.framing import MAX_LINE
from firmware.at.outcomes import (
    Aborted,
    Completed,
    ExchangeEvent,
    Reply,
    Resynchronised,
    TimedOut,
    Urc,
)
from firmware.at.results import Final, FinalKind
from tests.support.at_talk import Talk


def test_an_answer_holds_its_own_lines_only() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    assert talk.sent == [b"AT+CSQ\r"]
    talk.hear("VOICE CALL: BEGIN", "+CSQ: 20,99", "+RXDTMF: 1", "OK")
    assert talk.reply().lines == ("+CSQ: 20,99",)
    assert talk.urcs == ["VOICE CALL: BEGIN", "+RXDTMF: 1"]
    assert talk.exchange.idle


def test_ten_keys_at_once_stay_ten_in_order() -> None:
    talk = Talk()
    burst = "".join(f"\r\n+DTMF: {key}\r\n" for key in "1234567890")
    talk.take(talk.exchange.receive(burst.encode(), talk.now))
    assert talk.urcs == [f"+DTMF: {key}" for key in "1234567890"]


def test_a_key_is_not_held_back_by_half_a_line_behind_it() -> None:
    talk = Talk()
    talk.take(talk.exchange.receive(b"\r\n+RXDTMF: 1\r\n\r\n+RXD", talk.now))
    assert talk.urcs == ["+RXDTMF: 1"]


def test_identity_text_is_the_answer_and_notices_in_it_are_not() -> None:
    talk = Talk()
    talk.send("AT+CGMI")
    talk.hear("RING", "SIMCOM INCORPORATED", "OK")
    assert talk.reply().lines == ("SIMCOM INCORPORATED",)
    assert talk.urcs == ["RING"]


@pytest.mark.parametrize("echo", ["", "AT+CSQ\r"])
def test_echo_makes_no_difference(echo: str) -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    talk.take(talk.exchange.receive(f"{echo}\r\n+CSQ: 1,0\r\n\r\nOK\r\n".encode(), talk.now))
    assert talk.reply().lines == ("+CSQ: 1,0",)
    assert talk.urcs == []


@pytest.mark.parametrize("cut", [2, 4, 6])
def test_an_echo_cut_by_a_notice_is_no_answer(cut: int) -> None:
    talk = Talk()
    talk.send("AT+CGMM")
    talk.hear("AT+CGMM"[:cut], "+CREG: 1", "AT+CGMM"[cut:], "EC25", "OK")
    assert talk.reply().lines == ("EC25",)
    assert talk.urcs == ["+CREG: 1"]


def test_clac_lists_commands_even_with_echo() -> None:
    talk = Talk()
    talk.send("AT+CLAC")
    talk.hear("AT+CLAC", "AT+CSQ", "ATD", "OK")
    assert talk.reply().lines == ("AT+CSQ", "ATD")


@pytest.mark.parametrize("result", ["BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE"])
def test_call_results_answer_a_dial_at_once(result: str) -> None:
    talk = Talk()
    talk.send("ATD+33199000001;", timeout=60)
    talk.hear(result)
    assert talk.reply().final.kind.value == result


@pytest.mark.parametrize("result", ["BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "CONNECT"])
@pytest.mark.parametrize("text", ["ATH", "AT+CHUP", "AT+CLCC", "AT+CSQ", "AT+CGMI"])
def test_call_results_are_notices_during_any_other_command(result: str, text: str) -> None:
    talk = Talk()
    talk.send(text)
    talk.hear(result)
    assert talk.urcs == [result]
    assert talk.outcomes == []
    talk.hear("OK")
    assert talk.reply().lines == ()


def test_progress_flows_while_a_dial_waits_for_its_result() -> None:
    talk = Talk()
    talk.send("ATD+33199000001;", timeout=60)
    talk.hear('+CLCC: 1,0,2,0,0,"+33199000001",145', "^ORIG:1,0", "VOICE CALL: BEGIN")
    talk.wait(30)
    talk.hear("+RXDTMF: 1", "anything new", "OK")
    assert talk.reply().final.ok
    assert talk.urcs == [
        '+CLCC: 1,0,2,0,0,"+33199000001",145', "^ORIG:1,0", "VOICE CALL: BEGIN", "+RXDTMF: 1",
        "anything new",
    ]  # fmt: skip


def test_a_row_is_the_answer_to_the_query_and_a_notice_otherwise() -> None:
    row = '+CLCC: 1,0,3,0,0,"10086",129'
    talk = Talk()
    talk.send("AT+CLCC")
    talk.hear(row, "OK")
    assert talk.reply().lines == (row,)
    talk.hear(row)
    talk.send("AT+CLCC=1")
    talk.hear(row, "OK")
    assert talk.reply().lines == ()
    assert talk.urcs == [row, row]


def test_text_that_begins_like_a_result_does_not_end_the_answer() -> None:
    talk = Talk()
    talk.send("AT+CMGL=4")
    talk.hear("+CMGL: 0,1,,23", "OKAY see you", "OK")
    assert talk.reply().lines == ("+CMGL: 0,1,,23", "OKAY see you")


@pytest.mark.parametrize(
    ("result", "kind"),
    [("+CME ERROR: SIM not inserted", FinalKind.CME_ERROR), ("ERROR", FinalKind.ERROR),
     ("COMMAND NOT SUPPORT", FinalKind.NOT_SUPPORTED), ("+CMS ERROR: 500", FinalKind.CMS_ERROR)],
)  # fmt: skip
def test_every_error_ends_the_command_at_once(result: str, kind: FinalKind) -> None:
    talk = Talk()
    talk.send("AT+CPIN?")
    talk.hear(result)
    assert talk.reply().final.kind is kind


def test_results_without_a_command_are_dropped_and_counted() -> None:
    talk = Talk()
    talk.hear("OK", "ERROR", "+CME ERROR: SIM busy", "RING")
    assert talk.urcs == ["RING"]
    assert talk.exchange.dropped == 3


def test_prompt_then_payload_then_result() -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", payload=b"00110B\x1a")
    talk.take(talk.exchange.receive(b"\r\n> ", talk.now))
    assert talk.sent == [b"AT+CMGS=23\r", b"00110B\x1a"]
    talk.take(talk.exchange.receive(b"00110B\x1a\r\n+CMGS: 7\r\n\r\nOK\r\n", talk.now))
    assert talk.reply().lines == ("+CMGS: 7",)
    assert talk.urcs == []


def test_upload_opened_by_connect() -> None:
    talk = Talk()
    talk.send('AT+QFUPL="a.wav",4', payload=b"RIFF")
    talk.hear("CONNECT")
    assert talk.sent[-1] == b"RIFF"
    talk.hear("+QFUPL: 4,0", "OK")
    assert talk.reply().final.ok


def test_a_refused_payload_command_sends_no_payload() -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", payload=b"00110B\x1a")
    talk.hear("+CMS ERROR: 330")
    assert talk.reply().final.code == 330
    assert talk.sent == [b"AT+CMGS=23\r"]


def test_an_ok_before_the_prompt_is_not_the_messages() -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", payload=b"00110B\x1a")
    talk.hear("OK")
    talk.take(talk.exchange.receive(b"\r\n> ", talk.now))
    talk.hear("+CMGS: 7", "OK")
    assert talk.reply().lines == ("+CMGS: 7",)


@pytest.mark.parametrize("body", ["NO CARRIER", "OK", "+CLCC: 1,0,6,0,0", "STOP"])
@pytest.mark.parametrize(
    "header",
    [
        '+CMT: "+33639980001",,"26/11/24,05:32:11+04"',
        "+CMT: +33639980001,,26/11/24,05:32:11+04",
        '+CMT: "33639980001"',
    ],
)
def test_the_body_of_a_message_is_never_a_notice(header: str, body: str) -> None:
    talk = Talk()
    events: list[ExchangeEvent] = []
    events += talk.exchange.receive(f"\r\n{header}\r\n{body}\r\n".encode(), talk.now)
    assert events == [Urc(text=header, at=talk.now, body=body)]


def test_a_missing_body_swallows_no_notice() -> None:
    talk = Talk()
    talk.hear("+CDS: 25", "NO CARRIER")
    assert talk.urcs == ["+CDS: 25", "NO CARRIER"]


# -- timeouts, and what is owed after them -------------------------------------------------------


def test_a_late_ok_is_not_taken_by_the_next_command() -> None:
    talk = Talk()
    talk.send("AT+CPCMREG=1")
    talk.wait(2.0)
    assert talk.outcomes.pop() == TimedOut(())
    with pytest.raises(RuntimeError):
        talk.send("AT+CSQ")
    talk.resync()
    talk.hear("OK")
    talk.wait(0.3)
    assert talk.sent[-1] == b"AT\r"
    talk.hear("OK")
    talk.wait(0.1)
    assert talk.outcomes == [Resynchronised()]
    assert talk.exchange.debt(talk.now) == 0
    talk.send("AT+CSQ")
    talk.hear("+CSQ: 1,0", "OK")
    assert talk.reply() == Reply(final=Final(kind=FinalKind.OK, text="OK"), lines=("+CSQ: 1,0",))


def test_timeout_hands_over_what_came() -> None:
    """Wavecom's AT+CPIN? has an answer but no OK."""
    talk = Talk()
    talk.send("AT+CPIN?")
    talk.hear("+CPIN: READY")
    talk.wait(2.0)
    assert talk.outcomes == [TimedOut(("+CPIN: READY",))]


def test_a_reply_that_comes_after_the_next_commands_reply_is_swept_up() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    talk.wait(2.0)
    talk.in_step()
    talk.send("AT+COPS?")
    talk.hear('+COPS: 0,0,"Cell",7', "OK")
    assert talk.reply().lines == ('+COPS: 0,0,"Cell",7',)
    talk.hear("+CSQ: 1,0", "OK")
    assert talk.urcs == []
    assert talk.exchange.debt(talk.now) == 0


def test_a_reply_that_comes_during_the_next_command_is_not_its() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    talk.wait(2.0)
    talk.in_step()
    talk.send("AT+CHUP", timeout=10)
    talk.hear("+CSQ: 1,0", "OK")
    assert talk.exchange.running is not None
    talk.hear("OK")
    assert talk.reply().final.ok


def test_a_bare_late_ok_does_not_answer_a_query_for_a_value() -> None:
    talk = Talk()
    talk.send("AT+CPCMREG=1")
    talk.wait(2.0)
    talk.in_step()
    talk.send("AT+CPIN?")
    talk.hear("OK")
    talk.hear("+CPIN: READY", "OK")
    assert talk.reply().lines == ("+CPIN: READY",)


def test_an_empty_call_list_is_doubtful_while_a_result_is_owed() -> None:
    talk = Talk()
    talk.send("AT+CPCMREG=1")
    talk.wait(2.0)
    talk.in_step()
    talk.send("AT+CLCC")
    talk.hear("OK")
    assert talk.reply().doubtful
    talk.wait(DEBT_SECONDS)
    talk.send("AT+CLCC")
    talk.hear("OK")
    assert not talk.reply().doubtful


def test_the_late_word_of_the_last_call_does_not_hide_the_next() -> None:
    talk = Talk()
    talk.send("ATD+33199000001;")
    talk.hear("NO CARRIER")
    assert talk.reply().final.kind is FinalKind.NO_CARRIER
    talk.send("AT+CLCC")
    talk.hear("OK")
    assert talk.reply().doubtful
    talk.send("AT+CLCC")
    talk.hear('+CLCC: 1,0,2,0,0,"+33199000001",145', "OK")
    assert len(talk.reply().lines) == 1


def test_a_query_that_is_answered_by_ok_alone_costs_one_wait_and_not_every() -> None:
    talk = Talk()
    talk.send("AT+CPIN?")
    talk.hear("+CPIN: READY")
    talk.wait(2.0)
    talk.in_step()
    talk.send("AT+CREG?")
    talk.hear("OK")
    talk.wait(2.0)
    assert talk.outcomes.pop() == TimedOut(())
    talk.in_step()
    talk.send("AT+CEREG?")
    talk.hear("OK")
    assert talk.reply().lines == ()


def test_a_live_call_row_is_never_taken_for_a_dead_query() -> None:
    talk = Talk()
    talk.send("AT+CLCC")
    talk.wait(2.0)
    talk.in_step()
    talk.send("ATD+33199000001;", timeout=60)
    talk.hear('+CLCC: 1,0,2,0,0,"+33199000001",145', "OK")
    assert talk.reply().final.ok
    assert talk.urcs == ['+CLCC: 1,0,2,0,0,"+33199000001",145']


def test_a_dial_that_a_notice_has_ended_is_not_waited_for() -> None:
    talk = Talk()
    talk.send("ATD+33199000001;", timeout=15)
    talk.hear("HANGUP: 1")
    talk.exchange.hasten(talk.now, seconds=1.0)
    talk.wait(0.9)
    assert talk.outcomes == []
    talk.wait(0.2)
    assert talk.outcomes == [TimedOut(())]


def test_no_other_command_is_hastened() -> None:
    talk = Talk()
    talk.send("AT+CMGL=4", timeout=15)
    talk.exchange.hasten(talk.now, seconds=1.0)
    talk.wait(14.0)
    assert talk.outcomes == []


# -- the emergency ------------------------------------------------------------------------------


def test_an_emergency_throws_the_command_out_and_sweeps_up_behind_it() -> None:
    talk = Talk()
    talk.send("AT+CSQ", timeout=180)
    talk.take(talk.exchange.abort(talk.now, finals=2))
    assert talk.outcomes.pop() == Aborted()
    assert talk.exchange.debt(talk.now) == 3
    talk.hear("ATH", "OK", "VOICE CALL: END: 000003", "AT+CHUP", "OK", "NO CARRIER")
    talk.resync()
    talk.wait(0.3)
    talk.hear("OK")
    talk.wait(0.1)
    assert talk.outcomes == [Resynchronised()]
    assert talk.urcs == ["VOICE CALL: END: 000003", "NO CARRIER"]


def test_an_aborted_dial_answered_by_no_carrier_has_paid() -> None:
    talk = Talk()
    talk.send("ATD+33199000001;", timeout=60)
    talk.take(talk.exchange.abort(talk.now, finals=2))
    talk.hear("NO CARRIER", "OK", "OK")
    assert talk.urcs == ["NO CARRIER"]
    assert talk.exchange.debt(talk.now) == 0


def test_escape_is_needed_only_around_text_entry() -> None:
    talk = Talk()
    assert not talk.exchange.escape_needed()
    talk.send("AT+CMGS=23", payload=b"0011\x1a")
    assert talk.exchange.escape_needed()
    talk.take(talk.exchange.abort(talk.now, finals=2))
    assert talk.exchange.escape_needed()
    talk.hear("OK", "OK", "OK")
    talk.in_step()
    assert not talk.exchange.escape_needed()


# -- any bytes ----------------------------------------------------------------------------------

COMMANDS = [
    make_command("AT+CSQ", timeout=2),
    make_command("AT+CLCC", timeout=2),
    make_command("AT+CGMI", timeout=2),
    make_command("ATD+33199000001;", timeout=2),
    make_command("AT+CMGS=23", timeout=2, payload=b"00\x1a"),
    make_command("AT+CHUP", timeout=2),
]
WORDS = st.sampled_from(
    [b"OK", b"ERROR", b"RING", b"NO CARRIER", b"+CSQ: 1,0", b"+CLCC: 1,0,0,0,0", b"> ", b"\r\n",
     b"+CMT: ,24", b"AT+CSQ", b"\x00", b"\xff", b"CONNECT", b"+CME ERROR: 14", b"\r", b"\n", b">"]
)  # fmt: skip
JUNK = st.lists(WORDS | st.binary(max_size=6), max_size=30).map(b"".join)


def trace(exchange: Exchange, pieces: Iterable[bytes]) -> list[ExchangeEvent]:
    return [event for piece in pieces for event in exchange.receive(piece, 100.0)]


@given(
    data=JUNK,
    at=st.lists(st.integers(0, 300), max_size=8),
    command=st.none() | st.sampled_from(COMMANDS),
    resync=st.booleans(),
)
def test_any_bytes_at_any_split_give_the_same_events(
    data: bytes, at: list[int], command: Command | None, resync: bool
) -> None:
    edges = [0, *sorted(i % (len(data) + 1) for i in at), len(data)]
    results = []
    for pieces in ([data], [data[a:b] for a, b in pairwise(edges)]):
        exchange = Exchange()
        if resync:
            exchange.begin_resync(100.0, timeout=5)
        elif command is not None:
            exchange.send(command, 100.0)
        results.append((trace(exchange, pieces), exchange.dropped, exchange.idle))
    assert results[0] == results[1]


STEPS = st.lists(
    st.one_of(
        JUNK,
        st.floats(0, 4),
        st.sampled_from(COMMANDS),
        st.sampled_from(["resync", "abort"]),
    ),
    max_size=20,
)


@given(steps=STEPS)
def test_whatever_happens_nothing_breaks_and_nothing_waits_for_ever(
    steps: list[bytes | float | Command | str],
) -> None:
    talk = Talk()
    begun = 0
    for step in steps:
        if isinstance(step, bytes):
            talk.take(talk.exchange.receive(step, talk.now))
        elif isinstance(step, float):
            talk.wait(step)
        elif isinstance(step, Command):
            if talk.exchange.idle:
                talk.take(talk.exchange.send(step, talk.now))
                begun += 1
        elif step == "abort":
            talk.take(talk.exchange.abort(talk.now, finals=2))
        elif talk.exchange.running is None:
            talk.take(talk.exchange.begin_resync(talk.now, timeout=5))
    talk.wait(10)
    assert talk.exchange.running is None
    assert talk.exchange.wake_at is None
    ended = [e for e in talk.outcomes if isinstance(e, Completed | TimedOut | Aborted)]
    assert len([e for e in ended if not isinstance(e, Aborted)]) <= begun <= len(ended)


def test_a_flood_during_a_long_command_does_not_grow_memory() -> None:
    talk = Talk()
    talk.send("AT+CSQ", timeout=180)
    line = "+CSQ: " + "1" * (MAX_LINE - 10)
    for _ in range(100):
        talk.hear(line)
    talk.hear("OK")
    assert sum(map(len, talk.reply().lines)) <= MAX_ANSWER
    assert talk.exchange.dropped > 0
