"""A card with two roots in a folder: the real rauc writes files, and a shell script boots them.

The script is rauc's custom backend. It does what the card's bootloader does with its two sectors: a
slot that was written gets one try, a slot that was confirmed is never counted down.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.control.protocol import ControlServer
from appliance.errors import Refused
from appliance.update.box import BoxSeen
from appliance.update.carry_out import Places, Updater
from appliance.update.rauc import Rauc

COMPATIBLE = "autodialer-card-1-test"
NEEDED = ("rauc", "dbus-daemon", "openssl", "mksquashfs")
_BACKEND = """#!/bin/sh
cd {root}/sectors
case "$1" in
    get-primary) cat primary ;;
    set-primary) echo "$2" > primary; test "$(cat state-$2)" = good || echo trial > state-$2 ;;
    get-state) case "$(cat state-$2)" in bad) echo bad ;; *) echo good ;; esac ;;
    set-state) echo "$3" > state-$2 ;;
esac
"""
_SYSTEM = """
[system]
compatible={compatible}
bootloader=custom
bundle-formats=plain verity
mountprefix={root}/mount
statusfile={root}/rauc.status

[keyring]
path={root}/keys/ours.cert

[handlers]
bootloader-custom-backend={root}/backend

[slot.rootfs.0]
device={root}/A
type=raw
bootname=A

[slot.rootfs.1]
device={root}/B
type=raw
bootname=B
"""
SLOT_BYTES = 1 << 20


def unusable() -> str:
    """Say why the real rauc cannot be tried here; empty where it can."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        return "needs root and loop devices: rauc mounts a bundle to write it"
    return ""


class FakeBox:
    """What a box answers at its socket. Its mode and its calls are set by the test."""

    def __init__(self, state: Path) -> None:
        self.mode = "running"
        self.calls = [0]
        """How many calls are up at each question; the last one stays."""
        self.asked: list[str] = []
        state.mkdir()
        self._server = ControlServer(state, self._answer)
        self._server.start()

    def close(self) -> None:
        self._server.close()

    def _answer(self, operation: str, _arguments: dict[str, Any]) -> Any:
        self.asked.append(operation)
        if operation == "status":
            safe = "" if self.mode == "running" else "why"
            return {"running": self.mode == "running", "safe_mode": safe, "mode": self.mode}
        if operation == "update.hold":
            return {"calls": self.calls.pop(0) if len(self.calls) > 1 else self.calls[0]}
        if operation == "update.release":
            return {"anew": True}
        raise Refused(f"{operation} is not an operation", "")


class Card:
    """One card. ``boot()`` is what the bootloader does; ``stick`` is plugged in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places = Places(
            notes=root / "data/update",
            boot=root / "boot",
            card=root / "run/autodialer-card",
            told=root / "run/autodialer-update",
        )
        self.stick = root / "stick"
        for folder in ("keys", "sectors", "boot/autodialer", "run", "stick/autodialer/update"):
            (root / folder).mkdir(parents=True)
        (root / "data").mkdir()
        for slot in "AB":
            with (root / slot).open("wb") as file:
                file.truncate(SLOT_BYTES)
            (root / "sectors" / f"state-{slot}").write_text("good" if slot == "A" else "bad")
        (root / "sectors/primary").write_text("A")
        for who in ("ours", "theirs"):
            self.make_key(who)
        (root / "backend").write_text(_BACKEND.format(root=root))
        (root / "backend").chmod(0o755)
        (root / "system.conf").write_text(_SYSTEM.format(root=root, compatible=COMPATIBLE))
        self.box = FakeBox(root / "state")
        self.doctor = "[]"
        self.supervisor = "true"
        self.restarts = 0
        self.now = 0.0
        self.slot = ""
        self._service: subprocess.Popen[bytes] | None = None
        self._bus: subprocess.Popen[bytes] | None = None
        self._address = ""
        self._loop = ""

    # --- what is made on another computer --------------------------------------------------------

    def make_key(self, who: str, *, begins: str = "20200101000000Z") -> None:
        """A key and its certificate, valid from *begins* on."""
        keys = self.root / "keys"
        (keys / "index").write_text("")
        (keys / "ca.conf").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={keys}/index\nnew_certs_dir={keys}\nrand_serial=yes\n"
            "default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n"
            "[e]\nbasicConstraints=CA:TRUE\n"
        )
        key, request = keys / f"{who}.key", keys / f"{who}.csr"
        words = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        words += ["-subj", f"/CN={who}", "-keyout", str(key), "-out", str(request)]
        subprocess.run(["openssl", *words], check=True, capture_output=True)
        words = ["ca", "-batch", "-selfsign", "-notext", "-config", str(keys / "ca.conf")]
        words += ["-startdate", begins, "-enddate", "20990101000000Z", "-keyfile", str(key)]
        words += ["-in", str(request), "-out", str(keys / f"{who}.cert")]
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def end_slot_b(self) -> None:
        """Give slot B an end, as a partition has one: a file would grow."""
        words = ["losetup", "--find", "--show", str(self.root / "B")]
        self._loop = subprocess.run(
            words, check=True, capture_output=True, text=True
        ).stdout.strip()
        file = self.root / "system.conf"
        file.write_text(file.read_text().replace(f"device={self.root}/B", f"device={self._loop}"))
        self.boot()

    def bundle(
        self,
        name: str = "new.raucb",
        *,
        version: str = "2.0.0",
        build: str = "state-format=1",
        compatible: str = COMPATIBLE,
        key: str = "ours",
        size: int = 1 << 19,
        layout: str = "plain",
    ) -> Path:
        """Make a bundle and lay it onto the stick."""
        content = self.root / "content"
        content.mkdir()
        (content / "rootfs.img").write_bytes(os.urandom(size))
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible}\nversion={version}\nbuild={build}\n\n"
            f"[bundle]\nformat={layout}\n\n[image.rootfs]\nfilename=rootfs.img\n"
        )
        target = self.stick / "autodialer/update" / name
        keys = self.root / "keys"
        words = ["rauc", f"--cert={keys / key}.cert", f"--key={keys / key}.key", "bundle"]
        done = subprocess.run(
            [*words, str(content), str(target)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        shutil.rmtree(content)
        return target

    # --- the computer ----------------------------------------------------------------------------

    def boot(self) -> None:
        """Start the computer: the bootloader chooses, and says so."""
        self.off()
        sectors, run = self.root / "sectors", self.places.card
        shutil.rmtree(self.root / "run")
        run.mkdir(parents=True)
        slot = (sectors / "primary").read_text().strip()
        state = (sectors / f"state-{slot}").read_text().strip()
        if state == "trial":
            (sectors / f"state-{slot}").write_text("tried")
            (run / "trial").touch()
        elif state != "good":
            slot = "A" if slot == "B" else "B"
            (sectors / "primary").write_text(slot)
        other = "A" if slot == "B" else "B"
        if (sectors / f"state-{other}").read_text().strip() == "tried":
            # At each start, until somebody marks that slot.
            (run / "returned").touch()
        (run / "slot").write_text(f"{slot}\n")
        self.slot, self.now = slot, 15.0
        self._start_rauc(slot)

    def _start_rauc(self, slot: str) -> None:
        bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert bus.stdout is not None
        self._bus, self._address = bus, bus.stdout.readline().decode().strip()
        words = ["rauc", "-c", str(self.root / "system.conf"), f"--override-boot-slot={slot}"]
        with (self.root / "rauc.log").open("ab") as log:
            self._service = subprocess.Popen(
                [*words, "service"], env=self._environment(), stdout=log, stderr=log
            )
        until = time.monotonic() + 20
        while "de.pengutronix.rauc" not in self._names():
            assert time.monotonic() < until, "rauc's service does not come up"
            time.sleep(0.05)

    def _names(self) -> str:
        words = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"]
        return subprocess.run(
            [*words, "org.freedesktop.DBus.ListNames"],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DBUS_STARTER_BUS_TYPE": "session",
            "DBUS_SESSION_BUS_ADDRESS": self._address,
        }

    def off(self) -> None:
        """Pull the plug: rauc dies where it stands."""
        for process in (self._service, self._bus):
            if process is not None:
                process.send_signal(signal.SIGKILL)
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
        self._service = self._bus = None
        subprocess.run(
            ["umount", "--lazy", str(self.root / "mount/bundle")], capture_output=True, check=False
        )

    def close(self) -> None:
        self.off()
        self.box.close()
        if self._loop:
            subprocess.run(["losetup", "--detach", self._loop], check=False)

    @contextmanager
    def updater(self) -> Iterator[Updater]:
        """The updater of the system that runs."""
        script = self.root / "rauc"
        environment = " ".join(
            f"{name}={self._environment()[name]}"
            for name in ("DBUS_STARTER_BUS_TYPE", "DBUS_SESSION_BUS_ADDRESS")
        )
        config = self.root / "system.conf"
        script.write_text(
            f'#!/bin/sh\ncase "$1" in info) set -- -c {config} "$@" ;; esac\n'
            f'exec env {environment} rauc "$@"\n'
        )
        script.chmod(0o755)

        def wait(seconds: float) -> None:
            self.now += seconds

        def restart() -> None:
            self.restarts += 1

        yield Updater(
            rauc=Rauc([str(script)]),
            box=BoxSeen(
                state=self.root / "state",
                supervisor=(self.supervisor,),
                doctor=("echo", self.doctor),
            ),
            restart=restart,
            places=self.places,
            wait=wait,
            uptime=lambda: self.now,
        )

    def apply(self, *, again: bool = False) -> str | None:
        """Plug the stick in; returns how the update ended, None where it restarts."""
        with self.updater() as updater:
            finding = updater.apply(self.stick, again=again)
        return None if finding is None else finding.ending.value

    def confirm(self) -> str | None:
        """Do what is due at a start."""
        with self.updater() as updater:
            finding = updater.confirm()
        return None if finding is None else finding.ending.value

    def word(self, place: str = "stick") -> str:
        """What UPDATE.txt says there."""
        file = self.root / place / "autodialer" / "UPDATE.txt"
        return file.read_text(encoding="utf-8") if file.exists() else ""
