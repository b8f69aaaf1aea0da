"""What the engine knows of one line."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.call.state import Concluded, State
from firmware import events


@dataclass(slots=True)
class LineState:
    """Changes as its events come in; only the engine changes it."""

    name: str
    bench: bool
    ready: bool = False
    fault: events.LineFault | None = None
    call: State | None = None
    unconfirmed: Concluded | None = None
    """The call whose end the line has not confirmed: it takes no other until it has, and whoever
    is still in it may object."""
    receiving: bool = False
    """Somebody calls on it; nobody is dialled meanwhile."""
    linger: float = 0.0
    """Seconds by which it may tell a key late: a module's notice, where the host hears none."""
    used_at: float = float("-inf")

    @property
    def idle(self) -> bool:
        free = self.call is None and not self.receiving
        return self.ready and free and self.unconfirmed is None
