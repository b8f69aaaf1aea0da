"""The product's floor against nuisance, as the network sees it."""

from __future__ import annotations

import pytest
import yaml

from tests.support.box_process import Bench, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process


def test_a_phone_rings_for_fifteen_seconds_whatever_the_file_says(bench: Bench) -> None:
    document = yaml.safe_load(bench.stage.config.read_text())
    document["campaign"]["timers"]["ring"] = "3 s"
    document["campaign"]["retry"] = {"max_attempts": 3, "after": {"no_answer": "1 min"}}
    document["law"]["profile"] = "de"
    bench.stage.config.write_text(yaml.safe_dump(document))
    bench.people({"number": "+33199001001", "behaviour": {"no_answer": {"gives_up_after": None}}})
    bench.start_modems()
    bench.start_box("--until-idle")
    wait_for(lambda: bench.rows("call.ended"), 40.0)
    (ended,) = bench.rows("call.ended")
    assert ended["outcome"] == "no_answer"
    assert 14.5 <= ended["ring_seconds"] <= 30
    # A minute later by the file; by the floor not within the half hour that --until-idle waits.
    wait_for(lambda: bench.rows("box.stopped"), 30.0)
    assert len(bench.rows("call.authorised")) == 1
