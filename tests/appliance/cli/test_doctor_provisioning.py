"""What ``doctor`` says of the last folder from a stick, in the box's language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import appliance.provisioning
from appliance.box.provisioned import Provisioned, Verdict, save
from appliance.cli.doctor_provisioning import provisioning_rows
from appliance.language import translator

FRENCH = translator("fr")
ROOM = Path(appliance.provisioning.__file__).parent
CODES = sorted(
    {
        code
        for file in ROOM.glob("*.py")
        for code in re.findall(r'Fault\(\s*"([a-z_]+)"', file.read_text(encoding="utf-8"))
    }
)


def test_the_codes_are_found() -> None:
    assert {"box", "contacts", "wrong_key", "unsigned"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_why_a_folder_was_refused_is_said_in_words(tmp_path: Path, code: str) -> None:
    save(tmp_path, Provisioned(verdict="refused", reasons=(code, "of_a_newer_version")))
    (row,) = provisioning_rows(tmp_path)
    for said in (row.detail, FRENCH(row.detail)):
        assert f": {code}" not in said
        assert "of_a_newer_version" in said
    assert "refused" not in FRENCH(row.detail)


@pytest.mark.parametrize("verdict", ["applied", "unchanged"])
def test_lines_that_are_no_number_are_told_in_french(tmp_path: Path, verdict: Verdict) -> None:
    save(tmp_path, Provisioned(verdict=verdict, unread=2))
    (row,) = provisioning_rows(tmp_path)
    assert row.state == "note"
    assert "2 lines of withdrawals are no number" in row.detail
    assert verdict not in FRENCH(row.detail)
