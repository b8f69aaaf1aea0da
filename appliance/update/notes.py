"""What outlasts the restarts of an update: a small file of root's, ``notes.json`` in /data/update.

It is written whole or not at all, so a cut leaves the step before or the step after. A lost or
damaged file costs memory (a bundle that was taken back may be tried once more), never a box.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from appliance.update.decide import Ending, Finding
from appliance.update.trial import PARTS, Health, Mode
from firmware import durable
from firmware.bounded_read import read_bounded
from firmware.json_text import parse_json
from firmware.wording import carried, received_all

FILE = "notes.json"
MOST_TAKEN_BACK = 50
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An update that is under way."""

    identity: str
    version: str
    from_slot: str
    before: Health
    phase: Literal["writing", "written"] = "writing"
    reason: str = ""
    """Why it was given up, as far as anybody could say before the restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """All that is known of updates here."""

    state_format: int = 0
    """The newest form in which any version that ran here wrote the state."""
    installed: str = ""
    """Identity of the bundle that runs; empty for the card as it was flashed."""
    taken_back: tuple[str, ...] = ()
    pending: Pending | None = None
    last: Finding | None = None
    of: str = ""
    """Identity of the bundle that *last* is about."""

    @classmethod
    def load(cls, place: Path) -> Self:
        """Read the notes below *place*; what cannot be read says nothing."""
        try:
            value: dict[str, Any] = received_all(parse_json(read_bounded(place / FILE, _LARGEST)))
            pending, last = value["pending"], value["last"]
            return cls(
                state_format=int(value["state_format"]),
                installed=str(value["installed"]),
                taken_back=tuple(map(str, value["taken_back"])),
                pending=None if pending is None else _pending(pending),
                last=None
                if last is None
                else Finding(
                    ending=Ending(last["ending"]),
                    values=tuple((str(name), str(said)) for name, said in last["values"]),
                ),
                of=str(value["of"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def save(self, place: Path) -> None:
        """Keep them, durable when this returns. Raises OSError."""
        place.mkdir(mode=0o755, exist_ok=True)
        value = asdict(self)
        if self.pending is not None:
            value["pending"]["before"]["ails"] = sorted(self.pending.before.ails)
        # Its sentences as messages: they are said after a restart, in the box's language.
        durable.replace_file(place / FILE, json.dumps(carried(value)).encode())

    def without(self, identity: str) -> Notes:
        """Return them with *identity* among those that were taken back."""
        known = [one for one in self.taken_back if one != identity]
        return replace(self, taken_back=(*known, identity)[-MOST_TAKEN_BACK:])


def _pending(value: dict[str, Any]) -> Pending:
    before = value["before"]
    mode: Mode = before["mode"]
    if mode not in get_args(Mode) or value["phase"] not in ("writing", "written"):
        raise ValueError("not a step of an update")
    return Pending(
        identity=str(value["identity"]),
        version=str(value["version"]),
        from_slot=str(value["from_slot"]),
        before=Health(
            mode=mode,
            supervised=bool(before["supervised"]),
            ails=PARTS & frozenset(map(str, before["ails"])),
        ),
        phase=value["phase"],
        reason=str(value["reason"]),
    )
