"""How long people are kept: who has had neither a live consent nor a call for so many days.

:func:`over_since` is the rule; :class:`Round` looks at everybody in portions, so that a box with
many people goes on placing calls meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from appliance.model import Consent, Contact, History, Revocation

PORTION = 200
"""People looked at per step."""


def over_since(consents: Sequence[Consent], history: History) -> datetime | None:
    """Return since when nothing is left to keep a person for, or None where something is.

    That is the latest of the ends of their consents (for any purpose) and of their calls. A
    consent without an end holds until it is withdrawn; a call without an end is still running.
    """
    ends = [attempt.ended_at for attempt in history.attempts]
    ends += [_ended(consent, history.revocation) for consent in consents]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def overdue(consents: Sequence[Consent], history: History, now: datetime, days: int) -> bool:
    """Tell whether a person is to be erased after *days*."""
    since = over_since(consents, history)
    return since is not None and since + timedelta(days=days) <= now


def _ended(consent: Consent, revocation: Revocation | None) -> datetime | None:
    if revocation is None or not revocation.ends(consent.given_at, consent.recorded_at):
        return consent.valid_until
    return revocation.at if consent.valid_until is None else min(consent.valid_until, revocation.at)


class Round:
    """One look at everybody, in portions."""

    def __init__(
        self,
        people: Iterable[Contact],
        consents: Callable[[str], Sequence[Consent]],
        history: Callable[[str, str], History],
        now: datetime,
        days: int,
    ) -> None:
        self._people: Iterator[Contact] = iter(people)
        self._consents = consents
        self._history = history
        self._now = now
        self._days = days
        self.found: list[Contact] = []
        """Those who are to be erased, as far as is known."""

    def portion(self, count: int = PORTION) -> bool:
        """Look at *count* more people; return whether everybody has been looked at."""
        for _ in range(count):
            contact = next(self._people, None)
            if contact is None:
                return True
            consents = self._consents(contact.subject)
            history = self._history(contact.subject, contact.number_hash)
            if overdue(consents, history, self._now, self._days):
                self.found.append(contact)
        return False

    def all(self) -> list[Contact]:
        """Look at everybody at once."""
        while not self.portion():
            pass
        return self.found
