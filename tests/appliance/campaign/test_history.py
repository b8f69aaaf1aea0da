"""The fold of the ledger: what is known after each row, and after a checkpoint."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.campaign.history import CampaignState, CheckpointInvalid
from appliance.effects import Entry
from appliance.model import NO_HISTORY, Outcome, hex_id

T0 = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


def rows(*told: tuple[str, str | None, dict[str, Any]], start: datetime = T0) -> list[Entry]:
    """One row a second."""
    return [
        Entry(seq=n + 1, at=start + timedelta(seconds=n), kind=kind, subject=subject, data=data)
        for n, (kind, subject, data) in enumerate(told)
    ]


def fold(entries: Sequence[Entry]) -> CampaignState:
    state = CampaignState()
    for entry in entries:
        state.apply(entry)
    return state


def authorised(attempt: str, subject: str = "s1") -> tuple[str, str, dict[str, Any]]:
    return "call.authorised", subject, {"attempt": attempt, "line": "l", "bench": True}


def ended(attempt: str, outcome: str, subject: str = "s1") -> tuple[str, str, dict[str, Any]]:
    return "call.ended", subject, {"attempt": attempt, "outcome": outcome}


def test_nothing_is_known_of_nobody() -> None:
    state = CampaignState()
    assert state.history("s1", "h") == NO_HISTORY
    assert not state.stopped
    assert not state.paused


def test_an_attempt_is_open_until_it_ends() -> None:
    entries = rows(authorised("a1"), ended("a1", "busy"))
    state = fold(entries[:1])
    assert list(state.open_attempts) == ["a1"]
    (running,) = state.history("s1").attempts
    assert running.outcome is None
    assert running.bench
    state.apply(entries[1])
    assert state.open_attempts == {}
    (done,) = state.history("s1").attempts
    assert (done.id, done.outcome, done.ended_at) == ("a1", Outcome.BUSY, T0 + timedelta(seconds=1))
    assert state.outcomes == {Outcome.BUSY: 1}


def test_an_end_that_a_lost_clock_dates_is_not_before_the_call() -> None:
    """Or whoever declined would seem to have agreed since, and be called again."""
    begun, end = rows(authorised("a1"), ended("a1", "declined"))
    state = fold([begun, replace(end, at=datetime(2000, 1, 1, tzinfo=UTC))])
    (done,) = state.history("s1").attempts
    assert done.ended_at == T0


def test_attempts_stand_oldest_first() -> None:
    state = fold(rows(authorised("a1"), ended("a1", "busy"), authorised("a2")))
    assert [a.id for a in state.history("s1").attempts] == ["a1", "a2"]


def test_a_second_end_counts_for_nothing() -> None:
    state = fold(rows(authorised("a1"), ended("a1", "busy"), ended("a1", "listened")))
    assert [a.outcome for a in state.history("s1").attempts] == [Outcome.BUSY]


def test_an_outcome_of_a_later_version_is_unknown() -> None:
    state = fold(rows(authorised("a1"), ended("a1", "teleported")))
    assert [a.outcome for a in state.history("s1").attempts] == [Outcome.UNKNOWN]


@pytest.mark.parametrize(
    ("kinds", "stopped", "paused"),
    [
        (["stop.pressed"], True, False),
        (["stop.pressed", "stop.reset"], False, False),
        (["dialling.paused"], False, True),
        (["dialling.paused", "dialling.resumed"], False, False),
        (["stop.pressed", "dialling.resumed"], True, False),
        (["stop.pressed", "box.stopped", "box.started", "clock.trusted"], True, False),
    ],
)
def test_latches(kinds: list[str], stopped: bool, paused: bool) -> None:
    state = fold(rows(*((kind, None, {}) for kind in kinds)))
    assert (state.stopped, state.paused) == (stopped, paused)


def test_a_revocation_holds_for_the_person_and_for_the_number() -> None:
    state = fold(rows(("consent.revoked", "s1", {"by": "key", "number_hash": "h1"})))
    for history in (state.history("s1"), state.history("s2", "h1"), state.history("s1", "h1")):
        assert history.revocation is not None
        assert history.revocation.by == "key"
    assert state.history("s2", "h2").revocation is None


def test_a_number_that_nobody_has_can_be_suppressed() -> None:
    state = fold(rows(("consent.revoked", None, {"by": "sms", "number_hash": "h1"})))
    assert state.history("new", "h1").revocation is not None


@pytest.mark.parametrize("microseconds", [0, 195, 999])
def test_a_lost_clock_cannot_date_a_no_before_the_yes(microseconds: int) -> None:
    """The row says the year 2000; the order of the rows says what happened.

    Rows keep whole milliseconds and consents microseconds, which must not matter either.
    """
    given_at = T0 + timedelta(microseconds=microseconds)
    granted = Entry(
        seq=1,
        at=T0,
        kind="consent.granted",
        subject="s1",
        data={"consent": "c1", "given_at": given_at.isoformat()},
    )
    revoked = Entry(
        seq=2,
        at=datetime(2000, 1, 1, tzinfo=UTC),
        kind="consent.revoked",
        subject="s1",
        data={"by": "sms", "number_hash": "h", "clock": "untrusted"},
    )
    for history in (
        fold([granted, revoked]).history("s1"),
        fold([granted, revoked]).history("", "h"),
    ):
        assert history.revocation is not None
        assert history.revocation.at >= given_at


def test_a_consent_from_the_future_does_not_outlive_a_no() -> None:
    later = (T0 + timedelta(days=3)).isoformat()
    state = fold(
        rows(
            ("consent.granted", "s1", {"consent": "c1", "given_at": later}),
            ("consent.revoked", "s1", {"by": "key", "number_hash": "h"}),
        )
    )
    revocation = state.history("s1").revocation
    assert revocation is not None
    assert revocation.at > T0 + timedelta(days=3)


@pytest.mark.parametrize(
    ("ends", "reaches"),
    [
        ((T0 + timedelta(days=3)).isoformat(), timedelta(days=3)),
        ("soon", timedelta()),
        ("2999-01-01T00:00:00", timedelta()),
        (7, timedelta()),
    ],
)
def test_a_withdrawal_reaches_as_far_as_its_row_says(ends: object, reaches: timedelta) -> None:
    """A consent that an import is just bringing stands in no row yet."""
    told = {"by": "key", "number_hash": "h", "ends": ends}
    revocation = fold(rows(("consent.revoked", "s1", told))).history("s1").revocation
    assert revocation is not None
    assert timedelta() < revocation.at - (T0 + reaches) < timedelta(minutes=10)


def test_erasure_forgets_the_person_and_keeps_the_number_uncallable() -> None:
    state = fold(
        rows(
            authorised("a1"),
            ended("a1", "listened"),
            ("contact.erased", "s1", {"number_hash": "h1"}),
        )
    )
    assert state.erased == {"s1"}
    assert state.history("s1").attempts == ()
    assert state.history("s9", "h1").revocation is not None


def test_consents_are_known_for_reconciliation() -> None:
    state = fold(rows(("consent.granted", "s1", {"consent": "c1"})))
    assert state.unknown_consents(["c1", "c2"]) == ["c2"]


def test_unknown_kinds_and_odd_data_are_passed_over() -> None:
    state = fold(
        rows(
            ("weather.seen", "s1", {"sky": "grey"}),
            ("call.authorised", None, {}),
            ("call.ended", "s1", {}),
            ("consent.granted", "s1", {"given_at": "yesterday"}),
            ("consent.granted", "s1", {"given_at": "2026-01-01T00:00:00"}),
            ("consent.revoked", None, {"number_hash": 5}),
        )
    )
    assert state.seq == 6
    assert state.history("s1") == NO_HISTORY


SUBJECTS = st.sampled_from(["s1", "s2", "s3"])
ROWS = st.lists(
    st.one_of(
        st.builds(authorised, st.sampled_from([f"a{n}" for n in range(6)]), SUBJECTS),
        st.builds(
            ended,
            st.sampled_from([f"a{n}" for n in range(6)]),
            st.sampled_from([o.value for o in Outcome]),
            SUBJECTS,
        ),
        st.tuples(
            st.sampled_from(["consent.revoked", "contact.erased"]),
            SUBJECTS,
            st.fixed_dictionaries({"number_hash": st.sampled_from(["h1", "h2"])}),
        ),
        st.tuples(
            st.sampled_from(["stop.pressed", "stop.reset", "dialling.paused", "dialling.resumed"]),
            st.none(),
            st.just({}),
        ),
        st.tuples(
            st.just("consent.granted"),
            SUBJECTS,
            st.fixed_dictionaries(
                {"consent": st.sampled_from(["c1", "c2"]), "given_at": st.just(T0.isoformat())}
            ),
        ),
    ),
    max_size=30,
)


@given(told=ROWS, cut=st.integers(0, 30))
def test_a_checkpoint_anywhere_changes_nothing(
    told: list[tuple[str, str | None, dict[str, Any]]], cut: int
) -> None:
    entries = rows(*told)
    whole = fold(entries)
    checkpoint = json.loads(json.dumps(fold(entries[:cut]).to_checkpoint()))
    resumed = CampaignState.from_checkpoint(checkpoint)
    assert resumed.seq == len(entries[:cut])
    for entry in entries[cut:]:
        resumed.apply(entry)
    assert resumed.to_checkpoint() == whole.to_checkpoint()
    for subject in ("s1", "s2", "s3"):
        for number_hash in ("h1", "h2", None):
            assert resumed.history(subject, number_hash) == whole.history(subject, number_hash)


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 99},
        {"people": "!!!"},
        {"people": "AAAA"},
        {"people": "A" * 27 + "="},
        {"people": "A" * 26 + "AQ"},
        {"other_people": {"s1": "AAAA"}},
        {"other_people": {"s1": "A" * 22 + "8="}},
        {"other_people": {"s1": "A" * 24}},
        {"outcomes": {"teleported": 1}},
        {"open": [["a1"]]},
        {"suppressed": None},
        {"words": []},
        {"words": ["", ""]},
        {"consents": "!"},
        {"consents": "AAAA"},
    ],
)
def test_a_damaged_checkpoint_is_refused(damage: dict[str, Any]) -> None:
    good = fold(rows(authorised("a1"), ended("a1", "busy"))).to_checkpoint()
    with pytest.raises(CheckpointInvalid):
        CampaignState.from_checkpoint(good | damage)
    with pytest.raises(CheckpointInvalid):
        CampaignState.from_checkpoint({})


def test_attempts_remember_their_purpose_over_a_checkpoint() -> None:
    first, second = authorised("a1"), authorised("a2")
    first[2]["purpose"], second[2]["purpose"] = "news", "survey"
    entries = rows(first, ended("a1", "busy"), authorised("a0"), ended("a0", "busy"), second)
    state = fold(entries[:5])
    checkpoint = json.loads(json.dumps(state.to_checkpoint()))
    for known in (state, CampaignState.from_checkpoint(checkpoint)):
        history = known.history("s1")
        assert [a.purpose for a in history.attempts] == ["news", "", "survey"]
        # A row without a purpose counts for every campaign: nothing widens.
        assert [a.id for a in history.attempts_for("news")] == ["a1", "a0"]
        assert [a.id for a in history.attempts_for("survey")] == ["a0", "a2"]
        assert [a.id for a in history.attempts_for("other")] == ["a0"]


def test_more_purposes_than_can_be_told_apart_count_for_every_campaign() -> None:
    told = []
    for n in range(300):
        call = authorised(f"a{n}")
        call[2]["purpose"] = f"purpose-{n}"
        told += [call, ended(f"a{n}", "busy")]
    state = fold(rows(*told))
    assert len(state.history("s1").attempts_for("purpose-0")) == 1 + 300 - 255
    resumed = CampaignState.from_checkpoint(json.loads(json.dumps(state.to_checkpoint())))
    assert resumed.history("s1") == state.history("s1")


def test_random_ids_come_back_from_a_checkpoint_as_they_were() -> None:
    subject, attempt, consent = "0" * 31 + "f", "ab" * 16, "cd" * 16
    odd = "_" + "1" * 31, "AB" * 16
    told = [("consent.granted", subject, {"consent": c}) for c in (consent, *odd)]
    for one in (attempt, *odd):
        told += [authorised(one, subject), ended(one, "busy", subject)]
    for one in odd:
        told += [authorised("x", one), ended("x", "busy", one)]
    state = fold(rows(*told))
    resumed = CampaignState.from_checkpoint(json.loads(json.dumps(state.to_checkpoint())))
    for known in (state, resumed):
        assert [a.id for a in known.history(subject).attempts] == [attempt, *odd]
        assert all(len(known.history(one).attempts) == 1 for one in odd)
        asked = [*map(hex_id, (consent, "ef" * 16, *odd)), "x"]
        assert known.unknown_consents(asked) == [int("ef" * 16, 16), "x"]
        assert known.history("0" * 32) == NO_HISTORY


def test_an_outcome_keeps_the_number_that_checkpoints_have_for_it() -> None:
    """A new one goes to the end: an older checkpoint must not say something else from then on."""
    assert [outcome.value for outcome in Outcome][:12] == [
        "listened",
        "partial",
        "declined",
        "opted_out",
        "voicemail",
        "busy",
        "no_answer",
        "rejected",
        "unreachable",
        "failed",
        "stopped",
        "unknown",
    ]


@pytest.mark.parametrize(
    ("place", "octet"),
    [
        *((24, 0xFF), (25, 0xFF), (25, 2), (16, 0xFF), (17, 0xFF), (18, 0xFF), (19, 0xFF), (19, 0)),
        # One more than there is: of words there is one, which stands for none.
        *((24, 1), (16, 1), (17, len(Outcome))),
    ],
)
def test_a_person_whose_bytes_name_what_there_is_not(place: int, octet: int) -> None:
    """From the start of the attempt, or (24 on) of the person whose head names who revoked."""
    good = fold(rows(authorised("a1"), ended("a1", "busy"))).to_checkpoint()
    assert CampaignState.from_checkpoint(good).history("s1").attempts
    (name, packed), *_ = good["other_people"].items()
    person = bytearray(base64.b64decode(packed))
    head = 19
    where, harmless = (18, False) if place >= 24 else (head + place, place == 18)
    person[where] = octet
    damaged = good | {"other_people": {name: base64.b64encode(person).decode()}}
    if harmless:
        # Flags that a later version may add.
        CampaignState.from_checkpoint(damaged)
    else:
        with pytest.raises(CheckpointInvalid):
            CampaignState.from_checkpoint(damaged)
