"""An operation that takes long, done in steps between which the box goes on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any


class Job:
    """Steps that end with a result. An exception of a step is one of the operation."""

    def __init__(self, steps: Generator[float | None, None, Any]) -> None:
        """A step may yield the share of the whole that is done, from 0 to 1."""
        self._steps = steps
        self.share: float | None = None
        """How much is done, where the steps tell."""
        self.result: Any = None

    def step(self) -> bool:
        """Do a little more; return whether the result is there."""
        try:
            share = next(self._steps)
        except StopIteration as done:
            self.result = done.value
            return True
        if share is not None:
            self.share = share
        return False

    def run(self, told: Callable[[float], None] | None = None) -> Any:
        """Do all of it and return the result; *told* hears how much is done."""
        while not self.step():
            if told is not None and self.share is not None:
                told(self.share)
        return self.result

    def abandon(self) -> None:
        """Leave what is not done undone, in a sound state."""
        self._steps.close()
