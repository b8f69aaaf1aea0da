"""Mutated modem output against the AT core, a million lines by default.

Lines of the recorded sessions are mutated, strung together and fed to a conversation twice: whole,
and cut at random. Held for every stream: no exception, the same events for both, bounded memory,
no command or resync that never ends, and every parser total. A failure prints the seed of its
stream, which reproduces it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from firmware.at import calls, parsing, results
from firmware.at.command import make_command
from firmware.at.exchange import Exchange
from firmware.at.framing import MAX_LINE
from firmware.at.outcomes import ExchangeEvent

SESSIONS = Path(__file__).parents[1] / "transcripts"
COMMANDS = (
    make_command("AT+CSQ", timeout=2),
    make_command("AT+CLCC", timeout=2),
    make_command("AT+CGMI", timeout=2),
    make_command("AT+CPIN?", timeout=2),
    make_command("AT+CMGL=4", timeout=2),
    make_command("ATD+33199000001;", timeout=2),
    make_command("AT+CMGS=23", timeout=2, payload=b"00\x1a"),
)
ENDS = (b"\r\n", b"\r\r\n", b"\n\r", b"\n", b"\r", b"")
PARSERS = (
    parsing.information,
    results.final_result,
    calls.call_row,
    calls.extended_error,
    parsing.registration,
    parsing.message_stored,
)
LINES_A_STREAM = 12


def corpus() -> list[bytes]:
    lines = {
        line[2:].encode()
        for path in SESSIONS.glob("T*.txt")
        for line in path.read_text().splitlines()
        if line.startswith(("< ", "> "))
    }
    results = [b"OK", b"ERROR", b"> ", b"+CME ERROR: 14", b"BUSY", b"NO CARRIER", b"CONNECT"]
    return [*sorted(lines), *results]


def mutate(line: bytes, dice: random.Random) -> bytes:
    data = bytearray(line)
    for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data[at:at] = bytes([dice.randrange(256)])
            case 1:
                del data[at : at + dice.randrange(4)]
            case 2:
                data[at:at] = data[: dice.randrange(9)]
            case 3:
                data[at : at + 1] = dice.choice((b",", b'"', b"\x00", b"\xff", b":", b"0", b"\r"))
            case _:
                data[at:at] = b"x" * dice.choice((10, 10, 10, MAX_LINE))
    return bytes(data) + dice.choice(ENDS)


def converse(plan: list[bytes | float | int | str]) -> tuple[list[ExchangeEvent], Exchange]:
    exchange, now, events = Exchange(), 0.0, list[ExchangeEvent]()
    for step in [*plan, 30.0]:
        match step:
            case bytes():
                events += exchange.receive(step, now)
            case float():
                end = now + step
                for _ in range(200):
                    wake = exchange.wake_at
                    if wake is None or wake > end:
                        break
                    now = max(now, wake)
                    events += exchange.tick(now)
                else:
                    raise AssertionError("time does not pass")
                now = end
            case int() if exchange.idle:
                events += exchange.send(COMMANDS[step], now)
            case "abort":
                events += exchange.abort(now, finals=2)
            case "resync" if exchange.running is None:
                events += exchange.begin_resync(now, timeout=5)
            case _:
                pass
    assert exchange.wake_at is None, "something never ends"
    assert exchange.running is None
    return events, exchange


def stream(seed: int, lines: list[bytes]) -> None:
    dice = random.Random(seed)
    whole: list[bytes | float | int | str] = []
    cut: list[bytes | float | int | str] = []
    for _ in range(LINES_A_STREAM):
        action: bytes | float | int | str = dice.choice(
            (dice.randrange(len(COMMANDS)), dice.random() * 3, "abort", "resync", b"", b"")
        )
        line = mutate(dice.choice(lines), dice)
        at = dice.randrange(len(line) + 1)
        whole += [action, line]
        cut += [action, line[:at], line[at:]]
        for part in line.decode("utf-8", "replace").splitlines():
            for parse in PARSERS:
                parse(part)
    assert converse(whole)[0] == converse(cut)[0], "a cut changed the events"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lines, started = corpus(), time.monotonic()
    streams = max(1, options.lines // LINES_A_STREAM)
    for seed in range(options.seed, options.seed + streams):
        try:
            stream(seed, lines)
        except Exception:
            print(f"failed at --seed {seed} --lines {LINES_A_STREAM}", file=sys.stderr)
            raise
    seconds = time.monotonic() - started
    print(f"{streams * LINES_A_STREAM} lines in {seconds:.0f} s, no failure")
    return 0


if __name__ == "__main__":
    sys.exit(main())
