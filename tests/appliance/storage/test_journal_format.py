"""The lines of a journal: whole or damaged, and where."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.storage.journal_format import (
    FORMAT,
    Change,
    Header,
    JournalCorrupt,
    SchemaUnknown,
    body,
    encode_row,
    encode_texts,
    end_line,
    frame,
    part_line,
    seal_line,
    snapshot_line,
    transaction_line,
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


def test_each_line_as_it_stands_in_the_file() -> None:
    changes = [Change("people", "k1", b'{"a":1}'), Change("people", "k2", None)]
    joined = b'["people","k1",{"a":1}],["people","k2",null]'
    for line, text in (
        (transaction_line(4, changes), b'{"transaction":4,"changes":[%b]}' % joined),
        (transaction_line(4, []), b'{"transaction":4,"changes":[]}'),
        (part_line(5, changes), b'{"part":5,"changes":[%b]}' % joined),
        (seal_line(6, 5), b'{"transaction":6,"seals":5}'),
        (snapshot_line(changes[0]), b'["people","k1",{"a":1}]'),
        (end_line(7), b'{"end":7}'),
    ):
        assert line == b"%08x %b\n" % (zlib.crc32(text), text)
        assert body(line) == text
    assert encode_row({"é": [1, None]}) == '{"é":[1,null]}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        encode_row(float("nan"))
    told = json.loads(body(HEADER.line()) or b"")
    assert told == {**HEADER._asdict(), "format": 2}


def test_damage_of_a_journal_names_its_place() -> None:
    damage = JournalCorrupt("people.log", 3, "it is odd")
    assert str(damage) == "people.log:3: it is odd"
    assert (damage.file, damage.line, damage.reason) == ("people.log", 3, "it is odd")


@pytest.mark.parametrize("field", ["journal", "schema", "generation", "transaction", "oldest"])
def test_a_header_lacks_nothing_and_holds_nothing_else(field: str) -> None:
    told = json.loads(body(HEADER.line()) or b"")
    del told[field]
    with pytest.raises(JournalCorrupt, match="unusable"):
        Header.read("journal", frame(json.dumps(told).encode()))
    with pytest.raises(JournalCorrupt, match="unusable"):
        Header.read("journal", stored(more=1))


@given(
    st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), max_size=9)
)
def test_rows_of_texts_are_encoded_as_all_rows_are(row: list[str | None]) -> None:
    assert encode_texts(row) == encode_row(row)


@pytest.mark.parametrize("row", [[1], ["a", 2.5], [["a"]], [b"a"], ["\ud800"]])
def test_what_is_no_text_is_not_taken_for_one(row: list[Any]) -> None:
    with pytest.raises((TypeError, UnicodeEncodeError)):
        encode_texts(row)


@pytest.mark.parametrize("raw", [b"", b"x\n", HEADER.line()[:-1], b"x" + HEADER.line()[1:]])
def test_a_header_that_is_not_whole_is_damaged_and_not_unusable(raw: bytes) -> None:
    with pytest.raises(JournalCorrupt) as damage:
        Header.read("journal", raw)
    assert damage.value.reason == "the header is damaged"
    assert (damage.value.file, damage.value.line) == ("journal", 1)
