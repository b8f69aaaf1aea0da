"""Every recorded session: each line is a result, an answer's, or a notice; none is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.at.calls import call_row, extended_error
from firmware.at.command import Command, make_command
from firmware.at.exchange import Exchange
from firmware.at.outcomes import Completed, ExchangeEvent, Send, TimedOut, Urc
from firmware.at.parsing import registration
from firmware.at.results import final_result
from firmware.families import FAMILIES

FOLDER = Path(__file__).parents[2] / "transcripts"
Session = list[tuple[str, str]]


def sessions() -> Iterator[tuple[str, Session]]:
    for path in sorted(FOLDER.glob("T*.txt")):
        name, session = "", Session()
        for line in [*path.read_text().splitlines(), "== end"]:
            if line.startswith("== "):
                if session:
                    yield f"{path.stem} {name}", session
                name, session = line[3:], Session()
            elif line.startswith(("> ", "< ", "<>", ">> ")):
                mark, _, text = line.partition(" ")
                session.append((mark, text))


SESSIONS = dict(sessions())
# What each line of a session is that neither ends a command nor carries its name.
TEXT = {"SIMCOM_SIM7600G-H", "SIMCOM INCORPORATED", "(text line)"}


def test_the_sessions_are_all_here() -> None:
    assert len(SESSIONS) == 41


def prepare(text: str, payload: bytes | None) -> Command:
    if text == "ATD>SM3;":
        # From the phone book: the box never dials so, but the answer is worth reading.
        return Command(text=text, timeout=60, call=True)
    return make_command(text, timeout=60, payload=payload)


def play(session: Session, *, bytewise: bool) -> list[ExchangeEvent]:
    exchange = Exchange()
    events: list[ExchangeEvent] = []
    for index, (mark, text) in enumerate(session):
        if mark == ">":
            prompted = session[index + 1 : index + 2] == [("<>", "")]
            if exchange.running is None:
                command = prepare(text, b"data" if prompted else None)
                events += exchange.send(command, 1.0)
        elif mark in ("<", "<>"):
            data = b"\r\n> " if mark == "<>" else f"\r\n{text}\r\n".encode()
            for piece in [data[i : i + 1] for i in range(len(data))] if bytewise else [data]:
                events += exchange.receive(piece, 1.0)
    # Some sources leave the last result out.
    return events + exchange.tick(100.0)


@pytest.mark.parametrize("name", SESSIONS)
def test_no_line_is_lost_or_claimed_twice(name: str) -> None:
    session = SESSIONS[name]
    events = play(session, bytewise=False)
    assert events == play(session, bytewise=True)
    seen: list[str] = []
    for event in events:
        match event:
            case Urc(text=text):
                seen.append(text)
            case Completed(reply=reply):
                seen += [*reply.lines, reply.final.text]
            case TimedOut(lines=lines):
                seen += lines
            case Send():
                pass
            case _:
                pytest.fail(f"unexpected {event}")
    # Results before the first command belong to nobody.
    started = next((i for i, (mark, _) in enumerate(session) if mark == ">"), len(session))
    expected = [
        text
        for i, (mark, text) in enumerate(session)
        if mark == "<" and (i > started or final_result(text) is None)
    ]
    assert sorted(seen) == sorted(expected)


@pytest.mark.parametrize("name", SESSIONS)
def test_an_answer_holds_its_own_lines(name: str) -> None:
    for event in play(SESSIONS[name], bytewise=False):
        match event:
            case Completed(reply=reply):
                assert not [line for line in reply.lines if line.startswith(("VOICE", "RING"))]
            case Urc(text=text):
                assert text not in TEXT
            case _:
                pass


READERS: dict[str, Callable[[str], object]] = {
    "+CLCC:": call_row,
    "+CEER:": extended_error,
    "+CREG:": registration,
    "+CGREG:": registration,
    "+CCLK:": FAMILIES["sim7600"].network_time.pattern.fullmatch,
}


@pytest.mark.parametrize("prefix", READERS)
def test_rows_of_the_sessions_can_be_read(prefix: str) -> None:
    lines = [text for s in SESSIONS.values() for mark, text in s if text.startswith(prefix)]
    assert lines
    for line in lines:
        assert READERS[prefix](line) is not None
