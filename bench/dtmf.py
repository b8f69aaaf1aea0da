"""Keys heard, missed and imagined, latency and cost: our detector beside others, one corpus."""

from __future__ import annotations

import argparse
import difflib
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.detectors import Heard, listen, peers
from bench.dtmf_corpus import Press, Stream, conditions, negative, pressed
from firmware.dtmf import DownlinkDetector

WORDS = {
    "required": "recall",
    "beyond": "beyond_recall",
    "reject": "false_accept",
    "info": "info_recall",
}
"""What is counted of the presses of each kind of condition."""
SEED = 20_261_124
"""A seed that no weight or limit was chosen on."""


@dataclass(slots=True)
class Score:
    """One detector's result on one stream."""

    group: str
    name: str
    kind: str
    presses: int = 0
    heard: int = 0
    extra: int = 0
    hard_presses: int = 0
    hard_heard: int = 0
    """Of the keys 1 and 9."""
    extra_hard: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)
    missed: list[Press] = field(default_factory=list)


def score(stream: Stream, result: Heard) -> Score:
    """Match reports with presses: one report a press, by time, or by order where there is none."""
    made = Score(stream.group, stream.name, stream.kind, seconds=stream.seconds, cpu=result.cpu)
    made.presses = len(stream.presses)
    made.hard_presses = sum(press.key in "19" for press in stream.presses)
    used: set[int] = set()
    hit: list[Press] = []
    if any(report.at is None for report in result.reports):
        matcher = difflib.SequenceMatcher(
            None,
            [press.key for press in stream.presses],
            [report.key for report in result.reports],
            autojunk=False,
        )
        for block in matcher.get_matching_blocks():
            hit += stream.presses[block.a : block.a + block.size]
            used |= set(range(block.b, block.b + block.size))
    else:
        for press in stream.presses:
            for number, report in enumerate(result.reports):
                at = report.at or 0.0
                if number in used or report.key != press.key:
                    continue
                if press.start <= at <= press.stop + 0.2:
                    used.add(number)
                    hit.append(press)
                    made.latencies.append(at - press.start)
                    break
    made.heard = len(hit)
    made.hard_heard = sum(press.key in "19" for press in hit)
    made.missed = [press for press in stream.presses if press not in hit]
    left = [r for number, r in enumerate(result.reports) if number not in used]
    made.extra = len(left)
    made.extra_hard = sum(report.key in "19" for report in left)
    return made


def _judge(task: tuple[str, int, int, float, int, tuple[str, ...]]) -> list[tuple[str, Score]]:
    what, number, seed, hours, presses, names = task
    if what == "press":
        stream = pressed(conditions()[number], seed, presses)
    else:
        stream = negative(what, seed + number, hours)
    return [(name, score(stream, listen(name, stream.samples))) for name in names]


def measure(
    seed: int, *, presses: int, hours: float, names: Sequence[str], workers: int = 2
) -> dict[str, list[Score]]:
    """Run every detector over every condition and ``hours`` of voices (a quarter of the rest)."""
    tasks = [
        ("press", number, seed, 0.0, presses, tuple(names)) for number in range(len(conditions()))
    ]
    piece = 0.25
    for kind, share in (("speech", 1.0), ("formant", 0.25), ("music", 0.25), ("tones", 0.25)):
        count = max(1, round(hours * share / piece)) if hours else 0
        tasks += [(kind, n, seed, min(piece, hours), 0, tuple(names)) for n in range(count)]
    found: dict[str, list[Score]] = defaultdict(list)
    with ProcessPoolExecutor(workers) as pool:
        for results in pool.map(_judge, tasks):
            for name, made in results:
                found[name].append(made)
    return dict(found)


def _percent(part: int, whole: int) -> float:
    return round(100.0 * part / whole, 3) if whole else math.nan


def rows(name: str, scores: Iterable[Score]) -> list[dict[str, object]]:
    """The figures of one detector."""
    made: list[dict[str, object]] = []

    def add(what: str, value: float, unit: str, n: float) -> None:
        made.append({"name": f"dtmf.{name}.{what}", "value": value, "unit": unit, "n": n})

    scores = list(scores)
    groups: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for one in scores:
        groups[one.kind, one.group].append(one)
    for (kind, group), members in groups.items():
        presses = sum(s.presses for s in members)
        if kind == "negative":
            hours = round(sum(s.seconds for s in members) / 3600, 3)
            false = sum(s.extra for s in members)
            add(f"{group}.false_keys", round(false / hours, 2), "1/h", hours)
            add(
                f"{group}.false_keys_1_9",
                round(sum(s.extra_hard for s in members) / hours, 2),
                "1/h",
                hours,
            )
            cpu = sum(s.cpu for s in members)
            if not math.isnan(cpu):
                add(f"{group}.cpu", round(cpu / hours, 2), "s/h", hours)
        else:
            word = WORDS[kind]
            heard = sum(s.heard for s in members)
            add(f"{group}.{word}", _percent(heard, presses), "%", presses)
    required = [s for s in scores if s.kind == "required"]
    presses = sum(s.presses for s in required)
    add("recall", _percent(sum(s.heard for s in required), presses), "%", presses)
    hard = sum(s.hard_presses for s in required)
    add("recall_1_9", _percent(sum(s.hard_heard for s in required), hard), "%", hard)
    whole = sum(s.heard >= 0.99 * s.presses for s in required)
    add("conditions_at_99", whole, f"of {len(required)}", len(required))
    add("extra", round(1000 * sum(s.extra for s in required) / presses, 2), "1/1000", presses)
    latencies = [value for s in required for value in s.latencies]
    if latencies:
        for percentile in (50, 95, 100):
            value = round(1000 * float(np.percentile(latencies, percentile)), 1)
            add(f"latency_p{percentile}", value, "ms", len(latencies))
    return made


def cost(samples: NDArray[np.int16]) -> float:
    """CPU seconds an hour of keys and machines together, fed in frames of 20 ms."""
    pcm = samples.astype("<i2").tobytes()
    detector = DownlinkDetector()
    start = time.process_time()
    for offset in range(0, len(pcm), 320):
        detector.feed(pcm[offset : offset + 320])
    return (time.process_time() - start) * 3600 / (len(samples) / 8000)


def run(
    seed: int = SEED, presses: int = 96, hours: float = 1.0, names: Sequence[str] | None = None
) -> list[dict[str, object]]:
    """All figures of all detectors that this machine has."""
    made: list[dict[str, object]] = []
    for name, scores in measure(seed, presses=presses, hours=hours, names=names or peers()).items():
        made += rows(name, scores)
    hush = np.random.default_rng(seed).normal(0, 3, 600 * 8000).astype(np.int16)
    for name, samples in (
        ("silence", hush),
        ("speech", negative("speech", seed, 1 / 6).samples),
    ):
        # Keys and machines together: what a line pays.
        figure = f"dtmf.autodialer.both_ears.{name}.cpu"
        made.append({"name": figure, "value": round(cost(samples), 2), "unit": "s/h", "n": 600})
    return made


def table(found: Sequence[dict[str, object]]) -> str:
    """All detectors side by side, one figure a line."""
    names: dict[str, None] = {}
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    for row in found:
        _, name, what = str(row["name"]).split(".", 2)
        names[name] = None
        cells[f"{what} ({row['unit']})"][name] = str(row["value"])
    width = max(map(len, cells)) + 2
    lines = ["".ljust(width) + "".join(name.rjust(15) for name in names)]
    lines += [
        what.ljust(width) + "".join(values.get(name, "").rjust(15) for name in names)
        for what, values in cells.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """``python -m bench.dtmf``: the table, with every condition that lost a press."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--presses", type=int, default=96)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--detector", action="append", choices=peers())
    options = parser.parse_args()
    found = measure(
        options.seed,
        presses=options.presses,
        hours=options.hours,
        names=options.detector or peers(),
    )
    print(table([row for name, scores in found.items() for row in rows(name, scores)]))
    for s in found.get("autodialer", ()):
        if s.kind in ("required", "beyond") and (s.heard < s.presses or s.extra):
            lost = " ".join(f"{p.key}@{p.start:.2f}" for p in s.missed)
            print(f"  {s.group}/{s.name}: {s.heard}/{s.presses} +{s.extra} {lost}")


if __name__ == "__main__":
    main()
