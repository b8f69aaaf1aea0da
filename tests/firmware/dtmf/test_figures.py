"""The figures behind the evidence, each beside a plain reckoning of the same in numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware.dtmf import evidence, spectrum
from firmware.dtmf.evidence import near, possible, weigh
from firmware.dtmf.pair import (
    NEAR_HZ,
    PARTS,
    TONE_BAND_HZ,
    VOICE_EDGE_HZ,
    PairFit,
    fit_pair,
    look_closer,
)
from firmware.dtmf.single import SILENT, Frame, measure
from firmware.dtmf.spectrum import (
    BLOCK,
    COLUMNS,
    DBM0_PEAK,
    FLOOR_ENERGY,
    FREQUENCIES,
    HISTORY,
    HOP,
    LOW_EDGE_HZ,
    ROWS,
    SAMPLE_RATE,
    WINDOW,
    Spectra,
    band_energy,
    low_basis,
)
from tests.firmware.dtmf.test_evidence import SOLVED, look

Array = NDArray[np.float64]
LENGTHS = [WINDOW + HOP * (windows - 1) for windows in (4, 6, 8, 10, 12, 16, 20)]


def test_what_the_documents_say() -> None:
    """8 kHz; frames of 20 ms each 5 ms; ITU-T Q.23; a sine of 0 dBm0 is 3.14 dB below full."""
    assert (SAMPLE_RATE, BLOCK, WINDOW, HOP, HISTORY) == (8000, 160, 160, 40, 1280)
    assert list(ROWS) == [697, 770, 852, 941]
    assert list(COLUMNS) == [1209, 1336, 1477, 1633]
    assert [*ROWS, *COLUMNS] == list(FREQUENCIES)
    assert pytest.approx(32768 * 10 ** (-3.14 / 20), rel=1e-4) == DBM0_PEAK
    # Speech is strongest below 600 Hz; keys lie above, as far as 1750; 90 Hz around a tone no other
    # key's tone lies. A stretch is cut into five parts.
    assert (LOW_EDGE_HZ, VOICE_EDGE_HZ, TONE_BAND_HZ) == (250, 600, (600, 1750))
    assert (NEAR_HZ, PARTS) == (90, 5)
    # What ETSI ES 201 235-3 wants accepted, 1.5 % and 2 Hz, with room.
    assert (evidence.MARGIN, evidence.MARGIN_HZ) == (0.018, 4)
    assert (evidence.WEAKEST_PART, evidence.OVERTONE, evidence.EXACT_HZ) == (0.3, 0.01, 0.5)
    both = 2 * (DBM0_PEAK * 10 ** (-49.0 / 20)) ** 2 / 2 * WINDOW
    assert pytest.approx(both, rel=0.01) == FLOOR_ENERGY


# -- the front end ------------------------------------------------------------------------------


def plain_low(length: int, edge: float = 250.0) -> Array:
    """The projection on everything slower than *edge*, by singular values."""
    time = np.arange(length) / 8000
    step = 8000 / length / 2
    # Added up, as the weights were measured: at some lengths the edge itself is rounded away.
    steps = np.cumsum(np.full(int(edge / step) + 1, step))
    steps = steps[steps <= edge]
    waves = [np.ones(length)]
    waves += [f(2 * np.pi * hertz * time) for hertz in steps for f in (np.cos, np.sin)]
    left, values, _ = np.linalg.svd(np.stack(waves, 1), full_matrices=False)
    kept = left[:, values > 0.05 * values[0]]
    return np.asarray(kept @ kept.T)


@pytest.mark.parametrize("edge", [250.0, 600.0])
@pytest.mark.parametrize("length", [WINDOW, *LENGTHS])
def test_the_low_subspace(length: int, edge: float) -> None:
    low = low_basis(length, edge)
    assert np.allclose(low.T @ low, np.eye(low.shape[1]))
    assert np.allclose(low @ low.T, plain_low(length, edge), atol=1e-6)


def test_each_window_beside_a_plain_projection() -> None:
    stream = np.random.default_rng(4).integers(-9000, 9000, 40 * BLOCK)
    stream[: 3 * BLOCK] = 0
    high = np.eye(WINDOW) - plain_low(WINDOW)
    time = np.arange(WINDOW) / 8000
    spectra = Spectra()
    assert (spectra.quiet, spectra.end) == (True, 0)
    for number, block in enumerate(spectra.feed(stream.astype("<i2").tobytes())):
        assert block.end == BLOCK * (number + 1)
        if number % 9:
            continue
        padded = np.concatenate([np.zeros(WINDOW), stream[: block.end]])
        sums, energies = block.windows()
        for hop in range(4):
            stop = len(padded) - BLOCK + HOP * (hop + 1)
            window = high @ padded[stop - WINDOW : stop]
            powers = [
                2 / WINDOW * abs(window @ np.exp(-2j * np.pi * f * time)) ** 2 for f in FREQUENCIES
            ]
            assert sums[hop][:8] == pytest.approx(powers, rel=1e-6, abs=1e-3)
            assert energies[hop] == pytest.approx(window @ window, rel=1e-6, abs=1e-3)
            parts = block.projections[hop]
            assert parts[:8] + 1j * parts[8:16] == pytest.approx(
                [window @ np.exp(-2j * np.pi * f * time) for f in FREQUENCIES], abs=1e-2
            )
        assert block.window()[0] == pytest.approx(sums[3])
        assert block.window()[1] == pytest.approx(energies[3])
        assert band_energy(padded[-WINDOW:]) == pytest.approx(energies[3], abs=1e-2)


@pytest.mark.parametrize("cut", [1, 319, 320, 321, 5000])
def test_the_newest_samples_stay_the_newest(cut: int) -> None:
    stream = np.random.default_rng(5).integers(-9000, 9000, 150 * BLOCK)
    data = stream.astype("<i2").tobytes()[: 60 * 320 if cut == 1 else None]
    spectra = Spectra()
    padded = np.concatenate([np.zeros(HISTORY), stream])
    blocks = 0
    for start in range(0, len(data), cut):
        for block in spectra.feed(data[start : start + cut]):
            blocks += 1
            end = HISTORY + block.end
            assert (block.stretch(HISTORY) == padded[end - HISTORY : end]).all()
            assert (block.stretch(WINDOW, 240) == padded[end - WINDOW - 240 : end - 240]).all()
    assert blocks == len(data) // 320
    assert list(spectra.feed(b"")) == []


@pytest.mark.parametrize(
    ("peaks", "quiet"),
    [
        ([0], [True]),
        # A block is loud from half the floor on: the sum of 160 squares of 57 is below it.
        ([57, 57], [True, True]),
        ([57, 58], [True, False]),
        ([58, 0, 0], [False, False, True]),
        ([0, 0, 58, 0, 58, 57, 57], [True, True, False, False, False, False, True]),
    ],
)
def test_what_is_quiet(peaks: list[int], quiet: list[bool]) -> None:
    assert 160 * 57**2 < FLOOR_ENERGY / 2 < 160 * 58**2
    data = np.repeat(peaks, BLOCK).astype("<i2").tobytes()
    assert [block.quiet for block in Spectra().feed(data)] == quiet


# -- two tones in a stretch ---------------------------------------------------------------------


def stretch(
    seed: int,
    length: int,
    *,
    row: float = 700.0,
    column: float = 1212.0,
    noise: float = 300.0,
    swell: tuple[float, float] = (0.2, -0.1),
    levels: tuple[float, float] = (4000.0, 5000.0),
) -> Array:
    rng = np.random.default_rng(seed)
    time = (np.arange(length) - (length - 1) / 2) / 8000
    inner = time * 2 * 8000 / length
    wave = np.zeros(length)
    for hertz, grows, level in zip((row, column), swell, levels, strict=True):
        wave = wave + level * (1 + grows * inner) * np.sin(2 * np.pi * hertz * time + 1 + hertz)
    hum = 2000 * np.sin(2 * np.pi * 100 * time) + 700
    return np.asarray(wave + hum + rng.normal(0, noise, length))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_fit_beside_a_plain_least_squares(length: int, seed: int) -> None:
    samples = stretch(seed, length)
    fit = fit_pair(samples, 699.7, 1212.4)
    assert fit is not None
    high = np.eye(length) - plain_low(length)
    time = (np.arange(length) - (length - 1) / 2) / 8000
    inner = time * 2 * 8000 / length
    steady = [f(2 * np.pi * hertz * time) for hertz in (699.7, 1212.4) for f in (np.cos, np.sin)]
    waves = np.stack([*steady, *(wave * inner for wave in steady)], 1)
    weights, *_ = np.linalg.lstsq(high @ waves, high @ samples, rcond=None)
    fitted, signal = high @ waves @ weights, high @ samples
    assert fit.explained == pytest.approx(fitted @ fitted / (signal @ signal), rel=1e-6)
    tones = weights[:4:2] - 1j * weights[1:4:2]
    slopes = (weights[4::2] - 1j * weights[5::2]) / tones
    assert [fit.row_level, fit.column_level] == pytest.approx(abs(tones), rel=1e-6)
    assert [fit.row_swell, fit.column_swell] == pytest.approx(slopes.real, rel=1e-5)
    # The angle at the end of the stretch is what half its length in time was wrong by.
    off = slopes.imag / (2 * np.pi * length / 2 / 8000)
    assert [fit.row_hz, fit.column_hz] == pytest.approx([699.7 + off[0], 1212.4 + off[1]], rel=1e-7)
    # And that is near what was put in.
    assert [fit.row_hz, fit.column_hz] == pytest.approx([700.0, 1212.0], abs=1.0)
    assert [fit.row_swell, fit.column_swell] == pytest.approx([0.2, -0.1], abs=0.06)
    assert [fit.row_level, fit.column_level] == pytest.approx([4000, 5000], rel=0.04)

    remains = look_closer(fit)
    rest = signal - fitted
    low_rest = plain_low(length, 600.0) @ rest
    carried = fitted @ fitted
    high_rest = rest @ rest - low_rest @ low_rest
    assert remains.explained_high == pytest.approx(carried / (carried + high_rest), rel=1e-3)
    plain = high @ waves[:, :4] @ weights[:4]
    parts = [
        (a @ b) / (a @ a) for a, b in zip(np.split(plain, 5), np.split(signal, 5), strict=True)
    ]
    assert remains.weakest_part == pytest.approx(min(parts), rel=1e-6)
    taper = np.hanning(length) / np.sqrt(np.mean(np.hanning(length) ** 2) * length / 2)
    power = abs(np.fft.rfft(rest * taper)) ** 2

    def left(low_hz: float, high_hz: float) -> float:
        return float(
            power[round(low_hz * length / 8000) : round(high_hz * length / 8000) + 1].sum()
        )

    row, column = (level**2 * length / 2 for level in (fit.row_level, fit.column_level))
    assert remains.band == pytest.approx(left(600, 1750) / (row + column), rel=0.03)
    assert remains.row == pytest.approx(left(fit.row_hz - 90, fit.row_hz + 90) / row, rel=0.03)
    assert remains.column == pytest.approx(
        left(fit.column_hz - 90, fit.column_hz + 90) / column, rel=0.03
    )


def test_where_there_is_nothing_to_fit() -> None:
    assert fit_pair(np.zeros(280), 697.0, 1209.0) is None


def test_a_key_that_stops_early_has_a_weak_part() -> None:
    whole = stretch(1, 280, noise=10, swell=(0, 0))
    for missing, weak in ((0, False), (56, True)):
        samples = whole.copy()
        samples[280 - missing :] = 0
        fit = fit_pair(samples, 700.0, 1212.0)
        assert fit is not None
        assert (look_closer(fit).weakest_part < 0.3) is weak


# -- the limits of a key ------------------------------------------------------------------------

FIT = PairFit(
    explained=0.9,
    row_hz=770.0,
    column_hz=1336.0,
    row_level=100.0,
    column_level=100.0,
    row_swell=0.0,
    column_swell=0.0,
    solved=SOLVED,
)


@pytest.mark.parametrize(
    ("changes", "is_possible"),
    [
        ({}, True),
        ({"explained": 0.33}, True),
        ({"explained": 0.3299}, False),
        *(
            ({swell: value}, True)
            for swell in ("row_swell", "column_swell")
            for value in (0.85, -0.85)
        ),
        *(
            ({swell: value}, False)
            for swell in ("row_swell", "column_swell")
            for value in (0.851, -0.851)
        ),
        ({"column_level": 16.0}, True),
        ({"column_level": 15.9}, False),
        ({"column_level": 450.0}, True),
        ({"column_level": 450.1}, False),
        # 1.8 % and 4 Hz: 17.86 Hz for 770, 28.05 Hz for 1336.
        ({"row_hz": 787.8}, True),
        ({"row_hz": 787.9}, False),
        ({"row_hz": 752.2}, True),
        ({"row_hz": 752.1}, False),
        ({"column_hz": 1364.0}, True),
        ({"column_hz": 1364.1}, False),
        ({"column_hz": 1308.0}, True),
        ({"column_hz": 1307.9}, False),
    ],
)
def test_the_limits_of_a_key(changes: dict[str, float], is_possible: bool) -> None:
    assert possible(replace(FIT, **changes), 770.0, 1336.0) is is_possible  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratio", "is_possible"), [(1.989, True), (1.991, False), (2.009, False), (2.011, True)]
)
def test_an_overtone_is_no_column(ratio: float, is_possible: bool) -> None:
    fit = replace(FIT, row_hz=700.0, column_hz=700.0 * ratio)
    assert possible(fit, 700.0, 1400.0) is is_possible


@pytest.mark.parametrize(
    ("offs", "slack", "is_near"),
    [
        ((13.0, 22.0), 1.0, True),
        ((-13.0, -22.0), 1.0, True),
        ((13.001, 0.0), 1.0, False),
        ((0.0, -22.001), 1.0, False),
        ((26.0, 44.0), 2.0, True),
        ((26.001, 0.0), 2.0, False),
        ((0.0, 44.001), 2.0, False),
    ],
)
def test_how_near_is_near(offs: tuple[float, float], slack: float, is_near: bool) -> None:
    # 1.8 % and 4 Hz of 500 and of 1000 Hz: 13 and 22 Hz.
    row, column = 500.0, 1000.0
    assert near(*offs, row, column, slack) is is_near
    if slack == 1.0:
        assert near(*offs, row, column) is is_near


@settings(max_examples=40)
@given(
    st.floats(0.4, 0.99),
    st.floats(-12.0, 12.0),
    st.floats(-25.0, 25.0),
    st.floats(0.01, 0.9),
    st.sampled_from([4, 6, 8, 10, 12, 16, 20]),
)
def test_evidence_grows_as_the_sound_grows_cleaner(
    explained: float, row_off: float, column_off: float, before: float, windows: int
) -> None:
    given_look = {
        "row_hz": 852.0 + row_off,
        "column_hz": 1209.0 + column_off,
        "before": before,
        "windows": windows,
    }
    noisy = weigh(look(explained=explained, **given_look))
    assert weigh(look(explained=explained + 0.009, **given_look)) > noisy
    assert weigh(look(explained=explained, **{**given_look, "before": before + 0.1})) < noisy


# -- single tones -------------------------------------------------------------------------------

FRAME_TIME = np.arange(320) / 8000


def sound(*tones: tuple[float, float]) -> Array:
    """Tones of a frequency and a share of the energy; the whole has the mean square 1e6."""
    return np.asarray(
        sum(
            np.sqrt(2e6 * share) * np.sin(2 * np.pi * hertz * FRAME_TIME + hertz)
            for hertz, share in tones
        )
    )


@settings(max_examples=60, deadline=None)
@given(st.floats(300.0, 3450.0), st.floats(0.0, 6.0))
def test_a_tone_is_told_within_a_hertz(hertz: float, phase: float) -> None:
    frame = measure(4000 * np.sin(2 * np.pi * hertz * FRAME_TIME + phase))
    assert frame.tone == pytest.approx(hertz, abs=1.5)
    assert frame.pair is None
    assert frame.power == pytest.approx(4000**2 / 2, rel=0.06)
    assert (frame.tonal, frame.silent, frame.key) == (True, False, False)


@pytest.mark.parametrize("hertz", [300.0, 325.0, 350.0, 2000.0, 3400.0, 3425.0, 3450.0])
def test_tones_at_the_ends_of_the_telephone_band(hertz: float) -> None:
    assert measure(sound((hertz, 1.0))).tone == pytest.approx(hertz, abs=1.5)


@pytest.mark.parametrize("hertz", [150.0, 200.0, 3600.0])
def test_what_is_outside_the_telephone_band_counts_for_nothing(hertz: float) -> None:
    assert measure(sound((hertz, 1.0))).power < 1000
    both = measure(sound((hertz, 1.0)) + sound((1000.0, 1.0)))
    assert both.tone == pytest.approx(1000.0, abs=2)
    assert both.power == pytest.approx(1e6, rel=0.02)


@pytest.mark.parametrize(("decibels", "silent"), [(-40.2, True), (-39.8, False)])
def test_fainter_than_40_below_zero_is_silence(decibels: float, silent: bool) -> None:
    peak = DBM0_PEAK * 10 ** (decibels / 20)
    frame = measure(peak * np.sin(2 * np.pi * 1000 * FRAME_TIME))
    assert frame.silent is silent
    assert frame.tone == (None if silent else pytest.approx(1000.0, abs=0.5))
    assert Frame(power=0.0, tone=None, pair=None, key=False) == SILENT
    assert SILENT.silent
    assert not SILENT.tonal


ONE, PAIR, KEY, NEITHER = "tone", "pair", "key", "neither"


@pytest.mark.parametrize(
    ("tones", "what"),
    [
        ([(1000, 0.86), (1500, 0.07), (2000, 0.07)], ONE),
        ([(1000, 0.84), (1500, 0.08), (2000, 0.08)], NEITHER),
        ([(1000, 0.5), (1500, 0.36), (2000, 0.14)], PAIR),
        ([(1000, 0.5), (1500, 0.34), (2000, 0.16)], NEITHER),
        # The second of a pair holds at least 15 % of the whole.
        ([(1000, 0.71), (1500, 0.16), (2000, 0.13)], PAIR),
        ([(1000, 0.72), (1500, 0.14), (2000, 0.14)], NEITHER),
        ([(1000, 0.39), (1500, 0.31), (2000, 0.3)], NEITHER),
        ([(1500, 0.6), (1000, 0.4)], PAIR),
        # A DTMF pair: both within 3 % of their frequencies, the fainter above 2 % of the whole,
        # the two at least 70 % of it.
        ([(770, 0.5), (1336, 0.5)], KEY),
        ([(770, 0.975), (1336, 0.025)], KEY),
        ([(770, 0.985), (1336, 0.015)], ONE),
        ([(770 * 1.028, 0.5), (1336 * 1.028, 0.5)], KEY),
        ([(770 * 0.972, 0.5), (1336 * 0.972, 0.5)], KEY),
        ([(770 * 0.967, 0.5), (1336, 0.5)], PAIR),
        ([(770, 0.5), (1336 * 0.967, 0.5)], PAIR),
        ([(770, 0.42), (1336, 0.295), (2000, 0.143), (2400, 0.142)], KEY),
        ([(770, 0.42), (1336, 0.265), (2000, 0.158), (2400, 0.157)], NEITHER),
        ([(770, 0.42), (1336, 0.38), (2000, 0.2)], KEY),
        ([(770, 0.385), (1336, 0.385), (2000, 0.23)], NEITHER),
        ([(770, 0.5), (941, 0.5)], PAIR),
        ([(1209, 0.5), (1477, 0.5)], PAIR),
        *(([(row, 0.5), (column, 0.5)], KEY) for row in ROWS for column in COLUMNS),
    ],
)
def test_what_a_frame_holds(tones: list[tuple[float, float]], what: str) -> None:
    frame = measure(sound(*tones))
    assert frame.power == pytest.approx(1e6, rel=0.02)
    low, high = sorted(hertz for hertz, _ in tones[:2])
    assert frame == Frame(
        power=frame.power,
        tone=pytest.approx(tones[0][0], abs=4) if what == ONE else None,  # type: ignore[arg-type]
        pair=pytest.approx((low, high), abs=4) if what == PAIR else None,  # type: ignore[arg-type]
        key=what == KEY,
    )
    assert frame.tonal is (what != NEITHER)


# -- where there is next to nothing ---------------------------------------------------------------


def faint(row: float, column: float, length: int = 280) -> Array:
    """Two steady tones of given amplitudes, far below one step of a sample."""
    time = np.arange(length) / 8000
    return np.asarray(
        row * np.sin(2 * np.pi * 697.0 * time + 1) + column * np.sin(2 * np.pi * 1209.0 * time)
    )


@pytest.mark.parametrize(("row", "column"), [(0.02, 0.02), (0.5, 9.0), (9.0, 0.5), (0.9, 0.9)])
def test_the_faintest_tones_are_fitted_like_any_others(row: float, column: float) -> None:
    fit = fit_pair(faint(row, column), 697.0, 1209.0)
    assert fit is not None
    assert (fit.row_level, fit.column_level) == pytest.approx((row, column), rel=1e-6)
    assert fit.explained == pytest.approx(1.0)
    # What is left is rounding: none of it may count as energy that the tones do not explain.
    assert look_closer(fit).explained_high == pytest.approx(1.0, abs=1e-9)


def test_nothing_is_asked_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    def solve(*_: object) -> Array:
        raise AssertionError("there is nothing to fit")

    monkeypatch.setattr(np.linalg, "solve", solve)
    assert fit_pair(np.zeros(280), 697.0, 1209.0) is None


@pytest.mark.parametrize(
    ("weights", "fitted"),
    [
        ((1, 0, 1, 0, 0, 0, 0, 0), True),
        ((0, 1, 0, 1, 0, 0, 0, 0), True),
        ((0, 0, 1, 1, 1, 1, 0, 0), False),
        ((1, 1, 0, 0, 0, 0, 1, 1), False),
        ((0, 0, 0, 0, 1, 1, 1, 1), False),
    ],
)
def test_two_tones_or_none(
    monkeypatch: pytest.MonkeyPatch, weights: tuple[float, ...], fitted: bool
) -> None:
    monkeypatch.setattr(np.linalg, "solve", lambda *_: np.array(weights, float))
    assert (fit_pair(faint(3.0, 3.0), 697.0, 1209.0) is not None) is fitted


def test_equations_without_an_answer_are_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def solve(*_: object) -> Array:
        raise np.linalg.LinAlgError

    monkeypatch.setattr(np.linalg, "solve", solve)
    assert fit_pair(faint(3.0, 3.0), 697.0, 1209.0) is None


@pytest.mark.parametrize(("ratio", "is_possible"), [(2.0, False), (2.25, False), (2.3, True)])
def test_an_overtone_at_its_very_distance(
    monkeypatch: pytest.MonkeyPatch, ratio: float, is_possible: bool
) -> None:
    # A quarter is a whole number of bits, as a hundredth is not.
    monkeypatch.setattr(evidence, "OVERTONE", 0.25)
    monkeypatch.setattr(evidence, "near", lambda *_: True)
    fit = replace(FIT, row_hz=700.0, column_hz=700.0 * ratio)
    assert possible(fit, 700.0, 1400.0) is is_possible


@pytest.mark.parametrize(
    "given",
    [
        {"explained": 0.0},
        {"row_swell": 9.0},
        {"column_swell": 9.0},
        {"column_level": 1.0},
        {"row_hz": 2 * 697.0},
        {"column_hz": 2 * 770.0},
    ],
)
def test_each_limit_is_one_alone(given: dict[str, float]) -> None:
    assert not possible(replace(FIT, **given), 770.0, 1336.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(("peak", "quiet"), [(56, True), (57, False)])
def test_a_block_at_half_the_floor_is_not_quiet(
    monkeypatch: pytest.MonkeyPatch, peak: int, quiet: bool
) -> None:
    monkeypatch.setattr(spectrum, "FLOOR_ENERGY", 2.0 * 160 * 57**2)
    data = np.full(BLOCK, peak).astype("<i2").tobytes()
    assert [block.quiet for block in Spectra().feed(data)] == [quiet]


@pytest.mark.parametrize("back", [0, 40, 400])
def test_a_stretch_ends_at_the_newest_sample_or_earlier(back: int) -> None:
    stream = np.arange(20 * BLOCK)
    (*_, block) = Spectra().feed(stream.astype("<i2").tobytes())
    newest = stream[len(stream) - 100 - back : len(stream) - back]
    assert block.stretch(100, back).tolist() == newest.tolist()
    assert block.stretch(100).tolist() == stream[-100:].tolist()
