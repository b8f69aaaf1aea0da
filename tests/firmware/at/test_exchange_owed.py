"""What is owed after each way a command can end, what is thrown away, and what that costs later."""

from __future__ import annotations

import pytest

from firmware.at.exchange import EARLY_SECONDS, MAX_ANSWER
from firmware.at.outcomes import Aborted, ExchangeEvent, Resynchronised, TimedOut, Urc
from firmware.at.results import FinalKind
from tests.support.at_talk import Talk


def told(talk: Talk, line: str) -> tuple[int, int, list[str]]:
    """Hear one line: how many were dropped for it, how many results it paid, which are notices."""
    dropped, debt, urcs = talk.exchange.dropped, talk.exchange.debt(talk.now), len(talk.urcs)
    talk.hear(line)
    return (
        talk.exchange.dropped - dropped,
        debt - talk.exchange.debt(talk.now),
        talk.urcs[urcs:],
    )


def idle(owed: int = 0) -> Talk:
    """In step, with nothing in flight, *owed* results still to come and +CSQ: dead."""
    talk = Talk()
    if owed:
        talk.send("AT+CSQ")
        talk.take(talk.exchange.abort(talk.now, finals=owed - 1))
        talk.in_step()
        talk.outcomes.clear()
    return talk


# -- between commands ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "dropped", "paid", "notices"),
    [
        ("OK", 1, 1, []),
        ("ERROR", 1, 1, []),
        ("+CME ERROR: 14", 1, 1, []),
        ("AT+CSQ", 1, 0, []),
        ("+CSQ: 1,0", 1, 0, []),
        ("+CREG: 1", 0, 0, ["+CREG: 1"]),
        ("anything new", 0, 0, ["anything new"]),
        ("NO CARRIER", 0, 0, ["NO CARRIER"]),
        ("=?!", 1, 0, []),
    ],
)
def test_between_commands_only_results_pay(
    line: str, dropped: int, paid: int, notices: list[str]
) -> None:
    assert told(idle(owed=3), line) == (dropped, paid, notices)


def test_nothing_is_dead_where_nothing_is_owed() -> None:
    talk = idle()
    assert talk.exchange.dropped == 0
    assert told(talk, "+CSQ: 1,0") == (0, 0, ["+CSQ: 1,0"])
    assert told(talk, "OK") == (1, 0, [])


# -- out of step --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "dropped", "paid", "notices"),
    [
        ("OK", 1, 1, []),
        ("ERROR", 1, 1, []),
        ("AT+CSQ", 1, 0, []),
        ("+CSQ: 1,0", 1, 0, []),
        ("words", 1, 0, []),
        ("0", 1, 0, []),
        ("RING", 0, 0, ["RING"]),
        ("BUSY", 0, 0, ["BUSY"]),
        ("NO CARRIER", 0, 0, ["NO CARRIER"]),
        ("+CREG: 1", 0, 0, ["+CREG: 1"]),
    ],
)
def test_what_comes_after_a_query_was_thrown_out(
    line: str, dropped: int, paid: int, notices: list[str]
) -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    talk.take(talk.exchange.abort(talk.now, finals=2))
    assert told(talk, line) == (dropped, paid, notices)


@pytest.mark.parametrize(
    ("line", "paid"), [("NO CARRIER", 1), ("BUSY", 1), ("RING", 0), ("VOICE CALL: END", 0)]
)
def test_a_call_result_pays_a_dial_that_was_thrown_out_once(line: str, paid: int) -> None:
    talk = Talk()
    talk.send("ATD+33199000001;", timeout=60)
    talk.take(talk.exchange.abort(talk.now, finals=2))
    assert told(talk, line) == (0, paid, [line])
    assert told(talk, line) == (0, 0, [line])
    assert talk.exchange.debt(talk.now) == 3 - paid


def test_a_call_result_pays_no_dial_that_was_answered() -> None:
    talk = Talk()
    talk.send("ATD+33199000001;")
    talk.hear("OK")
    assert talk.reply().final.ok
    assert talk.exchange.debt(talk.now) == 0
    talk.take(talk.exchange.abort(talk.now, finals=2))
    assert told(talk, "NO CARRIER") == (0, 0, ["NO CARRIER"])


def test_an_abort_without_a_command_owes_what_it_is_told_and_reports_nothing() -> None:
    talk = Talk()
    assert talk.exchange.abort(talk.now) == []
    assert not talk.exchange.idle
    assert talk.exchange.debt(talk.now) == 0
    assert told(talk, "OK") == (1, 0, [])
    assert told(talk, "NO CARRIER") == (0, 0, ["NO CARRIER"])
    assert talk.exchange.abort(talk.now, finals=2) == []
    assert talk.exchange.debt(talk.now) == 2
    assert told(talk, "NO CARRIER") == (0, 0, ["NO CARRIER"])


def test_a_resync_that_is_thrown_out_takes_no_more_results_for_its_probe() -> None:
    talk = Talk()
    talk.resync()
    assert talk.sent == [b"AT\r"]
    talk.take(talk.exchange.abort(talk.now, finals=2))
    assert talk.outcomes == [Aborted()]
    assert talk.exchange.wake_at is None
    assert told(talk, "OK") == (1, 1, [])
    assert told(talk, "0") == (1, 0, [])


def test_a_resync_that_failed_takes_no_more_results_for_its_probe() -> None:
    talk = Talk()
    talk.take(talk.exchange.abort(talk.now, finals=2))
    talk.resync(timeout=1.0)
    talk.wait(1.0)
    assert talk.sent
    assert not talk.exchange.idle
    assert told(talk, "OK") == (1, 1, [])
    assert told(talk, "0") == (1, 0, [])


def test_the_answers_to_probes_pay_nothing() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    talk.wait(2.0)
    talk.resync()
    for line in ("ERROR", "ERROR", "4", "OK"):
        talk.wait(0.15)
        assert talk.exchange.debt(talk.now) == 1
        assert told(talk, line) == (int(line == "4"), 0, [])
    assert [data for _, data in talk.written[1:]] == [b"AT\r", b"AT\r", b"AT\r", b"ATV1\r"]
    talk.wait(0.1)
    assert talk.outcomes[-1] == Resynchronised()
    assert talk.exchange.debt(talk.now) == 1


# -- while a command runs -----------------------------------------------------------------------


def test_the_last_result_of_a_dead_command_does_not_mark_the_next() -> None:
    talk = idle(owed=3)
    talk.send("AT+CHUP")
    assert told(talk, "+CSQ: 1,0") == (1, 0, [])
    assert told(talk, "OK") == (1, 1, [])
    talk.hear("OK")
    reply = talk.reply()
    assert reply.final.ok
    assert reply.doubtful
    assert talk.exchange.debt(talk.now) == 2


@pytest.mark.parametrize(
    ("text", "lines", "ended", "doubtful"),
    [
        ("AT+CHUP", ["OK"], True, True),
        ("AT+CHUP", ["+CSQ: 1,0", "ERROR"], False, False),
        ("AT+CHUP", ["+CSQ: 1,0", "OK"], False, False),
        ("AT+CREG?", ["OK"], False, False),
        ("AT+CREG?", ["ERROR"], True, True),
        ("AT+CREG?", ["+CME ERROR: 14"], True, True),
        ("AT+CREG?", ["+CREG: 0,1", "OK"], True, False),
        ("AT+CREG?", ["+CREG: 0,1", "ERROR"], True, False),
        ("AT+CLCC", ["OK"], True, True),
    ],
)
def test_whose_result_it_is_while_one_is_owed(
    text: str, lines: list[str], ended: bool, doubtful: bool
) -> None:
    talk = idle(owed=1)
    talk.send(text)
    talk.hear(*lines)
    assert (talk.exchange.running is None) is ended
    assert talk.exchange.debt(talk.now) == (1 if ended else 0)
    if ended:
        assert talk.reply().doubtful is doubtful


def test_a_late_result_leaves_the_next_one_owed() -> None:
    """Unlike a bare OK, which a query that has nothing to say may have meant for its own."""
    talk = idle(owed=1)
    talk.send("AT+CREG?")
    talk.hear("+CSQ: 1,0", "OK")
    talk.wait(2.0)
    assert talk.outcomes == [TimedOut(())]
    assert talk.exchange.debt(talk.now) == 1


def test_nothing_is_doubtful_where_nothing_is_owed() -> None:
    talk = idle()
    for text in ("AT+CHUP", "AT+CREG?", "AT+CLCC"):
        talk.send(text)
        talk.hear("OK")
        assert not talk.reply().doubtful


@pytest.mark.parametrize(
    ("result", "owed"), [("OK", 0), ("ERROR", 0), ("NO CARRIER", 1), ("BUSY", 1), ("NO ANSWER", 1)]
)
def test_a_dials_own_result_may_still_come_behind_a_call_result(result: str, owed: int) -> None:
    talk = Talk()
    talk.send("ATD+33199000001;")
    talk.hear(result)
    assert talk.exchange.debt(talk.now) == owed
    assert talk.exchange.debt(talk.now + 4.9) == owed
    assert talk.exchange.debt(talk.now + 5.0) == 0
    assert EARLY_SECONDS == 5.0


@pytest.mark.parametrize(
    ("line", "dropped", "notices"),
    [
        ("RING", 0, ["RING"]),
        ("+CREG: 1", 0, ["+CREG: 1"]),
        ("words", 0, ["words"]),
        ("AT+CMGS=23", 1, []),
        ("\xb7\xb7", 1, []),
    ],
)
def test_only_a_prompt_or_connect_opens_a_payload(
    line: str, dropped: int, notices: list[str]
) -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", payload=b"00110B\x1a")
    assert told(talk, line) == (dropped, 0, notices)
    assert len(talk.sent) == 1
    talk.hear("CONNECT")
    assert talk.sent[1:] == [b"00110B\x1a"]


@pytest.mark.parametrize("result", ["ERROR", "+CMS ERROR: 330"])
def test_behind_a_refused_payload_a_prompt_is_text_again(result: str) -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", payload=b"00110B\x1a")
    talk.hear(result)
    talk.hear("> a word")
    assert talk.urcs == ["> a word"]
    assert len(talk.sent) == 1


@pytest.mark.parametrize("end", ["time", "abort"])
def test_behind_a_payload_that_was_given_up_a_prompt_sends_nothing(end: str) -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", payload=b"00110B\x1a")
    if end == "time":
        talk.wait(2.0)
    else:
        talk.take(talk.exchange.abort(talk.now))
    talk.take(talk.exchange.receive(b"\r\n> \r\n", talk.now))
    assert len(talk.sent) == 1
    talk.resync()
    talk.take(talk.exchange.receive(b"\r\n> \r\n", talk.now))
    assert b"00110B\x1a" not in talk.sent


def test_escape_is_needed_where_a_payload_was_asked_for_and_nowhere_else() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    assert not talk.exchange.escape_needed()
    talk.take(talk.exchange.abort(talk.now))
    assert not talk.exchange.escape_needed()
    talk.in_step()
    talk.send("AT+CMGS=23", payload=b"0011\x1a")
    talk.hear("+CMS ERROR: 330")
    assert not talk.exchange.escape_needed()
    talk.send("AT+CMGS=23", payload=b"0011\x1a")
    talk.wait(2.0)
    assert talk.exchange.escape_needed()
    talk.resync(timeout=1.0)
    talk.wait(1.0)
    assert talk.exchange.escape_needed()
    talk.in_step()
    assert not talk.exchange.escape_needed()
    talk.send("AT+CSQ")
    talk.wait(2.0)
    assert not talk.exchange.escape_needed()


def test_hastening_shortens_a_dial_and_touches_nothing_else() -> None:
    talk = Talk()
    talk.exchange.hasten(talk.now, seconds=1.0)
    talk.send("AT+CSQ", timeout=15.0)
    talk.exchange.hasten(talk.now, seconds=1.0)
    assert talk.exchange.wake_at == talk.now + 15.0
    talk.hear("OK")
    for text in ("ATD+33199000001;", "ATA"):
        talk.send(text, timeout=15.0)
        talk.exchange.hasten(talk.now, seconds=20.0)
        assert talk.exchange.wake_at == talk.now + 15.0
        talk.exchange.hasten(talk.now, seconds=1.0)
        assert talk.exchange.wake_at == talk.now + 1.0
        talk.hear("OK")


def test_no_resync_begins_under_a_running_command() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    with pytest.raises(RuntimeError, match="in flight"):
        talk.resync()
    talk.hear("+CSQ: 1,0", "OK")
    assert talk.reply().lines == ("+CSQ: 1,0",)


# -- whose line it is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("+CMT: ,24", "0791331906", [Urc(text="+CMT: ,24", at=100.0, body="0791331906")]),
        ("+CDS: 25", "0791331906", [Urc(text="+CDS: 25", at=100.0, body="0791331906")]),
        ("+CBM: 88", "0791331906", [Urc(text="+CBM: 88", at=100.0, body="0791331906")]),
        ("+CMT: ,24", "RING", [Urc(text="+CMT: ,24", at=100.0), Urc(text="RING", at=100.0)]),
        ("+CMTI: \"SM\",1", "RING", [Urc(text='+CMTI: "SM",1', at=100.0),
                                     Urc(text="RING", at=100.0)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("running", ["", "AT+CSQ", "AT+CGMI"])
def test_a_message_arrives_with_its_body_whatever_runs(
    header: str, body: str, expected: list[ExchangeEvent], running: str
) -> None:
    talk = Talk()
    if running:
        talk.send(running)
    heard = f"\r\n{header}\r\n{body}\r\n".encode()
    assert talk.exchange.receive(heard, talk.now) == expected
    assert talk.exchange.dropped == 0


def test_a_header_that_the_running_command_asked_for_is_its_answer() -> None:
    talk = Talk()
    talk.send("AT+CMT?")
    talk.hear("+CMT: 1", "0791331906", "OK")
    assert talk.reply().lines == ("+CMT: 1",)


def test_an_echo_is_taken_once_and_what_repeats_it_is_the_answer() -> None:
    talk = Talk()
    talk.send("AT+CGMM")
    for line in ("AT+CGMM", "AT+CGMM", "OK"):
        talk.hear(line)
    assert talk.reply().lines == ("AT+CGMM",)
    assert talk.exchange.dropped == 1


def test_answers_are_kept_up_to_their_bound_and_not_beyond() -> None:
    talk = Talk()
    talk.send("AT+CGMI", timeout=180)
    line = "a" * 1023
    for _ in range(MAX_ANSWER // 1024 - 1):
        talk.hear(line)
    talk.hear("a" * 1025, "a" * 1024, "b", "OK")
    lines = talk.reply().lines
    assert len(lines) == 256
    assert len(lines[-1]) == 1024
    assert talk.exchange.dropped == 2
    talk.send("AT+CGMI")
    talk.hear("EC25", "OK")
    assert talk.reply().lines == ("EC25",)
    assert MAX_ANSWER == 262144


def test_a_call_result_that_ends_a_dial_is_kept_as_its_kind() -> None:
    talk = Talk()
    talk.send("ATD+33199000001;")
    talk.hear("CONNECT")
    assert talk.reply().final.kind is FinalKind.CONNECT
    assert talk.exchange.debt(talk.now) == 0
