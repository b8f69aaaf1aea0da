"""The lines of a journal: whole or damaged, and where."""

from __future__ import annotations

import json

import pytest

from appliance.storage.journal_format import (
    FORMAT,
    Header,
    JournalCorrupt,
    SchemaUnknown,
    body,
    frame,
)


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


HEADER = Header(journal="people", schema=3, generation=4, transaction=5, oldest=2)


def stored(**changes: object) -> bytes:
    told = {**json.loads(body(HEADER.line()) or b""), **changes}
    return frame(json.dumps(told).encode())


@pytest.mark.parametrize("field", ["schema", "generation", "transaction", "oldest"])
@pytest.mark.parametrize("number", ["3", 3.0, True, None, [3]])
def test_each_number_of_a_header_is_a_whole_number(field: str, number: object) -> None:
    assert Header.read("journal", stored()) == HEADER
    with pytest.raises(JournalCorrupt, match="header"):
        Header.read("journal", stored(**{field: number}))


def test_a_header_of_a_newer_program_is_not_called_damaged() -> None:
    assert Header.read("journal", stored(format=FORMAT - 1)) == HEADER
    with pytest.raises(SchemaUnknown):
        Header.read("journal", stored(format=FORMAT + 1))
