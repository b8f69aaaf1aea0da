"""Text messages: one that objects withdraws consent, any other waits for a person. Pure.

Nothing that somebody wrote is lost. The message is deleted where it lies only once what it means
is on disk: the withdrawal, or the message itself with the row that holds its sender back until a
person has looked. A message that is read again, after a power cut or because the modem kept it,
is known by its id and means nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from appliance.campaign.interfaces import People
from appliance.campaign.planner import Planner
from appliance.campaign.recorder import Recorder
from appliance.campaign.withdrawals import Withdrawals
from appliance.effects import KeepMessage, Now, Send
from appliance.model import KeptMessage
from appliance.objections.understand import Phrasebook
from firmware.events import SmsReceived
from firmware.orders import DeleteSms

STAMPS_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
"""A time stamp before this is that of a message centre without a clock."""
LATEST_HELD = timedelta(days=30)
"""Networks hold a message for days, two weeks at most. One that is stamped as older was stamped by
a wrong clock, or lay in a SIM for so long that nobody can tell: it counts as of now, which may
cost a consent that was given since, and no objection."""
ZONE_FAULT = timedelta(hours=14)
"""Some message centres stamp their local time with another zone's offset. An objection counts as
said by so much later than its stamp, so that none is taken for older than it is."""


class Messages:
    """Takes each message that a line has read; see the module."""

    def __init__(
        self,
        *,
        people: People,
        recorder: Recorder,
        withdrawals: Withdrawals,
        planner: Planner,
        phrasebook: Phrasebook,
        ids: Iterator[str],
    ) -> None:
        self._people = people
        self._recorder = recorder
        self._withdrawals = withdrawals
        self._planner = planner
        self._phrasebook = phrasebook
        self._ids = ids

    def received(self, message: SmsReceived, iccid: str | None, now: Now) -> None:
        """Act on *message*, which came to the SIM *iccid*."""
        if self._recorder.storage_failure is not None:
            # It stays where it is, and is read again when something can be kept.
            return
        known = self._people.message_id(message.mark) if message.mark else None
        if known is None and message.waiting:
            # Nothing would tell it from itself when the rest has come.
            return
        if known is None or not self._recorder.state.messages.knows(known):
            numbers = self._people.possible(message.number, message.sender, iccid)
            people = [number for number in numbers if self._people.by_number(number) is not None]
            if self._objects(message) and numbers and len(people) <= 1:
                self._take_objection(message, people or list(numbers), known, now)
            elif message.waiting:
                # Its other parts may make it plain.
                return
            else:
                self._keep(message, numbers, people, known or next(self._ids), now)
        if not message.waiting:
            order = DeleteSms(line=message.line, places=message.places)
            self._recorder.emit(Send(order=order), now)

    def _objects(self, message: SmsReceived) -> bool:
        readings = (message.text, *message.other_readings)
        return any(text is not None and self._phrasebook.objects(text) for text in readings)

    def _take_objection(
        self, message: SmsReceived, numbers: list[str], known: str | None, now: Now
    ) -> None:
        more: dict[str, object] = {} if known is None else {"message": known}
        said_at = _said_at(message.sent_at, now)
        for number in numbers:
            self._withdrawals.objection(
                number, "sms", now, line=message.line, said_at=said_at, **more
            )

    def _keep(
        self,
        message: SmsReceived,
        numbers: tuple[str, ...],
        people: list[str],
        id_: str,
        now: Now,
    ) -> None:
        readings = tuple(r for r in (message.text, *message.other_readings) if r is not None)
        if not numbers:
            why = "sender_unknown"
        elif not readings:
            why = "unreadable"
        else:
            why = "not_understood" if not self._objects(message) else "several_people"
        kept = KeptMessage(
            id=id_,
            received_at=now.utc,
            sent_at=message.sent_at,
            line=message.line,
            number=message.number,
            numbers=numbers,
            readings=readings,
            why=why,
            pdus=() if len(readings) == 1 else tuple(place.pdu for place in message.places),
        )
        self._recorder.emit(KeepMessage(message=kept), now)
        contact = self._people.by_number(people[0]) if len(people) == 1 else None
        hashes = [h for n in numbers if (h := self._people.number_hash(n)) is not None]
        self._recorder.record(
            "message.kept",
            None if contact is None else contact.subject,
            now,
            message=id_,
            line=message.line,
            why=why,
            number_hashes=hashes,
        )
        held = (self._people.by_number(number) for number in people)
        self._planner.later([contact.subject for contact in held if contact is not None])


def _said_at(sent_at: datetime | None, now: Now) -> datetime | None:
    """Return when an objection counts as said, where that is before now and can be believed."""
    if sent_at is None or not now.trusted or sent_at < STAMPS_SINCE:
        return None
    said_at = sent_at.astimezone(UTC) + ZONE_FAULT
    if said_at >= now.utc or now.utc - sent_at > LATEST_HELD:
        return None
    return said_at
