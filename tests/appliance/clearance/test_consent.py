from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clearance.consent import Standing, proven, standing
from appliance.model import Consent, Revocation

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


@pytest.mark.parametrize(
    ("given", "recorded", "ended"),
    [(6, 6, False), (5, 6, True), (4, 4, True), (4, 6, True), (6, 5, True), (6, 4, True)],
)
def test_what_a_withdrawal_ends(given: int, recorded: int, ended: bool) -> None:
    """A withdrawal on day 5 ends what was given or recorded up to then."""
    assert revoked(5).ends(T0 + given * DAY, T0 + recorded * DAY) is ended
    agreed = consent(given, recorded=recorded)
    live = standing([agreed], "news", revoked(5), T0 + 7 * DAY).consent
    assert live is (None if ended else agreed)


def test_a_consent_without_proof_lifts_no_withdrawal() -> None:
    state = standing([consent(6, evidence="")], "news", revoked(5), T0 + 7 * DAY)
    assert (state.standing, state.consent) == (Standing.UNPROVEN, None)


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
    live = standing(consents, "news", revocation, at).consent
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
    assert not any(
        proven(c) and (revocation is None or c.given_at > revocation.at)
        for c in later
        if c.recorded_at > live.recorded_at
    )


@given(histories, days, days)
def test_a_withdrawal_never_opens_anything(
    consents: list[Consent], withdrawn: int, day: int
) -> None:
    """Whoever is callable after a withdrawal agreed later, and would be callable without it."""
    at = T0 + day * DAY
    after = standing(consents, "news", revoked(withdrawn), at).consent
    if after is not None:
        assert standing(consents, "news", None, at).consent is not None
