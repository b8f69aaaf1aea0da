"""What the demonstration shows while it runs: a live screen, or plain lines in a pipe."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Any, Protocol, Self

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from appliance.screen.status import line_text

LAMPS = {"ready": "green", "line": "blue", "call": "yellow", "fault": "red"}
RECENT = 8


class Screen(Protocol):
    """Where news and states go."""

    def news(self, text: str) -> None: ...

    def show(self, status: dict[str, Any], called: int, expected: int) -> None:
        """Show the box's *status*, and how many of the *expected* people were called."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class PlainScreen:
    """One line per piece of news."""

    def news(self, text: str) -> None:
        print(text, flush=True)

    def show(self, status: dict[str, Any], called: int, expected: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class LiveScreen:
    """Lamps, lines, counters and a bar, drawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._recent: deque[str] = deque(maxlen=RECENT)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def news(self, text: str) -> None:
        self._recent.append(text)

    def show(self, status: dict[str, Any], called: int, expected: int) -> None:
        lines = Table.grid(padding=(0, 2))
        for line in status["lines"]:
            name, _, state = line_text(line).partition(": ")
            lines.add_row(Text(name, "bold"), Text(state, no_wrap=True, overflow="ellipsis"))
        counters = Columns(
            [
                Text.assemble((f"{name} ", "dim"), (str(count), "bold"), no_wrap=True)
                for name, count in sorted(status["outcomes"].items())
            ],
            padding=(0, 2),
        )
        bar = Table.grid(padding=(0, 1), expand=True)
        bar.add_column(width=14)
        bar.add_column(ratio=1)
        bar.add_row(
            f"{called} of {expected}", ProgressBar(total=max(expected, 1), completed=called)
        )
        recent = Text("\n".join(self._recent), "dim", no_wrap=True, overflow="ellipsis")
        clock = status["clock"]["utc"].replace("T", " ").removesuffix("Z")
        self._live.update(
            Panel(
                Group(_lamps(status["lamps"]), lines, bar, counters, Text(), recent),
                title=f"autodialer {status['box']}",
                subtitle=f"{clock} UTC, simulated · {status['why']['sentence']}",
            )
        )


def _lamps(lamps: dict[str, str]) -> Text:
    row = Text()
    for name, colour in LAMPS.items():
        pattern = lamps.get(name, "off")
        lit = pattern != "off"
        row.append("● " if lit else "○ ", style=f"bold {colour}" if lit else "dim")
        row.append(name, style="bold" if lit else "dim")
        row.append(f" {pattern}    " if lit else "    ", style="dim")
    return row
