"""Sentences that a person may read: made where their facts are known, said in a language later.

:func:`worded` gives an ordinary ``str``, in English: logs, the ledger and JSON take it as it is.
Beside that it remembers the message and the values that it was made of, so that whoever shows it
looks the message up in a catalogue and puts the values in again
(:class:`appliance.language.Speaker`). Nothing here knows a language but English.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Translate = Callable[[str], str]
"""Returns a message in one language."""

_MARK = "$message"
"""The one key of an object that carries a message over the control socket."""


class Message(str):
    """English, with the message and the values behind it; a value may be a message again."""

    __slots__ = ("message", "number", "several", "values")

    message: str
    """The sentence with ``str.format`` places, as catalogues know it."""
    values: dict[str, object]
    several: str
    """The same for a :attr:`number` other than one; empty where there is but one form."""
    number: int

    def __new__(
        cls,
        message: str,
        values: dict[str, object] | None = None,
        several: str = "",
        number: int = 1,
    ) -> Message:
        told = {name: _value(value) for name, value in (values or {}).items()}
        form = several if several and number != 1 else message
        self = super().__new__(cls, form.format(**told) if told else form)
        self.message = str(message)
        self.values = told
        self.several = several
        self.number = number
        return self

    def __str__(self) -> str:
        # So that ``str(error)`` is still the message that the error was made of.
        return self

    def __add__(self, other: str) -> str:
        return joined("", [self, other])

    def __radd__(self, other: str) -> str:
        return joined("", [other, self])

    def __getnewargs__(self) -> tuple[Any, ...]:
        # A copy, and a message between processes, is made anew.
        return self.message, self.values, self.several, self.number


def worded(message: str, /, **values: object) -> str:
    """Return *message*, a literal with named places, with *values* in it.

    An error as a value stands for what it says; text and numbers can be shaped by their place,
    anything else comes as its ``str``.
    """
    return Message(message, values) if values else _alone(message)


@lru_cache(maxsize=2048)
def _alone(message: str) -> Message:
    """Return a message without values; the gate asks for the same ones all day."""
    return Message(message)


def plural(one: str, several: str, count: int, /, **values: object) -> str:
    """Return *one* for a *count* of 1, else *several*; ``{count}`` is a place of both."""
    return Message(one, {"count": count, **values}, several, count)


def joined(between: str, parts: list[str] | tuple[str, ...]) -> str:
    """Return *parts* in a row, each in its language; *between* is punctuation."""
    places = {f"part{number}": part for number, part in enumerate(parts)}
    text = "{between}".join(f"{{{name}}}" for name in places)
    # A message itself: French sets a space before most marks.
    return Message(text, {"between": _alone(between), **places}) if places else _alone("")


def reason_of(error: OSError) -> str:
    """Return why the system refused; catalogues know its commonest words."""
    return Message(error.strerror) if error.strerror else said_by(error)


def said_by(error: BaseException) -> str:
    """Return what *error* says, as a message where it is one."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, Message) else str(error)


def with_remedy(error: BaseException) -> str:
    """Return what *error* says, or else its kind, and what to do about it where it knows that."""
    said, remedy = said_by(error) or type(error).__name__, getattr(error, "remedy", "")
    return joined("; ", [said, remedy]) if remedy else said


def _value(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    return said_by(value) if isinstance(value, BaseException) else str(value)


def carried(value: object) -> object:
    """Return *value* for JSON with its messages written out; :func:`received` makes them again."""
    if isinstance(value, Message):
        inner = [str(value.message), carried(value.values), value.several, value.number]
        return {_MARK: inner}
    if isinstance(value, dict):
        return {name: carried(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [carried(inner) for inner in value]
    return value


def received(value: dict[str, Any]) -> Any:
    """Make a message of what carries one (an ``object_hook`` of :func:`json.loads`)."""
    if len(value) == 1 and _MARK in value:
        message, values, several, number = value[_MARK]
        return Message(message, values, several, number)
    return value


def received_all(value: Any) -> Any:
    """Return parsed JSON with its messages made again, wherever :func:`carried` wrote them out."""
    if isinstance(value, dict):
        return received({name: received_all(inner) for name, inner in value.items()})
    if isinstance(value, list):
        return [received_all(inner) for inner in value]
    return value
