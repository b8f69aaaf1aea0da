"""``modem selftest``: call the technician's own telephone and see what each side heard."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from appliance.cli.speech import say
from appliance.errors import Refused
from appliance.language import marked
from firmware.wording import worded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--line", help="the line to test, where there are several")
    parser.add_argument("--number", help="whom to call, where several consented to self-tests")
    parser.add_argument(
        "--stream",
        action="store_true",
        help="use the configured voice stream again, where it was given up",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 where the test passed, 1 where it did not or was refused."""
    from appliance.box.state import BoxState
    from appliance.box.wiring import LINES
    from appliance.config import load as configuration
    from appliance.daemon.selftest_run import SelfTestCall
    from firmware.voice.choice import VoiceChoice, choice_file

    config = configuration.load(arguments.config, state=arguments.state)
    line = configured_line(config, arguments.line)
    state = BoxState.open(config.state)
    try:
        if arguments.stream:
            VoiceChoice(choice_file(state.directory / LINES, line.name)).forget()
        call = SelfTestCall(config, state, line, tell=tell)
        # A killed test hangs up and writes its end too.
        with interrupted_by_signals(call):
            with call:
                found = call.run(arguments.number)
            state.save_checkpoint(force=True)
    finally:
        state.close()
    print(json.dumps(found, ensure_ascii=False) if arguments.json else as_text(found))
    return 0 if found["passed"] else 1


class Interruptible(Protocol):
    """A call that can be told to end."""

    def interrupt(self) -> None:
        """Hang up, and come to an end; may be asked within a signal handler."""


@contextmanager
def interrupted_by_signals(call: Interruptible) -> Iterator[None]:
    """Let SIGTERM and SIGINT interrupt *call* instead of ending the process.

    To be entered before the call is: whoever is impatient cuts no hang-up short.
    """
    before = {
        signum: signal.signal(signum, lambda *_: call.interrupt())
        for signum in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def as_text(found: dict[str, Any]) -> str:
    """Lay a result out for a terminal."""
    verdict = worded("passed") if found["passed"] else worded("FAILED")
    rows = [
        say(
            "self-test {verdict}: line {line}, {modem}, voice {audio}",
            verdict=verdict,
            line=found["line"],
            modem=f"{found['family']} {found['model']}",
            audio=found["audio"],
        ),
        _row(marked("outcome"), say(found["outcome"])),
    ]
    for key, witnesses in found["keys"].items():
        heard = ", ".join(map(say, witnesses)) if witnesses else say("not heard")
        rows.append(_row(worded("key {key}", key=key), heard))
    if found["latency_ms"] is not None:
        told = say("{ms} ms from the answer to the first sound", ms=found["latency_ms"])
        rows.append(_row(marked("latency"), told))
    downlink = found["downlink"]
    if downlink is not None:
        level = downlink["speech_dbfs"]
        sound = (
            say("no sound")
            if level is None
            else say("{level} dBFS, peak {peak} dBFS", level=level, peak=downlink["peak_dbfs"])
        )
        rate = downlink["bytes_per_second"]
        if rate is not None:
            told = say("{rate} bytes a second", rate=rate)
            sound = f"{sound}, {told}"
        rows.append(_row(marked("downlink"), sound))
    rows += [_row(marked("note"), say(sentence)) for sentence in found["findings"]]
    if found["next"]:
        rows.append(_row(marked("next"), say(found["next"])))
    return "\n".join(rows)


def _row(label: str, words: str) -> str:
    return f"{say(label):<10}{words}"


def configured_line(config: Any, name: str | None) -> Any:
    """Return the line called *name*, or the only one. Raises Refused."""
    lines = {line.name: line for line in config.settings.lines}
    if name is None and len(lines) == 1:
        return next(iter(lines.values()))
    if name not in lines:
        wrong = (
            worded("several lines are configured")
            if name is None
            else worded("there is no line {name}", name=name)
        )
        raise Refused(wrong, worded("name one with --line: {names}", names=", ".join(lines)))
    return lines[name]


def tell(sentence: str) -> None:
    """Say one thing on the way, beside the answer."""
    print(say(sentence), file=sys.stderr, flush=True)
