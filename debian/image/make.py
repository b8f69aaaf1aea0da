"""Make the card: ``python debian/image/make.py`` writes ``build/image/``; docs/card.md says what.

mmdebstrap makes the root, mke2fs and mtools its file systems, genimage the card, rauc the update.
Everything random is fixed and every time is that of the last commit, so that the same packages give
the same card; which packages these were stands beside it, and ``--lock`` asks for just these.

Needs root and :data:`PROGRAMS`, and qemu-user-static where this machine is no arm64.

Long because it is one recipe, read from top to bottom.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bill

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "image"
LAYOUT = 1
"""Of the partitions and of what boot.scr and the root expect of each other."""
DISK = "ad1a1e70"
"""The MBR's signature, by which boot.scr and the root find their partitions."""
UUID = "ad1a1e70-0001-4000-8000-%012d"
BOX = 610
"""The box's account, in every image: its files outlive the root."""
MIB = 1 << 20
BOOT_MIB, SLOT_MIB, DATA_MIB = 256, 1280, 256
SLOTS_AT = 512 * 1024
"""Where card_slots.py and boot.scr keep their sectors."""
FIRMWARE = ("raspi-firmware", "u-boot-rpi", "u-boot-qemu")
"""Of these only files are taken; the last one is for emulation alone and not on the card."""
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",
    "genimage": "genimage",
    "rauc": "rauc",
    "mkimage": "u-boot-tools",
    "mkenvimage": "u-boot-tools",
    "dtc": "device-tree-compiler",
    "fdtoverlay": "device-tree-compiler",
    "mcopy": "mtools",
    "mkfs.vfat": "dosfstools",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "dumpe2fs": "e2fsprogs",
    "openssl": "openssl",
    "xz": "xz-utils",
}
"""What the recipe calls beside Debian's essential programs, and the package of each."""
UNREAD = ("man", "locale", "info", "lintian", "bug", "groff", "gtk-doc")
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("e2scrub_reap.service", "getty.target", "getty@.service", "serial-getty@.service"),
    *("console-getty.service", "container-getty@.service", "ssh.service", "ssh.socket"),
    *("ModemManager.service", "systemd-networkd-wait-online.service", "rpcbind.service"),
    *("systemd-pstore.service", "systemd-network-generator.service", "debug-shell.service"),
    # The root is read-only, so there is nothing to commit; the initrd wrote the id.
    *("systemd-machine-id-commit.service", "systemd-firstboot.service"),
)
GENERATORS = ("systemd-ssh-generator",)
"""These make units that a card must not have: from Trixie on it is sockets of sshd."""
ENABLED = (
    *("autodialer-card-slot.service", "autodialer-card-grow.service"),
    *("autodialer-card-ssh-key.service", "autodialer-card-journal.timer"),
    *("autodialer-card-deadline.timer", "systemd-networkd.service", "systemd-resolved.service"),
    "systemd-timesyncd.service",
)
SETUID = ("usr/bin/su", "usr/bin/mount", "usr/bin/umount")
"""Debian's own that stay: nobody but root logs in, so none is of use to anybody."""


CLOCKS = {
    "rtc-ds3231": ("maxim,ds3231", "68"),
    "rtc-pcf8523": ("nxp,pcf8523", "68"),
    "rtc-pcf8563": ("nxp,pcf8563", "51"),
}
"""Clocks that ``config.txt`` may name: the kernel's word for the chip, its I2C address."""
MODELS = ("bcm2837-rpi-3-b", "bcm2837-rpi-zero-2-w", "bcm2711-rpi-4-b")
"""On whose device trees each of them has to fit."""


class Wanted(NamedTuple):
    """What is to be made."""

    release: str
    arch: str
    mirror: str
    package: Path
    epoch: int
    lock: Path | None
    keys: Path
    into: Path = BUILD

    @property
    def compatible(self) -> str:
        """What an update must be for (rauc)."""
        return f"autodialer-card-{LAYOUT}-{self.arch}"

    @property
    def is_snapshot(self) -> bool:
        """Is the archive one day's, as snapshot.debian.org keeps them?"""
        return re.search(r"/debian/\d{8}T\d{6}Z$", self.mirror) is not None

    @property
    def place(self) -> Path:
        """Where what is between is made."""
        return self.into / f"{self.release}-{self.arch}"

    @property
    def packages(self) -> list[str]:
        """What the root is asked to hold."""
        text = (HERE / "packages.txt").read_text(encoding="utf-8").replace("@ARCH@", self.arch)
        names = [line for line in text.splitlines() if line and not line.startswith("#")]
        return names + [one for one in self._locked if one.split("=")[0] not in FIRMWARE]

    @property
    def firmware(self) -> list[str]:
        """Of which packages only files are taken; with their version where it is locked."""
        locked = {one.split("=")[0]: one for one in self._locked}
        return [locked.get(name, name) for name in FIRMWARE]

    @property
    def basis(self) -> str:
        """What a root without the box was made of; one of another time has other times in it."""
        return json.dumps([self.epoch, self.mirror, self.packages, self.firmware])

    @property
    def _locked(self) -> list[str]:
        return self.lock.read_text(encoding="utf-8").split() if self.lock else []

    @property
    def security(self) -> str:
        """The archive of security updates beside the other, also of a snapshot's."""
        return re.sub(r"/debian(?=/|$)", "/debian-security", self.mirror)

    @property
    def name(self) -> str:
        """The beginning of each file that is made."""
        return f"autodialer-{self.release}-{self.arch}"


def main() -> int:
    """Make what the arguments name; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", default="bookworm", choices=["bookworm", "trixie"])
    parser.add_argument("--arch", default="arm64", choices=["arm64"])
    parser.add_argument("--mirror", help="Debian archive; else that of this machine's apt")
    parser.add_argument("--package", type=Path, help="the box's .deb; else the newest of build/")
    parser.add_argument("--lock", type=Path, help="the packages of an earlier card, and no others")
    parser.add_argument("--keys", type=Path, default=BUILD / "keys", help="who signs updates")
    parser.add_argument("--into", type=Path, default=BUILD, help="where all of it is written")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        return _refused("a root file system with its owners needs root: sudo make image")
    absent = {package for program, package in PROGRAMS.items() if not _found(program)}
    if absent:
        return _refused(f"packages are missing here: apt install {' '.join(sorted(absent))}")
    if subprocess.run(["arch-test", arguments.arch], capture_output=True, check=False).returncode:
        return _refused(
            f"this machine cannot run programs of {arguments.arch}: "
            "apt install qemu-user-static binfmt-support"
        )
    package = arguments.package or _newest(f"autodialer_*+{arguments.release}_{arguments.arch}.deb")
    if package is None or not package.is_file():
        return _refused("there is no package of the box: make deb")
    mirror = arguments.mirror or machine_mirror()
    if mirror is None:
        return _refused("this machine's apt names no Debian archive: give --mirror")
    wanted = Wanted(
        release=arguments.release,
        arch=arguments.arch,
        mirror=mirror.rstrip("/"),
        package=package,
        epoch=int(_told("git", "-C", ROOT, "log", "-1", "--format=%ct")),
        lock=arguments.lock,
        keys=arguments.keys,
        into=arguments.into.resolve(),
    )
    os.environ["SOURCE_DATE_EPOCH"] = str(wanted.epoch)
    wanted.place.mkdir(parents=True, exist_ok=True)
    keys(wanted.keys)
    tree, firmware = root(wanted)
    boot = boot_files(wanted, tree, firmware)
    slot = root_file_system(tree, wanted.epoch, wanted.place / "root.ext4")
    card = assembled(wanted, boot, slot)
    update = bundle(wanted, slot, wanted.into / f"{wanted.name}.raucb", _version(package))
    listed = bill.written(tree, firmware, wanted.into / f"{wanted.name}.cdx.json", wanted.epoch)
    _say(f"compressing {card.name}")
    # With one thread the same data is laid out otherwise; with two or more always alike.
    threads = max(2, os.cpu_count() or 2)
    _run("xz", "--keep", "--force", f"--threads={threads}", "-6", card)
    print(
        json.dumps(
            {
                "card": str(card),
                "compressed_bytes": Path(f"{card}.xz").stat().st_size,
                "update": str(update),
                "update_bytes": update.stat().st_size,
                "root_bytes": slot.stat().st_size,
                "components": listed,
            },
            indent=1,
        )
    )
    return 0


def machine_mirror(apt: Path = Path("/etc/apt")) -> str | None:
    """Return the Debian archive that this machine's apt uses."""
    for file in (*sorted(apt.rglob("*.sources")), *sorted(apt.rglob("*.list"))):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            found = re.match(r"(?:URIs:|deb\s+(?:\[.*?\]\s*)?)\s*(\S+/debian)/?(?:\s|$)", line)
            if found:
                return found[1]
    return None


def root(wanted: Wanted) -> tuple[Path, Path]:
    """Make the root, and the folder of packages of which only files are taken."""
    base = wanted.place / "base"
    told = wanted.place / "base.key"
    if not (told.exists() and told.read_text() == wanted.basis):
        _say(f"a root of {wanted.release}")
        shutil.rmtree(base, ignore_errors=True)
        _bootstrap(wanted, base)
        told.write_text(wanted.basis)
    tree = wanted.place / "root"
    _empty(tree)
    _run("cp", "-a", "--reflink=auto", f"{base}/.", tree)
    firmware = wanted.place / "firmware"
    _empty(firmware)
    taken = []
    for package in FIRMWARE:
        [file] = (tree / "var/firmware").glob(f"{package}_*.deb")
        _run("dpkg-deb", "-x", file, firmware)
        taken.append(f"{package}={_version(file)}")
        shutil.move(file, firmware)
    shutil.rmtree(tree / "var/firmware")
    _furnish(wanted, tree, taken)
    return tree, firmware


def _bootstrap(wanted: Wanted, base: Path) -> None:
    components = "main non-free-firmware"
    exclude = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNREAD]
    _run(
        *("mmdebstrap", f"--architectures={wanted.arch}", "--variant=minbase", "--mode=root"),
        *("--format=directory", f"--include={','.join(wanted.packages)}", *exclude),
        *(
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        ),
        "--dpkgopt=path-include=/usr/share/doc/autodialer/*",
        "--aptopt=Apt::Install-Recommends false",
        # A snapshot of the archive, which pins it for ever, says that it is out of date.
        *(["--aptopt=Acquire::Check-Valid-Until false"] if wanted.is_snapshot else []),
        "--customize-hook=mkdir $1/var/firmware && cd $1/var/firmware && "
        "APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -o APT::Sandbox::User=root "
        f"download {' '.join(wanted.firmware)}",
        *(wanted.release, base),
        f"deb {wanted.mirror} {wanted.release} {components}",
        f"deb {wanted.mirror} {wanted.release}-updates {components}",
        f"deb {wanted.security} {wanted.release}-security {components}",
        # The initrd is made once, when the card's own scripts are there.
        environment={"INITRD": "No"},
    )


def _furnish(wanted: Wanted, tree: Path, taken: list[str]) -> None:
    """The box's package, the card's own files, and nothing that is written, listens or lets in."""
    _say(f"{wanted.package.name} into the root")
    inside = ("chroot", tree)
    _run(*inside, "groupadd", "--system", "--gid", BOX, "autodialer")
    _run(
        *inside,
        "useradd",
        "--system",
        "--uid",
        BOX,
        "--gid",
        BOX,
        "--home-dir",
        "/var/lib/autodialer",
        "--shell",
        "/usr/sbin/nologin",
        "autodialer",
    )
    for source in sorted((HERE / "files").rglob("*")):
        target = tree / source.relative_to(HERE / "files")
        if source.is_dir():
            target.mkdir(exist_ok=True)
        elif source.is_file():
            text = source.read_text(encoding="utf-8")
            target.write_text(
                text.replace("@DISK@", DISK).replace("@COMPATIBLE@", wanted.compatible), "utf-8"
            )
            target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    # Some of the programs inside look at /proc.
    _run("mount", "-t", "proc", "proc", tree / "proc")
    try:
        shutil.copyfile(wanted.package, tree / "box.deb")
        _run(*inside, "dpkg", "--install", "/box.deb")
        (tree / "box.deb").unlink()
        shutil.copyfile(wanted.keys / "keyring.pem", tree / "etc/rauc/keyring.pem")
        for unit in MASKED:
            place = tree / "etc/systemd/system" / unit
            place.unlink(missing_ok=True)
            place.symlink_to("/dev/null")
        for generator in GENERATORS:
            place = tree / "etc/systemd/system-generators" / generator
            place.parent.mkdir(exist_ok=True)
            place.symlink_to("/dev/null")
        _run(*inside, "systemctl", "enable", "--quiet", *ENABLED)
        _run(*inside, "systemctl", "set-default", "--quiet", "multi-user.target")
        [modules] = (tree / "usr/lib/modules").iterdir()
        _run(*inside, "update-initramfs", "-c", "-k", modules.name)
    finally:
        _run("umount", tree / "proc")
    _close(tree)
    _settle(wanted, tree)
    _lock(wanted, tree, taken)


def _close(tree: Path) -> None:
    """No password, no key, no right to become somebody else beyond the named ones."""
    for name in ("shadow", "shadow-"):
        file = tree / "etc" / name
        if file.exists():
            lines = [line.split(":") for line in file.read_text().splitlines()]
            # Day 1 of changing a password would be the day of the build.
            file.write_text("".join(f"{line[0]}:*:19000:0:99999:7:::\n" for line in lines))
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    allowed = {tree / name for name in SETUID}
    for file in (*(tree / "usr").rglob("*"), *(tree / "var").rglob("*")):
        if file.is_symlink() or not file.is_file() or file in allowed:
            continue
        if file.stat().st_mode & 0o6000:
            file.chmod(file.stat().st_mode & 0o1777)


def _settle(wanted: Wanted, tree: Path) -> None:
    """Folders to mount on, links to what is known at run time; the traces of the making go."""
    for folder in (
        "data",
        "boot/firmware",
        "etc/credstore",
        "var/lib/systemd",
        "var/lib/autodialer",
    ):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    _empty(tree / "boot/firmware")
    version = _version(wanted.package)
    [kernel] = (tree / "boot").glob("vmlinuz-*")
    [initrd] = (tree / "boot").glob("initrd.img-*")
    # U-Boot reads these two names; nothing changes a kernel in a read-only root.
    kernel.rename(tree / "boot/vmlinuz")
    initrd.rename(tree / "boot/initrd.img")
    for link in ("vmlinuz", "initrd.img", "vmlinuz.old", "initrd.img.old"):
        (tree / link).unlink(missing_ok=True)
    for name, target in (
        ("etc/resolv.conf", "/run/systemd/resolve/resolv.conf"),
        ("var/lib/dbus/machine-id", "/etc/machine-id"),
        ("etc/mtab", "../proc/self/mounts"),
    ):
        (tree / name).unlink(missing_ok=True)
        (tree / name).symlink_to(target)
    (tree / "etc/machine-id").write_text("uninitialized\n")
    (tree / "etc/hostname").write_text("autodialer\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    with (tree / "usr/lib/os-release").open("a", encoding="utf-8") as file:
        file.write(f"IMAGE_ID=autodialer-card\nIMAGE_VERSION={version}\n")
    for folder in ("var/log", "var/cache", "var/tmp", "tmp", "run", "var/lib/apt/lists"):
        _empty(tree / folder)
    for pattern in (
        "dev/*",
        "var/lib/dpkg/*-old",
        # Which packages nobody asked for by name: with a lock, which names all, none are.
        "var/lib/apt/extended_states",
        "etc/*-",
        "etc/.pwd.lock",
        "etc/resolv.conf.*",
        "var/lib/systemd/*",
        "root/.*",
    ):
        for path in tree.glob(pattern):
            if path.name != "resolv.conf":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    # Made anew with each ldconfig, with the times of the inodes in it.
    (tree / "var/cache/ldconfig").mkdir(mode=0o700, exist_ok=True)
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.lstat().st_mtime > wanted.epoch:
            os.utime(path, (wanted.epoch, wanted.epoch), follow_symlinks=False)
    os.utime(tree, (wanted.epoch, wanted.epoch))


def _lock(wanted: Wanted, tree: Path, taken: list[str]) -> None:
    """Write which packages these were, in the form that ``--lock`` takes."""
    listed = _told("chroot", tree, "dpkg-query", "--show", "--showformat=${Package}=${Version}\n")
    packages = [*listed.splitlines(), *taken]
    lock = wanted.into / f"{wanted.name}.lock"
    lock.write_text(
        "".join(f"{one}\n" for one in sorted(packages) if not one.startswith("autodialer="))
    )


def boot_files(wanted: Wanted, tree: Path, firmware: Path) -> Path:
    """Lay out the boot partition; returns its file system."""
    _say("the boot partition")
    place = wanted.place / "boot"
    _empty(place)
    _for_a_pi(tree, firmware, place)
    boot_script(wanted.place / "boot.cmd", place / "boot.scr")
    (place / "autodialer").mkdir()
    image = wanted.place / "boot.vfat"
    return fat(place, image, wanted.epoch)


def boot_script(source: Path, target: Path) -> None:
    """Write what U-Boot runs, as it reads it; *source* is where its text is laid out."""
    text = (HERE / "boot/boot.cmd").read_text(encoding="utf-8")
    source.write_text(f"setenv card_disk {DISK}\n{text}", encoding="utf-8")
    words = ("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", source, target)
    _run(*words, quiet=True)


def _for_a_pi(tree: Path, firmware: Path, place: Path) -> None:
    """What the Raspberry Pi's own firmware looks for, and U-Boot."""
    for pattern in ("usr/lib/raspi-firmware/*", "usr/lib/u-boot/rpi_arm64/u-boot.bin"):
        for file in firmware.glob(pattern):
            # From Trixie on there are overlays for two boards of others.
            if file.is_file():
                shutil.copyfile(file, place / file.name)
    [trees] = (tree / "usr/lib").glob("linux-image-*")
    for file in sorted((trees / "broadcom").glob("bcm*-rpi-*.dtb")):
        shutil.copyfile(file, place / file.name)
    shutil.copyfile(HERE / "boot/config.txt", place / "config.txt")
    _clocks(place)
    (place / "cmdline.txt").write_text("\n")
    _run("mkenvimage", "-s", "0x4000", "-o", place / "uboot.env", HERE / "boot/uboot.env.txt")


def _clocks(place: Path) -> None:
    (place / "overlays").mkdir()
    source = (HERE / "boot/rtc.dts").read_text(encoding="utf-8")
    for name, (chip, address) in CLOCKS.items():
        text = source.replace("@ADDRESS@", address).replace("@CHIP@", chip)
        overlay = place / "overlays" / f"{name}.dtbo"
        words = ("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", overlay, "-")
        _run(*words, given=text)
        for model in MODELS:
            tried = ("fdtoverlay", "-i", place / f"{model}.dtb", "-o", "/dev/null", overlay)
            _run(*tried, quiet=True)


def fat(place: Path, image: Path, epoch: int) -> Path:
    """Return a FAT file system of the files in *place*."""
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(BOOT_MIB * MIB)
    _run("mkfs.vfat", "-F", "32", "-n", "BOOT", "-i", DISK, "--invariant", image)
    for path in (*place.rglob("*"), place):
        os.utime(path, (epoch, epoch))
    _run(
        "mcopy", "-s", "-m", "-i", image, *sorted(place.iterdir()), "::", environment={"TZ": "UTC"}
    )
    return image


def root_file_system(tree: Path, epoch: int, image: Path) -> Path:
    """Return a file system of *tree*, the same for the same tree."""
    _say("the root's file system")
    used = int(_told("du", "-s", "--block-size=1M", tree).split()[0])
    size = used + used // 12 + 24
    if size > SLOT_MIB:
        raise SystemExit(f"debian/image/make.py: the root needs {size} MiB of {SLOT_MIB}")
    return ext4(image, size, epoch, 1, "root", "-O", "^has_journal", "-m", "0", "-d", tree)


def ext4(image: Path, mebibytes: int, epoch: int, number: int, label: str, *more: object) -> Path:
    """Return an ext4 file system that U-Boot reads and in which nothing is of chance."""
    image.unlink(missing_ok=True)
    identity = UUID % number
    _run(
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-L",
        label,
        "-U",
        identity,
        "-E",
        f"hash_seed={identity},root_owner=0:0,lazy_itable_init=0,nodiscard",
        "-O",
        "^metadata_csum_seed,^orphan_file",
        *more,
        image,
        f"{mebibytes}M",
        environment={"E2FSPROGS_FAKE_TIME": str(epoch)},
    )
    # The time at which this machine wrote each inode is of no use, and differs each time.
    last = int(re.findall(r"Inode count:\s+(\d+)", _told("dumpe2fs", "-h", image))[0])
    used = _used_inodes(image, last)
    commands = "".join(
        f"sif <{n}> {field} @{epoch}\n" for n in used for field in ("ctime", "crtime", "atime")
    )
    commands += "".join(
        f"sif <{n}> {field} 0\n"
        for n in used
        for field in ("ctime_extra", "crtime_extra", "atime_extra", "mtime_extra")
    )
    _run(
        "debugfs",
        "-w",
        "-f",
        "-",
        image,
        given=commands,
        quiet=True,
        environment={"E2FSPROGS_FAKE_TIME": str(epoch)},
    )
    return image


def _used_inodes(image: Path, last: int) -> list[int]:
    free: set[int] = set()
    for found in re.findall(r"Free inodes: ([0-9, -]+)", _told("dumpe2fs", image)):
        for part in found.split(","):
            first, _, end = part.strip().partition("-")
            if first:
                free.update(range(int(first), int(end or first) + 1))
    return [2, *(n for n in range(11, last + 1) if n not in free)]


def assembled(wanted: Wanted, boot: Path, slot: Path) -> Path:
    """Return the card."""
    _say("the card")
    fresh = wanted.place / "data"
    _empty(fresh)
    # Without it a data partition is one that has lost what lay on it (init-bottom/autodialer-card).
    (fresh / "new-card").touch()
    for path in (fresh / "new-card", fresh):
        os.utime(path, (wanted.epoch, wanted.epoch))
    more = ("-m", "1", "-d", fresh)
    data = ext4(wanted.place / "data.ext4", DATA_MIB, wanted.epoch, 2, "data", *more)
    sectors = wanted.place / "slots.bin"
    # Not imported: that would leave byte code among the card's files.
    card_slots = runpy.run_path(str(HERE / "files/usr/lib/autodialer-card/card_slots.py"))
    first, second = card_slots["PLACES"]
    block = card_slots["packed"](card_slots["FRESH"])
    sectors.write_bytes(block.ljust((second - first) * card_slots["SECTOR"], b"\0") + block)
    name = f"{wanted.name}.img"
    config = wanted.place / "card.cfg"
    config.write_text(f"""image {name} {{
  hdimage {{ partition-table-type = "mbr" disk-signature = 0x{DISK} align = 1M }}
  partition slots {{ image = "{sectors.name}" in-partition-table = false offset = {SLOTS_AT} }}
  partition boot {{ image = "{boot.name}" partition-type = 0x0C bootable = true offset = 4M }}
  partition a {{ image = "{slot.name}" partition-type = 0x83 size = {SLOT_MIB}M }}
  partition b {{ partition-type = 0x83 size = {SLOT_MIB}M }}
  partition data {{ image = "{data.name}" partition-type = 0x83 size = {DATA_MIB}M }}
}}
""")
    for folder in ("genimage-root", "genimage-tmp"):
        _empty(wanted.place / folder)
    _run(
        "genimage",
        "--config",
        config,
        "--rootpath",
        wanted.place / "genimage-root",
        "--tmppath",
        wanted.place / "genimage-tmp",
        "--inputpath",
        wanted.place,
        "--outputpath",
        wanted.into,
        quiet=True,
    )
    return wanted.into / name


def keys(place: Path) -> None:
    """Make keys for trials where there are none; docs/card.md says where one's own lie."""
    if (place / "keyring.pem").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    _run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "7300",
        "-subj",
        "/O=autodialer/CN=TEST KEY, NOT FOR BOXES IN THE FIELD",
        "-addext",
        "keyUsage=critical,digitalSignature,keyCertSign",
        "-keyout",
        place / "key.pem",
        "-out",
        place / "cert.pem",
        quiet=True,
    )
    shutil.copyfile(place / "cert.pem", place / "keyring.pem")


def bundle(
    wanted: Wanted,
    slot: Path,
    target: Path,
    version: str,
    compatible: str | None = None,
    signer: Path | None = None,
) -> Path:
    """Return a signed update that holds the root's file system *slot*."""
    _say(f"the update {target.name}")
    place = target.with_suffix(".bundle")
    _empty(place)
    os.link(slot, place / "root.ext4")
    (place / "manifest.raucm").write_text(
        f"[update]\ncompatible={compatible or wanted.compatible}\nversion={version}\n"
        f"build=state-format={_state_format()}\n\n"
        "[bundle]\nformat=verity\n\n[image.rootfs]\nfilename=root.ext4\n"
    )
    target.unlink(missing_ok=True)
    by = signer or wanted.keys
    _run(
        "rauc",
        "bundle",
        f"--cert={by / 'cert.pem'}",
        f"--key={by / 'key.pem'}",
        "--mksquashfs-args=-comp zstd -Xcompression-level 15",
        place,
        target,
        quiet=True,
    )
    return target


def _state_format() -> int:
    """Which form of the state the box of this tree writes (docs/update.md)."""
    text = (ROOT / "appliance/update/__init__.py").read_text(encoding="utf-8")
    return int(re.findall(r"^STATE_FORMAT = (\d+)$", text, re.MULTILINE)[0])


def _version(package: Path) -> str:
    return _told("dpkg-deb", "--field", package, "Version").strip()


def _newest(pattern: str) -> Path | None:
    found = sorted((ROOT / "build").glob(pattern), key=lambda file: file.stat().st_mtime)
    return found[-1] if found else None


def _empty(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def _run(
    *command: object,
    given: str | None = None,
    quiet: bool = False,
    environment: dict[str, str] | None = None,
) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        input=given,
        text=True,
        check=False,
        stdin=None if given is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        env={
            **os.environ,
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            "PATH": _path(),
            **(environment or {}),
        },
    )
    if done.returncode:
        print((done.stdout or "")[-3000:], file=sys.stderr)
        raise SystemExit(f"debian/image/make.py: exit {done.returncode}: {' '.join(words)[:300]}")


def _told(*command: object) -> str:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C", "PATH": _path()},
    ).stdout


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _found(program: str) -> bool:
    return shutil.which(program, path=_path()) is not None


def _say(text: str) -> None:
    print(f"image: {text}", file=sys.stderr, flush=True)


def _refused(why: str) -> int:
    print(f"debian/image/make.py: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
