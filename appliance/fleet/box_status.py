"""What a box says of itself, as headquarters may go by it. Pure."""

from __future__ import annotations

from typing import Any

from appliance.fleet.messages import MessageUnreadable, decode

LONGEST_TEXT = 500
"""Characters of a text that are shown."""


def read_status(payload: bytes) -> dict[str, Any] | None:
    """Return what a box said of itself, without what is of another kind than it says.

    A box whose key was stolen, or whose program is of another year, may say anything; that is no
    reason to see nothing of the others.
    """
    try:
        status = decode(payload)
    except MessageUnreadable:
        return None
    for name, kind in _STATUS.items():
        value = status.get(name)
        if type(value) is not kind or (isinstance(value, int) and not 0 <= value < 2**53):
            status.pop(name, None)
        elif isinstance(value, str):
            # One line: a second one would stand there as another box's.
            status[name] = " ".join(value.split())[:LONGEST_TEXT]
    return status


_STATUS: dict[str, type] = {
    "stopped": bool,
    "epoch": int,
    "calls": int,
    "barred": str,
    "objections_unsent": int,
    "ledger_sent": int,
    "last_list": str,
}
"""What headquarters goes by in a status; ``barred`` is null where nothing bars the box."""
