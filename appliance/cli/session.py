"""Reaching a box: the running one over its socket, or else its state, opened for one operation."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.cli.paths import existing_state, state_directory
from appliance.control import ControlClient, NobodyListens

CREATES = frozenset({"contacts.import"})
"""Operations that may begin a state directory. Any other on a directory that is not there would
answer for a box that nobody has: a stop that stops nothing, people who are nobody."""


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
    from appliance.state import State
    from firmware.clock import SystemClock

    config = configuration.load(arguments.config, state=arguments.state)
    state = State.open(config.state)
    try:
        clock = SystemClock(config.settings.clock.speed)
        box = Box(config, state, calendar(config, state, clock))
        answer = Operations(box).perform(operation, given)
        # A large import would make every later start read its rows one by one.
        if state.registry.wants_compaction:
            state.registry.compact()
        state.save_checkpoint()
        return answer
    finally:
        state.close()
