"""Consent as history: which of a person's agreements holds, at an instant, for a purpose.

Grants are never edited. A newer grant takes the place of an older one, whether it allows more
hours or fewer, since it is the person's latest word; a withdrawal ends all that were given or
recorded up to it. Nothing here widens: where the latest word has expired, an older one that
would have lasted longer does not come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique

from appliance.model import Consent, Revocation


@unique
class Standing(StrEnum):
    """Where a person's consent for one purpose stands."""

    LIVE = "live"
    NONE = "none"
    """No consent was ever recorded for this purpose."""
    FUTURE = "future"
    """The only consents are dated later than this instant."""
    UNPROVEN = "unproven"
    """A consent was recorded without source or evidence."""
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentState:
    """The answer of :func:`standing`; ``consent`` is set exactly where it is live."""

    standing: Standing
    consent: Consent | None
    since: datetime | None = None
    """When it ended (revoked, expired) or will begin (future)."""


def standing(
    consents: Sequence[Consent], purpose: str, revocation: Revocation | None, at: datetime
) -> ConsentState:
    """Tell where consent for *purpose* stands at *at*.

    A consent is live from the instant it was given to its last (exclusive), unless a revocation
    ends it (:meth:`~appliance.model.Revocation.ends`).
    """
    latest: Consent | None = None
    unproven = revoked = False
    begins: datetime | None = None
    for consent in consents:
        if consent.purpose != purpose:
            continue
        if revocation is not None and revocation.ends(consent.given_at, consent.recorded_at):
            revoked = True
        elif not proven(consent):
            unproven = True
        elif consent.given_at > at:
            begins = consent.given_at if begins is None else min(begins, consent.given_at)
        elif latest is None or _order(consent) > _order(latest):
            latest = consent
    if latest is not None:
        if latest.valid_until is not None and latest.valid_until <= at:
            return ConsentState(standing=Standing.EXPIRED, consent=None, since=latest.valid_until)
        return ConsentState(standing=Standing.LIVE, consent=latest)
    if begins is not None:
        return ConsentState(standing=Standing.FUTURE, consent=None, since=begins)
    if revoked and revocation is not None:
        return ConsentState(standing=Standing.REVOKED, consent=None, since=revocation.at)
    return ConsentState(standing=Standing.UNPROVEN if unproven else Standing.NONE, consent=None)


def proven(consent: Consent) -> bool:
    """Tell whether the consent says how it was obtained and where the proof is."""
    return bool(consent.source.strip() and consent.evidence.strip())


def _order(consent: Consent) -> tuple[datetime, datetime, str]:
    return consent.given_at, consent.recorded_at, consent.id
