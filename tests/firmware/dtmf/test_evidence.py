"""The evidence for a key as numbers: each beside what it is made of, reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from firmware.dtmf.detector import _SLIPS, _Run
from firmware.dtmf.evidence import Look, features, weigh
from firmware.dtmf.pair import PairFit, Remains, Solved
from firmware.dtmf.spectrum import FLOOR_ENERGY

NAMES = (
    "one noise noise_high row_off column_off twist swell row_rival column_rival before longer "
    "row_off2 column_off2 twist2 short row_exact column_exact longer_exact longer_swell "
    "longer_noise band row column longer_row_rival longer_column_rival exact2 longer2"
).split()


NOTHING = np.zeros((1, 1))
SOLVED = Solved(
    waves=NOTHING, samples=NOTHING, low_parts=NOTHING, weights=NOTHING, energy=1.0, carried=1.0
)


def look(**changes: float) -> Look:
    """A 7 (852 and 1209 Hz), 20 ms longer than the shortest, with clean sound around it."""
    given: dict[str, float] = {
        "explained": 0.5,
        "row_hz": 862.0,
        "column_hz": 1309.0,
        "column_level": 1.0,
        "row_swell": 0.25,
        "column_swell": -0.04,
        "explained_high": 0.5,
        "band": 0.1,
        "row": 0.01,
        "column": 1.0,
        "windows": 8,
        "row_rival": 0.1,
        "column_rival": 0.01,
        "before": 0.1,
        **changes,
    }
    return Look(
        fit=PairFit(
            explained=given["explained"],
            row_hz=given["row_hz"],
            column_hz=given["column_hz"],
            row_level=1.0,
            column_level=given["column_level"],
            row_swell=given["row_swell"],
            column_swell=given["column_swell"],
            solved=SOLVED,
        ),
        remains=Remains(
            explained_high=given["explained_high"],
            weakest_part=1.0,
            band=given["band"],
            row=given["row"],
            column=given["column"],
        ),
        windows=int(given["windows"]),
        row_nominal=852.0,
        column_nominal=1209.0,
        row_rival=given["row_rival"],
        column_rival=given["column_rival"],
        before=given["before"],
    )


def told(**changes: float) -> dict[str, float]:
    return dict(zip(NAMES, features(look(**changes)), strict=True))


def test_each_number_of_the_evidence() -> None:
    row_off, column_off = 10.0 / (0.018 * 852 + 4), 100.0 / (0.018 * 1209 + 4)
    assert told() == pytest.approx(
        {
            "one": 1.0,
            "noise": 0.0,
            "noise_high": 0.0,
            "row_off": row_off,
            "column_off": column_off,
            "twist": 1 / 8,
            "swell": 0.5,
            "row_rival": -1.0,
            "column_rival": -2.0,
            "before": -1.0,
            "longer": 0.5,
            "row_off2": row_off**2,
            "column_off2": column_off**2,
            "twist2": 1 / 64,
            "short": 0.0,
            "row_exact": 1.0,
            "column_exact": 2.0,
            "longer_exact": 1.5,
            "longer_swell": 0.25,
            "longer_noise": 0.0,
            "band": -1.0,
            "row": -2.0,
            "column": 0.0,
            "longer_row_rival": -0.5,
            "longer_column_rival": -1.0,
            "exact2": 2.0,
            "longer2": 0.25,
        }
    )


@pytest.mark.parametrize(
    ("name", "changes", "value"),
    [
        # Beyond these ends a stretch speaks no louder.
        ("noise", {"explained": 1 / 11}, 0.3),
        ("noise", {"explained": 1 - 1e-6}, -2.5),
        ("noise_high", {"explained_high": 1 / 11}, 0.3),
        ("noise_high", {"explained_high": 1 - 1e-6}, -2.5),
        ("twist", {"column_level": 10.0}, 11 / 8),
        ("twist", {"column_level": 0.1}, -14 / 8),
        ("row_rival", {"row_rival": 1e-6}, -2.0),
        ("row_rival", {"row_rival": 10.0}, 0.0),
        ("column_rival", {"column_rival": 1e-6}, -2.0),
        ("column_rival", {"column_rival": 10.0}, 0.0),
        ("before", {"before": 1e-6}, -2.0),
        ("before", {"before": 1e6}, 0.6),
        *((name, {name: 1e6}, 0.6) for name in ("band", "row", "column")),
        *((name, {name: 1e-6}, -2.5) for name in ("band", "row", "column")),
        ("band", {"band": 0.0}, -2.5),
        # A tone cannot be told nearer than half a hertz.
        ("row_exact", {"row_hz": 852.0}, np.log10(0.5)),
        ("column_exact", {"column_hz": 1209.4}, np.log10(0.5)),
        ("row_off", {"row_hz": 842.0}, 10.0 / (0.018 * 852 + 4)),
        ("column_off", {"column_hz": 1109.0}, 100.0 / (0.018 * 1209 + 4)),
        ("swell", {"column_swell": -0.81}, 0.9),
        ("short", {"windows": 4}, 1.0),
        ("short", {"windows": 5}, 0.0),
        ("longer", {"windows": 4}, 0.0),
        ("longer_noise", {"explained": 1 / 11}, 0.15),
    ],
)
def test_where_the_evidence_ends(name: str, changes: dict[str, float], value: float) -> None:
    assert told(**changes)[name] == pytest.approx(value)


@pytest.mark.parametrize(
    ("windows", "own", "goes_on"),
    [
        ([True], 0.0, True),
        # Seen is enough, however much weaker it has become.
        ([True, True, True, True], FLOOR_ENERGY, True),
        ([False] * _SLIPS, 100 * FLOOR_ENERGY, True),
        ([False] * (_SLIPS + 1), 100 * FLOOR_ENERGY, False),
        ([False] * _SLIPS + [True] + [False] * _SLIPS, 100 * FLOOR_ENERGY, True),
        ([False], 61 * FLOOR_ENERGY, True),
        ([False], 59 * FLOOR_ENERGY, False),
    ],
)
def test_a_key_goes_on_while_it_is_seen_or_hidden_for_a_moment(
    windows: list[bool], own: float, goes_on: bool
) -> None:
    run = _Run(key=0, start=0)
    run.add(100 * FLOOR_ENERGY, 0.0, 0.0, 1j, 1j)
    assert [run.goes_on(own, seen=seen) for seen in windows][-1] is goes_on


def test_what_is_weaker_than_the_floor_hides_no_key() -> None:
    run = _Run(key=0, start=0)
    run.add(FLOOR_ENERGY, 0.0, 0.0, 1j, 1j)
    assert not run.goes_on(0.99 * FLOOR_ENERGY, seen=False)
    assert run.goes_on(FLOOR_ENERGY, seen=False)


CLEAR: dict[str, float] = {
    "explained": 0.97,
    "explained_high": 0.98,
    "row_hz": 855.0,
    "column_hz": 1211.0,
    "column_level": 1.2,
    "row_swell": 0.05,
    "column_swell": 0.02,
    "band": 0.01,
    "row": 0.003,
    "column": 0.003,
    "row_rival": 0.02,
    "column_rival": 0.02,
    "before": 0.01,
}


@pytest.mark.parametrize(
    ("sound", "odds"),
    [
        ({"windows": 4}, 7.616),
        ({"windows": 12}, 7.372),
        ({"windows": 12, "explained": 0.8, "explained_high": 0.85, "before": 0.3}, -1.970),
        (
            {
                "windows": 4,
                "row_hz": 862.0,
                "column_hz": 1225.0,
                "explained": 0.7,
                "explained_high": 0.75,
            },
            -5.598,
        ),
    ],
    ids=["a clear key", "a longer one", "in noise", "a voice that is near one"],
)
def test_what_the_measured_weights_make_of_four_sounds(
    sound: dict[str, float], odds: float
) -> None:
    """The weights are measured (``bench.dtmf_weights``), and so are these: a weight that changes
    unmeasured is a mistake, one that is measured anew brings its own figures here."""
    assert weigh(look(**(CLEAR | sound))) == pytest.approx(odds, abs=1e-3)
