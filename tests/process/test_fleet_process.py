"""The commands of a fleet as people type them, against a real hub and a real box."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from appliance.cli.main import main
from appliance.demo.fleet_stage import free_ports, server_program
from tests.support.box_process import LISTENER, Bench, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process


class Told(NamedTuple):
    """What a command said."""

    returncode: int
    stdout: str
    stderr: str


class Office:
    """Headquarters: a directory and a hub of one node, by commands alone."""

    def __init__(self, directory: Path) -> None:
        self.hub = directory / "hub"
        client, cluster = free_ports(2)
        made = self.run(
            *("hub", "--campaign", "spring", "--bench"),
            *("--node", f"hub-1=127.0.0.1:{client}:{cluster}"),
        )
        assert made.returncode == 0, made.stderr
        self.node = self.hub / "nodes" / "hub-1"
        with (directory / "nats.log").open("wb") as log:
            self.server = subprocess.Popen(
                [server_program(), "-c", str(self.node / "nats.conf")], stdout=log, stderr=log
            )
        wait_for(lambda: self.run("hub", "--check").returncode == 0, 60.0)

    def run(self, *arguments: object) -> Told:
        """Run a command of headquarters, in this process: on a busy machine that is quicker."""
        action, *rest = map(str, arguments)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["fleet", action, "--hub", str(self.hub), *rest])
        return Told(code, out.getvalue(), err.getvalue())

    def reload(self) -> None:
        self.server.send_signal(signal.SIGHUP)
        time.sleep(0.2)

    def status(self, box: str) -> dict[str, Any]:
        told = json.loads(self.run("status", "--json").stdout)
        return next(one for one in told["boxes"] if one["box"] == box)

    def close(self) -> None:
        self.server.terminate()
        self.server.wait(10)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()


def join(office: Office, bench: Bench) -> None:
    """Let the box join by one command on each side."""
    joining = bench.stage.directory / "north.join"
    enrolled = office.run("enrol", "north", "--out", joining)
    assert enrolled.returncode == 0, enrolled.stderr
    passphrase = re.search(r"^  ([a-z0-9-]{19})$", enrolled.stdout, re.MULTILINE)
    assert passphrase is not None
    office.reload()
    secret = bench.stage.directory / "passphrase"
    secret.write_text(passphrase[1])
    joined = bench.run("fleet", "join", joining, "--passphrase-file", secret)
    assert joined.returncode == 0, joined.stderr
    section = yaml.safe_load(joined.stdout[joined.stdout.index("fleet:") :].split("\n\n")[0])
    settings = yaml.safe_load(bench.stage.config.read_text())
    bench.stage.config.write_text(yaml.safe_dump(settings | section))


@pytest.mark.timeout(180)
def test_a_box_that_ends_in_a_call_says_last_that_none_runs(office: Office, bench: Bench) -> None:
    """Its stop could never be confirmed: it seemed to be in that call for ever."""
    join(office, bench)
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_modems()
    box = bench.start_box()
    wait_for(lambda: bool(bench.rows("call.answered")), 60.0)
    box.terminate()
    box.wait(30)
    status = office.status("north")["status"]
    assert "the box has ended" in status["barred"]
    assert status["calls"] == 0


@pytest.mark.timeout(180)
def test_a_box_joins_calls_is_stopped_and_audited(office: Office, bench: Bench) -> None:
    join(office, bench)
    bench.people({"number": "+33199001234", **LISTENER})
    bench.start_modems()
    bench.start_box()

    wait_for(lambda: bench.outcomes() == ["listened"], 60.0)
    (row,) = bench.rows("call.authorised")
    assert row["claim"]["number"] == 1
    stopped = office.run("stop", "--all", "--by", "Ada", "--reason", "to see", "--wait", "10")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert "confirmed: north" in stopped.stdout
    assert office.status("north")["stop_confirmed"]
    assert "headquarters stopped this box by Ada" in bench.status()["fleet"]["barred"]
    doctor = bench.run("doctor")
    assert "fleet resume" in doctor.stdout
    resumed = office.run("resume", "north", "--by", "Ada", "--reason", "seen")
    assert "north: epoch 2 begins" in resumed.stdout

    revoked = office.run("revoke", "01 99 00 12 34")
    assert "in the log" in revoked.stdout
    assert "01 99 00 12 34" not in revoked.stdout, "numbers are masked"
    # The bench lives in a later year than headquarters, so its consent is the newer of the two.
    wait_for(lambda: bench.status()["fleet"]["objections_heard"] == 1, 60.0)
    assert "objected at another box" in bench.run("why", "+33199001234").stdout
    copies = bench.stage.directory / "copies"

    def sent() -> bool:
        status = bench.status()
        return bool(status["fleet"]["ledger_sent"] == status["ledger"]["seq"])

    wait_for(sent, 60.0)
    verdict = office.run("verify", "--network", bench.stage.network_log, "--save", copies)
    assert verdict.returncode == 0, verdict.stdout
    assert "Verdict: every promise was kept." in verdict.stdout
    ledger = copies / "ledgers" / "north.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"call.authorised"', b'"call.authorizes"', 1))
    again = office.run("verify", "--copies", copies)
    assert again.returncode == 1
    assert "Verdict: NOT KEPT." in again.stdout


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("hub",), "nothing to do", 2),
        (("hub", "--campaign", "Spring!", "--node", "a=b"), "cannot name", 2),
        (("hub", "--campaign", "spring", "--node", "nonsense"), "NAME=HOST", 2),
        (("hub", "--check"), "holds no fleet", 1),
        (("status",), "holds no fleet", 1),
        (("stop", "--by", "a", "--reason", "b", "--all"), "holds no fleet", 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_says_why(
    tmp_path: Path,
    arguments: tuple[str, ...],
    words: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    action, *rest = arguments
    assert main(["fleet", action, "--hub", str(tmp_path / "hub"), *rest]) == code
    assert words in capsys.readouterr().err
