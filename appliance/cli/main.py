"""``autodialer [--config FILE] [--state DIR] COMMAND``: finds the command and reports its errors.

Only the module of the chosen command is imported, so that ``status`` on a Pi does not wait for
what ``demo`` needs; this module itself imports nothing before :func:`main` has said what an early
Ctrl-C does. Exit codes: 0 done, 1 refused or failed, 2 usage or configuration.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType
    from typing import Any

    from appliance.cli.parser import CommandParser

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "run the whole box on simulated modems"),
    "rehearse": ("rehearse", "your configuration, clips and people on simulated modems"),
    "run": ("run", "run the box in the foreground (systemd runs this)"),
    "check": ("check", "check configuration, clips and law profile"),
    "contacts": ("contacts", "import, list, revoke, erase, expire and export people"),
    "messages": ("messages", "text messages that wait for a person to read them"),
    "why": ("why", "explain whether and when a number may be called"),
    "dossier": ("dossier", "everything held about one person"),
    "status": ("running", "show what the running box does"),
    "watch": ("running", "show it live"),
    "pause": ("running", "place no further calls"),
    "resume": ("running", "go on placing calls"),
    "stop": ("running", "emergency stop: silence and hang up everything, latched"),
    "reset": ("running", "clear the emergency stop, deliberately"),
    "clock": ("clock", "what the clock is believed for; the way back after it ran ahead"),
    "ledger": ("ledger", "verify, show and export the evidence"),
    "report": ("report", "the campaign, for people"),
    "doctor": ("doctor", "every part of the box, its state and the remedy"),
    "modem": ("modem", "list, probe, record and self-test modems"),
    "simulate": ("simulate", "virtual modems on pseudo-terminals, for any program"),
    "audio": ("audio", "check and prepare clips, find keys in recordings"),
    "panel": ("panel", "the lamps and buttons: shown here, tested, printed on a card"),
    "provision": ("provision", "configuration and people by stick: pack, check, apply a folder"),
    "update": ("update", "a new system from a stick, on a card that has two"),
    "fleet": ("fleet", "many boxes, one campaign: hub, members, stop, audit"),
    "config": ("config", "make a configuration, and explain its keys"),
    "completion": ("completion", "commands for your shell to complete, and the manual page"),
}

QUICK = frozenset(
    "check why dossier status pause resume stop reset clock ledger report doctor messages"
    " config completion audio".split()
)
"""Commands that answer and end: the memory of theirs that could be collected meanwhile is not
worth the time that looking for it takes, a tenth of all."""

SYSTEM_CONFIG = "/etc/autodialer/config.yaml"
DESCRIPTION = "Calls people who asked to be called, when they asked, and nobody else."


def default_config() -> Path:
    """Return ./config.yaml, else the system's, else the shipped sample."""
    from pathlib import Path

    from appliance.config.paths import sample_config

    for candidate in (Path("config.yaml"), Path(SYSTEM_CONFIG)):
        try:
            if candidate.exists():
                return candidate
        except PermissionError:
            # Root's home, from which the box's account was asked to act: it may not look there.
            continue
    return sample_config()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    import signal

    before = signal.getsignal(signal.SIGINT)
    try:
        # Until the command itself runs, Ctrl-C ends the program as it ends any other: silently.
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:
        # Not the main thread: signals are somebody else's.
        before = None
    import os

    from appliance.cli.streams import safe_output

    # The matrices of the key detector are tiny: numpy's threads only wait for each other, most on
    # a loaded Pi.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Else pydantic reads what every installed package says of itself, in search of plugins; and to
    # learn that there are none it loads what reads packages, mails and archives, a start of Python.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if os.environ["PYDANTIC_DISABLE_PLUGINS"] == "__all__":
        sys.modules.setdefault("pydantic.plugin._loader", _no_plugins())
    given = sys.argv[1:] if argv is None else list(argv)
    command = next((word for word in given if word in COMMANDS), "")
    alone = argv is None
    import gc

    if alone and command in QUICK:
        gc.disable()
    if alone:
        _tell_bugs_without_numbers()
    try:
        with safe_output(command):
            return _run(given, before)
    finally:
        if alone:
            # The process ends: nobody needs what a last collection would sort out.
            gc.freeze()
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _tell_bugs_without_numbers() -> None:
    """Print what ends a program or a thread that nobody foresaw, without telephone numbers.

    The text of an error names the value that was wrong, and under the service manager standard
    error is the journal.
    """
    import threading

    def told(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
        import traceback

        from appliance.numbers import said_by_a_person

        text = said_by_a_person("".join(traceback.format_exception(kind, error, trace)))
        print(text, end="", file=sys.stderr, flush=True)

    def of_thread(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_type is not SystemExit:
            told(ended.exc_type, ended.exc_value, ended.exc_traceback)

    sys.excepthook = told
    threading.excepthook = of_thread
    sys.unraisablehook = lambda lost: told(lost.exc_type, lost.exc_value, lost.exc_traceback)


def _no_plugins() -> ModuleType:
    """Return what stands for pydantic's search for plugins, where it finds none."""
    from types import ModuleType

    module = ModuleType("pydantic.plugin._loader")
    module.get_plugins = tuple  # type: ignore[attr-defined]
    return module


def command_parser(
    command: str, config: Path | None = None, state: Path | None = None
) -> CommandParser:
    """Return the parser of one command, with the options that all have."""
    import importlib
    from pathlib import Path

    from appliance.cli.parser import CommandParser

    module, text = COMMANDS[command]
    parser = CommandParser(prog=f"autodialer {command}", description=text)
    parser.set_defaults(command=command)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=config, help="configuration file"
    )
    parser.add_argument(
        "--state", type=Path, metavar="DIR", default=state, help="use this state directory"
    )
    importlib.import_module(f"appliance.cli.{module}").add_arguments(parser)
    return parser


def _run(argv: Sequence[str], interrupted: object) -> int:
    import importlib
    import signal

    top, as_json = _top(argv)
    parser = command_parser(top.command, top.config, top.state)
    arguments = parser.parse_args(top.rest)
    if arguments.config is None:
        arguments.config = default_config()
        # Found nowhere: the sample serves to look at, and for the demonstration.
        arguments.fallback = arguments.config.is_absolute() and (
            str(arguments.config) != SYSTEM_CONFIG
        )
    from appliance.cli.speech import choose

    choose(arguments)
    module = importlib.import_module(f"appliance.cli.{COMMANDS[top.command][0]}")
    try:
        if callable(interrupted):
            signal.signal(signal.SIGINT, interrupted)
        return int(module.run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        import os

        # The reader of our output (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from appliance.cli.failures import report

        code = report(error, as_json=as_json or bool(getattr(arguments, "json", False)))
        if code is None:
            raise
        return code


def _top(argv: Sequence[str]) -> tuple[argparse.Namespace, bool]:
    """Read what stands before the command; returns it, and whether JSON is asked for."""
    from appliance.cli.parser import closest, wants_json
    from firmware.wording import worded

    parser = top_parser()
    parser.as_json = as_json = wants_json(argv)
    top, rest = parser.parse_known_args(argv)
    before = argv[: argv.index(top.command)] if top.command in argv else argv
    for word in before:
        if word in rest and word.startswith("-") and word not in ("--json", "--"):
            options = ("--config", "--state", "--version", "--help")
            parser.error(
                worded(
                    "{names} is not known here{told}",
                    names=word[:60],
                    told=closest(word.partition("=")[0], options),
                )
            )
    if not top.command:
        parser.error(worded("name a command; autodialer --help lists them"))
    if top.command not in COMMANDS:
        parser.error(
            worded(
                "{command!r:.60} is not a command{closest}; known: {names}",
                command=top.command,
                closest=closest(top.command, COMMANDS),
                names=", ".join(COMMANDS),
            )
        )
    return top, as_json


def top_parser() -> CommandParser:
    """Return the parser of what stands before the command."""
    import argparse
    from pathlib import Path

    from appliance import __version__
    from appliance.cli.parser import CommandParser

    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    parser = CommandParser(
        prog="autodialer",
        description=DESCRIPTION,
        epilog=f"commands:\n{listing}\n\nautodialer COMMAND --help tells more.",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=None, help="configuration file"
    )
    parser.add_argument(
        "--state", type=Path, metavar="DIR", default=None, help="use this state directory"
    )
    parser.add_argument("--version", action="version", version=f"autodialer {__version__}")
    parser.add_argument("command", metavar="COMMAND", nargs="?", default="")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
