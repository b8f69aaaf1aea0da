"""What a person should know about the ballots that the configuration names. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from appliance.law.rules import Ballot, BallotRule, Profile


def ballot_notes(profile: Profile, ballots: Sequence[Ballot]) -> list[str]:
    """Return in sentences where the configured ballots do less, or other, than one might think."""
    notes: list[str] = []
    if not ballots:
        return notes
    if not profile.knows_ballots:
        notes.append(
            f"profile {profile.label} has no rule for ballots: the {len(ballots)} configured "
            "change nothing; ask your counsel, and pause the box on those days if need be"
        )
        return notes
    for ballot in ballots:
        if ballot.territory:
            continue
        eve = ballot.day - timedelta(days=1)
        told = {other.territory for other in ballots if other.day == eve}
        early = [name for name in _early(profile) if name not in told]
        if early:
            silent = ballot.day - timedelta(days=2)
            notes.append(
                f"ballot of {ballot.day}: {', '.join(early)} vote on {eve:%A} {eve}; write a "
                f'ballot with date: "{eve}" and territory for each of them whose people are '
                f"called. Their silence begins on {silent:%A} {silent} all the same"
            )
    return notes


def _early(profile: Profile) -> list[str]:
    names = [
        territory.name
        for rule in profile.enforced
        if isinstance(rule, BallotRule)
        for territory in rule.territories
        if territory.votes_on_eve
    ]
    return list(dict.fromkeys(names))
