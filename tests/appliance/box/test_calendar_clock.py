"""Whether calendar time may be believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.box.calendar_clock import (
    BUILD_FLOOR,
    CalendarClock,
    Readings,
    SimulatedCalendarClock,
    judge,
    read_system,
)

NOW = datetime(2027, 3, 9, 17, 0, tzinfo=UTC)
ALL = ("ntp", "rtc", "network")
READINGS = Readings(utc=NOW, ntp=False, rtc=None, network=None)


class HandClock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds

    def real(self, seconds: float) -> float:
        return seconds


@pytest.mark.parametrize(
    ("readings", "sources", "trusted"),
    [
        (replace(READINGS, ntp=True), ALL, "ntp"),
        (replace(READINGS, ntp=True), ("rtc",), None),
        (replace(READINGS, ntp=None), ALL, None),
        (READINGS, ALL, None),
        (replace(READINGS, rtc=NOW + timedelta(seconds=5)), ALL, "rtc"),
        (replace(READINGS, rtc=NOW + timedelta(seconds=6)), ALL, None),
        (replace(READINGS, rtc=NOW), ("ntp",), None),
        (replace(READINGS, network=NOW), ALL, None),
        (replace(READINGS, network=NOW, rtc=NOW), ("network",), "network+rtc"),
        (replace(READINGS, network=NOW + timedelta(minutes=2), rtc=NOW), ("network",), None),
        (replace(READINGS, network=NOW, rtc=NOW + timedelta(hours=1)), ("network",), None),
    ],
)
def test_trust_needs_a_source(
    readings: Readings, sources: tuple[str, ...], trusted: str | None
) -> None:
    trust = judge(readings, sources, BUILD_FLOOR)
    assert trust.trusted is (trusted is not None)
    if trusted is not None:
        assert trust.source == trusted


@pytest.mark.parametrize(
    ("floor", "trusted"),
    [
        (NOW - timedelta(days=1), True),
        (NOW + timedelta(seconds=2), True),
        (NOW + timedelta(seconds=3), False),
    ],
)
def test_time_before_the_newest_entry_is_wrong_whatever_ntp_says(
    floor: datetime, trusted: bool
) -> None:
    assert judge(replace(READINGS, ntp=True), ALL, floor).trusted is trusted


def test_time_before_the_build_is_wrong_whatever_ntp_says() -> None:
    readings = replace(READINGS, utc=datetime(1970, 1, 1, 0, 1, tzinfo=UTC), ntp=True)
    trust = judge(readings, ALL, datetime(1970, 1, 1, tzinfo=UTC))
    assert not trust.trusted
    assert "connect a network" in trust.source


def test_the_calendar_clock_judges_by_what_it_reads_and_the_floor() -> None:
    floor = [BUILD_FLOOR]

    def read() -> Readings:
        return replace(READINGS, utc=datetime.now(UTC), ntp=True)

    assert CalendarClock(HandClock(), ALL, lambda: floor[0], read=read).now().source == "ntp"
    floor[0] = datetime.now(UTC) + timedelta(hours=1)
    now = CalendarClock(HandClock(), ALL, lambda: floor[0], read=read).now()
    assert not now.trusted
    assert now.monotonic == 100.0


def test_simulated_time_runs_with_the_box_and_never_restarts_in_the_past() -> None:
    clock = HandClock()
    later = NOW + timedelta(hours=2)
    assert SimulatedCalendarClock(clock, NOW, BUILD_FLOOR).now().utc == NOW
    calendar = SimulatedCalendarClock(clock, NOW, later)
    clock.seconds += 90
    assert calendar.now().utc == later + timedelta(seconds=90)


def test_readings_come_from_timesyncd_and_the_rtc_that_set_the_clock(tmp_path: Path) -> None:
    for number, (hctosys, epoch) in enumerate([("0", "1"), ("1", "1804600000")]):
        rtc = tmp_path / f"sys/class/rtc/rtc{number}"
        rtc.mkdir(parents=True)
        (rtc / "hctosys").write_text(f"{hctosys}\n")
        (rtc / "since_epoch").write_text(f"{epoch}\n")
    assert read_system(tmp_path).ntp is None
    stamp = tmp_path / "run/systemd/timesync/synchronized"
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    readings = read_system(tmp_path)
    assert readings.ntp is True
    assert readings.rtc == datetime.fromtimestamp(1804600000, UTC)


def test_the_kernel_answers_or_says_that_it_cannot() -> None:
    assert read_system().ntp in (True, False, None)
