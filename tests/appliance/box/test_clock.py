"""Who may say what time it is, and what happens where two do not agree."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.box.clock import (
    AGREES,
    BUILD_FLOOR,
    FLAG_FRESH,
    RTC_AGREES,
    Kind,
    Readings,
    Witness,
    judge,
    read_system,
)
from appliance.box.clock_sources import line_witnesses, word_witness
from appliance.model import ClockWord
from firmware.kernel_clock import FRESH, PUBLISHED, KernelClock, boot_id, publish, since_boot

NOW = datetime(2027, 3, 9, 17, 0, tzinfo=UTC)
ALL = ("ntp", "rtc", "network")
NOTHING = Readings(utc=NOW, ntp=False, rtc=None, network=None)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86_400))


def rtc(off: timedelta = timedelta(), name: str = "rtc0", *, booted: bool = True) -> Witness:
    return Witness(kind=Kind.RTC, name=name, at=NOW + off, booted=booted)


def network(off: timedelta = timedelta(), operator: str = "One", line: str = "line-1") -> Witness:
    return Witness(kind=Kind.NETWORK, name=line, at=NOW + off, operator=operator)


def message(off: timedelta = timedelta()) -> Witness:
    return Witness(kind=Kind.MESSAGE, name="line-1", at=NOW + off)


def word(off: timedelta = timedelta()) -> Witness:
    return Witness(kind=Kind.WORD, name="Ada", at=NOW + off)


def heard(*witnesses: Witness, ntp: bool | None = False) -> Readings:
    return replace(NOTHING, ntp=ntp, witnesses=witnesses)


@pytest.mark.parametrize(
    ("readings", "source"),
    [
        (heard(ntp=True), "ntp"),
        (heard(rtc()), "rtc"),
        # The kernel did not set the clock from it, but it is there and agrees.
        (heard(rtc(booted=False, name="rtc1")), "rtc"),
        (heard(rtc(RTC_AGREES)), "rtc"),
        # A Pi 5's own RTC without a battery starts in 1970, and the one beside it keeps time.
        (heard(rtc(-20_000 * DAY), rtc(name="rtc1", booted=False)), "rtc"),
        # Network time and one more hint.
        (heard(network(), rtc(20 * SECOND)), "network+rtc"),
        (heard(network(), network(operator="Two", line="line-2")), "network+second operator"),
        (heard(network(), message(-30 * SECOND)), "network+message"),
        (heard(network(50 * SECOND), word()), "network+word"),
        # What supports nothing contradicts nothing: late texts, words that were corrected since.
        (heard(message(-3 * DAY), ntp=True), "ntp"),
        (heard(message(3 * DAY), rtc()), "rtc"),
        (heard(word(2 * HOUR), ntp=True), "ntp"),
        (heard(network(30 * SECOND), rtc(-20 * SECOND), ntp=True), "ntp"),
    ],
)
def test_trusted(readings: Readings, source: str) -> None:
    trust = judge(readings, ALL, NOW - DAY)
    assert (trust.trusted, trust.source) == (True, source)


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        (NOTHING, "no clock source vouches"),
        (heard(ntp=None), "no clock source vouches"),
        # A hint alone, or two networks that may be one and the same.
        (heard(message()), "no clock source vouches"),
        (heard(word()), "no clock source vouches"),
        (heard(message(), word()), "no clock source vouches"),
        (heard(network()), "only one network's time"),
        (heard(network(), network(line="line-2")), "only one network's time"),
        (heard(network(operator=""), network(operator="", line="line-2")), "only one network's"),
        (heard(network(), message(-3 * DAY)), "only one network's time"),
        (heard(network(), word(2 * HOUR)), "only one network's time"),
        # The RTC that is there, and what to do with it.
        (heard(rtc(6 * SECOND)), "hwclock --hctosys --rtc=/dev/rtc0"),
        (heard(rtc(-3 * HOUR, "rtc1", booted=False)), "hwclock --systohc --rtc=/dev/rtc1"),
        # Two that contradict each other, whoever else agrees.
        (heard(rtc(), network(3 * DAY)), "the RTC rtc0 says 2027-03-09 17:00:00 UTC, the network"),
        (heard(rtc(), network(-61 * SECOND)), "the network of One (line line-1) says"),
        (heard(rtc(2 * MINUTE), ntp=True), "NTP says 2027-03-09 17:00:00 UTC, the RTC rtc0 says"),
        (heard(network(-HOUR), ntp=True), "NTP says"),
        (heard(network(HOUR), rtc(), word(), ntp=True), "says 2027-03-09 18:00:00"),
        (heard(rtc(), rtc(2 * MINUTE, "rtc1")), "the RTC rtc0 says"),
        (
            heard(network(), network(HOUR, "Two", "line-2"), message()),
            "the network of Two (line line-2) says 2027-03-09 18:00:00",
        ),
    ],
)
def test_not_trusted_and_why(readings: Readings, words: str) -> None:
    trust = judge(readings, ALL, NOW - DAY)
    assert not trust.trusted
    assert words in trust.source


@pytest.mark.parametrize("sources", [("ntp",), ("rtc",), ("network",), ("ntp", "rtc"), ALL])
def test_only_configured_sources_carry_or_contradict(sources: tuple[str, ...]) -> None:
    both = judge(heard(rtc(), network(3 * DAY)), sources, NOW - DAY)
    assert both.trusted is ("rtc" in sources and "network" not in sources)
    kept = judge(heard(rtc(HOUR), ntp=True), sources, NOW - DAY)
    assert kept.trusted is ("ntp" in sources and "rtc" not in sources)


def test_a_stale_time_that_a_shutdown_wrote_into_the_rtc_is_told() -> None:
    """Both agree on a day that is long over; the network knows better."""
    readings = Readings(utc=NOW, ntp=False, rtc=NOW, network=NOW + 3 * DAY)
    trust = judge(readings, ALL, NOW - 3 * DAY)
    assert not trust.trusted
    assert "2027-03-09" in trust.source
    assert "2027-03-12" in trust.source
    assert "hwclock --systohc" in trust.source


@pytest.mark.parametrize("sure", [heard(ntp=True), heard(rtc()), heard(network(), word())])
def test_time_that_ran_ahead_is_told_with_its_way_back(sure: Readings) -> None:
    trust = judge(sure, ALL, NOW + 90 * DAY)
    assert not trust.trusted
    assert "autodialer clock correct --by NAME --reason TEXT" in trust.source


@given(
    ntp=st.sampled_from([True, False, None]),
    offsets=st.lists(st.integers(-200, 200), min_size=4, max_size=4),
    present=st.lists(st.booleans(), min_size=4, max_size=4),
    sources=st.sampled_from([s for n in (1, 2, 3) for s in product(ALL, repeat=n)]),
)
def test_whoever_is_believed_nobody_contradicts(
    ntp: bool | None, offsets: list[int], present: list[bool], sources: tuple[str, ...]
) -> None:
    """Trust always names a source, which agrees, and no two configured ones lie a minute apart."""
    makers: tuple[Callable[[timedelta], Witness], ...] = (rtc, network, message, word)
    all_of_them = [maker(offset * SECOND) for maker, offset in zip(makers, offsets, strict=True)]
    there = [one for one, is_there in zip(all_of_them, present, strict=True) if is_there]
    trust = judge(heard(*there, ntp=ntp), sources, NOW - DAY)
    if not trust.trusted:
        return
    assert trust.source.split("+")[0] in sources
    clocks = [NOW] if ntp and "ntp" in sources else []
    clocks += [
        one.at for one in there if one.kind in (Kind.RTC, Kind.NETWORK) and one.kind in sources
    ]
    assert all(abs(a - b) <= AGREES for a in clocks for b in clocks)
    assert any(abs(at - NOW) <= AGREES for at in clocks)


# --- the machine ------------------------------------------------------------------------------


def machine(root: Path, **clocks: tuple[str, int]) -> None:
    for name, (hctosys, epoch) in clocks.items():
        directory = root / f"sys/class/rtc/{name}"
        directory.mkdir(parents=True)
        (directory / "hctosys").write_text(f"{hctosys}\n")
        (directory / "since_epoch").write_text(f"{epoch}\n")


def test_every_rtc_is_read_the_one_that_set_the_clock_first(tmp_path: Path) -> None:
    machine(tmp_path, rtc0=("0", 1804600000), rtc1=("1", 1804600060), rtc2=("0", 7))
    readings = read_system(tmp_path)
    assert [one.name for one in readings.witnesses] == ["rtc1", "rtc0", "rtc2"]
    assert readings.rtc == datetime.fromtimestamp(1804600060, UTC)
    assert [one.name for one in readings.heard()] == ["rtc1", "rtc0"]


@pytest.mark.parametrize("contents", ["", "soon\n", "9" * 40 + "\n"])
def test_an_rtc_that_cannot_be_read_is_none(tmp_path: Path, contents: str) -> None:
    machine(tmp_path, rtc0=("1", 0))
    (tmp_path / "sys/class/rtc/rtc0/since_epoch").write_text(contents)
    assert read_system(tmp_path).witnesses == ()


@pytest.mark.parametrize(
    ("contents", "shown"),
    [
        ("", "the RTC rtc1 tells no time"),
        ("soon\n", "the RTC rtc1 tells no time"),
        ("9" * 5000, "the RTC rtc1 tells no time"),
        ("45\n", "the RTC rtc1 shows 1970-01-01 00:00 UTC"),
        ("946684800\n", "the RTC rtc1 shows 2000-01-01 00:00 UTC"),
        ("-1\n", "the RTC rtc1 shows 1969-12-31 23:59 UTC"),
    ],
)
def test_an_rtc_that_lost_power_is_named_with_what_helps(
    tmp_path: Path, contents: str, shown: str
) -> None:
    """raspberrypi/linux#4205: to fit one where one is fitted sends people the wrong way."""
    machine(tmp_path, rtc1=("0", 0))
    (tmp_path / "sys/class/rtc/rtc1/since_epoch").write_text(contents)
    trust = judge(read_system(tmp_path), ("ntp", "rtc", "network"), BUILD_FLOOR)
    assert not trust.trusted
    assert shown in trust.source
    assert "hwclock --systohc --rtc=/dev/rtc1" in trust.source
    assert "fit an RTC" not in trust.source
    other = judge(read_system(tmp_path), ("ntp",), BUILD_FLOOR)
    assert "RTC rtc1" not in other.source


def test_one_rtc_without_power_takes_nothing_from_another(tmp_path: Path) -> None:
    machine(tmp_path, rtc0=("1", 45), rtc1=("0", int(datetime.now(UTC).timestamp())))
    assert judge(read_system(tmp_path), ("rtc",), BUILD_FLOOR).source == "rtc"


def flag(root: Path, age: timedelta) -> None:
    stamp = root / "run/systemd/timesync/synchronized"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    at = (datetime.now(UTC) - age).timestamp()
    os.utime(stamp, (at, at))


@pytest.mark.parametrize(
    ("age", "believed"),
    [
        (MINUTE, True),
        (FLAG_FRESH - MINUTE, True),
        (FLAG_FRESH + MINUTE, None),
        # Somebody stepped the clock three months ahead, or an hour back.
        (90 * DAY, None),
        (-HOUR, None),
    ],
)
def test_the_flag_of_timesyncd_counts_while_it_is_renewed(
    tmp_path: Path, age: timedelta, believed: bool | None
) -> None:
    flag(tmp_path, age)
    assert read_system(tmp_path).ntp is believed


def helper(
    root: Path,
    *,
    synchronised: bool,
    age: float = 0.0,
    boot: str = "boot-1",
    stepped: float = 0.0,
) -> None:
    (root / "proc/sys/kernel/random").mkdir(parents=True, exist_ok=True)
    (root / "proc/sys/kernel/random/boot_id").write_text("boot-1\n")
    file = root / PUBLISHED[0]
    file.parent.mkdir(parents=True, exist_ok=True)
    calendar = datetime.now(UTC).timestamp() - age - stepped
    publish(file, KernelClock(synchronised, 0.5), boot, since_boot() - age, calendar)


@pytest.mark.parametrize("synchronised", [True, False])
def test_the_kernels_word_outweighs_the_flag(tmp_path: Path, synchronised: bool) -> None:
    flag(tmp_path, MINUTE)
    helper(tmp_path, synchronised=synchronised)
    assert read_system(tmp_path).ntp is synchronised


@pytest.mark.parametrize(
    ("age", "boot"), [(FRESH + 1, "boot-1"), (-5.0, "boot-1"), (0.0, "boot-0"), (0.0, "")]
)
def test_an_old_answer_of_the_helper_is_none(tmp_path: Path, age: float, boot: str) -> None:
    helper(tmp_path, synchronised=True, age=age, boot=boot)
    assert read_system(tmp_path).ntp is None


@pytest.mark.parametrize(
    ("stepped", "believed"), [(0.0, True), (1.0, True), (90 * 86_400.0, None), (-61.0, None)]
)
def test_an_answer_from_before_a_step_of_the_clock_is_none(
    tmp_path: Path, stepped: float, believed: bool | None
) -> None:
    helper(tmp_path, synchronised=True, age=100.0, stepped=stepped)
    assert read_system(tmp_path).ntp is believed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"boot": "boot-1"}',
        "[" * 4000,
        json.dumps({"boot": "boot-1", "since_boot": "x", "synchronised": True}),
    ],
)
def test_a_broken_answer_of_the_helper_is_none(tmp_path: Path, text: str) -> None:
    helper(tmp_path, synchronised=True)
    (tmp_path / PUBLISHED[0]).write_text(text)
    assert read_system(tmp_path).ntp is None


# --- lines and people -------------------------------------------------------------------------


def test_what_lines_noted_is_carried_on_and_ends() -> None:
    facts = {
        "name": "line-1",
        "operator": "One",
        "network_time": NOW.isoformat(),
        "network_time_at": 100.0,
        "messages": {"stamp": (NOW - DAY).isoformat(), "stamp_at": 40.0},
    }
    found = line_witnesses([facts, {"name": "line-2", "network_time": None}], 160.0)
    assert [(one.kind, one.at) for one in found] == [
        (Kind.NETWORK, NOW + MINUTE),
        (Kind.MESSAGE, NOW - DAY + 2 * MINUTE),
    ]
    assert found[0].operator == "One"
    # A modem that was not asked again for an hour tells nothing any more, a text for a day.
    assert [one.kind for one in line_witnesses([facts], 100.0 + 3601)] == [Kind.MESSAGE]
    assert line_witnesses([facts], 100.0 + 86_401) == ()


def test_a_persons_word_holds_until_power_is_lost() -> None:
    given = ClockWord(by="Ada", at=NOW, boot="boot-1", since_boot=500.0)
    spoken = word_witness(given, "boot-1", 560.0)
    assert spoken is not None
    assert (spoken.kind, spoken.name, spoken.at) == (Kind.WORD, "Ada", NOW + MINUTE)
    assert word_witness(given, "boot-2", 560.0) is None
    assert word_witness(given, "", 560.0) is None
    assert word_witness(given, "boot-1", 499.0) is None
    assert word_witness(None, "boot-1", 560.0) is None


def test_the_build_floor_lies_behind_the_samples() -> None:
    assert BUILD_FLOOR < NOW
    assert boot_id(Path("/nowhere")) == ""
