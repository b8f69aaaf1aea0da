"""The survey's bounds: never later than the truth, and the same order as exact places."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.campaign.history import CampaignState
from appliance.campaign.planner import (
    PLANS_PER_STEP,
    SETTLED_PER_STEP,
    SURVEYED_PER_STEP,
    Planner,
)
from appliance.clearance.gate import LawGate, Rules
from appliance.effects import Entry, Now
from appliance.law import CapRule, load_profile
from appliance.model import Consent, Contact, HexId, Outcome, Retry, Sketch, hex_id, hex_text
from firmware.events import AddressKind

NOW = datetime(2027, 3, 10, 9, 30, tzinfo=UTC)
WINDOWS = ("mon-sun 10:00-12:00", "mon-fri 10:00-11:00", "mon-fri 14:00-18:00", "sun 03:00-04:00")
PURPOSES = ("survey", "", "earlier")
PROFILE = load_profile("fr")
LAW = LawGate(Rules(purpose="survey", profile=PROFILE, max_attempts=3))
CALL_SECONDS = 120.0

person = st.fixed_dictionaries(
    {
        "windows": st.sampled_from(WINDOWS),
        "given": st.integers(-40, 2),
        "valid": st.sampled_from((None, 1, 3, 400)),
        "again": st.booleans(),
        "revoked": st.sampled_from((False, False, False, True)),
        "attempts": st.lists(
            st.tuples(
                st.integers(1, 100 * 24),
                st.sampled_from((*Outcome,)),
                st.sampled_from(PURPOSES),
            ),
            max_size=4,
        ),
    }
)


class Town:
    """People, with or without sketches of them."""

    zone = "Europe/Paris"

    def __init__(self, people: Sequence[dict[str, object]], *, sketches: bool) -> None:
        self._sketches = sketches
        self._consents: dict[str, list[Consent]] = {}
        for n, told in enumerate(people):
            subject = f"{n:032x}"
            given = NOW + timedelta(days=int(str(told["given"])))
            valid = told["valid"]
            until = NOW + timedelta(days=int(str(valid))) if valid is not None else None
            one = Consent(
                id=f"{n + 1000:032x}",
                subject=subject,
                purpose="survey",
                given_at=given,
                source="form",
                evidence="sheet",
                windows=str(told["windows"]),
                valid_until=until if until is None or until > given else None,
                recorded_at=given,
            )
            self._consents[subject] = [one, one] if told["again"] else [one]

    def subjects(self) -> Sequence[HexId]:
        return [hex_id(subject) for subject in self._consents]

    def contact(self, subject: str) -> Contact | None:
        return Contact(
            subject=subject,
            number="+33639980000",
            number_hash=f"hash-{subject}",
            name="",
            language="fr",
            timezone=self.zone,
        )

    def consents(self, subject: str) -> Sequence[Consent]:
        return self._consents[subject]

    def sketch(self, subject: HexId) -> Sketch | None:
        consents = self._consents[hex_text(subject)]
        if not self._sketches or len(consents) > 1:
            return None
        one = consents[0]
        contact = self.contact(hex_text(subject))
        assert contact is not None
        return Sketch(
            number=contact.number,
            timezone=self.zone,
            purpose=one.purpose,
            given_at=one.given_at,
            windows=one.windows,
            valid_until=one.valid_until,
            proven=bool(one.evidence),
        )

    def by_number(self, number: str) -> Contact | None:
        return None

    def possible(self, number: str, _kind: AddressKind, _iccid: str | None) -> tuple[str, ...]:
        return (number,) if number.startswith("+") else ()

    def message_id(self, mark: str) -> str:
        return hashlib.sha256(mark.encode()).hexdigest()[:32]

    def arriving(self, _: str, /) -> datetime | None:
        return None

    def number_hash(self, number: str) -> str | None:
        return None


def past(people: Sequence[dict[str, object]]) -> CampaignState:
    state = CampaignState()
    seq = 0

    def row(kind: str, subject: str, at: datetime, **data: object) -> None:
        nonlocal seq
        seq += 1
        state.apply(Entry(seq=seq, at=at, kind=kind, subject=subject, data=data))

    for n, told in enumerate(people):
        subject = f"{n:032x}"
        attempts = told["attempts"]
        assert isinstance(attempts, list)
        for k, (hours, outcome, purpose) in enumerate(sorted(attempts, reverse=True)):
            at = NOW - timedelta(hours=hours)
            attempt = f"{n * 100 + k:032x}"
            row("call.authorised", subject, at, attempt=attempt, purpose=purpose)
            row("call.ended", subject, at, attempt=attempt, outcome=outcome.value)
        if told["revoked"]:
            row("consent.revoked", subject, NOW - timedelta(days=1), by="key")
    return state


RETRY = Retry(
    max_attempts=3,
    after={Outcome.BUSY: timedelta(minutes=10), Outcome.NO_ANSWER: timedelta(days=1)},
)


def planner(
    people: Sequence[dict[str, object]], *, sketches: bool, retry: Retry = RETRY
) -> Planner:
    made = Planner(
        gate=LAW,
        people=Town(people, sketches=sketches),
        state=past(people),
        retry=retry,
        purpose="survey",
        call_seconds=CALL_SECONDS,
        bench=True,
    )
    made.everybody()
    return made


def at(hours: float) -> Now:
    when = timedelta(hours=hours)
    return Now(monotonic=when.total_seconds(), utc=NOW + when, trusted=True, source="test")


def drained(plan: Planner, now: Now) -> list[str]:
    found = []
    while (subject := plan.take(now)) is not None:
        if subject:
            found.append(subject)
    return found


@settings(max_examples=60, deadline=None)
@given(people=st.lists(person, max_size=12), hours=st.sampled_from((0.0, 1.2, 5.0, 29.0)))
def test_bounds_give_the_order_of_exact_places(
    people: list[dict[str, object]], hours: float
) -> None:
    surveyed, exact = planner(people, sketches=True), planner(people, sketches=False)
    for one in (surveyed, exact):
        one.portion(at(0.0))
        assert one.complete
    keys: dict[str, tuple[int, float]] = {}
    for key in exact._people.subjects():
        found = exact.scheduler._places.get(key)
        if found is not None:
            keys[hex_text(key)] = (found[2], found[1])
            bound = surveyed.scheduler._places[key]
            # Opening, latest start, attempts: none is later than the truth.
            assert all(b <= e for b, e in zip(bound[:3], found[:3], strict=True))
    first, second = drained(surveyed, at(hours)), drained(exact, at(hours))
    assert sorted(first) == sorted(second)
    assert [keys[s] for s in first] == [keys[s] for s in second]


@settings(max_examples=30, deadline=None)
@given(people=st.lists(person, max_size=8))
def test_settled_places_and_refusals_are_the_exact_ones(people: list[dict[str, object]]) -> None:
    surveyed, exact = planner(people, sketches=True), planner(people, sketches=False)
    for one in (surveyed, exact):
        while not one.settled:
            one.portion(at(0.0))
    assert surveyed.scheduler._places == exact.scheduler._places
    assert surveyed.refusals == exact.refusals


def test_the_law_of_these_tests_has_caps_so_that_bounds_differ() -> None:
    assert any(isinstance(rule, CapRule) for rule in PROFILE.enforced)


def test_calls_may_begin_before_the_bounds_are_exact() -> None:
    told: dict[str, object] = {
        "windows": "mon-sun 10:00-12:00",
        "given": -10,
        "valid": None,
        "again": False,
        "revoked": False,
        "attempts": [(24 * 2, Outcome.BUSY, "earlier")],
    }
    plan = planner([told] * (SURVEYED_PER_STEP + 1), sketches=True)
    known = []
    for _ in range(2):
        plan.portion(at(0.0))
        known.append((plan.complete, plan.settled))
    assert known == [(False, False), (True, False)]
    assert plan.take(at(0.0)) == f"{0:032x}"


def test_whoever_is_in_a_call_gets_no_place_from_the_survey() -> None:
    told: dict[str, object] = {
        "windows": "mon-sun 10:00-12:00",
        "given": -10,
        "valid": None,
        "again": False,
        "revoked": False,
        "attempts": [],
    }
    plan = planner([told, told], sketches=True)
    data = {"attempt": "a" * 32, "purpose": "survey"}
    begun = Entry(seq=1, at=NOW, kind="call.authorised", subject=f"{0:032x}", data=data)
    plan._state.apply(begun)
    plan.portion(at(0.0))
    assert drained(plan, at(0.0)) == [f"{1:032x}"]


def told(**changes: object) -> dict[str, object]:
    """One person as the histories above have them: callable every morning from 10 to 12."""
    plain: dict[str, object] = {
        "windows": "mon-sun 10:00-12:00",
        "given": -10,
        "valid": None,
        "again": False,
        "revoked": False,
        "attempts": [],
    }
    return plain | changes


def settled(plan: Planner, now: Now) -> Planner:
    while not plan.settled:
        plan.portion(now)
    return plan


ANNA, BEN = f"{0:032x}", f"{1:032x}"


@settings(max_examples=15, deadline=None)
@given(
    before=st.lists(person, max_size=6),
    after=st.lists(person, max_size=6),
    portions=st.integers(0, 3),
    hours=st.sampled_from((0.0, 1.2, 29.0, 24.0 * 9)),
)
def test_planning_everybody_anew_keeps_nothing_of_what_was(
    before: list[dict[str, object]], after: list[dict[str, object]], portions: int, hours: float
) -> None:
    """Also where the clock was ahead until then: hours that were looked up count no more."""
    plan = planner(before, sketches=True)
    plan.later([f"{n:032x}" for n in range(len(before))][:2])
    for _ in range(portions):
        plan.portion(at(hours))
    plan._people, plan._state = Town(after, sketches=True), past(after)
    plan.everybody()
    assert not plan.complete
    fresh = settled(planner(after, sketches=True), at(0.0))
    settled(plan, at(0.0))
    assert plan.scheduler._places == fresh.scheduler._places
    gone = {f"{n:032x}" for n in range(len(after), len(before))}
    kept = {s: rules for s, rules in plan._refused.items() if s not in gone}
    assert kept == fresh._refused


@pytest.mark.parametrize(
    ("attempts", "given", "due"),
    [
        # Hours ago, outcome; days since the newest consent; hours until the next attempt.
        ([], 10, "at once"),
        ([(2, Outcome.BUSY)], 10, -2 + 1 / 6),
        ([(2, Outcome.NO_ANSWER)], 10, 22.0),
        ([(30, Outcome.NO_ANSWER), (2, Outcome.BUSY)], 10, -2 + 1 / 6),
        # No rule names a pause after it.
        ([(2, Outcome.DECLINED)], 10, None),
        # Whatever the rules say.
        ([(2, Outcome.LISTENED)], 10, None),
        ([(2, Outcome.OPTED_OUT)], 10, None),
        ([(2, Outcome.UNKNOWN)], 10, None),
        # Who agrees anew after the last call asks to be called again.
        ([(48, Outcome.LISTENED)], 1, "at once"),
        ([(24, Outcome.LISTENED)], 1, None),
        ([(48, Outcome.BUSY)], 1, -48 + 1 / 6),
        # All attempts are used.
        ([(90, Outcome.BUSY), (60, Outcome.BUSY), (48, Outcome.BUSY)], 1, None),
        ([(60, Outcome.BUSY), (48, Outcome.BUSY)], 1, -48 + 1 / 6),
    ],
)
def test_when_the_next_attempt_is_due(
    attempts: list[tuple[int, Outcome]], given: int, due: float | str | None
) -> None:
    made = [(hours, outcome, "survey") for hours, outcome in attempts]
    people = [told(attempts=made, given=-given)]
    retry = Retry(
        max_attempts=3,
        after={
            Outcome.BUSY: timedelta(minutes=10),
            Outcome.NO_ANSWER: timedelta(days=1),
            Outcome.LISTENED: timedelta(minutes=1),
            Outcome.UNKNOWN: timedelta(minutes=1),
            Outcome.OPTED_OUT: timedelta(minutes=1),
        },
    )
    plan = planner(people, sketches=True, retry=retry)
    found = plan.due(plan._state.history(ANNA), plan._people.consents(ANNA))
    if due is None:
        assert found is None
    elif due == "at once":
        assert found is not None
        assert found < NOW - timedelta(days=365)
    else:
        assert isinstance(due, float)
        assert found == NOW + timedelta(hours=due)


def test_a_running_attempt_has_no_next_one() -> None:
    people = [told(attempts=[(2, Outcome.BUSY, "survey")])]
    plan = planner(people, sketches=True)
    data = {"attempt": "a" * 32, "purpose": "survey"}
    plan._state.apply(Entry(seq=9, at=NOW, kind="call.authorised", subject=ANNA, data=data))
    assert plan.due(plan._state.history(ANNA), plan._people.consents(ANNA)) is None
    settled(plan, at(0.0))
    assert (len(plan.scheduler), plan.refused) == (0, 0)


def test_a_retry_opens_when_its_pause_is_over_and_not_when_the_window_does() -> None:
    busy = told(attempts=[(0, Outcome.BUSY, "survey")])
    retry = Retry(max_attempts=3, after={Outcome.BUSY: timedelta(minutes=20)})
    for sketches in (True, False):
        plan = settled(planner([busy], sketches=sketches, retry=retry), at(0.0))
        ((opens, closes, attempts, _),) = plan.scheduler._places.values()
        assert opens == (NOW + timedelta(minutes=20)).timestamp()
        assert closes == datetime(2027, 3, 10, 11, tzinfo=UTC).timestamp() - CALL_SECONDS
        assert attempts == 1


def test_nobody_has_a_place_before_the_time_that_was_asked_for() -> None:
    plan = settled(planner([told()], sketches=True), at(0.0))
    later = NOW + timedelta(minutes=5)
    plan.plan(ANNA, at(0.0), later)
    ((opens, *_),) = plan.scheduler._places.values()
    assert opens == later.timestamp()


@pytest.mark.parametrize(("seconds", "whole"), [(0.0, True), (-1.0, False), (CALL_SECONDS, True)])
def test_a_consent_that_ends_in_the_window_leaves_room_for_a_whole_call(
    seconds: float, whole: bool
) -> None:
    """A call of its full length must still end before the consent does."""
    ends = datetime(2027, 3, 10, 9, 30, tzinfo=UTC) + timedelta(seconds=CALL_SECONDS + seconds)
    people = Town([told()], sketches=True)
    people._consents[ANNA] = [replace(people._consents[ANNA][0], valid_until=ends)]
    plan = planner([told()], sketches=True)
    plan._people = people
    settled(plan, at(0.0))
    assert (plan.take(at(0.0)) == ANNA) is whole


def test_a_place_that_passed_by_unused_is_planned_anew() -> None:
    plan = settled(planner([told(), told()], sketches=True), at(0.0))
    tomorrow = at(24.0)
    closed = datetime(2027, 3, 10, 11, tzinfo=UTC) - timedelta(seconds=CALL_SECONDS)
    last = at((closed - NOW).total_seconds() / 3600)
    assert plan.take(last) == ANNA, "the last instant at which a call may begin"
    assert plan.take(tomorrow) == "", "Ben's hour has passed: asked again"
    assert plan.take(tomorrow) == BEN
    assert plan.take(tomorrow) is None


def test_what_refuses_whom_is_counted_and_taken_back() -> None:
    plan = settled(
        planner([told(revoked=True), told(), told(revoked=True)], sketches=True), at(0.0)
    )
    assert plan.refusal_of(ANNA) != ()
    assert plan.refusal_of(BEN) == ()
    assert plan.refused == 2
    assert plan.refusals == dict.fromkeys(plan.refusal_of(ANNA), 2)
    assert "consent" in plan.refusals
    # Neither clock nor panel nor line is why: they may be otherwise tomorrow.
    assert not {"clock", "stop", "pause", "line", "attended", "storage"} & set(plan.refusals)
    newer = NOW + timedelta(hours=1)
    plan._people.consents(ANNA)[:] = [  # type: ignore[index]
        replace(plan._people.consents(ANNA)[0], given_at=newer, recorded_at=newer)
    ]
    plan.later([ANNA])
    assert (plan.complete, plan.settled) == (False, False)
    plan.portion(at(25.0))
    assert (plan.refused, plan.refusal_of(ANNA)) == (1, ())
    assert set(plan.refusals.values()) == {1}
    plan.park(BEN, ("line_kind",))
    assert plan.refusals["line_kind"] == 1
    assert hex_id(BEN) not in plan.scheduler


def test_whoever_waits_to_be_planned_has_no_place_meanwhile_and_a_portion_is_bounded() -> None:
    people = [told() for _ in range(PLANS_PER_STEP + 1)]
    plan = settled(planner(people, sketches=True), at(0.0))
    plan.later(f"{n:032x}" for n in range(len(people)))
    assert len(plan.scheduler) == 0
    assert plan.take(at(0.0)) is None
    plan.portion(at(0.0))
    assert len(plan.scheduler) == PLANS_PER_STEP
    assert not plan.complete
    plan.portion(at(0.0))
    assert (len(plan.scheduler), plan.complete) == (PLANS_PER_STEP + 1, True)


def test_the_second_pass_is_bounded_too() -> None:
    earlier = [(24 * 2, Outcome.BUSY, "earlier")]
    people = [told(attempts=earlier) for _ in range(2 * SETTLED_PER_STEP)]
    plan = planner(people, sketches=True)
    plan.portion(at(0.0))
    for left in (2 * SETTLED_PER_STEP, SETTLED_PER_STEP, 0):
        assert (len(plan._bounds), plan.settled) == (left, False)
        plan.portion(at(0.0))
    assert plan.settled


def test_whoever_lives_in_no_known_zone_has_no_place_and_is_counted() -> None:
    for sketches in (True, False):
        plan = planner([told()], sketches=sketches)
        assert isinstance(plan._people, Town)
        plan._people.zone = "Mars/Olympus"
        plan.portion(at(0.0))
        assert len(plan.scheduler) == 0
        assert "zone" in settled(plan, at(0.0)).refusals


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"purpose": "other"}, "consent"),
        ({"evidence": ""}, "consent"),
        ({"valid_until": NOW - timedelta(days=1)}, "consent"),
        ({"given_at": NOW + timedelta(seconds=1)}, None),
        ({"given_at": NOW}, ""),
    ],
)
def test_the_survey_gives_nobody_a_place_on_hours_alone_who_has_no_live_consent(
    change: dict[str, object], rule: str | None
) -> None:
    """None: not yet, and nothing lasting refuses them; empty: a place like everybody's."""
    plan = planner([told()], sketches=True)
    assert isinstance(plan._people, Town)
    agreed = plan._people._consents
    agreed[ANNA] = [replace(agreed[ANNA][0], **change)]  # type: ignore[arg-type]
    plan.portion(at(0.0))
    assert plan.complete
    assert (len(plan.scheduler) == 1) is (rule == "")
    settled(plan, at(0.0))
    assert (rule in plan.refusals) is bool(rule)


def test_whose_turn_has_not_come_by_all_rules_is_given_their_true_place() -> None:
    """An hour's rest after a call for another purpose, of which the survey knows nothing."""
    plan = planner([told(attempts=[(0, Outcome.NO_ANSWER, "earlier")])], sketches=True)
    plan.portion(at(0.0))
    assert plan.take(at(0.0)) == "", "made exact, and not due yet"
    assert plan.take(at(0.0)) is None
    ((opens, *_),) = plan.scheduler._places.values()
    assert opens == (NOW + timedelta(hours=1)).timestamp()
    assert plan.take(at(1.0)) == ANNA


def test_a_consent_that_ends_within_the_hours_closes_them() -> None:
    """Half a minute before they end: what the hours alone give would be too late a start."""
    people = Town([told()], sketches=True)
    ends = datetime(2027, 3, 10, 10, 59, 30, tzinfo=UTC)
    people._consents[ANNA] = [replace(people._consents[ANNA][0], valid_until=ends)]
    plan = planner([told()], sketches=True)
    plan._people = people
    plan.portion(at(0.0))
    ((_, closes, *_),) = plan.scheduler._places.values()
    assert closes == ends.timestamp() - CALL_SECONDS


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("why", ["gone", "in a call", "used up", "used up elsewhere"])
def test_whoever_has_no_next_attempt_loses_place_and_refusal(why: str, refused: bool) -> None:
    plan = settled(planner([told()], sketches=True), at(0.0))
    if refused:
        plan.park(ANNA, ("number",))
        plan.scheduler.place(hex_id(ANNA), 0.0, 1.0, 0)
    assert (len(plan.scheduler), plan.refused) == (1, int(refused))
    if why == "gone":
        plan._people.contact = lambda _subject: None  # type: ignore[method-assign, assignment]
    else:
        for n in range(3):
            subject = f"{9:032x}" if why == "used up elsewhere" else ANNA
            data = {"attempt": f"{n + 50:032x}", "purpose": "survey", "outcome": "busy"}
            for kind in ("call.authorised", "call.ended"):
                if why != "in a call" or (n == 0 and kind == "call.authorised"):
                    row = Entry(seq=9, at=NOW, kind=kind, subject=subject, data=data)
                    plan._state.apply(row)
        if why == "used up elsewhere":
            # An earlier registration of the same number, since erased.
            gone = {"number_hash": f"hash-{ANNA}", "by": "retention"}
            plan._state._people.forget(f"{9:032x}", gone["number_hash"])
    plan.plan(ANNA, at(1.0))
    assert (len(plan.scheduler), plan.refused, plan.refusals) == (0, 0, {})


def test_only_what_lasts_is_why_somebody_has_no_chance() -> None:
    """The rest after a call refuses as well, and ends within the hour."""
    calls = [(0, Outcome.NO_ANSWER, "earlier")]
    plan = settled(planner([told(revoked=True, attempts=calls)], sketches=True), at(0.0))
    lasting = plan.refusal_of(ANNA)
    assert "consent" in lasting
    assert lasting == settled(planner([told(revoked=True)], sketches=True), at(0.0)).refusal_of(
        ANNA
    )
    plan.plan(ANNA, replace(at(0.0), trusted=False))
    assert plan.refusal_of(ANNA) == lasting, "nor is the clock, which may be believed then"
