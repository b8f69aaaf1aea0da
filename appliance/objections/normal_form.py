"""One spelling for all dresses of a text: what people type, phones decorate and networks mangle.

Unicode's compatibility form, case, accents, punctuation, quotes, emoji and invisible characters
fall away; letters that only look Latin become so. What is left are words of letters and digits.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence

_LIGATURES = {
    "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h",
    "ŋ": "n", "ſ": "s", "ƒ": "f",
}  # fmt: skip
"""Letters that Unicode does not take apart."""

_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))

_LOOKALIKES = {
    # Cyrillic, lower case (the text is folded before).
    "а": "a", "в": "b", "с": "c", "е": "e", "һ": "h", "і": "i", "ј": "j", "к": "k", "м": "m",
    "н": "h", "о": "o", "р": "p", "ԛ": "q", "ѕ": "s", "т": "t", "у": "y", "ԝ": "w", "х": "x",
    "п": "n", "г": "r", "ԁ": "d",
    # Greek.
    "α": "a", "β": "b", "ε": "e", "η": "n", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p",
    "τ": "t", "υ": "u", "χ": "x", "ζ": "z", "μ": "m", "γ": "y", "σ": "s", "ς": "s", "π": "n",
    # Lisu, Canadian syllabics, Armenian, and signs of money.
    "ꓢ": "s", "ꓔ": "t", "ꓳ": "o", "ꓑ": "p", "ꓮ": "a", "ꓣ": "r", "ꓰ": "e", "ᔕ": "s", "ᑭ": "p",
    "տ": "s", "օ": "o", "ո": "n", "ս": "u",
}  # fmt: skip
"""Letters of other alphabets that a Latin word can be written with, to pass a filter or by a
keyboard's mistake. Only tried where the word means nothing as it stands."""

_DIGITS_AS_LETTERS = str.maketrans("013457", "oieast")

# Enclosed letters that have no compatibility form: circled and squared white on black, and the
# letters that flags are made of.
_ENCLOSED = ((0x1F150, 26), (0x1F170, 26), (0x1F1E6, 26))

_APOSTROPHES = "'’‘ʼ`´′＇ʹˈ\u02bb\uff07"


def _letters(text: str) -> Iterator[str]:
    for character in text:
        code = ord(character)
        for first, count in _ENCLOSED:
            if first <= code < first + count:
                yield chr(ord("a") + code - first)
                break
        else:
            yield character


_TAGS = re.compile(
    r"</?(?:html|body|p|div|span|b|i|strong|em|font)\b[^<>]*>|<br ?/?>", re.IGNORECASE
)
_UNSAID = "[?\ufffd]"
_GAP = re.compile(rf"(?<![^\W\d_])[^\W\d_]{{1,20}}(?:{_UNSAID}[^\W\d_]{{1,20}}){{1,4}}(?![^\W\d_])")
_GAPS = 20
"""Gaps that are filled in one text at most."""
_LONGEST_FOLDED = 2400
"""Characters of a text that is folded: one sign may stand for a sentence of eighteen (U+FDFA)."""
_LONGEST_WORD = 40
"""Letters beyond which a word is none that anybody objects with; drawn-out ones included."""


def mended(text: str) -> Iterator[str]:
    """Return *text* and what it was before gateways mangled it, where that can be told.

    Mark-up and its entities, UTF-8 that was read as Latin-1 (``ArrÃªt``), money for letters
    (``$TOP``). A letter that became ``?`` (``ARR?T``: the default alphabet of text messages has no
    ``ê``) is left to :func:`filled`.
    """
    yield text
    bare = html.unescape(_TAGS.sub(" ", text))
    if bare != text:
        yield bare
    again = _MISREAD.sub(_as_utf8, bare)
    if again != bare:
        yield again
    spelt = re.sub(r"[$§€@](?=[^\W\d_])", lambda sign: _SIGNS[sign[0]], bare)
    if spelt != bare:
        yield spelt


# The first octet of a two or three octet sequence as Latin-1 shows it, and what follows it.
_MISREAD = re.compile(r"[\u00c2-\u00ef][^\x00-\x7f]{1,2}")


def _as_utf8(found: re.Match[str]) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return found[0].encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return found[0]


_SIGNS = {"$": "s", "§": "s", "€": "e", "@": "a"}


def filled(text: str, vocabulary: Sequence[str]) -> str:
    """Return *text* with words of *vocabulary* where it has ``?`` for a letter or an apostrophe.

    *vocabulary* is in order.
    """

    def fill(found: re.Match[str]) -> str:
        parts = re.split(_UNSAID, fold(found[0]))
        pattern = re.compile("[^\\W\\d_]?".join(map(re.escape, parts)))
        for index in range(bisect_left(vocabulary, parts[0]), len(vocabulary)):
            word = vocabulary[index]
            if not word.startswith(parts[0]):
                break
            if pattern.fullmatch(word):
                return word
        return found[0]

    return _GAP.sub(fill, text, count=_GAPS)


def fold(text: str) -> str:
    """Return *text* without what makes no difference; spaces and punctuation still stand."""
    if text.isascii():
        # Nothing below changes more of it than its case.
        return text.lower()
    folded = unicodedata.normalize("NFKC", "".join(_letters(text))).casefold()
    apart = unicodedata.normalize("NFKD", folded)
    kept = []
    for character in apart:
        category = unicodedata.category(character)
        # Accents, joiners, marks of direction, variation selectors, controls that nobody sees.
        if category in ("Mn", "Me", "Cf") or character in "\u034f\u115f\u1160\u3164\uffa0\u2800":
            continue
        kept.append(_LIGATURES.get(character, _SMALL_CAPITALS.get(character, character)))
    return "".join(kept).casefold()


def words(text: str) -> tuple[str, ...]:
    """Return the words of *text*: runs of letters and digits, apostrophes dividing them.

    Letters that stand alone one after the other are one word (``S T O P``, ``s.t.o.p``).
    """
    folded = fold(text)[:_LONGEST_FOLDED]
    # Unicode counts some apostrophes as letters.
    plain = "".join(c if c.isalnum() and c not in _APOSTROPHES else " " for c in folded)
    return _spelt_out(plain.split())


def _spelt_out(parts: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    run: list[str] = []
    for part in [*parts, ""]:
        if len(part) == 1 and part.isalpha():
            run.append(part)
            continue
        # Two letters may be words ("j", "y"); a word spelt out has more.
        found += ["".join(run)] if len(run) >= 3 else run
        run = []
        if part:
            found.append(part)
    return tuple(found)


def without_apostrophes(text: str) -> str:
    """Return *text* as people type it in haste: ``dont``, ``mappelez``."""
    return "".join(c for c in text if c not in _APOSTROPHES)


def likenesses(word: str) -> tuple[str, ...]:
    """Return what *word* may stand for, itself first: look-alike letters, digits, drawn-out ones.

    ``ѕтор`` of Cyrillic letters, ``st0p``, ``stoooop``, ``stopstop``, ``stop36179``.
    """
    if len(word) > _LONGEST_WORD:
        word = re.sub(r"(.)\1{2,}", r"\1", word)
    if len(word) > _LONGEST_WORD:
        return (word,)
    found = [word]
    if not word.isascii():
        found.append("".join(_LOOKALIKES.get(c, c) for c in word))
    if any(c.isdigit() for c in word) and any(c.isalpha() for c in word):
        found += [w.translate(_DIGITS_AS_LETTERS) for w in found]
    found += [re.sub(r"(.)\1{2,}", r"\1", w) for w in found]
    found += [re.sub(r"(.)\1+$", r"\1", w) for w in found]
    found += [said[1] for w in found if (said := re.fullmatch(r"([^\W\d_]{4,}?)\1+", w))]
    # The number that a text told people to answer to, run into the word.
    found += [said[1] for w in found if (said := re.fullmatch(r"([^\W\d_]{4,})[0-9]+", w))]
    return tuple(dict.fromkeys(found))
