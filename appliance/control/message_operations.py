"""Operations on kept text messages: list, show, delete. What a person has looked at holds nobody
back any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.box.box import Box
from appliance.campaign.kept_messages import KeptMessages
from appliance.effects import Record
from appliance.errors import Refused
from appliance.model import KeptMessage
from appliance.numbers import mask
from firmware.wording import worded

SHORTEST = 4
"""Digits of an id that may stand for it."""


class MessageOperations:
    """See the module; arguments and results are plain JSON."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._kept = box.state.registry.messages

    def facts(self) -> dict[str, int]:
        """How many messages there are, and how many of them wait, for status and doctor."""
        waiting = {message for message, _ in self._fold.waiting()}
        return {
            "kept": len(self._ids()),
            "waiting": len(waiting),
            "held_back": sum(bool(one.number_hashes) for _, one in self._fold.waiting()),
        }

    def all(self, _: dict[str, Any]) -> dict[str, Any]:
        """Return all messages without their text, senders masked."""
        waiting = {message for message, _ in self._fold.waiting()}
        rows = [
            self._row(message, self._kept.get(message), waits=message in waiting)
            for message in self._ids()
        ]
        return {"messages": rows}

    def show(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return one message with its text and sender; its sender may be called from then on."""
        message = self._find(str(arguments.get("message", "")))
        waits = any(message == one for one, _ in self._fold.waiting())
        kept = self._kept.get(message)
        if waits:
            self._note("message.read", message)
        shown = self._row(message, kept, waits=waits)
        if kept is not None:
            shown |= {
                "sender": kept.number,
                "numbers": list(kept.numbers),
                "text": kept.readings[0] if kept.readings else None,
                "other_readings": list(kept.readings[1:]),
                "pdus": list(kept.pdus),
            }
        return shown

    def delete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Delete messages for good: all that are named, or none."""
        named = arguments.get("messages")
        if not isinstance(named, list) or not named:
            raise Refused(worded("no message is named"), worded("see: autodialer messages list"))
        found = list(dict.fromkeys(self._find(str(one)) for one in named))
        self.forget(found, by="command")
        return {"deleted": found}

    def forget(self, messages: Sequence[str], *, by: str) -> None:
        """Delete messages: recorded first, then gone from every file of the registry."""
        for message in messages:
            self._note("message.deleted", message, by=by)
        self._kept.forget(messages)

    def expired(self, now: datetime, days: int) -> list[str]:
        """Return those that came more than *days* ago."""
        return [m.id for m in self._kept if m.received_at + timedelta(days=days) <= now]

    @property
    def _fold(self) -> KeptMessages:
        return self._box.engine.state.messages

    def _ids(self) -> list[str]:
        """All messages: also those that wait and whose text is lost."""
        ids = [message.id for message in self._kept]
        return list(dict.fromkeys([*ids, *(message for message, _ in self._fold.waiting())]))

    def _find(self, written: str) -> str:
        matching = [one for one in self._ids() if one.startswith(written.strip().lower())]
        if len(matching) == 1 and len(written.strip()) >= SHORTEST:
            return matching[0]
        if len(matching) > 1:
            raise Refused(worded("that id begins several messages"), worded("write more of it"))
        raise Refused(worded("there is no such message"), worded("see: autodialer messages list"))

    def _note(self, kind: str, message: str, **more: object) -> None:
        subject = next(
            (one.subject for waiting, one in self._fold.waiting() if waiting == message), None
        )
        self._box.note([Record(kind=kind, subject=subject, data={"message": message, **more})])

    def _row(self, message: str, kept: KeptMessage | None, *, waits: bool) -> dict[str, Any]:
        if kept is None:
            # An older registry was restored, or its time was over: only the ledger knows of it.
            return {"message": message, "waits": waits, "why": "text_lost", "sender": None}
        return {
            "message": message,
            "received_at": _time(kept.received_at),
            "sent_at": None if kept.sent_at is None else _time(kept.sent_at),
            "line": kept.line,
            "sender": mask(kept.numbers[0]) if kept.numbers else _hidden(kept.number),
            "why": kept.why,
            "waits": waits,
        }


def told(messages: Iterable[KeptMessage]) -> list[dict[str, Any]]:
    """Return messages whole, for the person that they are from."""
    return [
        {
            "message": one.id,
            "received_at": _time(one.received_at),
            "sent_at": None if one.sent_at is None else _time(one.sent_at),
            "sender": one.number,
            "text": one.readings[0] if one.readings else None,
        }
        for one in messages
    ]


def _hidden(sender: str) -> str:
    """A name stands as it is; digits that are no whole number are hidden all the same."""
    return "•••" if any(c.isdigit() for c in sender) or not sender else sender


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
