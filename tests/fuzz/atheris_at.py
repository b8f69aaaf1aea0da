"""Coverage-guided fuzzing of a whole call; needs the ``fuzz`` extra (atheris).

``python -m tests.fuzz.atheris_at -max_total_time=60`` takes libFuzzer's options. The input's first
byte chooses the family; then each chunk is bytes from the modem, a query or passing time.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["firmware"]):
    from firmware.families import FAMILIES
    from tests.fuzz.call_progress import QUERIES, WORDS, play

NAMES = sorted(FAMILIES)
_ENDS = (b"\r\n", b"\r", b"\n", b"")


def one_input(data: bytes) -> None:
    given = atheris.FuzzedDataProvider(data)
    family = FAMILIES[NAMES[given.ConsumeIntInRange(0, len(NAMES) - 1)]]
    steps: list[bytes | int | float] = []
    while given.remaining_bytes() and len(steps) < 200:
        match given.ConsumeIntInRange(0, 4):
            case 0:
                steps.append(given.ConsumeIntInRange(0, len(QUERIES) - 1))
            case 1:
                steps.append(given.ConsumeFloatInRange(0.0, 10.0))
            case 2:
                word = WORDS[given.ConsumeIntInRange(0, len(WORDS) - 1)]
                steps.append(b"\r\n" + word + _ENDS[given.ConsumeIntInRange(0, 3)])
            case 3:
                steps.append(b"\r\nOK\r\n")
            case _:
                steps.append(given.ConsumeBytes(given.ConsumeIntInRange(0, 60)))
    play(family, steps)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
