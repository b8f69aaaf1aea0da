"""What came of the last folder on a stick or boot partition: one small file in the state.

Whoever takes a folder in (:mod:`appliance.provisioning`) writes it, whether the box runs or not;
the box shows it on its lamps and puts it into the ledger, which is its alone to write.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from appliance.box.box import Box
from appliance.effects import Record
from appliance.storage.files import StorageError, make_private_directory, replace_file
from firmware.bounded_read import read_bounded
from firmware.json_text import parse_json

FOLDER = "provisioning"
"""Below the state directory: what is being taken in, and what came of it."""
FILE = "result.json"
KEPT_WITHDRAWALS = "withdrawals.txt"
"""Numbers (E.164), one a line, of people who withdrew while no box could write it down."""
TAKEN_WITHDRAWALS = "withdrawals-taken.txt"
"""The same while the box withdraws them."""
UNREAD_WITHDRAWALS = "withdrawals-unread.txt"
"""Lines of it that are no number, for a person; the box removes it never."""
LIMIT = 1 << 20

Verdict = Literal["applied", "unchanged", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """The result of one folder. Of what the folder says nothing but numbers and codes is here."""

    verdict: Verdict
    digest: str = ""
    """SHA-256 over names and hashes of what was in it; empty where it could not be read."""
    key: str | None = None
    """Fingerprint of the key that signed it; None for an unsigned one."""
    made_at: str | None = None
    """When it was packed, by the packer's clock (RFC 3339)."""
    config: bool = False
    people: int = 0
    consents: int = 0
    withdrawals: int = 0
    reasons: tuple[str, ...] = ()
    """Codes of why it was refused."""
    unread: int = 0
    """Lines of the list of withdrawals that are no number: a person has to look."""
    recorded: bool = False
    """The ledger has it."""

    @property
    def is_fault(self) -> bool:
        return self.verdict == "refused" or self.unread > 0


def load(state: Path) -> Provisioned | None:
    """Return the last result; None where there is none that can be read."""
    try:
        value: dict[str, Any] = parse_json(read_bounded(state / FOLDER / FILE, LIMIT))
        result = Provisioned(**{**value, "reasons": tuple(map(str, value["reasons"]))})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return result if result.verdict in get_args(Verdict) else None


def unread_withdrawals(state: Path) -> int:
    """Return how many lines of kept withdrawals wait for a person."""
    try:
        return len((state / FOLDER / UNREAD_WITHDRAWALS).read_bytes().split())
    except OSError:
        return 0


def save(state: Path, result: Provisioned) -> None:
    """Keep the last result. Raises StorageFailed."""
    make_private_directory(state / FOLDER)
    replace_file(state / FOLDER / FILE, json.dumps(asdict(result)).encode())


def record(box: Box) -> Provisioned | None:
    """Put the last result into the ledger where it is not there yet; returns it.

    An ``unchanged`` folder, which changed nothing, has no row.
    """
    directory = box.state.directory
    result = load(directory)
    if result is None or result.recorded or box.engine.storage_failure is not None:
        return result
    if result.verdict == "applied" or result.is_fault:
        data: dict[str, Any] = {"digest": result.digest or None, "key": result.key}
        if result.verdict != "refused":
            data |= {
                "made_at": result.made_at,
                "config": result.config,
                "people": result.people,
                "consents": result.consents,
            }
        else:
            data["reasons"] = list(result.reasons)
        data |= {"withdrawals": result.withdrawals, "unread": result.unread}
        kind = "provision.refused" if result.verdict == "refused" else "provision.applied"
        box.note([Record(kind=kind, data=data)])
    try:
        save(directory, replace(result, recorded=True))
    except StorageError:
        pass  # Told again at the next start: a second row is better than none.
    return result
