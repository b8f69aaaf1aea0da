"""The package on a clean system: ``make deb-boot`` installs, uses, breaks and removes it.

A root of the Debian release is made once (debootstrap, build/roots/), booted under systemd in a
container without network, and thrown away. In it the ``.deb`` alone is installed, and the box makes
simulated calls inside its unit's sandbox while it is killed, frozen, updated, taken back, removed.
Needs root, debootstrap and systemd-nspawn, and a package from ``make deb`` for this machine.

What no container shows is a real device: that drivers, udev and the header's pins work is seen on a
Raspberry Pi alone.

Long because one trial is one story: each step finds what the one before it left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROOTS = ROOT / "build" / "roots"
RELEASES = ("bookworm", "trixie")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PACKAGES = "systemd,systemd-sysv,dbus,python3,udev,tzdata,sudo,adduser,kmod,libstdc++6,zlib1g"
HOME = "/usr/lib/autodialer"
NETWORK = "/var/tmp/network.jsonl"
PEOPLE = 60
PIN = "4711"
CREDENTIAL = "credential:autodialer.sim-pin"
SPEED = 4.0
DOWN_WITHIN = 3.0
"""Real seconds until a call is down whose box died."""
MOST_A_DAY = 1 << 20
"""Bytes of journal a day in the worst loop."""

_CALLBACK = (
    "import sys; sys.path.insert(0, '{home}/current/lib'); import _cffi_backend as b; "
    "b.callback(b.new_function_type((), b.new_void_type(), 0), print); print('made')"
)


class Step(NamedTuple):
    name: str
    seconds: float
    detail: str
    fault: str


class Failed(Exception):
    """A step did not come to what it should."""


def layered(tree: Path, place: Path) -> Path:
    """Return a root below *place* that shows *tree* and keeps every change apart from it."""
    root = place / "root"
    for name in ("root", "upper", "work"):
        (place / name).mkdir()
    layers = f"lowerdir={tree},upperdir={place / 'upper'},workdir={place / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(root)], check=True)
    return root


class Machine:
    """A booted container on top of *tree*, which stays as it is. *prepare* may change what is
    booted before it is."""

    def __init__(
        self, tree: Path, place: Path, prepare: Callable[[Machine], None] = lambda _: None
    ) -> None:
        self.root = layered(tree, place)
        prepare(self)
        self._console = (place / "console").open("wb")
        self._nspawn = subprocess.Popen(
            [
                *("systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}"),
                *("--register=no", "--keep-unit", "--capability=all", "--private-network"),
                "--console=pipe",
            ],
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_SECCOMP": "0"},
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._leader = ""

    def boot(self) -> None:
        """Wait until its systemd says that it is up."""

        def up() -> bool:
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
            with contextlib.suppress(OSError, IndexError):
                self._leader = children.read_text().split()[0]
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                return state in ("running", "degraded")
            return False

        self.until(up, 120.0, "systemd is up")

    def run(
        self, *command: str, check: bool = True, given: str | None = None, seconds: float = 240.0
    ) -> subprocess.CompletedProcess[str]:
        """Run *command* inside as root."""
        done = subprocess.run(
            ["nsenter", "-t", self._leader, *("-m", "-u", "-i", "-n", "-p", "-C"), "--", *command],
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"},
        )
        if check and done.returncode:
            said = (done.stdout + done.stderr).strip()[-600:]
            raise Failed(f"{' '.join(command)[:90]}: exit {done.returncode}: {said}")
        return done

    def until(self, condition: Callable[[], object], seconds: float, what: str) -> float:
        """Wait for *condition*; return the real seconds that it took."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise Failed(f"not within {seconds:g} s: {what}")
            time.sleep(0.05)
        return time.monotonic() - began

    def close(self) -> None:
        if self._leader:
            self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._console.close()
        subprocess.run(["umount", "-l", str(self.root)], check=False)


class Trial:
    """The steps of one release, in their order."""

    def __init__(self, machine: Machine, package: Path, place: Path) -> None:
        self.machine = machine
        self.package = package
        self.place = place
        self.version = _field(package, "Version")
        self._seen = 0

    # --- what a technician does ---

    def install(self) -> str:
        """One file, no network."""
        self._dpkg(self.package)
        run = self.machine.run
        told = run("autodialer", "--version").stdout.strip()
        config = run("stat", "--format=%a %U %G", "/etc/autodialer/config.yaml").stdout.strip()
        _equal(config, "640 root autodialer", "the configuration's rights")
        _equal(
            run("stat", "--format=%a %U", "/var/lib/autodialer").stdout.strip(),
            "700 autodialer",
            "the state's rights",
        )
        for unit in ("autodialer.service", "autodialer-supervisor.service"):
            _equal(run("systemctl", "is-enabled", unit).stdout.strip(), "enabled", unit)
        unfinished = run("autodialer", "check", check=False)
        _equal(unfinished.returncode, 2, "check of the configuration as it comes")
        named = sum("config.yaml:" in line for line in unfinished.stderr.splitlines())
        return f"{told}, {named} things to fill in named by check"

    def waiting(self) -> str:
        """A box that nobody has configured yet neither loops nor hides it."""

        def calm() -> bool:
            told = self.machine.run(
                "systemctl", "show", "-P", "StatusText", "autodialer.service", check=False
            )
            return told.stdout.startswith("waiting")

        took = self.machine.until(calm, 120.0, "a box that waits for its configuration")
        return f"waiting {took:.0f} s after the first look"

    def configure(self) -> str:
        """Bench lines, people whose list only root can read, modems in a unit of their own."""
        run = self.machine.run
        (self.machine.root / "etc/autodialer/config.yaml").write_text(
            _bench_configuration(pin=True)
        )
        people = self.machine.root / "root/people.csv"
        people.write_text(_people())
        people.chmod(0o600)
        pin = self.machine.root / "etc/credstore/autodialer.sim-pin"
        pin.parent.mkdir(exist_ok=True)
        pin.write_text(f"{PIN}\n")
        pin.chmod(0o600)
        scenario = self.machine.root / "var/tmp/scenario.yaml"
        scenario.write_text(json.dumps(_scenario()))
        # While it waits the box takes no list.
        run("systemctl", "stop", "autodialer.service")
        imported = run("autodialer", "contacts", "import", "/root/people.csv").stdout
        self.machine.run(
            *("systemd-run", "--quiet", "--unit=modems", "--uid=autodialer", "--gid=autodialer"),
            *("--property=RuntimeDirectory=modems", f"{HOME}/current/autodialer", "simulate"),
            *("--lines=1", f"--speed={SPEED}", "--scenario=/var/tmp/scenario.yaml"),
            *(f"--log={NETWORK}", "--link=/run/modems"),
        )
        self.machine.until(
            lambda: run("test", "-e", "/run/modems/line-1.audio", check=False).returncode == 0,
            60.0,
            "the simulated modem",
        )
        run("systemctl", "restart", "autodialer-supervisor.service", "autodialer.service")
        return imported.strip().splitlines()[0]

    def what_came(self) -> str:
        """Everything that is promised to be in place is."""
        run = self.machine.run
        for path in (
            "/usr/share/man/man1/autodialer.1.gz",
            "/usr/share/bash-completion/completions/autodialer",
            "/usr/share/zsh/vendor-completions/_autodialer",
            "/usr/share/fish/vendor_completions.d/autodialer.fish",
            "/usr/lib/modules-load.d/autodialer.conf",
            "/usr/lib/sysusers.d/autodialer.conf",
            "/usr/lib/tmpfiles.d/autodialer.conf",
            "/usr/share/doc/autodialer/appliance.md",
            "/usr/share/doc/autodialer/metrics/grafana-dashboard.json",
        ):
            run("test", "-s", path)
        bill = json.loads(run("cat", "/usr/share/doc/autodialer/bill-of-materials.json").stdout)
        rules = run("sh", "-c", "cat /lib/udev/rules.d/*autodialer*.rules").stdout
        _equal("ID_MM_DEVICE_IGNORE" in rules, True, "modems kept from ModemManager")
        judged = run("sh", "-c", "udevadm verify /lib/udev/rules.d/*autodialer*.rules", check=False)
        # Older releases have no such command.
        if judged.returncode and "erify" not in judged.stderr.splitlines()[0]:
            raise Failed(f"the udev rules: {judged.stdout}{judged.stderr}")
        before = run("systemctl", "show", "-P", "After", "autodialer.service").stdout.split()
        _equal("systemd-modules-load.service" in before, True, "drivers come before the box")
        return f"manual, completions, rules, drivers' list; {len(bill['components'])} libraries"

    def calls(self) -> str:
        """Calls to their end inside the sandbox."""
        took = self.machine.until(lambda: self._outcomes("listened") >= 2, 180.0, "two calls")
        return f"2 people listened, {took:.0f} s real at speed {SPEED:g}"

    def sandbox(self) -> str:
        """What the kernel says of the running process, not what the unit file says."""
        status = self.machine.run("cat", f"/proc/{self._pid()}/status").stdout
        facts = dict(re.findall(r"^(\w+):\s+(\S+)", status, re.MULTILINE))
        _equal((facts["NoNewPrivs"], facts["Seccomp"]), ("1", "2"), "no_new_privs, seccomp")
        _equal(int(facts["CapBnd"], 16), 0, "capabilities")
        links = self.machine.run(
            *("nsenter", "-t", self._pid(), "-n", "ls", "/sys/class/net"), check=False
        )
        denied = self.machine.run(
            "systemctl", "show", "-P", "MemoryDenyWriteExecute", "autodialer.service"
        ).stdout.strip()
        made = self.machine.run(
            *("systemd-run", "--quiet", "--pipe", "--wait", "--uid=autodialer"),
            *(f"--property=MemoryDenyWriteExecute={denied}", "--property=NoNewPrivileges=yes"),
            *(self._python(), "-I", "-c", _CALLBACK.format(home=HOME)),
            check=False,
        )
        _equal(made.stdout.strip(), "made", "a sound card's callback under the unit's settings")
        clock = self.machine.run("cat", "/run/autodialer-clock/clock.json").stdout
        told = json.loads(clock)
        score = self.machine.run(
            "systemd-analyze", "security", "--no-pager", "autodialer.service", check=False
        ).stdout
        found = re.search(r"exposure level for \S+: ([0-9.]+)", score)
        exposure = float(found[1]) if found else 99.0
        if exposure > 0.5:
            raise Failed(f"exposure {exposure}")
        return (
            f"exposure {exposure}, no capability, seccomp; network devices: "
            f"{' '.join(links.stdout.split()) or 'none'}; kernel's clock told from outside "
            f"(synchronised: {str(told['synchronised']).lower()})"
        )

    def told(self) -> str:
        """Who looks at the journal, at ``ps`` and at the files as another account."""
        run = self.machine.run
        run("useradd", "--create-home", "technician")
        (self.machine.root / "etc/sudoers.d/rig").write_text("technician ALL=(ALL) NOPASSWD: ALL\n")
        asked = run(
            "runuser", "-u", "technician", "--", "autodialer", "why", _numbers()[0], "--json"
        )
        _equal("verdicts" in json.loads(asked.stdout), True, "an answer by way of sudo")
        run("runuser", "-u", "technician", "--", "autodialer", "status")
        journal = run("journalctl", "--no-pager", "--output=cat").stdout
        _equal("COMMAND=/usr/bin/autodialer status" in journal, True, "what sudo writes down")
        shown = "\n".join(line for line in self._processes() if "simulate" not in line)
        for what, text in (("journal", journal), ("processes", shown)):
            found = [word for word in (PIN, "63998") if word in re.sub(r"\d{12,}", "", text)]
            _equal(found, [], f"a PIN or a number in the {what}")
        pid = self._pid()
        refused = 0
        for command in (
            "cat /etc/autodialer/config.yaml",
            "ls /var/lib/autodialer",
            "ls /run/autodialer-supervisor",
            "ls /run/credentials/autodialer.service",
            f"cat /proc/{pid}/environ",
            f"cat /proc/{pid}/mem",
            f"kill -TERM {pid}",
            f"{HOME}/current/autodialer --config /etc/autodialer/config.yaml stop",
            "autodialer contacts list",
            "autodialer reset --by nobody --reason tried",
            "touch /run/autodialer/starts.json",
            "touch /run/autodialer-clock/clock.json",
            "touch /usr/lib/autodialer/current/lib/appliance/new.py",
            "touch /etc/autodialer/clips.new",
        ):
            done = run("runuser", "-u", "nobody", "--", "sh", "-c", command, check=False)
            if done.returncode == 0:
                raise Failed(f"nobody may: {command}: {done.stdout[:100]}")
            refused += 1
        _equal(self._pid(), pid, "the box's process")
        return (
            "PIN from its credential; neither it nor a number in journal (sudo's too) and ps; "
            f"{refused} tries of nobody refused"
        )

    # --- what goes wrong ---

    def not_mounted(self) -> str:
        """A state on a partition that is not there: nothing starts, and none is begun."""
        run = self.machine.run
        unit = self.machine.root / "etc/systemd/system/var-lib-autodialer.mount"
        unit.write_text(
            "[Mount]\nWhat=/nowhere.img\nWhere=/var/lib/autodialer\nType=ext4\nOptions=loop\n"
        )
        names = ("autodialer.service", "autodialer-supervisor.service")
        run("systemctl", "stop", *names)
        listing = "find /var/lib/autodialer -printf '%p %s %T@\\n' | sort"
        before = run("sh", "-c", listing).stdout
        run("systemctl", "daemon-reload")
        others = ("autodialer-provision-boot.service", "autodialer-boot-notes.service")
        started = [
            name
            for name in (*names, *others)
            if run("systemctl", "start", name, check=False).returncode == 0 and name not in others
        ]
        _equal(started, [], "what started without its state")
        # Once a minute the kernel is asked about its clock; that needs no state.
        running = [
            words
            for words in self._processes()
            if "autodialer" in words and not re.search("simulate|autodialer-clock", words)
        ]
        _equal(running, [], "the box's processes")
        _equal(run("sh", "-c", listing).stdout, before, "what lies under the mount")
        unit.unlink()
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed")
        run("systemctl", "start", *reversed(names))
        self._active()
        return "no unit started, nothing was written under the mount; mounted again it runs"

    def kill(self) -> str:
        return self._death("KILL")

    def freeze(self) -> str:
        return self._death("STOP")

    def update(self) -> str:
        """A newer version takes over; the state is the same, and no call is left behind."""
        self._call_is_up()
        rows = self._rows()
        newer = self._repacked("9.0.0", lambda _: None)
        self._dpkg(newer)
        _equal(self._current(), self._version("9.0.0"), "the running version")
        self._active()
        if self._rows() < rows:
            raise Failed(f"{self._rows()} rows after the update, {rows} before")
        if self._kept():
            raise Failed(f"the old version is still there: {self._kept()}")
        lost = self._outcomes("unknown")
        self.machine.run("autodialer", "ledger", "verify")
        return f"{self._version('9.0.0')} runs on the same state, ledger verified, {lost} unknown"

    def refused_by_itself(self) -> str:
        """The new version's self-check fails: the box was never stopped."""
        before, pid = self._current(), self._pid()

        def spoil(library: Path) -> None:
            _replace(library, "appliance/cli/check.py", "raise RuntimeError('spoilt on purpose')\n")

        self._dpkg(self._repacked("9.1.0", spoil))
        _equal(self._current(), f"kept-{before}", "the running version")
        _equal(self._pid(), pid, "the process, which was not stopped")
        words = self.machine.run("cat", f"/proc/{pid}/cmdline").stdout.split("\0")
        program = next(word for word in words if word.endswith("/programs/autodialer.py"))
        # What it has not loaded yet it finds there.
        self.machine.run("test", "-e", str(Path(program).parents[1] / "lib/appliance/cli"))
        told = self.machine.run("autodialer", "doctor", check=False).stdout
        row = next((line for line in told.splitlines() if " update " in line), "")
        if "goes on with the version of before" not in row:
            raise Failed(f"doctor does not tell: {told[:300]}")
        return "the version of before runs on, the same process; doctor tells"

    def taken_back(self) -> str:
        """The self-check holds and the box does not come up: back to the version of before."""
        before = self._current()

        def spoil(library: Path) -> None:
            _replace(library, "appliance/cli/run.py", "raise RuntimeError('spoilt on purpose')\n")

        self._dpkg(self._repacked("9.2.0", spoil))
        _equal(self._current(), before, "the running version")
        self._active()
        return f"{before.removeprefix('kept-')} runs again"

    def mended(self) -> str:
        """After two updates that were taken back, a good one goes through."""
        self._dpkg(self._repacked("9.3.0", lambda _: None))
        _equal(self._current(), self._version("9.3.0"), "the running version")
        _equal(self._kept(), "", "what is kept beside")
        self._active()
        result = self.machine.run(
            "test", "-e", "/var/lib/autodialer/upgrade-result.txt", check=False
        )
        _equal(result.returncode, 1, "the old result is gone")
        return f"{self._current()} runs"

    def journal(self) -> str:
        """The worst loop: whatever the box does, it is killed as soon as it runs."""
        run = self.machine.run
        run("systemctl", "reset-failed", "autodialer.service", check=False)
        began = run("date", "+%s.%N").stdout.strip()
        kills = 0
        until = time.monotonic() + 600
        while time.monotonic() < until:
            state = run(
                "systemctl", "show", "-P", "ActiveState", "autodialer.service", check=False
            ).stdout.strip()
            if state == "failed":
                break
            pid = self._pid()
            if pid != "0":
                self._signal("KILL", pid)
                kills += 1
            time.sleep(0.3)
        else:
            raise Failed(f"still restarted after {kills} kills")
        size = len(
            run("journalctl", f"--since=@{began}", "--output=export", "--no-pager").stdout.encode()
        )
        if size > MOST_A_DAY:
            raise Failed(f"{size} bytes of journal")
        watched = run("systemctl", "is-active", "autodialer-supervisor.service").stdout.strip()
        run("systemctl", "reset-failed", "autodialer.service")
        return f"{kills} kills, then no more starts; {size >> 10} KiB; supervisor {watched}"

    def python_gone(self) -> str:
        """An upgrade of the system took this Python: words, and no loop."""
        run = self.machine.run
        python = self._python()
        run("mv", python, f"{python}.away")
        try:
            run("systemctl", "restart", "autodialer-supervisor.service", check=False)
            self.machine.until(
                lambda: (
                    run(
                        "systemctl", "is-failed", "autodialer-supervisor.service", check=False
                    ).stdout.strip()
                    == "failed"
                ),
                30.0,
                "the unit gives up",
            )
            told = run(
                *("journalctl", "--unit=autodialer-supervisor.service", "--lines=20"),
                *("--output=cat", "--no-pager"),
            ).stdout
        finally:
            run("mv", f"{python}.away", python)
        if "this package is for Python" not in told:
            raise Failed(f"the journal says: {told[-300:]}")
        run("systemctl", "reset-failed", "autodialer-supervisor.service", "autodialer.service")
        run("systemctl", "restart", "autodialer-supervisor.service", "autodialer.service")
        self._active()
        return "the journal says which package to install; no restart loop"

    def remove(self) -> str:
        run = self.machine.run
        run("dpkg", "--remove", "autodialer")
        for left in ("/etc/autodialer/config.yaml", "/var/lib/autodialer/ledger"):
            run("test", "-e", left)
        gone = run("test", "-e", HOME, check=False).returncode
        _equal(gone, 1, f"{HOME} is gone")
        running = [words for words in self._processes() if "autodialer" in words]
        _equal([w for w in running if "simulate" not in w], [], "the box's processes")
        return "configuration, people and evidence are left"

    def purge(self) -> str:
        run = self.machine.run
        run("systemctl", "stop", "modems.service", check=False)
        run("dpkg", "--purge", "autodialer")
        found = run(
            *("find", "/etc", "/var/lib", "/usr", "/run", "-xdev", "-iname", "*autodialer*"),
            check=False,
        ).stdout.split()
        # dpkg's own helper remembers which units were enabled.
        left = [path for path in found if "/deb-systemd-helper" not in path]
        if left:
            raise Failed(f"left behind: {' '.join(left)[:300]}")
        return "nothing is left"

    # --- how it looks ---

    def _death(self, name: str) -> str:
        self.machine.run(
            *("autodialer", "reset", "--by", "rig", "--reason", "next step"), check=False
        )
        self._call_is_up()
        ended = self._events("ended")
        pid = self._pid()
        self._signal(name, pid)
        down = self.machine.until(
            lambda: self._events("ended") > ended, DOWN_WITHIN + 10, "the line is down"
        )
        if down > DOWN_WITHIN:
            raise Failed(f"the line was up for {down:.1f} s")
        again = self.machine.until(
            lambda: self._pid() not in (pid, "0") and self._is_active(), 90.0, "the box is back"
        )
        self.machine.run("autodialer", "reset", "--by", "rig", "--reason", "next step")
        return f"line down after {down:.2f} s, box back after {again:.1f} s"

    def _signal(self, name: str, pid: str) -> None:
        # Of the shell: a minimal system has no command of that name.
        self.machine.run("sh", "-c", f"kill -{name} {pid}", check=False)

    def _processes(self) -> list[str]:
        told = self.machine.run(
            "sh",
            "-c",
            "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done",
            check=False,
        )
        return told.stdout.splitlines()

    def _call_is_up(self) -> None:
        answered = self._events("answered")
        self.machine.until(lambda: self._events("answered") > answered, 180.0, "a call is up")

    def _events(self, kind: str) -> int:
        log = self.machine.run("cat", NETWORK, check=False).stdout
        return sum(f'"event": "{kind}"' in line for line in log.splitlines())

    def _outcomes(self, outcome: str) -> int:
        log = self.machine.run(
            "sh", "-c", "cat /var/lib/autodialer/ledger/*.jsonl", check=False
        ).stdout
        rows = (json.loads(line) for line in log.splitlines() if line.endswith("}"))
        return sum(
            row["kind"] == "call.ended" and row["data"]["outcome"] == outcome for row in rows
        )

    def _rows(self) -> int:
        return int(
            self.machine.run(
                "sh", "-c", "cat /var/lib/autodialer/ledger/*.jsonl | wc -l"
            ).stdout.strip()
        )

    def _pid(self) -> str:
        return self.machine.run(
            "systemctl", "show", "-P", "MainPID", "autodialer.service"
        ).stdout.strip()

    def _is_active(self) -> bool:
        told = self.machine.run("systemctl", "is-active", "autodialer.service", check=False)
        return told.stdout.strip() == "active"

    def _active(self) -> None:
        self.machine.until(self._is_active, 60.0, "the box runs")

    def _current(self) -> str:
        return self.machine.run("readlink", f"{HOME}/current").stdout.strip()

    def _kept(self) -> str:
        told = self.machine.run("sh", "-c", f"cd {HOME} && ls -d kept-* || true", check=False)
        return told.stdout.strip()

    def _python(self) -> str:
        depends = _field(self.package, "Depends")
        found = re.search(r"python3\.\d+", depends)
        assert found is not None
        return f"/usr/bin/{found[0]}"

    def _version(self, number: str) -> str:
        return f"{number}+{self.version.partition('+')[2]}"

    def _dpkg(self, package: Path) -> None:
        shutil.copyfile(package, self.machine.root / "root" / package.name)
        self.machine.run("dpkg", "--install", f"/root/{package.name}")

    def _repacked(self, number: str, spoil: Callable[[Path], None]) -> Path:
        """Make the same package anew as version *number*, after *spoil* was at its libraries."""
        version = self._version(number)
        tree = self.place / f"tree-{number}"
        subprocess.run(["dpkg-deb", "-R", str(self.package), str(tree)], check=True)
        (tree / HOME[1:] / self.version).rename(tree / HOME[1:] / version)
        for name in ("control", "postinst", "preinst", "prerm", "postrm"):
            file = tree / "DEBIAN" / name
            file.write_text(file.read_text().replace(self.version, version))
        (tree / "DEBIAN/md5sums").unlink()
        spoil(tree / HOME[1:] / version / "lib")
        made = self.place / f"autodialer_{version}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", str(tree), str(made)],
            check=True,
            capture_output=True,
        )
        shutil.rmtree(tree)
        return made


STEPS: tuple[tuple[str, Callable[[Trial], str]], ...] = (
    ("install without network", Trial.install),
    ("what came with it", Trial.what_came),
    ("not configured yet", Trial.waiting),
    ("configuration, people, modems", Trial.configure),
    ("calls in the sandbox", Trial.calls),
    ("sandbox", Trial.sandbox),
    ("another account, journal, ps", Trial.told),
    ("state not mounted", Trial.not_mounted),
    ("kill -9 in a call", Trial.kill),
    ("frozen in a call", Trial.freeze),
    ("update in a call", Trial.update),
    ("update: self-check fails", Trial.refused_by_itself),
    ("update: does not start", Trial.taken_back),
    ("update after these", Trial.mended),
    ("this Python is gone", Trial.python_gone),
    ("killed in a loop", Trial.journal),
    ("remove", Trial.remove),
    ("purge", Trial.purge),
)


def _equal(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise Failed(f"{what}: {found!r}, not {wanted!r}")


def _replace(library: Path, module: str, text: str) -> None:
    file = library / module
    file.write_text(text)
    # The byte code is never checked against its source.
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def _field(package: Path, name: str) -> str:
    return subprocess.run(
        ["dpkg-deb", "-f", str(package), name], capture_output=True, text=True, check=True
    ).stdout.strip()


def _bench_configuration(*, pin: bool = False) -> str:
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    settings["box"]["state"] = "/var/lib/autodialer"
    for group in settings["campaign"]["clips"].values():
        for role, place in group.items():
            group[role] = f"{HOME}/current/lib/appliance/sample/{place}"
    settings["lines"] = [
        {
            "name": "line-1",
            "port": "/run/modems/line-1.at",
            "emergency_port": "/run/modems/line-1.at2",
            "audio": "/run/modems/line-1.audio",
            "family": "auto",
            "bench": True,
        }
    ]
    if pin:
        settings["lines"][0]["sim_pin"] = CREDENTIAL
    settings["clock"]["speed"] = SPEED
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
    # Whatever names a PIN stands in quotes.
    return text.replace(f"sim_pin: {CREDENTIAL}", f'sim_pin: "{CREDENTIAL}"')


def _numbers() -> list[str]:
    return [f"+3363998{number:04d}" for number in range(1, PEOPLE + 1)]


def _people() -> str:
    return (
        "number,name,language,timezone,purpose,consent_given_at,consent_source,"
        "consent_evidence,windows,valid_until\n"
        + "".join(
            f"{number},P,fr,Europe/Paris,neighbourhood-news,2027-01-15,form,form 1,"
            "mon-fri 18:00-20:00,\n"
            for number in _numbers()
        )
    )


def _scenario() -> dict[str, object]:
    behaviour = {"answer": {"keys": [{"key": "1", "heard": 1.0}], "patience": 600}}
    numbers = [{"number": number, "behaviour": behaviour} for number in _numbers()]
    return {"numbers": numbers, "lines": [{"line": 1, "sim": {"pin": PIN}}]}


def clean_root(release: str, arch: str = "", more: str = "") -> Path:
    """Return a root of *release*, made once; *arch* is another machine's, which qemu plays. *more*
    is a package that it has besides."""
    tree = ROOTS / "-".join(word for word in (release, arch, more) if word)
    packages = ",".join(word for word in (PACKAGES, more) if word)
    if not tree.exists():
        ROOTS.mkdir(parents=True, exist_ok=True)
        making = ROOTS / f"{tree.name}.new"
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run(
            [
                *("debootstrap", "--variant=minbase", f"--include={packages}"),
                *((f"--arch={arch}",) if arch else ()),
                *(release, str(making)),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        making.rename(tree)
    return tree


@contextlib.contextmanager
def booted(release: str) -> Iterator[tuple[Machine, Path]]:
    with tempfile.TemporaryDirectory(prefix="boot-", dir=ROOTS) as name:
        machine = Machine(clean_root(release), Path(name))
        try:
            machine.boot()
            yield machine, Path(name)
        finally:
            machine.close()


def trial(release: str, package: Path) -> Iterator[Step]:
    """Live through every step; the rest is left out after one that failed."""
    with booted(release) as (machine, place):
        # A copy: somebody may make the package anew meanwhile.
        copy = place / package.name
        shutil.copyfile(package, copy)
        steps = Trial(machine, copy, place)
        for name, step in STEPS:
            began = time.monotonic()
            try:
                detail, fault = step(steps), ""
            except (Failed, subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
                detail, fault = "", str(error)
                log = machine.run(
                    *("journalctl", "--no-pager", "--lines=25", "--output=cat"), check=False
                )
                print(log.stdout, file=sys.stderr)
            yield Step(name, time.monotonic() - began, detail, fault)
            if fault:
                return


def emulated(release: str, arch: str, package: Path) -> Iterator[Step]:
    """Install on another machine's root, whose programs qemu plays: no systemd, no devices."""
    with tempfile.TemporaryDirectory(prefix="emulated-", dir=ROOTS) as name:
        root = layered(clean_root(release, arch), Path(name))
        shutil.copyfile(package, root / "root/autodialer.deb")
        bench = root / "root/bench.yaml"
        bench.write_text(_bench_configuration())
        bench.chmod(0o644)
        program = f"{HOME}/current/autodialer"
        steps: tuple[tuple[str, tuple[str, ...], int], ...] = (
            ("install without network", ("dpkg", "--install", "/root/autodialer.deb"), 0),
            ("version", ("autodialer", "--version"), 0),
            ("check, as it comes", ("autodialer", "check"), 2),
            ("check of a bench", (program, "--config", "/root/bench.yaml", "check"), 0),
            ("supervisor", (f"{HOME}/current/autodialer-supervisor", "--help"), 2),
            ("kernel's clock", (f"{HOME}/current/autodialer-clock", "--once", "/root/clock"), 0),
            ("purge", ("dpkg", "--purge", "autodialer"), 0),
        )
        try:
            for title, command, code in steps:
                began = time.monotonic()
                done = subprocess.run(
                    ["unshare", "--net", "chroot", str(root), *command],
                    capture_output=True,
                    text=True,
                    timeout=600,
                    check=False,
                    env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                )
                said = (done.stdout + done.stderr).strip().splitlines() or [""]
                fault = "" if done.returncode == code else " ".join(said[-4:])[-400:]
                yield Step(title, time.monotonic() - began, said[0][:90], fault)
                if fault:
                    return
        finally:
            subprocess.run(["umount", "-l", str(root)], check=False)


def newest(release: str, arch: str = "") -> Path | None:
    """Return the package for *release* and this or another machine that was made last."""
    arch = arch or ARCHITECTURES.get(platform.machine(), "")
    found = (ROOT / "build").glob(f"autodialer_*+{release}_{arch}.deb")
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def main(argv: list[str] | None = None) -> int:
    """Print a table for each release; 1 where a step failed, 2 where nothing can be tried."""
    parser = argparse.ArgumentParser(prog="make deb-boot", description=__doc__.splitlines()[0])
    parser.add_argument("--release", choices=RELEASES, action="append")
    parser.add_argument(
        "--emulated",
        choices=sorted(ARCHITECTURES.values()),
        default="",
        help="only install and start it on another machine's root (qemu-user-static, binfmt_misc)",
    )
    given = parser.parse_args(argv)
    missing = [
        tool
        for tool in ("debootstrap", "systemd-nspawn", "nsenter", "dpkg-deb")
        if shutil.which(tool) is None
    ]
    if missing or os.geteuid() != 0:
        why = f"{', '.join(missing)} missing" if missing else "this account is not root"
        print(f"make deb-boot: {why}: no clean system can be booted here", file=sys.stderr)
        return 2
    # Told to end, it takes its container with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failed = tried = 0
    for release in given.release or RELEASES:
        package = newest(release, given.emulated)
        if package is None:
            print(f"{release}: no package for this machine in build/; run: make deb ARCH=…")
            continue
        tried += 1
        print(f"{release}, {package.name}, {package.stat().st_size / 1e6:.1f} MB")
        if given.emulated:
            steps = emulated(release, given.emulated, package)
        else:
            steps = trial(release, package)
        for step in steps:
            told = f"FAILED: {step.fault}" if step.fault else step.detail
            print(f"  {step.name:<30} {step.seconds:6.1f} s  {told}", flush=True)
            failed += bool(step.fault)
    return 1 if failed else 0 if tried else 2


if __name__ == "__main__":
    sys.exit(main())
