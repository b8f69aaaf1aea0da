"""Whether the emergency stop is latched, asked of a state alone: no configuration is needed."""

from __future__ import annotations

from pathlib import Path

from appliance.box.state import BoxState
from appliance.storage.files import StorageError
from firmware.supervisor.plan import Notes


def stop_stands(state: Path) -> bool | None:
    """Tell whether a stop is latched in *state*; None where it cannot be read.

    The ledger has it, or the supervisor's note of one that came while no box could record it.
    """
    if Notes(state).latched() is not None:
        return True
    if not state.is_dir():
        return False
    try:
        opened = BoxState.open_to_read(state, beside_a_box=True)
    except (StorageError, OSError):
        return None
    try:
        return opened.campaign.stopped
    finally:
        opened.close()
