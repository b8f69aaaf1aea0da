"""Loading what the gate will ask for before anybody waits for it. Pure.

Numbering plans, zones and holidays are libraries with tables of their own, imported where they are
asked: together half a second, which the first request would wait for.
"""

from __future__ import annotations

from appliance.law import HolidayRule, Profile
from appliance.law.calendar import load_holidays
from appliance.numbers import load_plans
from appliance.zones import zones_of_number

_ANY_NUMBER = "+33199001234"
"""Of the range for fiction: asked about only to have the tables read."""


def preload(profile: Profile, country: str) -> None:
    """Load the tables by which numbers of *country* are judged under *profile*."""
    load_plans(country)
    zones_of_number(_ANY_NUMBER)
    for rule in profile.enforced:
        if isinstance(rule, HolidayRule):
            load_holidays(rule.country)
