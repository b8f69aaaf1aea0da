"""``autodialer [--config FILE] [--state DIR] COMMAND``: finds the command and reports its errors.

Only the module of the chosen command is imported, so that ``status`` on a Pi does not wait for
what ``demo`` needs. Exit codes: 0 done, 1 refused or failed, 2 usage or configuration.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance import __version__
from appliance.cli.streams import safe_output

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "run the whole box on simulated modems"),
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
    "fleet": ("fleet", "many boxes, one campaign: hub, members, stop, audit"),
}

SYSTEM_CONFIG = Path("/etc/autodialer/config.yaml")


def default_config() -> Path:
    """Return ./config.yaml, else the system's, else the shipped sample."""
    from appliance.config.paths import sample_config

    for candidate in (Path("config.yaml"), SYSTEM_CONFIG):
        if candidate.exists():
            return candidate
    return sample_config()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # The matrices of the key detector are tiny: numpy's threads only wait for each other, most on
    # a loaded Pi.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = sys.argv[1:] if argv is None else list(argv)
    with safe_output(next((word for word in given if word in COMMANDS), "")):
        return _run(given)


def _run(argv: Sequence[str]) -> int:
    parser = _parser()
    top = parser.parse_args(argv)
    if not top.command:
        parser.error("name a command; autodialer --help lists them")
    if top.command not in COMMANDS:
        parser.error(f"{top.command!r} is not a command; known: {', '.join(COMMANDS)}")
    module = importlib.import_module(f"appliance.cli.{COMMANDS[top.command][0]}")
    sub = argparse.ArgumentParser(
        prog=f"autodialer {top.command}", description=COMMANDS[top.command][1]
    )
    sub.set_defaults(command=top.command)
    sub.add_argument("--config", type=Path, default=top.config, help=argparse.SUPPRESS)
    sub.add_argument("--state", type=Path, default=top.state, help="use this state directory")
    module.add_arguments(sub)
    arguments = sub.parse_args(top.rest)
    if arguments.config is None:
        arguments.config = default_config()
    try:
        return int(module.run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        code = _report(error)
        if code is None:
            raise
        return code


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="autodialer",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Calls people who asked to be called, when they asked, and nobody else.",
        epilog=f"commands:\n{listing}\n\nautodialer COMMAND --help tells more.",
    )
    parser.add_argument("--config", type=Path, default=None, help="configuration file")
    parser.add_argument("--state", type=Path, default=None, help="use this state directory")
    parser.add_argument("--version", action="version", version=f"autodialer {__version__}")
    parser.add_argument("command", metavar="COMMAND", nargs="?", default="")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _report(error: Exception) -> int | None:
    """Print an expected error with its remedy and return the exit code; None for a bug."""
    from appliance.errors import NobodyListens, Refused
    from firmware.errors import FirmwareError
    from firmware.yaml_document import DocumentFaulty

    remedy = getattr(error, "remedy", "")
    if isinstance(error, DocumentFaulty):
        print(error, file=sys.stderr)
        count = len(error.faults)
        print(f"autodialer: {count} fault{'s' if count != 1 else ''}", file=sys.stderr)
        return 2
    if isinstance(error, NobodyListens):
        print("autodialer: no box is running here; start one with: autodialer run", file=sys.stderr)
        return 1
    if isinstance(error, Refused | FirmwareError) or hasattr(error, "remedy"):
        print(f"autodialer: {error}{f'; {remedy}' if remedy else ''}", file=sys.stderr)
        return 1
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        remedy = ""
        if isinstance(error, PermissionError):
            remedy = "; run the command as the box's user, for example with sudo -u autodialer"
        print(f"autodialer: {place}{error.strerror or error}{remedy}", file=sys.stderr)
        return 1
    return None


if __name__ == "__main__":
    sys.exit(main())
