"""Whole campaigns from a seed, judged by an auditor that shares no code with the box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.call import attempt
from appliance.call.outcome import End, Facts, outcome
from appliance.campaign.withdrawals import Withdrawals
from appliance.model import Outcome
from firmware.events import Cause
from tests.rigs import simulated_shell
from tests.rigs.campaign_auditor import Row, audit
from tests.rigs.simulated_campaign import Setting, World, simulate
from tests.rigs.simulated_people import ORIGIN


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    people=st.integers(0, 8),
    lines=st.integers(1, 3),
    attended=st.booleans(),
    max_attempts=st.integers(1, 4),
    trouble=st.sampled_from([0.0, 1.0, 8.0]),
    loss=st.sampled_from([0.0, 0.1]),
)
def test_no_law_is_ever_broken(
    seed: int,
    people: int,
    lines: int,
    attended: bool,
    max_attempts: int,
    trouble: float,
    loss: float,
) -> None:
    result = simulate(
        Setting(
            seed=seed,
            people=people,
            lines=lines,
            attended=attended,
            max_attempts=max_attempts,
            trouble=trouble,
            loss=loss,
            days=2,
        )
    )
    assert result.breaches == []


def test_one_seed_gives_one_run() -> None:
    setting = Setting(seed=7, people=6, trouble=4.0, days=1)
    assert simulate(setting).entries == simulate(setting).entries


def test_every_outcome_happens() -> None:
    result = simulate(Setting(seed=3, people=120, lines=4, trouble=2.0, max_attempts=2, days=2))
    assert result.breaches == []
    assert set(result.outcomes) == {outcome.value for outcome in Outcome}


def test_a_quiet_run_ends_by_itself() -> None:
    assert simulate(Setting(seed=1, people=10, trouble=0.0)).finished


def _audited(world: World, rows: list[Row], max_attempts: int = 3) -> list[str]:
    return audit(
        rows,
        world._people.registered(),
        world._log,
        world._callers,
        origin=ORIGIN,
        max_attempts=max_attempts,
        attended=False,
        finished=True,
    )


def test_the_auditor_sees_each_breach() -> None:
    """An auditor that never complains proves nothing: take its evidence away, piece by piece."""
    world = World(Setting(seed=5, people=12, trouble=0.0, loss=0.0))
    result = world.run()
    rows = [Row(e.seq, e.at, e.kind, e.subject, e.data) for e in result.entries]
    assert _audited(world, rows) == []
    first_end = next(row for row in rows if row.kind == "call.ended")
    first_clearance = next(row for row in rows if row.kind == "call.authorised")
    revoked = replace(first_clearance, kind="consent.revoked", data={"by": "sms"})
    stop = replace(first_clearance, kind="stop.pressed", subject=None, data={})
    lost = replace(stop, kind="clock.lost")
    place = rows.index(first_clearance)
    cases: list[tuple[str, list[Row]]] = [
        ("no unused clearance", [r for r in rows if r is not first_clearance]),
        ("second outcome", [*rows, first_end]),
        ("no outcome", [r for r in rows if r is not first_end]),
        ("stop", [*rows[:place], stop, *rows[place:]]),
        ("untrusted", [*rows[:place], lost, *rows[place:]]),
        ("no live consent", [*rows[:place], revoked, *rows[place:]]),
        ("without key 1", [r for r in rows if r.kind != "call.key"]),
        ("before it was on disk", [r for r in rows if r.kind != "consent.revoked"]),
    ]
    for words, tampered in cases:
        assert any(words in breach for breach in _audited(world, tampered)), words
    assert any("above the cap" in breach for breach in _audited(world, rows, max_attempts=0))
    for call in world._log:
        call.dialled_at += timedelta(hours=12).total_seconds()
    assert any("hours" in breach for breach in _audited(world, rows))


def test_the_auditor_sees_what_goes_wrong_with_callers() -> None:
    world = World(Setting(seed=11, people=4, trouble=40.0, loss=0.0, days=2))
    result = world.run()
    rows = [Row(e.seq, e.at, e.kind, e.subject, e.data) for e in result.entries]
    assert _audited(world, rows) == []
    assert any(caller.answered_rows for caller in world._callers)
    assert any(clip == "opted" for caller in world._callers for _, _, clip in caller.clips)
    silent = [r for r in rows if r.kind != "consent.revoked"]
    assert any("caller's objection" in breach for breach in _audited(world, silent))
    stop = replace(rows[0], kind="stop.pressed", subject=None, data={})
    latched = [stop, *(r for r in rows if r.kind != "stop.reset")]
    assert any("answered" in breach for breach in _audited(world, latched))
    for caller in world._callers:
        caller.line, caller.dialled_at, caller.ended_at = world._log[0].line, 0.0, None
    assert any("beside a caller" in breach for breach in _audited(world, rows))


# --- planted faults: each new law must see a box that breaks it ---------------------------------


def _words_of(setting: Setting) -> str:
    return "\n".join(simulate(setting).breaches)


def test_a_box_that_believes_the_last_words_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:

    def believes(facts: Facts, end: End) -> Outcome:
        told = {
            Cause.BUSY: Outcome.BUSY,
            Cause.NO_ANSWER: Outcome.NO_ANSWER,
            Cause.REJECTED: Outcome.REJECTED,
            Cause.UNREACHABLE: Outcome.UNREACHABLE,
        }
        found = outcome(facts, end)
        return told.get(end.cause or Cause.FAILED, found) if found is Outcome.DECLINED else found

    setting = Setting(seed=21, people=80, lines=4, trouble=0.0, days=1)
    assert simulate(setting).breaches == []
    monkeypatch.setattr(attempt, "outcome", believes)
    assert "was answered and counts as" in _words_of(setting)


def test_a_box_that_calls_again_who_declined_is_seen() -> None:
    world = World(Setting(seed=21, people=80, lines=4, trouble=0.0, days=1))
    result = world.run()
    rows = [Row(e.seq, e.at, e.kind, e.subject, e.data) for e in result.entries]
    declined = {r.data["attempt"] for r in rows if r.data.get("outcome") == "declined"}
    rested = next(c for c in world._log if c.attempt in declined and c.person_at is not None)
    world._log.append(replace(rested, dialled_at=rested.dialled_at + 600.0, attempt="again"))
    assert any("to somebody who declined" in breach for breach in _audited(world, rows))


def _worlds(**settings: Any) -> Iterator[Setting]:
    for seed in (5, 21, *range(1, 41)):
        yield Setting(seed=seed, people=60, lines=4, trouble=12.0, loss=0.0, days=1, **settings)


def test_a_start_that_forgets_what_was_heard_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_shell, "unfolded", lambda *_: [])
    assert any("objection by key" in _words_of(setting) for setting in _worlds())


def test_a_box_that_passes_over_an_objection_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Withdrawals, "objection", lambda *_, **__: None)
    words = ""
    for setting in _worlds():
        words += _words_of(setting)
        if "objection by sms" in words and "after an objection by" in words:
            return
    pytest.fail("no world showed it")
