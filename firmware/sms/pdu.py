"""One message as a modem holds it: a protocol data unit of 3GPP TS 23.040, in hexadecimal.

Total: any text gives a :class:`Part`, whose readings are empty where no text can be made of it. A
broken time stamp, a cut end or a header that does not fit does not cost the text: it may be
somebody's objection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum, unique

from firmware.events import AddressKind
from firmware.sms import alphabet, coding
from firmware.sms.address import read_address
from firmware.sms.coding import Alphabet, Coding
from firmware.sms.header import Header, PartOf, read_header


@unique
class Kind(StrEnum):
    """What a stored unit is, from its message type indicator (9.2.3.1)."""

    DELIVER = "deliver"
    REPORT = "report"
    """Whether a message of ours has arrived: it says nothing that anybody wrote."""
    SUBMIT = "submit"
    """Written on this SIM, sent or not."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One unit: a whole message, or a part of one."""

    kind: Kind
    pdu: str
    """In hexadecimal, as it was given."""
    number: str = ""
    """Digits as the network gave them, with a plus where they are international; or a name."""
    sender: AddressKind = AddressKind.UNKNOWN
    readings: tuple[str, ...] = ()
    """The text in each way that it can be read, the likeliest first."""
    sent_at: datetime | None = None
    """The message centre's time stamp with its offset, or None where it made no sense."""
    part: PartOf | None = None
    message_class: int | None = None

    @property
    def text(self) -> str | None:
        return self.readings[0] if self.readings else None


def read_part(pdu: str) -> Part:
    """Read *pdu*, with the service centre's address before it or, as a few modems do, without."""
    try:
        data = bytes.fromhex(pdu.strip())
    except ValueError:
        return Part(kind=Kind.UNREADABLE, pdu=pdu)
    if not data:
        return Part(kind=Kind.UNREADABLE, pdu=pdu)
    # The centre's address begins with its length and a type, whose highest bit is set; a unit
    # without one has the sender's length in that place.
    centre = data[0] == 0 or (len(data) > 1 and data[1] & 0x80)
    found = _unit(data[data[0] + 1 :] if centre else data, pdu)
    return Part(kind=Kind.UNREADABLE, pdu=pdu) if found is None else found


def _unit(unit: bytes, pdu: str) -> Part | None:
    if not unit:
        return None
    match unit[0] & 3:
        case 0:
            return _deliver(unit, pdu)
        case 1:
            return Part(kind=Kind.SUBMIT, pdu=pdu)
        case 2:
            return Part(kind=Kind.REPORT, pdu=pdu) if len(unit) >= 4 else None
        case _:
            return None


def _deliver(unit: bytes, pdu: str) -> Part | None:
    """First octet, originating address, protocol, coding, time stamp, length, user data."""
    if len(unit) < 3:
        return None
    digits = unit[1]
    address_end = 3 + (digits + 1) // 2
    body = address_end + 10
    # 20 semi-octets at most (9.1.2.5), so that noise is not read as an address; a number that is
    # written as a name, with its plus, takes 21 and comes all the same.
    if digits > (21 if unit[2] & 0x70 == 0x50 else 20) or len(unit) < body:
        return None
    number, sender = read_address(digits, unit[2], unit[3:address_end])
    told = coding.read_coding(unit[address_end + 1])
    length, data = unit[body - 1], unit[body:]
    # Some senders forget to say that there is a header: one that tells of parts is no text.
    headed = unit[0] & 0x40 or data[:3] in (b"\x05\x00\x03", b"\x06\x08\x04")
    header = read_header(data) if headed else None
    if header is not None and not unit[0] & 0x40 and header.part is None:
        header = None
    return Part(
        kind=Kind.DELIVER,
        pdu=pdu,
        number=number,
        sender=sender,
        readings=_readings(told, header, length, data),
        sent_at=_time_stamp(unit[address_end + 2 : body - 1]),
        part=None if header is None else header.part,
        message_class=told.message_class,
    )


def _readings(told: Coding, header: Header | None, length: int, data: bytes) -> tuple[str, ...]:
    size = 0 if header is None else header.size
    found: list[str | None] = []
    if told.alphabet is Alphabet.GSM7:
        found.append(_septets(header, length, data))
    else:
        plain = data[size:length]
        ways = coding.ucs2 if told.alphabet is Alphabet.UCS2 else coding.octets
        found += [read(plain) for read in ways(plain)]
    languages = header is not None and not (
        alphabet.known(header.locking) and alphabet.known(header.single)
    )
    if not told.certain or languages:
        plain = data[size:]
        found.append(_septets(header, length, data))
        found += [read(plain) for read in (*coding.ucs2(plain), coding.utf8)]
    return tuple(dict.fromkeys(text for text in found if text is not None))


def _septets(header: Header | None, length: int, data: bytes) -> str:
    """The header fills whole septets, so that the text begins at the next one (9.2.3.24)."""
    septets = alphabet.unpack(data, length)
    if header is None:
        return alphabet.decode(septets)
    skipped = -(-header.size * 8 // 7)
    return alphabet.decode(septets[skipped:], locking=header.locking, single=header.single)


def _time_stamp(stamp: bytes) -> datetime | None:
    """9.2.3.11: year to second in swapped digits, then quarters of an hour with a sign."""
    values = [10 * (octet & 0xF) + (octet >> 4) for octet in stamp[:6]]
    if any((octet & 0xF) > 9 or octet >> 4 > 9 for octet in stamp[:6]):
        return None
    quarters = 10 * (stamp[6] & 0x7) + (stamp[6] >> 4)
    if stamp[6] & 0x8:
        quarters = -quarters
    year, *rest = values
    try:
        zone = timezone(timedelta(minutes=15 * quarters)) if quarters else UTC
        return datetime(2000 + year, *rest, tzinfo=zone)  # type: ignore[misc,arg-type]
    except ValueError:
        # Some message centres send zeros; some zones of theirs are none.
        return None
