"""Opening a state carries forward what a power cut left between ledger and registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.box.state import BoxState, granted
from appliance.effects import Entry, Record
from appliance.ledger import read_entries, verify
from appliance.model import Consent, Contact
from appliance.numbers import hash_number
from appliance.storage.files import StateInUse

AT = datetime(2027, 3, 9, 17, tzinfo=UTC)
NUMBER = "+33199001234"


def person(state: BoxState) -> tuple[Contact, Consent]:
    key = state.registry.number_key
    contact = Contact(
        subject="a" * 32,
        number=NUMBER,
        number_hash=hash_number(key, NUMBER),
        name="Alix",
        language="fr",
        timezone="Europe/Paris",
    )
    consent = Consent(
        id="b" * 32,
        subject=contact.subject,
        purpose="news",
        given_at=AT - timedelta(days=1),
        source="form",
        evidence="form 1, signed by Alix",
        windows="mon-fri 18:00-20:00",
        valid_until=None,
        recorded_at=AT,
    )
    return contact, consent


def test_a_consent_that_missed_the_ledger_is_recorded_at_the_next_start(tmp_path: Path) -> None:
    state = BoxState.open(tmp_path)
    contact, consent = person(state)
    state.registry.add([contact], [consent])
    state.close()

    BoxState.open(tmp_path).close()
    BoxState.open(tmp_path).close()

    key, entry = read_entries(tmp_path / "ledger")
    assert key.kind == "key.noted"
    assert (entry.kind, entry.subject) == ("consent.granted", contact.subject)
    assert "Alix" not in str(entry.data)


@pytest.mark.parametrize("until", [None, AT + timedelta(days=300, microseconds=7)])
def test_rows_of_many_consents_are_those_of_each(tmp_path: Path, until: datetime | None) -> None:
    state = BoxState.open(tmp_path)
    contact, consent = person(state)
    consent = replace(consent, valid_until=until)
    state.registry.add([contact], [consent])
    gone = int("c" * 32, 16)
    assert state.all_granted([int(consent.id, 16), gone]) == [state.granted(consent)]
    state.close()


def test_a_withdrawal_that_missed_the_registry_reaches_it_at_the_next_start(
    tmp_path: Path,
) -> None:
    state = BoxState.open(tmp_path)
    contact, consent = person(state)
    state.registry.add([contact], [consent])
    state.note([granted(consent)], AT)
    data = {"by": "key", "number_hash": contact.number_hash}
    state.note([Record(kind="consent.revoked", subject=contact.subject, data=data)], AT)
    state.close()

    state = BoxState.open(tmp_path)
    revocation = state.registry.suppression(contact.number_hash)
    state.close()
    assert revocation is not None
    assert revocation.by == "key"


def test_an_erasure_that_missed_the_registry_is_finished_at_the_next_start(tmp_path: Path) -> None:
    state = BoxState.open(tmp_path)
    contact, consent = person(state)
    state.registry.add([contact], [consent])
    state.note([granted(consent)], AT)
    data = {"number_hash": contact.number_hash}
    state.note([Record(kind="contact.erased", subject=contact.subject, data=data)], AT)
    state.close()

    state = BoxState.open(tmp_path)
    assert state.registry.by_number(NUMBER) is None
    assert state.registry.suppression(contact.number_hash) is not None
    state.close()
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert NUMBER.encode() not in left
    assert NUMBER[1:].encode() not in left
    assert b"Alix" not in left
    assert verify(tmp_path / "ledger").ok


def test_two_processes_never_have_one_state(tmp_path: Path) -> None:
    state = BoxState.open(tmp_path)
    with pytest.raises(StateInUse, match="in use by process"):
        BoxState.open(tmp_path)
    state.close()
    BoxState.open(tmp_path).close()


@pytest.mark.parametrize("damage", [False, True])
def test_the_fold_is_the_same_with_and_without_its_checkpoint(tmp_path: Path, damage: bool) -> None:
    state = BoxState.open(tmp_path)
    contact, consent = person(state)
    state.registry.add([contact], [consent])
    state.note([granted(consent)], AT)
    state.save_checkpoint(force=True)
    state.note([Record(kind="stop.pressed", data={"source": "command"})], AT)
    expected = state.campaign.to_checkpoint()
    state.close()
    kept = tmp_path / "checkpoint.json"
    assert kept.exists()
    if damage:
        kept.write_bytes(kept.read_bytes()[:-20])

    state = BoxState.open(tmp_path)
    assert state.campaign.to_checkpoint() == expected
    assert state.campaign.stopped
    assert state.floor == AT
    state.close()


def test_a_ledger_that_lost_rows_waits_for_a_person(tmp_path: Path) -> None:
    state = BoxState.open(tmp_path)
    state.note([Record(kind="stop.pressed", data={"source": "command"})], AT)
    state.note([Record(kind="stop.reset", data={"by": "Alix", "reason": "x"})], AT)
    state.save_checkpoint(force=True)
    state.close()
    (segment,) = (tmp_path / "ledger").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().splitlines(keepends=True)[0])

    for _ in range(2):
        state = BoxState.open(tmp_path)
        assert state.campaign.held is not None
        state.close()
    kinds = [entry.kind for entry in read_entries(tmp_path / "ledger")]
    assert kinds == ["key.noted", "state.restored"]
    assert verify(tmp_path / "ledger").ok


def test_what_a_power_cut_tore_is_told(tmp_path: Path) -> None:
    state = BoxState.open(tmp_path)
    contact, consent = person(state)
    state.registry.add([contact], [consent])
    state.note([granted(consent)], AT)
    assert state.repaired() == {}
    state.close()
    (segment,) = (tmp_path / "ledger").glob("*.jsonl")
    (log,) = (tmp_path / "registry").glob("*.log")
    for file, tail in ((segment, b'{"at":"20'), (log, b"0123")):
        file.write_bytes(file.read_bytes() + tail)
    for told in (
        {
            "ledger_cut": {"file": segment.name, "line": 3, "bytes": 9},
            "registry_cut": {"bytes": 4},
        },
        {},
    ):
        state = BoxState.open(tmp_path)
        assert state.repaired() == told
        state.close()


def test_a_fold_ahead_of_the_ledger_is_never_kept(tmp_path: Path) -> None:
    state = BoxState.open(tmp_path)
    state.note([Record(kind="stop.pressed", data={"source": "command"})], AT)
    state.campaign.apply(Entry(seq=3, at=AT, kind="stop.reset", subject=None, data={}))
    state.note([Record(kind="box.stopped")], AT)
    assert state.campaign.seq == state.ledger.head[0]
    state.save_checkpoint(force=True)
    state.close()
    assert not (tmp_path / "checkpoint.json").exists()

    state = BoxState.open(tmp_path)
    assert state.campaign.stopped
    state.close()
