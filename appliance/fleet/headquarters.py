"""What headquarters does at the hub: streams, stops, epochs, objections, and what boxes said last.

One connection a command, and every order is in the log before it is called ordered. That a box
*confirmed* it is another matter, told apart everywhere: it is what the box's own status says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from nats.aio.client import Client as Nats

from appliance.errors import Refused
from appliance.fleet import hub_config, streams, subjects, wire
from appliance.fleet.box_status import read_status
from appliance.fleet.canary import HubUnfit, examine, unfit_node
from appliance.fleet.hub import Hub
from appliance.fleet.messages import Objection, Order, encode
from appliance.fleet.pseudonym import pseudonym
from appliance.fleet.subjects import Subjects
from firmware.wording import plural, worded

NAME = "headquarters"
LEADS = worded("leads the campaign's log")
FOLLOWS = worded("follows")
PATIENCE = 30.0
"""Seconds that an order is tried again while the hub has no leader: 4 to 13 were measured."""

ANSWERS_WITHIN = 2.0
"""Seconds that every node has to tell of itself."""
AT_ONCE = 200
"""Stops in one write; the server takes a thousand messages."""
BEGUN_AT_ONCE = 40
"""Boxes whose new epoch is under way at the same time; each takes five answers of the hub."""
TOGETHER_WITHIN = 3.0
"""Seconds before they are written one by one, each of them patiently."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSeen:
    """A box as the hub shows it."""

    box: str
    epoch: int
    ordered_stop: bool
    """A stop of its present epoch is in the log."""
    status: dict[str, Any] | None
    """What it said last; None where it never said anything."""
    heard_at: datetime | None

    @property
    def confirmed_stop(self) -> bool:
        """It said itself that it is stopped in this epoch, and that no call runs."""
        told = self.status or {}
        return (
            self.ordered_stop
            and told.get("stopped") is True
            and told.get("epoch", 0) >= self.epoch
            and not told.get("calls")
        )


@dataclass(slots=True)
class Headquarters:
    """A connection with the rights of headquarters."""

    hub: Hub
    nats: Nats
    names: Subjects = field(init=False)

    def __post_init__(self) -> None:
        self.names = Subjects(self.hub.campaign)

    # --- the hub ---------------------------------------------------------------------------------

    async def prepare(self) -> list[str]:
        """Make what is missing of streams and consumers; return what was made.

        Raises :class:`~appliance.fleet.canary.HubUnfit` where something is there otherwise.
        """
        made = []
        wanted = [streams.campaign_stream(self.hub.campaign, self.hub.replicas)]
        wanted += streams.other_streams(self.hub.replicas)
        for stream in wanted:
            try:
                info = await wire.api(self.nats, f"STREAM.INFO.{stream['name']}")
            except wire.HubRefused as refused:
                if refused.code != wire.NO_STREAM:
                    raise
                await self._make(stream)
                made.append(worded("stream {name}", name=stream["name"]))
                continue
            faults = streams.unlike(stream, info["config"])
            if faults:
                raise HubUnfit(
                    worded(
                        "stream {name} is not as it must be: {names}",
                        name=stream["name"],
                        names="; ".join(faults),
                    ),
                    worded(
                        "It was made or changed by somebody else: use a hub of the fleet's own, "
                        "and find out who may change this one."
                    ),
                )
        for box in self.hub.boxes():
            made += await self.admit(box.box)
        await examine(self.nats, self.hub.campaign, NAME)
        return made

    async def _make(self, stream: dict[str, Any]) -> None:
        try:
            await wire.api(self.nats, f"STREAM.CREATE.{stream['name']}", stream)
        except wire.HubRefused as refused:
            if refused.code != wire.OVERLAP:
                raise
            raise HubUnfit(
                worded(
                    "another stream of this hub takes what belongs in {name}: {refused}",
                    name=stream["name"],
                    refused=refused,
                ),
                worded("Use a hub of the fleet's own, and find out who may change this one."),
            ) from refused

    async def examine_nodes(self) -> None:
        """Ask every node how it runs: the canary tries the one that answers, and no disk.

        To be done before anything is made: what an old server made would stay. Raises
        :class:`~appliance.fleet.canary.HubUnfit`. Nodes that are off say nothing; :meth:`nodes`
        tells of them.
        """
        told = await wire.ask_all(
            self.nats,
            hub_config.NODES,
            {"config": True},
            expected=len(self.hub.nodes),
            within=ANSWERS_WITHIN,
        )
        if not told:
            raise HubUnfit(
                worded("no node tells how it keeps its disk"),
                worded(
                    "Copy nats.conf and users.conf of fleet-hub/nodes to each node, as fleet hub "
                    "wrote them, and let it read them."
                ),
            )
        for one in told:
            faults = unfit_node(one)
            if faults is not None:
                raise faults

    async def admit(self, box: str) -> list[str]:
        """Make the durable consumers of *box*; return what was made."""
        made = []
        for stream, consumer in (
            (self.names.stream, streams.consumer(self.hub.campaign, box, self.hub.replicas)),
            (subjects.LISTS, streams.list_consumer(box)),
        ):
            try:
                await self._api(f"CONSUMER.INFO.{stream}.{box}")
            except wire.HubRefused as refused:
                if refused.code != wire.NO_CONSUMER:
                    raise
                body = {"stream_name": stream, "config": consumer}
                await self._api(f"CONSUMER.DURABLE.CREATE.{stream}.{box}", body)
                made.append(worded("consumer {box} of {stream}", box=box, stream=stream))
        return made

    async def nodes(self) -> dict[str, str]:
        """Return each node of the hub, and how it stands in the campaign's log."""
        info = await wire.api(self.nats, f"STREAM.INFO.{self.names.stream}")
        cluster = info.get("cluster") or {}
        told = {}
        if cluster.get("leader"):
            told[str(cluster["leader"])] = LEADS
        for replica in cluster.get("replicas") or ():
            if replica.get("offline"):
                state = worded("is off or cut off")
            elif replica.get("current"):
                state = FOLLOWS
            else:
                state = _behind(replica.get("lag"))
            told[str(replica["name"])] = state
        return told

    # --- stop and resume -------------------------------------------------------------------------

    async def epoch(self, box: str) -> int:
        """Return the present epoch of *box* in the log: 1 until a person begins another."""
        wanted = self.names.epochs_of(box)
        last = await self._patiently(lambda: wire.read_last(self.nats, self.names.stream, wanted))
        found = None if last is None else self.names.read(last.subject)
        return 1 if found is None else found.number

    async def _epoch_said(self, box: str) -> int:
        """Return the epoch in which *box* says that it counts; 0 where it said none.

        It may say what it likes: what it is ordered in the epoch that the log knows stands.
        """
        status, _ = await self._heard(box)
        return 0 if status is None else int(status.get("epoch", 0))

    async def _heard(self, box: str) -> tuple[dict[str, Any] | None, datetime | None]:
        """Return what *box* said last of itself, and when."""
        told = await wire.read_direct(self.nats, subjects.STATUSES, subjects.status(box))
        if told is None:
            return None, None
        return read_status(told.payload), datetime.fromisoformat(told.time).astimezone(UTC)

    async def stop(self, boxes: Iterable[str], *, by: str, reason: str) -> dict[str, int]:
        """Stop *boxes*: a push that hangs up at once, then one message each in the log.

        All of them are one write, so that the last box waits no longer than the first. Returns
        each box's epoch in which the stop is ordered. A box that counts in a later one than the
        log knows, because the log went back, is stopped there too.
        """
        boxes = list(boxes)
        order = Order(by=by, reason=reason, at=datetime.now(UTC))
        for box in boxes:
            await self._push(self.names.push_stop(box), order.payload())

        epochs = dict(zip(boxes, await asyncio.gather(*map(self.epoch, boxes)), strict=True))
        parts = [
            wire.Part(subject=self.names.stop(epoch, box), payload=order.payload())
            for box, epoch in epochs.items()
        ]
        for start in range(0, len(parts), AT_ONCE):
            await self._all_once(parts[start : start + AT_ONCE])
        # Afterwards, and if it can be read: nothing may hold up what was ordered above.
        said = await asyncio.gather(*map(self._epoch_said, boxes), return_exceptions=True)
        for box, later in zip(boxes, said, strict=True):
            if isinstance(later, int) and later > epochs[box]:
                await self._once(self.names.stop(later, box), order.payload())
        return epochs

    async def resume(
        self, boxes: Iterable[str], *, by: str, reason: str, after_loss: bool = False
    ) -> dict[str, int]:
        """Begin a new epoch for each of *boxes*; a box that did not hear of it stays stopped.

        The old epoch is closed first: a box that still counts in it finds itself stopped there,
        so that no stop of the new epoch can be passed by with a claim of the old one.
        """
        order = Order(by=by, reason=reason, at=datetime.now(UTC), after_loss=after_loss)
        boxes = list(boxes)
        opened: dict[str, int] = {}
        for start in range(0, len(boxes), BEGUN_AT_ONCE):
            some = boxes[start : start + BEGUN_AT_ONCE]
            begun = await asyncio.gather(*(self._begin(box, order) for box in some))
            opened.update(zip(some, begun, strict=True))
        return opened

    async def _begin(self, box: str, order: Order) -> int:
        epoch = await self.epoch(box)
        said = await self._patiently(partial(self._epoch_said, box))
        for over in sorted({epoch, max(epoch, said)}):
            why = worded("epoch {epoch} is over", epoch=over)
            fence = Order(by=order.by, reason=why, at=order.at, fence=True)
            await self._once(self.names.stop(over, box), fence.payload())
        # Higher than any that the box ever heard of, or it would take it for an old one: a
        # hub that went back has forgotten epochs too.
        epoch = max(epoch, said) + 1
        await self._once(self.names.epoch(epoch, box), order.payload())
        return epoch

    async def object(self, number: str) -> bool:
        """Note the objection of *number* (E.164) for every box; False where it is there already."""
        pid = pseudonym(self.hub.secrets().campaign_key, number)
        told = Objection(box=NAME, at=datetime.now(UTC), by=NAME)
        push = {**json.loads(told.payload()), "pid": pid}
        await self._push(self.names.push_objection, encode(push))
        return await self._once(self.names.objection(pid), told.payload())

    async def _push(self, subject: str, payload: bytes) -> None:
        """Tell whoever is connected, if it goes: it is only faster than the log."""
        with suppress(wire.NoAnswer):
            await wire.send(self.nats, subject, payload)

    async def _once(self, subject: str, payload: bytes) -> bool:
        """Write the one message of *subject*."""
        written = await self._patiently(lambda: wire.write_once(self.nats, subject, payload))
        return written is not None

    async def _all_once(self, parts: Sequence[wire.Part]) -> None:
        """Write each of *parts*, together where none is there yet, else one by one."""
        try:
            await wire.write_together(self.nats, parts, within=TOGETHER_WITHIN)
        except (wire.NoAnswer, wire.HubRefused):
            await asyncio.gather(*(self._once(part.subject, part.payload) for part in parts))

    async def _api(self, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream; a node that reads who may connect has none for a moment."""
        return await self._patiently(lambda: wire.api(self.nats, call, body))

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Do *call* again where the hub is busy or looks for a new leader, as it does for seconds
        when a node dies. Everything that is done so may be done twice."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while True:
            late = asyncio.get_running_loop().time() >= end
            try:
                return await call()
            except wire.NoAnswer:
                if late:
                    raise
            except wire.HubRefused as refused:
                if refused.code not in wire.PASSING or late:
                    raise
            await asyncio.sleep(0.2)

    # --- looking ---------------------------------------------------------------------------------

    async def seen(self) -> list[BoxSeen]:
        """Return what the hub shows of every enrolled box."""
        return list(await asyncio.gather(*(self._seen(box.box) for box in self.hub.boxes())))

    async def _seen(self, box: str) -> BoxSeen:
        epoch = await self.epoch(box)
        place = self.names.stop(epoch, box)
        stop = await self._patiently(lambda: wire.read_direct(self.nats, self.names.stream, place))
        status, heard_at = await self._patiently(partial(self._heard, box))
        return BoxSeen(
            box=box,
            epoch=epoch,
            ordered_stop=stop is not None,
            status=status,
            heard_at=heard_at,
        )

    async def confirmations(self, boxes: Iterable[str], within: float) -> list[BoxSeen]:
        """Wait until every one of *boxes* confirmed its stop, or *within* seconds are over."""
        wanted = set(boxes)
        end = asyncio.get_running_loop().time() + within
        while True:
            seen = [one for one in await self.seen() if one.box in wanted]
            late = asyncio.get_running_loop().time() >= end
            if late or all(one.confirmed_stop for one in seen):
                return seen
            await asyncio.sleep(0.1)


@asynccontextmanager
async def at_headquarters(hub: Hub) -> AsyncIterator[Headquarters]:
    """Connect with the rights of headquarters. Raises :class:`~appliance.errors.Refused`."""
    held = hub.secrets()
    try:
        nats = await wire.connect(
            hub.servers,
            seed=held.seed,
            authority=hub.authority,
            name=NAME,
            inbox="_INBOX_headquarters",
            forever=False,
        )
    except wire.NoAnswer as error:
        raise Refused(
            worded("no node of the hub lets us in: {error}", error=error),
            worded("see that the nodes run and have the newest users.conf (fleet hub --check)"),
        ) from error
    try:
        yield Headquarters(hub, nats)
    finally:
        await wire.close(nats)


def _behind(messages: int | None) -> str:
    if messages is None:
        return worded("is behind")
    return plural("is {count} message behind", "is {count} messages behind", messages)
