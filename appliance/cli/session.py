"""Reaching a box: the running one over its socket, or else its state, opened for one operation."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.cli.output import write_target, written_files
from appliance.cli.paths import existing_state, state_directory
from appliance.cli.streams import plain
from appliance.control.protocol import ControlClient
from appliance.errors import NobodyListens, Refused
from appliance.storage.written_files import takes_a_stream

if TYPE_CHECKING:
    from appliance.box.state import BoxState
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The file with people's data that a command makes of an answer."""

    arguments: argparse.Namespace
    option: str
    path: Path
    contents: Callable[[Any], str]
    """What is to be written, of the answer; nothing where it is empty."""

    @property
    def place(self) -> str | None:
        """The path as the box is told it; None for a stream, which nobody can be erased from."""
        return None if takes_a_stream(self.path) else str(self.path.absolute())

    def write(self, answer: Any) -> bool:
        """Write the file; return whether there was anything to write."""
        contents = self.contents(answer)
        if contents:
            write_target(self.arguments, self.option, self.path, contents.encode())
        return bool(contents)


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
) -> Any:
    """Perform *operation* on the running box, or on its state where none runs.

    Nobody is erased before *output* is written, so that no file holds who was erased meanwhile.
    Raises :class:`~appliance.errors.Refused`, also where there is no state and
    *operation* begins none (:data:`CREATES`), and the storage and configuration errors.
    """
    given = _sayable(given or {})
    directory = state_directory(arguments) if operation in CREATES else existing_state(arguments)
    if directory.is_dir():
        try:
            with ControlClient(directory) as client:
                answer = client.ask(operation, given)
        except NobodyListens:
            pass
        else:
            if output is not None and output.place is None:
                output.write(answer)
            elif output is not None:
                _deliver(directory, output, answer)
            return answer
    return _offline(arguments, operation, given, output)


def _deliver(directory: Path, output: Output, answer: Any) -> None:
    """Write the file and tell the box, which erases nobody until then, or not for long."""
    try:
        written = output.write(answer)
    finally:
        in_time = _delivered(directory, output.place)
    if written and not in_time:
        if written_files(output.arguments).holds(output.path):
            output.path.unlink(missing_ok=True)
        raise Refused(
            f"{output.option} {output.path}: not kept, as it took so long that somebody may have "
            "been erased meanwhile",
            "try again",
        )


def _delivered(directory: Path, place: str | None) -> bool:
    try:
        with ControlClient(directory) as client:
            return bool(client.ask("delivered", {"path": place})["in_time"])
    except (NobodyListens, Refused):
        return False


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
    arguments: argparse.Namespace, operation: str, given: dict[str, Any], output: Output | None
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
        answer = Operations(box).perform(operation, given)
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
            nowhere = at_end.enter_context(TemporaryDirectory(prefix="autodialer-"))
            return BoxState.open(Path(nowhere))
        if given.get("rejects") is None:
            return BoxState.open_to_read(directory)
    return BoxState.open(directory)
