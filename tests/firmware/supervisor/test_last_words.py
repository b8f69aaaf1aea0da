"""The supervisor's loop where a box has spoken and died before the loop came round."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from firmware.supervisor.messages import SOCKET
from firmware.supervisor.plan import Notes
from firmware.supervisor.process import Supervisor

pytestmark = pytest.mark.process

HELLO = {"hello": {"deadline": 60.0, "plan": None}}
BEAT = {"beat": {"deadline": 60.0, "calls": {"line-1 a": 1e9}}}
FAREWELL = {"farewell": True}
BOX = """
import sys
from firmware.supervisor.messages import channel, send
peer = channel()
peer.connect(sys.argv[1])
for message in {first}:
    send(peer, message)
print(flush=True)
sys.stdin.readline()
for message in {last}:
    send(peer, message)
"""


@pytest.mark.parametrize(("last", "latched"), [([], "supervisor"), ([FAREWELL], None)])
def test_what_a_box_said_before_its_end_is_heard_before_it(
    tmp_path: Path, last: Sequence[Any], latched: str | None
) -> None:
    """A busy machine let the supervisor wait: it finds the last words and the end together."""
    supervisor = Supervisor(tmp_path / "run", tmp_path / "state")
    supervisor.start()
    program = BOX.format(first=[HELLO, BEAT], last=last)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "run" / SOCKET)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as box:
        assert box.stdout is not None
        assert box.stdout.readline() == "\n"
        while supervisor._supervision._box is None or not supervisor._supervision._box.calls:
            supervisor._turn()
        box.communicate("\n", timeout=20)
    while supervisor._supervision.watching:
        supervisor._turn()
    written = threading.Event()
    supervisor._note(written.set)
    assert written.wait(20)
    assert Notes(tmp_path / "state").latched() == latched
