"""The balance by USSD: what networks say, and that nobody waits for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware.events import BalanceTold, Event
from firmware.line import balance as module
from firmware.line.balance import (
    ANSWER_WITHIN,
    FIRST_AFTER,
    LineBalance,
    decoded,
    read_amount,
)
from firmware.line_settings import BalanceQuery, LineSettings
from tests.support.line_bench import bench
from tests.support.line_context import line_context

QUERY = BalanceQuery(
    code="*100#", pattern=r"Credit ([0-9., ]*[0-9])", every=86_400.0, alarm_below=5.0
)


@pytest.mark.parametrize(
    ("text", "dcs", "said"),
    [
        ("Credit 5.00", "15", "Credit 5.00"),
        ("Credit 5.00", None, "Credit 5.00"),
        ("00430072006500640069007400200035", "72", "Credit 5"),
        ("00430072006500640069007400200035", "15", "Credit 5"),
        ("20AC0035", "17", "\u20ac5"),
        ("12345678", "15", "12345678"),
        ("", "15", ""),
    ],
)
def test_what_was_said(text: str, dcs: str | None, said: str) -> None:
    assert decoded(text, dcs) == said


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("Credit 5.00 EUR", 5.0),
        ("Credit 5,00 EUR", 5.0),
        ("Credit 1 234,50", 1234.5),
        ("Credit 1.234,50", 1234.5),
        ("Credit 1,234.50", 1234.5),
        ("Credit 1.234", 1234.0),
        ("Credit 0,1", 0.1),
        ("Credit 12", 12.0),
        ("Credit 1,2,3", None),
        ("Credit unknown", None),
        ("", None),
    ],
)
def test_amounts(text: str, amount: float | None) -> None:
    assert read_amount(QUERY.pattern, text) == amount


def test_a_pattern_that_is_none_reads_nothing() -> None:
    assert read_amount("(", "Credit 5") is None
    assert read_amount("Credit", "Credit 5") is None


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def real(self, seconds: float) -> float:
        return seconds


class Rig:
    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[Event] = []
        self.sent: list[str] = []
        self.refuses = False
        settings = LineSettings(name="one", port="/dev/none", balance=QUERY)
        self.line = line_context(settings, post=self.told.append, clock=self.clock)
        self.balance = LineBalance(self.line)

    def command(self, text: str, **_options: object) -> SimpleNamespace:
        self.sent.append(text)
        word = "+CME ERROR: 3" if self.refuses else "OK"
        return SimpleNamespace(final=SimpleNamespace(ok=not self.refuses, text=word))

    def duty(self, after: float = 0.0) -> list[str]:
        self.clock.now += after
        self.balance.duty(self)  # type: ignore[arg-type]
        sent, self.sent = self.sent, []
        return sent


ASKED = ['AT+CUSD=1,"*100#",15']


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    assert rig.duty() == []
    assert rig.duty(FIRST_AFTER) == ASKED
    return rig


def test_it_is_asked_once_a_day(rig: Rig) -> None:
    rig.balance.urc('+CUSD: 0,"Credit 12,34 EUR",15')
    assert rig.told == [BalanceTold(line="one", at=rig.clock.now, amount=12.34)]
    assert rig.balance.describe() == {"amount": 12.34, "low": False, "failed": None}
    assert [rig.duty(3600.0) for _ in range(23)] == [[]] * 23
    assert rig.duty(3600.0) == ASKED


@pytest.mark.parametrize(
    ("notice", "why"),
    [
        ("+CUSD: 2", "ended"),
        ("+CUSD: 4", "not support"),
        ("+CUSD: 5", "did not answer"),
        ('+CUSD: 0,"Bonjour",15', "pattern"),
        ('+CUSD: 0,"Your number +33639980001",15', "pattern"),
    ],
)
def test_what_brings_no_amount_is_told_without_the_networks_words(
    rig: Rig, notice: str, why: str
) -> None:
    rig.balance.urc(notice)
    told = rig.balance.describe()
    assert told is not None
    assert why in str(told["failed"])
    assert "33639980001" not in str(told)
    assert rig.told == []


def test_a_menu_is_ended_and_a_low_balance_is_low(rig: Rig) -> None:
    rig.balance.urc('+CUSD: 1,"Credit 1.20 EUR')
    assert rig.duty() == ["AT+CUSD=2"]
    assert rig.duty() == []
    assert rig.balance.describe() == {"amount": 1.2, "low": True, "failed": None}


def test_what_was_not_asked_for_tells_nothing() -> None:
    rig = Rig()
    rig.balance.urc('+CUSD: 0,"Credit 99",15')
    assert rig.told == []
    rig.duty()
    rig.duty(FIRST_AFTER)
    rig.clock.now += ANSWER_WITHIN
    rig.balance.urc('+CUSD: 0,"Credit 99",15')
    assert rig.told == []
    rig.duty()
    told = rig.balance.describe()
    assert told == {"amount": None, "low": False, "failed": "the network did not answer"}


def test_a_line_that_does_not_serve_is_not_asked_and_a_refusal_is_told() -> None:
    rig = Rig()
    rig.duty()
    rig.line.ready = False
    assert rig.duty(FIRST_AFTER) == []
    rig.line.ready = True
    rig.refuses = True
    assert rig.duty() == ASKED
    told = rig.balance.describe()
    assert told is not None
    assert "refused" in str(told["failed"])
    assert rig.duty(60.0) == []


@pytest.mark.pty
def test_the_simulated_network_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 1.0)
    with bench(tmp_path, balance=QUERY) as b:
        assert b.wait(BalanceTold).amount == 12.34
