from __future__ import annotations

from dataclasses import replace
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
    Place,
    Places,
    Profile,
    RestRule,
    ballot_notes,
    holiday_name,
    judge_caller,
    load_profile,
    profile_names,
    read_profile,
)
from appliance.law.calendar import ballot_silence
from appliance.model import Outcome
from appliance.windows import parse_windows
from firmware.yaml_document import DocumentFaulty
from tests.support.hours import open_intervals

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
    number: str = "",
    ballots: tuple[Ballot, ...] = (),
) -> list[str]:
    """The open spans of one local day of somebody whom a box of *territory* calls, local times."""
    clock = ZoneInfo(zone)
    start = datetime.combine(day, time(), clock).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), clock).astimezone(UTC)
    place = Places(profile, territory).of(number, clock)
    found = open_intervals(profile, place, ballots, start, end)
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
    assert (rest.days, rest.hours) == (60, 0)
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
    ("territory", "zone", "number", "day", "closed"),
    [
        ("", "Europe/Paris", "", date(2026, 4, 3), False),  # Good Friday
        ("alsace-moselle", "Europe/Paris", "", date(2026, 4, 3), True),
        ("", "Europe/Paris", "", date(2024, 12, 26), False),  # Saint Stephen, a Thursday
        ("alsace-moselle", "Europe/Paris", "", date(2024, 12, 26), True),
        ("", "Europe/Paris", "", date(2027, 12, 20), False),  # abolition of slavery, La Réunion
        ("reunion", "Indian/Reunion", "", date(2027, 12, 20), True),
        # A box of the mainland calls somebody in La Réunion: the island's day counts.
        ("", "Indian/Reunion", "", date(2027, 12, 20), True),
        ("", "America/Martinique", "", date(2028, 5, 22), True),
        ("", "Europe/Paris", "", date(2028, 5, 22), False),
        # The box's place is nobody else's: Parisians of a box in La Réunion, Alsace, Martinique.
        ("reunion", "Europe/Paris", "", date(2027, 12, 20), False),
        ("alsace-moselle", "Europe/Paris", "+33199001234", date(2026, 4, 3), False),
        ("alsace-moselle", "Indian/Reunion", "", date(2026, 4, 3), False),
        ("martinique", "Indian/Reunion", "", date(2028, 5, 22), False),
        # A mobile number does not tell where in the country, so the configured guess stands.
        ("alsace-moselle", "Europe/Paris", "+33639980012", date(2026, 4, 3), True),
        # A number tells of Alsace, whatever the box says.
        ("", "Europe/Paris", "+33388000000", date(2026, 4, 3), True),
        ("reunion", "Europe/Paris", "+33387000000", date(2024, 12, 26), True),
        # Zone and number disagree: both places count.
        ("", "Europe/Paris", "+596696000000", date(2028, 5, 22), True),
        ("", "Indian/Reunion", "+596696000000", date(2028, 5, 22), True),
        ("", "Indian/Reunion", "+596696000000", date(2027, 12, 20), True),
        # +590 is Guadeloupe's and two islands'; the zone says which.
        ("", "America/Guadeloupe", "+590690000000", date(2026, 5, 27), True),
        ("", "Indian/Mayotte", "+262639000000", date(2026, 4, 27), True),
        ("", "Indian/Reunion", "+262692000000", date(2026, 4, 27), False),
        ("", "Pacific/Marquesas", "", date(2026, 3, 5), True),  # Missionary Day
        ("", "Pacific/Gambier", "", date(2026, 3, 5), True),
        ("", "Pacific/Tahiti", "", date(2026, 3, 5), True),
    ],
)
def test_regional_holidays(
    fr: Profile, territory: str, zone: str, number: str, day: date, closed: bool
) -> None:
    assert day.weekday() < 5
    found = opened(fr, day, zone=zone, territory=territory, number=number)
    assert found == ([] if closed else WEEKDAY)
    rule = one(fr, HolidayRule)
    assert isinstance(rule, HolidayRule)
    place = Places(fr, territory).of(number, ZoneInfo(zone))
    assert (holiday_name(rule, place, day) is not None) == closed


def test_holidays_follow_the_date_of_the_called_person(fr: Profile) -> None:
    # At 09:30 UTC on 1 January Paris has its holiday; Nouméa's ended, and it is a Saturday there.
    first = datetime(2027, 1, 1, tzinfo=UTC)
    tahiti = ZoneInfo("Pacific/Tahiti")
    # Thursday 31 December, 15:00 in Tahiti, is 2 January 01:00 nowhere, and 1 January 01:00 UTC.
    found = open_intervals(fr, Place(tahiti), (), first, first + timedelta(hours=6))
    assert [(i.start.hour, i.end.hour) for i in found] == [(0, 6)]


def test_ballot_silence_from_the_eve_to_the_close(fr: Profile) -> None:
    # A Thursday ballot, so that the hours would be open on both days.
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18)),)
    assert opened(fr, date(2027, 3, 16), ballots=ballot) == WEEKDAY
    assert opened(fr, date(2027, 3, 17), ballots=ballot) == []
    assert opened(fr, date(2027, 3, 18), ballots=ballot) == ["18:00-20:00"]
    assert opened(fr, date(2027, 3, 19), ballots=ballot) == WEEKDAY


@pytest.mark.parametrize(
    ("closes", "whole_day", "minutes"),
    [
        (time(18), False, 18 * 60),
        (time(18, 30), False, 18 * 60 + 30),
        (time(0, 20), False, 20),
        # Midnight is that of the end of the day.
        (time(0), False, 24 * 60),
        (time(18, 30), True, 24 * 60),
        (time(0), True, 24 * 60),
    ],
)
def test_silence_ends_with_the_minute_in_which_the_polls_close(
    fr: Profile, closes: time, whole_day: bool, minutes: int
) -> None:
    rule = one(fr, BallotRule)
    assert isinstance(rule, BallotRule)
    silence = ballot_silence(
        replace(rule, whole_day=whole_day),
        Ballot(day=date(2027, 3, 18), closes=closes),
        Places(fr).of("", PARIS),
    )
    eve = datetime(2027, 3, 17, tzinfo=PARIS).timestamp()
    day = datetime(2027, 3, 18, tzinfo=PARIS).timestamp()
    assert silence == (eve, day + minutes * 60)


def test_a_ballot_silences_the_place_where_somebody_votes(fr: Profile) -> None:
    """The island's clock and days count there, whatever the box's own say."""
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18)),)
    for territory in ("", "reunion", "alsace-moselle"):
        there = {"zone": "Indian/Reunion", "territory": territory, "ballots": ballot}
        assert opened(fr, date(2027, 3, 16), **there) == WEEKDAY  # type: ignore[arg-type]
        assert opened(fr, date(2027, 3, 17), **there) == []  # type: ignore[arg-type]
        assert opened(fr, date(2027, 3, 18), **there) == ["18:00-20:00"]  # type: ignore[arg-type]


def test_a_ballot_silences_people_abroad_on_both_clocks(fr: Profile) -> None:
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18)),)
    # Paris closes at 18:00, which is 17:00 in London, 19:00 in Athens and 02:00 in Tokyo.
    assert opened(fr, date(2027, 3, 18), zone="Europe/London", ballots=ballot) == ["18:00-20:00"]
    assert opened(fr, date(2027, 3, 18), zone="Europe/Athens", ballots=ballot) == ["19:00-20:00"]
    assert opened(fr, date(2027, 3, 17), zone="Asia/Tokyo", ballots=ballot) == []
    assert opened(fr, date(2027, 3, 16), zone="Asia/Tokyo", ballots=ballot) == WEEKDAY


@pytest.mark.parametrize(
    ("zone", "number", "early"),
    [
        ("America/Guadeloupe", "", True),
        ("America/Martinique", "", True),
        ("America/Cayenne", "", True),
        ("America/Miquelon", "", True),
        ("America/St_Barthelemy", "", True),
        ("America/Marigot", "", True),
        ("Pacific/Tahiti", "", True),
        ("Pacific/Marquesas", "", True),
        ("Pacific/Gambier", "", True),
        # Embassies of the Americas, and a number of Martinique that lives in Paris.
        ("America/New_York", "", True),
        ("America/Sao_Paulo", "+33639980012", True),
        ("Europe/Paris", "+596696000000", True),
        ("Europe/Paris", "", False),
        ("Indian/Reunion", "", False),
        ("Indian/Mayotte", "", False),
        ("Pacific/Noumea", "", False),
        ("Pacific/Wallis", "", False),
        ("Europe/London", "", False),
    ],
)
def test_where_people_vote_on_saturday_silence_begins_on_friday(
    fr: Profile, zone: str, number: str, early: bool
) -> None:
    """Though only the Sunday is configured."""
    sunday = (Ballot(day=date(2027, 4, 11), closes=time(20)),)
    assert opened(fr, date(2027, 4, 8), zone=zone, number=number, ballots=sunday) == WEEKDAY
    friday = opened(fr, date(2027, 4, 9), zone=zone, number=number, ballots=sunday)
    assert friday == ([] if early else WEEKDAY)
    assert opened(fr, date(2027, 4, 12), zone=zone, number=number, ballots=sunday) == WEEKDAY


def test_ballot_of_one_territory_concerns_that_territory(fr: Profile) -> None:
    ballot = (Ballot(day=date(2027, 3, 18), closes=time(18), territory="polynesie-francaise"),)
    assert opened(fr, date(2027, 3, 18), ballots=ballot) == WEEKDAY
    for zone in ("Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"):
        assert opened(fr, date(2027, 3, 17), zone=zone, ballots=ballot) == []
        assert opened(fr, date(2027, 3, 16), zone=zone, ballots=ballot) == WEEKDAY
    # Nor does a box that stands there take its silence to Paris.
    at_home = {"territory": "polynesie-francaise", "ballots": ballot}
    assert opened(fr, date(2027, 3, 18), **at_home) == WEEKDAY  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        opened(
            fr,
            date(2027, 3, 18),
            ballots=(Ballot(day=date(2027, 3, 18), closes=time(18), territory="atlantis"),),
        )


def test_spanish_hours_holidays_weekends_and_eve() -> None:
    es = load_profile("es")
    madrid = "Europe/Madrid"
    assert opened(es, date(2027, 3, 15), zone=madrid) == ["09:00-21:00"]
    assert opened(es, date(2027, 3, 20), zone=madrid) == []
    assert opened(es, date(2027, 3, 21), zone=madrid) == []
    assert opened(es, date(2027, 10, 12), zone=madrid) == []
    # Of a community's own day the Canaries' number and zone tell; others are the operator's.
    assert opened(es, date(2028, 5, 30), zone="Atlantic/Canary") == []
    assert opened(es, date(2028, 5, 30), zone=madrid) == ["09:00-21:00"]
    assert opened(es, date(2028, 5, 30), zone=madrid, number="+34928000000") == []
    assert opened(es, date(2028, 5, 2), zone=madrid, territory="madrid") == []
    assert opened(es, date(2028, 5, 2), zone=madrid) == ["09:00-21:00"]
    thursday = (Ballot(day=date(2027, 3, 18), closes=time(20)),)
    assert opened(es, date(2027, 3, 16), zone=madrid, ballots=thursday) == ["09:00-21:00"]
    assert opened(es, date(2027, 3, 17), zone=madrid, ballots=thursday) == []
    # The whole day of the vote, beyond the close of the polls.
    assert opened(es, date(2027, 3, 18), zone=madrid, ballots=thursday) == []


def test_strict_is_never_wider_than_any_profile() -> None:
    strict = load_profile("strict")
    begin = datetime(2027, 3, 1, tzinfo=UTC)
    end = begin + timedelta(days=120)
    ballots = (
        Ballot(day=date(2027, 3, 18), closes=time(18)),
        Ballot(day=date(2027, 4, 11), closes=time(20)),
    )
    for zone in ("America/New_York", "Europe/Paris", "Asia/Tokyo", "Pacific/Gambier", "UTC"):
        for number in ("", "+33388000000", "+34928000000", "+596696000000", "+12125550100"):
            place = Places(strict).of(number, ZoneInfo(zone))
            ours = open_intervals(strict, place, ballots, begin, end)
            whole = [(i.start, i.end) for i in ours]
            every = [(begin, end)]
            for name in profile_names():
                if name != "strict":
                    profile = load_profile(name)
                    own = Places(profile).of(number, ZoneInfo(zone))
                    found = open_intervals(profile, own, ballots, begin, end)
                    every = [
                        (max(a, i.start), min(b, i.end))
                        for a, b in every
                        for i in found
                        if max(a, i.start) < min(b, i.end)
                    ]
            assert whole == every, (zone, number)


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


SUNDAY = Ballot(day=date(2027, 4, 11), closes=time(20))


@pytest.mark.parametrize(
    ("name", "silent"),
    [
        *[(name, False) for name in ("uk", "us", "de", "it", "ca")],
        *[(name, True) for name in ("fr", "es", "strict")],
    ],
)
def test_a_profile_without_a_rule_for_ballots_says_so(name: str, silent: bool) -> None:
    profile = load_profile(name)
    assert ballot_notes(profile, ()) == []
    said = " ".join(ballot_notes(profile, (SUNDAY,)))
    assert ("has no rule for ballots" in said) is not silent


def test_territories_that_vote_on_saturday_are_asked_for(fr: Profile) -> None:
    (note,) = ballot_notes(fr, (SUNDAY,))
    assert "ballot of 2027-04-11: guadeloupe, martinique, guyane," in note
    assert "polynesie-francaise" in note
    assert "reunion" not in note
    assert "vote on Saturday 2027-04-10" in note
    assert "begins on Friday 2027-04-09" in note
    saturday = replace(SUNDAY, day=date(2027, 4, 10))
    told = [replace(saturday, territory=name) for name in ("guadeloupe", "martinique")]
    (note,) = ballot_notes(fr, (SUNDAY, *told))
    assert "2027-04-11: guyane," in note
    # Of the ballot of one territory nothing is missing, and Spain votes on one day.
    assert ballot_notes(fr, tuple(told)) == []
    assert ballot_notes(load_profile("es"), (SUNDAY,)) == []
