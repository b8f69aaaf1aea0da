"""What a restored, lost or swapped file of the state looks like at the next start.

Five witnesses know of each other: the ledger, the registry, the key of the number hashes, the
checkpoint and the head that was noted apart. Where two of them differ in a way that no power cut
leaves, somebody restored a backup, swapped a file or lost one, and the narrower of both counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from appliance.campaign.history import CampaignState, CheckpointInvalid
from appliance.campaign.restored import lacks, withdrawn
from appliance.effects import Record
from appliance.ledger import Ledger, checkpoint
from appliance.model import HexId
from appliance.people.number_key import FROM_BACKUP, NumberKeyLost, derived, fingerprint
from appliance.people.registry import Registry
from firmware.wording import joined, worded

AWAY = worded(
    "Restore the whole state directory from one backup; docs/backup.md says how. "
    "Where there is none, move it away: whoever objected must then be withdrawn "
    "again by hand."
)
_CLOCK_GRAIN = timedelta(seconds=1)


@dataclass(slots=True)
class Found:
    """What :func:`fold` met besides the rows."""

    fold: CampaignState
    remarks: list[str] = field(default_factory=list)
    """What was mended without any loss, for ``doctor``."""
    ahead: CampaignState | None = None
    """The fold of a checkpoint that saw rows which the ledger does not have."""
    seen: int = 0
    """The newest row that somebody saw and the ledger does not have, or 0."""
    witnesses: list[str] = field(default_factory=list)


def seal_key(number_key: bytes) -> bytes:
    """Return the key of what the box writes for itself alone."""
    return derived(number_key, "checkpoint")


def fold(directory: Path, ledger: Ledger, number_key: bytes | None) -> Found:
    """Fold the ledger, from its checkpoint where that is sound."""
    found = Found(CampaignState())
    if number_key is not None:
        _use_checkpoint(directory, ledger, seal_key(number_key), found)
        _use_head(directory, ledger, seal_key(number_key), found)
    for entry in ledger.entries(found.fold.seq):
        found.fold.apply(entry)
    return found


def _use_checkpoint(directory: Path, ledger: Ledger, key: bytes, found: Found) -> None:
    kept, fold_of_it = checkpoint.read(directory, key=key), None
    if kept is not None:
        try:
            fold_of_it = CampaignState.from_checkpoint(kept.payload)
        except CheckpointInvalid:
            kept = None
    if kept is None:
        if checkpoint.is_there(directory) and not checkpoint.is_older_format(directory):
            found.remarks.append(
                worded(
                    "{file} was damaged, edited or of another box: everything was read from the "
                    "ledger instead",
                    file=checkpoint.FILE,
                )
            )
        return
    assert fold_of_it is not None
    if _has(ledger, kept.seq, kept.hash):
        found.fold = fold_of_it
        return
    found.ahead = fold_of_it
    found.seen = kept.seq
    found.witnesses.append("checkpoint")


def _use_head(directory: Path, ledger: Ledger, key: bytes, found: Found) -> None:
    told = checkpoint.read_head(directory, key=key)
    if told is not None and not _has(ledger, *told):
        found.seen = max(found.seen, told[0])
        found.witnesses.append("head")


def _has(ledger: Ledger, seq: int, digest: str) -> bool:
    return seq == 0 or (seq <= ledger.head[0] and ledger.hash_at(seq) == digest)


def check_key(fold: CampaignState, number_key: bytes | None, state: Path) -> None:
    """Raise :class:`NumberKeyLost` unless *number_key* is the one that the ledger's hashes have."""
    path = state / "number.key"
    if number_key is None:
        if fold.number_key is not None or fold.suppresses:
            raise NumberKeyLost(
                worded(
                    "{path} is missing, but the ledger knows numbers by it: no objection could be "
                    "recognised",
                    path=path,
                ),
                remedy=AWAY,
            )
    elif fold.number_key is not None and fingerprint(number_key) != fold.number_key:
        raise NumberKeyLost(
            worded(
                "{path} is another key than the one that the ledger knows numbers by: no "
                "objection could be recognised",
                path=path,
            ),
            remedy=FROM_BACKUP,
        )


def check_registry(registry: Registry, state: Path) -> None:
    """Raise :class:`NumberKeyLost` where the registry's people were hashed with another key."""
    if registry.hashed_otherwise():
        raise NumberKeyLost(
            worded(
                "{registry} does not belong to {key}: its numbers were hashed with another key",
                registry=state / "registry",
                key=state / "number.key",
            ),
            remedy=AWAY,
        )


def missing_rows(found: Found, registry: Registry) -> list[Record]:
    """Return the rows that bring back what the ledger has lost, the first one saying so.

    Empty where nothing is missing.
    """
    fold, rows = found.fold, list(_from_registry(found.fold, registry))
    witnesses = found.witnesses + (["registry"] if rows else [])
    if not witnesses:
        return []
    if found.ahead is not None:
        rows = lacks(fold, found.ahead) + rows
    kinds = [row.kind for row in rows]
    data: dict[str, Any] = {
        "why": worded(
            "rows of the ledger are missing behind row {seq}, as the {names} can tell",
            seq=fold.seq,
            names=joined(worded(" and the "), witnesses),
        ),
        "ends": fold.seq,
        "seen": found.seen or None,
        "witnesses": witnesses,
        "withdrawals": kinds.count("consent.revoked"),
        "calls": kinds.count("call.restored"),
    }
    return [Record(kind="state.restored", data=data), *rows]


def _from_registry(fold: CampaignState, registry: Registry) -> Iterator[Record]:
    """Yield withdrawals that the registry knows and the ledger does not.

    The ledger comes first at every withdrawal, so no power cut leaves that. An erasure is dated a
    moment later in the registry than in the ledger.
    """
    known = dict(fold.suppressions())
    for number_hash, revocation in registry.suppressions().items():
        ours = known.get(number_hash)
        if ours is None or (revocation.by != "erased" and revocation.at > ours.at + _CLOCK_GRAIN):
            yield withdrawn(number_hash, revocation.at, revocation.by)


def short_of(fold: CampaignState, registry: Registry) -> list[tuple[str, int, bool]]:
    """Return whose consents the registry lacks: the id, how many, and whether it is all of them.

    Consents reach the registry first and an erasure the ledger first, so no power cut leaves that.
    """
    if registry.consent_count() >= fold.consents:
        return []

    def held(subject: HexId) -> int:
        return registry.consent_count(subject)

    return fold.short_of(held)


def given_up(short: list[tuple[str, int, bool]], number_hashes: dict[str, str]) -> Iterator[Record]:
    """Yield the rows by which a person accepts that the registry is short.

    Who is lost altogether may be imported anew, and caps and rests go on by *number_hashes*; who
    has older consents left is not called on those.
    """
    for subject, count, all_of_them in short:
        known = number_hashes.get(subject)
        if all_of_them:
            data: dict[str, Any] = {} if known is None else {"number_hash": known}
            yield Record(kind="contact.lost", subject=subject, data=data)
        else:
            yield Record(kind="consent.lost", subject=subject, data={"consents": count})
