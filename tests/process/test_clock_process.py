"""A box with nothing but a SIM: its network tells the time, and a person puts their name to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.box_process import Bench, wait_for
from tests.support.box_process import bench as bench

pytestmark = pytest.mark.process


def clock(bench: Bench) -> dict[str, Any]:
    done = bench.run("clock", "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_sim_alone_is_believed_after_a_persons_word(bench: Bench) -> None:
    document = yaml.safe_load(bench.stage.config.read_text())
    # It lives today, at the speed of life.
    document["clock"] = {"sources": ["network"]}
    bench.stage.config.write_text(yaml.safe_dump(document))
    bench.stage.scenario.write_text("[]\n")
    bench.start(
        *("simulate", "--lines", 1, "--scenario", bench.stage.scenario),
        *("--log", bench.stage.network_log, "--link", bench.stage.links),
    )
    wait_for(lambda: (bench.stage.links / "line-1.audio").exists())
    bench.start_box()
    # The word on the clock is given once a turn of the loop, a moment after its witness is there.
    wait_for(lambda: "one more hint will do" in clock(bench)["source"], 30.0)

    before = clock(bench)
    assert not before["trusted"]
    (network,) = before["witnesses"]
    assert (network["kind"], network["operator"]) == ("network", "Simulated")

    done = bench.run("clock", "correct", "--by", "Alix", "--reason", "looked at a watch")
    assert done.returncode == 0, done.stderr
    assert "trusted: network+word" in done.stdout
    wait_for(lambda: bench.rows("clock.trusted"))
    assert bench.rows("clock.trusted")[-1]["source"] == "network+word"
    assert bench.rows("clock.corrected")[0]["by"] == "Alix"
    assert {one["kind"] for one in clock(bench)["witnesses"]} == {"network", "word"}
