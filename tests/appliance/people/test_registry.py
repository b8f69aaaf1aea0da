"""The registry: TinyDB's tables and queries over the journal."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinydb import TinyDB, where
from tinydb.operations import set as set_field
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from appliance.model import Consent, Contact, Revocation
from appliance.people.number_key import NumberKeyLost
from appliance.people.registration import RegistryConflict
from appliance.people.registry import Registry, RegistryBusy
from appliance.people.registry_database import JournalStorage, RegistryDatabase
from appliance.storage.files import StateInUse, StorageFailed
from appliance.storage.journal_format import JournalCorrupt
from tests.rigs.crash_life import consent, contact
from tests.rigs.power_cut import MemoryDisk

STATE = Path("/state")
AT = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
NO = Revocation(at=AT, by="key")


def registry(disk: MemoryDisk, count: int = 0) -> Registry:
    opened = Registry.open(STATE, disk=disk)
    opened.add([contact(n) for n in range(1, count + 1)], [consent(n) for n in range(1, count + 1)])
    return opened


def again(disk: MemoryDisk) -> Registry:
    return Registry.open(STATE, disk=MemoryDisk(disk.contents()))


def test_people_are_found_by_id_number_and_hash_before_and_after_a_restart() -> None:
    disk = MemoryDisk()
    for box in (registry(disk, 3), again(disk)):
        for n in (1, 2, 3):
            assert box.contact(contact(n).subject) == contact(n)
            assert box.by_number(contact(n).number) == contact(n)
            assert box.consents(contact(n).subject) == (consent(n),)
            assert box.consent(consent(n).id) == consent(n)
            assert box.revocation(contact(n).subject) is None
        assert box.by_number("+33639989999") is None
        assert box.contact("f" * 32) is None
        assert box.consents("f" * 32) == ()
        assert list(box.contacts()) == [contact(1), contact(2), contact(3)]
        assert len(box) == 3
        assert box.consent_numbers() == [int(consent(n).id, 16) for n in (1, 2, 3)]
        assert box.consent("f" * 32) is None
        assert [c for c in box.contacts() if c.name == "Émile 0002"] == [contact(2)]


def test_times_zones_and_missing_ends_survive() -> None:
    disk = MemoryDisk()
    box = registry(disk, 1)
    newer = replace(
        consent(1),
        id="a" * 32,
        given_at=AT + timedelta(microseconds=1),
        valid_until=AT + timedelta(days=30),
        evidence='a "quoted"\nline\x1f with ☎',
    )
    box.add([], [newer])
    assert again(disk).consents(contact(1).subject) == (consent(1), newer)


def test_a_known_contact_is_replaced_and_its_old_number_forgotten() -> None:
    disk = MemoryDisk()
    box = registry(disk, 2)
    moved = replace(contact(1), number="+33199000099", number_hash="9" * 64, name="Émilie")
    box.add([moved], [])
    for found in (box, again(disk)):
        assert found.contact(moved.subject) == moved
        assert found.by_number(moved.number) == moved
        assert found.by_number(contact(1).number) is None
        assert len(found) == 2


@pytest.mark.parametrize(
    ("contacts", "consents"),
    [
        ([replace(contact(9), number=contact(1).number)], []),
        ([contact(8), replace(contact(9), number=contact(8).number)], []),
        ([contact(8)], [replace(consent(1), evidence="another")]),
        ([contact(8)], [consent(9)]),
        ([contact(8)], [consent(8), replace(consent(8), windows="sat 10:00-12:00")]),
    ],
)
def test_a_conflict_changes_nothing(contacts: list[Contact], consents: list[Consent]) -> None:
    disk = MemoryDisk()
    box = registry(disk, 2)
    before = disk.contents()
    with pytest.raises(RegistryConflict) as caught:
        box.add(contacts, consents)
    assert "+33" not in str(caught.value)
    assert disk.contents() == before
    assert list(box.contacts()) == [contact(1), contact(2)]


def test_adding_the_same_again_writes_nothing_new_to_people() -> None:
    disk = MemoryDisk()
    box = registry(disk, 2)
    box.add([contact(1)], [consent(1)])
    assert again(disk).consents(contact(1).subject) == (consent(1),)
    assert len(again(disk)) == 2


def test_one_import_is_one_transaction() -> None:
    disk = MemoryDisk()
    box = registry(disk)
    calls: list[str] = []
    disk.after_call = calls.append
    box.add([contact(n) for n in range(1, 50)], [consent(n) for n in range(1, 50)])
    assert calls == ["write", "sync"]


def test_an_intake_is_written_in_steps_and_counts_from_its_seal() -> None:
    disk = MemoryDisk()
    box = registry(disk, 2)
    intake = box.intake()
    intake.take([contact(n) for n in range(3, 900)], [consent(n) for n in range(3, 900)])
    assert intake.by_number(contact(3).number) == contact(3)
    counts = []
    for _ in intake.write(250):
        counts.append((len(again(MemoryDisk(disk.contents()))), len(box)))
        # A person who objects meanwhile does not wait.
        box.revoke(contact(1).subject, Revocation(at=AT + timedelta(len(counts)), by="key"))
        with pytest.raises(RegistryBusy):
            box.compact()
    before, after = [c for c in counts if c[0] == 2], [c for c in counts if c[0] == 899]
    assert len(before) > 4
    assert counts == before + after
    assert {visible for _, visible in before} == {2}
    assert after[0] == (899, 2)
    assert intake.by_number(contact(3).number) is None
    assert intake.consents() == []
    assert after[-1] == (899, 899)
    assert again(disk).consents(contact(899).subject) == (consent(899),)
    assert box.consents(contact(899).subject) == (consent(899),)
    box.compact()
    assert len(again(disk)) == 899


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_an_intake_that_is_given_up_leaves_nothing(steps: int) -> None:
    disk = MemoryDisk()
    box = registry(disk, 2)
    intake = box.intake()
    intake.take([contact(n) for n in range(3, 600)], [consent(n) for n in range(3, 600)])
    writing = intake.write(250)
    for _ in range(steps):
        next(writing)
    writing.close()
    box.add([contact(3)], [consent(3)])
    box.compact() if steps == 1 else None
    assert len(box) == len(again(disk)) == 3


def test_an_intake_that_is_left_after_its_seal_is_whole() -> None:
    disk = MemoryDisk()
    box = registry(disk)
    intake = box.intake()
    intake.take([contact(n) for n in range(1, 300)], [consent(n) for n in range(1, 300)])
    writing = intake.write(250)
    while len(again(MemoryDisk(disk.contents()))) == 0:
        next(writing)
    writing.close()
    assert len(box) == 299
    assert box.contact(contact(299).subject) == contact(299)
    assert [c.subject for c in box.contacts()] == [contact(n).subject for n in range(1, 300)]


def test_the_newest_withdrawal_counts_and_an_older_one_changes_nothing() -> None:
    disk = MemoryDisk()
    box = registry(disk, 1)
    subject = contact(1).subject
    newest = Revocation(at=AT + timedelta(days=1), by="sms")
    for revocation in (NO, newest, NO):
        box.revoke(subject, revocation)
    assert box.revocation(subject) == newest
    assert again(disk).revocation(subject) == newest
    assert again(disk).suppressions() == {contact(1).number_hash: newest}
    with pytest.raises(KeyError):
        box.revoke("f" * 32, NO)


def test_an_erased_person_is_in_no_file_and_stays_uncallable() -> None:
    disk = MemoryDisk()
    box = registry(disk, 3)
    box.compact()
    box.add([replace(contact(2), name="Émile deux")], [])
    box.compact()
    kept = box.erase(contact(2).subject, NO)
    for data in disk.contents().values():
        for word in (contact(2).number, contact(2).name, "deux", contact(2).subject, "form 0002"):
            assert word.encode() not in data
    assert kept == contact(2).number_hash
    for found in (box, again(disk)):
        assert found.contact(contact(2).subject) is None
        assert found.consents(contact(2).subject) == ()
        assert found.suppression(kept) == NO
        assert [c.subject for c in found.contacts()] == [contact(1).subject, contact(3).subject]
    # The same number comes back under another id: the no is still there.
    returned = replace(contact(2), subject="e" * 32)
    box.add([returned], [])
    assert box.revocation("e" * 32) == NO
    with pytest.raises(KeyError):
        box.erase(contact(2).subject, NO)


def test_an_erasure_keeps_a_newer_withdrawal() -> None:
    disk = MemoryDisk()
    box = registry(disk, 1)
    newer = Revocation(at=AT + timedelta(days=1), by="key")
    box.revoke(contact(1).subject, newer)
    box.erase(contact(1).subject, NO)
    assert box.suppression(contact(1).number_hash) == newer


def test_the_number_key_is_made_once_private_and_its_loss_is_told(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as box:
        key = box.number_key
        box.add([contact(1)], [])
    assert len(key) == 32
    assert (tmp_path / "number.key").stat().st_mode & 0o777 == 0o600
    for path in (tmp_path / "registry").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    with Registry.open(tmp_path) as box:
        assert box.number_key == key
    (tmp_path / "number.key").write_bytes(key[:31])
    with pytest.raises(NumberKeyLost, match="31 bytes"):
        Registry.open(tmp_path)
    (tmp_path / "number.key").unlink()
    with pytest.raises(NumberKeyLost):
        Registry.open(tmp_path)


def test_lost_registry_files_are_no_empty_registry() -> None:
    disk = MemoryDisk()
    registry(disk, 1)
    files = {STATE / "number.key": disk.contents()[STATE / "number.key"]}
    with pytest.raises(JournalCorrupt, match="missing"):
        Registry.open(STATE, disk=MemoryDisk(files))


def test_two_writers_are_refused_but_a_reader_may_look(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as box:
        box.add([contact(1)], [consent(1)])
        with pytest.raises(StateInUse):
            Registry.open(tmp_path)
        with Registry.open(tmp_path, read_only=True) as reader:
            assert reader.contact(contact(1).subject) == contact(1)
            with pytest.raises(StorageFailed):
                reader.add([contact(2)], [])
        box.add([contact(2)], [])
    assert list(tmp_path.iterdir()) != []


def test_a_reader_of_nothing_finds_nobody(tmp_path: Path) -> None:
    with Registry.open(tmp_path / "state", read_only=True) as reader:
        assert list(reader.contacts()) == []
    assert not (tmp_path / "state").exists()


def test_a_reader_that_meets_a_compaction_looks_again() -> None:
    disk = MemoryDisk()
    registry(disk, 2).compact()
    reader, looks = disk.reader, 0

    def vanishing(path: Path) -> BinaryIO:
        nonlocal looks
        looks += path.suffix == ".log"
        if looks == 1:
            raise FileNotFoundError(2, "gone")
        return reader(path)

    disk.reader = vanishing  # type: ignore[method-assign]
    assert len(Registry.open(STATE, read_only=True, disk=disk)) == 2
    looks = 0
    with pytest.raises(StorageFailed):
        Registry.open(STATE, disk=disk)


def test_threads_lose_nothing() -> None:
    disk = MemoryDisk()
    box = registry(disk)

    def work(first: int) -> None:
        for n in range(first, first + 25):
            box.add([contact(n)], [consent(n)])
            box.revoke(contact(n).subject, NO)

    threads = [threading.Thread(target=work, args=(1 + 100 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(again(disk)) == 100
    assert len(again(disk).suppressions()) == 100


# TinyDB's own operations, against stock TinyDB in memory.

FIELDS = ("subject", "purpose", "given_at", "source", "evidence", "windows", "valid_until")
_DOCUMENTS = st.fixed_dictionaries(
    {"subject": st.sampled_from("ab"), "purpose": st.text(max_size=3)},
    optional={"source": st.sampled_from(["x", "y", None])},
)
_OPERATIONS = st.one_of(
    st.tuples(st.just("insert"), _DOCUMENTS),
    st.tuples(st.just("insert_multiple"), st.lists(_DOCUMENTS, max_size=3)),
    st.tuples(st.just("update"), st.sampled_from("ab")),
    st.tuples(st.just("update_ids"), st.lists(st.integers(1, 5), max_size=3, unique=True)),
    st.tuples(st.just("operation"), st.sampled_from("ab")),
    st.tuples(st.just("upsert"), st.integers(1, 6)),
    st.tuples(st.just("remove"), st.sampled_from("ab")),
    st.tuples(st.just("remove_ids"), st.lists(st.integers(1, 5), max_size=2, unique=True)),
    st.tuples(st.just("truncate"), st.none()),
    st.tuples(st.just("drop"), st.none()),
)


def _apply(database: TinyDB, operation: str, argument: object) -> None:
    table = database.table("consents")
    match operation, argument:
        case "insert", dict(document):
            table.insert(document)
        case "insert_multiple", list(documents):
            table.insert_multiple(documents)
        case "update", str(subject):
            table.update({"windows": "new"}, where("subject") == subject)
        case "update_ids", list(ids):
            table.update({"evidence": "ids"}, doc_ids=ids)
        case "operation", str(subject):
            table.update(set_field("given_at", "now"), where("subject") == subject)
        case "upsert", int(number):
            table.upsert(Document({"subject": "b", "source": "u"}, number))
        case "remove", str(subject):
            table.remove(where("subject") == subject)
        case "remove_ids", list(ids):
            table.remove(doc_ids=ids)
        case "truncate", None:
            table.truncate()
        case "drop", None:
            database.drop_tables()
        case _:
            raise AssertionError(operation)


def _rows(database: TinyDB) -> dict[int, dict[str, object]]:
    table = database.table("consents")
    found = {d.doc_id: {k: v for k, v in d.items() if v is not None} for d in table}
    assert len(table) == len(found)
    for subject in "ab":
        by_query = {d.doc_id for d in table.search(where("subject") == subject)}
        assert by_query == {k for k, d in found.items() if d.get("subject") == subject}
    return found


@given(st.lists(_OPERATIONS, max_size=12))
@settings(max_examples=40)
def test_the_tables_behave_like_stock_tinydb_and_survive(
    operations: list[tuple[str, object]],
) -> None:
    disk = MemoryDisk()
    stock = TinyDB(storage=MemoryStorage)
    ours = _database(disk)
    for operation, argument in operations:
        _apply(stock, operation, argument)
        _apply(ours, operation, argument)
        assert _rows(ours) == _rows(stock)
    assert _rows(_database(MemoryDisk(disk.contents()))) == _rows(stock)


def _database(disk: MemoryDisk) -> RegistryDatabase:
    return RegistryDatabase(
        STATE / "registry",
        storage=JournalStorage,
        must_exist=False,
        read_only=False,
        disk=disk,
    )


def test_a_changed_document_does_not_change_the_store() -> None:
    database = _database(MemoryDisk())
    table = database.table("contacts")
    key = table.insert({"name": "Émile"})
    found = table.get(doc_id=key)
    assert isinstance(found, dict)
    found["name"] = "another"
    assert table.get(doc_id=key) == {
        "name": "Émile",
        "number": None,
        "number_hash": None,
        "language": None,
        "timezone": None,
    }


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(ValueError, match="no such column: nickname"):
        _database(MemoryDisk()).table("contacts").insert({"nickname": "É"})
