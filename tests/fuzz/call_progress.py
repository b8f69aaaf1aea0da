"""Mutated modem output through a whole call: exchange, family tables, the progress, the readers.

Each stream plays one call on one family without a port: the dial command, notices, polled call
lists, the cause, all from mutated lines of recorded sessions and of every family's own words.
Held for every stream: no exception, a progress that ends at most once and never goes back, an
answer certain at most once, bounded state, every reader total. A failure prints its seed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from firmware.at.calls import call_list
from firmware.at.command import make_command
from firmware.at.exchange import Exchange
from firmware.at.outcomes import Completed, ExchangeEvent, Reply, TimedOut, Urc
from firmware.at.parsing import registration
from firmware.call.facts import AnswerConfirmed, Fact, Over, mask
from firmware.call.progress import Phase, Progress
from firmware.families import FAMILIES, identify
from firmware.families.base import Family
from firmware.modem.network import judge_service, read_network_time, service_fault
from firmware.modem.sim_card import read_sim_state
from tests.fuzz.at_lines import corpus, mutate

DIAL = make_command("ATD+33639980001;", timeout=8, dial=True)
TAKE = make_command("ATA", timeout=8, dial=True)
QUERIES = (
    make_command("AT+CLCC", timeout=2),
    make_command("AT+CLCC", timeout=2),
    make_command("AT+CEER", timeout=2),
    make_command("AT+CREG?", timeout=2),
    make_command("AT+CPIN?", timeout=2),
    make_command("AT+CCLK?", timeout=2),
    make_command("AT+CGMM", timeout=2),
)
STEPS_A_STREAM = 24
MOST_ENDS = 8
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
_ROWS = (
    b"+CLCC: 1,0,%d,0,0",
    b'+CLCC: 1,0,%d,0,0,"+33639980001",145',
    b"^CLCC: 1,0,%d,0,0",
    b"+CLCC: 1,1,%d,0,0",
    b'+CLCC: 2,1,%d,0,0,"33639980007",145',
)
WORDS = (
    b"VOICE CALL: BEGIN",
    b"VOICE CALL: END: 001404",
    b"+RXDTMF: 9",
    b"+DTMF: 1",
    b"^DDTMF: 1,110",
    b"+QTONEDET: 57",
    b"MO RING",
    b"MO CONNECTED",
    b'^DSCI: 1,0,3,0,"+33639980001",145,0',
    b"^ORIG:1,0",
    b"^CONF:1",
    b"^CONN:1,0",
    b"^CEND:1,0,104,16",
    b"RING",
    b"+CRING: VOICE",
    b'+CLIP: "33639980007",145,,,,0',
    b'+CCWA: "+33639980007",145,1',
    b"MISSED_CALL: 11:01AM 07712345678",
    b'^DSCI: 1,1,3,0,"+33639980007",145,0',
    b"+CREG: 2",
    b"RDY",
    b"UNDER-VOLTAGE WARNNING",
    b"+CPIN: READY",
    b'+CEER: "SM","16"',
    b'+CCLK: "26/11/24,08:00:00+04"',
    *(row % state for row in _ROWS for state in range(8)),
)


class Progressing:
    """One call, told by an exchange. *now* is moved by hand."""

    def __init__(self, family: Family, *, incoming: bool = False) -> None:
        self.family = family
        self.exchange = Exchange()
        self.state = Progress(family=family, began=0.0, incoming=incoming)
        self.facts: list[Fact] = []
        self._running = ""
        self.ask(TAKE if incoming else DIAL, 0.0)

    def ask(self, command: object, now: float) -> None:
        if not self.exchange.idle:
            return
        assert isinstance(command, type(DIAL))
        self._running = command.text
        self.take(self.exchange.send(command, now), now)

    def take(self, events: Sequence[ExchangeEvent], now: float) -> None:
        for event in events:
            match event:
                case Urc(text=text):
                    self._tell(self.state.urc(text, now))
                    mask(text)
                case Completed(reply=reply):
                    self._answer(reply, now)
                case TimedOut() if self._running == "AT+CLCC":
                    self._tell(self.state.list_unreadable(now))
                case _:
                    pass

    def _answer(self, reply: Reply, now: float) -> None:
        match self._running:
            case "AT+CLCC":
                calls = call_list(reply.lines)
                self._tell(self.state.rows(calls.voice_rows, now))
                self._tell(self.state.tick(now))
            case "AT+CEER":
                for line in reply.lines:
                    self.state.release_cause(line)
            case "AT+CREG?":
                rows = [row for line in reply.lines if (row := registration(line)) is not None]
                service_fault(judge_service(rows))
            case "AT+CPIN?":
                read_sim_state(reply.lines, reply.final.text)
            case "AT+CCLK?":
                read_network_time(self.family, reply.lines, not_before=LONG_AGO)
            case "AT+CGMM":
                identify(" ".join(reply.lines), reply.final.text)
            case _:
                self._tell(self.state.dial_final(reply.final.text, now))

    def _tell(self, step: tuple[Progress, tuple[Fact, ...]]) -> None:
        before, (self.state, facts) = self.state, step
        self.facts += facts
        over = before.phase is Phase.OVER
        assert not over or self.state.phase is Phase.OVER, "the dead call came back"
        assert not over or facts == (), "a dead call tells"
        assert before.phase is not Phase.ANSWERED or self.state.phase >= Phase.ANSWERED
        assert len(self.state.ends) <= MOST_ENDS, "the state grows"

    def finish(self) -> None:
        self._tell(self.state.finished("the end of the test"))
        assert sum(isinstance(fact, Over) for fact in self.facts) == 1
        weak = [fact.weak for fact in self.facts if isinstance(fact, AnswerConfirmed)]
        # Certain once, and before that at most once in doubt, where the list could not be read.
        # A caller's answer is our own doing, and never in doubt.
        told = ([], [False]) if self.state.incoming else ([], [True], [False], [True, False])
        assert weak in told, "answered again"
        self.state.release_cause(None)


def play(family: Family, steps: Sequence[bytes | int | float], *, incoming: bool = False) -> None:
    """Bytes arrive, an int asks that query, a float lets seconds pass."""
    progress, now = Progressing(family, incoming=incoming), 0.0
    for step in steps:
        match step:
            case bytes():
                progress.take(progress.exchange.receive(step, now), now)
            case float():
                until = now + step
                for _ in range(200):
                    wake = progress.exchange.wake_at
                    if wake is None or wake > until:
                        break
                    now = max(now, wake)
                    progress.take(progress.exchange.tick(now), now)
                else:
                    raise AssertionError("time does not pass")
                now = until
            case _:
                progress.ask(QUERIES[step % len(QUERIES)], now)
    progress.finish()


def stream(seed: int, lines: Sequence[bytes]) -> None:
    dice = random.Random(seed)
    family = FAMILIES[dice.choice(sorted(FAMILIES))]
    steps: list[bytes | int | float] = []
    for _ in range(STEPS_A_STREAM):
        steps.append(
            dice.choice((dice.randrange(len(QUERIES)), dice.random() * 3, 0, b"\r\nOK\r\n"))
        )
        line = mutate(dice.choice(lines), dice)
        at = dice.randrange(len(line) + 1)
        steps += [line[:at], line[at:]]
    play(family, steps, incoming=dice.random() < 0.3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # The words of calls are few beside the recordings: as often as all of them together.
    recorded, started = corpus(), time.monotonic()
    lines = [*recorded, *WORDS * max(1, len(recorded) // len(WORDS))]
    streams = max(1, options.lines // STEPS_A_STREAM)
    for seed in range(options.seed, options.seed + streams):
        try:
            stream(seed, lines)
        except Exception:
            print(f"failed at --seed {seed} --lines {STEPS_A_STREAM}", file=sys.stderr)
            raise
    seconds = time.monotonic() - started
    print(f"{streams * STEPS_A_STREAM} lines in {seconds:.0f} s, no failure")
    return 0


if __name__ == "__main__":
    sys.exit(main())
