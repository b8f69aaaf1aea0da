from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import appliance.law
from appliance.law import (
    Ballot,
    BallotRule,
    Caller,
    CallerRule,
    CapRule,
    Category,
    Confidence,
    HolidayRule,
    HoursRule,
    Profile,
    RestRule,
    holiday_name,
    judge_caller,
    load_profile,
    open_intervals,
    profile_names,
    read_profile,
)
from appliance.model import Outcome
from appliance.windows import parse_windows
from firmware.yaml_document import DocumentFaulty

PARIS = ZoneInfo("Europe/Paris")
HERE = Path(appliance.law.__file__).parent


@pytest.fixture(scope="module")
def fr() -> Profile:
    return load_profile("fr")


def one(profile: Profile, kind: type) -> object:
    (rule,) = (rule for rule in profile.enforced if isinstance(rule, kind))
    return rule


def opened(
    profile: Profile,
    day: date,
    *,
    zone: str = "Europe/Paris",
    territory: str = "",
    ballots: tuple[Ballot, ...] = (),
) -> list[str]:
    """The open spans of one local day, as local times."""
    clock = ZoneInfo(zone)
    start = datetime.combine(day, time(), clock).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), clock).astimezone(UTC)
    found = open_intervals(profile, clock, territory, ballots, start, end)
    return [f"{i.start.astimezone(clock):%H:%M}-{i.end.astimezone(clock):%H:%M}" for i in found]


WEEKDAY = ["10:00-13:00", "14:00-20:00"]


def test_all_profiles_are_there() -> None:
    assert profile_names() == ["ca", "de", "es", "fr", "it", "strict", "uk", "us"]
    with pytest.raises(KeyError):
        load_profile("../fr")


@pytest.mark.parametrize("name", ["ca", "de", "es", "fr", "it", "strict", "uk", "us"])
def test_profiles_hold_up_to_the_libraries(name: str) -> None:
    """Regions, subdivisions and zones exist; every rule names its source, date, confidence."""
    file = HERE / f"{name}.yaml"
    profile = read_profile(file.read_text(encoding="utf-8"), str(file))
    assert profile == load_profile(name)
    for rule in profile.rules():
        assert rule.source
        assert rule.dated
        assert rule.text.endswith(".")
    assert all(rule.confidence is not Confidence.LOW for rule in profile.enforced)
    assert all(rule.confidence is Confidence.LOW for rule in profile.advice)


def test_french_rules_as_published(fr: Profile) -> None:
    assert fr.label == "fr/2026-11"
    hours = one(fr, HoursRule)
    assert isinstance(hours, HoursRule)
    assert hours.hours == parse_windows("mon-fri 10:00-13:00, 14:00-20:00")
    cap = one(fr, CapRule)
    assert isinstance(cap, CapRule)
    assert (cap.attempts, cap.days) == (4, 30)
    rest = one(fr, RestRule)
    assert isinstance(rest, RestRule)
    assert rest.hours == 60 * 24
    assert Outcome.DECLINED in rest.after
    assert [rule.name for rule in fr.advice] == ["fr.FR-5b"]


def test_strict_holds_every_rule_of_every_profile() -> None:
    strict = load_profile("strict")
    names = {rule.name for rule in strict.rules()}
    for name in profile_names():
        assert {rule.name for rule in load_profile(name).rules()} <= names
    assert strict.territory("").region == ""
    assert strict.territory("us").region == "US"
    assert strict.territory("reunion").zone == "Indian/Reunion"


def test_french_week_and_holidays(fr: Profile) -> None:
    assert opened(fr, date(2027, 3, 15)) == WEEKDAY
    assert opened(fr, date(2027, 3, 20)) == []
    for holiday in (date(2027, 3, 29), date(2027, 5, 6), date(2027, 7, 14), date(2027, 11, 11)):
        assert holiday.weekday() < 5
        assert opened(fr, holiday) == []


@pytest.mark.parametrize(
    ("territory", "zone", "day", "closed"),
    [
        ("", "Europe/Paris", date(2026, 4, 3), False),  # Good Friday
        ("alsace-moselle", "Europe/Paris", date(2026, 4, 3), True),
        ("", "Europe/Paris", date(2024, 12, 26), False),  # Saint Stephen, a Thursday
        ("alsace-moselle", "Europe/Paris", date(2024, 12, 26), True),
        ("", "Europe/Paris", date(2027, 12, 20), False),  # abolition of slavery, La Réunion
        ("reunion", "Indian/Reunion", date(2027, 12, 20), True),
        # A box of the mainland calls somebody in La Réunion: the island's day counts.
        ("", "Indian/Reunion", date(2027, 12, 20), True),
        ("", "America/Martinique", date(2028, 5, 22), True),
        ("", "Europe/Paris", date(2028, 5, 22), False),
    ],
)
def test_regional_holidays(fr: Profile, territory: str, zone: str, day: date, closed: bool) -> None:
    assert day.weekday() < 5
    found = opened(fr, day, zone=zone, territory=territory)
    assert found == ([] if closed else WEEKDAY)
    rule = one(fr, HolidayRule)
    assert isinstance(rule, HolidayRule)
    assert (holiday_name(rule, territory, ZoneInfo(zone), day) is not None) == closed


def test_holidays_follow_the_date_of_the_called_person(fr: Profile) -> None:
    # At 09:30 UTC on 1 January Paris has its holiday; Nouméa's ended, and it is a Saturday there.
    first = datetime(2027, 1, 1, tzinfo=UTC)
    tahiti = ZoneInfo("Pacific/Tahiti")
    # Thursday 31 December, 15:00 in Tahiti, is 2 January 01:00 nowhere, and 1 January 01:00 UTC.
    found = open_intervals(fr, tahiti, "", (), first, first + timedelta(hours=6))
    assert [(i.start.hour, i.end.hour) for i in found] == [(0, 6)]


def test_ballot_silence_from_the_eve_to_the_close(fr: Profile) -> None:
    # A Thursday ballot, so that the hours would be open on both days.
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18)),)
    assert opened(fr, date(2027, 3, 16), ballots=ballot) == WEEKDAY
    assert opened(fr, date(2027, 3, 17), ballots=ballot) == []
    assert opened(fr, date(2027, 3, 18), ballots=ballot) == ["18:00-20:00"]
    assert opened(fr, date(2027, 3, 19), ballots=ballot) == WEEKDAY


def test_ballot_silence_covers_both_clocks(fr: Profile) -> None:
    """Somebody in La Réunion is not called while either clock says silence."""
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18)),)
    # Paris closes at 18:00, which is 21:00 on the island.
    assert opened(fr, date(2027, 3, 18), zone="Indian/Reunion", ballots=ballot) == []
    # A Parisian under a box of La Réunion: the island's eve begins three hours earlier.
    eve = opened(fr, date(2027, 3, 16), zone="Pacific/Tahiti", territory="reunion", ballots=ballot)
    # 00:00 on the 17th in La Réunion is 10:00 on the 16th in Tahiti.
    assert eve == []


def test_ballot_of_one_territory_concerns_that_territory(fr: Profile) -> None:
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18), territory="polynesie-francaise"),)
    assert opened(fr, date(2027, 3, 18), ballots=ballot) == WEEKDAY
    assert opened(fr, date(2027, 3, 17), zone="Pacific/Tahiti", ballots=ballot) == []
    with pytest.raises(KeyError):
        opened(
            fr,
            date(2027, 3, 18),
            ballots=(Ballot(day=date(2027, 3, 18), closes=time(18), territory="atlantis"),),
        )


def test_ballot_that_closes_at_midnight(fr: Profile) -> None:
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(0)),)
    assert opened(fr, date(2027, 3, 18), ballots=ballot) == []
    assert opened(fr, date(2027, 3, 19), ballots=ballot) == WEEKDAY


@pytest.mark.parametrize(
    ("name", "weekday", "saturday"),
    [
        ("uk", ["00:00-00:00"], ["00:00-00:00"]),
        ("us", ["08:00-21:00"], ["08:00-21:00"]),
        ("ca", ["09:00-21:30"], ["10:00-18:00"]),
        ("strict", WEEKDAY, []),
    ],
)
def test_hours_of_the_others(name: str, weekday: list[str], saturday: list[str]) -> None:
    profile = load_profile(name)
    assert opened(profile, date(2027, 3, 15)) == weekday
    assert opened(profile, date(2027, 3, 20)) == saturday


@pytest.mark.parametrize(
    ("number", "category", "attended", "bench", "allowed"),
    [
        ("+33162000001", Category.AUTOMATED_SYSTEM, False, False, True),
        ("+33949000001", Category.AUTOMATED_SYSTEM, False, False, True),
        ("+33947500001", Category.AUTOMATED_SYSTEM, False, False, True),
        ("+33947400001", Category.AUTOMATED_SYSTEM, False, False, False),
        ("+33937000001", Category.TECHNICAL_PLATFORM, False, False, True),
        ("+33939400001", Category.TECHNICAL_PLATFORM, False, False, True),
        ("+33939500001", Category.TECHNICAL_PLATFORM, False, False, False),
        ("+337000000000001", Category.MACHINE_TO_MACHINE, False, False, True),
        ("+33612345678", Category.MOBILE, False, False, False),
        ("+33612345678", Category.MOBILE, True, False, True),
        ("+33612345678", Category.AUTOMATED_SYSTEM, False, False, False),
        ("+33123456789", Category.GEOGRAPHIC, False, False, False),
        ("+33972000000", Category.NON_GEOGRAPHIC, False, False, False),
        ("+442079460123", Category.FOREIGN, False, False, False),
        # Number and category contradict each other: one of them is wrong.
        ("+33162000001", Category.MOBILE, False, False, False),
        ("+33162000001", Category.FICTION, False, True, False),
        # Fiction stands in on a bench, and nowhere else.
        ("+33199000001", Category.FICTION, False, True, True),
        ("+33199000001", Category.FICTION, False, False, False),
        ("+33199000001", Category.AUTOMATED_SYSTEM, False, True, True),
        ("+33199000001", Category.GEOGRAPHIC, False, True, False),
        ("+33639980001", Category.MOBILE, False, True, False),
        ("+33639980001", Category.AUTOMATED_SYSTEM, False, True, False),
        ("+33639980001", Category.FICTION, False, True, True),
        ("+33639980001", Category.MOBILE, True, True, True),
    ],
)
def test_numbering_gate(
    fr: Profile, number: str, category: Category, attended: bool, bench: bool, allowed: bool
) -> None:
    rule = one(fr, CallerRule)
    assert isinstance(rule, CallerRule)
    caller = Caller(number=number, category=category)
    verdict = judge_caller(rule, caller, attended=attended, bench=bench)
    assert verdict.allowed == allowed, verdict.reason
    assert number not in verdict.reason


def test_numbering_gate_without_a_declaration(fr: Profile) -> None:
    rule = one(fr, CallerRule)
    assert isinstance(rule, CallerRule)
    assert not judge_caller(rule, None, attended=False, bench=True).allowed
    assert judge_caller(rule, None, attended=True, bench=False).allowed


GOOD = """\
name: toy
version: "2026-11"
title: Toy
region: FR
zone: Europe/Paris
holidays: FR
territories:
  east: { title: East, holidays: ["57"] }
rules:
  - id: T-1
    kind: hours
    hours: mon-fri 10:00-20:00
    text: Hours.
    source: nobody
    date: "2026"
    confidence: H
"""


def test_a_profile_of_ones_own() -> None:
    profile = read_profile(GOOD, "toy.yaml")
    assert [rule.name for rule in profile.enforced] == ["toy.T-1"]
    assert profile.territory(None).region == "FR"


def test_low_confidence_is_advice_whatever_the_kind() -> None:
    profile = read_profile(GOOD.replace("confidence: H", "confidence: L"), "toy.yaml")
    assert profile.enforced == ()
    assert [rule.name for rule in profile.advice] == ["toy.T-1"]
    assert opened(profile, date(2027, 3, 20)) == ["00:00-00:00"]


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("zone: Europe/Paris", "zone: Europe/Lutetia", "5:7", "is not a zone"),
        ("region: FR", "region: XX", "4:9", "no numbering plan"),
        ("holidays: FR", "holidays: XX", "8:35", "not a subdivision"),
        ('["57"]', '["99x"]', "8:35", "not a subdivision"),
        ("20:00", "25:00", "12:12", "no time 25:00"),
        ("confidence: H", "confidence: X", "16:17", "write H"),
        ("kind: hours", "kind: moon", "11:11", "is not one of"),
        ("kind: hours", "kind: cap", "12:5", "is not known here"),
        ('date: "2026"', 'date: "soon"', "15:11", "does not fit"),
        ("    text: Hours.\n", "", "10:5", "is missing"),
        ("title: Toy\n", "title: Toy\ncolour: red\n", "4:1", "is not known here"),
        ("name: toy", "name: Toy Profile", "1:7", "does not fit"),
        ("title: Toy\n", "title: Toy\nincludes: [atlantis]\n", "4:12", "there is no profile"),
        ("rules:", "rules: 3\nrest:", "9:8", "is not a list"),
    ],
)
def test_faults_name_their_place(old: str, new: str, place: str, words: str) -> None:
    with pytest.raises(DocumentFaulty) as faulty:
        read_profile(GOOD.replace(old, new, 1), "toy.yaml")
    text = str(faulty.value)
    assert f"toy.yaml:{place}: " in text
    assert words in text


def test_all_faults_at_once() -> None:
    broken = GOOD.replace("Europe/Paris", "Nowhere").replace("20:00", "26:00")
    with pytest.raises(DocumentFaulty) as faulty:
        read_profile(broken, "toy.yaml")
    assert len(faulty.value.faults) == 2


def test_two_rules_of_one_id() -> None:
    rule = GOOD[GOOD.index("  - id") :]
    with pytest.raises(DocumentFaulty, match=r"toy\.T-1 is given twice"):
        read_profile(GOOD + rule, "toy.yaml")


def test_ballots_matter_only_where_a_rule_says_so() -> None:
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18)),)
    us = load_profile("us")
    assert not any(isinstance(rule, BallotRule) for rule in us.enforced)
    assert opened(us, date(2027, 3, 18), ballots=ballot) == ["08:00-21:00"]
