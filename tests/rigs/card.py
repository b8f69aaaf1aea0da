"""The card in an emulated computer: ``make image-boot``.

Takes the card and the update of ``make image``, starts them (tests/rigs/card_machine.py says what
is emulated), and does what a field team does and what goes wrong: the first boot without a screen,
calls of a bench, the stop, an update, two that are no good, hostile files, and the plug pulled at
random moments. Each step finds what the one before it left. ``--only`` picks steps, ``--cuts`` how
often the plug is pulled, ``--seed`` when.

Long because one card is one story.
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
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.rigs import card_loader, card_root
from tests.rigs.card_machine import NETWORK_PORT, Card, Failed, Machine, required, stick

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "image"
PROGRAM = "/usr/lib/autodialer/current/autodialer"
OPENS = datetime(2027, 3, 9, 17, 5, tzinfo=UTC)
"""A Tuesday, 18:05 in Paris: people's windows are open for two hours."""
PEOPLE = 40
PATIENCE = "systemd.default_timeout_start_sec=900"
BOXES_OWN = (
    "autodialer.service autodialer-supervisor.service autodialer-clock.timer "
    "autodialer-provision-boot.service autodialer-boot-notes.service"
)


class Step(NamedTuple):
    name: str
    seconds: float
    detail: str
    fault: str


class Story:
    """One card from its flashing to its last cut."""

    def __init__(self, place: Path, image: Path, update: Path, seed: int, cuts: int) -> None:
        self.place, self.image, self.update = place, image, update
        self.chance = random.Random(seed)
        self.cuts = cuts
        self.key = place / "key"
        if not self.key.exists():
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)]
            subprocess.run(words, check=True)
        self.work = BUILD / update.stem.removeprefix("autodialer-")
        self.uboot = self.work / "firmware/usr/lib/u-boot/qemu_arm64/u-boot.bin"
        self.card = Card(image, place / "card.img")
        self.machine = Machine(self.card.file, place, self.uboot, self.key)
        self._clock = (self._last_told(), time.monotonic())
        self.kernel("")

    # --- small things ---

    def kernel(self, more: str) -> None:
        """Lengthen the time that units have to start: this computer is far slower than a Pi."""
        self.card.write("card.env", f"card_args={PATIENCE} {more}\n")

    def on(self, *, seconds: float = 900.0) -> float:
        """Switch on, at the time that the box's clock would show; wait until a command runs."""
        self.machine.start(at=self.now())
        return self.machine.answers(seconds)

    def now(self) -> datetime:
        """Return what the computer's own clock shows, which never goes back for this card."""
        began, at = self._clock
        now = began + timedelta(seconds=time.monotonic() - at)
        (self.place / "clock").write_text(now.isoformat())
        return now

    def _last_told(self) -> datetime:
        try:
            return datetime.fromisoformat((self.place / "clock").read_text())
        except FileNotFoundError:
            return OPENS

    def ask(self, command: str, **more: object) -> str:
        return self.machine.run(command, **more).stdout.strip()  # type: ignore[arg-type]

    def off(self) -> None:
        """Switch off in order."""
        self.machine.run("systemctl poweroff", check=False)
        with contextlib.suppress(Failed):
            self.machine.until("off", lambda: not self.machine.on, 180)
        self.machine.cut()

    def slot(self) -> str:
        return self.ask("cat /run/autodialer-card/slot")

    def slots(self) -> dict[str, str]:
        told = self.ask("/usr/lib/autodialer-card/card_slots.py show")
        return dict(line.split("=", 1) for line in told.splitlines())

    def ready(self, seconds: float = 600.0) -> float:
        return self.machine.until(
            "the box is up",
            lambda: self.ask("systemctl is-active autodialer.service", check=False) == "active",
            seconds,
        )

    def verified(self) -> str:
        """Ledger whole; nobody dialled whom it had not authorised, nobody twice."""
        told = self.ask("autodialer ledger verify")
        rows = [
            json.loads(line)
            for line in self.ask("cat /var/lib/autodialer/ledger/*.jsonl").splitlines()
        ]
        authorised = sum(row["kind"] == "call.authorised" for row in rows)
        dialled = self.machine.dialled()
        twice = sorted({number for number in dialled if dialled.count(number) > 1})
        if twice:
            raise Failed(f"dialled twice: {twice}")
        if len(dialled) > authorised:
            raise Failed(f"{len(dialled)} dialled, {authorised} authorised")
        return f"{told.split(',')[0]}, {authorised} authorised, {len(dialled)} dialled"

    def bench(self) -> None:
        """A simulated modem inside, whose network tells outside what it sees."""
        scenario = json.dumps(
            [
                {
                    "number": _number(n),
                    "behaviour": {
                        "answer": {"keys": [{"key": "1", "heard": 1.0}], "patience": 600}
                    },
                }
                for n in range(1, PEOPLE + 1)
            ]
        )
        self.machine.run("cat >/run/scenario.yaml", given=scenario)
        # The simulator writes no device; what it saw goes out line by line.
        self.machine.run(
            "systemctl reset-failed modems carrier 2>/dev/null; "
            "systemd-run --quiet --unit=modems --uid=autodialer --gid=autodialer "
            f"--property=RuntimeDirectory=modems {PROGRAM} simulate --lines=1 --link=/run/modems "
            "--scenario=/run/scenario.yaml --log=/run/modems/network.jsonl; "
            "systemd-run --quiet --unit=carrier sh -c 'exec tail -n +1 -F "
            f"/run/modems/network.jsonl >/dev/virtio-ports/{NETWORK_PORT} 2>/dev/null'"
        )
        self.machine.until(
            "the simulated modem",
            lambda: (
                self.machine.run("test -e /run/modems/line-1.audio", check=False).returncode == 0
            ),
            300,
        )

    # --- the steps ---

    def loader(self) -> str:
        """The real U-Boot on each state of the sectors chooses what its stand-in chooses."""
        return card_loader.compared(self.place, self.uboot, torn=self.chance.random)

    def flashed(self) -> str:
        """Nothing on the boot partition: the box waits, and no port is open."""
        self.machine.start(at=self.now())
        self.machine.until(
            "the box's note on the boot partition",
            lambda: _quiet(lambda: "README.txt" in self.card.names("autodialer")),
            900,
        )
        time.sleep(20)
        answered = self.machine.run("true", check=False, seconds=90).returncode == 0
        self.machine.cut()
        if answered:
            raise Failed("a login was possible without a key")
        names = sorted(self.card.names("autodialer"))
        return f"waits, sshd does not run; it wrote {', '.join(names)}"

    def keyed(self) -> str:
        """With a key on the boot partition there is sshd, and what the root is can be asked."""
        self.card.write("autodialer/ssh.pub", self.key.with_suffix(".pub").read_text())
        took = self.on()
        told = {
            name: self.ask(command, check=False) for name, command in card_root.COMMANDS.items()
        }
        (self.place / "root.json").write_text(json.dumps(told, indent=1))
        faults = card_root.faults(told)
        scores = card_root.exposures(told["security"])
        running = [line.split()[0] for line in told["running"].splitlines()]
        print(
            "exposure of what runs: "
            + ", ".join(f"{unit} {scores[unit]}" for unit in sorted(running) if unit in scores)
        )
        if faults:
            raise Failed("; ".join(faults))
        host = told["machine"].split()[-1]
        return f"{host} answers after {took:.0f} s; {len(card_root.JUDGES)} checks of the root hold"

    def provisioned(self) -> str:
        """The folder on the boot partition, put there with the card in a computer."""
        self.off()
        for name, source in _folder(self.place / "folder").items():
            self.card.put(source, f"autodialer/{name}")
        # What the box has said of an empty folder.
        with contextlib.suppress(Failed):
            self.card.remove("autodialer/RESULT.txt")
        self.on()
        self.machine.until(
            "the folder was taken",
            lambda: "RESULT.txt" in self.ask("ls /boot/firmware/autodialer"),
            900,
        )
        self.ready()
        told = self.ask("cat /boot/firmware/autodialer/RESULT.txt")
        if "APPLIED" not in told or f"{PEOPLE} new people" not in told:
            raise Failed(f"RESULT.txt: {told[:300]}")
        return "; ".join(line.strip("- ") for line in told.splitlines()[2:5])

    def timed(self) -> str:
        """From the kernel to the watched stop and to READY; and without the box."""
        self.off()
        with_box = self._times()
        self.off()
        masks = " ".join(f"systemd.mask={unit}" for unit in BOXES_OWN.split())
        self.kernel(masks)
        without = self._times()
        self.off()
        self.kernel("")
        self.on()
        basis = without["multi-user.target"]
        stop, ready = with_box["autodialer-supervisor.service"], with_box["autodialer.service"]
        return (
            f"stop watched after {stop:.0f} s, READY after {ready:.0f} s; the same root without "
            f"the box is up after {basis:.0f} s: {stop / basis:.2f} and {ready / basis:.2f} of it"
        )

    def _times(self) -> dict[str, float]:
        self.on()
        self.machine.until(
            "start is over",
            lambda: self.ask("systemctl is-system-running", check=False) in ("running", "degraded"),
            900,
        )
        found = {}
        for unit in ("autodialer-supervisor.service", "autodialer.service", "multi-user.target"):
            told = self.ask(f"systemctl show -P ActiveEnterTimestampMonotonic {unit}")
            found[unit] = int(told or 0) / 1e6
        return found

    def calls(self) -> str:
        """Calls to their end, in the unit's sandbox, on the emulated machine."""
        self.bench()
        took = self.machine.until("two people were called", lambda: self._ended() >= 2, 1200)
        return f"{took:.0f} s; {self.verified()}; outcomes {self._outcomes()}"

    def _ended(self) -> int:
        return int(self.ask("cat /var/lib/autodialer/ledger/*.jsonl | grep -c call.ended || true"))

    def _outcomes(self) -> str:
        rows = self.ask(
            r"cat /var/lib/autodialer/ledger/*.jsonl | grep -o '\"outcome\":\"[a-z_]*\"' || true"
        )
        names = [row.split('"')[3] for row in rows.splitlines()]
        return ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))

    def stopped(self) -> str:
        """The stop, and that it is latched across a cut."""
        self.machine.run("autodialer stop", check=False)
        self.machine.until("stopped", self._latched, 120)
        self.machine.cut()
        self.on()
        self.ready()
        self.bench()
        self.machine.until("still stopped after the cut", self._latched, 120)
        before = len(self.machine.dialled())
        time.sleep(30)
        if len(self.machine.dialled()) != before:
            raise Failed("it dialled though it was stopped")
        self.machine.run("autodialer reset --by Bench --reason 'the trial goes on'")
        return "latched across a cut, reset by a name"

    def _latched(self) -> bool:
        told = self.ask("autodialer status --json", check=False)
        with contextlib.suppress(ValueError, AttributeError):
            return bool(json.loads(told).get("stopped"))
        return False

    def updated(self) -> str:
        """A whole update on a stick, plugged into the running box: written, tried, confirmed."""
        before = self.slot()
        took = self._by_stick(self.update, before)
        after = self.slot()
        self.ready()
        self.machine.until("confirmed", lambda: self.slots()["confirmed"] == after, 900)
        return f"{before} -> {after} after {took:.0f} s, confirmed; {self.verified()}"

    def _by_stick(self, bundle: Path, before: str) -> float:
        """Plug in, touch nothing; return how long it took until another root answered."""
        size = (bundle.stat().st_size >> 20) + 64
        made = stick(self.place / "stick.img", {"autodialer/update/new.raucb": bundle}, size)
        self.machine.plug(made)
        took = self.machine.until(
            "the update is tried", lambda: self._slot_now() not in ("", before), 2400
        )
        self.machine.unplug()
        return took

    def _slot_now(self) -> str:
        """Return the slot that runs, or nothing while the computer is between two."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = self.machine.run("cat /run/autodialer-card/slot", check=False, seconds=60)
            return done.stdout.strip()
        return ""

    def _by_rauc(self, bundle: Path) -> None:
        """As a technician does it, by SSH."""
        self._mounted({"bundles/new.raucb": bundle})
        self.machine.run("rauc install /run/stick/bundles/new.raucb", seconds=3000)
        self._unmounted()

    def _mounted(self, files: dict[str, Path]) -> None:
        """Plug in a stick on which the box looks for nothing, and mount it by hand."""
        size = sum(file.stat().st_size for file in files.values()) >> 20
        self.machine.plug(stick(self.place / "stick.img", files, size + 64))
        self.machine.until(
            "the stick is there",
            lambda: self.machine.run("test -b /dev/sda", check=False).returncode == 0,
            120,
        )
        self.machine.run("mkdir -p /run/stick && mount -o ro /dev/sda /run/stick")

    def _unmounted(self) -> None:
        self.machine.run("umount /run/stick", check=False)
        self.machine.unplug()

    def _restart(self) -> None:
        self.machine.run("systemctl reboot", check=False)
        time.sleep(5)
        self.machine.answers(900)

    def broken(self) -> str:
        """A signed update whose box never comes up returns by itself."""
        before = self.slot()
        self._by_stick(_spoilt(self.work, self.place, "box"), before)
        took = self.machine.until(
            f"slot {before} runs again", lambda: self._slot_now() == before, 3000
        )
        if self.machine.run("test -e /run/autodialer-card/returned", check=False).returncode:
            raise Failed("nothing tells that the update did not hold")
        self.ready()
        doctor = self.ask("autodialer doctor", check=False)
        row = next((line for line in doctor.splitlines() if "update" in line), "no row in doctor")
        return f"{before} back {took:.0f} s after it was tried; {' '.join(row.split())[:90]}"

    def kernel_dead(self) -> str:
        """A signed update whose system cannot even start: the kernel gives up, the old one runs."""
        before = self.slot()
        self._by_rauc(_spoilt(self.work, self.place, "init"))
        self._restart()
        if self.slot() != before:
            raise Failed(f"{self.slot()} runs")
        state = self.slots()
        if state["tried"] in ("none", before):
            raise Failed(f"it was not even tried: {state}")
        return f"{state['tried']} was tried, {before} runs"

    def refused(self) -> str:
        """Bundles that are no good: nothing of the running card changes."""
        bad = _bad_bundles(self.work, self.place, self.update)
        self._mounted({f"bundles/{name}.raucb": file for name, file in bad.items()})
        said = []
        for name in bad:
            before = self.slots()
            done = self.machine.run(
                f"rauc install /run/stick/bundles/{name}.raucb", check=False, seconds=900
            )
            after = self.slots()
            if done.returncode == 0:
                raise Failed(f"{name} was taken")
            if after["confirmed"] != before["confirmed"] or after["trial"] != "none":
                raise Failed(f"{name} changed what boots: {before} -> {after}")
            last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1]
            said.append(f"{name} ({last.split(': ', 1)[-1][:60]})")
        self._unmounted()
        return "refused: " + "; ".join(said)

    def full(self) -> str:
        """A full data partition: the box comes up, and calls nobody."""
        self.machine.run(
            "df --output=avail -B1M /data | tail -1; "
            "fallocate -l $(($(df --output=avail -B1 /data | tail -1) - 65536)) /data/filler",
            check=False,
        )
        self.machine.cut()
        before = len(self.machine.dialled())
        self.on()
        self.ready()
        self.bench()
        time.sleep(60)
        new = len(self.machine.dialled()) - before
        doctor = self.ask("autodialer doctor", check=False)
        self.machine.run("rm /data/filler")
        if new:
            raise Failed(f"{new} people were called from a full card")
        row = next((line for line in doctor.splitlines() if "storage" in line), "")
        if not row:
            raise Failed("doctor does not tell")
        return f"up, nobody called; doctor: {' '.join(row.split())[:90]}"

    def hostile(self) -> str:
        """The boot partition full of what no box expects: it is refused, told, and the box runs."""
        if not self.machine.on:
            self.on()
        before = self.ask("sha256sum /etc/autodialer/config.yaml")
        self.off()
        lying = _hostile_files(self.card, self.place / "hostile")
        self.on()
        self.ready()
        told = self.ask("cat /boot/firmware/autodialer/RESULT.txt")
        after = self.ask("sha256sum /etc/autodialer/config.yaml")
        mount = self.ask("findmnt -n -o OPTIONS /boot/firmware")
        self.off()
        for name in self.card.names("autodialer"):
            if name != "ssh.pub":
                self.card.remove(f"autodialer/{name}")
        if "REFUSED" not in told:
            raise Failed(f"RESULT.txt: {told[:200]}")
        if after != before:
            raise Failed("the configuration changed")
        said = [line.strip("- ") for line in told.splitlines() if line.startswith("- ")]
        return f"{lying}; up, refused, {len(said)} reasons, the first: {said[0][:90]}; {mount[:2]}"

    def twin(self) -> str:
        """Another card of the same make in a USB reader: nothing of it is taken for this one."""
        if not self.machine.on:
            self.on()
        copy = self.place / "twin.img"
        subprocess.run(["cp", "--sparse=always", str(self.card.file), str(copy)], check=True)
        try:
            self.machine.plug(copy)
            self.machine.until(
                "the other card is there",
                lambda: self.machine.run("test -b /dev/sda4", check=False).returncode == 0,
                120,
            )
            self._taken_for_its_own("plugged into the running box")
            digest = _digest(copy)
            self.machine.run("rauc status mark-good")
            self._restart()
            self.ready()
            self._taken_for_its_own("there at the start")
            if _digest(copy) != digest:
                raise Failed("something was written onto the other card")
        finally:
            self.machine.unplug()
            copy.unlink()
        return "sectors, slots and boot partition are the card's own, also after a start beside it"

    def _taken_for_its_own(self, when: str) -> None:
        self.machine.run("udevadm settle", check=False)
        links = self.ask("readlink -f /dev/autodialer-card/1 /dev/autodialer-card/4").split()
        names = self.ask("readlink -f /dev/disk/by-partuuid/*-02", check=False)
        mounted = self.ask("findmnt -n -o SOURCE /boot/firmware")
        slots = self.ask("rauc status --output-format=shell | grep RAUC_SLOT_DEVICE", check=False)
        if any("sd" in one for one in (*links, mounted)) or "sd" in slots:
            raise Failed(f"{when}: {links}, {mounted}, {slots}")
        print(f"  {when}: /dev/disk/by-partuuid says {names}, the card's own links {links}")

    def clock_1970(self) -> str:
        """No clock: the box is up and calls nobody."""
        if self.machine.on:
            self.off()
        before = len(self.machine.dialled())
        self.machine.start(at=datetime(1970, 1, 1, tzinfo=UTC))
        self.machine.answers(900)
        self.ready()
        self.bench()
        time.sleep(45)
        if len(self.machine.dialled()) != before:
            raise Failed("it dialled without a clock")
        told = self.ask("autodialer clock", check=False).splitlines()
        year = self.ask("date +%Y")
        self.off()
        return f"up, system clock of {year}, nobody called; {told[0][:80] if told else ''}"

    def no_data(self) -> str:
        """The data partition beyond repair: up, no state begun anew, nobody called."""
        if self.machine.on:
            self.off()
        kept = self.place / "kept.img"
        subprocess.run(["cp", "--sparse=always", str(self.card.file), str(kept)], check=True)
        start, size = card_loader.partition(self.card.file, 4)
        with self.card.file.open("r+b") as file:
            file.seek(start)
            file.write(os.urandom(min(size, 64 << 20)))
        before = len(self.machine.dialled())
        try:
            self.on()
            self.ready()
            missing = self.machine.run("test -e /run/autodialer-card/data-missing", check=False)
            watched = self.ask("systemctl is-active autodialer-supervisor.service", check=False)
            status = json.loads(self.ask("autodialer status --json", check=False) or "{}")
            refused = self.machine.run("autodialer resume", check=False).returncode
            told = self.ask("cat /boot/firmware/autodialer/RESULT.txt", check=False)
        finally:
            self.machine.cut()
            shutil.move(kept, self.card.file)
        if missing.returncode:
            raise Failed("a state was begun anew on a destroyed partition")
        if len(self.machine.dialled()) != before:
            raise Failed("it dialled without its state")
        lamp = status.get("lamps", {}).get("fault")
        if watched != "active" or lamp != "1 flash" or not status.get("safe_mode") or not refused:
            raise Failed(f"supervisor {watched}, lamp {lamp}, resume {refused}, {status}")
        if "data partition" not in told:
            raise Failed(f"the boot partition says: {told[:200]}")
        return f"up without a state, nobody called; fault lamp {lamp}; told on the boot partition"

    def frozen(self) -> str:
        """The computer is halted at random moments of its calls, and what lies on the card at that
        instant is copied; the copy is repaired and read as a boot would, which takes no minutes.
        """
        with contextlib.suppress(Failed):
            self.bench()
        rows = dialled = 0
        for number in range(1, self.cuts + 1):
            time.sleep(self.chance.uniform(0.2, 9.0))
            seen, copy = self.machine.halted(self.place / "halted.ext4", *self._data())
            try:
                rows, authorised = _data_after_cut(copy, self.place / "mounted")
            except Failed as problem:
                raise Failed(f"cut {number}: {problem}") from None
            dialled = len(seen)
            if dialled > authorised or len(set(seen)) != dialled:
                raise Failed(f"cut {number}: {authorised} authorised, dialled {seen}")
            if card_loader.read(self.card.file)["confirmed"] not in ("A", "B"):
                raise Failed(f"cut {number}: nothing would boot")
        return (
            f"{self.cuts} cuts: the file system heals, the ledger verifies (at last {rows} rows), "
            f"nobody of {dialled} was dialled before it was on the card, nobody twice"
        )

    def _data(self) -> tuple[int, int]:
        return card_loader.partition(self.card.file, 4)

    def cut(self) -> str:
        """The plug, at random moments of boot, calls and update; each time it comes up again."""
        if not self.machine.on:
            self.on()
        where: dict[str, int] = {}
        slowest = 0.0
        for number in range(1, self.cuts + 1):
            kind = self.chance.choice(["boot", "boot", "calls", "calls", "update"])
            where[kind] = where.get(kind, 0) + 1
            after = self._until_cut(kind)
            self.machine.cut()
            took = self.on()
            slowest = max(slowest, took)
            self.ready()
            print(
                f"  cut {number:2} in {kind} after {after:5.1f} s: up again in {took:.0f} s, slot "
                f"{self.slot()}; {self.verified()}",
                flush=True,
            )
        return f"{self.cuts} cuts ({where}), slowest return {slowest:.0f} s; {self.verified()}"

    def first_cut(self) -> str:
        """The plug, twice at random moments of a first boot with a folder, cards made anew."""
        self.machine.cut()
        cards = max(self.cuts // 6, 1)
        slowest, told = 0.0, ""
        for number in range(1, cards + 1):
            place = self.place / "first"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            fresh = Story(place, self.update.with_suffix(".img"), self.update, number, 0)
            try:
                after, took, told = fresh.first_boot_cut(self.chance.sample(range(4, 150), 2))
            finally:
                fresh.machine.cut()
            slowest = max(slowest, took)
            print(f"  card {number}, cut after {after}: {told}", flush=True)
        return f"{cards} cards, {2 * cards} cuts: each took its folder once; {told}"

    def first_boot_cut(self, after: list[int]) -> tuple[list[int], float, str]:
        """Return the seconds after which the plug was pulled, those of the last boot, the end."""
        self.card.write("autodialer/ssh.pub", self.key.with_suffix(".pub").read_text())
        for name, source in _folder(self.place / "folder").items():
            self.card.put(source, f"autodialer/{name}")
        for seconds in after:
            self.machine.start(at=self.now())
            time.sleep(seconds)
            self.machine.cut()
        took = self.on()
        self.machine.until(
            "the folder was taken",
            lambda: "APPLIED" in self.ask("cat /boot/firmware/autodialer/RESULT.txt", check=False),
            900,
        )
        self.ready()
        verified = self.verified()
        granted = self.ask("cat /var/lib/autodialer/ledger/*.jsonl | grep -c consent.granted")
        if int(granted) != PEOPLE:
            raise Failed(f"cut after {after}: {granted} consents of {PEOPLE} people")
        return after, took, verified

    def _until_cut(self, kind: str) -> float:
        if kind == "boot":
            self.machine.cut()
            self.machine.start(at=self.now())
            after = self.chance.uniform(1, 90)
        elif kind == "calls":
            with contextlib.suppress(Failed, subprocess.TimeoutExpired):
                self.bench()
                # Cut off in a call three times within the hour, a box waits for a person.
                self.machine.run("autodialer resume", check=False)
                before = len(self.machine.dialled())
                self.machine.until("a call", lambda: len(self.machine.dialled()) > before, 400)
            after = self.chance.uniform(0, 40)
        else:
            # The cut takes the stick with it, as it takes the unfinished writing.
            with contextlib.suppress(Failed, subprocess.TimeoutExpired):
                self._mounted({"bundles/new.raucb": self.update})
                self.machine.run(
                    "systemd-run --quiet rauc install /run/stick/bundles/new.raucb", check=False
                )
            after = self.chance.uniform(2, 120)
        time.sleep(after)
        return after


def _data_after_cut(copy: Path, point: Path) -> tuple[int, int]:
    """Repair and read a data partition as the initrd does; return rows and authorised calls."""
    healed = subprocess.run(
        ["e2fsck", "-p", str(copy)], capture_output=True, text=True, check=False
    )
    if healed.returncode >= 4:
        raise Failed(f"e2fsck: {healed.stdout[-200:]}")
    point.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop,ro", str(copy), str(point)], check=True)
    try:
        ledger = point / "state" / "ledger"
        verified = subprocess.run(
            [sys.executable, str(ROOT / "docs/verify_ledger.py"), str(ledger)],
            capture_output=True,
            text=True,
            check=False,
        )
        text = "".join(file.read_text("utf-8", "replace") for file in ledger.glob("*.jsonl"))
    finally:
        subprocess.run(["umount", str(point)], check=True)
    whole = text[: text.rfind("\n") + 1]
    if verified.returncode and text == whole:
        raise Failed(f"the ledger: {verified.stdout[-200:]}{verified.stderr[-200:]}")
    # A torn last line is what a cut may leave, and what a start cuts off.
    kinds = [json.loads(line)["kind"] for line in whole.splitlines()]
    return len(kinds), kinds.count("call.authorised")


def _number(n: int) -> str:
    return f"+3363998{n:04d}"


def _digest(file: Path) -> str:
    told = subprocess.run(["sha256sum", str(file)], capture_output=True, text=True, check=True)
    return told.stdout.split()[0]


def _hostile_files(card: Card, place: Path) -> str:
    """Lay onto the boot partition what no box expects; returns what it was."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    many = []
    for number in range(1000):
        many.append(place / f"{number:04d} {'é' * (number % 40)};$(reboot).txt")
        many[-1].write_text("x\n")
    card.put_all(many, "autodialer")
    huge = place / "huge"
    huge.write_bytes(b"\xff" * (20 << 20))
    for name in ("config.yaml", "manifest.json", "ssh.pub.bak"):
        card.put(huge, f"autodialer/{name}")
    for name in (
        "..hidden",
        "-rf",
        "contacts.csv -@ shadow",
        "clips.lnk",
        "\u202egpj.xslx",
        "con_",
    ):
        card.write(f"autodialer/{name}", "!<symlink>/etc/shadow\n")
    card.write("autodialer/contacts.csv", "number\n")
    card.enlarge("CONTACTSCSV", 0xFFFFFFFF)
    deep = "autodialer/clips"
    for level in range(30):
        card.folder(deep)
        deep = f"{deep}/{level}"
    return "1,000 files, 60 MB of no configuration, 30 folders deep, one of 4 GB that is a line"


def _quiet(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except Failed:
        return False


def _folder(place: Path) -> dict[str, Path]:
    """What a team lays into ``autodialer/``: a bench's configuration, its clips, its people."""
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    settings["box"]["state"] = "/var/lib/autodialer"
    settings["campaign"]["clips"] = {"fr": settings["campaign"]["clips"]["fr"]}
    clips = place / "clips"
    clips.mkdir(parents=True)
    for role, file in settings["campaign"]["clips"]["fr"].items():
        name = Path(file).name
        shutil.copyfile(ROOT / file, clips / name)
        settings["campaign"]["clips"]["fr"][role] = f"clips/{name}"
    line = settings["lines"][0]
    line |= {"port": "/run/modems/line-1.at", "audio": "/run/modems/line-1.audio"}
    line["emergency_port"] = "/run/modems/line-1.at2"
    settings["lines"] = [line]
    # The emulated computer's own clock, which the kernel reads at boot.
    settings["clock"] = {"sources": ["rtc"]}
    (place / "config.yaml").write_text(
        yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), "utf-8"
    )
    rows = [
        f"{_number(n)},P,fr,Europe/Paris,neighbourhood-news,2027-01-15,form,form 1,"
        "mon-fri 18:00-20:00,\n"
        for n in range(1, PEOPLE + 1)
    ]
    (place / "contacts.csv").write_text(
        "number,name,language,timezone,purpose,consent_given_at,consent_source,"
        "consent_evidence,windows,valid_until\n" + "".join(rows)
    )
    return {name: place / name for name in ("config.yaml", "contacts.csv", "clips")}


def _spoilt(work: Path, place: Path, what: str) -> Path:
    """Return a rightly signed update whose box, or whose system, does not come up."""
    make = card_loader.recipe()
    slot = place / f"{what}.ext4"
    subprocess.run(["cp", "--sparse=always", str(work / "root.ext4"), str(slot)], check=True)
    point = place / "spoil"
    point.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(slot), str(point)], check=True)
    try:
        if what == "init":
            (point / "usr/lib/systemd/systemd").unlink()
        else:
            library = point / "usr/lib/autodialer/current/lib/appliance/cli"
            (library / "run.py").write_text("raise RuntimeError('spoilt on purpose')\n")
            for compiled in library.glob("__pycache__/run.*"):
                compiled.unlink()
            timer = point / "etc/systemd/system/autodialer-card-deadline.timer.d"
            timer.mkdir()
            (timer / "bench.conf").write_text("[Timer]\nOnBootSec=\nOnBootSec=100s\n")
    finally:
        subprocess.run(["umount", str(point)], check=True)
    return Path(make.bundle(_wanted(make, work), slot, place / f"{what}.raucb", f"spoilt-{what}"))


def _bad_bundles(work: Path, place: Path, good: Path) -> dict[str, Path]:
    make = card_loader.recipe()
    strangers = place / "strangers"
    make.keys(strangers)
    tiny = place / "tiny.ext4"
    # Not zeros: what is packed into a single block rauc does not take.
    tiny.write_bytes(random.Random(1).randbytes(1 << 20))
    wanted = _wanted(make, work)
    bad = {
        "stranger": make.bundle(wanted, tiny, place / "stranger.raucb", "1", signer=strangers),
        "other": make.bundle(wanted, tiny, place / "other.raucb", "1", "somebody-elses-machine"),
    }
    with good.open("rb") as file:
        head = file.read(8 << 20)
    (place / "torn.raucb").write_bytes(head)
    (place / "garbage.raucb").write_bytes(b"\xa5" * (1 << 20))
    (place / "empty.raucb").write_bytes(b"")
    flipped = bytearray(good.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    (place / "flipped.raucb").write_bytes(flipped)
    for name in ("torn", "garbage", "empty", "flipped"):
        bad[name] = place / f"{name}.raucb"
    return bad


def _wanted(make: Any, work: Path) -> Any:
    return make.Wanted(*work.name.split("-"), "", Path(), 0, None, BUILD / "keys")


STEPS = (
    "loader",
    "flashed",
    "keyed",
    "provisioned",
    "timed",
    "calls",
    "stopped",
    "updated",
    "broken",
    "kernel_dead",
    "refused",
    "full",
    "hostile",
    "twin",
    "clock_1970",
    "no_data",
    "frozen",
    "cut",
    "first_cut",
)


NEED_A_COMPUTER_THAT_IS_ON = frozenset(
    ("calls", "stopped", "updated", "broken", "kernel_dead", "refused", "full", "frozen")
)


def main() -> int:
    """Run the story; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", default="bookworm", choices=["bookworm", "trixie"])
    parser.add_argument("--only", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--cuts", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder to work in, which stays")
    parser.add_argument("--go-on", action="store_true", help="with the card that lies in --keep")
    arguments = parser.parse_args()
    missing = required()
    if missing or os.geteuid() != 0:
        print(f"card: needs root and {', '.join(missing) or 'nothing else'}", file=sys.stderr)
        return 1
    made = BUILD / f"autodialer-{arguments.release}-arm64.img"
    if not made.exists():
        print(f"card: no {made.name}: make image RELEASE={arguments.release}", file=sys.stderr)
        return 1
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="card-"))
    place.mkdir(parents=True, exist_ok=True)
    image = place / "card.img" if arguments.go_on else made
    story = Story(place, image, made.with_suffix(".raucb"), arguments.seed, arguments.cuts)
    steps = []
    try:
        for name in [name for name in STEPS if name in arguments.only]:
            began = time.monotonic()
            detail = fault = ""
            try:
                if name in NEED_A_COMPUTER_THAT_IS_ON and not story.machine.on:
                    story.on()
                    story.ready()
                detail = getattr(story, name)()
            except (Failed, subprocess.SubprocessError, OSError, ValueError) as problem:
                fault = f"{type(problem).__name__}: {problem}"
            steps.append(Step(name, time.monotonic() - began, detail, fault))
            mark = "FAULT " + fault if fault else detail
            print(f"{name:14}{steps[-1].seconds:8.1f} s  {re.sub(chr(10), ' ', mark)}", flush=True)
    finally:
        story.machine.cut()
        if arguments.keep is None:
            shutil.rmtree(place, ignore_errors=True)
    failed = [step.name for step in steps if step.fault]
    print(
        f"{len(steps) - len(failed)} of {len(steps)} steps held"
        + "".join(f"; not {name}" for name in failed)
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
