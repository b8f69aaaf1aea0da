"""A list of people who withdraw, line by line: what is a number, and what is not believed."""

from __future__ import annotations

import pytest

from appliance.provisioning import withdrawals
from appliance.provisioning.withdrawals import MOST_LINES, read_withdrawals

ADA, BEN = "+33639980001", "+33639980002"


@pytest.mark.parametrize(
    ("text", "numbers", "unread"),
    [
        ("", [], []),
        ("\n\n", [], []),
        (f"{ADA}\n{BEN}\n", [ADA, BEN], []),
        (f"{ADA}\n{BEN}", [ADA, BEN], []),
        (f"{ADA}\r\n{BEN}\r\n", [ADA, BEN], []),
        (f"{ADA}\r{BEN}\r", [ADA, BEN], []),
        (f"\ufeff{ADA}\n", [ADA], []),
        (f"{ADA}\n{ADA}\n06 39 98 00 01\n", [ADA], []),
        (f"number\n{ADA}\n", [ADA], []),
        (f"Number;name\n{ADA};Ada\n", [ADA], []),
        (f"{ADA}\nnumber\n", [ADA], [2]),
        (f"# a list\n{ADA} , x\n", [ADA], []),
        (f"  # a list\n\t{ADA}\n", [ADA], []),
        (f'"{ADA}","Ada"\n"{BEN}";"Ben"\n', [ADA, BEN], []),
        (f"{ADA}\nAda\n{BEN}\n12\n", [ADA, BEN], [2, 4]),
        (f";{ADA}\n,{ADA}\n", [], []),
        ("+33639980001" + " " * 52 + "9\n", [ADA], []),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_one_number_a_line(text: str, numbers: list[str], unread: list[int], whole: bool) -> None:
    found = read_withdrawals(text.encode(), "FR", whole=whole)
    if not whole and text == f"{ADA}\n{BEN}":
        # Half a number is somebody else's.
        assert found == ([ADA], [2])
    else:
        assert found == (numbers, unread)


def test_only_the_last_line_can_be_half_and_only_of_a_file_that_is_not_whole() -> None:
    raw = f"{ADA}\n# {BEN}".encode()
    assert read_withdrawals(raw, "FR", whole=False) == ([ADA], [])
    assert read_withdrawals(ADA.encode(), "FR", whole=False) == ([], [1])
    assert read_withdrawals(f"{ADA}\r".encode(), "FR", whole=False) == ([ADA], [])
    assert read_withdrawals(b"number", "FR", whole=False) == ([], [])


def test_numbers_are_read_in_the_country_and_bytes_that_are_no_text_are_none() -> None:
    assert read_withdrawals(b"07700900123\n", "GB", whole=True) == (["+447700900123"], [])
    assert read_withdrawals(b"\xff\xfe\n", "FR", whole=True) == ([], [1])


@pytest.mark.parametrize(("lines", "unread"), [(2, []), (3, []), (4, [4]), (9, [4])])
def test_a_list_has_an_end(lines: int, unread: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_LINES == 200_000
    monkeypatch.setattr(withdrawals, "MOST_LINES", 3)
    people = [f"+3363998{number:04d}" for number in range(1, lines + 1)]
    raw = "".join(f"{number}\n" for number in people).encode()
    assert read_withdrawals(raw, "FR", whole=True) == (people[:3], unread)
    # Cut at its most, its last line was whole.
    assert read_withdrawals(raw, "FR", whole=False) == (people[:3], unread)
