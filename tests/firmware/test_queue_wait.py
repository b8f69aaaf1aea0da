"""A wait at a queue has an end, also where its time is over before it begins."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from firmware.queue_wait import take_within

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("before", ["nothing", "an item", "a look"])
@pytest.mark.parametrize("seconds", [1e-9, 1e-6, 2e-6, 0.0, -1.0])
def test_a_wait_that_is_over_before_it_begins_ends(before: str, seconds: float) -> None:
    """After an item was taken the library's own get waited for ever, in a few tries."""
    for _ in range(2000):
        queue: SimpleQueue[int] = SimpleQueue()
        if before == "an item":
            queue.put(1)
            assert take_within(queue, 1.0) == 1
        elif before == "a look":
            assert queue.empty()
        with pytest.raises(Empty):
            take_within(queue, seconds)


def test_what_comes_meanwhile_is_taken_in_its_order() -> None:
    queue: SimpleQueue[int] = SimpleQueue()

    def put() -> None:
        for number in range(500):
            queue.put(number)

    putter = threading.Thread(target=put)
    putter.start()
    assert [take_within(queue, 20.0) for _ in range(500)] == list(range(500))
    putter.join()


def test_nobody_waits_at_such_a_queue_otherwise() -> None:
    for file in [*ROOT.glob("firmware/**/*.py"), *ROOT.glob("appliance/**/*.py")]:
        text = file.read_text(encoding="utf-8")
        if "SimpleQueue" in text and file.name != "queue_wait.py":
            assert not re.search(r"\.get\((timeout=|True,|block=)", text), file
