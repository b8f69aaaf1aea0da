"""The languages in which the box speaks to people: English, and catalogues beside it (GNU gettext).

A message stands in the source in English, with named places for its values. Rooms that decide hand
out a :class:`~firmware.wording.Message` (:func:`worded`, :func:`plural`), which is English to every
program; whoever shows it to a person says it by a :class:`Speaker`:
``say("{count} calls", count=3)``, ``say(row.detail)``.
"""

from __future__ import annotations

import gettext
from functools import lru_cache
from pathlib import Path

from firmware.wording import Message, Translate, joined, plural, said_by, worded

__all__ = [
    "DEFAULT",
    "LANGUAGES",
    "Message",
    "Speaker",
    "Translate",
    "joined",
    "marked",
    "plural",
    "said_by",
    "translator",
    "worded",
]

DOMAIN = "autodialer"
LANGUAGES = ("en", "fr")
DEFAULT = "en"

_CATALOGUES = Path(__file__).parent / "locale"


def marked(text: str) -> str:
    """Return *text*: a message that catalogues find here, and that is looked up elsewhere."""
    return text


BETWEEN = (marked("; "), marked(": "), marked(" or "))
"""What stands between the parts of :func:`firmware.wording.joined`; French sets marks apart."""


class Speaker:
    """Says messages in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = catalogue(language)
        self._comma = language == "fr"

    def __call__(self, text: str, /, **values: object) -> str:
        """Return *text* in the language; a :class:`~firmware.wording.Message` with its values.

        Of a text that no catalogue has, such as a name, comes the text itself.
        """
        if isinstance(text, Message):
            return self._said(text)
        if not text:
            return text
        told = self._catalogue.gettext(text)
        return self._filled(told, values) if values else told

    def several(self, one: str, several: str, count: int, /, **values: object) -> str:
        """Return the form for *count* in the language; ``{count}`` is a place of both."""
        told = self._catalogue.ngettext(one, several, count)
        return self._filled(told, {"count": count, **values})

    def _said(self, message: Message) -> str:
        if message.several:
            told = self._catalogue.ngettext(message.message, message.several, message.number)
        else:
            told = self._catalogue.gettext(message.message) if message.message else ""
        return self._filled(told, message.values) if message.values else told

    def _filled(self, told: str, values: dict[str, object]) -> str:
        return told.format(**{name: self._value(value) for name, value in values.items()})

    def _value(self, value: object) -> object:
        if isinstance(value, Message):
            return self._said(value)
        return _WithComma(value) if self._comma and isinstance(value, float) else value


class _WithComma(float):
    """A number that is written with the decimal mark of most languages."""

    def __format__(self, form: str, /) -> str:
        return super().__format__(form).replace(".", ",")


@lru_cache(maxsize=8)
def catalogue(language: str) -> gettext.NullTranslations:
    """Return the catalogue of *language* (ISO 639-1); of an unknown one the English texts."""
    # Not by `gettext.translation`: it loads the table of all the world's locales first.
    if language == DEFAULT or language not in LANGUAGES:
        return gettext.NullTranslations()
    try:
        with (_CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
            return gettext.GNUTranslations(file)
    except FileNotFoundError:
        return gettext.NullTranslations()


@lru_cache(maxsize=8)
def translator(language: str) -> Speaker:
    """Return what says messages in *language*."""
    return Speaker(language)
