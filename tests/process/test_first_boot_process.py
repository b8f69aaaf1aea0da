"""The real first boot, killed at a few of its system calls; ``make first-boot`` takes them all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.rigs import first_boot

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        shutil.which("strace") is None or shutil.which("ssh-keygen") is None,
        reason="needs strace, which kills at a system call, and openssh-client",
    ),
]


@pytest.mark.parametrize(
    ("calls", "at"), [("mkdir,mkdirat", 2), ("fsync,fdatasync", 20), ("rename,renameat", 9)]
)
def test_a_plug_that_is_pulled_leaves_all_of_it_or_nothing(
    tmp_path: Path, calls: str, at: int
) -> None:
    place = first_boot.new_box(tmp_path, folder=True)
    assert first_boot.cut(place, calls, at), "there is such a call"
    assert first_boot.judge(place, folder=True)


def test_a_plug_that_is_pulled_from_a_box_that_waits(tmp_path: Path) -> None:
    place = first_boot.new_box(tmp_path, folder=False)
    assert first_boot.cut(place, "rename,renameat,renameat2", 2)
    assert first_boot.judge(place, folder=False) == "untouched"


def test_the_judge_sees_half_a_folder(tmp_path: Path) -> None:
    place = first_boot.new_box(tmp_path, folder=True)
    assert first_boot.boot(place) == 0
    shutil.rmtree(place.state / "registry")
    with pytest.raises(first_boot.Violation, match="half of a folder"):
        first_boot.judge(place, folder=True)
