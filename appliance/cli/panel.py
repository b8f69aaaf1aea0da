"""``panel``, ``panel test``, ``panel card``, ``panel wiring``: the lamps and buttons."""

from __future__ import annotations

import argparse
import os
import queue
import select
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.cli.output import check_target, write_target
from appliance.cli.questions import typed
from appliance.cli.speech import say
from appliance.cli.streams import draw_anew
from appliance.errors import NobodyListens, Refused
from appliance.language import LANGUAGES, translator
from firmware.queue_wait import take_within
from firmware.wording import joined, with_remedy, worded

if TYPE_CHECKING:
    from firmware.events import Event

KEYS = {
    "s": ("start", "start"),
    "p": ("start-long", worded("start, 2 s: pause")),
    "r": ("start-reset", worded("start, 5 s: reset")),
    "x": ("stop", "STOP"),
    "c": ("stop-release", worded("release STOP")),
}
ENDS = ("q", "\x04")
"""Ends the panel in the terminal; Ctrl-D comes as a key there."""
LOOK_EVERY = 0.5
PRESS_WITHIN = 30.0
"""Seconds in which a button is to be pressed during the test."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", metavar="ACTION")
    commands.add_parser("test", help="walk through each lamp and button; the box must not run")
    for name, what in (
        ("card", worded("the card beside the panel, A6, as SVG")),
        ("wiring", worded("the wiring by config.yaml's pins, as SVG")),
    ):
        picture = commands.add_parser(name, help=what)
        picture.add_argument("--out", type=Path, help="write to a file instead of standard output")
        picture.add_argument(
            "--language", choices=LANGUAGES, help="of the picture; the box's by default"
        )


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "card" | "wiring":
            return _picture(arguments)
        case "test":
            return _test(arguments)
        case _:
            return _show(arguments)


# --- pictures --------------------------------------------------------------------------------


def _picture(arguments: argparse.Namespace) -> int:
    from appliance.box.lamps import card_rows
    from appliance.config import load as configuration
    from appliance.screen.panel_card import card, wiring

    check_target(arguments, "--out", arguments.out)
    settings = configuration.load(arguments.config, state=arguments.state).settings
    language = arguments.language or settings.language
    if arguments.action == "card":
        drawn = card(card_rows(), settings.box.name, language)
    else:
        if settings.panel is None:
            raise Refused(
                worded("the configuration says panel: none"), worded("write the panel's pins")
            )
        pins = {
            name: pin
            for name, pin in settings.panel.model_dump().items()
            if isinstance(pin, int) and not isinstance(pin, bool)
        }
        pins |= {line.name: line.power_pin for line in settings.lines if line.power_pin is not None}
        opens = settings.panel.stop_second_contact == "normally_open"
        drawn = wiring(pins, language, normally_open=("stop_second",) if opens else ())
    if arguments.out is None:
        sys.stdout.write(drawn)
    else:
        write_target(arguments, "--out", arguments.out, drawn.encode())
        print(say("{action} in {out}", action=arguments.action, out=arguments.out))
    return 0


# --- the panel in the terminal ---------------------------------------------------------------


def _show(arguments: argparse.Namespace) -> int:
    """Show the running box's lamps; keys press the buttons of a simulated panel."""
    from appliance.cli.session import ask_running

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(_face(ask_running(arguments, "status"), ""))
        return 0
    import termios
    import tty

    said = ""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        while True:
            draw_anew(_face(ask_running(arguments, "status"), said))
            if not select.select([sys.stdin], [], [], LOOK_EVERY)[0]:
                continue
            # Not by the stream: of what is typed at once it would keep the rest, a STOP too, until
            # the next key.
            keys = os.read(sys.stdin.fileno(), 1024).decode(errors="replace")
            for key in keys:
                if key in ENDS:
                    return 0
                if key in KEYS:
                    said = _press(arguments, key)
            if not keys:
                return 0  # The terminal is gone.
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _press(arguments: argparse.Namespace, key: str) -> str:
    from appliance.cli.session import ask_running

    press, words = KEYS[key]
    try:
        ask_running(arguments, "panel", {"press": press})
    except Refused as refused:
        if press != "stop":
            return with_remedy(refused)
        # A real panel has no fingers here, but nobody who asks for a stop is sent away.
        ask_running(arguments, "stop")
        return worded("stopped by command")
    return worded("pressed: {words}", words=words)


def _face(status: dict[str, Any], said: str) -> str:
    lamps = status.get("lamps", {})
    bench = say("bench").upper() if status.get("bench") else ""
    rows = [f"{status['box']}  {bench}".rstrip(), ""]
    rows += [
        f"  ( {'#' if pattern != 'off' else ' '} )  {say(name):<8} {say(pattern)}"
        for name, pattern in lamps.items()
    ]
    rows += ["", say(status["why"]["sentence"])]
    fault = say("FAULT")
    rows += [
        say(joined(": ", [fault, say(one["meaning"]), say(one["remedy"])]))
        for one in status["faults"]
    ]
    keys = "   ".join(f"{key} {say(words)}" for key, (_, words) in KEYS.items())
    rows += ["", f"{keys}   q " + say("quit")]
    return "\n".join([*rows, say(said)] if said else rows)


# --- the walk through ------------------------------------------------------------------------


def _test(arguments: argparse.Namespace) -> int:
    """Light each lamp and ask whether it does; wait for each button."""
    from appliance.box.wiring import open_panel
    from appliance.cli.session import ask_running
    from appliance.config import load as configuration
    from appliance.storage.files import StateLock
    from firmware.clock import SystemClock
    from firmware.events import StartPressed, StopRaised, StopReleased
    from firmware.gpio.lamp import Blink, Lamp

    config = configuration.load(arguments.config, state=arguments.state)
    say = translator(config.settings.language)
    try:
        ask_running(arguments, "status")
    except NobodyListens:
        pass
    else:
        raise Refused(
            worded("the box runs, and the panel is its own"),
            worded("stop both, then test: systemctl stop autodialer autodialer-supervisor"),
        )
    with ExitStack() as at_end:
        # No box starts meanwhile.
        at_end.enter_context(StateLock.acquire(config.state))
        seen: queue.SimpleQueue[Event] = queue.SimpleQueue()
        panel = open_panel(config, post=seen.put, stop_lines=lambda: None, clock=SystemClock(1.0))
        if panel is None:
            raise Refused(
                worded("the configuration says panel: none"), worded("write the panel's pins")
            )
        at_end.callback(panel.close)
        time.sleep(1.2)  # the lamp test of every start
        failed = []
        for lamp in Lamp:
            if lamp is Lamp.HEARTBEAT:
                continue
            panel.show({each: Blink.ON if each is lamp else Blink.OFF for each in Lamp})
            question = say("Does the lamp {lamp} light up, and only that one? [y/n] ")
            if not _yes(question.format(lamp=say(lamp.value))):
                failed.append(worded("lamp {lamp}", lamp=worded(lamp.value)))
        panel.show(dict.fromkeys(Lamp, Blink.OFF))
        for name, wanted, text in (
            ("start", StartPressed, say("Press START shortly.")),
            ("stop", StopRaised, say("Press STOP.")),
            (worded("stop released"), StopReleased, say("Release STOP.")),
        ):
            print(say(text), flush=True)
            if not _came(seen, wanted):
                print(say("Nothing came: check the button's wires and its pin."))
                failed.append(name)
    if failed:
        print(say("FAILED: {what}").format(what=", ".join(map(say, failed))))
        return 1
    print(say("Every lamp and button works."))
    return 0


def _yes(question: str) -> bool:
    return typed(question).strip().casefold() in ("y", "yes", "o", "oui")


def _came(seen: queue.SimpleQueue[Event], wanted: type[object]) -> bool:
    until = time.monotonic() + PRESS_WITHIN
    while time.monotonic() < until:
        try:
            if isinstance(take_within(seen, until - time.monotonic()), wanted):
                return True
        except queue.Empty:
            break
    return False
