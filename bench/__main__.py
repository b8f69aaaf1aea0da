"""Run every measurement and write ``build/bench.json``.

Each module of this package with a function ``run() -> list[dict]`` contributes rows
``{name, value, unit, n}``; the machine is added here. Name modules to run only those:
``python -m bench emergency storage``.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import platform
import sys
import time
from pathlib import Path

import bench

OUTPUT = Path("build/bench.json")


def machine() -> str:
    """Return what the figures were measured on."""
    return f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}"


def main(names: list[str]) -> int:
    rows: list[dict[str, object]] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(bench.__path__)):
        if module == "__main__" or (names and module not in names):
            continue
        run = getattr(importlib.import_module(f"bench.{module}"), "run", None)
        if run is None:
            continue
        started = time.perf_counter()
        print(f"== {module}", flush=True)
        for row in run():
            rows.append({**row, "machine": machine()})
            print(f"  {row['name']:<58} {row['value']!s:>14} {row['unit']}  (n={row['n']})")
        print(f"  {time.perf_counter() - started:.1f} s", flush=True)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} figures in {OUTPUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
