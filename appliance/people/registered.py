"""The registry, in the words that the engine asks with."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from appliance.model import Consent, Contact, HexId, Sketch
from appliance.numbers import NumberRefused, hash_number, read_number
from appliance.people.registry import Registry
from appliance.people.sender import home_region, possible_numbers
from firmware.events import AddressKind

REMEMBERED = 1000
"""Numbers hashed lately: far more than one step of the box takes."""


class RegisteredPeople:
    """The registry, in the words of the engine."""

    def __init__(self, registry: Registry, country: str) -> None:
        self._registry = registry
        self._country = country
        self._arriving: Callable[[str], datetime] | None = None
        self._hashed: dict[str, str] = {}

    @contextmanager
    def importing(self, recorded_at: Callable[[str], datetime]) -> Iterator[None]:
        """Know of an import: *recorded_at* tells when its consents of a number hash count from."""
        self._arriving = recorded_at
        try:
            yield
        finally:
            self._arriving = None

    def arriving(self, number_hash: str) -> datetime | None:
        return None if self._arriving is None else self._arriving(number_hash)

    def subjects(self) -> Iterable[HexId]:
        return self._registry.subjects()

    def contact(self, subject: str) -> Contact | None:
        return self._registry.contact(subject)

    def consents(self, subject: str) -> Sequence[Consent]:
        return self._registry.consents(subject)

    def sketch(self, subject: HexId) -> Sketch | None:
        return self._registry.sketch(subject)

    def possible(self, number: str, kind: AddressKind, iccid: str | None) -> tuple[str, ...]:
        return possible_numbers(number, kind, (self._country, home_region(iccid)))

    def message_id(self, mark: str) -> str:
        # Keyed like the hash of a number: a short text could be guessed from a plain one.
        key = self._registry.number_key
        return hmac.new(key, b"message " + mark.encode(), hashlib.sha256).hexdigest()[:32]

    def by_number(self, number: str) -> Contact | None:
        read = self._read(number)
        return None if read is None else self._registry.by_number(read)

    def number_hash(self, number: str) -> str | None:
        read = self._read(number)
        if read is None:
            return None
        number_hash = hash_number(self._registry.number_key, read)
        self._hashed.pop(number_hash, None)
        self._hashed[number_hash] = read
        if len(self._hashed) > REMEMBERED:
            del self._hashed[next(iter(self._hashed))]
        return number_hash

    def hashed(self, number: str) -> str | None:
        """As :meth:`number_hash`, and remembers nothing: from any thread."""
        read = self._read(number)
        return None if read is None else hash_number(self._registry.number_key, read)

    def remembered(self, number_hash: str) -> str | None:
        """Return the number that was hashed lately to *number_hash*; nothing is kept on disk.

        An objection of somebody who is not registered leaves a hash alone; what names them to
        other boxes is made of the number, while it is at hand.
        """
        return self._hashed.get(number_hash)

    def _read(self, number: str) -> str | None:
        try:
            return read_number(number, self._country, fiction=True)
        except NumberRefused:
            return None
