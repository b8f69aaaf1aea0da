"""``modem bench`` with a modem that is pulled out: in its turn, and in the middle of a call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.selftest.bench_report import read_report
from tests.process.test_modem_bench_process import NUMBER, bench, technician, walk
from tests.support.box_process import Bench

__all__ = ["bench"]

pytestmark = pytest.mark.process


def pulled(bench: Bench, **when: Any) -> None:
    """Let the plug of the technician's modem be pulled out, and in again."""
    scenario = yaml.safe_load(bench.stage.scenario.read_text())
    scenario["lines"][0]["faults"] = [{"fault": "usb_loss", **when}]
    bench.stage.scenario.write_text(yaml.safe_dump(scenario))


FIRST = (("It is called twice", "y\n"),)
SECOND = (
    *FIRST,
    ("Did your phone ring", "y\n"),
    ("hear the whole greeting", "y\n"),
    ("Second call", "\n"),
)


@pytest.mark.parametrize(
    ("call", "keys", "after", "lost", "passed"),
    [
        (1, FIRST, 5, {"answer", "keys"}, {"identity", "registration"}),
        (2, SECOND, 4, {"hang_up_phone"}, {"identity", "registration", "rings", "greeting"}),
    ],
    ids=["first call", "second call"],
)
def test_a_plug_that_is_pulled_in_a_call_is_named_and_no_fault_of_the_modem(
    bench: Bench,
    tmp_path: Path,
    call: int,
    keys: tuple[tuple[str, str], ...],
    after: float,
    lost: set[str],
    passed: set[str],
) -> None:
    technician(bench)
    pulled(bench, call=call, after=after)
    bench.start_modems()
    out = tmp_path / "sim7600-pulled.json"

    shown = walk(bench, *keys, out=out, more=("--number", NUMBER))

    assert shown.code == 1, shown.text
    assert "the modem was gone in the middle of the call" in shown.text
    assert "see to its plug, cable and supply, then run the checklist again" in shown.text
    report = read_report(out)
    verdicts = {step.step: step.verdict for step in report.steps}
    failed = {step.step: step.detail for step in report.steps if step.verdict == "failed"}
    # How far a call had come is the network's matter; one step was lost, and says why.
    assert len(failed) == 1, failed
    assert set(failed) <= lost, failed
    assert set(failed.values()) == {"the modem was gone in the middle of the call"}
    assert {verdicts[step] for step in passed} == {"passed"}, verdicts
    assert verdicts["sms"] == verdicts["replug"] == "skipped"
    assert not report.complete
    # Nothing is half written: a whole report alone, and an end in the ledger for each call.
    assert [path.name for path in tmp_path.glob("sim7600*")] == [out.name]
    assert json.loads(out.read_text())["format"] == report.format
    ended = bench.rows("call.ended")
    assert [row["attempt"] for row in bench.rows("call.authorised")] == [
        row["attempt"] for row in ended
    ]
    # On a crowded machine the box may have begun to hang up by itself when the plug was pulled.
    assert ended[-1]["cause"] in {"line_lost", "local_hang_up"}
    assert len(bench.network("dialled")) == call
