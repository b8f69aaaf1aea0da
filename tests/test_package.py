"""What the package leaves out of its libraries to be small, no module of the box asks for."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import contacts, fleet_orders
from appliance.control.protocol import FILE_LIMIT
from appliance.provisioning import folder

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


def as_box() -> str:
    return str(runpy.run_path(str(ROOT / "debian" / "assemble.py"))["as_box"]())


def test_the_command_hands_over_as_much_as_the_box_takes() -> None:
    program = as_box().replace("\nmain()\n", "\n")
    names: dict[str, Any] = {"__name__": "as-box"}
    exec(compile(program, "as-box", "exec"), names)  # noqa: S102
    assert names["LIMIT"] == FILE_LIMIT
    # So do the other ways by which people's files come in.
    assert folder.LIMITS[folder.CONTACTS] == FILE_LIMIT
    assert {vars(module)["FILE_LIMIT"] for module in (contacts, fleet_orders)} == {FILE_LIMIT}


@pytest.mark.parametrize("more", [0, 1])
def test_a_private_file_is_handed_over_whole_or_refused(
    more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {"__name__": "as-box"}
    exec(compile(as_box().replace("\nmain()\n", "\n"), "as-box", "exec"), names)  # noqa: S102
    names["readable"] = lambda *_: False
    names["LIMIT"] = 1 << 20
    private = tmp_path / "people.csv"
    private.write_bytes(b"x" * ((1 << 20) + more))
    if more:
        with pytest.raises(SystemExit, match="larger than 1 MiB"):
            names["hand_over"](str(private), None)
        return
    handed = Path(names["hand_over"](str(private), None))
    assert handed.read_bytes() == private.read_bytes()
    os.close(int(handed.name))


@pytest.mark.process
def test_no_module_of_the_box_asks_for_what_the_package_leaves_out() -> None:
    done = import_all()
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.process
def test_a_module_that_did_would_be_seen() -> None:
    done = import_all("rich.markdown")
    assert done.returncode != 0
    assert "not in the package" in done.stderr
