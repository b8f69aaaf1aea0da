"""What ``doctor`` says of the things that the configuration names: law, caller number, clips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from appliance.cli.doctor_row import DoctorRow
from firmware.wording import joined, worded

if TYPE_CHECKING:
    from appliance.config.load import Config


def sample_clips(config: Config) -> Iterator[DoctorRow]:
    """Name the clips that are not the campaign's own."""
    from appliance.config.sample_clips import OWN_CLIP, STRANGER

    for clip in config.strangers:
        yield DoctorRow(
            part=worded("clips"),
            state="note",
            detail=joined(": ", [str(clip), STRANGER]),
            remedy=OWN_CLIP,
        )


def law_rows(config: Config) -> Iterator[DoctorRow]:
    """Say by what law the box goes, which ballots are missing, and whether its number may call."""
    from appliance.law import ballot_notes

    rules = config.rules
    yield DoctorRow(
        part=worded("law profile"),
        state="ok",
        detail=joined(": ", [rules.profile.label, rules.profile.title]),
    )
    for note in ballot_notes(rules.profile, rules.ballots):
        yield DoctorRow(part=worded("ballots"), state="note", detail=note)
    for verdict in rules.caller_verdicts(config.bench):
        yield DoctorRow(
            part=worded("caller number"),
            state="ok" if verdict.allowed else "fault",
            detail=joined(": ", [verdict.rule, verdict.reason]),
            remedy=""
            if verdict.allowed
            else worded("use a number of an allowed range, or mode: attended; ask your counsel"),
        )
