"""Long messages come in parts (3GPP TS 23.040, 9.2.3.24.1): put together here, in any order.

Parts of one message have sender, reference and count in common. A sender that uses one reference
again is told apart by a part that is there already with another text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware.events import SmsReceived, StoredAt
from firmware.sms.pdu import Part

GAP = " […] "
"""Stands where a part is missing."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One part, where it lies and since when it is known (box seconds)."""

    part: Part
    place: StoredAt
    since: float


@dataclass(slots=True)
class _Set:
    units: dict[int, Unit] = field(default_factory=dict)
    doubles: list[Unit] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Message:
    """Units that belong together, in the order of their parts."""

    units: tuple[Unit, ...]
    doubles: tuple[Unit, ...] = ()
    """Units that the network sent twice."""

    @property
    def complete(self) -> bool:
        told = self.units[0].part.part
        return told is None or len(self.units) == told.total

    @property
    def since(self) -> float:
        """When its first part was seen."""
        return min(unit.since for unit in self.units)

    @property
    def places(self) -> tuple[StoredAt, ...]:
        return tuple(unit.place for unit in (*self.units, *self.doubles))

    @property
    def readings(self) -> tuple[str, ...]:
        """The text in each way that it can be read; a missing part leaves a gap."""
        told = self.units[0].part.part
        if told is None:
            return self.units[0].part.readings
        by_number = {unit.part.part.number: unit.part for unit in self.units if unit.part.part}
        ways = max((len(part.readings) for part in by_number.values()), default=0)
        texts = []
        for way in range(ways):
            pieces = []
            for number in range(1, told.total + 1):
                part = by_number.get(number)
                found = part.readings if part is not None else ()
                pieces.append(found[min(way, len(found) - 1)] if found else GAP)
            texts.append("".join(pieces))
        return tuple(dict.fromkeys(texts))

    @property
    def mark(self) -> str:
        """See :class:`~firmware.events.SmsReceived`."""
        # Its first part, whose text decides: the same unit before and after the others have come.
        first = self.units[0].part
        return "" if first.sent_at is None else first.pdu.upper()

    def received(self, line: str, at: float, *, waiting: bool) -> SmsReceived:
        first = self.units[0].part
        texts = self.readings
        stamps = [unit.part.sent_at for unit in self.units if unit.part.sent_at is not None]
        return SmsReceived(
            line=line,
            at=at,
            number=first.number,
            sender=first.sender,
            text=texts[0] if texts else None,
            other_readings=texts[1:],
            sent_at=min(stamps, default=None),
            mark=self.mark,
            places=self.places,
            waiting=waiting,
        )


def assemble(units: Iterable[Unit]) -> list[Message]:
    """Return the messages that *units* make, complete or not, in the order of their first part."""
    messages: list[Message] = []
    open_sets: dict[tuple[str, int, bool, int], list[_Set]] = {}
    for unit in units:
        told = unit.part.part
        if told is None:
            messages.append(Message((unit,)))
            continue
        key = unit.part.number, told.reference, told.wide, told.total
        sets = open_sets.setdefault(key, [])
        for one in sets:
            known = one.units.get(told.number)
            if known is None:
                one.units[told.number] = unit
                break
            if known.part.readings == unit.part.readings:
                one.doubles.append(unit)
                break
        else:
            sets.append(_Set({told.number: unit}))
    for sets in open_sets.values():
        for one in sets:
            in_order = tuple(one.units[number] for number in sorted(one.units))
            messages.append(Message(in_order, tuple(one.doubles)))
    return messages
