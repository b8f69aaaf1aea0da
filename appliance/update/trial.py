"""Does the new system hold? A function of what was seen of it since it started. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import Literal

from firmware.wording import worded

WITHIN = 600.0
"""Real seconds since the computer started; after 900 the card's own deadline restarts it."""
STEADY = 60.0
"""Real seconds for which it has to be well without a break."""

Mode = Literal["running", "waiting", "safe_mode", "silent"]
"""What the box says of itself: at work, without configuration, in safe mode, nothing."""
_RANK: dict[Mode, int] = {"silent": 0, "safe_mode": 1, "waiting": 2, "running": 3}
_SAID: dict[Mode, str] = {
    "silent": worded("does not answer"),
    "safe_mode": worded("is in safe mode"),
    "waiting": worded("has no configuration any more"),
    "running": "runs",
}
PARTS = frozenset({"configuration", "state", "ledger", "storage"})
"""Rows of ``doctor`` that speak of the box itself. A modem, the clock or the supply may ail at any
start, and a new system is not to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One look at the box."""

    mode: Mode
    supervised: bool
    """The supervisor, which owns the stop button, watches."""
    ails: frozenset[str] = frozenset()
    """Parts of :data:`PARTS` in which ``doctor`` finds a fault."""

    def falls_short_of(self, before: Health) -> str:
        """Say in what this is worse than *before*; empty where in nothing."""
        if not self.supervised:
            return worded("its supervisor does not watch the stop button")
        if _RANK[self.mode] < _RANK[before.mode]:
            return worded("the box {said}", said=_SAID[self.mode])
        new = sorted(self.ails - before.ails)
        return worded("doctor finds a fault in: {names}", names=", ".join(new)) if new else ""


@unique
class Order(Enum):
    """What is to be done now."""

    LOOK_AGAIN = "look again"
    CONFIRM = "confirm"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was seen so far; times are real seconds since the computer started."""

    before: Health
    well_since: float | None = None
    lacks: str = worded("nothing was seen of it")


def step(trial: Trial, health: Health, at: float) -> tuple[Trial, Order]:
    """Take one more look into account."""
    lacks = health.falls_short_of(trial.before)
    if lacks:
        next_one = Trial(before=trial.before, well_since=None, lacks=lacks)
        return next_one, Order.GIVE_UP if at >= WITHIN else Order.LOOK_AGAIN
    since = at if trial.well_since is None else trial.well_since
    next_one = Trial(before=trial.before, well_since=since, lacks="")
    if at - since >= STEADY:
        return next_one, Order.CONFIRM
    # Well, but not for long enough yet: the card's deadline leaves room for that.
    late = at >= WITHIN + STEADY
    return next_one, Order.GIVE_UP if late else Order.LOOK_AGAIN
