"""What holds for every test: small matrices on one thread, and no judging by the clock."""

from __future__ import annotations

import gc
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before numpy is imported: threads over small matrices only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

THOROUGH = bool(os.environ.get("THOROUGH"))
"""Set by ``make check``: the same tests, with more random examples."""

# No deadline: a busy machine is no fault of the code under test.
settings.register_profile(
    "ours",
    max_examples=200 if THOROUGH else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("ours")

PURE = "not pty and not process"
WIRED = "pty or process"
_WHOLE_FILE = re.compile(r"^pytestmark = pytest\.mark\.(pty|process)$", re.MULTILINE)
_ANY = re.compile(r"\bpytest\.mark\.(pty|process)\b")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import a file of which the two halves of the suite would select nothing."""
    chosen = config.option.markexpr
    if chosen not in (PURE, WIRED) or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    if chosen == PURE:
        return True if _WHOLE_FILE.search(text) else None
    return None if _ANY.search(text) else True


def pytest_collection_finish() -> None:
    """Keep what collection left behind out of every later round of the garbage collector."""
    gc.collect()
    gc.freeze()
