"""The installed command as its users run it: real processes, files, sockets and ptys."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from appliance.ledger import verify
from tests.support.box_process import LISTENER, Bench, autodialer, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process


def test_one_person_is_called_and_the_box_ends_by_itself(bench: Bench) -> None:
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_modems()

    box = bench.start_box("--until-idle")

    assert box.wait(timeout=40) == 0
    assert bench.outcomes() == ["listened"]
    assert verify(bench.stage.state / "ledger").ok
    assert [row["number"] for row in bench.network("dialled")] == ["+33199001234"]
    assert not (bench.stage.state / "control.sock").exists()


def test_a_silent_greeting_reaches_nobody(bench: Bench) -> None:
    """The simulated callee presses 1 only after it heard; mute clips must not pass."""
    import wave

    settings = yaml.safe_load(bench.stage.config.read_text())
    for place in settings["campaign"]["clips"]["fr"].values():
        with wave.open(place) as clip:
            frames = clip.readframes(clip.getnframes())
        name = bench.stage.directory / Path(place).name
        with wave.open(str(name), "wb") as quiet:
            quiet.setnchannels(1)
            quiet.setsampwidth(2)
            quiet.setframerate(8000)
            # A clip without words is refused; half a second of them is not.
            quiet.writeframes(frames[:8000] + bytes(len(frames) - 8000))
    for role, place in settings["campaign"]["clips"]["fr"].items():
        settings["campaign"]["clips"]["fr"][role] = str(bench.stage.directory / Path(place).name)
    bench.stage.config.write_text(yaml.safe_dump(settings))
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_modems()

    box = bench.start_box("--until-idle")

    assert box.wait(timeout=40) == 0
    assert bench.outcomes() == ["declined"]


def test_the_stop_command_ends_the_call_and_is_latched_across_a_restart(bench: Bench) -> None:
    bench.people(
        {"number": "+33199001234", "behaviour": {"answer": {"patience": 60}}},
        {"number": "+33199001235", **LISTENER},
    )
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    assert bench.run("stop").returncode == 0
    wait_for(lambda: bench.outcomes() == ["stopped"])
    wait_for(lambda: bench.network("ended"))
    box.send_signal(signal.SIGTERM)
    assert box.wait(timeout=20) == 0
    bench.start_box()
    wait_for(lambda: any(line["ready"] for line in bench.status()["lines"]))

    status = bench.status()
    assert status["stopped"]
    assert status["why"]["code"] == "stopped"
    assert bench.run("resume").returncode == 1
    assert len(bench.network("dialled")) == 1
    assert bench.run("reset", "--by", "Alix", "--reason", "tested").returncode == 0
    wait_for(lambda: len(bench.outcomes()) == 2, 40)


def test_a_killed_box_calls_nobody_twice_and_leaves_no_call_behind(bench: Bench) -> None:
    bench.people({"number": "+33199001234", "behaviour": {"answer": {"patience": 600}}})
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    os.kill(box.pid, signal.SIGKILL)
    box.wait(timeout=5)
    box = bench.start_box("--until-idle")

    assert box.wait(timeout=30) == 0
    assert bench.outcomes() == ["unknown"]
    assert len(bench.network("dialled")) == 1
    assert len(bench.network("ended")) == 1


def test_a_second_box_on_the_same_state_is_refused(bench: Bench) -> None:
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_box()

    second = bench.run("run")

    assert second.returncode == 1
    assert "in use by process" in second.stderr


def test_ending_the_box_hangs_up_and_records_it(bench: Bench) -> None:
    bench.people({"number": "+33199001234", "behaviour": {"answer": {"patience": 600}}})
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    box.send_signal(signal.SIGTERM)

    assert box.wait(timeout=20) == 0
    assert len(bench.outcomes()) == 1
    assert len(bench.rows("box.stopped")) == 1
    wait_for(lambda: bench.network("ended"))


def test_pausing_and_revoking_a_running_box(bench: Bench) -> None:
    bench.people({"number": "+33199001234", "behaviour": {"answer": {"patience": 600}}})
    bench.start_modems()
    bench.start_box()
    wait_for(lambda: bench.rows("call.answered"))

    assert bench.run("pause", "--by", "Alix").returncode == 0
    assert bench.status()["paused"]
    assert bench.run("contacts", "revoke", "0199001234").returncode == 0

    wait_for(lambda: bench.outcomes())
    assert bench.rows("consent.revoked")[0]["by"] == "command"
    answer = json.loads(bench.run("why", "0199001234", "--json").stdout)
    assert not answer["may_be_called"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "usage"),
        (("fly",), 2, "not a command"),
        (("status", "--nonsense"), 2, "not known here"),
        (("--config", "/nowhere/config.yaml", "check"), 2, "No such file"),
        (("--state", "/proc/nowhere", "contacts", "list"), 1, "/proc"),
        (("--state", "/nowhere/at/all", "ledger", "verify"), 1, "does not exist"),
        (("why", "112"), 1, "emergency"),
        (("contacts", "import", "/nowhere.csv"), 2, "No such file"),
        (("reset", "--by", "Alix"), 2, "--reason"),
        (("why", "0199001234", "--at", "tomorrow"), 2, "not a date and time"),
    ],
)
def test_what_is_wrong_is_said_with_the_exit_code_of_the_contract(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    if "--state" not in arguments and "--config" not in arguments:
        arguments = ("--state", str(tmp_path), *arguments)
    done = autodialer(*arguments)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
