"""``watch`` over a demonstration or a rehearsal: the same screen and keys, on a box that is staged.

The screen has the main thread, as every screen must; the performance has one of its own, tells the
screen each look at the box, and is broken off between two of them.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from appliance.cli.speech import say, several, speaker
from appliance.cli.watching import Ask, Watch
from appliance.control.protocol import ControlClient
from appliance.screen.live import PlainScreen
from firmware.wording import worded

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.demo.run import Performance, Result

DRAWN_EVERY = 0.25
"""Seconds between two statuses that are drawn: a performance looks ten times a second."""
MARK = "***"
"""Around what a person must not overlook: the stop, the power."""


class StagedWatch(Watch):
    """The screen of a box that somebody plays with. Leaving it ends nothing but the screen."""

    BINDINGS: ClassVar[list[Any]] = [("q", "quit", "quit"), ("ctrl+c", "break_off", "")]

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self.broken_off = False
        self.ended_by: int | None = None
        """The signal that ended the screen."""

    def _tick(self) -> None:
        # The performance asks the box and tells; only the mark of silence is drawn from here.
        self._trouble = "" if self._clock() - self._answered < 3 * LOOK else SILENT
        self._draw()

    def told(self, status: dict[str, Any], headline: str) -> None:
        """Show what the performance saw."""
        self.headline = headline
        self._looked(status, "")

    def noted(self, text: str) -> None:
        self._noted(text)

    def action_break_off(self) -> None:
        self.broken_off = True
        self.exit()


LOOK = 1.0
SILENT = worded("the box does not answer")


class StagedScreen:
    """What a performance tells, on the screen; in plain lines once that was left."""

    def __init__(self, app: StagedWatch, doing: str) -> None:
        self._app = app
        self._doing = doing
        self._plain = PlainScreen(speaker())
        self._drawn = 0.0
        self.left = threading.Event()

    def news(self, text: str) -> None:
        if self.left.is_set():
            self._plain.news(text)
        elif text.startswith(MARK):
            self._tell(self._app.noted, say(text).strip(f"{MARK[0]} "))

    def show(self, status: dict[str, Any], called: int, expected: int) -> None:
        now = time.monotonic()
        if not self.left.is_set() and now - self._drawn >= DRAWN_EVERY:
            self._drawn = now
            headline = several(
                "{doing}: {called} of {count} person called",
                "{doing}: {called} of {count} people called",
                expected,
                doing=say(self._doing),
                called=called,
            )
            self._tell(self._app.told, status, headline)

    def end(self) -> None:
        self._tell(self._app.exit)

    def _tell(self, what: Callable[..., object], *given: object) -> None:
        try:
            self._app.call_from_thread(what, *given)
        except RuntimeError:
            # The screen was left at this very moment.
            self.left.set()


def perform(
    make: Callable[[Any], Performance],
    run: Callable[[Performance], Result],
    *,
    state: Path,
    doing: str,
) -> Result:
    """Run a performance behind the screen and return its result, or raise what it raised.

    *make* is handed the screen. Keys go to the box of *state*, as anybody's would.
    """
    app = StagedWatch(lambda operation, given: _asked(state, operation, given))
    screen = StagedScreen(app, doing)
    performance = make(screen)
    found: list[Result] = []
    failed: list[BaseException] = []

    def work() -> None:
        app.ready.wait()
        try:
            found.append(run(performance))
        except BaseException as error:  # noqa: BLE001 - raised again where the command waits
            failed.append(error)
        finally:
            screen.end()

    worker = threading.Thread(target=work, name=doing)
    worker.start()
    try:
        with _ended_by_signals(app):
            app.run(mouse=False)
        screen.left.set()
        if app.ended_by is not None:
            sys.exit(128 + app.ended_by)
        if app.broken_off:
            raise KeyboardInterrupt
        while worker.is_alive():
            worker.join(timeout=0.2)
    except BaseException:
        # A signal or Ctrl-C: the children end before the command does.
        app.ready.set()
        performance.break_off()
        worker.join()
        raise
    if failed:
        raise failed[0]
    return found[0]


@contextmanager
def _ended_by_signals(app: StagedWatch) -> Iterator[None]:
    """Leave the screen as it must be left where a signal ends it: the terminal stays whole."""

    def ended(signum: int, _: object) -> None:
        app.ended_by = signum
        app.exit()

    before = {number: signal.signal(number, ended) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _asked(state: Path, operation: str, given: dict[str, Any]) -> Any:
    with ControlClient(state) as client:
        return client.ask(operation, given)
