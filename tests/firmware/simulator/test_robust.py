"""Whatever a program sends, the simulated modem stays a modem."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.simulator.families.table import PERSONALITIES
from firmware.simulator.modem.modem import SimulatedModem
from firmware.simulator.network.scenario import (
    DEFAULT_SCENARIO,
    Answer,
    FaultKind,
    Subscribers,
)
from tests.support.simulator_bench import START, Bench, one_number

FRAGMENTS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            b"AT\r",
            b"ATD+33639980001;\r",
            b"ATA\r",
            b"AT+CHUP\r",
            b"AT+CLCC\r",
            b"AT+CPCMREG=1\r",
            b"AT+QPCMV=1,0\r",
            b"AT+CMGS=1\r",
            b'AT+CFTRANRX="E:/a",5\r',
            b"AT+COLP=1\r",
            b"AT+CFUN=1,1\r",
            b"AT+CHLD=1\r",
            b"\x1a",
            b"\x1b",
            b";",
            b'"',
        ]
    ),
)


@given(
    st.sampled_from(sorted(PERSONALITIES)),
    st.lists(st.tuples(FRAGMENTS, st.floats(0, 3)), max_size=25),
)
def test_any_bytes_at_any_time(family: str, steps: list[tuple[bytes, float]]) -> None:
    modem = SimulatedModem(
        personality=PERSONALITIES[family],
        subscribers=Subscribers(DEFAULT_SCENARIO),
        now=START,
    )
    now = START
    for data, pause in steps:
        modem.receive(data, now)
        modem.receive_audio(data, now)
        now += pause
        modem.advance(now)
        wake = modem.wake_at()
        assert wake is None or wake > now - 1e-6


@pytest.mark.parametrize("family", sorted(PERSONALITIES))
@pytest.mark.parametrize("kind", [FaultKind.SPLIT_LINES, FaultKind.GARBAGE_BYTES])
def test_bytes_are_the_same_however_they_come(family: str, kind: FaultKind) -> None:
    """Faults of the wire change how and when bytes come, never the story that they tell."""
    behaviour = Answer(rings_in=1, after=1, hangs_up_after=3)
    stories = []
    for faults in ((), (kind,)):
        bench = Bench(family, one_number(behaviour, *faults))
        bench.send("AT+CLCC=1")
        bench.send("ATD+33639980001;")
        bench.run(10)
        text = b"".join(bench.wire).translate(None, b"\x00\x80\xfe\xff\xc3~").decode()
        stories.append([line for line in text.replace("\r", "\n").split("\n") if line])
    assert stories[0] == stories[1]
