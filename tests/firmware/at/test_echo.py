"""What may be an echo of the command, and what only looks like one."""

from __future__ import annotations

import pytest

from firmware.at.echo import Echo, looks_like_echo


@pytest.mark.parametrize("listed", [False, True])
def test_the_command_is_echoed_once(listed: bool) -> None:
    echo = Echo("AT+CLAC", listed=listed)
    assert echo.takes("AT+CLAC")
    # Behind its echo the same words may be a row of the list, but never anything else.
    assert echo.takes("AT+CLAC") is not listed


def test_the_payload_is_echoed_once_without_what_cannot_be_printed() -> None:
    echo = Echo("AT+CMGS=23")
    assert not echo.takes("00110B")
    echo.expect("00110B\x1a")
    assert echo.takes("\x1b00110B ")
    assert not echo.takes("00110B")
    assert echo.takes("AT+CMGS=23")


@pytest.mark.parametrize(
    ("pieces", "taken"),
    [
        (("AT+CG", "MM"), (True, True)),
        (("AT", "+CGMM"), (True, True)),
        (("AT+CGM", "M"), (True, True)),
        (("A", "T+CGMM"), (False, False)),
        (("AT+CG", "M"), (True, False)),
        (("AT+CG", "MM", "MM"), (True, True, False)),
        (("MM", "AT+CG"), (False, True)),
        (("EC25",), (False,)),
        (("",), (False,)),
    ],
)
def test_an_echo_in_two_pieces_is_both_of_them(
    pieces: tuple[str, ...], taken: tuple[bool, ...]
) -> None:
    echo = Echo("AT+CGMM", listed=True)
    assert tuple(echo.takes(piece) for piece in pieces) == taken


@pytest.mark.parametrize(
    ("line", "looks"),
    [
        ("AT", True),
        ("AT+CSQ", True),
        ("at+csq", True),
        ("\x1a\x1bATH", True),
        ("aT", False),
        ("A", False),
        ("*ATREADY: 1", False),
        (" AT", False),
        ("OK", False),
    ],
)
def test_what_looks_like_an_echo_of_any_command(line: str, looks: bool) -> None:
    assert looks_like_echo(line) is looks
    assert Echo("+++").takes(line) is looks
    assert not Echo("+++", listed=True).takes(line)
