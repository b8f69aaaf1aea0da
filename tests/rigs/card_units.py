"""The units of a card under the real systemd, without a card: first boot, update, trial.

``python -m tests.rigs.card_units PACKAGE.deb`` lays the package on a clean Debian, booted in a
container (tests/rigs/boot.py), with a folder in memory for its boot partition, and the real rauc on
two files. What the bootloader says is written by hand, so this is fast; tests/rigs/card.py has the
whole card in an emulated computer. Needs root, debootstrap, systemd-nspawn, rauc and openssl.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from appliance.update import STATE_FORMAT
from tests.rigs.boot import PACKAGES, ROOTS, Failed, Machine, _bench_configuration

MORE = "openssh-client,rauc,rauc-service,squashfs-tools"
COMPATIBLE = "autodialer-card-1-rig"
OF_THE_CARD = Path(__file__).resolve().parents[2] / "debian" / "image" / "files"
PACKAGED = (Path(__file__).resolve().parents[2] / "debian/config.yaml").read_text("utf-8")
FILES = {
    "etc/systemd/system/boot-firmware.mount": (
        "[Mount]\nWhat=tmpfs\nWhere=/boot/firmware\nType=tmpfs\nOptions=uid=0,gid=autodialer,mode=0750\n"
        "[Install]\nWantedBy=local-fs.target\n"
    ),
    "etc/systemd/system/rauc.service.d/slot.conf": (
        "[Service]\nExecStart=\nExecStart=/usr/bin/rauc --override-boot-slot=A service\n"
    ),
    "etc/tmpfiles.d/card.conf": (
        "d /run/autodialer-card 0755 root root -\nf /run/autodialer-card/slot 0644 root root - A\n"
    ),
    "etc/rauc/system.conf": (
        f"[system]\ncompatible={COMPATIBLE}\nbootloader=custom\nbundle-formats=plain verity\n"
        "statusfile=/data/rauc.status\nmountprefix=/run/rauc\n"
        "[keyring]\npath=/etc/rauc/keyring.pem\n"
        "[handlers]\nbootloader-custom-backend=/data/backend\n"
        "[slot.rootfs.0]\ndevice=/data/A\ntype=raw\nbootname=A\n"
        "[slot.rootfs.1]\ndevice=/data/B\ntype=raw\nbootname=B\n"
    ),
    "data/backend": (
        '#!/bin/sh\ncase "$1" in get-primary) echo A ;; get-state) echo good ;;\n'
        '*) echo "$@" >>/data/asked ;; esac\n'
    ),
}


class Card:
    """One booted container."""

    def __init__(self, machine: Machine, place: Path) -> None:
        self.machine, self.place = machine, place

    def ask(self, *words: str, check: bool = True) -> str:
        return self.machine.run(*words, check=check).stdout.strip()

    def unit(self, name: str, *, seconds: float = 300.0) -> str:
        """Start a unit anew and return how it ended."""
        self.machine.run("systemctl", "restart", name, check=False, seconds=seconds)
        return self.ask("systemctl", "show", "--property=Result", "--value", name)

    def status(self) -> dict[str, object]:
        told = self.ask("autodialer", "status", "--json", check=False)
        return dict(json.loads(told)) if told.startswith("{") else {}

    def lamp(self) -> str:
        lamps = self.status().get("lamps", {})
        return str(lamps.get("fault", "")) if isinstance(lamps, dict) else ""

    def faults(self) -> list[str]:
        faults = self.status().get("faults", [])
        return [str(one["code"]) for one in faults] if isinstance(faults, list) else []

    # --- the steps ---

    def waits(self) -> str:
        """Without a folder: it waits, says so, and leaves its notes."""
        self.machine.until(lambda: self.status().get("mode") == "waiting", 120.0, "it waits")
        _equal(self.lamp(), "1 long, 2 short", "the fault lamp")
        self.machine.until(lambda: "README.txt" in self._beside(), 120.0, "the notes")
        _equal(self._beside(), "LISEZMOI.txt README.txt config.sample.yaml", "what it left")
        owner = self.ask("stat", "--format=%U", "/boot/firmware/autodialer/README.txt")
        _equal(owner, "root", "whose the notes are")
        failed = self.ask("systemctl", "--failed", "--plain", "--no-legend")
        if "autodialer" in failed:
            raise Failed(failed)
        return "waiting, one long and two short, three notes"

    def _beside(self) -> str:
        return " ".join(sorted(self.ask("ls", "/boot/firmware/autodialer", check=False).split()))

    def configured(self) -> str:
        """A wrong folder is told, a right one taken, and the box starts by itself."""
        folder = "/boot/firmware/autodialer"
        self.machine.run("tee", f"{folder}/config.yaml", given="box: [\n")
        _equal(self.unit("autodialer-provision-boot"), "success", "the unit of a wrong folder")
        _equal(self.unit("autodialer-boot-notes"), "success", "the unit of the notes")
        if "REFUSED" not in self.ask("cat", f"{folder}/RESULT.txt"):
            raise Failed("the result does not say REFUSED")
        self.machine.until(lambda: self.lamp() == "1 long, 1 short", 60.0, "the lamp of a refusal")
        text = _bench_configuration().replace(
            "/usr/lib/autodialer/current/lib/appliance/sample/", ""
        )
        clips = self.ask("sh", "-c", "dirname $(find /usr/lib/autodialer -name greeting.fr.wav)")
        self.machine.run("cp", "-r", clips, f"{folder}/clips")
        self.machine.run("sh", "-c", f"cd {folder}/clips && rm -rf $(ls | grep -v wav$)")
        self.machine.run("tee", f"{folder}/config.yaml", given=_with_clips(text))
        self.unit("autodialer-provision-boot")
        self.unit("autodialer-boot-notes")
        said = self.ask("cat", f"{folder}/RESULT.txt")
        if "REFUSED" in said:
            raise Failed(said)
        self.machine.until(lambda: self.status().get("running"), 120.0, "the box runs")
        self.unit("autodialer-provision-boot")
        self.unit("autodialer-boot-notes")
        _equal(self.ask("cat", f"{folder}/RESULT.txt"), said, "the result after another start")
        return "refused, then taken; the box started by itself"

    def refused(self) -> str:
        """A torn bundle on the boot partition."""
        self._bundle(torn=True)
        _equal(self.unit("autodialer-update-boot"), "success", "the unit")
        said = self.ask("cat", "/boot/firmware/autodialer/UPDATE.txt")
        # The rig has no modem, which is graver and has the lamp; the fault stands beside it.
        self.machine.until(lambda: "update" in self.faults(), 60.0, "the fault")
        if "new.raucb" not in self.ask("autodialer", "doctor", check=False):
            raise Failed("doctor does not tell")
        return said.splitlines()[2][:70]

    def written(self) -> str:
        """A good one: held, written by rauc, noted, restarted (which a drop-in only notes)."""
        self._bundle()
        # rauc mounts a bundle; a container has no loop devices of its own.
        self.machine.run("mknod", "/dev/loop-control", "c", "10", "237", check=False)
        for number in range(32):
            self.machine.run("mknod", f"/dev/loop{number}", "b", "7", str(number), check=False)
        self._told("autodialer-update-boot", "--restart 'touch /data/restarted'")
        _equal(self.unit("autodialer-update-boot", seconds=900), "success", "the unit")
        notes = json.loads(self.ask("cat", "/data/update/notes.json"))
        if notes["pending"] is None:
            raise Failed(f"nothing is pending: {notes['last']}")
        self.machine.run("test", "-e", "/data/restarted")
        before = notes["pending"]["before"]
        return f"written, {notes['pending']['phase']}, before: {before['mode']}, {before['ails']}"

    def confirmed(self) -> str:
        """The new system looks at itself, and is confirmed."""
        self.machine.run("touch", "/run/autodialer-card/trial")
        self.machine.run("systemctl", "restart", "autodialer.service")
        booted = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._told("autodialer-update-confirm", f"--restart 'touch /data/up' --booted-at {booted}")
        began = time.monotonic()
        _equal(self.unit("autodialer-update-confirm", seconds=800), "success", "the unit")
        asked = self.ask("cat", "/data/asked").splitlines()[-1]
        said = self.ask("cat", "/boot/firmware/autodialer/UPDATE.txt")
        if "holds" not in said or asked != "set-state A good":
            raise Failed(f"{asked}: {said}")
        return f"{asked}, {time.monotonic() - began:.0f} s"

    def not_its_own(self) -> str:
        """rauc lets everybody order it; the card's policy lets the box's account look on alone."""
        as_box = ("setpriv", "--reuid=autodialer", "--regid=autodialer", "--clear-groups")
        asked = self.ask("cat", "/data/asked", check=False)
        for words in (("mark-good",), ("mark-bad", "other"), ("mark-active", "other")):
            said = self._said(*as_box, "rauc", "status", *words)
            if "Rejected send message" not in said:
                raise Failed(f"rauc status {' '.join(words)}: {said}")
        said = self._said(*as_box, "rauc", "install", "/var/tmp/new.raucb")
        if "Rejected send message" not in said:
            raise Failed(f"rauc install: {said}")
        _equal(self.ask("cat", "/data/asked", check=False), asked, "what the boot loader was asked")
        self.machine.run(*as_box, "rauc", "status")
        return "mark and install denied, the status is shown"

    def _said(self, *words: str) -> str:
        done = self.machine.run(*words, check=False)
        return f"{done.stdout}{done.stderr}".strip()

    def forgotten(self) -> str:
        """The data partition is lost: what the initrd then leaves, and the box started in it."""
        units = ("autodialer", "autodialer-supervisor")
        self.machine.run("systemctl", "stop", *units)
        for line in (
            "mv /data /data.kept && mkdir /data",
            "mount -t tmpfs -o ro,size=64k,mode=0755 tmpfs /data",
            "mount -t tmpfs -o size=1m,mode=0700 tmpfs /var/lib/autodialer",
            "chown autodialer:autodialer /var/lib/autodialer",
            "mount -t tmpfs -o size=1m,mode=0755 tmpfs /etc/autodialer",
            "touch /run/autodialer-card/data-missing; rm -f /run/autodialer-card/trial",
        ):
            self.machine.run("sh", "-c", line)
        # What lies in the root, where nobody has written.
        self.machine.run("tee", "/etc/autodialer/config.yaml", given=PACKAGED)
        self.machine.run("mount", "-o", "remount,ro", "/etc/autodialer")
        self.machine.run("systemctl", "reset-failed", check=False)
        self.machine.run("systemctl", "start", *reversed(units))
        _equal(self.unit("autodialer-boot-notes"), "success", "the unit of the notes")
        provisioned = self.ask("systemctl", "is-active", "autodialer-provision-boot", check=False)
        self.unit("autodialer-provision-boot")
        self.machine.until(lambda: self.status().get("safe_mode"), 60.0, "it is in safe mode")
        _equal(self.lamp(), "1 flash", "the fault lamp")
        for unit in units:
            _equal(self.ask("systemctl", "is-active", unit), "active", unit)
        said = self.ask("cat", "/boot/firmware/autodialer/RESULT.txt")
        if "data partition" not in said or "partition data" not in said:
            raise Failed(f"RESULT.txt: {said[:200]}")
        if self.machine.run("autodialer", "resume", check=False).returncode == 0:
            raise Failed("it resumes without knowing who objected")
        if self.ask("sh", "-c", "ls /var/lib/autodialer/ledger 2>/dev/null", check=False):
            raise Failed("a ledger was begun anew")
        return f"one flash, told on the boot partition, no ledger, no folder ({provisioned})"

    def _told(self, unit: str, more: str) -> None:
        """Let the command of *unit* know where it runs."""
        show = self.ask("systemctl", "cat", unit)
        start = next(line for line in show.splitlines() if line.startswith("ExecStart="))
        folder = f"/run/systemd/system/{unit}.service.d"
        self.machine.run("mkdir", "-p", folder)
        given = f"[Service]\nExecStart=\n{start} {more}\n"
        self.machine.run("tee", f"{folder}/rig.conf", given=given)
        self.machine.run("systemctl", "daemon-reload")

    def _bundle(self, *, torn: bool = False) -> None:
        keys = self.place / "keys"
        content = self.place / "content"
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir()
        (content / "rootfs.img").write_bytes(b"root" * 100_000)
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={COMPATIBLE}\nversion=9\nbuild=state-format={STATE_FORMAT}\n"
            "[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n"
        )
        made = self.place / "new.raucb"
        made.unlink(missing_ok=True)
        signed = [f"--cert={keys / 'cert.pem'}", f"--key={keys / 'key.pem'}"]
        _done("rauc", *signed, "bundle", content, made)
        data = made.read_bytes()
        folder = "/boot/firmware/autodialer/update"
        self.machine.run("mkdir", "-p", folder)
        # Through the root, which is not on the boot partition's file system.
        (self.machine.root / "var/tmp/new.raucb").write_bytes(
            data[: len(data) // 2 if torn else None]
        )
        self.machine.run("cp", "/var/tmp/new.raucb", f"{folder}/new.raucb")


STEPS: tuple[tuple[str, Callable[[Card], str]], ...] = (
    ("waits for a configuration", Card.waits),
    ("takes a folder", Card.configured),
    ("refuses a torn update", Card.refused),
    ("writes a good one", Card.written),
    ("confirms it", Card.confirmed),
    ("takes no order of the box", Card.not_its_own),
    ("begins no state anew", Card.forgotten),
)


def _with_clips(text: str) -> str:
    """The bench's configuration as it may come in a folder."""
    import yaml

    settings = yaml.safe_load(text)
    for clips in settings["campaign"]["clips"].values():
        for role, path in clips.items():
            clips[role] = f"clips/{Path(path).name}"
    return str(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))


def _equal(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise Failed(f"{what}: {found!r}, not {wanted!r}")


def _done(*words: object) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{words[0]}: {done.stderr[-400:]}")


def root() -> Path:
    """Return a clean root that has rauc, made once."""
    tree = ROOTS / "bookworm-rauc"
    if not tree.exists():
        ROOTS.mkdir(parents=True, exist_ok=True)
        making = tree.with_name(f"{tree.name}.new")
        shutil.rmtree(making, ignore_errors=True)
        _done(
            "debootstrap", "--variant=minbase", f"--include={PACKAGES},{MORE}", "bookworm", making
        )
        making.rename(tree)
    return tree


def furnish(machine: Machine, package: Path, place: Path) -> None:
    """Lay the package and what a card has besides over the root that is not booted yet."""
    keys = place / "keys"
    keys.mkdir()
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=rig"]
    _done("openssl", *words, "-keyout", keys / "key.pem", "-out", keys / "cert.pem")
    for name, text in FILES.items():
        file = machine.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (machine.root / "data/backend").chmod(0o755)
    for slot in "AB":
        (machine.root / "data" / slot).write_bytes(bytes(1 << 20))
    shutil.copy(keys / "cert.pem", machine.root / "etc/rauc/keyring.pem")
    policy = "etc/dbus-1/system.d/autodialer-card.conf"
    shutil.copy(OF_THE_CARD / policy, machine.root / policy)
    if not package.is_dir():
        shutil.copy(package, machine.root / "box.deb")
        _done("chroot", machine.root, "dpkg", "--install", "/box.deb")
    (machine.root / "boot/firmware").mkdir(parents=True, exist_ok=True)
    _done("chroot", machine.root, "systemctl", "enable", "boot-firmware.mount")


def main() -> int:
    package = Path(sys.argv[1])
    tree = root()
    failed = False
    with tempfile.TemporaryDirectory(prefix="card-", dir=ROOTS) as name:
        place = Path(name)
        machine = Machine(tree, place, prepare=lambda made: furnish(made, package, place))
        try:
            machine.boot()
            card = Card(machine, place)
            for what, step in STEPS:
                began = time.monotonic()
                try:
                    detail = step(card)
                except (Failed, subprocess.TimeoutExpired, ValueError) as error:
                    failed, detail = True, f"FAILED: {error}"
                print(f"  {what:<28} {time.monotonic() - began:6.1f} s  {detail}", flush=True)
                if failed:
                    log = machine.run(
                        *("journalctl", "--no-pager", "--lines=40", "--output=cat"), check=False
                    )
                    print(log.stdout, file=sys.stderr)
                    break
        finally:
            machine.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
