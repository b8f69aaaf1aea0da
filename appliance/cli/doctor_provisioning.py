"""The doctor's row of the last folder from a stick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.box.provisioned import FOLDER, load
from appliance.cli.doctor_row import DoctorRow


def provisioning_rows(state: Path) -> Iterator[DoctorRow]:
    """Say what came of the last folder on a stick or boot partition, until the next one."""
    last = load(state)
    if last is None:
        return
    if last.is_fault:
        why = ", ".join(last.reasons) or f"{last.unread} lines of withdrawals are no number"
        yield DoctorRow(
            part="provisioning",
            state="note",
            detail=f"the last folder was {last.verdict}: {why}",
            remedy=f"read {state / FOLDER / 'RESULT.txt'}; correct the folder, pack it anew",
        )
    else:
        by = last.key or "nobody (unsigned)"
        yield DoctorRow(
            part="provisioning", state="ok", detail=f"the last folder was taken, signed by {by}"
        )
