"""What the hub's server is told, whole: streams, consumers, users, and the subjects' names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.fleet import hub_config, subjects
from appliance.fleet.hub_config import (
    Member,
    Node,
    box_publishes,
    box_subscribes,
    inbox,
    node_config,
    users_config,
)
from appliance.fleet.packs import BYTES, LINES, Head, PackRefused, follow, packs, raw, read
from appliance.fleet.pseudonym import pseudonym
from appliance.fleet.streams import (
    GUARDED,
    campaign_stream,
    consumer,
    list_consumer,
    other_streams,
    unlike,
)
from appliance.fleet.subjects import NameRefused, Subject, Subjects, name
from appliance.ledger.format import GENESIS, Line, encode

PID = "0123456789abcdef" * 2
NAMES = Subjects("spring")
SECOND = 10**9
LOG: dict[str, Any] = {
    "name": "CAMP_spring",
    "subjects": ["c.spring.>"],
    "storage": "file",
    "retention": "limits",
    "num_replicas": 3,
    "max_msgs_per_subject": 1,
    "discard": "new",
    "discard_new_per_subject": True,
    "deny_delete": True,
    "deny_purge": True,
    "allow_atomic": True,
    "allow_direct": True,
    "max_age": 0,
    "max_msgs": -1,
    "max_bytes": -1,
    "duplicate_window": 120 * SECOND,
}


def test_a_campaigns_log_takes_each_subject_once_and_forgets_nothing() -> None:
    assert campaign_stream("spring", 3) == LOG


def test_the_streams_beside_it() -> None:
    common = {
        "storage": "file",
        "retention": "limits",
        "num_replicas": 1,
        "allow_direct": True,
        "max_msgs": -1,
        "max_bytes": -1,
    }
    newest = {"max_msgs_per_subject": 1, "discard": "old"}
    assert other_streams(1) == [
        common
        | {
            "name": "LEDGER",
            "subjects": ["ledger.*"],
            "discard": "new",
            "deny_delete": True,
            "deny_purge": True,
            "max_age": 0,
            "duplicate_window": 120 * SECOND,
        },
        common | newest | {"name": "STATUS", "subjects": ["status.*"]},
        common | newest | {"name": "HEADS", "subjects": ["head.*"]},
        common
        | {
            "name": "LISTS",
            "subjects": ["list.>"],
            "discard": "new",
            "max_age": 30 * 86_400 * SECOND,
        },
    ]


def test_how_a_box_follows() -> None:
    durable = {
        "durable_name": "north",
        "name": "north",
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "max_ack_pending": 1000,
        "replay_policy": "instant",
    }
    for replicas in (1, 2, 3):
        # A hub of one node would lose it with its memory.
        assert consumer("spring", "north", replicas) == durable | {
            "filter_subjects": [
                "c.spring.rev.*",
                "c.spring.stop.*.north",
                "c.spring.epoch.*.north",
            ],
            "ack_wait": 5 * SECOND,
            "mem_storage": replicas > 1,
        }
    assert list_consumer("north") == durable | {
        "filter_subjects": ["list.north.>"],
        "ack_wait": 300 * SECOND,
    }


@pytest.mark.parametrize("key", GUARDED)
def test_each_setting_on_which_a_promise_rests_is_compared(key: str) -> None:
    assert unlike(LOG, LOG) == []
    assert len(unlike(LOG, LOG | {key: "else"})) == 1
    without = {k: v for k, v in LOG.items() if k != key}
    # A server leaves out what has its default.
    left_out = key in ("max_age", "max_msgs", "max_bytes")
    assert len(unlike(LOG, without)) == (not left_out)


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        ({"subjects": ["c.spring.>"]}, 0),
        ({"subjects": []}, 1),
        ({"subjects": None}, 1),
        ({"subjects": ["c.spring.>", "x"]}, 1),
        ({"allow_direct": False}, 0),  # nothing rests on that
        ({"num_replicas": 1, "discard": "old"}, 2),
    ],
)
def test_how_a_stream_differs(found: dict[str, Any], faults: int) -> None:
    assert len(unlike(LOG, LOG | found)) == faults


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_msgs_per_subject", -1),
        ("max_age", 0),
        ("max_msgs", -1),
        ("max_bytes", -1),
        ("discard", "old"),
        ("num_replicas", 1),
        ("deny_delete", False),
    ],
)
def test_what_a_server_leaves_out_has_its_default(key: str, value: object) -> None:
    bare: dict[str, Any] = {"subjects": ["x"]}
    assert unlike(bare | {key: value}, bare) == []
    assert unlike(bare, bare | {key: value}) == []
    assert len(unlike(bare, bare | {key: "else"})) == 1


def test_a_node_alone_and_one_of_three() -> None:
    nodes = [Node(name=f"n{n}", host=f"10.0.0.{n}") for n in (1, 2, 3)]
    alone = node_config(nodes[0], nodes[:1], store="/s", tls=None)
    assert alone.splitlines()[1:] == [
        'server_name: "n1"',
        'listen: "0.0.0.0:443"',
        'ping_interval: "5s"',
        "ping_max: 2",
        'write_deadline: "5s"',
        "max_payload: 1MB",
        "jetstream {",
        '  store_dir: "/s"',
        "  # An acknowledged claim, objection or stop is on the disks of two nodes of three.",
        "  sync_interval: always",
        "  # The default is 50: one busy moment of 50 boxes would be refused.",
        "  limits { batch { max_inflight_per_stream: 2000 } }",
        "}",
        "include 'users.conf'",
    ]
    tls = [
        "tls {",
        '  cert_file: "/t/node.crt"',
        '  key_file: "/t/node.key"',
        '  ca_file: "/t/authority.crt"',
        '  min_version: "1.3"',
        "  timeout: 5",
    ]
    lines = node_config(nodes[0], nodes, store="/s", tls="/t").splitlines()
    assert lines[14:21] == [*tls, "}"]
    assert lines[21:] == [
        "cluster {",
        "  name: fleet",
        '  listen: "0.0.0.0:6222"',
        '  routes: ["nats-route://10.0.0.2:6222", "nats-route://10.0.0.3:6222"]',
        "  # A box goes where its configuration says; addresses among nodes are no business",
        "  # of its, and their names stand in no certificate.",
        "  no_advertise: true",
        *(f"  {line}" for line in (*tls, "  verify: true", "}")),
        "}",
        "include 'users.conf'",
    ]
    assert hub_config.OLDEST == (2, 14, 4)


def test_a_box_may_write_what_is_its_own_and_nothing_of_anothers() -> None:
    writes = box_publishes("spring", "north")
    assert writes == [
        "c.spring.claim.*.*",
        "c.spring.permit.*.*.north",
        "c.spring.outcome.*.*.north",
        "c.spring.rev.*",
        "c.spring.canary.north.>",
        "push.spring.rev",
        "ledger.north",
        "status.north",
        "$JS.API.STREAM.INFO.CAMP_spring",
        "$JS.API.DIRECT.GET.CAMP_spring",
        "$JS.API.DIRECT.GET.CAMP_spring.c.spring.>",
        "$JS.API.STREAM.MSG.GET.CAMP_spring",
        "$JS.API.DIRECT.GET.LEDGER.ledger.north",
        "$JS.API.DIRECT.GET.HEADS.head.north",
        "$JS.API.CONSUMER.MSG.NEXT.CAMP_spring.north",
        "$JS.API.CONSUMER.INFO.CAMP_spring.north",
        "$JS.ACK.CAMP_spring.north.>",
        "$JS.API.CONSUMER.MSG.NEXT.LISTS.north",
        "$JS.ACK.LISTS.north.>",
    ]
    assert not any(".stop." in one or ".epoch." in one for one in writes)
    assert box_subscribes("spring", "north") == [
        "_INBOX_north.>",
        "push.spring.stop.north",
        "push.spring.stop.all",
        "push.spring.rev",
        "head.north",
    ]
    assert inbox("north") == "_INBOX_north"


def test_who_may_connect() -> None:
    members = [Member(box=b, nkey=f"U{b}", sealing="00") for b in ("north", "south")]
    lines = users_config("spring", members, headquarters="UHQ").splitlines()
    (start,) = (n for n, line in enumerate(lines) if line == "    users: [")
    assert lines[start + 1 :] == [
        "      { nkey: UHQ }",
        *(
            line
            for b in ("north", "south")
            for line in (
                f"      # {b}",
                f"      {{ nkey: U{b}, permissions: "
                + json.dumps(
                    {
                        "publish": {"allow": box_publishes("spring", b)},
                        "subscribe": {"allow": box_subscribes("spring", b)},
                    }
                )
                + " }",
            )
        ),
        "    ]",
        "  }",
        "  SYS {",
        "    users: []",
        (
            '    exports: [ { service: "$SYS.REQ.SERVER.PING.JSZ", response: stream, '
            "accounts: [FLEET] } ]"
        ),
        "  }",
        "}",
        "system_account: SYS",
    ]


@pytest.mark.parametrize(
    ("subject", "parts"),
    [
        (NAMES.claim(PID, 2), Subject("claim", pid=PID, number=2)),
        (NAMES.outcome(PID, 12, "north"), Subject("outcome", pid=PID, number=12, box="north")),
        (NAMES.permit(PID, 3, "north"), Subject("permit", pid=PID, number=3, box="north")),
        (NAMES.objection(PID), Subject("rev", pid=PID)),
        (NAMES.stop(4, "north"), Subject("stop", number=4, box="north")),
        (NAMES.epoch(5, "north"), Subject("epoch", number=5, box="north")),
        (NAMES.canary("north", "a.b"), Subject("canary", box="north")),
        (f"c.summer.claim.{PID}.2", None),
        (f"d.spring.claim.{PID}.2", None),
        (f"c.spring.claim.{PID}", None),
        (f"c.spring.claim.{PID}.x", None),
        (f"c.spring.claim.{PID[:-1]}.2", None),
        (f"c.spring.claim.{PID}0.2", None),
        (f"c.spring.claim.{PID}.2.3", None),
        (f"c.spring.permit.{PID}.2", None),
        (f"c.spring.permit.{PID}.x.north", None),
        (f"c.spring.outcome.{PID}.x.north", None),
        ("c.spring.rev.x", None),
        ("c.spring.rev", None),
        ("c.spring.stop.x.north", None),
        ("c.spring.canary", None),
        ("c.spring", None),
        ("push.spring.rev", None),
    ],
)
def test_a_subject_is_read_as_it_is_written(subject: str, parts: Subject | None) -> None:
    assert NAMES.read(subject) == parts


def test_the_subjects_beside_the_log() -> None:
    assert (NAMES.claims_of(PID), NAMES.objections) == (f"c.spring.claim.{PID}.*", "c.spring.rev.*")
    assert subjects.list_part("north", "ab", 3) == "list.north.ab.3"
    assert (subjects.ledger("n"), subjects.status("n"), subjects.head("n")) == (
        "ledger.n",
        "status.n",
        "head.n",
    )


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a", True),
        ("a" * 32, True),
        ("a" * 33, False),
        ("9-x", True),
        ("-x", False),
        ("", False),
        ("A", False),
        ("a.b", False),
        ("a*", False),
    ],
)
def test_which_names_are_one_token(text: str, good: bool) -> None:
    if good:
        assert name(text) == text
        assert Subjects(text).campaign == text
    else:
        with pytest.raises(NameRefused):
            name(text)
        with pytest.raises(NameRefused):
            Subjects(text)


# -- packs ----------------------------------------------------------------------------------------


def ledger(count: int, size: int = 1) -> list[Line]:
    found: list[Line] = []
    for n in range(count):
        line, _ = encode(
            seq=n + 1,
            at="2027-03-10T17:00:00.000Z",
            kind="x.y",
            subject=None if n % 2 else "s",
            data={"a": "b" * size},
            prev=found[-1].hash if found else GENESIS,
        )
        found.append(line)
    return found


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 101])
def test_a_pack_has_up_to_fifty_lines(count: int) -> None:
    lines = ledger(count)
    cut = list(packs(lines))
    assert LINES == 50
    assert [len(one.lines) for one in cut] == [50] * (count // 50) + [count % 50] * (count % 50 > 0)
    assert [line for one in cut for line in one.lines] == lines
    head = Head()
    for one in cut:
        assert one.first == head.seq + 1
        assert read(one.payload()) == list(one.lines)
        head = follow(head, one.lines)
        assert head == one.head


def test_a_pack_has_up_to_half_a_megabyte_unless_one_line_alone_is_longer() -> None:
    assert BYTES == 512 * 1024
    lines = ledger(5, 200_000)
    assert [len(one.lines) for one in packs(lines)] == [2, 2, 1]
    each = len(lines[0].data) + 350
    exact = BYTES // 2 - 350 - (len(lines[0].data) - 200_000)
    assert each < BYTES
    assert [len(one.lines) for one in packs(ledger(2, exact))] == [2]
    assert [len(one.lines) for one in packs(ledger(2, exact + 1))] == [1, 1]


def test_a_line_stands_in_a_pack_as_in_the_file() -> None:
    for subject in (None, "s"):
        line, written = encode(
            seq=1,
            at="2027-03-10T17:00:00.000Z",
            kind="x.y",
            subject=subject,
            data={"é": 1},
            prev=GENESIS,
        )
        assert raw(line) == written


def test_lines_that_do_not_follow_are_refused() -> None:
    lines = ledger(3)
    assert follow(Head(), []) == Head(0, GENESIS)
    for wrong in (lines[1:], [lines[0], lines[2]], [lines[0], lines[0]]):
        with pytest.raises(PackRefused):
            follow(Head(), wrong)
    with pytest.raises(PackRefused, match="whole line"):
        read(raw(lines[0])[:-1])
    with pytest.raises(PackRefused, match="damaged"):
        read(raw(lines[0]).replace(b"x.y", b"x.z"))


def test_a_pseudonym_is_128_bits_of_a_keyed_hash() -> None:
    key = bytes(32)
    one = pseudonym(key, "+33639980012")
    assert subjects.PID.fullmatch(one)
    assert one != pseudonym(bytes([1]) + key[1:], "+33639980012")
    for bad in (key[:-1], key + b"x"):
        with pytest.raises(ValueError, match="32 bytes"):
            pseudonym(bad, "+33639980012")
    for number in ("33639980012", "+0639980012", "+123456", "+1234567890123456", "+3363998 0012"):
        with pytest.raises(ValueError, match=r"E\.164"):
            pseudonym(key, number)
    assert len(pseudonym(key, "+1234567")) == len(pseudonym(key, "+123456789012345")) == 32
