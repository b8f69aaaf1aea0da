"""The arithmetic of one person at its edges; what it says together, ``test_gate.py`` tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.clearance.openings import HORIZON, Person
from appliance.clearance.rules import Rules
from appliance.law import Place, load_profile
from appliance.windows import parse_windows

AFTER = datetime(2027, 3, 10, 12, tzinfo=UTC)
ALWAYS = parse_windows("mon-sun 00:00-24:00")
RULES = Rules(purpose="news", profile=load_profile("strict"))


@pytest.mark.parametrize(
    ("begins", "found"),
    [
        (timedelta(0), True),
        (timedelta(days=390), True),
        (timedelta(days=399), True),
        (timedelta(days=400, hours=1), False),
        (timedelta(days=402), False),
    ],
)
def test_a_chance_is_looked_for_up_to_the_horizon(begins: timedelta, found: bool) -> None:
    """A person whose rest ends beyond it has none, as ``HORIZON`` says: it is 400 days."""
    assert timedelta(days=400) == HORIZON
    since = (AFTER + begins).timestamp()
    place = Place(ZoneInfo("UTC"))
    person = Person(RULES, place, ALWAYS, since, float("inf"), exhausted=False)
    chance = person.next_chance(AFTER.timestamp(), 60.0)
    assert (chance is not None) is found
    if chance is not None:
        assert AFTER + begins <= chance.start + timedelta(days=1)


@pytest.mark.parametrize(
    ("exhausted", "seconds", "found"), [(False, 60.0, True), (True, 60.0, False)]
)
def test_used_up_is_no_chance_at_any_hour(exhausted: bool, seconds: float, found: bool) -> None:
    person = Person(RULES, Place(ZoneInfo("UTC")), ALWAYS, 0.0, float("inf"), exhausted)
    assert (person.next_chance(AFTER.timestamp(), seconds) is not None) is found
