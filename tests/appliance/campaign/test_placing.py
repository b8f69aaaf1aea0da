"""Who is asked about at which instant, and what a refusal there means for their next chance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from appliance.campaign import inputs
from appliance.campaign.line_limits import LineLimits
from appliance.campaign.options import Options
from appliance.campaign.placing import DECISIONS_PER_STEP, RECONSIDER
from appliance.clearance.circumstances import Circumstances, FleetStanding, longest_call
from appliance.effects import Entry
from appliance.model import Consent, Contact, Decision, History, Interval, Timers, Verdict
from firmware import events
from tests.support.engine_bench import SCRIPT, T0, Box, OpenFleet, Registry, hours


class Asked(Registry):
    """Remembers how it was asked; ``refuses`` holds what it adds at the instant of the call."""

    def __init__(self, **spans: Interval) -> None:
        super().__init__(**spans)
        self.asked: list[Circumstances] = []
        self.who: list[str] = []
        self.refuses: tuple[Verdict, ...] = ()

    def decide(
        self,
        contact: Contact,
        consents: Sequence[Consent],
        history: History,
        circumstances: Circumstances,
    ) -> Decision:
        self.asked.append(circumstances)
        self.who.append(contact.subject)
        decision = super().decide(contact, consents, history, circumstances)
        if self.refuses:
            verdicts = (*decision.verdicts, *self.refuses)
            return Decision(verdicts=verdicts, clearance=None, next_chance=decision.next_chance)
        return decision


def no(rule: str, *, passes: bool) -> Verdict:
    """A refusal; one that *passes* names the instant at which it ends."""
    until = T0 + timedelta(hours=2) if passes else None
    return Verdict(rule=rule, allowed=False, reason=rule, until=until)


@pytest.mark.parametrize("limits", [False, True])
@pytest.mark.parametrize("fleet", [False, True])
@pytest.mark.parametrize("attended", [False, True])
@pytest.mark.parametrize("bench", [False, True])
def test_the_gate_is_asked_about_this_very_call(
    limits: bool, fleet: bool, attended: bool, bench: bool
) -> None:
    people = Asked(anna=hours(-1, 9))
    box = Box(
        people,
        attended=attended,
        bench=bench,
        fleet=OpenFleet() if fleet else None,
        options=Options(limits={"line-1": LineLimits(calls_per_day=9)} if limits else {}),
    )
    if attended:
        box.take(events.StartPressed(at=0.0))
    assert people.asked == [
        Circumstances(
            now=box.now(),
            stopped=False,
            paused=False,
            storage_ok=True,
            line_ready=True,
            bench=bench,
            pressed=attended,
            doubt="",
            call_seconds=longest_call(SCRIPT, Timers()),
            limit="" if limits else None,
            fleet=FleetStanding(barred=None, objected=False) if fleet else None,
        )
    ]


@pytest.mark.parametrize(
    ("refusals", "again"),
    [
        ((no("cap", passes=True),), True),
        ((no("cap", passes=True), no("rest", passes=True)), True),
        ((no("number", passes=False),), False),
        ((no("cap", passes=True), no("number", passes=False)), False),
    ],
)
def test_a_refusal_that_names_its_end_is_looked_at_again_after_five_minutes(
    refusals: tuple[Verdict, ...], again: bool
) -> None:
    people = Asked(anna=hours(1, 9))
    box = Box(people)
    people.refuses = refusals
    pause = RECONSIDER.total_seconds()
    rules = [verdict.rule for verdict in refusals]
    assert box.tick(3600.0) == ["call.refused"]
    assert box.last("call.refused").data == {"rules": rules}
    assert box.last("call.refused").subject == "anna"
    assert box.engine.refusals == ({} if again else dict.fromkeys(rules, 1))
    people.refuses = ()
    assert box.engine.wake_at(box.now()) == (3600.0 + pause if again else None)
    assert box.tick(pause - 0.001) == []
    assert box.tick(0.001) == (["call.authorised", "Dial"] if again else [])


def test_whoever_a_bench_line_refuses_is_called_on_a_real_one() -> None:
    """The gate of this bench refuses each call of a bench line for good."""
    box = Box(Asked(anna=hours(1, 9)), bench=(True, False))
    assert box.tick(3600.0) == ["call.authorised", "Dial"]
    assert box.last("call.authorised").data["line"] == "line-2"


def test_whoever_a_bench_line_refuses_waits_for_the_real_one_that_is_busy() -> None:
    box = Box(Asked(first=hours(-1, 9), anna=hours(1, 9)), bench=(True, False), ready=False)
    assert box.ready("line-2") == ["clock.trusted", "call.authorised", "Dial"]
    box.ready("line-1")
    box.take(inputs.Pause(by="Alix"))
    box.seconds = 3600.0
    assert box.take(inputs.Resume(by="Alix")) == ["dialling.resumed", "call.refused"]
    assert box.engine.refusals == {}
    box.end("a1", line="line-2")
    assert box.tick(RECONSIDER.total_seconds()) == ["call.authorised", "Dial"]
    assert box.last("call.authorised").subject == "anna"


def test_both_kinds_of_lines_are_asked_about_before_somebody_is_refused() -> None:
    people = Asked(anna=hours(1, 9))
    box = Box(people, bench=(True, True, False))
    people.refuses = (no("number", passes=False),)
    box.tick(3600.0)
    assert [asked.bench for asked in people.asked] == [True, False]
    assert box.engine.refusals == {"number": 1}


def test_a_step_asks_a_bounded_number_of_times() -> None:
    people = Asked(**{f"p{n:03}": hours(1, 9) for n in range(DECISIONS_PER_STEP + 1)})
    box = Box(people)
    people.refuses = (no("number", passes=False),)
    box.tick(3600.0)
    assert len(people.asked) == DECISIONS_PER_STEP
    box.tick()
    assert len(people.asked) == DECISIONS_PER_STEP + 1
    assert box.engine.refusals == {"number": DECISIONS_PER_STEP + 1}


def test_each_line_begins_one_call_in_one_step_and_no_line_two() -> None:
    people = Asked(**{f"p{n}": hours(1, 9) for n in range(5)})
    box = Box(people, lines=3)
    assert box.tick(3600.0) == ["call.authorised", "Dial"] * 3
    lines = [e.data["line"] for e in box.entries if e.kind == "call.authorised"]
    assert sorted(lines) == ["line-1", "line-2", "line-3"]
    assert len(set(people.who)) == 3


def test_whoever_left_the_registry_unsaid_is_passed_over() -> None:
    box = Box(Asked(anna=hours(1, 9), ben=hours(1, 9)))
    del box.registry.spans["anna"]
    assert box.tick(3600.0) == ["call.authorised", "Dial"]
    assert box.last("call.authorised").subject == "ben"


@pytest.mark.parametrize(("minutes", "again"), [(1, True), (-9, False), (-10, True)])
def test_whoever_was_called_elsewhere_meanwhile_waits_for_their_own_retry(
    minutes: int, again: bool
) -> None:
    """A row of the shell, after which nobody planned them anew. Busy is tried after ten minutes."""
    people = Asked(anna=hours(1, 9))
    box = Box(people)
    ended = T0 + timedelta(hours=1, minutes=minutes)
    count = 2 if minutes > 0 else 1
    rows = [
        Entry(
            seq=90 + n,
            at=ended,
            kind="fleet.attempt_elsewhere",
            subject="anna",
            data={
                "attempt": f"e{n}",
                "purpose": "survey",
                "outcome": "busy",
                "made_at": ended.isoformat(),
                "ended_at": ended.isoformat(),
            },
        )
        for n in range(count)
    ]
    box.engine.observe(rows, box.now())
    told = box.tick(3600.0)
    if minutes > 0:
        assert told == [], "all attempts are used"
        assert box.engine.planned == 0
    elif again:
        assert told == ["call.authorised", "Dial"], "the pause is over at this very second"
    else:
        assert told == []
        assert box.tick(60.0) == ["call.authorised", "Dial"]
