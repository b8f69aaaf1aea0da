"""Bytes to lines: every line end seen in the field, any split, any junk, bounded memory."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.at.framing import MAX_LINE, Framer, Line, Prompt

CASES = [
    pytest.param(b"\r\nOK\r\n", ["OK"], id="v250"),
    pytest.param(b"\r\r\n+RXDTMF: 1\r\r\n", ["+RXDTMF: 1"], id="simcom-doubled-cr"),
    pytest.param(b"\n\rRING\n\r", ["RING"], id="lf-cr"),
    pytest.param(b"OK\n", ["OK"], id="lf-only"),
    pytest.param(b"AT\r\r\n+CSQ: 1,99\r\n\r\nOK\r\n", ["AT", "+CSQ: 1,99", "OK"], id="echo"),
    pytest.param(b"\x00\x00\r\nOK\x00\r\n", ["OK"], id="nul"),
    pytest.param(b"\x11OK\x13\r\n", ["OK"], id="xon-xoff"),
    pytest.param(b"\r\n  +CSQ: 1,99  \r\n \t \r\n", ["+CSQ: 1,99"], id="padding"),
    pytest.param(b"\xff\xfeRING\r\nOK\r\n", ["��RING", "OK"], id="not-utf-8"),
    pytest.param('+COPS: 0,0,"Télé"\r\n'.encode(), ['+COPS: 0,0,"Télé"'], id="utf-8"),
    pytest.param(b"half a line", [], id="unfinished"),
    pytest.param(b"> \r\nOK\r\n", [">", "OK"], id="prompt-nobody-expects"),
]


def lines(framer: Framer, *pieces: bytes) -> list[str]:
    return [
        token.text if isinstance(token, Line) else "<prompt>"
        for piece in pieces
        for token in framer.feed(piece)
    ]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(i % (len(data) + 1) for i in at), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize(("data", "expected"), CASES)
def test_lines_are_the_same_whole_bytewise_and_with_more_behind(
    data: bytes, expected: list[str]
) -> None:
    assert lines(Framer(), data) == expected
    assert lines(Framer(), *(data[i : i + 1] for i in range(len(data)))) == expected
    assert lines(Framer(), data + b"tail") == expected


@pytest.mark.parametrize("data", [b"\r\n> ", b">", b"  > ", b"AT+CMGS=23\r\r\n> "])
def test_prompt_is_seen_only_when_expected_and_once(data: bytes) -> None:
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        framer = Framer()
        framer.expect_prompt = True
        assert lines(framer, *pieces)[-1] == "<prompt>"
        assert not framer.expect_prompt
        assert lines(framer, b"> \r\nOK\r\n") == [">", "OK"]


def test_greater_than_inside_a_line_is_no_prompt() -> None:
    framer = Framer()
    framer.expect_prompt = True
    assert lines(framer, b"+X: a > b\r\n") == ["+X: a > b"]
    assert framer.expect_prompt


def test_a_line_that_never_ends_is_dropped_and_the_next_one_read() -> None:
    framer = Framer()
    for _ in range(40):
        assert lines(framer, b"x" * 1000) == []
        assert framer.pending <= MAX_LINE
    assert lines(framer, b"\r\nOK\r\n") == ["OK"]
    assert framer.overflows == 1


def test_the_longest_line_is_kept_whole() -> None:
    assert lines(Framer(), b"x" * MAX_LINE + b"\n") == ["x" * MAX_LINE]
    assert lines(Framer(), b"x" * (MAX_LINE + 1) + b"\nOK\n") == ["OK"]


@given(
    data=st.one_of(st.binary(max_size=200), st.text('AT+C>OK\r\n "', max_size=80).map(str.encode)),
    at=st.lists(st.integers(0, 200), max_size=8),
    prompt=st.booleans(),
)
def test_any_bytes_at_any_split_give_the_same(data: bytes, at: list[int], prompt: bool) -> None:
    whole, pieces = Framer(), Framer()
    whole.expect_prompt = pieces.expect_prompt = prompt
    assert lines(whole, data) == lines(pieces, *cut(data, at))
    assert whole.pending == pieces.pending <= MAX_LINE
    assert whole.expect_prompt == pieces.expect_prompt


def test_the_caller_may_expect_a_prompt_between_two_lines_of_one_read() -> None:
    framer = Framer()
    seen: list[Line | Prompt] = []
    for token in framer.feed(b"OK\r\n> "):
        seen.append(token)
        framer.expect_prompt = token == Line("OK")
    assert seen == [Line("OK"), Prompt()]
