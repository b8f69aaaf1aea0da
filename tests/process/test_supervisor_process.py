"""The supervisor, the box and a simulated modem as real processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.control.protocol import ControlClient
from appliance.errors import NobodyListens, Unresponsive
from appliance.ledger import read_entries
from firmware.supervisor.pins import CONTACT_PIPE
from firmware.supervisor.plan import Notes
from tests.rigs.death import World, judge

pytestmark = pytest.mark.process


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "place", tmp_path / "card", "greeting")
    yield world
    world.close()


def ask(world: World, operation: str, **arguments: Any) -> Any:
    with ControlClient(world.state) as client:
        return client.ask(operation, arguments)


def answers(world: World) -> bool:
    try:
        return bool(ask(world, "status"))
    except (NobodyListens, Unresponsive, OSError):
        return False


def rows(world: World, kind: str) -> list[dict[str, Any]]:
    return [entry.data for entry in read_entries(world.state / "ledger") if entry.kind == kind]


@pytest.mark.parametrize(
    ("harm", "phase", "pressed"),
    [
        ("kill -9", "message", False),
        ("SIGSTOP", "greeting", True),
        ("interpreter lock held", "ringing", True),
        ("systemctl stop while frozen", "greeting", False),
    ],
)
def test_no_call_outlives_the_box(harm: str, phase: str, pressed: bool) -> None:
    cell = judge(harm, phase, pressed=pressed)
    assert cell is not None
    assert cell.fault == "", cell


def test_a_box_that_died_in_a_call_starts_stopped_until_a_person_resets_it(world: World) -> None:
    world.start_all()
    world.reach()
    world.harm("kill -9")
    world.until(lambda: world.network("ended"))
    world.until(lambda: Notes(world.state).latched() == "supervisor")
    fault = world.run / "pin-23"
    # The note is written before the lamp is lit.
    world.until(lambda: is_lit(fault))

    world.start_box()
    world.until(lambda: answers(world) and rows(world, "stop.pressed"))
    # The lamps are the box's again, and the ledger has what the note said.
    world.until(lambda: Notes(world.state).latched() is None and not fault.exists())
    world.until(lambda: not ask(world, "status")["stop_contact_open"])
    assert ask(world, "status")["stopped"]
    assert rows(world, "stop.pressed") == [{"source": "supervisor"}]
    assert len(world.network("dialled")) == 1
    ask(world, "reset", by="Alix", reason="looked after it")
    world.until(lambda: len(world.network("dialled")) == 2)


def is_lit(pin: Path) -> bool:
    return pin.exists() and pin.read_text() == "1"


def flashes(pin: Path, seconds: float) -> list[float]:
    """How long each flash of a simulated pin was, over real *seconds*."""
    lengths, since = list[float](), 0.0
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        lit = is_lit(pin)
        if lit and not since:
            since = now
        elif not lit and since:
            lengths.append(now - since)
            since = 0.0
        time.sleep(0.01)
    return lengths


def test_the_lamp_is_lit_until_a_box_is_there(world: World) -> None:
    fault = world.run / "pin-23"
    world.start_supervisor()
    # A supervisor that has never met a box knows no lamp.
    assert not fault.exists()
    world.start_modems()
    world.start_box()
    world.until(lambda: answers(world))
    assert not fault.exists()
    world.supervisor.terminate()
    world.supervisor.wait()
    assert world.box is not None
    world.box.kill()
    world.box.wait()
    world.start_supervisor()
    world.until(lambda: is_lit(fault))


def test_the_fault_of_a_dead_box_stays_to_be_seen(world: World) -> None:
    world.start_supervisor()
    # Without its modem: five flashes, no line is ready.
    world.start_box()
    world.until(lambda: answers(world) and ask(world, "status")["lamps"]["fault"] == "5 flashes")
    # The turn that answered tells the supervisor after it; one that answers again has told it.
    ask(world, "status")
    world.harm("kill -9")
    fault = world.run / "pin-23"
    world.until(fault.exists)
    long, short = 1.0, 0.25
    seen = flashes(fault, 14.0)
    counted = ["long" if length > (long + short) / 2 else "short" for length in seen]
    code = ["long"] * 2 + ["short"] * 5
    assert any(counted[at : at + 7] == code for at in range(len(counted))), seen
    world.start_box()
    world.until(lambda: answers(world) and not fault.exists())


def test_a_press_and_its_release_go_by_way_of_the_supervisor(world: World) -> None:
    world.start_all()
    world.reach()
    world.press()
    world.until(lambda: world.network("ended"))
    world.until(lambda: [row["outcome"] for row in rows(world, "call.ended")] == ["stopped"])
    # The lines are silenced ahead of the news of it: the call's end may be in the ledger first.
    world.until(lambda: rows(world, "stop.pressed"))
    assert ask(world, "status")["stop_contact_open"]
    assert rows(world, "stop.pressed") == [{"source": "button"}]
    (world.run / CONTACT_PIPE).write_text("closed\n")
    world.until(lambda: not ask(world, "status")["stop_contact_open"])
    assert ask(world, "status")["stopped"]
    world.until(lambda: Notes(world.state).latched() is None)


def test_a_spike_on_the_wire_stops_nothing(world: World) -> None:
    world.start_all()
    world.reach()
    at = time.monotonic()
    (world.run / CONTACT_PIPE).write_text(f"open {at}\nclosed {at + 0.004}\n")
    time.sleep(0.5)
    assert world.network("ended") == []
    assert not ask(world, "status")["stopped"]


def test_a_supervisor_that_dies_is_a_pressed_stop(world: World) -> None:
    world.start_all()
    world.reach()
    world.supervisor.kill()
    world.until(lambda: world.network("ended"))
    world.until(lambda: rows(world, "stop.pressed"))
    assert rows(world, "stop.pressed") == [{"source": "supervisor"}]
    assert ask(world, "status")["stopped"]


def test_without_the_supervisor_that_is_expected_nobody_is_called(world: World) -> None:
    world.start_modems()
    world.start_box()
    world.until(lambda: answers(world) and rows(world, "stop.pressed"))
    world.until(lambda: ask(world, "status")["lines"][0]["ready"])
    time.sleep(0.5)
    assert world.network("dialled") == []


def test_an_orderly_end_leaves_no_stop_behind(world: World) -> None:
    world.start_all()
    world.reach()
    assert world.box is not None
    world.box.terminate()
    assert world.box.wait(timeout=20) == 0
    # A box that does not run must not look as if it did.
    world.until(lambda: is_lit(world.run / "pin-23"))
    assert Notes(world.state).latched() is None


def test_exec_stop_post_hangs_up_where_nobody_watches(world: World) -> None:
    world.start_all()
    world.reach()
    # Both die, as at the end of a machine's memory.
    world.supervisor.kill()
    world.supervisor.wait()
    world.harm("kill -9")
    command = [sys.executable, "-m", "firmware.supervisor"]
    options = ["--run", str(world.run), "--state", str(world.state), "hang-up"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "line-1: hung up, the call list is empty" in done.stdout
    assert len(world.network("ended")) == 1


@pytest.mark.parametrize(
    "words", [[], ["dance"], ["watch", "now"], ["--run"], ["--state", "", "watch"]]
)
def test_wrong_usage_is_told(words: list[str]) -> None:
    command = [sys.executable, "-m", "firmware.supervisor", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "usage: autodialer-supervisor" in done.stderr


def test_a_stranger_at_the_socket_changes_nothing(world: World) -> None:
    from firmware.supervisor.messages import SOCKET, channel

    world.start_supervisor()
    strange = (b"", b"{", b"[1]", b'{"hello": 1}', json.dumps({"hello": {"deadline": 1}}).encode())
    for words in (
        *strange,
        b'{"hello": {"deadline": 1, "plan": {"lines": [{"hang_up": "ATD1"}]}}}',
    ):
        with channel() as peer:
            peer.connect(str(world.run / SOCKET))
            peer.send(words or b" ")
            time.sleep(0.05)
    assert world.supervisor.poll() is None
