"""Headquarters reads: ledgers that boxes sent, verified and signed; and all of it for an audit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.fleet import packs, subjects, wire
from appliance.fleet.audit import Logged
from appliance.fleet.copies import Copies
from appliance.fleet.headquarters import Headquarters
from appliance.fleet.messages import instant
from appliance.fleet.packs import Head, PackRefused
from appliance.fleet.signing import SignatureWrong, open_head, sign_head
from firmware.wording import worded


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """How one box's ledger stands at headquarters."""

    box: str
    head: Head
    new: int
    """Rows verified just now."""
    fault: str = ""
    """Why it is not sound from :attr:`head` on; empty where it is."""


async def verify_ledgers(headquarters: Headquarters) -> list[LedgerState]:
    """Verify what every box sent since its last signed head, and sign the new head for it.

    A box whose ledger does not go on where it was is stopped at once, under the name
    ``auditor``: it was restored from a backup, changed, or is another box with its key.
    """
    return [await _verify(headquarters, box.box) for box in headquarters.hub.boxes()]


async def _verify(headquarters: Headquarters, box: str) -> LedgerState:
    nats, held = headquarters.nats, headquarters.hub.secrets()
    head = begun = Head()
    after = 0
    signed = await wire.read_direct(nats, subjects.HEADS, subjects.head(box))
    if signed is not None:
        try:
            anchor = open_head(signed.payload, held.signing_public, box)
            head = begun = Head(anchor.seq, anchor.hash)
            after = int(json.loads(signed.payload).get("pack", 0))
        except (SignatureWrong, ValueError, TypeError):
            head = begun = Head()  # From the beginning: it costs time alone.
    fault = ""
    async for message in wire.read_all(nats, subjects.LEDGERS, subjects.ledger(box), after):
        try:
            head = packs.follow(head, packs.read(message.payload))
        except PackRefused as error:
            fault = worded("message {sequence}: {error}", sequence=message.sequence, error=error)
            break
        after = message.sequence
    if head != begun:
        now = instant(datetime.now(UTC))
        await wire.write(
            nats, subjects.head(box), sign_head(held.signing, box, head, now, pack=after)
        )
    if fault:
        await headquarters.stop(
            [box], by="auditor", reason=worded("its ledger is not sound: {fault}", fault=fault)
        )
    return LedgerState(box=box, head=head, new=head.seq - begun.seq, fault=fault)


async def collect(headquarters: Headquarters) -> Copies:
    """Copy the campaign's log and all ledgers, also of boxes that were removed."""
    copies = Copies(headquarters.hub.campaign)
    names = headquarters.names
    async for message in wire.read_all(headquarters.nats, names.stream, names.all):
        copies.log.append(
            Logged(
                sequence=message.sequence,
                subject=message.subject,
                payload=message.payload,
                at=datetime.fromisoformat(message.time).astimezone(UTC),
            )
        )
    for box in headquarters.hub.boxes(removed=True):
        subject = subjects.ledger(box.box)
        packed = wire.read_all(headquarters.nats, subjects.LEDGERS, subject)
        copies.add_ledger(box.box, b"".join([message.payload async for message in packed]))
    return copies
