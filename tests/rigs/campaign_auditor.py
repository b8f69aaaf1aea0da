"""An auditor of one simulated box: reads the ledger, the contacts and the network's log.

Shares no code with the box. Every law that it checks is written out here from the contract, so
that a mistake in the box's own bookkeeping cannot excuse itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.rigs.simulated_network import SeenCall


@dataclass(frozen=True, slots=True)
class Row:
    """One durable ledger row, as the auditor reads it."""

    seq: int
    at: datetime
    kind: str
    subject: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Agreement:
    """One consent as the contacts file has it: hours of every UTC day, from and until."""

    consent: str
    given_at: datetime
    valid_until: datetime | None
    hours: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """One person as the contacts file has them."""

    subject: str
    number: str
    agreements: tuple[Agreement, ...]


KEPT = "message kept"


@dataclass(frozen=True, slots=True)
class Objected:
    """An objection that has reached the box, in whatever form, as the world outside knows it."""

    at: float
    """Second of the network's log."""
    number_hash: str
    form: str
    """``key``, ``incoming``, ``sms`` or ``command``; :data:`KEPT` for a message that a person
    has to look at first, and here nobody does."""
    rows_on_disk: int
    """Before the box took it in."""


@dataclass(slots=True)
class _Box:
    """What the ledger says of the box and of each person at one row."""

    stopped: bool = False
    paused: bool = False
    trusted: bool = False
    presses: int = 0


def audit(
    rows: Sequence[Row],
    people: Sequence[Registered],
    calls: Sequence[SeenCall],
    callers: Sequence[SeenCall] = (),
    reached: Sequence[Objected] = (),
    *,
    origin: datetime,
    max_attempts: int,
    attended: bool,
    finished: bool,
) -> list[str]:
    """Return every breach of a law, in words; an empty list is a clean run.

    ``origin`` is the calendar time of second 0 of the network's log. ``finished`` says that the
    run ended with no call in progress, so that every attempt must have its outcome.
    """
    breaches: list[str] = []
    by_number = {person.number: person for person in people}
    box = _Box()
    authorised: dict[str, Row] = {}
    unused: dict[str, list[str]] = {}
    outcomes: dict[str, str] = {}
    counted_keys: dict[str, set[str]] = {}
    attempts_of: dict[str, int] = {}
    revoked_at: dict[str, datetime] = {}
    revoked_rows: dict[str, list[int]] = {}
    waiting = sorted(calls, key=lambda call: call.rows_on_disk)
    dialled = 0
    latest = origin - timedelta(days=36500)

    def check_dials(rows_on_disk: int) -> None:
        nonlocal dialled
        while dialled < len(waiting) and waiting[dialled].rows_on_disk <= rows_on_disk:
            check_dial(waiting[dialled])
            dialled += 1

    def check_dial(call: SeenCall) -> None:
        at = origin + timedelta(seconds=call.dialled_at)
        where = f"dial at {at.isoformat()} on {call.line}"
        person = by_number.get(call.number)
        if person is None:
            breaches.append(f"{where}: a number of nobody registered")
            return
        cleared = unused.get(person.subject) or []
        if not cleared:
            breaches.append(f"{where}: no unused clearance on disk")
            return
        cleared.pop(0)
        if box.stopped:
            breaches.append(f"{where}: while the emergency stop was latched")
        agreement = _agreement_at(person, revoked_at.get(person.subject), at)
        if agreement is None:
            breaches.append(f"{where}: no live consent")
        elif not _open(agreement, at):
            breaches.append(f"{where}: outside the person's hours")
        else:
            for begun, until, clip in call.clips:
                last = origin + timedelta(seconds=until)
                if not _open(agreement, last - timedelta(seconds=0.001)):
                    breaches.append(f"{where}: {clip} at {begun} played outside the window")

    for row in rows:
        check_dials(row.seq - 1)
        latest = max(latest, row.at)
        attempt = str(row.data.get("attempt", ""))
        match row.kind:
            case "clock.trusted":
                box.trusted = True
            case "clock.lost" | "box.started":
                box.trusted = False
            case "stop.pressed":
                box.stopped = True
            case "stop.reset":
                box.stopped = False
            case "dialling.paused":
                box.paused = True
            case "dialling.resumed":
                box.paused = False
            case "panel.pressed":
                box.presses += 1
            case "consent.revoked":
                if row.subject is not None:
                    revoked_at[row.subject] = latest
                    revoked_rows.setdefault(row.subject, []).append(row.seq)
            case "call.authorised":
                where = f"row {row.seq}"
                subject = row.subject or ""
                if attempt in authorised:
                    breaches.append(f"{where}: attempt authorised twice")
                authorised[attempt] = row
                unused.setdefault(subject, []).append(attempt)
                attempts_of[subject] = attempts_of.get(subject, 0) + 1
                if attempts_of[subject] > max_attempts:
                    breaches.append(f"{where}: attempts above the cap")
                breaches += [
                    f"{where}: {name} is missing"
                    for name in ("line", "consent", "window_start", "window_end", "profile")
                    if not row.data.get(name)
                ]
                if box.stopped or box.paused or not box.trusted or "clock" not in row.data:
                    breaches.append(f"{where}: authorised while stopped, paused or untrusted")
                if row.data.get("clock") == "untrusted":
                    breaches.append(f"{where}: authorised by an untrusted clock")
                running = [a for a in authorised if a not in outcomes and a != attempt]
                if attended:
                    box.presses -= 1
                    if box.presses < 0 or running:
                        breaches.append(f"{where}: not commanded by its own press")
                    box.presses = 0
                if any(authorised[a].subject == subject for a in running):
                    breaches.append(f"{where}: a second call to a person in a call")
            case "call.key" if row.data.get("counted"):
                counted_keys.setdefault(attempt, set()).add(str(row.data.get("key")))
            case "call.ended":
                if attempt not in authorised:
                    breaches.append(f"row {row.seq}: an end without a clearance")
                if attempt in outcomes:
                    breaches.append(f"row {row.seq}: a second outcome")
                if attempt in unused.get(row.subject or "", ()):
                    unused[row.subject or ""].remove(attempt)  # it never reached the network
                outcome = str(row.data.get("outcome"))
                outcomes[attempt] = outcome
                keys = counted_keys.get(attempt, set())
                if outcome in ("listened", "partial") and "1" not in keys:
                    breaches.append(f"row {row.seq}: {outcome} without key 1")
                if outcome == "opted_out" and "9" not in keys:
                    breaches.append(f"row {row.seq}: opted_out without key 9")
                if "9" in keys and outcome not in ("opted_out", "unknown"):
                    breaches.append(f"row {row.seq}: key 9 hidden behind {outcome}")
            case _:
                pass
    check_dials(2**62)
    if finished:
        breaches += [f"attempt {a} has no outcome" for a in authorised if a not in outcomes]
    for call in calls:
        breaches += _check_content(call, by_number, revoked_rows)
    breaches += _check_objections(rows, people, calls, reached, origin)
    breaches += _check_answered(people, calls, outcomes, origin)
    return breaches + _check_callers(rows, by_number, calls, callers)


NOBODY = frozenset({"busy", "no_answer", "rejected", "unreachable"})
SPOKEN_TO = 1.5
"""Seconds for which somebody who picked up was greeted: they were reached, whatever the modem says
at the end."""


def _check_answered(
    people: Sequence[Registered],
    calls: Sequence[SeenCall],
    outcomes: Mapping[str, str],
    origin: datetime,
) -> list[str]:
    """Whoever picked up was reached, and rests once they have declined."""
    found: list[str] = []
    by_number = {person.number: person for person in people}
    declined: dict[str, float] = {}
    for call in sorted(calls, key=lambda seen: seen.dialled_at):
        person = by_number.get(call.number)
        since = declined.get(call.number)
        if person is not None and since is not None:
            moment = origin + timedelta(seconds=since)
            if not _agreed_since(person, moment, origin + timedelta(seconds=call.dialled_at)):
                found.append(f"dial at {call.dialled_at} to somebody who declined at {since}")
        outcome = outcomes.get(call.attempt, "")
        if call.person_at is None or _greeted(call) < SPOKEN_TO:
            continue
        if outcome in NOBODY:
            found.append(f"the call at {call.dialled_at} was answered and counts as {outcome}")
        if outcome == "declined":
            declined[call.number] = call.dialled_at
    return found


def _greeted(call: SeenCall) -> float:
    """Seconds of greeting that whoever picked up has heard."""
    since = call.person_at or 0.0
    return sum(
        max(until - max(begun, since), 0.0)
        for begun, until, clip in call.clips
        if clip == "greeting"
    )


def _check_objections(
    rows: Sequence[Row],
    people: Sequence[Registered],
    calls: Sequence[SeenCall],
    reached: Sequence[Objected],
    origin: datetime,
) -> list[str]:
    """No objection is lost, at a kill either, and nobody is dialled after one."""
    found: list[str] = []
    by_hash = {f"hash{person.number[1:]}": person for person in people}
    revoked: dict[str, int] = {}
    dials: dict[str, list[float]] = {}
    for call in calls:
        dials.setdefault(call.number, []).append(call.dialled_at)
    for row in rows:
        if row.kind == "consent.revoked":
            revoked[str(row.data.get("number_hash"))] = row.seq
    for objected in reached:
        kept = objected.form == KEPT
        if not kept and revoked.get(objected.number_hash, 0) <= objected.rows_on_disk:
            found.append(f"an objection by {objected.form} at {objected.at} is lost")
        person = by_hash.get(objected.number_hash)
        if person is None:
            continue
        moment = origin + timedelta(seconds=objected.at)
        found += [
            f"dial at {at} after an objection by {objected.form} at {objected.at}"
            for at in dials.get(person.number, ())
            if at > objected.at
            and (kept or not _agreed_since(person, moment, origin + timedelta(seconds=at)))
        ]
    return found


def _agreed_since(person: Registered, moment: datetime, until: datetime) -> bool:
    return any(moment < agreement.given_at <= until for agreement in person.agreements)


def _check_callers(
    rows: Sequence[Row],
    by_number: Mapping[str, Registered],
    calls: Sequence[SeenCall],
    callers: Sequence[SeenCall],
) -> list[str]:
    """Nobody is answered while the stop is latched, nothing dialled beside a caller, and no
    objection confirmed that the ledger does not have by then."""
    found: list[str] = []
    says = {"consent.revoked": True, "consent.granted": False}
    for caller in callers:
        person = by_number.get(caller.number)
        found += [
            f"a caller heard {clip} at {begun}"
            for begun, _, clip in caller.clips
            if clip not in ("incoming", "opted")
        ]
        for begun in (begun for begun, _, clip in caller.clips if clip == "opted"):
            nines = [on_disk for at, key, on_disk in caller.keys if key == "9" and at <= begun]
            if not nines:
                found.append(f"a caller's objection confirmed at {begun} without key 9")
            elif person is not None:
                # The row may be older: whoever objected before, and has not agreed since.
                last = [
                    (row.seq, says[row.kind])
                    for row in rows
                    if row.kind in says and row.subject == person.subject
                ]
                later = any(objects and seq > nines[0] for seq, objects in last)
                known = [objects for seq, objects in last if seq <= nines[0]]
                if not later and not (known and known[-1]):
                    found.append(f"a caller's objection confirmed at {begun} is not on disk")
    latches = [(row.seq, row.kind) for row in rows if row.kind in ("stop.pressed", "stop.reset")]
    for caller in callers:
        if caller.answered_rows is None:
            continue
        before = [kind for seq, kind in latches if seq <= caller.answered_rows]
        if before and before[-1] == "stop.pressed":
            found.append(f"a caller was answered at {caller.dialled_at} while stopped")
    for call in calls:
        found += [
            f"dial at {call.dialled_at} on {call.line} beside a caller"
            for caller in callers
            if caller.line == call.line
            and caller.dialled_at < call.dialled_at
            and (caller.ended_at is None or call.dialled_at < caller.ended_at)
        ]
    return found


def _agreement_at(person: Registered, revoked: datetime | None, at: datetime) -> Agreement | None:
    given = [a for a in person.agreements if a.given_at <= at]
    newest = max(given, key=lambda a: a.given_at, default=None)
    if newest is None or (newest.valid_until is not None and at >= newest.valid_until):
        return None
    return None if revoked is not None and newest.given_at <= revoked else newest


def _open(agreement: Agreement, at: datetime) -> bool:
    hour = at.hour + at.minute / 60 + at.second / 3600 + at.microsecond / 3.6e9
    return any(first <= hour < last for first, last in agreement.hours)


def _check_content(
    call: SeenCall, by_number: Mapping[str, Registered], revoked_rows: Mapping[str, list[int]]
) -> list[str]:
    found: list[str] = []
    person = by_number.get(call.number)
    greeting = min((begun for begun, _, clip in call.clips if clip == "greeting"), default=None)
    presses = [at for at, key, _ in call.keys if key == "1"]
    for begun, _, clip in sorted(call.clips):
        if clip == "message" and not any(
            greeting is not None and greeting <= at <= begun for at in presses
        ):
            found.append(f"content at {begun} without key 1 after the greeting began")
        if clip == "opted" and person is not None:
            objections = [(at, rows) for at, key, rows in call.keys if key == "9" and at <= begun]
            if not objections:
                found.append(f"objection confirmed at {begun} without key 9")
            elif not any(seq > objections[0][1] for seq in revoked_rows.get(person.subject, ())):
                found.append(f"objection confirmed at {begun} before it was on disk")
    return found
