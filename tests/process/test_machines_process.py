"""Machines at the far end, from their sound on the pty to the verdict in the ledger."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware.simulator.network import sounds
from tests.support.box_process import Bench, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process

RATE = 8000


def tone(seconds: float, hertz: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(6000.0 * np.sin(2 * np.pi * hertz * time))


def rest(seconds: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.zeros(round(seconds * RATE))


SOUNDS = {
    "sit": [rest(0.5), tone(0.33, 950), tone(0.33, 1400), tone(0.33, 1800), rest(3)],
    "fax": [rest(0.5), tone(2.5, 2100), rest(3)],
    "modem": [rest(0.5), tone(2.5, 2225), rest(3)],
}
EXPECTED = {
    "sit": ("unreachable", "sit", "special information tone"),
    "fax": ("voicemail", "fax", "2100 Hz"),
    "modem": ("voicemail", "fax", "2225 Hz"),
    "beep": ("voicemail", "beep", "steady tone of 1000 Hz"),
    "busy": ("busy", "busy_tone", "busy cadence"),
    "monologue": ("voicemail", "monologue", "s of speech"),
}


def test_every_verdict_is_in_the_ledger_with_its_evidence(bench: Bench) -> None:
    folder: Path = bench.stage.directory
    for name, parts in SOUNDS.items():
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(np.concatenate(parts).astype("<i2").tobytes())
    with wave.open(str(folder / "monologue.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sounds.murmur(40.0))
    behaviours: dict[str, dict[str, Any]] = {
        name: {"answer": {"speaks": f"{name}.wav", "patience": 60}} for name in SOUNDS
    }
    behaviours["beep"] = {"voicemail": {"after": 2}}
    behaviours["busy"] = {"busy": {}}
    behaviours["monologue"] = {"answer": {"speaks": "monologue.wav", "patience": 60}}
    numbers = {name: f"+3319900{index:04d}" for index, name in enumerate(EXPECTED, start=1001)}
    rules: list[dict[str, Any]] = [
        {"number": numbers[name], "behaviour": behaviours[name]} for name in EXPECTED
    ]
    rules[list(EXPECTED).index("busy")]["faults"] = [{"fault": "false_answer"}]
    bench.people(*rules)
    bench.start_modems()

    bench.start_box("--until-idle")
    wait_for(lambda: len(bench.rows("call.ended")) >= len(EXPECTED), 45.0)

    dialled = [row["number"] for row in bench.network("dialled")]
    verdicts: dict[str, tuple[Any, ...]] = {}
    for number, row in zip(dialled, bench.rows("call.ended"), strict=False):
        name = next(n for n, value in numbers.items() if value == number)
        proof = row["evidence"]
        verdicts.setdefault(
            name, (row["outcome"], proof.get("machine"), proof.get("machine_evidence"))
        )
        assert "message_ms" not in proof, name
    for name, (outcome, machine, words) in EXPECTED.items():
        found = verdicts[name]
        assert found[:2] == (outcome, machine), (name, found)
        assert words in str(found[2]), (name, found)
