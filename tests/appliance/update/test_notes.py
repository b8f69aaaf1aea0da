"""What the notes of an update keep over a restart, as people read it afterwards."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from appliance.box import updated
from appliance.language import Message, translator
from appliance.update.box import BoxSeen
from appliance.update.carry_out import Places, Updater
from appliance.update.decide import Bundle, Ending, Finding, found, of_rauc
from appliance.update.notes import Notes, Pending
from appliance.update.rauc import Rauc, Slots
from appliance.update.trial import Health, Trial, step
from appliance.update.words import update_text

WELL = Health(mode="running", supervised=True)
ILL = [
    Health(mode="running", supervised=False),
    Health(mode="silent", supervised=True),
    Health(mode="safe_mode", supervised=True),
    Health(mode="waiting", supervised=True),
    Health(mode="running", supervised=True, ails=frozenset({"ledger"})),
]


def lacks(health: Health) -> str:
    trial, _ = step(Trial(before=WELL), health, 1.0)
    return trial.lacks


@pytest.mark.parametrize("health", ILL)
def test_why_a_version_was_taken_back_is_said_in_the_boxs_language_after_the_restart(
    tmp_path: Path, health: Health
) -> None:
    reason = lacks(health)
    pending = Pending(identity="1", version="2", from_slot="A", before=WELL, reason=reason)
    Notes(pending=pending).save(tmp_path)
    again = Notes.load(tmp_path).pending
    assert again is not None
    finding = found(Ending.TAKEN_BACK, version="2", reason=again.reason)
    text = update_text(finding, ("fr",), version="1").decode()
    assert str(reason) not in text
    assert translator("fr")(reason) in text


def test_how_an_update_ended_is_said_in_the_boxs_language_to_a_stick_that_comes_later(
    tmp_path: Path,
) -> None:
    finding = found(Ending.TAKEN_BACK, version="2", reason=lacks(ILL[0]))
    Notes(last=finding, of="1").save(tmp_path)
    last = Notes.load(tmp_path).last
    assert last is not None
    assert update_text(last, ("fr",), version="1") == update_text(finding, ("fr",), version="1")


@pytest.mark.parametrize("ending", [one for one in Ending if one is not Ending.SAME])
def test_the_doctor_hears_it_in_the_boxs_language(tmp_path: Path, ending: Ending) -> None:
    names = ("name", "version", "reason", "theirs", "ours")
    finding = Finding(ending=ending, values=tuple((name, "-") for name in names))
    box = BoxSeen(state=tmp_path)
    places = Places(notes=tmp_path, boot=tmp_path, card=tmp_path, told=tmp_path / "told")
    Updater(rauc=Rauc(), box=box, restart=lambda: None, places=places)._tell(finding, since=1.0)
    told = updated.load(places.told)
    assert told is not None
    assert told.text == finding.message
    assert translator("fr")(told.text) == translator("fr")(finding.message) != finding.message


def test_a_word_of_our_own_among_raucs_keeps_its_language() -> None:
    said = Message("checksum: what was written is not what was judged")
    finding = of_rauc(said, "x.raucb", otherwise=Ending.INTERRUPTED)
    assert finding.ending is Ending.TORN
    assert said not in translator("fr")(finding.message)


def test_notes_of_a_version_that_kept_plain_words_are_read(tmp_path: Path) -> None:
    pending = Pending(identity="1", version="2", from_slot="A", before=WELL, reason="plain words")
    notes = Notes(pending=pending, last=found(Ending.BUSY, reason="plain words"), of="1")
    notes.save(tmp_path)
    assert Notes.load(tmp_path) == notes


def test_a_box_is_not_held_for_an_update_that_cannot_be_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Box(BoxSeen):
        def health(self) -> Health:
            return WELL

        def hold(self) -> int:
            asked.append("hold")
            return 0

        def release(self) -> None:
            asked.append("release")

    class Ours(Rauc):
        def bundles(self, folder: Path) -> list[Bundle]:
            return [Bundle(name="x", identity="1", compatible="box", build="state-format=1")]

        def slots(self) -> Slots:
            return Slots(compatible="box", booted="A", written=())

        def install(self, bundle: Path) -> str:
            pytest.fail("it was written without a note")

    def full(notes: Notes, place: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(place))

    monkeypatch.setattr(Notes, "save", full)
    places = Places(notes=tmp_path, boot=tmp_path, card=tmp_path, told=tmp_path)
    updater = Updater(
        rauc=Ours(), box=Box(state=tmp_path), restart=lambda: pytest.fail("restart"), places=places
    )
    with pytest.raises(OSError, match="No space"):
        updater.apply(tmp_path)
    assert asked == ["hold", "release"]
