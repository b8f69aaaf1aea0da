"""Fit :data:`firmware.dtmf.evidence.WEIGHTS`: ``python -m bench.dtmf_weights --seed 1 --seed 2``.

Every stretch that the detector looks at is taken from the corpus with its features; stretches
inside presses of required conditions are keys, all of the negative and rejected streams are not.
Prints the weights, and for some thresholds (to be taken from the first weight) what they would
cost. The present weights come from seeds 5000 and 6000 with 6 hours of voices each.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.dtmf_corpus import KEYS, Stream, conditions, negative, pressed
from firmware.dtmf import ToneDetector
from firmware.dtmf.evidence import WEIGHTS, Look, features

Array = NDArray[np.float64]
WIDTH = len(WEIGHTS)
SIDE = 1500.0
"""Weight of all keys together, and of all that is none."""
BEST_OF_KEY, BEST_OF_OTHER = 2, 3
WEIGHT = {"neg-music": 4.0, "neg-tones": 2.0}
"""Music counts more: it holds a chord still, as no voice does."""


class _Recorder(ToneDetector):
    """Writes down every possible stretch and reports none."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[tuple[float, ...]] = []

    def _weigh(self, look: Look, key: int, end: int) -> float:
        self.looks.append((*features(look), float(key), end / 8000))
        return -1.0


def _looks(stream: Stream) -> Array:
    recorder = _Recorder()
    recorder.feed(stream.samples.astype("<i2").tobytes())
    return np.array(recorder.looks).reshape(-1, WIDTH + 2)


def _events(stream: Stream, looks: Array) -> list[Array]:
    """The looks of each press, or of each stretch of sound that resembles a key."""
    if stream.kind in ("required", "beyond"):
        key, end = looks[:, WIDTH], looks[:, WIDTH + 1]
        return [
            looks[
                (key == KEYS.index(press.key))
                & (end >= press.start + 0.02)
                & (end <= press.stop + 0.02)
            ]
            for press in stream.presses
        ]
    if not len(looks):
        return []
    new = (np.diff(looks[:, WIDTH + 1]) > 0.1) | (np.diff(looks[:, WIDTH]) != 0)
    return list(np.split(looks, np.flatnonzero(new) + 1))


@dataclass(frozen=True, slots=True)
class Event:
    """A press, or a stretch of sound that resembles one, with the looks that it got."""

    key: bool
    weight: float
    rows: Array


def _gather(task: tuple[str, int, int, float]) -> tuple[str, str, float, list[Array]]:
    what, number, seed, amount = task
    stream = (
        pressed(conditions()[number], seed, int(amount))
        if what == "press"
        else negative(what, 1000 * seed + number, amount)
    )
    return stream.kind, stream.group, stream.seconds, _events(stream, _looks(stream))


def fit(rows: Array, keys: Array, weights: Array) -> Array:
    """Weighted logistic regression by Newton's method, lightly regularised."""
    found = np.zeros(WIDTH)
    for _ in range(40):
        chance = 1.0 / (1.0 + np.exp(-np.clip(rows @ found, -30, 30)))
        curve = weights * chance * (1.0 - chance) + 1e-9
        slope = rows.T @ (weights * (keys - chance)) - 0.01 * found
        step = np.linalg.solve((rows * curve[:, None]).T @ rows + 0.01 * np.eye(WIDTH), slope)
        found += step
        if np.abs(step).max() < 1e-6:
            break
    return found


def refine(events: Sequence[Event], start: Array, rounds: int = 4) -> Array:
    """Fit anew to what decides: the best looks of each press, and of each thing that is none.

    A detector reports at the best look of all, so the others teach nothing.
    """
    found = start
    for _ in range(rounds):
        rows, keys, weights = [], [], []
        for event in events:
            best = np.argsort(-(event.rows @ found))[: BEST_OF_KEY if event.key else BEST_OF_OTHER]
            rows.append(event.rows[best])
            keys.append(np.full(len(best), float(event.key)))
            weights.append(np.full(len(best), event.weight / len(best)))
        all_keys, all_weights = np.concatenate(keys), np.concatenate(weights)
        for side in (0.0, 1.0):
            all_weights[all_keys == side] *= SIDE / all_weights[all_keys == side].sum()
        found = fit(np.concatenate(rows), all_keys, all_weights)
    return found


def main() -> None:
    """Gather, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--hours", type=float, default=6.0, help="of voices, for each seed")
    parser.add_argument("--presses", type=int, default=96, help="in each condition")
    options = parser.parse_args()
    piece = min(0.25, options.hours)
    tasks = [
        ("press", n, s, options.presses) for s in options.seed for n in range(len(conditions()))
    ]
    for kind, share in (("speech", 1.0), ("formant", 0.1), ("music", 0.1), ("tones", 0.1)):
        count = max(1, round(share * options.hours / piece))
        tasks += [(kind, n, s, piece) for s in options.seed for n in range(count)]
    events: list[Event] = []
    presses: list[Array] = []
    voices: list[Array] = []
    hours = 0.0
    with ProcessPoolExecutor(2) as pool:
        for kind, group, seconds, found in pool.map(_gather, tasks):
            if kind in ("required", "beyond"):
                presses += found
                events += [Event(True, 1.0, e[:, :WIDTH]) for e in found if len(e)]
            elif kind != "info":
                weight = WEIGHT.get(group, 1.0)
                events += [Event(False, weight, e[:, :WIDTH]) for e in found]
            if group == "neg-speech":
                voices += found
                hours += seconds / 3600
    first = fit(
        np.concatenate([e.rows for e in events]),
        np.concatenate([np.full(len(e.rows), float(e.key)) for e in events]),
        np.concatenate([np.full(len(e.rows), 1.0 / len(e.rows)) for e in events]),
    )
    weights = refine(events, first)
    print("weights", np.round(weights, 2).tolist())
    best = np.array([float((e[:, :WIDTH] @ weights).max()) if len(e) else -99.0 for e in presses])
    false = np.array([float((e[:, :WIDTH] @ weights).max()) for e in voices])
    for threshold in (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5):
        recall = 100.0 * np.mean(best > threshold)
        rate = np.sum(false > threshold) / hours
        print(f"threshold {threshold}: recall {recall:.3f} %, {rate:.2f} false keys an hour")


if __name__ == "__main__":
    main()
