"""The recipe of a card: archives, locks, and that each of its names has one owner."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.rigs import card_loader, card_twice

FILES = card_loader.IMAGE / "files"


def wanted(tmp_path: Path, mirror: str = "http://mirror.example/debian", lock: str = "") -> Any:
    make = card_loader.recipe()
    file = tmp_path / "card.lock"
    file.write_text(lock)
    return make.Wanted(
        release="bookworm",
        arch="arm64",
        mirror=mirror,
        package=Path(),
        epoch=0,
        lock=file if lock else None,
        keys=Path(),
        into=tmp_path,
    )


@pytest.mark.parametrize(
    ("mirror", "security", "snapshot"),
    [
        ("http://mirror.example/debian", "http://mirror.example/debian-security", False),
        (
            "https://snapshot.debian.org/archive/debian/20270301T000000Z",
            "https://snapshot.debian.org/archive/debian-security/20270301T000000Z",
            True,
        ),
        ("http://debian.example/debian", "http://debian.example/debian-security", False),
    ],
)
def test_the_security_archive_lies_beside_the_other(
    mirror: str, security: str, snapshot: bool, tmp_path: Path
) -> None:
    made = wanted(tmp_path, mirror)
    assert made.security == security
    assert made.is_snapshot is snapshot


def test_a_lock_pins_also_what_only_gives_files(tmp_path: Path) -> None:
    free = wanted(tmp_path)
    assert free.firmware == ["raspi-firmware", "u-boot-rpi", "u-boot-qemu"]
    locked = wanted(tmp_path, lock="rauc=1.8-2\nu-boot-rpi=2023.01\nraspi-firmware=1:2\n")
    assert locked.firmware == ["raspi-firmware=1:2", "u-boot-rpi=2023.01", "u-boot-qemu"]
    assert locked.packages == [*free.packages, "rauc=1.8-2"]


@pytest.mark.parametrize(
    "other",
    [{"epoch": 1}, {"mirror": "http://other.example/debian"}, {"release": "trixie"}, {"arch": "x"}],
)
def test_a_root_is_used_again_only_where_it_would_be_made_the_same(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    made = wanted(tmp_path)
    again = made._replace(**other)
    assert (again.basis, again.place) != (made.basis, made.place)
    assert made._replace(package=Path("other.deb")).basis == made.basis


def test_the_root_takes_no_partition_by_a_name_that_another_card_has() -> None:
    """A second card of the same make in a USB reader has the same ones under /dev/disk."""
    [rule] = re.findall(
        r'SUBSYSTEM=="block".*', (FILES / "etc/udev/rules.d/61-autodialer-card.rules").read_text()
    )
    assert 'KERNEL=="mmcblk[0-9]*|vd[a-z]*"' in rule
    told = {
        file.relative_to(FILES): re.findall(r"/dev/disk/|PARTUUID", file.read_text("utf-8"))
        for file in FILES.rglob("*")
        if file.is_file()
    }
    named = {str(name) for name, found in told.items() if found}
    # The initrd has the drivers of the reader alone; two speak of it in their comments.
    assert named <= {
        "etc/initramfs-tools/scripts/init-bottom/autodialer-card",
        "etc/udev/rules.d/61-autodialer-card.rules",
        "usr/lib/autodialer-card/card_slots.py",
    }
    drivers = (FILES / "etc/initramfs-tools/modules").read_text()
    assert not re.search(r"^(usb|uas|sd_mod|xhci)", drivers, re.MULTILINE)


def test_the_running_roots_own_disk_has_the_sectors(tmp_path: Path) -> None:
    card = card_loader.SLOTS["card"]
    disk = tmp_path / "devices" / "mmcblk0"
    part = disk / "mmcblk0p3"
    part.mkdir(parents=True)
    (part / "partition").write_text("3\n")
    (disk / "loop").mkdir()
    names = tmp_path / "dev" / "block"
    names.mkdir(parents=True)
    (names / "179:3").symlink_to(part)
    (names / "179:0").symlink_to(disk)
    booted = "quiet root=PARTUUID=ad1a1e70-03 rauc.slot=B"
    assert card(booted, os.makedev(179, 3), tmp_path / "dev") == "/dev/mmcblk0"
    for cmdline, device in (
        ("quiet root=PARTUUID=ad1a1e70-03", os.makedev(179, 3)),
        (booted, os.makedev(179, 0)),
        (booted, os.makedev(0, 25)),
    ):
        with pytest.raises(SystemExit, match="not started from a card"):
            card(cmdline, device, tmp_path / "dev")


def test_two_roots_that_differ_are_told_apart(tmp_path: Path) -> None:
    for name in ("first", "second"):
        place = tmp_path / name
        (place / "usr").mkdir(parents=True)
        for file in ("same", "content", "mode", "time", "link"):
            (place / "usr" / file).write_text("x")
            os.utime(place / "usr" / file, (0, 0))
        (place / "usr/alias").symlink_to("same")
        os.utime(place / "usr/alias", (0, 0), follow_symlinks=False)
        os.utime(place / "usr", (0, 0))
        os.utime(place, (0, 0))
    first = card_twice.tree(tmp_path / "first")
    assert list(card_twice.differences(first, card_twice.tree(tmp_path / "second"))) == []
    usr = tmp_path / "second/usr"
    (usr / "content").write_text("y")
    os.utime(usr / "content", (0, 0))
    (usr / "mode").chmod(0o4755)
    os.utime(usr / "time", (0, 1))
    (usr / "alias").unlink()
    (usr / "link").unlink()
    (usr / "link").symlink_to("same")
    (usr / "more").touch()
    os.utime(usr, (0, 0))
    found = list(card_twice.differences(first, card_twice.tree(tmp_path / "second")))
    assert found[:3] == ["usr/alias: only in the first", "usr/content: content", found[2]]
    assert found[2].startswith("usr/link: mode")
    assert found[3:] == ["usr/mode: mode", "usr/more: only in the second", "usr/time: time"]


def test_each_clock_that_config_txt_offers_is_on_the_card() -> None:
    text = (card_loader.IMAGE / "boot/config.txt").read_text()
    offered = set(re.findall(r"^#dtoverlay=(\S+)$", text, re.MULTILINE))
    assert offered == set(card_loader.recipe().CLOCKS)
    assert not re.search(r"^dtoverlay", text, re.MULTILINE)


@pytest.mark.skipif(shutil.which("fdtget") is None, reason="needs device-tree-compiler")
def test_a_clock_is_laid_onto_the_headers_i2c(tmp_path: Path) -> None:
    make = card_loader.recipe()
    board = '/dts-v1/; / { soc { i2c@7e804000 { status = "disabled"; }; }; };'
    for model in make.MODELS:
        words = ["dtc", "-q", "-O", "dtb", "-o", str(tmp_path / f"{model}.dtb")]
        subprocess.run(words, input=board, text=True, check=True)
    make._clocks(tmp_path)
    for name, (chip, address) in make.CLOCKS.items():
        one = tmp_path / f"{make.MODELS[0]}.dtb"
        laid = tmp_path / "laid.dtb"
        overlay = tmp_path / "overlays" / f"{name}.dtbo"
        subprocess.run(["fdtoverlay", "-i", one, "-o", laid, overlay], check=True)
        for path, key, value in (
            ("/soc/i2c@7e804000", "status", "okay"),
            (f"/soc/i2c@7e804000/rtc@{address}", "compatible", chip),
        ):
            told = subprocess.run(
                ["fdtget", laid, path, key], capture_output=True, text=True, check=True
            )
            assert told.stdout.strip() == value
    # Where it does not fit the card is not made.
    other = "/dts-v1/; / { soc { }; };"
    words = ["dtc", "-q", "-O", "dtb", "-o", str(tmp_path / f"{make.MODELS[1]}.dtb")]
    subprocess.run(words, input=other, text=True, check=True)
    shutil.rmtree(tmp_path / "overlays")
    with pytest.raises(SystemExit, match="fdtoverlay"):
        make._clocks(tmp_path)


def test_the_buss_policy_is_one_that_dbus_reads() -> None:
    """It passes a whole file by in which a rule names a member without interface."""
    file = FILES / "etc/dbus-1/system.d/autodialer-card.conf"
    policy = ElementTree.parse(file).getroot()  # noqa: S314 - the tree's own
    rules = list(policy.iter("deny"))
    assert {rule.get("send_member") for rule in rules} == {"Mark", "Install", "InstallBundle"}
    for rule in rules:
        assert rule.get("send_interface") == "de.pengutronix.rauc.Installer"
        assert rule.get("send_destination") == "de.pengutronix.rauc"
    assert [one.attrib for one in policy.iter("policy")] == [{"user": "autodialer"}]


ESSENTIAL = frozenset(("chroot", "cp", "dpkg-deb", "du", "git", "mount", "umount"))


def called_programs(source: str) -> set[str]:
    """The first word of each command that the recipe runs, also of one that it names first."""
    words = set()
    for node in ast.walk(ast.parse(source)):
        first: ast.expr | None = None
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("_run", "_told") and node.args:
            first = node.args[0]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("words", "tried"):
            first = node.value
        while isinstance(first, ast.Starred):
            first = first.value
        if isinstance(first, ast.Tuple):
            first = first.elts[0]
        if isinstance(first, ast.Constant):
            words.add(str(first.value))
    return words


def test_a_program_that_is_missing_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make = card_loader.recipe()
    called = called_programs(Path(make.__file__).read_text())
    assert {"mmdebstrap", "dtc", "fdtoverlay", "xz", "mke2fs"} <= called
    assert called - ESSENTIAL == set(make.PROGRAMS) - {"arch-test"}
    page = (card_loader.IMAGE.parents[1] / "docs/card.md").read_text()
    packages = re.search(r"^Debian 12 with `([^`]*)`", page, re.MULTILINE)
    assert packages
    assert set(make.PROGRAMS.values()) <= {*packages[1].split(), "openssl"}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(make, "_found", lambda program: program not in ("dtc", "rauc"))
    monkeypatch.setattr("sys.argv", ["make.py", "--into", str(tmp_path / "into")])
    assert make.main() == 1
    assert "apt install device-tree-compiler rauc" in capsys.readouterr().err
    assert not (tmp_path / "into").exists()
