"""The text messages of one line: swept from its stores, or taken as they come inline, put together
from their parts and told to the box, which says when each may go.

What comes inline is stored nowhere, so it is told at once, whatever the line is doing. A long
message whose first part is there is told before the rest: an objection stands at its beginning.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from firmware.at.command_port import CommandPort
from firmware.call.context import LineContext
from firmware.errors import CommandTimeout
from firmware.events import StoredAt
from firmware.modem.message_store import MessageStore
from firmware.orders import DeleteSms
from firmware.sms.assembly import Message, Unit, assemble
from firmware.sms.inline import STRAY, read_inline
from firmware.sms.pdu import Kind, Part, read_part

PARTS_WITHIN = 60.0
"""Box seconds that the missing parts of a message are waited for: the network sends them within
seconds of each other."""
SWEEP_EVERY = 60.0
"""Box seconds between two sweeps of the stores; +CMTI notices get lost."""
AGAIN_AFTER = 30.0
"""Box seconds after which what still lies in a store is told again: the order to delete it was
lost, or the disk took nothing."""
UNANNOUNCED_EVERY = 15.0
"""The same where the modem refuses to tell of messages at all."""


class LineMessages:
    """See the module. :meth:`inline` and :meth:`describe` may be called from any thread."""

    def __init__(self, line: LineContext) -> None:
        self._line = line
        self._store: MessageStore | None = None
        self._lock = threading.Lock()
        self._loose: list[Unit] = []
        """Parts that came inline and whose message is not whole."""
        self._told: dict[tuple[tuple[StoredAt, ...], bool], float] = {}
        """When a message was told, as a whole or not."""
        self._stuck: set[tuple[StoredAt, ...]] = set()
        """Dealt with, and the modem does not delete them: not to be told again and again."""
        self._swept = False
        self._stamp: tuple[datetime, float] | None = None
        """What the message centre stamped on the newest message that came in service, and when it
        came: a hint of what time it is. What lay in the stores before may be of any day."""

    @property
    def sweep_every(self) -> float:
        """Box seconds."""
        announced = self._store is None or self._store.announces
        return SWEEP_EVERY if announced else UNANNOUNCED_EVERY

    def attach(self, modem: CommandPort) -> None:
        """Set up the stores of *modem*, which is in service from now on. Raises LinkLost."""
        store = MessageStore(modem=modem, now=self._line.now, log=self._line.log)
        store.set_up()
        self._stuck.clear()
        self._told.clear()
        self._swept = False
        self._store = store
        try:
            # Before the network is waited for: a full store takes no objection meanwhile.
            self.sweep()
        except CommandTimeout as error:
            self._line.log.info("messages could not be read yet: %s", error)

    def sweep(self) -> None:
        """Tell everything that lies in the stores. Raises CommandTimeout, LinkLost."""
        self._tell_loose()
        store = self._store
        if store is None:
            return
        units = store.sweep()
        if store.refused:
            self._line.log.info("messages could not be read: %s", store.refused)
        room = not any(usage.nearly_full for usage in store.usage)
        there = assemble(units)
        for message in there:
            if message.places not in self._stuck:
                self._tell_stored(message, may_wait=room)
        self._swept = True
        places = {message.places for message in there}
        self._told = {key: at for key, at in self._told.items() if key[0] in places}

    def _tell_stored(self, message: Message, *, may_wait: bool) -> None:
        waits = may_wait and not message.complete and not self._expired(message)
        key, now = (message.places, waits), self._line.now()
        if self._swept and not any(message.places == places for places, _ in self._told):
            self._note_stamp(message.units[0].part)
        if now - self._told.get(key, float("-inf")) >= AGAIN_AFTER:
            self._told[key] = now
            self._tell(message, may_wait=may_wait)

    def inline(self, header: str, body: str | None) -> None:
        """Take a notice that may hold a message."""
        part = read_inline(header, body)
        if part is None and body is None and STRAY.fullmatch(header):
            stray = read_part(header)
            part = stray if stray.kind is Kind.DELIVER else None
        if part is None or part.kind not in (Kind.DELIVER, Kind.UNREADABLE):
            return
        self._take(part)
        self._tell_loose()

    def _note_stamp(self, part: Part) -> None:
        if part.sent_at is not None and part.sent_at.tzinfo is not None:
            self._stamp = (part.sent_at.astimezone(UTC), self._line.now())

    def _take(self, part: Part) -> None:
        self._note_stamp(part)
        unit = Unit(part, StoredAt(memory="", index=-1, pdu=part.pdu), self._line.now())
        with self._lock:
            self._loose.append(unit)

    def _tell_loose(self, *, final: bool = False) -> None:
        """Tell what is whole, or has waited long enough; and what begins, as far as it goes."""
        with self._lock:
            messages = assemble(self._loose)
            over = [m for m in messages if final or m.complete or self._expired(m)]
            told = {id(unit) for m in over for unit in (*m.units, *m.doubles)}
            self._loose = [unit for unit in self._loose if id(unit) not in told]
        for message in messages:
            self._tell(message, may_wait=not final)

    def _tell(self, message: Message, *, may_wait: bool) -> None:
        waiting = may_wait and not message.complete and not self._expired(message)
        self._line.post(message.received(self._line.name, self._line.now(), waiting=waiting))

    def _expired(self, message: Message) -> bool:
        return self._line.now() - message.since >= PARTS_WITHIN

    def delete(self, order: DeleteSms) -> None:
        """Delete a message that the box has dealt with. Raises LinkLost."""
        store = self._store
        if store is None:
            return
        try:
            gone = store.delete(order.places)
        except CommandTimeout as error:
            self._line.log.info("a message could not be deleted: %s", error)
            gone = False
        if not gone:
            self._stuck.add(order.places)

    def leave(self) -> None:
        """The modem is out of service: what came inline in part is told as it is."""
        self._store = None
        self._tell_loose(final=True)

    def describe(self) -> dict[str, object]:
        """Plain values for status and doctor."""
        store, stamp = self._store, self._stamp
        if store is None:
            return {}
        return {
            "stamp": stamp[0].isoformat() if stamp else None,
            "stamp_at": stamp[1] if stamp else None,
            "stores": [
                {"memory": usage.memory, "used": usage.used, "total": usage.total}
                for usage in store.usage
            ],
            "nearly_full": [usage.memory for usage in store.usage if usage.nearly_full],
            "undeletable": len(self._stuck),
            "receives_in": store.receives_in,
            "announces": store.announces,
            "refused": store.refused or None,
        }
