"""The field guide says what the code does: its pictures, its lamps, its commands; one page each."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from appliance.box.lamps import card_rows
from appliance.cli.main import COMMANDS
from appliance.config.settings import PanelSettings
from appliance.language import LANGUAGES, translator
from appliance.screen.panel_card import LAMP_NAMES

ROOT = Path(__file__).parent.parent


def _guide() -> ModuleType:
    spec = importlib.util.spec_from_file_location("field_guide", ROOT / "docs" / "field_guide.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["field_guide"] = module
    spec.loader.exec_module(module)
    return module


guide = _guide()


def text(language: str) -> str:
    return str(guide.page(language).read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pictures_are_the_codes_own(language: str) -> None:
    for name, drawn in guide.pictures(language).items():
        there = (guide.PICTURES / name).read_text(encoding="utf-8")
        assert there == drawn, f"{name} is old: make field-guide"
        assert f"(field-guide/{name})" in text(language)


def test_no_picture_lies_there_that_nobody_draws() -> None:
    drawn = {name for language in LANGUAGES for name in guide.pictures(language)}
    assert {path.name for path in guide.PICTURES.iterdir()} == drawn


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_lamp_code_is_one_of_the_table(language: str) -> None:
    say = translator(language)
    table = {f"{say(LAMP_NAMES[lamp])}: {say(pattern)}" for lamp, pattern, *_ in card_rows()}
    names = "|".join(say(name) for name in LAMP_NAMES.values())
    told = re.findall(rf"`((?:{names})[^`]*)`", text(language))
    assert len(told) >= 12
    assert [one for one in told if one not in table] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_command_is_one(language: str) -> None:
    said = re.findall(r"`autodialer ([a-z]+)", text(language))
    assert said
    assert set(said) <= COMMANDS.keys()


def test_the_languages_say_the_same() -> None:
    shapes = []
    for language in LANGUAGES:
        lines = text(language).splitlines()
        marks = ("#", "|", "1.", "2.", "3.", "4.", "5.", "6.", "7.", "-", "!")
        shapes.append([line.split(" ")[0][:2] for line in lines if line.startswith(marks)])
    assert shapes[0] == shapes[1]


def test_a_box_that_waits_has_the_pins_of_the_picture() -> None:
    drawn = guide.pictures("en")["wiring.en.svg"]
    pins = PanelSettings()
    for pin in (pins.ready, pins.line, pins.call, pins.fault, pins.start, pins.stop):
        assert f"GPIO {pin}<" in drawn


@pytest.mark.process
@pytest.mark.skipif(
    guide.browser() is None or shutil.which("pdfinfo") is None,
    reason="needs chromium, which prints, and pdfinfo of poppler-utils",
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_one_page_of_a4(language: str, tmp_path: Path) -> None:
    target = tmp_path / "guide.pdf"
    guide.printed(language, target, guide.browser())
    facts = subprocess.run(
        ["pdfinfo", str(target)], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"^Pages:\s+1$", facts, re.MULTILINE), facts
    width, height = map(
        float, re.findall(r"^Page size:\s+([\d.]+) x ([\d.]+)", facts, re.MULTILINE)[0]
    )
    assert (round(width), round(height)) == (595, 842)
