"""An operation that takes long, done in steps between which the box goes on. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any


class Job:
    """Steps that end with a result. An exception of a step is one of the operation."""

    def __init__(self, steps: Generator[None, None, Any]) -> None:
        self._steps = steps
        self.result: Any = None

    def step(self) -> bool:
        """Do a little more; return whether the result is there."""
        try:
            next(self._steps)
        except StopIteration as done:
            self.result = done.value
            return True
        return False

    def run(self) -> Any:
        """Do all of it and return the result."""
        while not self.step():
            pass
        return self.result

    def abandon(self) -> None:
        """Leave what is not done undone, in a sound state."""
        self._steps.close()
