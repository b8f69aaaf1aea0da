"""The first boot from a folder on the boot partition, cut at every system call that changes a file.

``python -m tests.rigs.first_boot`` kills the real process at the first, second, ... call of each
kind (strace injects the signal), starts the box's units again as the next boot would, and judges:
the box has the configuration, the people and the withdrawals of the folder, or nothing of it; then
all of it. It prints a table and ends with 1 if any cut left anything else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.config.unconfigured import is_unconfigured
from appliance.provisioning.beside import is_sealed
from appliance.provisioning.folder import LISEZMOI, README, SAMPLE
from tests.support.provisioning import Place

CALLS = (
    "mkdir,mkdirat",
    "rename,renameat,renameat2",
    "fsync,fdatasync",
    "unlink,unlinkat,rmdir",
    "symlink,symlinkat,link,linkat",
    "write,pwrite64",
    "ftruncate,fchmod,chmod,flock",
)
"""Each kind is counted by itself."""
NOTES = (README, LISEZMOI, SAMPLE)
ROOT = Path(__file__).parents[2]
_BOOT = """
import sys
import appliance.config.load as load
from appliance.cli.main import main
load._Checks._examine = lambda *_: None  # hearing the clips takes a second and writes nothing
config, state, boot, steps = sys.argv[1:]
for words in (
    ["settle"], ["apply", "--if-there", "--boot-partition", boot], ["notes", boot]
)[: int(steps)]:
    main(["--config", config, "--state", state, "provision", *words])
"""


class Violation(AssertionError):
    """A cut left what is neither of the two whole states."""


def new_box(root: Path, *, folder: bool) -> Place:
    """A box that nobody has configured; with *folder* somebody put one on its boot partition."""
    place = Place(root)
    place.config.unlink()
    if folder:
        place.folder()
    return place


def boot(place: Place, *before: str, settle_only: bool = False) -> int:
    """Run the units of one boot; *before* is what runs them. Returns how the process ended."""
    words = [sys.executable, "-c", _BOOT, str(place.config), str(place.state), str(place.stick)]
    words.append("1" if settle_only else "3")
    done = subprocess.run(
        [*before, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    return done.returncode


def cut(place: Place, calls: str, at: int) -> bool:
    """Boot, and kill it at the *at*-th of *calls*; False where it ended before."""
    injected = f"inject={calls}:signal=SIGKILL:when={at}"
    ended = boot(place, "strace", "-f", "-qq", "-o", "/dev/null", "-e", injected)
    return ended not in (0, 1)


def judge(place: Place, *, folder: bool) -> str:
    """Boot after the cut; return which state it had been in. Raises Violation."""
    # The point of no return may have been passed: then it is finished first.
    before = (
        not is_unconfigured(place.config),
        (place.state / "provisioning/pending.json").exists(),
    )
    boot(place, settle_only=True)
    state = (not is_unconfigured(place.config), place.names())
    if state not in ((False, []), (True, ["Ada"])):
        raise Violation(f"half of a folder: {state}")
    for again in (1, 2):
        if boot(place):
            raise Violation(f"boot {again} after the cut failed")
    beside = place.stick / "autodialer"
    if folder:
        if not place.is_new() or place.names() != ["Ada"] or not place.withdrawn():
            raise Violation("the next boot did not take the folder")
        if "REFUSED" in (beside / "RESULT.txt").read_text(encoding="utf-8"):
            raise Violation("what holds is told as refused")
    else:
        if not is_unconfigured(place.config):
            raise Violation("a configuration from nowhere")
        if not all(is_sealed((beside / name).read_bytes()) for name in NOTES):
            raise Violation("a note is not whole")
    if list(place.stick.rglob(".autodialer-*")):
        raise Violation("half a file was left")
    return "taken" if before[0] else "on its way" if before[1] else "untouched"


def matrix(*, folder: bool, every: int = 1) -> Counter[tuple[str, str]]:
    """Cut at each *every*-th call of each kind; count the states. Raises Violation."""
    seen: Counter[tuple[str, str]] = Counter()
    for calls in CALLS:
        at = 1 + (every > 1)
        while True:
            with TemporaryDirectory(prefix="autodialer-") as root:
                place = new_box(Path(root), folder=folder)
                if not cut(place, calls, at):
                    break
                try:
                    seen[calls.split(",")[0], judge(place, folder=folder)] += 1
                except Violation as found:
                    raise Violation(f"{calls}, call {at}: {found}") from found
            at += every
    return seen


def main() -> int:
    if shutil.which("strace") is None:
        print("needs strace", file=sys.stderr)
        return 2
    for folder in (False, True):
        print("with a folder:" if folder else "without a folder:")
        try:
            seen = matrix(folder=folder)
        except Violation as found:
            print(f"VIOLATION: {found}")
            return 1
        for (call, state), count in sorted(seen.items()):
            print(f"  {call:<10} {state:<10} {count:>4}")
        print(f"  {sum(seen.values())} cuts, each came up whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
