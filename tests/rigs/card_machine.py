"""A card in an emulated computer: switched on, asked, and its plug pulled.

``qemu-system-aarch64 -M virt`` starts the U-Boot of Debian's package u-boot-qemu, which reads the
card's own boot.scr; from there on everything is the card's. What the simulated network saw leaves
by a serial channel of its own, so that it is known outside at once and survives each cut.

A cut is the end of the emulator by SIGKILL. The disk has no cache (``cache=writethrough`` tells the
guest so, and this computer's own memory outlives the emulator): what the guest had not yet written
is lost, what it had written is kept in order. A real card may also tear or reorder what its own
controller holds; that is for hardware to show.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

BOOT_AT = 4 << 20
"""Where the boot partition begins (debian/image/make.py)."""
BOOT_BYTES = 256 << 20
NETWORK_PORT = "autodialer.network"


class Failed(Exception):
    """A step did not come to what it should."""


class Card:
    """A copy of a card, as a file that any computer may open."""

    def __init__(self, image: Path, place: Path, *, size: int = 4 << 30) -> None:
        self.file = place
        if image != place:
            subprocess.run(["cp", "--sparse=always", str(image), str(place)], check=True)
            os.truncate(place, size)

    @property
    def _fat(self) -> str:
        return f"{self.file}@@{BOOT_AT}"

    def put(self, source: Path, target: str) -> None:
        """Copy a file or a folder onto the boot partition."""
        self._mtools("mcopy", "-s", "-o", "-i", self._fat, str(source), f"::{target}")

    def put_all(self, sources: list[Path], folder: str) -> None:
        """Copy many files into a folder of the boot partition."""
        self._mtools("mcopy", "-o", "-i", self._fat, *map(str, sources), f"::{folder}")

    def folder(self, path: str) -> None:
        """Make a folder on the boot partition, if it is not there."""
        with contextlib.suppress(Failed):
            self._mtools("mmd", "-D", "s", "-i", self._fat, f"::{path}")

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all in it."""
        self._mtools("mdeltree", "-i", self._fat, f"::{path}")

    def enlarge(self, short: str, size: int) -> None:
        """Let a file's entry claim *size* bytes; *short* is its name of 8 and 3 letters."""
        entry = short.encode("ascii")
        with self.file.open("r+b") as file:
            data = os.pread(file.fileno(), BOOT_BYTES, BOOT_AT)
            at = data.index(entry + b"\x20")
            os.pwrite(file.fileno(), size.to_bytes(4, "little"), BOOT_AT + at + 28)

    def write(self, target: str, text: str) -> None:
        """Write one file of the boot partition."""
        self._mtools("mcopy", "-o", "-i", self._fat, "-", f"::{target}", given=text)

    def read(self, path: str) -> str:
        """Return a file of the boot partition; raises Failed where it is not there."""
        return self._mtools("mcopy", "-n", "-i", self._fat, f"::{path}", "-")

    def names(self, folder: str) -> list[str]:
        """Return what lies in a folder of the boot partition."""
        return [
            Path(line).name
            for line in self._mtools("mdir", "-b", "-i", self._fat, f"::{folder}").splitlines()
        ]

    @staticmethod
    def _mtools(*command: str, given: str | None = None) -> str:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "MTOOLS_SKIP_CHECK": "1"},
        )
        if done.returncode:
            raise Failed(f"{' '.join(command)}: {done.stderr.strip()[-200:]}")
        return done.stdout


class Machine:
    """An emulated computer with one card in it."""

    def __init__(self, card: Path, place: Path, loader: Path, key: Path) -> None:
        self.card, self.place = card, place
        self._loader, self._key = loader, key
        self.network = place / "network.jsonl"
        self.console = place / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()

    def start(self, *, at: datetime, more: tuple[str, ...] = ()) -> None:
        """Switch on; the computer's clock says *at*."""
        assert self._process is None
        self._port = _free_port()
        with contextlib.suppress(OSError):
            self._control.unlink()
        words = [
            # One processor: where the host has none to spare, two wait for each other.
            *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-m", "1024"),
            *("-bios", str(self._loader)),
            # Its time is counted in instructions, 2 ns each, and is the same however busy
            # the host is. Else the limits of supervisor and units would judge the host.
            *("-icount", "shift=1,sleep=on"),
            *("-display", "none", "-monitor", f"unix:{self._monitor},server=on,wait=off"),
            *("-drive", f"file={self.card},format=raw,if=none,id=card,cache=writethrough"),
            *("-device", "virtio-blk-pci,drive=card"),
            *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22"),
            *("-device", "virtio-net-pci,netdev=net,romfile="),
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"file,id=network,path={self.network},append=on"),
            *("-device", f"virtserialport,chardev=network,name={NETWORK_PORT}"),
            *("-device", "i6300esb", "-action", "watchdog=reset"),
            *("-device", "qemu-xhci,id=usb"),
            *("-chardev", f"file,id=console,path={self.console},append=on"),
            *("-serial", "chardev:console", "-rtc", f"base={at:%Y-%m-%dT%H:%M:%S},clock=vm"),
        ]
        self._process = subprocess.Popen(
            [*words, *more],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            stdout=(self.place / "qemu.log").open("ab"),
            stderr=subprocess.STDOUT,
        )

    @property
    def _monitor(self) -> Path:
        return self.place / "monitor"

    def plug(self, stick: Path) -> None:
        """Put a stick into the computer that runs."""
        self._tell(
            f"drive_add 0 if=none,id=stick,format=raw,file={stick}",
            "device_add usb-storage,bus=usb.0,id=plug,drive=stick,removable=on",
        )

    def unplug(self) -> None:
        """Pull the stick out."""
        self._tell("device_del plug", "drive_del stick")

    def _tell(self, *lines: str) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(self._monitor))
            for line in ("", *lines):
                said = b""
                client.sendall(f"{line}\n".encode() if line else b"")
                while not said.endswith(b"(qemu) "):
                    more = client.recv(4096)
                    if not more:
                        break
                    said += more
                if b"Error" in said:
                    raise Failed(f"{line}: {said.decode('utf-8', 'replace')[-200:]}")
                time.sleep(0.5)

    @property
    def _control(self) -> Path:
        return self.place / "ssh"

    @property
    def on(self) -> bool:
        """Is it switched on?"""
        return self._process is not None and self._process.poll() is None

    def cut(self) -> None:
        """Pull the plug."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        subprocess.run(
            ["ssh", "-o", f"ControlPath={self._control}", "-O", "exit", "box"],
            capture_output=True,
            check=False,
        )

    def halted(self, copy: Path, start: int, size: int) -> tuple[list[str], Path]:
        """Halt the computer for a moment; return whom it had dialled and a copy of a partition."""
        # By the monitor: a stopped process' guest wakes to a clock, and a watchdog, that went on.
        self._tell("stop")
        try:
            dialled = self.dialled()
            with self.card.open("rb") as source, copy.open("wb") as target:
                target.truncate(size)
                for offset in range(0, size, 1 << 20):
                    block = os.pread(source.fileno(), min(1 << 20, size - offset), start + offset)
                    if block.strip(b"\0"):
                        os.pwrite(target.fileno(), block, offset)
        finally:
            self._tell("cont")
        return dialled, copy

    def run(
        self, command: str, *, check: bool = True, seconds: float = 300.0, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of shell inside, as root, by the key of the boot partition."""
        done = subprocess.run(
            [*self._ssh(), "root@127.0.0.1", command],
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            said = (done.stdout + done.stderr).strip()[-600:]
            raise Failed(f"{command[:100]}: exit {done.returncode}: {said}")
        return done

    def _ssh(self) -> list[str]:
        options = {
            "ControlMaster": "auto",
            "ControlPath": self._control,
            "ControlPersist": "yes",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": 60,
            "ServerAliveInterval": 30,
        }
        words = ["ssh", "-F", "/dev/null", "-i", str(self._key), "-p", str(self._port)]
        for name, value in options.items():
            words += ["-o", f"{name}={value}"]
        return words

    def send(self, source: Path, target: str) -> None:
        """Copy a file into the box."""
        with source.open("rb") as file:
            done = subprocess.run(
                [*self._ssh(), "root@127.0.0.1", f"cat >{target}"],
                stdin=file,
                capture_output=True,
                timeout=900,
                check=False,
            )
        if done.returncode:
            raise Failed(f"{source.name} to {target}: {done.stderr.decode()[-200:]}")

    def answers(self, seconds: float = 600.0) -> float:
        """Wait until a command runs inside; return the real seconds that it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if not self.on:
                raise Failed("the emulator ended by itself")
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self.run("true", check=False, seconds=90).returncode == 0:
                    return time.monotonic() - began
            time.sleep(1.0)
        raise Failed(f"no answer within {seconds:g} s: {self.last_words()}")

    def until(self, what: str, condition: Callable[[], object], seconds: float) -> float:
        """Wait for *condition*; return the real seconds that it took."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise Failed(f"not within {seconds:g} s: {what}")
            time.sleep(1.0)
        return time.monotonic() - began

    def last_words(self) -> str:
        """Return the end of the console."""
        with contextlib.suppress(OSError):
            return self.console.read_bytes()[-300:].decode("utf-8", "replace").strip()
        return ""

    def dialled(self) -> list[str]:
        """Return each number that the simulated network was asked for, in order."""
        return [str(event["number"]) for event in self._events() if event["event"] == "dialled"]

    def _events(self) -> Iterator[dict[str, object]]:
        with contextlib.suppress(OSError):
            for line in self.network.read_text("utf-8", "replace").splitlines():
                # A cut may end a line early.
                with contextlib.suppress(ValueError):
                    yield json.loads(line)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def stick(place: Path, files: dict[str, Path], mebibytes: int) -> Path:
    """Return a FAT file system with *files*, as a stick without partitions."""
    place.unlink(missing_ok=True)
    with place.open("wb") as file:
        file.truncate(mebibytes << 20)
    subprocess.run(["mkfs.vfat", "-n", "STICK", str(place)], check=True, capture_output=True)
    made: set[str] = set()
    for target, source in files.items():
        parts = Path(target).parts[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in made:
                made.add(folder)
                subprocess.run(["mmd", "-i", str(place), f"::{folder}"], check=True)
        subprocess.run(["mcopy", "-i", str(place), str(source), f"::{target}"], check=True)
    return place


def required() -> list[str]:
    """Return the programs that are missing here."""
    programs = (
        "qemu-system-aarch64",
        "mcopy",
        "mkfs.vfat",
        "ssh",
        "rauc",
        "mke2fs",
        "debugfs",
    )
    return [name for name in programs if shutil.which(name) is None]
