"""The lines of a journal: whole or damaged, and where."""

from __future__ import annotations

import pytest

from appliance.storage.journal_format import Header, JournalCorrupt, body, frame


@pytest.mark.parametrize("text", [b"", b"x", b"{}", "é".encode()])
def test_a_line_is_whole_or_nothing(text: bytes) -> None:
    line = frame(text)
    assert body(line) == text
    assert all(body(line[:end]) is None for end in range(len(line)))
    assert body(line + b"\n") is None


@pytest.mark.parametrize(
    "raw", [b"", b"x\n", frame(b"{}"), frame(b"[]"), frame(b'{"format":"1"}'), frame(b"nonsense")]
)
def test_a_header_that_is_none_is_told_of_the_first_line(raw: bytes) -> None:
    with pytest.raises(JournalCorrupt, match=r"journal.*\b1\b.*header"):
        Header.read("journal", raw)
