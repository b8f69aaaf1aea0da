"""What a voice path tells, and a box that fails at it: counted, logged once, shown."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.clock import SystemClock
from firmware.families import FAMILIES
from firmware.faults import Fault
from firmware.line.status import LineStatus
from firmware.line_settings import LineSettings
from firmware.voice.path import AudioCallbacks, AudioCounters, Reporter, SilentPath
from tests.support.line_context import line_context


def fails(error: Exception) -> None:
    raise error


def test_the_first_defect_of_each_kind_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters = AudioCounters()
    report = Reporter("voice port one", counters)
    for error in (ValueError("a"), ValueError("b"), KeyError("c")):
        report(fails, error)
    assert counters.callback_errors == 3
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert all("voice port one" in record.getMessage() for record in caplog.records)
    assert caplog.text.count("Traceback") == 2
    assert "ValueError: a" in caplog.text


def test_what_is_told_arrives(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, float]] = []
    counters = AudioCounters()
    Reporter("one", counters)(lambda what, at: told.append((what, at)), "started", at=1.0)
    assert told == [("started", 1.0)]
    assert (counters, caplog.records) == (AudioCounters(), [])


class Stream(SilentPath):
    kind = "pcm-serial"


def path(kind: type[SilentPath] = SilentPath) -> SilentPath:
    def nothing(*_what: object) -> None: ...

    callbacks = AudioCallbacks(
        on_started=nothing, on_finished=nothing, on_downlink=nothing, on_failed=nothing
    )
    return kind(clock=SystemClock(), callbacks=callbacks)


def test_status_counts_over_every_path_that_the_line_had() -> None:
    """A line that reopens its voice would otherwise forget that it was deaf."""
    status = LineStatus(line_context())
    first, second = path(), path()
    status.took_path(first, None)
    first.counters.late, first.counters.callback_errors = 3, 1
    status.took_path(second, "the stream was given up")
    second.counters.late, second.counters.blocked = 4, 5
    told = status.describe(in_call=False)
    assert told["voice"] == {
        "frames_sent": 0,
        "late": 7,
        "blocked": 5,
        "bytes_received": 0,
        "callback_errors": 1,
    }
    assert (told["audio_note"], told["voice_failed"]) == ("the stream was given up", None)


@pytest.mark.parametrize(
    ("kind", "module_hears", "tests_keys", "unfit"),
    [
        (Stream, True, False, None),
        (Stream, False, False, Fault.KEYS_UNHEARD),
        # Keys without a voice: people would be rung into silence, one after another.
        (SilentPath, True, False, Fault.AUDIO_UNUSABLE),
        (SilentPath, False, False, Fault.AUDIO_UNUSABLE),
        (Stream, False, True, None),
        (SilentPath, False, True, None),
    ],
)
def test_who_may_be_called_on_a_line(
    kind: type[SilentPath], module_hears: bool, tests_keys: bool, unfit: Fault | None
) -> None:
    settings = LineSettings(name="one", port="/dev/none", tests_keys=tests_keys)
    status = LineStatus(line_context(settings))
    family = FAMILIES["sim7600" if module_hears else "a76xx"]
    status.identity = cast(Any, SimpleNamespace(family=family))
    status.took_path(path(kind), None)
    found = status.unfit()
    assert (None if found is None else found[0]) is unfit
