"""The card and the wiring are the code's own tables, and fit their paper in every language."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from appliance.box.lamps import FaultCode, card_rows
from appliance.language import LANGUAGES, translator
from appliance.screen.panel_card import HEADER, HEIGHT, WIDTH, card, wiring
from firmware.gpio.lamp import Flashes, describe

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawn: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(drawn).iter(f"{SVG}text"))  # noqa: S314


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_is_on_the_card_and_nothing_leaves_the_paper(language: str) -> None:
    drawn = card(card_rows(), "north & <south>", language)
    say = translator(language)
    scale = float(re.search(r"scale\(([\d.]+)\)", drawn)[1])  # type: ignore[index]
    assert 0.8 < scale <= 1, "smaller would not be read"
    words = " ".join(text.text or "" for text in texts(drawn))
    for code in FaultCode:
        assert say(code.meaning)[:30] in words
    for text in texts(drawn):
        x, y, size = (float(text.get(name, "0")) for name in ("x", "y", "font-size"))
        # DejaVu Sans is 0.62 of its size wide on average, bold 0.7.
        wide = len(text.text or "") * size * (0.68 if text.get("font-weight") else 0.58)
        assert (x + wide) * scale <= WIDTH + 1, text.text
        assert y * scale < HEIGHT


def test_the_header_is_the_one_of_a_raspberry_pi() -> None:
    numbers = [pin for pin in HEADER if isinstance(pin, int)]
    assert sorted(numbers) == list(range(28))
    assert [HEADER.index(gpio) + 1 for gpio in (2, 17, 27, 22, 23, 5, 6, 21)] == [
        3, 11, 13, 15, 16, 29, 31, 40,
    ]  # fmt: skip
    assert [place for place, pin in enumerate(HEADER, 1) if pin == "GND"] == [
        6, 9, 14, 20, 25, 30, 34, 39,
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_wire_is_drawn_where_the_configuration_says(language: str) -> None:
    pins = {"ready": 17, "fault": 23, "stop": 6, "stop_second": 13, "line-1": 26}
    drawn = wiring(pins, language, normally_open=("stop_second",))
    root = ElementTree.fromstring(drawn)  # noqa: S314
    assert len(list(root.iter(f"{SVG}line"))) == len(pins)
    words = [text.text for text in texts(drawn)]
    between = translator(language)(": ")
    assert any(str(word).startswith(f"line-1{between}") for word in words)
    assert "GPIO 17" in words


def test_a_remedy_begins_like_a_sentence_and_a_command_as_it_is_typed() -> None:
    told = " ".join(one.text or "" for one in texts(card(card_rows(), "north", "en")))
    remedies = [remedy for _, pattern, _, remedy in card_rows() if remedy and pattern != "off"]
    typed = [remedy for remedy in remedies if remedy.startswith(("`", "autodialer"))]
    assert typed
    assert len(typed) < len(remedies)
    for remedy in remedies:
        first = remedy.replace("`", "").split()[0].rstrip(".;,")
        begins = first if remedy in typed else first[:1].upper() + first[1:]
        assert f". {begins}" in told, remedy


@pytest.mark.parametrize(
    ("pattern", "english", "french"),
    [
        (Flashes(1), "1 flash", "1 éclat"),
        (Flashes(2), "2 flashes", "2 éclats"),
        (Flashes(0, long=1), "1 long", "1 long"),
        (Flashes(0, long=2), "2 long", "2 longs"),
        (Flashes(1, long=1), "1 long, 1 short", "1 long, 1 court"),
        (Flashes(2, long=1), "1 long, 2 short", "1 long, 2 courts"),
        (Flashes(1, long=2), "2 long, 1 short", "2 longs, 1 court"),
        (Flashes(2, long=2), "2 long, 2 short", "2 longs, 2 courts"),
    ],
)
def test_each_count_of_a_code_has_its_own_form(pattern: Flashes, english: str, french: str) -> None:
    assert describe(pattern) == english
    assert translator("en")(describe(pattern)) == english
    assert translator("fr")(describe(pattern)) == french


LOOKED_AT = Path(__file__).parents[2] / "fixtures" / "drawings"
"""Pictures as they were when a person last looked at them; draw anew, look, and keep."""
PINS = {
    "ready": 17,
    "call": 22,
    "fault": 23,
    "start": 5,
    "stop": 6,
    "stop_second": 13,
    "line-1": 26,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["card", "wiring"])
def test_a_drawing_is_as_it_was_looked_at(name: str, language: str) -> None:
    drawn = (
        card(card_rows(), "north", language)
        if name == "card"
        else wiring(PINS, language, normally_open=("stop_second",))
    )
    kept = (LOOKED_AT / f"{name}.{language}.svg").read_text(encoding="utf-8")
    assert drawn.splitlines() == kept.splitlines()
