"""Who hangs up when the box dies: every way to die in every phase of a call, with real processes.

``make death`` starts, for each cell, a simulated modem, the supervisor and the box, lets a call
come as far as the phase, does the harm, and measures until the network sees the call end. In the
second half somebody presses the stop button right after the harm. A cell fails where the line is
down too late, where the call outlives the cell, or where somebody is rung afterwards.

The two cells with a card of their own mount a small file system, which needs root; without it
they are left out and the table says so.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from appliance.cli.main import main as autodialer
from appliance.config.paths import sample_config
from appliance.demo.processes import Stage, write_config
from firmware.supervisor.messages import SOCKET
from firmware.supervisor.pins import CONTACT_PIPE
from firmware.supervisor.plan import Notes
from tests.rigs.death_box import DONE, LEVER

SPEED = 4.0
NUMBERS = ("+33639980001", "+33639980002")
"""One is called; the other must not be, after a death."""
DOWN_WITHIN = 3.0
"""Real seconds after the death, where nobody pressed."""
STOPPED_WITHIN = 0.5
"""Real seconds after the press."""
PHASES = ("ringing", "greeting", "message")
_PATIENCE = 30.0
_WATCH = 1.0
"""Real seconds for which nobody may be rung after the line was down."""


class Cell(NamedTuple):
    harm: str
    phase: str
    pressed: bool
    seconds: float | None
    """From the death, or from the press, until the network saw the end."""
    fault: str
    """What was wrong with the cell; empty where all was well."""


class World:
    """Modem, supervisor and box of one cell."""

    def __init__(self, place: Path, card: Path, phase: str) -> None:
        self.place, self.phase = place, phase
        self.state = card / "state"
        self.run = place / "run"
        self.stage = Stage(place / "stage")
        self.stage.directory.mkdir(parents=True)
        write_config(self.stage, sample_config(), lines=1, speed=SPEED)
        self._configure()
        self._log = (place / "output.log").open("ab")
        self._seen = 0
        self._rows: list[dict[str, Any]] = []
        self.children: list[subprocess.Popen[bytes]] = []
        self.box: subprocess.Popen[bytes] | None = None

    def _configure(self) -> None:
        settings = yaml.safe_load(self.stage.config.read_text())
        settings["box"]["state"] = str(self.state)
        settings["campaign"]["timers"] = {"ring": "60 s", "key_wait": "60 s", "prompt_repeats": 0}
        self.stage.config.write_text(yaml.safe_dump(settings))
        keys = [{"key": "1", "heard": 1.0}] if self.phase == "message" else []
        behaviour: dict[str, Any] = {"answer": {"keys": keys, "patience": 600}}
        if self.phase == "ringing":
            behaviour = {"no_answer": {}}
        rules = [{"number": number, "behaviour": behaviour} for number in NUMBERS]
        # JSON is YAML, and has no aliases.
        self.stage.scenario.write_text(json.dumps(rules))
        self.stage.contacts.write_text(
            "number,name,language,timezone,purpose,consent_given_at,consent_source,"
            "consent_evidence,windows,valid_until\n"
            + "".join(
                f"{number},P,fr,Europe/Paris,neighbourhood-news,2027-01-15,form,form 1,"
                "mon-fri 18:00-20:00,\n"
                for number in NUMBERS
            )
        )
        given = ("--config", self.stage.config, "contacts", "import", self.stage.contacts)
        with contextlib.redirect_stdout(io.StringIO()):
            imported = autodialer([str(word) for word in given])
        if imported != 0:
            raise RuntimeError("the contacts could not be imported")

    def start(self, *command: object) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, *map(str, command)], stdout=self._log, stderr=subprocess.STDOUT
        )
        self.children.append(child)
        return child

    def start_modems(self) -> None:
        self.start(
            *("-m", "appliance.cli.main", "simulate", "--lines", 1, "--speed", SPEED),
            *("--scenario", self.stage.scenario, "--log", self.stage.network_log),
            *("--link", self.stage.links),
        )
        self.until((self.stage.links / "line-1.audio").exists)

    def start_supervisor(self) -> None:
        folders = ("--run", self.run, "--state", self.state)
        self.supervisor = self.start("-m", "firmware.supervisor", *folders, "watch")
        self.until((self.run / SOCKET).exists)

    def start_all(self) -> None:
        self.start_supervisor()
        self.start_modems()
        self.start_box()

    def start_box(self) -> None:
        (self.place / LEVER).unlink(missing_ok=True)
        self.box = self.start(
            *("-m", "tests.rigs.death_box", self.place, "--config", self.stage.config),
            *("run", "--supervisor", self.run),
        )

    def until(self, condition: Callable[[], object], seconds: float = _PATIENCE) -> float:
        """Wait for *condition* and return when it was seen to hold."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(self.told())
            time.sleep(0.002)
        return time.monotonic()

    def told(self) -> str:
        """The end of what the processes have said."""
        return (self.place / "output.log").read_text(errors="replace")[-800:]

    def network(self, event: str) -> list[dict[str, Any]]:
        """Every row of *event* that the network has logged so far."""
        if self.stage.network_log.exists():
            with self.stage.network_log.open("rb") as log:
                log.seek(self._seen)
                whole, _, _ = log.read().rpartition(b"\n")
            if whole:
                self._seen += len(whole) + 1
                self._rows += map(json.loads, whole.splitlines())
        return [row for row in self._rows if row["event"] == event]

    def reach(self) -> None:
        """Let the call come as far as the phase."""
        event = {"ringing": "ringing", "greeting": "answered", "message": "key"}[self.phase]
        self.until(lambda: self.network(event))
        # The box takes a moment to hear what the network has done.
        time.sleep(0.4)

    def pull(self, lever: str) -> float:
        """Pull the box's lever; return when it took effect."""
        (self.place / LEVER).write_text(lever + "\n")
        self.until(lambda: (self.place / DONE).exists())
        return float((self.place / DONE).read_text())

    def signal(self, signum: int) -> float:
        assert self.box is not None
        at = time.monotonic()
        self.box.send_signal(signum)
        return at

    def harm(self, name: str) -> float:
        """Do the harm *name*; return when the box died of it."""
        return HARMS[name](self, self.state.parent)

    def press(self) -> float:
        at = time.monotonic()
        (self.run / CONTACT_PIPE).write_text(f"open {at}\n")
        return at

    def close(self) -> None:
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.kill()
                child.wait()
        self._log.close()


def _kill(world: World, _card: Path) -> float:
    return world.signal(signal.SIGKILL)


def _with_broken_configuration(world: World, _card: Path) -> float:
    world.stage.config.write_text("box: [\n")
    at = world.signal(signal.SIGKILL)
    world.start_box()
    return at


def _with_broken_ledger(world: World, _card: Path) -> float:
    at = world.signal(signal.SIGKILL)
    (file,) = (world.state / "ledger").glob("*.jsonl")
    rows = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([rows[0], b"{}\n", *rows[2:]]))
    world.start_box()
    return at


def _stop_of_a_frozen_unit(world: World, _card: Path) -> float:
    world.pull("freeze")
    return world.signal(signal.SIGTERM)


def _with_a_full_card(world: World, card: Path) -> float:
    with (card / "fill").open("wb", buffering=0) as fill:
        try:
            while True:
                fill.write(bytes(4096))
        except OSError:
            pass  # full, which is what was wanted
    return world.signal(signal.SIGKILL)


def _with_a_card_read_only(world: World, card: Path) -> float:
    # As a failing card does it: open files refuse writes as well.
    device = _device_of(card)
    Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")
    return world.signal(signal.SIGKILL)


def _device_of(card: Path) -> str:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next(Path(mount[0]).name for mount in mounts if mount[1] == str(card))


HARMS: dict[str, Callable[[World, Path], float]] = {
    "kill -9": _kill,
    "SIGSTOP": lambda world, _: world.signal(signal.SIGSTOP),
    "loop frozen": lambda world, _: world.pull("freeze"),
    "interpreter lock held": lambda world, _: world.pull("hold"),
    "configuration broken at restart": _with_broken_configuration,
    "ledger broken at restart": _with_broken_ledger,
    "systemctl stop while frozen": _stop_of_a_frozen_unit,
    "disk full": _with_a_full_card,
    "read-only": _with_a_card_read_only,
}
NEEDS_CARD = frozenset({"disk full", "read-only"})


@contextlib.contextmanager
def card_for(harm: str, place: Path) -> Iterator[Path | None]:
    """A folder for the state: a small file system of its own where *harm* is about one."""
    card = place / "card"
    card.mkdir()
    if harm not in NEEDS_CARD:
        yield card
        return
    commands = [["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(card)]]
    if harm == "read-only":
        image = place / "image"
        with image.open("wb") as file:
            file.truncate(16 << 20)
        commands = [
            ["mkfs.ext4", "-q", str(image)],
            ["mount", "-o", "loop,errors=remount-ro", str(image), str(card)],
        ]
    try:
        for command in commands:
            subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield card
    finally:
        subprocess.run(["umount", "-l", str(card)], check=False)


def judge(harm: str, phase: str, *, pressed: bool) -> Cell | None:
    """Live through one cell; None where this account cannot."""
    with tempfile.TemporaryDirectory(prefix="death-") as name, card_for(harm, Path(name)) as card:
        if card is None:
            return None
        world = World(Path(name), card, phase)
        try:
            world.start_all()
            world.reach()
            began = world.harm(harm)
            if pressed:
                began = world.press()
            limit = STOPPED_WITHIN if pressed else DOWN_WITHIN
            try:
                down = world.until(lambda: world.network("ended"), limit + 5.0) - began
            except TimeoutError:
                return Cell(harm, phase, pressed, None, "the line stayed up")
            rung = len(world.network("dialled"))
            time.sleep(_WATCH)
            fault = "" if down <= limit else f"later than {limit:g} s"
            if len(world.network("dialled")) > rung:
                fault = "somebody was rung afterwards"
            if not fault and harm not in NEEDS_CARD and Notes(world.state).latched() is None:
                fault = "no stop was kept for the next start"
            return Cell(harm, phase, pressed, down, fault)
        except TimeoutError:
            return Cell(harm, phase, pressed, None, f"did not come about: {world.told()}")
        finally:
            world.close()


def table(cells: list[Cell]) -> str:
    """Lay the cells out: one row a harm, milliseconds until the line was down."""
    lines = []
    for pressed, title in ((False, "nobody pressed"), (True, "stop pressed")):
        lines.append(f"{title:<34}" + "".join(f"{phase:>12}" for phase in PHASES))
        for harm in HARMS:
            found = {c.phase: c for c in cells if c.harm == harm and c.pressed is pressed}
            if found:
                row = "".join(f"{_figure(found.get(phase)):>12}" for phase in PHASES)
                lines.append(f"  {harm:<32}{row}")
    return "\n".join(lines)


def _figure(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    text = "up" if cell.seconds is None else f"{cell.seconds * 1000:.0f} ms"
    return text + ("!" if cell.fault else "")


def main(argv: list[str] | None = None) -> int:
    """Print the matrix; 1 where a cell failed, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="make death", description="the death matrix")
    parser.add_argument("--harm", choices=HARMS, action="append", help="only this way to die")
    parser.add_argument("--phase", choices=PHASES, action="append", help="only this phase")
    parser.add_argument("--pressed", choices=("yes", "no"), help="only with, or without, a press")
    given = parser.parse_args(argv)
    presses = {"yes": (True,), "no": (False,), None: (False, True)}[given.pressed]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    cells, left_out = [], set()
    for pressed in presses:
        for harm in given.harm or HARMS:
            for phase in given.phase or PHASES:
                cell = judge(harm, phase, pressed=pressed)
                if cell is None:
                    left_out.add(harm)
                    continue
                cells.append(cell)
                how = "pressed" if pressed else "not pressed"
                told = f"{harm}, {phase}, {how}: {_figure(cell)} {cell.fault}"
                print(told.rstrip(), file=sys.stderr, flush=True)
    print(table(cells))
    for harm in sorted(left_out):
        print(f"left out: {harm} (this account may not mount a file system)")
    failed = [cell for cell in cells if cell.fault]
    print(f"{len(cells)} cells, {len(failed)} failed")
    return 1 if failed or not cells else 0


if __name__ == "__main__":
    sys.exit(main())
