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


@pytest.mark.parametrize("cells", [[], [""], ["Contacts 2026"], ["+33639980012", "Ada", "form"]])
def test_a_row_without_any_name_is_no_header(cells: list[str]) -> None:
    header, faults = read_header(cells, 3)
    assert header.columns == ()
    assert faults == [RowFault(3, "", "there is no header", f"write {','.join(COLUMNS)} first")]


def test_a_column_that_is_there_twice() -> None:
    header, faults = read_header([*NEEDED, "number"], 3)
    assert header.columns[-1] == "number"
    assert faults == [RowFault(3, "number", "is there twice", "remove one of the columns")]


@pytest.mark.parametrize("other", ["Téléphone", "Portable", "Tél. portable", "Cell phone"])
def test_two_names_of_one_column_are_both_told(other: str) -> None:
    _, faults = read_header([*NEEDED, other], 3)
    what = f"is meant by “number” and by “{other}”"
    assert faults == [RowFault(3, "number", what, "remove one of the columns")]


def test_what_nobody_knows_is_passed_over_and_a_slip_is_asked_for() -> None:
    cells = [*NEEDED, "", "  ", "Shoe size", "", "valid untill", "namee"]
    header, faults = read_header(cells, 3)
    assert header.columns == (*NEEDED, "", "", "", "", "", "")
    assert header.written == tuple(cells)
    assert header.passed_over == ("Shoe size",)
    assert faults == [
        RowFault(3, "valid untill", "is not a column of this file", "did you mean valid_until?"),
        RowFault(3, "namee", "is not a column of this file", "did you mean name?"),
    ]


@pytest.mark.parametrize("second", ["Telephone 2", "Téléphone fixe", "evidence 2", "Purposes"])
def test_what_is_near_a_column_that_is_there_is_no_slip(second: str) -> None:
    header, faults = read_header([*NEEDED, second], 3)
    assert (header.passed_over, faults) == ((second,), [])


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
    header, faults = read_header(
        [name for name in COLUMNS if name not in ("number", "windows")] + [written], 3
    )
    slips = [fault for fault in faults if fault.what == "is not a column of this file"]
    assert bool(slips) is near
    assert bool(header.passed_over) is not near
