"""What the package leaves out of its libraries to be small, no module of the box asks for."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAM = """
import importlib, pkgutil, sys

LEFT_OUT = {left_out!r}

class Package:
    "Finds nothing that the package does not have."

    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in LEFT_OUT):
            raise ModuleNotFoundError("not in the package: " + name, name=name)

sys.meta_path.insert(0, Package())
for name in {extra!r}:
    importlib.import_module(name)
for room in ("firmware", "appliance"):
    for module in pkgutil.walk_packages([room], room + "."):
        importlib.import_module(module.name)
"""


def import_all(*extra: str) -> subprocess.CompletedProcess[str]:
    """Import every module where only what the package holds is found."""
    unread = runpy.run_path(str(ROOT / "debian" / "assemble.py"))["UNREAD"]
    left_out = [name.replace("/", ".") for name in unread]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(left_out=left_out, extra=extra)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.process
def test_no_module_of_the_box_asks_for_what_the_package_leaves_out() -> None:
    done = import_all()
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.process
def test_a_module_that_did_would_be_seen() -> None:
    done = import_all("rich.markdown")
    assert done.returncode != 0
    assert "not in the package" in done.stderr
