"""A person as bytes: what is cut or unknown is found before anybody reads it."""

from __future__ import annotations

import pytest

from appliance.campaign import packed_history

WORDS = 2
_WORD = packed_history._HEAD.size - 1
EMPTY = bytes(_WORD + 1)


def test_a_whole_person_passes() -> None:
    packed_history.check(EMPTY, len(EMPTY), WORDS)


@pytest.mark.parametrize(
    ("person", "length"),
    [
        (EMPTY, len(EMPTY) + 1),
        (EMPTY[:-1], len(EMPTY)),
        (EMPTY[:-1], len(EMPTY) - 1),
        (b"", 0),
        (EMPTY[:_WORD] + bytes([WORDS]), len(EMPTY)),
        (EMPTY + bytes(1), len(EMPTY) + 1),
    ],
)
def test_a_cut_person_or_an_unknown_word_is_refused(person: bytes, length: int) -> None:
    with pytest.raises(ValueError, match=r"cut|known"):
        packed_history.check(person, length, WORDS)
