"""Who else has a port open, told by the device and not by what somebody calls it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from stat import S_IFCHR
from types import SimpleNamespace
from typing import cast

import pytest

from firmware.modem import port_users


def fake_process(proc: Path, pid: int, name: str, target: str | None) -> None:
    (proc / str(pid) / "fd").mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(name + "\n")
    if target is not None:
        (proc / str(pid) / "fd" / "3").symlink_to(target)


def test_holders_are_found_through_aliases_and_ourselves_left_out(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB2"
    device.touch()
    alias = tmp_path / "by-id"
    alias.symlink_to(device)
    proc = tmp_path / "proc"
    fake_process(proc, 4, "minicom", str(device))
    fake_process(proc, 5, "other", "/dev/null")
    fake_process(proc, os.getpid(), "ourselves", str(device))
    (proc / "6").mkdir()
    (proc / "self").mkdir()
    assert port_users.holders(str(alias), proc=proc) == (port_users.Holder(pid=4, name="minicom"),)
    who, remedy = port_users.explain(str(alias), proc=proc)
    assert who == "minicom (pid 4)"
    assert "stop minicom" in remedy


def node(major: int, minor: int, *, filesystem: int = 1, links: int = 1) -> os.stat_result:
    """What the kernel tells of a character device."""
    found = SimpleNamespace(
        st_mode=S_IFCHR | 0o620,
        st_rdev=os.makedev(major, minor),
        st_dev=filesystem,
        st_ino=minor + 3,
        st_nlink=links,
    )
    return cast(os.stat_result, found)


class Machine:
    """Processes with open devices, and what the kernel says that those are."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.nodes: dict[Path, os.stat_result] = {}

    def opens(self, pid: int, descriptor: int, device: os.stat_result, info: str = "") -> None:
        place = self.proc / str(pid)
        if not place.exists():
            fake_process(self.proc, pid, f"program-{pid}", None)
            (place / "fdinfo").mkdir()
        (place / "fd" / str(descriptor)).touch()
        (place / "fdinfo" / str(descriptor)).write_text(f"pos:\t0\nflags:\t02100002\n{info}")
        self.nodes[place / "fd" / str(descriptor)] = device

    def stat(self, path: Path) -> os.stat_result:
        try:
            return self.nodes[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def holders(self, port: str, device: os.stat_result) -> list[int]:
        self.nodes[Path(port)] = device
        found = port_users.holders(port, proc=self.proc, stat=self.stat)
        return [holder.pid for holder in found]


USB, PTS, MASTER = 188, 136, node(5, 2)


@pytest.mark.parametrize(
    ("ours", "theirs", "held"),
    [
        (node(USB, 2), node(USB, 2), True),
        (node(USB, 2), node(USB, 3), False),
        # A container's /dev is another file system; the wire is the same.
        (node(USB, 2, filesystem=1), node(USB, 2, filesystem=9), True),
        # The modem was plugged out and in: what is still open is dead.
        (node(USB, 2), node(USB, 2, links=0), False),
        (node(PTS, 7), node(PTS, 7), True),
        (node(PTS, 7), node(PTS, 8), False),
        (node(PTS + 1, 7), node(PTS, 7), False),
        # Each mounted devpts has a /dev/pts/7 of its own.
        (node(PTS, 7, filesystem=20), node(PTS, 7, filesystem=21), False),
    ],
)
def test_a_port_is_the_same_by_its_device(
    tmp_path: Path, ours: os.stat_result, theirs: os.stat_result, held: bool
) -> None:
    machine = Machine(tmp_path)
    machine.opens(4, 3, theirs)
    assert machine.holders("/dev/port", ours) == ([4] if held else [])


@pytest.mark.parametrize(
    ("major", "minor", "info", "held"),
    [
        (PTS, 7, "tty-index:\t7\n", False),
        (PTS, 7, "tty-index:\t8\n", True),
        (PTS, 7, "", True),
        (PTS + 1, 7, "tty-index:\t263\n", False),
        (PTS + 1, 7, "tty-index:\t7\n", True),
    ],
)
def test_who_plays_the_modem_on_a_pseudo_terminal_is_no_rival(
    tmp_path: Path, major: int, minor: int, info: str, held: bool
) -> None:
    """A simulator keeps both ends open."""
    machine = Machine(tmp_path)
    machine.opens(4, 3, node(major, minor))
    machine.opens(4, 5, MASTER, info)
    machine.opens(5, 3, node(PTS, 9))
    assert machine.holders("/dev/pts/x", node(major, minor)) == ([4] if held else [])
    assert machine.holders("/dev/pts/9", node(PTS, 9)) == [5]


ELSEWHERE = """
import os, subprocess, sys
held = []
while not held or os.ttyname(held[-1][1]) != sys.argv[1]:
    held.append(os.openpty())
child = subprocess.Popen(["sleep", "60"], stdin=held[-1][1])
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
child.wait()
"""


@pytest.mark.process
def test_a_terminal_of_the_same_name_in_another_namespace_is_no_rival() -> None:
    """As in a container: its /dev/pts/0 and ours have nothing to do with each other."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare here")
    master, slave = os.openpty()
    name = os.ttyname(slave)
    mount = 'mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts && exec "$@"'
    rival = subprocess.Popen(["sleep", "60"], stdin=slave)
    elsewhere = subprocess.Popen(
        [unshare, "--mount", "sh", "-c", mount, "sh", sys.executable, "-c", ELSEWHERE, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert elsewhere.stdout is not None
        told = elsewhere.stdout.readline()
        if not told:
            pytest.skip("no mount namespace may be made here")
        there = Path(f"/proc/{int(told)}/fd/0")
        assert str(there.readlink()) == name, "by its name it is our port"
        assert [holder.pid for holder in port_users.holders(name)] == [rival.pid]
    finally:
        elsewhere.communicate()
        rival.kill()
        rival.wait()
        os.close(master)
        os.close(slave)


def test_modem_manager_is_suspected_where_its_descriptors_cannot_be_seen(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    fake_process(proc, 4, "ModemManager", None)
    who, remedy = port_users.explain("/dev/ttyUSB2", proc=proc)
    assert "ModemManager" in who
    assert remedy == port_users.MODEM_MANAGER_REMEDY
    assert port_users.explain("/dev/ttyUSB2", proc=tmp_path / "none") == ("", "")
