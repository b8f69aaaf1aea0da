"""How a connection to the hub ends, on a client that does nothing but end, and how tasks do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

import pytest
from nats.aio.client import Client

from appliance.fleet import wire
from appliance.fleet.member import ended


class Ending:
    """A client whose end goes as *end* says."""

    def __init__(self, end: Any) -> None:
        self._end = end

    async def close(self) -> None:
        await self._end()


async def well() -> None:
    return


async def hands_its_own_cancellation_on() -> None:
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ended.cancel()
    await ended


async def finds_the_link_reset() -> None:
    raise ConnectionResetError("Connection lost")


async def has_no_transport() -> None:
    raise AttributeError("'NoneType' object has no attribute 'close'")


ENDS = [well, hands_its_own_cancellation_on, finds_the_link_reset, has_no_transport]


@pytest.mark.parametrize("end", ENDS)
def test_what_the_client_finds_at_its_end_ends_nobody(end: Any) -> None:
    asyncio.run(wire.close(cast(Client, Ending(end))))


def test_a_caller_that_is_cancelled_is_cancelled() -> None:
    async def run() -> bool:
        closing = asyncio.create_task(wire.close(cast(Client, Ending(asyncio.Event().wait))))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait({closing})
        return closing.cancelled()

    assert asyncio.run(run())


def test_a_client_whose_end_never_comes_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for its sending task, which ended with the link."""
    monkeypatch.setattr(wire, "CLOSE_WITHIN", 0.05)
    asyncio.run(wire.close(cast(Client, Ending(asyncio.Event().wait))))


# --- tasks -----------------------------------------------------------------------------------

Job = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


async def waits_for_news(news: asyncio.Event) -> None:
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), 60.0)
        news.clear()


async def takes_a_cancellation_for_its_own(news: asyncio.Event) -> None:
    """As the library does where it closes what it had begun."""
    with suppress(asyncio.CancelledError):
        await news.wait()
    await asyncio.Event().wait()


async def breaks(news: asyncio.Event) -> None:
    await news.wait()
    raise OSError("the link broke")


async def is_done(news: asyncio.Event) -> None:
    await news.wait()


@pytest.mark.parametrize("job", [waits_for_news, takes_a_cancellation_for_its_own, breaks, is_done])
@pytest.mark.parametrize("turns", range(5))
def test_a_task_ends_whatever_happens_in_that_moment(job: Job, turns: int) -> None:
    """A status that changed as the box ended held it up for seven seconds, and its last rows."""

    async def run() -> None:
        news = asyncio.Event()
        task = asyncio.create_task(job(news))
        await asyncio.sleep(0.01)
        news.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(ended(task), 5.0)
        assert task.done()

    asyncio.run(run())
