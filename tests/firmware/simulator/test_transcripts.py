"""Recorded sessions and manuals, fed to the simulated modem: it must say what the source says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware.simulator.network.scenario import Answer
from tests.support.simulator_bench import Bench, one_number

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"


@dataclass(frozen=True)
class Session:
    name: str
    steps: tuple[tuple[str, str], ...]


def sessions(source: str) -> dict[str, Session]:
    found: dict[str, Session] = {}
    name = ""
    steps: list[tuple[str, str]] = []
    for line in [*(TRANSCRIPTS / f"{source}.txt").read_text().splitlines(), "== end"]:
        if line.startswith("== "):
            if steps:
                found[name] = Session(name, tuple(steps))
            name, steps = line[3:], []
        elif line.startswith(("> ", "< ")):
            steps.append((line[0], line[2:]))
    return found


def shape(line: str) -> str:
    """What is particular to a SIM, a network or a moment is put aside; the form stays."""
    line = re.sub(r'"\+?[0-9]{5,}"', '"N"', line)
    line = re.sub(r"(?<=,)\+?[0-9]{5,}(?=,)", "N", line)
    line = re.sub(r'"[a-z]+"$', '""', line)
    line = re.sub(r"\b(128|129|145)\b", "TON", line)
    line = re.sub(r"(END:? ?)[0-9]{6}", "END: HHMMSS", line).replace(
        "VOICE CALL:END", "VOICE CALL: END"
    )
    line = re.sub(r"^\+COPS: .*", "+COPS", line)
    line = re.sub(r"^\+CPSI: .*", "+CPSI", line)
    return re.sub(r'"[0-9/]+,[0-9:]+(\+[0-9]+)?"', '"TIME"', line)


def in_active_call(family: str, setup: tuple[str, ...] = ()) -> Bench:
    bench = Bench(family, one_number(Answer(rings_in=0.2, after=0.5)))
    for command in setup:
        bench.send(command)
    bench.send("ATD10086;")
    bench.run(2)
    return bench


@pytest.mark.parametrize(
    ("family", "source", "name", "in_call", "order_may_differ"),
    [
        ("sim7600", "T1", None, False, False),
        ("sim7600", "T7", "2.2.7 hang up", True, True),
        ("sim7600", "T7", "5.2.2 hang up", True, True),
        ("sim7600", "T7", "5.2.7 call list, outgoing", False, False),
        ("a76xx", "T14", "dial", False, False),
        ("a76xx", "T14", "hang up with ATH", True, False),
        ("a76xx", "T14", "hang up with CHUP", True, False),
        ("a76xx", "T14", "call list on 4G", True, False),
        ("a76xx", "T14", "PIN counters", False, False),
        ("quectel", "T15", "outgoing, answered, local hang-up", False, False),
        ("quectel", "T15", "the call list shows the data row", False, False),
    ],
)
def test_session(
    family: str, source: str, name: str | None, in_call: bool, order_may_differ: bool
) -> None:
    known = sessions(source)
    session = known[name] if name is not None else next(iter(known.values()))
    bench = (
        in_active_call(family)
        if in_call
        else Bench(family, one_number(Answer(rings_in=0.2, after=0.5)))
    )
    came: list[str] = []
    wanted: list[str] = []
    for direction, text in session.steps:
        if direction == ">":
            came += bench.run(2)
            came += bench.send(text)
        else:
            wanted.append(text)
    came += bench.run(2)
    got, want = [shape(line) for line in came], [shape(line) for line in wanted]
    if order_may_differ:
        assert set(want) <= set(got)
        return
    remaining = iter(got)
    assert all(line in remaining for line in want), (want, got)


def test_status_block_of_a_sim7600() -> None:
    """Every query of the log is answered in the same form; ERROR where the module said ERROR."""
    bench = Bench("sim7600")
    bench.send("AT+CMGF=1")
    steps = next(iter(sessions("T5").values())).steps
    queries: tuple[str, ...] = (
        "AT+CGMM",
        "AT+CGMI",
        "AT+CGMR",
        "AT+CSQ",
        "AT+CPIN?",
        "AT+CREG?",
        "AT+CGREG?",
    )
    queries += ("AT+CFUN?", "AT+CLVL?", "AT+CALM?", "AT+CNUM", "AT+CMGF?", "AT+COPS?", "AT+CCLK?")
    for query in queries:
        start = steps.index((">", query)) + 1
        wanted = []
        for direction, text in steps[start:]:
            if direction == ">":
                break
            wanted.append(shape(text))
        assert [shape(line) for line in bench.send(query)] == wanted, query


def test_clock_that_no_network_ever_set() -> None:
    """The SIM7600 of the log was registered and still lived in 1980."""
    from firmware.simulator.network.scenario import LineScenario
    from tests.support.simulator_bench import one_line

    bench = Bench(scenario=one_line(LineScenario(line=1, network_time=False)))
    assert re.fullmatch(r'\+CCLK: "80/01/06,\d\d:\d\d:\d\d"', bench.send("AT+CCLK?")[0])
    bench = Bench()
    assert bench.send("AT+CCLK?")[0] == '+CCLK: "26/11/24,12:00:00+04"'
