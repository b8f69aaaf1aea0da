"""The auditor: judges a fleet by what lies on paper, and trusts nobody who wrote it. Pure.

It reads the campaign's log, the boxes' ledgers and, on a bench, what the simulated network saw. It
knows the rules anew and shares no code with the box's own: a fault there must not excuse itself
here. What it compares by order (the log's sequence numbers) needs no clock; only how soon a dial
followed its claim does, and for that the clocks of hub and network may differ by *skew* seconds.

Findings name the box, the rows and the messages, so that a person can look for themselves.

Long because each promise stands beside the sentence that says how it was broken.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from appliance.fleet.packs import Head, PackRefused, follow
from appliance.fleet.subjects import Subject, Subjects
from appliance.ledger.format import Line
from firmware.wording import joined, plural, worded

WINDOW = 2.0
"""Seconds from the claim to the dial command (fleet design: two)."""
LOST = timedelta(hours=24)
"""After this another attempt may follow one whose end nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One message of the campaign's log."""

    sequence: int
    subject: str
    payload: bytes
    at: datetime
    """The hub's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """One dial command that reached the network of a bench."""

    pid: str
    at: datetime
    place: str
    """The log file and its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken promise."""

    promise: str
    """``chain``, ``claim``, ``double``, ``cap``, ``objection``, ``stop``, ``late``, ``unseen``."""
    box: str
    what: str

    def __str__(self) -> str:
        return self.said

    @property
    def said(self) -> str:
        """The finding in one sentence, after the box that it is about."""
        return joined(": ", [self.box, self.what] if self.box else [self.what])


@dataclass(slots=True)
class Verdict:
    """What the audit came to."""

    findings: list[Finding] = field(default_factory=list)
    boxes: int = 0
    rows: int = 0
    claims: int = 0
    calls: int = 0
    objections: int = 0
    stops: int = 0
    dials: int = 0
    heads: dict[str, Head] = field(default_factory=dict)
    """How far each ledger is sound."""

    @property
    def clean(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class _Call:
    box: str
    row: int
    attempt: str
    pid: str
    number: int
    sequence: int


def audit(
    campaign: str,
    log: Sequence[Logged],
    ledgers: Mapping[str, Sequence[Line]],
    *,
    cap: int | None = None,
    network: Sequence[Dialled] | None = None,
    skew: float = 0.0,
) -> Verdict:
    """Judge a campaign. *cap* is the most attempts at one person, where there is one."""
    verdict = Verdict(boxes=len(ledgers))
    book = _Book(campaign, log, verdict)
    calls = []
    for box, lines in ledgers.items():
        calls += _calls(box, lines, verdict)
    _against_claims(calls, book, verdict)
    _doubles(calls, book, verdict)
    if cap is not None:
        _cap(book, cap, verdict)
    if network is not None:
        _network(calls, book, network, skew, verdict)
    return verdict


class _Book:
    """The log, by what each message is about."""

    def __init__(self, campaign: str, log: Sequence[Logged], verdict: Verdict) -> None:
        names = Subjects(campaign)
        self.by_sequence: dict[int, tuple[Subject, Logged]] = {}
        self.claims: dict[str, dict[int, Logged]] = defaultdict(dict)
        self.prior: set[tuple[str, int]] = set()
        self.outcomes: dict[tuple[str, int, str], Logged] = {}
        self.objections: dict[str, Logged] = {}
        self.stops: dict[tuple[str, int], Logged] = {}
        self.epochs: dict[str, list[tuple[int, int]]] = defaultdict(list)
        before = 0
        for message in log:
            if message.sequence <= before:
                verdict.findings.append(
                    Finding(
                        promise="chain",
                        box="",
                        what=worded(
                            "the log goes from message {before} to {sequence}",
                            before=before,
                            sequence=message.sequence,
                        ),
                    )
                )
            before = message.sequence
            subject = names.read(message.subject)
            if subject is not None:
                self.by_sequence[message.sequence] = (subject, message)
                self._take(subject, message)
        verdict.claims = sum(len(claims) for claims in self.claims.values()) - len(self.prior)
        verdict.objections = len(self.objections)
        verdict.stops = len(self.stops)

    def _take(self, subject: Subject, message: Logged) -> None:
        match subject.kind:
            case "claim":
                self.claims[subject.pid][subject.number] = message
                if _read(message.payload).get("prior") is True:
                    self.prior.add((subject.pid, subject.number))
            case "outcome":
                self.outcomes.setdefault((subject.pid, subject.number, subject.box), message)
            case "rev":
                self.objections.setdefault(subject.pid, message)
            case "stop":
                self.stops.setdefault((subject.box, subject.number), message)
            case "epoch":
                self.epochs[subject.box].append((message.sequence, subject.number))
            case _:
                pass

    def epoch_at(self, box: str, sequence: int) -> int:
        """Return the epoch of *box* just before message *sequence*."""
        return max([1, *(number for at, number in self.epochs[box] if at < sequence)])


def _calls(box: str, lines: Sequence[Line], verdict: Verdict) -> list[_Call]:
    """Check the chain of one ledger, and return the calls that it authorised."""
    calls = []
    head = Head()
    for line in lines:
        try:
            head = follow(head, [line])
        except PackRefused as error:
            verdict.findings.append(
                Finding(promise="chain", box=box, what=worded("ledger: {error}", error=error))
            )
            break
        verdict.rows += 1
        if line.kind == "call.authorised":
            verdict.calls += 1
            data = json.loads(line.data)
            claim = data.get("claim")
            if not isinstance(claim, dict):
                verdict.findings.append(
                    Finding(
                        promise="claim",
                        box=box,
                        what=worded("row {seq} authorises a call without a claim", seq=line.seq),
                    )
                )
                continue
            calls.append(
                _Call(
                    box=box,
                    row=line.seq,
                    attempt=str(data.get("attempt")),
                    pid=str(claim.get("pid")),
                    number=_whole(claim.get("number")),
                    sequence=_whole(claim.get("sequence")),
                )
            )
    verdict.heads[box] = head
    return calls


def _against_claims(calls: Iterable[_Call], book: _Book, verdict: Verdict) -> None:
    """Each call stands on its own claim in the log, which nothing before it forbids."""
    for call in calls:
        permit = book.by_sequence.get(call.sequence)
        claim = book.by_sequence.get(call.sequence - 1)
        wanted = Subject("permit", pid=call.pid, number=call.number, box=call.box)
        same = (
            permit is not None
            and claim is not None
            and permit[0] == wanted
            and claim[0] == Subject("claim", pid=call.pid, number=call.number)
            and _read(claim[1].payload).get("attempt") == call.attempt
            and _read(permit[1].payload).get("attempt") == call.attempt
        )
        if not same:
            verdict.findings.append(
                Finding(
                    promise="claim",
                    box=call.box,
                    what=worded(
                        "row {row} names message {sequence} as its claim, which is missing",
                        row=call.row,
                        sequence=call.sequence,
                    )
                    if permit is None
                    else worded(
                        "row {row} names message {sequence} as its claim, which is of something "
                        "else",
                        row=call.row,
                        sequence=call.sequence,
                    ),
                )
            )
            continue
        objection = book.objections.get(call.pid)
        if objection is not None and objection.sequence < call.sequence:
            verdict.findings.append(
                Finding(
                    promise="objection",
                    box=call.box,
                    what=worded(
                        "row {row} calls somebody who had objected: message {sequence} came "
                        "before the claim {sequence2}",
                        row=call.row,
                        sequence=objection.sequence,
                        sequence2=call.sequence,
                    ),
                )
            )
        epoch = book.epoch_at(call.box, call.sequence)
        stop = book.stops.get((call.box, epoch))
        if stop is not None and stop.sequence < call.sequence:
            verdict.findings.append(
                Finding(
                    promise="stop",
                    box=call.box,
                    what=worded(
                        "row {row} calls in epoch {epoch}, which message {sequence} had stopped "
                        "before the claim {sequence2}",
                        row=call.row,
                        epoch=epoch,
                        sequence=stop.sequence,
                        sequence2=call.sequence,
                    ),
                )
            )


def _doubles(calls: Sequence[_Call], book: _Book, verdict: Verdict) -> None:
    """One claim, one call; and no attempt before the end of the one before it is known."""
    first: dict[tuple[str, int], _Call] = {}
    for call in calls:
        other = first.setdefault((call.pid, call.number), call)
        if other is not call:
            verdict.findings.append(
                Finding(
                    promise="double",
                    box=call.box,
                    what=worded(
                        "row {row} is attempt {number} at a person at whom {box} made it in row "
                        "{row2}",
                        row=call.row,
                        number=call.number,
                        box=other.box,
                        row2=other.row,
                    ),
                )
            )
    for pid, claims in book.claims.items():
        for number, message in claims.items():
            if number == 1 or (pid, number) in book.prior:
                continue
            before = claims.get(number - 1)
            if before is None:
                what = worded(
                    "message {sequence} claims attempt {number} without the one before",
                    sequence=message.sequence,
                    number=number,
                )
                verdict.findings.append(Finding(promise="double", box="", what=what))
                continue
            if (pid, number - 1) in book.prior:
                continue
            ended = book.outcomes.get((pid, number - 1, _read(before.payload).get("box", "")))
            known = ended is not None and ended.sequence < message.sequence
            if not known and message.at - before.at < LOST:
                what = worded(
                    "message {sequence} claims attempt {number} while attempt {number2} (message "
                    "{sequence2}) may still be in a call",
                    sequence=message.sequence,
                    number=number,
                    number2=number - 1,
                    sequence2=before.sequence,
                )
                verdict.findings.append(Finding(promise="double", box="", what=what))


def _cap(book: _Book, cap: int, verdict: Verdict) -> None:
    for pid, claims in book.claims.items():
        if len(claims) > cap:
            what = worded(
                "{attempts} at person {pid}…, where the rules allow {cap}",
                attempts=plural("{count} attempt", "{count} attempts", len(claims)),
                pid=pid[:8],
                cap=cap,
            )
            verdict.findings.append(Finding(promise="cap", box="", what=what))


def _network(
    calls: Sequence[_Call],
    book: _Book,
    network: Sequence[Dialled],
    skew: float,
    verdict: Verdict,
) -> None:
    """What the network saw against what was authorised: none unrecorded, none late."""
    verdict.dials = len(network)
    apart = timedelta(seconds=skew)
    granted: dict[str, list[tuple[datetime, _Call]]] = defaultdict(list)
    for call in calls:
        found = book.by_sequence.get(call.sequence)
        if found is not None:
            granted[call.pid].append((found[1].at, call))
    for waiting in granted.values():
        waiting.sort(key=lambda one: one[0])
    for dial in sorted(network, key=lambda one: one.at):
        waiting = granted[dial.pid]
        before = [one for one in waiting if one[0] <= dial.at + apart]
        if not before:
            verdict.findings.append(
                Finding(
                    promise="unseen",
                    box="",
                    what=worded(
                        "{place}: a dial at person {pid}… that no claim preceded",
                        place=dial.place,
                        pid=dial.pid[:8],
                    ),
                )
            )
            continue
        # Its own is the newest claim that was surely before it, and older ones were never dialled.
        # One that *skew* alone puts before it may have a dial of its own to come.
        surely = sum(one[0] <= dial.at - apart for one in before)
        place = max(surely - 1, 0)
        at, call = before[place]
        granted[dial.pid] = waiting[place + 1 :]
        late = (dial.at - at).total_seconds()
        if late > WINDOW + skew:
            verdict.findings.append(
                Finding(
                    promise="late",
                    box=call.box,
                    what=worded(
                        "{place}: dialled {late:.1f} s after the claim {sequence}",
                        place=dial.place,
                        late=late,
                        sequence=call.sequence,
                    ),
                )
            )


def _read(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int:
    return value if type(value) is int else 0


def told(verdict: Verdict) -> list[str]:
    """Return the verdict in sentences for a newcomer."""
    seen = joined(
        ", ",
        [
            plural("{count} box", "{count} boxes", verdict.boxes),
            plural("{count} ledger row", "{count} ledger rows", verdict.rows),
            plural("{count} claim", "{count} claims", verdict.claims),
            plural("{count} call", "{count} calls", verdict.calls),
            plural("{count} objection", "{count} objections", verdict.objections),
            plural("{count} stop", "{count} stops", verdict.stops),
        ],
    )
    if verdict.dials:
        seen += plural(
            "; the network saw {count} dial", "; the network saw {count} dials", verdict.dials
        )
    promises = {
        "claim": worded("every call stands on a claim of its own"),
        "double": worded("nobody was called twice at a time, or twice for one attempt"),
        "cap": worded("nobody was called more often than allowed"),
        "objection": worded("nobody was called on a claim made after their objection"),
        "stop": worded("no box called after its stop"),
        "chain": worded("every ledger is whole and unchanged"),
    }
    if verdict.dials:
        promises["unseen"] = worded("the network saw no call that was not recorded first")
        promises["late"] = worded("every dial came within {window:g} s of its claim", window=WINDOW)
    lines = [worded("Looked at: {seen}.", seen=seen)]
    broken = {finding.promise for finding in verdict.findings}
    for promise, text in promises.items():
        sign = worded("BROKEN") if promise in broken else worded("kept  ")
        lines.append("  " + joined("  ", [sign, text]))
    lines += ["  - " + joined("", [finding.said]) for finding in verdict.findings[:50]]
    if len(verdict.findings) > 50:
        lines.append(worded("  - and {count} more", count=len(verdict.findings) - 50))
    return lines
