"""Whatever a person reads has a French text, with the same places for its values."""

from __future__ import annotations

import gettext
import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from appliance.language import LANGUAGES, Message, marked, translator

ROOT = Path(__file__).parents[2] / "appliance"
LOCALE = ROOT / "locale"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {
    "say": None,
    "marked": None,
    "worded": None,
    "plural": (1, 2),
    "several": (1, 2),
    "_": None,
    "gettext": None,
}


def messages() -> set[str]:
    found = [
        text
        for package in (ROOT, ROOT.parent / "firmware")
        for _, _, text, _, _ in extract_from_dir(package, METHODS, keywords=KEYWORDS)
    ]
    return {text if isinstance(text, str) else text[0] for text in found if text}


def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "autodialer.po").open("rb") as file:
        return read_po(file, locale=language)


def _forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def _written(text: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(text) if isinstance(text, str) else all(text or ("",))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_message_has_a_text(language: str) -> None:
    known = catalogue(language)
    without = {
        text for text in messages() if not (known.get(text) and _written(known[text].string))
    }
    assert without == set(), "run make messages and write the texts"


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_values_have_the_same_places_in_every_language(language: str) -> None:
    wrong = {
        message.id: message.string
        for message in catalogue(language)
        if message.id
        and any(
            places(one) != places(form)
            for one, form in zip(_forms(message.string), _forms(message.id), strict=False)
        )
    }
    assert wrong == {}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_the_box_reads_what_the_catalogue_says(language: str) -> None:
    """The compiled catalogue is the written one: `make messages` was run."""
    file = LOCALE / language / "LC_MESSAGES" / "autodialer.mo"
    with file.open("rb") as stream:
        compiled = dict(gettext.GNUTranslations(stream)._catalog)  # type: ignore[attr-defined]
    compiled.pop("", None)
    written: dict[object, str] = {}
    for message in catalogue(language):
        forms = _forms(message.string)
        if isinstance(message.id, str):
            written |= {message.id: forms[0]} if message.id else {}
        else:
            written |= {(message.id[0], number): form for number, form in enumerate(forms)}
    assert compiled == written


def test_french_marks_stand_as_french_writes_them() -> None:
    """A colon and its like stand behind a space that no line breaks at; times do not."""
    for message in filter(lambda message: message.id, catalogue("fr")):
        for text in _forms(message.string):
            assert not re.search(r"[a-zà-ÿ)][;!?]( |$)", text), text
            assert not re.search(r"(?<=\w) [;:!?»](?=\s|$)", text), text
            assert not re.search(r"«(?!\N{NO-BREAK SPACE})", text), text


def test_an_unknown_language_is_english() -> None:
    assert translator("xx")("Calls") == "Calls"
    inner = Message(marked("Calls"))
    outer = Message("{count} {what}", {"count": 3, "what": inner})
    assert translator("en")(outer) == "3 Calls"
    assert translator("fr")(outer) == "3 Appels"


ENGLISH_ALONE = {
    "appliance/cli/doctor_bundle.py",
    "appliance/cli/doctor_card.py",
    "appliance/provisioning/welcome.py",
    "firmware/kernel_clock.py",
    "firmware/supervisor/__main__.py",
    "firmware/wording.py",
}
"""What goes to a support archive or a journal, and ``reason_of`` itself."""


def test_what_the_system_says_comes_as_a_message() -> None:
    """``reason_of(error)`` has a French text; ``error.strerror`` has none."""
    bare = {
        file.relative_to(ROOT.parent).as_posix()
        for package in (ROOT, ROOT.parent / "firmware")
        for file in package.rglob("*.py")
        if "error.strerror" in file.read_text(encoding="utf-8")
    }
    assert bare == ENGLISH_ALONE
