"""Backups restored, files lost, cut, swapped or edited: nobody is called who was not callable.

Each test is one history on real files; the box that opens them is the real one, with lines that
note what they are told.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.box.evidence import FileWatch, Latches, what_is_wrong
from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.config.load import Config
from appliance.control.job import Job
from appliance.control.operations import Operations
from appliance.daemon.state_watch import StateWatch
from appliance.effects import Record
from appliance.errors import Refused
from appliance.ledger import Ledger, LedgerCorrupt, checkpoint, read_entries, verify
from appliance.model import Consent, Contact
from appliance.people.number_key import NumberKeyLost, fingerprint
from appliance.storage.files import StorageFailed
from firmware import events
from firmware.orders import Dial
from tests.support.box_bench import Bench, answered_and_pressed
from tests.support.box_bench import loaded as loaded

NUMBERS = [f"+33199001{number:03d}" for number in range(5)]


@pytest.fixture
def box(tmp_path: Path, loaded: Config) -> Iterator[Bench]:
    bench = Bench(tmp_path / "state", loaded)
    yield bench
    bench.state.close()


def backup(box: Bench) -> Path:
    """Copy the state as a technician does, between two runs."""
    box.state.save_checkpoint(force=True)
    box.state.close()
    copy = box.directory.with_name("backup")
    shutil.copytree(box.directory, copy)
    reopen(box)
    return copy


def reopen(box: Bench) -> None:
    box.state = BoxState.open(box.directory)
    box.box = box.make()


def restore(box: Bench, copy: Path, *names: str) -> None:
    """Put *names* of the backup in the place of what is there, as the remedy says."""
    box.state.save_checkpoint(force=True)
    box.state.close()
    for name in names:
        there = box.directory / name
        if there.is_dir():
            shutil.rmtree(there)
        else:
            there.unlink(missing_ok=True)
        if (copy / name).is_dir():
            shutil.copytree(copy / name, there)
        elif (copy / name).exists():
            shutil.copy2(copy / name, there)
    reopen(box)


def ask(box: Bench, operation: str, **arguments: object) -> dict[str, object]:
    outcome = Operations(box.box).begin(operation, dict(arguments))
    answer = outcome.run() if isinstance(outcome, Job) else outcome
    assert isinstance(answer, dict)
    return answer


def revoke(box: Bench, number: str) -> None:
    ask(box, "contacts.revoke", number=number)


def let_it_call(box: Bench) -> list[str]:
    """Let the box call whom it may, and return the numbers; each call is refused by its callee."""
    box.line.orders.clear()
    box.box.recover()
    box.ready()
    called = []
    for _ in range(len(NUMBERS) + 5):
        box.box.take([inputs.Tick()])
        dials = dials_of(box)
        box.line.orders.clear()
        called += [dial.number for dial in dials]
        for dial in dials:
            hang_up(box, dial)
    return called


def dials_of(box: Bench) -> list[Dial]:
    return [order for order in box.line.orders if isinstance(order, Dial)]


def hang_up(box: Bench, dial: Dial) -> None:
    """Let the callee hang up at the greeting, which is a refusal with a long rest."""
    given = answered_and_pressed(dial.attempt, "5")[:2]
    ended = events.Ended(
        line="line-1",
        at=2.0,
        attempt=dial.attempt,
        cause=events.Cause.REMOTE_HANG_UP,
        evidence="test",
        code=None,
        confirmed=True,
    )
    box.box.take([*given, ended])
    box.seconds += 60
    box.box.take([inputs.Tick()])


def doubts(box: Bench) -> list[str]:
    return [doubt.code for doubt in box.box.engine.doubts.all()]


# --- backups (both directions) ---------------------------------------------------------------


@pytest.mark.parametrize(
    "lost",
    [
        ("ledger",),
        ("ledger", "checkpoint.json"),
        ("ledger", "ledger.head"),
        ("ledger", "checkpoint.json", "ledger.head"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("registered", [True, False])
def test_whoever_objected_after_the_backup_of_the_ledger_is_not_called(
    registered: bool, lost: tuple[str, ...], box: Bench
) -> None:
    box.register(NUMBERS[0])
    if not registered:
        box.register(NUMBERS[1])
    copy = backup(box)
    revoke(box, NUMBERS[0] if registered else NUMBERS[4])
    restore(box, copy, *lost)
    assert doubts(box) == ["rows"]
    assert let_it_call(box) == []
    kinds = box.kinds()
    assert "state.restored" in kinds
    assert "consent.revoked" in kinds
    # The person accepts it: the others are called, and the one who objected is not.
    assert ask(box, "reset", by="Ada", reason="restored a backup")["accepted"] is True
    assert NUMBERS[0] not in let_it_call(box) or not registered
    box.restart()
    assert doubts(box) == []
    assert verify(box.directory / "ledger").ok


def test_calls_that_a_restored_ledger_does_not_know_count_all_the_same(box: Bench) -> None:
    box.register(NUMBERS[0])
    copy = backup(box)
    dial = box.dial()
    hang_up(box, dial)
    before = box.state.campaign.history(dial_subject(box)).attempts
    assert before
    restore(box, copy, "ledger")
    assert box.state.campaign.history(dial_subject(box)).attempts == before
    assert "call.restored" in box.kinds()


def dial_subject(box: Bench) -> str:
    (contact,) = box.state.registry.contacts()
    return contact.subject


def test_a_stop_that_a_restored_ledger_does_not_know_stays_latched(box: Bench) -> None:
    copy = backup(box)
    ask(box, "stop")
    restore(box, copy, "ledger")
    assert box.state.campaign.stopped
    # One thing at a time: the stop first, and then what is lost.
    answer = ask(box, "reset", by="Ada", reason="x")
    assert answer["stopped"] is False
    assert answer["waits"]
    assert doubts(box) == ["rows"]


def test_a_restored_registry_learns_of_objections_from_the_ledger(box: Bench) -> None:
    box.register(NUMBERS[0])
    copy = backup(box)
    revoke(box, NUMBERS[0])
    restore(box, copy, "registry")
    assert let_it_call(box) == []
    (contact,) = box.state.registry.contacts()
    assert box.state.registry.suppression(contact.number_hash) is not None


def test_a_whole_state_that_was_restored_is_what_it_was(box: Bench) -> None:
    box.register(NUMBERS[0])
    copy = backup(box)
    revoke(box, NUMBERS[0])
    restore(box, copy, *os.listdir(copy))  # noqa: PTH208
    # No file knows better; docs/backup.md says how withdrawals are replayed.
    assert doubts(box) == []
    revoke(box, NUMBERS[0])
    assert let_it_call(box) == []


def test_a_ledger_of_another_history_is_told(box: Bench) -> None:
    box.register(NUMBERS[0])
    copy = backup(box)
    revoke(box, NUMBERS[0])
    box.state.save_checkpoint(force=True)
    box.state.close()
    # The backup went on to live on another card, as far as this one, before it came back.
    other = Ledger.open(copy / "ledger")
    while other.head[0] < box.state.ledger.head[0] + 3:
        other.append([Record(kind="box.started")], box.now().utc)
    other.close()
    shutil.rmtree(box.directory / "ledger")
    shutil.copytree(copy / "ledger", box.directory / "ledger")
    reopen(box)
    assert doubts(box) == ["rows"]
    assert let_it_call(box) == []


def test_looking_at_a_restored_state_tells_it_and_changes_nothing(box: Bench) -> None:
    box.register(NUMBERS[0])
    copy = backup(box)
    revoke(box, NUMBERS[0])
    restore_closed(box, copy)
    before = {path: path.read_bytes() for path in box.directory.rglob("*") if path.is_file()}
    box.state = BoxState.open_to_read(box.directory)
    box.box = box.make()
    assert doubts(box) == ["rows"]
    assert not box.state.campaign.history(dial_subject(box)).attempts
    assert ask(box, "why", number=NUMBERS[0])["may_be_called"] is False
    assert {path: path.read_bytes() for path in before} == before


def restore_closed(box: Bench, copy: Path) -> None:
    box.state.close()
    shutil.rmtree(box.directory / "ledger")
    shutil.copytree(copy / "ledger", box.directory / "ledger")


def test_an_objection_is_no_restoration(box: Bench) -> None:
    """Nothing that happens every day may look like a backup."""
    for number in NUMBERS:
        box.register(number)
    revoke(box, NUMBERS[0])
    ask(box, "contacts.erase", number=NUMBERS[0])
    revoke(box, NUMBERS[1])
    revoke(box, NUMBERS[1])
    box.seconds += 3 * 86400
    ask(box, "contacts.erase", number=NUMBERS[1])
    ask(box, "contacts.erase", number=NUMBERS[2])
    revoke(box, NUMBERS[2])
    revoke(box, "+33639980077")
    for _ in range(3):
        box.restart()
        assert doubts(box) == []
        assert "state.restored" not in box.kinds()


# --- the key of the number hashes ------------------------------------------------------------

KEYS: dict[str, Callable[[bytes], bytes]] = {
    "zeros": lambda key: bytes(len(key)),
    "ones": lambda key: b"\xff" * len(key),
    "one letter": lambda key: b"a" * len(key),
    "two bytes in turn": lambda key: b"\0\xff" * (len(key) // 2),
    "another box's": lambda key: secrets.token_bytes(len(key)),
    "one bit": lambda key: bytes([key[0] ^ 1]) + key[1:],
    "half lost": lambda key: key[:16] + bytes(16),
    "half gone": lambda key: key[:16],
    "empty": lambda _: b"",
    "one byte more": lambda key: key + b"\n",
    "turned around": lambda key: key[::-1],
}


@pytest.mark.parametrize("people", [True, False], ids=["people", "hashes alone"])
@pytest.mark.parametrize("kind", KEYS)
def test_another_key_is_refused(kind: str, people: bool, box: Bench) -> None:
    if people:
        box.register(NUMBERS[0])
    revoke(box, NUMBERS[1])
    box.state.close()
    place = box.directory / "number.key"
    key = place.read_bytes()
    place.write_bytes(KEYS[kind](key))
    before = {p: p.read_bytes() for p in box.directory.rglob("*") if p.is_file()}
    for opened in (BoxState.open, BoxState.open_to_read):
        with pytest.raises(NumberKeyLost) as refused:
            opened(box.directory)
        assert "backup" in refused.value.remedy
    assert {p: p.read_bytes() for p in before if p.name != "lock"} == {
        p: held for p, held in before.items() if p.name != "lock"
    }
    place.write_bytes(key)
    reopen(box)


@pytest.mark.parametrize("gone", [("number.key",), ("number.key", "registry")], ids=" ".join)
@pytest.mark.parametrize("told", ["revoked", "erased", "granted"])
def test_a_key_that_is_gone_is_not_made_anew(told: str, gone: tuple[str, ...], box: Bench) -> None:
    box.register(NUMBERS[0])
    if told == "revoked":
        revoke(box, NUMBERS[0])
    elif told == "erased":
        ask(box, "contacts.erase", number=NUMBERS[0])
    box.state.close()
    for name in gone:
        path = box.directory / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for opened in (BoxState.open, BoxState.open_to_read):
        with pytest.raises(NumberKeyLost, match="missing"):
            opened(box.directory)
    assert not (box.directory / "number.key").exists()
    (box.directory / "number.key").write_bytes(box.state.registry.number_key)
    shutil.rmtree(box.directory / "registry", ignore_errors=True)
    shutil.rmtree(box.directory)
    reopen(box)


def test_a_registry_of_another_box_is_refused(box: Bench, tmp_path: Path, loaded: Config) -> None:
    box.register(NUMBERS[0])
    other = Bench(tmp_path / "other", loaded)
    other.register(NUMBERS[1])
    other.state.close()
    box.state.close()
    shutil.rmtree(box.directory / "registry")
    shutil.copytree(other.directory / "registry", box.directory / "registry")
    with pytest.raises(NumberKeyLost, match="does not belong"):
        BoxState.open(box.directory)
    shutil.copy2(other.directory / "number.key", box.directory / "number.key")
    with pytest.raises(NumberKeyLost, match="another key"):
        BoxState.open(box.directory)
    shutil.rmtree(box.directory)
    reopen(box)


def test_the_ledger_knows_the_key_by_no_more_than_a_fingerprint(box: Bench) -> None:
    box.register(NUMBERS[0])
    (row,) = (e for e in read_entries(box.directory / "ledger") if e.kind == "key.noted")
    key = box.state.registry.number_key
    assert row.data == {"number_key": fingerprint(key)}
    assert key.hex() not in (box.directory / "ledger" / "0000000001.jsonl").read_text()


def test_the_key_is_known_before_any_row_that_has_a_hash(box: Bench) -> None:
    revoke(box, NUMBERS[0])
    assert box.kinds()[0] == "key.noted"


# --- a registry that is shorter than it was --------------------------------------------------


def shorten(box: Bench, percent: int) -> None:
    box.state.close()
    log = max((box.directory / "registry").glob("*.log"))
    os.truncate(log, log.stat().st_size * percent // 100)
    reopen(box)


@pytest.mark.parametrize("percent", [30, 45, 60, 75, 90, 99])
def test_a_registry_that_lost_its_tail_waits_for_a_person(percent: int, box: Bench) -> None:
    for number in NUMBERS:
        box.register(number)
    shorten(box, percent)
    left = len(box.state.registry)
    assert left < len(NUMBERS)
    assert doubts(box) == ["people"]
    assert let_it_call(box) == []
    facts = Operations(box.box).facts()
    assert not facts.state_ok
    told = ask(box, "status")["doubts"]
    lost = len(NUMBERS) - left
    count = "1 consent of 1 person" if lost == 1 else f"{lost} consents of {lost} people"
    assert count in str(told)
    with pytest.raises(Refused, match="nobody can be imported"):
        ask(box, "contacts.import", contents="", file="x")
    box.restart()
    assert doubts(box) == ["people"]
    ask(box, "reset", by="Ada", reason="no backup")
    assert doubts(box) == []
    box.restart()
    assert doubts(box) == []
    assert len(let_it_call(box)) == left


def test_who_is_imported_again_after_a_loss_keeps_their_rest(box: Bench) -> None:
    contact = box.register(NUMBERS[0])
    dial = box.dial()
    hang_up(box, dial)
    made = box.state.campaign.history(contact.subject, contact.number_hash).attempts
    (granted,) = (e for e in read_entries(box.directory / "ledger") if e.kind == "consent.granted")
    box.box.note([Record(kind="call.refused", subject=contact.subject, data={"rules": []})])
    shorten(box, 40)
    assert len(box.state.registry) == 0
    ask(box, "reset", by="Ada", reason="no backup")
    again = "f" * 32
    history = box.state.campaign.history(again, contact.number_hash)
    # A row of a version that recorded no hash cannot be followed; docs/backup.md says so.
    assert history.attempts == (made if "number_hash" in granted.data else ())


def test_older_consents_are_not_called_on_where_a_newer_one_is_lost(box: Bench) -> None:
    contact = box.register(NUMBERS[0])
    (first,) = box.state.registry.consents(contact.subject)
    newer = Consent(
        id="e" * 32,
        subject=contact.subject,
        purpose=first.purpose,
        given_at=first.given_at + timedelta(days=10),
        source="form",
        evidence="form 2, mornings only",
        windows="mon-fri 08:00-09:00",
        valid_until=None,
        recorded_at=first.recorded_at,
    )
    log = max((box.directory / "registry").glob("*.log"))
    size = log.stat().st_size
    box.state.registry.add([], [newer])
    box.box.note([box.state.granted(newer)])
    box.state.close()
    os.truncate(log, size)
    reopen(box)
    assert doubts(box) == ["people"]
    assert let_it_call(box) == []
    ask(box, "reset", by="Ada", reason="no backup")
    assert let_it_call(box) == []
    assert box.state.campaign.history(contact.subject).revocation is not None
    # The lost consent is imported again, from the form.
    box.state.registry.add([], [newer])
    box.box.note([box.state.granted(newer)])
    assert box.state.campaign.history(contact.subject).revocation is None
    box.restart()
    assert doubts(box) == []


def test_an_import_that_was_cut_before_the_ledger_knew_of_it_is_no_loss(box: Bench) -> None:
    contact = Contact(
        subject="a" * 32,
        number=NUMBERS[0],
        number_hash=box.box.people.number_hash(NUMBERS[0]) or "",
        name="",
        language="fr",
        timezone="Europe/Paris",
    )
    box.state.registry.add([contact], [])
    box.restart()
    assert doubts(box) == []


# --- the checkpoint --------------------------------------------------------------------------


def edited(box: Bench, change: Callable[[dict[str, object]], object]) -> None:
    """Edit the checkpoint as somebody would who knows its format but not the key."""
    kept = checkpoint.read(box.directory, key=box.state._seal)
    assert kept is not None
    change(kept.payload)
    checkpoint.save(box.directory, kept.payload, kept.seq, kept.hash)


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload.update(stopped=False),
        lambda payload: payload.update(suppressed={}),
        lambda payload: payload.update(people=[]),
        lambda payload: payload.update(erased=[]),
        lambda payload: payload.update(held=None, paused=False),
        lambda payload: payload.update(number_key=None),
        lambda payload: payload.update({}),
    ],
)
def test_an_edited_checkpoint_changes_nothing(
    change: Callable[[dict[str, object]], object], box: Bench
) -> None:
    box.register(NUMBERS[0])
    revoke(box, NUMBERS[0])
    ask(box, "stop")
    box.state.save_checkpoint(force=True)
    expected = box.state.campaign.to_checkpoint()
    edited(box, change)
    box.restart()
    assert box.state.campaign.to_checkpoint() == expected
    assert box.state.campaign.stopped
    assert "read from the ledger instead" in str(ask(box, "status")["remarks"])


def test_a_checkpoint_of_another_box_or_cut_or_of_nothing_counts_for_nothing(
    box: Bench, tmp_path: Path, loaded: Config
) -> None:
    other = Bench(tmp_path / "other", loaded)
    other.register(NUMBERS[0])
    other.state.save_checkpoint(force=True)
    other.state.close()
    ask(box, "stop")
    for contents in (
        (other.directory / "checkpoint.json").read_bytes(),
        (other.directory / "checkpoint.json").read_bytes()[:-30],
        bytes(4096),
        b"{}\n",
        b"00000000 {}\n",
    ):
        (box.directory / "checkpoint.json").write_bytes(contents)
        box.restart()
        assert box.state.campaign.stopped
        assert box.state.remarks
        assert doubts(box) == []


def test_a_head_that_was_edited_or_is_of_another_box_counts_for_nothing(box: Bench) -> None:
    for text in ("{}", "", '{"seq": 999, "hash": "00", "seal": "00"}', "[]", '{"seq": 9.5}'):
        (box.directory / "ledger.head").write_text(text)
        box.restart()
        assert doubts(box) == []


# --- old segments ----------------------------------------------------------------------------


@pytest.fixture
def long(box: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A box with several segments, all but the last of which no start reads."""
    monkeypatch.setitem(Ledger.open.__func__.__kwdefaults__, "segment_bytes", 2000)  # type: ignore[attr-defined]
    box.restart()
    box.register(NUMBERS[0])
    revoke(box, NUMBERS[1])
    for _ in range(40):
        box.box.note([Record(kind="panel.pressed", data={"button": "start"})])
    box.state.save_checkpoint(force=True)
    assert len(list((box.directory / "ledger").iterdir())) > 4
    return box


def middle(box: Bench) -> Path:
    return sorted((box.directory / "ledger").glob("*.jsonl"))[1]


SEGMENTS: dict[str, Callable[[Path], object]] = {
    "removed": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "edited": lambda path: path.write_bytes(path.read_bytes().replace(b"start", b"stoop")),
    "a row doubled": lambda path: path.write_bytes(path.read_bytes() + last_row(path)),
    "a directory": lambda path: made_a_directory(path),
}


def made_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def last_row(path: Path) -> bytes:
    return path.read_bytes().splitlines(keepends=True)[-1]


@pytest.mark.parametrize("what", SEGMENTS)
def test_a_middle_segment_that_is_not_as_it_was_pauses_the_box(what: str, long: Bench) -> None:
    long.state.close()
    SEGMENTS[what](middle(long))
    try:
        reopen(long)
    except (LedgerCorrupt, StorageFailed):
        long.state = BoxState.open(long.directory.with_name("none"))
        return
    posted: list[inputs.StateDoubted | inputs.DoubtSettled] = []
    watch = StateWatch(long.state, posted.append)
    watch.begin()
    assert watch._thread is not None
    watch._thread.join()
    long.box.take(posted)
    assert doubts(long) == ["evidence"]
    assert let_it_call(long) == []
    assert not Operations(long.box).facts().state_ok
    with pytest.raises(Refused):
        ask(long, "reset", by="Ada", reason="go on")
    watch.close()


def test_a_sound_ledger_is_found_sound_and_calling_begins(long: Bench) -> None:
    long.restart()
    posted: list[inputs.StateDoubted | inputs.DoubtSettled] = []
    watch = StateWatch(long.state, posted.append)
    watch.begin()
    long.box.take(posted[:1])
    assert doubts(long) == ["unverified"]
    assert Operations(long.box).facts().state_ok
    assert let_it_call(long) == []
    assert watch._thread is not None
    watch._thread.join()
    long.box.take(posted[1:])
    assert doubts(long) == []
    assert [dial.number for dial in dials_of(long)] == [NUMBERS[0]]
    watch.close()


def test_it_is_read_again_every_day(long: Bench) -> None:
    seconds = [0.0]
    watch = StateWatch(long.state, lambda _: None, lambda: seconds[0])
    watch.begin()
    first = watch._thread
    assert first is not None
    first.join()
    seconds[0] += 86399
    watch.look()
    assert watch._thread is first
    seconds[0] += 2
    watch.look()
    assert watch._thread is not first
    watch.close()


@pytest.mark.parametrize("forged", ["stop", "withdrawal", "erasure"])
def test_a_checkpoint_forged_with_the_key_is_found_by_reading_the_rows(
    forged: str, long: Bench
) -> None:
    if forged == "stop":
        ask(long, "stop")
    elif forged == "erasure":
        ask(long, "contacts.erase", number=NUMBERS[0])
    latches = Latches.of(long.state.campaign)
    assert what_is_wrong(long.directory / "ledger", latches) is None
    if forged == "stop":
        wrong = Latches(latches.seq, False, latches.withdrawn)
    else:
        known = list(latches.withdrawn.items())
        wrong = Latches(latches.seq, latches.stopped, dict(known[:-1]))
    assert what_is_wrong(long.directory / "ledger", wrong) is not None


# --- beside a running box --------------------------------------------------------------------

BESIDE: dict[str, Callable[[Path], object]] = {
    "the newest segment removed": lambda state: newest(state).unlink(),
    "the newest segment cut": lambda state: os.truncate(newest(state), 100),
    "the newest segment zeroed": lambda state: newest(state).write_bytes(
        bytes(newest(state).stat().st_size)
    ),
    "the newest segment replaced": lambda state: replaced(newest(state)),
    "the registry's log removed": lambda state: log_of(state).unlink(),
    "the registry's log cut": lambda state: os.truncate(log_of(state), 100),
    "the registry's log replaced": lambda state: replaced(log_of(state)),
    "the ledger moved away": lambda state: (state / "ledger").rename(state / "old"),
    "the key removed": lambda state: (state / "number.key").unlink(),
    "the key zeroed": lambda state: (state / "number.key").write_bytes(bytes(32)),
    "an old segment removed": lambda state: oldest(state).unlink(),
    "an old segment changed": lambda state: oldest(state).write_bytes(b"x"),
}


def newest(state: Path) -> Path:
    return max((state / "ledger").glob("*.jsonl"))


def oldest(state: Path) -> Path:
    return min((state / "ledger").glob("*.jsonl"))


def log_of(state: Path) -> Path:
    return max((state / "registry").glob("*.log"))


def replaced(path: Path) -> None:
    contents = path.read_bytes()
    path.unlink()
    path.write_bytes(contents)


@pytest.mark.parametrize("what", BESIDE)
def test_what_is_changed_under_a_running_box_ends_its_calling(what: str, long: Bench) -> None:
    seconds = [0.0]
    posted: list[inputs.StateDoubted | inputs.DoubtSettled] = []
    watch = StateWatch(long.state, posted.append, lambda: seconds[0])
    BESIDE[what](long.directory)
    seconds[0] += 3
    failed = watch.look()
    if failed is not None:
        long.box.storage_failed(failed, long.now())
    long.box.take(posted)
    facts = Operations(long.box).facts()
    assert not (facts.storage_ok and facts.state_ok)
    assert let_it_call(long) == []
    watch.close()


@pytest.mark.parametrize("what", [w for w in BESIDE if "newest" in w or "ledger moved" in w])
def test_no_row_is_written_where_no_ledger_is_any_more(what: str, long: Bench) -> None:
    """Between two looks, too: a call that is authorised nowhere is not made."""
    BESIDE[what](long.directory)
    assert let_it_call(long) == []
    assert long.box.engine.storage_failure is not None


def test_nothing_is_seen_where_nothing_happens(long: Bench) -> None:
    watch = FileWatch(long.directory)
    for _ in range(30):
        long.box.note([Record(kind="panel.pressed", data={"button": "start"})])
        assert watch.look() is None
        assert long.state.ledger.look() is None
        assert long.state.registry.look() is None
    long.state.registry.compact()
    long.register(NUMBERS[3])
    assert long.state.registry.look() is None
    assert watch.look() is None


# --- erasure and a newer consent -------------------------------------------------------------


def test_caps_and_rests_outlive_an_erasure_and_a_newer_consent(box: Bench) -> None:
    contact = box.register(NUMBERS[0])
    dial = box.dial()
    hang_up(box, dial)
    made = box.state.campaign.history(contact.subject, contact.number_hash).attempts
    assert made
    ask(box, "contacts.erase", number=NUMBERS[0])
    for _ in range(2):
        history = box.state.campaign.history("d" * 32, contact.number_hash)
        assert [one.id for one in history.attempts] == [one.id for one in made]
        assert history.revocation is not None
        box.state.save_checkpoint(force=True)
        box.restart()
    (box.directory / "checkpoint.json").unlink()
    box.restart()
    history = box.state.campaign.history("d" * 32, contact.number_hash)
    assert [one.id for one in history.attempts] == [one.id for one in made]


def test_a_call_that_runs_while_its_callee_is_erased_counts_too(box: Bench) -> None:
    contact = box.register(NUMBERS[0])
    dial = box.dial()
    ask(box, "contacts.erase", number=NUMBERS[0])
    box.state.save_checkpoint(force=True)
    box.restart()
    box.box.recover()
    history = box.state.campaign.history("d" * 32, contact.number_hash)
    assert [one.id for one in history.attempts] == [dial.attempt]


def test_nothing_of_a_person_stays_that_leads_back(box: Bench) -> None:
    box.register(NUMBERS[0])
    ask(box, "contacts.erase", number=NUMBERS[0])
    box.state.save_checkpoint(force=True)
    box.state.close()
    held = b"".join(p.read_bytes() for p in box.directory.rglob("*") if p.is_file())
    assert NUMBERS[0][1:].encode() not in held
    assert b"Alix" not in held
    assert json.loads((box.directory / "ledger.head").read_text())["seq"] > 0
    reopen(box)


@pytest.mark.parametrize("way", ["erased", "retired"])
def test_who_was_erased_and_agrees_anew_is_left_in_peace_as_before(way: str, box: Bench) -> None:
    """By the real import and the real gate: the rest after a refusal goes on."""
    contact = box.register(NUMBERS[0])
    hang_up(box, box.dial())
    box.line.orders.clear()
    assert "rest" in refusals(box, NUMBERS[0])
    if way == "erased":
        ask(box, "contacts.erase", number=NUMBERS[0])
    else:
        Operations(box.box)._people.retire([contact])
    box.seconds += 3600
    given = (box.now().utc - timedelta(minutes=10)).isoformat()
    csv = (
        "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
        f"windows\n{NUMBERS[0]},Ada,fr,Europe/Paris,{box.config.campaign.purpose},{given},web,"
        "form 9,mon-fri 18:00-20:00\n"
    )
    contents = csv.encode()
    assert ask(box, "contacts.import", contents=contents, file="x")["new_people"] == 1
    found = refusals(box, NUMBERS[0])
    assert "consent" not in found
    assert "rest" in found
    assert let_it_call(box) == []
    box.state.save_checkpoint(force=True)
    box.restart()
    assert let_it_call(box) == []


def refusals(box: Bench, number: str) -> str:
    verdicts = ask(box, "why", number=number)["verdicts"]
    assert isinstance(verdicts, list)
    return " ".join(one["rule"] for one in verdicts if not one["allowed"])


@pytest.mark.parametrize("hours", [20, 200])
@pytest.mark.parametrize("again", [False, True])
def test_an_objection_that_was_long_on_its_way_is_no_damage(
    box: Bench, *, hours: int, again: bool
) -> None:
    """Its row is later than what it says: the network held the message overnight."""
    contact = box.register(NUMBERS[0])
    if again:
        box.box.take([inputs.Revoke(subject=contact.subject, number_hash=contact.number_hash)])
    sent = box.now().utc - timedelta(hours=hours)
    message = events.SmsReceived(
        line="line-1",
        at=0.0,
        number=NUMBERS[0],
        sender=events.AddressKind.INTERNATIONAL,
        text="STOP",
        sent_at=sent,
        mark="07",
        places=(),
    )
    box.box.take([message])
    assert any("said_at" in e.data for e in read_entries(box.directory / "ledger"))
    assert what_is_wrong(box.directory / "ledger", Latches.of(box.state.campaign)) is None
