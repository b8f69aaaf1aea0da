"""Does a text message object? It does, or a person has to read it: there is no third answer. Pure.

A message that begins with one of the strong words objects whatever follows; a phrase objects
anywhere, unless the message also speaks of hours or conditions, or asks; a negation (« ne pas
arrêter », "don't stop") makes it a person's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property

from appliance.objections.normal_form import (
    filled,
    fold,
    likenesses,
    mended,
    without_apostrophes,
    words,
)
from appliance.objections.words import AGREEMENT, LANGUAGES, Language

_Phrase = tuple[str, ...]
LONGEST = 1600
"""Characters: ten parts of a long message. One may have 255, written to keep the box busy; what
does not object in ten is for a person."""
_QUESTION_MARKS = "?؟"
_HOUR = re.compile(r"[0-9]{1,2}(?:h[0-9]{0,2}|am|pm|uhr)")


@dataclass(frozen=True, slots=True)
class _Tables:
    """One language's words, as they are compared."""

    words: frozenset[_Phrase]
    alone: frozenset[_Phrase]
    phrases: frozenset[_Phrase]
    negations: frozenset[_Phrase]
    negators: frozenset[_Phrase]
    limits: frozenset[_Phrase]
    fillers: frozenset[_Phrase]

    @classmethod
    def of(cls, language: Language, more: Sequence[str]) -> _Tables:
        added = _compared(more)
        return cls(
            words=_compared(language.words) | {phrase for phrase in added if len(phrase) == 1},
            alone=_compared(language.alone),
            phrases=_compared(language.phrases) | {phrase for phrase in added if len(phrase) > 1},
            negations=_compared(language.negations),
            negators=_compared(language.negators),
            limits=_compared(language.limits),
            fillers=_compared(language.fillers),
        )

    def says(self, said: _Phrase) -> bool:
        """Whether one of the phrases stands in *said* and means what it says."""
        found = _found(said, self.phrases)
        if not found or _found(said, self.limits):
            return False
        denied = bool(_found(said, self.negators))
        return any(not denied or _found(phrase, self.negators) for phrase in found)


@cache
def _shipped(code: str) -> _Tables:
    """One language as it is, worked out once a process: it takes some hundredths of a second."""
    return _Tables.of(LANGUAGES.get(code, Language()), ())


class Phrasebook:
    """The words of all languages, and what the configuration adds to them."""

    def __init__(self, more: Mapping[str, Sequence[str]] | None = None) -> None:
        """*more* are further words and phrases by language: one word begins a message, several
        stand anywhere in it."""
        self._more = {code: tuple(entries) for code, entries in (more or {}).items()}

    def objects(self, text: str) -> bool:
        """Whether *text* objects for certain; what stands beyond :data:`LONGEST` is not read."""
        return any(self._objects(reading) for reading in mended(text[:LONGEST]))

    def _objects(self, text: str) -> bool:
        text = filled(text, self._in_order)
        said = self._known(words(text))
        if not said or any(_found(said, table.negations) for table in self._tables):
            return False
        core = self._core(said)
        if not core:
            return False
        if self._is_alone(said) or self._is_alone(core) or _begins(core, self._all.words):
            return True
        folded = fold(text)
        if any(mark in folded for mark in _QUESTION_MARKS) or any(map(_HOUR.fullmatch, said)):
            return False
        return any(table.says(said) for table in self._tables)

    def means_nothing(self, entry: str) -> bool:
        """Whether *entry* has no word of its own: civilities, punctuation, a single letter."""
        said = words(entry)
        return not self._core(said) or all(len(word) < 2 for word in said)

    def _known(self, said: _Phrase) -> _Phrase:
        """Take each word for the one of the tables that it looks like."""
        vocabulary = self._vocabulary
        return tuple(
            next((like for like in likenesses(word) if like in vocabulary), word) for word in said
        )

    def _core(self, said: _Phrase) -> _Phrase:
        """Return *said* without the civilities at its ends."""
        fillers = self._all.fillers
        core = said
        while core:
            first = max((len(f) for f in fillers if core[: len(f)] == f), default=0)
            last = max((len(f) for f in fillers if core[-len(f) :] == f), default=0)
            if not first and not last:
                break
            core = core[first:] if first else core[: len(core) - last]
        return core

    def _is_alone(self, core: _Phrase) -> bool:
        """Whether *core* is one of those words, once or again and again."""
        for phrase in self._all.alone:
            times, rest = divmod(len(core), len(phrase))
            if not rest and core == phrase * times:
                return True
        return False

    @cached_property
    def _tables(self) -> tuple[_Tables, ...]:
        nothing = Language()
        codes = dict.fromkeys((*LANGUAGES, *self._more))
        return tuple(
            _Tables.of(LANGUAGES.get(code, nothing), self._more[code])
            if self._more.get(code)
            else _shipped(code)
            for code in codes
        )

    @cached_property
    def _all(self) -> _Tables:
        """The words of all languages that count in any."""
        names = [field.name for field in fields(_Tables)]
        return _Tables(
            *(frozenset().union(*(getattr(t, name) for t in self._tables)) for name in names)
        )

    @cached_property
    def _in_order(self) -> tuple[str, ...]:
        return tuple(sorted(self._vocabulary))

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        tables = (getattr(self._all, field.name) for field in fields(_Tables))
        return frozenset(word for table in tables for phrase in table for word in phrase)


def agrees(entry: str) -> bool:
    """Whether *entry* is a word by which people agree: it could never mean the contrary."""
    return words(entry) in _compared(AGREEMENT)


def _compared(entries: Iterable[str]) -> frozenset[_Phrase]:
    return frozenset(phrase for entry in entries for phrase in spellings(entry))


def _begins(core: _Phrase, phrases: frozenset[_Phrase]) -> bool:
    return any(core[:size] in phrases for size in range(1, len(core) + 1))


def spellings(entry: str) -> Iterable[_Phrase]:
    """Return *entry* as words: with its apostrophes as gaps and without, umlauts both ways."""
    forms = {entry, without_apostrophes(entry)}
    for form in tuple(forms):
        forms.add(form.translate(_UMLAUTS))
    return {found for form in forms if (found := words(form))}


_UMLAUTS = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"}


def _found(said: _Phrase, phrases: frozenset[_Phrase]) -> list[_Phrase]:
    """Return those of *phrases* that stand in *said*."""
    longest = max(map(len, phrases), default=0)
    return [
        said[start : start + size]
        for start in range(len(said))
        for size in range(1, min(longest, len(said) - start) + 1)
        if said[start : start + size] in phrases
    ]
