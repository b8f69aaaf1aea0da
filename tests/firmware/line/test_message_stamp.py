"""The stamp of a text message as a hint of the time: of one that came in service, and no other."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from firmware.events import StoredAt
from firmware.line.messages import LineMessages
from firmware.sms.assembly import Unit
from firmware.sms.pdu import Kind, Part

STAMP = datetime(2027, 3, 9, 18, 0, tzinfo=timezone(timedelta(hours=1)))


def part(text: str, sent_at: datetime | None = STAMP) -> Part:
    return Part(
        kind=Kind.DELIVER, number="+33639980001", readings=(text,), sent_at=sent_at, pdu=text
    )


class Store:
    """What lies in the modem's memories."""

    announces, receives_in, refused = True, "SM", ""
    usage: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.units: list[Unit] = []

    def lay(self, one: Part, index: int) -> None:
        self.units.append(Unit(one, StoredAt(memory="SM", index=index, pdu=one.pdu), 0.0))

    def sweep(self) -> list[Unit]:
        return list(self.units)


def test_only_what_came_in_service_hints() -> None:
    clock = [100.0]
    context: Any = SimpleNamespace(
        name="one", now=lambda: clock[0], post=lambda _: None, log=logging.getLogger()
    )
    messages, store = LineMessages(context), Store()
    messages._store = store  # type: ignore[assignment]
    store.lay(part("from before"), 1)
    messages.sweep()
    assert messages.describe()["stamp"] is None

    clock[0] = 160.0
    store.lay(part("new", STAMP + timedelta(hours=1)), 2)
    messages.sweep()
    stamped = (STAMP + timedelta(hours=1)).astimezone(UTC).isoformat()
    assert (messages.describe()["stamp"], messages.describe()["stamp_at"]) == (stamped, 160.0)

    # Read again, it is no news; without a stamp, or with one without a zone, it is none.
    clock[0] = 220.0
    store.lay(part("no stamp", None), 3)
    store.lay(part("no zone", STAMP.replace(tzinfo=None)), 4)
    messages.sweep()
    assert messages.describe()["stamp_at"] == 160.0
