"""Key 9 is on disk when it is heard: the loop may be slow, frozen or killed."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.campaign import inputs
from appliance.effects import Now
from appliance.ledger import read_entries
from appliance.model import Consent
from appliance.storage.files import StorageFailed
from appliance.storage.objection_notes import ObjectionNote, ObjectionNotes
from firmware import events
from firmware.events import Cause, KeyHeard, Witness
from tests.support.box_bench import START, Bench, answered_and_pressed
from tests.support.box_bench import bench as bench
from tests.support.box_bench import loaded as loaded


def nine(attempt: str, at: float = 1.0, key: str = "9") -> KeyHeard:
    return KeyHeard(
        line="line-1", at=at, attempt=attempt, key=key, witness=Witness.MODULE, sureness=0.9
    )


def ended(attempt: str) -> events.Ended:
    return events.Ended(
        line="line-1",
        at=5.0,
        attempt=attempt,
        cause=Cause.REMOTE_HANG_UP,
        evidence="NO CARRIER",
        code=None,
        confirmed=True,
    )


def notes(bench: Bench) -> list[str]:
    return sorted(path.name for path in (bench.directory / "objections").iterdir())


def revoked(bench: Bench) -> list[dict[str, object]]:
    rows = read_entries(bench.directory / "ledger")
    return [row.data for row in rows if row.kind == "consent.revoked"]


def callable_now(bench: Bench) -> bool:
    (contact,) = bench.state.registry.contacts()
    history = bench.state.campaign.history(contact.subject, contact.number_hash)
    newest = max(c.given_at for c in bench.state.registry.consents(contact.subject))
    return history.revocation is None or newest > history.revocation.at


def test_a_box_that_is_killed_before_its_loop_comes_round_loses_no_objection(
    bench: Bench,
) -> None:
    bench.register()
    order = bench.dial()
    bench.box.objections.heard(nine(order.attempt, at=12.0))
    assert notes(bench) == [f"{order.attempt}.json"]
    bench.restart()
    (row,) = revoked(bench)
    assert (row["by"], row["attempt"]) == ("key", order.attempt)
    assert row["heard_at"] == (START + timedelta(seconds=12)).isoformat(timespec="milliseconds")
    assert not callable_now(bench)
    assert notes(bench) == []
    bench.restart()
    assert len(revoked(bench)) == 1


def test_the_ledger_has_it_once_where_the_loop_goes_on(bench: Bench) -> None:
    bench.register()
    order = bench.dial()
    *before, pressed = answered_and_pressed(order.attempt, "9")
    bench.box.take(before)
    bench.box.objections.heard(nine(order.attempt))
    assert len(notes(bench)) == 1
    bench.box.take([pressed])
    assert notes(bench) == []
    bench.box.objections.heard(nine(order.attempt, at=3.0))
    assert notes(bench) == []
    bench.restart()
    assert len(revoked(bench)) == 1


def test_a_note_whose_removal_was_lost_revokes_no_newer_consent(bench: Bench) -> None:
    contact = bench.register()
    order = bench.dial()
    *before, pressed = answered_and_pressed(order.attempt, "9")
    bench.box.take(before)
    bench.box.objections.heard(nine(order.attempt))
    kept = bench.directory.parent / "kept"
    shutil.copytree(bench.directory / "objections", kept)
    bench.box.take([pressed, ended(order.attempt)])
    bench.seconds = 3600.0
    again = Consent(
        id="c" * 32,
        subject=contact.subject,
        purpose=bench.config.campaign.purpose,
        given_at=START + timedelta(minutes=30),
        source="form",
        evidence="form 2",
        windows="mon-fri 18:00-20:00",
        valid_until=None,
        recorded_at=START + timedelta(hours=1),
    )
    bench.state.registry.add([], [again])
    shutil.copytree(kept, bench.directory / "objections", dirs_exist_ok=True)
    bench.restart()
    assert len(revoked(bench)) == 1
    assert callable_now(bench)
    assert notes(bench) == []


def test_a_caller_is_noted_without_a_number(bench: Bench) -> None:
    bench.register()
    bench.ready()
    bench.box.take(
        [events.IncomingRinging(line="line-1", at=0, attempt="in-1", number="+33639980007")]
    )
    bench.box.objections.heard(nine("in-1"))
    (path,) = (bench.directory / "objections").iterdir()
    assert "639980007" not in path.read_text()
    bench.restart()
    (row,) = revoked(bench)
    assert (row["by"], row["incoming"]) == ("incoming", "in-1")
    assert bench.state.registry.suppression(str(row["number_hash"])) is not None


@pytest.mark.parametrize(
    "event", [nine("another"), nine("", key="9")], ids=["another call", "no call"]
)
def test_a_key_of_no_known_call_is_not_noted(bench: Bench, event: KeyHeard) -> None:
    bench.register()
    bench.dial()
    bench.box.objections.heard(event)
    assert notes(bench) == []


@pytest.mark.parametrize("key", ["1", "5", "#"])
def test_other_keys_are_not_noted(bench: Bench, key: str) -> None:
    bench.register()
    order = bench.dial()
    bench.box.objections.heard(nine(order.attempt, key=key))
    assert notes(bench) == []


def test_a_key_that_the_line_took_back_is_an_objection_at_the_end_of_its_call(
    bench: Bench,
) -> None:
    """Heard under an answer that the call list then denied: in doubt somebody has objected."""
    contact = bench.register()
    order = bench.dial()
    bench.box.objections.heard(nine(order.attempt))
    bench.box.take([ended(order.attempt)])
    (given,) = bench.posted
    assert isinstance(given, inputs.Revoke)
    assert (given.subject, given.call) == (contact.subject, order.attempt)
    bench.box.take([given])
    assert notes(bench) == []
    (row,) = revoked(bench)
    assert (row["by"], row["attempt"]) == ("key", order.attempt)


def test_the_hour_of_an_untrusted_clock_is_not_believed(bench: Bench) -> None:
    bench.register()
    order = bench.dial()
    trusted = bench.now()
    untrusted = Now(
        monotonic=trusted.monotonic,
        utc=trusted.utc - timedelta(days=9000),
        trusted=False,
        source="none",
    )
    state = bench.box.engine.calls["line-1"]
    assert state is not None
    bench.box._expect(order, untrusted)
    bench.box.objections.heard(nine(order.attempt))
    bench.restart()
    (row,) = revoked(bench)
    assert "heard_at" not in row
    assert not callable_now(bench)


def test_a_disk_that_refuses_a_note_holds_up_no_call(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.register()
    order = bench.dial()

    def full(_: object) -> None:
        raise StorageFailed("no room")

    monkeypatch.setattr(bench.state.objection_notes, "put", full)
    bench.box.objections.heard(nine(order.attempt))
    assert "could not be noted at once" in caplog.text
    bench.box.take(answered_and_pressed(order.attempt, "9"))
    assert len(revoked(bench)) == 1


NOTE = ObjectionNote(attempt="a1", subject="s", number_hash="h", by="key", heard_at=START, after=3)


def test_a_note_is_whole_or_not_there(tmp_path: Path) -> None:
    kept = ObjectionNotes(tmp_path / "objections")
    kept.prepare()
    kept.put(NOTE)
    (tmp_path / "objections" / "a2.json.tmp").write_text('{"attempt": "a')
    kept.prepare()
    assert kept.all() == [NOTE]
    kept.drop("a1")
    kept.drop("a1")
    assert kept.all() == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", json.dumps({"attempt": "a1"}), "\x00" * 40]
)
def test_a_damaged_note_is_told_with_its_remedy(tmp_path: Path, text: str) -> None:
    kept = ObjectionNotes(tmp_path / "objections")
    kept.prepare()
    (tmp_path / "objections" / "a1.json").write_text(text)
    with pytest.raises(StorageFailed, match="cannot be read") as failure:
        kept.all()
    assert "revoke the person by hand" in failure.value.remedy


@pytest.mark.parametrize("attempt", ["../a", "a/b", "", "a.b", "é", "x" * 65])
def test_no_name_leaves_the_directory(tmp_path: Path, attempt: str) -> None:
    kept = ObjectionNotes(tmp_path / "objections")
    kept.prepare()
    with pytest.raises(ValueError, match="plain file name"):
        kept.put(dataclasses.replace(NOTE, attempt=attempt))


KNOWN, STRANGER = "+33199001234", "+33639980007"


def calls(attempt: str, number: str | None) -> dict[str, events.CallerEvent]:
    """One caller, in every way in which a line tells of one."""
    line = "line-1"
    return {
        "turned away": events.IncomingRejected(line=line, at=9.0, attempt=attempt, number=number),
        "ringing": events.IncomingRinging(line=line, at=9.0, attempt=attempt, number=number),
        "waited": events.WaitingGone(
            line=line, at=9.0, attempt=attempt, number=number, why="the call went on"
        ),
    }


@pytest.fixture
def objects(bench: Bench) -> Bench:
    """A box whose people were told that calling its number ends the calls."""
    settings = bench.config.settings
    campaign = settings.campaign.model_copy(update={"calling_back": "objects"})
    bench.config = dataclasses.replace(
        bench.config, settings=settings.model_copy(update={"campaign": campaign})
    )
    bench.box = bench.make()
    bench.register()
    bench.ready()
    return bench


@pytest.mark.parametrize("told", calls("", None))
@pytest.mark.parametrize("number", [KNOWN, STRANGER])
def test_a_call_back_that_objects_outlives_a_kill(objects: Bench, told: str, number: str) -> None:
    objects.box.caller_shown(calls("in-1", number)[told])
    (path,) = (objects.directory / "objections").iterdir()
    assert number[4:] not in path.read_text()
    objects.restart()
    (row,) = revoked(objects)
    assert (row["by"], row["incoming"]) == ("incoming", "in-1")
    assert row["heard_at"] == (START + timedelta(seconds=9)).isoformat(timespec="milliseconds")
    if number == KNOWN:
        assert not callable_now(objects)
    else:
        assert objects.state.registry.suppression(str(row["number_hash"])) is not None
    assert notes(objects) == []
    objects.restart()
    assert len(revoked(objects)) == 1


@pytest.mark.parametrize("told", calls("", None))
def test_a_call_back_stands_once_where_the_loop_goes_on(objects: Bench, told: str) -> None:
    event = calls("in-1", KNOWN)[told]
    objects.box.caller_shown(event)
    objects.box.take([event])
    assert notes(objects) == []
    assert [row["incoming"] for row in revoked(objects)] == ["in-1"]
    objects.restart()
    assert len(revoked(objects)) == 1


@pytest.mark.parametrize("told", calls("", None))
def test_a_call_back_is_no_objection_where_nobody_said_so(bench: Bench, told: str) -> None:
    bench.register()
    event = calls("in-1", KNOWN)[told]
    bench.box.caller_shown(event)
    assert notes(bench) == []
    bench.box.take([event])
    assert revoked(bench) == []


@pytest.mark.parametrize("told", calls("", None))
@pytest.mark.parametrize("number", [None, "", "not a number"])
def test_nobody_is_noted_for_a_hidden_number(objects: Bench, told: str, number: str | None) -> None:
    event = calls("in-1", number)[told]
    objects.box.caller_shown(event)
    assert notes(objects) == []
    objects.box.take([event])
    assert revoked(objects) == []


def test_a_caller_who_objects_twice_is_held_by_either(objects: Bench) -> None:
    """The call itself is on disk; key 9 in it is a second one, though the first row tells of it."""
    ringing = calls("in-1", KNOWN)["ringing"]
    objects.box.caller_shown(ringing)
    objects.box.take([ringing])
    # An older note makes the start read on from before that row.
    older = ObjectionNote(
        attempt="in-0", subject=None, number_hash="0" * 64, by="incoming", heard_at=None, after=0
    )
    ObjectionNotes(objects.directory / "objections").put(older)
    objects.box.objections.heard(nine("in-1", at=20.0))
    objects.restart()
    assert sorted(str(row["incoming"]) for row in revoked(objects)) == ["in-0", "in-1", "in-1"]
    assert not callable_now(objects)
    assert notes(objects) == []
