"""What comes from outside and is not as it should be: people's words, files, boxes, disks, links.

Tables of siblings, so that another one is a line.
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nats import errors

from appliance.campaign import fleet_inputs
from appliance.cli.fleet import add_arguments
from appliance.errors import Refused, UsageWrong
from appliance.fleet.box_status import LONGEST_TEXT, read_status
from appliance.fleet.canary import unfit_node
from appliance.fleet.claim import Asked, Position, Reason
from appliance.fleet.headquarters import BoxSeen
from appliance.fleet.hub import Hub
from appliance.fleet.hub_config import Node
from appliance.fleet.joining import open_file
from appliance.fleet.keys import BoxKeys, KeysUnusable
from appliance.fleet.link_trouble import trouble_of
from appliance.fleet.memory import Memory
from appliance.fleet.messages import Objection, Order
from appliance.fleet.shared_state import SharedState
from appliance.storage.files import StorageFailed, SystemDisk
from tests.rigs.power_cut import MemoryDisk

AT = datetime(2027, 3, 9, 17, tzinfo=UTC)
NODES = [Node(name=f"hub-{n}", host=f"hub{n}.example") for n in (1, 2, 3)]
NESTED = b"[" * 100_000
PID = "ab" * 16


# --- the command line --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "stop north --by= --reason=x",
        "stop north --by=Ada --reason=",
        "stop north --by=Ada --reason=   ",
        "resume north --by=Ada --reason=" + "r" * 201,
        "remove north --by=\x1b[31mAda --reason=x",
        "remove north --by=\udcff --reason=x",
        "stop north --by=Ada --reason=x --wait=nan",
        "stop north --by=Ada --reason=x --wait=-1",
        "stop north --by=Ada --reason=x --wait=inf",
        "watch --count=0",
        "watch --count=x",
        "verify --skew=nan",
        "verify --skew=-1",
        "verify --cap=0",
        "demo --people=7",
        "demo --speed=0",
        "demo --speed=1e99",
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    action, *rest = words.split(" --")
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([*action.split(), *("--" + word for word in rest)])
    assert ended.value.code == 2
    capsys.readouterr()


def test_who_and_why_stand_in_one_line_of_the_log() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    told = parser.parse_args(["stop", "north", "--by", " Ada\nL. ", "--reason", "r" * 200])
    assert (told.by, len(told.reason)) == ("Ada L.", 200)
    order = Order(by=told.by, reason=told.reason, at=AT)
    assert Order.read(order.payload()) == order


# --- a fleet's directory -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"port": 99999}, "99999 is no port"),
        ({"port": 0}, "0 is no port"),
        ({"cluster_port": 65536}, "65536 is no port"),
        ({"cluster_port": 443}, "is taken by node hub-1"),
        ({"host": "hub2.example"}, "is taken by node hub-1"),
        ({"host": "HUB2.example", "port": 6222, "cluster_port": 1}, "is taken by node hub-1"),
        ({"host": "-"}, "is no machine"),
        ({"host": ".."}, "is no machine"),
        ({"host": "hub-.example"}, "is no machine"),
        ({"host": "a" * 64}, "is no machine"),
        ({"host": ".".join(["abcdefg"] * 32)}, "is no machine"),
    ],
)
def test_nodes_that_could_not_run_are_refused(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    first = Node(**{"name": "hub-1", "host": "hub1.example", **changed})
    with pytest.raises(UsageWrong, match=words):
        Hub.create(tmp_path / "hub", "spring", [first, *NODES[1:]])
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize(
    "there",
    ["secrets.json", "authority.key", "authority.crt", "boxes/north.json", "nodes/hub-1/nats.conf",
     "notes.txt", ".hidden", "fleet.json"],
)  # fmt: skip
def test_a_fleet_is_written_over_nothing(tmp_path: Path, there: str) -> None:
    file = tmp_path / "hub" / there
    file.parent.mkdir(parents=True)
    file.write_text("mine\n")
    with pytest.raises(Refused):
        Hub.create(tmp_path / "hub", "spring", NODES)
    assert [p for p in (tmp_path / "hub").rglob("*") if p.is_file()] == [file]
    assert file.read_text() == "mine\n"


def test_a_fleet_begins_in_an_empty_directory_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine\n")
    with pytest.raises(Refused, match="is no directory"):
        Hub.create(tmp_path / "file", "spring", NODES)
    (tmp_path / "hub").mkdir()
    Hub.create(tmp_path / "hub", "spring", NODES)
    assert Hub.open(tmp_path / "hub").campaign == "spring"


@pytest.mark.parametrize(
    ("file", "ask"),
    [
        ("fleet.json", lambda hub: Hub.open(hub.directory)),
        ("secrets.json", lambda hub: hub.secrets()),
        ("boxes/north.json", lambda hub: hub.boxes()),
        ("authority.crt", lambda hub: hub.authority),
        ("authority.key", lambda hub: hub.write_nodes()),
    ],
)
@pytest.mark.parametrize("contents", [NESTED, b"\xff\xfe", b"[1]", b"{}", b"", None])
def test_a_damaged_file_of_headquarters_is_named(
    tmp_path: Path, file: str, ask: Any, contents: bytes | None
) -> None:
    hub = Hub.create(tmp_path / "hub", "spring", NODES)
    hub.enrol("north")
    path = hub.directory / file
    path.unlink()
    if contents is not None:
        path.write_bytes(contents)
    if file.startswith("authority") and contents not in (b"\xff\xfe", None):
        return  # What a certificate holds is said by the library that reads it.
    if file.startswith("boxes") and contents is None:
        return  # A box that was never enrolled.
    with pytest.raises(Refused) as refused:
        ask(hub)
    assert refused.value.remedy
    assert path.name in str(refused.value) or "holds no fleet" in str(refused.value)


# --- a box's key -------------------------------------------------------------------------------


@pytest.mark.parametrize("contents", [NESTED, b"{", b"[]", b"null", b"\xff\xfe"])
def test_deep_and_broken_files_are_no_joining_file(contents: bytes) -> None:
    with pytest.raises(Refused, match="not a joining file"):
        open_file(contents, "x", "x.join")


@pytest.mark.parametrize("kind", ["nested", "binary", "long", "device", "pipe", "directory"])
def test_a_key_file_of_another_kind_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "fleet.key"
    match kind:
        case "device":
            path.symlink_to("/dev/zero")
        case "pipe":
            os.mkfifo(path, 0o600)
        case "directory":
            path.mkdir(mode=0o700)
        case _:
            path.write_bytes(
                {"nested": NESTED[:50_000], "binary": b"\xff", "long": b" " * 70_000}[kind]
            )
            path.chmod(0o600)
    with pytest.raises(KeysUnusable) as refused:
        BoxKeys.load(path)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("seed", "SU" + "a" * 56),
        ("servers", ["tls://hub.example:0"]),
        ("servers", ["tls://hub.example:99999"]),
    ],
)
def test_what_only_looks_right_is_refused_too(tmp_path: Path, member: str, value: object) -> None:
    keys = Hub.create(tmp_path / "hub", "spring", NODES).enrol("north")
    text = json.dumps({**json.loads(keys.text()), member: value})
    with pytest.raises(KeysUnusable) as refused:
        BoxKeys.parse(text, "fleet.key")
    assert refused.value.remedy


# --- what others say ---------------------------------------------------------------------------


def _node(**changed: Any) -> dict[str, Any]:
    config = {"sync_always": True, "sync_interval": 120_000_000_000}
    told = {"server": {"name": "hub-1", "ver": "2.15.1"}, "data": {"config": config}}
    return {**told, **changed}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (_node(), None),
        (_node(server={"name": "hub-1", "ver": "2.14.4"}), None),
        (_node(server={"name": "hub-1", "ver": "2.14.3"}), "runs nats-server 2.14.3"),
        (_node(server={"name": "hub-1", "ver": "2.9.10"}), "runs nats-server 2.9.10"),
        (_node(server={"name": "hub-1", "ver": "3.0.0-RC.1"}), None),
        (_node(server={}), "runs nats-server ?"),
        (_node(server="x"), "runs nats-server ?"),
        (_node(data={"config": {"sync_interval": 1}}), "not on its disk"),
        (_node(data={"config": {"sync_always": "yes"}}), "not on its disk"),
        (_node(data={"config": []}), "not on its disk"),
        (_node(data=None), "not on its disk"),
        ({}, "runs nats-server ?"),
    ],
)
def test_a_node_that_acknowledges_too_early_is_unfit(
    told: dict[str, Any], words: str | None
) -> None:
    unfit = unfit_node(told)
    if words is None:
        assert unfit is None
    else:
        assert unfit is not None
        assert words in str(unfit)
        assert unfit.remedy


@pytest.mark.parametrize("payload", [b"", b"[1]", NESTED, b"\xff\xfe", b"null", b'"x"'])
def test_what_is_no_status_is_none(payload: bytes) -> None:
    assert read_status(payload) is None


@pytest.mark.parametrize(
    ("member", "value", "kept"),
    [
        ("stopped", "yes", None),
        ("stopped", 1, None),
        ("epoch", "1", None),
        ("epoch", True, None),
        ("epoch", -1, None),
        ("epoch", 2**53, None),
        ("epoch", 7, 7),
        ("calls", 1.5, None),
        ("calls", [1], None),
        ("ledger_sent", "many", None),
        ("objections_unsent", {}, None),
        ("barred", None, None),
        ("barred", {"a": 1}, None),
        ("barred", "a\nnorth  may call", "a north may call"),
        ("last_list", "x" * 10_000, "x" * LONGEST_TEXT),
    ],
)
def test_a_status_says_nothing_of_another_kind(member: str, value: object, kept: object) -> None:
    status = read_status(json.dumps({member: value, "more": [1]}).encode())
    assert status is not None
    assert status.get(member) == kept
    assert status["more"] == [1]


@pytest.mark.parametrize(
    ("status", "confirmed"),
    [
        ({"stopped": True, "epoch": 3}, True),
        ({"stopped": True, "epoch": 5}, True),
        ({"stopped": True, "epoch": 2}, False),
        ({"stopped": True}, False),
        ({"stopped": False, "epoch": 3}, False),
        ({"stopped": True, "epoch": 3, "calls": 1}, False),
        (None, False),
    ],
)
def test_a_stop_is_confirmed_by_the_box_alone(
    status: dict[str, Any] | None, confirmed: bool
) -> None:
    seen = BoxSeen(box="north", epoch=3, ordered_stop=True, status=status, heard_at=AT)
    assert seen.confirmed_stop is confirmed


def _certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "a reason"
    return error


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (Exception("nats: 'Authorization Violation'"), "does not know this key", "enrols"),
        (_certificate(9), "not valid yet", "clock"),
        (_certificate(10), "has expired", "clock"),
        (_certificate(18), "not of this fleet", "Look who answers"),
        (_certificate(20), "not of this fleet", "Look who answers"),
        (_certificate(62), "of another machine", "look who answers"),
        (_certificate(64), "of another machine", "look who answers"),
        (TimeoutError(), "does not answer in time", ""),
        (ConnectionRefusedError(111, "Connect call failed ('h', 1)"), "Connection refused", ""),
        (OSError(-2, "Name or service not known"), "Name or service not known", ""),
        (errors.UnexpectedEOF(), "the link to the hub broke (unexpected EOF)", ""),
        (errors.Error("nats: empty response"), "the link to the hub broke (empty response)", ""),
        (errors.TimeoutError(), "does not answer in time", ""),
        (ValueError("odd"), "ValueError: odd", ""),
    ],
)
def test_why_the_hub_lets_nobody_in(error: Exception, what: str, remedy: str) -> None:
    trouble = trouble_of(error)
    assert what in trouble.what
    assert remedy in trouble.remedy
    assert bool(remedy) == bool(trouble.remedy)


# --- a disk that takes no more ------------------------------------------------------------------


def test_an_objection_behind_half_a_record_is_refused_until_the_file_is_read_again() -> None:
    """Written behind it, every later one would be read as somebody else's."""
    disk = MemoryDisk()
    state = Path("/state")
    memory = Memory(state, disk)
    memory.heard([(f"{1:032x}", AT)])
    disk.short_writes, disk.tear_next_write = 10, True
    with pytest.raises(StorageFailed):
        memory.heard([(f"{2:032x}", AT)])
    disk.short_writes = None
    with pytest.raises(StorageFailed):
        memory.heard([(f"{3:032x}", AT)])
    again = Memory(state, disk)
    assert set(again.objections) == {bytes.fromhex(f"{1:032x}")}
    assert again.heard([(f"{3:032x}", AT)]) == [f"{3:032x}"]
    assert set(Memory(state, disk).objections) == {bytes.fromhex(f"{n:032x}") for n in (1, 3)}


class Full(SystemDisk):
    """A disk that takes nothing for files whose name begins with one of *names*."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names_refused = names

    def open(self, path: Path, *, truncate: bool = False) -> int:
        if path.name.startswith(self.names_refused):
            raise OSError(28, "No space left on device")
        return super().open(path, truncate=truncate)


def _shared(memory: Memory) -> tuple[SharedState, list[Any]]:
    posted: list[Any] = []
    shared = SharedState(memory, post=posted.append, changed=lambda: None, boot=lambda: 100.0)
    return shared, posted


def test_a_stop_holds_and_hangs_up_though_the_disk_is_full(tmp_path: Path) -> None:
    shared, posted = _shared(Memory(tmp_path, Full("position.json")))
    with pytest.raises(StorageFailed):
        shared.stop(None, Order(by="Ada", reason="noise", at=AT))
    (stopped,) = posted
    assert isinstance(stopped, fleet_inputs.FleetStopped)
    assert stopped.hang_up
    assert shared.position.stopped


def test_an_objection_ends_its_claim_though_the_disk_is_full(tmp_path: Path) -> None:
    shared, posted = _shared(Memory(tmp_path, Full("objections")))
    shared.ask("a1", PID, 1, "c.spring.claim.x.1")
    with pytest.raises(StorageFailed):
        shared.hear(PID, Objection(box="south", at=AT, by="key"))
    (objected,) = posted
    assert isinstance(objected, fleet_inputs.ObjectedElsewhere)
    state = shared.answer("a1", _acknowledged(9))
    assert getattr(state, "reason", None) is Reason.OBJECTED
    assert shared.refuses("a1") == "objected"


def _acknowledged(sequence: int) -> Any:
    from appliance.fleet.claim import Acknowledged

    return Acknowledged(sequence)


@pytest.mark.parametrize(
    ("orders", "hang_ups"),
    [
        (["stop", "stop"], [True]),
        (["fence", "stop"], [False, True]),
        (["fence", "stop", "stop"], [False, True]),
        (["stop", "fence"], [True]),
        (["fence", "fence"], [False]),
    ],
)
def test_a_stop_behind_a_fence_still_hangs_up(
    tmp_path: Path, orders: list[str], hang_ups: list[bool]
) -> None:
    """A fence lets the call go on; whoever then stops the box means the call too."""
    shared, posted = _shared(Memory(tmp_path))
    for kind in orders:
        shared.stop(1, Order(by="Ada", reason="r", at=AT, fence=kind == "fence"))
    assert [given.hang_up for given in posted] == hang_ups


def test_a_cut_behind_the_loss_of_the_hub_sends_everything_again(tmp_path: Path) -> None:
    """Between counting anew and having told what the hub forgot, the plug may be pulled."""
    memory = Memory(tmp_path)
    memory.heard([(PID, AT)])
    memory.acknowledged(40)
    memory.move(Position(highest=90, forgetful="it ends at 7"))
    full = Memory(tmp_path, Full("position.json"))
    shared, _ = _shared(full)
    order = Order(by="Ada", reason="restored", at=AT, after_loss=True)
    with pytest.raises(StorageFailed):
        shared.open(2, 8, order)
    cut = Memory(tmp_path)
    assert (cut.again, cut.sent, cut.position.forgetful) == (True, 0, "it ends at 7")

    shared, _ = _shared(cut)
    shared.open(2, 8, order)
    cut = Memory(tmp_path)
    assert (cut.again, cut.sent, cut.position.forgetful) == (True, 0, "")
    cut.acknowledged(0)
    assert not Memory(tmp_path).again, "an empty ledger too comes to an end"


def test_an_old_epoch_asks_for_nothing_anew(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.move(Position(epoch=3))
    shared, posted = _shared(memory)
    shared.open(3, 8, Order(by="Ada", reason="r", at=AT, after_loss=True))
    assert not Memory(tmp_path).again
    assert posted == []


def test_a_claim_of_a_former_run_is_no_permission(tmp_path: Path) -> None:
    shared, _ = _shared(Memory(tmp_path))
    assert isinstance(shared.ask("a1", PID, 1, "c.spring.claim.x.1"), Asked)
    shared.answer("a1", _acknowledged(9))
    assert shared.refuses("a1") is None
    again, _ = _shared(Memory(tmp_path))
    assert "never claimed" in str(again.refuses("a1"))
