"""The audit of the packages' libraries sees what is wrong, and that the locks are right."""

from __future__ import annotations

import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(sys, "path", [str(ROOT / "debian"), *sys.path])
    return runpy.run_path(str(ROOT / "debian" / "audit.py"))


@pytest.mark.parametrize("lock", sorted((ROOT / "debian" / "lock").glob("box-*.txt")))
def test_each_lock_has_all_that_the_project_asks_for_with_hashes(
    lock: Path, audit: dict[str, Any]
) -> None:
    pinned = audit["read_lock"](lock.read_text())
    wanted = audit["asked"](audit["python_of"](lock))
    assert {"jinja2", "pygal", "pyserial", "nats-py"} <= wanted
    assert list(audit["lock_faults"](pinned, wanted)) == []


def test_no_lock_asks_for_lgpio_where_no_wheel_is(audit: dict[str, Any]) -> None:
    assert "lgpio" in audit["asked"]("3.11")
    assert "lgpio" not in audit["asked"]("3.13")


def test_what_is_not_locked_and_what_has_no_hash_is_told(audit: dict[str, Any]) -> None:
    pinned = audit["read_lock"]("one==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\ntwo_b==2.0\n")
    found = list(audit["lock_faults"](pinned, frozenset({"one", "three"})))
    assert found == [
        "three is asked for in pyproject.toml and not locked; run: make lock",
        "two-b 2.0 has no hash",
    ]


def _wheel(folder: Path, licence: str) -> Path:
    path = folder / "one-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "one-1.0.dist-info/METADATA", f"Name: one\nLicense-Expression: {licence}\n"
        )
    return path


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD", True),
        ("LGPL-2.1-or-later", True),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", True),
        ("GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_a_wheel_is_what_was_locked_and_may_be_handed_on(
    licence: str, free: bool, tmp_path: Path, audit: dict[str, Any]
) -> None:
    wheel = _wheel(tmp_path, licence)
    told = list(audit["wheel_faults"]([wheel], {"one": ("1.0", frozenset({"0" * 64}))}))
    assert "is not the file that was locked" in told[0]
    assert len(told) == (1 if free else 2)
    assert "is not locked" in next(audit["wheel_faults"]([wheel], {}))
