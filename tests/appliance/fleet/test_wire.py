"""How a connection to the hub ends, on a client that does nothing but end."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from nats.aio.client import Client

from appliance.fleet import wire


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


@pytest.mark.parametrize("end", [well, hands_its_own_cancellation_on])
def test_a_cancellation_of_the_clients_own_ends_nobody(end: Any) -> None:
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
