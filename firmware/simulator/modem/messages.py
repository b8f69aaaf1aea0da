"""The text message store of the SIM, in text mode and in PDU mode (TS 27.005, TS 23.040)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, unique

# 3GPP TS 23.038 §6.2.1, the default alphabet; position is the septet's value.
_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_CAPACITY = 30


@unique
class Status(IntEnum):
    """``stat`` of a stored message (TS 27.005 §3.1)."""

    UNREAD = 0
    READ = 1
    UNSENT = 2
    SENT = 3

    @property
    def text(self) -> str:
        return ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT")[self]


@dataclass(slots=True)
class Message:
    """One stored message; ``at`` carries the network's zone."""

    number: str
    text: str
    at: datetime
    status: Status = Status.UNREAD


def time_stamp(at: datetime) -> str:
    """``yy/MM/dd,hh:mm:ss+zz`` with the zone in quarters of an hour (TS 27.007 +CCLK)."""
    offset = at.utcoffset()
    quarters = 0 if offset is None else round(offset.total_seconds() / 900)
    return f"{at:%y/%m/%d,%H:%M:%S}{quarters:+03d}"


MEMORIES = ("SM", "ME")
"""The SIM's store and the modem's own (TS 27.005 §3.2.2)."""


class MessageStore:
    """Two memories of slots numbered from 1. A full one takes nothing more; the network keeps what
    comes for it, and so it is lost here.

    Commands read and delete in the first memory that was chosen by AT+CPMS; what comes from the
    air goes to the third.
    """

    def __init__(self) -> None:
        self._memories: dict[str, dict[int, Message]] = {name: {} for name in MEMORIES}
        self.chosen = ["SM", "SM", "SM"]
        """For reading and deleting, for writing and sending, for receiving."""

    @property
    def _slots(self) -> dict[int, Message]:
        return self._memories[self.chosen[0]]

    def choose(self, names: list[str]) -> bool:
        """Choose memories as AT+CPMS does; False where one is not there."""
        if not 1 <= len(names) <= 3 or any(name not in self._memories for name in names):
            return False
        self.chosen[: len(names)] = names
        return True

    def deliver(self, number: str, text: str, at: datetime) -> tuple[str, int] | None:
        """Store a message from the air in the first free slot; None where all are taken."""
        memory = self.chosen[2]
        slots = self._memories[memory]
        for index in range(1, _CAPACITY + 1):
            if index not in slots:
                slots[index] = Message(number=number, text=text, at=at)
                return memory, index
        return None

    def get(self, index: int) -> Message | None:
        return self._slots.get(index)

    def read(self, index: int) -> Message | None:
        """Return a message as it was, and mark it read."""
        message = self._slots.get(index)
        if message is None:
            return None
        before = Message(message.number, message.text, message.at, message.status)
        if message.status is Status.UNREAD:
            message.status = Status.READ
        return before

    def delete(self, index: int) -> None:
        self._slots.pop(index, None)

    def delete_where(self, statuses: frozenset[Status]) -> None:
        for index in [i for i, m in self._slots.items() if m.status in statuses]:
            del self._slots[index]

    def indices(self, status: Status | None) -> list[int]:
        """Slots in use, in order; only those of one status where given."""
        return [i for i, m in sorted(self._slots.items()) if status is None or m.status is status]

    def usage(self) -> list[tuple[str, int, int]]:
        """Name, used and total of each chosen memory."""
        return [(name, len(self._memories[name]), _CAPACITY) for name in self.chosen]

    @property
    def used(self) -> int:
        """Slots in use, of both memories together."""
        return sum(map(len, self._memories.values()))

    @property
    def capacity(self) -> int:
        return _CAPACITY


def deliver_pdu(message: Message) -> tuple[str, int]:
    """SMS-DELIVER of a message in hex, and its length in octets without the service centre."""
    plain = all(c in _ALPHABET for c in message.text)
    if plain:
        septets = [_ALPHABET.index(c) for c in message.text][:160]
        body, length, scheme = pack_septets(septets), len(septets), 0x00
    else:
        body = message.text.encode("utf-16-be")[:140]
        length, scheme = len(body), 0x08
    address = bytes([_digit_count(message.number), *_address(message.number)])
    tpdu = bytes([0x04]) + address + bytes([0x00, scheme]) + _scts(message.at)
    tpdu += bytes([length]) + body
    return (bytes([0x00]) + tpdu).hex().upper(), len(tpdu)


def read_submit(pdu: str) -> tuple[str, str] | None:
    """Return (number, text) of an SMS-SUBMIT in hex with its service centre, or None."""
    try:
        data = bytes.fromhex(pdu.strip())
        position = 1 + data[0]
        first = data[position]
        if first & 0x03 != 0x01:
            return None
        digits = data[position + 2]
        kind = data[position + 3]
        size = (digits + 1) // 2
        start = position + 4
        number = _swap(data[start : start + size].hex())[:digits]
        if kind & 0x70 == 0x10:
            number = "+" + number
        position = start + size
        scheme = data[position + 1]
        position += 2 + {0x00: 0, 0x10: 1}.get(first & 0x18, 7)
        length, body = data[position], data[position + 1 :]
    except (ValueError, IndexError):
        return None
    header = 1 + body[0] if first & 0x40 and body else 0
    if scheme & 0x0C == 0x08:
        return number, body[header:length].decode("utf-16-be", "replace")
    septets = unpack_septets(body, length)
    skipped = -(-header * 8 // 7)
    return number, "".join(_ALPHABET[value] for value in septets[skipped:])


def pack_septets(values: list[int]) -> bytes:
    """Seven bit packing of TS 23.038 §6.1.2.1."""
    bits = sum(value << (7 * i) for i, value in enumerate(values))
    return bits.to_bytes((7 * len(values) + 7) // 8, "little")


def unpack_septets(data: bytes, count: int) -> list[int]:
    bits = int.from_bytes(data, "little")
    return [(bits >> (7 * i)) & 0x7F for i in range(min(count, len(data) * 8 // 7))]


def _digit_count(number: str) -> int:
    return len(number.lstrip("+"))


def _address(number: str) -> bytes:
    kind = 0x91 if number.startswith("+") else 0x81
    digits = number.lstrip("+")
    return bytes([kind]) + bytes.fromhex(_swap(digits + "F" * (len(digits) % 2)))


def _swap(text: str) -> str:
    return "".join(text[i + 1] + text[i] for i in range(0, len(text) - 1, 2))


def _scts(at: datetime) -> bytes:
    offset = at.utcoffset()
    quarters = 0 if offset is None else round(offset.total_seconds() / 900)
    zone = bytes.fromhex(_swap(f"{abs(quarters):02d}"))[0] | (0x08 if quarters < 0 else 0)
    return bytes.fromhex(_swap(f"{at:%y%m%d%H%M%S}")) + bytes([zone])
