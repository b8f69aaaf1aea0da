"""A bar that shows how much is done, for a person at a terminal and nobody else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from appliance.cli.streams import bare

QUIET = 0.7
"""Seconds that may pass without a bar: what is done by then needs none."""


@contextmanager
def shown_progress(doing: str) -> Iterator[Callable[[float], None] | None]:
    """Yield what is to hear the share that is done; None where standard error is no terminal.

    The bar goes away when the work ends, so that what was found stands alone.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        yield None
        return
    bar = _Bar(doing)
    try:
        yield bar.tell
    finally:
        bar.end()


class _Bar:
    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._begun = time.monotonic()
        self._stop: Callable[[], None] | None = None
        self._update: Callable[[float], None] | None = None

    def tell(self, share: float) -> None:
        if self._update is None:
            if time.monotonic() - self._begun < QUIET:
                return
            self._show()
        assert self._update is not None
        self._update(share)

    def end(self) -> None:
        if self._stop is not None:
            self._stop()

    def _show(self) -> None:
        # Imported here: it takes longer than a small file.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            Remaining(),
            console=Console(file=bare(sys.stderr)),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        task = progress.add_task(self._doing, total=1.0)
        progress.start()
        self._stop = progress.stop
        self._update = lambda share: progress.update(task, completed=share)
