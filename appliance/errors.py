"""What a command answers with when it does not do what was asked."""

from __future__ import annotations


class Refused(Exception):
    """The operation was understood and not done; ``remedy`` says what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class NobodyListens(Exception):
    """No box runs on this state directory."""
