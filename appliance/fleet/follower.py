"""Follows the campaign's log by the box's durable consumer, message by message.

The library's own ways were measured and lose time or messages after a cut (an ordered consumer had
none of five after 6 s; a request that waits at a server which restarts is gone without a word). So
the request for the next messages is made here: it names how long it waits, the server says that it
is still waiting, and where neither message nor sign of life comes it is made anew.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from appliance.fleet import wire
from appliance.fleet.complaints import Complaints
from firmware.wording import worded

log = logging.getLogger(__name__)

BATCH = 100
DEAF_AFTER = 10.0
"""Seconds of refusals, and nothing else, after which the box is told that it hears nothing: a node
that dies takes less."""
HEARTBEAT = 10.0
"""Seconds between two signs of life of a waiting request: what notices that the node which held it
died, where the box is connected to another. Each costs a mobile link some 130 bytes."""


class Follower:
    """*take* gets subject, sequence and payload; the message is acknowledged when it returns."""

    def __init__(
        self,
        stream: str,
        consumer: str,
        take: Callable[[str, int, bytes], Awaitable[None]],
        *,
        heartbeat: float = HEARTBEAT,
        deaf: Callable[[], None] = lambda: None,
    ) -> None:
        """*deaf* is called while the hub refuses to tell anything for long."""
        self._deaf = deaf
        self._refused_since: float | None = None
        self._heartbeat = heartbeat
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._take = take
        self._again = asyncio.Event()
        self._complaints = Complaints()

    def again(self) -> None:
        """Ask anew at once: the connection is another one."""
        self._again.set()

    async def run(self, nats: Nats) -> None:
        """Follow until cancelled.

        Raises :class:`~appliance.fleet.wire.NoAnswer` where the connection is closed for good.
        """
        async with wire.listening(nats) as (inbox, arriving):
            while True:
                self._again.clear()
                try:
                    await self._request(nats, inbox)
                    await self._drain(nats, arriving)
                except wire.NoAnswer:
                    await self._pause()

    async def _request(self, nats: Nats, inbox: str) -> None:
        body = {
            "batch": BATCH,
            "expires": int(4 * self._heartbeat * 1e9),
            "idle_heartbeat": int(self._heartbeat * 1e9),
        }
        await wire.send(nats, self._next, json.dumps(body).encode(), reply=inbox)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._again.wait(), 1.0)
        except TimeoutError:
            pass

    async def _drain(self, nats: Nats, arriving: asyncio.Queue[Msg]) -> None:
        """Take what one request brings; returns when it is used up, over or lost.

        Raises :class:`~appliance.fleet.wire.NoAnswer` where the link is down.
        """
        left = BATCH
        while left > 0:
            if self._again.is_set():
                return
            message = await self._next_message(arriving)
            if message is None:
                return
            status = (message.headers or {}).get("Status")
            if status in (None, "100", "408"):
                self._refused_since = None
            if status == "100":
                continue
            if status is not None or not message.reply:
                # Over (408), or refused: a moment, so that a server that refuses is not flooded.
                if status not in (None, "408"):
                    told = self._complaints.note(
                        worded("following the log: it says {status}", status=status)
                    )
                    if told is not None:
                        log.warning("%s", told)
                    self._refuse()
                    await self._pause()
                return
            left -= 1
            await self._take(message.subject, message.metadata.sequence.stream, message.data)
            # Where it is not sent the message comes again, which changes nothing.
            await wire.send(nats, message.reply, b"+ACK")

    def _refuse(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._refused_since is None:
            self._refused_since = now
        elif now - self._refused_since > DEAF_AFTER:
            self._refused_since = None
            self._deaf()

    async def _next_message(self, arriving: asyncio.Queue[Msg]) -> Msg | None:
        get = asyncio.ensure_future(arriving.get())
        again = asyncio.ensure_future(self._again.wait())
        try:
            done, _ = await asyncio.wait(
                {get, again}, timeout=2 * self._heartbeat + 1.0, return_when=asyncio.FIRST_COMPLETED
            )
            return get.result() if get in done else None
        finally:
            get.cancel()
            again.cancel()
