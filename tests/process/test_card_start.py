"""What a card's initrd makes of its data partition, and sshd's keys: the real scripts, in a root of
their own, on real ext4 file systems."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = Path(__file__).parents[2] / "debian" / "image" / "files"
START = "etc/initramfs-tools/scripts/init-bottom/autodialer-card"
NEEDED = ("unshare", "mke2fs", "e2fsck", "debugfs", "losetup", "ssh-keygen")
DEVICE = "dev/disk/by-partuuid/ad1a1e70-04"
CMDLINE = "quiet root=PARTUUID=ad1a1e70-02 rauc.slot=A autodialer.trial=1\n"
MIB = 1 << 20

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        os.geteuid() != 0
        or not Path("/dev/loop-control").exists()
        or any(shutil.which(name) is None for name in NEEDED),
        reason="needs root, loop devices and e2fsprogs",
    ),
]


class Card:
    """A root to change into, whose data partition is a file."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.image = place / "data.ext4"
        self.root = place / "initrd"
        for name in ("dev/disk/by-partuuid", "proc", "run", "scripts", "root/data", "tmp", "boot"):
            (self.root / name).mkdir(parents=True)
        for name in ("etc/autodialer", "var/lib/autodialer", "var/lib/systemd", "etc/credstore"):
            (self.root / "root" / name).mkdir(parents=True)
        self.init = self.root / "root/lib/systemd/systemd"
        self.init.parent.mkdir(parents=True)
        self.init.touch(0o755)
        (self.root / "root/sbin").mkdir()
        (self.root / "root/sbin/init").symlink_to("/lib/systemd/systemd")
        for name in ("etc/machine-id", "etc/hostname", "etc/autodialer/config.yaml"):
            (self.root / "root" / name).write_text("the card's\n")
        (self.root / "scripts/functions").write_text(
            'wait_for_udev() { :; }\nlog_warning_msg() { echo "$@" >&2; }\n'
            'panic() { echo "$@" >/run/panic; exit 1; }\n'
        )
        (self.root / "cmdline").write_text(CMDLINE)
        shutil.copy(FILES / START, self.root / "scripts/start")
        self.fresh()

    def fresh(self) -> None:
        """The partition as it is flashed."""
        new = self.place / "new"
        new.mkdir(exist_ok=True)
        (new / "new-card").touch()
        self.made("-d", str(new))

    def made(self, *more: str) -> None:
        self.image.unlink(missing_ok=True)
        with self.image.open("wb") as file:
            file.truncate(32 * MIB)
        done("mke2fs", "-q", "-t", "ext4", "-L", "data", *more, str(self.image))

    def start(self, then: str = "true") -> str:
        """Run the script as the initrd does; return what a line in the root's shell then says."""
        shutil.rmtree(self.root / "run")
        (self.root / "run").mkdir()
        return self.inside(f"rootmnt=/root /bin/sh /scripts/start >/dev/null && cd /root && {then}")

    def inside(self, line: str) -> str:
        """Run a line of shell in the initrd's root, which has this computer's programs."""
        root = self.root
        script = [
            "set -e",
            f"disk=$(losetup --find --show {self.image})",
            "trap 'losetup --detach $disk' EXIT",
            "for name in usr bin sbin lib lib64; do",
            f"  [ ! -d /$name ] || {{ mkdir -p {root}/$name; mount --rbind /$name {root}/$name; }}",
            "done",
            f"mount -t proc proc {root}/proc",
            f"mount --bind {root}/cmdline {root}/proc/cmdline",
            f"mount -t tmpfs tmpfs {root}/dev && mkdir -p {root}/{DEVICE.rpartition('/')[0]}",
            "bound() { touch $2; mount --bind $1 $2; }",
            f"for name in null random urandom; do bound /dev/$name {root}/dev/$name; done",
            f"bound $disk {root}/{DEVICE}",
            f"chroot {root} /bin/sh -c '{line}'",
        ]
        told = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", "\n".join(script)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert told.returncode == 0, told.stderr
        return told.stdout

    def missing(self) -> bool:
        return (self.root / "run/autodialer-card/data-missing").exists()

    def debugfs(self, *commands: str) -> None:
        done("debugfs", "-w", "-f", "-", str(self.image), given="\n".join(commands) + "\n")


def done(*words: str, given: str = "") -> None:
    subprocess.run(words, input=given, text=True, check=True, capture_output=True)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


OBJECTION = "echo 1 >var/lib/autodialer/objection"


def test_a_flashed_card_gets_what_is_its_own_once(card: Card) -> None:
    told = "cat etc/machine-id etc/hostname; cat etc/autodialer/config.yaml; ls data"
    first = card.start(told).split("\n")
    assert not card.missing()
    assert len(first[0]) == 32
    assert first[1] == f"autodialer-{first[0][:6]}"
    assert first[2] == "the card's"
    assert "new-card" not in first
    run = card.root / "run/autodialer-card"
    assert ((run / "slot").read_text(), (run / "trial").exists()) == ("A\n", True)
    card.start(OBJECTION)
    assert card.start(f"{told}; cat var/lib/autodialer/objection").split("\n")[:3] == first[:3]
    assert not card.missing()
    rights = card.start("stat -c %u:%g:%a var/lib/autodialer etc/autodialer etc/credstore").split()
    assert rights == ["610:610:700", "0:610:770", "0:0:700"]


@pytest.mark.parametrize("init", ["whole", "gone", "not executable", "link gone", "a folder"])
def test_a_root_without_init_is_restarted_and_opens_no_shell(card: Card, init: str) -> None:
    if init == "gone":
        card.init.unlink()
    elif init == "not executable":
        card.init.chmod(0o644)
    elif init == "link gone":
        (card.root / "root/sbin/init").unlink()
    elif init == "a folder":
        card.init.unlink()
        card.init.mkdir()
    run = card.root / "run"
    if init == "whole":
        card.start()
        assert not (run / "panic").exists()
        return
    with pytest.raises(AssertionError):
        card.start()
    assert (run / "panic").read_text() == "card: this root has no init\n"
    # Nothing was begun on the data partition.
    assert not (run / "autodialer-card" / "fsck").exists()


def no_start_yet(card: Card) -> None:
    card.fresh()


def cut_before_the_first_start_was_over(card: Card) -> None:
    card.debugfs("rm system/hostname", "write /dev/null new-card")


def full(card: Card) -> None:
    card.start("head -c 64M /dev/urandom >data/filler 2>/dev/null; true")


def last_written_in_the_future(card: Card) -> None:
    card.debugfs("ssv mtime 20891231", "ssv wtime 20891231", "ssv lastcheck 20891231")


def marked_as_faulty(card: Card) -> None:
    card.debugfs("ssv state 2")


def with_files_half_deleted(card: Card) -> None:
    card.debugfs("ssv free_blocks_count 17", "ssv free_inodes_count 5")


def nothing_but_noise(card: Card) -> None:
    card.image.write_bytes(os.urandom(4 * MIB) + card.image.read_bytes()[4 * MIB :])


def zeros(card: Card) -> None:
    with card.image.open("r+b") as file:
        file.write(bytes(32 * MIB))


def another_file_system(card: Card) -> None:
    card.made()


def begun_anew_on_another_computer(card: Card) -> None:
    # As a repair with every question answered by yes leaves it: sound, and empty.
    card.debugfs("clri <2>")
    subprocess.run(["e2fsck", "-f", "-y", str(card.image)], capture_output=True, check=False)


def without_its_first_folder(card: Card) -> None:
    card.debugfs("clri <2>")


def a_folder_of_noise(card: Card) -> None:
    card.debugfs("sif state mode 0100644")


def without_its_state(card: Card) -> None:
    card.start("umount var/lib/autodialer && rm -r data/state")


def without_its_name(card: Card) -> None:
    card.start("umount etc/machine-id && rm data/system/machine-id")


@pytest.mark.parametrize(
    "harm",
    [
        no_start_yet,
        cut_before_the_first_start_was_over,
        full,
        last_written_in_the_future,
        marked_as_faulty,
        with_files_half_deleted,
    ],
)
def test_what_costs_no_state_is_mended_by_the_start(
    card: Card, harm: Callable[[Card], None]
) -> None:
    card.start(OBJECTION)
    harm(card)
    told = card.start("cat var/lib/autodialer/objection 2>/dev/null; touch var/lib/autodialer/x")
    assert not card.missing()
    assert told == ("" if harm is no_start_yet else "1\n")


@pytest.mark.parametrize(
    "harm",
    [
        nothing_but_noise,
        zeros,
        another_file_system,
        begun_anew_on_another_computer,
        without_its_first_folder,
        a_folder_of_noise,
        without_its_state,
        without_its_name,
    ],
)
def test_a_state_that_may_have_forgotten_is_not_begun_anew(
    card: Card, harm: Callable[[Card], None]
) -> None:
    card.start(OBJECTION)
    harm(card)
    before = card.image.read_bytes()
    for _ in range(2):
        told = card.start("touch data/x 2>&1; touch var/lib/autodialer/x; ls data etc/autodialer")
        assert card.missing()
        assert "Read-only file system" in told
        assert "config.yaml" in told, "the card's own, in which nobody has written"
    if harm in (nothing_but_noise, zeros):
        assert card.image.read_bytes() == before, "it stays as it is for whoever can read more"


# --- sshd's keys ----------------------------------------------------------------------------------

KEYS = "usr/lib/autodialer-card/take-ssh-key"


@pytest.fixture
def door(card: Card) -> Card:
    """A started card, as far as the script that looks for a key sees it."""
    shutil.copy(FILES / KEYS, card.root / "take")
    for name in ("boot/firmware/autodialer", "run/autodialer-card", "data/system/ssh", "etc"):
        (card.root / name).mkdir(parents=True)
    (card.root / "etc/hostname").write_text("autodialer-012345\n")
    (card.root / "etc/passwd").write_text("root:*:0:0::/:/bin/sh\n")
    return card


def given(door: Card) -> Path:
    return door.root / "boot/firmware/autodialer/ssh.pub"


def a_key(door: Card) -> str:
    place = door.place / "key"
    if not place.exists():
        done("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "office", "-f", str(place))
    return place.with_suffix(".pub").read_text()


def host_key(door: Card) -> str:
    return door.inside("ssh-keygen -l -f /run/autodialer-card/ssh_host_ed25519_key")


def test_a_key_on_the_boot_partition_is_taken_and_the_host_key_stays(door: Card) -> None:
    key = a_key(door)
    given(door).write_bytes(
        b"\xef\xbb\xbf# keys\r\n" + key.replace("\n", "\r\n").encode() + b"\r\nno key\r\n"
        b'command="reboot" ' + key.encode()
    )
    door.inside("/take >&2")
    assert (door.root / "run/autodialer-card/authorized_keys").read_text() == key
    first = host_key(door)
    shutil.rmtree(door.root / "run")
    (door.root / "run/autodialer-card").mkdir(parents=True)
    door.inside("/take >&2")
    assert host_key(door) == first


def test_who_looks_after_lost_data_comes_in_and_leaves_no_key_behind(door: Card) -> None:
    given(door).write_text(a_key(door))
    shutil.rmtree(door.root / "data")
    (door.root / "data").mkdir(mode=0o500)
    (door.root / "run/autodialer-card/data-missing").touch()
    door.inside("/take >&2")
    assert "ED25519" in host_key(door)
    assert list((door.root / "data").iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda _: None,
        lambda file: file.touch(),
        lambda file: file.mkdir(),
        lambda file: file.symlink_to("/etc/passwd"),
        lambda file: file.write_bytes(os.urandom(2000)),
        lambda file: file.write_text("ssh-ed25519 AAAA nonsense\n"),
        lambda file: file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n"),
        lambda file: file.write_text("x" * 16385),
        lambda file: os.truncate(os.open(file, os.O_CREAT | os.O_WRONLY), 1 << 32),
    ],
)
def test_what_is_no_key_opens_nothing(door: Card, make: Callable[[Path], object]) -> None:
    make(given(door))
    assert door.inside("/take >/dev/null && echo open || echo shut") == "shut\n"
    assert list((door.root / "run/autodialer-card").iterdir()) == []
    assert list((door.root / "data/system/ssh").iterdir()) == []
