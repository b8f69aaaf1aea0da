"""The first row of the contacts file: which column is which, and what is wrong with it."""

from __future__ import annotations

import pytest

from appliance.people.contacts_format import COLUMNS, OPTIONAL, RowFault
from appliance.people.contacts_header import Header, known_columns, normal_name, read_header

NEEDED = [name for name in COLUMNS if name not in OPTIONAL]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Number", "number"),
        (" Téléphone ", "telephone"),
        ("N° de téléphone", "n_de_telephone"),
        ("call--hours!", "call_hours"),
        ("__x__", "x"),
        ("日本", ""),
    ],
)
def test_a_name_without_what_people_add(written: str, name: str) -> None:
    assert normal_name(written) == name


def test_cells_that_are_names_are_counted() -> None:
    assert known_columns(["Nom", "téléphone", "x", "", "subject", "PURPOSE"]) == 4
    assert known_columns([]) == 0


def test_every_column_is_found_by_its_name() -> None:
    header, faults = read_header(COLUMNS, 3)
    assert header == Header(columns=tuple(COLUMNS), written=tuple(COLUMNS), passed_over=())
    assert faults == []


def test_a_column_that_may_be_missing_is_and_another_is_a_fault() -> None:
    header, faults = read_header(NEEDED, 3)
    assert header.columns == tuple(NEEDED)
    assert faults == []
    _, faults = read_header(NEEDED[1:], 3)
    assert faults == [RowFault(3, NEEDED[0], "is missing from the header", "add the column")]
    _, faults = read_header([], 3)
    assert [fault.column for fault in faults] == NEEDED


def test_a_column_that_is_there_twice() -> None:
    header, faults = read_header([*NEEDED, "Téléphone"], 3)
    assert header.columns[-1] == "number"
    assert faults == [RowFault(3, "number", "is there twice", "remove one of the columns")]


def test_what_nobody_knows_is_passed_over_and_a_slip_is_asked_for() -> None:
    cells = [*NEEDED, "", "  ", "Shoe size", "", "valid untill", "purposes"]
    header, faults = read_header(cells, 3)
    assert header.columns == (*NEEDED, "", "", "", "", "", "")
    assert header.written == tuple(cells)
    assert header.passed_over == ("Shoe size",)
    assert faults == [
        RowFault(3, "valid untill", "is not a column of this file", "did you mean valid_until?"),
        RowFault(3, "purposes", "is not a column of this file", "did you mean purpose?"),
    ]


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("numbr", True),
        ("nmbr", True),
        ("nmb", False),
        ("windws", True),
        ("wndws", True),
        ("wins", False),
    ],
)
def test_how_near_a_slip_is(written: str, near: bool) -> None:
    header, faults = read_header([*COLUMNS, written], 3)
    assert bool(faults) is near
    assert bool(header.passed_over) is not near
