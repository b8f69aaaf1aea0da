"""Which network a modem says that it is registered with (3GPP TS 27.007, 7.3)."""

from __future__ import annotations

import pytest

from firmware.modem.network import read_operator, read_own_number


@pytest.mark.parametrize(
    ("lines", "operator"),
    [
        (('+COPS: 0,0,"Orange F",7',), "Orange F"),
        (('+COPS: 0,2,"20810"',), "20810"),
        (('+COPS:1,1,"SFR",0',), "SFR"),
        (("^SRVST: 2", '+COPS: 0,0,"Bouygues Telecom",2'), "Bouygues Telecom"),
        (("+COPS: 0",), None),
        (('+COPS: 0,0,""',), None),
        (('+COPS: 0,0,"Or\x1bange",7',), None),
        (('+COPS: 0,0,"' + "x" * 41 + '",7',), None),
        (('+COPS: (2,"Orange","ORA","20801",7)',), None),
        (("ERROR",), None),
        ((), None),
    ],
)
def test_the_operator_is_read(lines: tuple[str, ...], operator: str | None) -> None:
    assert read_operator(lines) == operator


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        (['+CNUM: "","+33639980042",145'], "+33639980042"),
        (['+CNUM: "Voice","0639980042",129,7,4'], "0639980042"),
        (['+CNUM: ,"+33639980042",145', "OK"], "+33639980042"),
        (['+CNUM: "","",129'], None),
        (['+CNUM: "",,'], None),
        (['+CNUM: "","*#06#",129'], None),
        (['+CNUM: "","+33639980042;ATD112",145'], None),
        (["ERROR"], None),
        ([], None),
        (['+CNUM: "a","",129', '+CNUM: "b","+33639980042",145'], "+33639980042"),
    ],
)
def test_the_sim_s_own_number_is_read_where_it_says_one(
    lines: list[str], number: str | None
) -> None:
    assert read_own_number(lines) == number
