"""``demo``: the whole real box on simulated modems and a simulated panel."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli.answer import answered, beside
from appliance.cli.paths import LEDGER, state_directory
from appliance.cli.speech import say, speaker
from appliance.errors import Refused
from firmware.wording import plural, worded

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.config.load import Config
    from appliance.demo.processes import Stage
    from appliance.demo.run import Performance, Result
    from appliance.screen.live import Screen

MOST_LINES = 16
EVERY_OUTCOME_FROM = 40
"""People from which on every outcome must have occurred."""


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(worded("must be 1 or more"))
    return value


def _lines(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MOST_LINES:
        raise argparse.ArgumentTypeError(
            worded("must be from 1 to {most_lines}", most_lines=MOST_LINES)
        )
    return value


def speed(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError(worded("must be from 1 to 100"))
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--contacts", type=_count, default=48, metavar="N", help="people to invent")
    parser.add_argument("--lines", type=_lines, default=2, metavar="N", help="simulated modems")
    parser.add_argument(
        "--speed", type=speed, default=16.0, metavar="X", help="times the speed of life, 1 to 100"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="other people, same rules")
    parser.add_argument("--plain", action="store_true", help="plain lines instead of a live screen")
    parser.add_argument("--json", action="store_true", help="sum up as JSON, news on stderr")


def run(arguments: argparse.Namespace) -> int:
    from appliance.config.load import load
    from appliance.config.paths import sample_config
    from appliance.demo.place import clear, seal

    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, leave)
    campaign = load(arguments.config, examine=True)
    if not campaign.bench:
        raise Refused(
            worded(
                "{config} is not a bench configuration: it has lines that call people",
                config=arguments.config,
            ),
            worded(
                "name one whose lines are all bench lines with --config, such as {sample_config}",
                sample_config=sample_config(),
            ),
        )
    # Here, for the help and the completions tell of this command without its modems.
    from appliance.demo.processes import Stage

    stage = Stage(_place(arguments))
    clear(stage)
    try:
        with beside(arguments):
            code = _perform(stage, arguments, campaign)
        answered(arguments, arguments.told)
        return code
    finally:
        # A demonstration that was broken off is one all the same.
        seal(stage)


def _place(arguments: argparse.Namespace) -> Path:
    """Return ``--state``, or a directory beside the configured state, which is never touched."""
    from appliance.demo.place import own_place

    if arguments.state is not None:
        return Path(arguments.state).resolve()
    return own_place(state_directory(arguments).resolve())


def _perform(stage: Stage, arguments: argparse.Namespace, campaign: Config) -> int:
    from rich.console import Console

    from appliance.demo.people import make, will_be_called
    from appliance.demo.processes import write_config
    from appliance.demo.run import Performance
    from firmware.clips.clip import encode_wav

    purpose = campaign.campaign.purpose
    stage.recordings.mkdir()
    for clip in campaign.clips.values():
        (stage.recordings / f"{clip.name}.wav").write_bytes(encode_wav(clip.pcm))
    population = make(arguments.contacts, arguments.seed, purpose)
    stage.contacts.write_text(population.contacts, encoding="utf-8")
    stage.scenario.write_text(population.scenario, encoding="utf-8")
    write_config(stage, arguments.config, lines=arguments.lines, speed=arguments.speed)
    # The summary's paths must stay whole for copying.
    console = Console(soft_wrap=True)
    result = staged(
        stage,
        arguments,
        lambda screen: Performance(
            stage,
            population,
            screen,
            expected=will_be_called(arguments.contacts),
            zone=str(campaign.settings.law.timezone),
        ),
        lines=arguments.lines,
        seed=arguments.seed,
        doing=worded("demonstration"),
    )
    every = arguments.contacts >= EVERY_OUTCOME_FROM
    return conclude(stage, console, arguments, result, went=WENT_WELL, every_outcome=every)


WENT_WELL = worded("The demonstration went as it should.")
ENDED_BEFORE = worded("The demonstration ended before.")


def staged(
    stage: Stage,
    arguments: argparse.Namespace,
    make: Callable[[Screen], Performance],
    *,
    lines: int,
    seed: int,
    doing: str,
) -> Result:
    """Run a performance: behind the screen of ``watch`` on a terminal that can, else as lines."""
    from appliance.cli.running import draws
    from appliance.screen.live import PlainScreen

    def run(performance: Performance) -> Result:
        return performance.run(lines=lines, speed=arguments.speed, seed=seed)

    if not draws(arguments):
        return run(make(PlainScreen(speaker())))
    from appliance.cli.staged import perform

    return perform(make, run, state=stage.state, doing=doing)


def leave(signum: int, _: object) -> None:
    """Unwind, so that the children end too: a closed terminal must leave no box and no modems."""
    sys.exit(128 + signum)


def conclude(
    stage: Stage,
    console: object,
    arguments: argparse.Namespace,
    result: Result,
    *,
    went: str,
    every_outcome: bool,
    keys: tuple[str, str] = ("1", "9"),
) -> int:
    """Audit what was done, print the summary, and return the exit code.

    *went* is said where all is as it should be.
    *every_outcome* asks that each has occurred. *keys* are those to listen and to object.
    """
    from rich.console import Console

    from appliance.demo.audit import audit
    from appliance.demo.listening_audit import audit_heard, claims, recordings_in
    from appliance.demo.summary import Summary, as_data, print_summary
    from appliance.ledger import read_entries, verify
    from appliance.model import Outcome

    assert isinstance(console, Console)
    outcomes, called, reasons, export = _ask_the_state(stage)
    directory = stage.state / LEDGER
    verification = verify(directory)
    findings = audit(read_entries(directory), stage.network_log, export)
    heard = audit_heard(
        map(json.loads, stage.network_log.read_text(encoding="utf-8").splitlines()),
        recordings_in(stage.recordings),
        claims(read_entries(directory), export),
        listen=keys[0],
        objects=keys[1],
    )
    summary = Summary(
        outcomes=outcomes,
        people=int(str(result.imported["new_people"])),
        called=called,
        refused_rows=int(str(result.imported["rejected_rows"])),
        reasons=reasons,
        seconds=result.seconds,
        speed=arguments.speed,
        ledger=plural(
            "Ledger: {count} row, every hash verified.",
            "Ledger: {count} rows, every hash verified.",
            verification.lines,
        )
        if verification.ok
        else worded("Ledger: NOT ok, {fault}", fault=verification.fault),
        findings=findings,
        heard=heard,
        files={
            "rejects": _short(stage.rejects),
            "ledger": _short(directory),
            "network": _short(stage.network_log),
        },
    )
    print_summary(summary, console, speaker())
    missing = [outcome.value for outcome in Outcome if not outcomes.get(outcome.value)]
    complete = not missing or not every_outcome
    if not complete:
        console.print(
            say("Never happened, though it should have: {names}", names=", ".join(missing))
        )
    if result.exit_code != 0:
        console.print(
            say(
                "The box ended with exit code {exit_code}; see {short}",
                exit_code=result.exit_code,
                short=_short(stage.log),
            )
        )
    passed = (
        result.exit_code == 0 and verification.ok and not (findings or heard.findings) and complete
    )
    arguments.told = {
        **as_data(summary),
        "never_happened": missing if every_outcome else [],
        "exit_code": result.exit_code,
        "ledger": {"ok": verification.ok, "rows": verification.lines},
        "passed": passed,
    }
    console.print(say(went) if passed else say("SOMETHING IS WRONG."))
    return 0 if passed else 1


def _ask_the_state(stage: Stage) -> tuple[dict[str, int], int, Counter[str], str]:
    """Open the state as any command does, and ask why each uncalled person was not called."""
    from appliance.box.box import Box, calendar
    from appliance.box.state import BoxState
    from appliance.config import load as configuration
    from appliance.control.operations import Operations
    from firmware.clock import SystemClock

    config = configuration.load(stage.config)
    state = BoxState.open(config.state)
    try:
        operations = Operations(Box(config, state, calendar(config, state, SystemClock())))
        status = operations.perform("status", {})
        people = operations.perform("contacts.list", {"numbers": True})["people"]
        reasons: Counter[str] = Counter()
        for person in people:
            if person["attempts"] == 0:
                answer = operations.perform("why", {"number": person["number"]})
                refused = [v for v in answer["verdicts"] if not v["allowed"]]
                reasons[refused[0]["reason"] if refused else ENDED_BEFORE] += 1
        export = operations.perform("contacts.export", {})["csv"]
        called = sum(person["attempts"] > 0 for person in people)
        return status["outcomes"], called, reasons, export
    finally:
        state.close()


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
