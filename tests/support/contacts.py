"""A contacts file judged at once; the box judges it row by row."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from appliance.people.contacts_file import (
    ContactRow,
    ContactsFile,
    Defaults,
    RejectedRow,
    RowFault,
    decoded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A whole file."""

    file: str
    header: tuple[str, ...]
    rows: tuple[ContactRow, ...]
    rejected: tuple[RejectedRow, ...]

    @property
    def faults(self) -> tuple[RowFault, ...]:
        return tuple(fault for row in self.rejected for fault in row.faults)

    @property
    def warnings(self) -> tuple[RowFault, ...]:
        return tuple(warning for row in self.rows for warning in row.warnings)


def parse_contacts(raw: bytes, file: str, defaults: Defaults) -> Reading:
    """Judge the bytes of a whole file; raises ContactsUnreadable."""
    contacts = ContactsFile(whole(decoded([raw], file)), file, defaults)
    judged = [one for one in contacts.judged() if one is not None]
    return Reading(
        file=file,
        header=contacts.header,
        rows=tuple(one for one in judged if isinstance(one, ContactRow)),
        rejected=tuple(one for one in judged if isinstance(one, RejectedRow)),
    )


def whole(steps: Generator[None, None, str]) -> str:
    """Run *steps* to their end; return the text."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return str(end.value)
