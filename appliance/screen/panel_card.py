"""The printed card of the panel, A6, and its wiring diagram: SVG from the code's tables. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from appliance.language import Translate, joined, marked, translator

WIDTH, HEIGHT = 105, 148
"""Millimetres: A6, upright."""
_SHORT = 49
"""Characters of a line of the card that is not scaled."""
_MEANING = 43
"""Where the meaning begins, in millimetres."""
_SMALL = 2.1
_BOLD = 0.68
"""How wide a bold letter is on average, to its size."""
_COLOURS = {"ready": "#1a7f37", "line": "#0969da", "call": "#bf8700", "fault": "#cf222e"}
_DARK = "#8c959f"

LAMP_NAMES = {
    "ready": marked("ready"),
    "line": marked("line"),
    "call": marked("call"),
    "fault": marked("fault"),
}
BUTTONS = (
    marked("START, short: go on; in attended mode: one call."),
    marked("START, 2 seconds: pause. 5 seconds: pause, and all lamps light up."),
    marked("STOP: hangs up everything at once and stays stopped."),
    marked("After a stop: release STOP, then hold START until FAULT has flashed five times."),
)

Row = tuple[str, str, str, str]
"""Lamp, pattern, meaning and remedy, as messages: a row of the lamp table."""


def card(rows: Iterable[Row], box: str, language: str) -> str:
    """Return the card in *language*: each pattern that is not dark, and what the buttons do."""
    listed = list(rows)
    # What is longer is printed smaller: the card is A6 in every language. A smaller print has room
    # for longer lines, and these need less height: of all lengths the one that is read best.
    drawn = [_laid_out(listed, box, language, short) for short in range(_SHORT, 2 * _SHORT)]
    scale, parts = max(drawn, key=lambda one: one[0])
    parts = [f'<g transform="scale({scale:.4f})">', *parts, "</g>"]
    return _page(WIDTH, HEIGHT, parts)


def _laid_out(rows: Iterable[Row], box: str, language: str, short: int) -> tuple[float, list[str]]:
    """Return the card with lines of *short* characters, and how it is scaled to fit the paper."""
    say = translator(language)
    title = say("{box}: what the lamps say").format(box=box)
    wide = _MEANING + (WIDTH - _MEANING) * short / _SHORT
    parts = [_text(6, 9, title, min(4.2, 130 / len(title)), bold=True)]
    place = 14.0
    for lamp, pattern, meaning, remedy in rows:
        if pattern == "off":
            continue
        lines = textwrap.wrap(_brief(meaning, remedy, say), short) or [""]
        colour = _COLOURS.get(lamp, "black")
        parts.append(f'<circle cx="8" cy="{place - 0.9:.1f}" r="1.5" fill="{colour}"/>')
        parts.append(_text(11, place, say(LAMP_NAMES.get(lamp, lamp)), 2.4, bold=True))
        parts.append(_text(22, place, say(pattern), 2.4))
        for line in lines:
            parts.append(_text(_MEANING, place, line, _SMALL))
            place += 2.6
        place += 1.1
    place += 1
    for sentence in BUTTONS:
        for line in textwrap.wrap(say(sentence), int((wide - 7) / (2.4 * _BOLD))):
            parts.append(_text(6, place, line, 2.4, bold=True))
            place += 3.3
    return min(HEIGHT / (place + 1), WIDTH / wide, 1.0), parts


def _brief(meaning: str, remedy: str, say: Translate) -> str:
    """Return the meaning, and the first thing to do about it: a card has no room for more."""
    first = say(remedy).split(";")[0].strip() if remedy else ""
    # A command is written as it is typed.
    if not first.startswith(("`", "autodialer")):
        first = first[:1].upper() + first[1:]
    return f"{say(meaning)}. {first.replace('`', '')}." if first else say(meaning)


# BCM number of each pin of the 40-pin header; power and ground are named.
HEADER: tuple[int | str, ...] = (
    "3V3", "5V", 2, "5V", 3, "GND", 4, 14, "GND", 15, 17, 18, 27, "GND", 22, 23, "3V3", 24, 10,
    "GND", 9, 25, 11, 8, "GND", 7, 0, 1, 5, "GND", 6, 12, 13, "GND", 19, 16, 26, 20, "GND", 21,
)  # fmt: skip


def wiring(pins: Mapping[str, int], language: str, *, normally_open: Sequence[str] = ()) -> str:
    """Return the header with everything that is wired to it, by the configuration's *pins*.

    Names of lamps, ``start``, ``stop``, ``stop_second`` and of power switches, with BCM numbers.
    """
    say = translator(language)
    parts = [_text(8, 10, say("Wiring of the panel, by config.yaml"), 4.5, bold=True)]
    by_pin = {number: name for name, number in pins.items()}
    for index, what in enumerate(HEADER):
        row, right = divmod(index, 2)
        x, y = (78 if right else 70), 20 + row * 7
        name = by_pin.get(what) if isinstance(what, int) else None
        fill = _wire_colour(name) if name else ("#24292f" if what == "GND" else "#eaeef2")
        parts.append(f'<circle cx="{x}" cy="{y}" r="2.6" fill="{fill}" stroke="black" '
                     f'stroke-width="0.2"/>')  # fmt: skip
        white = name is not None or what == "GND"
        parts.append(
            _text(x, y + 0.8, str(index + 1), 2.2, anchor="middle", fill="white" if white else "")
        )
        words = f"GPIO {what}" if isinstance(what, int) else what
        side = "start" if right else "end"
        at = x + 4.5 if right else x - 4.5
        parts.append(_text(at, y + 0.8, words, 2.3, anchor=side, fill="" if name else _DARK))
        if name:
            far = 96 if right else 52
            step = 22 if right else -22
            parts.append(
                f'<line x1="{far}" y1="{y}" x2="{far + step / 2}" y2="{y}" stroke="{fill}" '
                'stroke-width="0.7"/>'
            )
            label = say(
                joined(
                    ": ",
                    [say(LAMP_NAMES.get(name, name)), say(_wired(name, name in normally_open))],
                )
            )
            for number, line in enumerate(textwrap.wrap(label, 30)):
                parts.append(
                    _text(
                        far + step / 2 + (1 if right else -1),
                        y + 0.8 + number * 2.8,
                        line,
                        2.3,
                        anchor=side,
                    )
                )
    note = say(
        "GND is any black pin. A stop button whose wire is cut stops the box. Pin 1 is at the "
        "corner of the board; both rows are seen from above."
    )
    for number, line in enumerate(textwrap.wrap(note, 88)):
        parts.append(_text(8, 164 + number * 4, line, 3))
    return _page(148, 176, parts)


_LAMP = marked("LED with 330 ohm to GND")
_START = marked("button (closes) to GND")
_STOP = marked("mushroom button, normally closed, to GND")
_STOP_OPENS = marked("second contact, normally open, to GND")
_POWER = marked("switch of the modem's supply")


def _wired(name: str, normally_open: bool) -> str:
    if name in (*LAMP_NAMES, "heartbeat"):
        return _LAMP
    if name == "start":
        return _START
    if name.startswith("stop"):
        return _STOP_OPENS if normally_open else _STOP
    return _POWER


def _wire_colour(name: str) -> str:
    return _COLOURS.get(name, "#8250df" if name.startswith("stop") else "#57606a")


def _text(
    x: float, y: float, text: str, size: float, *, bold: bool = False, anchor: str = "start",
    fill: str = "",
) -> str:  # fmt: skip
    weight = ' font-weight="bold"' if bold else ""
    colour = f' fill="{fill}"' if fill else ""
    return (
        f'<text x="{x}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{weight}{colour}>'
        f"{escape(text)}</text>"
    )


def _page(width: float, height: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height:.0f}mm" '
        f'viewBox="0 0 {width} {height:.0f}" font-family="DejaVu Sans, Arial, sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
