"""Run every measurement and write ``build/bench.json``.

Each module of this package with a function ``run() -> list[dict]`` contributes rows
``{name, value, unit, n}``; the machine is added here. Name modules to run only those:
``python -m bench emergency storage``; figures of other modules that the file holds are kept then.
"""

from __future__ import annotations

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

import bench

OUTPUT = Path("build/bench.json")

Row = dict[str, object]


def machine() -> str:
    """Return what the figures were measured on."""
    return f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}"


def main(names: list[str]) -> int:
    rows: list[Row] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(bench.__path__)):
        if module == "__main__" or (names and module not in names):
            continue
        measurement = importlib.import_module(f"bench.{module}")
        run = getattr(measurement, "run", None)
        if run is None:
            continue
        started = time.perf_counter()
        print(f"== {module}", flush=True)
        found = run()
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
    sys.exit(main(sys.argv[1:]))
