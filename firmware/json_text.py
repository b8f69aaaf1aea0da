"""JSON (RFC 8259) from files and programs that may be anybody's. Pure.

The library's reader leaves by other doors than ``ValueError``: a text of a few hundred kilobytes
of brackets ends in ``RecursionError``, and ``NaN`` or ``Infinity``, which are no JSON, pass as
numbers that later arithmetic cannot bear.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def parse_json(text: str | bytes) -> Any:
    """Return what *text* says; raises ``ValueError``, and nothing else, where it is no JSON.

    Bytes are UTF-8. Nesting that the interpreter cannot follow, integers of more digits than it
    converts, the three constants that JSON does not have and halves of surrogate pairs, which no
    file and no terminal can be given, are refused.
    """
    if isinstance(text, bytes):
        text = text.decode()  # the library would guess UTF-16, and let halves of pairs through
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    # A lone half can only come of an escape: UTF-8 has none.
    if "\\u" in text:
        _refuse_halves(value)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _refuse_halves(value: object) -> None:
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            if not one.isascii():
                try:
                    one.encode()
                except UnicodeEncodeError:
                    raise ValueError("half of a surrogate pair") from None
        elif isinstance(one, dict):
            pending += one
            pending += one.values()
        elif isinstance(one, list):
            pending += one
