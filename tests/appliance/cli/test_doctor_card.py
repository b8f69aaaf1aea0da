"""The evidence of a card: what is read, what is said where nothing can be, and the checklist."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.cli import doctor_card
from appliance.cli.doctor_card import TOPICS, evidence
from appliance.cli.main import main
from appliance.config.paths import sample_config

CHECKLIST = Path(__file__).parents[3] / "docs" / "card-checklist.md"
BUNDLED = {"doctor.json", "status.json", "versions.txt", "config.yaml", "ledger.jsonl", "log.txt"}


def a_pi(root: Path) -> Path:
    """The files of a Raspberry Pi that says something, as far as they matter here."""
    files = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
        "run/autodialer-card/slot": "B\n",
        "run/autodialer-card/trial": "",
        "sys/class/watchdog/watchdog0/identity": "Broadcom BCM2835 Watchdog timer\n",
        "sys/class/watchdog/watchdog0/timeleft": "12\n",
        "sys/block/mmcblk0/device/name": "SD32G\n",
        "proc/swaps": "Filename\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "proc/uptime").mkdir()
    return root


def test_what_a_pi_says_is_in_it(tmp_path: Path) -> None:
    asked: list[str] = []

    def run(words: Sequence[str]) -> str:
        asked.append(words[0])
        return f"said by {words[0]}"

    found = dict(evidence(a_pi(tmp_path), run))
    assert list(found) == [f"card/{topic.name}.txt" for topic in TOPICS]
    assert "Raspberry Pi 4 Model B Rev 1.4" in found["card/model.txt"]
    assert "get_throttled\n50005" in found["card/supply.txt"]
    assert "rpi_volt" in found["card/supply.txt"]
    assert "slot\nB" in found["card/slots.txt"]
    assert "== /run/autodialer-card/trial" in found["card/slots.txt"]
    assert "said by rauc" in found["card/slots.txt"]
    assert "Broadcom BCM2835" in found["card/watchdog.txt"]
    assert "SD32G" in found["card/card.txt"]
    assert "(not read: Is a directory)" in found["card/boot.txt"]
    assert {"vcgencmd", "rauc", "systemd-analyze", "journalctl", "systemctl"} <= set(asked)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    found = dict(evidence(tmp_path))
    assert "(not there)" in found["card/model.txt"]
    if doctor_card._said(["vcgencmd", "version"]).startswith("(not run"):
        assert "$ vcgencmd version\n(not run: No such file or directory)" in found["card/model.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["echo", "yes"], "yes"),
        (["sh", "-c", "echo no >&2; exit 3"], "no\n(ended with 3)"),
        (["no-such-program"], "(not run: No such file or directory)"),
    ],
)
def test_a_program_that_fails_is_told(words: list[str], said: str) -> None:
    assert doctor_card._said(words) == said


def test_a_program_that_hangs_does_not_hold_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_card, "WITHIN", 0.1)
    assert "timed out" in doctor_card._said(["sleep", "60"])


def bundle(tmp_path: Path, *words: str) -> dict[str, str]:
    out = tmp_path / "bundle.tar.gz"
    config = tmp_path / "config.yaml"
    config.write_text(sample_config().read_text(encoding="utf-8").split("lines:")[0])
    main(["--config", str(config), "doctor", "--bundle", str(out), *words])
    with tarfile.open(fileobj=io.BytesIO(out.read_bytes())) as archive:
        return {
            member.name.removeprefix("autodialer-support/"): archive.extractfile(member)  # type: ignore[union-attr]
            .read()
            .decode()
            for member in archive
        }


def test_it_is_in_the_archive_and_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    collected = tmp_path / "evidence.json"
    collected.write_text(
        json.dumps({"card/model.txt": "serial 10000000abcd1234567 +33639980001", "other": "x"})
    )
    found = bundle(tmp_path, "--evidence", str(collected))
    assert found.keys() >= {"doctor.json", "card/model.txt"}
    assert "other" not in found
    assert "3998" not in found["card/model.txt"]
    assert "10000000" not in found["card/model.txt"]
    for wrong in ("", "[]", '{"card/model.txt": '):
        collected.write_text(wrong)
        (tmp_path / "bundle.tar.gz").unlink()
        assert "doctor.json" in bundle(tmp_path, "--evidence", str(collected)), "a doctor lives on"
    capsys.readouterr()
    monkeypatch.setattr(doctor_card, "_said", lambda words: words[0])
    assert main(["doctor", "--collect"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {f"card/{t.name}.txt" for t in TOPICS}


def test_the_checklist_names_files_that_the_archive_has_and_leaves_room_for_results() -> None:
    text = CHECKLIST.read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not re.fullmatch(r"[|\- ]+", line)
    ]
    tries = [row for row in rows if len(row) == 4 and row[0] != "try"]
    assert len(tries) > 20
    known = BUNDLED | {f"card/{topic.name}.txt" for topic in TOPICS}
    for what, by, expected, result in tries:
        assert expected, what
        assert re.fullmatch(r"(…+ (s|min|GB|°C)|… of 30|)", result), "nobody has tried it yet"
        if not by.startswith("none: "):
            named = re.findall(r"`([^`]+)`", by)
            assert named, what
            assert set(named) <= known, what
    used = {name for _, by, *_ in tries for name in re.findall(r"`(card/[^`]+)`", by)}
    assert used == {f"card/{topic.name}.txt" for topic in TOPICS}, "what is collected is looked at"
