"""Updates by the real rauc: what is written, tried, confirmed, taken back, and refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.box import updated
from appliance.update.notes import Notes
from appliance.update.rauc import Rauc
from tests.support.update_card import SLOT_BYTES, Card, unusable

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(unusable()), reason=unusable() or "rauc can be tried"),
]


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    made = Card(tmp_path)
    try:
        made.boot()
        yield made
    finally:
        made.close()


def lamp(card: Card) -> str:
    told = updated.load(card.places.told)
    return "" if told is None or told.since is None else told.lamp


def written(card: Card, bundle_version: str = "2.0.0") -> None:
    assert card.apply() is None
    assert card.restarts == 1
    assert Notes.load(card.places.notes).pending.version == bundle_version  # type: ignore[union-attr]


def test_an_update_is_written_tried_once_and_confirmed(card: Card) -> None:
    card.bundle()
    card.box.calls = [2, 1, 1, 0]
    assert card.confirm() is None
    written(card)
    assert card.box.asked.count("update.hold") == 4, "it waits until nobody is called"
    card.boot()
    assert card.slot == "B"
    assert card.confirm() == "holds"
    assert lamp(card) == "holds"
    assert "2.0.0 holds" in card.word("boot")
    # The stick is still there: it gets its word, and nothing begins anew.
    assert card.word() == ""
    assert card.apply() == "holds"
    assert "2.0.0 holds" in card.word()
    assert card.restarts == 1
    card.boot()
    card.boot()
    assert card.slot == "B", "what was confirmed is not counted down"
    assert card.confirm() is None
    assert lamp(card) == "", "a lamp tells it once"
    assert updated.load(card.places.told).text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda card: setattr(card.box, "mode", "safe mode"), "safe mode"),
        (lambda card: setattr(card.box, "mode", "waiting"), "no configuration any more"),
        (lambda card: setattr(card, "supervisor", "false"), "supervisor"),
        (
            lambda card: setattr(card, "doctor", '[{"part": "ledger", "state": "fault"}]'),
            "ledger",
        ),
        (lambda card: setattr(card, "doctor", "Traceback"), "configuration, ledger"),
        (lambda card: card.box.close(), "does not answer"),
    ],
)
def test_a_new_system_that_is_not_well_goes_back_by_itself(
    card: Card, harm: Callable[[Card], None], reason: str
) -> None:
    card.bundle()
    written(card)
    card.boot()
    assert card.slot == "B"
    harm(card)
    assert card.confirm() is None
    assert card.restarts == 2
    assert card.now < 900, "before the card's own deadline"
    card.boot()
    assert card.slot == "A"
    assert card.confirm() == "taken_back"
    assert lamp(card) == "taken_back"
    assert reason in card.word("boot")
    # The stick stays in the box: its bundle is not tried again by itself.
    assert card.apply() == "taken_back"
    assert card.restarts == 2
    assert reason in card.word()
    for _ in range(2):
        card.boot()
        assert card.confirm() is None, "it is told once"
        assert lamp(card) == ""


def test_a_stick_that_answers_rauc_otherwise_than_it_was_judged_is_not_booted(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own processor can show a new version first, and an old one, signed as well, to be
    written."""
    old = card.bundle("old.raucb", version="0.9.0", build="state-format=0").rename(
        card.root / "old"
    )
    card.bundle()
    install = Rauc.install

    def swapped(rauc: Rauc, bundle: Path) -> str:
        shutil.copyfile(old, bundle)
        return install(rauc, bundle)

    monkeypatch.setattr(Rauc, "install", swapped)
    assert card.apply() is not None
    assert card.restarts == 0
    assert "not what was judged" in card.word()
    card.boot()
    assert card.slot == "A"
    assert card.confirm() is None


def test_a_way_back_is_told_once_also_where_rauc_cannot_take_it_down(card: Card) -> None:
    card.bundle()
    written(card)
    card.boot()
    card.boot()
    backend = card.root / "backend"
    whole = backend.read_text()
    backend.write_text(whole.replace('set-state) echo "$3"', 'set-state) exit 1; echo "$3"'))
    assert card.confirm() == "taken_back"
    card.boot()
    assert (card.places.card / "returned").exists()
    assert card.confirm() is None
    # Notes that are lost tell it once more, and no box is lost by that.
    (card.places.notes / "notes.json").unlink()
    card.boot()
    assert card.confirm() == "taken_back"
    card.boot()
    assert card.confirm() is None


def test_a_new_system_that_does_not_even_start_is_taken_back_and_may_be_tried_again(
    card: Card,
) -> None:
    card.bundle()
    written(card)
    card.boot()
    card.boot()  # It hung, and the watchdog came.
    assert card.slot == "A"
    assert card.confirm() == "taken_back"
    assert "did not start" in card.word("boot")
    card.boot()
    assert card.confirm() is None
    card.bundle("other.raucb", version="3.0.0")
    (card.stick / "autodialer/update/other.raucb").unlink()
    assert card.apply() == "taken_back"
    assert card.apply(again=True) is None
    card.boot()
    assert card.confirm() == "holds"


def test_a_box_that_was_not_well_before_is_not_held_to_more(card: Card) -> None:
    card.box.mode = "safe mode"
    card.doctor = '[{"part": "configuration", "state": "fault"}]'
    card.bundle()
    written(card)
    assert "update.hold" not in card.box.asked, "it calls nobody"
    card.boot()
    assert card.confirm() == "holds"


def torn(card: Card) -> None:
    bundle = card.bundle()
    bundle.write_bytes(bundle.read_bytes()[:300_000])


def changed(card: Card) -> None:
    bundle = card.bundle()
    data = bytearray(bundle.read_bytes())
    data[100_000] ^= 1
    bundle.write_bytes(data)


def cut_by_one(card: Card) -> None:
    bundle = card.bundle()
    bundle.write_bytes(bundle.read_bytes()[:-1])


def unsigned(card: Card) -> None:
    card.bundle(key="theirs")


def no_bundle(card: Card) -> None:
    (card.stick / "autodialer/update/new.raucb").write_bytes(os.urandom(100_000))


def empty(card: Card) -> None:
    (card.stick / "autodialer/update/new.raucb").touch()


def a_link(card: Card) -> None:
    card.bundle("real.raucb").rename(card.root / "real.raucb")
    (card.stick / "autodialer/update/new.raucb").symlink_to(card.root / "real.raucb")


def a_folder(card: Card) -> None:
    (card.stick / "autodialer/update/new.raucb").mkdir()


def a_pipe(card: Card) -> None:
    os.mkfifo(card.stick / "autodialer/update/new.raucb")


def a_hostile_name(card: Card) -> None:
    card.bundle().rename(card.stick / "autodialer/update" / "--conf=x\n.raucb")


def without_end(card: Card) -> None:
    with (card.stick / "autodialer/update/new.raucb").open("wb") as file:
        file.truncate(1 << 40)


def too_large(card: Card) -> None:
    card.end_slot_b()
    card.bundle(size=2 * SLOT_BYTES)


REFUSED: list[tuple[Callable[[Card], object], str]] = [
    (torn, "torn"),
    (changed, "torn"),
    (cut_by_one, "torn"),
    (no_bundle, "torn"),
    (empty, "torn"),
    (a_link, "torn"),
    (a_folder, "torn"),
    (a_pipe, "torn"),
    (a_hostile_name, "torn"),
    (without_end, "torn"),
    (unsigned, "unsigned"),
    (lambda card: card.bundle(compatible="a-toaster"), "other_machine"),
    (lambda card: card.bundle(build="state-format=3"), "too_new"),
    (lambda card: card.bundle(build=""), "no_format"),
    (too_large, "no_room"),
    (lambda card: (card.bundle("a.raucb"), card.bundle("b.raucb")), "several"),
]


@pytest.mark.parametrize(
    ("lay", "ending"), REFUSED, ids=[f"{getattr(r[0], '__name__', '')} {r[1]}" for r in REFUSED]
)
def test_what_is_wrong_with_a_bundle_is_told_and_the_box_goes_on(
    card: Card, lay: Callable[[Card], object], ending: str
) -> None:
    lay(card)
    assert card.apply() == ending
    assert card.restarts == 0
    assert lamp(card) == "refused"
    assert len(card.word()) > 60
    assert card.word() == card.word("boot")
    assert not any(not (c.isprintable() or c in "\r\n\xa0\u202f") for c in card.word())
    if "update.hold" in card.box.asked:
        assert card.box.asked[-1] == "update.release"
    card.boot()
    assert card.slot == "A"
    assert card.confirm() is None
    # And whatever it was, a good one is taken after it.
    shutil.rmtree(card.stick / "autodialer/update")
    (card.stick / "autodialer/update").mkdir()
    card.bundle()
    assert card.apply() is None


def test_older_than_allowed(card: Card) -> None:
    """A version of this form may follow form 2, and not form 3."""
    card.bundle(version="0.0.1")
    for form, ending in ((3, "too_old"), (2, None)):
        Notes(state_format=form).save(card.places.notes)
        assert card.apply() == ending


def test_a_box_that_does_not_come_to_rest_is_not_updated(card: Card) -> None:
    card.bundle()
    card.box.calls = [1]
    assert card.apply() == "busy"
    assert card.box.asked[-1] == "update.release"
    assert "1 call is up" in card.word()
    assert card.restarts == 0


def test_a_clock_of_1970_refuses_and_says_why(card: Card) -> None:
    """Nothing turns a clock back here: a key that begins to hold in 2090 is the same to it."""
    card.make_key("ours", begins="20900101000000Z")
    card.bundle()
    card.boot()
    assert card.apply() == "not_yet_valid"
    assert "find the time" in card.word()


@pytest.mark.parametrize("after", [0.0, 0.05, 0.2])
def test_a_plug_that_is_pulled_while_rauc_writes(card: Card, after: float) -> None:
    card.bundle()

    def pull() -> None:
        until = time.monotonic() + 20
        while not (card.places.notes / "notes.json").exists() and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(after)
        card._service.send_signal(signal.SIGKILL)  # type: ignore[union-attr]

    pulling = threading.Thread(target=pull)
    pulling.start()
    ended = card.apply()
    pulling.join()
    # What the updater made of it is gone with the power as well: the notes are those of before.
    card.boot()
    said = card.confirm()
    assert (ended, card.slot, said) in (
        ("interrupted", "A", None),
        ("torn", "A", None),
        (None, "B", "holds"),
        # It was written whole, and nobody was left to take that back.
        ("interrupted", "B", "holds"),
    )
    assert card.apply() in (None, "holds", "same"), "and it is not written twice"
    if card.slot == "A":
        card.boot()
        assert card.confirm() == "holds"


def test_a_cut_before_anything_was_noted_is_told_at_the_next_start(card: Card) -> None:
    """Each note is a step; a cut leaves the step before or after it."""
    bundle = card.bundle()
    written(card)
    notes = Notes.load(card.places.notes)
    value = json.loads((card.places.notes / "notes.json").read_text())
    value["pending"]["phase"] = "writing"
    # Cut while rauc wrote: the slot was never made bootable.
    (card.root / "sectors/primary").write_text("A")
    (card.places.notes / "notes.json").write_text(json.dumps(value))
    card.boot()
    assert card.confirm() == "interrupted"
    assert lamp(card) == "refused"
    assert card.apply() is None
    # Cut between rauc's end and the note: the trial is one all the same.
    (card.places.notes / "notes.json").write_text(json.dumps(value))
    card.boot()
    assert card.slot == "B"
    assert card.confirm() == "holds"
    # Cut between the confirmation and the note of it.
    value["pending"]["phase"] = "written"
    (card.places.notes / "notes.json").write_text(json.dumps(value))
    card.boot()
    assert card.confirm() == "holds"
    assert card.slot == "B"
    assert notes.pending is not None
    assert bundle.exists()
    # Notes that are lost or torn cost memory, never a box.
    for text in ("", "{", "[]", '{"pending": 1}'):
        (card.places.notes / "notes.json").write_text(text)
        card.boot()
        assert card.confirm() is None
        assert card.slot == "B"


def test_two_sticks_take_their_turns(card: Card) -> None:
    card.bundle()
    ended: list[str | None] = []
    both = [threading.Thread(target=lambda: ended.append(card.apply())) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert sorted(map(str, ended)) == ["None", "on_trial"]
    assert card.restarts == 1
