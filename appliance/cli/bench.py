"""``modem bench``: the checklist of docs/modems.md with a technician, and the report that it makes.

A report of a real modem that went through every step raises its family's tier once it lies in
``docs/bench/`` of the source tree.
"""

from __future__ import annotations

import argparse
import json
import select
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli.output import check_target, write_target
from appliance.cli.selftest import configured_line, interrupted_by_signals, tell
from appliance.cli.speech import say
from appliance.errors import Refused
from appliance.language import marked
from firmware.wording import joined, worded

if TYPE_CHECKING:
    from appliance.selftest.bench_report import Report

OUT = Path("modem-bench.json")
VERDICTS = {
    "passed": marked("passed"),
    "failed": marked("FAILED"),
    "skipped": marked("skipped"),
}
TITLES = {
    "identity": marked("identity"),
    "registration": marked("registration, signal"),
    "rings": marked("the phone rings"),
    "answer": marked("answer is told"),
    "greeting": marked("greeting heard"),
    "keys": marked("keys heard"),
    "keys_module": marked("keys, by the module"),
    "keys_sound": marked("keys, by the sound"),
    "hang_up_box": marked("the box hangs up"),
    "hang_up_phone": marked("the phone hangs up"),
    "call_list": marked("call list empty"),
    "sms": marked("text message"),
    "replug": marked("plug pulled and back"),
}
SIGNS = {
    "test-imei": marked("its IMEI is one of test equipment"),
    "no-imei": marked("it tells no IMEI"),
    "pty": marked("its port is a pseudo-terminal"),
    "no-device": marked("its port is no device of this machine"),
    "bench-line": marked("the line says bench: true"),
    "speed": marked("the clock does not run at speed 1"),
    "fiction-number": marked("the number called belongs to nobody"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--line", help="the line to test, where there are several")
    parser.add_argument("--number", help="your own phone, which consented to self-tests")
    parser.add_argument(
        "--out", type=Path, default=OUT, help="write the report here (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print verdicts and figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 where the whole checklist was passed, 1 where not or refused."""
    check_target(arguments, "--out", arguments.out)
    if not sys.stdin.isatty():
        raise Refused(
            worded("the checklist asks questions, and there is no terminal to answer at"),
            worded("run it at a terminal, with the phone in your hand"),
        )
    from appliance import __version__
    from appliance.box.state import BoxState
    from appliance.config import load as configuration
    from appliance.daemon.bench_run import BenchWalk

    config = configuration.load(arguments.config, state=arguments.state)
    line = configured_line(config, arguments.line)
    with ExitStack() as at_end:
        state = BoxState.open(config.state)
        at_end.callback(state.close)
        walk = BenchWalk(config, state, line, tell=tell, ask=_ask, program=__version__)
        # A killed checklist hangs up, and writes what it found.
        at_end.enter_context(interrupted_by_signals(walk.call))
        with walk.call:
            report = walk.walk(arguments.number)
        state.save_checkpoint(force=True)
        text = json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"
        write_target(arguments, "--out", arguments.out, text.encode())
    if arguments.json:
        found = report.model_dump(mode="json", exclude={"transcript"})
        answer = {"file": str(arguments.out), "complete": report.complete, "proves": report.proves}
        print(json.dumps(found | answer, ensure_ascii=False))
    else:
        print(as_text(report, arguments.out))
    return 0 if report.complete else 1


def as_text(report: Report, out: Path) -> str:
    """Lay a report out for a terminal."""
    from appliance.selftest.bench_report import file_name

    modem = f"{report.family} {report.model} {report.revision}".rstrip()
    rows = [say("bench report: {modem}, voice {audio}", modem=modem, audio=report.audio)]
    for step in report.steps:
        verdict, title = say(VERDICTS[step.verdict]), say(TITLES[step.step])
        rows.append(f"  {verdict:<9} {title:<22} {say(step.detail)}".rstrip())
    figures = report.figures.model_dump()
    rows.append(
        say(
            "answer to first sound {sound} ms, hang-up {hang_up} ms, key delay {keys} ms",
            sound=_or_dash(figures["answer_to_first_frame_ms"]),
            hang_up=_or_dash(figures["hang_up_ms"]),
            keys=_or_dash(max(report.figures.key_delay_ms.values(), default=None)),
        )
    )
    rows.append(say("report in {out}; read it through before you share it", out=out))
    if report.simulated:
        why = joined("; ", [worded(SIGNS[sign]) for sign in report.simulated])
        rows.append(say(worded("It proves nothing of a real modem: {why}.", why=why)))
    elif report.proves:
        name = file_name(report)
        rows.append(say("It proves the family: commit it as docs/bench/{name}.", name=name))
    else:
        rows.append(say("It proves nothing yet: not every step was passed."))
    return "\n".join(rows)


def _or_dash(value: object) -> object:
    return "-" if value is None else value


def _ask(question: str, attend: Callable[[float], None]) -> str | None:
    """Ask at the terminal; *attend* lets the moments pass in which nothing is typed."""
    import termios

    # What was typed during a call answers no question.
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    print(say(question), end="", file=sys.stderr, flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        attend(0.2)
    line = sys.stdin.readline()
    return line.strip() if line else None
