"""A rehearsal keeps what is somebody's own, and can reach nobody."""

from __future__ import annotations

import csv
import io
import re
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import main
from appliance.config import load as reading
from appliance.config.paths import sample_config
from appliance.demo.people import make
from appliance.demo.processes import Stage
from appliance.demo.rehearsal import MOST_PEOPLE, configuration, fiction, population
from appliance.law import load_profile
from firmware.simulator.network.scenario_file import read_scenario
from firmware.yaml_document import read_document

EXPORTED = """\
number,name,language,timezone,purpose
+33612345678,Ana,fr,Europe/Paris,news
+491701234567,Ben,de,Europe/Berlin,news
+33612345678,Ana,fr,Europe/Paris,news
"""


def test_nobodys_number_stays() -> None:
    made = population(EXPORTED)
    assert made.people == 2
    rows = list(csv.DictReader(io.StringIO(made.contacts)))
    assert [row["name"] for row in rows] == ["Ana", "Ben", "Ana"]
    assert rows[0]["number"] == rows[2]["number"] != rows[1]["number"]
    for given in ("612345678", "1701234567"):
        assert given not in made.contacts + made.scenario
    read_scenario(made.scenario, name="scenario", directory=Path())


def test_numbers_are_of_ranges_for_fiction_and_differ() -> None:
    numbers = [fiction(index) for index in range(MOST_PEOPLE)]
    assert len(set(numbers)) == MOST_PEOPLE
    assert all(number.startswith(("+3363998", "+3319900")) for number in numbers)
    assert {len(number) for number in numbers} == {12}
    assert load_profile("fr")


def test_the_configuration_stays_ones_own_but_for_what_reaches_the_world(tmp_path: Path) -> None:
    sample = sample_config()
    settings = read_document(sample).value
    assert isinstance(settings, dict)
    stage = Stage(tmp_path / "state")
    stage.directory.mkdir(parents=True)
    real: dict[str, Any] = {
        **settings,
        "lines": [{"name": "gsm", "port": "/dev/ttyUSB2", "audio": "auto", "sim_pin": "1234"}],
        "fleet": {"box": "north", "key": "k", "servers": ["tls://hub.example.org:443"]},
    }
    text = configuration(
        real, sample.parent, stage, lines=["gsm"], speed=16, start="2027-03-09T18:00:00+01:00"
    )
    assert "ttyUSB2" not in text
    assert "sim_pin" not in text
    stage.config.write_text(text)
    config = reading.load(stage.config)
    assert config.bench
    assert config.settings.fleet is None
    assert config.settings.panel is not None
    assert config.settings.panel.simulated
    assert config.state == stage.state
    assert config.campaign.purpose == reading.load(sample).campaign.purpose


@pytest.mark.parametrize("number", ["01 99 00 00 01", "+33199000001", "0199000001"])
def test_a_number_stays_text_however_it_was_written(number: str, tmp_path: Path) -> None:
    sample = sample_config()
    settings: Any = read_document(sample).value
    settings["law"]["caller"]["number"] = number
    stage = Stage(tmp_path / "state")
    stage.directory.mkdir(parents=True)
    start = "2027-03-09T18:00:00+01:00"
    stage.config.write_text(
        configuration(settings, sample.parent, stage, lines=["gsm"], speed=16, start=start)
    )
    assert reading.load(stage.config).settings.law.caller.number == number


def asked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> tuple[reading.Config, Stage]:
    """Return a configuration of ``config init`` for a SIM's *number*, and where it is rehearsed."""
    monkeypatch.chdir(place)
    words = ["--yes", "--purpose", "information", "--number", number]
    assert main(["config", "init", *words]) == 0
    stage = Stage(place / "state-rehearsal")
    stage.directory.mkdir(parents=True)
    return reading.load(place / "config.yaml"), stage


def test_the_example_of_the_documentation_can_be_rehearsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All five of its people, though their numbers are for fiction and the lines are real ones."""
    from appliance.cli import rehearse

    config, stage = asked_for(tmp_path, monkeypatch, "+33162000000")
    example = Path(__file__).parents[3] / "docs" / "contacts-example.csv"
    people = rehearse._people(stage, Namespace(contacts=example), config)
    assert people is not None
    assert people.people == 5


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_wrong_rows_are_kept_back_and_the_others_rehearsed(
    wrong: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The box of the rehearsal imports the good rows; the file with the wrong ones stays."""
    from appliance.cli import rehearse
    from appliance.demo.run import Performance
    from appliance.screen.live import PlainScreen

    config, stage = asked_for(tmp_path, monkeypatch, "+33199000001")
    example = (Path(__file__).parents[3] / "docs" / "contacts-example.csv").read_text()
    for name in ("Camille Moreau,fr", "Alex Morgan,en")[:wrong]:
        example = example.replace(name, f"{name}ench")
    (tmp_path / "people.csv").write_text(example)
    people = rehearse._people(stage, Namespace(contacts=tmp_path / "people.csv"), config)
    assert people is not None
    stage.contacts.write_text(people.contacts, encoding="utf-8")
    performance = Performance(
        stage, people, PlainScreen(), expected=people.people, zone="Europe/Paris", incidents=False
    )
    assert performance._import()["new_people"] == 5 - wrong
    assert rehearse._kept_back(stage) == wrong


@pytest.mark.parametrize("words", [["run"], ["rehearse"], ["contacts", "import", "people.csv"]])
def test_the_sample_serves_for_the_demonstration_alone(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    assert "there is no config.yaml here" in capsys.readouterr().err


def test_a_rehearsal_writes_no_figures_where_the_box_writes_its_own(tmp_path: Path) -> None:
    sample = sample_config()
    settings = read_document(sample).value
    assert isinstance(settings, dict)
    stage = Stage(tmp_path / "state")
    stage.directory.mkdir(parents=True)
    real = {**settings, "metrics": {"textfile": str(tmp_path / "autodialer.prom")}}
    start = "2027-03-09T18:00:00+01:00"
    stage.config.write_text(
        configuration(real, sample.parent, stage, lines=["gsm"], speed=16, start=start)
    )
    assert reading.load(stage.config).settings.metrics.textfile is None


@pytest.mark.parametrize(("listen", "objects"), [("1", "9"), ("9", "1"), ("5", "0"), ("*", "#")])
def test_the_invented_callees_press_the_keys_of_the_campaign(listen: str, objects: str) -> None:
    many = "number\n" + "".join(f"+336398{n:05d}\n" for n in range(60))
    usual = keys_of(population(many).scenario)
    assert usual.keys() == {"1", "9"}
    keys = {"1": listen, "9": objects}
    for scenario in (
        population(many, keys).scenario,
        make(60, 1, "news", keys).scenario,
    ):
        pressed = keys_of(scenario)
        assert pressed.keys() == {listen, objects}
        assert pressed[listen] > pressed[objects]


def keys_of(scenario: str) -> Counter[str]:
    read_scenario(scenario, name="scenario", directory=Path())
    return Counter(re.findall(r"key: ['\"]?([0-9*#])", scenario))
