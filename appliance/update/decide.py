"""Is one of these bundles to be written? Facts to a verdict, with a sentence for each. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from appliance.language import Message, marked


@unique
class Ending(StrEnum):
    """How an update can end; each has its sentence, a result file and a lamp."""

    HOLDS = "holds"
    SAME = "same"
    """What lies there is what runs: nothing is done, nothing is shown."""
    TORN = "torn"
    UNSIGNED = "unsigned"
    OTHER_MACHINE = "other_machine"
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    NO_FORMAT = "no_format"
    NOT_YET_VALID = "not_yet_valid"
    NO_ROOM = "no_room"
    SEVERAL = "several"
    ON_TRIAL = "on_trial"
    BUSY = "busy"
    INTERRUPTED = "interrupted"
    TAKEN_BACK = "taken_back"
    TRIED = "tried"

    @property
    def lamp(self) -> str:
        """What the lamps are told (``updated`` of their facts)."""
        match self:
            case Ending.HOLDS:
                return "holds"
            case Ending.SAME:
                return ""
            case Ending.TAKEN_BACK:
                return "taken_back"
            case _:
                return "refused"


SENTENCES = {
    Ending.HOLDS: marked("The new version {version} holds. Take the stick out."),
    Ending.SAME: marked("The box has this version already: nothing changed."),
    Ending.TORN: marked(
        "{name} is torn or changed ({reason}). Copy it onto the stick again, and eject the stick "
        "before you pull it out."
    ),
    Ending.UNSIGNED: marked(
        "{name} is not signed by a key that this box knows ({reason}). Get it from whoever makes "
        "the updates of this box."
    ),
    Ending.OTHER_MACHINE: marked(
        "{name} is for another machine: it says {theirs}, this one is {ours}."
    ),
    Ending.TOO_OLD: marked(
        "{name} is older than allowed: it writes the state in form {theirs}, and the box's is "
        "{ours}, which it could not read."
    ),
    Ending.TOO_NEW: marked(
        "{name} is more than one step ahead: it writes the state in form {theirs}, and the box's "
        "is {ours}. Install a version in between first."
    ),
    Ending.NO_FORMAT: marked("{name} does not say in which form it writes the state."),
    Ending.NOT_YET_VALID: marked(
        "By the clock of the box the signature of {name} is not valid yet, or not any more "
        "({reason}). Let the box find the time first."
    ),
    Ending.NO_ROOM: marked("There is no room for {name}: {reason}."),
    Ending.SEVERAL: marked("There are several updates for this box ({name}): leave one."),
    Ending.ON_TRIAL: marked(
        "An update is being tried just now. Wait until its lamp code is over, then plug in again."
    ),
    Ending.BUSY: marked(
        "The box did not come to rest: {reason}. Plug in again when nobody is called."
    ),
    Ending.INTERRUPTED: marked(
        "{name} could not be written ({reason}). The box goes on as before; plug in again."
    ),
    Ending.TAKEN_BACK: marked(
        "The new version {version} did not come up well ({reason}). The one before runs again."
    ),
    Ending.TRIED: marked(
        "{name} was tried before, did not come up well and was taken back. It is not tried again "
        "by itself: autodialer update apply --again does."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How it ended, and what the sentence needs."""

    ending: Ending
    values: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> Message:
        return Message(SENTENCES[self.ending], dict(self.values))


def found(ending: Ending, **values: str) -> Finding:
    return Finding(ending=ending, values=tuple(values.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One file, as rauc judged it."""

    name: str
    identity: str = ""
    """SHA-256 of its end, where its signature is."""
    wrong: Finding | None = None
    """What rauc has against it."""
    compatible: str = ""
    version: str = ""
    build: str = ""

    @property
    def state_format(self) -> int | None:
        said = re.fullmatch(r"state-format=(\d{1,4})", self.build)
        return None if said is None else int(said[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What runs."""

    compatible: str
    state_format: int
    """The newest form in which any version that ran here wrote the state."""
    installed: str = ""
    """Identity of the bundle that runs or is on trial; empty for the card as it was flashed."""
    on_trial: bool = False
    taken_back: frozenset[str] = frozenset()


def judge(bundles: Sequence[Bundle], system: System) -> Bundle | Finding:
    """Return the one bundle that is to be written, or why none is."""
    if any(one.identity == system.installed for one in bundles if one.identity):
        # Also with others beside it: they were judged when it was written.
        return found(Ending.SAME)
    sound = [one for one in bundles if one.wrong is None]
    ours = [one for one in sound if one.compatible == system.compatible]
    if len(ours) > 1:
        return found(Ending.SEVERAL, name=", ".join(sorted(one.name for one in ours)))
    if not ours:
        return _none_is_ours(bundles, sound, system)
    (only,) = ours
    wrong = _against(only, system)
    return only if wrong is None else wrong


def _none_is_ours(bundles: Sequence[Bundle], sound: Sequence[Bundle], system: System) -> Finding:
    wrong = [one.wrong for one in bundles if one.wrong is not None]
    if wrong:
        # More may be done about it than about one for another machine.
        return wrong[0]
    return found(
        Ending.OTHER_MACHINE,
        name=sound[0].name,
        theirs=sound[0].compatible,
        ours=system.compatible,
    )


def _against(bundle: Bundle, system: System) -> Finding | None:
    if system.on_trial:
        return found(Ending.ON_TRIAL)
    if bundle.identity in system.taken_back:
        return found(Ending.TRIED, name=bundle.name)
    theirs, ours = bundle.state_format, system.state_format
    if theirs is None:
        return found(Ending.NO_FORMAT, name=bundle.name)
    if abs(theirs - ours) > 1:
        ending = Ending.TOO_OLD if theirs < ours else Ending.TOO_NEW
        return found(ending, name=bundle.name, theirs=str(theirs), ours=str(ours))
    return None


# In the order in which they are looked for: rauc's words, as of 1.8 and as tests/process has them.
_WORDS = (
    (r"not yet valid|has expired|certificate expired", Ending.NOT_YET_VALID),
    (
        r"content verify error|digest failure|Signature size|bundle format|checksum|put/output",
        Ending.TORN,
    ),
    (r"[Ss]ignature|verif|[Cc]ertificate|CMS", Ending.UNSIGNED),
    (r"[Cc]ompatible", Ending.OTHER_MACHINE),
    (r"too (?:small|large|big)|exceeds|[Nn]o space", Ending.NO_ROOM),
)


def of_rauc(said: str, name: str, *, otherwise: Ending) -> Finding:
    """Name the ending in what rauc *said* of a bundle; *otherwise* where no word of it is known."""
    words = said if isinstance(said, Message) else " ".join(said.split())[-160:]
    for pattern, ending in _WORDS:
        if re.search(pattern, said):
            if ending is Ending.OTHER_MACHINE:
                return found(ending, name=name, theirs=words, ours="")
            return found(ending, name=name, reason=words)
    return found(otherwise, name=name, reason=words)
