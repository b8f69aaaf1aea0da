"""Boxes against a real nats-server: claims, cuts, stops, objections, ledgers, and unfit hubs.

Each trap of the engine and of its library that was measured once is a regression here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from appliance.campaign.fleet_inputs import (
    ClaimDenied,
    ClaimGranted,
    FleetResumed,
    FleetStopped,
    NameObjections,
    ObjectedElsewhere,
)
from appliance.effects import Record
from appliance.fleet import lists, packs, streams, subjects, wire
from appliance.fleet import member as member_module
from appliance.fleet.canary import HubUnfit, examine
from appliance.fleet.claim import Position
from appliance.fleet.collecting import collect, verify_ledgers
from appliance.fleet.complaints import Complaints
from appliance.fleet.copies import Copies
from appliance.fleet.headquarters import Headquarters
from appliance.fleet.hub import Hub
from appliance.fleet.member import Member
from appliance.fleet.memory import Memory
from appliance.fleet.pseudonym import pseudonym
from appliance.fleet.signing import seal
from appliance.ledger import Ledger
from appliance.model import Attempt, Outcome
from firmware.clock import SystemClock
from tests.support.fleet_bench import NAMES, BoxBench, Fleet, somebody
from tests.support.fleet_bench import fleet as fleet
from tests.support.fleet_bench import server as server
from tests.support.hub_server import HubServer, at_hub
from tests.support.link_proxy import wait_until

pytestmark = pytest.mark.process


def known(answer: ClaimDenied) -> tuple[Attempt, ...]:
    """Return the history that a box has once it took in what *answer* told."""
    return tuple(
        Attempt(id=e.attempt, authorised_at=e.at, outcome=e.outcome or Outcome.FAILED)
        for e in answer.elsewhere
    )


# --- claims ----------------------------------------------------------------------------------


def test_one_person_is_claimed_once_and_the_other_box_learns_by_whom(fleet: Fleet) -> None:
    north, south = fleet.box(), fleet.box()
    number = somebody()
    granted = north.claim(number)
    denied = south.claim(number)
    assert isinstance(granted, ClaimGranted)
    assert north.member.refuses(granted.attempt) is None
    assert isinstance(denied, ClaimDenied)
    assert denied.reason == "claimed"
    (there,) = denied.elsewhere
    assert (there.box, there.number, there.ended) == (north.keys.box, 1, False)


def test_the_next_attempt_waits_for_the_outcome_of_the_last(fleet: Fleet) -> None:
    north, south = fleet.box(), fleet.box()
    number = somebody()
    granted = north.claim(number)
    assert isinstance(granted, ClaimGranted)
    claim = {
        "pid": north.member.pseudonym(number),
        "number": 1,
        "sequence": granted.sequence,
    }
    north.write(
        Record(
            kind="call.authorised", subject="s", data={"attempt": granted.attempt, "claim": claim}
        ),
        Record(
            kind="call.ended", subject="s", data={"attempt": granted.attempt, "outcome": "busy"}
        ),
    )
    wait_until(lambda: Memory(north.directory).sent == north.ledger.head[0])
    denied = south.claim(number)
    assert isinstance(denied, ClaimDenied)
    (there,) = denied.elsewhere
    assert there.outcome is Outcome.BUSY
    second = south.claim(number, known(denied))
    assert isinstance(second, ClaimGranted)
    assert second.number == 2


def test_attempts_before_the_fleet_count_for_all_boxes(fleet: Fleet) -> None:
    north, south = fleet.box(), fleet.box()
    number = somebody()
    before = tuple(
        Attempt(id=f"{n:032x}", authorised_at=datetime.now(UTC), outcome=Outcome.NO_ANSWER)
        for n in (901, 902)
    )
    granted = north.claim(number, before)
    assert isinstance(granted, ClaimGranted)
    assert granted.number == 3
    denied = south.claim(number)
    assert isinstance(denied, ClaimDenied)
    assert [(one.number, one.prior) for one in denied.elsewhere] == [
        (1, True),
        (2, True),
        (3, False),
    ]


def test_a_grant_is_void_after_two_seconds_of_this_boxs_own_clock(fleet: Fleet) -> None:
    """A box that is frozen between the answer and the dial command."""
    north = fleet.box()
    granted = north.claim(somebody())
    assert isinstance(granted, ClaimGranted)
    assert north.member.refuses(granted.attempt) is None
    north.boot_offset += 2.1
    assert north.member.refuses(granted.attempt) == "late"


# --- objections ------------------------------------------------------------------------------


def test_an_objection_is_heard_everywhere_and_refused_by_the_log(fleet: Fleet) -> None:
    north, south = fleet.box(), fleet.box()
    number = somebody()
    pid = north.member.pseudonym(number)
    north.write(Record(kind="consent.revoked", subject="s", data={"by": "key", "pid": pid}))
    south.hears(pid)
    assert south.member.objected(pid) is not None
    wait_until(lambda: north.member.status()["objections_unsent"] == 0)
    denied = south.claim(number)
    assert isinstance(denied, ClaimDenied)
    assert denied.reason == "objected"


def test_an_objection_while_cut_off_is_shown_and_sent_when_the_link_is_back(fleet: Fleet) -> None:
    north, south = fleet.box(), fleet.box()
    pid = north.member.pseudonym(somebody())
    north.link.cut()
    wait_until(lambda: not north.member.status()["connected"])
    north.write(Record(kind="consent.revoked", subject="s", data={"by": "key", "pid": pid}))
    wait_until(lambda: north.member.status()["objections_unsent"] == 1)
    assert south.member.objected(pid) is None
    north.link.mend()
    south.hears(pid)
    wait_until(lambda: north.member.status()["objections_unsent"] == 0)


def test_objections_while_a_box_was_away_are_heard_after_its_restart(fleet: Fleet) -> None:
    """A plain subscription had none of five of these; the durable consumer has all."""
    north, south = fleet.box(), fleet.box()
    south.member.close()
    pids = [north.member.pseudonym(somebody()) for _ in range(5)]
    for pid in pids:
        north.write(Record(kind="consent.revoked", subject="s", data={"by": "key", "pid": pid}))
    wait_until(lambda: north.member.status()["objections_unsent"] == 0)
    south.restart()
    south.hears(*pids)
    south.restart()
    assert all(south.member.objected(pid) is not None for pid in pids)
    again = [given.pid for given in south.inputs.queue if isinstance(given, ObjectedElsewhere)]
    assert set(again).isdisjoint(pids), "heard once is heard"


def test_an_objection_whose_row_has_no_name_is_asked_for(fleet: Fleet) -> None:
    north = fleet.box()
    north.write(Record(kind="consent.revoked", subject="s" * 32, data={"by": "command"}))
    assert north.next(NameObjections).subjects == ("s" * 32,)


# --- stop and resume -------------------------------------------------------------------------


def test_a_stop_reaches_the_box_and_the_log_refuses_its_claims(fleet: Fleet) -> None:
    north, south = fleet.box(), fleet.box()
    fleet.stop(north)
    stopped = north.next(FleetStopped)
    assert (stopped.by, stopped.reason, stopped.hang_up) == ("Ada", "noise", True)
    assert "headquarters stopped this box" in str(north.member.barred())
    assert south.member.barred() is None

    async def confirmed(headquarters: Headquarters) -> list[bool]:
        seen = await headquarters.confirmations([north.keys.box], 5.0)
        return [one.confirmed_stop for one in seen]

    assert fleet.headquarters(confirmed) == [True]


def test_a_stop_holds_over_a_restart_until_a_person_begins_a_new_epoch(fleet: Fleet) -> None:
    north = fleet.box()
    fleet.stop(north)
    north.next(FleetStopped)
    north.restart()
    assert north.member.barred()
    fleet.resume(north)
    assert north.next(FleetResumed).epoch == 2
    assert north.member.barred() is None
    assert isinstance(north.claim(somebody()), ClaimGranted)


def test_a_cut_box_is_stopped_when_it_comes_back_and_claims_nothing_before(fleet: Fleet) -> None:
    north = fleet.box()
    north.link.cut()
    wait_until(lambda: not north.member.status()["connected"])
    fleet.stop(north)
    denied = north.claim(somebody())
    assert isinstance(denied, ClaimDenied)
    assert denied.reason == "not_connected"
    north.link.mend()
    north.next(FleetStopped)


def test_a_box_in_yesterdays_epoch_is_refused_by_the_log(fleet: Fleet) -> None:
    """It never heard of stop and resume: its old epoch is closed in the log itself."""
    north = fleet.box(start=False)
    fleet.stop(north)
    fleet.resume(north)
    fleet.stop(north)

    async def claim_in_old_epoch(headquarters: Headquarters) -> str:
        box = north.keys.box
        parts = [
            wire.Part(subject=NAMES.claim("e" * 32, 1), payload=b"{}"),
            wire.Part(
                subject=NAMES.permit("e" * 32, 1, box), payload=b"{}", unless=NAMES.stop(1, box)
            ),
        ]
        try:
            await wire.write_together(headquarters.nats, parts, within=2.0)
        except wire.HubRefused as refused:
            found = await wire.read_at(headquarters.nats, NAMES.stream, refused.sequence)
            return "" if found is None else found.subject
        return "granted"

    assert fleet.headquarters(claim_in_old_epoch) == NAMES.stop(1, north.keys.box)


# --- links -----------------------------------------------------------------------------------


def test_a_claim_while_cut_leaves_no_ghost_behind(fleet: Fleet) -> None:
    """By default the library keeps it and sends it after the cut, when nobody waits any more."""
    north = fleet.box()
    number = somebody()
    north.link.cut()
    denied = north.claim(number)
    assert isinstance(denied, ClaimDenied)
    north.link.mend()
    wait_until(lambda: north.member.status()["connected"])

    async def claims(headquarters: Headquarters) -> object:
        pid = north.member.pseudonym(number)
        return await wire.read_last(headquarters.nats, NAMES.stream, NAMES.claims_of(pid))

    assert fleet.headquarters(claims) is None


def test_a_link_that_swallows_everything_makes_no_call(fleet: Fleet) -> None:
    """The claim arrives after it was given up: the attempt is used, and nobody is dialled."""
    north = fleet.box()
    number = somebody()
    north.link.hold()
    denied = north.claim(number)
    assert isinstance(denied, ClaimDenied)
    assert denied.reason == "no_answer"
    assert north.member.refuses(denied.attempt) is not None
    north.link.mend()
    again: list[ClaimGranted | ClaimDenied] = []

    def asked_again() -> bool:
        again.append(north.claim(number))
        return isinstance(again[-1], ClaimDenied) and bool(again[-1].elsewhere)

    wait_until(asked_again)
    ghost = again[-1]
    assert isinstance(ghost, ClaimDenied)
    (own,) = ghost.elsewhere
    assert (own.box, own.attempt) == (north.keys.box, denied.attempt)
    after = north.claim(number)
    assert isinstance(after, ClaimDenied)
    (ended,) = after.elsewhere
    assert ended.ended, "the box says itself that nobody was dialled"
    assert ended.outcome is None


def test_troubles_are_told_once_a_minute() -> None:
    """With the library's own callback: 13,000 lines in 80 s."""
    at = [0.0]
    complaints = Complaints(now=lambda: at[0])
    assert complaints.note("refused") == "refused"
    assert complaints.note("other") == "other"
    for _ in range(500):
        assert complaints.note("refused") is None
    at[0] = 61.0
    assert complaints.note("refused") == "refused (500 more times)"


# --- the ledger ------------------------------------------------------------------------------


def stored(fleet: Fleet, box: BoxBench) -> list[packs.Pack]:
    async def read(headquarters: Headquarters) -> list[packs.Pack]:
        found: list[packs.Pack] = []
        sequence = 0
        while True:
            try:
                value = await wire.api(
                    headquarters.nats,
                    f"STREAM.MSG.GET.{subjects.LEDGERS}",
                    {"seq": sequence + 1, "next_by_subj": subjects.ledger(box.keys.box)},
                )
            except wire.HubRefused:
                return found
            import base64

            sequence = value["message"]["seq"]
            lines = packs.read(base64.b64decode(value["message"]["data"]))
            found.append(packs.Pack(lines=tuple(lines)))

    result: list[packs.Pack] = fleet.headquarters(read)
    return result


def test_the_ledger_goes_up_whole_in_packs_each_line_once(fleet: Fleet) -> None:
    north = fleet.box()
    for _ in range(4):
        north.write(*(Record(kind="call.key", data={"attempt": str(n)}) for n in range(40)))
    wait_until(lambda: north.member.status()["ledger_sent"] == 160)
    north.link.cut()
    north.write(*(Record(kind="call.key", data={"attempt": str(n)}) for n in range(40)))
    north.link.mend()
    wait_until(lambda: north.member.status()["ledger_sent"] == 200)
    north.restart()
    north.write(Record(kind="box.stopped"))
    wait_until(lambda: north.member.status()["ledger_sent"] == 201)
    there = stored(fleet, north)
    rows = b"".join(pack.payload() for pack in there)
    on_disk = b"".join(
        path.read_bytes() for path in sorted((north.directory / "ledger").glob("*.jsonl"))
    )
    assert rows == on_disk
    assert max(len(pack.lines) for pack in there) <= packs.LINES
    head = packs.Head()
    for pack in there:
        head = packs.follow(head, pack.lines)
    assert (head.seq, head.hash) == north.ledger.head


def test_a_ledger_that_was_restored_from_a_backup_fences_its_box(fleet: Fleet) -> None:
    north = fleet.box()
    north.write(*(Record(kind="call.key", data={"attempt": str(n)}) for n in range(10)))
    wait_until(lambda: north.member.status()["ledger_sent"] == 10)
    north.member.close()
    north.ledger.close()
    (segment,) = (north.directory / "ledger").glob("*.jsonl")
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:4]))
    north.ledger = Ledger.open(north.directory / "ledger")
    north.ledger.append([Record(kind="box.started")], datetime.now(UTC))
    north.member = north._made()
    north.member.start(north.ledger.head[0])
    wait_until(lambda: "ledger" in north.member.status()["trouble"])
    assert "row 10" in north.member.status()["trouble"]
    assert "new name" in north.member.status()["remedy"]
    assert north.member.barred()


def test_headquarters_verifies_and_signs_what_it_has_and_the_box_keeps_it(fleet: Fleet) -> None:
    north = fleet.box()
    north.write(*(Record(kind="call.key", data={"attempt": str(n)}) for n in range(60)))
    wait_until(lambda: north.member.status()["ledger_sent"] == 60)

    async def verify(headquarters: Headquarters) -> dict[str, tuple[int, int, str]]:
        found = await verify_ledgers(headquarters)
        return {one.box: (one.head.seq, one.new, one.fault) for one in found}

    assert fleet.headquarters(verify)[north.keys.box] == (60, 60, "")
    wait_until(lambda: north.member.status()["ledger_verified"] == 60)
    north.write(Record(kind="box.stopped"))
    wait_until(lambda: north.member.status()["ledger_sent"] == 61)
    assert fleet.headquarters(verify)[north.keys.box] == (61, 1, ""), "only what is new is read"


def test_a_ledger_that_forks_at_the_hub_fences_its_box(fleet: Fleet) -> None:
    """A thief with the box's key sends rows of another ledger."""
    north = fleet.box()
    north.write(Record(kind="box.started"))
    wait_until(lambda: north.member.status()["ledger_sent"] == 1)
    (pack,) = stored(fleet, north)

    async def forge(headquarters: Headquarters) -> str:
        again = pack.payload().replace(b"box.started", b"box.stopped")
        await wire.write(headquarters.nats, subjects.ledger(north.keys.box), again)
        found = await verify_ledgers(headquarters)
        return next(one.fault for one in found if one.box == north.keys.box)

    assert "damaged" in fleet.headquarters(forge)
    stopped = north.next(FleetStopped)
    assert stopped.by == "auditor"
    assert north.member.barred()


def test_everything_for_an_audit_is_copied_whole(fleet: Fleet) -> None:
    north = fleet.box()
    north.write(*(Record(kind="call.key", data={"attempt": str(n)}) for n in range(450)))
    wait_until(lambda: north.member.status()["ledger_sent"] == 450)

    async def copy(headquarters: Headquarters) -> Copies:
        return await collect(headquarters)

    copies: Copies = fleet.headquarters(copy)
    assert [line.seq for line in copies.ledgers[north.keys.box]] == list(range(1, 451))
    sequences = [message.sequence for message in copies.log]
    assert sequences == list(range(1, len(sequences) + 1)), "no message of the log is left out"


def test_a_list_reaches_its_box_alone_and_is_taken_once(fleet: Fleet) -> None:
    north, south = fleet.box(start=False), fleet.box(start=False)
    taken: list[tuple[str, bytes]] = []

    def taker(name: str) -> Callable[[bytes], str]:
        def take(contents: bytes) -> str:
            taken.append((name, contents))
            return "taken"

        return take

    for box in (north, south):
        box.member._take_list = taker(box.keys.box)
        box.start()
    contents = b"number,name\n" * 60_000

    async def send(headquarters: Headquarters) -> None:
        sealing = fleet.server.hub.box(north.keys.box).sealing
        sealed = seal(contents, bytes.fromhex(sealing))
        for part in lists.parts(sealed):
            for subject in (north.keys.box, south.keys.box):
                place = subjects.list_part(subject, part.list[:16], part.number)
                await wire.write(headquarters.nats, place, part.payload())

    fleet.headquarters(send)
    wait_until(lambda: taken == [(north.keys.box, contents)])
    wait_until(lambda: "another box" in south.member.status()["last_list"])
    north.member.close()
    north.member = north._made()
    north.member._take_list = taker("again")
    north.start()
    assert len(taken) == 1


# --- hubs that must not be believed ----------------------------------------------------------


def test_a_hub_that_went_back_bars_the_box_until_a_person_says_so(fleet: Fleet) -> None:
    north = fleet.box()
    number = somebody()
    granted = north.claim(number)
    assert isinstance(granted, ClaimGranted)
    pid = "9" * 32
    north.write(Record(kind="consent.revoked", subject="s", data={"by": "key", "pid": pid}))
    wait_until(lambda: north.member.status()["objections_unsent"] == 0)
    north.member.close()
    memory = Memory(north.directory)
    memory.move(Position(highest=10**9, anchor=7, anchor_subject="c.spring.claim.x.1"))
    north.member = north._made()
    north.start()
    assert "forgotten" in str(north.member.barred())
    fleet.resume(north)
    north.next(FleetResumed)
    assert north.member.barred(), "an ordinary resume is not enough"
    fleet.resume(north, after_loss=True)
    north.next(FleetResumed)
    wait_until(lambda: north.member.barred() is None)
    assert isinstance(north.claim(somebody()), ClaimGranted)


def test_a_hub_that_went_back_behind_an_epoch_begins_a_later_one(fleet: Fleet) -> None:
    """It has forgotten stops and epochs too: what it would begin next, the box has passed."""
    north = fleet.box()
    north.member.close()
    memory = Memory(north.directory)
    memory.move(Position(highest=10**9, epoch=5))
    north.member = north._made()
    north.start()
    wait_until(lambda: north.member.status()["epoch"] == 5)
    north.member.changed()
    wait_until(lambda: fleet.said(north).get("epoch") == 5)
    fleet.stop(north)
    north.next(FleetStopped)
    wait_until(lambda: north.member.status()["stopped"])
    fleet.resume(north, after_loss=True)
    assert north.next(FleetResumed).epoch == 6
    wait_until(lambda: north.member.barred() is None)
    assert isinstance(north.claim(somebody()), ClaimGranted)


@pytest.mark.parametrize(
    "change",
    [
        {"deny_delete": False},
        {"deny_purge": False},
        {"max_msgs_per_subject": 5},
        {"discard_new_per_subject": False, "max_msgs_per_subject": -1, "discard": "old"},
        {"allow_atomic": False},
        {"max_age": 10**12},
        {"max_msgs": 1000},
    ],
    ids=str,
)
def test_a_stream_that_lacks_a_rule_is_refused(server: HubServer, change: dict[str, Any]) -> None:
    campaign = f"other-{somebody()[-5:]}"
    definition = {**streams.campaign_stream(campaign, 1), **change}

    async def try_it(headquarters: Headquarters) -> str:
        await wire.api(headquarters.nats, f"STREAM.CREATE.{definition['name']}", definition)
        try:
            await examine(headquarters.nats, campaign, "box")
        except HubUnfit as unfit:
            return str(unfit)
        return ""

    assert "not write-once" in at_hub(server.hub, try_it)


def test_an_old_server_is_refused_by_its_version(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "version_of", lambda _: (2, 9, 10))

    async def try_it(headquarters: Headquarters) -> str:
        with pytest.raises(HubUnfit) as unfit:
            await examine(headquarters.nats, "spring", "box")
        return f"{unfit.value}; {unfit.value.remedy}"

    told = at_hub(server.hub, try_it)
    assert "2.9.10" in told
    assert "2.14.4 or newer" in told


def test_a_server_that_takes_a_batch_for_plain_messages_is_refused(server: HubServer) -> None:
    """It says OK to the last message and has looked at no condition."""

    async def try_it(headquarters: Headquarters) -> None:
        class Plain:
            async def publish(self, *_: object, **__: object) -> None: ...

            async def request(self, *_: object, **__: object) -> object:
                return type("Answer", (), {"headers": None, "data": b'{"stream":"C","seq":9}'})()

        plain: Any = Plain()
        part = wire.Part(subject="a", payload=b"")
        with pytest.raises(wire.HubRefused, match="no atomic batch"):
            await wire.write_together(plain, [part, part], within=1.0)

    at_hub(server.hub, try_it)


def test_everything_that_was_written_once_stays(server: HubServer) -> None:
    """Overwrite, roll up, delete and purge are refused by the server, also to headquarters."""
    subject = NAMES.objection(pseudonym(bytes(32), somebody()))

    async def try_it(headquarters: Headquarters) -> list[int]:
        nats = headquarters.nats
        written = await wire.write(nats, subject, b"{}")
        codes = []
        rollup = {"Nats-Rollup": "sub"}
        for headers in ({}, rollup):
            with pytest.raises(wire.HubRefused) as refused:
                await wire.write(nats, subject, b"other", headers=headers)
            codes.append(refused.value.code)
        for call, body in (
            (f"STREAM.MSG.DELETE.{NAMES.stream}", {"seq": written.sequence}),
            (f"STREAM.PURGE.{NAMES.stream}", {}),
        ):
            with pytest.raises(wire.HubRefused) as refused:
                await wire.api(nats, call, body)
            codes.append(refused.value.code)
        return codes

    assert at_hub(server.hub, try_it) == [wire.EXISTS, wire.ROLLUP, 10057, 10110]


# --- who may do what -------------------------------------------------------------------------


def test_a_box_may_not_do_what_is_headquarters_or_anothers(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    north, south = fleet.box(), fleet.box()
    forbidden = [
        NAMES.stop(1, south.keys.box),
        NAMES.epoch(2, north.keys.box),
        NAMES.permit("a" * 32, 1, south.keys.box),
        subjects.ledger(south.keys.box),
        subjects.status(south.keys.box),
        subjects.head(north.keys.box),
        f"$JS.API.STREAM.DELETE.{NAMES.stream}",
        f"$JS.API.CONSUMER.DURABLE.CREATE.{NAMES.stream}.x",
        f"$JS.API.DIRECT.GET.{subjects.LEDGERS}.{subjects.ledger(south.keys.box)}",
    ]

    async def try_all() -> list[str]:
        from appliance.fleet.hub_config import inbox

        nats = await wire.connect(
            north.keys.servers,
            seed=north.keys.seed,
            authority="",
            name="x",
            inbox=inbox(north.keys.box),
            forever=False,
        )
        allowed = []
        for subject in forbidden:
            try:
                await wire.ask(nats, subject, b"{}", within=0.2)
                allowed.append(subject)
            except wire.NoAnswer:
                continue
        await nats.close()
        return allowed

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(try_all()) == []
    assert caplog.text.count("permissions violation") == len(forbidden), (
        "the reason stands in the log"
    )


def test_a_removed_box_loses_its_open_connection(fleet: Fleet, server: HubServer) -> None:
    north = fleet.box()
    server.hub.remove(north.keys.box)
    server.reload()
    wait_until(lambda: not north.member.status()["connected"])
    assert north.member.barred()


@pytest.mark.parametrize("ends", ["told", "untold", "closed"])
def test_a_client_that_stops_trying_is_replaced(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """As nats-py's does whose link breaks at the end of a handshake, or that closes itself."""
    monkeypatch.setattr(member_module, "ANEW", 1.0)
    monkeypatch.setattr(member_module, "EXAMINE_AGAIN", 0.2)
    north = fleet.box()
    client = north.member._nats
    loop = north.member._loop
    assert client is not None
    assert loop is not None
    told = client._disconnected_cb
    assert told is not None

    async def gives_up() -> None:
        if ends == "told":
            await told()

    if ends == "closed":
        asyncio.run_coroutine_threadsafe(client.close(), loop).result(5)
    else:
        monkeypatch.setattr(client, "_attempt_reconnect", gives_up)
        north.link.cut()
        wait_until(lambda: north.member.barred())
        north.link.mend()
    wait_until(lambda: north.member._nats not in (None, client))
    wait_until(lambda: north.member.status()["connected"])
    assert isinstance(north.claim(somebody()), ClaimGranted)
    # What the log tells is heard on the new connection, once.
    pid = north.member.pseudonym(somebody())
    south = fleet.box()
    south.write(Record(kind="consent.revoked", subject="s", data={"by": "key", "pid": pid}))
    north.hears(pid)


def test_a_connection_that_is_gone_before_anything_is_heard_is_made_anew(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe, asked = Client.subscribe, []

    async def first_fails(client: Client, *words: Any, **more: Any) -> Any:
        asked.append(words)
        if len(asked) == 1:
            await client.close()
        return await subscribe(client, *words, **more)

    north = fleet.box(start=False)
    monkeypatch.setattr(Client, "subscribe", first_fails)
    north.start()
    assert not north.member.status()["failed"]
    assert isinstance(north.claim(somebody()), ClaimGranted)


def test_a_name_is_never_given_twice(server: HubServer) -> None:
    from appliance.errors import Refused

    server.hub.enrol("twice")
    with pytest.raises(Refused, match="was enrolled as twice before"):
        server.hub.enrol("twice")
    server.hub.remove("twice")
    with pytest.raises(Refused, match="was enrolled as twice before"):
        server.hub.enrol("twice")


def test_a_wrong_key_tells_why(fleet: Fleet, tmp_path: Path) -> None:
    other = Hub.create(tmp_path / "other", "spring", fleet.server.hub.nodes, tls=False)
    keys = other.enrol("stranger")
    box = BoxBench(tmp_path, keys, fleet.server.hub.nodes[0].port)
    fleet.boxes.append(box)
    box.member.start(0)
    wait_until(lambda: "does not know this key" in box.member.status()["trouble"])
    assert "enrols the box anew" in box.member.status()["remedy"]
    assert "headquarters cannot be asked" in str(box.member.barred())


def test_tls_refuses_a_hub_of_another_authority(tmp_path: Path) -> None:
    made = HubServer(tmp_path, tls=True)
    keys = made.hub.enrol("north")
    made.hub.write_users()
    made.start()
    try:
        made.prepare()
        from appliance.fleet.certificates import new_authority

        for authority, words in ((keys.authority, ""), (new_authority("evil")[0], "CERTIFICATE")):
            held = dataclasses.replace(keys, authority=authority)
            member = Member(
                held,
                tmp_path / (words or "good"),
                post=lambda _: None,
                clock=SystemClock(),
            )
            member.start(0)
            if words:
                wait_until(lambda m=member: "certificate" in m.status()["trouble"].lower())
            else:
                wait_until(lambda m=member: m.status()["connected"])
            member.close()
    finally:
        made.close()


def test_the_status_of_a_box_is_what_it_said_last(fleet: Fleet) -> None:
    north = fleet.box()

    async def look(headquarters: Headquarters) -> dict[str, Any] | None:
        return next(one.status for one in await headquarters.seen() if one.box == north.keys.box)

    wait_until(lambda: (fleet.headquarters(look) or {}).get("connected"))
    told = fleet.headquarters(look)
    assert told["calls"] == 0
    assert json.dumps(told)
    north.member.close()
    wait_until(lambda: fleet.headquarters(look)["connected"] is False)
