"""Why a line of the ledger is none, in words."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.effects import Record
from appliance.ledger import Ledger, read_entries
from appliance.ledger import format as ledger_format
from appliance.model import Outcome

_SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
_VALUES = st.recursive(
    _SCALARS | st.sampled_from(Outcome),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(), _VALUES, max_size=4), min_size=1, max_size=4))
def test_a_row_that_was_just_written_is_what_the_file_gives_back(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, object]]
) -> None:
    directory = tmp_path_factory.mktemp("ledger")
    records = [Record(kind="stop.pressed", data=data) for data in written]
    with Ledger.open(directory) as ledger:
        try:
            rows = ledger.append(records, datetime(2027, 3, 1, tzinfo=UTC))
        except ledger_format.RecordRefused:
            return
    assert rows == list(read_entries(directory))


@pytest.mark.parametrize("data", [{"a": math.nan}, {"a": math.inf}, {1: "a"}, {"a": "\ud800"}])
def test_what_would_not_come_back_is_refused(tmp_path: Path, data: dict[str, object]) -> None:
    with Ledger.open(tmp_path) as ledger, pytest.raises(ledger_format.RecordRefused):
        ledger.append([Record(kind="stop.pressed", data=data)], datetime(2027, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty line"),
        (b"{\0}", "bytes that no row contains"),
        (b"{\xff}", "bytes that no row contains"),
    ],
)
def test_why_a_line_is_none(raw: bytes, reason: str) -> None:
    assert ledger_format._why_not_a_line(raw) == reason


def test_other_bytes_are_not_called_impossible() -> None:
    assert ledger_format._why_not_a_line(b"nonsense") != "bytes that no row contains"


@pytest.mark.parametrize(
    ("mark", "batch"),
    [
        ([1, 1], (7, 7)),
        ([1, 3], (7, 9)),
        ([3, 3], (5, 7)),
        ([2], (7, 7)),
        ([2, 3, 4], (7, 7)),
        ([2, "3"], (7, 7)),
        ([True, 3], (7, 7)),
        ([2, 3.0], (7, 7)),
        ({"2": 3}, (7, 7)),
        ("23", (7, 7)),
        (None, (7, 7)),
    ],
)
def test_which_write_a_line_belongs_to(mark: object, batch: tuple[int, int]) -> None:
    """A mark that no box of ours writes says nothing."""
    line, _ = written("x")
    data = json.dumps({"note": "x", "batch": mark}).encode()
    assert line._replace(data=data).batch == batch


def test_a_row_may_be_as_long_as_a_line_and_no_longer() -> None:
    room = ledger_format.MAX_LINE - len(written("")[1])
    assert len(written("x" * room)[1]) == ledger_format.MAX_LINE
    with pytest.raises(ledger_format.RecordRefused, match=str(ledger_format.MAX_LINE + 1)):
        written("x" * (room + 1))


def written(note: str) -> tuple[ledger_format.Line, bytes]:
    return ledger_format.encode(
        seq=7,
        at="2027-03-10T17:30:00.000Z",
        kind="note.made",
        subject=None,
        data={"note": note},
        prev=ledger_format.GENESIS,
    )
