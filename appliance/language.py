"""The languages in which the box speaks to people: English, and catalogues beside it (GNU gettext).

A message stands in the source in English, with named places for its values, and is looked up where
it is shown: ``translator("fr")("{count} calls").format(count=3)``. Rooms that decide hand out the
message and its values, never a finished sentence (:class:`Message`).
"""

from __future__ import annotations

import gettext
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

DOMAIN = "autodialer"
LANGUAGES = ("en", "fr")
DEFAULT = "en"

Translate = Callable[[str], str]
"""Returns a message in one language."""

_CATALOGUES = Path(__file__).parent / "locale"


def marked(text: str) -> str:
    """Return *text*: a message that catalogues find here, and that is looked up elsewhere."""
    return text


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence whose language is decided where it is shown.

    ``text`` is English with ``str.format`` places, ``values`` what stands in them; a value may be
    a message again.
    """

    text: str
    values: dict[str, object] = field(default_factory=dict)

    def said(self, translate: Translate) -> str:
        """Return the sentence in the language of *translate*."""
        values = {
            name: value.said(translate) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return translate(self.text).format(**values)


@lru_cache(maxsize=8)
def catalogue(language: str) -> gettext.NullTranslations:
    """Return the catalogue of *language* (ISO 639-1); of an unknown one the English texts."""
    return gettext.translation(DOMAIN, _CATALOGUES, languages=[language], fallback=True)


def translator(language: str) -> Translate:
    """Return what says messages in *language*."""
    return catalogue(language).gettext
