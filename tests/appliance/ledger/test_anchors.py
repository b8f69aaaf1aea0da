"""Anchors: read back what was written, and have OpenSSH sign and check them."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.ledger.anchors import (
    Anchor,
    AnchorInvalid,
    SigningFailed,
    sign,
)
from tests.support.openssh import signed_by

ANCHOR = Anchor.of((7, "ab" * 32), datetime(2026, 11, 24, 17, tzinfo=UTC))


def test_an_anchor_reads_back(tmp_path: Path) -> None:
    (tmp_path / "anchor.json").write_text(ANCHOR.text())
    assert Anchor.parse((tmp_path / "anchor.json").read_text()) == ANCHOR
    assert ANCHOR.at == "2026-11-24T17:00:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "[]",
        "{}",
        '{"seq": "7", "hash": "ab", "at": ""}',
        '{"seq": -1, "hash": "' + "ab" * 32 + '", "at": ""}',
        '{"seq": true, "hash": "' + "ab" * 32 + '", "at": ""}',
        '{"seq": 7, "hash": "' + "AB" * 32 + '", "at": ""}',
        '{"seq": 7, "hash": "' + "ab" * 32 + '"}',
        '{"seq": 7, "hash": "' + "ab" * 32 + '", "at": 5}',
    ],
)
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(AnchorInvalid):
        Anchor.parse(text)


@pytest.mark.process
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
def test_openssh_signs_and_checks(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "box", "-f", str(key)], check=True
    )
    signers = tmp_path / "allowed_signers"
    signers.write_text("box " + key.with_suffix(".pub").read_text())
    path = tmp_path / "anchor.json"
    path.write_text(ANCHOR.text())
    assert sign(path, key) == tmp_path / "anchor.json.sig"
    sign(path, key)
    assert signed_by(path, signers, "box")
    assert not signed_by(path, signers, "somebody")
    path.write_text(ANCHOR.text().replace("7", "6"))
    assert not signed_by(path, signers, "box")
    with pytest.raises(SigningFailed) as caught:
        sign(path, tmp_path / "nothing")
    assert caught.value.remedy


def test_a_missing_tool_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SigningFailed, match="ssh-keygen") as caught:
        sign(tmp_path / "anchor.json", tmp_path / "key")
    assert "openssh" in caught.value.remedy
