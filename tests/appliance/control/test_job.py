"""Imports in steps, and what a box does between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.box.box import Box
from appliance.box.state import BoxState
from appliance.campaign.history import CampaignState
from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.control import contacts_import
from appliance.control.job import Job
from appliance.control.operations import Operations
from appliance.effects import Now
from appliance.errors import Refused
from appliance.people.contacts_format import COLUMNS

AT = datetime(2027, 3, 10, 9, 0, tzinfo=UTC)
NUMBERS = [f"+3363998{n:04d}" for n in range(120)]


def now() -> Now:
    return Now(monotonic=0.0, utc=AT, trusted=True, source="test")


def contacts(numbers: list[str], given: str = "2027-01-05") -> bytes:
    rows = [
        f"{number},Ada,fr,Europe/Paris,neighbourhood-news,{given},form,sheet 1,mon 18:00-20:00,"
        for number in numbers
    ]
    return "\n".join([",".join(COLUMNS), *rows]).encode()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[BoxState]:
    opened = BoxState.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def operations(state: BoxState) -> Operations:
    loaded = replace(configuration.load(sample_config()), state=state.directory)
    return Operations(Box(loaded, state, now))


def begin(operations: Operations, **arguments: Any) -> Job:
    job = operations.begin("contacts.import", {"file": "people.csv", **arguments})
    assert isinstance(job, Job)
    return job


def test_an_import_counts_from_one_step_on(operations: Operations, state: BoxState) -> None:
    job = begin(operations, contents=contacts(NUMBERS))
    known = [len(state.registry)]
    while not job.step():
        known.append(len(state.registry))
    assert len(known) > 8
    assert job.result["new_people"] == len(state.registry) == len(NUMBERS)
    assert known[:6] == [0] * 6
    assert state.campaign.unknown_consents(state.registry.consent_numbers()) == []


def test_an_import_that_the_end_of_the_box_cuts_leaves_nothing(
    operations: Operations, state: BoxState
) -> None:
    job = begin(operations, contents=contacts(NUMBERS))
    for _ in range(5):
        job.step()
    job.abandon()
    assert len(state.registry) == 0
    assert begin(operations, contents=contacts(NUMBERS)).run()["new_people"] == len(NUMBERS)


def test_whoever_objects_during_an_import_stays_withdrawn(
    operations: Operations, state: BoxState
) -> None:
    begin(operations, contents=contacts(NUMBERS[:1])).run()
    job = begin(operations, contents=contacts(NUMBERS))
    while not job.step():
        operations.perform("contacts.revoke", {"number": NUMBERS[0]})
        operations.perform("contacts.revoke", {"number": NUMBERS[-1]})
    for number in (NUMBERS[0], NUMBERS[-1]):
        why = operations.perform("why", {"number": number})
        assert not why["may_be_called"]
        refused = {v["rule"] for v in why["verdicts"] if not v["allowed"]}
        assert "consent" in refused


def clock(seconds: float, *, trusted: bool = False) -> Now:
    return Now(monotonic=0.0, utc=AT + timedelta(seconds=seconds), trusted=trusted, source="test")


def has_consent(operations: Operations, number: str) -> bool:
    why = operations.perform("why", {"number": number, "at": (AT + timedelta(days=9)).isoformat()})
    return all(verdict["allowed"] for verdict in why["verdicts"] if verdict["rule"] == "consent")


@pytest.mark.parametrize(
    ("begins", "goes_on", "registered"),
    [
        pytest.param(clock(0), clock(0), True, id="a clock that stands"),
        pytest.param(clock(-4e7), clock(-4e7), False, id="a clock without a battery"),
        pytest.param(
            clock(9, trusted=True), clock(4, trusted=True), True, id="a clock that is set back"
        ),
    ],
)
def test_an_objection_during_an_import_outweighs_it_whatever_the_clock_says(
    begins: Now, goes_on: Now, registered: bool, state: BoxState
) -> None:
    """Everybody objected before and agreed anew; some object again, each in another step."""
    loaded = replace(configuration.load(sample_config()), state=state.directory)
    early = Operations(Box(loaded, state, now))
    people = NUMBERS[:40]
    if registered:
        begin(early, contents=contacts(people)).run()
    for number in people:
        early.perform("contacts.revoke", {"number": number})

    shown = begins
    operations = Operations(Box(loaded, state, lambda: shown))
    given = "2027-03-11" if not begins.trusted else "2027-03-10T10:00:05+01:00"
    job = begin(operations, contents=contacts(people, given))
    objected: list[str] = []
    pairs = zip(people, reversed(people), strict=True)
    steps = 0
    while not job.step():
        steps += 1
        if steps == 2:
            shown = goes_on
        for number in next(pairs) if shown == goes_on else ():
            operations.perform("contacts.revoke", {"number": number})
            objected.append(number)

    assert len(objected) >= 12
    last = len(people) + 1
    assert last in job.result["withdrawn_lines"], "objected before the row was reached"
    live = [number for number in people if number not in objected]
    assert [number for number in people if has_consent(operations, number)] == live
    fold = CampaignState()
    for entry in state.ledger.entries():
        fold.apply(entry)
    assert fold.to_checkpoint() == state.campaign.to_checkpoint()


@pytest.mark.parametrize("name", ["contacts.import", "contacts.export", "contacts.erase"])
def test_nobody_is_taken_away_from_under_an_import(operations: Operations, name: str) -> None:
    job = begin(operations, contents=contacts(NUMBERS))
    job.step()
    with pytest.raises(Refused, match="an import is under way"):
        operations.perform(name, {"number": NUMBERS[0], "contents": contacts(NUMBERS)})
    job.run()
    operations.perform("contacts.erase", {"number": NUMBERS[0]})


def test_nobody_is_erased_from_under_an_export(operations: Operations) -> None:
    begin(operations, contents=contacts(NUMBERS)).run()
    job = operations.begin("contacts.export", {})
    assert isinstance(job, Job)
    assert not job.step()
    with pytest.raises(Refused, match="an export is under way"):
        operations.perform("contacts.erase", {"number": NUMBERS[0]})
    assert job.run()["csv"].count("\n") == len(NUMBERS) + 1


def test_listing_many_people_takes_steps(operations: Operations) -> None:
    begin(operations, contents=contacts(NUMBERS)).run()
    job = operations.begin("contacts.list", {})
    assert isinstance(job, Job)
    assert not job.step()
    operations.perform("contacts.erase", {"number": NUMBERS[-1]})
    assert len(job.run()["people"]) == len(NUMBERS) - 1


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"accept_valid": True}])
def test_a_file_of_refused_rows_is_given_up(
    operations: Operations, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(contacts_import, "MOST_REJECTED", 30)
    monkeypatch.setattr(contacts_import, "FAULTS", 5)
    rows = contacts(NUMBERS[:40]) + b"\nx" * 50
    answer = begin(operations, contents=rows, **options).run()
    assert not answer["readable"]
    assert not answer["imported"]
    assert len(answer["faults"]) == 6
    assert answer["faults"][-1]["line"] == 41 + 31
    assert operations.perform("contacts.list", {})["people"] == []


def test_of_many_faults_the_answer_lists_some_and_counts_all(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts_import, "FAULTS", 5)
    answer = begin(operations, contents=contacts([]) + b"\nx" * 50, accept_valid=True).run()
    assert [fault["line"] for fault in answer["faults"]] == [2, 3, 4, 5, 6]
    assert answer["fault_count"] == 50
    assert answer["rejects"].count("\n") == 51


def test_empty_rows_are_steps_too(operations: Operations) -> None:
    job = begin(operations, contents=contacts(NUMBERS[:1]) + b"\n,,,,\n" + b"\n" * 1_000_000)
    steps = 0
    while not job.step():
        steps += 1
    assert steps > 15
    assert job.result["new_people"] == 1


def test_a_dry_run_shows_how_the_first_rows_were_understood(operations: Operations) -> None:
    other = contacts(NUMBERS[8:10]).replace(b"neighbourhood-news", b"survey").partition(b"\n")[2]
    raw = contacts(NUMBERS[:8]) + b"\n" + other
    answer = begin(operations, contents=raw, dry_run=True).run()
    assert [row["line"] for row in answer["preview"]] == [2, 3, 4, 5, 6]
    first = answer["preview"][0]
    assert first["windows"] == "mon 18:00-20:00"
    assert first["given"] == "2027-01-05"
    assert first["next"] == "2027-03-15 18:00 CET"
    assert NUMBERS[0] not in str(answer)
    assert answer["other_purposes"] == {"survey": 2}
    assert begin(operations, contents=raw).run()["preview"] == []
