"""``modem selftest`` as a technician runs it, against simulated modems."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.ledger import verify
from appliance.selftest.result import load
from tests.support.box_process import Bench, wait_for

pytestmark = pytest.mark.process

NUMBER = "+33199001234"
KEYS = [{"key": "1", "heard": 1.5}, {"key": "9", "at": 6.0}, {"key": "5", "at": 8.0}]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "state")
    yield bench
    for child in reversed(bench.children):
        if child.poll() is None:
            child.terminate()
            child.wait(timeout=20)


def technician(bench: Bench, *, purpose: str = "self-test", **answer: Any) -> None:
    """Register the number for one purpose and no other."""
    header = (
        "number,name,language,timezone,purpose,consent_given_at,consent_source,"
        "consent_evidence,windows,valid_until"
    )
    row = f"{NUMBER},T,fr,Europe/Paris,{purpose},2027-01-15,form,form 1,mon-fri 18:00-20:00,"
    bench.stage.contacts.write_text(f"{header}\n{row}\n")
    rule = {"number": NUMBER, "behaviour": {"answer": answer}}
    bench.stage.scenario.write_text(yaml.safe_dump([rule]))
    bench.enrol()


def selftest(bench: Bench, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    done = bench.run("modem", "selftest", "--json", *arguments)
    return done, json.loads(done.stdout) if done.stdout else None


def test_a_passed_self_test_reports_both_witnesses_and_is_kept(bench: Bench) -> None:
    technician(bench, keys=KEYS, patience=60.0)
    bench.start_modems()

    done, found = selftest(bench)

    assert done.returncode == 0, done.stderr
    assert found["passed"]
    assert {key: sorted(heard) for key, heard in found["keys"].items()} == {
        key: ["host", "module"] for key in "195"
    }
    assert found["audio"] == "pcm-serial"
    assert found["downlink"]["bytes"] > 16000
    assert found["latency_ms"] >= 0
    assert load(bench.stage.state) == {found["iccid"]: found}
    # The evidence is that of any call, and 9 withdrew nothing.
    assert [row["purpose"] for row in bench.rows("call.authorised")] == ["self-test"]
    # On a busy machine one witness may be too late to confirm: then a press has two rows.
    assert {row["key"] for row in bench.rows("call.key")} == set("159")
    assert bench.outcomes() == ["listened"]
    assert bench.rows("consent.revoked") == []
    assert verify(bench.stage.state / "ledger").ok
    assert [row["number"] for row in bench.network("dialled")] == [NUMBER]
    doctor = json.loads(bench.run("doctor", "--json").stdout)
    row = next(row for row in doctor if row["part"] == "line line-1 self-test")
    assert row["state"] == "ok"
    status = bench.status()
    assert status["lines"][0]["selftest"]["passed"]
    assert NUMBER not in (bench.stage.state / "selftest.json").read_text()


def test_without_a_consent_for_it_nobody_is_called(bench: Bench) -> None:
    technician(bench, purpose="neighbourhood-news", keys=KEYS)
    bench.start_modems()

    done, _ = selftest(bench)
    assert done.returncode == 1
    assert "nobody has consented to self-tests" in done.stdout + done.stderr
    done, _ = selftest(bench, "--number", NUMBER)
    assert done.returncode == 1
    assert "There is no consent for this purpose." in done.stdout + done.stderr
    assert bench.network("dialled") == []
    assert bench.rows("call.authorised") == []


def test_a_running_box_is_not_disturbed(bench: Bench) -> None:
    technician(bench, keys=KEYS)
    bench.start_modems()
    bench.start_box()

    done, _ = selftest(bench)

    assert done.returncode == 1
    assert "in use" in done.stdout + done.stderr
    assert bench.network("dialled") == []


def test_a_silent_stream_falls_back_to_clips_on_the_module(bench: Bench) -> None:
    """The simulated module takes the stream and never plays it (SIM7600 firmware LE20B06)."""
    technician(bench, keys=[{"key": key, "heard": 3.0} for key in "195"], patience=60.0)
    rules = yaml.safe_load(bench.stage.scenario.read_text())
    settings = {"numbers": rules, "lines": [{"line": 1, "faults": ["uplink_dead"]}]}
    bench.stage.scenario.write_text(yaml.safe_dump(settings))
    bench.start_modems()

    done, found = selftest(bench)
    assert done.returncode == 1
    assert "plays its clips from the module" in found["next"]

    done, found = selftest(bench)
    assert done.returncode == 0, done.stderr
    assert found["audio"] == "module-file"
    assert found["keys"] == {key: ["module"] for key in "195"}
    assert bench.outcomes() == ["failed", "listened"]


def test_a_killed_test_hangs_up_and_records_its_end(bench: Bench) -> None:
    technician(bench, patience=600.0)
    bench.start_modems()
    child = bench.start("--config", bench.stage.config, "modem", "selftest")
    wait_for(lambda: bench.network("answered"))

    child.terminate()

    assert child.wait(timeout=20) == 1
    assert [row["by"] for row in bench.network("ended")] == ["line"]
    (end,) = bench.rows("call.ended")
    assert end["evidence"]["withdrawn"] == "technician"


def test_the_stop_command_ends_a_self_test(bench: Bench) -> None:
    technician(bench, patience=600.0)
    bench.start_modems()
    child = bench.start("--config", bench.stage.config, "modem", "selftest")
    wait_for(lambda: bench.network("answered"))

    assert bench.run("pause").returncode == 1
    assert bench.run("stop").returncode == 0

    assert child.wait(timeout=20) == 1
    assert len(bench.network("ended")) == 1
    assert [row["outcome"] for row in bench.rows("call.ended")] == ["stopped"]
    assert bench.status()["stopped"]


def test_a_technician_is_told_what_a_test_without_a_modem_waits_for(bench: Bench) -> None:
    technician(bench)
    child = bench.start("--config", bench.stage.config, "modem", "selftest")
    output = bench.stage.directory / "output.log"

    wait_for(lambda: "waiting for line line-1" in output.read_text())

    child.terminate()
    assert child.wait(timeout=20) == 1
    assert bench.rows("call.authorised") == []
