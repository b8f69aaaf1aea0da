"""``watch`` as a program of the terminal: looks at the box every second and takes keys.

The shell around :mod:`appliance.screen.watch`. It knows nothing of sockets: it is handed what
asks the box, and calls it on threads of its own, so that a box that is silent leaves the screen
alive and marked as stale.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from appliance.cli.speech import speaker
from appliance.language import Translate
from appliance.screen.watch import View, page
from firmware.wording import with_remedy

Ask = Callable[[str, dict[str, Any]], Any]
"""Performs an operation of the box by name; raises where it does not answer or refuses."""

LOOK_EVERY = 1.0
BY = "watch"


class Reset(ModalScreen[tuple[str, str] | None]):
    """Asks for the name and the reason that the ledger keeps of a reset."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "")]

    def __init__(self, say: Translate) -> None:
        super().__init__()
        self._say = say

    def compose(self) -> ComposeResult:
        say = self._say
        with Vertical():
            yield Label(say("Reset the emergency stop: the ledger keeps who and why."))
            yield Input(placeholder=say("your name"), id="by", max_length=100)
            yield Input(placeholder=say("reason"), id="reason", max_length=180)
            yield Label(say("Enter: reset · Escape: leave it stopped"))

    def on_input_submitted(self) -> None:
        by, reason = (self.query_one(f"#{name}", Input).value.strip() for name in ("by", "reason"))
        if by and reason:
            self.dismiss((by, reason))
        else:
            self.query_one("#by" if not by else "#reason", Input).focus()

    def action_leave(self) -> None:
        self.dismiss(None)


class Help(ModalScreen[None]):
    """What the keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,question_mark,h,q,enter", "leave", "")]

    def __init__(self, say: Translate) -> None:
        super().__init__()
        self._say = say

    def compose(self) -> ComposeResult:
        say = self._say
        yield Static(
            say(
                "s  start: place calls again after a pause\n"
                "p  pause: place no further calls; a call that is up goes on\n"
                "x  EMERGENCY STOP: hang up everything at once, without asking\n"
                "r  reset the emergency stop: name and reason are asked\n"
                "q  leave; the box goes on\n"
                "Escape closes this."
            )
        )

    def action_leave(self) -> None:
        self.dismiss(None)


class Watch(App[None]):
    """The screen of one box."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #page { height: 1fr; }
    #keys { height: 1; text-style: reverse; }
    Reset Label { width: 100%; }
    Reset, Help { align: center middle; }
    Reset > Vertical, Help > Static {
        width: 95%; max-width: 70; height: auto; border: round $foreground; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("s", "tell('resume')", "start"),
        ("p", "tell('pause')", "pause"),
        ("x", "tell('stop')", "stop"),
        ("r", "reset", "reset"),
        ("question_mark,h", "help", "help"),
        ("q,ctrl+c", "quit", "quit"),
    ]

    def __init__(self, ask: Ask, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(ansi_color=True)
        self._ask = ask
        self._clock = clock
        self._status: dict[str, Any] | None = None
        self._answered = clock()
        self._trouble = self._note = ""
        self._looking = False
        self._shown = Text()
        self.headline = ""
        """What is played with the box, where it is a demonstration or a rehearsal."""
        self.ready = threading.Event()
        """The screen is up, so that other threads may tell it."""

    def compose(self) -> ComposeResult:
        yield Static(id="page")
        yield Static(id="keys")

    def on_mount(self) -> None:
        self.set_interval(LOOK_EVERY, self._tick)
        self._tick()
        self.ready.set()

    def on_resize(self) -> None:
        self._draw()

    @property
    def _say(self) -> Translate:
        # As every line of the same command: the box's language, or a demonstration's terminal's.
        return speaker()

    def _tick(self) -> None:
        # One look at a time: a box that is silent would else gather threads.
        if not self._looking:
            self._looking = True
            self.run_worker(self._look, thread=True, exit_on_error=False)
        if self._trouble or self._status is None:
            self._draw()

    def _look(self) -> None:
        status, trouble = None, ""
        try:
            status = self._ask("status", {})
        except Exception as error:  # noqa: BLE001
            # Whatever it is, the screen stays and says so: it may be the only one in the room.
            trouble = self._say(with_remedy(error))
        self.call_from_thread(self._looked, status, trouble)

    def _looked(self, status: dict[str, Any] | None, trouble: str) -> None:
        self._looking = False
        self._trouble = trouble
        if status is not None:
            self._status, self._answered = status, self._clock()
        self._draw()

    def _draw(self) -> None:
        view = View(
            status=self._status,
            silent_for=self._clock() - self._answered,
            trouble=self._trouble,
            note=self._note,
            headline=self.headline,
        )
        say, size = self._say, self.size
        root = self.screen_stack[0]
        shown = page(view, say, size.width, max(size.height - 1, 1))
        if shown == self._shown and shown.spans == self._shown.spans:
            # A line over which somebody works from afar may be slow.
            return
        self._shown = shown
        root.query_one("#page", Static).update(shown)
        keys = say("s start  p pause  x STOP  r reset  ? help  q quit")
        if len(keys) > size.width:
            keys = say("s start p pause x STOP r reset ? q")
        root.query_one("#keys", Static).update(keys)

    def action_tell(self, operation: str) -> None:
        """Give an order; a stop is given at once and on a thread of its own."""
        given = {"by": BY} if operation != "stop" else {}
        self._order(operation, given)

    def action_reset(self) -> None:
        def told(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                self._order("reset", {"by": answer[0], "reason": answer[1]})

        self.push_screen(Reset(self._say), told)

    def action_help(self) -> None:
        self.push_screen(Help(self._say))

    def _order(self, operation: str, given: dict[str, Any]) -> None:
        say = self._say

        def give() -> None:
            try:
                self._ask(operation, given)
                note = {
                    "stop": say("Stopped: every line is told to hang up."),
                    "pause": say("Paused."),
                    "resume": say("Started."),
                    "reset": say("The emergency stop is reset."),
                }[operation]
            except Exception as error:  # noqa: BLE001
                # A refusal is an answer as well; a defect must not take the screen away.
                note = say(with_remedy(error))
            self.call_from_thread(self._noted, note)

        self.run_worker(give, thread=True, exit_on_error=False)

    def _noted(self, note: str) -> None:
        self._note = note
        self._tick()
