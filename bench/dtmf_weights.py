"""Fit :data:`firmware.dtmf.evidence.WEIGHTS`: ``python -m bench.dtmf_weights --seed 1 --seed 2``.

Every stretch that the detector looks at is taken from the corpus with its features; stretches
inside presses of required conditions are keys, all of the negative and rejected streams are not.
Prints the weights without the threshold, and for some thresholds what they would cost.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray

from bench.dtmf_corpus import KEYS, Stream, conditions, negative, pressed
from firmware.dtmf import ToneDetector
from firmware.dtmf.evidence import WEIGHTS, Look, features

Array = NDArray[np.float64]
WIDTH = len(WEIGHTS)


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
    if stream.kind == "required":
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


def _gather(task: tuple[str, int, int, float]) -> tuple[str, str, float, list[Array]]:
    what, number, seed, hours = task
    stream = (
        pressed(conditions()[number], seed)
        if what == "press"
        else negative(what, 1000 * seed + number, hours)
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


def main() -> None:
    """Gather, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--hours", type=float, default=6.0)
    options = parser.parse_args()
    tasks = [("press", n, s, 0.0) for s in options.seed for n in range(len(conditions()))]
    for kind, share in (("speech", 1.0), ("formant", 0.2), ("music", 0.2), ("tones", 0.2)):
        count = max(1, round(4 * share * options.hours))
        tasks += [(kind, n, s, 0.25) for s in options.seed for n in range(count)]
    presses: list[Array] = []
    voices: list[Array] = []
    others: list[Array] = []
    hours = 0.0
    with ProcessPoolExecutor(2) as pool:
        for kind, group, seconds, events in pool.map(_gather, tasks):
            if kind == "required":
                presses += events
            elif group == "neg-speech":
                voices += events
                hours += seconds / 3600
            elif kind != "info":
                others += events
    # The last looks of a press are the fullest; a long event counts little more than a short one.
    positive = [event[-4:] for event in presses if len(event)]
    rows = np.concatenate([*positive, *voices, *others])[:, :WIDTH]
    good = np.concatenate([np.full(len(e), 1 / len(e)) for e in positive])
    bad = np.concatenate(
        [np.full(len(e), 1 / np.sqrt(len(e))) for e in voices]
        + [np.full(len(e), 0.2 / np.sqrt(len(e))) for e in others]
    )
    keys = np.concatenate([np.ones(len(good)), np.zeros(len(bad))])
    weights = np.concatenate([1500 * good / good.sum(), 1500 * bad / bad.sum()])
    found = fit(rows, keys, weights)
    print("weights", np.round(found, 2).tolist())
    best = [float((e[:, :WIDTH] @ found).max()) if len(e) else -99.0 for e in presses]
    false = np.array([float((e[:, :WIDTH] @ found).max()) for e in voices])
    for threshold in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0):
        recall = 100.0 * np.mean(np.array(best) > threshold)
        rate = np.sum(false > threshold) / hours
        print(f"threshold {threshold}: recall {recall:.3f} %, {rate:.2f} false keys an hour")


if __name__ == "__main__":
    main()
