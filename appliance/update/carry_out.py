"""The update itself: what the two judges order, done in this order, and told.

A cut at any point is harmless: rauc marks a slot bootable only when it is written whole, the card
boots a new slot once, and the notes say at the next start how far it came.

1. The bundles on the stick are judged; for all but one verdict it ends here.
2. The box begins no further call. When none is up, ``writing`` is noted and rauc writes.
3. What was written is compared with what was judged; ``written`` is noted; the computer restarts.
4. The new system looks at itself (:mod:`appliance.update.trial`): it is confirmed, or restarts, and
   the old one finds that it was taken back.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from appliance import __version__
from appliance.box import updated
from appliance.errors import Refused
from appliance.language import LANGUAGES, plural
from appliance.provisioning.beside import write_beside
from appliance.provisioning.folder import NAME as FOLDER
from appliance.provisioning.folder import UPDATES
from appliance.update import STATE_FORMAT
from appliance.update.box import BoxSeen
from appliance.update.decide import Bundle, Ending, Finding, System, found, judge, of_rauc
from appliance.update.notes import Notes, Pending
from appliance.update.rauc import Rauc, RaucFailed, Slots
from appliance.update.trial import Health, Order, Trial, step
from appliance.update.words import NAME, update_text
from firmware import durable
from firmware.wording import carried, worded

log = logging.getLogger(__name__)

REST_WITHIN = 2700.0
"""Real seconds that the box gets to come to rest; less than its hold."""
COMES_UP_WITHIN = 180.0
LOOK_EVERY = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things lie; the defaults are the card's (docs/decisions/0013-the-card.md)."""

    notes: Path = Path("/data/update")
    boot: Path = Path("/boot/firmware")
    card: Path = Path("/run/autodialer-card")
    told: Path = updated.PLACE


@dataclass(slots=True, kw_only=True)
class Updater:
    """One run. *restart* restarts the computer, which may take a while after it returns."""

    rauc: Rauc
    box: BoxSeen
    restart: Callable[[], None]
    places: Places = field(default_factory=Places)
    languages: Sequence[str] = LANGUAGES
    wait: Callable[[float], None] = time.sleep
    uptime: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)

    # --- a stick ---------------------------------------------------------------------------------

    def apply(self, stick: Path, *, again: bool = False) -> Finding | None:
        """Take the update that lies on *stick*; returns how it ended, None where it goes on after
        the restart or nothing lies there. Raises RaucFailed and OSError."""
        folder = stick / FOLDER / UPDATES
        bundles = self.rauc.bundles(folder)
        if not bundles:
            return None
        with self._alone():
            notes, slots = Notes.load(self.places.notes), self.rauc.slots()
            if notes.pending is not None and notes.pending.phase == "writing":
                notes = replace(notes, pending=None)  # Its updater died: nobody else is here.
            verdict = judge(bundles, self._system(notes, slots, again=again))
            if isinstance(verdict, Bundle):
                return self._written(notes, slots, verdict, folder, stick)
            if verdict.ending in (Ending.SAME, Ending.TRIED):
                known = self._told_again(notes, bundles, stick)
                if known is not None or verdict.ending is Ending.SAME:
                    return known or verdict
            return self._end(replace(notes, of=""), verdict, stick=stick)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other stick waiting: rauc writes one bundle at a time."""
        self.places.notes.mkdir(mode=0o755, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(self.places.notes / "lock", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _system(self, notes: Notes, slots: Slots, *, again: bool) -> System:
        return System(
            compatible=slots.compatible,
            state_format=max(notes.state_format, STATE_FORMAT),
            installed=notes.installed,
            on_trial=self._is("trial") or notes.pending is not None,
            taken_back=frozenset() if again else frozenset(notes.taken_back),
        )

    def _written(
        self, notes: Notes, slots: Slots, bundle: Bundle, folder: Path, stick: Path
    ) -> Finding | None:
        # Before the box is held: what ails it then is the hold.
        before = self._before()
        restless = self._rest()
        if restless:
            self.box.release()
            busy = found(Ending.BUSY, reason=restless)
            return self._end(replace(notes, of=""), busy, stick=stick)
        pending = Pending(
            identity=bundle.identity,
            version=bundle.version,
            from_slot=slots.booted,
            before=before,
        )
        notes = replace(notes, pending=pending)
        try:
            notes.save(self.places.notes)
        except OSError:
            # Nothing was begun that the box would have to wait for.
            self.box.release()
            raise
        said = self.rauc.install(folder / bundle.name) or self._differs(bundle, slots)
        if said:
            finding = of_rauc(said, bundle.name, otherwise=Ending.INTERRUPTED)
            with suppress(RaucFailed):
                # It may have come to its end and lost only its voice.
                self.rauc.mark("bad", "other")
            self.box.release()
            noted = replace(notes, pending=None, of=bundle.identity)
            return self._end(noted, finding, stick=stick)
        replace(notes, pending=replace(pending, phase="written")).save(self.places.notes)
        log.info("version %s is written: restarting into it", bundle.version)
        self.restart()
        return None

    def _before(self) -> Health:
        """Look at the box as it is now, waiting for one that this start has yet to bring up."""
        until = self.uptime() + COMES_UP_WITHIN
        while True:
            health = self.box.health()
            if health.mode != "silent" or self.uptime() >= until:
                return health
            self.wait(LOOK_EVERY)

    def _rest(self) -> str:
        """Wait until no call is up; say why it did not come to that."""
        until = self.uptime() + REST_WITHIN
        while True:
            try:
                calls = self.box.hold()
            except (Refused, OSError) as error:
                return str(error)
            if calls == 0:
                return ""
            if self.uptime() >= until:
                return plural("{count} call is up", "{count} calls are up", calls)
            self.wait(LOOK_EVERY)

    def _differs(self, bundle: Bundle, slots: Slots) -> str:
        """Say where rauc wrote something else than was judged: a stick can answer twice.

        Where it does not say what it wrote, nobody may start it.
        """
        try:
            written = self.rauc.slots().written
        except RaucFailed as error:
            return str(error)
        for name, version, build in written:
            if name != slots.booted and (version, build) == (bundle.version, bundle.build):
                return ""
        return worded("checksum: what was written is not what was judged")

    # --- a start ---------------------------------------------------------------------------------

    def confirm(self) -> Finding | None:
        """What is due at each start: finish what was under way, and judge a system on trial.

        Returns how an update ended; None where there was none, or the computer restarts. Raises
        RaucFailed and OSError.
        """
        with self._alone():
            return self._confirmed()

    def _confirmed(self) -> Finding | None:
        notes = Notes.load(self.places.notes)
        if notes.state_format < STATE_FORMAT:
            notes = replace(notes, state_format=STATE_FORMAT)
            notes.save(self.places.notes)
        pending = notes.pending
        if self._is("trial"):
            return self._on_trial(notes)
        if pending is not None and self._slot() not in ("", pending.from_slot):
            # Confirmed, and cut before it was noted.
            return self._holds(notes, pending)
        told = notes.last is not None and notes.last.ending is Ending.TAKEN_BACK
        if pending is None and (told or not self._is("returned")):
            if notes.last is not None:
                self._tell(notes.last, since=None)
            return None
        return self._way_back(notes, pending)

    def _way_back(self, notes: Notes, pending: Pending | None) -> Finding:
        if pending is not None and pending.phase == "writing" and not self._is("returned"):
            finding = found(
                Ending.INTERRUPTED, name=pending.version, reason=worded("power, or a restart")
            )
            return self._end(replace(notes, pending=None, of=""), finding)
        identity = "" if pending is None else pending.identity
        finding = found(
            Ending.TAKEN_BACK,
            version="?" if pending is None else pending.version,
            reason=(pending.reason if pending is not None else "") or worded("it did not start"),
        )
        with suppress(RaucFailed):
            # The card says at each start that it returned, until somebody takes that down; and a
            # system that did not hold is nothing to fall back to.
            self.rauc.mark("bad", "other")
        kept = notes.without(identity) if identity else notes
        return self._end(replace(kept, pending=None, of=identity), finding)

    def _on_trial(self, notes: Notes) -> Finding | None:
        pending = notes.pending
        # Of a trial that nobody noted the least is asked that a box can be.
        before = Health(mode="waiting", supervised=True) if pending is None else pending.before
        trial = Trial(before=before)
        while True:
            trial, order = step(trial, self.box.health(), self.uptime())
            if order is Order.CONFIRM:
                self.rauc.mark("good")
                return self._holds(notes, pending)
            if order is Order.GIVE_UP:
                log.error("the new version is given up: %s", trial.lacks)
                if pending is not None:
                    pending = replace(pending, phase="written", reason=trial.lacks)
                    replace(notes, pending=pending).save(self.places.notes)
                self.restart()
                return None
            self.wait(LOOK_EVERY)

    def _holds(self, notes: Notes, pending: Pending | None) -> Finding:
        identity = (notes.of or notes.installed) if pending is None else pending.identity
        kept = [one for one in notes.taken_back if one != identity]
        notes = replace(
            notes, installed=identity, taken_back=tuple(kept), pending=None, of=identity
        )
        version = __version__ if pending is None else pending.version
        return self._end(notes, found(Ending.HOLDS, version=version))

    def _is(self, flag: str) -> bool:
        return (self.places.card / flag).exists()

    def _slot(self) -> str:
        try:
            return (self.places.card / "slot").read_text("ascii").strip()
        except (OSError, ValueError):
            return ""

    # --- what is told ----------------------------------------------------------------------------

    def _end(self, notes: Notes, finding: Finding, *, stick: Path | None = None) -> Finding:
        """Note it, show it, and write it where people look: the stick, the boot partition."""
        notes = replace(notes, last=finding)
        notes.save(self.places.notes)
        self._tell(finding, since=self.uptime())
        for place in (self.places.boot, stick):
            if place is not None:
                self._write(place, finding)
        return finding

    def _told_again(self, notes: Notes, bundles: Sequence[Bundle], stick: Path) -> Finding | None:
        """The stick of an update that ended in another boot gets its word now."""
        if notes.last is None or notes.of not in {one.identity for one in bundles}:
            return None
        self._write(stick, notes.last)
        return notes.last

    def _write(self, place: Path, finding: Finding) -> None:
        text = update_text(finding, self.languages, version=__version__)
        if write_beside(place / FOLDER, NAME, text) is None:
            log.warning("%s could not be written on %s", NAME, place)

    def _tell(self, finding: Finding, *, since: float | None) -> None:
        text = finding.message
        value = {"lamp": finding.ending.lamp, "text": text, "since": since}
        self.places.told.mkdir(mode=0o755, exist_ok=True)
        target = self.places.told / updated.FILE
        durable.replace_file(target, json.dumps(carried(value)).encode())
        # The box, which is not root, is to read it.
        os.chmod(target, 0o644)  # noqa: PTH101


__all__ = ["Places", "RaucFailed", "Updater"]
