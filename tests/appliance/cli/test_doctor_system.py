"""What the doctor says of the machine around the box."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.cli import doctor, doctor_provisioning


def test_modem_manager_is_named_where_a_modem_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "modem_manager_runs", lambda: True)
    (row,) = doctor._rivals(bench=False)
    assert (row.state, row.part) == ("note", "ModemManager")
    assert "systemctl mask --now ModemManager" in row.remedy
    assert list(doctor._rivals(bench=True)) == []


def test_an_update_that_was_taken_back_is_told(tmp_path: Path) -> None:
    assert list(doctor_provisioning.package_rows(tmp_path)) == []
    told = "version 2 did not start:\nmodule missing\n"
    (tmp_path / doctor_provisioning.UPDATE_RESULT).write_text(told)
    (row,) = doctor_provisioning.package_rows(tmp_path)
    assert (row.state, row.detail) == ("note", "version 2 did not start: module missing")
