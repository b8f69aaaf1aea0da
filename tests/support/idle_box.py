"""A box that has just nothing to do: its condition, of which tests change one thing."""

from __future__ import annotations

from datetime import UTC, datetime

from appliance.campaign.idleness import Condition
from appliance.effects import Now

AT = datetime(2027, 3, 9, 17, tzinfo=UTC)
CALLING = Condition(
    now=Now(monotonic=0.0, utc=AT, trusted=True, source="ntp"),
    storage_failure=None,
    stopped=False,
    contact_open=False,
    paused=False,
    interrupted=False,
    dials_in=None,
    attended=False,
    line_faults=(),
    lines_ready=1,
    lines_idle=1,
    calls_running=0,
    planned=True,
    refused=0,
    next_opening=AT,
)
