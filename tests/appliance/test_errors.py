"""What a fault shows of what somebody wrote."""

from __future__ import annotations

import pytest

from appliance.errors import excerpt


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("lundi", "lundi"),
        ("  lundi\n", "lundi"),
        ("", ""),
        ("a\x1b[31mb\x00c\u202ed", "a?[31mb?c?d"),
        ("two\nlines", "two?lines"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 40),
        (" " * 41 + "x", "x"),
    ],
)
def test_an_excerpt_is_short_and_moves_no_cursor(written: str, shown: str) -> None:
    assert excerpt(written) == shown
