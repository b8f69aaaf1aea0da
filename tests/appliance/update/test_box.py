"""What the updater believes of a box that does not answer, or not every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.errors import NobodyListens, Refused
from appliance.update import box as update_box
from appliance.update.box import BoxSeen

RUNS: dict[str, Any] = {"running": True, "safe_mode": False}


class Client:
    """Answers as it was told, one answer a question; an error is raised."""

    answers: list[Any]
    asked: list[str]

    def __init__(self, _: Path) -> None:
        pass

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, operation: str) -> Any:
        self.asked.append(operation)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoxSeen:
    monkeypatch.setattr(update_box, "ControlClient", Client)
    monkeypatch.setattr(update_box, "_ASKED_AGAIN", 0.0)
    Client.asked = []
    return BoxSeen(state=tmp_path, supervisor=("true",), doctor=("echo", "[]"))


GONE = NobodyListens("socket")


@pytest.mark.parametrize(
    ("answers", "mode"),
    [
        ([RUNS], "running"),
        ([GONE, RUNS], "running"),
        ([GONE, GONE, RUNS], "running"),
        ([GONE, GONE, GONE], "silent"),
        ([{"safe_mode": True}], "safe_mode"),
        ([GONE, {"safe_mode": True, "mode": "waiting"}], "waiting"),
        ([Refused("no", "")], "silent"),
        ([GONE, OSError("broken")], "silent"),
        ([{}], "silent"),
    ],
)
def test_one_connection_that_ends_is_no_silent_box(
    box: BoxSeen, answers: list[Any], mode: str
) -> None:
    Client.answers = list(answers)
    assert box.health().mode == mode
    assert Client.answers == []


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([RUNS, {"calls": 2}], 2),
        ([GONE, RUNS, {"calls": 1}], 1),
        ([RUNS, GONE, RUNS, GONE, RUNS, {"calls": 3}], 3),
        ([GONE, GONE, GONE], 0),
        ([{"safe_mode": True}], 0),
    ],
)
def test_a_box_is_held_where_it_answers_at_last(
    box: BoxSeen, answers: list[Any], calls: int
) -> None:
    Client.answers = list(answers)
    assert box.hold() == calls
    assert Client.answers == []
