"""A person accepts that something of the state is lost, and the box goes on without it.

What is given up is written down, person by person: whoever is imported anew keeps caps and rests
by the keyed hash of the number, and who lost the newest of several consents is not called on the
older ones.
"""

from __future__ import annotations

from appliance.box.box import Box
from appliance.box.restoration import given_up
from appliance.campaign import inputs
from appliance.control.contacts_import import Steps
from appliance.effects import Record
from appliance.errors import Refused
from firmware.wording import joined, worded

ROWS_READ_PER_STEP = 500
ROWS_WRITTEN_PER_STEP = 50


def refusal(box: Box) -> str | None:
    """Return why nothing can be accepted now, or None where something can."""
    standing = box.engine.doubts.all()
    if not standing:
        return worded("nothing waits for a person")
    final = [doubt for doubt in standing if not doubt.can_be_accepted]
    if final:
        wait = worded("wait until that is settled")
        return joined(": ", [final[0].detail, final[0].remedy or wait])
    return None


def accept_steps(box: Box, by: str, reason: str) -> Steps:
    """Accept what stands, in steps between which the box takes its events."""
    short = box.state.short
    number_hashes: dict[str, str] = {}
    wanted = {subject for subject, _, all_of_them in short if all_of_them}
    if wanted:
        for number, entry in enumerate(box.state.ledger.entries(), 1):
            number_hash = entry.data.get("number_hash")
            if entry.subject in wanted and isinstance(number_hash, str):
                number_hashes[entry.subject] = number_hash
            if number % ROWS_READ_PER_STEP == 0:
                yield None
    rows = list(given_up(short, number_hashes))
    for start in range(0, len(rows), ROWS_WRITTEN_PER_STEP):
        box.note(rows[start : start + ROWS_WRITTEN_PER_STEP])
        yield None
    people = len(short)
    data = {"by": by, "reason": reason, "people": people}
    box.note([Record(kind="state.accepted", data=data)])
    box.state.short = []
    box.take([inputs.DoubtSettled(code="people")])
    if box.engine.storage_failure is not None:
        raise Refused(worded("the acceptance could not be recorded"), box.engine.storage_failure)
    return {"stopped": box.engine.state.stopped, "accepted": True, "people": people}
