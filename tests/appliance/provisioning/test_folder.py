"""Folders that nobody should bring: each is refused with words, and nothing outside is read."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.provisioning import folder as folders
from appliance.provisioning.folder import LIMITS, Taken, take

INSIDE = "what only the box may read"
GOOD = ("config.yaml", "contacts.csv", "withdrawals.txt", "manifest.json", "manifest.json.sig")


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the whole path may be longer than a socket's name can be
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def directory(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def sparse(size: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return make


def text(data: bytes = b"x\n") -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


KINDS: dict[str, Callable[[Path], None]] = {
    "link to a secret": link_to("../../secret"),
    "absolute link": link_to("/etc/passwd"),
    "link to a device": link_to("/dev/zero"),
    "link to the state": link_to("../.."),
    "dangling link": link_to("nowhere"),
    "link to itself": loop,
    "pipe": fifo,
    "socket": a_socket,
    "directory": directory,
    "hole of a terabyte": sparse(1 << 40),
    "one byte too many": sparse((64 << 20) + 1),
}
NAMES = (
    "x.txt", "config.yml", "config.yaml.bak", "CONFIG2.yaml", ".hidden", "..config", "-rf", "con",
    "config.yaml ", " config.yaml", "config.yaml\n", "\x1b[2Jconfig.yaml", "config\u202eyaml",
    "\u0441onfig.yaml", "authorized_keys", "number.key", "ledger", "lock", "autodialer.service",
    "manifest.json.asc", "contacts.xlsx", "contacts.csv.gz", "a" * 255, "clip.wav", "%2e%2e",
    "$(reboot)", "`id`", ";", "|", "*", "?", "~root", "con:", "c:\\config.yaml", "\\\\host",
)  # fmt: skip
HOSTILE: list[tuple[str, str, Callable[[Path], None]]] = [
    *((f"{kind} as {name}", name, make) for kind, make in KINDS.items() for name in GOOD),
    *((f"{kind} as a clip", "clips/a.wav", make) for kind, make in KINDS.items()),
    *((f"name {name!r}", name, text()) for name in NAMES),
    *(
        (f"clip {name!r}", f"clips/{name}", text())
        for name in ("a.mp3", ".wav", "a b.wav", "é.wav")
    ),
    ("folder in the clips", "clips/more", directory),
    ("another folder", "more", directory),
    ("undecodable name", os.fsdecode(b"\xff\xfe.yaml"), text()),
]


def test_a_hundred_hostile_files_are_listed() -> None:
    assert len(HOSTILE) >= 100


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(INSIDE)
    folder = tmp_path / "stick" / "autodialer"
    (folder / "clips").mkdir(parents=True)
    return folder


def copies(place: Path) -> str:
    return "".join(p.read_text("utf-8", "replace") for p in place.rglob("*") if p.is_file())


@pytest.mark.parametrize(("what", "name", "make"), HOSTILE, ids=[one[0] for one in HOSTILE])
def test_what_is_hostile_is_refused_with_words(
    stick: Path, tmp_path: Path, what: str, name: str, make: Callable[[Path], None]
) -> None:
    (stick / "config.yaml").write_text("box: {}\n") if name != "config.yaml" else None
    make(stick / name)
    place = tmp_path / "place"
    place.mkdir()
    taken = take(stick, place)
    assert not taken.sound, what
    said = [fault.message for fault in taken.faults]
    assert all(line and line.isprintable() for line in said), said
    assert INSIDE not in copies(place)
    assert "root:" not in copies(place)
    assert sum(path.lstat().st_size for path in place.rglob("*")) < 1 << 20


def test_names_that_differ_in_capitals_only_are_refused(stick: Path, tmp_path: Path) -> None:
    for name in ("a.wav", "A.wav"):
        (stick / "clips" / name).write_bytes(b"x")
    (tmp_path / "place").mkdir()
    taken = take(stick, tmp_path / "place")
    assert [fault.code for fault in taken.faults] == ["hostile"]


def test_the_folder_itself_may_be_no_link(stick: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(stick)
    (tmp_path / "place").mkdir()
    assert not take(tmp_path / "link", tmp_path / "place").sound
    shutil.rmtree(tmp_path / "place")
    (tmp_path / "place").mkdir()
    assert not take(tmp_path / "nowhere", tmp_path / "place").sound


def test_more_files_than_a_box_needs_are_refused_soon(stick: Path, tmp_path: Path) -> None:
    for number in range(1000):
        (stick / "clips" / f"{number}.wav").write_bytes(b"")
    (tmp_path / "place").mkdir()
    assert not take(stick, tmp_path / "place").sound


def test_what_desktops_leave_behind_is_passed_over(stick: Path, tmp_path: Path) -> None:
    for name in (".DS_Store", "._config.yaml", "Thumbs.db", "desktop.ini", "RESULT.txt"):
        (stick / name).write_text("x")
    (stick / "config.yaml").write_text("box: {}\n")
    (tmp_path / "place").mkdir()
    taken = take(stick, tmp_path / "place")
    assert taken.sound
    assert list(taken.files) == ["config.yaml"]


def test_a_full_box_takes_nothing(
    stick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stick / "config.yaml").write_text("box: {}\n")
    monkeypatch.setattr(folders, "RESERVE", 1 << 60)
    (tmp_path / "place").mkdir()
    assert [fault.code for fault in take(stick, tmp_path / "place").faults] == ["disk"]


def test_a_file_that_grows_while_it_is_read_ends_at_its_limit(
    stick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stick / "withdrawals.txt").write_bytes(b"x" * 100)
    monkeypatch.setitem(LIMITS, "withdrawals.txt", 1000)
    (tmp_path / "place").mkdir()
    endless = take(stick, tmp_path / "place", read=lambda _fd, _count: b"y" * 400)
    assert [fault.code for fault in endless.faults] == ["hostile"]


class Pulled:
    """A stick that is pulled out after some bytes."""

    def __init__(self, after: int) -> None:
        self.left = after

    def read(self, descriptor: int, count: int) -> bytes:
        if self.left <= 0:
            raise OSError(errno.ENODEV, "No such device")
        data = os.read(descriptor, min(count, self.left))
        self.left -= len(data)
        return data


@settings(max_examples=60, deadline=None)
@given(after=st.integers(0, 400))
def test_a_stick_that_is_pulled_out_is_never_taken_for_whole(
    after: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("pulled")
    folder, place = root / "autodialer", root / "place"
    folder.mkdir()
    place.mkdir()
    (folder / "withdrawals.txt").write_text("+33639980002\n" * 10)
    (folder / "config.yaml").write_text("box: {}\n" * 20)
    taken: Taken = take(folder, place, read=Pulled(after).read)
    whole = 130 + 160
    assert taken.sound == (after > whole), after
    listed = taken.files["withdrawals.txt"]
    assert listed.whole == (after > 130)
    assert listed.size == min(after, 130)
