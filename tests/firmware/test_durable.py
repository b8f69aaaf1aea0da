"""Small files that a power cut leaves whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firmware.durable import replace_file


def test_it_makes_the_folder_and_only_the_owner_may_read(tmp_path: Path) -> None:
    file = tmp_path / "lines" / "one.json"
    replace_file(file, b"old and long")
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_short_write_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr("firmware.durable.os.write", lambda where, data: real(where, data[:2]))
    replace_file(tmp_path / "file", b"seven b")
    assert (tmp_path / "file").read_bytes() == b"seven b"


@pytest.mark.parametrize("failing", ["write", "nothing written", "fdatasync", "rename"])
def test_a_failure_leaves_the_old_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_what: object) -> int:
        if failing == "nothing written":
            return 0
        raise OSError(28, "No space left on device")

    file = tmp_path / "file"
    replace_file(file, b"old")
    with monkeypatch.context() as patched:
        match failing:
            case "rename":
                patched.setattr(Path, "rename", fail)
            case "fdatasync":
                patched.setattr("firmware.durable.os.fdatasync", fail)
            case _:
                patched.setattr("firmware.durable.os.write", fail)
        with pytest.raises(OSError):
            replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"


def test_all_is_on_disk_when_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new folder's entry, the contents, then the file's entry."""
    synced: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(f"firmware.durable.os.{call}", sync)
    replace_file(tmp_path / "lines" / "one.json", b"x")
    assert synced == [tmp_path.name, "one.json.tmp", "lines"]
