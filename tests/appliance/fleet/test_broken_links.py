"""What headquarters orders and reads while its node dies, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from appliance.fleet import wire
from appliance.fleet.collecting import collect, verify_ledgers
from appliance.fleet.headquarters import Headquarters
from tests.support.fleet_bench import NAMES, somebody
from tests.support.hub_server import HubServer, at_hub

pytestmark = pytest.mark.process

BOX = "north"
Work = Callable[[Headquarters], Awaitable[Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    made = HubServer(tmp_path_factory.mktemp("hub"))
    made.hub.enrol(BOX)
    made.hub.write_users()
    made.start()
    made.prepare()
    yield made
    made.close()


def at_a_dead_node(server: HubServer, work: Work, *, back: bool) -> Any:
    """Let *work* begin on a connection whose node has just died; *back*: it starts again."""

    async def broken(headquarters: Headquarters) -> Any:
        server.kill("hub-1")
        await asyncio.sleep(0.05)
        working = asyncio.ensure_future(work(headquarters))
        if back:
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.start)
        return await working

    try:
        return at_hub(server.hub, broken)
    finally:
        if not back:
            server.start()


ORDERS: dict[str, Work] = {
    "stop": lambda it: it.stop([BOX], by="Ada", reason="noise"),
    "resume": lambda it: it.resume([BOX], by="Ada", reason="noise"),
    "object": lambda it: it.object(somebody()),
    "admit": lambda it: it.admit(BOX),
    "seen": lambda it: it.seen(),
}


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_waits_until_the_hub_is_back(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """A stop ended in a traceback, with nothing in the log, because its push found no link."""
    monkeypatch.setattr(wire, "RECONNECT_WAIT", 0.1)
    at_a_dead_node(server, ORDERS[order], back=True)
    if order == "stop":

        async def ordered(headquarters: Headquarters) -> wire.Message | None:
            return await wire.read_last(headquarters.nats, NAMES.stream, NAMES.stop(1, BOX))

        assert at_hub(server.hub, ordered) is not None


READS: dict[str, Work] = {
    "verify": verify_ledgers,
    "collect": collect,
    "examine nodes": lambda it: it.examine_nodes(),
    "nodes": lambda it: it.nodes(),
    "prepare": lambda it: it.prepare(),
}


@pytest.mark.parametrize("read", READS)
def test_what_is_only_read_says_that_nobody_answers(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    monkeypatch.setattr(wire, "RECONNECT_WAIT", 0.1)
    with pytest.raises(wire.NoAnswer):
        at_a_dead_node(server, READS[read], back=False)
