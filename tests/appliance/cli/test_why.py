"""What ``why`` prints of an answer of the box."""

from __future__ import annotations

from typing import Any

from appliance.cli.why import as_text

ANSWER: dict[str, Any] = {
    "number": "+33 6 39 98 •• •1",
    "known": True,
    "subject": "s1",
    "timezone": "Europe/Paris",
    "at": "2027-04-10T08:30:00Z",
    "may_be_called": False,
    "verdicts": [
        {"rule": "stop", "allowed": True, "reason": "The emergency stop is not set."},
        {"rule": "fr.FR-13", "allowed": False, "reason": "Before a ballot calls are silent."},
    ],
    "next_chance": {"start": "2027-04-12T16:00:00Z", "end": "2027-04-12T18:00:00Z"},
    "attempts": 1,
}


def test_each_rule_and_the_next_moment_are_told_in_the_callees_time() -> None:
    assert as_text(ANSWER).splitlines() == [
        "+33 6 39 98 •• •1 may NOT be called at 2027-04-10 10:30 CEST",
        "  yes  emergency stop  The emergency stop is not set.",
        "  NO   fr.FR-13        Before a ballot calls are silent.",
        "next moment that all rules of time agree: 2027-04-12 18:00 CEST to 2027-04-12 20:00 CEST",
        "subject s1, 1 attempt so far",
    ]


def test_whoever_may_be_called_is_told_so() -> None:
    said = as_text(ANSWER | {"may_be_called": True})
    assert said.startswith("+33 6 39 98 •• •1 may be called at")


def test_no_chance_is_told() -> None:
    assert "none within 400 days" in as_text(ANSWER | {"next_chance": None})


def test_of_a_stranger_only_the_rules_are_told() -> None:
    stranger = {key: ANSWER[key] for key in ("number", "at", "may_be_called", "verdicts")}
    said = as_text(stranger | {"known": False, "next_chance": None})
    assert "next moment" not in said
    assert "subject" not in said
