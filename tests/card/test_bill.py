"""The bill of materials: what dpkg and the wheels say, and nothing invented."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

IMAGE = Path(__file__).parents[2] / "debian" / "image"
BILL = runpy.run_path(str(IMAGE / "bill.py"))
STATUS = """\
Package: rauc
Status: install ok installed
Architecture: arm64
Version: 1.8-2
Description: update
 of systems
 .
 Version: 9 is only text

Package: gone
Status: deinstall ok config-files
Architecture: arm64
Version: 1

Package: bare
Status: install ok installed
Architecture: all
Version: 2:3
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: somebody
License: LGPL-2.1

Files: debian/*
License: GPL-2+ or MIT

License: LGPL-2.1
 On Debian systems: see /usr/share/common-licenses.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "var/lib/dpkg/status": STATUS,
        "usr/share/doc/rauc/copyright": COPYRIGHT,
        "usr/share/doc/bare/copyright": "All of this may be used by anybody.\n",
        "usr/share/doc/autodialer/bill-of-materials.json": json.dumps(
            {"components": [{"name": "PyYAML", "version": "6", "licence": "MIT License"}]}
        ),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_is_installed_stands_in_it_with_its_licences(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "card.cdx.json"
    firmware = tmp_path / "firmware"
    firmware.mkdir()
    (firmware / "u-boot-rpi_2023.01_arm64.deb").touch()
    (firmware / "u-boot-qemu_2023.01_all.deb").touch()
    assert BILL["written"](tree, firmware, target, 0) == 4
    told: dict[str, Any] = json.loads(target.read_text())
    found = {
        part["name"]: (part["version"], [one["license"]["name"] for one in part["licenses"]])
        for part in told["components"]
    }
    assert found == {
        "rauc": ("1.8-2", ["LGPL-2.1", "GPL-2+ or MIT"]),
        "bare": ("2:3", ["see copyright file"]),
        "PyYAML": ("6", ["MIT License"]),
        "u-boot-rpi": ("2023.01", ["see copyright file"]),
    }
    first = target.read_bytes()
    BILL["written"](tree, firmware, target, 0)
    assert target.read_bytes() == first


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        ("Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n", True),
        ("deb [arch=amd64] http://mirror.example/debian bookworm main\n", True),
        ("deb http://mirror.example/debian/ bookworm main\n", True),
        ("URIs: http://mirror.example/debian-security\n", False),
        ("# deb http://mirror.example/debian bookworm main\n", False),
        ("deb http://mirror.example/ubuntu jammy main\n", False),
    ],
)
def test_the_machines_own_archive_is_found(
    text: str, mirror: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(IMAGE), *sys.path])
    make = runpy.run_path(str(IMAGE / "make.py"))
    (tmp_path / "one.sources").write_text(text)
    found = make["machine_mirror"](tmp_path)
    assert found == ("http://mirror.example/debian" if mirror else None)
