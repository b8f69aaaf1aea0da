"""The live screen: the gravest first at every size, keys that act, and a mark where it is stale."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from appliance.cli.speech import speak
from appliance.cli.watching import Watch
from appliance.errors import Refused, Unresponsive
from appliance.language import translator
from appliance.screen.watch import View, loudness, page, signal
from firmware.wording import worded
from tests.support.watch_status import STATUS

SIZES = [(40, 12), (80, 24), (120, 40), (30, 5), (200, 60)]


def plain(view: View, width: int, height: int, language: str = "en") -> list[str]:
    return page(view, translator(language), width, height).plain.split("\n")


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_fits_its_terminal(width: int, height: int, language: str) -> None:
    rows = plain(View(status=STATUS), width, height, language)
    assert len(rows) == height
    assert max(map(len, rows)) <= width


@pytest.mark.parametrize(("width", "height"), [(40, 12), (80, 24), (120, 40)])
@pytest.mark.parametrize("scene", ["calling", "stopped"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_is_as_it_was_looked_at(width: int, height: int, scene: str, language: str) -> None:
    """Of a change that is meant the file is made anew: UPDATE_PAGES=1 pytest, then look at it."""
    stopped = {"stopped": True} if scene == "stopped" else {}
    rows = plain(View(status={**STATUS, **stopped}), width, height, language)
    text = "\n".join(row.rstrip() for row in rows) + "\n"
    kept = Path(__file__).parent / "pages" / f"watch-{scene}-{width}x{height}.{language}.txt"
    if os.environ.get("UPDATE_PAGES"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_is_grave_is_seen_at_every_size(width: int, height: int) -> None:
    stopped = {**STATUS, "stopped": True}
    shown = "\n".join(plain(View(status=stopped, silent_for=9, trouble="silent"), width, height))
    assert "STALE: no answer for 9 s" in shown
    assert "EMERGENCY STOP" in shown
    assert "north" in shown


def test_a_page_tells_what_a_person_asks() -> None:
    shown = "\n".join(plain(View(status=STATUS), 80, 40))
    for told in (
        "18:02:11 CET",
        "● ready on",
        "Every line has a call. Next: 2027-03-10 18:00 CET.",
        "line-1   telling          ▂▄▆·  -79 dBm ↑-20 ↓-35 dBFS sim7600",
        "line-2: OUT (sim_missing) no SIM is in the holder; insert it, contacts down",
        "48 people, 31 may still be called, 12 calls",
        "busy 3  listened 7  opted_out 2",
        "Not called, by rule: consent 4, law.sunday 1",
        "2027-03-10 18:00 CET  +33 ••••••• 01  attempt 2",
        "18:02:00 CET call ended  listened  line-1  abababab",
        "! a modem or SIM needs a person: see doctor",
    ):
        assert told in shown
    assert "dit le message" in "\n".join(plain(View(status=STATUS), 80, 40, "fr"))


@pytest.mark.parametrize(
    ("dbm", "shown"),
    [
        (-51, "▂▄▆█  -51 dBm"),
        (-73, "▂▄▆█  -73 dBm"),
        (-74, "▂▄▆·  -74 dBm"),
        (-97, "▂▄··  -97 dBm"),
        (-109, "▂··· -109 dBm"),
        (-113, "···· -113 dBm"),
        (None, "····    ? dBm"),
        ("x", "····    ? dBm"),
    ],
)
def test_a_signal_is_bars_and_a_figure(dbm: object, shown: str) -> None:
    assert signal(dbm) == shown


def test_levels_are_shown_while_somebody_is_on_the_line_alone() -> None:
    assert loudness(-20.4, None) == "↑-20 ↓ -- dBFS"
    idle = [{**STATUS["lines"][0], "call": None}]
    rows = plain(View(status={**STATUS, "lines": idle}), 80, 24)
    (row,) = [row for row in rows if row.startswith("line-1")]
    assert "dBFS" not in row
    assert "-79 dBm" in row
    narrow = plain(View(status=STATUS), 40, 12)
    assert "line-1   telling          ▂▄▆· ↑-20 ↓-35" in narrow


def test_no_text_is_obeyed() -> None:
    hostile = {**STATUS, "why": {"code": "x", "sentence": "a\x1b[2Jb\u202e", "next_at": None}}
    shown = "\n".join(plain(View(status=hostile), 80, 24))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "a\\u001b[2Jb\\u202e" in shown


def test_safe_mode_and_a_box_of_an_earlier_version_are_shown_too() -> None:
    safe = {
        "box": "north",
        "running": False,
        "safe_mode": "x",
        "bench": False,
        "mode": "safe mode",
        "stopped": False,
        "why": {"code": "safe_mode", "sentence": "Safe mode.", "next_at": None},
        "faults": [],
    }
    assert "Safe mode." in "\n".join(plain(View(status=safe), 80, 24))
    earlier = {key: STATUS[key] for key in STATUS if key not in ("queue", "recent", "timezone")}
    assert "17:02:11 UTC" in "\n".join(plain(View(status=earlier), 80, 24))


class FakeBox:
    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.trouble: Exception | None = None
        self.refusal: Exception | None = None
        self.status = STATUS

    def __call__(self, operation: str, given: dict[str, Any]) -> Any:
        if operation == "pause" and self.refusal is not None:
            raise self.refusal
        if operation != "status":
            self.asked.append((operation, given))
            return {}
        if self.trouble is not None:
            raise self.trouble
        return self.status


def played(
    box: FakeBox, play: Callable[[Watch, Pilot[None]], Awaitable[None]], size: tuple[int, int]
) -> None:
    async def through() -> None:
        app = Watch(box)
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.3)
            await play(app, pilot)

    asyncio.run(through())


def shown(app: Watch) -> str:
    return str(app.screen_stack[0].query_one("#page", Static).content)


@pytest.mark.pty
@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_keys_act_at_once(size: tuple[int, int]) -> None:
    box = FakeBox()

    async def play(app: Watch, pilot: Pilot[None]) -> None:
        await pilot.press("x")
        await pilot.press("p")
        await pilot.press("s")
        await pilot.pause(0.3)

    played(box, play, size)
    asked = sorted(box.asked)
    assert asked == [("pause", {"by": "watch"}), ("resume", {"by": "watch"}), ("stop", {})]


@pytest.mark.pty
def test_a_reset_asks_for_name_and_reason() -> None:
    box = FakeBox()

    async def play(app: Watch, pilot: Pilot[None]) -> None:
        await pilot.press("r")
        await pilot.press(*"Ana", "enter")
        assert not box.asked
        assert app.screen.query_one("#reason", Input).has_focus
        await pilot.press(*"cable", "enter")
        await pilot.pause(0.3)
        await pilot.press("r", "escape")

    played(box, play, (80, 24))
    assert box.asked == [("reset", {"by": "Ana", "reason": "cable"})]


@pytest.fixture
def french() -> Iterator[None]:
    speak("fr")
    yield
    speak("en")


@pytest.mark.pty
@pytest.mark.usefixtures("french")
@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_the_screen_speaks_as_its_command_does(size: tuple[int, int]) -> None:
    """Keys, help and what a box refuses; the box of a demonstration has a language of its own."""
    box = FakeBox()
    box.refusal = Refused(
        worded("no box is running here"), worded("start one with: autodialer run")
    )

    async def play(app: Watch, pilot: Pilot[None]) -> None:
        assert "départ" in str(app.screen_stack[0].query_one("#keys", Static).content)
        assert "18:02:11 CET" in shown(app)
        await pilot.press("p")
        await pilot.pause(0.3)
        assert "aucun boîtier ne tourne ici" in shown(app)
        await pilot.press("question_mark")
        await pilot.pause(0.1)
        told = app.screen.query_one(Static)
        assert "le boîtier continue" in str(told.content)
        assert told.outer_size.height <= size[1]
        assert str(told.content).endswith("Échap ferme cette aide.")

    played(box, play, size)


@pytest.mark.pty
def test_a_silent_box_is_marked_and_its_last_word_stays() -> None:
    box = FakeBox()

    async def play(app: Watch, pilot: Pilot[None]) -> None:
        assert "STALE" not in shown(app)
        box.trouble = Unresponsive(7, "does not answer")
        await pilot.pause(1.5)
        assert "STALE: no answer for" in shown(app)
        assert "line-1" in shown(app)
        box.trouble = None
        await pilot.pause(1.5)
        assert "STALE" not in shown(app)
        await pilot.press("question_mark")
        await pilot.press("escape")

    played(box, play, (80, 24))


@pytest.mark.parametrize(
    ("call", "incoming", "told"),
    [
        ("telling", None, "telling "),
        (None, "greeting", "caller: greeting"),
        ("telling", "greeting", "telling "),
        (None, None, "ready"),
    ],
)
def test_a_line_says_who_called_whom(call: str | None, incoming: str | None, told: str) -> None:
    line = {**STATUS["lines"][0], "call": call, "incoming": incoming}
    rows = plain(View(status={**STATUS, "lines": [line]}), 80, 24)
    (row,) = [row for row in rows if row.startswith("line-1")]
    assert row.split(maxsplit=1)[1].startswith(told)
