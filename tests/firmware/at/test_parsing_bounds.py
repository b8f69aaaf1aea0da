"""Information lines at the edge of what they may hold, each field by itself."""

from __future__ import annotations

import pytest

from firmware.at.calls import CallRow, CallState, call_list, call_row, extended_error
from firmware.at.framing import MAX_LINE, Framer, Line, Prompt
from firmware.at.parsing import Field, is_message_body, message_stored, registration, split_fields
from firmware.at.results import FinalKind, final_result, integer


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("", []),
        (",", [("", False), ("", False)]),
        ("1", [("1", False)]),
        (' 1 , "2" ', [("1", False), ("2", True)]),
        ('"a"b,c', [("a", True), ("c", False)]),
        ('"a" "b",c', [("ab", True), ("c", False)]),
        ('x"a,b"y,c', [("xa,by", False), ("c", False)]),
        ('" a ",  b ', [(" a ", True), ("b", False)]),
        ('1,"",2', [("1", False), ("", True), ("2", False)]),
        ('"a,b', [("a,b", True)]),
        ('"a",b"c', [("a", True), ("bc", False)]),
    ],
)
def test_fields_and_their_quotes(body: str, fields: list[tuple[str, bool]]) -> None:
    assert split_fields(body) == tuple(Field(text, quoted) for text, quoted in fields)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1", -1),
        ("+7", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("", None),
        ("1.0", None),
        ("0x1", None),
        ("٣", None),
    ],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert integer(text) == number
    assert Field(text).number == number
    assert not Field(text).quoted


@pytest.mark.parametrize(
    ("line", "call", "kind", "ok"),
    [
        ("OK", False, FinalKind.OK, True),
        ("OK", True, FinalKind.OK, True),
        ("ERROR", True, FinalKind.ERROR, False),
        ("CONNECT", True, FinalKind.CONNECT, True),
        ("BUSY", True, FinalKind.BUSY, False),
        ("NO DIAL TONE", True, FinalKind.NO_DIALTONE, False),
        ("COMMAND NOT SUPPORTED", True, FinalKind.NOT_SUPPORTED, False),
        ("+CMS ERROR: 14", True, FinalKind.CMS_ERROR, False),
        ("+CMS ERROR: SIM busy", False, FinalKind.CMS_ERROR, False),
    ],
)
def test_results_and_whether_they_accept(line: str, call: bool, kind: FinalKind, ok: bool) -> None:
    final = final_result(line, call=call)
    assert final is not None
    assert (final.kind, final.ok, final.text) == (kind, ok, line)
    assert final.code == (14 if line.endswith("14") else None)


@pytest.mark.parametrize(
    ("line", "stat", "access"),
    [
        ("+CREG: 2,12", 12, None),
        ("+CREG: 2,123", 2, None),
        ('+CREG: 2,1,"C3","A2B3"', 1, None),
        ('+CREG: 2,1,"C3","A2B3",7,x', 1, 7),
        ("+CREG: 1,12,34,7", 12, None),
        ("+CREG: 1,123,4567,7", 1, 7),
        ('+CREG: 5,"12","34",2', 5, 2),
        ("+CREG: 0,1,2", 0, None),
        ("+CREG: 5,", 5, None),
    ],
)
def test_the_shape_of_a_registration_decides(line: str, stat: int, access: int | None) -> None:
    found = registration(line)
    assert found is not None
    assert (found.domain, found.stat, found.access) == ("+CREG", stat, access)
    assert found.usable is (stat in (1, 5))


def test_a_notice_of_registration_has_its_state_first() -> None:
    found = registration('+CEREG: 5,1,"C3",7,9', notice=True)
    assert found is not None
    assert (found.domain, found.stat, found.access) == ("+CEREG", 5, 7)
    assert registration("+CREG: -1", notice=True) is None


@pytest.mark.parametrize("line", ['+CMTI: "SM",x', "+CMTI:", '+CMT: "SM",2', "RING"])
def test_what_tells_of_no_stored_message(line: str) -> None:
    assert message_stored(line) is None


@pytest.mark.parametrize(
    ("header", "line", "body"),
    [
        # A sender says that the message is text: anything may be its body.
        ('+CMT: "+33639980001",,"26/11/24"', "STOP", True),
        ('+CMT: "INFO",', "STOP", True),
        ("+CMT: +12345,", "STOP", True),
        ("+CMT: 12345", "STOP", True),
        # A length, or nothing, says that it is a unit: then only hexadecimal digits are.
        ("+CMT: 1234", "STOP", False),
        ('+CMT: "",24', "STOP", False),
        ("+CMT: ,24", "STOP", False),
        ("+CMT: ,24", "0791331", False),
        ("+CMT: ,24", "07913319", True),
        ("+CMT: ,24", "0791331aF", True),
        ("+CMT: ,24", "07913319G", False),
        ("+CDS: 25", "07913319", True),
        ('+CDS: "+33639980001"', "STOP", False),
        ("+CBM: 88", "STOP", False),
        ("words", "07913319", False),
    ],
)
def test_what_is_the_body_of_a_message(header: str, line: str, body: bool) -> None:
    assert bool(is_message_body(header, line)) is body


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6])
def test_every_state_of_a_call(number: int) -> None:
    names = ["ACTIVE", "HELD", "DIALLING", "ALERTING", "INCOMING", "WAITING", "RELEASED"]
    line = f'+CLCC: 3,{number % 2},{number},9,{(number + 1) % 2},"+33199000001",145,"x"'
    assert call_row(line) == CallRow(
        call_id=3,
        incoming=number % 2 == 1,
        state=CallState[names[number]],
        mode=9,
        multiparty=number % 2 == 0,
        number="+33199000001",
        number_type=145,
    )


@pytest.mark.parametrize(
    "fields",
    ["x,0,0,0,0", "1,x,0,0,0", "1,-1,0,0,0", "1,2,0,0,0", "1,0,x,0,0", "1,0,-1,0,0", "1,0,7,0,0",
     "1,0,0,x,0", "1,0,0,0,x", "1,0,0,0,-1", "1,0,0,0,2", "1,0,0,0"],
)  # fmt: skip
def test_one_field_that_makes_no_sense_is_enough(fields: str) -> None:
    assert call_row(f"+CLCC: {fields}") is None


def test_what_a_row_leaves_out_is_unknown() -> None:
    for line, number, kind in (
        ("+CLCC: 1,0,0,0,0", "", None),
        ('+CLCC: 1,0,0,0,0,"12"', "12", None),
        ('+CLCC: 1,0,0,0,0,"12",x', "12", None),
    ):
        row = call_row(line)
        assert row is not None
        assert (row.number, row.number_type) == (number, kind)


def test_rows_that_cannot_be_read_are_counted() -> None:
    voice, data, gone = "+CLCC: 1,0,0,0,0", "+CLCC: 2,0,0,1,0", "+CLCC: 3,0,6,0,0"
    found = call_list(["words", voice, data, "+CLCC: 1", gone])
    assert found.unreadable == 2
    assert [row.call_id for row in found.rows] == [1, 2, 3]
    assert [row.call_id for row in found.voice_rows] == [1]
    assert not found.silent
    assert call_list([data, gone]).silent
    assert not call_list([data, gone, "words"]).silent
    assert call_list([]).unreadable == 0


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("+CEER: 12345", 12345, "12345"),
        ("+CEER: 123456", None, "123456"),
        ('+CEER: "16"', 16, "16"),
        ("+CEER: 16,x", 16, "16,x"),
        ("+CEER: x,16", 16, "x,16"),
        ("+CEER: 5,17,9", 17, "5,17,9"),
    ],
)
def test_the_cause_of_an_extended_error(line: str, code: int | None, text: str) -> None:
    report = extended_error(line)
    assert report is not None
    assert (report.code, report.text) == (code, text)


@pytest.mark.parametrize("line", ["RING", "+CEEX: 16", "16"])
def test_what_is_no_extended_error(line: str) -> None:
    assert extended_error(line) is None


def test_a_prompt_takes_one_byte_and_leaves_nothing_behind() -> None:
    framer = Framer()
    framer.expect_prompt = True
    assert list(framer.feed(b"\r\n  >K\r\n")) == [Prompt(), Line("K")]
    framer.expect_prompt = True
    assert list(framer.feed(b" \t>")) == [Prompt()]
    assert framer.pending == 0


def test_there_is_no_prompt_in_a_line_that_grew_too_long() -> None:
    framer = Framer()
    framer.expect_prompt = True
    assert list(framer.feed(b" " * (MAX_LINE + 1))) == []
    assert framer.pending == 0
    assert list(framer.feed(b">")) == []
    assert list(framer.feed(b"\r\n>")) == [Prompt()]
    assert framer.overflows == 1
    assert MAX_LINE == 8192


def test_a_line_may_be_kept_to_its_last_byte_while_a_prompt_is_expected() -> None:
    framer = Framer()
    framer.expect_prompt = True
    assert list(framer.feed(b"x" * MAX_LINE + b"\r")) == [Line("x" * MAX_LINE)]
    assert list(framer.feed(b"x" * (MAX_LINE + 1) + b"\rOK\r")) == [Line("OK")]
    assert framer.overflows == 1
