"""Takes a folder: withdrawals at once, the rest when all of it is right, or nothing of it.

The order is what makes it safe to pull the stick, or the plug, at any byte:

1. Each file is copied; from here on only the copies are read.
2. Withdrawals are applied, whoever brought them and whatever is wrong with the rest: they narrow.
3. Signature, list of files, configuration with clips, and people are judged; the box tries the
   import without writing.
4. The new configuration is laid beside the old one, durably. ``pending.json`` is the point of no
   return: who finds it goes on, whether seconds or a power cut later.
5. People are imported, all at one instant (a second time changes nothing); then one rename
   changes the configuration.
6. The result is kept, told to the box for its ledger and lamps, and written beside the folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from appliance.box import provisioned
from appliance.box.provisioned import Provisioned
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.errors import NobodyListens, Refused
from appliance.language import Message, marked
from appliance.people.contacts_format import RowFault
from appliance.provisioning import judge
from appliance.provisioning.folder import (
    CONFIG,
    CONTACTS,
    MANIFEST,
    WITHDRAWALS,
    Fault,
    Taken,
    sync_tree,
    take,
)
from appliance.provisioning.judge import Trust
from appliance.provisioning.store import Pending, Store
from appliance.provisioning.withdrawals import read_withdrawals
from appliance.storage.files import StorageError, replace_file
from firmware.wording import with_remedy
from firmware.yaml_document import DocumentFaulty

Ask = Callable[[Path, str, dict[str, Any]], Any]
"""Performs an operation on the box that runs, or on its state with the configuration of the path
where none does. Raises Refused and StorageError."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one folder, for people."""

    result: Provisioned
    faults: list[Fault] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    """Lines of the list of withdrawals that are no number."""
    kept: bool = False
    """The withdrawals wait for a box that can write them down; nobody is called until then."""
    warnings: list[Message] = field(default_factory=list)


class Provisioning:
    """Takes folders for one box.

    *config* is its configuration file, which may be missing or faulty; *state* its state
    directory.
    """

    def __init__(
        self,
        config: Path,
        state: Path,
        trust: Trust,
        *,
        ask: Ask,
        tell: Callable[[], object],
    ) -> None:
        """*ask* performs an operation on the box. *tell* lets one that runs look at the result; it
        may raise Refused and NobodyListens."""
        self._file = config
        self._state = state
        self._trust = trust
        self._ask = ask
        self._tell = tell
        self.store = Store(state, config)

    def apply(
        self,
        source: Path,
        *,
        take: Callable[[Path, Path], Taken] = take,
        first: bool = False,
        stays: bool = False,
    ) -> Outcome:
        """Take the folder *source*. Raises StorageError where the box itself cannot be written.

        *first*: it lies on the boot partition of a box that has no configuration yet. *stays*: it
        lies there and comes again at each start, also when the box would take it from nobody any
        more; once it was applied it says nothing new.
        """
        with self.store.alone():
            self._settle()
            staging = self.store.empty_staging()
            try:
                taken = take(source, staging)
                if stays and taken.sound and self.store.has_seen(_mark(taken)):
                    return self._again(taken)
                outcome = self._applied(taken, first=first, stays=stays)
                return self._told(outcome)
            finally:
                if self.store.pending() is None:
                    self.store.clear_staging()

    def settle(self) -> Outcome | None:
        """Finish what a power cut interrupted; None where nothing was under way."""
        with self.store.alone():
            return self._settle()

    def untold(self) -> Outcome | None:
        """Return what was applied and, by a power cut, never told in words; None where nothing."""
        last = provisioned.load(self._state)
        if last is None or last.verdict != "applied" or self.store.is_told(last.digest):
            return None
        return Outcome(result=last)

    # --- one folder --------------------------------------------------------------------------

    def _again(self, taken: Taken) -> Outcome:
        """The folder that was applied from the boot partition and still lies there."""
        return Outcome(result=Provisioned(verdict="unchanged", digest=taken.digest()))

    def _applied(self, taken: Taken, *, first: bool, stays: bool) -> Outcome:
        place, last = self.store.staging, provisioned.load(self._state)
        current = self._current()
        faults = list(taken.faults)
        newest = judge.newest_of(None if last is None else last.made_at)
        trust = judge.first_trust(place) if first else self._trust
        origin, doubts = judge.origin(place, taken, trust, newest=newest)
        faults += doubts
        config: Config | None = None
        if not faults:
            # What nobody trusted has packed is not read any further.
            config, wrong = judge.contents(place, taken, current, self._state)
            faults += wrong
        outcome = Outcome(
            result=Provisioned(
                verdict="refused",
                digest=taken.digest() if taken.sound else "",
                key=origin.key,
                made_at=None if origin.made_at is None else origin.made_at.isoformat(),
                config=CONFIG in taken.files,
            ),
            faults=faults,
        )
        usable = place / CONFIG if config is not None and CONFIG in taken.files else self._file
        self._withdraw(taken, usable, config or current, outcome, stays=stays)
        if not faults:
            self._rest(taken, usable, config, outcome, last)
        return outcome

    def _rest(
        self,
        taken: Taken,
        usable: Path,
        config: Config | None,
        outcome: Outcome,
        last: Provisioned | None,
    ) -> None:
        """Apply what is left when the withdrawals are: configuration and people."""
        result = outcome.result
        if last is not None and last.verdict != "refused" and last.digest == result.digest:
            # Left in the box, a folder comes again at each start.
            outcome.result = replace(
                result, verdict="unchanged", made_at=result.made_at or last.made_at
            )
            return
        contacts = CONTACTS in taken.files
        try:
            if contacts:
                self._import(usable, config, outcome, dry_run=True)
                if outcome.faults:
                    return
            generation = None
            if CONFIG in taken.files:
                sync_tree(self.store.staging)
                generation = self.store.prepare(result.digest)
                if config is not None and not _takes_folders(config):
                    outcome.warnings.append(
                        Message(
                            marked(
                                "the new configuration names no key that may bring the next "
                                "folder: only a technician can change this box from now on"
                            )
                        )
                    )
        except (Refused, StorageError, NobodyListens) as error:
            outcome.faults.append(_failed(error))
            return
        applied = replace(outcome.result, verdict="applied")
        pending = Pending(result=applied, generation=generation, contacts=contacts)
        self.store.begin(pending)
        self._carry_out(pending, outcome, usable, config)

    def _carry_out(
        self, pending: Pending, outcome: Outcome, usable: Path, config: Config | None
    ) -> None:
        if pending.contacts:
            try:
                self._import(usable, config, outcome, dry_run=False)
            except (Refused, StorageError, NobodyListens) as error:
                outcome.faults.append(_failed(error))
            if outcome.faults:
                # An import is all or nothing, and nothing else has changed yet.
                outcome.result = replace(pending.result, verdict="refused")
                self.store.done()
                return
        if pending.generation is not None:
            self.store.switch(pending.generation)
        outcome.result = replace(
            pending.result,
            people=outcome.result.people,
            consents=outcome.result.consents,
            withdrawals=outcome.result.withdrawals,
            unread=outcome.result.unread,
        )
        self.store.see(f"{_FOLDER} {outcome.result.digest}")
        # Before it stops being under way: a cut in between tells it a second time.
        provisioned.save(self._state, outcome.result)
        self.store.done()

    def _settle(self) -> Outcome | None:
        pending = self.store.pending()
        if pending is None:
            return None
        outcome = Outcome(result=pending.result)
        staged = self.store.staging / CONFIG
        usable = staged if pending.generation is not None else self._file
        self._carry_out(pending, outcome, usable, _loaded(usable))
        return self._told(outcome)

    # --- the box -----------------------------------------------------------------------------

    def _import(
        self, usable: Path, config: Config | None, outcome: Outcome, *, dry_run: bool
    ) -> None:
        reads = None if config is None else judge.defaults(config)
        answer = self._ask(
            usable,
            "contacts.import",
            {
                "file": CONTACTS,
                "contents": (self.store.staging / CONTACTS).read_bytes(),
                "dry_run": dry_run,
                "reads": None
                if reads is None
                else {
                    "country": reads.country,
                    "language": reads.language,
                    "day_first": reads.day_first,
                    "fiction": reads.fiction,
                },
            },
        )
        for one in answer["faults"][: judge.MOST_SHOWN]:
            wrong = RowFault(one["line"], one["column"], one["what"], one["remedy"])
            outcome.faults.append(judge.row_fault(wrong))
        if not dry_run and not outcome.faults:
            outcome.result = replace(
                outcome.result, people=answer["new_people"], consents=answer["new_consents"]
            )

    def _withdraw(
        self,
        taken: Taken,
        usable: Path,
        config: Config | None,
        outcome: Outcome,
        *,
        stays: bool,
    ) -> None:
        listed = taken.files.get(WITHDRAWALS)
        if listed is None:
            return
        packed = taken.files.get(MANIFEST)
        mark = None if packed is None else f"{packed.sha256} {listed.sha256}"
        if mark is None and stays:
            mark = f"stays {listed.sha256}"
        if mark is not None and listed.whole and self.store.has_seen(mark):
            # Left in the box, the same list comes again at each start: it would take away
            # the consent that somebody gave since.
            return
        raw = (self.store.staging / WITHDRAWALS).read_bytes()
        country = "" if config is None else judge.defaults(config).country
        numbers, outcome.unread = read_withdrawals(raw, country, whole=listed.whole)
        outcome.result = replace(outcome.result, unread=len(outcome.unread))
        if numbers:
            self._revoke(numbers, usable, outcome)
        if mark is not None and listed.whole:
            self.store.see(mark)

    def _revoke(self, numbers: list[str], usable: Path, outcome: Outcome) -> None:
        try:
            answer = self._ask(
                usable,
                "contacts.revoke_all",
                {
                    "numbers": [{"line": None, "number": one} for one in numbers],
                    "by": "provisioning",
                },
            )
            if answer["faults"]:
                # It withdrew nobody: it tries each by itself, and keeps what it cannot read.
                raise Refused(answer["faults"][0]["what"])
            count = len(answer["numbers"])
        except (Refused, StorageError, NobodyListens, DocumentFaulty):
            # No box that could write it down: it calls nobody either, and does it first of all.
            self._keep(numbers)
            outcome.kept = True
            count = len(numbers)
        outcome.result = replace(outcome.result, withdrawals=count)

    def _keep(self, numbers: list[str]) -> None:
        file = self._state / provisioned.FOLDER / provisioned.KEPT_WITHDRAWALS
        before = file.read_text("ascii").split() if file.exists() else []
        lines = dict.fromkeys([*before, *numbers])
        replace_file(file, "".join(f"{one}\n" for one in lines).encode())

    def _current(self) -> Config | None:
        return _loaded(self._file)

    def _told(self, outcome: Outcome) -> Outcome:
        """Keep the result, and tell the box where it can be told."""
        if outcome.result.verdict == "refused":
            reasons = tuple(sorted({fault.code for fault in outcome.faults}))
            last = provisioned.load(self._state)
            outcome.result = replace(
                outcome.result,
                reasons=reasons,
                # Nothing that was refused makes the box refuse what comes later.
                made_at=None if last is None else last.made_at,
            )
        provisioned.save(self._state, outcome.result)
        try:
            self._tell()
        except (Refused, NobodyListens):
            pass  # A box that starts looks for it by itself.
        return outcome


_FOLDER = "folder"


def _mark(taken: Taken) -> str:
    return f"{_FOLDER} {taken.digest()}"


def _takes_folders(config: Config) -> bool:
    settings = config.settings.provisioning
    return bool(settings.trusted) or settings.unsigned


def _loaded(file: Path) -> Config | None:
    try:
        return configuration.load(file)
    except DocumentFaulty:
        return None


def _failed(error: Exception) -> Fault:
    text = marked("the box could not take it: {reason}")
    return Fault("box", Message(text, {"reason": with_remedy(error)}))
