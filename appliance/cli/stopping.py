"""``stop``: the emergency stop by command, whatever state the program is in.

A box that is well carries it out on a thread of its own, past its loop. One that is stopped or
frozen is told to nobody: then its supervisor does it, and where there is none, this command ends
the box and hangs up on the ports itself. It says what was done, and what could not be.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.cli.paths import state_directory
from appliance.cli.session import ask, ask_running
from appliance.cli.speech import say
from appliance.errors import NobodyListens, Refused, Unresponsive
from firmware.wording import worded

if TYPE_CHECKING:
    from firmware.supervisor.plan import Plan

SUPERVISOR_RUNS = Path("/run/autodialer-supervisor")
PROOF_SECONDS = 8.0
"""Real seconds in which every line must be proven silent."""
END_SECONDS = 2.0
"""Real seconds in which a process that was killed is gone."""


def stop(arguments: argparse.Namespace) -> int:
    """Stop the running box, or latch the stop where none runs; says which of the two it was."""
    try:
        state_directory(arguments)
    except Exception as unknown:
        # The configuration does not say any more where the box's door is.
        if not _stopped_by_the_supervisor(arguments, unknown):
            raise
        return 0
    try:
        answer = ask_running(arguments, "stop")
    except NobodyListens:
        answer = ask(arguments, "stop")
        if arguments.json:
            print(json.dumps({**answer, "running": False}))
            return 0
        print(
            say(
                "no box runs here, so no line was hung up; the stop is latched: a box that "
                "starts here dials nobody until autodialer reset"
            )
        )
        return 0
    except Unresponsive as frozen:
        if not arguments.json:
            return _stop_a_frozen_box(arguments, frozen)
        with contextlib.redirect_stdout(sys.stderr):
            code = _stop_a_frozen_box(arguments, frozen)
        print(json.dumps({"stopped": True, "running": False, "silent": code == 0}))
        return code
    unreached = answer.get("unreached", [])
    recorded = answer.get("recorded", True)
    code = 1 if not recorded or any(line["in_call"] for line in unreached) else 0
    if arguments.json:
        print(json.dumps({"recorded": True, **answer, "running": True}))
        return code
    for line in unreached:
        _warn(_unreached(line))
    which = worded("every other line") if unreached else worded("every line")
    if not recorded:
        _warn(
            worded(
                "{which} is muted and told to hang up, but the box is too busy to write the "
                "latch down; look with autodialer status, and where that gets no answer "
                "either: systemctl restart autodialer, then autodialer stop again",
                which=which,
            )
        )
        return 1
    print(
        say(
            "stopped and latched: {which} is muted and told to hang up; see autodialer status",
            which=which,
        )
    )
    return code


def _warn(text: str) -> None:
    print(say("autodialer: {text}", text=text), file=sys.stderr)


def _unreached(line: dict[str, Any]) -> str:
    """Say of a line to which no hang-up could be written what that means, and what to do."""
    told = worded(
        "{line}: no hang-up could be written, its modem is not at {port}",
        line=line["line"],
        port=line["port"],
    )
    if line["in_call"]:
        return worded(
            "{told}; a call was up when it went: CUT THE MODEM'S SUPPLY to be sure that it ends",
            told=told,
        )
    return worded(
        "{told}; where it has power of its own and a call could be up, cut its supply", told=told
    )


def _stopped_by_the_supervisor(arguments: argparse.Namespace, unknown: Exception) -> bool:
    """Stop this machine's box although nobody can say where its state lies; False where nobody
    answers, or a configuration was named that is another box's."""
    from appliance.cli.main import SYSTEM_CONFIG

    if str(arguments.config) != SYSTEM_CONFIG and "AUTODIALER_SUPERVISOR" not in os.environ:
        return False
    told = _ask_the_supervisor(_supervisor_runs())
    if told is None:
        return False
    _warn(str(unknown))
    if arguments.json:
        running = told.get("silenced") is True
        print(json.dumps({"stopped": True, "running": running, "silent": True}))
    else:
        print(say("the supervisor has taken the stop and latched it"))
    return True


def _stop_a_frozen_box(arguments: argparse.Namespace, frozen: Unresponsive) -> int:
    _warn(str(frozen))
    state = state_directory(arguments)
    told = _ask_the_supervisor(_supervisor_runs(), state / "supervisor")
    if told is not None:
        print(say("the supervisor has taken the stop and latched it"))
        silent = {str(name) for name in told.get("silent", ())}
        return _told(silent, _plan(arguments, state))
    if not _ended(frozen.process):
        _warn(
            worded(
                "process {process} could not be ended by this account, so its ports are not "
                "free: CUT THE MODEMS' SUPPLY, then run the command as root",
                process=frozen.process,
            )
        )
        return 1
    print(say("the box did nothing any more: process {process} is ended", process=frozen.process))
    plan = _plan(arguments, state)
    code = _told(_by_itself(plan), plan)
    try:
        ask(arguments, "stop")
    except Refused as refused:
        # A service manager may have started the box anew meanwhile: it takes the stop itself.
        _warn(
            worded("the stop is not latched: {refused}; run autodialer stop again", refused=refused)
        )
        return 1
    print(say("the stop is latched: a box that starts here dials nobody until autodialer reset"))
    return code


def _supervisor_runs() -> Path:
    named = os.environ.get("AUTODIALER_SUPERVISOR")
    return Path(named) if named else SUPERVISOR_RUNS


def _ask_the_supervisor(*runs: Path) -> dict[str, Any] | None:
    """Let a supervisor stop, the first that answers in one of the folders *runs*.

    It answers when the box says that its lines are silenced, or when it has proven that all are;
    None where there is none.
    """
    from firmware.supervisor.messages import MESSAGE_BYTES, SOCKET, channel, decode, send

    for run in runs:
        with channel() as peer, contextlib.suppress(OSError):
            peer.settimeout(PROOF_SECONDS)
            peer.connect(str(run / SOCKET))
            send(peer, {"stop": True})
            return decode(peer.recv(MESSAGE_BYTES)) or {}
    return None


def _ended(process: int | None) -> bool:
    """End the frozen box, whose hold on the ports nobody else gets past; whether it is gone."""
    if process is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(process, signal.SIGKILL)
        except PermissionError:
            return False
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        # A killed process that nobody has waited for yet holds no descriptor any more.
        if not Path(f"/proc/{process}").exists() or _is_zombie(process):
            return True
        time.sleep(0.01)
    return False


def _is_zombie(process: int) -> bool:
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return told.rpartition(")")[2].split()[0] in ("Z", "X")


def _plan(arguments: argparse.Namespace, state: Path) -> Plan | None:
    """Return how to hang up on each line: as the box last noted it, else by the configuration."""
    from firmware.supervisor.plan import Notes

    noted = Notes(state).load_plan()
    if noted is not None:
        return noted
    from appliance.box.wiring import supervision_plan
    from appliance.config import load as configuration
    from firmware.yaml_document import DocumentFaulty

    try:
        return supervision_plan(configuration.load(arguments.config, state=arguments.state))
    except DocumentFaulty as faulty:
        _warn(worded("{faulty}\nso nobody knows the ports: CUT THE MODEMS' SUPPLY", faulty=faulty))
        return None


def _by_itself(plan: Plan | None) -> set[str]:
    from firmware.supervisor.silence import hang_up

    return set() if plan is None else hang_up(plan, PROOF_SECONDS)


def _told(silent: set[str], plan: Plan | None) -> int:
    """Say of each line how it stands; 1 where a call may still be up."""
    lines = [] if plan is None else sorted(line.name for line in plan.lines)
    for line in lines:
        if line in silent:
            print(say("{line}: hung up, its call list is empty", line=line))
        else:
            _warn(
                worded(
                    "{line}: NOT PROVEN SILENT; cut its modem's supply if a call could be up",
                    line=line,
                )
            )
    return 0 if lines and silent.issuperset(lines) else 1
