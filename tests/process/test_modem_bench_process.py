"""``modem bench`` as a technician walks it, at a terminal, with a simulated modem."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.selftest.bench_report import read_report, tiers
from tests.support.box_process import Bench, wait_for
from tests.support.terminal import Shown, at_a_terminal

pytestmark = pytest.mark.process

NUMBER = "+33199001234"
KEYS = [{"key": "1", "heard": 1.5}, {"key": "9", "at": 6.0}, {"key": "5", "at": 8.0}]
MESSAGES = [
    {"at": at, "number": "+33639980007", "text": "Bonjour de Camille"} for at in range(40, 1200, 16)
]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "state")
    yield bench
    for child in reversed(bench.children):
        if child.poll() is None:
            child.terminate()
            child.wait(timeout=20)


def technician(bench: Bench, *, purpose: str = "self-test") -> None:
    header = (
        "number,name,language,timezone,purpose,consent_given_at,consent_source,"
        "consent_evidence,windows,valid_until"
    )
    row = f"{NUMBER},T,en,Europe/Paris,{purpose},2027-01-15,form,form 1,mon-fri 18:00-20:00,"
    bench.stage.contacts.write_text(f"{header}\n{row}\n")
    calls = [
        {"answer": {"keys": KEYS, "patience": 60.0}},
        {"answer": {"hangs_up_after": 3, "patience": 60.0}},
    ]
    scenario: dict[str, Any] = {
        "numbers": [{"number": NUMBER, "behaviour": calls}],
        "lines": [{"line": 1, "sms": MESSAGES}],
    }
    bench.stage.scenario.write_text(yaml.safe_dump(scenario))
    bench.enrol()


def walk(
    bench: Bench, *keys: tuple[str, str | int], out: Path, more: tuple[str, ...] = ()
) -> Shown:
    given = ("--config", bench.stage.config, "modem", "bench", "--out", out, *more)
    return at_a_terminal(*given, keys=keys)


def test_the_report_of_a_simulated_modem_is_whole_masked_and_proves_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    technician(bench)
    bench.start_modems()
    out = tmp_path / "sim7600-simulated.json"

    shown = walk(
        bench,
        ("number of your own phone", f"{NUMBER}\n"),
        ("It is called twice", "y\n"),
        ("Did your phone ring", "y\n"),
        ("hear the whole greeting", "y\n"),
        ("Second call", "\n"),
        ("send a text message", "\n"),
        ("pull the modem's plug", "s\n"),
        out=out,
    )

    assert shown.code == 0, shown.text
    report = read_report(out)
    verdicts = {step.step: step.verdict for step in report.steps}
    assert verdicts.pop("replug") == "skipped"
    assert set(verdicts.values()) == {"passed"}, report.steps
    assert report.complete
    assert not report.proves
    assert {"test-imei", "pty", "bench-line", "speed", "fiction-number"} == set(report.simulated)
    assert set(tiers([report]).values()) == {"simulated"}
    assert "It proves nothing of a real modem" in shown.text
    figures = report.figures
    assert figures.hang_up_ms is not None
    assert figures.answer_to_first_frame_ms is not None
    assert set(figures.key_delay_ms) <= set("159")
    # Both calls were cleared by the gate and are in the evidence, as every call.
    assert [row["purpose"] for row in bench.rows("call.authorised")] == ["self-test"] * 2
    assert [row["number"] for row in bench.network("dialled")] == [NUMBER] * 2
    assert [row["by"] for row in bench.network("ended")] == ["line", "far_end"]

    text = out.read_text()
    assert any(line.startswith("> ATD+000") for line in report.transcript)
    assert all(set(run) == {"0"} for run in re.findall(r"\d{9,}", text))
    identity = next(iter(json.loads((bench.stage.state / "selftest.json").read_text()).values()))
    secrets = [NUMBER[1:], NUMBER[-8:], "639980007", identity["imei"], identity["iccid"], "Camille"]
    assert not [secret for secret in secrets if secret in text]
    # A terminal echoes what is typed; the program itself never writes the number.
    assert shown.text.count(NUMBER) <= 1


def test_what_is_not_confirmed_is_not_called(bench: Bench, tmp_path: Path) -> None:
    technician(bench)
    bench.start_modems()
    out = tmp_path / "report.json"

    shown = walk(bench, ("It is called twice", "n\n"), out=out, more=("--number", NUMBER))

    assert shown.code == 1
    assert "nobody was called" in shown.text
    assert NUMBER not in shown.text
    assert bench.network("dialled") == []
    assert not out.exists()


def test_a_phone_that_did_not_consent_to_self_tests_is_not_called(
    bench: Bench, tmp_path: Path
) -> None:
    technician(bench, purpose="neighbourhood-news")
    bench.start_modems()

    shown = walk(bench, out=tmp_path / "report.json", more=("--number", NUMBER))

    assert shown.code == 1
    assert "There is no consent for this purpose." in shown.text
    shown = walk(bench, out=tmp_path / "report.json", more=("--number", "112"))
    assert shown.code == 1
    assert bench.network("dialled") == []


def test_a_running_box_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    technician(bench)
    bench.start_modems()
    bench.start_box()

    shown = walk(bench, out=tmp_path / "report.json", more=("--number", NUMBER))

    assert shown.code == 1
    assert "in use" in shown.text
    assert bench.network("dialled") == []


def test_the_stop_holds_while_a_question_waits(bench: Bench, tmp_path: Path) -> None:
    technician(bench)
    bench.start_modems()
    out = tmp_path / "sim7600-stopped.json"

    def stop() -> None:
        wait_for(lambda: bench.network("ended"), 40)
        assert bench.run("stop").returncode == 0

    thread = threading.Thread(target=stop)
    thread.start()
    shown = at_a_terminal(
        *("--config", bench.stage.config, "modem", "bench", "--out", out, "--number", NUMBER),
        keys=[("It is called twice", "y\n")],
    )
    thread.join()

    assert shown.code == 1
    assert "emergency stop" in shown.text
    report = read_report(out)
    verdicts = {step.step: step.verdict for step in report.steps}
    assert verdicts["hang_up_phone"] == "skipped"
    assert not report.complete
    assert len(bench.network("dialled")) == 1
    assert bench.status()["stopped"]


def test_a_killed_checklist_writes_what_it_found(bench: Bench, tmp_path: Path) -> None:
    technician(bench)
    bench.start_modems()
    out = tmp_path / "sim7600-killed.json"

    shown = walk(
        bench,
        ("It is called twice", "y\n"),
        ("Did your phone ring", signal.SIGINT),
        out=out,
        more=("--number", NUMBER),
    )

    assert shown.code == 1
    verdicts = {step.step: step.verdict for step in read_report(out).steps}
    assert verdicts["keys"] == "passed"
    assert verdicts["rings"] == verdicts["sms"] == "skipped"
    assert len(bench.network("dialled")) == 1


def test_without_a_terminal_nobody_is_asked_and_nobody_called(bench: Bench) -> None:
    done = bench.run("modem", "bench", "--number", NUMBER)

    assert done.returncode == 1
    assert "no terminal" in done.stderr
