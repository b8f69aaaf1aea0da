"""The people of a simulated campaign: who they are, when they agree, what an auditor is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from appliance.model import Consent, Contact, HexId, Sketch, hex_id, hex_text
from firmware.events import AddressKind
from tests.rigs.campaign_auditor import Agreement, Registered

ORIGIN = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
PURPOSE = "survey"


class SimulatedPeople:
    """A registry in memory that survives restarts as the disk would."""

    def __init__(self) -> None:
        self._contacts: dict[str, Contact] = {}
        self._consents: dict[str, list[Consent]] = {}
        self._numbers: dict[str, Contact] = {}

    def add(self, contact: Contact, consent: Consent) -> None:
        self._contacts[contact.subject] = contact
        self._numbers[contact.number] = contact
        self._consents.setdefault(contact.subject, []).append(consent)

    def subjects(self) -> Iterable[HexId]:
        return map(hex_id, self._contacts)

    def everybody(self) -> Iterable[str]:
        return self._contacts

    def contact(self, subject: str) -> Contact | None:
        return self._contacts.get(subject)

    def consents(self, subject: str) -> Sequence[Consent]:
        return self._consents.get(subject, ())

    def sketch(self, subject: HexId) -> Sketch | None:
        known = hex_text(subject)
        contact, consents = self._contacts[known], self._consents[known]
        if len(consents) != 1:
            return None
        (one,) = consents
        return Sketch(
            number=contact.number,
            timezone=contact.timezone,
            purpose=one.purpose,
            given_at=one.given_at,
            windows=one.windows,
            valid_until=one.valid_until,
            proven=True,
        )

    def by_number(self, number: str) -> Contact | None:
        return self._numbers.get(number)

    def possible(self, number: str, _kind: AddressKind, _iccid: str | None) -> tuple[str, ...]:
        return (number,) if number.startswith("+") else ()

    def message_id(self, mark: str) -> str:
        return hashlib.sha256(mark.encode()).hexdigest()[:32]

    def arriving(self, _: str, /) -> datetime | None:
        return None

    def number_hash(self, number: str) -> str | None:
        return f"hash{number[1:]}" if number.startswith("+") else None

    def register(self, count: int, random: Random) -> None:
        """Let *count* people agree in the month before the campaign."""
        for n in range(count):
            number = f"+33639{980000 + n // 100 % 100 * 100 + n % 100:06d}"
            contact = Contact(
                subject=f"{n:032x}",
                number=number,
                number_hash=f"hash{number[1:]}",
                name="",
                language="fr",
                timezone="Africa/Abidjan",
            )
            self.agree(contact, ORIGIN - timedelta(days=random.randrange(1, 30)), random)

    def agree(self, contact: Contact, given_at: datetime, random: Random) -> Consent:
        """Register a consent with hours, and now and then an end, of its own."""
        first = random.randrange(6, 16)
        last = random.randrange(first + 1, 19)
        windows = f"mon-sun {first:02d}:00-{last:02d}:00"
        late = random.randrange(19, 22)
        if random.random() < 0.3:
            windows += f"; mon-sun {late:02d}:00-{late + 1:02d}:00"
        until = None
        if random.random() < 0.1:
            until = given_at + timedelta(days=random.randrange(1, 40))
        consent = Consent(
            id=f"{random.getrandbits(128):032x}",
            subject=contact.subject,
            purpose=PURPOSE,
            given_at=given_at,
            source="form",
            evidence="simulated",
            windows=windows,
            valid_until=until,
            recorded_at=given_at,
        )
        self.add(contact, consent)
        return consent

    def registered(self) -> list[Registered]:
        """Return everybody as the contacts file has them, for the auditor."""
        return [
            Registered(
                subject,
                contact.number,
                tuple(
                    Agreement(c.id, c.given_at, c.valid_until, _hours(c.windows))
                    for c in self.consents(subject)
                ),
            )
            for subject, contact in self._contacts.items()
        ]


def _hours(windows: str) -> tuple[tuple[int, int], ...]:
    """Read the one shape of windows that these people write."""
    spans = []
    for part in windows.split(";"):
        first, last = part.split()[1].split("-")
        spans.append((int(first[:2]), int(last[:2])))
    return tuple(spans)
