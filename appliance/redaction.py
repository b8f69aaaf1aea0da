"""Keep phone numbers out of free text that goes into the ledger."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\+\d(?:[ .\-()]?\d){7,}")


def without_numbers(value: object) -> object:
    """Return *value* with what looks like an international number replaced, in nested text too.

    Free text is a modem's reply or an operator's reason. The ledger refuses a row that holds a
    number outright, and a refused row would hold up all that stands behind it.
    """
    if isinstance(value, str):
        return _NUMBER.sub("(number)", value) if "+" in value else value
    if isinstance(value, dict):
        return {key: without_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_numbers(inner) for inner in value]
    return value
