"""One long ledger with a row of every kind: what is known after it, compared whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.campaign import packed_history
from appliance.campaign.history import CampaignState, CheckpointInvalid
from appliance.campaign.kept_messages import MOST_GONE, Waiting
from appliance.campaign.packed_history import CLEAN, NEVER, Outline, PackedPeople
from appliance.effects import Entry
from appliance.model import (
    NO_HISTORY,
    Attempt,
    ClockWord,
    History,
    OpenAttempt,
    Outcome,
    Revocation,
    hex_id,
)

T0 = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
ANNA, BEN, CARL, DORA, EVE, FRED = (f"{n:032x}" for n in range(1, 7))
GINA = "gina"
"""An id that is no hexadecimal number, as an earlier version could have written."""
C1, C2, C3 = (f"{n:032x}" for n in range(101, 104))
A1, A2, A3, A4, A5, A6, A7, E1, E2, R1 = (f"{n:032x}" for n in range(201, 211))


def minute(count: float) -> datetime:
    return T0 + timedelta(minutes=count)


def written(count: float) -> str:
    return minute(count).isoformat()


def ms(count: float) -> int:
    return round(minute(count).timestamp() * 1000)


def call(attempt: str, line: str, purpose: str = "news", **more: object) -> dict[str, Any]:
    return {"attempt": attempt, "line": line, "purpose": purpose, **more}


STORY: tuple[tuple[str, str | None, dict[str, Any]], ...] = (
    ("box.started", None, {}),  # row 1, at minute 0
    ("key.noted", None, {"number_key": "f00d"}),
    ("consent.granted", ANNA, {"consent": C1, "given_at": written(-60)}),
    ("consent.granted", ANNA, {"consent": C2, "given_at": written(-90)}),
    ("consent.granted", GINA, {"consent": "c-gina", "given_at": written(-30)}),
    ("call.authorised", ANNA, call(A1, "line-1", bench=True)),
    ("call.ended", ANNA, {"attempt": A1, "line": "line-1", "outcome": "busy"}),
    ("call.authorised", GINA, call(A2, "line-2", "survey")),
    (
        "call.ended",
        GINA,
        {"attempt": A2, "line": "line-2", "outcome": "listened", "talk_seconds": 12.5},
    ),
    ("consent.revoked", GINA, {"by": "key", "number_hash": "h-gina"}),  # row 10, minute 9
    (
        "fleet.attempt_elsewhere",
        ANNA,
        {
            "attempt": E1,
            "purpose": "news",
            "outcome": "no_answer",
            "made_at": written(3.5),
            "ended_at": written(4),
        },
    ),
    ("fleet.claim_unused", ANNA, {"attempt": E2, "purpose": "news"}),
    ("limit.reached", None, {"line": "line-1", "limit": "calls_per_hour"}),
    ("message.kept", None, {"message": "m1", "number_hashes": ["h1", "h2"]}),
    ("message.kept", ANNA, {"message": "m2", "number_hashes": ["h1"]}),
    ("message.read", None, {"message": "m1"}),
    ("message.deleted", None, {"message": "m1"}),
    ("consent.revoked", None, {"by": "sms", "number_hash": "h3", "message": "m3"}),
    ("call.authorised", CARL, call(A3, "line-1")),
    ("call.ended", CARL, {"attempt": A3, "line": "line-1", "outcome": "declined"}),  # minute 19
    ("contact.erased", CARL, {"number_hash": "h-carl"}),
    ("call.authorised", DORA, call(A4, "line-2")),
    (
        "call.ended",
        DORA,
        {"attempt": A4, "line": "line-2", "outcome": "unknown", "talk_seconds": 3},
    ),
    ("contact.lost", DORA, {"number_hash": "h-dora"}),
    ("consent.granted", EVE, {"consent": C3, "given_at": written(-10)}),
    ("consent.lost", EVE, {"consents": 1}),  # row 26, minute 25
    (
        "call.restored",
        EVE,
        {
            "attempt": R1,
            "purpose": "news",
            "outcome": "partial",
            "authorised_at": written(-20),
            "ended_at": written(-19),
            "answered": True,
        },
    ),
    ("call.authorised", FRED, call(A5, "line-1")),
    ("contact.erased", FRED, {"number_hash": "h-fred"}),  # in the middle of the call
    ("call.authorised", ANNA, call(A6, "line-2", bench=True)),  # row 30, minute 29
    ("box.started", None, {}),
    ("state.restored", None, {"why": "rows are missing"}),
    ("dialling.paused", None, {}),
    ("stop.pressed", None, {}),
    ("clock.corrected", None, {"by": "Alix", "boot": "b1", "since_boot": 7}),
    ("call.authorised", BEN, call(A7, "line-3", "")),  # row 36, minute 35
    ("call.ended", BEN, {"attempt": A7, "line": "line-3", "outcome": "no_answer"}),
)

ENTRIES = [
    Entry(seq=n + 1, at=minute(n), kind=kind, subject=subject, data=data)
    for n, (kind, subject, data) in enumerate(STORY)
]


def folded(entries: list[Entry]) -> CampaignState:
    state = CampaignState()
    for entry in entries:
        state.apply(entry)
    return state


def done(
    attempt: str, at: float, outcome: Outcome, ended: float, purpose: str = "news", **more: bool
) -> Attempt:
    return Attempt(
        id=attempt,
        authorised_at=minute(at),
        outcome=outcome,
        ended_at=minute(ended),
        purpose=purpose,
        **more,
    )


ONE_MS = timedelta(milliseconds=1)
PASTS = {
    (ANNA, "h-anna"): History(
        attempts=(
            done(A1, 5, Outcome.BUSY, 6, bench=True),
            done(E1, 3.5, Outcome.NO_ANSWER, 4),
            done(E2, 11, Outcome.FAILED, 11),
            Attempt(id=A6, authorised_at=minute(29), outcome=None, bench=True, purpose="news"),
        )
    ),
    (ANNA, "h1"): None,  # waits, because message m2 does; see below
    (GINA, None): History(
        attempts=(done(A2, 7, Outcome.LISTENED, 8, "survey", answered=True),),
        revocation=Revocation(at=minute(9) + ONE_MS, by="key"),
    ),
    ("new", "h-gina"): History(revocation=Revocation(at=minute(9) + ONE_MS, by="key")),
    ("new", "h3"): History(revocation=Revocation(at=minute(17) + ONE_MS, by="sms")),
    ("new", "h1"): History(waiting=True),
    ("new", "h2"): NO_HISTORY,
    (CARL, None): NO_HISTORY,
    ("new", "h-carl"): History(
        attempts=(done(A3, 18, Outcome.DECLINED, 19),),
        revocation=Revocation(at=minute(20), by="erased"),
    ),
    (DORA, None): NO_HISTORY,
    ("new", "h-dora"): History(attempts=(done(A4, 21, Outcome.UNKNOWN, 22, answered=True),)),
    (EVE, "h-eve"): History(
        attempts=(done(R1, -20, Outcome.PARTIAL, -19, answered=True),),
        revocation=Revocation(at=minute(25) + ONE_MS, by="lost"),
    ),
    ("new", "h-fred"): History(
        attempts=(Attempt(id=A5, authorised_at=minute(27), outcome=None, purpose="news"),),
        revocation=Revocation(at=minute(28), by="erased"),
    ),
    (BEN, None): History(attempts=(done(A7, 35, Outcome.NO_ANSWER, 36, ""),)),
    ("nobody", None): NO_HISTORY,
}


@pytest.mark.parametrize(("subject", "number_hash"), list(PASTS))
def test_what_is_known_of_each_person(subject: str, number_hash: str | None) -> None:
    expected = PASTS[subject, number_hash]
    if expected is None:
        known = PASTS[ANNA, "h-anna"]
        assert known is not None
        expected = History(attempts=known.attempts, waiting=True)
    state = folded(ENTRIES)
    resumed = CampaignState.from_checkpoint(json.loads(json.dumps(state.to_checkpoint())))
    for fold in (state, resumed, state.copy()):
        assert fold.history(subject, number_hash) == expected


def test_what_is_known_of_the_box() -> None:
    state = folded(ENTRIES)
    resumed = CampaignState.from_checkpoint(json.loads(json.dumps(state.to_checkpoint())))
    for fold in (state, resumed, state.copy()):
        assert (fold.seq, fold.newest_at) == (37, minute(36))
        assert fold.clock_word == ClockWord(by="Alix", at=minute(34), boot="b1", since_boot=7.0)
        assert (fold.stopped, fold.paused, fold.held) == (True, True, "rows are missing")
        assert (fold.authorised, fold.revoked, fold.consents) == (7, 2, 3)
        assert fold.number_key == "f00d"
        assert fold.erased == {CARL, FRED}
        assert fold.outcomes == {
            Outcome.BUSY: 1,
            Outcome.LISTENED: 1,
            Outcome.DECLINED: 1,
            Outcome.UNKNOWN: 1,
            Outcome.NO_ANSWER: 1,
        }
        assert fold.open_attempts == {
            A5: OpenAttempt(
                id=A5,
                subject=FRED,
                line="line-1",
                authorised_at=minute(27),
                bench=False,
                purpose="news",
            ),
            A6: OpenAttempt(
                id=A6,
                subject=ANNA,
                line="line-2",
                authorised_at=minute(29),
                bench=True,
                purpose="news",
            ),
        }
        assert fold.open_attempt_of(ANNA) == fold.open_attempts[A6]
        assert fold.open_attempt_of(BEN) is None
        assert fold.is_in_call(hex_id(ANNA))
        assert not fold.is_in_call(hex_id(BEN))
        assert fold.suppresses
        assert dict(fold.suppressions()) == {
            "h-gina": Revocation(at=minute(9) + ONE_MS, by="key"),
            "h3": Revocation(at=minute(17) + ONE_MS, by="sms"),
            "h-carl": Revocation(at=minute(20), by="erased"),
            "h-fred": Revocation(at=minute(28), by="erased"),
        }
        assert set(fold.people()) == {ANNA, BEN, EVE, GINA}
        assert dict(fold.pasts()) == {
            "h-carl": (done(A3, 18, Outcome.DECLINED, 19),),
            "h-dora": (done(A4, 21, Outcome.UNKNOWN, 22, answered=True),),
            "h-fred": (Attempt(id=A5, authorised_at=minute(27), outcome=None, purpose="news"),),
        }
        assert list(fold.messages.waiting()) == [("m2", Waiting(ANNA, ("h1",)))]
        assert [fold.messages.knows(m) for m in ("m1", "m2", "m3", "m4")] == [True] * 3 + [False]
        assert [fold.messages.is_gone(m) for m in ("m1", "m2", "m3", "m4")] == [
            True,
            False,
            True,
            False,
        ]
        assert fold.messages.any_waiting
        assert (fold.interruptions.pause, fold.interruptions.held) == (timedelta(minutes=1), False)
        assert [fold.usage.used(f"line-{n}", minute(36)) for n in (1, 2, 3)] == [
            {"calls_per_hour": n, "calls_per_day": n, "minutes_per_day": m, "numbers_per_day": n}
            for n, m in ((3, 0.0), (3, 0.2), (1, 0.0))
        ]
        assert fold.unknown_consents([*map(hex_id, (C1, C2, C3, "ab" * 16)), "c-gina", "c-x"]) == [
            hex_id("ab" * 16),
            "c-x",
        ]
        assert sorted(fold.short_of(lambda subject: int(subject == hex_id(ANNA)))) == [
            (ANNA, 1, False),
            (GINA, 1, True),
        ]
        assert list(fold.short_of(lambda _: 2)) == []
        assert fold.outline(hex_id(ANNA), "news") == Outline(
            False, ms(11), 3, Outcome.FAILED, minute(11)
        )
        assert fold.outline(hex_id(ANNA), "survey") == Outline(False, ms(11), 0, None, None)
        assert fold.outline("gina", "survey") == Outline(
            True, ms(8), 1, Outcome.LISTENED, minute(8)
        )
        assert fold.outline(hex_id("f" * 32), "news") == CLEAN


def test_a_checkpoint_says_in_plain_json_what_stands() -> None:
    """The form is a contract with boxes that were switched off since: another one is another
    version."""
    state = folded(ENTRIES)
    kept = state.to_checkpoint()
    people = {name: kept.pop(name) for name in ("people", "other_people")}
    assert list(people["other_people"]) == [GINA, "number:h-carl", "number:h-dora"]
    consents = packed_history.as_bytes(kept.pop("consents")).hex()
    assert sorted(consents[n : n + 32] for n in range(0, len(consents), 32)) == [C1, C2, C3]
    assert kept == {
        "version": 8,
        "seq": 37,
        "newest_at": ms(36),
        "clock_word": ["Alix", ms(34), "b1", 7.0],
        "stopped": True,
        "paused": True,
        "interruptions": {"running": True, "at": [ms(30)], "just_now": True},
        "usage": {
            "used": {
                "line-1": [
                    [ms(5), A1, ANNA, None],
                    [ms(18), A3, CARL, None],
                    [ms(27), A5, FRED, None],
                ],
                "line-2": [
                    [ms(7), A2, GINA, 12.5],
                    [ms(21), A4, DORA, None],
                    [ms(29), A6, ANNA, None],
                ],
                "line-3": [[ms(35), A7, BEN, None]],
            },
            "told": {"line-1": {"calls_per_hour": ms(12)}},
        },
        "authorised": 7,
        "revoked": 2,
        "outcomes": {"busy": 1, "listened": 1, "declined": 1, "unknown": 1, "no_answer": 1},
        "words": ["", "news", "survey", "key", "lost"],
        "suppressed": {
            "h-gina": [ms(9) + 1, "key"],
            "h3": [ms(17) + 1, "sms"],
            "h-carl": [ms(20), "erased"],
            "h-fred": [ms(28), "erased"],
        },
        "open": [
            [A5, FRED, "line-1", ms(27), False, "news"],
            [A6, ANNA, "line-2", ms(29), True, "news"],
        ],
        "erased": [CARL, FRED],
        "messages_waiting": [["m2", ANNA, ["h1"]]],
        "messages_known": [["m1", False], ["m3", False], ["m2", True]],
        "moved": {FRED: "h-fred"},
        "number_key": "f00d",
        "held": "rows are missing",
        "other_consents": ["c-gina"],
    }


def test_of_messages_that_are_gone_the_newest_are_remembered_and_of_the_others_all() -> None:
    kept = row("message.kept", message="kept", number_hashes=["h1"])
    rows = [kept] + [
        row(kind, message=f"{kind} {n}", by="sms")
        for n in range(MOST_GONE)
        for kind in ("message.deleted", "consent.revoked")
    ]
    fold = folded(rows)
    known = CampaignState.from_checkpoint(fold.to_checkpoint()).messages
    for messages in (fold.messages, known):
        assert messages.knows("kept")
        assert messages.is_gone(f"message.deleted {MOST_GONE - 1}")
        assert messages.knows(f"consent.revoked {MOST_GONE // 2}")
        assert not messages.knows("message.deleted 0")
        assert not messages.knows(f"consent.revoked {MOST_GONE // 2 - 1}")
    assert len(fold.to_checkpoint()["messages_known"]) == MOST_GONE + 1
    # Each of them goes on alike.
    more = row("consent.revoked", message="one more", by="sms")
    again = CampaignState.from_checkpoint(fold.to_checkpoint())
    for state in (fold, again):
        state.apply(more)
    assert fold.to_checkpoint() == again.to_checkpoint()


@pytest.mark.parametrize("cut", range(len(ENTRIES) + 1))
def test_a_checkpoint_or_a_copy_after_each_row_goes_on_alike(cut: int) -> None:
    whole = folded(ENTRIES).to_checkpoint()
    state = folded(ENTRIES[:cut])
    kept = json.loads(json.dumps(state.to_checkpoint()))
    resumed, copied = CampaignState.from_checkpoint(kept), state.copy()
    assert resumed.to_checkpoint() == kept
    for fold in (resumed, copied):
        assert fold.suppresses == state.suppresses
        assert fold.consents == state.consents
        for who in PASTS:
            assert fold.history(*who) == state.history(*who)
        for entry in ENTRIES[cut:]:
            fold.apply(entry)
        assert fold.unknown_consents([*map(hex_id, (C1, C2, C3)), "c-gina"]) == []
        after = fold.to_checkpoint()
        # Consents are a set, which has no order.
        assert after | {"consents": whole["consents"]} == whole
    assert json.loads(json.dumps(state.to_checkpoint())) == kept, "copies share nothing that moves"


@pytest.mark.parametrize(
    ("story", "number_hash", "expected"),
    [
        # The call that was running at the erasure ends: its attempt stays with the number.
        (
            [("call.ended", FRED, {"attempt": A5, "line": "line-1", "outcome": "busy"})],
            "h-fred",
            (done(A5, 27, Outcome.BUSY, 37),),
        ),
        # An erased person's further rows bring nothing back.
        ([("fleet.attempt_elsewhere", FRED, {"attempt": E1})], "h-none", ()),
        (
            [
                (
                    "call.restored",
                    FRED,
                    {"attempt": R1, "authorised_at": written(-5), "number_hash": "h-none"},
                )
            ],
            "h-none",
            (done(R1, -5, Outcome.UNKNOWN, -5, ""),),
        ),
    ],
)
def test_what_comes_after_an_erasure(
    story: list[tuple[str, str, dict[str, Any]]], number_hash: str, expected: tuple[Attempt, ...]
) -> None:
    state = folded(ENTRIES)
    for n, (kind, subject, data) in enumerate(story, start=len(ENTRIES)):
        state.apply(Entry(seq=n + 1, at=minute(n), kind=kind, subject=subject, data=data))
    assert state.history(FRED).attempts == ()
    assert state.history("new", number_hash).attempts == expected
    assert state.to_checkpoint()["moved"] == ({} if number_hash == "h-fred" else {FRED: "h-fred"})


def row(
    kind: str, seq: int = 1, subject: str | None = ANNA, at: float = 0, **data: object
) -> Entry:
    return Entry(seq=seq, at=minute(at), kind=kind, subject=subject, data=data)


@pytest.mark.parametrize(
    ("earlier", "said", "expected"),
    [
        (None, -10, (-10, "sms")),
        (-20, -10, (-10, "sms")),
        (-10, -10, (-10, "key")),  # as late as the one that is known: that one stands
        (-5, -10, (-5, "key")),
    ],
)
def test_an_objection_read_late_counts_from_when_it_was_said(
    earlier: float | None, said: float, expected: tuple[float, str]
) -> None:
    state = CampaignState()
    if earlier is not None:
        state.apply(
            row("consent.revoked", by="key", number_hash="h", said_at=written(earlier), at=0)
        )
    state.apply(row("consent.revoked", by="sms", number_hash="h", said_at=written(said), at=1))
    at, by = expected
    told = Revocation(at=minute(at), by=by)
    assert state.history(ANNA).revocation == told
    assert state.history("new", "h").revocation == told
    assert state.revoked == (1 if earlier is None else 2)


@pytest.mark.parametrize(("own", "number", "by"), [(5, 6, "number"), (6, 5, "own"), (5, 5, "own")])
def test_the_newest_withdrawal_of_person_and_number_counts(
    own: float, number: float, by: str
) -> None:
    state = CampaignState()
    state.apply(row("consent.revoked", by="own", said_at=written(own)))
    state.apply(
        row("consent.revoked", subject=None, by="number", said_at=written(number), number_hash="h")
    )
    assert state.history(ANNA, "h").revocation == Revocation(at=minute(max(own, number)), by=by)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ({"by": "Alix", "boot": "b", "since_boot": 1}, ("Alix", "b", 1.0)),
        ({"boot": "b", "since_boot": 1.5}, ("", "b", 1.5)),
        ({"by": "Alix", "boot": "", "since_boot": 1}, None),
        ({"by": "Alix", "since_boot": 1}, None),
        ({"by": "Alix", "boot": "b"}, None),
        ({"by": "Alix", "boot": "b", "since_boot": "1"}, None),
    ],
)
def test_a_word_on_the_clock_lowers_the_floor(
    data: dict[str, Any], word: tuple[str, str, float] | None
) -> None:
    state = folded([row("box.started", at=60), row("box.stopped", seq=2, at=30)])
    assert state.newest_at == minute(60)
    state.apply(row("clock.corrected", seq=3, at=10, by="Bea", boot="a", since_boot=9))
    assert state.clock_word == ClockWord(by="Bea", at=minute(10), boot="a", since_boot=9.0)
    # The newest word alone counts, and one that cannot be read takes back what was said before.
    state.apply(row("clock.corrected", seq=4, at=5, **data))
    assert state.newest_at == minute(5)
    expected = (
        None
        if word is None
        else ClockWord(by=word[0], at=minute(5), boot=word[1], since_boot=word[2])
    )
    assert state.clock_word == expected


@pytest.mark.parametrize(
    ("seconds", "answered"),
    [(0, False), (0.0, False), (0.1, True), (1, True), (True, False), (None, False), ("9", False)],
)
def test_whoever_talked_was_there(seconds: object, answered: bool) -> None:
    state = folded(
        [
            row("call.authorised", attempt=A1, line="l"),
            row("call.ended", seq=2, attempt=A1, outcome="failed", talk_seconds=seconds),
        ]
    )
    assert [a.answered for a in state.history(ANNA).attempts] == [answered]


def test_two_open_attempts_of_a_faulty_ledger_hide_no_other() -> None:
    entries = [
        row("call.authorised", 1, attempt=A1),
        row("call.authorised", 2, attempt=A2),
        row("call.authorised", 3, subject=BEN, attempt=A1),  # a known id again: passed over
    ]
    state = folded(entries)
    running = state.open_attempt_of(ANNA)
    assert running is not None
    assert running.id == A2
    assert state.open_attempt_of(BEN) is None
    assert state.authorised == 2
    state.apply(row("call.ended", 4, attempt=A2, outcome="busy"))
    running = state.open_attempt_of(ANNA)
    assert running is not None
    assert running.id == A1


def test_consents_that_are_lost_and_come_back() -> None:
    people = PackedPeople()
    for given_ms in (5, 9, 7):
        people.note_consent(ANNA, given_ms)
    assert (people.consents, people.consented_ms(ANNA)) == (3, 9)
    people.lose_consents(ANNA, 2, 100)
    assert (people.consents, people.revocation(ANNA)) == (1, (100, "lost"))
    people.lose_consents(ANNA, 5, 200)
    assert (people.consents, people.revocation(ANNA)) == (0, (100, "lost"))
    people.note_consent(ANNA, 8)
    assert (people.consents, people.revocation(ANNA)) == (1, None)
    people.note_revocation(ANNA, 300, "key")
    people.lose_consents(ANNA, 1, 400)
    people.note_consent(ANNA, 10)
    assert people.revocation(ANNA) == (300, "key"), "an objection stands whatever is lost"
    people.forget(ANNA)
    assert (people.consents, list(people.subjects()), people.remembers_numbers) == (0, [], False)
    assert people.consented_ms(ANNA) == NEVER


def test_more_consents_than_can_be_counted_are_told_as_the_most() -> None:
    people = PackedPeople()
    for _ in range(0xFFFF + 2):
        people.note_consent(ANNA, 1)
    assert people.consents == 0xFFFF
    assert list(people.subjects()) == [(hex_id(ANNA), 0xFFFF)]


WHO = st.sampled_from([ANNA, BEN, "gina", "ümlaut", "x" * 300])
MADE = st.builds(
    Attempt,
    id=st.sampled_from([A1, A2, "a", "", "é" * 9, "y" * 254, "z" * 255, "AB" * 16]),
    authorised_at=st.integers(-(10**12), 4 * 10**12).map(packed_history.moment),
    outcome=st.sampled_from(list(Outcome)),
    ended_at=st.integers(-(10**12), 4 * 10**12).map(packed_history.moment),
    bench=st.booleans(),
    purpose=st.sampled_from(["", "news", "survey"]),
    answered=st.booleans(),
)


@given(
    st.lists(st.tuples(WHO, MADE), max_size=12),
    st.dictionaries(WHO, st.tuples(st.integers(0, 10**12), st.sampled_from(["key", "sms"]))),
    st.sampled_from(["news", "survey", "never"]),
)
def test_packed_people_are_what_was_put_in(
    made: list[tuple[str, Attempt]], revoked: dict[str, tuple[int, str]], purpose: str
) -> None:
    people, plain = PackedPeople(), dict[str, list[Attempt]]()
    for who, attempt in made:
        people.add_attempt(who, attempt)
        # What is longer than 254 bytes is cut; such an id is nobody's.
        plain.setdefault(who, []).append(
            attempt if len(attempt.id) < 255 else Attempt(**_fields(attempt) | {"id": "z" * 254})
        )
    for who, (at, by) in revoked.items():
        people.note_revocation(who, at, by)
    resumed = PackedPeople.from_checkpoint(json.loads(json.dumps(people.to_checkpoint())))
    for kept in (people, resumed, people.copy()):
        for who in (ANNA, BEN, "gina", "ümlaut", "x" * 300):
            assert kept.attempts(who) == tuple(plain.get(who, ()))
            assert kept.revocation(who) == revoked.get(who)
            assert (who in kept) == (who in plain or who in revoked)
            counted = [a for a in plain.get(who, ()) if a.purpose in ("", purpose)]
            last = counted[-1] if counted else None
            newest = plain[who][-1].ended_at if who in plain else None
            assert kept.outline(hex_id(who), purpose) == Outline(
                who in revoked,
                NEVER if newest is None else packed_history.milliseconds(newest),
                len(counted),
                None if last is None else last.outcome,
                None if last is None else last.ended_at,
            )


def _fields(attempt: Attempt) -> dict[str, Any]:
    return {name: getattr(attempt, name) for name in Attempt.__slots__}


@pytest.mark.parametrize("count", [1, 2, 3000, 3500])
def test_many_people_come_back_from_blocks(count: int) -> None:
    """A line of a checkpoint holds 64 KiB of people, so that no line grows without end."""
    people = PackedPeople()
    for n in range(count):
        people.note_consent(f"{n:032x}", n)
    kept = people.to_checkpoint()
    sizes = [len(packed_history.as_bytes(block)) for block in kept["people"]]
    each = 16 + 4 + 19
    full = -(-64 * 1024 // each) * each
    assert sizes == [full] * (count * each // full) + [count * each % full] * (
        count * each % full > 0
    )
    resumed = PackedPeople.from_checkpoint(json.loads(json.dumps(kept)))
    assert [resumed.consented_ms(f"{n:032x}") for n in range(count)] == list(range(count))
    assert resumed.consents == count


def test_256_words_are_told_apart_and_the_next_counts_for_everybody() -> None:
    people = PackedPeople()
    for n in range(1, 257):
        people.note_revocation(ANNA, n, f"by-{n}")
        assert people.revocation(ANNA) == (n, f"by-{n}" if n < 256 else "")
    words = people.to_checkpoint()["words"]
    assert len(words) == 256
    resumed = PackedPeople.from_checkpoint(people.to_checkpoint())
    assert resumed.revocation(ANNA) == (256, "")
    with pytest.raises(ValueError, match="word"):
        PackedPeople.from_checkpoint(people.to_checkpoint() | {"words": [*words, "one more"]})


def test_ids_are_shared_and_nobody_is_lost_by_it() -> None:
    people = PackedPeople()
    for n, who in enumerate((ANNA, BEN, "gina")):
        people.note_consent(who, n)
    before = people.to_checkpoint()
    again = int(BEN, 16)
    people.share_ids([again, int(DORA, 16)])
    assert sorted(people.subjects(), key=str) == sorted(
        [(hex_id(ANNA), 1), (hex_id(BEN), 1), ("gina", 1)], key=str
    )
    assert people.to_checkpoint()["other_people"] == before["other_people"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 2, 0, 0, 1, 2999, tzinfo=UTC), 86_401_002),
        (datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), -1),
    ],
)
def test_times_are_cut_to_milliseconds(at: datetime, expected: int) -> None:
    assert packed_history.milliseconds(at) == expected
    assert packed_history.milliseconds(packed_history.moment(expected)) == expected
    assert packed_history.whole(at) == packed_history.moment(expected)


def test_a_damaged_checkpoint_says_what_is_wrong() -> None:
    good = folded(ENTRIES).to_checkpoint()
    for damage, told in (
        ({"version": 7}, "checkpoint version 7"),
        ({"version": 9}, "checkpoint version 9"),
        ({"consents": "AAAA"}, "a consent is cut"),
        ({"held": None, "moved": None}, "damaged checkpoint"),
    ):
        with pytest.raises(CheckpointInvalid, match=told):
            CampaignState.from_checkpoint(good | damage)


@pytest.mark.parametrize(("bench", "answered"), [(True, False), (False, True)])
@pytest.mark.parametrize("at", ["person", "number"])
def test_a_call_that_was_brought_back_is_what_it_was(bench: bool, answered: bool, at: str) -> None:
    data: dict[str, Any] = {
        "attempt": R1,
        "outcome": "busy",
        "authorised_at": written(-5),
        "ended_at": written(-4),
        "purpose": "news",
        "bench": bench,
        "answered": answered,
    }
    if at == "number":
        data["number_hash"] = "h"
    who = ANNA if at == "person" else None
    state = folded([row("call.restored", subject=who, **data)])
    (found,) = state.history(ANNA if at == "person" else "new", "h").attempts
    assert found == Attempt(
        id=R1,
        authorised_at=minute(-5),
        outcome=Outcome.BUSY,
        ended_at=minute(-4),
        bench=bench,
        purpose="news",
        answered=answered,
    )


def test_a_call_that_was_brought_back_without_its_time_or_its_person_is_none() -> None:
    whole: dict[str, Any] = {"attempt": R1, "outcome": "busy", "authorised_at": written(-5)}
    for subject, data in (
        (ANNA, whole | {"authorised_at": "soon"}),
        (None, whole),
        (None, whole | {"number_hash": ""}),
        (None, whole | {"number_hash": 5}),
    ):
        state = folded([row("call.restored", subject=subject, **data)])
        assert list(state.people()) == []
        assert list(state.pasts()) == []


@pytest.mark.parametrize("kind", ["consent.revoked", "contact.erased", "contact.lost"])
@pytest.mark.parametrize("number_hash", ["", 5, None, ["h"]])
@pytest.mark.parametrize("more", [{}, {"said_at": written(-1)}])
def test_what_is_no_hash_of_a_number_suppresses_none(
    kind: str, number_hash: object, more: dict[str, Any]
) -> None:
    made = [
        row("call.authorised", attempt=A1, line="l"),
        row("call.ended", seq=2, attempt=A1, outcome="busy"),
    ]
    state = folded([*made, row(kind, seq=3, number_hash=number_hash, **more)])
    assert list(state.suppressions()) == []
    assert list(state.pasts()) == []
    assert state.to_checkpoint()["moved"] == {}


@pytest.mark.parametrize(
    ("kind", "subject", "data"),
    [
        ("fleet.attempt_elsewhere", None, {"attempt": E1}),
        ("fleet.attempt_elsewhere", ANNA, {}),
        ("fleet.attempt_elsewhere", ANNA, {"attempt": 5}),
        ("fleet.claim_unused", None, {"attempt": E1}),
        ("call.authorised", None, {"attempt": E1}),
        ("call.authorised", ANNA, {}),
        ("call.authorised", ANNA, {"attempt": 5}),
        ("consent.granted", None, {"given_at": written(0)}),
        ("consent.granted", ANNA, {"given_at": "soon"}),
        ("consent.lost", None, {"consents": 1}),
        ("consent.lost", ANNA, {"consents": "1"}),
        ("consent.lost", ANNA, {}),
        ("contact.lost", None, {"number_hash": "h"}),
        ("key.noted", None, {"number_key": 5}),
    ],
)
def test_a_row_that_lacks_what_it_is_about_tells_of_nobody(
    kind: str, subject: str | None, data: dict[str, Any]
) -> None:
    state = folded([row(kind, subject=subject, **data)])
    assert list(state.people()) == []
    assert (state.authorised, state.open_attempts, state.consents) == (0, {}, 0)
    assert state.history(ANNA, "h") == NO_HISTORY
    assert state.number_key is None


@pytest.mark.parametrize(
    ("authorised", "ended", "known"), [(10, 20, 20), (10, 10, 10), (10, 9, 60), (70, 65, 70)]
)
def test_an_end_before_its_beginning_is_dated_by_the_newest_row(
    authorised: float, ended: float, known: float
) -> None:
    state = folded(
        [
            row("box.started", subject=None, at=60),
            row("call.authorised", seq=2, at=authorised, attempt=A1, line="l"),
            row("call.ended", seq=3, at=ended, attempt=A1, outcome="busy"),
        ]
    )
    assert [a.ended_at for a in state.history(ANNA).attempts] == [minute(known)]


MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("kind", "data", "revoked"),
    [
        ("consent.revoked", {"by": "key"}, Revocation(at=minute(60) + MOMENT, by="key")),
        ("contact.erased", {"by": "Alix"}, Revocation(at=minute(60), by="erased")),
        ("consent.lost", {"consents": 1}, Revocation(at=minute(60) + MOMENT, by="lost")),
    ],
)
def test_what_ends_a_consent_under_a_clock_that_is_behind_is_as_late_as_the_newest_row(
    kind: str, data: dict[str, Any], revoked: Revocation
) -> None:
    state = folded(
        [
            row("consent.granted", at=60, consent=C1, given_at=written(5)),
            row(kind, seq=2, at=10, number_hash="h", **data),
        ]
    )
    assert state.history(ANNA, "h").revocation == revoked


def test_a_withdrawal_is_a_moment_later_than_the_consent_that_it_ends() -> None:
    state = folded(
        [
            row("consent.granted", at=0, consent=C1, given_at=written(90)),
            row("consent.revoked", seq=2, at=10, by="key", number_hash="h"),
        ]
    )
    expected = Revocation(at=minute(90) + MOMENT, by="key")
    assert state.history(ANNA).revocation == expected
    assert state.history("new", "h").revocation == expected


def test_whoever_was_erased_in_a_call_is_still_in_it_by_their_number() -> None:
    """No number has a finished past, and nobody else is in a call."""
    state = folded(
        [
            row("call.authorised", attempt=A1, line="l", purpose="news"),
            row("contact.erased", seq=2, number_hash="h"),
        ]
    )
    assert [a.id for a in state.history("new", "h").attempts] == [A1]
    assert state.history("new", "h2").attempts == ()


@pytest.mark.parametrize(
    ("entries", "suppresses"),
    [
        ([], False),
        ([row("consent.revoked", by="key")], False),
        ([row("consent.revoked", by="key", number_hash="h")], True),
        ([row("message.kept", message="m", number_hashes=["h"])], True),
        (
            [
                row("call.authorised", attempt=A1, line="l"),
                row("call.ended", seq=2, attempt=A1, outcome="busy"),
                row("contact.lost", seq=3, number_hash="h"),
            ],
            True,
        ),
    ],
)
def test_whether_a_number_may_hold_somebody_back(entries: list[Entry], suppresses: bool) -> None:
    assert folded(entries).suppresses is suppresses


def test_who_is_in_a_call_is_told_of_each_alone() -> None:
    state = CampaignState()
    assert not state.is_in_call(hex_id(ANNA))
    state.apply(row("call.authorised", attempt=A1, line="l"))
    assert state.is_in_call(hex_id(ANNA))
    assert not state.is_in_call(hex_id(BEN))


@pytest.mark.parametrize(
    ("held", "short"),
    [(0, [(ANNA, 2, True)]), (1, [(ANNA, 1, False)]), (2, []), (3, [])],
)
def test_whose_consents_the_registry_lacks(held: int, short: list[tuple[str, int, bool]]) -> None:
    state = folded(
        [
            row("consent.granted", consent=C1, given_at=written(0)),
            row("consent.granted", seq=2, consent=C2, given_at=written(0)),
            row("call.authorised", seq=3, subject=BEN, attempt=A1, line="l"),
        ]
    )
    assert state.short_of({hex_id(ANNA): held, hex_id(BEN): 0}.__getitem__) == short


# -- bytes ----------------------------------------------------------------------------------------


def test_a_consent_that_came_back_leaves_no_trace_of_its_loss() -> None:
    people, plain = PackedPeople(), PackedPeople()
    for one in (people, plain):
        one.note_consent(ANNA, 5)
    people.lose_consents(ANNA, 1, 100)
    people.note_consent(ANNA, 5)
    assert people.to_checkpoint()["people"] == plain.to_checkpoint()["people"]


def test_a_block_that_is_full_to_its_last_byte_is_one() -> None:
    people = PackedPeople()
    for n in range(1680):
        people.note_consent(f"{n:032x}", n)
        if n == 0:
            # Of 22 and of 33 bytes: what 1679 people leave of 64 KiB.
            for name in ("ab", "x" * 13):
                attempt = Attempt(id=name, authorised_at=minute(0), outcome=Outcome.BUSY)
                people.add_attempt(f"{n:032x}", attempt)
    blocks = people.to_checkpoint()["people"]
    assert [len(packed_history.as_bytes(block)) for block in blocks] == [64 * 1024, 39]


def test_an_id_that_is_shared_is_the_very_object() -> None:
    state = folded([row("consent.granted", subject="ab" * 16, given_at=written(0))])
    again = int("ab" * 16, 16)
    assert not any(subject is again for subject, _ in state._people.subjects())
    state.share_ids([again])
    assert any(subject is again for subject, _ in state._people.subjects())
    assert list(state.people()) == ["ab" * 16]


def test_a_time_of_another_zone_is_kept_in_utc() -> None:
    paris = datetime(2027, 3, 10, 12, 0, 0, 1001, tzinfo=ZoneInfo("Europe/Paris"))
    for at in (paris, paris.replace(microsecond=1000), paris.astimezone(UTC)):
        kept = packed_history.whole(at)
        assert kept.tzinfo is UTC
        assert kept == datetime(2027, 3, 10, 11, 0, 0, 1000, tzinfo=UTC)


def test_what_checkpoints_have_for_never() -> None:
    assert NEVER == -4_611_686_018_427_387_904
