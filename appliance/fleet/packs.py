"""The ledger on its way to headquarters: packs of lines, each exactly once, in order. Pure.

A pack is up to 50 lines as they stand in the file, byte by byte. Its message names what it must
follow: the sequence number of the box's pack before it. A pack that is sent again finds that its
place is taken, and the box then looks what stands there; so a lost acknowledgement neither loses
a line nor doubles one, without any memory of the sender but the ledger itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from appliance.ledger.format import GENESIS, BadLine, Line, check_follows, decode
from firmware.wording import worded

LINES = 50
"""Lines of a pack at most: 135,000 lines a second went through the hub so, 3,600 one by one."""
BYTES = 512 * 1024
"""Bytes of a pack at most, unless one line alone is longer; the hub takes a megabyte."""


class PackRefused(ValueError):
    """Lines that do not go on where the ledger was: changed, cut, or of another box."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a ledger stands: its newest row and that row's hash."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Lines that go together."""

    lines: tuple[Line, ...]

    @property
    def first(self) -> int:
        return self.lines[0].seq

    @property
    def head(self) -> Head:
        return Head(self.lines[-1].seq, self.lines[-1].hash)

    def payload(self) -> bytes:
        return b"".join(raw(line) for line in self.lines)


def raw(line: Line) -> bytes:
    """Return *line* as it stands in the file, with the newline."""
    subject = b"null" if line.subject is None else b'"%b"' % line.subject.encode()
    return b'{"at":"%b","data":%b,"hash":"%b","kind":"%b","prev":"%b","seq":%d,"subject":%b}\n' % (
        line.at.encode(),
        line.data,
        line.hash.encode(),
        line.kind.encode(),
        line.prev.encode(),
        line.seq,
        subject,
    )


def packs(lines: Iterable[Line]) -> Iterator[Pack]:
    """Cut *lines* into packs."""
    gathered: list[Line] = []
    size = 0
    for line in lines:
        length = len(line.data) + 350
        if gathered and (len(gathered) >= LINES or size + length > BYTES):
            yield Pack(lines=tuple(gathered))
            gathered, size = [], 0
        gathered.append(line)
        size += length
    if gathered:
        yield Pack(lines=tuple(gathered))


def read(payload: bytes) -> list[Line]:
    """Return a pack's lines, each checked against its own hash. Raises :class:`PackRefused`."""
    if not payload.endswith(b"\n"):
        raise PackRefused(worded("a pack ends with a whole line"))
    try:
        return [decode(row) for row in payload[:-1].split(b"\n")]
    except BadLine as error:
        raise PackRefused(worded("a line is damaged: {error}", error=error)) from error


def follow(head: Head, lines: Sequence[Line]) -> Head:
    """Return the head after *lines*; raises :class:`PackRefused` where they do not follow."""
    seq, digest = head.seq, head.hash
    for line in lines:
        try:
            check_follows(line, seq, digest)
        except BadLine as error:
            raise PackRefused(
                worded(
                    "row {seq} does not follow row {seq2}: {error}",
                    seq=line.seq,
                    seq2=seq,
                    error=error,
                )
            ) from error
        seq, digest = line.seq, line.hash
    return Head(seq, digest)
