"""What ``doctor`` says of a box's membership in a fleet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.cli.doctor_row import DoctorRow
from firmware.wording import plural, worded


def fleet_rows(fleet: dict[str, Any]) -> Iterator[DoctorRow]:
    """Say how the box stands to headquarters, and what to do where it may call nobody."""
    part = worded("fleet")
    if fleet.get("failed"):
        yield DoctorRow(
            part=part, state="fault", detail=str(fleet["trouble"]), remedy=str(fleet["remedy"])
        )
    elif fleet.get("lost"):
        yield DoctorRow(
            part=part, state="fault", detail=str(fleet["barred"]), remedy=str(fleet["lost"])
        )
    elif fleet["stopped"]:
        yield DoctorRow(
            part=part,
            state="fault",
            detail=str(fleet["barred"]),
            remedy=worded(
                "headquarters resumes it: autodialer fleet resume BOX --by NAME --reason TEXT"
            ),
        )
    if fleet.get("failed"):
        pass
    elif not fleet["connected"]:
        yield DoctorRow(
            part=part,
            state="fault",
            detail=worded("not connected: {trouble}", trouble=fleet["trouble"]),
            remedy=fleet["remedy"]
            or worded(
                "see that the box reaches the hub (network, firewall, port); if it does, ask "
                "headquarters for: autodialer fleet hub --check"
            ),
        )
    elif not fleet["barred"]:
        yield DoctorRow(
            part=part, state="ok", detail=worded("connected to {server}", server=fleet["server"])
        )
    if fleet["objections_unsent"]:
        yield DoctorRow(
            part=part,
            state="fault" if not fleet["connected"] else "note",
            detail=plural(
                "{count} objection the other boxes have not heard of",
                "{count} objections the other boxes have not heard of",
                fleet["objections_unsent"],
            ),
            remedy=worded("they go out by themselves once the hub is reached"),
        )
