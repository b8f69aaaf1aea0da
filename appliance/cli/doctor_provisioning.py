"""The doctor's rows of the last folder and the last update, from a stick or by the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.box import updated
from appliance.box.provisioned import FOLDER, UNREAD_WITHDRAWALS, load, unread_withdrawals
from appliance.cli.doctor_row import DoctorRow
from appliance.language import marked
from firmware.bounded_read import read_bounded
from firmware.wording import joined, plural, worded

_WHY = {
    "box": marked("the box could not take it just then"),
    "changed": marked("something in it changed after it was packed"),
    "clips": marked("its recordings are not as they must be"),
    "config": marked("its configuration has faults"),
    "contacts": marked("its contacts file has faults"),
    "disk": marked("there was no room for it"),
    "empty": marked("it was empty"),
    "hostile": marked("it holds what no such folder may hold"),
    "older": marked("it is older than the last one"),
    "unreadable": marked("it could not be read to its end"),
    "unsigned": marked("it is not signed"),
    "wrong_key": marked("it is signed by a key that this box does not know"),
}
"""The codes of why a folder was refused, in words."""


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
        unread = plural(
            "{count} line of withdrawals is no number",
            "{count} lines of withdrawals are no number",
            last.unread,
        )
        detail = (
            worded(
                "the last folder was refused: {why}",
                why=joined(", ", [worded(_WHY.get(code, code)) for code in last.reasons]),
            )
            if last.verdict == "refused"
            else worded("the last folder was taken, but: {why}", why=unread)
        )
        yield DoctorRow(
            part=worded("provisioning"),
            state="note",
            detail=detail,
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
