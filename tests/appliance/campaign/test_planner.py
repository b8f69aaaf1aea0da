"""The survey's bounds: never later than the truth, and the same order as exact places."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.campaign.history import CampaignState
from appliance.campaign.planner import SURVEYED_PER_STEP, Planner
from appliance.clearance.gate import LawGate, Rules
from appliance.effects import Entry, Now
from appliance.law import CapRule, load_profile
from appliance.model import Consent, Contact, HexId, Outcome, Retry, Sketch, hex_id, hex_text

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
            timezone="Europe/Paris",
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
            timezone="Europe/Paris",
            purpose=one.purpose,
            given_at=one.given_at,
            windows=one.windows,
            valid_until=one.valid_until,
            proven=True,
        )

    def by_number(self, number: str) -> Contact | None:
        return None

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


def planner(people: Sequence[dict[str, object]], *, sketches: bool) -> Planner:
    retry = Retry(
        max_attempts=3,
        after={Outcome.BUSY: timedelta(minutes=10), Outcome.NO_ANSWER: timedelta(days=1)},
    )
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
