"""What a person should know about the ballots that the configuration names. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from appliance.law.rules import Ballot, BallotRule, Profile
from firmware.wording import worded

_WEEKDAYS = (
    worded("on Monday"),
    worded("on Tuesday"),
    worded("on Wednesday"),
    worded("on Thursday"),
    worded("on Friday"),
    worded("on Saturday"),
    worded("on Sunday"),
)


def ballot_notes(profile: Profile, ballots: Sequence[Ballot]) -> list[str]:
    """Return in sentences where the configured ballots do less, or other, than one might think."""
    notes: list[str] = []
    if not ballots:
        return notes
    if not profile.knows_ballots:
        notes.append(
            worded(
                "profile {profile} has no rule for ballots: the {count} configured change "
                "nothing; ask your counsel, and pause the box on those days if need be",
                profile=profile.label,
                count=len(ballots),
            )
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
                worded(
                    "ballot of {day}: {names} vote {weekday} {eve}; write a ballot with date: "
                    '"{eve}" and territory for each of them whose people are called. Their silence '
                    "begins {weekday2} {silent} all the same",
                    day=ballot.day,
                    names=", ".join(early),
                    weekday=_WEEKDAYS[eve.weekday()],
                    weekday2=_WEEKDAYS[silent.weekday()],
                    eve=eve,
                    silent=silent,
                )
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
