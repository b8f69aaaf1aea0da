"""One JSON document with ``--json``; the words for a person stand beside it, on standard error."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def beside(arguments: argparse.Namespace) -> Iterator[None]:
    """Let what is printed within be no part of the answer, where that is JSON."""
    if not arguments.json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def answered(arguments: argparse.Namespace, told: dict[str, Any]) -> None:
    """Print *told* where JSON is asked for; a person has the words."""
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False), flush=True)
