"""What the box's loop and the fleet's thread both look at, behind one lock.

How the box stands to the hub, its position in the log, the claims that run, and who objected
elsewhere. Everything here may be called from any thread; nothing here waits for the network, some
of it for the disk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from appliance.campaign import fleet_inputs
from appliance.fleet import claim as rules
from appliance.fleet.claim import Asked, Objected, Passed, Position
from appliance.fleet.memory import Memory
from appliance.fleet.messages import Objection, Order
from appliance.storage.files import StorageError
from firmware.wording import worded

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the box stands to the hub at this moment."""

    connected: bool = False
    """Connected and examined: claims can be asked for."""
    trouble: str = worded("the hub has not been reached yet")
    remedy: str = ""
    server: str = ""


_LOST = worded(
    "Headquarters restores the newest backup of the hub that there is, then: autodialer fleet "
    "resume --all --after-loss --by NAME --reason TEXT (docs/fleet.md, A hub that went back)."
)


class SharedState:
    """*post* takes what the engine must hear; *changed* is called when the status is another."""

    def __init__(
        self,
        memory: Memory,
        *,
        post: Callable[[fleet_inputs.FleetInput], None],
        changed: Callable[[], None],
        boot: Callable[[], float],
        again: Callable[[], None] = lambda: None,
    ) -> None:
        """*again* sends everything anew: the hub may lack anything that it once acknowledged."""
        self._memory = memory
        self._again = again
        self._post = post
        self._changed = changed
        self._boot = boot
        self._lock = threading.RLock()
        self._claims: dict[str, rules.State] = {}
        self._standing = Standing()
        self._unmet = (0, "")
        """The newest message that came on a connection whose hub is not compared yet."""
        self._only_fenced = False
        """What stops this box is a fence alone, which let its calls go on."""
        self._failure = ""
        self._remedy = ""

    # --- looking -----------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        return self._standing

    @property
    def position(self) -> Position:
        return self._memory.position

    @property
    def failure(self) -> str:
        """Why nothing goes on here until a restart; empty while it does."""
        return self._failure

    @property
    def remedy(self) -> str:
        """What to do where something is wrong; empty where nothing is, or nothing is known."""
        return self._remedy or self._standing.remedy

    @property
    def lost(self) -> str:
        """What to do where the hub has lost what it acknowledged; empty where it has not."""
        return _LOST if self._memory.position.forgetful else ""

    @property
    def heard(self) -> int:
        """How many objected at other boxes."""
        return len(self._memory.objections)

    def barred(self) -> str | None:
        """Return why nobody may be dialled now, whoever it is; None where claims can be asked."""
        with self._lock:
            bars = self._failure or self._memory.position.bars()
            if bars:
                return bars
            if not self._standing.connected:
                return worded(
                    "headquarters cannot be asked: {trouble}", trouble=self._standing.trouble
                )
        return None

    def objected(self, pid: str) -> datetime | None:
        """Return when the person *pid* objected at another box, None where they did not."""
        return self._memory.objected(pid)

    def refuses(self, attempt: str) -> str | None:
        """Return why the dial command of *attempt* may not go out now; None where it may.

        To be asked after the fsync of ``call.authorised``.
        """
        with self._lock:
            state = self._claims.get(attempt)
            if state is None:
                return worded("it was never claimed")
            reason = rules.refusal(state, self._memory.position, self._boot())
            return None if reason is None else reason.value

    # --- the link ----------------------------------------------------------------------------

    def stand(self, standing: Standing) -> None:
        """Note how the box stands to the hub."""
        with self._lock:
            before, self._standing = self._standing, standing
            if standing.connected:
                self.saw(*self._unmet)
                self._unmet = (0, "")
        if before.connected != standing.connected:
            if standing.connected:
                log.info("connected to %s", standing.server)
            else:
                log.info("not connected: %s", standing.trouble)
        if before != standing:
            self._changed()

    def fail(self, why: str, remedy: str) -> None:
        """Let nobody be dialled any more until a restart."""
        with self._lock:
            if not self._failure:
                self._failure, self._remedy = why, remedy
        self._changed()

    def meet(self, last_sequence: int, at_anchor: str | None) -> None:
        """Compare the hub with what this box knows of it."""
        with self._lock:
            self._move(self._memory.position.meets(last_sequence, at_anchor))

    def forget(self, why: str) -> None:
        """Believe the hub no more: it lost what it had acknowledged."""
        with self._lock:
            if not self._memory.position.forgetful:
                self._move(replace(self._memory.position, forgetful=why))

    def _move(self, after: Position) -> None:
        """Put *after* on disk; where it says that the hub lost something, all goes out anew."""
        loses = after.forgetful and not self._memory.position.forgetful
        if loses:
            log.error("%s; %s", after.bars(), _LOST)
            self._memory.send_again()
        self._memory.move(after)
        if loses:
            self._again()
            self._changed()

    # --- what the log says -------------------------------------------------------------------

    def saw(self, sequence: int, told: str) -> None:
        """Note a message of the log that was read or acknowledged, and its mark.

        It is on disk with the next grant or order, or :meth:`keep`. By a message of a hub that was
        not compared yet nothing is compared: it would hide that the one before is gone.
        """
        with self._lock:
            met = self._standing.connected
            if not met:
                self._unmet = max(self._unmet, (sequence, told))
            self._memory.follow(self._memory.position.sees(sequence, told if met else ""))

    def keep(self) -> None:
        """Put on disk how far the log was followed. Raises the storage errors."""
        with self._lock:
            self._memory.keep()

    def hear(self, pid: str, objection: Objection) -> None:
        """Take an objection, by push or by the log: in every claim of the person, and on disk.

        Where the disk takes nothing it ends what runs all the same. Raises the storage errors.
        """
        failure: StorageError | None = None
        with self._lock:
            for attempt, state in self._claims.items():
                self._claims[attempt], _ = rules.step(
                    state, Objected(pid), self._memory.position, self._boot()
                )
            try:
                new = self._memory.heard([(pid, objection.at)])
            except StorageError as error:
                new, failure = [pid], error
        if new:
            # No new status: fifty boxes would answer each objection with fifty writes at the hub.
            self._post(fleet_inputs.ObjectedElsewhere(pid=pid, at=objection.at, box=objection.box))
        if failure is not None:
            raise failure

    def stop(self, epoch: int | None, order: Order) -> None:
        """Take a stop of *epoch*; None for the present one, as a push has it.

        It holds from here on whatever the disk says. Raises the storage errors.
        """
        failure: StorageError | None = None
        with self._lock:
            before = self._memory.position
            epoch = before.epoch if epoch is None else epoch
            after = before.stops(epoch, order.by)
            self._memory.follow(after)
            # A fence let the call go on; a stop of the same epoch does not.
            news = after != before or (
                self._only_fenced and not order.fence and epoch == before.epoch
            )
            if news:
                self._only_fenced = order.fence
            try:
                self._memory.move(after)
            except StorageError as error:
                failure = error
        if news:
            self._post(
                fleet_inputs.FleetStopped(
                    by=order.by, reason=order.reason, epoch=epoch, hang_up=not order.fence
                )
            )
            self._changed()
        if failure is not None:
            raise failure

    def open(self, epoch: int, sequence: int, order: Order) -> None:
        """Take a new epoch; after a loss everything goes out anew."""
        with self._lock:
            before = self._memory.position
            after = before.opens(epoch, sequence, after_loss=order.after_loss)
            if after.epoch == before.epoch:
                return
            if order.after_loss:
                self._memory.send_again()
            self._memory.move(after)
            self._only_fenced = False
        self._post(fleet_inputs.FleetResumed(by=order.by, reason=order.reason, epoch=epoch))
        self._changed()
        if order.after_loss:
            self._again()

    # --- claims ------------------------------------------------------------------------------

    def ask(self, attempt: str, pid: str, number: int, subject: str) -> Asked:
        """Note that a claim is being sent, at this moment."""
        with self._lock:
            asked = Asked(
                pid=pid,
                number=number,
                subject=subject,
                epoch=self._memory.position.epoch,
                sent_at=self._boot(),
                floor=self._memory.position.highest,
            )
            self._claims[attempt] = asked
            return asked

    def answer(self, attempt: str, event: rules.Event) -> rules.State | None:
        """Judge the answer to a claim; None where it was never sent.

        The position is on disk when this returns: a later grant must be higher, after a power cut
        too. Raises the storage errors.
        """
        with self._lock:
            state = self._claims.get(attempt)
            if state is None:
                return None
            at = self._boot()
            state, _ = rules.step(state, Passed(), self._memory.position, at)
            state, position = rules.step(state, event, self._memory.position, at)
            self._move(position)
            self._claims[attempt] = state
            return state

    def concluded(self, attempt: str) -> None:
        """Forget a claim whose call is over or that was never dialled."""
        with self._lock:
            self._claims.pop(attempt, None)

    def unanswered(self) -> list[str]:
        """Return the claims whose answer is still to come."""
        with self._lock:
            return [name for name, state in self._claims.items() if isinstance(state, Asked)]
