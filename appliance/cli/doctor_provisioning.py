"""The doctor's rows of the last folder and the last update, from a stick or by the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.box import updated
from appliance.box.provisioned import FOLDER, UNREAD_WITHDRAWALS, load, unread_withdrawals
from appliance.cli.doctor_row import DoctorRow
from firmware.bounded_read import read_bounded
from firmware.wording import plural, worded


def provisioning_rows(state: Path) -> Iterator[DoctorRow]:
    """Say what came of the last folder on a stick or boot partition, until the next one."""
    waiting = unread_withdrawals(state)
    if waiting:
        yield DoctorRow(
            part=worded("provisioning"),
            state="fault",
            detail=plural(
                "{count} withdrawal that a stick brought is no number: nobody was withdrawn by it",
                "{count} withdrawals that a stick brought are no numbers: nobody was withdrawn "
                "by them",
                waiting,
            ),
            remedy=worded(
                "read {file}, withdraw who is meant (autodialer contacts revoke), then delete it",
                file=state / FOLDER / UNREAD_WITHDRAWALS,
            ),
        )
    last = load(state)
    if last is None:
        return
    if last.is_fault:
        why = ", ".join(last.reasons) or plural(
            "{count} line of withdrawals is no number",
            "{count} lines of withdrawals are no number",
            last.unread,
        )
        yield DoctorRow(
            part=worded("provisioning"),
            state="note",
            detail=worded("the last folder was {verdict}: {why}", verdict=last.verdict, why=why),
            remedy=worded(
                "read {state}; correct the folder, pack it anew",
                state=state / FOLDER / "RESULT.txt",
            ),
        )
    else:
        by = last.key or worded("nobody (unsigned)")
        yield DoctorRow(
            part=worded("provisioning"),
            state="ok",
            detail=worded("the last folder was taken, signed by {by}", by=by),
        )


def update_rows(place: Path = updated.PLACE) -> Iterator[DoctorRow]:
    """Say how the last update of the card ended."""
    last = updated.load(place)
    if last is None:
        return
    if last.lamp in ("refused", "taken_back"):
        yield DoctorRow(
            part=worded("system update"),
            state="note",
            detail=last.text,
            remedy=worded("UPDATE.txt on the stick and the boot partition says the same"),
        )
    elif last.lamp == "holds":
        yield DoctorRow(part=worded("system update"), state="ok", detail=last.text)


UPDATE_RESULT = "upgrade-result.txt"
"""What the package's last update came to, where there is something to say (debian/)."""


def package_rows(state: Path) -> Iterator[DoctorRow]:
    """Say what the package's last update came to."""
    try:
        told = read_bounded(state / UPDATE_RESULT, 1 << 16).decode(errors="replace")
    except OSError:
        return
    yield DoctorRow(
        part=worded("update"),
        state="note",
        detail=" ".join(told.split())[:400],
        remedy=worded("mend what it says, then install the package again"),
    )
