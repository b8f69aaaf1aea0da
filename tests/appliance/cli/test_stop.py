"""What ``autodialer stop`` says of a stop that could not be carried out in full."""

from __future__ import annotations

import argparse
import re
from typing import Any

import pytest
from pytest_mock import MockerFixture

from appliance.cli import running, stopping

GONE = {"line": "line-1", "port": "/dev/ttyUSB2", "in_call": False}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"unreached": []}, 0, "every line is muted"),
        ({}, 0, "every line is muted"),  # a box of an earlier version
        ({"unreached": [GONE]}, 0, "line-1: no hang-up could be written.*cut its supply"),
        ({"unreached": [GONE | {"in_call": True}]}, 1, "CUT THE MODEM'S SUPPLY"),
        ({"recorded": False, "unreached": [GONE]}, 1, "every other line.*write the latch down"),
    ],
)
def test_stop_says_what_it_could_not_do(
    answer: dict[str, Any],
    code: int,
    said: str,
    mocker: MockerFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mocker.patch.object(stopping, "ask_running", return_value={"stopped": True, **answer})
    assert running.run(argparse.Namespace(json=False, command="stop")) == code
    told = capsys.readouterr()
    assert re.search(said, told.out + told.err)
