"""Every limit of the machine listener from both sides, in frames of 40 ms without any sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from firmware.dtmf import tones
from firmware.dtmf.single import SILENT, Frame
from firmware.dtmf.tones import MachineFound, ProgressListener, _Burst
from firmware.events import Machine

LOUD = 1e6
Part = list[Frame]


def tone(count: int, hertz: float, power: float = LOUD) -> Part:
    return [Frame(power, hertz, None)] * count


def pair(count: int, low: float, high: float) -> Part:
    return [Frame(LOUD, None, (low, high))] * count


def voice(count: int, power: float = LOUD) -> Part:
    """Words: a voice falls back between them for a moment, which steady noise does not."""
    return [Frame(100.0 if n % 10 == 5 else power, None, None) for n in range(count)]


def noise(count: int, power: float = LOUD) -> Part:
    return [Frame(power, None, None)] * count


def silence(count: int) -> Part:
    return [SILENT] * count


@dataclass
class _Block:
    """Stands for a front end whose newest frame was measured as *frame*."""

    end: int
    frame: Frame
    quiet: bool = False

    def stretch(self, length: int) -> _Block:
        assert length == 320
        return self


def heard(
    monkeypatch: pytest.MonkeyPatch,
    parts: Sequence[Part],
    *,
    keys: bool = False,
    listener: ProgressListener | None = None,
    start: int = 0,
) -> list[MachineFound]:
    monkeypatch.setattr(tones, "measure", lambda block: block.frame)
    listener = listener or ProgressListener()
    found: list[MachineFound] = []
    end = start
    for frame in [frame for part in parts for frame in part]:
        # A frame is two blocks; the first completes none.
        assert listener.take(_Block(end + 160, frame, frame is SILENT), key=keys) == ()  # type: ignore[arg-type]
        end += 320
        found += listener.take(_Block(end, frame, frame is SILENT), key=keys)  # type: ignore[arg-type]
    return found


BEFORE = (voice(60), silence(10))
"""2.4 s of speech, and a fifth of a second that belongs to it."""
BUSY, SIT, FAX, BEEP, RING, MONOLOGUE = (
    Machine.BUSY_TONE,
    Machine.SIT,
    Machine.FAX,
    Machine.BEEP,
    Machine.RINGBACK,
    Machine.MONOLOGUE,
)


def cadence(on: int, off: int, times: int = 3, hertz: float = 425.0) -> list[Part]:
    return [part for _ in range(times) for part in (tone(on, hertz), silence(off))]


def uneven(*counts: int) -> list[Part]:
    return [
        silence(count) if number % 2 else tone(count, 425.0) for number, count in enumerate(counts)
    ]


CASES: list[tuple[str, Sequence[Part], Machine | None]] = [
    # A beep: 0.15 to 1.1 s of one steady tone of 400 to 2100 Hz after 2 s of speech.
    ("beep of 0.12 s", (*BEFORE, tone(3, 1000), silence(3)), None),
    ("beep of 0.16 s", (*BEFORE, tone(4, 1000), silence(3)), BEEP),
    ("beep of 1.08 s", (*BEFORE, tone(27, 1000), silence(3)), BEEP),
    ("beep of 1.12 s", (*BEFORE, tone(28, 1000), silence(3)), None),
    ("beep at the upper end", (*BEFORE, tone(9, 2110), silence(3)), BEEP),
    ("beep above", (*BEFORE, tone(9, 2110.1), silence(3)), None),
    ("low beep of 0.20 s", (*BEFORE, tone(5, 440), silence(60)), None),
    ("low beep of 0.24 s", (*BEFORE, tone(6, 440), silence(60)), BEEP),
    ("beep at the lower end", (*BEFORE, tone(9, 390), silence(60)), BEEP),
    ("beep below", (*BEFORE, tone(9, 389.9), silence(60)), None),
    ("low beep that a voice follows", (*BEFORE, tone(9, 440), silence(30), voice(9)), None),
    ("pair", (*BEFORE, pair(9, 1000, 1400), silence(3)), None),
    ("1.96 s of speech", (voice(44), silence(9), tone(9, 1000), silence(3)), None),
    ("2.04 s of speech", (voice(46), silence(9), tone(9, 1000), silence(3)), BEEP),
    (
        "beep that moves by 10 Hz",
        (*BEFORE, tone(3, 1000), tone(3, 1010), tone(3, 1000), silence(3)),
        BEEP,
    ),
    (
        "beep that moves by more",
        (*BEFORE, tone(3, 1000), tone(3, 1010.1), tone(3, 1000), silence(3)),
        None,
    ),
    # Its edges are clean: 10 dB below it two frames before and two after.
    ("sound before", (*BEFORE, noise(3, 0.1 * LOUD), tone(9, 1000), silence(3)), None),
    ("less before", (*BEFORE, noise(3, 0.09 * LOUD), tone(9, 1000), silence(3)), BEEP),
    (
        "its loudest frame counts",
        (*BEFORE, noise(3, 0.09 * LOUD), tone(1, 1000, 0.5 * LOUD), tone(8, 1000), silence(3)),
        BEEP,
    ),
    (
        "its loudest frame, and no later one",
        (*BEFORE, noise(3, 0.09 * LOUD), tone(4, 1000), tone(5, 1000, 0.5 * LOUD), silence(3)),
        BEEP,
    ),
    ("sound after", (*BEFORE, tone(9, 1000), noise(3, 0.1 * LOUD)), None),
    ("less after", (*BEFORE, tone(9, 1000), noise(3, 0.09 * LOUD)), BEEP),
    (
        "only the frame beside it is loud",
        (*BEFORE, silence(1), voice(1), tone(9, 1000), voice(1), silence(1)),
        BEEP,
    ),
    (
        "only two frames before it is loud",
        (*BEFORE, voice(1), silence(1), tone(9, 1000), silence(3)),
        None,
    ),
    (
        "loud three frames before it",
        (*BEFORE, voice(1), silence(2), tone(9, 1000), silence(3)),
        BEEP,
    ),
    # Answer tones of V.25 and Bell 103 within 25 Hz and 20 Hz of each other, from 0.6 s.
    *((f"{hertz} Hz", (tone(20, hertz),), FAX) for hertz in (2075, 2125, 2200, 2250)),
    *((f"{hertz} Hz", (tone(20, hertz),), None) for hertz in (2074.9, 2125.1, 2199.9, 2250.1)),
    ("2100 Hz for 0.56 s", (tone(14, 2100), silence(3)), None),
    ("2100 Hz for 0.60 s", (tone(15, 2100), silence(3)), FAX),
    ("2100 Hz that moves by 20 Hz", (tone(8, 2090), tone(12, 2110)), FAX),
    ("2100 Hz that moves by more", (tone(8, 2089.9), tone(12, 2110)), None),
    ("2100 Hz that leaves it in time", (tone(14, 2120), tone(1, 2126), silence(3)), None),
    ("2100 Hz in a pair", (pair(20, 2100, 2500),), None),
    # Calling tone of T.30: 0.5 s of 1100 Hz within 38 Hz, before anybody speaks.
    ("1100 Hz for 0.36 s", (tone(9, 1100), silence(3)), None),
    ("1100 Hz for 0.40 s", (tone(10, 1100), silence(3)), FAX),
    ("1100 Hz for 0.60 s", (tone(15, 1100), silence(3)), FAX),
    ("1100 Hz for 0.64 s", (tone(16, 1100), silence(3)), None),
    ("1062 Hz", (tone(12, 1062), silence(3)), FAX),
    ("1061 Hz", (tone(12, 1061), silence(3)), None),
    ("1138 Hz", (tone(12, 1138), silence(3)), FAX),
    ("1139 Hz", (tone(12, 1139), silence(3)), None),
    ("1100 Hz that moves", (tone(6, 1100), tone(6, 1110.1), silence(3)), None),
    ("1100 Hz in a pair", (pair(12, 1100, 1500), silence(3)), None),
    ("1100 Hz after speech", (*BEFORE, tone(12, 1100), silence(3)), BEEP),
    # A tone that goes on for 3.5 s where networks put theirs: 330 to 660 Hz.
    ("dial tone of 3.48 s", (tone(87, 425),), None),
    ("dial tone of 3.52 s", (tone(88, 425),), BUSY),
    ("dial tone of two", (pair(88, 350, 440),), BUSY),
    ("at the ends of the band", (pair(88, 330, 660),), BUSY),
    ("beyond one end", (pair(88, 329.9, 660),), None),
    ("beyond the other", (pair(88, 330, 660.1),), None),
    ("mixtures that beat", [tone(1, 400), pair(1, 400, 480), tone(1, 480)] * 30, BUSY),
    # Special information tone of E.180: three tones, each within 50 Hz and the frame's error.
    ("SIT", (tone(8, 950), tone(8, 1400), tone(8, 1800)), SIT),
    ("SIT at the lower ends", (tone(8, 880), tone(8, 1330), tone(8, 1720)), SIT),
    ("SIT at the upper ends", (tone(8, 1020), tone(8, 1470), tone(8, 1860)), SIT),
    *(
        (f"no SIT {steps}", [tone(8, hertz) for hertz in steps], None)
        for steps in (
            (879, 1400, 1800),
            (1021, 1400, 1800),
            (950, 1329, 1800),
            (950, 1471, 1800),
            (950, 1400, 1719),
            (950, 1400, 1861),
            (950, 1800, 1400),
        )
    ),
    ("SIT, last step of 0.12 s", (tone(8, 950), tone(8, 1400), tone(3, 1800)), None),
    ("SIT, last step of 0.16 s", (tone(8, 950), tone(8, 1400), tone(4, 1800)), SIT),
    (
        "SIT with gaps of 0.12 s",
        (tone(8, 950), silence(3), tone(8, 1400), silence(3), tone(8, 1800)),
        SIT,
    ),
    ("SIT with a gap of 0.16 s", (tone(8, 950), silence(4), tone(8, 1400), tone(8, 1800)), None),
    ("SIT of the shortest steps", (tone(3, 950), tone(3, 1400), tone(4, 1800)), SIT),
    ("SIT of a step that is none", (tone(2, 950), tone(3, 1400), tone(4, 1800)), None),
    ("SIT after another tone", (tone(8, 700), tone(8, 950), tone(8, 1400), tone(8, 1800)), SIT),
    (
        "SIT whose first step is told by its middle",
        (tone(3, 1025), tone(5, 1000), tone(8, 1400), tone(8, 1800)),
        SIT,
    ),
    (
        "SIT, first step too far back",
        (tone(8, 950), tone(8, 700), tone(8, 1400), tone(8, 1800)),
        None,
    ),
    (
        "SIT, first gap only",
        (tone(8, 950), silence(4), tone(8, 1400), silence(2), tone(8, 1800)),
        None,
    ),
    (
        "SIT, second gap only",
        (tone(8, 950), silence(2), tone(8, 1400), silence(4), tone(8, 1800)),
        None,
    ),
    ("SIT in pairs", (tone(8, 950), tone(8, 1400), pair(8, 1800, 2300)), None),
    # Busy and congestion: three equal bursts with equal pauses, each 0.18 to 0.85 s.
    ("busy 0.20/0.20", cadence(5, 5), BUSY),
    ("busy 0.16/0.16", cadence(4, 4), None),
    ("busy 0.84/0.84", cadence(21, 21), BUSY),
    ("busy 0.88/0.84", cadence(22, 21), None),
    ("busy 0.84/0.88", cadence(21, 22), None),
    ("busy 0.20/0.16", cadence(5, 4), None),
    ("busy 0.84/0.40", cadence(21, 10), BUSY),
    ("busy 0.84/0.36", cadence(21, 9), None),
    ("busy 0.40/0.84", cadence(10, 21), BUSY),
    ("busy 0.36/0.84", cadence(9, 21), None),
    ("two bursts", cadence(12, 12, 2), None),
    ("the last three of four", uneven(20, 12, 12, 12, 12, 12, 12, 3), BUSY),
    (
        "another tone among them",
        (*cadence(12, 12, 1), *cadence(12, 12, 1, 700.0), *cadence(12, 12, 2)),
        None,
    ),
    (
        "one among them that a voice follows",
        (*cadence(12, 12, 1), tone(12, 425), voice(12), *cadence(12, 12, 2)),
        None,
    ),
    ("a burst 0.12 s longer", uneven(12, 12, 15, 12, 12, 3), BUSY),
    ("a burst 0.16 s longer", uneven(12, 12, 16, 12, 12, 3), None),
    ("a pause 0.12 s longer", uneven(12, 12, 12, 15, 12, 3), BUSY),
    ("a pause 0.16 s longer", uneven(12, 12, 12, 16, 12, 3), None),
    ("busy of another tone", cadence(12, 12, 3, 661.0), None),
    ("busy of a voice", [part for _ in range(3) for part in (tone(12, 425), voice(12))], None),
    # Ringback: 0.7 to 2.6 s, or twice 0.3 to 0.52 s, then at least 1.5 s of silence.
    ("ring of 0.68 s", (tone(17, 425), silence(60)), None),
    ("ring of 0.72 s", (tone(18, 425), silence(60)), RING),
    ("ring of 2.60 s", (tone(65, 425), silence(60)), RING),
    ("ring of 2.64 s", (tone(66, 425), silence(60)), None),
    ("silence of 1.48 s", (tone(25, 425), silence(37)), None),
    ("silence of 1.52 s", (tone(25, 425), silence(38)), RING),
    ("another tone", (tone(25, 661), silence(60)), None),
    ("not clean", (tone(25, 425), voice(3), silence(60)), None),
    ("noise and no silence", (tone(25, 425), silence(5), noise(60, 0.05 * LOUD)), None),
    ("double ring", uneven(10, 5, 10, 38), RING),
    ("double ring, 1.48 s", uneven(10, 5, 10, 37), None),
    ("twice 0.28 s", uneven(7, 5, 7, 60), None),
    ("twice 0.32 s", uneven(8, 5, 8, 60), RING),
    ("twice 0.52 s", uneven(13, 5, 13, 60), RING),
    ("twice 0.56 s", uneven(14, 5, 14, 60), None),
    ("0.28 and 0.40 s", uneven(7, 5, 10, 60), None),
    ("0.40 and 0.28 s", uneven(10, 5, 7, 60), None),
    ("0.08 s between", uneven(10, 2, 10, 60), None),
    ("0.16 s between", uneven(10, 4, 10, 60), RING),
    ("0.28 s between", uneven(10, 7, 10, 60), RING),
    ("0.32 s between", uneven(10, 8, 10, 60), None),
    (
        "the first of another tone",
        (tone(10, 700), *uneven(10, 5)[1:], tone(10, 425), silence(60)),
        None,
    ),
    # A monologue: 7 s of speech without a pause of more than a second.
    ("6.96 s", (voice(174),), None),
    ("7.04 s", (voice(176),), MONOLOGUE),
    ("a pause of 0.96 s", (voice(100), silence(24), voice(76)), MONOLOGUE),
    ("a pause of 1.08 s", (voice(100), silence(27), voice(100)), None),
    ("the fifth of a second after it counts", (voice(100), silence(10), voice(71)), MONOLOGUE),
    ("no more of the pause counts", (voice(100), silence(10), voice(69)), None),
    ("steady noise", (noise(250),), None),
    # Voices fall back between their words within two seconds.
    ("noise six times as loud", (*[noise(1, 2e5), noise(9, 1.2e6)] * 20,), None),
    ("words over noise", (*[noise(1, 2e5), noise(9, 1.21e6)] * 20,), MONOLOGUE),
]
"""What is heard, and what the network or a machine means by it."""


@pytest.mark.parametrize(("parts", "kind"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_each_limit_from_both_sides(
    monkeypatch: pytest.MonkeyPatch, parts: Sequence[Part], kind: Machine | None
) -> None:
    found = heard(monkeypatch, (silence(10), *parts))
    assert [f.kind for f in found] == ([] if kind is None else [kind])


def at(frames: int) -> float:
    return frames * 320 / 8000


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (
            (silence(5), *BEFORE, tone(10, 1000), silence(3)),
            (BEEP, 5 + 70 + 12, "steady tone of 1000 Hz for 0.40 s after 3 s of speech"),
        ),
        ((silence(5), tone(20, 2100)), (FAX, 20, "fax or modem answer tone, 2100 Hz")),
        ((silence(5), tone(20, 2225)), (FAX, 20, "modem tone, 2225 Hz")),
        ((silence(5), tone(12, 1100), silence(3)), (FAX, 19, "fax calling tone, 1100 Hz")),
        ((silence(5), tone(90, 425)), (BUSY, 5 + 88, "continuous tone of 425 Hz")),
        ((silence(5), pair(90, 350, 440)), (BUSY, 5 + 88, "continuous tone of 350+440 Hz")),
        (
            (silence(5), tone(8, 950), tone(8, 1400), tone(8, 1800)),
            (SIT, 5 + 16 + 4, "special information tone: 950 Hz, 1400 Hz, 1800 Hz"),
        ),
        (
            (silence(5), *cadence(10, 12)),
            (BUSY, 5 + 10 * 3 + 12 * 2 + 2, "busy cadence of 425 Hz, 0.40 s on, 0.48 s off"),
        ),
        (
            (silence(5), *uneven(12, 12, 15, 15, 12, 3)),
            (BUSY, 5 + 66 + 2, "busy cadence of 425 Hz, 0.60 s on, 0.48 s off"),
        ),
        (
            (silence(5), tone(25, 425), silence(60)),
            (RING, 5 + 25 + 38, "ringback of 425 Hz, 1.0 s, then silence"),
        ),
        (
            (silence(5), *uneven(10, 5, 10, 60)),
            (RING, 5 + 25 + 38, "double ringback of 425 Hz, then silence"),
        ),
        (
            (silence(5), voice(100), silence(10), voice(100)),
            (MONOLOGUE, 5 + 100 + 10 + 70, "7.0 s of speech without a gap over 1 s"),
        ),
    ],
)
def test_each_finding_says_when_and_why(
    monkeypatch: pytest.MonkeyPatch, parts: Sequence[Part], found: tuple[Machine, int, str]
) -> None:
    kind, frames, evidence = found
    (only,) = heard(monkeypatch, parts)
    assert (only.kind, only.evidence) == (kind, evidence)
    assert only.at == pytest.approx(at(frames), abs=0.041)


def test_each_kind_is_told_once_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [silence(10), tone(40, 2100), *cadence(12, 12, 9), tone(40, 2225), silence(3)]
    assert [f.kind for f in heard(monkeypatch, parts)] == [FAX, BUSY]


def test_a_tone_of_five_seconds_ago_belongs_to_no_cadence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pause, after in ((60, 38), (120, 38)):
        parts = [silence(9), tone(6, 440), voice(pause), silence(9), tone(9, 440), silence(150)]
        (beep,) = heard(monkeypatch, parts)
        assert beep.kind is BEEP
        beeped = 9 + 6 + pause + 9 + 9
        assert beep.at == pytest.approx(max(at(beeped + after), at(15) + 5.04), abs=0.041)


def test_keys_and_silence_are_no_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Frame(LOUD, None, None, key=True)
    assert heard(monkeypatch, (silence(9), [key] * 300)) == []
    assert heard(monkeypatch, (silence(9), voice(300)), keys=True) == []
    assert heard(monkeypatch, (silence(9), voice(300, 100.0))) == []


def test_what_comes_back_while_we_speak_is_speech_but_no_monologue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener = ProgressListener()
    listener.we_speak = True
    parts = (silence(9), voice(300), silence(10), tone(9, 1000), silence(3))
    assert [f.kind for f in heard(monkeypatch, parts, listener=listener)] == [BEEP]


@pytest.mark.parametrize(
    ("low", "high", "goes_on"),
    [
        (1000.0, 1400.0, True),
        (1025.0, 1400.0, True),
        (975.0, 1400.0, True),
        (1025.1, 1400.0, False),
        (974.9, 1400.0, False),
        (1000.0, 1460.0, True),
        (1000.0, 1340.0, True),
        (1000.0, 1460.1, False),
        (1000.0, 1339.9, False),
        (330.0, 660.0, False),
    ],
)
def test_what_a_burst_goes_on_with(low: float, high: float, goes_on: bool) -> None:
    # Its middle frame is what the next is compared with: the first is half silence.
    burst = _Burst(
        start=0.0,
        pair=True,
        low=900.0,
        high=1400.0,
        before=0.0,
        power=LOUD,
        tones=[900.0, 950.0, 1000.0, 1100.0, 1100.0],
    )
    assert ProgressListener._continues(burst, low, high) is goes_on


@pytest.mark.parametrize(
    ("low", "high", "goes_on"),
    [
        (330.0, 660.0, True),
        (660.0, 660.0, True),
        (329.9, 660.0, False),
        (330.0, 660.1, False),
    ],
)
def test_mixtures_of_a_network_go_on_as_any_other(low: float, high: float, goes_on: bool) -> None:
    burst = _Burst(0.0, False, 400.0, 480.0, 0.0, LOUD, tones=[480.0])
    assert ProgressListener._continues(burst, low, high) is goes_on


def test_a_burst_has_a_length_and_an_end() -> None:
    burst = _Burst(2.0, False, 440.0, 440.0, 0.0, LOUD, count=25, tones=[440.0])
    assert (burst.seconds, burst.end, burst.spread, burst.clean) == (1.0, 3.0, 0.0, False)
    assert _Burst(2.0, False, 440.0, 440.0, 0.0, LOUD).count == 1


def test_the_measured_frame_is_the_newest_of_40_milliseconds() -> None:
    time = np.arange(8000) / 8000
    late = np.concatenate([np.zeros(8000), 4000 * np.sin(2 * np.pi * 2100 * time)])
    (found,) = ProgressListener().feed(late.astype("<i2").tobytes())
    assert found.kind is FAX
    assert found.at == pytest.approx(1.6, abs=0.041)


def burst(*tones: float, count: int = 10, pair: bool = False, clean: bool = True) -> _Burst:
    return _Burst(
        start=1.0,
        pair=pair,
        low=min(tones),
        high=max(tones),
        before=0.0,
        power=LOUD,
        count=count,
        tones=list(tones),
        clean=clean,
    )


@pytest.mark.parametrize(
    ("spoken", "ended", "kind"),
    [
        # After just two seconds of speech a tone of 1100 Hz is a beep, before them a calling fax.
        (2.0, burst(1100.0), BEEP),
        (1.99, burst(1100.0), FAX),
        (2.0, burst(1000.0), BEEP),
        (1.99, burst(1000.0), None),
        (0.0, burst(1100.0, pair=True), None),
        (9.0, burst(1000.0, pair=True), None),
        (9.0, burst(1000.0, clean=False), None),
        (0.0, burst(1100.0, clean=False), None),
        # Its first frame says that it calls.
        (0.0, burst(1138.0, 1139.0, 1139.0, 1139.0), FAX),
        (0.0, burst(1139.0, 1138.0, 1138.0, 1138.0), None),
        (0.0, burst(1100.0, 1090.0, 1100.0, 1100.0), FAX),
        (0.0, burst(1100.0, 1089.9, 1100.0, 1100.0), None),
        # The middle of its tones says where it lies.
        (9.0, burst(*[2112.0] * 4, *[2110.0] * 5), BEEP),
        (9.0, burst(*[2110.0] * 4, *[2112.0] * 5), None),
        (9.0, burst(*[2104.0] * 3, *[2112.0] * 6), None),
    ],
)
def test_what_a_burst_was(spoken: float, ended: _Burst, kind: Machine | None) -> None:
    listener = ProgressListener()
    listener._now, listener._spoken = 9.0, spoken
    assert [found.kind for found in listener._ended(ended)] == ([] if kind is None else [kind])


def test_a_low_beep_lies_where_the_middle_of_its_tones_does() -> None:
    listener = ProgressListener()
    listener._now, listener._spoken = 9.0, 9.0
    assert listener._beep(burst(*[385.0] * 4, *[393.0] * 5))
    assert not listener._beep(burst(*[385.0] * 5, *[393.0] * 4))


def test_a_stream_begins_in_silence_and_while_nobody_of_us_speaks() -> None:
    listener = ProgressListener()
    assert not listener.we_speak
    assert listener.feed(b"") == []
    assert set(listener._recent) == {0.0}
    assert len(listener._recent) == 50


def test_a_fall_counts_for_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = ProgressListener()
    heard(monkeypatch, [noise(70)], listener=listener)
    before = listener._spoken
    heard(monkeypatch, [noise(1, 1e5), noise(70)], listener=listener, start=70 * 320)
    # For 49 frames after its own, and the fifth of a second that belongs to speech.
    assert listener._spoken - before == pytest.approx(54 * 0.04)


# -- bounds that no frame of 40 ms meets, met -----------------------------------------------------


def listening(now: float, *bursts: _Burst, spoken: float = 0.0) -> ProgressListener:
    listener = ProgressListener()
    listener._now, listener._spoken = now, spoken
    listener._bursts = list(bursts)
    return listener


def burst_from(start: float, count: int, hertz: float = 425.0) -> _Burst:
    return replace(burst(hertz, count=count), start=start)


@pytest.mark.parametrize(
    ("speech", "pause", "talks", "monologue"),
    [(6.96, 0.0, True, True), (6.95, 0.0, True, False), (8.0, 0.96, False, True)],
)
def test_a_monologue_at_the_very_moment(
    speech: float, pause: float, talks: bool, monologue: bool
) -> None:
    listener = listening(9.0)
    listener._speech, listener._pause = speech, pause
    found = listener._voice(Frame(LOUD if talks else 0.0, None, None))
    assert [f.kind for f in found] == ([MONOLOGUE] if monologue else [])
    # A gap of just a second belongs to it; the next frame does not.
    if not talks:
        assert listener._pause == 1.0
        assert listener._voice(SILENT) == []
        assert listener._speech == 0.0


def test_what_is_quiet_is_passed_over_only_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause, passed in ((1.0, False), (1.01, True)):
        listener = ProgressListener()
        listener._pause = pause
        heard(monkeypatch, [silence(1)], listener=listener)
        assert (listener._pause == pause) is passed


@pytest.mark.parametrize(("after", "kind"), [(1.49, None), (1.5, RING)])
def test_a_ring_is_one_after_a_second_and_a_half(after: float, kind: Machine | None) -> None:
    ring = burst_from(1.0, 25)
    found = listening(2.0 + after, ring)._silence(SILENT)
    assert [f.kind for f in found] == ([] if kind is None else [kind])


def test_a_continuous_tone_at_its_very_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tones, "CONTINUOUS_SECONDS", 0.4)
    for count, told in ((9, False), (10, True)):
        assert bool(listening(9.0)._sounding(burst_from(1.0, count))) is told


@pytest.mark.parametrize(("gap", "told"), [(0.1499, True), (0.15, False)])
def test_the_gaps_of_a_special_information_tone(gap: float, told: bool) -> None:
    # The second step ends where the stream began: the gap is the start of the third.
    first, second = burst_from(-2.0, 25, 950.0), burst_from(-1.0, 25, 1400.0)
    third = burst_from(gap, 4, 1800.0)
    assert bool(listening(9.0, first, second)._sounding(third)) is told


@pytest.mark.parametrize(
    ("on", "offs", "busy"),
    [
        # Pauses that differ by 0.13 s.
        (10, (0.25, 0.38), True),
        (10, (0.25, 0.3801), False),
        # Bursts and pauses less than twice as long as the others and a tenth of a second.
        (12, (0.185, 0.19), False),
        (12, (0.185, 0.1901), True),
        (5, (0.49, 0.5), False),
        (5, (0.49, 0.4999), True),
    ],
)
def test_a_busy_cadence_at_its_bounds(on: int, offs: tuple[float, float], busy: bool) -> None:
    # The second burst ends where the stream begins, so that the longer pause is exact.
    length = on * 0.04
    first, second, third = (
        burst_from(start, on) for start in (-2 * length - offs[0], -length, offs[1])
    )
    assert (second.end, third.start - second.end) == (0.0, offs[1])
    assert second.start - first.end == pytest.approx(offs[0], abs=1e-12)
    found = listening(9.0, first, second, third)._ended(third)
    assert [f.kind for f in found] == ([BUSY] if busy else [])


@pytest.mark.parametrize(("now", "kept"), [(9.0, 1), (9.01, 0)])
def test_a_burst_is_forgotten_after_five_seconds(now: float, kept: int) -> None:
    old = replace(burst_from(3.0, 25), clean=False)
    listener = listening(now, old)
    assert listener._tone(SILENT) == []
    assert len(listener._bursts) == kept
