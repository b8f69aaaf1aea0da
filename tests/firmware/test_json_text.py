"""What is no JSON is a ValueError, whatever it does to the library's reader."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.json_text import parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_json_is_read(value: object, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "[" * 200_000,
        '{"a":' * 200_000,
        "[" * 200_000 + "]" * 200_000,
        '{"seq": ' + "9" * 5000 + "}",
        "NaN",
        "[Infinity]",
        "-Infinity",
        '"\\ud800"',
        '{"\\udfff": 1}',
        '{"a": [1, {"b": "x\\udc80y"}]}',
        '"\\ud800\\ud800"',
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text.encode())


@pytest.mark.parametrize("raw", [b"\xff", b'"\xed\xa0\x80"', b"\xff\xfe[\x001\x00", b'"caf\xe9"'])
def test_bytes_that_are_no_text_are_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(raw)


def test_a_pair_of_halves_is_a_character() -> None:
    assert parse_json('"\\ud83d\\ude00"') == "\U0001f600"
