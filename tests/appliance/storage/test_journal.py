"""The journal: transactions, torn tails against damage, generations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.storage.journal import START_OVER, Journal
from appliance.storage.journal_format import Change, JournalCorrupt, SchemaUnknown
from tests.rigs.power_cut import MemoryDisk

DIRECTORY = Path("/state/registry")
Rows = dict[tuple[str, str], bytes]


def load(disk: MemoryDisk, *, schema: int = 1, read_only: bool = False) -> tuple[Journal, Rows]:
    journal, changes = Journal.open(
        DIRECTORY, name="people", schema=schema, read_only=read_only, disk=disk
    )
    rows: Rows = {}
    for change in changes:
        table, key, row = change
        if change is START_OVER:
            rows.clear()
        elif row is None:
            rows.pop((table, key), None)
        else:
            rows[table, key] = row
    return journal, rows


def put(key: int, text: str = "é") -> Change:
    return Change("t", f"{key:04x}", f'["{text}",{key}]'.encode())


def gone(key: int) -> Change:
    return Change("t", f"{key:04x}", None)


def keys(rows: Rows) -> list[int]:
    return [int(key, 16) for _, key in rows]


def three_transactions() -> tuple[MemoryDisk, Journal]:
    disk = MemoryDisk()
    journal, _ = load(disk)
    journal.commit([put(1), put(2)])
    journal.commit([put(3), gone(1)])
    journal.commit([put(4)])
    return disk, journal


def state(journal_rows: Rows) -> list[Change]:
    return [Change(table, key, row) for (table, key), row in journal_rows.items()]


LOG = DIRECTORY / "people-00000001.log"


def test_transactions_come_back_in_order() -> None:
    disk, _ = three_transactions()
    assert load(disk)[1] == {
        ("t", "0002"): '["é",2]'.encode(),
        ("t", "0003"): '["é",3]'.encode(),
        ("t", "0004"): '["é",4]'.encode(),
    }


def test_every_cut_of_the_log_gives_a_state_between_two_transactions() -> None:
    disk, _ = three_transactions()
    raw = disk.contents()[LOG]
    header = raw.index(b"\n") + 1
    allowed = [[], [1, 2], [2, 3], [2, 3, 4]]
    for cut in range(header, len(raw) + 1):
        whole = raw[:cut].count(b"\n") - 1
        for torn in (raw[:cut], raw[:cut] + bytes(len(raw) - cut)):
            journal, rows = load(MemoryDisk({LOG: torn}))
            assert keys(rows) == allowed[whole]
            assert journal.cut_bytes == len(torn) - len(b"".join(raw.splitlines(True)[: whole + 1]))
            journal.commit([put(9)])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda raw: raw.replace(b'",2]', b'",7]'), 2),
        (lambda raw: raw.replace(b'",4]', b'",7]'), 4),
        (lambda raw: b"".join(raw.splitlines(True)[:2] + raw.splitlines(True)[3:]), 3),
        (lambda raw: b"".join(raw.splitlines(True)[:3] + raw.splitlines(True)[2:]), 4),
        (lambda raw: raw.replace(b'",2]', b"\0\0\0\0"), 2),
        (lambda raw: raw[5:], 1),
        (lambda raw: raw[:0], 1),
    ],
)
def test_damage_is_refused_and_kept(change: Callable[[bytes], bytes], line: int) -> None:
    disk, _ = three_transactions()
    damaged = MemoryDisk({LOG: change(disk.contents()[LOG])})
    before = damaged.contents()
    with pytest.raises(JournalCorrupt) as caught:
        load(damaged)
    assert (caught.value.file, caught.value.line) == (LOG.name, line)
    assert damaged.contents() == before


def test_compaction_keeps_one_older_generation_from_which_nothing_is_missing() -> None:
    disk, journal = three_transactions()
    rows = load(MemoryDisk(disk.contents()))[1]
    for generation in (2, 3):
        journal.compact(state(rows))
        assert journal.generation == generation
        journal.commit([put(generation + 10)])
        rows["t", f"{generation + 10:04x}"] = put(generation + 10).row or b""
    assert disk.names(DIRECTORY) == [
        "people-00000002.log",
        "people-00000002.snapshot",
        "people-00000003.log",
        "people-00000003.snapshot",
    ]
    assert load(MemoryDisk(disk.contents()))[1] == rows
    newest = DIRECTORY / "people-00000003.snapshot"
    for damage in (b"", disk.contents()[newest][:-3], b"x" + disk.contents()[newest][1:]):
        assert load(MemoryDisk({**disk.contents(), newest: damage}))[1] == rows


def test_parts_without_a_seal_are_not_carried_over_a_start() -> None:
    disk, journal = three_transactions()
    journal.write_part([put(10, "kept")])
    journal.commit([put(5)])
    journal.seal()
    journal.write_part([put(20, "void")])
    journal.commit([put(6)])
    journal.write_part([put(21, "void")])
    for end in (b"", b"0000"):
        cut = MemoryDisk({LOG: disk.contents()[LOG] + end})
        journal, rows = load(cut)
        assert keys(rows) == [2, 3, 4, 5, 10, 6]
        assert b"void" not in cut.contents()[LOG]
        assert journal.log_bytes == len(cut.contents()[LOG])
        journal.write_part([put(30)])
        journal.seal()
        assert keys(load(MemoryDisk(cut.contents()))[1]) == [2, 3, 4, 5, 10, 6, 30]


def test_compaction_after_parts_were_given_up_keeps_no_older_generation() -> None:
    disk, journal = three_transactions()
    journal.write_part([put(20, "void")])
    journal.give_up_parts()
    journal.compact([put(2)])
    assert disk.names(DIRECTORY) == ["people-00000002.log", "people-00000002.snapshot"]
    journal.give_up_parts()
    journal.compact([put(2)])
    assert "people-00000002.log" in disk.names(DIRECTORY)


def test_no_descriptor_is_left_open() -> None:
    disk, journal = three_transactions()
    journal.compact([put(1)])
    journal.compact([put(1)], keep_previous=False)
    assert len(disk.descriptors) == 1
    journal.close()
    reopened, _ = load(disk)
    reopened.close()
    assert disk.descriptors == {}


def test_a_damaged_snapshot_without_a_second_copy_is_refused() -> None:
    disk, journal = three_transactions()
    rows = load(MemoryDisk(disk.contents()))[1]
    journal.compact(state(rows), keep_previous=False)
    assert disk.names(DIRECTORY) == ["people-00000002.log", "people-00000002.snapshot"]
    snapshot = DIRECTORY / "people-00000002.snapshot"
    damaged = MemoryDisk({**disk.contents(), snapshot: disk.contents()[snapshot][:-3]})
    with pytest.raises(JournalCorrupt, match="snapshot is damaged"):
        load(damaged)


def test_a_snapshot_that_is_itself_a_change_cannot_be_replaced_by_the_older_copy() -> None:
    disk, journal = three_transactions()
    journal.compact([put(n) for n in range(20)], changed=True)
    assert keys(load(MemoryDisk(disk.contents()))[1]) == list(range(20))
    snapshot = DIRECTORY / "people-00000002.snapshot"
    with pytest.raises(JournalCorrupt, match="does not continue"):
        load(MemoryDisk({**disk.contents(), snapshot: b""}))


def test_an_older_generation_that_must_not_stay_is_removed_at_start_and_never_used() -> None:
    disk, journal = three_transactions()
    old = disk.contents()
    journal.compact([put(2)], keep_previous=False)
    revived = MemoryDisk({**disk.contents(), **old})
    assert keys(load(revived)[1]) == [2]
    assert LOG.name not in revived.names(DIRECTORY)
    snapshot = DIRECTORY / "people-00000002.snapshot"
    with pytest.raises(JournalCorrupt, match="snapshot is damaged"):
        load(MemoryDisk({**disk.contents(), **old, snapshot: b""}))


@pytest.mark.parametrize("missing", ["people-00000002.log", "people-00000002.snapshot"])
def test_a_missing_file_is_no_empty_journal(missing: str) -> None:
    disk, journal = three_transactions()
    journal.compact([put(2)], keep_previous=False)
    files = {path: data for path, data in disk.contents().items() if path.name != missing}
    with pytest.raises(JournalCorrupt, match="missing"):
        load(MemoryDisk(files))


def test_a_newer_schema_is_refused_and_an_older_one_told() -> None:
    disk = MemoryDisk()
    journal, _ = load(disk, schema=2)
    journal.commit([put(1)])
    with pytest.raises(SchemaUnknown) as caught:
        load(MemoryDisk(disk.contents()), schema=1)
    assert caught.value.remedy
    assert load(MemoryDisk(disk.contents()), schema=3)[0].found_schema == 2


def test_a_reader_changes_nothing_even_where_the_tail_is_torn() -> None:
    disk, _ = three_transactions()
    files = {LOG: disk.contents()[LOG] + b"0000", DIRECTORY / "x.tmp": b""}
    readable = MemoryDisk(files)
    journal, rows = load(readable, read_only=True)
    assert keys(rows) == [2, 3, 4]
    assert readable.calls == 0
    journal.close()
    assert load(MemoryDisk(), read_only=True)[1] == {}
