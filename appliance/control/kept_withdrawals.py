"""Withdraws whom a stick named while no box could write it down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from appliance.box.provisioned import (
    FOLDER,
    KEPT_WITHDRAWALS,
    TAKEN_WITHDRAWALS,
    UNREAD_WITHDRAWALS,
)
from appliance.control.job import Job
from appliance.storage.files import replace_file

log = logging.getLogger(__name__)

Steps = Generator[float | None, None, None]


def withdraw_kept(state: Path, revoke: Callable[[dict[str, Any]], Job]) -> Steps:
    """Withdraw everybody in the kept list, *revoke* being ``contacts.revoke_all``.

    The list is taken away by renaming it: what a stick adds meanwhile begins a new one, and a cut
    leaves both. Lines that are no number are laid aside for a person. Raises Refused, OSError and
    StorageFailed; what was not withdrawn is then still there.
    """
    kept, taken = state / FOLDER / KEPT_WITHDRAWALS, state / FOLDER / TAKEN_WITHDRAWALS
    while True:
        if not taken.exists():
            try:
                kept.rename(taken)
            except FileNotFoundError:
                return
        lines = taken.read_bytes().decode("ascii", "surrogateescape").split()
        unread = yield from _withdraw(lines, revoke)
        if unread:
            _lay_aside(state, unread)
        taken.unlink()


def _withdraw(
    lines: list[str], revoke: Callable[[dict[str, Any]], Job]
) -> Generator[float | None, None, list[str]]:
    """Return the lines that are no number; everybody else is withdrawn."""
    unread: list[str] = []
    while lines:
        numbers = [{"line": place, "number": line} for place, line in enumerate(lines)]
        job = revoke({"numbers": numbers, "by": "provisioning"})
        while not job.step():
            yield job.share
        # Where one cannot be read, nobody was withdrawn.
        wrong = {fault["line"] for fault in job.result["faults"]}
        unread += [line for place, line in enumerate(lines) if place in wrong]
        lines = [line for place, line in enumerate(lines) if place not in wrong] if wrong else []
    return unread


def _lay_aside(state: Path, lines: list[str]) -> None:
    log.error("%d kept withdrawals are no number: a person has to look", len(lines))
    file = state / FOLDER / UNREAD_WITHDRAWALS
    before = file.read_bytes().decode("ascii", "surrogateescape").split() if file.exists() else []
    text = "".join(f"{line}\n" for line in dict.fromkeys([*before, *lines]))
    replace_file(file, text.encode("ascii", "surrogateescape"))
