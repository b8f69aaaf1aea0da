"""The first boot without a screen: whom a new box believes, what it leaves on its boot partition,
and a cut at each step of both."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.box import calendar_clock, provisioned
from appliance.box.clock import judge
from appliance.cli.main import main
from appliance.config import unconfigured
from appliance.config.unconfigured import PLACEHOLDERS, is_unconfigured
from appliance.config.validation import read_settings
from appliance.ledger import read_entries
from appliance.provisioning.beside import is_sealed, sealed, write_beside, write_sealed
from appliance.provisioning.folder import LISEZMOI, README, SAMPLE, is_bare, take
from appliance.provisioning.welcome import SAMPLE_TEXT, leave_notes, lost_text, readme
from firmware.yaml_document import parse_document
from tests.support.provisioning import Place, codes

ROOT = Path(__file__).parents[3]
NOTES = (README, LISEZMOI, SAMPLE)

needs_keys = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="needs openssh-client, which makes the keys"
)


@pytest.fixture(autouse=True)
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hearing the clips takes a second for each folder."""
    monkeypatch.setattr("appliance.config.load._Checks._examine", lambda *_: None)


class Card(Place):
    """A box that nobody has configured, with its boot partition."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.config.unlink()
        self.boot = self.stick

    def command(self, *words: str) -> int:
        return main(["--config", str(self.config), "--state", str(self.state), "provision", *words])

    def boots(self) -> None:
        """What the units run before the box, in their order."""
        self.command("settle")
        self.command("apply", "--if-there", "--boot-partition", str(self.boot))
        self.command("notes", str(self.boot))

    def result(self) -> str:
        return (self.boot / "autodialer" / "RESULT.txt").read_text(encoding="utf-8")


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


# --- whom it believes -----------------------------------------------------------------------------


def unsigned(card: Card, folder: Path) -> None:
    pass


def packed(card: Card, folder: Path) -> None:
    card.pack(folder, key=None)


def signed(card: Card, folder: Path) -> None:
    card.pack(folder)


def signed_by_a_stranger(card: Card, folder: Path) -> None:
    card.pack(folder, key="thief")


def torn(card: Card, folder: Path) -> None:
    card.pack(folder)
    clip = folder / "clips" / "message.fr.wav"
    clip.write_bytes(clip.read_bytes()[:-1])


@needs_keys
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (unsigned, ""),
        (packed, ""),
        (signed, ""),
        (signed_by_a_stranger, "wrong_key"),
        (torn, "changed"),
    ],
)
def test_the_first_folder_on_the_boot_partition(
    card: Card, make: Callable[[Card, Path], None], code: str
) -> None:
    make(card, card.folder())
    card.boots()
    last = provisioned.load(card.state)
    assert last is not None
    assert set(last.reasons) == ({code} if code else set())
    assert is_unconfigured(card.config) == bool(code)
    assert card.names() == ([] if code else ["Ada"])
    assert card.withdrawn(), "withdrawals count always"
    assert "REFUSED" in card.result() if code else "APPLI" in card.result().upper()


@needs_keys
def test_a_stick_is_no_boot_partition(card: Card) -> None:
    folder = card.folder()
    assert card.command("apply", str(folder)) == 1
    assert provisioned.load(card.state).reasons == ("unsigned",)  # type: ignore[union-attr]
    assert is_unconfigured(card.config)


@needs_keys
def test_the_second_folder_on_the_boot_partition_needs_the_key(card: Card) -> None:
    card.folder()
    card.boots()
    assert card.is_new()
    shutil.rmtree(card.boot / "autodialer")
    card.folder(config=card.config_text("box-3"))
    card.boots()
    assert provisioned.load(card.state).reasons == ("unsigned",)  # type: ignore[union-attr]
    assert card.is_new()


@needs_keys
@pytest.mark.parametrize("pack", [unsigned, signed])
def test_a_folder_that_stays_is_taken_once_and_never_refused(
    card: Card, pack: Callable[[Card, Path], None]
) -> None:
    """It was right for a box without configuration; the box has one now, which trusts a key."""
    pack(card, card.folder())
    card.boots()
    assert card.is_new()
    said = card.result()
    rows = len(list(read_entries(card.state / "ledger")))
    card.boots()
    assert card.result() == said
    # Nor when a stick brought something newer, or something that was refused, meanwhile.
    stick = card.root / "other"
    for name, text in (("newer", card.config_text("box-3")), ("wrong", "box: [\n")):
        folder = card.folder(f"../other/{name}", config=text, contacts=None, withdrawals=None)
        card.pack(folder, at=datetime.now(UTC) + timedelta(minutes=1 + len(name)))
        card.command("apply", str(folder))
        before = provisioned.load(card.state)
        card.boots()
        assert provisioned.load(card.state) == before
    assert "name: box-3" in card.config.read_text()
    assert len(list(read_entries(card.state / "ledger"))) == rows, "nobody is withdrawn anew"
    assert stick.exists()


@needs_keys
def test_a_configuration_that_is_torn_or_lost_is_no_first_one(card: Card) -> None:
    """Else whoever breaks it could bring the next one."""
    card.folder()
    for harm in (
        lambda: card.config.write_text("box: [\n"),
        lambda: card.config.symlink_to("provisioned/none/config.yaml"),
    ):
        card.config.unlink(missing_ok=True)
        harm()
        card.boots()
        assert provisioned.load(card.state).reasons == ("unsigned",)  # type: ignore[union-attr]


@needs_keys
def test_a_clock_of_1970_takes_the_folder_and_dials_nobody(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dark(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ARG003
            return datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC)

    monkeypatch.setattr(calendar_clock, "datetime", Dark)
    real = card.config_text().replace("  simulated_start:", "  # simulated_start:")
    card.folder(config=real.replace("  speed:", "  # speed:"))
    card.boots()
    assert card.is_new(), card.result()
    assert card.names() == ["Ada"]
    told = replace(calendar_clock.read_system(), utc=Dark.now())
    assert not judge(told, ("ntp", "rtc", "network"), calendar_clock.BUILD_FLOOR).trusted


# --- what it leaves there -------------------------------------------------------------------------


def test_without_a_folder_the_box_waits_and_says_how(card: Card) -> None:
    card.boots()
    folder = card.boot / "autodialer"
    assert sorted(path.name for path in folder.iterdir()) == sorted(NOTES)
    for name in NOTES:
        data = (folder / name).read_bytes()
        assert is_sealed(data)
        assert data.count(b"\n") == data.count(b"\r\n"), "Notepad shows one long line otherwise"
        assert len(name) < 32
        assert not set(name) & set('<>:"/\\|?*')
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    card.boots()
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before, "writes wear"
    assert provisioned.load(card.state) is None, "an empty folder is none, not a refused one"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_readme_tells_the_lamp_as_it_is(language: str) -> None:
    said = " ".join(readme(language).split())
    shown = {"en": ("1 long, 2 short", "1 long, 1 short"), "fr": ("1 long", "2 court")}[language]
    assert all(one in said for one in shown), said
    assert max(map(len, readme(language).splitlines())) <= 78
    assert SAMPLE in said
    assert "RESULT.txt" in said


def test_the_sample_becomes_a_configuration_where_capitals_are_replaced() -> None:
    assert all(word.decode() in SAMPLE_TEXT for word in PLACEHOLDERS)
    assert SAMPLE_TEXT.isascii()
    filled = SAMPLE_TEXT.replace("WRITE-THE-NUMBER", "+33639980001")
    settings = read_settings(parse_document(filled, SAMPLE))
    assert settings.campaign.mode == "attended"
    # It is the package's configuration, and what a folder needs besides.
    packaged = (ROOT / "debian" / "config.yaml").read_text(encoding="utf-8")
    theirs, ours = (parse_document(text, "x").value for text in (packaged, SAMPLE_TEXT))
    assert isinstance(theirs, dict)
    assert isinstance(ours, dict)
    assert {**theirs, "language": "en", "provisioning": ours["provisioning"]} == ours


def test_the_sample_as_it_is_is_no_configuration(card: Card) -> None:
    folder = card.folder(config=SAMPLE_TEXT.replace("/var/lib/autodialer", str(card.state)))
    card.boots()
    assert is_unconfigured(card.config)
    assert "law.caller.number" in card.result()
    assert "\nautodialer RESULT" in card.result().replace("\r", "")[10:], "both languages"
    assert (folder / README).exists()


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (lambda data: data, True),
        (lambda data: data.replace(b"\r\n", b"\n"), True),
        (lambda data: data.replace(b"word", b"ward"), False),
        (lambda data: data + b"mine\r\n", False),
        (lambda data: b"mine\r\n" + data, False),
        (lambda data: data[: len(data) // 2], False),
        (lambda _: b"mine", False),
    ],
    ids=["same", "line ends", "edited", "added", "before", "half", "other"],
)
def test_only_what_the_box_wrote_is_written_again(
    tmp_path: Path, text: Callable[[bytes], bytes], *, ours: bool
) -> None:
    there = text(sealed("a word\n"))
    (tmp_path / README).write_bytes(there)
    assert write_sealed(tmp_path, README, "another\n") is ours
    left = (tmp_path / README).read_bytes()
    assert left == (sealed("another\n") if ours else there)
    assert [path.name for path in tmp_path.iterdir()] == [README]


@pytest.mark.parametrize("name", NOTES)
def test_a_file_of_somebody_is_left_and_the_others_are_written(card: Card, name: str) -> None:
    folder = card.boot / "autodialer"
    folder.mkdir()
    (folder / name).write_text("mine")
    written, refused = leave_notes(card.boot, card.state, waits=True)
    assert (folder / name).read_text() == "mine"
    assert sorted(written) == sorted(f"autodialer/{one}" for one in NOTES if one != name)
    assert refused == []


# --- what may be wrong with a partition -----------------------------------------------------------


def a_file(boot: Path) -> None:
    (boot / "autodialer").write_text("x")


def a_link_to_nowhere(boot: Path) -> None:
    (boot / "autodialer").symlink_to("nowhere")


def a_link_away(boot: Path) -> None:
    (boot.parent / "away").mkdir()
    (boot / "autodialer").symlink_to(boot.parent / "away")


def links_inside(boot: Path) -> None:
    (boot / "autodialer").mkdir()
    for name in (*NOTES, "RESULT.txt", ".autodialer-result.tmp"):
        (boot / "autodialer" / name).symlink_to(boot.parent / "secret")


def folders_inside(boot: Path) -> None:
    for name in (*NOTES, "RESULT.txt"):
        (boot / "autodialer" / name).mkdir(parents=True)


def a_pipe(boot: Path) -> None:
    (boot / "autodialer").mkdir()
    os.mkfifo(boot / "autodialer" / README)
    os.mkfifo(boot / "autodialer" / "config.yaml")


def names_that_clash(boot: Path) -> None:
    (boot / "autodialer").mkdir()
    for name in ("config.yaml", "CONFIG.YAML"):
        (boot / "autodialer" / name).write_text("x")


def ten_thousand_names(boot: Path) -> None:
    (boot / "autodialer").mkdir()
    for number in range(2000):
        (boot / "autodialer" / f"{number}\x07\n.txt").touch()


def a_configuration_without_end(boot: Path) -> None:
    (boot / "autodialer").mkdir()
    with (boot / "autodialer" / "config.yaml").open("wb") as file:
        file.truncate(1 << 40)


HOSTILE = [
    a_file,
    a_link_to_nowhere,
    a_link_away,
    a_pipe,
    names_that_clash,
    ten_thousand_names,
    a_configuration_without_end,
]


@pytest.mark.parametrize("make", HOSTILE)
def test_a_hostile_partition_is_refused_and_told_on_it(
    card: Card, make: Callable[[Path], None]
) -> None:
    secret = card.root / "secret"
    secret.write_text("untouched")
    make(card.boot)
    card.boots()
    assert is_unconfigured(card.config)
    assert secret.read_text() == "untouched"
    away = card.root / "away"
    assert not away.exists() or list(away.iterdir()) == [], "nothing is written through a link"
    last = provisioned.load(card.state)
    told = [*card.boot.glob("autodialer/RESULT*.txt"), *card.boot.glob("autodialer-RESULT.txt")]
    told = [path for path in told if path.is_file() and not path.is_symlink()]
    assert last is not None
    assert last.verdict == "refused"
    assert any("REFUSED" in path.read_text(encoding="utf-8") for path in told)


@pytest.mark.parametrize("make", [links_inside, folders_inside])
def test_what_has_the_name_of_a_note_and_is_no_file_stays(
    card: Card, make: Callable[[Path], None]
) -> None:
    secret = card.root / "secret"
    secret.write_text("untouched")
    make(card.boot)
    card.boots()
    assert secret.read_text() == "untouched"
    assert not any(
        path.is_file() and not path.is_symlink() for path in (card.boot / "autodialer").iterdir()
    )
    assert is_unconfigured(card.config)


def no_room(*_: Any, **__: Any) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def read_only(real: Callable[..., int]) -> Callable[..., int]:
    def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, flags, *rest, **more)

    return opened


@pytest.mark.parametrize("harm", ["full", "read-only", "pulled"])
def test_a_partition_that_takes_nothing_stops_nothing(
    card: Card, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (card.boot / "autodialer").mkdir()
    (card.state / "provisioning").mkdir(parents=True)
    (card.state / "provisioning" / "RESULT.txt").write_text("autodialer RESULT\n")
    with monkeypatch.context() as patch:
        if harm == "full":
            patch.setattr(os, "write", no_room)
        elif harm == "read-only":
            patch.setattr(os, "open", read_only(os.open))
        else:
            shutil.rmtree(card.boot)
        _, refused = leave_notes(card.boot, card.state, waits=True)
    assert refused
    if harm != "pulled":
        assert list((card.boot / "autodialer").iterdir()) == [], "half a file takes room"
        assert card.command("notes", str(card.boot)) == 0, "and the next boot writes it all"


def test_root_publishes_nothing_that_the_account_points_to(card: Card) -> None:
    secret = card.root / "shadow"
    secret.write_text("autodialer RESULT\nroot:hash\n")
    (card.boot / "autodialer").mkdir()
    place = card.state / "provisioning"
    plants: tuple[Callable[[], object], ...] = (
        lambda: (place / "RESULT.txt").symlink_to(secret),
        lambda: (place / "RESULT.txt").hardlink_to(secret),
        lambda: os.mkfifo(place / "RESULT.txt"),
        lambda: (place / "RESULT.txt").mkdir(),
    )
    for plant in plants:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        plant()
        leave_notes(card.boot, card.state, waits=False)
        assert list((card.boot / "autodialer").iterdir()) == []
    shutil.rmtree(place)
    (card.root / "elsewhere").mkdir()
    shutil.copy(secret, card.root / "elsewhere" / "RESULT.txt")
    place.symlink_to(card.root / "elsewhere")
    leave_notes(card.boot, card.state, waits=False)
    assert list((card.boot / "autodialer").iterdir()) == []


@pytest.mark.parametrize("make", [lambda _: None, *HOSTILE, links_inside, folders_inside])
def test_a_card_that_lost_its_data_says_so_on_the_boot_partition(
    card: Card, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = card.root / "data-missing"
    missing.touch()
    monkeypatch.setattr(unconfigured, "MISSING", missing)
    secret = card.root / "secret"
    secret.write_text("untouched")
    make(card.boot)
    assert card.command("notes", str(card.boot)) == 0
    told = [*card.boot.glob("autodialer/RESULT*.txt"), *card.boot.glob("autodialer-RESULT.txt")]
    told = [path for path in told if path.is_file() and not path.is_symlink()]
    said = told[0].read_bytes()
    assert said == lost_text()
    assert b"objections" in said
    assert "oppositions" in said.decode()
    assert secret.read_text() == "untouched"
    # Once the data is there again, what was told is no more true.
    missing.unlink()
    card.command("notes", str(card.boot))
    assert not any(path.exists() and path.read_bytes() == said for path in told)


def test_what_is_not_the_senders_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "autodialer"
    (folder / "update").mkdir(parents=True)
    assert is_bare(folder)
    for name in (*NOTES, "RESULT.txt", "RESULT-2.txt", "UPDATE.txt", "ssh.pub", ".DS_Store"):
        (folder / name).touch()
    (folder / "update" / "any.raucb").touch()
    assert is_bare(folder)
    (tmp_path / "copies").mkdir()
    taken = take(folder, tmp_path / "copies")
    assert (taken.files, taken.faults) == ({}, [])
    (folder / "config.yaml").touch()
    assert not is_bare(folder)
    (folder / "more.txt").touch()
    shutil.rmtree(tmp_path / "copies")
    (tmp_path / "copies").mkdir()
    assert codes(take(folder, tmp_path / "copies").faults) == {"unknown"}


def test_a_result_is_not_written_twice(tmp_path: Path) -> None:
    data = b"autodialer RESULT\r\n\r\nAPPLIED\r\n"
    assert write_beside(tmp_path, "RESULT.txt", data) == "RESULT.txt"
    before = (tmp_path / "RESULT.txt").stat().st_ino
    assert write_beside(tmp_path, "RESULT.txt", data) == "RESULT.txt"
    assert (tmp_path / "RESULT.txt").stat().st_ino == before
    assert write_beside(tmp_path, "RESULT.txt", data + b"more\r\n") == "RESULT.txt"
    (tmp_path / "RESULT.txt").write_text("mine")
    assert write_beside(tmp_path, "RESULT.txt", data) == "RESULT-2.txt"


# --- the plug -------------------------------------------------------------------------------------


class PowerCut(BaseException):
    """Nothing catches it: the process is gone at that call."""


@pytest.mark.parametrize("name", ["open", "write", "fsync", "rename", "mkdir", "unlink", "close"])
def test_a_cut_at_any_call_of_the_notes_leaves_each_whole_or_absent(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(os, name)
    for at in range(200):
        card = Card(tmp_path / f"{name}-{at}")
        (card.state / "provisioning").mkdir(parents=True)
        (card.state / "provisioning" / "RESULT.txt").write_text("autodialer RESULT\n")
        left = [at]

        def call(*given: Any, left: list[int] = left, **more: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise PowerCut
            return real(*given, **more)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, call)
            try:
                leave_notes(card.boot, card.state, waits=True)
                cut = False
            except PowerCut:
                cut = True
        folder = card.boot / "autodialer"
        for path in folder.glob("[!.]*"):
            data = path.read_bytes()
            assert is_sealed(data) or data == b"autodialer RESULT\n", (at, path)
        written, refused = leave_notes(card.boot, card.state, waits=True)
        assert (len(written), refused) == (4, [])
        assert sorted(p.name for p in folder.iterdir()) == sorted((*NOTES, "RESULT.txt"))
        if not cut:
            assert at > 0
            return
    pytest.fail("the notes never end")
