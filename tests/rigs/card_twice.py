"""Is a card made of the same packages the same card? ``make image-twice``.

Makes the card of ``make image`` a second time, from the packages that its lock names, in a folder
of its own, and compares both byte for byte. Where they differ it names the files of the root that
do.
What is signed is not compared: each signature has a number of chance in it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "image"
COMPARED = (".img", ".img.xz", ".lock", ".cdx.json")
MOST_NAMED = 40


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def tree(place: Path) -> dict[str, tuple[object, ...]]:
    """Return what a file system made of the tree at *place* would hold, by path."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (place, *place.rglob("*")):
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif stat.S_ISREG(status.st_mode):
            content = digest(path)
        owner = (status.st_uid, status.st_gid)
        # A folder's own size says how it grew on this computer.
        found[str(path.relative_to(place))] = (status.st_mode, owner, int(status.st_mtime), content)
    return found


def differences(
    first: dict[str, tuple[object, ...]], second: dict[str, tuple[object, ...]]
) -> Iterator[str]:
    """Yield each path that is not the same in both, and in what."""
    parts = ("mode", "owner", "time", "content")
    for path in sorted(first.keys() | second.keys()):
        one, other = first.get(path), second.get(path)
        if one is None or other is None:
            yield f"{path}: only in the {'second' if one is None else 'first'}"
        elif one != other:
            pairs = zip(parts, one, other, strict=True)
            yield f"{path}: {', '.join(what for what, a, b in pairs if a != b)}"


def main() -> int:
    """Make it again and compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", default="bookworm")
    parser.add_argument("--into", type=Path, default=BUILD / "again")
    parser.add_argument("--made", action="store_true", help="compare what is there already")
    arguments = parser.parse_args()
    name = f"autodialer-{arguments.release}-arm64"
    missing = [end for end in COMPARED if not (BUILD / f"{name}{end}").exists()]
    if missing:
        print(f"card_twice: {name}{missing[0]} is not there: make image", file=sys.stderr)
        return 1
    if not arguments.made:
        began = time.monotonic()
        words = [
            *(sys.executable, str(ROOT / "debian/image/make.py"), "--release", arguments.release),
            *("--lock", str(BUILD / f"{name}.lock"), "--into", str(arguments.into)),
        ]
        if os.environ.get("MIRROR"):
            words += ["--mirror", os.environ["MIRROR"]]
        subprocess.run(words, check=True)
        print(f"made again in {time.monotonic() - began:.0f} s")
    same = True
    for end in COMPARED:
        first, second = (digest(place / f"{name}{end}") for place in (BUILD, arguments.into))
        same &= first == second
        print(f"{name}{end}: {'the same' if first == second else 'NOT THE SAME'}, {first[:16]}")
    if not same:
        folder = name.removeprefix("autodialer-")
        trees = [tree(place / folder / "root") for place in (BUILD, arguments.into)]
        named = list(differences(*trees))
        print("\n".join(named[:MOST_NAMED]) or "every file of the root is the same")
        print(f"{len(named)} paths of the root differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
