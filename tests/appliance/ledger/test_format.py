"""Why a line of the ledger is none, in words."""

from __future__ import annotations

import pytest

from appliance.ledger import format as ledger_format


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty line"),
        (b"{\0}", "bytes that no row contains"),
        (b"{\xff}", "bytes that no row contains"),
    ],
)
def test_why_a_line_is_none(raw: bytes, reason: str) -> None:
    assert ledger_format._why_not_a_line(raw) == reason


def test_other_bytes_are_not_called_impossible() -> None:
    assert ledger_format._why_not_a_line(b"nonsense") != "bytes that no row contains"
