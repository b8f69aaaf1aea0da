"""``autodialer simulate``: virtual modems on pseudo-terminals for any program."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from appliance.cli.speech import say, several
from firmware.simulator import FAMILIES
from firmware.wording import reason_of, said_by, worded

DONE, FAILED, USAGE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; nothing heavy is imported for it."""
    parser.add_argument(
        "--family",
        action="append",
        metavar="F",
        help=f"modem family, repeatable or comma separated: {', '.join(FAMILIES)} "
        "(default sim7600); a mixture is dealt out in turn",
    )
    parser.add_argument("--lines", type=int, metavar="N", help="number of modems")
    parser.add_argument(
        "--scenario", type=Path, metavar="FILE", help="who answers how, and what goes wrong (YAML)"
    )
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="append what the network saw, as JSON lines"
    )
    parser.add_argument(
        "--recognise",
        type=Path,
        nargs="+",
        default=(),
        metavar="WAV",
        help="recordings that the callees recognise by what arrives; the log then says which was "
        "heard when, under the file's name",
    )
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="times real time")
    parser.add_argument("--seed", type=int, metavar="S", help="instead of the scenario's own")
    parser.add_argument(
        "--link",
        type=Path,
        metavar="DIR",
        help="directory for stable names line-N.at, line-N.at2, line-N.audio",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a modem")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. Exit code 0; 1 it failed; 2 usage or a broken scenario."""
    wrong, families = _families(arguments)
    if not wrong and not 0.01 <= arguments.speed <= 1000:
        wrong = worded("--speed must be from 0.01 to 1000")
    if wrong:
        print(say("simulate: {wrong}", wrong=wrong), file=sys.stderr)
        return USAGE

    from dataclasses import replace

    from firmware.clock import SystemClock
    from firmware.simulator.host import Simulation
    from firmware.simulator.network.clip_recognition import Recordings
    from firmware.simulator.network.scenario import DEFAULT_SCENARIO
    from firmware.simulator.network.scenario_file import ScenarioInvalid, load_scenario
    from firmware.simulator.network.sounds import SoundUnusable, load_wav

    scenario = DEFAULT_SCENARIO
    if arguments.scenario is not None:
        try:
            scenario = load_scenario(arguments.scenario)
        except ScenarioInvalid as error:
            print(say(said_by(error)), file=sys.stderr)
            return USAGE
    try:
        known: dict[str, bytes] = {}
        for file in arguments.recognise:
            known[file.stem] = load_wav(file)
    except (OSError, SoundUnusable) as error:
        print(say("simulate: --recognise {file}: {error}", file=file, error=error), file=sys.stderr)
        return USAGE
    try:
        _refuse_what_is_not_ours(arguments)
        _prepare(arguments)
    except OSError as error:
        print(
            say(
                "simulate: {filename}: {strerror}; choose another place",
                filename=error.filename,
                strerror=reason_of(error),
            ),
            file=sys.stderr,
        )
        return FAILED
    if arguments.seed is not None:
        scenario = replace(scenario, seed=arguments.seed)
    beyond = [line.line for line in scenario.lines if line.line > len(families)]
    if beyond:
        print(
            several(
                "simulate: the scenario speaks of line {beyond}, but there is only {count}; "
                "raise --lines",
                "simulate: the scenario speaks of line {beyond}, but there are only {count}; "
                "raise --lines",
                len(families),
                beyond=beyond[0],
            ),
            file=sys.stderr,
        )
        return USAGE
    # Blocked before the serving thread exists, so that only sigwait ever takes them.
    wanted = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        with Simulation(
            families,
            scenario,
            SystemClock(arguments.speed),
            log=arguments.log,
            links=arguments.link,
            recordings=Recordings(known) if known else None,
        ) as simulation:
            for line in simulation.lines:
                print(say(_describe(line.name, line.family, line.paths(), as_json=arguments.json)))
            sys.stdout.flush()
            signal.sigwait(wanted)
    except OSError as error:
        print(say("simulate: {error}", error=error), file=sys.stderr)
        return FAILED
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return DONE


def _refuse_what_is_not_ours(arguments: argparse.Namespace) -> None:
    """Refuse places where something else lies: no log goes on in a file that is none."""
    from appliance.cli.output import check_target
    from appliance.errors import Refused

    if arguments.log is not None and arguments.log.absolute().parent.is_dir():
        again = _is_network_log(arguments.log)
        check_target(arguments, "--log", arguments.log, again=again)
    if arguments.link is not None and arguments.link.is_dir():
        for place in arguments.link.glob("line-*.*"):
            if place.suffix in (".at", ".at2", ".audio") and not place.is_symlink():
                raise Refused(
                    worded("--link {place}: is no link of a simulation", place=place),
                    worded("name another place"),
                )


def _is_network_log(path: Path) -> bool:
    """Whether *path* begins as what the simulated network writes."""
    try:
        if not path.is_file() or path.is_symlink():
            return False
        with path.open("rb") as stream:
            row = json.loads(stream.readline(4096))
    except (OSError, ValueError):
        return False
    return isinstance(row, dict) and {"at", "port", "event", "monotonic_ms"} <= row.keys()


def _prepare(arguments: argparse.Namespace) -> None:
    """Try the places that will be written to, so that an error names the option's own path."""
    if arguments.log is not None:
        with arguments.log.open("a"):
            pass
    if arguments.link is not None:
        arguments.link.mkdir(parents=True, exist_ok=True)


def _families(arguments: argparse.Namespace) -> tuple[str, list[str]]:
    named = [name.strip() for text in arguments.family or ["sim7600"] for name in text.split(",")]
    for name in named:
        if name not in FAMILIES:
            return worded(
                "unknown family {name!r}; write one of {names}",
                name=name,
                names=", ".join(FAMILIES),
            ), []
    count = len(named) if arguments.lines is None else arguments.lines
    if not 1 <= count <= 64:
        return worded("--lines must be from 1 to 64"), []
    return "", [named[index % len(named)] for index in range(count)]


def _describe(name: str, family: str, paths: dict[str, str | None], *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"line": name, "family": family, **paths})
    return worded(
        "{name}  {family}  at {at}  audio {audio}",
        name=name,
        family=family,
        at=paths["at"],
        audio=paths["audio"] or "none",
    )
