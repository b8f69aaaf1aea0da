"""A job by its steps: what each leaves, what is told of it, and that it can be left."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from appliance.control.job import Job


def steps(*shares: float | None, result: object = "done") -> Generator[float | None, None, Any]:
    yield from shares
    return result


def test_a_job_goes_step_by_step_and_keeps_its_last_share() -> None:
    job = Job(steps(None, 0.25, None, 0.0))
    seen: list[tuple[bool, float | None, object]] = []
    for _ in range(5):
        done = job.step()
        seen.append((done, job.share, job.result))
    assert seen == [
        (False, None, None),
        (False, 0.25, None),
        (False, 0.25, None),
        (False, 0.0, None),
        (True, 0.0, "done"),
    ]


def test_whoever_waits_hears_how_much_is_done() -> None:
    told: list[float] = []
    assert Job(steps(None, 0.5, None, 1.0, result=7)).run(told.append) == 7
    assert told == [0.5, 0.5, 1.0]
    assert Job(steps(None, 0.5)).run() == "done"
    told.clear()
    assert Job(steps(None, result=None)).run(told.append) is None
    assert told == []


def test_what_is_left_is_closed_and_what_fails_is_heard() -> None:
    closed: list[str] = []

    def long() -> Generator[float | None, None, Any]:
        try:
            yield 0.1
            yield 0.2
        finally:
            closed.append("closed")

    job = Job(long())
    job.step()
    job.abandon()
    assert closed == ["closed"]
    assert job.result is None

    def fails() -> Generator[float | None, None, Any]:
        yield None
        raise ValueError("no")

    job = Job(fails())
    assert not job.step()
    with pytest.raises(ValueError, match="no"):
        job.step()
