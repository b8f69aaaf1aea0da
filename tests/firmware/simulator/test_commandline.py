"""AT command lines as a modem reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.simulator.modem.commandline import Kind, split_arguments, split_commands


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("AT", []),
        ("at", []),
        ("ATE0", [("E", Kind.EXECUTE, "0")]),
        ("AT&F", [("&F", Kind.EXECUTE, "")]),
        ("ATZ", [("Z", Kind.EXECUTE, "")]),
        ("ATS0=1", [("S0", Kind.SET, "1")]),
        ("ATS0?", [("S0", Kind.READ, "")]),
        ("AT+CSQ", [("+CSQ", Kind.EXECUTE, "")]),
        ("at+csq?", [("+CSQ", Kind.READ, "")]),
        ("AT+CSQ=?", [("+CSQ", Kind.TEST, "")]),
        ("AT+CMGD= 0", [("+CMGD", Kind.SET, " 0")]),
        ("AT^DDSETEX=2", [("^DDSETEX", Kind.SET, "2")]),
        (
            "ATE0;+CMEE=1;+CLIP=1",
            [("E", Kind.EXECUTE, "0"), ("+CMEE", Kind.SET, "1"), ("+CLIP", Kind.SET, "1")],
        ),
        ("ATE0V1", [("E", Kind.EXECUTE, "0"), ("V", Kind.EXECUTE, "1")]),
        ("ATD+33639980001;", [("D", Kind.EXECUTE, "+33639980001;")]),
        ("ATD+33639980001", [("D", Kind.EXECUTE, "+33639980001")]),
        ('AT+CTTS=2,"a;b"', [("+CTTS", Kind.SET, '2,"a;b"')]),
        ("\x00\x7fAT+CSQ", [("+CSQ", Kind.EXECUTE, "")]),
    ],
)
def test_split(line: str, expected: list[tuple[str, Kind, str]]) -> None:
    commands = split_commands(line)
    assert commands is not None
    assert [(c.name, c.kind, c.text) for c in commands] == expected


@pytest.mark.parametrize("line", ["", "hello", "+CSQ"])
def test_what_is_no_command_line(line: str) -> None:
    assert split_commands(line) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("1", ("1",)),
        ('"E:/a,b.wav",1', ("E:/a,b.wav", "1")),
        ("1,,3", ("1", "", "3")),
        ('"",2', ("", "2")),
    ],
)
def test_arguments(text: str, expected: tuple[str, ...]) -> None:
    assert split_arguments(text) == expected


@given(st.text(max_size=60))
def test_any_text_is_read_or_ignored(text: str) -> None:
    commands = split_commands(text)
    assert commands is None or all(command.name for command in commands)
