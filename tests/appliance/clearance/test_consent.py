from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clearance.consent import Standing, lifts, live_consent, narrowed, standing
from appliance.model import Consent, Revocation
from appliance.windows import parse_windows

DAY = timedelta(days=1)
T0 = datetime(2027, 1, 1, tzinfo=UTC)


def consent(
    day: float,
    *,
    until: float | None = None,
    recorded: float | None = None,
    purpose: str = "news",
    evidence: str = "form 3",
    name: str = "",
) -> Consent:
    given = T0 + day * DAY
    return Consent(
        id=name or f"c{day}",
        subject="s",
        purpose=purpose,
        given_at=given,
        source="web",
        evidence=evidence,
        windows="mon-fri 18:00-20:00",
        valid_until=None if until is None else T0 + until * DAY,
        recorded_at=given if recorded is None else T0 + recorded * DAY,
    )


def revoked(day: float) -> Revocation:
    return Revocation(at=T0 + day * DAY, by="key")


@pytest.mark.parametrize(
    ("consents", "revocation", "day", "expected", "live"),
    [
        ([], None, 10, Standing.NONE, None),
        ([consent(1, purpose="other")], None, 10, Standing.NONE, None),
        ([consent(1)], None, 10, Standing.LIVE, "c1"),
        ([consent(1)], None, 1, Standing.LIVE, "c1"),
        ([consent(1)], None, 0.999, Standing.FUTURE, None),
        ([consent(1, until=10)], None, 9.999, Standing.LIVE, "c1"),
        ([consent(1, until=10)], None, 10, Standing.EXPIRED, None),
        ([consent(1, evidence=" ")], None, 10, Standing.UNPROVEN, None),
        ([consent(1)], revoked(5), 10, Standing.REVOKED, None),
        # A withdrawal beats what was given at the very same moment.
        ([consent(5)], revoked(5), 10, Standing.REVOKED, None),
        ([consent(5, recorded=6)], revoked(5), 10, Standing.REVOKED, None),
        ([consent(1), consent(6)], revoked(5), 10, Standing.LIVE, "c6"),
        ([consent(6), consent(1)], revoked(5), 10, Standing.LIVE, "c6"),
        # Dated after the withdrawal, but recorded before it: it cannot be its reversal.
        ([consent(6, recorded=4)], revoked(5), 10, Standing.REVOKED, None),
        ([consent(6, evidence="")], revoked(5), 10, Standing.UNPROVEN, None),
        # A withdrawal that a wrong clock dates into the future holds all the same.
        ([consent(1)], revoked(50), 10, Standing.REVOKED, None),
        # The latest word holds, and an older one does not come back when it expires.
        ([consent(1), consent(3)], None, 10, Standing.LIVE, "c3"),
        ([consent(1), consent(3, until=5)], None, 4, Standing.LIVE, "c3"),
        ([consent(1), consent(3, until=5)], None, 10, Standing.EXPIRED, None),
        ([consent(1, until=5), consent(3)], None, 10, Standing.LIVE, "c3"),
        ([consent(1), consent(12)], None, 10, Standing.LIVE, "c1"),
        # Of two that were given at one moment, the one recorded later is the latest word.
        (
            [consent(1, name="a", recorded=3), consent(1, name="b", recorded=2)],
            None,
            10,
            Standing.LIVE,
            "a",
        ),
    ],
)
def test_standing(
    consents: list[Consent],
    revocation: Revocation | None,
    day: float,
    expected: Standing,
    live: str | None,
) -> None:
    state = standing(consents, "news", revocation, T0 + day * DAY)
    assert state.standing is expected
    assert (state.consent.id if state.consent else None) == live
    assert live_consent(consents, "news", revocation, T0 + day * DAY) is state.consent


def test_what_lifts_a_withdrawal() -> None:
    assert lifts(consent(6), revoked(5))
    assert not lifts(consent(5), revoked(5))
    assert not lifts(consent(6, evidence=""), revoked(5))
    assert lifts(consent(1), None)


def test_narrowing_never_adds() -> None:
    given_hours = parse_windows("mon-fri 18:00-20:00")
    wish = parse_windows("mon-sun 19:00-23:00")
    assert narrowed(given_hours, wish).canonical() == "mon-fri 19:00-20:00"


days = st.integers(0, 30)
histories = st.lists(
    st.builds(
        lambda g, length, lag, proof, purpose: consent(
            g,
            until=None if length is None else g + length,
            recorded=g + lag,
            evidence=proof,
            purpose=purpose,
        ),
        days,
        st.one_of(st.none(), st.integers(1, 20)),
        st.integers(0, 5),
        st.sampled_from(["form", ""]),
        st.sampled_from(["news", "news", "other"]),
    ),
    max_size=5,
)


@given(histories, st.one_of(st.none(), days), days)
def test_a_live_consent_is_always_in_force(
    consents: list[Consent], withdrawn: int | None, day: int
) -> None:
    at = T0 + day * DAY
    revocation = None if withdrawn is None else revoked(withdrawn)
    live = live_consent(consents, "news", revocation, at)
    if live is None:
        return
    assert live.purpose == "news"
    assert live.evidence
    assert live.given_at <= at
    assert live.valid_until is None or at < live.valid_until
    if revocation is not None:
        assert live.given_at > revocation.at
        assert live.recorded_at > revocation.at
    later = [c for c in consents if live.given_at < c.given_at <= at and c.purpose == "news"]
    assert not any(lifts(c, revocation) for c in later if c.recorded_at > live.recorded_at)


@given(histories, days, days)
def test_a_withdrawal_never_opens_anything(
    consents: list[Consent], withdrawn: int, day: int
) -> None:
    """Whoever is callable after a withdrawal agreed later, and would be callable without it."""
    at = T0 + day * DAY
    after = live_consent(consents, "news", revoked(withdrawn), at)
    if after is not None:
        assert live_consent(consents, "news", None, at) is not None
