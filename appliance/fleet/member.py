"""The box's membership in a fleet: one thread with a loop of its own, which posts what it learns.

Downward come orders (ask, rows are on disk), upward go inputs of the engine; what both sides look
at is in :mod:`~appliance.fleet.shared_state`. Whatever breaks here, the box finishes its calls and
dials nobody new.

Tasks of the loop: connecting, and examining the hub each time (:mod:`~appliance.fleet.canary`);
following the log by a durable consumer; claims, one after the other; what the ledger has to send;
the status.

Long because these tasks share one connection and its life: each is a page, and apart from the
others none can be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats import errors
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from appliance.campaign import fleet_inputs, inputs
from appliance.effects import AskClaim
from appliance.fleet import subjects, wire
from appliance.fleet.canary import HubUnfit, examine, numbered
from appliance.fleet.claim import Asked, Denied, Event, Granted, NotWritten, Reason, mark
from appliance.fleet.exchange import Answer, Exchange, unended
from appliance.fleet.follower import Follower
from appliance.fleet.hub_config import inbox
from appliance.fleet.keys import BoxKeys
from appliance.fleet.link_trouble import Trouble
from appliance.fleet.lists import Assembly
from appliance.fleet.lists import Part as ListPart
from appliance.fleet.memory import Memory
from appliance.fleet.messages import Ended, MessageUnreadable, Objection, Order, decode, encode
from appliance.fleet.pseudonym import pseudonym
from appliance.fleet.sender import LedgerForked, Sender
from appliance.fleet.shared_state import SharedState, Standing
from appliance.fleet.signing import NotForThisBox, unseal
from appliance.fleet.subjects import Subjects
from appliance.model import AttemptElsewhere
from appliance.storage.files import StorageError
from firmware.clock import Clock
from firmware.wording import said_by, worded

log = logging.getLogger(__name__)

STATUS_EVERY = 60.0
"""Seconds between two statuses of a box at which nothing changes."""
LISTS_HEARTBEAT = 60.0
"""A list may wait two minutes where a node dies; an objection may not."""
EXAMINE_AGAIN = 5.0
"""Seconds before a hub that did not answer, or was unfit, is examined again."""
ANEW = 30.0
"""Seconds without an answer after which the connection is made anew. The library may stop trying:
where a link breaks at the end of a TLS handshake CPython hands it no transport, and the task that
reconnects ends with an AttributeError (seen in 10 of 1,000 clients that came back at once, nats-py
on CPython 3.11). A round over three nodes takes half of this at most."""
BELIEVED_MISSING = 3
CLOSE_WITHIN = 5.0
"""Seconds that the end waits for what is still on its way."""
CANCEL_AGAIN = 0.2
"""Seconds after which a task that was cancelled and goes on is cancelled once more."""
SEND_AGAIN = 1.0
_CUT = Standing(trouble=worded("the link to the hub is cut"))


def boot_time() -> float:
    """Return CLOCK_BOOTTIME in seconds: it runs on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel *tasks*, and return when all have ended; what ended one of them is of no interest.

    Once is not enough: ``asyncio.wait_for`` of CPython 3.11 forgets that it was cancelled where
    what it waits for happens in the same moment (python/cpython#86296), here and in the library.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN)


class Member:
    """This box in its fleet. ``post`` takes inputs of the engine, from any thread."""

    def __init__(
        self,
        keys: BoxKeys,
        state: Path,
        *,
        post: Callable[[inputs.Input], None],
        clock: Clock,
        describe: Callable[[], dict[str, Any]] | None = None,
        take_list: Callable[[bytes], str] | None = None,
        boot: Callable[[], float] = boot_time,
    ) -> None:
        """*state* is the box's state directory. Raises the storage errors.

        *describe* tells what the status says of calls; it is called on the fleet's thread.
        *take_list* imports a list of people and says in words what came of it; it may take long,
        and is called on a thread of its own.
        """
        self.keys = keys
        self.names = Subjects(keys.campaign)
        self._memory = Memory(state)
        self._post = post
        self._clock = clock
        self._boot = boot
        self._describe = describe or dict
        self._take_list = take_list
        self._assembly = Assembly(state / "fleet" / "lists")
        self._last_list = ""
        self._shared = SharedState(
            self._memory,
            post=post,
            changed=self._news,
            boot=boot,
            again=lambda: self._sender.everything(self._memory.objections),
        )
        saw = self._shared.saw
        self._sender = Sender(keys, self.names, state, self._memory, unnamed=self._unnamed, saw=saw)
        self._asks: dict[str, AskClaim] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        self._changed = asyncio.Event()
        self._queue: asyncio.Queue[AskClaim] = asyncio.Queue()
        self._nats: Nats | None = None
        self._answered_at = 0.0
        self._started = threading.Event()
        self._head = 0
        self._doubt: Callable[[], None] = lambda: None
        """Lets the hub be examined anew on the connection that stands."""
        self._missing = 0
        """How often in a row the hub had no message where this box knows one to be."""

    # --- the box's loop asks -----------------------------------------------------------------

    def barred(self) -> str | None:
        """Return why nobody may be dialled now, whoever it is; None where claims can be asked."""
        return self._shared.barred()

    def pseudonym(self, number: str) -> str:
        """Return the name of *number* (E.164) in the campaign."""
        return pseudonym(self.keys.campaign_key, number)

    def objected(self, pid: str) -> datetime | None:
        """Return when the person *pid* objected at another box, None where they did not."""
        return self._shared.objected(pid)

    @property
    def heard(self) -> int:
        """How many objected at other boxes."""
        return self._shared.heard

    def refuses(self, attempt: str) -> str | None:
        """Return why the dial command of *attempt* may not go out now; None where it may."""
        return self._shared.refuses(attempt)

    def concluded(self, attempt: str) -> None:
        """Forget a claim whose call is over or that was never dialled."""
        self._shared.concluded(attempt)

    def ask(self, ask: AskClaim) -> None:
        """Claim *ask*; its row is on disk. The answer is posted, in any case."""
        self._asks[ask.attempt] = ask
        if self._shared.failure:
            self._deny(ask, Reason.NOT_CONNECTED, self._shared.failure)
        elif not self._on_loop(lambda: self._queue.put_nowait(ask)):
            self._deny(ask, Reason.NOT_CONNECTED, worded("the fleet's thread does not run"))

    def written(self, seq: int) -> None:
        """Note that the ledger is on disk up to row *seq*: objections in it leave at once."""
        self._head = seq
        self._on_loop(self._sender.wake)

    def changed(self) -> None:
        """Say the status anew."""
        self._on_loop(self._changed.set)

    def status(self) -> dict[str, Any]:
        """Return what ``status`` and the lamps tell of the fleet."""
        shared = self._shared
        position, standing = shared.position, shared.standing
        return {
            "box": self.keys.box,
            "campaign": self.keys.campaign,
            "connected": standing.connected,
            "server": standing.server,
            "trouble": shared.failure or ("" if standing.connected else standing.trouble),
            "failed": bool(shared.failure),
            "remedy": shared.remedy,
            "lost": shared.lost,
            "barred": self.barred(),
            "epoch": position.epoch,
            "stopped": position.stopped,
            "log_seen": position.highest,
            "objections_unsent": self._sender.objections_waiting,
            "objections_heard": shared.heard,
            "ledger_sent": self._sender.ledger_sent,
            "ledger_verified": int(self._memory.head.get("seq", 0)),
            "last_list": self._last_list,
        }

    # --- life --------------------------------------------------------------------------------

    def start(self, head: int) -> None:
        """Begin; *head* is the ledger's newest row."""
        self._head = head
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)
        self._thread.start()
        self._started.wait(CLOSE_WITHIN)

    def close(self) -> None:
        """Send what is due, for a moment, and end. Calling it again does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._on_loop(self._ending.set)
            thread.join(CLOSE_WITHIN + 2.0)

    def _on_loop(self, call: Callable[[], object]) -> bool:
        loop = self._loop
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:
            return False  # The loop has ended.
        return True

    def _news(self) -> None:
        """The status is another, and with it perhaps what the box may do."""
        self._on_loop(self._changed.set)
        self._post(inputs.Tick())

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:
            log.exception("the fleet's thread ended")
            self._fail_of(error)

    def _fail_of(self, error: BaseException) -> None:
        """Say what ended a task: the first of several that ended together tells enough."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, StorageError):
            log.error("the fleet's memory cannot be kept: %s", error)
            why = worded("the fleet's memory cannot be kept: {error}", error=error)
            self._fail(why, error.remedy)
            return
        name = type(error).__name__
        self._fail(
            worded("a fault of the program, {name}: its log tells more", name=name),
            worded("Restart the box; then report it with: autodialer doctor --bundle FILE"),
        )

    def _fail(self, why: str, remedy: str) -> None:
        """Nothing goes on here any more, until a restart: nobody is dialled."""
        self._shared.fail(why, remedy)
        for ask in list(self._asks.values()):
            self._deny(ask, Reason.NOT_CONNECTED, why)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sender.wake()
        self._started.set()
        jobs = [self._claiming(), self._sending(), self._telling(), self._connection()]
        tasks = [asyncio.create_task(self._kept(job)) for job in jobs]
        await self._ending.wait()
        await ended(*tasks)
        if self._nats is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._say_last(), CLOSE_WITHIN / 2)
            with contextlib.suppress(Exception):
                await asyncio.wait_for(wire.close(self._nats), CLOSE_WITHIN / 2)

    async def _kept(self, job: Coroutine[Any, Any, None]) -> None:
        """Run *job*; a fault in it ends all dialling, visibly."""
        try:
            await job
        except asyncio.CancelledError:
            raise
        except StorageError as error:
            self._fail_of(error)
        except Exception as error:
            log.exception("a task of the fleet ended")
            self._fail_of(error)

    # --- the connection ----------------------------------------------------------------------

    async def _connection(self) -> None:
        """Connect, and connect anew where the library's client does not come back by itself."""
        while True:
            lost, back = asyncio.Event(), asyncio.Event()
            nats = await self._connect(lost, back)
            await self._held(nats, lost, back)
            self._nats = None
            log.warning("the link to the hub does not come back by itself: connecting anew")
            with contextlib.suppress(Exception):
                await wire.close(nats)
            await asyncio.sleep(wire.RECONNECT_WAIT)

    async def _held(self, nats: Nats, lost: asyncio.Event, back: asyncio.Event) -> None:
        """Examine the hub, and again whenever the link was gone; return once it stays gone."""
        try:
            await self._listen(nats)
        except (errors.Error, OSError):
            return  # It is gone already.

        def deaf() -> None:
            self._shared.stand(
                Standing(trouble=worded("the hub tells this box nothing of its log"))
            )
            lost.set()

        follower = Follower(self.names.stream, self.keys.box, self._logged, deaf=deaf)
        lists = Follower(subjects.LISTS, self.keys.box, self._listed, heartbeat=LISTS_HEARTBEAT)

        def doubt() -> None:
            lost.set()
            back.set()

        self._doubt = doubt
        following: asyncio.Task[None] | None = None
        self._answered_at = time.monotonic()
        try:
            while not nats.is_closed and time.monotonic() - self._answered_at < ANEW:
                lost.clear()
                back.clear()
                if nats.is_connected and await self._meet(nats):
                    if following is None:
                        following = asyncio.create_task(
                            self._kept(self._follow(nats, follower, lists))
                        )
                    else:
                        follower.again()
                        lists.again()
                    await self._until(lost, nats)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(back.wait(), EXAMINE_AGAIN)
        finally:
            if following is not None:
                await ended(following)

    async def _until(self, lost: asyncio.Event, nats: Nats) -> None:
        """Wait for the end of the link; a client whose task ended tells nothing of it."""
        while nats.is_connected and not lost.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), EXAMINE_AGAIN)
        self._answered_at = time.monotonic()
        if not lost.is_set():
            self._shared.stand(_CUT)

    async def _follow(self, nats: Nats, *followers: Follower) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for follower in followers:
                    group.create_task(follower.run(nats))
        except* wire.NoAnswer:
            pass  # It is closed: whoever holds it connects anew.

    async def _connect(self, lost: asyncio.Event, back: asyncio.Event) -> Nats:
        keys = self.keys

        async def disconnected() -> None:
            self._shared.stand(_CUT)
            lost.set()

        async def reconnected() -> None:
            back.set()

        def complaint(trouble: Trouble) -> None:
            # Of a connection that stands the log alone tells.
            if self._nats is None or not self._nats.is_connected:
                self._shared.stand(Standing(trouble=trouble.what, remedy=trouble.remedy))

        while self._nats is None:
            try:
                self._nats = await wire.connect(
                    keys.servers,
                    seed=keys.seed,
                    authority=keys.authority,
                    name=f"{keys.campaign}/{keys.box}",
                    inbox=inbox(keys.box),
                    forever=True,
                    disconnected=disconnected,
                    reconnected=reconnected,
                    complaint=complaint,
                )
            except wire.NoAnswer as error:
                self._shared.stand(Standing(trouble=said_by(error), remedy=error.remedy))
                await asyncio.sleep(EXAMINE_AGAIN)
        return self._nats

    async def _meet(self, nats: Nats) -> bool:
        """Examine the hub on a new connection; return whether it may be believed."""
        try:
            last = await examine(nats, self.keys.campaign, self.keys.box)
            position = self._shared.position
            if last < position.highest:
                number, _ = await numbered(nats, self.keys.campaign, self.keys.box)
                last = number - 1
            there = None
            if 0 < position.anchor <= last and not position.forgetful:
                there = await self._at_anchor(nats, position.anchor)
            self._shared.meet(last, there)
            await self._placed(nats)
            await self._sender.meet(nats, self._head)
            lost = await self._sender.lost(nats, self._head)
            if lost:
                self._shared.forget(lost)
        except (HubUnfit, LedgerForked) as unfit:
            self._answered_at = time.monotonic()
            self._shared.stand(Standing(trouble=str(unfit), remedy=unfit.remedy))
            log.error("%s; %s", unfit, unfit.remedy)
            return False
        except (wire.NoAnswer, wire.HubRefused) as error:
            self._shared.stand(
                Standing(trouble=worded("the hub does not answer: {error}", error=error))
            )
            return False
        if not nats.is_connected:
            return False
        url = nats.connected_url
        server = "" if url is None else url.netloc
        self._shared.stand(Standing(connected=True, trouble="", server=server))
        self._sender.wake()
        return True

    async def _at_anchor(self, nats: Nats, anchor: int) -> str | None:
        """Read the mark of what stands where this box knows a message to be.

        Nothing there may be the answer of a node that lags: it is asked for again, and believed
        the third time.
        """
        message = await wire.read_at(nats, self.names.stream, anchor)
        self._missing = 0 if message is not None else self._missing + 1
        if message is None and self._missing < BELIEVED_MISSING:
            raise wire.NoAnswer(worded("message {number} is not there yet", number=anchor))
        return None if message is None else mark(message.subject, message.payload)

    async def _placed(self, nats: Nats) -> None:
        """Look that the hub keeps this box's place in the log: without it no news would come."""
        try:
            await wire.api(nats, f"CONSUMER.INFO.{self.names.stream}.{self.keys.box}")
        except wire.HubRefused as refused:
            if refused.code != wire.NO_CONSUMER:
                raise
            raise HubUnfit(
                worded("the hub keeps no place for this box in its log, so no news would reach it"),
                worded("At headquarters: autodialer fleet hub --check makes it anew."),
            ) from refused

    async def _listen(self, nats: Nats) -> None:
        """Take pushes: they are only faster than the log, and never make a call possible."""

        def stop(payload: bytes) -> None:
            self._shared.stop(None, Order.read(payload))

        def objection(payload: bytes) -> None:
            with contextlib.suppress(KeyError, TypeError):
                pid = decode(payload)["pid"]
                if subjects.PID.fullmatch(pid):
                    self._shared.hear(pid, Objection.read(payload))

        await self._pushed(nats, self.names.push_stop(self.keys.box), stop)
        await self._pushed(nats, self.names.push_stop("all"), stop)
        await self._pushed(nats, self.names.push_objection, objection)
        await self._pushed(nats, subjects.head(self.keys.box), self._sender.take_head)

    async def _pushed(self, nats: Nats, subject: str, take: Callable[[bytes], None]) -> None:
        async def arrived(message: Msg) -> None:
            # The library only logs what this raises.
            try:
                with contextlib.suppress(MessageUnreadable):
                    take(message.data)
            except StorageError as error:
                self._fail_of(error)

        await nats.subscribe(subject, cb=arrived)

    async def _logged(self, subject: str, sequence: int, payload: bytes) -> None:
        """Take one message of the log; it is acknowledged once this returns."""
        found = self.names.read(subject)
        now = datetime.now(UTC)
        # Before an order is taken, so that it is on disk with its place in the log.
        told = mark(subject, payload)
        self._shared.saw(sequence, told)
        match None if found is None else found.kind:
            case "rev" if found is not None:
                try:
                    objection = Objection.read(payload)
                except MessageUnreadable:
                    # Who objected stands in the subject.
                    objection = Objection(box="?", at=now, by="unknown")
                self._shared.hear(found.pid, objection)
            case "stop" if found is not None:
                try:
                    order = Order.read(payload)
                except MessageUnreadable:
                    order = Order(
                        by=worded("an order that cannot be read"), reason="unknown", at=now
                    )
                self._shared.stop(found.number, order)
            case "epoch" if found is not None:
                try:
                    self._shared.open(found.number, sequence, Order.read(payload))
                except MessageUnreadable as error:
                    log.error("an epoch that cannot be read begins nothing: %s", error)
        # After a loss the count begins with the order.
        self._shared.saw(sequence, told)

    async def _listed(self, _: str, __: int, payload: bytes) -> None:
        """Take a part of a list that is sealed to this box; the whole is imported at once."""
        try:
            part = ListPart.read(payload)
            sealed = self._assembly.take(part)
            if sealed is None or self._take_list is None:
                return
            try:
                contents = unseal(sealed, self.keys.sealing_key)
            except NotForThisBox:
                self._assembly.drop(part.list)
                raise
        except (MessageUnreadable, NotForThisBox) as error:
            self._last_list = worded("refused: {error}", error=error)
            log.error("a list from headquarters: %s", error)
        else:
            self._last_list = await asyncio.to_thread(self._take_list, contents)
            self._assembly.drop(part.list)
        self._changed.set()

    # --- claims ------------------------------------------------------------------------------

    async def _claiming(self) -> None:
        while True:
            ask = await self._queue.get()
            await self._claim(ask)

    async def _claim(self, ask: AskClaim) -> None:
        nats, bars = self._nats, self.barred()
        if nats is None or bars is not None:
            self._deny(ask, Reason.NOT_CONNECTED, bars or "")
            return
        exchange = Exchange(nats, self.names, self.keys.box, self._boot)
        try:
            answer = await self._exchange(exchange, ask)
        except (wire.NoAnswer, wire.HubRefused) as error:
            self._deny(ask, Reason.NO_ANSWER, str(error))
            return
        await self._end_own(ask, unended(answer.elsewhere, self.keys.box))
        event: Event = answer.event
        if isinstance(event, NotWritten) and event.reason is Reason.REFUSED:
            # It was not about the person or this box: what is wrong with the hub is to be seen.
            self._doubt()
        state = self._shared.answer(ask.attempt, event)
        if isinstance(state, Granted):
            left = state.dial_by - self._boot()
            del self._asks[ask.attempt]
            self._post(
                fleet_inputs.ClaimGranted(
                    attempt=ask.attempt,
                    sequence=state.sequence,
                    number=state.number,
                    dial_by=self._clock.monotonic() + left / self._clock.real(1.0),
                )
            )
        elif isinstance(state, Denied):
            self._deny(
                ask,
                state.reason,
                state.detail,
                number=state.number,
                sequence=state.sequence,
                elsewhere=answer.elsewhere,
            )
        else:
            self._deny(ask, Reason.CLAIMED, answer.detail, elsewhere=answer.elsewhere)

    async def _exchange(self, exchange: Exchange, ask: AskClaim) -> Answer:
        known = 0
        if ask.known:
            known, elsewhere = await exchange.look(ask)
            if elsewhere:
                return Answer.claimed(elsewhere)

        def asked() -> Asked:
            number = len(ask.known) + 1
            subject = self.names.claim(ask.pid, number)
            return self._shared.ask(ask.attempt, ask.pid, number, subject)

        return await exchange.claim(ask, asked, known=known)

    def _deny(
        self,
        ask: AskClaim,
        reason: Reason,
        detail: str = "",
        *,
        number: int = 0,
        sequence: int = 0,
        elsewhere: tuple[AttemptElsewhere, ...] = (),
    ) -> None:
        self._shared.concluded(ask.attempt)
        if self._asks.pop(ask.attempt, None) is not None:
            self._post(
                fleet_inputs.ClaimDenied(
                    attempt=ask.attempt,
                    reason=reason.value,
                    detail=detail,
                    number=number,
                    sequence=sequence,
                    elsewhere=elsewhere,
                )
            )

    async def _end_own(self, ask: AskClaim, ghosts: Iterable[AttemptElsewhere]) -> None:
        """Say that nobody was dialled on claims of ours whose grant came too late.

        One for which this ledger never asked is of another machine with this box's key (a card
        that was copied), which may be in the call.
        """
        for ghost in ghosts:
            if not await asyncio.to_thread(self._sender.asked, ghost.attempt):
                log.error("somebody else claims under this box's name: %s", ghost.attempt)
                continue
            ended = Ended(
                box=self.keys.box, attempt=ghost.attempt, outcome=None, at=datetime.now(UTC)
            )
            subject = self.names.outcome(ask.pid, ghost.number, self.keys.box)
            if self._nats is not None:
                with contextlib.suppress(wire.NoAnswer, wire.HubRefused):
                    written = await wire.write_once(self._nats, subject, ended.payload())
                    if written is not None:
                        self._shared.saw(written.sequence, mark(subject, ended.payload()))

    # --- what goes out -----------------------------------------------------------------------

    async def _sending(self) -> None:
        while True:
            await self._sender.due()
            nats = self._nats
            if nats is None or not self._shared.standing.connected:
                self._sender.look(self._head)
                continue
            before = self._sender.objections_waiting, self._sender.ledger_sent
            try:
                await self._sender.send(nats, self._head)
            except (wire.NoAnswer, wire.HubRefused) as error:
                log.warning("not sent yet: %s", error)
                await asyncio.sleep(SEND_AGAIN)
                self._sender.wake()
            except LedgerForked as forked:
                self._fail(str(forked), forked.remedy)
            if before[0] != self._sender.objections_waiting:
                self._news()

    def _unnamed(self, people: tuple[str, ...]) -> None:
        self._post(fleet_inputs.NameObjections(subjects=people))

    async def _telling(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), STATUS_EVERY)
            self._changed.clear()
            self._shared.keep()
            await self._say()
            # Many changes at once are one status; a stop's confirmation waits no longer than this.
            await asyncio.sleep(0.02)

    async def _say(self) -> None:
        nats = self._nats
        if nats is None or not nats.is_connected:
            return
        status = {**self._describe(), **self.status(), "at": datetime.now(UTC).isoformat()}
        with contextlib.suppress(Exception):  # The next one says more.
            await wire.send(nats, subjects.status(self.keys.box), encode(status))

    async def _say_last(self) -> None:
        with contextlib.suppress(wire.NoAnswer, wire.HubRefused, LedgerForked):
            if self._nats is not None and self._shared.standing.connected:
                await self._sender.send(self._nats, self._head)
        with contextlib.suppress(StorageError):
            self._shared.keep()
        self._shared.stand(Standing(trouble=worded("the box has ended")))
        await self._say()
