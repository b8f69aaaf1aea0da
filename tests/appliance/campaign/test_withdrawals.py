"""A withdrawal: what its row says, what the registry is told, and whether it is an answer's due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.campaign import inputs
from appliance.campaign.options import Options
from appliance.effects import Entry, Send, StoreRevocation
from appliance.model import Consent
from firmware import events
from firmware.orders import SendSms
from tests.support.engine_bench import T0, Box, Registry, hours

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONE_FAULT = timedelta(hours=14)
"""By so much later than its stamp a message counts as said."""


class Importing(Registry):
    """An import is bringing consents that no row tells of yet."""

    until: datetime | None = None

    def arriving(self, _: str, /) -> datetime | None:
        return self.until


def agreed(given_at: datetime, recorded_at: datetime | None = None) -> Consent:
    return Consent(
        id="c",
        subject="anna",
        purpose="survey",
        given_at=given_at,
        source="form",
        evidence="sheet",
        windows="",
        valid_until=None,
        recorded_at=recorded_at or given_at,
    )


def revoked(by: str, at: datetime, number_hash: str = "hash-of-an-earlier-number") -> Entry:
    data = {"by": by, "number_hash": number_hash, "said_at": at.isoformat()}
    return Entry(seq=1, at=at, kind="consent.revoked", subject="anna", data=data)


def stop(sent_at: datetime | None = None) -> events.SmsReceived:
    return events.SmsReceived(
        line="line-1", at=0.0, number="+33639980000", text="STOP", sent_at=sent_at
    )


BEHIND = T0 - timedelta(days=300)
"""What the clock says where it is behind."""
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("clock", "newest_row", "given", "recorded", "arriving", "ends"),
    [
        (T0, None, None, None, None, None),
        (T0, None, T0, T0, None, None),
        (T0, None, T0 + TICK, T0, None, T0 + TICK),
        (T0, None, T0, T0 + TICK, None, T0 + TICK),
        (T0, None, None, None, T0, None),
        (T0, None, None, None, T0 + TICK, T0 + TICK),
        (T0, None, T0 + 2 * TICK, T0, T0 + TICK, T0 + 2 * TICK),
        (T0, None, T0 + TICK, T0, T0 + 2 * TICK, T0 + 2 * TICK),
        # The ledger is further than the clock: its rows order what happened.
        (BEHIND, T0, T0, T0, None, None),
        (BEHIND, T0, T0 + TICK, T0, None, T0 + TICK),
        (BEHIND, T0, BEHIND + TICK, BEHIND, None, None),
        (BEHIND, None, BEHIND + TICK, BEHIND, None, BEHIND + TICK),
        # A clock that begins anew at each start.
        (EPOCH, None, None, None, None, None),
        (EPOCH + TICK, None, None, None, None, None),
    ],
)
def test_a_withdrawal_under_a_clock_that_is_behind_reaches_over_every_consent(
    clock: datetime,
    newest_row: datetime | None,
    given: datetime | None,
    recorded: datetime | None,
    arriving: datetime | None,
    ends: datetime | None,
) -> None:
    people = Importing(anna=hours(5, 9))
    people.until = arriving
    if given is not None:
        people.given["anna"] = [agreed(given, recorded)]
    rows = []
    if newest_row is not None:
        rows = [Entry(seq=1, at=newest_row, kind="box.started", subject=None, data={})]
    box = Box(people, ready=False, entries=rows)
    box.trusted = False
    box.shift = clock - T0
    box.take(inputs.Revoke(subject="anna", number_hash="hash-anna"))
    told = {"by": "command", "number_hash": "hash-anna", "clock": "untrusted"}
    if ends is not None:
        told["ends"] = ends.isoformat()
    assert box.last("consent.revoked").data == told


@pytest.mark.parametrize(
    ("newest", "answered"),
    [
        (None, True),  # nothing was known of them
        (T0 - timedelta(hours=1), False),
        (T0, False),  # agreed at the very instant of the known objection
        (T0 + TICK, True),
    ],
)
def test_only_an_objection_that_changes_something_is_answered(
    newest: datetime | None, answered: bool
) -> None:
    people = Registry(anna=hours(5, 9))
    entries = []
    if newest is not None:
        entries = [revoked("key", T0, "hash-anna")]
        people.given["anna"] = [agreed(newest - timedelta(days=1), newest)]
    box = Box(people, options=Options(confirmation="Noted."), entries=entries)
    box.take(stop())
    answer = Send(order=SendSms(line="line-1", number="+33639980000", text="Noted."))
    assert (answer in box.effects) is answered


@pytest.mark.parametrize(
    ("option", "by_message", "answered"),
    [("Noted.", True, True), ("", True, False), ("Noted.", False, False)],
)
def test_only_a_message_is_answered_and_only_where_there_is_an_answer(
    option: str, by_message: bool, answered: bool
) -> None:
    options = Options(confirmation=option, incoming_call_objects=True)
    box = Box(Registry(anna=hours(5, 9)), options=options)
    call = events.IncomingRejected(line="line-1", at=0.0, attempt="i", number="+33639980000")
    box.take(stop() if by_message else call)
    assert box.last("consent.revoked").subject == "anna"
    told = [e for e in box.effects if isinstance(e, Send) and isinstance(e.order, SendSms)]
    assert len(told) == answered


@pytest.mark.parametrize(("given", "stands"), [(-TICK, False), (timedelta(), False), (TICK, True)])
def test_a_consent_stands_where_it_was_given_after_the_objection_was_said(
    given: timedelta, stands: bool
) -> None:
    sent = T0 - timedelta(days=5)
    people = Registry(anna=hours(-1, 9))
    people.given["anna"] = [agreed(sent + ZONE_FAULT + given)]
    box = Box(people, options=Options(confirmation="Noted."))
    assert box.called() == ["anna"]
    told = box.take(stop(sent))
    assert ("HangUp" in told) is not stands, "the call goes on for whoever agreed since"
    assert ("SendSms" in told) is not stands
    assert box.last("consent.revoked").data["said_at"] == (sent + ZONE_FAULT).isoformat()


@pytest.mark.parametrize("given", [timedelta(days=-30), timedelta(days=-1)])
def test_whoever_objects_is_planned_anew_whether_a_consent_stands_or_not(given: timedelta) -> None:
    people = Registry(anna=hours(5, 9))
    people.given["anna"] = [agreed(T0 + given)]
    box = Box(people)
    assert box.engine.planned == 1
    box.take(stop(T0 - timedelta(days=5)))
    # This bench's gate lets nobody be called of whom a withdrawal is known.
    assert (box.engine.planned, box.engine.refusals) == (0, {"consent": 1})


@pytest.mark.parametrize("kind", ["consent.revoked", "contact.erased"])
def test_whom_the_shell_withdraws_has_no_place_from_then_on(kind: str) -> None:
    box = Box(Registry(anna=hours(5, 9)))
    row = Entry(seq=9, at=T0, kind=kind, subject="anna", data={"number_hash": "hash-anna"})
    box.engine.observe([row], box.now())
    assert box.engine.planned == 0


def test_what_a_person_withdrew_under_another_number_is_known() -> None:
    """Nothing is new, and the registry keeps the newest."""
    box = Box(
        Registry(anna=hours(5, 9)),
        options=Options(confirmation="Noted."),
        entries=[revoked("key", T0)],
    )
    told = box.take(stop(T0 - timedelta(days=5)))
    assert "SendSms" not in told
    (stored,) = [e for e in box.effects if isinstance(e, StoreRevocation)]
    assert (stored.subject, stored.revocation.at, stored.revocation.by) == ("anna", T0, "key")


def test_what_a_stranger_withdraws_is_in_no_registry() -> None:
    box = Box(Registry(anna=hours(5, 9)))
    assert box.take(inputs.Revoke(subject=None, number_hash="hash-x")) == ["consent.revoked"]
    assert box.engine.planned == 1


def test_a_number_that_cannot_be_read_is_nobody() -> None:
    class Numberless(Registry):
        def number_hash(self, number: str) -> str | None:
            return None

    box = Box(Numberless(anna=hours(5, 9)))
    assert box.take(stop()) == ["DeleteSms"]
