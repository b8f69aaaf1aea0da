"""The detector's figures are those that were recorded: a changed one is a decision, no accident.

Its limits, weights and tables hang together, and most of them may move a little without a key
being missed in any test; what that does to talk-off shows only after hours of voices. So the odds
of every stretch that is weighed in some seeded sounds are kept, to a billionth. Where one is meant
to change, ``bench.dtmf`` says what it costs, and ``python -m tests.support.dtmf_figures`` records
the figures anew.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

from tests.support import dtmf_figures
from tests.support.dtmf_figures import MEASURED, RECORDED, SOUNDS, Figures, differences


@cache
def recorded() -> dict[str, Figures]:
    figures: dict[str, Figures] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return figures


def same(before: object, now: object) -> list[str]:
    return list(differences(before, json.loads(json.dumps(now))))[:5]


def test_every_sound_is_recorded_and_no_other() -> None:
    assert recorded().keys() == SOUNDS.keys()


@pytest.mark.parametrize("name", SOUNDS)
def test_what_is_heard(name: str) -> None:
    before = {kind: recorded()[name][kind] for kind in ("keys", "found", "weighed")}
    assert same(before, dtmf_figures.heard(name, 320)) == []


@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured(name: str) -> None:
    before = {kind: recorded()[name][kind] for kind in ("frames", "fits", "spectra")}
    assert same(before, dtmf_figures.measured(name)) == []


@pytest.mark.parametrize(
    ("name", "cut"), [("two presses of one key", 2), ("in noise of 12 dB", 1), ("chords", 999)]
)
def test_however_the_bytes_are_cut(name: str, cut: int) -> None:
    before = {kind: recorded()[name][kind] for kind in ("keys", "found", "weighed")}
    assert same(before, dtmf_figures.heard(name, cut)) == []


@pytest.mark.parametrize(
    ("before", "now", "count"),
    [
        ({"a": [1.0, "x", None]}, {"a": [1.0 + 1e-10, "x", None]}, 0),
        ({"a": [1.0]}, {"a": [1.0 + 1e-8]}, 1),
        ({"a": [1.0]}, {"a": [1.0, 2.0]}, 1),
        ({"a": [1.0]}, {"b": [1.0]}, 2),
        ({"a": [True, 1]}, {"a": [1, True]}, 2),
        ({"a": "x"}, {"a": None}, 1),
    ],
)
def test_a_difference_is_seen(before: object, now: object, count: int) -> None:
    assert len(list(differences(before, now))) == count
