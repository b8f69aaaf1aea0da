"""Why nobody is being called right now: one sentence for people, with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from appliance.campaign import interruptions
from appliance.campaign.line_limits import Reached
from appliance.effects import Now
from firmware.events import LineFault
from firmware.wording import joined, plural, worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """The reason at one instant."""

    code: str
    """``storage``, ``state``, ``stopped``, ``paused``, ``clock``, ``fleet``, ``lines``, ``limit``,
    ``interrupted``, ``loading``, ``busy``, ``done``, ``closed``, ``press`` or ``dialling``."""
    sentence: str
    next_at: datetime | None = None
    """When the next call may happen by itself, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Everything that the reason depends on."""

    now: Now
    storage_failure: str | None
    doubt: str = ""
    """What a person must look at in the state before anybody is called."""
    stopped: bool
    contact_open: bool
    paused: bool
    interrupted: bool
    """The box was cut off in a call so often that a person has to press start."""
    dials_in: float | None
    """Box seconds for which an earlier end within a call still holds dialling up."""
    attended: bool
    line_faults: tuple[LineFault, ...]
    lines_ready: int
    lines_idle: int
    calls_running: int
    planned: bool
    """Everybody's next chance is known."""
    refused: int
    next_opening: datetime | None
    limits: tuple[Reached, ...] = ()
    """Where every line that is idle has reached one."""
    fleet: str | None = None
    """Why the fleet lets this box call nobody; None where it does, and without a fleet."""


def blocked(condition: Condition) -> Idle | None:
    """Return what keeps the whole box from dialling anybody, or None."""
    if condition.storage_failure is not None:
        return Idle(
            code="storage",
            sentence=worded(
                "Nothing can be recorded any more ({storage_failure}), and nobody is called "
                "without a record: free or replace the disk, then restart the box.",
                storage_failure=condition.storage_failure,
            ),
        )
    if condition.doubt:
        return Idle(
            code="state",
            sentence=worded(
                "Calling waits: {doubt}; `doctor` says what to do.", doubt=condition.doubt
            ),
        )
    if condition.stopped:
        return Idle(
            code="stopped",
            sentence=worded(
                "The emergency stop is latched: release the button, then reset with a name and a "
                "reason."
            )
            if condition.contact_open
            else worded("The emergency stop is latched: reset with a name and a reason."),
        )
    if condition.contact_open:
        return Idle(code="stopped", sentence=worded("The stop button is pressed: release it."))
    # In attended mode each press is itself the order to call.
    if condition.paused and condition.interrupted and not condition.attended:
        return Idle(
            code="paused",
            sentence=worded(
                "Dialling is held: the box was cut off in a call {most} times within an hour. "
                "See to its power supply and cable, then press start, or resume.",
                most=interruptions.MOST,
            ),
        )
    if condition.paused and not condition.attended:
        return Idle(code="paused", sentence=worded("Dialling is paused: resume, or press start."))
    if not condition.now.trusted:
        return Idle(
            code="clock",
            sentence=worded(
                "The clock is not trusted ({source}), so nobody is called: connect the box to "
                "a network with NTP, or fit a battery-backed clock.",
                source=condition.now.source,
            ),
        )
    if condition.fleet is not None:
        return Idle(
            code="fleet",
            sentence=worded(
                "Nobody is called because {fleet}: see autodialer fleet status.",
                fleet=condition.fleet,
            ),
        )
    if condition.lines_ready == 0:
        faults = [
            worded("{line}: {detail}; {remedy}", line=f.line, detail=f.detail, remedy=f.remedy)
            for f in condition.line_faults
        ]
        told = joined(" | ", faults) or worded("none has reported yet; see doctor if that lasts")
        return Idle(code="lines", sentence=worded("No line is in service ({told}).", told=told))
    if condition.dials_in is not None:
        return Idle(
            code="interrupted",
            sentence=worded(
                "The box was cut off in a call, so it waits before it dials again, "
                "{dials_in:.0f} s more; start, or resume, ends the wait. If that happens "
                "again, see to its power supply.",
                dials_in=condition.dials_in,
            ),
        )
    return None


def explain(condition: Condition) -> Idle:
    """Return why no call is being placed at this instant."""
    reason = blocked(condition)
    if reason is not None:
        return reason
    if not condition.planned:
        return Idle(
            code="loading",
            sentence=worded(
                "The registry is being read: calls begin when everybody's next hour is known."
            ),
        )
    opening = condition.next_opening
    if condition.lines_idle == 0:
        return Idle(code="busy", sentence=worded("Every line in service has a call."))
    if condition.limits and opening is not None and opening <= condition.now.utc:
        until = min(one.until for one in condition.limits)
        told = joined(
            "; ",
            [worded("{line}: {detail}", line=o.line, detail=o.detail) for o in condition.limits],
        )
        return Idle(
            code="limit",
            sentence=worded(
                "The limits of the lines are reached ({told}); the next call may happen at {time}.",
                told=told,
                time=until.isoformat(sep=" ", timespec="minutes"),
            ),
            next_at=until,
        )
    if opening is None:
        if condition.calls_running:
            return Idle(code="busy", sentence=worded("The last calls are running."))
        if condition.refused:
            return Idle(
                code="done",
                sentence=plural(
                    "Nobody is left to be called; rules refuse {count} person, and why NUMBER "
                    "tells which rules and why.",
                    "Nobody is left to be called; rules refuse {count} people, and why NUMBER "
                    "tells which rules and why.",
                    condition.refused,
                ),
            )
        return Idle(code="done", sentence=worded("Nobody is left to be called: import people."))
    if opening > condition.now.utc:
        when = opening.isoformat(sep=" ", timespec="minutes")
        return Idle(
            code="closed",
            sentence=worded(
                "Nobody may be called right now; the next call may happen at {when}.", when=when
            ),
            next_at=opening,
        )
    if condition.attended:
        return Idle(code="press", sentence=worded("Attended mode: press start to place one call."))
    return Idle(code="dialling", sentence=worded("The next call is being placed."), next_at=opening)
