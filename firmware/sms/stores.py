"""Where messages lie and how they are announced: AT+CPMS and AT+CNMI (3GPP TS 27.005, 3.2.2,
3.4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PREFERRED = ("SM", "ME")
"""The SIM first: what lies there outlives the modem."""
TOGETHER = "MT"
"""Both of them under one numbering: only where one of them cannot be had alone."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How full one memory is."""

    memory: str
    used: int
    total: int

    @property
    def nearly_full(self) -> bool:
        """The next long message does not fit: the network keeps it and gives it up in the end."""
        return self.total > 0 and self.used >= max(self.total - 2, 1)


def memories(lines: Iterable[str]) -> tuple[str, ...] | None:
    """Return the memories to be swept, from the answer to ``AT+CPMS=?``; None where it has none."""
    for line in lines:
        groups = re.findall(r"\(([^()]*)\)", line) if line.startswith("+CPMS:") else []
        if not groups:
            continue
        listed = {name.upper() for name in re.findall(r"\w+", groups[0])}
        wanted = tuple(name for name in PREFERRED if name in listed)
        if TOGETHER in listed and len(wanted) < len(PREFERRED):
            return (TOGETHER,)
        if wanted:
            return wanted
    return None


def used(memory: str, lines: Iterable[str]) -> Usage | None:
    """Read ``+CPMS: used,total,…``, the answer where *memory* was selected."""
    for line in lines:
        found = re.match(r'\+CPMS:\s*(?:"\w+"\s*,\s*)?(\d+)\s*,\s*(\d+)', line)
        if found is not None:
            return Usage(memory, int(found[1]), int(found[2]))
    return None


def receiving(lines: Iterable[str]) -> str | None:
    """Return the memory that received messages go to, from ``AT+CPMS?``."""
    for line in lines:
        names = re.findall(r'"(\w+)"', line) if line.startswith("+CPMS:") else []
        if len(names) == 3:
            return str(names[2]).upper()
    return None


_WISHES: Sequence[Sequence[int]] = ((2, 1, 3, 0), (1, 0), (0,), (0,), (0, 1))
"""What each value of AT+CNMI should be: notices at once; stored and announced, never inline; no
cell broadcasts; no reports of messages of ours; nothing flushed."""


def routings(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the AT+CNMI commands to try in turn, from the answer to ``AT+CNMI=?``.

    A Cinterion MC75i takes no buffer value but 1, older modems fewer values than five.
    """
    commands = ["AT+CNMI=2,1,0,0,0"]
    for line in lines:
        groups = re.findall(r"\(([^()]*)\)", line) if line.startswith("+CNMI:") else []
        values = []
        for allowed, wishes in zip(map(_values, groups), _WISHES, strict=False):
            if not allowed:
                break
            values.append(next((wish for wish in wishes if wish in allowed), min(allowed)))
        if len(values) >= 2:
            commands.append("AT+CNMI=" + ",".join(map(str, values)))
    commands += ["AT+CNMI=2,1,0,0,1", "AT+CNMI=2,1", "AT+CNMI=1,1,0,0,0"]
    return tuple(dict.fromkeys(commands))


def _values(group: str) -> set[int]:
    values: set[int] = set()
    for item in group.split(","):
        first, dash, last = item.strip().partition("-")
        if first.isdigit() and (last.isdigit() or not dash):
            values.update(range(int(first), int(last if dash else first) + 1))
    return values
