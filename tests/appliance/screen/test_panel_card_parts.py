"""The parts of the card and of the wiring by themselves, where the kept drawings have none."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from appliance.screen.panel_card import (
    HEADER,
    HEIGHT,
    WIDTH,
    card,
    wiring,
)

SVG = "{http://www.w3.org/2000/svg}"
Placed = tuple[str, str, str, str, str, str]


def parts(drawn: str, kind: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(drawn).iter(f"{SVG}{kind}"))  # noqa: S314


def placed(drawn: str) -> list[Placed]:
    """Where each text stands, how large it is, whether bold, its anchor, and the text."""
    return [
        (
            one.get("x", ""),
            one.get("y", ""),
            one.get("font-size", ""),
            one.get("font-weight", ""),
            one.get("text-anchor", ""),
            one.text or "",
        )
        for one in parts(drawn, "text")
    ]


def scale(drawn: str) -> str:
    found = re.search(r"scale\(([\d.]+)\)", drawn)
    assert found is not None
    return found[1]


def test_a_short_card_is_not_made_larger_than_it_is() -> None:
    rows = [("fault", "1 flash", "it burns", "run; then call"), ("odd", "off", "dark", "")]
    drawn = card(rows, "n", "en")
    assert (WIDTH, HEIGHT) == (105, 148)
    assert 'width="105mm" height="148mm" viewBox="0 0 105 148"' in drawn
    assert scale(drawn) == "1.0000"
    assert placed(drawn) == [
        ("6", "9.0", "4.2", "bold", "start", "n: what the lamps say"),
        ("11", "14.0", "2.4", "bold", "start", "fault"),
        ("22", "14.0", "2.4", "", "start", "1 flash"),
        ("43", "14.0", "2.1", "", "start", "it burns. Run."),
        ("6", "18.7", "2.4", "bold", "start",
         "START, short: go on; in attended mode: one call."),
        ("6", "22.0", "2.4", "bold", "start",
         "START, 2 seconds: pause. 5 seconds: pause, and all lamps"),
        ("6", "25.3", "2.4", "bold", "start", "light up."),
        ("6", "28.6", "2.4", "bold", "start",
         "STOP: hangs up everything at once and stays stopped."),
        ("6", "31.9", "2.4", "bold", "start",
         "After a stop: release STOP, then hold START until FAULT has"),
        ("6", "35.2", "2.4", "bold", "start", "flashed five times."),
    ]  # fmt: skip
    (lamp,) = parts(drawn, "circle")
    assert lamp.attrib == {"cx": "8", "cy": "13.1", "r": "1.5", "fill": "#cf222e"}


@pytest.mark.parametrize(("length", "size"), [(1, "4.2"), (10, "4.2"), (11, "4.19"), (40, "2.166")])
def test_a_long_name_is_written_smaller(length: int, size: str) -> None:
    (_, _, found, _, _, title), *_ = placed(card([], "n" * length, "en"))
    assert title == "n" * length + ": what the lamps say"
    assert found.startswith(size)


def test_rows_stand_below_each_other_and_an_unknown_lamp_is_black() -> None:
    rows = [
        ("ready", "steady", "word " * 20, ""),
        ("odd", "3 flashes", "", ""),
        ("call", "1 long, 2 short", "m", "`do it`; or not"),
    ]
    drawn = card(rows, "n", "en")
    lamps = [(one.get("cy"), one.get("fill")) for one in parts(drawn, "circle")]
    meanings = [(y, text) for x, y, _, _, _, text in placed(drawn) if x == "43"]
    assert lamps == [("13.1", "#1a7f37"), ("19.4", "black"), ("23.1", "#bf8700")]
    assert meanings == [
        ("14.0", "word word word word word word word word word word"),
        ("16.6", "word word word word word word word word word word"),
        ("20.3", ""),
        ("24.0", "m. do it."),
    ]


@pytest.mark.parametrize("count", [45, 60])
def test_a_card_with_much_on_it_is_scaled_to_its_paper(count: int) -> None:
    drawn = card([("fault", "steady", "word " * 12, "")] * count, "n", "en")
    by = float(scale(drawn))
    assert 0.3 < by < 1.0
    lowest = max(float(y) for _, y, _, _, _, _ in placed(drawn))
    # One line of the buttons' words and a millimetre remain below the last.
    assert (lowest + 3.3 + 1.0) * by == pytest.approx(HEIGHT, abs=0.02)


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ("", "it burns"),
        ("run", "it burns. Run."),
        ("run; walk", "it burns. Run."),
        ("`doctor` says; so", "it burns. doctor says."),
        ("autodialer clock; x", "it burns. autodialer clock."),
        (";", "it burns"),
    ],
)
def test_the_first_thing_to_do(remedy: str, told: str) -> None:
    drawn = card([("fault", "steady", "it burns", remedy)], "n", "en")
    assert [text for x, _, _, _, _, text in placed(drawn) if x == "43"] == [told]


def test_the_wiring_of_every_kind() -> None:
    pins = {"ready": 17, "heartbeat": 27, "start": 5, "stop": 6, "stop_second": 13, "modem": 26,
            "fault": 14, "line": 15}  # fmt: skip
    drawn = wiring(pins, "en", normally_open=("stop_second",))
    assert 'width="148mm" height="176mm"' in drawn
    labels = {
        text.split(":")[0]: (x, y, size, anchor, text)
        for x, y, size, _, anchor, text in placed(drawn)
        if ":" in text
    }
    assert labels == {
        "fault": ("108.0", "41.8", "2.3", "start", "fault: LED with 330 ohm to GND"),
        "line": ("108.0", "48.8", "2.3", "start", "line: LED with 330 ohm to GND"),
        "ready": ("40.0", "55.8", "2.3", "end", "ready: LED with 330 ohm to GND"),
        "heartbeat": ("40.0", "62.8", "2.3", "end", "heartbeat: LED with 330 ohm to"),
        "start": ("40.0", "118.8", "2.3", "end", "start: button (closes) to GND"),
        "stop": ("40.0", "125.8", "2.3", "end", "stop: mushroom button,"),
        "stop_second": ("40.0", "132.8", "2.3", "end", "stop_second: second contact,"),
        "modem": ("40.0", "146.8", "2.3", "end", "modem: switch of the modem's"),
    }
    wires = [dict(one.attrib) for one in parts(drawn, "line")]
    assert wires[0] == {
        "x1": "96", "y1": "41", "x2": "107.0", "y2": "41", "stroke": "#cf222e",
        "stroke-width": "0.7",
    }  # fmt: skip
    colours = [wire["stroke"] for wire in wires]
    assert colours == [
        "#cf222e", "#0969da", "#1a7f37", "#57606a", "#57606a", "#8250df", "#8250df", "#57606a",
    ]  # fmt: skip
    circles = parts(drawn, "circle")
    assert len(circles) == len(HEADER) == 40
    assert [(one.get("cx"), one.get("cy")) for one in circles[:3]] == [
        ("70", "20"),
        ("78", "20"),
        ("70", "27"),
    ]
    assert [one.get("fill") for one in circles[:7:2]] == ["#eaeef2"] * 4
    assert circles[5].get("fill") == "#24292f"
