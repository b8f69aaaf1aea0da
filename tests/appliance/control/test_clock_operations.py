"""``clock correct``: the way back after time ran ahead, also across restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.box.box import Box
from appliance.box.calendar_clock import CalendarClock
from appliance.box.clock import BUILD_FLOOR, Kind, Readings
from appliance.box.clock_sources import read_all, word_witness
from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.campaign.history import CampaignState
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.control.operations import Operations
from appliance.effects import Now, Record
from appliance.errors import Refused
from appliance.ledger import read_entries, verify
from firmware.clock import SystemClock
from firmware.kernel_clock import boot_id, since_boot

AHEAD = timedelta(days=90)


@pytest.fixture
def config() -> Config:
    """A box that lives today, on whatever clock this computer has."""
    return replace(configuration.load(sample_config()), simulated_start=None)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The state of a box whose clock ran three months ahead once, and wrote a row then."""
    state = BoxState.open(tmp_path / "state")
    state.note([Record(kind="box.started", data={})], datetime.now(UTC) + AHEAD)
    state.close()
    return tmp_path / "state"


Opened = Callable[[], tuple[Box, Operations]]


@pytest.fixture
def opened(directory: Path, config: Config) -> Iterator[Opened]:
    """Opens the box anew, as a restart does; a time server keeps the clock right by now."""
    states: list[BoxState] = []

    def again() -> tuple[Box, Operations]:
        for state in states:
            state.close()
        states[:] = [BoxState.open(directory)]
        clock, state = SystemClock(1), states[0]

        def read() -> Readings:
            return replace(read_all((), clock.monotonic(), state.campaign.clock_word), ntp=True)

        now = CalendarClock(clock, ("ntp",), lambda: state.floor, read=read).now
        box = Box(config, state, now)
        return box, Operations(box)

    yield again
    for state in states:
        state.close()


def judged(box: Box) -> Now:
    """The judgement of this instant, not of up to a second ago."""
    clock = box.now.__self__  # type: ignore[attr-defined]
    clock._judged_at = None
    return box.now()


def test_time_that_ran_ahead_has_a_recorded_way_back(opened: Opened, directory: Path) -> None:
    box, operations = opened()
    before = judged(box)
    assert not before.trusted
    assert "autodialer clock correct --by NAME --reason TEXT" in before.source

    answer = operations.perform("clock.correct", {"by": "Alix", "reason": "RTC was set wrong"})
    assert datetime.fromisoformat(answer["was"]) > datetime.fromisoformat(answer["utc"])
    assert judged(box).trusted

    (row,) = [one for one in read_entries(directory / "ledger") if one.kind == "clock.corrected"]
    assert (row.data["by"], row.data["reason"]) == ("Alix", "RTC was set wrong")
    assert row.data["clock"] == "untrusted"
    assert datetime.fromisoformat(row.data["was"]) > row.at + AHEAD / 2
    # The next start believes it too, from the checkpoint as well as from the rows alone.
    box.state.save_checkpoint(force=True)
    again, _ = opened()
    assert judged(again).trusted
    again.state.directory.joinpath("checkpoint.json").unlink(missing_ok=True)
    assert judged(opened()[0]).trusted
    assert verify(directory / "ledger").ok


def test_the_floor_rises_again_from_the_correction(opened: Opened) -> None:
    box, operations = opened()
    operations.perform("clock.correct", {"by": "Alix", "reason": "test"})
    later = datetime.now(UTC) + timedelta(hours=1)
    box.state.note([Record(kind="box.stopped", data={})], later)
    assert abs(box.state.floor - later) < timedelta(seconds=1)
    assert not judged(box).trusted


def test_a_word_holds_for_this_boot_and_is_a_hint_alone(opened: Opened) -> None:
    box, operations = opened()
    operations.perform("clock.correct", {"by": "Alix", "reason": "looked at a watch"})
    for found in (box.state.campaign, opened()[0].state.campaign):
        word = found.clock_word
        assert word is not None
        assert (word.by, word.boot) == ("Alix", boot_id())
        spoken = word_witness(word, boot_id(), since_boot())
        assert spoken is not None
        assert abs(spoken.at - datetime.now(UTC)) < timedelta(seconds=5)
        assert word_witness(word, "another boot", since_boot()) is None
    readings = read_all((), 0.0, box.state.campaign.clock_word)
    assert [one.name for one in readings.heard() if one.kind is Kind.WORD] == ["Alix"]


def test_what_was_written_in_the_time_ahead_still_counts(opened: Opened) -> None:
    """An objection and the attempts of those days keep their people in peace."""
    box, operations = opened()
    number = "+33199001234"
    hashed = box.people.number_hash(number)
    assert hashed is not None
    ahead = datetime.now(UTC) + AHEAD
    data = {"by": "key", "number_hash": hashed}
    box.state.note([Record(kind="consent.revoked", data=data)], ahead)
    operations.perform("clock.correct", {"by": "Alix", "reason": "test"})
    revocation = box.engine.state.history("", hashed).revocation
    assert revocation is not None
    assert revocation.at > datetime.now(UTC) + AHEAD / 2


@pytest.mark.parametrize(
    "arguments", [{}, {"by": "Alix"}, {"reason": "x"}, {"by": " ", "reason": "x"}]
)
def test_a_correction_has_a_name_and_a_reason(opened: Opened, arguments: dict[str, str]) -> None:
    box, operations = opened()
    with pytest.raises(Refused):
        operations.perform("clock.correct", arguments)
    assert not judged(box).trusted


def test_a_clock_before_the_build_is_no_ones_right_time(tmp_path: Path, config: Config) -> None:
    state = BoxState.open(tmp_path / "early")
    early = Now(monotonic=0.0, utc=BUILD_FLOOR - timedelta(days=1), trusted=False, source="none")
    box = Box(config, state, lambda: early)
    with pytest.raises(Refused, match="before this software was built"):
        Operations(box).perform("clock.correct", {"by": "Alix", "reason": "test"})
    state.close()


def test_a_simulated_clock_is_not_corrected(tmp_path: Path) -> None:
    state = BoxState.open(tmp_path / "bench")
    now = Now(monotonic=0.0, utc=datetime(2027, 3, 9, tzinfo=UTC), trusted=True, source="simulated")
    box = Box(configuration.load(sample_config()), state, lambda: now)
    told = Operations(box).perform("clock", {})
    assert (told["source"], told["witnesses"]) == ("simulated", [])
    with pytest.raises(Refused, match="simulated"):
        Operations(box).perform("clock.correct", {"by": "Alix", "reason": "test"})
    state.close()


def test_clock_says_what_each_witness_says(opened: Opened) -> None:
    box, operations = opened()
    operations.perform("clock.correct", {"by": "Alix", "reason": "test"})
    box.take([inputs.Tick()])
    told = operations.perform("clock", {})
    assert {"utc", "trusted", "source", "sources", "floor", "time_zones"} <= told.keys()
    words = [one for one in told["witnesses"] if one["kind"] == "word"]
    assert [(one["name"], abs(one["ahead_seconds"]) < 5) for one in words] == [("Alix", True)]


def test_a_checkpoint_without_the_word_is_read() -> None:
    kept = CampaignState().to_checkpoint()
    del kept["clock_word"]
    assert CampaignState.from_checkpoint(kept).clock_word is None
