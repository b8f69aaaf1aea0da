"""One line whose every call ends busy after five seconds: what the next choice costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from appliance.campaign.engine import Engine
from appliance.effects import Effect, Now, Send
from firmware import events
from firmware.events import Cause
from firmware.orders import Dial

LINE = "line-1"
_CALL_SECONDS = 5.0


class BusyLine:
    """Drives *engine*; ``now(seconds)`` is the time so long after the line was ready."""

    def __init__(self, engine: Engine, now: Callable[[float], Now]) -> None:
        self._engine = engine
        self._now = now
        self._seconds = 0.0

    def ready(self) -> Sequence[Effect]:
        """Bring the line up."""
        event = events.LineReady(
            line=LINE,
            at=self._now(0.0).monotonic,
            family="bench",
            model="bench",
            imei=None,
            iccid=None,
            witnesses=(),
            audio="none",
        )
        return self._engine.step(event, self._now(0.0))

    def choices(self, attempt: str, most: int) -> list[float]:
        """End *attempt* and at the most so many calls after it; return the seconds from each freed
        line to the next order, shortest first."""
        spent = []
        for _ in range(most):
            self._seconds += _CALL_SECONDS
            now = self._now(self._seconds)
            ended = events.Ended(
                line=LINE,
                at=now.monotonic,
                attempt=attempt,
                cause=Cause.BUSY,
                evidence="BUSY",
                code=17,
                confirmed=True,
            )
            begun = time.perf_counter()
            effects = self._engine.step(ended, now)
            spent.append(time.perf_counter() - begun)
            following = dialled(effects)
            if following is None:
                break
            attempt = following
        return sorted(spent)


def dialled(effects: Sequence[Effect]) -> str | None:
    """Return the attempt of the call that *effects* place, if any."""
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.order, Dial):
            return effect.order.attempt
    return None
