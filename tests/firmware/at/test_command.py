"""What may be sent, and which lines a command may call its own."""

from __future__ import annotations

import pytest

from firmware.at.command import is_urc, label, make_command


@pytest.mark.parametrize(
    "text",
    ["AT+CSQ\r", "AT\rATD112;", "AT+CSQ\x1a", "ATD0199;\r", "+CSQ", "", "ATé", "AT\x00"],
)
def test_a_second_line_or_control_character_never_reaches_the_port(text: str) -> None:
    with pytest.raises(ValueError, match="not a single printable AT command line"):
        make_command(text, timeout=1)


@pytest.mark.parametrize(
    "text",
    ["ATD*99#", "ATD0199000001", "ATD>SM3;", "ATDT0199000001;", "AT+CSQ;D0199000001;", "atd 1;",
     "AT;D1;", "ATD1;+CMGD=1,4", "ATDL", "ATD+;"],
)  # fmt: skip
def test_a_dial_command_is_exactly_one_voice_call(text: str) -> None:
    with pytest.raises(ValueError, match="not a plain voice dial command"):
        make_command(text, timeout=1)


def test_dial_flag_is_for_dial_and_answer_only() -> None:
    assert make_command("ATD0199000001;", timeout=1).call
    assert make_command("ATA", timeout=1, dial=True).call
    with pytest.raises(ValueError, match="not a plain voice dial command"):
        make_command("AT+CSQ", timeout=1, dial=True)


def test_a_quoted_d_is_no_dial_command() -> None:
    assert make_command('AT+CTTS=2,"x;D1;"', timeout=1).owns == ("+CTTS:",)


@pytest.mark.parametrize(
    ("text", "owns"),
    [
        ("AT+CLCC", ("+CLCC:",)),
        ("AT+CLCC=1", ()),
        ("AT+CREG?", ("+CREG:",)),
        ("AT+CREG=2", ()),
        ("AT+CLCC=?", ("+CLCC:",)),
        ("AT^CPIN?", ("^CPIN:",)),
        ("AT+CICCID", ("+CICCID:", "+ICCID:")),
        ("AT+CSQ;+CREG?", ("+CSQ:", "+CSQN:", "+CREG:")),
        ('AT+CPMS="SM"', ("+CPMS:",)),
        ("ATE0", ()),
        ("ATD0199000001;", ()),
    ],
)
def test_owned_prefixes_are_derived(text: str, owns: tuple[str, ...]) -> None:
    assert make_command(text, timeout=1).owns == owns


@pytest.mark.parametrize(
    ("text", "plain"),
    [("ATI", True), ("AT+CGMI", True), ("AT+CLAC", True), ("AT+CMGL=4", True), ("AT+CGSN", True),
     ("AT", False), ("AT+CLCC", False), ("AT+CSQ", False), ("AT+CREG?", False), ("ATH", False),
     ("AT+CHUP", False), ("AT+CPCMREG=1", False), ("ATD0199000001;", False)],
)  # fmt: skip
def test_only_identification_and_lists_take_bare_text(text: str, plain: bool) -> None:
    assert make_command(text, timeout=1).plain is plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [("ATD+33199000001;", "ATD…"), ('AT+CPIN="1234"', "AT+CPIN=…"), ("AT+CSQ", "AT+CSQ"),
     ("AT+CLCC=?", "AT+CLCC=?"), ("AT+CPIN?", "AT+CPIN?")],
)  # fmt: skip
def test_labels_show_no_values(text: str, shown: str) -> None:
    assert label(text) == shown


@pytest.mark.parametrize(
    "line",
    ["RING", "NO CARRIER", "VOICE CALL: BEGIN", "VOICE CALL:END: 000017", "+CRING: VOICE",
     "^DSCI: 1,0,6,0,10086,129,0", "+CMTI: \"SM\",2", "*ATREADY: 1", "RDY", "SMS Ready",
     "Call Ready", "MO RING", "UNDER-VOLTAGE WARNNING", "MISSED_CALL: 11:01AM 00000000000"],
)  # fmt: skip
def test_notices_are_known(line: str) -> None:
    assert is_urc(line)


@pytest.mark.parametrize("line", ["SIMCOM_SIM7600G-H", "Quectel", "EC25", "869000000000001",
                                  "0791331906004", "BUSYBOX 1.2", "RINGO"])  # fmt: skip
def test_identities_are_no_notices(line: str) -> None:
    assert not is_urc(line)


def test_a_family_may_add_words() -> None:
    assert is_urc("SURPRISE 1", ("SURPRISE",))
