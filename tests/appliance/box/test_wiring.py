"""What of the configuration reaches a line, and how paths in it are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.box.wiring import line_settings, open_power
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.errors import Refused
from firmware.yaml_document import DocumentFaulty


def configured(tmp_path: Path, *lines: dict[str, Any]) -> Config:
    shipped = sample_config()
    settings = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    for group in settings["campaign"]["clips"].values():
        for role, place in group.items():
            group[role] = str(shipped.parent / place)
    settings["lines"] = [{"bench": True, **line} for line in lines]
    file = tmp_path / "config.yaml"
    # JSON is YAML with every text in quotes.
    file.write_text(json.dumps(settings), encoding="utf-8")
    return configuration.load(file)


@pytest.mark.parametrize(
    ("audio", "voice"),
    [
        (None, None),
        ("auto", "auto"),
        ("module", "module"),
        ("alsa:hw:2", "alsa:hw:2"),
        ("/dev/serial/by-path/x", "/dev/serial/by-path/x"),
        ("socket://127.0.0.1:5", "socket://127.0.0.1:5"),
        ("lines/one.audio", "{base}/lines/one.audio"),
    ],
)
def test_the_voice_setting(tmp_path: Path, audio: str | None, voice: str | None) -> None:
    config = configured(tmp_path, {"name": "one", "port": "/dev/a", "audio": audio})
    settings = line_settings(config, config.settings.lines[0])
    assert settings.audio == (None if voice is None else voice.format(base=tmp_path))


def test_everything_that_a_line_is_told(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("1234\n")
    config = configured(
        tmp_path,
        {
            "name": "one",
            "port": "one.at",
            "family": "quectel",
            "emergency_port": "one.at2",
            "imei": "001010123450018",
            "sim_pin": "file:pin",
            "baudrate": 9600,
            "rtscts": True,
            "incoming": "ignore",
            "power_pin": 16,
            "power_cut": "low",
        },
    )
    settings = line_settings(config, config.settings.lines[0])
    assert (settings.name, settings.family, settings.bench) == ("one", "quectel", True)
    assert settings.port == str(tmp_path / "one.at")
    assert settings.emergency_port == str(tmp_path / "one.at2")
    assert (settings.imei, settings.pin) == ("001010123450018", "1234")
    assert (settings.baudrate, settings.rtscts, settings.incoming) == (9600, True, "ignore")
    assert settings.power_pin == 16
    switch = open_power(config, config.settings.lines[0])
    assert switch is not None
    assert switch._factory.pin(16).state == 1
    switch.close()


def test_no_switch_where_none_is_wired(tmp_path: Path) -> None:
    config = configured(tmp_path, {"name": "one", "port": "/dev/a"})
    assert open_power(config, config.settings.lines[0]) is None


def test_lines_may_share_the_word_module_but_no_voice_port(tmp_path: Path) -> None:
    configured(
        tmp_path,
        {"name": "one", "port": "/dev/a", "audio": "module"},
        {"name": "two", "port": "/dev/b", "audio": "module"},
    )
    with pytest.raises(DocumentFaulty, match="already used"):
        configured(
            tmp_path,
            {"name": "one", "port": "/dev/a", "audio": "alsa:EC25"},
            {"name": "two", "port": "/dev/b", "audio": "alsa:EC25"},
        )


def test_the_pin_that_the_service_manager_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"name": "one", "port": "/dev/a", "sim_pin": "credential:autodialer.sim-pin"}
    config = configured(tmp_path, line)
    (tmp_path / "autodialer.sim-pin").write_text("0123\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert line_settings(config, config.settings.lines[0]).pin == "0123"


@pytest.mark.parametrize("name", ["autodialer.sim-pin", "", "../pin", "/etc/hostname"])
def test_a_credential_that_was_not_handed_over(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(
        tmp_path, {"name": "one", "port": "/dev/a", "sim_pin": f"credential:{name}"}
    )
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", folder)
        with pytest.raises(Refused, match="has not handed over"):
            line_settings(config, config.settings.lines[0])
