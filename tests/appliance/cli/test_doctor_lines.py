"""What the doctor says of a line: its power switch, and keys that nobody hears."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.cli.doctor import _kept, _line
from appliance.selftest.result import module_heard
from firmware.faults import REMEDIES, Fault


def rows(modem: dict[str, Any], fault: dict[str, Any] | None = None) -> dict[str, tuple[str, str]]:
    line = {"name": "one", "fault": fault, "ready": fault is None, "modem": modem, "selftest": None}
    return {
        row.part: (row.state, f"{row.detail} {row.remedy}") for row in _line(line, running=True)
    }


def test_the_switch_is_named_with_its_pin() -> None:
    state, text = rows({"power_pin": 16, "power_cuts": 0})["line one power"]
    assert state == "ok"
    assert "GPIO 16" in text


def test_a_switch_that_was_thrown_is_worth_a_look() -> None:
    state, text = rows({"power_pin": 16, "power_cuts": 2})["line one power"]
    assert state == "note"
    assert "cut 2 times" in text
    assert "check the modem" in text


def test_no_switch_no_row() -> None:
    assert "line one power" not in rows({"power_pin": None, "power_cuts": 0})


def test_a_line_on_which_nobody_hears_keys_is_a_fault_with_a_remedy() -> None:
    fault = {
        "code": str(Fault.KEYS_UNHEARD),
        "detail": "nobody hears keys",
        "remedy": REMEDIES[Fault.KEYS_UNHEARD],
    }
    state, text = rows({}, fault)["line one"]
    assert state == "fault"
    assert "selftest" in text


def test_the_line_whose_voice_failed_is_named() -> None:
    """The lamp's remedy says that the doctor does so, also once the line is back."""
    state, text = rows({"voice_failed": "voice port /dev/ttyUSB4 lost"})["line one voice"]
    assert state == "note"
    assert "voice port /dev/ttyUSB4 lost" in text
    assert "modem selftest --line one" in text


@pytest.mark.parametrize("fault", [None, {"code": "x", "detail": "y", "remedy": "z"}])
def test_a_box_that_fails_at_its_own_listening_is_a_fault(fault: dict[str, str] | None) -> None:
    state, text = rows({"voice": {"callback_errors": 3}}, fault)["line one listening"]
    assert state == "fault"
    assert "3 reports" in text
    assert "log" in text


def test_a_voice_without_fault_has_no_row() -> None:
    told = rows({"voice": {"callback_errors": 0, "late": 9}, "voice_failed": None})
    assert not {"line one voice", "line one listening"} & set(told)


@pytest.mark.parametrize(
    ("modem", "detail"),
    [
        ({"family": "sim7600", "carrier": None, "own_number": None}, "sim7600"),
        ({"family": "sim7600"}, "sim7600"),
        (
            {"family": "sim7600", "model": "SIM7600E-H", "carrier": "Reseau F"},
            "sim7600, SIM7600E-H, network Reseau F",
        ),
        ({"family": "sim7600", "own_number": "+33*******42"}, "sim7600, number +33*******42"),
        (
            {"audio": "module-file", "carrier": "20810", "own_number": "+33*******42"},
            "module-file, network 20810, number +33*******42",
        ),
        ({"carrier": ""}, "ready"),
        ({}, "ready"),
    ],
)
def test_network_and_number_of_a_ready_line_are_told_where_known(
    modem: dict[str, Any], detail: str
) -> None:
    assert rows(modem)["line one"] == ("ok", f"{detail} ")


@pytest.mark.parametrize(
    "fault", [{"code": "sim_missing", "detail": "no SIM", "remedy": "fit one"}]
)
def test_a_line_that_fails_says_that_and_not_its_network(fault: dict[str, str]) -> None:
    state, text = rows({"carrier": "Reseau F", "own_number": "+33*******42"}, fault)["line one"]
    assert (state, text) == ("fault", "sim_missing: no SIM fit one")


PROOF = {
    "at": "2026-11-24T10:00:00Z",
    "imei": "001010123450018",
    "audio": "module-file",
    "passed": True,
    "keys": {"1": ["module"], "9": ["module"], "5": ["module", "host"]},
}


@pytest.mark.parametrize(
    ("change", "proven"),
    [
        ({}, True),
        ({"imei": "001010123450026"}, False),
        ({"imei": None}, False),
        ({"audio": "alsa"}, False),
        ({"passed": False}, False),
        ({"keys": {**PROOF["keys"], "9": ["host"]}}, False),  # type: ignore[dict-item]
        ({"keys": {"1": ["module"]}}, False),
        ({"keys": None}, False),
    ],
)
def test_a_self_test_proves_the_module_s_ears(change: dict[str, Any], proven: bool) -> None:
    kept = {"sim": {**PROOF, **change}}
    assert module_heard(kept, "001010123450018", "module-file") is proven


def test_a_later_test_withdraws_the_proof() -> None:
    later = {**PROOF, "at": "2026-11-25T10:00:00Z", "passed": False}
    kept = {"sim": PROOF, "other sim": later}
    assert not module_heard(kept, "001010123450018", "module-file")
    assert not module_heard({"sim": PROOF}, None, "module-file")


STORES = {"stores": [{"memory": "SM", "used": 19, "total": 20}], "announces": True}


@pytest.mark.parametrize(
    ("messages", "state", "word"),
    [
        (STORES, "ok", "SM holds 19 of 20"),
        (STORES | {"announces": False}, "ok", "swept"),
        (STORES | {"nearly_full": ["SM"]}, "fault", "takes no objection"),
        (STORES | {"undeletable": 2}, "note", "does not delete 2"),
        ({"refused": "+CMS ERROR: 310"}, "fault", "+CMS ERROR: 310"),
    ],
)
def test_the_message_stores_are_told(messages: dict[str, Any], state: str, word: str) -> None:
    told, text = rows({"messages": messages})["line one messages"]
    assert told == state
    assert word in text


def test_messages_that_wait_are_a_note_with_the_command() -> None:
    (row,) = _kept({"kept": 3, "waiting": 2, "held_back": 1})
    assert row.state == "note"
    assert "2 text messages" in row.detail
    assert "messages list" in row.remedy
    (row,) = _kept({"kept": 3, "waiting": 0, "held_back": 0})
    assert row.state == "ok"
