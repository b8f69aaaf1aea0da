"""What the firmware of a Pi says by ``vcgencmd``, where no file of the kernel holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.cli.doctor_host import firmware_word, host_findings
from firmware.host_health import Part


@pytest.mark.parametrize(
    ("printed", "word"),
    [
        ("throttled=0x0\n", 0x0),
        ("throttled=0x50005\n", 0x50005),
        ("throttled=0xE0008", 0xE0008),
        ("  throttled=0x50000\r\n", 0x50000),
        ("throttled=0x50000\nthrottled=0x0\n", None),
        ("throttled=50000\n", None),
        ("throttled=0x\n", None),
        ("throttled=0x123456789\n", None),
        ("throttled=-0x1\n", None),
        ('error=1 error_msg="Command not registered"\n', None),
        ("VCHI initialization failed\n", None),
        ("Can't open device file: /dev/vcio\n", None),
        ("", None),
        (None, None),
    ],
)
def test_the_firmware_s_word_is_read_or_left(printed: str | None, word: int | None) -> None:
    assert firmware_word(printed) == word


def supply(state: Path, root: Path, printed: str | None) -> list[str]:
    found = host_findings(state, root=root, ask=lambda: printed)
    return [finding.state for finding in found if finding.part is Part.SUPPLY]


def test_the_word_becomes_a_row_of_the_doctor(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    told = {
        printed: supply(tmp_path, root, printed)
        for printed in ("throttled=0x0\n", "throttled=0x50005\n", "throttled=0x50000\n", "nonsense")
    }
    assert told["throttled=0x50005\n"] != told["throttled=0x0\n"]
    assert told["throttled=0x50000\n"] != told["throttled=0x0\n"]
    assert told["nonsense"] == supply(tmp_path, root, None)


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("echo throttled=0x50005", 1),
        ("echo throttled=0x50005; exit 1", 1),
        ("echo VCHI initialization failed >&2; exit 255", 0),
        ("printf '\\377\\376\\n'", 0),
        ("exec sleep 30", 0),
        (None, 0),
    ],
)
def test_the_command_itself_is_asked_and_never_waited_for(
    script: str | None, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, root = tmp_path / "programs", tmp_path / "root"
    programs.mkdir()
    root.mkdir()
    if script is not None:
        command = programs / "vcgencmd"
        command.write_text(f'#!/bin/sh\n[ "$1" = get_throttled ] || exit 2\n{script}\n')
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    found = [one for one in host_findings(tmp_path, root=root) if one.part is Part.SUPPLY]
    assert len(found) == rows
