"""What the gate costs: next chances for 100,000 people, and one whole decision."""

from __future__ import annotations

import random
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

from appliance.clearance.circumstances import Circumstances
from appliance.clearance.gate import Rules, decide, next_chance
from appliance.effects import Now
from appliance.law import Ballot, Caller, Category, load_profile
from appliance.model import Attempt, Consent, Contact, History, Outcome
from appliance.people.contacts_file import ContactRow, ContactsFile
from appliance.people.contacts_format import COLUMNS, Defaults

PEOPLE = 100_000
_START = datetime(2027, 3, 22, 9, 0, tzinfo=UTC)
_ZONES = ("Europe/Paris", "Europe/Paris", "Europe/Paris", "Indian/Reunion", "America/Martinique")
_WINDOWS = (
    "mon-fri 18:00-20:00; sat 10:00-12:00",
    "mon-fri 10:00-13:00",
    "tue 14:00-16:00; thu 14:00-16:00",
    "mon-sun 09:00-21:00",
    "wed 17:30-19:30",
    "sat 10:00-12:00",
)


_DEFAULTS = Defaults(country="FR", language="fr", fiction=True)
_CIRCUMSTANCES = Circumstances(
    now=Now(monotonic=0.0, utc=_START, trusted=True, source="ntp"),
    stopped=False,
    paused=False,
    storage_ok=True,
    line_ready=True,
    bench=True,
    pressed=False,
    call_seconds=120.0,
)


def population(count: int, seed: int = 1) -> list[tuple[Contact, tuple[Consent, ...], History]]:
    """Make people with few distinct windows and zones, some of them called before."""
    draw = random.Random(seed)
    people: list[tuple[Contact, tuple[Consent, ...], History]] = []
    for index in range(count):
        subject = f"{index:032x}"
        given = _START - timedelta(days=draw.randrange(1, 300), seconds=index % 86_400)
        contact = Contact(
            subject=subject,
            number=f"+3363998{index % 10_000:04d}",
            number_hash=f"{index:064x}",
            name="",
            language="fr",
            timezone=draw.choice(_ZONES),
        )
        consent = Consent(
            id=subject,
            subject=subject,
            purpose="information",
            given_at=given,
            source="web",
            evidence="form 3",
            windows=draw.choice(_WINDOWS),
            valid_until=given + timedelta(days=365),
            recorded_at=given,
        )
        attempts = tuple(
            Attempt(
                id=f"{subject}{n}",
                authorised_at=_START - timedelta(days=draw.randrange(1, 25)),
                outcome=draw.choice((Outcome.NO_ANSWER, Outcome.BUSY, Outcome.DECLINED)),
            )
            for n in range(draw.choice((0, 0, 0, 1, 2)))
        )
        people.append((contact, (consent,), History(attempts=attempts)))
    return people


def rules(profile: str) -> Rules:
    """Return the rules of an ordinary campaign under *profile*."""
    return Rules(
        purpose="information",
        profile=load_profile(profile),
        ballots=(Ballot(day=date(2027, 4, 11), closes=clock_time(20)),),
        caller=Caller(number="+33199000001", category=Category.FICTION),
    )


def run() -> list[dict[str, object]]:
    """Measure CPU time per call, which other programs on the machine disturb least."""
    people = population(PEOPLE)
    results: list[dict[str, object]] = []

    def add(name: str, value: float, unit: str, n: int) -> None:
        results.append({"name": name, "value": round(value, 2), "unit": unit, "n": n})

    for profile in ("fr", "strict"):
        start = time.process_time()
        held = rules(profile)
        add(f"law.load_profile.{profile}", (time.process_time() - start) * 1e3, "ms", 1)
        for turn in ("first", "again"):
            start = time.process_time()
            for contact, consents, history in people:
                next_chance(contact, consents, history, held, _START, call_seconds=120)
            taken = (time.process_time() - start) / len(people)
            add(f"gate.next_chance.{profile}.{turn}", taken * 1e6, "us", len(people))
        some = people[:10_000]
        start = time.process_time()
        for contact, consents, history in some:
            decide(contact, consents, history, held, _CIRCUMSTANCES)
        taken = (time.process_time() - start) / len(some)
        add(f"gate.decide.{profile}", taken * 1e6, "us", len(some))
    raw = _contacts_file(20_000)
    start = time.process_time()
    file = ContactsFile(raw.decode(), "contacts.csv", _DEFAULTS)
    rows = sum(isinstance(judged, ContactRow) for judged in file.judged())
    taken = (time.process_time() - start) / rows
    add("contacts.parse", taken * 1e6, "us", rows)
    return results


def _contacts_file(count: int) -> bytes:
    lines = [",".join(COLUMNS)]
    lines += [
        f"+3363998{n % 10_000:04d},Ada,fr,Europe/Paris,p{n // 10_000},2026-0{n % 9 + 1}-01,web,"
        f"form {n},mon-fri 18:00-20:00; sat 10:00-12:00,"
        for n in range(count)
    ]
    return "\n".join(lines).encode()
