"""Reaching a box: the running one over its socket, or else its state, opened for one operation."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from appliance.cli.paths import existing_state, state_directory
from appliance.cli.streams import plain
from appliance.control.protocol import ControlClient
from appliance.errors import NobodyListens

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from appliance.box.state import BoxState
    from appliance.cli.delivery import Output
    from appliance.config.load import Config
    from appliance.fleet.membership import Passive

CREATES = frozenset({"contacts.import"})
"""Operations that may begin a state directory. Any other on a directory that is not there would
answer for a box that nobody has: a stop that stops nothing, people who are nobody."""
READS = frozenset(
    {"status", "why", "clock", "dossier", "messages.list"}
    | {"contacts.list", "contacts.zones", "contacts.export"}
)
"""Operations that write nothing, so that they answer on a full or failing card as well. Two of
them remember the file that they are to write, and then they write."""


def _sayable(value: Any) -> Any:
    """Return what a person typed as text that a ledger can hold."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {name: _sayable(inner) for name, inner in value.items()}
    return [_sayable(inner) for inner in value] if isinstance(value, list) else value


def ask(
    arguments: argparse.Namespace,
    operation: str,
    given: dict[str, Any] | None = None,
    output: Output | None = None,
    told: Callable[[float], None] | None = None,
) -> Any:
    """Perform *operation* on the running box, or on its state where none runs.

    *told* hears the share that is done of what takes long.

    Nobody is erased before *output* is written, so that no file holds who was erased meanwhile.
    Raises :class:`~appliance.errors.Refused`, also where there is no state and
    *operation* begins none (:data:`CREATES`), and the storage and configuration errors.
    """
    given = _sayable(given or {})
    directory = existing_state(arguments, begins=operation in CREATES)
    if directory.is_dir():
        try:
            with ControlClient(directory) as client:
                answer = client.ask(operation, given, told)
        except NobodyListens:
            pass
        else:
            if output is not None and output.place is None:
                output.write(answer)
            elif output is not None:
                output.deliver(directory, answer)
            return answer
    return _offline(arguments, operation, given, output, told)


def ask_beside_safe_mode(
    arguments: argparse.Namespace, operation: str, given: dict[str, Any]
) -> Any:
    """Do as :func:`ask`, also beside a box in safe mode, which has its state not open."""
    try:
        status = ask_running(arguments, "status")
    except NobodyListens:
        status = {"safe_mode": True}
    if status.get("safe_mode"):
        return _offline(arguments, operation, _sayable(given), None)
    return ask(arguments, operation, given)


def ask_running(
    arguments: argparse.Namespace, operation: str, given: dict[str, Any] | None = None
) -> Any:
    """Perform *operation* on the running box; raises NobodyListens where none runs."""
    directory = state_directory(arguments)
    if not directory.is_dir():
        raise NobodyListens(str(directory))
    with ControlClient(directory) as client:
        return client.ask(operation, _sayable(given or {}))


def _offline(
    arguments: argparse.Namespace,
    operation: str,
    given: dict[str, Any],
    output: Output | None,
    told: Callable[[float], None] | None = None,
) -> Any:
    # The whole box is imported only where no running one answers.
    from appliance.box.box import Box, calendar
    from appliance.config import load as configuration
    from appliance.control.operations import Operations
    from firmware.clock import SystemClock

    config = configuration.load(arguments.config, state=arguments.state)
    with ExitStack() as at_end:
        state = _opened(config.state, operation, given, at_end)
        at_end.callback(state.close)
        clock = SystemClock(config.settings.clock.speed)
        box = Box(config, state, calendar(config, state, clock), fleet=_membership(config))
        answer = Operations(box).perform(operation, given, told)
        # A large import would make every later start read its rows one by one.
        if operation == "contacts.import" and answer["imported"]:
            if state.registry.wants_compaction:
                state.registry.compact()
            state.save_checkpoint()
        if output is not None:
            # The state is still locked, so that nobody is erased before the file is there.
            output.write(answer)
        return answer


def _membership(config: Config) -> Passive | None:
    """Return how a box that does not run names people to its fleet; None without a fleet."""
    if config.settings.fleet is None:
        return None
    from appliance.fleet.membership import Passive, keys_of

    return Passive(keys_of(config.settings.fleet, config.file))


def _opened(directory: Path, operation: str, given: dict[str, Any], at_end: ExitStack) -> BoxState:
    from appliance.box.state import BoxState

    if given.get("out") is None and operation in READS:
        return BoxState.open_to_read(directory)
    if operation == "contacts.import" and given.get("dry_run"):
        if not directory.exists():
            # Judged as by a box that knows nobody, of which nothing stays behind.
            from tempfile import TemporaryDirectory

            nowhere = at_end.enter_context(TemporaryDirectory(prefix="autodialer-"))
            return BoxState.open(Path(nowhere))
        if given.get("rejects") is None:
            return BoxState.open_to_read(directory)
    return BoxState.open(directory)
