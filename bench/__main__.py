"""Run every measurement and write ``build/bench.json``.

Each module of this package with a function ``run() -> list[dict]`` contributes rows
``{name, value, unit, n}``; the machine is added here. Name modules to run only those:
``python -m bench emergency storage``; figures of other modules that the file holds are kept then.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import bench

OUTPUT = Path("build/bench.json")

Row = dict[str, object]


def machine() -> str:
    """Return what the figures were measured on."""
    return f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}"


def measurements() -> dict[str, ModuleType]:
    """The modules that measure something, by name."""
    names = sorted(info.name for info in pkgutil.iter_modules(bench.__path__))
    found = {name: importlib.import_module(f"bench.{name}") for name in names if name != "__main__"}
    return {name: module for name, module in found.items() if hasattr(module, "run")}


def main() -> int:
    known = measurements()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    names = parser.parse_args().names
    unknown = sorted(set(names) - set(known))
    if unknown:
        parser.error(f"no measurement is called {', '.join(unknown)}; there are {', '.join(known)}")
    rows: list[Row] = []
    for module, measurement in known.items():
        if names and module not in names:
            continue
        started = time.perf_counter()
        print(f"== {module}", flush=True)
        found = measurement.run()
        table = getattr(measurement, "table", None)
        if table is None:
            show(found)
        else:
            print(table(found))
        rows += found
        print(f"  {time.perf_counter() - started:.1f} s", flush=True)
    keep(rows, alone=not names)
    return 0


def show(rows: Iterable[Row]) -> None:
    """Print figures, one a line."""
    for row in rows:
        print(f"  {row['name']:<58} {row['value']!s:>14} {row['unit']}  (n={row['n']})")


def keep(rows: Iterable[Row], *, alone: bool = False) -> None:
    """Write figures to the file: *alone*, or in place of those with the same names."""
    fresh = [{**row, "machine": machine()} for row in rows]
    names = {row["name"] for row in fresh}
    with contextlib.suppress(FileNotFoundError, ValueError):
        old = [] if alone else json.loads(OUTPUT.read_text(encoding="utf-8"))
        fresh = [row for row in old if row["name"] not in names] + fresh
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(fresh, indent=1) + "\n", encoding="utf-8")
    print(f"{len(fresh)} figures in {OUTPUT}")


if __name__ == "__main__":
    sys.exit(main())
