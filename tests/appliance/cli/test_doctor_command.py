"""The doctor looks at the rest where the configuration is broken, and packs what names nobody."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from appliance.cli.doctor import _should_run
from appliance.cli.doctor_bundle import masked, masked_configuration
from appliance.cli.doctor_card import TOPICS
from appliance.cli.doctor_provisioning import UPDATE_RESULT
from appliance.cli.main import SYSTEM_CONFIG, main
from appliance.config.paths import sample_config


@pytest.fixture
def config(tmp_path: Path) -> Path:
    sample = sample_config()
    (tmp_path / "audio").symlink_to(sample.parent / "audio")
    shutil.copy(sample, tmp_path / "config.yaml")
    return tmp_path / "config.yaml"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mode: automatic", "mode: atomatic"),
        ("profile: fr", "profile: nowhere"),
        ("box:\n", "box: [\n"),
        ("lines:\n", "lines: none\nothers:\n"),
    ],
)
def test_the_rest_is_looked_at_where_the_configuration_is_broken(
    config: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text().replace(old, new, 1))
    (config.parent / "state").mkdir(mode=0o755)
    assert main(["--config", str(config), "doctor", "--json"]) == 2
    rows = json.loads(capsys.readouterr().out)
    parts = {row["part"] for row in rows}
    assert rows[0]["part"] == "configuration"
    assert rows[0]["state"] == "fault"
    assert f"{config}:" in rows[0]["detail"]
    assert "time zone rules" in parts
    if new != "box: [\n":
        assert {"storage", "box"} <= parts


def test_it_looks_at_the_same_around_a_broken_configuration_as_around_a_sound_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stick, update, files handed out: none of it needs more than the place of the state."""
    state = config.parent / "state"
    state.mkdir(mode=0o755)
    (state / UPDATE_RESULT).write_text("the update was taken back")
    (state / "exports.json").write_text("torn")
    (state / "provisioning").mkdir()
    (state / "provisioning" / "last.json").write_text("torn")
    parts = []
    for text in (config.read_text(), config.read_text().replace("automatic", "atomatic", 1)):
        config.write_text(text)
        assert main(["--config", str(config), "doctor", "--json"]) in (1, 2)
        rows = json.loads(capsys.readouterr().out)
        parts.append({row["part"] for row in rows if row["state"] != "ok"})
    sound, broken = parts
    assert {"update", "exports", "permissions"} <= sound
    # What only a configuration tells, or a state that it lets be opened.
    asked = {"state", "ledger", "caller number", "clips", "ballots"}
    assert {part for part in sound - broken if not part.startswith("line ")} <= asked


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_column_begins_where_it_begins_above(
    config: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the words of one language are longer than the other's."""
    text = config.read_text()
    text = re.sub(r"(?m)^language: .*\n", "", text).replace("mode: automatic", "mode: atomatic")
    config.write_text(f"language: {language}\n{text}")
    assert main(["--config", str(config), "doctor", "--json"]) == 2
    states = {row["state"] for row in json.loads(capsys.readouterr().out)}
    assert {"ok", "fault"} <= states
    assert main(["--config", str(config), "doctor"]) == 2
    rows = capsys.readouterr().out.splitlines()
    assert len({re.search(r"(?<=  )\S", row).start() for row in rows}) == 1  # type: ignore[union-attr]


def test_a_box_that_the_computer_starts_and_that_does_not_run_ails(tmp_path: Path) -> None:
    wanted = tmp_path / "autodialer.service"
    assert not list(_should_run(Path(SYSTEM_CONFIG), wanted))
    wanted.symlink_to("/lib/systemd/system/autodialer.service")
    (row,) = _should_run(Path(SYSTEM_CONFIG), wanted)
    assert row.state == "fault"
    assert not list(_should_run(tmp_path / "config.yaml", wanted))


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ('    sim_pin: "1234"', "1234"),
        ('  - sim_pin: "file:/etc/pin"', "/etc/pin"),
        ('    number: "+33199000001"', "199000001"),
        ("called 01 99 00 00 12 in vain", "00 12"),
        ('"imei": "867962041234567"', "867962041234567"),
        ('"iccid": "8933150319000012345"', "8933150319000012345"),
        ("reason=neighbour at 0199000012", "0199000012"),
    ],
)
def test_what_names_somebody_or_opens_something_is_masked(text: str, gone: str) -> None:
    assert gone not in masked(text)


@pytest.mark.parametrize(
    "written",
    [
        'lines: [{name: a, sim_pin: "4711"}]',
        "lines:\n  - {sim_pin: 4711, name: a}",
        'sim_pin:\n      "4711"',
        "sim_pin: >-\n      4711",
        "    ? sim_pin\n    : 4711",
        'pin: &mine "4711"\nlines:\n  - sim_pin: *mine',
        'sim_pim: "47110815"',
        "simpin 4711",
        "{'sim_pin': '4711'}",
        "# the PIN is 4711",
    ],
)
def test_a_pin_leaves_in_no_archive_however_it_is_written(written: str) -> None:
    assert "4711" not in masked_configuration(written)


@pytest.mark.parametrize(
    "written",
    [
        'lines[0].sim_pin: stands without quotes; write "4711" in quotes',
        '"detail": "lines[0].sim_pin: write \\"4711\\" in quotes",',
        '"sim_pin": "4711",',
        "sim_pin=4711",
        "passphrase: 4711 and words",
    ],
)
def test_a_pin_of_an_older_log_is_hidden(written: str) -> None:
    hidden = masked(written)
    assert "4711" not in hidden
    assert "words" not in hidden
    assert hidden.count('"') == written.count('"'), "what is JSON stays so"


def test_what_support_needs_of_a_configuration_stays() -> None:
    text = "date: 2027-03-10\nwindows: 09:00-18:30\n"
    assert masked_configuration(text) == text


def test_the_archive_holds_what_support_asks_for(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text().replace("bench: true", 'bench: true\n    sim_pin: "4711"', 1)
    config.write_text(text)
    out = tmp_path / "support.tar.gz"
    main(["--config", str(config), "doctor", "--bundle", str(out)])
    assert "masked archive" in capsys.readouterr().err
    assert out.stat().st_mode & 0o077 == 0
    with tarfile.open(out) as archive:
        names = {Path(name).name for name in archive.getnames()}
        whole = b"".join(
            file.read() for one in archive.getmembers() if (file := archive.extractfile(one))
        )
    assert names == {
        *("doctor.json", "status.json", "versions.txt"),
        *("config.yaml", "ledger.jsonl", "log.txt"),
        *(f"{topic.name}.txt" for topic in TOPICS),
    }
    assert b"4711" not in whole
    assert b"199000001" not in whole
