"""Everything that a command's text decides, for one command of each kind."""

from __future__ import annotations

import pytest

from firmware.at.command import Command, is_urc, label, make_command


@pytest.mark.parametrize(
    ("text", "owns", "plain", "call", "informs"),
    [
        ("AT", (), False, False, False),
        ("ATH", (), False, False, False),
        ("ATI", (), True, False, False),
        ("ati", (), True, False, False),
        ("AT&V", ("&V:",), True, False, False),
        ("ATE0", (), False, False, False),
        ("ATA", (), False, True, False),
        ("ata", (), False, True, False),
        ("AT+CSQ", ("+CSQ:", "+CSQN:"), False, False, True),
        ("AT+CSQ=?", ("+CSQ:", "+CSQN:"), False, False, True),
        ("AT+CGMI", ("+CGMI:",), True, False, True),
        ("AT+CGMI=?", ("+CGMI:",), False, False, True),
        ("AT+CIMI", ("+CIMI:",), True, False, True),
        ("AT+CEER", ("+CEER:",), False, False, True),
        ("AT+CEER=1", ("+CEER:",), False, False, False),
        ("AT+CLAC", ("+CLAC:",), True, False, False),
        ("AT+CLCC", ("+CLCC:",), False, False, False),
        ("AT+CLCC=1", (), False, False, False),
        ("AT+CLCC=?", ("+CLCC:",), False, False, False),
        ("AT+CREG?", ("+CREG:",), False, False, True),
        ("AT+CREG=2", (), False, False, False),
        ("AT+CMGL", ("+CMGL:",), True, False, False),
        ("AT+CMGL=4", ("+CMGL:",), True, False, False),
        ("AT+CMGD=1", ("+CMGD:",), False, False, False),
        ("AT+CHUP", ("+CHUP:",), False, False, False),
        ("AT+CICCID", ("+CICCID:", "+ICCID:"), True, False, True),
        ("AT+CSQ;+CREG?", ("+CSQ:", "+CSQN:", "+CREG:"), False, False, True),
        ("AT+CREG=2;+CSQ", ("+CSQ:", "+CSQN:"), False, False, False),
        ("AT+CSQ;+CREG=2", ("+CSQ:", "+CSQN:"), False, False, False),
        ('AT+CPBW=1,"+CSQ"', ("+CPBW:",), False, False, False),
    ],
)  # fmt: skip
def test_what_the_answer_may_hold(
    text: str, owns: tuple[str, ...], plain: bool, call: bool, informs: bool
) -> None:
    assert make_command(text, timeout=1.5, payload=b"x") == Command(
        text=text,
        timeout=1.5,
        owns=owns,
        plain=plain,
        call=call,
        informs=informs,
        payload=b"x",
    )


def test_a_dial_holds_nothing_but_its_result() -> None:
    dial = make_command("ATD+33199000001;", timeout=60, dial=True)
    assert dial == Command(text="ATD+33199000001;", timeout=60, call=True)
    assert not dial.informs
    assert not dial.plain


def test_what_a_command_owns_may_be_said_beforehand() -> None:
    assert make_command("AT+CSQ", timeout=1, owns=()).owns == ()
    assert make_command("AT+CSQ", timeout=1, owns=("+X:",)).owns == ("+X:",)


@pytest.mark.parametrize("text", ["A", "BT+CSQ", "TA", " AT", "AT\n", "AT\x7f", "é"])
def test_what_is_no_printable_command(text: str) -> None:
    with pytest.raises(ValueError, match="not a single printable AT command line"):
        make_command(text, timeout=1)


@pytest.mark.parametrize("digits", [1, 20])
def test_the_length_of_a_dialled_number(digits: int) -> None:
    assert make_command("ATD" + "1" * digits + ";", timeout=1).call
    with pytest.raises(ValueError, match="dial"):
        make_command("ATD" + "1" * 21 + ";", timeout=1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AT+CPIN=1234", "AT+CPIN=…"),
        ("AT+CPIN=", "AT+CPIN=…"),
        ("AT+CPIN=?", "AT+CPIN=?"),
        ("AT+CPIN=??", "AT+CPIN=…"),
        ("AT+CSQ;D112;", "ATD…"),
        ("ATA", "ATA"),
    ],
)
def test_a_label_shows_no_value(text: str, shown: str) -> None:
    assert label(text) == shown
    if "D112" not in text:
        assert make_command(text, timeout=1).label == shown


@pytest.mark.parametrize(
    ("line", "more", "notice"),
    [
        ("SURPRISE 1", (), False),
        ("SURPRISE 1", ("SURPRISE",), True),
        ("WORDS", ("SURPRISE",), False),
        ("+X: 1", (), True),
        ("RING", ("SURPRISE",), True),
        ("ring", (), True),
        ("RINGS", (), False),
        ("A RING", (), False),
    ],
)
def test_a_notice_is_marked_or_a_known_word(line: str, more: tuple[str, ...], notice: bool) -> None:
    assert is_urc(line, more) is notice
