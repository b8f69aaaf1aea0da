"""The hours of the person called, from the contacts file to ``why`` and ``doctor``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from appliance.cli import doctor
from appliance.cli.main import main
from appliance.config.paths import sample_config

HEADER = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until"
)


class Desk:
    """A technician at a bench box that does not run."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys

    def law(self, text: str) -> None:
        file = self.directory / "config.yaml"
        before, after = file.read_text().split("\nlaw:\n")
        file.write_text(f"{before}\nlaw:\n{text}\n  caller:{after.partition('  caller:')[2]}")

    def asks(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main(["--config", str(self.directory / "config.yaml"), *words])
        told = self._capsys.readouterr()
        return code, told.out, told.err

    def imports(self, *rows: tuple[str, str]) -> tuple[int, str, str]:
        """Import people of these numbers and zones."""
        file = self.directory / "people.csv"
        lines = [
            f"{number},P,fr,{zone},neighbourhood-news,2027-01-10,web,f{n},mon-sun 00:00-24:00,"
            for n, (number, zone) in enumerate(rows)
        ]
        file.write_text("\n".join([HEADER, *lines]) + "\n")
        return self.asks("contacts", "import", str(file))

    def refusals(self, number: str, at: str) -> set[str]:
        _, out, _ = self.asks("why", number, "--at", at, "--json")
        verdicts = json.loads(out)["verdicts"]
        return {one["rule"] for one in verdicts if not one["allowed"]}


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    shutil.copy(sample_config(), tmp_path / "config.yaml")
    (tmp_path / "audio").symlink_to(sample_config().parent / "audio")
    return Desk(tmp_path, capsys)


FR = "  profile: fr\n  timezone: Indian/Reunion\n  territory: reunion"
US = "  profile: us\n  timezone: America/New_York"


def test_a_list_without_zones_goes_by_the_numbers_not_by_the_box(desk: Desk) -> None:
    desk.law(FR)
    assert desk.imports(("+33639980012", ""), ("+33639980013", "Indian/Reunion"))[0] == 0
    # 07:30 UTC: 8:30 in Paris, 11:30 on the island where the box stands.
    at = "2027-03-10T07:30:00Z"
    assert desk.refusals("+33639980012", at) == {"fr.FR-6.hours"}
    assert desk.refusals("+33639980013", at) == set()
    # The island's holiday is the islander's alone.
    at = "2027-12-20T10:30:00Z"
    assert desk.refusals("+33639980012", at) == set()
    assert desk.refusals("+33639980013", "2027-12-20T08:30:00Z") == {"fr.FR-6.holidays"}


@pytest.mark.parametrize("zone", ["EST", "MST", "Etc/GMT+5", "GMT", "UTC"])
def test_nobody_is_called_by_a_zone_that_no_place_keeps(desk: Desk, zone: str) -> None:
    desk.law(US)
    code, _, err = desk.imports(("+12125550124", zone))
    assert code == 1
    assert f"“{zone}” is no civil time" in err
    assert "did you mean UTC" not in err
    assert "consent" in desk.refusals("+12125550124", "2027-07-13T21:30:00-04:00")


def test_a_missing_zone_is_asked_for_in_new_york(desk: Desk) -> None:
    desk.law(US)
    code, _, err = desk.imports(("+12125550124", ""))
    assert code == 1
    assert "timezone: is empty, and numbers of US have more than one time zone" in err
    assert desk.imports(("+12125550124", "America/New_York"))[0] == 0
    assert desk.refusals("+12125550124", "2027-07-13T21:30:00-04:00") == {"us.US-3"}
    assert desk.refusals("+12125550124", "2027-07-13T20:30:00-04:00") == set()


def test_a_contradiction_is_told_at_import_and_by_doctor(desk: Desk) -> None:
    desk.law(FR)
    code, _, err = desk.imports(("+33639980012", "America/New_York"), ("+33639980013", ""))
    assert code == 0
    assert "people.csv:2: timezone: the number is one of Europe/Paris" in err
    assert err.count("warning") == 1
    _, out, _ = desk.asks("doctor")
    (row,) = [line for line in out.splitlines() if "people's zones" in line]
    assert "(1): +33 ••••••• 12 (America/New_York)" in row
    assert "+33639980012" not in out


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (
            '  profile: de\n  timezone: Europe/Berlin\n  ballots: [{date: "2027-03-14"}]',
            "has no rule for ballots",
        ),
        (
            '  profile: fr\n  timezone: Europe/Paris\n  ballots: [{date: "2027-04-11"}]',
            "vote on Saturday 2027-04-10",
        ),
    ],
)
def test_check_and_doctor_speak_of_ballots(desk: Desk, law: str, words: str) -> None:
    desk.law(law)
    for command in ("check", "doctor"):
        assert words in desk.asks(command)[1]


def test_somebody_who_votes_on_saturday_is_left_alone_on_friday(desk: Desk) -> None:
    desk.law('  profile: fr\n  timezone: Europe/Paris\n  ballots: [{date: "2027-04-11"}]')
    zones = ("America/Martinique", "Pacific/Gambier", "America/Lima", "Europe/Paris")
    people = [(f"+3363998001{n}", zone) for n, zone in enumerate(zones)]
    assert desk.imports(*people)[0] == 0
    friday = {
        "America/Martinique": "2027-04-09T11:00:00-04:00",
        "Pacific/Gambier": "2027-04-09T11:00:00-09:00",
        "America/Lima": "2027-04-09T11:00:00-05:00",
        "Europe/Paris": "2027-04-09T11:00:00+02:00",
    }
    for number, zone in people:
        expected = set() if zone == "Europe/Paris" else {"fr.FR-13"}
        told = desk.asks("why", number, "--at", friday[zone])[1]
        assert ("judged as somebody in" in told) is (zone != "Europe/Paris")
        assert desk.refusals(number, friday[zone]) == expected


def test_check_names_the_floor(desk: Desk) -> None:
    file = desk.directory / "config.yaml"
    file.write_text(file.read_text().replace("ring: 30 s", "ring: 9 s"))
    code, out, _ = desk.asks("check")
    assert code == 0
    assert "A phone rings for at least 15 seconds." in out
    assert "the floor holds: campaign.timers.ring says 9 seconds" in out


@pytest.mark.parametrize(
    ("version", "state"), [("2026c", "ok"), ("2025b", "ok"), ("2021a", "note"), ("unknown", "note")]
)
def test_doctor_shows_the_age_of_the_zone_rules(
    monkeypatch: pytest.MonkeyPatch, version: str, state: str
) -> None:
    monkeypatch.setattr("appliance.box.calendar_clock.time_zone_database", lambda: version)
    row = doctor._time_zone_rules()
    if version != "2025b":
        # What is old depends on the day on which the tests run.
        assert row.state == state
    assert version in row.detail
    assert ("tzdata" in row.remedy) is (row.state == "note")


def test_clock_prints_what_it_is_believed_for(desk: Desk) -> None:
    assert desk.imports(("+33639980012", ""))[0] == 0
    code, out, _ = desk.asks("clock")
    assert code == 0
    assert "trusted: simulated" in out
    code, _, err = desk.asks("clock", "correct", "--by", "Alix", "--reason", "test")
    assert code == 1
    assert "simulated" in err
    with pytest.raises(SystemExit) as usage:
        desk.asks("clock", "correct", "--by", "Alix")
    assert usage.value.code == 2
