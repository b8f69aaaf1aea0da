"""Reaching a box: the running one over its socket, or else its state, opened for one operation."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.cli.paths import existing_state, state_directory
from appliance.control import ControlClient, NobodyListens

if TYPE_CHECKING:
    from appliance.state import State

CREATES = frozenset({"contacts.import"})
"""Operations that may begin a state directory. Any other on a directory that is not there would
answer for a box that nobody has: a stop that stops nothing, people who are nobody."""
READS = frozenset({"status", "why", "contacts.list", "contacts.export", "dossier"})
"""Operations that write nothing, so that they answer on a full or failing card as well. Two of
them remember the file that they are to write, and then they write."""


def ask(arguments: argparse.Namespace, operation: str, given: dict[str, Any] | None = None) -> Any:
    """Perform *operation* on the running box, or on its state where none runs.

    Raises :class:`~appliance.control.Refused`, also where there is no state and *operation*
    begins none (:data:`CREATES`), and the storage and configuration errors.
    """
    directory = state_directory(arguments) if operation in CREATES else existing_state(arguments)
    if directory.is_dir():
        try:
            with ControlClient(directory) as client:
                return client.ask(operation, given)
        except NobodyListens:
            pass
    return _offline(arguments, operation, given or {})


def ask_running(
    arguments: argparse.Namespace, operation: str, given: dict[str, Any] | None = None
) -> Any:
    """Perform *operation* on the running box; raises NobodyListens where none runs."""
    directory = state_directory(arguments)
    if not directory.is_dir():
        raise NobodyListens(str(directory))
    with ControlClient(directory) as client:
        return client.ask(operation, given)


def _offline(arguments: argparse.Namespace, operation: str, given: dict[str, Any]) -> Any:
    # The whole box is imported only where no running one answers.
    from appliance import config as configuration
    from appliance.box import Box, calendar
    from appliance.operations import Operations
    from firmware.clock import SystemClock

    config = configuration.load(arguments.config, state=arguments.state)
    with ExitStack() as at_end:
        state = _opened(config.state, operation, given, at_end)
        at_end.callback(state.close)
        clock = SystemClock(config.settings.clock.speed)
        box = Box(config, state, calendar(config, state, clock))
        answer = Operations(box).perform(operation, given)
        # A large import would make every later start read its rows one by one.
        if operation == "contacts.import" and answer["imported"]:
            if state.registry.wants_compaction:
                state.registry.compact()
            state.save_checkpoint()
        return answer


def _opened(directory: Path, operation: str, given: dict[str, Any], at_end: ExitStack) -> State:
    from appliance.state import State

    if given.get("out") is None and operation in READS:
        return State.open_to_read(directory)
    if operation == "contacts.import" and given.get("dry_run"):
        if not directory.exists():
            # Judged as by a box that knows nobody, of which nothing stays behind.
            nowhere = at_end.enter_context(TemporaryDirectory(prefix="autodialer-"))
            return State.open(Path(nowhere))
        if given.get("rejects") is None:
            return State.open_to_read(directory)
    return State.open(directory)
