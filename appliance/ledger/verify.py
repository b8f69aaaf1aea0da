"""Verifying a ledger from its first byte to its last, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.ledger import reader
from appliance.ledger.anchors import Anchor
from appliance.ledger.format import (
    GENESIS,
    BadLine,
    LedgerCorrupt,
    Line,
    check_canonical,
    check_follows,
    decode,
)
from appliance.storage.files import SYSTEM_DISK, Disk, storage_failed
from firmware.wording import joined, worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first line that does not fit; line 0 is the file as such."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return str(self.said)

    @property
    def said(self) -> str:
        """The fault in one sentence, for whoever shows it."""
        return f"{self.file}:{self.line}: " + joined("", [self.reason])


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a whole reading found. ``seq`` and ``hash`` are the last sound row's."""

    fault: Fault | None
    files: int
    lines: int
    seq: int
    hash: str
    anchors: int
    """How many of the anchors handed in were met by a row."""

    @property
    def ok(self) -> bool:
        return self.fault is None


def verify(
    directory: Path,
    *,
    anchors: Sequence[Anchor] = (),
    until: int | None = None,
    each: Callable[[Line], None] | None = None,
    disk: Disk = SYSTEM_DISK,
) -> Verification:
    """Read the whole ledger and name the first line that was changed, removed, added or moved.

    A chain alone cannot show that its end was cut off: every anchor must be met by the row with
    its number and hash. With *until* rows after that number are not read, since a box may be
    writing them; that row must be there. *each* is told of every sound row. Raises
    :class:`StorageFailed` where the files cannot be read.
    """
    wanted = {anchor.seq: anchor.hash for anchor in anchors if anchor.seq}
    clashing = {a.seq for a in anchors if a.seq and wanted[a.seq] != a.hash}
    seq, prev, count, met, files = 0, GENESIS, 0, 0, 0

    def result(fault: Fault | None) -> Verification:
        return Verification(fault=fault, files=files, lines=count, seq=seq, hash=prev, anchors=met)

    try:
        found = reader.segments(directory, disk)
    except LedgerCorrupt as error:
        return result(Fault(file=error.file, line=error.line, reason=error.reason))
    try:
        for segment in found:
            name = segment.path.name
            if segment.first != seq + 1:
                reason = worded(
                    "this segment starts at {first}, but {seq} follows",
                    first=segment.first,
                    seq=seq + 1,
                )
                return result(Fault(file=name, line=0, reason=reason))
            files += 1
            number = 0
            with disk.reader(segment.path) as stream:
                for number, raw in enumerate(reader.raw_lines(stream), 1):
                    try:
                        if not raw.endswith(b"\n"):
                            raise BadLine(
                                worded("the line does not end: a write was cut off, or goes on")
                            )
                        line = decode(raw[:-1])
                        check_follows(line, seq, prev)
                        check_canonical(line)
                        if wanted.get(line.seq, line.hash) != line.hash or line.seq in clashing:
                            raise BadLine(
                                worded("an anchor or the checkpoint knows this row by another hash")
                            )
                    except BadLine as error:
                        return result(Fault(file=name, line=number, reason=str(error)))
                    seq, prev = line.seq, line.hash
                    count += 1
                    if each is not None:
                        each(line)
                    met += line.seq in wanted
                    if line.seq == until:
                        return result(None)
            if number == 0 and segment is not found[-1]:
                return result(Fault(file=name, line=0, reason=worded("the segment is empty")))
    except OSError as error:
        raise storage_failed(worded("reading {directory}", directory=directory), error) from error
    if until is not None and until > seq:
        name = found[-1].path.name if found else "ledger"
        return result(
            Fault(
                file=name,
                line=count,
                reason=worded("the ledger ends at {seq}, not {until}", seq=seq, until=until),
            )
        )
    if wanted and max(wanted) > seq:
        name = found[-1].path.name if found else "ledger"
        reason = worded(
            "the ledger ends at {seq}, but an anchor or the checkpoint knows row {wanted}",
            seq=seq,
            wanted=max(wanted),
        )
        return result(Fault(file=name, line=count, reason=reason))
    return result(None)
