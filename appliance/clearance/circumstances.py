"""How the box stands when the gate is asked, and how long a call may take. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.model import Script, Timers, Verdict
from firmware.wording import worded

if TYPE_CHECKING:
    from appliance.effects import Now


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStanding:
    """How box and person stand in the fleet, as far as this box knows; the claim asks the rest."""

    barred: str | None
    """Why nobody may be dialled now: stopped by headquarters, or headquarters cannot be asked."""
    objected: bool
    """The person objected at another box, in this campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How the box stands at the instant of the decision."""

    now: Now
    stopped: bool
    paused: bool
    storage_ok: bool
    line_ready: bool
    bench: bool
    """Whether the line is a simulator or test rig."""
    pressed: bool
    """Whether the start button was pressed for this one call."""
    doubt: str = ""
    """What is not as the box left it in its state, so that a person must look first."""
    call_seconds: float
    """The longest that the call may take, from the dial command to the silent line."""
    limit: str | None = None
    """What every line has used up, empty for nothing; None where no line has limits."""
    fleet: FleetStanding | None = None
    """None where this box belongs to no fleet."""

    @classmethod
    def at_best(cls, now: Now, *, bench: bool, call_seconds: float) -> Circumstances:
        """Return how a box stands of which nothing is in the way: what refuses then is not its."""
        return cls(
            now=now,
            stopped=False,
            paused=False,
            storage_ok=True,
            line_ready=True,
            bench=bench,
            pressed=True,
            call_seconds=call_seconds,
        )


def fleet_verdicts(circumstances: Circumstances) -> list[Verdict]:
    """Return the fleet's rule, for a box that belongs to one."""
    fleet = circumstances.fleet
    if fleet is None:
        return []
    if fleet.objected:
        reason = worded(
            "The person objected at another box, which counts here until the campaign ends."
        )
        return [Verdict(rule="fleet", allowed=False, reason=reason)]
    if fleet.barred is not None:
        # It may change at any moment, and no row of this box will say so.
        until = circumstances.now.utc + timedelta(minutes=1)
        reason = worded("Nobody is called because {fleet}.", fleet=fleet.barred)
        return [Verdict(rule="fleet", allowed=False, reason=reason, until=until)]
    return [Verdict(rule="fleet", allowed=True, reason=worded("Headquarters can be asked."))]


def longest_call(script: Script, timers: Timers) -> float:
    """Return the longest that a call with *script* can take, in seconds.

    Set-up and ringing, the greeting, every wait and repeat, the whole message after the last
    possible key, an objection at its end with the spoken confirmation, and the hang-up.
    """
    spoken = script.durations
    prompts = timers.prompt_repeats * (spoken[script.prompt] + timers.key_wait.total_seconds())
    return (
        (timers.set_up + timers.ring + timers.key_wait + timers.hang_up).total_seconds()
        + spoken[script.greeting]
        + prompts
        + spoken[script.message]
        + max(spoken[script.farewell], spoken[script.opted_out])
    )
