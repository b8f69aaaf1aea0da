"""Questions at the terminal, asked in one way: an input that ends (Ctrl-D) ends the command.

It has asked before it writes, so nothing is written then. Ctrl-C ends it as it ends any command.
"""

from __future__ import annotations

import sys

from appliance.errors import Refused
from firmware.wording import worded


def typed(question: str) -> str:
    """Return what is typed after *question*. Raises Refused where the input ends."""
    try:
        return input(question)
    except EOFError:
        raise _ended() from None


def secret(question: str) -> str:
    """Return what is typed after *question* and shown to nobody; of a pipe its first line.

    Raises Refused where the input ends.
    """
    if sys.stdin is None:
        raise _ended()
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if not line:
            raise _ended()
        return line.strip()
    import getpass

    try:
        return getpass.getpass(question)
    except EOFError:
        raise _ended() from None


def _ended() -> Refused:
    return Refused(
        worded("the input ended, and nothing is written"),
        worded("run the command again, and answer what it asks or give it as options"),
    )
