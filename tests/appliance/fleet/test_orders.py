"""Orders of headquarters and what the hub's nodes remember, against a real server."""

from __future__ import annotations

import asyncio
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.campaign.fleet_inputs import (
    ClaimDenied,
    ClaimGranted,
    FleetStopped,
    ObjectedElsewhere,
)
from appliance.cli.main import main
from appliance.fleet import canary, member, wire
from appliance.fleet.canary import HubUnfit
from appliance.fleet.certificates import new_node
from appliance.fleet.headquarters import Headquarters
from appliance.fleet.hub_config import inbox
from appliance.fleet.member import Member
from appliance.fleet.messages import Claim, Ended
from appliance.fleet.pseudonym import pseudonym
from appliance.model import Outcome
from appliance.storage.files import StorageFailed
from firmware.clock import SystemClock
from tests.support.fleet_bench import NAMES, BoxBench, Fleet, somebody
from tests.support.fleet_bench import fleet as fleet
from tests.support.fleet_bench import server as server
from tests.support.hub_server import HubServer, at_hub
from tests.support.link_proxy import wait_until

pytestmark = pytest.mark.process


def test_a_stop_of_all_stops_also_where_one_is_stopped_already(fleet: Fleet) -> None:
    """All are one write, which the server refuses whole where one of them is there already."""
    north, south = fleet.box(), fleet.box()
    fleet.stop(north)
    north.next(FleetStopped)
    fleet.stop(north, south)
    south.next(FleetStopped)
    for box in (north, south):
        assert box.member.status()["stopped"]

    async def ordered(headquarters: Headquarters) -> set[str]:
        return {one.box for one in await headquarters.seen() if one.ordered_stop}

    assert {north.keys.box, south.keys.box} <= fleet.headquarters(ordered)


def test_the_log_alone_stops_a_box_that_hears_no_push(fleet: Fleet) -> None:
    north = fleet.box()
    north.link.cut()
    wait_until(lambda: not north.member.status()["connected"])
    fleet.stop(north)
    north.link.mend()
    north.next(FleetStopped)
    answer = north.claim(somebody())
    assert isinstance(answer, ClaimDenied)


NODES = (1, 3) if os.environ.get("THOROUGH") else (1,)
"""Three nodes choose their leaders twice in the test below, a quarter of a minute: `make check`."""


@pytest.mark.parametrize("nodes", NODES)
def test_a_hub_that_was_off_tells_what_a_box_missed_and_the_rest_changes_nothing(
    tmp_path: Path, nodes: int
) -> None:
    """How far a box had followed is in three nodes' memory: after a restart all comes again."""
    server = HubServer(tmp_path, nodes=nodes)
    server.start()
    server.prepare()
    fleet = Fleet(server, tmp_path)
    try:
        north, south = fleet.box(), fleet.box()
        numbers = [somebody() for _ in range(5)]

        async def object_to(headquarters: Headquarters) -> None:
            await headquarters.object(numbers.pop())

        key = server.hub.secrets().campaign_key
        first, missed = pseudonym(key, numbers[-1]), pseudonym(key, numbers[-2])
        fleet.headquarters(object_to)
        north.hears(first)
        south.hears(first)
        south.link.cut()
        wait_until(lambda: not south.member.status()["connected"])
        fleet.headquarters(object_to)
        north.hears(missed)
        for node in server.hub.nodes:
            server.kill(node.name)
        server.start()
        south.link.mend()
        south.hears(missed)
        wait_until(lambda: north.member.status()["connected"], seconds=30.0)
        assert north.member.heard == south.member.heard == 2
        given = [one for one in north.heard if isinstance(one, ObjectedElsewhere)]
        assert [one.pid for one in given].count(first) <= 1
    finally:
        for box in fleet.boxes:
            box.close()
        server.close()


def test_a_box_whose_place_in_the_log_is_gone_says_so_and_calls_nobody(fleet: Fleet) -> None:
    north = fleet.box()
    stream, box = NAMES.stream, north.keys.box

    async def forget(headquarters: Headquarters) -> None:
        await wire.api(headquarters.nats, f"CONSUMER.DELETE.{stream}.{box}")

    async def make_anew(headquarters: Headquarters) -> list[str]:
        return await headquarters.admit(box)

    fleet.headquarters(forget)
    north.link.cut()
    wait_until(lambda: not north.member.status()["connected"])
    north.link.mend()
    wait_until(lambda: "no place for this box" in north.member.status()["trouble"])
    assert "fleet hub --check" in north.member.status()["remedy"]
    assert isinstance(north.claim(somebody()), ClaimDenied)
    assert fleet.headquarters(make_anew)
    wait_until(lambda: north.member.status()["connected"])
    assert isinstance(north.claim(somebody()), ClaimGranted)


def test_an_answer_of_yesterday_is_no_hub_that_went_back(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader that was deposed a moment ago tells an old number; partitions showed it."""
    north = fleet.box()
    assert isinstance(north.claim(somebody()), ClaimGranted)
    real, stale = canary.examine, []

    async def yesterday(*arguments: Any) -> int:
        stale.append(await real(*arguments) - 3)
        return stale[-1]

    monkeypatch.setattr(member, "examine", yesterday)
    north.link.cut()
    wait_until(lambda: not north.member.status()["connected"])
    north.link.mend()
    wait_until(lambda: north.member.status()["connected"])
    assert stale
    assert north.member.barred() is None
    assert isinstance(north.claim(somebody()), ClaimGranted)


def test_a_hub_whose_certificate_is_over_is_refused_in_words(tmp_path: Path) -> None:
    server = HubServer(tmp_path, tls=True)
    keys = server.hub.enrol("north")
    server.hub.write_users()
    key = (server.hub.directory / "authority.key").read_text()
    long_ago = datetime.now(UTC) - timedelta(days=3660)
    certificate, private = new_node("127.0.0.1", server.hub.authority, key, now=long_ago)
    directory = server.directory("hub-1")
    (directory / "node.crt").write_text(certificate)
    (directory / "node.key").write_text(private)
    server.start()
    box = Member(keys, tmp_path / "box", post=lambda _: None, clock=SystemClock())
    box.start(0)
    try:
        wait_until(lambda: "expired" in box.status()["trouble"])
        assert "headquarters cannot be asked" in str(box.barred())
    finally:
        box.close()
        server.close()


def test_two_machines_with_one_name_fence_it(fleet: Fleet, tmp_path: Path) -> None:
    """A card that was copied: the second machine's rows do not go on where the first's were."""
    from appliance.effects import Record

    north = fleet.box()
    north.write(Record(kind="box.started", data={"box": "north"}))
    wait_until(lambda: north.member.status()["ledger_sent"] == 1)
    twin_directory = tmp_path / "twin"
    shutil.copytree(north.directory, twin_directory)
    north.write(Record(kind="box.started", data={"box": "north, again"}))
    wait_until(lambda: north.member.status()["ledger_sent"] == 2)
    twin = Member(north.keys, twin_directory, post=lambda _: None, clock=SystemClock())
    twin.start(1)
    try:
        wait_until(lambda: "headquarters has row 2" in twin.status()["trouble"])
        assert twin.status()["remedy"]
        assert twin.barred()
    finally:
        twin.close()


@pytest.mark.parametrize(
    ("file", "before", "after", "words"),
    [
        ("nats.conf", "sync_interval: always", 'sync_interval: "2m"', "not on its disk"),
        ("users.conf", "imports: [", "# imports: [", "no node tells how it keeps its disk"),
    ],
)
def test_a_hub_is_asked_how_its_nodes_keep_their_disks(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    before: str,
    after: str,
    words: str,
) -> None:
    server = HubServer(tmp_path)
    path = server.directory("hub-1") / file
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    server.start()
    try:

        async def streams(headquarters: Headquarters) -> list[str]:
            told = await wire.api(headquarters.nats, "STREAM.NAMES")
            return told.get("streams") or []

        command = ["fleet", "hub", "--hub", str(server.hub.directory), "--check"]
        assert main(command) == 1
        assert words in capsys.readouterr().err
        assert at_hub(server.hub, streams) == [], "nothing is made on it"
        path.write_text(text)
        for node in server.hub.nodes:
            server.kill(node.name)
        server.start()
        assert main(command) == 0
        assert "every disk synchronised" in capsys.readouterr().out
    finally:
        server.close()


def test_a_hub_of_somebody_elses_streams_is_refused(tmp_path: Path) -> None:
    server = HubServer(tmp_path)
    server.start()
    try:

        async def prepare(headquarters: Headquarters) -> None:
            body = {"name": "ALL", "subjects": ["c.>"], "storage": "file"}
            await wire.api(headquarters.nats, "STREAM.CREATE.ALL", body)
            with pytest.raises(HubUnfit, match="another stream of this hub") as unfit:
                await headquarters.prepare()
            assert "a hub of the fleet's own" in unfit.value.remedy

        at_hub(server.hub, prepare)
    finally:
        server.close()


def test_a_full_disk_is_told_as_one_whatever_task_met_it(fleet: Fleet) -> None:
    """The followers run in a group, which wraps what ends them."""
    north = fleet.box(start=False)
    failure = StorageFailed("writing objections: No space left", remedy="Make room.")
    north.member._fail_of(ExceptionGroup("a", [ExceptionGroup("b", [failure])]))
    status = north.member.status()
    assert status["failed"]
    assert "No space left" in status["trouble"]
    assert status["remedy"] == "Make room."
    assert "No space left" in str(north.member.barred())
    denied = north.claim(somebody())
    assert isinstance(denied, ClaimDenied), "answered at once, by nobody's thread"


# --- who may say that a call is over ----------------------------------------------------------


def test_another_machine_with_ones_name_does_not_end_ones_call(
    fleet: Fleet, tmp_path: Path
) -> None:
    """A copied card picks the same person at the same moment; a third box waits for the call."""
    north, south = fleet.box(), fleet.box()
    twin_directory = tmp_path / "twin"
    shutil.copytree(north.directory, twin_directory / north.keys.box)
    twin = BoxBench(twin_directory, north.keys, fleet.server.hub.nodes[0].port, made=True)
    fleet.boxes.append(twin)
    number = somebody()
    twin.start()
    granted = north.claim(number)
    assert isinstance(granted, ClaimGranted)
    denied = twin.claim(number)
    assert isinstance(denied, ClaimDenied)
    for _ in range(2):
        waits = south.claim(number)
        assert isinstance(waits, ClaimDenied)
        (there,) = waits.elsewhere
        assert (there.attempt, there.ended) == (granted.attempt, False)


def test_no_box_ends_anothers_attempt(fleet: Fleet) -> None:
    """A rogue could let the others call somebody who is in a call, or who asked for rest."""
    north, south, rogue = fleet.box(), fleet.box(), fleet.box()
    number = somebody()
    pid = north.member.pseudonym(number)
    granted = north.claim(number)
    assert isinstance(granted, ClaimGranted)
    told = Ended(
        box=north.keys.box,
        attempt=granted.attempt,
        outcome=Outcome.BUSY,
        at=datetime.now(UTC) - timedelta(days=100),
    )

    async def forge() -> list[bool]:
        client = await wire.connect(
            rogue.keys.servers,
            seed=rogue.keys.seed,
            authority=rogue.keys.authority,
            name="rogue",
            inbox=inbox(rogue.keys.box),
            forever=False,
        )
        written = []
        for box in (north.keys.box, rogue.keys.box):
            try:
                outcome = NAMES.outcome(pid, 1, box)
                await wire.write(client, outcome, told.payload(), within=0.5)
                written.append(True)
            except wire.NoAnswer:
                written.append(False)
        await wire.close(client)
        return written

    assert asyncio.run(forge()) == [False, True]
    waits = south.claim(number)
    assert isinstance(waits, ClaimDenied)
    (there,) = waits.elsewhere
    assert not there.ended


@pytest.mark.parametrize(
    ("behind", "prior", "made_behind"),
    [
        (timedelta(0), False, timedelta(0)),
        (timedelta(hours=30), False, timedelta(0)),
        (timedelta(hours=-30), False, timedelta(hours=-30)),
        (timedelta(hours=30), True, timedelta(hours=30)),
    ],
)
def test_a_call_of_a_box_whose_clock_is_behind_is_as_young_as_it_is(
    fleet: Fleet, behind: timedelta, prior: bool, made_behind: timedelta
) -> None:
    """Else it would count as lost while it runs, and its rests as kept; one that is ahead waits."""
    north, south = fleet.box(), fleet.box()
    number, now = somebody(), datetime.now(UTC)
    pid = north.member.pseudonym(number)
    claim = Claim(box=north.keys.box, attempt="a" * 32, at=now - behind, prior=prior)
    ended = Ended(box=north.keys.box, attempt="a" * 32, outcome=Outcome.BUSY, at=claim.at)

    async def write(headquarters: Headquarters) -> None:
        for subject, payload in (
            (NAMES.claim(pid, 1), claim.payload()),
            (NAMES.outcome(pid, 1, north.keys.box), ended.payload()),
        ):
            await wire.write(headquarters.nats, subject, payload)

    fleet.headquarters(write)
    denied = south.claim(number)
    assert isinstance(denied, ClaimDenied)
    (there,) = denied.elsewhere
    wanted = now - made_behind
    assert there.ended_at is not None
    for told in (there.at, there.ended_at):
        assert abs(told - wanted) < timedelta(seconds=20)


# --- a hub that refuses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words", "remedy"),
    [
        *((code, "no room for a claim", "Make room") for code in (10023, 10047, 10176)),
        (10052, "does not judge claims", "see at headquarters"),
    ],
)
def test_a_hub_that_refuses_claims_is_told_until_it_takes_them(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, code: int, words: str, remedy: str
) -> None:
    """Its disk is full: single messages went through, and the box seemed to be well."""
    monkeypatch.setattr(member, "EXAMINE_AGAIN", 0.1)
    north = fleet.box()
    real = wire.write_together

    async def full(client: Any, parts: Any, *, within: float) -> wire.Written:
        raise wire.HubRefused(code, "out of room")

    monkeypatch.setattr(wire, "write_together", full)
    denied = north.claim(somebody())
    assert isinstance(denied, ClaimDenied)
    assert denied.reason == "refused"
    wait_until(lambda: words in north.member.status()["trouble"])
    assert remedy in north.member.status()["remedy"]
    assert words in str(north.member.barred()), "lamp and doctor show it, and nobody is asked for"
    monkeypatch.setattr(wire, "write_together", real)
    wait_until(lambda: north.member.barred() is None)
    assert isinstance(north.claim(somebody()), ClaimGranted)
