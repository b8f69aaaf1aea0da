"""``rehearse``: your configuration, clips and people on simulated modems, in a state of its own."""

from __future__ import annotations

import argparse
import signal
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.cli.answer import answered, beside
from appliance.cli.demo import conclude, leave, speed, staged
from appliance.cli.sample import refuse_the_sample
from appliance.cli.speech import say
from appliance.errors import Refused
from firmware.wording import joined, plural, worded

if TYPE_CHECKING:
    from appliance.config.load import Config
    from appliance.demo.people import Population
    from appliance.demo.processes import Stage

USUAL_SPEED = 16.0
INVENTED = 24
INVENTED_START = "2027-03-09T18:00:00+01:00"
"""A Tuesday on which the invented people may be called."""
ASKED = 300
"""People who are asked when they may be called, to begin the rehearsal then."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contacts",
        type=Path,
        metavar="F",
        help="a contacts file; otherwise the people of the box's state, else invented ones",
    )
    parser.add_argument(
        "--speed",
        type=speed,
        metavar="X",
        help="times the speed of life, 1 to 100 (clock.speed of the configuration, else 16)",
    )
    parser.add_argument("--plain", action="store_true", help="plain lines instead of a live screen")
    parser.add_argument("--json", action="store_true", help="sum up as JSON, news on stderr")


def run(arguments: argparse.Namespace) -> int:
    with beside(arguments):
        code = _rehearse(arguments)
    answered(arguments, arguments.told)
    return code


def _rehearse(arguments: argparse.Namespace) -> int:
    from appliance.config.load import load
    from appliance.demo.place import clear, own_place, seal
    from appliance.demo.processes import Stage
    from appliance.demo.rehearsal import SUFFIX

    refuse_the_sample(arguments, "rehearse")
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, leave)
    config = load(arguments.config, examine=True)
    place = arguments.state
    stage = Stage(own_place(config.state, SUFFIX) if place is None else Path(place).resolve())
    print(
        say(
            "configuration {file}, state of the rehearsal {state}",
            file=config.file,
            state=stage.state,
        ),
        flush=True,
    )
    clear(stage)
    try:
        people = _people(stage, arguments, config)
        return _perform(stage, arguments, config, people)
    finally:
        seal(stage)


def _people(stage: Stage, arguments: argparse.Namespace, config: Config) -> Population | None:
    """Return whom the file or the state names, with other numbers; None where nobody does."""
    from appliance.demo.rehearsal import population

    if arguments.contacts is None and not (config.state / "registry").is_dir():
        return None
    if arguments.contacts is not None:
        exported = _imported(stage, arguments, config)
    else:
        print(
            say("people of {state}, with numbers that nobody has", state=config.state), flush=True
        )
        exported = _command(arguments.config, config.state, "contacts", "export").stdout
    found = population(exported, _keys(config))
    if not found.people:
        raise Refused(
            worded("nobody is left to rehearse with"), worded("see why: autodialer contacts import")
        )
    return found


def _keys(config: Config) -> dict[str, str]:
    """Return the campaign's keys in place of those that the stories press."""
    return {"1": config.campaign.listen_key, "9": config.campaign.object_key}


def _imported(stage: Stage, arguments: argparse.Namespace, config: Config) -> str:
    """Return the good rows of the file, each other one said with its fault.

    Read as a bench does: a rehearsal can call nobody, so the example's numbers for fiction do.
    """
    lines = [line.name for line in config.settings.lines]
    _write(stage, config, lines, USUAL_SPEED, INVENTED_START)
    contacts = str(arguments.contacts)
    print(
        say("people of {contacts}, with numbers that nobody has", contacts=contacts),
        flush=True,
    )
    rejects = ("--accept-valid", "--rejects", str(stage.rejects))
    with TemporaryDirectory(prefix="autodialer-") as folder:
        state = Path(folder) / "state"
        done = _command(stage.config, state, "contacts", "import", contacts, *rejects)
        print(f"{done.stderr}{done.stdout}", end="", flush=True)
        return _command(stage.config, state, "contacts", "export").stdout


def _kept_back(stage: Stage) -> int:
    """Return how many rows of the file were refused before the rehearsal began."""
    import csv

    try:
        with stage.rejects.open(encoding="utf-8-sig", newline="") as file:
            return max(0, sum(1 for _ in csv.reader(file)) - 1)
    except FileNotFoundError:
        return 0


def _command(config: Path, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    from appliance.demo.processes import autodialer

    done = subprocess.run(
        autodialer("--config", str(config), "--state", str(state), *words),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode != 0:
        raise Refused(worded("{names} failed", names=" ".join(words[:2])), done.stderr.strip())
    return done


def _perform(
    stage: Stage, arguments: argparse.Namespace, config: Config, people: Population | None
) -> int:
    from rich.console import Console

    from appliance.demo.people import make
    from appliance.demo.run import Performance
    from firmware.clips.clip import encode_wav

    settings = config.settings
    lines = [line.name for line in settings.lines]
    configured = settings.clock.speed if settings.clock.speed > 1 else USUAL_SPEED
    arguments.speed = pace = arguments.speed or configured
    stage.recordings.mkdir()
    for clip in config.clips.values():
        (stage.recordings / f"{clip.name}.wav").write_bytes(encode_wav(clip.pcm))
    start = INVENTED_START
    population = people or make(INVENTED, 1, config.campaign.purpose, _keys(config))
    stage.contacts.write_text(population.contacts, encoding="utf-8")
    stage.scenario.write_text(population.scenario, encoding="utf-8")
    if people is not None:
        start = _first_chance(stage, config, lines, pace)
    _write(stage, config, lines, pace, start)
    print(say("the simulated clock begins at {start}; a report follows", start=start), flush=True)
    console = Console(soft_wrap=True)
    result = staged(
        stage,
        arguments,
        lambda screen: Performance(
            stage,
            population,
            screen,
            expected=population.people,
            zone=str(config.settings.law.timezone),
            incidents=False,
        ),
        lines=len(lines),
        seed=1,
        doing=worded("rehearsal"),
    )
    result.imported["rejected_rows"] += _kept_back(stage)
    code = conclude(
        stage,
        console,
        arguments,
        result,
        went=worded("The rehearsal went as it should."),
        every_outcome=False,
        keys=(config.campaign.listen_key, config.campaign.object_key),
    )
    from appliance.demo.processes import run_command

    page = stage.directory / "report.html"
    made = run_command(stage, "report", "--out", str(page), "--csv", str(page.with_suffix(".csv")))
    arguments.told["report"] = str(page) if made.returncode == 0 else None
    console.print(made.stdout.strip() or made.stderr.strip(), highlight=False)
    return code or made.returncode


def _write(stage: Stage, config: Config, lines: list[str], pace: float, start: str) -> None:
    from appliance.config.paths import state_base
    from appliance.demo.rehearsal import configuration
    from firmware.yaml_document import read_document

    settings: Any = read_document(config.file).value
    text = configuration(
        settings, state_base(config.file), stage, lines=lines, speed=pace, start=start
    )
    stage.config.write_text(text, encoding="utf-8")


def _first_chance(stage: Stage, config: Config, lines: list[str], pace: float) -> str:
    """Return when the first of the people may be called, as the box's own rules say."""
    from collections import Counter
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from appliance.demo.processes import run_command

    zone = ZoneInfo(str(config.settings.law.timezone))
    now = datetime.now(zone).isoformat(timespec="seconds")
    _write(stage, config, lines, pace, now)
    with TemporaryDirectory(prefix="autodialer-") as folder:
        state = Path(folder) / "state"
        words = ("--state", str(state), "contacts", "import", str(stage.contacts))
        done = run_command(stage, *words)
        if done.returncode != 0:
            raise Refused(worded("the people cannot be rehearsed with"), done.stderr.strip())
        told = _asked(stage, state)
    chances = [one["next_chance"]["start"] for one in told if one["next_chance"] is not None]
    if not chances:
        refused = Counter(
            verdict["reason"]
            for one in told
            for verdict in one["verdicts"]
            if not verdict["allowed"]
        )
        most = joined(
            "; ",
            [
                plural("{count} time: {reason}", "{count} times: {reason}", count, reason=reason)
                for reason, count in refused.most_common(3)
            ],
        )
        raise Refused(
            worded("none of these people may be called ({most})", most=most),
            worded("autodialer check says what the law profile forbids; else correct the file"),
        )
    first = datetime.fromisoformat(min(chances))
    return first.astimezone(zone).isoformat(timespec="seconds")


def _asked(stage: Stage, state: Path) -> list[dict[str, Any]]:
    """Return what ``why`` says of the first of the people."""
    from appliance.box.box import Box, calendar
    from appliance.box.state import BoxState
    from appliance.config import load as reading
    from appliance.control.operations import Operations
    from firmware.clock import SystemClock

    config = reading.load(stage.config)
    opened = BoxState.open(state)
    try:
        operations = Operations(Box(config, opened, calendar(config, opened, SystemClock())))
        people = operations.perform("contacts.list", {"numbers": True})["people"][:ASKED]
        return [operations.perform("why", {"number": one["number"]}) for one in people]
    finally:
        opened.close()
