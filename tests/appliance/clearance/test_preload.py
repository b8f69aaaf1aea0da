"""What is read before anybody waits for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance import zones
from appliance.clearance import preload as preloading
from appliance.law import HolidayRule, load_profile
from appliance.law import calendar as law_calendar


def test_plans_zones_and_holidays_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[str] = []
    monkeypatch.setattr(preloading, "load_plans", plans.append)
    zones.region_zones.cache_clear()
    zones._zones_of_code.cache_clear()
    zones._zones_of_region.cache_clear()
    law_calendar._holidays.cache_clear()
    profile = load_profile("fr")
    preloading.preload(profile, "FR")
    assert plans == ["FR"]
    assert zones.region_zones.cache_info().currsize == 1
    assert law_calendar._holidays.cache_info().currsize == 1
    law_calendar._holidays.cache_clear()
    others = tuple(rule for rule in profile.enforced if not isinstance(rule, HolidayRule))
    preloading.preload(replace(profile, enforced=others), "FR")
    assert law_calendar._holidays.cache_info().currsize == 0
