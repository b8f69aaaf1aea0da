"""The journal: transactions, torn tails against damage, generations."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from appliance.storage.files import StateInUse, StorageFailed
from appliance.storage.journal import START_OVER, Journal
from appliance.storage.journal_format import (
    Change,
    Header,
    JournalCorrupt,
    SchemaUnknown,
    snapshot_line,
)
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


@pytest.mark.parametrize(
    ("missing", "file"),
    [
        ("people-00000002.log", "people-00000002.log"),
        ("people-00000002.snapshot", "people"),
    ],
)
def test_a_missing_file_is_no_empty_journal(missing: str, file: str) -> None:
    disk, journal = three_transactions()
    journal.compact([put(2)], keep_previous=False)
    files = {path: data for path, data in disk.contents().items() if path.name != missing}
    with pytest.raises(JournalCorrupt, match="missing") as caught:
        load(MemoryDisk(files))
    assert (caught.value.file, caught.value.line) == (file, 0)


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


SNAPSHOT = DIRECTORY / "people-00000002.snapshot"
SECOND_LOG = DIRECTORY / "people-00000002.log"


def two_generations() -> MemoryDisk:
    """The whole state twice: the first log, and a snapshot of what it came to with its log."""
    disk, journal = three_transactions()
    journal.compact([put(2), put(3), put(4)])
    journal.commit([put(5)])
    return disk


def test_the_sizes_are_those_of_the_files() -> None:
    disk = MemoryDisk()
    journal, _ = load(disk)
    assert journal.snapshot_bytes == 0

    def sizes_hold(journal: Journal) -> None:
        contents = disk.contents()
        name = f"people-{journal.generation:08d}"
        assert journal.log_bytes == len(contents[DIRECTORY / f"{name}.log"])
        snapshot = contents.get(DIRECTORY / f"{name}.snapshot", b"")
        assert journal.snapshot_bytes == len(snapshot)
        assert journal.cut_bytes == 0

    sizes_hold(journal)
    journal.commit([put(1)])
    journal.commit([put(2)])
    sizes_hold(journal)
    journal.compact([put(1), put(2)])
    sizes_hold(journal)
    journal.commit([put(3)])
    sizes_hold(journal)
    sizes_hold(load(disk)[0])


def test_a_journal_that_is_not_there_has_no_generation_and_no_bytes() -> None:
    journal, _ = load(MemoryDisk(), read_only=True)
    found = journal.generation, journal.log_bytes, journal.snapshot_bytes, journal.cut_bytes
    assert found == (0, 0, 0, 0)


def test_a_journal_that_must_exist_is_not_begun() -> None:
    with pytest.raises(JournalCorrupt, match="missing") as caught:
        Journal.open(DIRECTORY, name="people", schema=1, must_exist=True, disk=MemoryDisk())
    assert (caught.value.file, caught.value.line) == ("people", 0)


@pytest.mark.parametrize("call", ["write", "sync"])
@pytest.mark.parametrize("doing", ["commit", "compact", "write_part"])
def test_what_failed_once_is_told_and_never_tried_again(call: str, doing: str) -> None:
    """After a failed write nobody knows what is on the medium: only a new start does."""
    disk, journal = three_transactions()

    def fail(name: str) -> None:
        if name == call:
            raise OSError(errno.EIO, "Input/output error")

    def again() -> None:
        match doing:
            case "commit":
                journal.commit([put(9)])
            case "compact":
                journal.compact([put(9)])
            case _:
                journal.write_part([put(9)])

    sound = journal.failure
    assert sound is None
    disk.before_call = fail
    with pytest.raises(StorageFailed, match=str(DIRECTORY)) as caught:
        again()
    disk.before_call = None
    assert caught.value.remedy
    assert journal.failure is caught.value
    before = disk.contents()
    later: list[Callable[[], None]] = [
        lambda: journal.commit([put(8)]),
        lambda: journal.compact([put(8)]),
    ]
    for more in later:
        with pytest.raises(StorageFailed) as told:
            more()
        assert told.value is caught.value
    assert disk.contents() == before
    assert not any(path.suffix == ".tmp" for path in before), "a full disk is fuller than before"


def test_a_reader_and_a_closed_journal_write_nothing() -> None:
    disk, journal = three_transactions()
    journal.close()
    reader, _ = load(MemoryDisk(disk.contents()), read_only=True)
    for shut in (journal, reader):
        with pytest.raises(StorageFailed, match="not open for writing"):
            shut.commit([put(9)])
    assert keys(load(disk)[1]) == [2, 3, 4]


def test_parts_that_wait_for_their_seal_are_not_compacted_away() -> None:
    _, journal = three_transactions()
    journal.write_part([put(20)])
    with pytest.raises(RuntimeError, match="seal"):
        journal.compact([put(2)])
    journal.seal()
    journal.compact([put(2)])


def test_a_log_that_a_cut_compaction_left_is_taken_away_and_never_read() -> None:
    disk, _ = three_transactions()
    unborn = two_generations().contents()[SECOND_LOG]
    cut = MemoryDisk({**disk.contents(), SECOND_LOG: unborn, DIRECTORY / "x.tmp": b"half"})
    journal, rows = load(cut)
    assert keys(rows) == [2, 3, 4]
    assert journal.generation == 1
    assert cut.names(DIRECTORY) == [LOG.name]
    journal.compact([put(7)])
    assert keys(load(MemoryDisk(cut.contents()))[1]) == [7]


def test_only_an_unborn_log_is_no_empty_journal() -> None:
    unborn = two_generations().contents()[SECOND_LOG]
    with pytest.raises(JournalCorrupt, match="missing"):
        load(MemoryDisk({SECOND_LOG: unborn}))


def test_nothing_is_removed_while_another_process_writes(tmp_path: Path) -> None:
    journal, changes = Journal.open(tmp_path, name="people", schema=1)
    assert list(changes) == []
    (tmp_path / "people-00000001.log.tmp").write_bytes(b"being written")
    with pytest.raises(StateInUse):
        Journal.open(tmp_path, name="people", schema=1)
    assert (tmp_path / "people-00000001.log.tmp").exists()
    journal.close()


@pytest.mark.parametrize(("call", "doing"), [("remove", "opening"), ("open", "opening")])
def test_a_disk_that_fails_at_the_start_is_told(call: str, doing: str) -> None:
    disk, _ = three_transactions()
    files = MemoryDisk({**disk.contents(), DIRECTORY / "x.tmp": b""})

    def fail(name: str) -> None:
        if name == call:
            raise OSError(errno.EIO, "Input/output error")

    files.before_call = fail
    with pytest.raises(StorageFailed, match=f"{doing} {DIRECTORY}"):
        load(files)


def test_a_file_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryDisk(three_transactions()[0].contents())

    def failing(path: Path) -> BinaryIO:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(disk, "reader", failing)
    with pytest.raises(StorageFailed, match=f"reading {DIRECTORY}") as caught:
        load(disk)
    assert caught.value.remedy


def test_a_log_that_cannot_be_renewed_is_told() -> None:
    disk, _ = three_transactions()
    files = MemoryDisk(disk.contents())

    def fail(name: str) -> None:
        if name == "rename":
            raise OSError(errno.EIO, "Input/output error")

    files.before_call = fail
    with pytest.raises(StorageFailed, match=r"people-00000001\.log"):
        load(files)


def test_a_damaged_snapshot_leaves_nothing_of_itself() -> None:
    """A row that is not as it was written voids every row that was read before it."""
    disk = two_generations()
    snapshot = disk.contents()[SNAPSHOT]
    first, row, *rest = snapshot.splitlines(keepends=True)
    strange = snapshot_line(put(99))
    damaged = b"".join([first, strange, row, *rest])
    assert keys(load(MemoryDisk({**disk.contents(), SNAPSHOT: damaged}))[1]) == [2, 3, 4, 5]


@pytest.mark.parametrize("kept", [LOG, SNAPSHOT])
def test_a_damaged_snapshot_is_made_up_for_by_a_whole_generation_alone(kept: Path) -> None:
    """The generation before counts where both its files are there."""
    disk = two_generations()
    journal, rows = load(disk)
    journal.compact(state(rows))
    newest = DIRECTORY / "people-00000003.snapshot"
    files = {**disk.contents(), newest: b""}
    assert keys(load(MemoryDisk(files))[1]) == keys(rows)
    del files[SNAPSHOT if kept is LOG else SECOND_LOG]
    with pytest.raises(JournalCorrupt, match="snapshot is damaged") as caught:
        load(MemoryDisk(files))
    assert (caught.value.file, caught.value.line) == (newest.name, 0)


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        (lambda raw: raw[:0], 1, "no header"),
        (lambda raw: raw[:-3], 4, "not complete"),
        (lambda raw: raw[:-3] + b"\n", 4, "damaged"),
        (lambda raw: raw + b"0", 5, "not complete"),
        (lambda raw: b"".join(raw.splitlines(True)[:-1]), 1, "does not continue"),
    ],
)
def test_a_sealed_log_must_be_whole(
    change: Callable[[bytes], bytes], line: int, reason: str
) -> None:
    """Nobody wrote to it when the power went, so a torn tail is damage there."""
    disk = two_generations()
    raw = disk.contents()[LOG]
    files = {**disk.contents(), SNAPSHOT: b"", LOG: change(raw)}
    with pytest.raises(JournalCorrupt, match=reason) as caught:
        load(MemoryDisk(files))
    file = SECOND_LOG.name if reason == "does not continue" else LOG.name
    assert (caught.value.file, caught.value.line) == (file, line)


@pytest.mark.parametrize(
    "foreign",
    [
        Header("others", 1, 1, 0, 1),
        Header("people", 1, 2, 0, 1),
    ],
    ids=["another journal's", "another generation's"],
)
def test_a_file_under_another_s_name_is_refused(foreign: Header) -> None:
    with pytest.raises(JournalCorrupt, match="belongs to another file") as caught:
        load(MemoryDisk({LOG: foreign.line()}))
    assert (caught.value.file, caught.value.line) == (LOG.name, 1)


@pytest.mark.parametrize("lost", [b"\0", b"\xff"], ids=["zeros", "erased flash"])
def test_a_last_line_of_lost_sectors_is_a_torn_one(lost: bytes) -> None:
    disk, _ = three_transactions()
    raw = disk.contents()[LOG]
    *whole, last = raw.splitlines(keepends=True)
    torn = b"".join(whole) + lost * (len(last) - 1) + b"\n"
    journal, rows = load(MemoryDisk({LOG: torn}))
    assert keys(rows) == [2, 3]
    assert journal.cut_bytes == len(last)


def test_a_seal_without_its_parts_is_damage() -> None:
    disk, journal = three_transactions()
    journal.write_part([put(10)])
    journal.seal()
    lines = disk.contents()[LOG].splitlines(keepends=True)
    assert len(lines) == 6
    with pytest.raises(JournalCorrupt, match="parts that it seals") as caught:
        load(MemoryDisk({LOG: b"".join(lines[:4] + lines[5:])}))
    assert caught.value.line == 5


def test_what_was_compacted_away_stays_away_after_a_cut() -> None:
    disk, journal = three_transactions()
    journal.compact([put(2)], keep_previous=False)
    assert disk.pending == [], "a name is still on its way to the medium"
    assert all(file.synced for file in disk.names_now.values())
