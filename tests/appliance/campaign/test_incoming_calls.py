"""Somebody calls the box: what it does about each caller, and what the ledger says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.call.incoming import ANSWER_WITHIN
from appliance.call.keys import MAX_PRESS_ROWS
from appliance.call.state import CallEvent
from appliance.campaign.history import CampaignState
from appliance.campaign.incoming_calls import IncomingCalls
from appliance.campaign.interfaces import People
from appliance.campaign.lines import Lines
from appliance.campaign.planner import Planner
from appliance.campaign.recorder import Recorder
from appliance.campaign.withdrawals import Withdrawals
from appliance.effects import Effect, Now, Record, Send, StoreRevocation
from appliance.model import Campaign, Consent, Contact, Script
from firmware import events
from firmware.events import Cause, Witness
from firmware.orders import AnswerCall, HangUp, Play

T0 = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
KNOWN = "+33639980001"
STRANGER = "+33639980099"
CALL = "in-1"


def script(language: str, incoming: str | None) -> Script:
    return Script(
        language=language,
        greeting="g",
        prompt="p",
        message="m",
        farewell="f",
        opted_out=f"opted.{language}",
        incoming=incoming,
        durations={f"opted.{language}": 4.0, f"in.{language}": 7.0},
    )


CAMPAIGN = Campaign(
    purpose="news",
    attended=False,
    scripts={"fr": script("fr", "in.fr"), "en": script("en", "in.en")},
    default_language="fr",
)


class OnePerson:
    """Anna, who speaks English."""

    def subjects(self) -> Sequence[str]:
        return ("anna",)

    def contact(self, subject: str) -> Contact | None:
        return Contact(
            subject="anna",
            number=KNOWN,
            number_hash="hash-anna",
            name="",
            language="en",
            timezone="Europe/Paris",
        )

    def consents(self, subject: str) -> Sequence[Consent]:
        return ()

    def by_number(self, number: str) -> Contact | None:
        return self.contact("anna") if number == KNOWN else None

    def arriving(self, _: str, /) -> datetime | None:
        return None

    def number_hash(self, number: str) -> str | None:
        if number == KNOWN:
            return "hash-anna"
        return f"hash-of{number[1:]}" if number.startswith("+") else None


class Desk:
    """The incoming calls of one line, and what they asked for."""

    def __init__(self, campaign: Campaign = CAMPAIGN) -> None:
        self.at = 100.0
        self.trusted = True
        self.recorder = Recorder(CampaignState())
        self.lines = Lines({"one": True}, self.recorder, freed=lambda _subjects: None)
        people = cast(People, OnePerson())
        self.incoming = IncomingCalls(
            campaign=campaign,
            people=people,
            recorder=self.recorder,
            lines=self.lines,
            withdrawals=Withdrawals(
                people=people,
                recorder=self.recorder,
                lines=self.lines,
                planner=cast(Planner, SimpleNamespace(later=lambda _subjects: None)),
                confirmation="",
            ),
        )
        self.rows: list[Record] = []
        self.lines.became_ready(
            events.LineReady(
                line="one",
                at=0.0,
                family="f",
                model="m",
                imei=None,
                iccid=None,
                witnesses=(),
                audio="none",
            ),
            self.now(),
        )

    def now(self) -> Now:
        utc = T0 + timedelta(seconds=self.at)
        return Now(monotonic=self.at, utc=utc, trusted=self.trusted, source="ntp")

    def taken(self) -> list[Effect]:
        effects = self.recorder.take()
        self.rows += [effect for effect in effects if isinstance(effect, Record)]
        return effects

    def rings(self, number: str | None = KNOWN, *, stopped: bool = False) -> list[Effect]:
        event = events.IncomingRinging(line="one", at=self.at, attempt=CALL, number=number)
        self.incoming.ringing(event, self.now(), stopped=stopped)
        return self.taken()

    def hears(self, kind: type[Any], **facts: Any) -> list[Effect]:
        event: CallEvent = kind(line="one", at=self.at, attempt=CALL, **facts)
        assert self.incoming.takes(event, self.now())
        return self.taken()

    def answered(self) -> list[Effect]:
        return self.hears(events.Answered, evidence="OK to ATA", weak=False)

    def key(self, key: str = "9") -> list[Effect]:
        return self.hears(events.KeyHeard, key=key, witness=Witness.HOST, sureness=0.98765)

    def finished(self, clip: str) -> list[Effect]:
        return self.hears(events.ClipFinished, clip=clip, played_ms=1, complete=True)

    def passes(self, seconds: float) -> list[Effect]:
        self.at += seconds
        self.incoming.time_passed(self.now())
        return self.taken()

    def ended(self, cause: Cause = Cause.LOCAL_HANG_UP, *, confirmed: bool = True) -> Record:
        facts = {"cause": cause, "evidence": "e", "code": None, "confirmed": confirmed}
        (row,) = self.hears(events.Ended, **facts)
        assert isinstance(row, Record)
        return row


HANG_UP = Send(order=HangUp(line="one", attempt=CALL))


def test_a_known_caller_hears_their_own_language() -> None:
    order = AnswerCall(line="one", attempt=CALL, greeting="in.en", keys="9")
    assert Desk().rings() == [Send(order=order)]


def test_a_stranger_hears_the_default_language() -> None:
    order = AnswerCall(line="one", attempt=CALL, greeting="in.fr", keys="9")
    assert Desk().rings(STRANGER) == [Send(order=order)]


def test_a_new_caller_shows_that_nobody_is_left_in_the_last_call() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    desk.ended(confirmed=False)
    assert (desk.incoming.unconfirmed, desk.incoming.running) == ({"one"}, {})
    assert desk.lines.idle == []
    desk.rings()
    assert (desk.incoming.unconfirmed, list(desk.incoming.running)) == (set(), ["one"])
    desk.ended()
    assert (desk.incoming.unconfirmed, desk.incoming.running) == (set(), {})
    assert [line.name for line in desk.lines.idle] == ["one"]


def test_a_late_end_shows_that_nobody_is_left() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    desk.ended(confirmed=False)
    facts = {"cause": Cause.LOCAL_HANG_UP, "evidence": "e", "code": None}
    assert desk.hears(events.Ended, confirmed=False, **facts) == []
    assert desk.incoming.unconfirmed == {"one"}
    assert desk.lines.idle == []
    assert desk.hears(events.Ended, confirmed=True, **facts) == []
    assert desk.incoming.unconfirmed == set()
    assert [line.name for line in desk.lines.idle] == ["one"]


def test_a_language_without_the_clip_falls_back() -> None:
    scripts = {**CAMPAIGN.scripts, "en": script("en", None)}
    order = AnswerCall(line="one", attempt=CALL, greeting="in.fr", keys="9")
    assert Desk(replace(CAMPAIGN, scripts=scripts)).rings() == [Send(order=order)]


def test_key_nine_is_on_disk_before_it_is_confirmed() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    effects = desk.key()
    kinds = [e.kind if isinstance(e, Record) else type(e).__name__ for e in effects]
    assert kinds == ["consent.revoked", "StoreRevocation", "incoming.key", "Send"]
    revoked, store, _, send = effects
    assert isinstance(revoked, Record)
    assert revoked.subject == "anna"
    assert revoked.data == {"by": "incoming", "number_hash": "hash-anna", "incoming": CALL}
    assert isinstance(store, StoreRevocation)
    assert store.revocation.by == "incoming"
    assert send == Send(order=Play(line="one", attempt=CALL, clip="opted.en"))
    assert desk.finished("opted.en") == [HANG_UP]
    assert desk.ended().data["outcome"] == "objected"


def test_a_stranger_s_objection_is_kept_by_the_hash_alone() -> None:
    desk = Desk()
    desk.rings(STRANGER)
    desk.answered()
    (revoked, *_) = desk.key()
    assert isinstance(revoked, Record)
    assert (revoked.subject, revoked.data["number_hash"]) == (None, "hash-of33639980099")
    assert STRANGER not in str(desk.rows)


def test_each_objection_is_recorded_and_confirmed() -> None:
    desk = Desk()
    for _ in range(2):
        desk.rings()
        desk.answered()
        assert Send(order=Play(line="one", attempt=CALL, clip="opted.en")) in desk.key()
        desk.ended(Cause.REMOTE_HANG_UP)
    assert [row.kind for row in desk.rows].count("consent.revoked") == 2


def test_silence_ends_the_call_after_a_bounded_time() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    assert desk.finished("in.en") == []
    wait = CAMPAIGN.timers.key_wait.total_seconds()
    assert desk.passes(wait - 0.1) == []
    assert desk.passes(0.2) == [HANG_UP]
    assert desk.passes(CAMPAIGN.timers.hang_up.total_seconds() - 0.2) == []
    row = desk.ended()
    assert (row.data["outcome"], row.data["why"]) == ("no_key", "silence")


def test_an_end_that_the_line_never_tells_is_recorded_in_time() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    desk.incoming.end("stop", desk.now())
    assert desk.taken() == [HANG_UP]
    (row,) = desk.passes(CAMPAIGN.timers.hang_up.total_seconds())
    assert isinstance(row, Record)
    said = {key: row.data[key] for key in ("outcome", "why", "cause")}
    assert said == {"outcome": "stopped", "why": "stop", "cause": None}
    assert row.data["evidence"] == {
        "end": "the line did not confirm the end in time",
        "code": None,
        "confirmed": False,
        "keys": [],
    }
    assert desk.incoming.running == {}
    assert desk.passes(1000.0) == []
    # The caller may be there still: nobody is dialled on this line, and a 9 counts, once.
    assert desk.lines.idle == []
    kinds = [effect.kind for effect in desk.key() if isinstance(effect, Record)]
    assert kinds == ["consent.revoked", "incoming.key"]
    assert desk.key() == []
    end = {"cause": Cause.LOCAL_HANG_UP, "evidence": "e", "code": None, "confirmed": True}
    assert desk.hears(events.Ended, **end) == []
    assert [line.name for line in desk.lines.idle] == ["one"]


def test_a_line_that_is_ready_again_is_free_of_a_caller_whose_end_it_never_told() -> None:
    desk = Desk()
    desk.rings()
    desk.ended(Cause.LINE_LOST, confirmed=False)
    assert desk.lines.idle == []
    desk.incoming.became_ready("one")
    assert [line.name for line in desk.lines.idle] == ["one"]


def test_a_clip_that_never_tells_its_end_counts_as_over() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    assert desk.passes(20.0) == []
    assert desk.key() != []
    assert desk.passes(20.0) == [HANG_UP]


def test_other_keys_do_nothing_and_fill_no_disk() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    for _ in range(MAX_PRESS_ROWS + 5):
        desk.key("1")
    assert [row.kind for row in desk.rows].count("incoming.key") == MAX_PRESS_ROWS
    assert desk.key("9")[0] == desk.rows[-2]
    assert desk.rows[-2].kind == "consent.revoked"


def test_the_evidence_says_who_heard_the_key() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    desk.key()
    desk.hears(events.KeyConfirmed, key="9", witness=Witness.MODULE, sureness=0.9)
    evidence = desk.ended().data["evidence"]
    said = {"witness": "host", "confirmed_by": "module", "confirmed_sureness": 0.9}
    assert evidence["keys"] == [{"key": "9", **said}]


@pytest.mark.parametrize(
    ("number", "stopped", "campaign", "why"),
    [
        (None, False, CAMPAIGN, "no number"),
        ("ACME", False, CAMPAIGN, "no number"),
        (KNOWN, True, CAMPAIGN, "stop"),
        (KNOWN, False, replace(CAMPAIGN, scripts={"fr": script("fr", None)}), "no clip"),
    ],
)
def test_callers_who_are_rejected(
    number: str | None, stopped: bool, campaign: Campaign, why: str
) -> None:
    desk = Desk(campaign)
    assert desk.rings(number, stopped=stopped) == [HANG_UP]
    row = desk.ended()
    assert (row.kind, row.data["outcome"], row.data["why"]) == ("incoming.ended", "rejected", why)


def test_nobody_is_answered_whose_objection_could_not_be_kept() -> None:
    desk = Desk()
    desk.recorder.storage_failure = "full"
    assert desk.rings() == [HANG_UP]


def test_an_untrusted_clock_takes_objections() -> None:
    desk = Desk()
    desk.trusted = False
    desk.rings()
    desk.answered()
    (revoked, *_) = desk.key()
    assert isinstance(revoked, Record)
    assert revoked.data["clock"] == "untrusted"


@pytest.mark.parametrize("answered", [True, False])
def test_the_stop_hangs_up(answered: bool) -> None:
    desk = Desk()
    desk.rings()
    if answered:
        desk.answered()
    desk.incoming.end("stop", desk.now())
    assert desk.taken() == [HANG_UP]
    row = desk.ended(Cause.EMERGENCY)
    assert row.data["outcome"] == ("stopped" if answered else "rejected")


def test_a_key_that_came_with_the_stop_still_counts() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    desk.incoming.end("stop", desk.now())
    effects = desk.key()
    assert isinstance(effects[1], Record)
    assert effects[1].kind == "consent.revoked"
    assert not any(isinstance(e, Send) and isinstance(e.order, Play) for e in effects)


def test_a_caller_who_gives_up_is_missed() -> None:
    desk = Desk()
    desk.rings()
    assert desk.ended(Cause.FAILED).data["outcome"] == "failed"
    desk.rings()
    assert desk.ended(Cause.REMOTE_HANG_UP).data["outcome"] == "missed"


def test_a_line_that_does_not_answer_is_hung_up() -> None:
    desk = Desk()
    desk.rings()
    assert desk.passes(ANSWER_WITHIN) == [HANG_UP]


def test_a_dead_voice_ends_the_call() -> None:
    desk = Desk()
    desk.rings()
    desk.answered()
    assert desk.hears(events.AudioFailed, detail="the port is dead") == [HANG_UP]
    row = desk.ended()
    assert (row.data["outcome"], row.data["evidence"]["audio"]) == ("failed", "the port is dead")


def test_the_line_dials_nobody_meanwhile() -> None:
    desk = Desk()
    assert [line.name for line in desk.lines.idle] == ["one"]
    desk.rings()
    assert desk.lines.idle == []
    desk.ended()
    assert [line.name for line in desk.lines.idle] == ["one"]


def test_events_of_other_calls_are_left_alone() -> None:
    desk = Desk()
    desk.rings()
    other = events.Answered(line="one", at=1.0, attempt="a1", evidence="", weak=False)
    assert not desk.incoming.takes(other, desk.now())


MOVES = ("answered", "key 9", "key 1", "in.en", "opted.en", "time", "stop", "audio")


@given(st.lists(st.sampled_from(MOVES), max_size=12))
def test_whatever_happens_the_law_holds(moves: list[str]) -> None:
    """A nine is recorded once and before its confirmation; the end frees the line, in one row."""
    desk = Desk()
    desk.rings()
    nine = False
    for move in moves:
        match move:
            case "answered":
                effects = desk.answered()
            case "key 9" | "key 1":
                effects = desk.key(move[-1])
                nine = nine or move == "key 9"
            case "time":
                effects = desk.passes(30.0)
            case "stop":
                desk.incoming.end("stop", desk.now())
                effects = desk.taken()
            case "audio":
                effects = desk.hears(events.AudioFailed, detail="dead")
            case clip:
                effects = desk.finished(clip)
        plays = [e for e in effects if isinstance(e, Send) and isinstance(e.order, Play)]
        if plays:
            assert isinstance(effects[0], Record)
            assert effects[0].kind == "consent.revoked"
    # Where the line took too long to confirm the end, the row is written already.
    end = {"cause": Cause.LOCAL_HANG_UP, "evidence": "e", "code": None, "confirmed": True}
    desk.hears(events.Ended, **end)
    kinds = [row.kind for row in desk.rows]
    assert kinds.count("consent.revoked") == nine
    assert kinds.count("incoming.ended") == 1
    assert desk.incoming.running == {}
    assert desk.incoming.deadlines == []
    assert [line.name for line in desk.lines.idle] == ["one"]
