"""The commands and what each takes, as completions and the manual page tell of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An option or an argument of a command."""

    names: tuple[str, ...]
    """Empty for an argument."""
    text: str
    value: str
    """What stands for its value in a synopsis; empty for a switch."""
    choices: tuple[str, ...]
    is_file: bool
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command or an action of one."""

    words: tuple[str, ...]
    text: str
    takes: tuple[Taken, ...]
    actions: tuple[tuple[str, str], ...]
    """The words that may follow, each with what it does."""
