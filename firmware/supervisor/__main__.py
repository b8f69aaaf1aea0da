"""``python -m firmware.supervisor watch`` and ``hang-up``: what the service manager runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

USAGE = """\
usage: autodialer-supervisor [--run DIR] [--state DIR] watch | hang-up

  watch    watch the stop contact and the box, and hang up where the box does not
  hang-up  end every call of a box that has ended (the service manager's ExecStopPost=)

  --run    folder of the socket; default $AUTODIALER_SUPERVISOR, else STATE/supervisor
  --state  the box's state directory; default $STATE_DIRECTORY
"""
HANG_UP_SECONDS = 8.0


def main(argv: list[str] | None = None) -> int:
    """Run one command; 2 on wrong usage, 1 where a line could not be proven silent."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = {"--run": os.environ.get("AUTODIALER_SUPERVISOR", ""), "--state": ""}
    # systemd gives several directories separated by colons; the box's is the first.
    options["--state"] = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    while words and words[0] in options:
        name = words.pop(0)
        if not words:
            return _usage(f"{name} needs a folder")
        options[name] = words.pop(0)
    if len(words) != 1 or words[0] not in ("watch", "hang-up"):
        return _usage(
            "name watch or hang-up" if not words else f"not understood: {' '.join(words)}"
        )
    if not options["--state"]:
        return _usage("name the state directory with --state")
    state = Path(options["--state"])
    run = Path(options["--run"]) if options["--run"] else state / "supervisor"
    return _watch(run, state) if words[0] == "watch" else _hang_up(run, state)


def _usage(fault: str) -> int:
    print(f"autodialer-supervisor: {fault}\n\n{USAGE}", end="", file=sys.stderr)
    return 2


def _watch(run: Path, state: Path) -> int:
    from firmware.supervisor.process import Supervisor

    supervisor = Supervisor(run, state)
    try:
        supervisor.start()
    except OSError as error:
        print(f"autodialer-supervisor: {run}: {error.strerror or error}", file=sys.stderr)
        return 1
    supervisor.run()
    return 0


def _hang_up(run: Path, state: Path) -> int:
    from firmware.supervisor.messages import MESSAGE_BYTES, SOCKET, channel, decode, send

    peer = channel()
    peer.settimeout(HANG_UP_SECONDS)
    try:
        peer.connect(str(run / SOCKET))
        send(peer, {"hang_up": True})
        if decode(peer.recv(MESSAGE_BYTES)) is not None:
            print("the supervisor has hung up on every line")
            return 0
    except OSError:
        pass  # Nobody watches, or too long: then it is done here.
    finally:
        peer.close()
    return _hang_up_here(state)


def _hang_up_here(state: Path) -> int:
    from firmware.supervisor.plan import Notes
    from firmware.supervisor.silence import hang_up

    plan = Notes(state).load_plan()
    if plan is None:
        print(f"autodialer-supervisor: {state} holds no plan of a box", file=sys.stderr)
        return 1
    silent = hang_up(plan, HANG_UP_SECONDS)
    names = {line.name for line in plan.lines}
    for name in sorted(names):
        how = "hung up, the call list is empty" if name in silent else "NOT PROVEN SILENT"
        print(f"{name}: {how}")
    return 0 if names <= silent else 1


if __name__ == "__main__":
    sys.exit(main())
