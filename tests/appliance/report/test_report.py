"""The report: what the ledger adds up to, and the anchor beside the page."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appliance.cli import ledger as ledger_command
from appliance.cli.main import main
from appliance.effects import Entry, Record
from appliance.ledger import Anchor, Ledger
from appliance.model import Outcome
from appliance.report.report import MEANINGS, add_up, as_csv, as_html
from tests.support.openssh import signed_by

AT = datetime(2027, 3, 9, 22, 30, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
ROWS: list[tuple[str, str | None, dict[str, Any]]] = [
    ("config.loaded", None, {"purpose": "news"}),
    ("consent.granted", "s1", {}),
    ("call.refused", "s1", {"rules": ["fr.FR-8.cap", "window"]}),
    ("call.refused", "s2", {"rules": ["window"]}),
    ("call.authorised", "s1", {"attempt": "a1", "line": "l", "profile": "fr/2026-11"}),
    ("call.key", "s1", {"attempt": "a1", "key": "1", "witness": "modem"}),
    ("call.ended", "s1", {"attempt": "a1", "outcome": "listened", "talk_seconds": 31.5}),
    ("call.authorised", "s2", {"attempt": "a2", "line": "l", "profile": "fr/2026-11"}),
    ("consent.revoked", "s1", {"by": "sms"}),
    ("contact.erased", "s1", {"by": "retention"}),
    ("stop.pressed", None, {}),
]


def entries() -> list[Entry]:
    return [
        Entry(seq=n, at=AT + timedelta(hours=n), kind=kind, subject=subject, data=data)
        for n, (kind, subject, data) in enumerate(ROWS)
    ]


def test_figures_and_forms() -> None:
    figures = add_up(entries(), PARIS)
    assert figures.refused == {"window": 2, "fr.FR-8.cap": 1}
    assert (figures.outcomes, figures.revoked) == ({"listened": 1}, {"sms": 1})
    assert (figures.consents, figures.erased, figures.stops) == (1, 1, 1)
    # 02:30 UTC is the next day in Paris all the same.
    assert list(figures.days) == ["2027-03-10"]
    table = as_csv(figures).splitlines()
    assert [line.split(",")[5] for line in table] == ["outcome", "listened", "running"]
    page = as_html(figures, title="Calls for news", head=(11, "ab" * 32), zone=PARIS)
    for word in ("fr.FR-8.cap", "<td>window<td class=n>2", "1 people erased", "ab" * 32):
        assert word in page


def test_a_page_without_refusals_says_so() -> None:
    page = as_html(add_up([], PARIS), title="", head=(0, "0" * 64), zone=PARIS)
    assert "No rule refused" in page


def write_ledger(state: Path) -> tuple[int, str]:
    state.mkdir()
    with Ledger.open(state / "ledger") as ledger:
        ledger.append([Record(kind=k, subject=s, data=d) for k, s, d in ROWS], AT)
        return ledger.head


def test_refusals_are_printed_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger(tmp_path / "state")
    assert main(["--state", str(tmp_path / "state"), "report"]) == 0
    told = capsys.readouterr().out
    assert "     2  refused by window\n     1  refused by fr.FR-8.cap\n" in told
    assert main(["--state", str(tmp_path / "state"), "report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["refused"] == {"window": 2, "fr.FR-8.cap": 1}


def test_the_page_has_its_anchor_beside_it_and_a_cut_ledger_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_command, "REREAD_AFTER", 0.0)
    state, page = tmp_path / "state", tmp_path / "page.html"
    head = write_ledger(state)
    assert main(["--state", str(state), "report", "--out", str(page)]) == 0
    anchor = tmp_path / "page.html.anchor"
    assert Anchor.parse(anchor.read_text()) == Anchor.of(head, AT)
    verify = ["--state", str(state), "ledger", "verify", "--anchor", str(anchor)]
    assert main(verify) == 0
    assert "1 of 1 anchors met" in capsys.readouterr().out
    (segment,) = (state / "ledger").glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-1]))
    assert main(verify) == 1


@pytest.mark.process
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
def test_a_configured_key_signs_the_anchor(tmp_path: Path) -> None:
    write_ledger(tmp_path / "state")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    config = tmp_path / "config.yaml"
    config.write_text("law:\n  timezone: Europe/Paris\nledger:\n  signing_key: key\n")
    page = tmp_path / "page.html"
    state = str(tmp_path / "state")
    assert main(["--config", str(config), "--state", state, "report", "--out", str(page)]) == 0
    signers = tmp_path / "signers"
    signers.write_text("box " + key.with_suffix(".pub").read_text())
    assert signed_by(tmp_path / "page.html.anchor", signers, "box")


def test_every_outcome_is_told_in_words() -> None:
    assert set(MEANINGS) == set(Outcome)
    assert all(MEANINGS.values())
