"""What a command says, in the language of the person who reads it.

The language is the box's setting: ``language`` of its configuration, English where that has none.
Where there is no configuration, or only the shipped sample, it is the one of the terminal's locale:
``LC_ALL``, ``LC_MESSAGES``, ``LANG``. JSON, the ledger and the log stay English.
"""

from __future__ import annotations

import os

from appliance.language import DEFAULT, LANGUAGES, Message, translator

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from appliance.language import Speaker

_language = DEFAULT
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""In the order in which the first that is set decides (POSIX)."""


def say(text: str, /, **values: object) -> str:
    """Return a message in the language that :func:`speak` chose; a name as it is."""
    return translator(_language)(text, **values)


def several(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form for *count*; ``{count}`` is a place of both."""
    return translator(_language).several(one, many, count, **values)


def language() -> str:
    """Return the language that :func:`speak` chose."""
    return _language


def speaker() -> Speaker:
    """Return what says messages in that language, for a screen that is handed one."""
    return translator(_language)


def speak(chosen: str) -> None:
    """Speak *chosen* from now on; English where nobody wrote the texts."""
    global _language
    _language = chosen if chosen in LANGUAGES else DEFAULT


def choose(arguments: argparse.Namespace) -> None:
    """Speak the language of the box that *arguments* name, or else that of the terminal."""
    file = getattr(arguments, "config", None)
    if file is None or getattr(arguments, "fallback", False) or not file.is_file():
        speak(of_locale())
        return
    from appliance.config.paths import language_of, sample_config

    sample = file.resolve() == sample_config().resolve()
    speak(language_of(file) or (of_locale() if sample else DEFAULT))


def of_locale() -> str:
    """Return the language of the terminal's locale: ``fr`` for ``fr_FR.UTF-8``."""
    for name in LOCALE_VARIABLES:
        if told := os.environ.get(name):
            return told.partition("_")[0].partition(".")[0].lower()
    return DEFAULT


__all__ = ["Message", "choose", "language", "of_locale", "say", "several", "speak", "speaker"]
