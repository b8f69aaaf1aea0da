"""A transaction over a table: what is read in it, and what it leaves to be written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.people import registry_rows
from appliance.people.registry_rows import Overlay, decode_document, encode_document

COLUMNS = ("at", "by")
OLD = {"at": "2027-03-10", "by": "key"}
NEW = {"at": "2027-03-11", "by": "sms"}


def overlay(*keys: int) -> Overlay:
    return Overlay(COLUMNS, {key: encode_document(COLUMNS, OLD) for key in keys})


def test_rows_stand_once_whether_old_changed_new_or_gone() -> None:
    table = overlay(1, 2, 3)
    table[2] = NEW
    table[4] = NEW
    del table[3]
    assert list(table) == [1, 2, 4]
    assert len(table) == 3
    assert [key in table for key in range(6)] == [False, True, True, False, True, False]
    assert [table[key] for key in table] == [OLD, NEW, NEW]
    assert table.changes() == {2: encode_document(COLUMNS, NEW), 3: None, 4: table._written[4]}


def test_a_row_that_was_put_and_taken_away_leaves_no_trace() -> None:
    table = overlay(1)
    table[2] = NEW
    del table[2]
    assert list(table) == [1]
    for gone in (2, 3):
        with pytest.raises(KeyError):
            table[gone]
        with pytest.raises(KeyError):
            del table[gone]
    assert table.changes() == {}


def test_a_row_written_as_it_was_is_no_change() -> None:
    table = overlay(1, 2)
    table[1] = OLD
    assert table.changes() == {}
    # The updater changes what it was handed in place.
    table[2]["by"] = "sms"
    assert set(table.changes()) == {2}


def test_what_was_handed_out_is_forgotten_when_it_is_replaced_or_taken_away() -> None:
    table = overlay(1, 2, 3)
    for key in (1, 2, 3):
        assert table[key] == OLD
    table[2] = NEW
    assert table[2] == NEW
    table[2] = OLD
    del table[3]
    assert table.changes() == {3: None}
    with pytest.raises(KeyError):
        table[3]


def test_a_row_of_a_newer_schema_is_not_read_in_part() -> None:
    with pytest.raises(ValueError, match="zip"):
        decode_document(COLUMNS, b'["2027-03-10","key","more"]')
    assert decode_document(COLUMNS, b'["2027-03-10"]') == {"at": "2027-03-10", "by": None}


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2)), UTC])))
def test_instants_stand_in_a_row_as_they_were_given(at: datetime) -> None:
    """One that is equal in another zone is another text, and was remembered before."""
    other = at.astimezone(timezone(timedelta(hours=-3))) if at.year in range(2, 9999) else at
    for instant in (at, other, at):
        assert registry_rows._written(instant) == instant.isoformat()
