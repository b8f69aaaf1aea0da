"""What a SIM may be used for: each limit narrows, survives a restart, and is told once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.campaign.history import CampaignState
from appliance.campaign.line_limits import LineLimits, LineUsage
from appliance.campaign.options import Options
from appliance.effects import Entry
from firmware.events import BalanceTold, Cause
from tests.support.engine_bench import T0, Box, Registry, hours

LINE = "line-1"


def usage(*calls: tuple[float, str, float | None]) -> LineUsage:
    """What is known after calls at so many minutes, to whom, talking so many seconds."""
    found = LineUsage()
    for n, (minutes, subject, seconds) in enumerate(calls):
        at = T0 + timedelta(minutes=minutes)
        attempt = {"line": LINE, "attempt": f"a{n}"}
        found.authorised(
            Entry(seq=2 * n + 1, at=at, kind="call.authorised", subject=subject, data=attempt)
        )
        ended = {**attempt, "talk_seconds": seconds, "outcome": "listened"}
        if seconds is None:
            ended |= {"talk_seconds": 0.0, "outcome": "unknown"}
        found.ended(Entry(seq=2 * n + 2, at=at, kind="call.ended", subject=subject, data=ended))
    return found


CALLS = ((0, "anna", 60.0), (10, "ben", 120.0), (20, "anna", None), (90, "carl", 0.0))


@pytest.mark.parametrize(
    ("limits", "minutes", "limit", "until"),
    [
        (LineLimits(), 91, None, None),
        (LineLimits(calls_per_hour=3), 21, "calls_per_hour", 60),
        (LineLimits(calls_per_hour=2), 21, "calls_per_hour", 70),
        (LineLimits(calls_per_hour=4), 21, None, None),
        (LineLimits(calls_per_hour=3), 59, "calls_per_hour", 60),
        (LineLimits(calls_per_hour=3), 60, None, None),
        (LineLimits(calls_per_hour=1), 91, "calls_per_hour", 150),
        (LineLimits(calls_per_day=4), 91, "calls_per_day", 24 * 60),
        (LineLimits(calls_per_day=5), 91, None, None),
        (LineLimits(calls_per_day=4), 24 * 60, None, None),
        (LineLimits(numbers_per_day=3), 91, "numbers_per_day", 24 * 60 + 10),
        (LineLimits(numbers_per_day=4), 91, None, None),
        (LineLimits(numbers_per_day=3), 24 * 60 + 10, None, None),
        # 60 + 120 + an unknown one of 100, and the next of 100: 380 s.
        (LineLimits(minutes_per_day=6), 91, "minutes_per_day", 24 * 60),
        (LineLimits(minutes_per_day=7), 91, None, None),
        (LineLimits(minutes_per_day=6), 24 * 60, None, None),
        # To the second: 380 fit, and 320 do once the first call of 60 has dropped out.
        (LineLimits(minutes_per_day=19 / 3), 91, None, None),
        (LineLimits(minutes_per_day=16 / 3), 91, "minutes_per_day", 24 * 60),
        (LineLimits(minutes_per_day=1), 91, "minutes_per_day", 24 * 60 + 90),
        # The longest wait is told.
        (LineLimits(calls_per_hour=1, calls_per_day=4), 91, "calls_per_day", 24 * 60),
        # A clock that went back opens nothing.
        (LineLimits(calls_per_hour=3), -30, "calls_per_hour", None),
    ],
)
def test_what_is_reached_and_until_when(
    limits: LineLimits, minutes: float, limit: str | None, until: float | None
) -> None:
    now = T0 + timedelta(minutes=minutes)
    found = usage(*(call for call in CALLS if minutes < 0 or call[0] <= minutes))
    reached = found.reached(LINE, limits, now, 100.0)
    assert (None if reached is None else reached.limit) == limit
    if reached is not None and until is not None:
        assert reached.until == T0 + timedelta(minutes=until)
    assert found.reached("line-2", limits, now, 0.0) is None, "another line used nothing"
    kept = json.loads(json.dumps(found.to_checkpoint()))
    assert LineUsage.from_checkpoint(kept).reached(LINE, limits, now, 100.0) == reached


@given(
    gaps=st.lists(st.floats(0.0, 300.0), max_size=30),
    most=st.integers(1, 6),
    people=st.integers(1, 5),
)
def test_a_line_that_obeys_never_passes_a_limit(gaps: list[float], most: int, people: int) -> None:
    """Whoever calls only where nothing is reached stays under it in every hour and day."""
    limits = LineLimits(calls_per_hour=most, calls_per_day=2 * most, numbers_per_day=most)
    found, made, now = LineUsage(), [], T0
    for n, gap in enumerate(gaps):
        now += timedelta(minutes=gap)
        if found.reached(LINE, limits, now, 60.0) is not None:
            continue
        who = f"p{n % people}"
        made.append((now, who))
        data = {"line": LINE, "attempt": f"a{n}"}
        found.authorised(Entry(seq=n + 1, at=now, kind="call.authorised", subject=who, data=data))
    for at, _ in made:
        hour = [one for one in made if at <= one[0] < at + timedelta(hours=1)]
        day = [one for one in made if at <= one[0] < at + timedelta(hours=24)]
        assert len(hour) <= most
        assert len(day) <= 2 * most
        assert len({who for _, who in day}) <= most


def people(count: int) -> Registry:
    return Registry(**{f"p{n}": hours(-1, 40) for n in range(count)})


def run(box: Box, ticks: int, seconds: float) -> None:
    for _ in range(ticks):
        box.tick(seconds)
        for line, call in list(box.engine.calls.items()):
            box.end(call.call.attempt, Cause.NO_ANSWER, line=line)


def test_a_line_stops_calling_and_goes_on_by_itself() -> None:
    limits = Options(limits={LINE: LineLimits(calls_per_hour=2)})
    box = Box(people(8), options=limits)
    run(box, 30, 60.0)
    assert len(box.called()) == 2
    assert [entry.kind for entry in box.entries].count("limit.reached") == 1
    row = box.last("limit.reached").data
    assert (row["line"], row["limit"]) == (LINE, "calls_per_hour")
    idle = box.engine.why_idle(box.now())
    assert idle.code == "limit"
    assert "line-1: 2 calls in the last hour, of 2" in idle.sentence
    wake = box.engine.wake_at(box.now())
    assert wake is not None
    assert wake > box.seconds, "nothing is looked at again and again meanwhile"
    run(box, 60, 60.0)
    assert len(box.called()) == 4
    assert [entry.kind for entry in box.entries].count("limit.reached") == 2


def test_a_restart_knows_what_was_used_and_told() -> None:
    limits = Options(limits={LINE: LineLimits(calls_per_day=2)})
    box = Box(people(8), options=limits)
    run(box, 10, 60.0)
    again = Box(people(8), options=limits, entries=box.entries, ready=False)
    again.seconds = box.seconds
    again.ready()
    run(again, 10, 60.0)
    assert len(again.called()) == 2
    assert [entry.kind for entry in again.entries].count("limit.reached") == 1


def test_another_line_goes_on() -> None:
    limits = Options(limits={"line-2": LineLimits(calls_per_day=1)})
    box = Box(people(12), lines=2, options=limits)
    run(box, 20, 60.0)
    lines = [e.data["line"] for e in box.entries if e.kind == "call.authorised"]
    assert lines.count("line-2") == 1
    assert lines.count("line-1") > 5
    assert box.engine.why_idle(box.now()).code != "limit"


def test_a_checkpoint_of_the_fold_has_it() -> None:
    box = Box(people(3))
    run(box, 5, 60.0)
    state = box.engine.state
    kept = json.loads(json.dumps(state.to_checkpoint()))
    again = CampaignState.from_checkpoint(kept)
    assert again.usage.used(LINE, box.now().utc) == state.usage.used(LINE, box.now().utc)
    assert state.copy().usage.used(LINE, box.now().utc)["calls_per_day"] == 3


def test_a_low_balance_is_recorded_once_a_day_and_stops_nobody() -> None:
    box = Box(people(4), options=Options(limits={LINE: LineLimits(alarm_below=5.0)}))
    for amount, after in ((7.0, 1.0), (4.5, 1.0), (4.4, 3600.0), (4.4, 86_400.0)):
        box.take(BalanceTold(line=LINE, at=box.seconds, amount=amount), after)
    rows = [entry.data for entry in box.entries if entry.kind == "limit.reached"]
    assert [row["detail"] for row in rows] == [
        "the SIM's balance is 4.5, under 5",
        "the SIM's balance is 4.4, under 5",
    ]
    assert box.called()
    assert box.engine.line_limit(LINE, box.now()) is None


@pytest.mark.parametrize(("minutes", "left"), [(24 * 60 - 1, 2), (24 * 60, 1), (24 * 60 + 1, 1)])
def test_what_is_a_day_old_is_forgotten_when_the_next_call_begins(minutes: int, left: int) -> None:
    found = usage((0, "anna", 1.0), (minutes, "ben", 1.0))
    assert len(found.to_checkpoint()["used"][LINE]) == left


@pytest.mark.parametrize(
    ("minutes", "hour", "day", "people_"), [(59, 3, 3, 2), (60, 2, 3, 2), (1440, 0, 2, 2)]
)
def test_what_status_tells_of_a_line(minutes: int, hour: int, day: int, people_: int) -> None:
    found = usage((0, "anna", 90.0), (10, "ben", None), (20, "anna", 33.0))
    at = T0 + timedelta(minutes=minutes)
    talked = 33.0 if minutes >= 1440 else 123.0
    assert found.used(LINE, at) == {
        "calls_per_hour": hour,
        "calls_per_day": day,
        "minutes_per_day": round(talked / 60, 1),
        "numbers_per_day": people_,
    }
    assert found.used("line-9", at)["calls_per_day"] == 0
