"""The report: what the ledger adds up to, and the anchor beside the page."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appliance.cli import ledger as ledger_command
from appliance.cli.main import main
from appliance.effects import Entry, Record
from appliance.language import LANGUAGES
from appliance.ledger import Anchor, Ledger
from appliance.report.figures import Figures, add_up
from appliance.report.report import Frame, LawFacts, as_html
from appliance.report.table import as_csv
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
    page = shown(figures)
    for word in ("fr.FR-8.cap", ">chosen hours</th>", "1 person erased", "ab" * 32):
        assert word in page


def shown(figures: Figures, language: str = "en") -> str:
    frame = Frame(
        title="Calls for <news> & more",
        head=(11, "ab" * 32),
        zone=PARIS,
        language=language,
        law=LawFacts(label="fr/1", rules=(("fr.1", "No <b>calls</b>", "Code, art. 1", "2026"),)),
        version="1",
    )
    return as_html(figures, frame)


def test_the_page_s_own_words_are_no_value_to_be_escaped() -> None:
    assert "Shaded: the law's hours." in shown(add_up(entries(), PARIS))


def test_an_empty_ledger_makes_a_page() -> None:
    page = shown(add_up([], PARIS))
    for word in ("The ledger is empty.", "No call was made yet.", "Nobody pressed a key."):
        assert word in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rows", [0, len(ROWS)])
def test_a_page_is_whole_escaped_and_needs_nothing_beside_itself(language: str, rows: int) -> None:
    page = shown(add_up(entries()[:rows], PARIS), language)
    assert "&lt;news&gt; &amp; more" in page
    assert "No <b>calls" not in page
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:|//|data:)""", page)
    assert "<script" not in page
    open_tags: list[str] = []

    class Balanced(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br", "hr", "img", "link", "input"):
                open_tags.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Balanced().feed(page)
    assert open_tags == []
    assert page == shown(add_up(entries()[:rows], PARIS), language)


@pytest.mark.parametrize("start", ["=1+1", "+33", "-2", "@SUM", "\t=1", "\r=1"])
def test_no_cell_of_the_table_becomes_a_formula(start: str) -> None:
    figures = add_up(entries(), PARIS)
    figures.rows[0].cause = start
    (_, row, _) = csv.reader(io.StringIO(as_csv(figures)))
    assert row[6] == "'" + start.replace("\r", " ")


def test_windows_mark_the_hours_that_callees_chose() -> None:
    rows = [
        ("2027-03-09T17:00:00Z", "2027-03-09T19:00:00Z", {(1, 18), (1, 19)}),
        ("2027-03-09T17:30:00Z", "2027-03-09T18:10:00Z", {(1, 18), (1, 19)}),
        ("2027-03-14T22:30:00Z", "2027-03-14T23:30:00Z", {(6, 23), (0, 0)}),
        (None, None, set()),
        ("2027-03-09T19:00:00Z", "2027-03-09T17:00:00Z", set()),
    ]
    for start, end, cells in rows:
        data = {"attempt": "a", "window_start": start, "window_end": end}
        figures = add_up(
            [Entry(seq=1, at=AT, kind="call.authorised", subject="s", data=data)], PARIS
        )
        assert figures.wished == cells


def test_who_was_not_called_stands_with_the_last_reason() -> None:
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("consent.granted", "called", {}),
        ("consent.granted", "refused", {}),
        ("consent.granted", "objected", {}),
        ("consent.granted", "quiet", {}),
        ("call.refused", "refused", {"rules": ["window"]}),
        ("call.refused", "refused", {"rules": ["cap", "rest"]}),
        ("consent.revoked", "objected", {"by": "sms"}),
        ("call.authorised", "called", {"attempt": "a"}),
    ]
    rows = [
        Entry(seq=n, at=AT, kind=kind, subject=who, data=data)
        for n, (kind, who, data) in enumerate(kinds)
    ]
    assert add_up(rows, PARIS).waiting == {"refused": ("cap", "rest"), "quiet": ()}


def test_a_line_is_down_from_its_first_fault_to_its_healing() -> None:
    kinds = ["line.fault", "line.fault", "line.healed", "line.healed", "line.fault", "box.stopped"]
    rows = [
        Entry(
            seq=n,
            at=AT + timedelta(minutes=n),
            kind=kind,
            subject=None,
            data={"line": "l", "fault": "no-reply"},
        )
        for n, kind in enumerate(kinds)
    ]
    line = add_up(rows, PARIS).lines["l"]
    assert line.down_seconds == 180.0
    assert line.faults == {"no-reply": 3}


def write_ledger(state: Path) -> tuple[int, str]:
    state.mkdir()
    with Ledger.open(state / "ledger") as ledger:
        ledger.append([Record(kind=k, subject=s, data=d) for k, s, d in ROWS], AT)
        return ledger.head


def test_refusals_are_printed_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger(tmp_path / "state")
    assert main(["--state", str(tmp_path / "state"), "report"]) == 0
    told = capsys.readouterr().out
    assert "     2  refused by chosen hours\n     1  refused by fr.FR-8.cap\n" in told
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
    assert "1 of 1 anchor met" in capsys.readouterr().out
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


def test_a_call_that_runs_has_nothing_but_its_beginning() -> None:
    """No length, key, cause or end is made up for it, in the table and on the page."""
    begun = [entry for entry in entries() if entry.kind == "call.authorised"][-1:]
    (row,) = add_up(begun, ZoneInfo("UTC")).rows
    assert row.outcome == "running"
    assert (row.ring_seconds, row.talk_seconds) == (0.0, 0.0)
    assert (row.answered_at, row.ended_at, row.seconds_to_key) == (None, None, None)
    assert (row.cause, row.keys, row.heard_by, row.evidence) == ("", [], [], {})


def test_figures_span_from_the_first_row_to_the_last() -> None:
    figures = add_up(entries(), PARIS)
    assert (figures.first, figures.last) == (AT, AT + timedelta(hours=len(ROWS) - 1))


def test_the_row_that_a_page_names_is_shown_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And whoever has the short id of a person finds their rows by it."""
    state = tmp_path / "state"
    state.mkdir()
    people: list[tuple[str, str, dict[str, Any]]] = [
        ("call.ended", "abcdef0123456789", {}),
        ("call.ended", "abcdef0199999999", {}),
    ]
    with Ledger.open(state / "ledger") as ledger:
        ledger.append([Record(kind=k, subject=s, data=d) for k, s, d in people], AT)
    show = ["--state", str(state), "ledger", "show", "--json"]
    assert main([*show, "--row", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["seq"] == 2
    for none in ("0", "-1", "3"):
        assert main([*show, "--row", none]) == 1
        assert "has no row" in json.loads(capsys.readouterr().out)["error"]
    for subject, rows in (
        ("abcdef01", [1, 2]),
        ("abcdef0123456789", [1]),
        # Too short to mean one person.
        ("abcdef0", []),
    ):
        assert main([*show, "--subject", subject]) == 0
        told = capsys.readouterr().out.splitlines()
        assert [json.loads(line)["seq"] for line in told] == rows
