"""The message stores of one modem: set up, emptied into the box, and told how full they are.

The SIM and the modem each have one. What lies in the other than the selected memory is seen by
nobody, and a full one takes no objection: both are swept, and the reports that some networks put
there are deleted. Nothing that somebody wrote is deleted before the box has dealt with it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from firmware.at.command_port import CommandPort
from firmware.at.outcomes import Reply
from firmware.at.parsing import information
from firmware.errors import CommandTimeout
from firmware.events import StoredAt
from firmware.sms import stores
from firmware.sms.assembly import Unit
from firmware.sms.pdu import Kind, read_part
from firmware.sms.stores import Usage

LIST_SECONDS = 20.0
"""AT+CMGL of a full SIM."""
_RECEIVED = (0, 1)
"""Received unread, received read (27.005, 3.1); 2 and 3 were written here."""


@dataclass(kw_only=True)
class MessageStore:
    """See the module; runs on the line's worker. ``usage`` may be read from any thread."""

    modem: CommandPort
    now: Callable[[], float]
    log: logging.Logger
    usage: tuple[Usage, ...] = ()
    """Of each memory, after the last sweep."""
    refused: str = ""
    """Why the stores cannot be read, as the modem said it."""
    announces: bool = True
    """The modem tells of messages; else only a sweep finds them."""
    receives_in: str | None = None
    """The memory that received messages go to; None where the modem does not say."""
    _memories: tuple[str, ...] = ()
    _acknowledges: bool = False
    """Messages that come inline are acknowledged by us (27.005, 3.4.4)."""
    _since: dict[tuple[str, int, str], float] = field(default_factory=dict)

    def set_up(self) -> None:
        """Choose the memories and how messages are announced. Raises LinkLost."""
        self._ask("AT+CMGF=0")
        told = self._ask("AT+CPMS=?")
        listed = None if told is None else stores.memories(told.lines)
        candidates = listed or stores.PREFERRED
        # All three at once where the modem lets us: read, written, received.
        together = [self._ask(f'AT+CPMS="{name}","{name}","{name}"') for name in candidates[:1]]
        if not any(reply is not None and reply.final.ok for reply in together):
            self.log.debug("the memory for received messages could not be chosen")
        # A list of memories may name what the modem then refuses.
        self._memories = self._found(candidates) or self._found(stores.PREFERRED)
        if len(self._memories) > 1:
            self._select(self._memories[0])
        back = self._ask("AT+CPMS?")
        self.receives_in = None if back is None else stores.receiving(back.lines)
        self._sweep_too(self.receives_in)
        self._route()
        service = self._ask("AT+CSMS?")
        self._acknowledges = service is not None and any(
            re.match(r"\+CSMS:\s*1\b", line) for line in service.lines
        )

    def _route(self) -> None:
        plain = self._ask("AT+CNMI=2,1,0,0,0")
        self.announces = plain is not None and plain.final.ok
        if self.announces:
            return
        told = self._ask("AT+CNMI=?")
        for command in stores.routings(() if told is None else told.lines)[1:]:
            reply = self._ask(command)
            if reply is not None and reply.final.ok:
                self.announces = True
                return
        self.log.info("the modem takes no setting of its message notices: its stores are swept")

    def sweep(self) -> list[Unit]:
        """Read everything that was received, in every memory. Raises CommandTimeout, LinkLost."""
        found: list[Unit] = []
        usage: list[Usage] = []
        known: dict[tuple[str, int, str], float] = {}
        self.refused = ""
        if not self._memories:
            # No memory could be selected: what the modem shows by itself is better than nothing.
            found += self._listed("", known)[0]
        for memory in self._memories:
            if not self._select(memory):
                continue
            units, reports = self._listed(memory, known)
            found += units
            for index in reports:
                self._ask(f"AT+CMGD={index:d}", timeout=5.0)
            told = self._usage(memory)
            if told is not None:
                usage.append(told)
        if len(self._memories) > 1:
            self._select(self._memories[0])
        self._since, self.usage = known, tuple(usage)
        return found

    def delete(self, places: Iterable[StoredAt]) -> bool:
        """Delete what still is as it was read; return whether all of it is gone.

        Raises CommandTimeout, LinkLost.
        """
        gone = True
        selected: str | None = None
        for place in places:
            if place.index < 0:
                if self._acknowledges:
                    self._ask("AT+CNMA", timeout=5.0)
                continue
            if place.memory and place.memory != selected:
                if not self._select(place.memory):
                    gone = False
                    continue
                selected = place.memory
            there = self._ask(f"AT+CMGR={place.index:d}", timeout=5.0)
            pdu = None if there is None else _pdu(there.lines)
            if pdu is not None and pdu != place.pdu.upper():
                self.log.info("a message's place holds another one by now")
                continue
            reply = self._ask(f"AT+CMGD={place.index:d}", timeout=5.0)
            gone = gone and reply is not None and reply.final.ok
        return gone

    def _listed(
        self, memory: str, known: dict[tuple[str, int, str], float]
    ) -> tuple[list[Unit], list[int]]:
        """Return what was received and the places of reports. Text that is no PDU is kept too."""
        self._ask("AT+CMGF=0")
        reply = self.modem.command("AT+CMGL=4", timeout=LIST_SECONDS)
        if not reply.final.ok:
            self.refused = self.refused or reply.final.text
            return [], []
        units: list[Unit] = []
        reports: list[int] = []
        for index, status, pdu in _rows(reply.lines):
            part = read_part(pdu)
            if part.kind is Kind.REPORT:
                reports.append(index)
            elif part.kind is Kind.DELIVER or (
                part.kind is Kind.UNREADABLE and status in _RECEIVED
            ):
                key = memory, index, pdu
                known[key] = since = self._since.get(key, self.now())
                units.append(Unit(part, StoredAt(memory=memory, index=index, pdu=pdu), since))
        return units, reports

    def _usage(self, memory: str) -> Usage | None:
        """Ask anew: the answer to the selection came before the reports were deleted."""
        reply = self._ask(f'AT+CPMS="{memory}"')
        return None if reply is None else stores.used(memory, reply.lines)

    def _sweep_too(self, memory: str | None) -> None:
        """Sweep where messages come to though no list of the modem names it."""
        there = self._memories
        if memory not in (*stores.PREFERRED, stores.TOGETHER) or {memory, stores.TOGETHER} & {
            *there
        }:
            return
        if self._has(memory):
            self._memories = (memory,) if memory == stores.TOGETHER else (*there, memory)
            self._select(self._memories[0])

    def _found(self, candidates: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in candidates if self._has(name))

    def _has(self, memory: str) -> bool:
        """Whether the modem has *memory*: one that says OK to everything shows nothing of it, and
        would list one store twice."""
        reply = self._ask(f'AT+CPMS="{memory}"')
        return reply is not None and reply.final.ok and stores.used(memory, reply.lines) is not None

    def _select(self, memory: str) -> bool:
        reply = self._ask(f'AT+CPMS="{memory}"')
        return reply is not None and reply.final.ok

    def _ask(self, text: str, *, timeout: float = 3.0) -> Reply | None:
        """Send a command that may be refused; None where it had no result in time."""
        try:
            return self.modem.command(text, timeout=timeout)
        except CommandTimeout:
            self.log.debug("%s gave no result", text.partition("=")[0])
            return None


def _rows(lines: Iterable[str]) -> Iterable[tuple[int, int, str]]:
    header: tuple[int, int] | None = None
    for line in lines:
        info = information(line)
        if info is not None and info.prefix == "+CMGL":
            numbers = [field.number for field in info.fields[:2]]
            index, status = (*numbers, None, None)[:2]
            header = None if index is None else (index, 0 if status is None else status)
        elif header is not None:
            yield (*header, line.strip())
            header = None


def _pdu(lines: Iterable[str]) -> str | None:
    """The unit in an answer to AT+CMGR, in capitals."""
    for line in lines:
        if re.fullmatch(r"[0-9A-Fa-f]{8,}", line.strip()):
            return line.strip().upper()
    return None
