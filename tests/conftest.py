"""What holds for every test: small matrices on one thread, and no judging by the clock."""

from __future__ import annotations

import gc
import os
import re
import signal
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.support")

# Collection makes a heap that stays: looking through it for garbage is in vain.
gc.disable()
# Before numpy is imported: threads over small matrices only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Whoever runs the tests, the box speaks English unless a test says otherwise.
os.environ["LC_ALL"] = "C.UTF-8"

# A shell lets what it starts in the background ignore SIGINT (POSIX 2.11), and all that is started
# from there: nothing would end by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What tests remember of clips is theirs, and is gone with them.
_CACHE = tempfile.TemporaryDirectory(prefix="autodialer-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

THOROUGH = bool(os.environ.get("THOROUGH"))
"""Set by ``make check``: the same tests, with new random examples each time, and more of them."""

# No deadline: a busy machine is no fault of the code under test.
settings.register_profile(
    "ours",
    max_examples=200 if THOROUGH else 15,
    deadline=None,
    derandomize=not THOROUGH,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("ours")

PURE = "not pty and not process"
WIRED = "pty or process"
_WHOLE_FILE = re.compile(r"^pytestmark = pytest\.mark\.(pty|process)$", re.MULTILINE)
_ANY = re.compile(r"\bpytest\.mark\.(pty|process)\b")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--share",
        metavar="K/N",
        help="only the K-th of N shares of the files: thousands of tests of a millisecond each "
        "are sooner run by processes that know nothing of each other than dealt out by xdist",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import a file of which nothing would be selected."""
    if collection_path.suffix != ".py":
        return None
    share = config.getoption("--share")
    if share is not None and collection_path not in _shared(share):
        return True
    chosen = config.option.markexpr
    if chosen not in (PURE, WIRED):
        return None
    text = collection_path.read_text(encoding="utf-8")
    if chosen == PURE:
        return True if _WHOLE_FILE.search(text) else None
    return None if _ANY.search(text) else True


@cache
def _shared(share: str) -> frozenset[Path]:
    """The files of share ``K/N``, the heaviest dealt out first, each to the lightest share.

    A file weighs what it has of tests and of rows in their tables.
    """
    mine, count = (int(part) for part in share.split("/"))
    weights = {}
    for path in Path(__file__).parent.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if not _WHOLE_FILE.search(text):
            weights[path] = text.count("def test_") + text.count("\n        (")
    shares: list[tuple[int, list[Path]]] = [(0, []) for _ in range(count)]
    for path in sorted(weights, key=lambda path: (-weights[path], path)):
        lightest = min(range(count), key=lambda number: shares[number][0])
        weight, files = shares[lightest]
        shares[lightest] = (weight + weights[path], [*files, path])
    return frozenset(shares[mine - 1][1])


def pytest_collection_finish() -> None:
    """Keep what collection left behind out of every later round of the garbage collector."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()
