"""What a command answers with when it does not do what was asked."""

from __future__ import annotations

from firmware.errors import ErrorWithRemedy


class Refused(ErrorWithRemedy):
    """The operation was understood and not done."""


class NobodyListens(Exception):
    """No box runs on this state directory."""
