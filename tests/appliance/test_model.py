"""What the words of the model mean where nothing else is said, and at their bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.clearance.rules import Rules
from appliance.law import load_profile
from appliance.model import (
    NO_HISTORY,
    Attempt,
    AttemptElsewhere,
    Campaign,
    Decision,
    Interval,
    Retry,
    Script,
    Timers,
    Verdict,
    hex_id,
    hex_text,
)

T0 = datetime(2027, 3, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(("length", "whole"), [(-TICK, False), (timedelta(), False), (TICK, True)])
def test_an_interval_ends_after_it_starts(length: timedelta, whole: bool) -> None:
    if whole:
        assert Interval(T0, T0 + length).end == T0 + length
    else:
        with pytest.raises(ValueError, match="after it starts"):
            Interval(T0, T0 + length)


def test_documented_durations_of_a_call() -> None:
    """What a box waits for whose configuration says nothing of it."""
    timers = Timers()
    seconds = {
        name: getattr(timers, name).total_seconds()
        for name in ("ring", "key_wait", "hang_up", "set_up", "clip_start", "clip_margin")
    }
    assert seconds == {
        "ring": 45.0,
        "key_wait": 8.0,
        "hang_up": 20.0,
        "set_up": 15.0,
        "clip_start": 5.0,
        "clip_margin": 3.0,
    }
    assert timers.prompt_repeats == 1
    assert Retry().max_attempts == 3
    assert Rules(purpose="news", profile=load_profile("fr")).max_attempts == 3


def test_what_is_not_said_of_an_attempt_is_not_so() -> None:
    made = Attempt(id="a", authorised_at=T0, outcome=None)
    assert (made.ended_at, made.bench, made.purpose, made.answered) == (None, False, "", False)
    there = AttemptElsewhere(number=1, box="b", attempt="a", at=T0)
    assert (there.prior, there.ended, there.outcome, there.ended_at) == (False, False, None, None)
    assert not NO_HISTORY.waiting
    rules = Rules(purpose="news", profile=load_profile("fr"))
    assert (rules.attended, rules.each_asked_for) == (False, False)


def test_a_person_without_a_script_of_their_own_hears_the_default_one() -> None:
    def script(language: str) -> Script:
        return Script(
            language=language,
            greeting="g",
            prompt="p",
            message="m",
            farewell="f",
            opted_out="o",
        )

    campaign = Campaign(
        purpose="news",
        attended=False,
        scripts={"fr": script("fr"), "en": script("en")},
        default_language="fr",
    )
    asked = ("en", "fr", "de", "")
    assert [campaign.script(one).language for one in asked] == ["en", "fr", "fr", "fr"]


def test_the_refusals_of_a_decision_are_what_does_not_allow() -> None:
    yes = Verdict(rule="a", allowed=True, reason="r")
    no = Verdict(rule="b", allowed=False, reason="r")
    decision = Decision(verdicts=(yes, no), clearance=None, next_chance=None)
    assert decision.refusals == (no,)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0" * 31 + "f", 15),
        ("ab" * 16, int("ab" * 16, 16)),
        ("0" * 30 + "f", None),
        ("0" * 32 + "f", None),
        ("0" * 33 + "f", None),
        ("AB" * 16, None),
        ("_" + "1" * 31, None),
        (" " + "1" * 31, None),
        ("", None),
        ("anna", None),
    ],
)
def test_an_id_of_32_digits_is_a_number(text: str, number: int | None) -> None:
    found = hex_id(text)
    assert found == (text if number is None else number)
    assert hex_text(found) == text
