"""What root does in folders that the box's account may write: nothing through a link."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

DEBIAN = Path(__file__).parent.parent / "debian"
POSTINST = (DEBIAN / "autodialer.postinst").read_text(encoding="utf-8")
CARD = DEBIAN / "image/files/etc/initramfs-tools/scripts/init-bottom/autodialer-card"

pytestmark = pytest.mark.process


def shell_function(name: str) -> str:
    """Return the text of a function of the script."""
    text = POSTINST[POSTINST.index(f"\n{name}() {{\n") :]
    return text[: text.index("\n}\n") + 3]


def set_rights(path: Path, mode: str = "0640") -> str:
    """Call the function of the script on *path* with our own account as the owner."""
    function = shell_function("rights")
    words = [str(path), str(os.getuid()), str(os.getgid()), mode]
    done = subprocess.run(
        ["sh", "-ec", function + 'rights "$@"', "sh", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_a_configuration_of_its_own_gets_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("box: {}\n")
    file.chmod(0o666)
    assert set_rights(file) == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert set_rights(tmp_path / "none.yaml") == "", "removed by an administrator: left so"


@pytest.mark.parametrize(
    "plant",
    [
        lambda victim, name: name.symlink_to(victim),
        lambda victim, name: name.symlink_to(victim.parent),
        lambda victim, name: name.hardlink_to(victim),
        lambda _, name: os.mkfifo(name),
        lambda _, name: name.mkdir(),
    ],
    ids=["link", "link to a folder", "second name", "pipe", "folder"],
)
def test_a_planted_name_gives_nobody_the_rights_of_another_file(
    plant: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """An update once made whatever the name led to readable by the account."""
    victim = tmp_path / "system" / "shadow"
    victim.parent.mkdir()
    victim.write_text("secret")
    victim.chmod(0o600)
    name = tmp_path / "config.yaml"
    plant(victim, name)
    before = stat.S_IMODE(name.stat().st_mode)
    assert "its rights are left as they are" in set_rights(name)
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600
    assert stat.S_IMODE(name.stat().st_mode) == before


@pytest.mark.parametrize("script", ["postinst", "preinst", "prerm", "postrm"])
def test_root_changes_owner_or_rights_of_no_other_name_in_the_accounts_folders(script: str) -> None:
    text = (DEBIAN / f"autodialer.{script}").read_text(encoding="utf-8")
    touched = re.findall(r"^\s*(?:chown|chmod|cp|mv|install|ln) .*$", text, re.MULTILINE)
    theirs = [line for line in touched if "STATE" in line or "CONFIG" in line]
    assert theirs == []


def test_a_box_that_runs_on_finds_its_program_where_it_was_started(tmp_path: Path) -> None:
    """dpkg takes the folder of the version before away while the new one is still judged."""
    (tmp_path / "kept-1.0/lib").mkdir(parents=True)
    (tmp_path / "2.0").mkdir()
    (tmp_path / "current").symlink_to("kept-1.0")
    functions = shell_function("stand_in") + shell_function("forget_kept")

    def call(name: str) -> None:
        given = f"HOME_OF_VERSIONS={tmp_path} kept=kept-1.0"
        subprocess.run(["sh", "-ec", f"{given}\n{functions}\n{name}"], check=True)

    for _ in range(2):
        call("stand_in")
        assert (tmp_path / "1.0/lib").is_dir()
        assert not (tmp_path / "kept-1.0/kept-1.0").exists()
    call("forget_kept")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.0", "current"]
    (tmp_path / "kept-1.0").mkdir()
    (tmp_path / "1.0").mkdir()
    call("stand_in")
    assert not (tmp_path / "1.0").is_symlink(), "the same version again: dpkg's own folder"


# --- the card's initrd ----------------------------------------------------------------------------


class Card:
    """The script before systemd, with a root and a data partition that are folders here."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "root"
        self.run = tmp_path / "run"
        self.data = self.root / "data"
        programs = tmp_path / "programs"
        for folder in (programs, self.data, self.root / "etc/autodialer"):
            folder.mkdir(parents=True)
        (self.root / "etc/autodialer/config.yaml").write_text("box: {}\n")
        # As it is flashed.
        (self.data / "new-card").touch()
        self.log = tmp_path / "log"
        for name in ("e2fsck", "mount", "umount", "chown", "sync"):
            (programs / name).write_text(
                f'#!/bin/sh\necho {name} "$@" >>{self.log}\nexit ${{{name}:-0}}\n'
            )
            (programs / name).chmod(0o755)
        self._programs = programs
        text = CARD.read_text(encoding="utf-8")
        text = text.replace(
            ". /scripts/functions", "wait_for_udev() { :; }\nlog_warning_msg() { :; }"
        )
        (tmp_path / "cmdline").write_text("root=PARTUUID=0a-02 rauc.slot=A\n")
        text = text.replace("/proc/cmdline", str(tmp_path / "cmdline"))
        self.script = text.replace("run=/run/autodialer-card", f"run={self.run}")

    def boot(self, *, mount: int = 0) -> list[str]:
        """Run it; return the commands that it gave."""
        environment = {"PATH": f"{self._programs}:/usr/bin:/bin", "rootmnt": str(self.root)}
        codes = {"e2fsck": "0", "mount": str(mount), "chown": "0", "sync": "0"}
        subprocess.run(["sh", "-c", self.script], env=environment | codes, check=True)
        return self.log.read_text().splitlines()


def test_the_first_boot_lays_the_configuration_onto_the_data(tmp_path: Path) -> None:
    card = Card(tmp_path)
    said = card.boot()
    file = card.data / "etc/config.yaml"
    assert file.read_text() == "box: {}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert f"mount --bind {card.data}/state {card.root}/var/lib/autodialer" in said
    assert not (card.run / "data-missing").exists()
    file.write_text("box: {name: mine}\n")
    card.boot()
    assert file.read_text() == "box: {name: mine}\n"


def test_data_that_cannot_be_mounted_begins_no_state_anew(tmp_path: Path) -> None:
    card = Card(tmp_path)
    said = card.boot(mount=32)
    assert (card.run / "data-missing").exists()
    assert [line for line in said if line.startswith("mount -t tmpfs -o ro,")]
    assert not [line for line in said if "--bind" in line]
    assert [path.name for path in card.data.iterdir()] == ["new-card"]


@pytest.mark.parametrize("name", ["config.yaml", "config.yaml.new"])
@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_written_through_a_link_of_the_account(
    name: str, there: bool, tmp_path: Path
) -> None:
    card = Card(tmp_path)
    victim = tmp_path / "victim"
    if there:
        victim.write_text("of root")
        victim.chmod(0o600)
    (card.data / "etc").mkdir()
    (card.data / "etc" / name).symlink_to(victim)
    said = card.boot()
    assert victim.exists() == there
    if there:
        assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("of root", 0o600)
    assert not [
        line for line in said if line.startswith("chown") and line.endswith("/etc/config.yaml")
    ]
