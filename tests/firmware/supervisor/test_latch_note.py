"""The note of a stop, as others read it while it is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.supervisor.plan import Notes

CALLS = ("open", "write", "pwrite", "fsync", "fdatasync", "replace", "rename", "close")
"""Behind each of these somebody else may look."""


def watched(monkeypatch: pytest.MonkeyPatch, notes: Notes) -> list[str | None]:
    """Return what stands, as it is seen behind each call of the system; it grows."""
    seen: list[str | None] = []
    looking = [False]

    def watch(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            result = call(*given, **named)
            if not looking[0]:
                looking[0] = True
                seen.append(notes.latched())
                looking[0] = False
            return result

        return called

    for name in CALLS:
        monkeypatch.setattr(os, name, watch(getattr(os, name)))
    return seen


@pytest.mark.parametrize(
    ("before", "source"),
    [(None, None), (None, "command"), ("button", None), ("button", "command"), ("free", "button")],
)
def test_who_looks_while_a_stop_is_noted_sees_the_one_before_or_this(
    before: str | None, source: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = Notes(tmp_path / "state")
    if before == "free":
        notes.release()
    elif before is not None:
        notes.latch(before)
    stood = notes.latched()
    seen = watched(monkeypatch, notes)
    if source is None:
        notes.release()
    else:
        notes.latch(source)
    assert seen
    assert set(seen) <= {stood, source}
    assert notes.latched() == source
