"""Whole calls as sessions: the progress is the same however their bytes arrive.

A session says which family it is of (``@``) and which facts must come of it (``=``): the facts in
order, a ``?`` behind an answer that is only weak, then cause and code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from firmware.at.calls import call_list
from firmware.at.command import make_command
from firmware.at.exchange import Exchange
from firmware.at.outcomes import Completed, ExchangeEvent, Urc
from firmware.call.facts import Alerting, AnswerConfirmed, Fact, Over
from firmware.call.progress import Progress
from firmware.families import FAMILIES

FOLDER = Path(__file__).parents[2] / "transcripts" / "calls"
SECONDS_A_LINE = 0.5

Steps = list[tuple[str, str]]
Cut = Callable[[bytes], Sequence[bytes]]

CUTS: dict[str, Cut] = {
    "whole": lambda line: [line],
    "byte by byte": lambda line: [line[i : i + 1] for i in range(len(line))],
    "with trailing bytes": lambda line: [line + b"\r\n+CSQ: 20,99\r\n\x00+CGEV: NW"],
    "other line ends": lambda line: [line.replace(b"\r\n", b"\n\r")],
}


def sessions() -> Iterator[tuple[str, Steps]]:
    for path in sorted(FOLDER.glob("*.txt")):
        name, steps = "", Steps()
        for line in [*path.read_text().splitlines(), "== end"]:
            mark, _, text = line.partition(" ")
            if mark == "==":
                if steps:
                    yield f"{path.stem}: {name}", steps
                name, steps = text, []
            elif mark in ("@", ">", "<", "="):
                steps.append((mark, text))


SESSIONS = dict(sessions())


class Teller:
    """A conversation and what comes of it."""

    def __init__(self, family: str) -> None:
        self.exchange = Exchange()
        self.state = Progress(family=FAMILIES[family], began=0.0)
        self.facts: list[str] = []
        self.end_cause: str | None = None
        self._asked = ""

    def ask(self, text: str, now: float) -> None:
        self._asked = text
        self.take(self.exchange.send(make_command(text, timeout=60.0), now), now)

    def take(self, events: Sequence[ExchangeEvent], now: float) -> None:
        for event in events:
            match event:
                case Urc(text=text):
                    self._tell(self.state.urc(text, now))
                case Completed(reply=reply) if self._asked == "AT+CLCC":
                    self._tell(self.state.rows(call_list(reply.lines).voice_rows, now))
                case Completed(reply=reply) if self._asked == "AT+CEER":
                    self.end_cause = reply.lines[0] if reply.lines else None
                case Completed(reply=reply):
                    self._tell(self.state.dial_final(reply.final.text, now))
                case _:
                    pass

    def _tell(self, step: tuple[Progress, tuple[Fact, ...]]) -> None:
        accepted = self.state.accepted
        self.state, facts = step
        if self.state.accepted and not accepted:
            self.facts.append("dialled")
        for fact in facts:
            match fact:
                case Alerting():
                    self.facts.append("ringing")
                case AnswerConfirmed(weak=weak):
                    self.facts.append("answered?" if weak else "answered")
                case Over():
                    self.facts.append("ended")
                case _:
                    pass

    def facts_told(self) -> str:
        release = self.state.release_cause(self.end_cause)
        code = "-" if release.code is None else str(release.code)
        return " ".join([*self.facts, release.cause, code])


def play(steps: Steps, cut: Cut) -> str:
    (_, family), *rest = steps
    teller, now = Teller(family), 0.0
    for mark, text in rest:
        now += SECONDS_A_LINE
        if mark == ">":
            assert teller.exchange.idle, f"{text} would not be sent"
            teller.ask(text, now)
        elif mark == "<":
            for piece in cut(f"\r\n{text}\r\n".encode()):
                teller.take(teller.exchange.receive(piece, now), now)
    return teller.facts_told()


def test_every_family_has_a_story() -> None:
    told = {text for steps in SESSIONS.values() for mark, text in steps if mark == "@"}
    assert told >= FAMILIES.keys() - {"option"}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", SESSIONS)
def test_story(name: str, cut: str) -> None:
    steps = SESSIONS[name]
    (wanted,) = (text for mark, text in steps if mark == "=")
    assert play(steps, CUTS[cut]) == wanted
