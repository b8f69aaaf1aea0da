"""A hub that was put back to a copy in silence and has come further since: each box notices.

Numbers alone do not tell it any more, so every kind of message that a box saw acknowledged, or
read, has to give the loss away.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.campaign.fleet_inputs import ClaimGranted, FleetResumed, FleetStopped
from appliance.cli.doctor_fleet import fleet_rows
from appliance.effects import Record
from appliance.fleet import member as member_module
from appliance.fleet import subjects, wire
from appliance.fleet.headquarters import Headquarters
from appliance.fleet.memory import Memory
from appliance.fleet.pseudonym import pseudonym
from appliance.ledger import Ledger
from appliance.screen.status import fleet_text
from tests.support.fleet_bench import NAMES, BoxBench, Fleet, somebody
from tests.support.hub_server import HubServer
from tests.support.link_proxy import wait_until

pytestmark = [
    pytest.mark.process,
    # Of nats-py, which leaves what it tried at a hub that is off to the collector.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
    ),
]


def sent(box: BoxBench) -> None:
    """Wait until *box* has nothing to send, and that is on its disk."""
    head = box.ledger.head[0]

    def kept() -> bool:
        box.member.changed()
        memory = Memory(box.directory)
        return memory.sent == memory.packed == head

    wait_until(kept)


def claim(box: BoxBench, _: Fleet) -> None:
    assert isinstance(box.claim(somebody()), ClaimGranted)


def outcome(box: BoxBench, _: Fleet) -> None:
    box.write(ended(box))
    sent(box)


def known_outcome(box: BoxBench, fleet: Fleet) -> None:
    """An acknowledgement was lost: the hub says that it is there, and not where."""
    box.link.cut()
    wait_until(lambda: not box.member.status()["connected"])

    async def told(headquarters: Headquarters) -> None:
        await wire.write_once(headquarters.nats, NAMES.outcome(own(box), 1, box.keys.box), b"{}")

    fleet.headquarters(told)
    box.write(ended(box))
    box.link.mend()
    sent(box)


def authorise(box: BoxBench) -> None:
    """Dial, as it were: the copy has the claim, and not how it ended."""
    claimed = {"pid": own(box), "number": 1, "sequence": 1}
    data = {"attempt": own(box), "claim": claimed}
    box.write(Record(kind="call.authorised", subject="s", data=data))


def ended(box: BoxBench) -> Record:
    return Record(kind="call.ended", subject="s", data={"attempt": own(box), "outcome": "busy"})


def objection(box: BoxBench, _: Fleet) -> None:
    box.write(Record(kind="consent.revoked", subject="s", data={"by": "key", "pid": own(box)}))
    sent(box)


def heard_objection(box: BoxBench, fleet: Fleet) -> None:
    async def object_to(headquarters: Headquarters) -> None:
        await headquarters.object(HEARD)

    fleet.headquarters(object_to)
    box.hears(pseudonym(fleet.server.hub.secrets().campaign_key, HEARD))

    def kept() -> bool:
        box.member.changed()
        return Memory(box.directory).position.anchor_subject.startswith("c.spring.rev.")

    wait_until(kept)


def stop(box: BoxBench, fleet: Fleet) -> None:
    fleet.stop(box)
    box.next(FleetStopped)
    # The push is faster, and says nothing of the log.
    wait_until(lambda: Memory(box.directory).position.anchor_subject.startswith("c.spring.stop."))


def epoch(box: BoxBench, fleet: Fleet) -> None:
    """A stop that was over before the copy is none; the order that ended it is what is lost."""
    fleet.resume(box)
    box.next(FleetResumed)
    wait_until(lambda: Memory(box.directory).position.epoch == 2)


def pack(box: BoxBench, _: Fleet) -> None:
    box.write(*(Record(kind="call.key", data={"attempt": str(n)}) for n in range(60)))
    sent(box)


HEARD = somebody()
ACKNOWLEDGED: dict[str, Callable[[BoxBench, Fleet], None]] = {
    one.__name__: one
    for one in (
        claim,
        outcome,
        known_outcome,
        pack,
        stop,
        epoch,
        # Last, since whoever is still connected hears it too, and would know by that.
        objection,
        heard_objection,
    )
}


def own(box: BoxBench) -> str:
    """Return a pseudonym that only *box* tells of."""
    return f"{int(box.keys.box.removeprefix('box-')):032x}"


def power_cut(box: BoxBench) -> None:
    """Let *box* go on with what was on its disk before it could say good-bye."""
    as_cut = box.directory.with_suffix(".cut")
    shutil.copytree(box.directory, as_cut)
    box.member.close()
    box.ledger.close()
    shutil.rmtree(box.directory)
    as_cut.rename(box.directory)


def in_log(fleet: Fleet, subject: str) -> bool:
    async def look(headquarters: Headquarters) -> object:
        return await wire.read_direct(headquarters.nats, NAMES.stream, subject)

    return fleet.headquarters(look) is not None


def rows_there(fleet: Fleet, box: BoxBench) -> bool:
    async def look(headquarters: Headquarters) -> bytes:
        place = subjects.ledger(box.keys.box)
        found = await wire.read_direct(headquarters.nats, subjects.LEDGERS, place)
        return b"" if found is None else found.payload

    head = box.ledger.head[1]
    return head.encode() in fleet.headquarters(look)


def test_whatever_was_acknowledged_gives_away_a_hub_that_lost_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second box loses power and comes back with its disk; the others run and are cut off."""
    monkeypatch.setattr(member_module, "EXAMINE_AGAIN", 0.2)
    server = HubServer(tmp_path)
    server.start()
    server.prepare()
    fleet = Fleet(server, tmp_path)
    powerless = list(ACKNOWLEDGED)[1::2]
    (store,) = [one for one in server.directory("hub-1").iterdir() if one.is_dir()]
    copy = tmp_path / "copy"
    try:
        boxes = {name: fleet.box() for name in ACKNOWLEDGED}
        for name in ("outcome", "known_outcome"):
            authorise(boxes[name])
        for box in boxes.values():
            box.write(Record(kind="box.started"))
            wait_until(lambda b=box: b.member.status()["ledger_sent"] == b.ledger.head[0])

        server.kill("hub-1")
        shutil.copytree(store, copy)
        server.start()
        for name, box in boxes.items():
            wait_until(lambda b=box: b.member.status()["connected"])
            ACKNOWLEDGED[name](box, fleet)
            if name in powerless:
                power_cut(box)
            else:
                # Cut at once: it hears of nobody else's.
                box.link.cut()
                wait_until(lambda b=box: not b.member.status()["connected"])

        server.kill("hub-1")
        shutil.rmtree(store)
        shutil.copytree(copy, store)
        server.start()

        async def overtake(headquarters: Headquarters) -> None:
            for _ in range(60):
                await headquarters.object(somebody())

        fleet.headquarters(overtake)
        for name, box in boxes.items():
            if name in powerless:
                box.ledger = Ledger.open(box.directory / "ledger")
                box.member = box._made()
                box.member.start(box.ledger.head[0])
            else:
                box.link.mend()
        for name, box in boxes.items():
            wait_until(lambda b=box: b.member.status()["connected"], 30.0)
            assert "forgotten" in str(box.member.barred()), name
            said_by(box.member.status())
        # Without a person: what the hub lost of objections, and the ledger behind them.
        wait_until(lambda: in_log(fleet, NAMES.objection(own(boxes["objection"]))))
        heard = pseudonym(server.hub.secrets().campaign_key, HEARD)
        wait_until(lambda: in_log(fleet, NAMES.objection(heard)))
        for name in ("outcome", "known_outcome"):
            place = NAMES.outcome(own(boxes[name]), 1, boxes[name].keys.box)
            wait_until(lambda p=place: in_log(fleet, p))
        for box in boxes.values():
            wait_until(lambda b=box: rows_there(fleet, b))

        fleet.resume(*boxes.values())
        for name, box in boxes.items():
            assert "forgotten" in str(box.member.barred()), name
        fleet.resume(*boxes.values(), after_loss=True)
        for box in boxes.values():
            wait_until(lambda b=box: b.member.barred() is None)
            assert box.member.status()["lost"] == ""
            assert isinstance(box.claim(somebody()), ClaimGranted)
            box.restart()
            assert box.member.barred() is None
    finally:
        for box in fleet.boxes:
            box.close()
        server.close()
        gc.collect()  # Here, and not in whichever test comes next.


def said_by(status: dict[str, Any]) -> None:
    """See that status and doctor say what to do, whatever else stands against a call."""
    assert "resume --all --after-loss" in fleet_text(status)
    (row,) = [row for row in fleet_rows(status) if row.state == "fault"]
    assert "forgotten" in row.detail
    assert "resume --all --after-loss" in row.remedy
