"""Sticks in a booted box: ``make sticks`` mounts real file systems by the shipped unit.

A clean system is booted in a container (:mod:`tests.rigs.boot`), the package installed, and one
stick after the other, an image behind a loop device, handed to ``autodialer-provision@``: signed,
unsigned, of the wrong key, torn, two at once, pulled out in the middle, and full of hostile files.
After each the box runs, its configuration is one of the two whole ones, its ledger verifies, and
what lies on the stick says what came of it.

Two things are not the shipped ones. No udev runs in a container, so the unit's copy there is not
bound to a device, and a stick that is pulled is the unit stopped and the image cut short, which is
what the kernel and systemd then do. And where the kernel has neither vfat nor exfat the file system
is exFAT by FUSE (exfat-fuse), which is copied into the container with OpenSSH's ssh-keygen.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from appliance.provisioning.folder import take
from appliance.provisioning.manifest import Manifest, sign
from tests.rigs.boot import ROOT, Failed, Machine, Step, booted, newest

UNIT = "autodialer-provision@.service"
STICK_BYTES = 24 << 20
HEADER = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until\n"
)
PULLS = 12
HOSTILE = 100


def person(number: int) -> str:
    return (
        f"+3363998{number:04d},P{number},fr,Europe/Paris,neighbourhood-news,2027-01-15,form,"
        "form 1,mon-fri 18:00-20:00,\n"
    )


class Stick:
    """One image with a file system of its own, behind a loop device."""

    def __init__(self, place: Path, name: str) -> None:
        self.image = place / f"{name}.img"
        self.mount = place / name
        self.mount.mkdir()
        with self.image.open("wb") as image:
            image.truncate(STICK_BYTES)
        subprocess.run(["mkfs.exfat", str(self.image)], check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run(
            ["losetup", "--find", "--show", str(self.image)],
            check=True,
            capture_output=True,
            text=True,
        )
        self.device = done.stdout.strip()

    @contextlib.contextmanager
    def open(self) -> Iterator[Path]:
        """Plug it into a computer: the folder where its files are."""
        command = ["mount", "-t", "exfat", self.device, str(self.mount)]
        if "exfat" not in Path("/proc/filesystems").read_text():
            command = ["mount.exfat-fuse", "-o", "nonempty", self.device, str(self.mount)]
        subprocess.run(command, check=True, capture_output=True)
        try:
            yield self.mount
        finally:
            subprocess.run(["umount", str(self.mount)], check=True)

    def cut(self) -> None:
        """Pull it out: every sector that is not read yet is gone."""
        os.truncate(self.image, 1 << 16)

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.mount)], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", self.device], check=False)
        self.image.unlink()


class Sticks:
    """The steps, in their order; each leaves a sound box to the next."""

    def __init__(self, machine: Machine, place: Path, package: Path, pulls: int) -> None:
        self.machine, self.place, self.package = machine, place, package
        self.pulls = pulls
        self._made = 0
        self._box = 0
        for name in ("office", "thief"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", place / name],
                check=True,
            )

    # --- what is brought ---

    def configuration(self, box: str) -> str:
        settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        settings["box"] = {"name": box, "state": "/var/lib/autodialer"}
        for group in settings["campaign"]["clips"].values():
            for role, clip in group.items():
                group[role] = f"clips/{Path(clip).name}"
        settings["lines"][0].update(port="/run/none", audio="/run/none.audio", bench=True)
        settings["lines"] = settings["lines"][:1]
        settings["lines"][0].pop("emergency_port", None)
        key = (self.place / "office.pub").read_text().strip()
        settings["provisioning"] = {"trusted": [key]}
        return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)

    @contextlib.contextmanager
    def stick(self, *, key: str | None = "office", **files: str | None) -> Iterator[Stick]:
        """A stick with a whole folder of a new box name, packed with *key*."""
        self._made += 1
        # Of two that were packed in the same second none is the older: the later one wins.
        time.sleep(1.1)
        stick = Stick(self.place, f"stick-{self._made}")
        try:
            with stick.open() as mount:
                self._fill(mount / "autodialer", key, files)
            yield stick
        finally:
            stick.close()

    def _fill(self, folder: Path, key: str | None, files: dict[str, str | None]) -> None:
        (folder / "clips").mkdir(parents=True)
        for clip in sorted((ROOT / "audio").glob("*.wav")):
            shutil.copyfile(clip, folder / "clips" / clip.name)
        self._box += 1
        texts = {
            "config.yaml": self.configuration(f"box-{self._box}"),
            "contacts.csv": HEADER + "".join(person(self._box * 20 + n) for n in range(20)),
            "withdrawals.txt": f"+3363998{9000 + self._box}\n",
        } | files
        for name, text in texts.items():
            if text is not None:
                (folder / name).write_text(text, encoding="utf-8")
        with tempfile.TemporaryDirectory() as copies:
            payload = take(folder, Path(copies)).payload()
        manifest = Manifest(
            made_at=datetime.now(UTC), files={name: one.sha256 for name, one in payload.items()}
        )
        (folder / "manifest.json").write_text(manifest.text(), encoding="utf-8")
        if key is not None:
            sign(folder, self.place / key)

    # --- plugging in ---

    def plug(self, stick: Stick, *, wait: bool = True) -> str:
        """Start the unit for *stick*, as udev does; returns its instance."""
        number = re.sub(r"\D", "", Path(stick.device).name)
        name = f"sd{number}"
        self.machine.run("sh", "-c", f"test -e /dev/{name} || mknod /dev/{name} b 7 {number}")
        flags = () if wait else ("--no-block",)
        self.machine.run(
            "systemctl", "start", *flags, f"autodialer-provision@{name}.service", check=False
        )
        if wait:
            self._ends(name)
        return name

    def result(self, stick: Stick) -> tuple[str, set[str]]:
        """What lies on the stick now: the verdict and every name in the folder."""
        with stick.open() as mount:
            folder = mount / "autodialer"
            text = (folder / "RESULT.txt").read_text() if (folder / "RESULT.txt").exists() else ""
            found = re.search(r"^(REFUSED|APPLIED|\S+ has this folder)", text, re.MULTILINE)
            return (found[1] if found else text[:80]), {one.name for one in folder.iterdir()}

    def sound(self) -> str:
        """The box runs, on one whole configuration, with a ledger that verifies; its name."""
        run = self.machine.run

        def up() -> bool:
            told = run("autodialer", "status", "--json", check=False)
            return told.returncode == 0 and bool(json.loads(told.stdout).get("running"))

        self.machine.until(up, 120.0, "the box runs")
        run("autodialer", "check")
        run("autodialer", "ledger", "verify")
        return str(json.loads(run("autodialer", "status", "--json").stdout)["box"])

    def people(self) -> dict[int, int]:
        """How many people of each folder, by its number, the box has."""
        rows = json.loads(self.machine.run("autodialer", "contacts", "list", "--json").stdout)
        found: dict[int, int] = {}
        for row in rows["contacts"] if isinstance(rows, dict) else rows:
            box = int(row["name"].removeprefix("P")) // 20
            found[box] = found.get(box, 0) + 1
        return found

    # --- the steps ---

    def set_up(self) -> str:
        root, run = self.machine.root, self.machine.run
        for program, name in (("ssh-keygen", "usr/bin"), ("mount.exfat-fuse", "sbin")):
            _bring(program, root / name)
        (root / "sbin/mount.exfat").unlink(missing_ok=True)
        (root / "sbin/mount.exfat").symlink_to("mount.exfat-fuse")
        run("sh", "-c", "test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229")
        shutil.copyfile(self.package, root / "root" / self.package.name)
        run("dpkg", "--install", f"/root/{self.package.name}")
        for unit in ("autodialer-stick@.service", UNIT):
            shipped = (root / "lib/systemd/system" / unit).read_text()
            words = shipped.replace("dev-%i.device", "").replace("BindsTo= ", "BindsTo=")
            unbound = re.sub(r"^BindsTo=\n", "", words, flags=re.MULTILINE)
            (root / "etc/systemd/system" / unit).write_text(unbound)
        first = yaml.safe_load(self.configuration("box-0"))
        for group in first["campaign"]["clips"].values():
            for role, clip in group.items():
                home = "/usr/lib/autodialer/current/lib/appliance/sample/audio"
                group[role] = f"{home}/{Path(clip).name}"
        (root / "etc/autodialer/config.yaml").write_text(yaml.safe_dump(first, sort_keys=False))
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", "autodialer-supervisor.service", "autodialer.service")
        return f"{self.sound()} runs"

    def signed(self) -> str:
        with self.stick() as stick:
            self.plug(stick)
            verdict, names = self.result(stick)
            _is(verdict, "APPLIED", "the result")
            _is("autodialer-report.html" in names, True, "the report beside it")
            self._goes_on(f"box-{self._box}")
            _is(self.people().get(self._box), 20, "people of the folder")
            self.plug(stick)
            _is(self.result(stick)[0].endswith("has this folder"), True, "the second time")
        return f"applied with 20 people and a report; box-{self._box} runs; again: unchanged"

    def unsigned(self) -> str:
        return self._refused("unsigned", key=None)

    def wrong_key(self) -> str:
        return self._refused("of another key", key="thief")

    def torn(self) -> str:
        before, withdrawn = self.sound(), self.withdrawals()
        with self.stick() as stick:
            with stick.open() as mount:
                contacts = mount / "autodialer" / "contacts.csv"
                os.truncate(contacts, contacts.stat().st_size - 30)
            self.plug(stick)
            _is(self.result(stick)[0], "REFUSED", "the result of a torn one")
        _is(self.sound(), before, "the configuration")
        _is(self.people().get(self._box), None, "people of a torn folder")
        _is(self.withdrawals(), withdrawn + 1, "withdrawals, which count all the same")
        return f"refused; {before} runs on; its withdrawal counted all the same"

    def two(self) -> str:
        with self.stick() as older, self.stick() as newer:
            names = [self.plug(stick, wait=False) for stick in (older, newer)]
            for name in names:
                self._ends(name)
            told = [self.result(stick)[0] for stick in (older, newer)]
        _is("APPLIED" in told, True, "one of two applied")
        if not all(told):
            raise Failed(f"a stick without a result: {told}")
        box = self._goes_on(f"box-{self._box}" if told[1] == "APPLIED" else f"box-{self._box - 1}")
        return f"the older {told[0]}, the newer {told[1]}; {box} runs"

    def pulled(self) -> str:
        """Pulled out after ever longer: all of the folder or nothing of it."""
        seen = {"all": 0, "nothing": 0}
        chance = random.Random(12)
        for _ in range(self.pulls):
            before = self.sound()
            with self.stick() as stick:
                name = self.plug(stick, wait=False)
                time.sleep(chance.uniform(0.0, 6.0))
                stick.cut()
                self.machine.run(
                    "systemctl", "stop", f"autodialer-provision@{name}.service", check=False
                )
                self._ends(name)
            # What is past its point of no return is finished at the next start.
            self.machine.run("systemctl", "restart", "autodialer-provision-boot.service")
            self.machine.run("systemctl", "restart", "autodialer.service")
            now, own = self.sound(), f"box-{self._box}"
            people = self.people().get(self._box, 0)
            if (now, people) == (own, 20):
                seen["all"] += 1
            elif (now, people) == (before, 0):
                seen["nothing"] += 1
            else:
                raise Failed(f"half of a folder: {now} runs after {before}, {people} of 20 people")
        return (
            f"{self.pulls} pulled: {seen['nothing']} had nothing, {seen['all']} all of the folder"
        )

    def hostile(self) -> str:
        """A hundred files that no folder should have, by names and by contents."""
        before = self.sound()
        chance = random.Random(100)
        with self.stick() as stick:
            with stick.open() as mount:
                folder = mount / "autodialer"
                for number in range(HOSTILE):
                    _plant(folder, number, chance)
            self.plug(stick)
            verdict, _ = self.result(stick)
        _is(verdict, "REFUSED", "the result")
        _is(self.sound(), before, "the configuration")
        return f"{HOSTILE} files: refused; {before} runs on"

    # --- helpers ---

    def _refused(self, what: str, key: str | None) -> str:
        before, people, withdrawn = self.sound(), self.people(), self.withdrawals()
        with self.stick(key=key) as stick:
            self.plug(stick)
            verdict, names = self.result(stick)
        _is(verdict, "REFUSED", f"the result of one {what}")
        _is([name for name in names if "report" in name], [], "what a stranger learns")
        _is((self.sound(), self.people()), (before, people), "configuration and people")
        _is(self.withdrawals(), withdrawn + 1, "withdrawals, which count all the same")
        return f"refused; {before} runs on; its withdrawal counted all the same"

    def withdrawals(self) -> int:
        """How many rows of the evidence say that a stick withdrew somebody."""
        files = (self.machine.root / "var/lib/autodialer/ledger").glob("*.jsonl")
        rows = [json.loads(row) for file in files for row in file.read_text().splitlines()]
        return sum(
            row["kind"] == "consent.revoked" and row["data"].get("by") == "provisioning"
            for row in rows
        )

    def _goes_on(self, box: str) -> str:
        self.machine.until(lambda: self.sound() == box, 120.0, f"{box} runs")
        return box

    def _ends(self, name: str) -> None:
        """Wait until nobody has the stick any more: both units, and the file system's program."""
        units = [f"autodialer-{what}@{name}.service" for what in ("provision", "stick")]

        def over() -> bool:
            told = self.machine.run("systemctl", "show", "-P", "ActiveState", *units).stdout.split()
            return set(told) <= {"inactive", "failed"} and not _served(f"/dev/{name}")

        self.machine.until(over, 300.0, f"{units[0]} has ended")


def _plant(folder: Path, number: int, chance: random.Random) -> None:
    """One hostile file: its name, its depth, its size and its contents by *number*."""
    contents: tuple[Callable[[], bytes], ...] = (
        lambda: b"",
        lambda: chance.randbytes(4096),
        lambda: b"\x00" * 100_000,
        lambda: b"[" * 200_000,
        lambda: b"a: &a [*a, *a]\n" * 2000,
        lambda: b"!!python/object/apply:os.system ['touch /run/owned']\n",
        lambda: b"RIFF\xff\xff\xff\xffWAVEfmt " + chance.randbytes(64),
        lambda: "\u202e\x1b[2J".encode() * 500,
        lambda: b"+33639980001\r" * 5000,
        lambda: b"=cmd|' /C calc'!A0," * 1000,
    )
    data = contents[number % len(contents)]()
    names = (
        f"clips/{number}.wav",
        f"{number}.yaml",
        f"config.yaml.{number}",
        f"{'x' * 200}{number}",
        f"\u202egnp.{number}",
        f"sub/{number}/config.yaml",
        f"clips/{number}/deep/er.wav",
        f".hidden-{number}",
        f"RESULT-{number}.txt",
        f"manifest.json{number}",
    )
    path = folder / names[number // 10]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _bring(program: str, target: Path) -> None:
    """Copy *program* and its libraries into the container's root, where it has none."""
    found = shutil.which(program)
    if found is None:
        raise SystemExit(f"make sticks: {program} is not installed here")
    if (target / program).exists():
        return
    shutil.copy2(found, target / program)
    listed = subprocess.run(["ldd", found], capture_output=True, text=True, check=True).stdout
    base = next(one for one in target.parents if (one / "etc").is_dir())
    for library in re.findall(r"=> (/\S+)", listed):
        copy = base / "usr" / library.lstrip("/")
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, copy)


def _served(device: str) -> bool:
    """Whether a file system in user space still serves *device*."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().decode(errors="replace").split("\0")
            if "exfat" in words[0] and device in words:
                return True
    return False


def _is(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise Failed(f"{what}: {found!r}, not {wanted!r}")


STEPS: tuple[tuple[str, Callable[[Sticks], str]], ...] = (
    ("a box that takes folders", Sticks.set_up),
    ("signed", Sticks.signed),
    ("unsigned", Sticks.unsigned),
    ("wrong key", Sticks.wrong_key),
    ("torn", Sticks.torn),
    ("two at once", Sticks.two),
    ("pulled out in the middle", Sticks.pulled),
    ("hostile files", Sticks.hostile),
)


def main(argv: list[str] | None = None) -> int:
    """Print a line for each step; 1 where one failed, 2 where nothing can be tried."""
    parser = argparse.ArgumentParser(prog="make sticks", description=__doc__.splitlines()[0])
    parser.add_argument("--release", default="bookworm")
    parser.add_argument("--pulls", type=int, default=PULLS, help="sticks that are pulled out")
    given = parser.parse_args(argv)
    tools = ("debootstrap", "systemd-nspawn", "losetup", "mkfs.exfat", "ssh-keygen")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    package = newest(given.release)
    if missing or os.geteuid() != 0 or package is None:
        why = ", ".join(missing) or ("no package in build/" if package is None else "not root")
        print(f"make sticks: {why}: nothing can be tried here", file=sys.stderr)
        return 2
    failed = 0
    with booted(given.release) as (machine, place):
        sticks = Sticks(machine, place, package, given.pulls)
        for name, step in STEPS:
            began = time.monotonic()
            try:
                row = Step(name, 0.0, step(sticks), "")
            except (Failed, OSError, subprocess.SubprocessError) as error:
                row = Step(name, 0.0, "", str(error))
                log = machine.run("journalctl", "--no-pager", "--lines=40", "--output=cat")
                print(log.stdout, file=sys.stderr)
                failed += 1
            mark = "FAILED " if row.fault else ""
            seconds = time.monotonic() - began
            print(f"  {name:<28} {seconds:8.1f} s  {mark}{row.fault or row.detail}", flush=True)
            if row.fault and name == STEPS[0][0]:
                break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
