"""Audit the libraries of the packages: ``make audit``.

Without a network: each lock names every library that the project asks for, with a hash for each
file; the wheels that were fetched for a package are those, byte for byte; and each library's
licence is one that may travel with the box. With one: what is publicly known against these
versions (pip-audit over PyPI's and OSV's advisories). What could not be asked is said, and fails
nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

from assemble import SOURCE_ONLY

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "debian" / "lock"
WHEELS = ROOT / "build" / "deb"
EXTRAS = ("pi", "audio", "alsa", "fleet")
"""Those of pyproject.toml that a package carries (``make lock``)."""
FREE = re.compile(
    r"MIT|BSD|0BSD|Apache|PSF|Python Software Foundation|ISC|Zlib|CC0|unlicense|LGPL|Lesser General"
    r"|MPL|Mozilla",
    re.IGNORECASE,
)
"""Licences under which a library may be handed on inside the package, as a replaceable file."""
NOT_FREE = re.compile(
    r"(?<!L)(?<!Lesser )\b(AGPL|GPL|Affero)|proprietary|commercial", re.IGNORECASE
)

_NAME = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_UNKNOWN = "could not be audited"


def main(argv: list[str] | None = None) -> int:
    """Print what was found; 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__.splitlines()[0])
    parser.add_argument("--offline", action="store_true", help="ask no advisories")
    given = parser.parse_args(argv)
    faults: list[str] = []
    for lock in sorted(LOCKS.glob("box-*.txt")):
        pinned = read_lock(lock.read_text(encoding="utf-8"))
        found = [*lock_faults(pinned, asked(python_of(lock)))]
        wheels = sorted(WHEELS.glob(f"wheels-{python_of(lock)}-*/*.whl"))
        found += wheel_faults(wheels, pinned)
        faults += [f"{lock.name}: {fault}" for fault in found]
        hashes = sum(len(hashes) for _, hashes in pinned.values())
        fetched = f"{len(wheels)} wheels fetched" if wheels else "no wheels fetched yet (make deb)"
        print(f"{lock.name}: {len(pinned)} libraries, {hashes} hashes, {fetched}")
        if not given.offline:
            known, told = advisories(lock)
            faults += [f"{lock.name}: {fault}" for fault in known]
            print(f"{lock.name}: {told}")
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"{len(faults)} faults")
    return 1 if faults else 0


def python_of(lock: Path) -> str:
    """Return the Python that *lock* is for."""
    return lock.stem.removeprefix("box-")


def read_lock(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and hashes by normalised name (PEP 503)."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        named = _NAME.match(block)
        if named is None:
            continue
        name = normalised(named[1])
        before = found.get(name, ("", frozenset()))[1]
        found[name] = (named[2], before | frozenset(_HASH.findall(block)))
    return found


def normalised(name: str) -> str:
    """Return the one spelling under which a library is known (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked(python: str) -> frozenset[str]:
    """Return what the project itself asks for on *python*."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in EXTRAS:
        wanted += project["optional-dependencies"][extra]
    names = set()
    for requirement in wanted:
        limit = re.search(r"python_version < '([\d.]+)'", requirement)
        if limit is None or _parts(python) < _parts(limit[1]):
            names.add(normalised(re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]))
    return frozenset(names)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def lock_faults(
    pinned: dict[str, tuple[str, frozenset[str]]], wanted: frozenset[str]
) -> Iterator[str]:
    """What a lock lacks; without these the package would, or anybody could put a file under it."""
    for name in sorted(wanted - pinned.keys()):
        yield f"{name} is asked for in pyproject.toml and not locked; run: make lock"
    for name, (version, hashes) in sorted(pinned.items()):
        if not hashes:
            yield f"{name} {version} has no hash"


def wheel_faults(
    wheels: list[Path], pinned: dict[str, tuple[str, frozenset[str]]]
) -> Iterator[str]:
    """Wheels that are not what the lock names, or whose licence nobody may hand on."""
    for wheel in wheels:
        name = normalised(wheel.name.split("-")[0])
        if name == "autodialer":
            continue
        version, hashes = pinned.get(name, ("", frozenset()))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if not version:
            yield f"{wheel.name} is not locked"
        elif digest not in hashes and name not in SOURCE_ONLY:
            yield f"{wheel.name} is not the file that was locked"
        licence = licence_of(wheel)
        if not FREE.search(licence) or NOT_FREE.search(licence):
            yield f"{wheel.name}: licence {licence or 'not told'!r} is not known to be free"


def licence_of(wheel: Path) -> str:
    """Return what the wheel says of its licence."""
    with zipfile.ZipFile(wheel) as archive:
        inside = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(inside).decode("utf-8"))
    classifiers = [c for c in told.get_all("Classifier") or [] if c.startswith("License ::")]
    first = (told.get("License") or "").strip().split("\n")[0]
    return "; ".join(filter(None, (told.get("License-Expression"), *classifiers, first)))


def advisories(lock: Path) -> tuple[list[str], str]:
    """Ask what is publicly known against *lock*; the faults, and a line on how the asking went."""
    command = ["uv", "tool", "run", "pip-audit", "--requirement", str(lock), "--disable-pip"]
    tool = Path(sys.executable).with_name("uv")
    try:
        done = subprocess.run(
            [str(tool), *command[1:], "--no-deps", "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"advisories NOT asked: {error}"
    rows = [line for line in done.stdout.splitlines() if re.match(r"\S+ +\d[^ ]* +\S", line)]
    unknown = sum(_UNKNOWN in line for line in (done.stdout + done.stderr).splitlines())
    hits = [row for row in rows if _UNKNOWN not in row]
    if done.returncode and not hits:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return [], f"advisories NOT asked: {last[:200]}"
    if unknown:
        return hits, f"advisories: {unknown} libraries are unknown to the index that was asked"
    return hits, f"advisories: {len(hits)} known against these versions"


if __name__ == "__main__":
    sys.exit(main())
