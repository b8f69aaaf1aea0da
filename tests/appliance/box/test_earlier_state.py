"""A state directory that an earlier version wrote: it opens, and every promise in it holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.campaign import inputs
from appliance.cli.main import main
from appliance.config.load import Config
from appliance.ledger import read_entries, verify
from appliance.model import Outcome
from appliance.numbers import hash_number
from firmware.orders import Dial
from tests.support.box_bench import Bench
from tests.support.box_bench import loaded as loaded

WRITTEN = Path(__file__).parents[2] / "fixtures" / "state-of-2026-11"
ROWS, HEAD = 90, "d4dfdff87dbee17faf985ead5c4838526dd402e30e5f2d72521efc3a424816f7"
A_WEEK = 7 * 86400.0 + 1800.0
"""Box seconds to an evening on which everybody's windows are open again."""
PRESSED_NINE = "+33199005700"
REVOKED = "+33199000232"
STRANGER = "+33639980099"
ERASED = "+33199007318"
CALLABLE = "+33639980031"
NEVER_AGAIN = (PRESSED_NINE, REVOKED, STRANGER, ERASED)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A copy of the earlier state, as private as the box keeps it."""
    copy = tmp_path / "state"
    shutil.copytree(WRITTEN, copy)
    (copy / "README.md").unlink()
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


@pytest.fixture
def box(earlier: Path, loaded: Config) -> Iterator[Bench]:
    bench = Bench(earlier, loaded)
    bench.seconds = A_WEEK
    yield bench
    bench.state.close()


def ask(state: Path, capsys: pytest.CaptureFixture[str], *command: str) -> Any:
    main(["--state", str(state), *command, "--json"])
    return json.loads(capsys.readouterr().out)


def test_its_ledger_verifies(earlier: Path) -> None:
    found = verify(earlier / "ledger")
    assert found.ok
    assert (found.seq, found.hash) == (ROWS, HEAD)


def test_opening_it_keeps_every_row_and_the_latch(box: Bench) -> None:
    entries = list(read_entries(box.directory / "ledger"))
    assert [entry.seq for entry in entries][:ROWS] == [*range(1, ROWS + 1)]
    campaign = box.state.campaign
    assert campaign.stopped
    assert campaign.open_attempts == {}
    assert campaign.outcomes == {
        Outcome.LISTENED: 8,
        Outcome.PARTIAL: 1,
        Outcome.DECLINED: 3,
        Outcome.OPTED_OUT: 1,
        Outcome.VOICEMAIL: 1,
        Outcome.BUSY: 1,
    }
    assert len(box.state.registry) == 14


def test_without_its_checkpoint_the_ledger_says_the_same(earlier: Path, loaded: Config) -> None:
    (earlier / "checkpoint.json").unlink()
    bench = Bench(earlier, loaded)
    campaign = bench.state.campaign
    assert campaign.stopped
    assert campaign.authorised == 15
    assert {number for number, _ in campaign.suppressions()} == {
        hash_number(bench.state.registry.number_key, number) for number in NEVER_AGAIN
    }
    bench.state.close()


@pytest.mark.parametrize("number", NEVER_AGAIN)
def test_whoever_objected_stays_uncallable(
    number: str, earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ask(earlier, capsys, "why", number, "--at", "2027-03-16T18:30:00+01:00")
    assert answer["may_be_called"] is False
    assert "consent" in {one["rule"] for one in answer["verdicts"] if not one["allowed"]}
    assert answer["next_chance"] is None


def test_whoever_agreed_and_was_never_called_still_may_be(
    earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ask(earlier, capsys, "why", CALLABLE, "--at", "2027-03-16T18:30:00+01:00")
    assert answer["may_be_called"] is True


def test_the_latch_holds_until_a_person_resets_it_and_then_one_person_is_called(
    box: Bench,
) -> None:
    box.box.recover()
    box.ready()
    for _ in range(3):
        box.box.take([inputs.Tick()])
    assert box.line.orders == []
    box.box.take([inputs.Reset(by="test", reason="test")])
    for _ in range(3):
        box.box.take([inputs.Tick()])
    (dial,) = box.line.orders
    assert isinstance(dial, Dial)
    assert dial.number == CALLABLE


def test_nobody_is_called_whom_the_earlier_version_had_called(box: Bench) -> None:
    """Listened, declined, opted out: none of them has a place in the plan."""
    box.box.recover()
    box.box.take([inputs.Reset(by="test", reason="test"), inputs.Tick()])
    assert box.box.engine.planned == 1
