"""What older commands still owe, and until when."""

from __future__ import annotations

from firmware.at.debt import DEBT_SECONDS, Debt


def test_a_debt_is_owed_until_its_very_second() -> None:
    debt = Debt()
    assert DEBT_SECONDS == 30.0
    assert debt.owed(0.0) == 0
    debt.owe(2, 1.0)
    assert debt.owed(0.9 + DEBT_SECONDS) == 2
    assert debt.owed(1.0 + DEBT_SECONDS) == 0


def test_a_newer_debt_never_shortens_an_older_one() -> None:
    debt = Debt()
    debt.owe(1, 0.0, 10.0)
    debt.owe(1, 1.0, 2.0)
    assert debt.owed(9.9) == 2
    debt.owe(0, 9.9)
    assert debt.owed(10.0) == 0
    debt.owe(1, 20.0, 2.0)
    assert debt.owed(22.0) == 0


def test_lines_of_a_command_that_was_given_up_are_claimed_until_its_debt_ends() -> None:
    debt = Debt()
    debt.owe(1, 0.0, 5.0)
    debt.bury(["+CSQ:"])
    assert debt.claims("+CSQ: 20,99", 1.0)
    assert not debt.claims("+CREG: 1", 1.0)
    assert not debt.claims("+CSQ: 20,99", 5.0)
    debt.owe(1, 6.0, 5.0)
    assert not debt.claims("+CSQ: 20,99", 7.0)


def test_a_paid_debt_claims_nothing_and_is_never_below_zero() -> None:
    debt = Debt()
    debt.owe(1, 0.0)
    debt.bury(["+CSQ:"])
    debt.pay()
    debt.pay()
    assert debt.owed(0.0) == 0
    assert not debt.claims("+CSQ: 20,99", 0.0)
    debt.owe(1, 0.0)
    assert debt.owed(0.0) == 1
