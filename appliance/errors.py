"""What a command answers with when it does not do what was asked, and how it shows why."""

from __future__ import annotations

from firmware.errors import ErrorWithRemedy
from firmware.wording import worded

_EXCERPT = 40
"""Characters: enough to find the place in a file."""


def excerpt(text: str) -> str:
    """Return a harmless excerpt of what somebody wrote, to be shown in a fault."""
    return "".join(c if c.isprintable() else "?" for c in text.strip()[:_EXCERPT])


class Refused(ErrorWithRemedy):
    """The operation was understood and not done."""


class UsageWrong(Refused):
    """The command line asks for nothing that could be done, whatever the files and the hub hold."""


class NobodyListens(Exception):
    """No box runs on this state directory."""


class Unresponsive(Refused):
    """A box runs here and does not work: stopped, frozen, or too busy to answer."""

    def __init__(self, process: int | None, what: str) -> None:
        whose = (
            worded("a box")
            if process is None
            else worded("the box (process {process})", process=process)
        )
        end = "" if process is None else worded(", or kill -9 {process}", process=process)
        super().__init__(
            worded("{whose} runs here and {what}", whose=whose, what=what),
            worded(
                "autodialer stop hangs up what may be up; then start the box anew: systemctl "
                "restart autodialer{end}",
                end=end,
            ),
        )
        self.process = process
