"""Each limit of the key detector at its very value, in windows whose energies are given, not heard.

What a stretch is worth is given too; how it is reckoned is told by ``test_evidence``,
``test_figures`` and ``test_recorded_figures``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware.dtmf import detector
from firmware.dtmf.detector import KEYS, STRETCHES, Detected, ToneDetector, _Press, _Run
from firmware.dtmf.evidence import Look
from firmware.dtmf.pair import PairFit, Remains, prepare
from firmware.dtmf.spectrum import BLOCK, FLOOR_ENERGY, HISTORY, WINDOW
from tests.firmware.dtmf.test_evidence import SOLVED

Array = NDArray[np.float64]
FULL = 1e9
"""Energy of a key in one window: a thousand times the floor."""


@dataclass(frozen=True)
class Window:
    """20 ms of sound: the energy near each row and column, and all of it."""

    powers: tuple[float, ...]
    energy: float

    def row(self) -> list[float]:
        # What follows the eight is the energy below the low edge: it is no tone's.
        return [*self.powers, 9 * FULL]


SILENT = Window((0.0,) * 8, 0.0)


def showing(key: str, energy: float = FULL, whole: float | None = None) -> Window:
    """A window with *key*'s two tones, which have *energy* together, in *whole* of all."""
    powers = [0.0] * 8
    index = KEYS.index(key)
    powers[index >> 2] = powers[4 + (index & 3)] = energy / 2
    return Window(tuple(powers), energy if whole is None else whole)


@dataclass
class Block:
    """Stands for a front end that has just completed four windows."""

    end: int
    of: Sequence[Window]
    quiet: bool = False
    looked: int = 0
    stretches: list[tuple[int, int]] = field(default_factory=list)
    projections: Array = field(default_factory=lambda: np.ones((4, 20)))

    def window(self) -> tuple[list[float], float]:
        return self.of[3].row(), self.of[3].energy

    def windows(self) -> tuple[list[list[float]], list[float]]:
        self.looked += 1
        return [window.row() for window in self.of], [window.energy for window in self.of]

    def stretch(self, length: int, before_end: int = 0) -> Array:
        self.stretches.append((length, before_end))
        return np.zeros(length)


FIT = PairFit(
    explained=1.0,
    row_hz=697.0,
    column_hz=1209.0,
    # The energy of a window of 160 samples: FULL.
    row_level=2500.0,
    column_level=2500.0,
    row_swell=0.0,
    column_swell=0.0,
    solved=SOLVED,
)
REMAINS = Remains(explained_high=1.0, weakest_part=1.0, band=0.0, row=0.0, column=0.0)


class Ear(ToneDetector):
    """Every stretch is worth *odds*."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, odds: float = 9.0, keys: str = "1", careful: str = ""
    ) -> None:
        super().__init__(keys, careful=careful)
        self.odds = odds
        self.asked: list[tuple[int, str, int]] = []
        """Where each stretch ended that was weighed, as which key, and how long it was."""
        self.looks: list[Look] = []
        self.blocks: list[Block] = []
        monkeypatch.setattr(detector, "near", lambda *_, **__: True)
        monkeypatch.setattr(detector, "fit_pair", lambda *_: FIT)
        monkeypatch.setattr(detector, "possible", lambda *_: True)
        monkeypatch.setattr(detector, "look_closer", lambda _: REMAINS)

    def _weigh(self, look: Look, key: int, end: int) -> float:
        self.asked.append((end, KEYS[key], look.windows))
        self.looks.append(look)
        return self.odds

    def hear(self, windows: Iterable[Window], *, quiet: bool = False) -> list[Detected]:
        """Take windows, four a block; what is missing from the last block is silence."""
        some = list(windows)
        some += [SILENT] * (-len(some) % 4)
        found: list[Detected] = []
        for start in range(0, len(some), 4):
            end = BLOCK * (len(self.blocks) + 1)
            block = Block(end, some[start : start + 4], quiet)
            self.blocks.append(block)
            found += self.take(block)  # type: ignore[arg-type]
        return found


def test_a_line_that_is_not_heard_yet_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch)
    assert not ear.sounding
    assert ear.hear([SILENT] * 8) == []
    assert [block.looked for block in ear.blocks] == [0, 0]


@pytest.mark.parametrize(
    ("last", "near"),
    [
        # At least 0.3 of the energy is the pair's, and that is not below the floor.
        (showing("1", 0.3 * FULL, FULL), True),
        (showing("1", 0.2999 * FULL, FULL), False),
        (showing("1", FLOOR_ENERGY), True),
        (showing("1", math.nextafter(FLOOR_ENERGY, 0)), False),
        (showing("D", FULL), True),
        (showing("A", FULL), True),
        # Two columns are no pair, nor are two rows, nor is what lies below the rows.
        (Window((0, 0, 0, 0, 0.2 * FULL, 0.2 * FULL, 0, 0), FULL), False),
        (Window((0.2 * FULL, 0.2 * FULL, 0, 0, 0, 0, 0, 0), FULL), False),
        (Window((0, 0, 0, 0.2 * FULL, 0.2 * FULL, 0, 0, 0), FULL), True),
        (Window((0.2 * FULL, 0, 0, 0, 0, 0, 0, 0.2 * FULL), FULL), True),
    ],
)
def test_the_dear_look_is_taken_only_where_a_key_may_be(
    monkeypatch: pytest.MonkeyPatch, last: Window, near: bool
) -> None:
    ear = Ear(monkeypatch)
    ear.hear([SILENT, SILENT, SILENT, last, *[SILENT] * 8])
    # In the block that ends with it, and in the one after, which its end may fill.
    assert [block.looked for block in ear.blocks] == [near, near, 0]
    ear.hear([SILENT, SILENT, SILENT, last])
    ear.hear([SILENT] * 4, quiet=True)
    ear.hear([SILENT] * 4)
    # What is quiet is forgotten.
    assert [block.looked for block in ear.blocks][3:] == [near, 0, 0]


def test_while_a_key_sounds_each_block_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch)
    ear.hear([showing("1")] * 8)
    assert ear.sounding
    # A voice that covers it: no key could begin here, but this one may end.
    cover = showing("1", 0.1 * FULL, 2 * FULL)
    ear.hear([cover] * 12)
    assert [block.looked for block in ear.blocks] == [1] * 5
    assert ear.sounding


def windows_weighed(ear: Ear) -> dict[int, list[int]]:
    weighed: dict[int, list[int]] = {}
    for end, _, windows in ear.asked:
        weighed.setdefault(end // 40, []).append(windows)
    return weighed


def test_how_long_the_stretches_are_that_are_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch, odds=-1.0)
    ear.hear([showing("1")] * 24)
    longer = {7: 6, 8: 6, 9: 8, 10: 8, 11: 10, 12: 10, 13: 12, 14: 12, 15: 12, 16: 12}
    longer |= {17: 16, 18: 16, 19: 16, 20: 16} | dict.fromkeys(range(21, 25), 20)
    # The shortest first, then the longest that lies within the tone's windows.
    assert windows_weighed(ear) == {n: [4, longer[n]] if n in longer else [4] for n in range(4, 25)}
    assert STRETCHES == (4, 6, 8, 10, 12, 16, 20)
    assert {look.windows for look in ear.looks} == set(STRETCHES)
    # 20 ms of one window, 5 ms more for each further one, and the 20 ms before the onset.
    lengths = {length for block in ear.blocks for length, _ in block.stretches}
    assert lengths == {WINDOW} | {160 + 40 * (windows - 1) for windows in STRETCHES}


def test_a_stretch_ends_where_its_last_window_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch, odds=-1.0)
    ear.hear([showing("1")] * 8)
    ends = [before for block in ear.blocks for length, before in block.stretches if length == 280]
    assert ends == [0, 120, 80, 40, 0]


def test_a_key_is_reported_with_its_times(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch, odds=2.0)
    (press,) = ear.hear([*[SILENT] * 9, *[showing("1")] * 11])
    # Its first window is the tenth, which ends at 400 samples and holds half of it; the fourth of
    # them ends at 520.
    assert press == Detected(
        key="1", at=320 / 8000, sureness=1 / (1 + math.exp(-2.0)), heard=520 / 8000
    )
    assert ear.asked == [(520, "1", 4)]
    assert Detected(key="1", at=0.0, sureness=1.0).heard == 0.0


def test_no_key_begins_before_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    (press,) = Ear(monkeypatch).hear([showing("1")] * 4)
    assert (press.at, press.heard) == (0.0, 0.02)


@pytest.mark.parametrize("key", KEYS)
def test_the_rows_and_columns_of_each_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    ear = Ear(monkeypatch, keys=KEYS)
    assert [press.key for press in ear.hear([showing(key)] * 16)] == [key]
    (look,) = ear.looks
    index = KEYS.index(key)
    rows, columns = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)
    assert (look.row_nominal, look.column_nominal) == (rows[index // 4], columns[index % 4])
    # It is looked for where it was found, and its end is told by its own tones.
    assert ear.sounding
    ear.hear([showing(key, 0.0999 * FULL, FULL)] * 8)
    assert not ear.sounding


@pytest.mark.parametrize(
    ("odds", "careful", "heard"),
    [
        (-0.0001, "", False),
        (0.0, "", True),
        (0.9999, "1", False),
        (1.0, "1", True),
        (0.0, "9", True),
    ],
)
def test_the_odds_that_a_key_needs(
    monkeypatch: pytest.MonkeyPatch, odds: float, careful: str, heard: bool
) -> None:
    ear = Ear(monkeypatch, odds, careful=careful)
    assert [press.sureness for press in ear.hear([showing("1")] * 5)] == (
        [1 / (1 + math.exp(-odds))] if heard else []
    )
    assert ear.sounding is heard


def test_a_key_that_is_not_on_offer_is_not_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch, keys="1")
    assert ear.hear([*[showing("2")] * 8, *[SILENT] * 8, *[showing("1")] * 4]) != []
    assert {key for _, key, _ in ear.asked} == {"1"}


@pytest.mark.parametrize(
    ("name", "worth"),
    [
        ("near", lambda *_, **__: False),
        ("fit_pair", lambda *_: None),
        ("possible", lambda *_: False),
        ("look_closer", lambda _: replace(REMAINS, weakest_part=0.2999)),
    ],
)
def test_each_reason_against_a_stretch_is_enough(
    monkeypatch: pytest.MonkeyPatch, name: str, worth: object
) -> None:
    ear = Ear(monkeypatch)
    monkeypatch.setattr(detector, name, worth)
    assert ear.hear([showing("1")] * 12) == []
    assert ear.asked == []


def test_a_part_may_be_as_weak_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch)
    monkeypatch.setattr(detector, "look_closer", lambda _: replace(REMAINS, weakest_part=0.3))
    assert ear.hear([showing("1")] * 4) != []


def test_the_first_estimate_may_be_off_by_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch)
    asked: list[tuple[float, ...]] = []

    def near(*offs: float, slack: float) -> bool:
        asked.append((*offs, slack))
        return False

    monkeypatch.setattr(detector, "near", near)
    ear.hear([showing("1")] * 4)
    # Projections that do not turn at all: the estimate is what the tone turns by in two hops.
    ((row_off, column_off, row, column, slack),) = asked
    assert (row, column, slack) == (697.0, 1209.0, 1.4)
    assert row_off == pytest.approx(3.0)
    assert column_off == pytest.approx(-9.0)


def test_what_the_surroundings_of_a_stretch_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def rivalled(row: float, column: float) -> Window:
        # A 5: the second strongest row and column on either side.
        powers = (0.1 * row, FULL / 2, row, 0.0, column, FULL / 2, 0.0, 0.5 * column)
        return Window(powers, 2 * FULL)

    monkeypatch.setattr(detector, "band_energy", lambda _: 0.25 * FULL)
    ear = Ear(monkeypatch, odds=-1.0, keys="5")
    ear.hear(rivalled(row * FULL, column * FULL) for row, column in ((0.2, 0.1),) * 4)
    (look,) = ear.looks
    assert (look.row_rival, look.column_rival) == pytest.approx((0.4, 0.2))
    assert look.before == pytest.approx(0.25)
    assert (look.fit, look.remains) == (FIT, REMAINS)
    # Of the stretch alone, not of what was before it.
    ear.hear(rivalled(0.0, 0.05 * FULL) for _ in range(4))
    by_windows = {
        (end, windows): look for (end, _, windows), look in zip(ear.asked, ear.looks, strict=True)
    }
    assert by_windows[320, 4].row_rival == 0.0
    assert by_windows[320, 6].row_rival == pytest.approx(2 * 0.4 / 6)
    assert by_windows[320, 6].column_rival == pytest.approx((2 * 0.2 + 4 * 0.1) / 6)


@pytest.mark.parametrize(
    ("silent", "sounding", "before"),
    [
        # The 20 ms before the onset end 10 ms and a hop before its first window does.
        (8, 4, 240),
        (9, 8, 360),
        # Found long after its onset: no further back than is kept.
        (8, 32, HISTORY - WINDOW),
    ],
)
def test_the_sound_before_a_key_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch, silent: int, sounding: int, before: int
) -> None:
    ear = Ear(monkeypatch, odds=-1.0)
    looked_for = [SILENT] * silent
    if sounding > 8:
        # Too uneven to be weighed, until it holds still.
        looked_for += [showing("1", FULL * 4.0 ** (n % 2)) for n in range(sounding - 4)]
        looked_for += [showing("1")] * 4
    else:
        looked_for += [showing("1")] * sounding
    ear.hear(looked_for)
    asked = [ago for block in ear.blocks for length, ago in block.stretches if length == WINDOW]
    assert asked == [before]


# -- the end of a press -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "windows", "sounding"),
    [
        (0.1, 40, True),
        (0.0999, 5, True),
        (0.0999, 6, False),
        (0.0, 5, True),
        (0.0, 6, False),
    ],
)
def test_a_press_ends_after_six_windows_that_miss_it(
    share: float, windows: int, sounding: bool
) -> None:
    press = _Press(3, FULL)
    assert press.sounds
    for number in range(windows):
        press.take(share * FULL, 40 * number)
    assert press.sounds is sounding


def test_a_window_that_shows_it_begins_the_count_anew() -> None:
    press = _Press(3, FULL)
    sounds: list[bool] = []
    # And it stays ended, whatever comes.
    for share in (*[0.0] * 5, 0.1, *[0.0] * 6, 1.0):
        press.take(share * FULL, 0)
        sounds.append(press.sounds)
    assert sounds == [True] * 11 + [False] * 2


@pytest.mark.parametrize(
    ("least", "key", "start", "back"),
    [
        # Within 20 ms of its end, and never below a thousandth of its energy.
        (0.0011, 3, 1160, True),
        (0.0011, 3, 1161, False),
        (0.0011, 4, 1160, False),
        (0.001, 3, 1160, False),
        (0.05, 3, 900, True),
    ],
)
def test_which_key_comes_back(least: float, key: int, start: int, back: bool) -> None:
    press = _Press(3, FULL)
    assert not press.comes_back(3, 0)
    for share in (0.09, 0.09, least, 0.09, 0.09, 0.09):
        press.take(share * FULL, 1000)
    assert press.comes_back(key, start) is back


def test_how_deep_it_fades_is_counted_from_the_last_time_that_it_sounded() -> None:
    press = _Press(3, FULL)
    for share in (0.0, 0.0, 1.0, *[0.05] * 6):
        press.take(share * FULL, 1000)
    assert press.comes_back(3, 1100)
    # And until it comes back: silence after its end is a finger's.
    press.take(0.0001 * FULL, 1040)
    assert not press.comes_back(3, 1100)


def test_a_quiet_block_is_four_windows_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch)
    ear.hear([showing("1")] * 4)
    sounding: list[bool] = []
    for _ in range(2):
        ear.hear([SILENT] * 4, quiet=True)
        sounding.append(ear.sounding)
    assert sounding == [True, False]
    # The run is over as well: four windows have to show the key again, and it is a new press.
    (again,) = ear.hear([showing("1")] * 4)
    assert again.heard == 4 * BLOCK / 8000


def test_silence_after_the_end_makes_the_next_one_a_press_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for quiet in (False, True):
        ear = Ear(monkeypatch)
        ear.hear([*[showing("1")] * 4, *[showing("1", 0.05 * FULL, FULL)] * 8])
        assert not ear.sounding
        if quiet:
            ear.hear([SILENT] * 4, quiet=True)
        assert ear._press is not None
        assert ear._press.comes_back(KEYS.index("1"), 400 + 160) is not quiet


def test_a_press_ends_where_the_last_window_ends_that_misses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It fades for six windows, of which the last ends at 400 samples, and is back at once; or four
    # windows later, or five.
    for later, presses in ((0, 0), (3, 0), (4, 1)):
        ear = Ear(monkeypatch)
        faded = showing("1", 0.05 * FULL, FULL)
        found = ear.hear(
            [*[showing("1")] * 4, *[faded] * (6 + later), *[showing("1")] * 4, *[SILENT] * 4]
        )
        assert len(found) == 1 + presses, later


def test_another_key_ends_no_press_and_is_one_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch, keys="19")
    found = ear.hear([*[showing("1")] * 4, *[showing("9")] * 8, *[showing("1")] * 4])
    assert [press.key for press in found] == ["1", "9", "1"]


# -- a run of windows ---------------------------------------------------------------------------


def test_a_key_that_is_hidden_for_two_windows_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(own: float) -> Window:
        """A 5 over it: it looks like another key."""
        powers = (own / 2, 2 * FULL, 0, 0, own / 2, 2 * FULL, 0, 0)
        return Window(powers, 5 * FULL)

    for own, weighed in ((0.6 * FULL, [(240, "1", 4)]), (0.59 * FULL, [])):
        ear = Ear(monkeypatch, odds=-1.0, keys="1")
        ear.hear([SILENT, SILENT, showing("1"), showing("1"), hidden(own), showing("1"), SILENT])
        assert ear.asked == weighed
    # Three in a row are another key.
    ear = Ear(monkeypatch, odds=-1.0, keys="1")
    ear.hear([showing("1")] + [hidden(FULL)] * 3 + [showing("1")] * 3)
    assert ear.asked == []
    # It has been looking like a 5 for long: this is one.
    ear = Ear(monkeypatch, keys="15")
    ear.hear([showing("1")] + [hidden(FULL)] * 8)
    assert [key for _, key, _ in ear.asked] == ["5"]


def test_noise_over_a_key_hides_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(monkeypatch, odds=-1.0)
    loud = showing("1", FULL, 4 * FULL)
    ear.hear([SILENT, SILENT, showing("1"), showing("1"), loud, showing("1")])
    assert ear.asked == [(240, "1", 4)]
    # A window that neither shows a key nor goes on with one ends the run.
    ear = Ear(monkeypatch, odds=-1.0)
    lost = showing("1", 0.29 * FULL, FULL)
    ear.hear([showing("1"), showing("1"), lost, showing("1"), showing("1"), showing("1"), SILENT])
    assert ear.asked == []


def run_of(*pairs: float) -> _Run:
    run = _Run(key=0, start=0)
    for pair in pairs:
        run.add(pair, 0.0, 0.0, 1j, 1j)
    return run


@pytest.mark.parametrize(
    ("pairs", "filled"),
    [
        ([100.0] * 3, 0),
        ([100.0] * 4, 4),
        # Its edges are no part of it: less than 0.3 of the strongest of the last four.
        ([30.0, 100.0, 100.0, 100.0], 4),
        ([29.9, 100.0, 100.0, 100.0], 3),
        ([100.0, 100.0, 100.0, 29.9], 0),
        ([100.0, 100.0, 100.0, 30.0], 4),
        ([100.0, 29.9, 100.0, 100.0, 100.0, 100.0], 4),
        # Only the last four say how strong it is.
        ([1000.0, 100.0, 100.0, 100.0, 100.0], 5),
        ([100.0] * 30, 21),
    ],
)
def test_how_many_windows_a_tone_fills(pairs: list[float], filled: int) -> None:
    assert run_of(*pairs).filled() == filled


@pytest.mark.parametrize(
    ("own", "goes_on"),
    [(0.6 * 100 * FLOOR_ENERGY, True), (0.5999 * 100 * FLOOR_ENERGY, False)],
)
def test_how_much_of_it_must_be_left(own: float, goes_on: bool) -> None:
    assert run_of(100 * FLOOR_ENERGY).goes_on(own, seen=False) is goes_on


# -- before the first press ---------------------------------------------------------------------


def test_the_first_press_waits_for_no_table() -> None:
    prepare.cache_clear()
    ToneDetector()
    made = prepare.cache_info()
    for windows in STRETCHES:
        prepare(160 + 40 * (windows - 1))
    assert prepare.cache_info().misses == made.misses == len(STRETCHES)


def test_which_keys_may_be_asked_for() -> None:
    for keys, careful in (("1x", ""), ("1", "9y"), ("x", "y")):
        with pytest.raises(ValueError, match=r"not a DTMF key: [xy]"):
            ToneDetector(keys, careful=careful)
    assert ToneDetector("19", careful="9").feed(b"") == []


def test_what_the_limits_are_in_the_words_of_their_field() -> None:
    """20 ms in samples, decibels as shares, and the turn of each tone in two hops."""
    assert detector._REJOIN == 0.020 * 8000
    assert [10 * math.log10(share) for share in (detector._RELEASE, detector._FADED)] == (
        pytest.approx([-10.0, -30.0])
    )
    tones = (697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0)
    for turn, hertz in zip(detector._TURN, tones, strict=True):
        angle = -2 * math.pi * hertz * 0.010
        assert turn == pytest.approx(complex(math.cos(angle), math.sin(angle)))
    # An angle of one radian in 10 ms.
    assert pytest.approx(1 / (2 * math.pi * 0.010)) == detector._TO_HZ


@pytest.mark.parametrize(
    ("window", "weighed"),
    [
        (showing("1", 0.3 * FULL, FULL), True),
        (showing("1", 0.2999 * FULL, FULL), False),
        (showing("1", FLOOR_ENERGY), True),
        (showing("1", math.nextafter(FLOOR_ENERGY, 0)), False),
    ],
)
def test_how_much_of_a_window_a_key_is(
    monkeypatch: pytest.MonkeyPatch, window: Window, weighed: bool
) -> None:
    ear = Ear(monkeypatch, odds=-1.0)
    # The block is looked at for its last window, whatever the others are.
    ear.hear([window] * 4 + [SILENT] * 3 + [showing("9")])
    assert bool(ear.asked) is weighed
