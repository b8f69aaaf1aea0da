"""Whole conversations: every event of each step, when time matters next, what was dropped."""

from __future__ import annotations

import pytest

from firmware.at.command import make_command
from firmware.at.exchange import EARLY_SECONDS, MAX_ANSWER, Exchange
from firmware.at.outcomes import (
    Aborted,
    Completed,
    ExchangeEvent,
    Reply,
    ResyncFailed,
    Resynchronised,
    Send,
    TimedOut,
    Urc,
)
from firmware.at.results import Final, FinalKind

Step = tuple[float, str, list[ExchangeEvent], float | None, int, int]
"""When; what happens (``> `` a command, ``< `` a line, ``tick``, ``resync``, ``abort``); what
comes of it; when to wake next; what was dropped so far; what is owed."""

OK = Final(kind=FinalKind.OK, text="OK")
ERROR = Final(kind=FinalKind.ERROR, text="ERROR")
NO_CARRIER = Final(kind=FinalKind.NO_CARRIER, text="NO CARRIER")
PROBE = Send(b"AT\r")


def done(*lines: str, final: Final = OK, doubtful: bool = False) -> list[ExchangeEvent]:
    return [Completed(Reply(final=final, lines=lines, doubtful=doubtful))]


def sends(text: str) -> list[ExchangeEvent]:
    return [Send(text.encode() + b"\r")]


CONVERSATIONS: dict[str, list[Step]] = {
    "a query, its echo and a notice in it": [
        (0.0, "> AT+CSQ", sends("AT+CSQ"), 2.0, 0, 0),
        (0.1, "< AT+CSQ", [], 2.0, 1, 0),
        (0.2, "< RING", [Urc(text="RING", at=0.2)], 2.0, 1, 0),
        (0.3, "< +CSQ: 20,99", [], 2.0, 1, 0),
        (0.4, "< OK", done("+CSQ: 20,99"), None, 1, 0),
        (0.5, "< AT+CSQ", [], None, 2, 0),
        (0.6, "< OK", [], None, 3, 0),
        (0.7, "< ??", [], None, 4, 0),
    ],
    "time-out, silence, probe, guard": [
        (0.0, "> AT+CSQ", sends("AT+CSQ"), 2.0, 0, 0),
        (1.0, "< +CSQ: 20,99", [], 2.0, 0, 0),
        (1.99, "tick", [], 2.0, 0, 0),
        (2.0, "tick", [TimedOut(("+CSQ: 20,99",))], None, 0, 1),
        (2.05, "< +CSQ: 21,99", [], None, 1, 1),
        # Silence is counted from the last word that was no notice.
        (2.1, "resync", [], 2.35, 1, 1),
        (2.2, "< RING", [Urc(text="RING", at=2.2)], 2.35, 1, 1),
        (2.3, "< OK", [], 2.6, 2, 0),
        (2.59, "tick", [], 2.6, 2, 0),
        (2.6, "tick", [PROBE], 3.1, 2, 0),
        (2.7, "< OK", [], 2.8, 2, 0),
        (2.79, "tick", [], 2.8, 2, 0),
        (2.801, "tick", [Resynchronised()], None, 2, 0),
        (2.9, "> AT", sends("AT"), 4.9, 2, 0),
        (3.0, "< ERROR", done(final=ERROR), None, 2, 0),
    ],
    "probes that nothing answers": [
        (10.0, "resync", [PROBE], 10.5, 0, 0),
        (10.5, "tick", [Send(b"\x1bAT\r")], 11.0, 0, 0),
        (11.0, "tick", [Send(b"ATQ0V1\r")], 11.5, 0, 0),
        (11.5, "tick", [Send(b"\x1bAT\r")], 12.0, 0, 0),
        (12.0, "tick", [Send(b"ATQ0V1\r")], 12.5, 0, 0),
        (14.99, "tick", [Send(b"\x1bAT\r")], 15.0, 0, 0),
        (15.0, "tick", [ResyncFailed()], None, 0, 0),
    ],
    "two ERRORs are asked again and the third is an answer": [
        (10.0, "resync", [PROBE], 10.5, 0, 0),
        (10.1, "< ERROR", [], 10.2, 0, 0),
        (10.2, "tick", [PROBE], 10.7, 0, 0),
        (10.3, "< ERROR", [], 10.4, 0, 0),
        (10.4, "tick", [PROBE], 10.9, 0, 0),
        (10.5, "< ERROR", [], 10.6, 0, 0),
        (10.6, "tick", [Resynchronised()], None, 0, 0),
    ],
    "a modem that never falls silent is probed after a second and a half": [
        (0.0, "> AT+CSQ", sends("AT+CSQ"), 2.0, 0, 0),
        (2.0, "tick", [TimedOut(())], None, 0, 1),
        (2.1, "< words", [], None, 1, 1),
        (2.1, "resync", [], 2.4, 1, 1),
        *((2.1 + n / 10, "< words", [], min(2.4 + n / 10, 3.6), 1 + n, 1) for n in range(1, 15)),
        (3.6, "tick", [PROBE], 4.1, 15, 1),
        (3.7, "< OK", [], 3.8, 15, 1),
        # Not alone: it was an older one's.
        (3.75, "< words", [], 3.85, 16, 1),
        (3.85, "tick", [PROBE], 4.35, 16, 1),
        (3.9, "< OK", [], 4.0, 16, 1),
        (4.0, "tick", [Resynchronised()], None, 16, 1),
    ],
    "numbers for words": [
        (10.0, "resync", [PROBE], 10.5, 0, 0),
        (10.1, "< 0", [], 10.2, 1, 0),
        (10.2, "tick", [Send(b"ATV1\r")], 10.7, 1, 0),
        (10.3, "< 4", [], 10.4, 2, 0),
        (10.4, "tick", [Send(b"ATV1\r")], 10.9, 2, 0),
        (10.5, "< OK", [], 10.6, 2, 0),
        (10.6, "tick", [Resynchronised()], None, 2, 0),
    ],
    "the late word of the call before": [
        (0.0, "> ATD+33639980001;", sends("ATD+33639980001;"), 2.0, 0, 0),
        (0.1, "< NO CARRIER", done(final=NO_CARRIER), None, 0, 1),
        (0.2, "> AT+CLCC", sends("AT+CLCC"), 2.2, 0, 1),
        # Its own or the dial's: nothing tells.
        (0.3, "< OK", done(doubtful=True), None, 0, 1),
        (5.09, "> AT+CLCC", sends("AT+CLCC"), 7.09, 0, 1),
        (5.1, "< OK", done(), None, 0, 0),
    ],
    "an empty answer to a query for a value is an older command's": [
        (0.0, "> AT+CPCMREG=1", sends("AT+CPCMREG=1"), 2.0, 0, 0),
        (2.0, "tick", [TimedOut(())], None, 0, 1),
        (9.0, "resync", [PROBE], 9.5, 0, 1),
        (9.1, "< OK", [], 9.2, 0, 1),
        (9.2, "tick", [Resynchronised()], None, 0, 1),
        (9.3, "> AT+CPIN?", sends("AT+CPIN?"), 11.3, 0, 1),
        (9.4, "< OK", [], 11.3, 1, 0),
        (9.5, "< +CPIN: READY", [], 11.3, 1, 0),
        (9.6, "< OK", done("+CPIN: READY"), None, 1, 0),
    ],
    "a debt is forgotten after half a minute": [
        (0.0, "> AT+CHUP", sends("AT+CHUP"), 2.0, 0, 0),
        (2.0, "tick", [TimedOut(())], None, 0, 1),
        (31.9, "abort", [], None, 0, 3),
        (62.0, "resync", [PROBE], 62.5, 0, 0),
    ],
    "a stop": [
        (0.0, "> AT+CSQ", sends("AT+CSQ"), 2.0, 0, 0),
        (0.1, "abort", [Aborted()], None, 0, 3),
        (0.2, "< OK", [], None, 1, 2),
        (0.2, "< +CSQ: 1,0", [], None, 2, 2),
        (0.3, "resync", [], 0.5, 2, 2),
        (0.35, "abort", [Aborted()], None, 2, 4),
    ],
    "a message's header waits for its body": [
        (0.0, '< +CMT: "+33639980001",,"26/11/24,05:32:11+04"', [], None, 0, 0),
        (
            0.1,
            "< OK",
            [Urc(text='+CMT: "+33639980001",,"26/11/24,05:32:11+04"', at=0.1, body="OK")],
            None,
            0,
            0,
        ),
        (0.2, "< +CDS: 25", [], None, 0, 0),
        (0.3, "< RING", [Urc(text="+CDS: 25", at=0.3), Urc(text="RING", at=0.3)], None, 0, 0),
        (0.4, "< +CMT: ,7", [], None, 0, 0),
        (0.5, "< 0791ABCD", [Urc(text="+CMT: ,7", at=0.5, body="0791ABCD")], None, 0, 0),
        (0.6, "< +CMT: ,7", [], None, 0, 0),
        (
            0.7,
            "< 0791ABC",
            [Urc(text="+CMT: ,7", at=0.7), Urc(text="0791ABC", at=0.7)],
            None,
            0,
            0,
        ),
    ],
}


@pytest.mark.parametrize("steps", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_a_whole_conversation(steps: list[Step]) -> None:
    exchange = Exchange()
    for at, what, events, wake_at, dropped, owed in steps:
        if what.startswith("> "):
            found = exchange.send(make_command(what[2:], timeout=2.0), at)
        elif what.startswith("< "):
            found = exchange.receive(f"\r\n{what[2:]}\r\n".encode(), at)
        elif what == "tick":
            found = exchange.tick(at)
        elif what == "resync":
            found = exchange.begin_resync(at, timeout=5.0)
        else:
            found = exchange.abort(at, finals=2)
        assert found == events, (at, what)
        assert exchange.wake_at == (None if wake_at is None else pytest.approx(wake_at)), (at, what)
        assert (exchange.dropped, exchange.debt(at)) == (dropped, owed), (at, what)


def test_how_long_a_dial_may_still_owe_its_result() -> None:
    assert EARLY_SECONDS == 5.0


def test_an_answer_is_kept_to_its_last_character_and_no_further() -> None:
    assert MAX_ANSWER == 256 * 1024
    exchange = Exchange()
    exchange.send(make_command("AT+CSQ", timeout=2.0), 0.0)
    line = "+CSQ: " + "1" * (1024 - 6 - 1)
    for _ in range(256):
        exchange.receive(f"{line}\r\n".encode(), 0.0)
    assert exchange.dropped == 0
    exchange.receive(b"+CSQ: 2\r\n", 0.0)
    assert exchange.dropped == 1
    (event,) = exchange.receive(b"OK\r\n", 0.0)
    assert event == Completed(Reply(final=OK, lines=(line,) * 256, doubtful=False))


def test_only_a_dial_is_hastened_and_never_put_off() -> None:
    exchange = Exchange()
    exchange.hasten(0.0, seconds=1.0)
    wakes = [exchange.wake_at]
    exchange.send(make_command("ATD+33639980001;", timeout=3.0), 0.0)
    for seconds in (9.0, 1.0):
        exchange.hasten(1.0, seconds=seconds)
        wakes.append(exchange.wake_at)
    assert wakes == [None, 3.0, 2.0]


def test_what_a_command_waits_for_is_known_while_it_runs() -> None:
    exchange = Exchange()
    assert [exchange.idle, exchange.running, exchange.overflows] == [True, None, 0]
    command = make_command("AT+CSQ", timeout=2.0)
    exchange.send(command, 0.0)
    assert [exchange.idle, exchange.running] == [False, command]
    with pytest.raises(RuntimeError, match="in flight"):
        exchange.send(command, 0.0)
    with pytest.raises(RuntimeError, match="in flight"):
        exchange.begin_resync(0.0, timeout=5.0)
    exchange.tick(2.0)
    assert [exchange.idle, exchange.running] == [False, None]
