"""Keep phone numbers out of free text that goes into the ledger."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\+\d(?:[ .\-()]?\d){7,}")


_DIALLED = re.compile(r"(?<![\w+])(?!\d{4}-\d\d-\d\d(?!\d))\+?\d(?:[ .\-/()]{0,2}\d){6,}")


def said_by_a_person(text: str) -> str:
    """Return *text*, typed for the ledger, with whatever may be a telephone number replaced.

    People write numbers as their neighbours dial them, without a country code. That takes digits
    of other kinds along; only a date such as 2027-03-10 is left alone.
    """
    return _DIALLED.sub("(number)", text)


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
