"""All or nothing: every way in which a folder can be wrong, and a cut at every write."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from appliance.box import provisioned
from appliance.errors import Refused
from appliance.ledger import read_entries
from appliance.provisioning.apply import Provisioning
from appliance.provisioning.folder import take
from firmware import durable
from tests.support.provisioning import ADA, HEADER, WITHDRAWN, Place, codes

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs openssh-client")
NOW = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hearing the clips takes a second for each folder."""
    monkeypatch.setattr("appliance.config.load._Checks._examine", lambda *_: None)


def test_clips_are_heard_before_they_are_taken(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(
        "appliance.config.load._Checks._examine", lambda *given: heard.append(given[3].name)
    )
    place.box().apply(place.pack(place.folder()))
    assert {"message.fr.wav", "message.en.wav"} <= set(heard)


def test_a_signed_folder_is_the_first_configuration_of_a_box(place: Place) -> None:
    """The box of the fixture cannot start as it is: it names no line."""
    folder = place.pack(place.folder())
    before = place.config.read_text()
    outcome = place.box().apply(folder)
    assert outcome.faults == []
    result = outcome.result
    assert (result.verdict, result.people, result.consents) == ("applied", 1, 1)
    assert result.key is not None
    assert result.key.startswith("SHA256:")
    assert place.is_new()
    assert place.names() == ["Ada"]
    assert place.withdrawn()
    assert place.config.with_name("config.yaml.technician").read_text() == before
    assert not (place.state / "provisioning" / "staging").exists(), "people's data stays nowhere"


def test_the_same_folder_again_changes_nothing(place: Place) -> None:
    folder = place.pack(place.folder())
    place.box().apply(folder)
    withdrawn = [e for e in read_entries(place.state / "ledger") if e.kind == "consent.revoked"]
    assert [entry.data["by"] for entry in withdrawn] == ["provisioning"]
    rows = len(list(read_entries(place.state / "ledger")))
    again = place.box().apply(folder)
    assert again.result.verdict == "unchanged"
    assert len(list(read_entries(place.state / "ledger"))) == rows, "nor is anybody withdrawn anew"
    assert len(list((place.etc / "provisioned").iterdir())) == 1


def test_who_agrees_after_a_withdrawal_is_not_withdrawn_by_the_same_folder(place: Place) -> None:
    folder = place.pack(place.folder(contacts=None))
    place.box().apply(folder)
    again = HEADER + ADA.replace("980001", "980002").replace("2027-01-15", "2027-02-20")
    later = place.folder("later", config=None, contacts=again, withdrawals=None)
    shutil.rmtree(later / "clips")
    assert place.box().apply(place.pack(later)).faults == []
    place.box().apply(folder)
    kinds = [entry.kind for entry in read_entries(place.state / "ledger")]
    assert kinds.count("consent.revoked") == 1
    # The same list packed anew is somebody who withdrew again.
    place.box().apply(place.pack(folder, at=datetime.now(UTC) + timedelta(minutes=1)))
    kinds = [entry.kind for entry in read_entries(place.state / "ledger")]
    assert kinds.count("consent.revoked") == 2


def edit(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(text)

    return change


def cut(name: str) -> Callable[[Path], None]:
    def tear(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return tear


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


AFTER_PACKING: list[tuple[str, Callable[[Path], None]]] = [
    *((f"{name} torn", cut(name)) for name in ("contacts.csv", "config.yaml", "manifest.json")),
    ("a clip torn", cut("clips/message.fr.wav")),
    ("signature torn", cut("manifest.json.sig")),
    *((f"{name} gone", remove(name)) for name in ("contacts.csv", "config.yaml", "manifest.json")),
    ("a clip gone", remove("clips/greeting.fr.wav")),
    ("signature gone", remove("manifest.json.sig")),
    ("contacts changed", edit("contacts.csv", HEADER + ADA.replace("Ada", "Eve"))),
    ("contacts empty", edit("contacts.csv", "")),
    ("a clip added", edit("clips/more.wav", "RIFF")),
    ("manifest of nothing", edit("manifest.json", "{}")),
    ("manifest no JSON", edit("manifest.json", "[" * 100_000)),
    ("manifest of another format", edit("manifest.json", '{"format": 2}')),
    ("signature of words", edit("manifest.json.sig", "trust me")),
    ("an unknown file", edit("notes.txt", "please")),
]


@pytest.mark.parametrize(("what", "harm"), AFTER_PACKING, ids=[one[0] for one in AFTER_PACKING])
@pytest.mark.parametrize("unsigned", [False, True], ids=["signed only", "unsigned too"])
def test_what_was_changed_after_packing_is_refused_and_withdrawals_count(
    place: Place, what: str, harm: Callable[[Path], None], *, unsigned: bool
) -> None:
    folder = place.pack(place.folder())
    harm(folder)
    if unsigned and what in ("signature gone", "manifest.json gone"):
        (folder / "manifest.json").unlink(missing_ok=True)
        (folder / "manifest.json.sig").unlink(missing_ok=True)
        assert place.box(unsigned=True).apply(folder).result.verdict == "applied"
        return
    refused(place, place.box(unsigned=unsigned).apply(folder))
    assert place.withdrawn()


def refused(place: Place, outcome: Any, code: str = "") -> None:
    assert outcome.result.verdict == "refused"
    assert outcome.faults
    assert not code or code in codes(outcome.faults)
    assert not place.is_new()
    assert place.names() == []
    kept = provisioned.load(place.state)
    assert kept is not None
    assert kept.verdict == "refused"
    assert kept.reasons


BEFORE_PACKING: list[tuple[str, dict[str, str | None], str]] = [
    ("no such line", {"config": "box: {}\n"}, "config"),
    ("YAML of nothing", {"config": ""}, "config"),
    ("an alias bomb", {"config": "a: &a [x]\nb: [*a, *a]\n"}, "config"),
    ("no people", {"contacts": ""}, "contacts"),
    ("another header", {"contacts": "a,b\n1,2\n"}, "contacts"),
    ("one bad row of two", {"contacts": HEADER + ADA + ADA.replace("+33639980001", "112")},
     "contacts"),
    ("binary", {"contacts": "\0\0\0"}, "contacts"),
    ("nothing at all", {"config": None, "contacts": None, "withdrawals": None}, "clips"),
    ("people without a configuration", {"config": None}, "clips"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "files", "code"), BEFORE_PACKING, ids=[one[0] for one in BEFORE_PACKING]
)
def test_what_is_signed_and_wrong_is_refused_whole(
    place: Place, what: str, files: dict[str, str | None], code: str
) -> None:
    folder = place.pack(place.folder("autodialer", **files))
    refused(place, place.box().apply(folder), code)
    assert place.withdrawn() == (files.get("withdrawals", "") is not None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("state: STATE ", "state: elsewhere "),
        ("state: STATE ", "state: /tmp/elsewhere "),
        ("bench: true # a", 'bench: true\n    sim_pin: "file:pin" # a'),
        ("bench: true # a", 'bench: true\n    sim_pin: "file:/nowhere/pin" # a'),
        ("clips/message.fr.wav", "../../../../etc/passwd"),
        ("clips/message.fr.wav", "missing.wav"),
    ],
)
def test_a_configuration_that_points_out_of_the_folder_is_refused(
    place: Place, old: str, new: str
) -> None:
    old = old.replace("STATE", str(place.state))
    text = place.config_text()
    assert old in text
    refused(place, place.box().apply(place.pack(place.folder(config=text.replace(old, new, 1)))))


def test_who_may_bring_a_folder(place: Place) -> None:
    folder = place.folder()
    refused(place, place.box().apply(folder), "unsigned")
    refused(place, place.box().apply(place.pack(folder, key=None)), "unsigned")
    refused(place, place.box().apply(place.pack(folder, key="thief")), "wrong_key")
    refused(place, place.box(unsigned=True).apply(folder), "wrong_key")
    assert place.withdrawn()
    (folder / "manifest.json.sig").unlink()
    assert place.box(unsigned=True).apply(folder).result.verdict == "applied"


def test_a_signature_for_another_purpose_proves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.folder()
    with monkeypatch.context() as patch:
        patch.setattr("appliance.provisioning.manifest.NAMESPACE", "autodialer-ledger")
        place.pack(folder)
    refused(place, place.box().apply(folder), "wrong_key")


def test_an_older_folder_does_not_undo_a_newer_one(place: Place) -> None:
    newer = place.pack(place.folder("newer"), at=NOW)
    older = place.folder("older", config=place.config_text("box-1"), withdrawals=None)
    place.pack(older, at=NOW - timedelta(days=1))
    assert place.box().apply(newer).result.verdict == "applied"
    outcome = place.box().apply(older)
    assert codes(outcome.faults) == {"older"}
    assert place.is_new()
    # What was refused does not change what counts as older.
    thief = place.pack(place.folder("thief"), key="thief", at=NOW + timedelta(days=900))
    assert place.box().apply(thief).result.verdict == "refused"
    later = place.folder("later", config=place.config_text("box-3"))
    place.pack(later, at=NOW + timedelta(days=1))
    assert place.box().apply(later).result.verdict == "applied"
    assert "name: box-3" in place.config.read_text()
    assert len(list((place.etc / "provisioned").iterdir())) == 2, "the one before it stays"


def test_withdrawals_alone_and_people_alone_leave_the_configuration(place: Place) -> None:
    place.box().apply(place.pack(place.folder()))
    target = place.config.readlink()
    shutil.rmtree(place.stick)
    bert = HEADER + ADA.replace("Ada", "Bert").replace("980001", "980003")
    folder = place.folder(config=None, contacts=bert, withdrawals="+33639980001\n")
    shutil.rmtree(folder / "clips")
    outcome = place.box().apply(place.pack(folder))
    assert outcome.faults == []
    assert place.config.readlink() == target
    assert place.names() == ["Ada", "Bert"]


def test_lines_that_are_no_number_are_told_and_the_others_count(place: Place) -> None:
    text = "number\n# a remark\n\n+33639980002;Bo\nabc\n+1\n"
    outcome = place.box().apply(place.pack(place.folder(withdrawals=text)))
    assert (outcome.result.verdict, outcome.unread) == ("applied", [5, 6])
    assert outcome.result.is_fault
    assert place.withdrawn()


def test_two_sticks_take_their_turns(place: Place) -> None:
    first = place.pack(place.folder("first"), at=NOW)
    second = place.pack(
        place.folder("second", config=place.config_text("box-3")), at=NOW + timedelta(seconds=1)
    )
    outcomes: list[Any] = []
    threads = [
        threading.Thread(target=lambda f=folder: outcomes.append(place.box().apply(f)))
        for folder in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert "name: box-3" in place.config.read_text(), "the newer one, whichever came first"
    assert {o.result.verdict for o in outcomes} <= {"applied", "refused"}
    assert len(outcomes) == 2


def test_a_second_stick_does_not_wait_for_ever(place: Place) -> None:
    box = place.box()
    with (
        box.store.alone(),
        pytest.raises(Refused, match="another folder"),
        place.box().store.alone(0.2),
    ):
        pass


# --- the plug ---------------------------------------------------------------------------------


class PowerCut(BaseException):
    """Nothing catches it: the process is gone at that call."""


class Cut:
    """Ends the process at the *at*-th call that makes something durable: none follows it."""

    calls = ("open", "write", "sync", "rename", "remove", "sync_directory")

    def __init__(self, at: float) -> None:
        self.at = at
        self.paths: list[str] = []

    def hooked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in self.calls:
            real = getattr(durable.SystemDisk, name)
            monkeypatch.setattr(durable.SystemDisk, name, partial(self._call, real).__call__)

    def _call(self, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.paths.append(str(arguments[0]))
        if len(self.paths) >= self.at:
            raise PowerCut
        return real(durable.SYSTEM_DISK, *arguments, **options)


def applied(root: Path, cut: Cut) -> Place:
    place = Place(root)
    folder = place.pack(place.folder())
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(PowerCut):
        cut.hooked(patch)
        place.box().apply(folder)
    return place


@pytest.mark.process
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_cut_at_any_write_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    """Then the next start finishes what was past its point of no return."""
    whole = Cut(math.inf)
    applied(tmp_path / "whole", whole)
    total = len(whole.paths)
    decided = next(n for n, p in enumerate(whole.paths, 1) if p.endswith("pending.json.tmp"))
    ends = {*range(1, total, 16), *range(decided - 2, decided + 12), *range(total - 8, total + 1)}
    seen = set()
    for at in sorted(ends):
        place = applied(tmp_path / str(at), Cut(at))
        place.box().settle()
        state = (place.is_new(), place.names() == ["Ada"])
        assert state in ((True, True), (False, False)), at
        seen.add(state[0])
        again = place.box().apply(place.stick / "autodialer")
        assert again.result.verdict in ("applied", "unchanged"), at
        assert (place.is_new(), place.names(), place.withdrawn()) == (True, ["Ada"], True), at
        shutil.rmtree(place.root)
    assert seen == {True, False}


def pulled(after: int) -> Callable[[int, int], bytes]:
    """Read as from a stick that is pulled out after so many bytes."""
    left = [after]

    def read(descriptor: int, count: int) -> bytes:
        if left[0] <= 0:
            raise OSError(errno.EIO, "Input/output error")
        data = os.read(descriptor, min(count, left[0]))
        left[0] -= len(data)
        return data

    return read


@pytest.mark.parametrize("after", [0, 1, 13, 14, 300, 5_000, 200_000, 900_000])
def test_a_stick_that_is_pulled_out_changes_nothing(place: Place, after: int) -> None:
    folder = place.pack(place.folder())
    outcome = place.box().apply(folder, take=partial(take, read=pulled(after)))
    refused(place, outcome, "unreadable")
    assert place.withdrawn() == (after >= 13), "a whole line counts, half a number does not"


def test_the_result_says_nothing_of_anybody(place: Place) -> None:
    bad = HEADER + ADA + ADA.replace("fr,Europe", "fr,Nowhere")
    place.box().apply(place.pack(place.folder(contacts=bad)))
    kept = (place.state / "provisioning" / "result.json").read_text()
    assert json.loads(kept)["reasons"] == ["contacts"]
    assert "980001" not in kept
    assert "Ada" not in kept


def test_a_list_that_the_box_reads_otherwise_is_kept(place: Place) -> None:
    def ask(config: Path, operation: str, given: dict[str, Any]) -> Any:
        return {"numbers": [], "faults": [{"line": None, "what": "no number", "remedy": ""}]}

    box = Provisioning(place.config, place.state, place.trust(), ask=ask, tell=lambda: None)
    folder = place.pack(place.folder(config=None, contacts=None))
    assert box.apply(folder).kept
    kept = place.state / "provisioning" / "withdrawals.txt"
    assert kept.read_text() == f"{WITHDRAWN}\n"
