"""What a box asks its fleet and does with each answer: rows and orders, compared whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from appliance.campaign import claims, inputs
from appliance.campaign.fleet_inputs import (
    ClaimDenied,
    ClaimGranted,
    FleetResumed,
    FleetStopped,
    NameObjections,
    ObjectedElsewhere,
)
from appliance.campaign.line_limits import LineLimits
from appliance.campaign.options import Options
from appliance.effects import AskClaim, Effect, Entry, Record
from appliance.model import Attempt, AttemptElsewhere, Consent, Outcome, Revocation
from firmware.events import StopRaised
from tests.support.engine_bench import T0, Box, Registry, hours

ANNA = f"{1:032x}"
BEN = f"{2:032x}"
CARL = f"{3:032x}"


def pid(n: int) -> str:
    """The pseudonym of the *n*-th person."""
    return f"{n:015x}0"


class Fleet:
    """Says what the test has it say, and counts whom it is asked about."""

    def __init__(self) -> None:
        self.bars: str | None = None
        self.objections: dict[str, datetime] = {}
        self.looked = 0

    def barred(self) -> str | None:
        return self.bars

    def pseudonym(self, number: str) -> str:
        self.looked += 1
        return pid(int(number[-4:]))

    def objected(self, pid: str) -> datetime | None:
        return self.objections.get(pid)

    @property
    def heard(self) -> int:
        return len(self.objections)


def box(fleet: Fleet | None = None, *people: str, **more: Any) -> Box:
    registry = Registry(**dict.fromkeys(people or (ANNA,), hours(-1, 100)))
    return Box(registry, fleet=fleet or Fleet(), **more)


def records(effects: list[Effect]) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(e.kind, e.subject, e.data) for e in effects if isinstance(e, Record)]


def granted(attempt: str, dial_by: float = 10.0) -> ClaimGranted:
    return ClaimGranted(attempt=attempt, sequence=7, number=1, dial_by=dial_by)


def test_the_row_and_the_question_say_the_same() -> None:
    made = box()
    ask = AskClaim(attempt="a1", line="line-1", pid=pid(0), at=T0)
    assert made.effects[-2:] == [
        Record(
            kind="fleet.claim_asked",
            subject=ANNA,
            data={"attempt": "a1", "line": "line-1", "pid": ask.pid, "number": 1},
        ),
        ask,
    ]
    assert made.engine.claims_running == 1
    assert not made.engine.finished(made.now())
    assert made.engine.wake_at(made.now()) == 30.0, "a claim without an answer is given up then"
    assert made.engine.why_idle(made.now()).code == "busy"


def test_what_was_made_already_is_told_with_the_question() -> None:
    entries = [
        Entry(seq=n + 1, at=T0 - timedelta(hours=2 - n), kind=kind, subject=ANNA, data=dict(data))
        for n, (kind, data) in enumerate(
            [
                ("call.authorised", {"attempt": "b1", "purpose": "survey"}),
                ("call.ended", {"attempt": "b1", "outcome": "busy"}),
            ]
        )
    ]
    made = box(entries=entries)
    *_, row, ask = made.effects
    assert isinstance(row, Record)
    assert isinstance(ask, AskClaim)
    assert row.data["number"] == 2
    assert ask.known == (
        Attempt(
            id="b1",
            authorised_at=T0 - timedelta(hours=2),
            outcome=Outcome.BUSY,
            ended_at=T0 - timedelta(hours=1),
            purpose="survey",
        ),
    )


@pytest.mark.parametrize(("late", "dials"), [(-1.0, True), (0.0, True), (0.001, False)])
def test_a_grant_dials_up_to_its_end(late: float, dials: bool) -> None:
    made = box()
    told = made.take(granted("a1", dial_by=5.0), after=5.0 + late)
    if dials:
        assert told == ["call.authorised", "Dial"]
        assert made.last("call.authorised").data["claim"] == {
            "pid": pid(0),
            "number": 1,
            "sequence": 7,
        }
        return
    assert records(made.effects) == [
        (
            "fleet.claim_unused",
            ANNA,
            {
                "attempt": "a1",
                "purpose": "survey",
                "reason": "late",
                "claim": {"pid": pid(0), "number": 1, "sequence": 7},
            },
        )
    ]
    assert [a.outcome for a in made.engine.state.history(ANNA).attempts] == [Outcome.FAILED]
    assert made.engine.claims_running == 0


def test_a_grant_of_nothing_asked_for_changes_nothing() -> None:
    made = box()
    assert made.take(granted("a9")) == []
    assert made.take(ClaimDenied(attempt="a9", reason="claimed", sequence=3)) == []
    assert made.engine.claims_running == 1


@pytest.mark.parametrize(
    ("sequence", "kind", "told"),
    [
        (0, "fleet.claim_refused", {"reason": "claimed", "detail": "by south"}),
        (
            4,
            "fleet.claim_unused",
            {
                "purpose": "survey",
                "reason": "claimed",
                "claim": {"pid": pid(0), "number": 2, "sequence": 4},
            },
        ),
    ],
)
def test_a_refusal_counts_only_where_the_log_has_a_claim(
    sequence: int, kind: str, told: dict[str, Any]
) -> None:
    made = box()
    made.take(
        ClaimDenied(attempt="a1", reason="claimed", detail="by south", number=2, sequence=sequence)
    )
    assert records(made.effects) == [(kind, ANNA, {"attempt": "a1"} | told)]
    assert len(made.engine.state.history(ANNA).attempts) == (sequence > 0)


@pytest.mark.parametrize(("seconds", "given_up"), [(29.999, False), (30.0, True), (31.0, True)])
def test_a_question_without_an_answer_is_given_up_in_time(seconds: float, given_up: bool) -> None:
    made = box()
    told = made.tick(seconds)
    assert told == (["fleet.claim_refused"] if given_up else [])
    assert made.engine.claims_running == (not given_up)


@pytest.mark.parametrize(
    ("reason", "pause"),
    [("claimed", 300.0), ("objected", 300.0), ("late", 30.0), ("no_answer", 30.0)],
)
def test_who_is_refused_is_asked_for_again_after_the_documented_pause(
    reason: str, pause: float
) -> None:
    made = box()
    made.take(ClaimDenied(attempt="a1", reason=reason))
    assert made.engine.wake_at(made.now()) == pause
    assert made.tick(pause - 0.001) == []
    assert made.tick(0.001) == ["fleet.claim_asked", "ask claim"]


AT = T0 - timedelta(hours=24)


@pytest.mark.parametrize(
    ("one", "outcome", "ended_at"),
    [
        (
            {"ended": True, "outcome": Outcome.BUSY, "ended_at": AT + timedelta(minutes=2)},
            "busy",
            2,
        ),
        ({"ended": True, "outcome": Outcome.BUSY}, "busy", 0),
        ({"ended": True}, "failed", 0),  # nobody was dialled
        ({}, "unknown", 0),  # a day ago, and no end
        ({"at": AT + timedelta(seconds=1)}, None, 0),  # a call may be under way
        ({"at": AT + timedelta(seconds=1), "prior": True}, "unknown", 1 / 60),
        ({"at": AT - timedelta(seconds=1)}, "unknown", -1 / 60),
    ],
)
def test_an_attempt_of_another_box_counts_once_its_end_is_known(
    one: dict[str, Any], outcome: str | None, ended_at: float
) -> None:
    made = box()
    told: dict[str, Any] = {"number": 1, "box": "south", "attempt": "s1", "at": AT}
    there = AttemptElsewhere(**told | one)
    made.take(ClaimDenied(attempt="a1", reason="claimed", elsewhere=(there,)))
    refused = ("fleet.claim_refused", ANNA, {"attempt": "a1", "reason": "claimed", "detail": ""})
    expected = (
        []
        if outcome is None
        else [
            (
                "fleet.attempt_elsewhere",
                ANNA,
                {
                    "attempt": "s1",
                    "purpose": "survey",
                    "box": "south",
                    "number": 1,
                    "made_at": there.at.isoformat(),
                    "ended_at": (AT + timedelta(minutes=ended_at)).isoformat(),
                    "outcome": outcome,
                },
            )
        ]
    )
    assert records(made.effects) == [*expected, refused]


def test_headquarters_stop_and_go() -> None:
    fleet = Fleet()
    made = box(fleet)
    made.take(granted("a1"))
    fleet.bars = "headquarters stopped it"
    assert made.take(FleetStopped(by="hq", reason="r", epoch=3, hang_up=False)) == ["fleet.stopped"]
    assert made.effects == [
        Record(
            kind="fleet.stopped",
            data={"by": "hq", "reason": "r", "epoch": 3, "hang_up": False},
        )
    ]
    assert made.take(FleetStopped(by="hq", reason="r", epoch=3)) == ["HangUp", "fleet.stopped"]
    made.end("a1")
    assert made.engine.why_idle(made.now()).code == "fleet"
    fleet.bars = None
    assert made.take(FleetResumed(by="hq", reason="over", epoch=4))[0] == "fleet.resumed"
    assert made.effects[0] == Record(
        kind="fleet.resumed", data={"by": "hq", "reason": "over", "epoch": 4}
    )


def consent(subject: str, given: float) -> Consent:
    at = T0 + timedelta(minutes=given)
    return Consent(
        id="c",
        subject=subject,
        purpose="survey",
        given_at=at,
        source="form",
        evidence="sheet",
        windows="mon-sun 00:00-24:00",
        valid_until=None,
        recorded_at=at,
    )


@pytest.mark.parametrize(
    ("given", "known", "revokes"),
    [
        (None, None, True),
        (-61, None, True),
        (-60, None, True),  # at the instant of the objection: the objection wins
        (-59, None, False),  # agreed since
        (-90, -70, False),  # known here already
        (-90, -90, False),
        (None, -70, False),
        (-65, -70, True),  # agreed after what is known, and objected there after that
    ],
)
def test_an_objection_elsewhere_is_recorded_once_unless_somebody_agreed_since(
    given: float | None, known: float | None, revokes: bool
) -> None:
    fleet = Fleet()
    heard = T0 - timedelta(minutes=60)
    fleet.objections[pid(0)] = heard
    entries = []
    if known is not None:
        said = (T0 + timedelta(minutes=known)).isoformat()
        data = {"by": "sms", "number_hash": f"hash-{ANNA}", "said_at": said}
        at = T0 - timedelta(minutes=30)
        entries = [Entry(seq=1, at=at, kind="consent.revoked", subject=ANNA, data=data)]
    registry = Registry(**{ANNA: hours(-1, 9)})
    if given is not None:
        registry.given[ANNA] = [consent(ANNA, given)]
    made = Box(registry, fleet=fleet, entries=entries, ready=False)
    assert made.engine.wake_at(made.now()) == 0.0, "somebody is to be looked at"
    told = made.tick()
    made.tick()
    rows = [e for e in made.entries if e.kind == "consent.revoked" and e.data["by"] == "fleet"]
    assert [e.data for e in rows] == [
        {
            "by": "fleet",
            "number_hash": f"hash-{ANNA}",
            "pid": pid(0),
            "heard_at": heard.isoformat(),
        }
    ] * revokes
    assert ("store revocation" in told) is revokes
    assert made.engine.wake_at(made.now()) is None


def test_a_look_at_everybody_is_bounded() -> None:
    """A hundred people a step, the same again after an import; nobody where nobody objected."""
    fleet = Fleet()
    made = box(fleet, *(f"{n:032x}" for n in range(250)), ready=False)
    made.tick()
    made.tick()
    assert fleet.looked == 0
    fleet.objections["f" * 16] = T0
    made.take(ObjectedElsewhere(pid="f" * 16, at=T0, box="south"))
    seen = [fleet.looked]
    for _ in range(4):
        made.tick()
        seen.append(fleet.looked)
    assert seen == [100, 200, 250, 250, 250]
    # Everybody's name is known now: an objection costs a look at one.
    fleet.objections[pid(7)] = T0
    made.take(ObjectedElsewhere(pid=pid(7), at=T0, box="south"))
    assert made.last("consent.revoked").subject == f"{7:032x}"
    # Once to look, once to write the row's name.
    assert fleet.looked == 252
    made.take(inputs.PeopleChanged(subjects=()))
    for _ in range(3):
        made.tick()
    assert fleet.looked == 502


def test_many_objections_at_once_are_looked_up_in_portions() -> None:
    fleet = Fleet()
    made = box(fleet, *(f"{n:032x}" for n in range(150)), ready=False)
    fleet.objections["f" * 16] = T0
    made.take(ObjectedElsewhere(pid="f" * 16, at=T0, box="south"))
    made.tick()
    made.tick()
    claims_of = made.engine._claims
    assert claims_of is not None
    scanning = [claims_of.scanning]
    for n in range(150):
        fleet.objections[pid(n)] = T0
        claims_of.take(ObjectedElsewhere(pid=pid(n), at=T0, box="south"), made.now())
    revoked = []
    for _ in range(2):
        scanning.append(claims_of.scanning)
        revoked.append(made.tick().count("consent.revoked"))
    assert revoked == [100, 50]
    assert [*scanning, claims_of.scanning] == [False, True, True, False]
    assert made.engine.wake_at(made.now()) is None


def test_who_objects_elsewhere_while_the_fleet_is_asked_is_not_called() -> None:
    fleet = Fleet()
    made = box(fleet, ANNA, BEN)
    fleet.objections[pid(0)] = T0
    made.take(ObjectedElsewhere(pid=pid(0), at=T0, box="south"))
    assert [who for who, _, _ in made.engine.upcoming(5)] == [BEN]
    made.take(granted("a1"))
    assert made.called() == []
    assert made.last("fleet.claim_unused").data["attempt"] == "a1"


@pytest.mark.parametrize(
    ("revoked", "given", "named"),
    [
        (False, None, False),
        (False, -31, False),
        (True, None, True),
        (True, -31, True),
        (True, -30 + 1 / 60_000, True),  # at its very instant: a withdrawal counts a moment later
        (True, -30 + 1.001 / 60_000, False),
        (True, -29, False),
    ],
)
def test_an_objection_from_before_the_fleet_is_named_unless_it_was_taken_back(
    revoked: bool, given: float | None, named: bool
) -> None:
    at = T0 - timedelta(minutes=30)
    entries = []
    if revoked:
        data = {"by": "key", "number_hash": f"hash-{ANNA}"}
        entries = [Entry(seq=1, at=at, kind="consent.revoked", subject=ANNA, data=data)]
    registry = Registry(**{ANNA: hours(-1, 9)})
    if given is not None:
        registry.given[ANNA] = [consent(ANNA, given)]
    made = Box(registry, fleet=Fleet(), entries=entries, ready=False)
    made.take(NameObjections(subjects=(ANNA, "nobody")))
    said: dict[str, Any] = {"pid": None}
    if named:
        known = Revocation(at=at + timedelta(milliseconds=1), by="key")
        said = {"pid": pid(0), "by": "key", "said_at": known.at.isoformat()}
    assert [(e.subject, e.data) for e in made.entries if e.kind == "fleet.objection"] == [
        (ANNA, said),
        ("nobody", {"pid": None}),
    ]


def test_nobody_is_looked_at_while_nothing_can_be_recorded_or_dated() -> None:
    for spoil in ("clock", "disk"):
        fleet = Fleet()
        fleet.objections["f" * 16] = T0
        made = box(fleet, ready=False)
        made.trusted = spoil != "clock"
        if spoil == "disk":
            made.take(inputs.StorageFailed(detail="full"))
        seen = fleet.looked
        made.tick()
        assert fleet.looked == seen
        assert made.engine.wake_at(made.now()) is None


def test_documented_figures() -> None:
    """docs/fleet.md and the page on claims say these."""
    assert timedelta(minutes=5) == claims.RECONSIDER
    assert timedelta(seconds=30) == claims.ASK_AGAIN
    assert timedelta(hours=24) == claims.LOST
    assert claims.SCANNED_PER_STEP == 100


@pytest.mark.parametrize(("who", "ends"), [(0, True), (1, False)])
def test_an_objection_elsewhere_ends_the_call_with_that_person_alone(who: int, ends: bool) -> None:
    fleet = Fleet()
    made = box(fleet, ANNA, BEN)
    assert made.take(granted("a1")) == ["call.authorised", "Dial"]
    fleet.objections[pid(who)] = T0
    told = made.take(ObjectedElsewhere(pid=pid(who), at=T0, box="south"))
    assert ("HangUp" in told) is ends


def scanned(fleet: Fleet, *people: str) -> Box:
    """A box that knows by what names the fleet knows everybody."""
    made = box(fleet, *people, ready=False)
    fleet.objections["f" * 16] = T0
    made.take(ObjectedElsewhere(pid="f" * 16, at=T0, box="south"))
    made.tick()
    assert made.engine.wake_at(made.now()) is None
    return made


def test_an_import_is_looked_through_only_where_somebody_objected() -> None:
    for objected, looked in ((0, 0), (1, 3)):
        fleet = Fleet()
        made = box(fleet, *(f"{n:032x}" for n in range(3)), ready=False)
        made.tick()
        fleet.objections.update({"f" * 16: T0} if objected else {})
        made.take(inputs.PeopleChanged(subjects=()))
        made.tick()
        assert fleet.looked == looked


def test_a_newcomer_who_objected_elsewhere_is_found_whoever_was_known_before() -> None:
    fleet = Fleet()
    made = scanned(fleet, ANNA)
    fleet.objections.clear()
    made.registry.spans[BEN] = hours(-1, 9)
    made.take(inputs.PeopleChanged(subjects=(BEN,)))
    fleet.objections[pid(1)] = T0
    told = made.take(ObjectedElsewhere(pid=pid(1), at=T0, box="south")) + made.tick()
    assert "consent.revoked" in told
    assert made.last("consent.revoked").subject == BEN


def test_an_objection_of_somebody_unknown_costs_no_look_at_anybody() -> None:
    fleet = Fleet()
    made = scanned(fleet, ANNA, BEN)
    seen = fleet.looked
    fleet.objections["e" * 16] = T0
    assert made.take(ObjectedElsewhere(pid="e" * 16, at=T0, box="south")) == []
    assert made.tick() == []
    assert fleet.looked == seen


def test_a_name_that_is_somebody_elses_by_now_is_looked_for_among_all() -> None:
    fleet = Fleet()
    made = scanned(fleet, ANNA, BEN, CARL)
    # Numbers follow places here: without Anna, Carl has the number that was Ben's.
    del made.registry.spans[ANNA]
    fleet.objections[pid(1)] = T0
    told = made.take(ObjectedElsewhere(pid=pid(1), at=T0, box="south"))
    told += made.tick()
    assert told.count("consent.revoked") == 1
    assert made.last("consent.revoked").subject == CARL


def test_whoever_left_the_registry_is_nobody_to_look_at() -> None:
    fleet = Fleet()
    made = scanned(fleet, ANNA, BEN)
    del made.registry.spans[BEN]
    fleet.objections[pid(1)] = T0
    assert made.take(ObjectedElsewhere(pid=pid(1), at=T0, box="south")) == []
    assert made.tick() == []


def test_an_attempt_that_nobody_made_is_planned_anew_like_one_that_was_refused() -> None:
    """It counts as failed; whoever agrees after it may be asked about again."""
    registry = Registry(**{ANNA: hours(-1, 9)})
    registry.given[ANNA] = [consent(ANNA, 30)]
    made = Box(registry, fleet=Fleet())
    made.take(granted("a1", dial_by=5.0), after=6.0)
    assert made.last("fleet.claim_unused").data["reason"] == "late"
    assert made.engine.wake_at(made.now()) == 306.0


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("erased", "erased"),
        ("retired", "ending"),
        ("stopped", "stop"),
        ("contact", "stop"),
        ("line lost", "line"),
        ("limit", "limit"),
    ],
)
def test_a_grant_is_no_order_where_something_came_between(spoil: str, why: str) -> None:
    fleet = Fleet()
    limits = {"line-1": LineLimits(calls_per_day=1)} if spoil == "limit" else {}
    made = box(fleet, options=Options(limits=limits))
    if spoil == "erased":
        made.registry.spans.clear()
    elif spoil == "retired":
        made.engine.retire()
    elif spoil == "stopped":
        made.take(StopRaised(at=0.0, source="command"))
    elif spoil == "contact":
        made.take(StopRaised(at=0.0, source="button"))
        reset = Entry(seq=99, at=T0, kind="stop.reset", subject=None, data={})
        made.engine.observe([reset], made.now())
    elif spoil == "line lost":
        made.fault()
    else:
        data = {"attempt": "b1", "line": "line-1"}
        row = Entry(seq=99, at=T0, kind="call.authorised", subject=BEN, data=data)
        made.engine.observe([row], made.now())
    assert "Dial" not in made.take(granted("a1"))
    assert made.last("fleet.claim_unused").data["reason"] == why
    assert made.called() == []


def test_what_the_fleet_never_says_is_not_passed_over() -> None:
    claims_of = box().engine._claims
    assert claims_of is not None
    with pytest.raises(AssertionError):
        claims_of.take("granted", box().now())  # type: ignore[arg-type]
