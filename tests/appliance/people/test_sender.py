"""One person's number in every way that networks write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.people.sender import home_region, possible_numbers
from firmware.events import AddressKind

INTERNATIONAL, NATIONAL = AddressKind.INTERNATIONAL, AddressKind.NATIONAL
UNKNOWN, NAME = AddressKind.UNKNOWN, AddressKind.NAME
MARIE = "+33639980012"


@pytest.mark.parametrize(
    ("written", "kind", "country", "number"),
    [
        ("+33639980012", INTERNATIONAL, "FR", MARIE),
        ("33639980012", UNKNOWN, "FR", MARIE),
        ("33639980012", NATIONAL, "FR", MARIE),
        ("639980012", NATIONAL, "FR", MARIE),
        ("639980012", UNKNOWN, "FR", MARIE),
        ("0639980012", NATIONAL, "FR", MARIE),
        ("0639980012", UNKNOWN, "FR", MARIE),
        ("0639980012", INTERNATIONAL, "FR", MARIE),
        ("+0639980012", INTERNATIONAL, "FR", MARIE),
        ("+639980012", INTERNATIONAL, "FR", MARIE),
        ("0033639980012", UNKNOWN, "FR", MARIE),
        ("0033639980012", NATIONAL, "FR", MARIE),
        ("+0033639980012", INTERNATIONAL, "FR", MARIE),
        ("+33(0)639980012", INTERNATIONAL, "FR", MARIE),
        ("+330639980012", INTERNATIONAL, "FR", MARIE),
        ("+33 6 39 98 00 12", UNKNOWN, "FR", MARIE),
        ("06.39.98.00.12", UNKNOWN, "FR", MARIE),
        # Abroad, and in other plans.
        ("+33639980012", INTERNATIONAL, "US", MARIE),
        ("33639980012", UNKNOWN, "US", MARIE),
        ("01133639980012", UNKNOWN, "US", MARIE),
        ("2025550123", UNKNOWN, "US", "+12025550123"),
        ("12025550123", UNKNOWN, "US", "+12025550123"),
        ("2025550123", NATIONAL, "CA", "+12025550123"),
        ("07700900123", UNKNOWN, "GB", "+447700900123"),
        ("7700900123", NATIONAL, "GB", "+447700900123"),
        ("447700900123", UNKNOWN, "GB", "+447700900123"),
        ("+33639980012", INTERNATIONAL, "", MARIE),
    ],
)
def test_a_number_of_the_network_is_read_in_the_lines_country(
    written: str, kind: AddressKind, country: str, number: str
) -> None:
    assert possible_numbers(written, kind, [country])[:1] == (number,)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("Orange", NAME), ("36179", UNKNOWN), ("3117", NATIONAL), ("", UNKNOWN), ("+", UNKNOWN),
        ("*123#", UNKNOWN), ("STOP", UNKNOWN), ("+33112", INTERNATIONAL), ("0", UNKNOWN),
        ("123456789012345678901", UNKNOWN), ("33639980012", NAME), ("+999123456789", INTERNATIONAL),
    ],
)  # fmt: skip
def test_what_is_nobodys_number(written: str, kind: AddressKind) -> None:
    assert possible_numbers(written, kind, ["FR"]) == ()


def test_the_country_of_the_sim_is_tried_after_that_of_the_law() -> None:
    assert possible_numbers("07700900123", UNKNOWN, ["FR", "GB"])[0] == "+447700900123"
    assert possible_numbers("0639980012", NATIONAL, ["GB", "FR"])[-1] == MARIE


@pytest.mark.parametrize(
    ("iccid", "region"),
    [
        ("89330000000000000017", "FR"), ("89014103211118510720", "US"),
        ("8944100030123456789", "GB"), ("8935101810524219745", "PT"), ("8988303000000000000", ""),
        ("1234", ""), ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_the_sim_tells_its_country(iccid: str | None, region: str) -> None:
    assert home_region(iccid) == region


@given(st.text(max_size=30), st.sampled_from(list(AddressKind)))
def test_any_text_is_read(written: str, kind: AddressKind) -> None:
    for number in possible_numbers(written, kind, ["FR", "US"]):
        assert number.startswith("+")


@pytest.mark.parametrize("written", ["+33639980012", "0033639980012"])
def test_what_is_written_as_international_is_no_number_of_the_country_besides(
    written: str,
) -> None:
    """German numbers are as long as they please: the bare digits would be one of them too."""
    bare = possible_numbers("33639980012", UNKNOWN, ["DE"])
    assert (len(bare), bare[-1]) == (2, MARIE)
    assert possible_numbers(written, UNKNOWN, ["DE"]) == (MARIE,)
