"""The primitives that every durable file rests on, on a real file system and a failing one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.storage.files import (
    SYSTEM_DISK,
    StateInUse,
    StateLock,
    StorageFailed,
    make_private_directory,
    remove_leftovers,
    replace_file,
)
from firmware.durable import write_all
from tests.rigs.power_cut import MemoryDisk


def test_a_replaced_file_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "number.key"
    replace_file(path, b"one")
    replace_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["number.key"]


def test_a_replacement_is_synchronised_before_the_name_and_the_name_after() -> None:
    disk = MemoryDisk({Path("/state/a"): b"old"})
    calls: list[str] = []
    disk.after_call = calls.append
    replace_file(Path("/state/a"), b"new", disk)
    assert calls == ["open", "write", "sync", "rename", "sync_directory"]
    assert disk.contents() == {Path("/state/a"): b"new"}


@pytest.mark.parametrize("call", ["open", "write", "sync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failed_replacement_keeps_the_old_contents_and_says_what_to_do(
    call: str, number: int
) -> None:
    disk = MemoryDisk({Path("/state/a"): b"old"})
    disk.before_call = _failing(call, number)
    with pytest.raises(StorageFailed, match="writing /state/a") as caught:
        replace_file(Path("/state/a"), b"new", disk)
    assert caught.value.remedy
    assert disk.contents() == {Path("/state/a"): b"old"}
    assert not disk.descriptors


def _failing(call: str, number: int) -> Callable[[str], None]:
    def fail(name: str) -> None:
        if name == call:
            raise OSError(number, os.strerror(number))

    return fail


def test_short_writes_go_on_and_no_progress_is_an_error() -> None:
    disk = MemoryDisk()
    disk.short_writes = 3
    replace_file(Path("/state/a"), b"0123456789", disk)
    assert disk.contents()[Path("/state/a")] == b"0123456789"
    disk.short_writes = 0
    with pytest.raises(OSError, match="no byte"):
        write_all(disk, disk.open(Path("/state/a")), b"x")


def test_directories_are_private_with_their_parents(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "state" / "ledger")
    make_private_directory(tmp_path / "state" / "ledger")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "ledger").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_exists_is_made_durable_all_the_same() -> None:
    disk = MemoryDisk()
    calls: list[str] = []
    disk.after_call = calls.append
    for _ in range(2):
        make_private_directory(Path("/state"), disk)
    assert calls == ["make_directory", "sync_directory", "sync_directory"]
    disk.before_call = _failing("sync_directory", errno.EACCES)
    make_private_directory(Path("/state"), disk)
    disk.before_call = _failing("sync_directory", errno.EIO)
    with pytest.raises(StorageFailed):
        make_private_directory(Path("/state"), disk)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageFailed, match="creating"):
        make_private_directory(tmp_path / "file" / "state")


def test_leftovers_of_a_cut_go_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "a.tmp").write_bytes(b"half")
    (tmp_path / "a").write_bytes(b"whole")
    remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_one_process_holds_the_state_and_the_other_is_told_which(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with StateLock.acquire(state):
        with pytest.raises(StateInUse, match=f"in use by process {os.getpid()}") as caught:
            StateLock.acquire(state)
        assert caught.value.remedy
    lock = StateLock.acquire(state)
    assert (state / "lock").read_text() == f"{os.getpid()}\n"
    assert (state / "lock").stat().st_mode & 0o777 == 0o600
    lock.release()
    lock.release()


def test_a_file_being_written_cannot_be_opened_again(tmp_path: Path) -> None:
    descriptor = SYSTEM_DISK.open(tmp_path / "log")
    write_all(SYSTEM_DISK, descriptor, b"row")
    with pytest.raises(StateInUse):
        SYSTEM_DISK.open(tmp_path / "log", truncate=True)
    SYSTEM_DISK.close(descriptor)
    assert (tmp_path / "log").read_bytes() == b"row"
    SYSTEM_DISK.close(SYSTEM_DISK.open(tmp_path / "log", truncate=True))
    assert (tmp_path / "log").read_bytes() == b""
