"""Bring-up against modems that answer in their own way: locked, without SIM, without results."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from firmware.at.outcomes import Reply
from firmware.at.results import final_result
from firmware.errors import CommandTimeout
from firmware.families import FAMILIES
from firmware.faults import Fault, LineDown
from firmware.modem.bring_up import BringUp
from firmware.modem.identity import Identity
from firmware.modem.sim_card import PinMemory

GENERIC = FAMILIES["generic"]
IDENTITY = Identity(
    family=GENERIC, maker="m", model="m", revision="r", imei="490154203237518", iccid=None
)


class Script:
    """Answers from a table of whole answers; the last line is the result, if it is one."""

    def __init__(self, answers: Mapping[str, str], *, default: str = "OK") -> None:
        self.answers = dict(answers)
        self.default = default
        self.sent: list[str] = []

    emergency_count = 0

    def command(self, text: str, **_options: object) -> Reply:
        self.sent.append(text)
        *lines, last = self.answers.get(text, self.default).split("\n")
        final = final_result(last)
        if final is None:
            raise CommandTimeout("no result", lines=(*lines, last))
        return Reply(final=final, lines=tuple(lines))

    def emergency_hang_up(self) -> None:
        self.sent.append("emergency")


class LockedUntilPin(Script):
    """Refuses everything but the PIN with CME 11, as a Qualcomm M6280 does."""

    def command(self, text: str, **options: object) -> Reply:
        if text == 'AT+CPIN="1234"':
            self.answers["AT+CPIN?"] = "+CPIN: READY\nOK"
            self.default = "OK"
        return super().command(text, **options)


def bring_up(modem: Script, folder: Path, *, pin: str | None = None) -> BringUp:
    clock = iter(range(1000))
    return BringUp(
        modem=modem,
        family="auto",
        pin=pin,
        pins=PinMemory(folder),
        pause=lambda _seconds: None,
        now=lambda: float(next(clock)),
        log=logging.getLogger("test"),
    )


def test_a_locked_modem_that_refuses_the_call_list_still_gets_its_pin(tmp_path: Path) -> None:
    modem = LockedUntilPin(
        {"AT+CPIN?": "+CPIN: SIM PIN\nOK", "AT+CPINR": "+CPINR: SIM PIN,3,3\nOK"},
        default="+CME ERROR: 11",
    )
    up = bring_up(modem, tmp_path, pin="1234")
    up.adopt(GENERIC)
    up.open_sim(IDENTITY)
    assert modem.sent.count('AT+CPIN="1234"') == 1
    assert "AT+CHUP" not in modem.sent


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("+CME ERROR: 10", Fault.SIM_MISSING),
        ("+CME ERROR: SIM not inserted", Fault.SIM_MISSING),
        ("+CPIN: SIM PUK\nOK", Fault.SIM_PUK),
        ("+CPIN: PH-NET PIN\nOK", Fault.SIM_LOCKED),
    ],
)
def test_a_modem_without_an_open_sim_says_what_is_wrong(
    answer: str, fault: Fault, tmp_path: Path
) -> None:
    modem = Script({"AT+CPIN?": answer, "AT+CLCC": "+CME ERROR: 10"})
    up = bring_up(modem, tmp_path)
    up.adopt(GENERIC)
    with pytest.raises(LineDown) as down:
        up.open_sim(IDENTITY)
    assert down.value.fault is fault


@pytest.mark.parametrize("sim", ["+CPIN: READY\nOK", "+CME ERROR: 14", "ERROR"])
def test_an_open_sim_and_no_call_list_is_no_silence(sim: str, tmp_path: Path) -> None:
    up = bring_up(Script({"AT+CPIN?": sim, "AT+CLCC": "ERROR"}), tmp_path)
    with pytest.raises(LineDown) as down:
        up.adopt(GENERIC)
    assert down.value.fault is Fault.HANG_UP_UNCONFIRMED


@pytest.mark.parametrize("state", ["+CPIN: READY", "+CPIN: SIM PIN2\nOK"])
def test_no_pin_is_sent_where_none_is_needed(state: str, tmp_path: Path) -> None:
    modem = Script({"AT+CPIN?": state, "AT+CPINR": "+CPINR: SIM PIN,3,3\nOK"})
    bring_up(modem, tmp_path, pin="1234").open_sim(IDENTITY)
    assert modem.sent == ["AT+CPIN?"]


def test_a_prompt_without_a_result_is_not_believed(tmp_path: Path) -> None:
    modem = Script({"AT+CPIN?": "+CPIN: SIM PIN", "AT+CPINR": "+CPINR: SIM PIN,3,3\nOK"})
    with pytest.raises(LineDown) as down:
        bring_up(modem, tmp_path, pin="1234").open_sim(IDENTITY)
    assert down.value.fault is Fault.SIM_BUSY
    assert set(modem.sent) == {"AT+CPIN?"}


def test_errors_have_numbers_before_the_sim_is_asked(tmp_path: Path) -> None:
    modem = Script({"AT+CGMM": "EC25\nOK", "AT+CGMI": "Quectel\nOK"})
    assert bring_up(modem, tmp_path).identify().family.name == "quectel"
    assert modem.sent.index("AT+CMEE=1") < modem.sent.index("AT+CGMI")


@pytest.mark.parametrize(
    ("answers", "family", "certain"),
    [
        (
            {"AT+CGMI": "SIMCOM INCORPORATED\nOK", "AT+CGMM": "SIMCOM_SIM7600G-H\nOK"},
            "sim7600",
            True,
        ),
        # Slow (no result in time) or refused, one by one.
        ({"AT+CGMI": "late", "AT+CGMM": "SIMCOM_SIM7600G-H\nOK"}, "sim7600", True),
        ({"AT+CGMI": "ERROR", "AT+CGMM": "SIMCOM_SIM7600G-H\nOK"}, "sim7600", True),
        ({"AT+CGMI": "SIMCOM INCORPORATED\nOK", "AT+CGMM": "late"}, "generic", False),
        ({"AT+CGMI": "late", "AT+CGMM": "late", "ATI": "Model: SIM7600E\nOK"}, "sim7600", True),
        ({"AT+CGMI": "ERROR", "AT+CGMM": "ERROR", "ATI": "ERROR"}, "generic", False),
        ({"AT+CGMI": "late", "AT+CGMM": "late", "ATI": "late"}, "generic", False),
        ({"AT+CGMI": "late", "AT+CGMM": "ERROR", "AT+GMM": "A7670E-FASE\nOK"}, "a76xx", True),
        ({"AT+CGMI": "ERROR", "AT+CGMM": "ERROR", "AT+CGMR": "SIM7600M22\nOK"}, "sim7600", True),
        # Late: each is the answer to the question before.
        (
            {"AT+CGMI": "SIMCOM_SIM7600G-H\nOK", "AT+CGMM": "SIMCOM INCORPORATED\nOK"},
            "sim7600",
            True,
        ),
        # One that has said who it is, and that nobody knows.
        ({"AT+CGMI": "ACME\nOK", "AT+CGMM": "X1\nOK"}, "generic", True),
    ],
)
def test_a_missed_answer_makes_nobody_a_stranger(
    answers: dict[str, str], family: str, certain: bool, tmp_path: Path
) -> None:
    identity = bring_up(Script(answers), tmp_path).identify()
    assert (identity.family.name, identity.certain) == (family, certain)


def test_what_comes_late_is_asked_for_again(tmp_path: Path) -> None:
    class Booting(Script):
        def command(self, text: str, **options: object) -> Reply:
            if self.sent.count(text):
                self.answers |= {"AT+CGMM": "SIMCOM_SIM7600E\nOK"}
            return super().command(text, **options)

    modem = Booting({"AT+CGMI": "late", "AT+CGMM": "late", "ATI": "ERROR"})
    assert bring_up(modem, tmp_path).identify().family.name == "sim7600"
