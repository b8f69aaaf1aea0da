"""What takes a second is done when nobody is in a call, or beside the loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from appliance.box.state import CHECKPOINT_EVERY, BoxState
from appliance.config import load as configuration
from appliance.config.paths import sample_config
from appliance.daemon.daemon import Daemon
from appliance.effects import Record
from appliance.ledger import checkpoint
from appliance.model import Revocation
from appliance.people.registry import Registry

AT = datetime(2027, 3, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[BoxState]:
    opened = BoxState.open(tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("busy", "compacted"),
    [("", True), ("call", False), ("caller", False), ("soon", False), ("job", False)],
)
def test_the_registry_is_compacted_in_a_quiet_moment(
    busy: str, compacted: bool, state: BoxState, mocker: MockerFixture
) -> None:
    state.registry.suppress("ab" * 32, Revocation(at=AT, by="key"))
    daemon = Daemon(replace(configuration.load(sample_config()), state=state.directory), state)
    mocker.patch.object(Registry, "wants_compaction", new=True)
    engine = mocker.patch.object(daemon._box, "engine")
    engine.calls = {"line-1": object()} if busy == "call" else {}
    engine.incoming_calls = {"line-1": object()} if busy == "caller" else {}
    engine.storage_failure = None
    engine.wake_at.return_value = daemon._clock.monotonic() if busy == "soon" else None
    if busy == "job":
        daemon._jobs.append(mocker.Mock())
    daemon._keep_house()
    snapshots = list((state.directory / "registry").glob("*.snapshot"))
    assert bool(snapshots) is compacted


def test_a_registry_that_fails_while_it_is_compacted_ends_the_calling(
    state: BoxState, mocker: MockerFixture
) -> None:
    state.registry.suppress("ab" * 32, Revocation(at=AT, by="key"))
    daemon = Daemon(replace(configuration.load(sample_config()), state=state.directory), state)
    mocker.patch.object(Registry, "wants_compaction", new=True)
    mocker.patch.object(daemon, "_is_quiet", return_value=True)
    mocker.patch("os.fdatasync", side_effect=OSError(28, "No space left on device"))
    mocker.patch("os.fsync", side_effect=OSError(28, "No space left on device"))
    daemon._keep_house()
    assert state.registry.failure is not None
    assert "No space left" in str(daemon._box.engine.storage_failure)


def test_a_checkpoint_beside_the_loop_is_that_of_its_moment(state: BoxState) -> None:
    state.note([Record(kind="box.started")] * CHECKPOINT_EVERY, AT)
    seq, digest = state.ledger.head
    state.save_checkpoint_aside()
    state.note([Record(kind="stop.pressed")], AT)
    state.save_checkpoint_aside()
    state._wait_for_checkpoint()
    kept = checkpoint.load(state.directory, state.ledger, key=state._seal)
    assert kept is not None
    assert (kept.seq, kept.hash) == (seq, digest)
    assert kept.payload["stopped"] is False
    assert state.campaign.copy().to_checkpoint() == state.campaign.to_checkpoint()


def test_a_checkpoint_that_cannot_be_written_ends_nothing(
    state: BoxState, mocker: MockerFixture
) -> None:
    state.note([Record(kind="box.started")] * CHECKPOINT_EVERY, AT)
    mocker.patch("os.fdatasync", side_effect=OSError(28, "No space left on device"))
    noted = mocker.patch("appliance.box.state.log.error")
    state.save_checkpoint_aside()
    state._wait_for_checkpoint()
    assert "No space left" in str(noted.call_args)
    assert checkpoint.load(state.directory, state.ledger, key=state._seal) is None
