"""What single lines mean; every function takes any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.at import calls, parsing, results
from firmware.at.calls import CallState
from firmware.at.results import FinalKind


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        ("OK", FinalKind.OK, None),
        ("ERROR", FinalKind.ERROR, None),
        ("+CME ERROR: 14", FinalKind.CME_ERROR, 14),
        ("+CME ERROR:14", FinalKind.CME_ERROR, 14),
        ("+CME ERROR: SIM busy", FinalKind.CME_ERROR, 14),
        ("+CME ERROR: incorrect password", FinalKind.CME_ERROR, 16),
        ("+CME ERROR: SIM not inserted", FinalKind.CME_ERROR, 10),
        ("+CME ERROR: something new", FinalKind.CME_ERROR, None),
        ("+CMS ERROR: 330", FinalKind.CMS_ERROR, 330),
        ("COMMAND NOT SUPPORT", FinalKind.NOT_SUPPORTED, None),
        ("TOO MANY PARAMETERS", FinalKind.NOT_SUPPORTED, None),
    ],
)
def test_final_results_of_every_command(line: str, kind: FinalKind, code: int | None) -> None:
    final = results.final_result(line)
    assert final is not None
    assert (final.kind, final.code, final.text) == (kind, code, line)
    assert final.ok == (kind is FinalKind.OK)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("NO CARRIER", FinalKind.NO_CARRIER),
        ("BUSY", FinalKind.BUSY),
        ("NO ANSWER", FinalKind.NO_ANSWER),
        ("NO DIALTONE", FinalKind.NO_DIALTONE),
        ("CONNECT", FinalKind.CONNECT),
        ("CONNECT 9600", FinalKind.CONNECT),
    ],
)
def test_call_results_end_only_dial_and_answer(line: str, kind: FinalKind) -> None:
    final = results.final_result(line, call=True)
    assert final is not None
    assert final.kind is kind
    assert results.final_result(line) is None


@pytest.mark.parametrize(
    "line",
    ["OKAY see you", "OKTOBERFEST", "ERRORS WERE 3", "NOT OK", "ok", "OK ", "x+CME ERROR: 1",
     "BUSYBODY", "NO CARRIERS", "CONNECTED", "", "+CREG: 1"],
)  # fmt: skip
def test_finals_match_whole_lines_only(line: str) -> None:
    assert results.final_result(line, call=True) is None


def test_information_splits_outside_quotes_and_strips_around_commas() -> None:
    info = parsing.information('+CLCC: 1, 0,, "a, ""b", x "y",')
    assert info is not None
    assert info.prefix == "+CLCC"
    assert [field.text for field in info.fields] == ["1", "0", "", "a, b", "x y", ""]
    assert [field.quoted for field in info.fields] == [False, False, False, True, False, False]


@pytest.mark.parametrize(
    ("line", "prefix", "fields"),
    [
        ("+DTMF:1,160", "+DTMF", ["1", "160"]),
        ("+DTMF: #,300", "+DTMF", ["#", "300"]),
        ("^CEND:1,5,104,31", "^CEND", ["1", "5", "104", "31"]),
        ("*PSUTTZ: 26,11,24", "*PSUTTZ", ["26", "11", "24"]),
        ("+CCMXPLAY:", "+CCMXPLAY", []),
        ('+COPS: 0,0,"unclosed, quote', "+COPS", ["0", "0", "unclosed, quote"]),
    ],
)
def test_information_of_every_spelling(line: str, prefix: str, fields: list[str]) -> None:
    info = parsing.information(line)
    assert info is not None
    assert (info.prefix, [field.text for field in info.fields]) == (prefix, fields)


@pytest.mark.parametrize("line", ["OK", "VOICE CALL: BEGIN", "", ":", "+", "+:", "RING"])
def test_lines_without_a_prefix_are_no_information(line: str) -> None:
    assert parsing.information(line) is None


@pytest.mark.parametrize(
    ("line", "state", "mode", "incoming", "number"),
    [
        ('+CLCC: 1,0,0,0,0,"10011",129,"sm"', CallState.ACTIVE, 0, False, "10011"),
        ('+CLCC: 1,1,4,0,0,"+33199000001",145,""', CallState.INCOMING, 0, True, "+33199000001"),
        ('+CLCC: 1, 0, 0, 0, 0, "10086", 129, "",,0', CallState.ACTIVE, 0, False, "10086"),
        ('+CLCC: 1, 0, 3, 0, 0, "10086", 129, ""', CallState.ALERTING, 0, False, "10086"),
        ('+CLCC: 1,0,0,1,0,"",128', CallState.ACTIVE, 1, False, ""),
        ("+CLCC: 2,0,2,0,0", CallState.DIALLING, 0, False, ""),
        ("+CLCC:2,0,6,0,0,10086,129", CallState.RELEASED, 0, False, "10086"),
        ('+CLCC: 1,0,2,0,0,"phone_number",129,""', CallState.DIALLING, 0, False, "phone_number"),
    ],
)
def test_call_rows_of_every_family(
    line: str, state: CallState, mode: int, incoming: bool, number: str
) -> None:
    row = calls.call_row(line)
    assert row is not None
    assert (row.state, row.mode, row.incoming, row.number) == (state, mode, incoming, number)
    assert row.voice == (mode == 0)


@pytest.mark.parametrize(
    "line",
    ["+CLCC: 1,0,0,0", "+CLCC: 1,0,9,0,0", "+CLCC: ,,,,", "+CLCC: 1,2,0,0,0", "+CLCX: 1,0,0,0,0",
     "+CLCC", "+CLCC: a,0,0,0,0"],
)  # fmt: skip
def test_what_is_no_call_row(line: str) -> None:
    assert calls.call_row(line) is None


def test_dialling_row_whose_mode_and_multiparty_are_zero_is_not_answered() -> None:
    """The substring ",0,0," is in every state's row; only the state field counts."""
    row = calls.call_row('+CLCC: 1,0,2,0,0,"10086",129')
    assert row is not None
    assert row.state is CallState.DIALLING


def test_a_data_row_alone_is_silence_and_a_voice_row_is_not() -> None:
    data = '+CLCC: 1,0,0,1,0,"",128'
    assert calls.call_list([data]).silent
    assert calls.call_list([]).silent
    assert calls.call_list(['+CLCC: 2,0,6,0,0,"10086",129']).silent
    assert not calls.call_list([data, '+CLCC: 2,0,3,0,0,"10086",129']).silent


def test_a_row_that_cannot_be_read_is_never_taken_for_silence() -> None:
    assert not calls.call_list(["+CLCC: 1,0,�,0,0"]).silent


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("+CEER: Invalid/incomplete number", None, "Invalid/incomplete number"),
        ('+CEER: "31 Normal unspecified"', 31, "31 Normal unspecified"),
        ('+CEER: "0 Unknown"', 0, "0 Unknown"),
        ("+CEER: 16", 16, "16"),
        ("+CEER: 5,17", 17, "5,17"),
        ("+CEER: 8,16,0", 16, "8,16,0"),
        ('+CEER: "CC setup error",17,"User busy"', 17, '"CC setup error",17,"User busy"'),
        ('+CEER: Call Control,"21"', 21, 'Call Control,"21"'),
        ("+CEER: 3G to 2G", None, "3G to 2G"),
        ("+CEER: No cause, sorry", None, "No cause, sorry"),
        ("+CEER:", None, ""),
    ],
)
def test_extended_error_in_every_form(line: str, code: int | None, text: str) -> None:
    report = calls.extended_error(line)
    assert report is not None
    assert (report.code, report.text) == (code, text)


@pytest.mark.parametrize(
    ("line", "stat", "access"),
    [
        ("+CREG: 0,1", 1, None),
        ("+CREG: 0,6", 6, None),
        ("+CREG: 5", 5, None),
        ('+CREG: 2,1,"00C3","01A2B3C4",7', 1, 7),
        ('+CREG: 1,"00C3","01A2B3C4",7', 1, 7),
        ('+CREG: 1,"00C3","01A2B3C4"', 1, None),
        ('+CEREG: 2,5,"00C3","01A2B3C4"', 5, None),
        ("+CGREG: 2,0", 0, None),
        ("+CREG: 1,0,1", 1, None),
    ],
)
def test_registration_answers_and_notices(line: str, stat: int, access: int | None) -> None:
    found = parsing.registration(line)
    assert found is not None
    assert (found.stat, found.access) == (stat, access)
    assert found.usable == (stat in (1, 5))


def test_a_registration_notice_is_read_as_one_where_the_caller_knows() -> None:
    found = parsing.registration("+CREG: 2,1", notice=True)
    assert found is not None
    assert found.stat == 2


@pytest.mark.parametrize("line", ["+CREG:", "+CREG: x", "+CRET: 0,1", "+CREG: 0,-1", "+CREG: ,"])
def test_no_registration(line: str) -> None:
    assert parsing.registration(line) is None


def test_a_stored_message() -> None:
    stored = parsing.message_stored('+CMTI: "SM",2')
    assert stored is not None
    assert (stored.memory, stored.index) == ("SM", 2)
    assert parsing.message_stored('+CMTI: "SM"') is None
    first = parsing.message_stored('+CMTI: "SM",0')
    assert first is not None
    assert first.index == 0
    assert parsing.message_stored('+CMTI: "SM",-1') is None


@pytest.mark.parametrize(
    ("code", "text"),
    [
        # 3GPP TS 27.007, 9.2.1, in the words of AT+CMEE=2.
        (0, "phone failure"),
        (1, "no connection to phone"),
        (3, "operation not allowed"),
        (4, "operation not supported"),
        (10, "SIM not inserted"),
        (11, "SIM PIN required"),
        (12, "SIM PUK required"),
        (13, "SIM failure"),
        (14, "SIM busy"),
        (15, "SIM wrong"),
        (16, "incorrect password"),
        (17, "SIM PIN2 required"),
        (18, "SIM PUK2 required"),
        (20, "memory full"),
        (21, "invalid index"),
        (22, "not found"),
        (30, "no network service"),
        (31, "network timeout"),
        (32, "network not allowed - emergency calls only"),
        (100, "unknown"),
    ],
)
def test_an_error_in_words_is_the_error_in_figures(code: int, text: str) -> None:
    for line in (f"+CME ERROR: {text}", f"+CME ERROR: {code}", f'+CME ERROR:"{text.upper()}"'):
        final = results.final_result(line)
        assert final is not None
        assert final.code == code


PARSERS = (
    parsing.information,
    calls.call_row,
    calls.extended_error,
    parsing.registration,
    parsing.message_stored,
    results.final_result,
)
PREFIXES = ["", "+CLCC: ", "+CEER: ", "+CREG: ", "+CSQ: ", "+CPIN: ", "+CCLK: ", "+COPS: ",
            "+CLIP: ", "+CMTI: ", "+CME ERROR: "]  # fmt: skip


@given(
    prefix=st.sampled_from(PREFIXES),
    rest=st.text(max_size=40) | st.text('0123,"/:+- ', max_size=40),
)
def test_every_parser_takes_any_text(prefix: str, rest: str) -> None:
    for parse in PARSERS:
        parse(prefix + rest)
    calls.call_list([prefix + rest])
