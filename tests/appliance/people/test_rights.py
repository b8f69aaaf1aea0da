"""What people may ask for: their dossier, their erasure, and not to be kept for ever."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from appliance.box.box import Box
from appliance.box.state import BoxState
from appliance.campaign import inputs
from appliance.campaign.engine import Engine
from appliance.cli.main import main
from appliance.config import load as configuration
from appliance.config.load import Config
from appliance.config.paths import sample_config
from appliance.control.operations import Operations
from appliance.effects import Now, Record
from appliance.errors import Refused
from appliance.ledger import read_entries, verify
from appliance.model import Attempt, Consent, History, Outcome, Revocation
from appliance.numbers import hash_number
from appliance.people.contacts_format import COLUMNS
from appliance.people.retention import over_since, overdue
from appliance.report.dossier import as_html, as_text, compile_dossier

START = datetime(2027, 3, 9, 17, tzinfo=UTC)
ADA, BO = "+33639980012", "+33639980013"
PURPOSE = "neighbourhood-news"


def contacts_csv(*rows: tuple[str, str, str]) -> bytes:
    """A file of (number, name, valid_until)."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, name, until in rows:
        given = "2026-09-01T10:00:00+02:00"
        evidence = f"form of {name}"
        hours = "mon-fri 18:00-20:00"
        writer.writerow(
            [number, name, "fr", "Europe/Paris", PURPOSE, given, "form", evidence, hours, until]
        )
    return stream.getvalue().encode()


class Desk:
    """A box without lines, and somebody at its keyboard."""

    def __init__(self, directory: Path, loaded: Config) -> None:
        self.directory = directory
        self.config = dataclasses.replace(loaded, state=directory)
        self.at = START
        self.open()

    def open(self) -> None:
        self.state = BoxState.open(self.directory)
        self.box = Box(self.config, self.state, self.now)
        self.box.recover()

    def now(self) -> Now:
        seconds = (self.at - START).total_seconds()
        return Now(monotonic=seconds, utc=self.at, trusted=True, source="test")

    def ask(self, operation: str, **arguments: Any) -> Any:
        return Operations(self.box).perform(operation, arguments)

    def load(self, raw: bytes, **arguments: Any) -> Any:
        contents = raw
        return self.ask("contacts.import", contents=contents, **arguments)


@pytest.fixture(scope="module")
def loaded() -> Config:
    return configuration.load(sample_config())


@pytest.fixture
def desk(tmp_path: Path, loaded: Config) -> Iterator[Desk]:
    desk = Desk(tmp_path / "state", loaded)
    yield desk
    desk.state.close()


def holds(directory: Path, *words: str) -> list[str]:
    """Every file below *directory* in which any of *words* stands, byte for byte."""
    return [
        f"{path.name}: {word}"
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        for word in words
        if word.encode() in path.read_bytes()
    ]


def test_an_erased_person_is_in_no_byte_of_state_and_handed_out_files(
    desk: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    rejects, export, dossier = out / "rejects.csv", out / "people.csv", out / "ada.html"
    raw = contacts_csv((ADA, "Ada", ""), (BO, "Bo", "")) + b'06 39 98 00 12,Ada,fr,"no row\n'
    answer = desk.load(raw, accept_valid=True, rejects=str(rejects))
    assert answer["new_people"] == 2
    rejects.write_text(answer["rejects"])
    export.write_text(desk.ask("contacts.export", out=str(export))["csv"])
    person = desk.ask("dossier", number=ADA, out=str(dossier))
    dossier.write_text(as_html(compile_dossier(person, read_entries(desk.directory / "ledger"))))
    # Known by the change of a name, too, in snapshots and journal.
    desk.state.registry.compact()
    words = (ADA, "Ada", "06 39 98 00 12", "639980012", "form of Ada")
    found = " ".join(holds(tmp_path, *words))
    assert all(name in found for name in ("rejects.csv", "people.csv", "ada.html"))

    answer = desk.ask("contacts.erase", number="06 39 98 00 12")

    assert answer["files"] == {
        "rewritten": {str(export): 1, str(rejects): 1},
        "removed": [str(dossier)],
        "unreachable": {},
    }
    assert holds(tmp_path, *words) == []
    assert holds(tmp_path, "form of Bo") != []
    assert not dossier.exists()
    assert verify(desk.directory / "ledger").ok
    assert desk.load(contacts_csv((ADA, "Ada", "")))["withdrawn_lines"] == [2]
    with pytest.raises(Refused, match="not in the registry"):
        desk.ask("contacts.erase", number=ADA)


@pytest.mark.parametrize("way", ["erase", "house", "restart"])
def test_an_import_that_was_given_up_leaves_no_number(desk: Desk, way: str) -> None:
    operations = Operations(desk.box)
    contents = contacts_csv((ADA, "Ada", ""))
    job = operations.begin("contacts.import", {"contents": contents})
    while not holds(desk.directory, ADA[1:]):
        assert not job.step()
    job.abandon()
    registry = desk.state.registry
    assert len(registry) == 0
    assert registry.wants_compaction
    if way == "erase":
        with pytest.raises(Refused, match="not in the registry"):
            desk.ask("contacts.erase", number=ADA)
    elif way == "house":
        registry.compact()
    else:
        desk.state.close()
        desk.open()
    assert holds(desk.directory, ADA[1:], "Ada") == []
    assert not desk.state.registry.wants_compaction
    desk.load(contacts_csv((ADA, "Ada", "")))
    assert len(desk.state.registry) == 1


def test_what_the_files_could_not_forget_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.load(contacts_csv((ADA, "Ada", "")))
    out = tmp_path / "there"
    desk.ask("contacts.export", out=str(out))
    out.mkdir()
    files = desk.ask("contacts.erase", number=ADA)["files"]
    assert list(files["unreachable"]) == [str(out)]


def call(desk: Desk, number: str, outcome: str, attempt: str) -> None:
    contact = desk.state.registry.by_number(number)
    assert contact is not None
    consent = desk.state.registry.consents(contact.subject)[-1].id
    common = {"attempt": attempt}
    desk.box.note(
        [
            Record(
                kind="call.authorised",
                subject=contact.subject,
                data={
                    **common,
                    "line": "line-1",
                    "consent": consent,
                    "purpose": PURPOSE,
                    "profile": "fr/2026-11",
                    "rules": ["consent", "window"],
                },
            ),
            Record(
                kind="call.key",
                subject=contact.subject,
                data={**common, "key": "1", "witness": "modem", "counted": True},
            ),
            Record(
                kind="call.ended",
                subject=contact.subject,
                data={**common, "outcome": outcome, "talk_seconds": 9.5},
            ),
            Record(kind="call.refused", subject=contact.subject, data={"rules": ["fr.FR-8.cap"]}),
        ]
    )


def test_a_dossier_tells_everything_in_every_form(desk: Desk) -> None:
    desk.load(contacts_csv((ADA, "Ada <i>", ""), (BO, "Bo", "")))
    call(desk, ADA, "listened", "a1")
    call(desk, BO, "busy", "b1")
    desk.ask("contacts.revoke", number=ADA)
    person = desk.ask("dossier", number=ADA)
    dossier = compile_dossier(person, read_entries(desk.directory / "ledger"))
    assert json.loads(json.dumps(dossier)) == dossier
    assert (dossier["number"], dossier["name"]) == (ADA, "Ada <i>")
    (consent,) = dossier["consents"]
    assert consent["windows"] == "mon-fri 18:00-20:00"
    assert consent["evidence"] == "form of Ada <i>"
    (attempt,) = dossier["attempts"]
    assert (attempt["attempt"], attempt["outcome"]) == ("a1", "listened")
    assert attempt["rules"] == ["consent", "window"]
    assert [key["key"] for key in attempt["keys"]] == ["1"]
    assert attempt["authorised_at"] == attempt["ended_at"] == "2027-03-09T17:00:00Z"
    assert dossier["refusals"] == [{"at": "2027-03-09T17:00:00Z", "rules": ["fr.FR-8.cap"]}]
    assert dossier["objection"]["by"] == "command"
    assert [row["kind"] for row in dossier["rows"]] == [
        "consent.granted",
        "call.authorised",
        "call.key",
        "call.ended",
        "call.refused",
        "consent.revoked",
    ]
    text, page = as_text(dossier, "en"), as_html(dossier, language="en")
    for told in (text, page):
        for word in (ADA, "mon-fri 18:00-20:00", "2027-03-09 18:00:00", "fr.FR-8.cap", "listened"):
            assert word in told
        assert "Bo" not in told
    assert "Ada &lt;i&gt;" in page
    assert "<i>" not in page


def test_a_dossier_of_nobody_tells_only_the_objection(desk: Desk) -> None:
    desk.ask("contacts.revoke", number=ADA)
    person = desk.ask("dossier", number=ADA)
    dossier = compile_dossier(person, read_entries(desk.directory / "ledger"))
    assert not dossier["known"]
    assert dossier["objection"]["by"] == "command"
    assert [row["kind"] for row in dossier["rows"]] == ["consent.revoked"]
    assert "not in the registry" in as_text(dossier)
    assert "not in the registry" in as_html(dossier)


@pytest.mark.parametrize(
    ("name", "begins"),
    [("d.json", "{"), ("d.txt", "Tout ce qui"), ("d.html", "<!doctype"), ("d", "{")],
)
def test_the_suffix_decides_the_form_of_a_dossier(
    desk: Desk, tmp_path: Path, name: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.load(contacts_csv((ADA, "Ada", "")))
    desk.state.close()
    state = ["--state", str(desk.directory)]
    out = tmp_path / name
    assert main([*state, "dossier", ADA, "--out", str(out)]) == 0
    assert out.read_text().startswith(begins)
    assert out.stat().st_mode & 0o777 == 0o600
    assert main([*state, "contacts", "export", "--out", str(tmp_path / "all.csv")]) == 0
    assert main([*state, "contacts", "erase", ADA]) == 0
    told = capsys.readouterr().out
    assert f"removed {out}" in told
    assert f"1 line removed from {tmp_path / 'all.csv'}" in told
    assert holds(tmp_path, ADA, "Ada") == []
    desk.open()


# --- retention -------------------------------------------------------------------------------

CONSENT = Consent(
    id="c",
    subject="s",
    purpose="news",
    given_at=START,
    source="form",
    evidence="1",
    windows="mon 18:00-20:00",
    valid_until=None,
    recorded_at=START,
)
DAY = timedelta(days=1)
ENDS = dataclasses.replace(CONSENT, valid_until=START + 10 * DAY)
CALL = Attempt(
    id="a", authorised_at=START + 20 * DAY, outcome=Outcome.BUSY, ended_at=START + 20 * DAY
)
RUNNING = dataclasses.replace(CALL, outcome=None, ended_at=None)
NO = Revocation(at=START + 5 * DAY, by="key")
AGAIN = dataclasses.replace(CONSENT, given_at=START + 6 * DAY, recorded_at=START + 6 * DAY)


@pytest.mark.parametrize(
    ("consents", "history", "since"),
    [
        ((), History(), None),
        ((CONSENT,), History(), None),
        ((ENDS,), History(), 10),
        ((ENDS, CONSENT), History(), None),
        ((CONSENT,), History(revocation=NO), 5),
        ((ENDS,), History(revocation=NO), 5),
        ((CONSENT, AGAIN), History(revocation=NO), None),
        ((ENDS,), History(attempts=(CALL,)), 20),
        ((CONSENT,), History(attempts=(CALL,), revocation=NO), 20),
        ((ENDS,), History(attempts=(CALL, RUNNING)), None),
    ],
)
def test_what_somebody_is_kept_for(
    consents: tuple[Consent, ...], history: History, since: int | None
) -> None:
    found = over_since(consents, history)
    assert found == (None if since is None else START + since * DAY)
    if found is not None:
        assert not overdue(consents, history, found + 7 * DAY - timedelta(seconds=1), 7)
        assert overdue(consents, history, found + 7 * DAY, 7)


def with_retention(desk: Desk, days: int | None) -> None:
    law = desk.config.settings.law.model_copy(update={"retention_days": days})
    settings = desk.config.settings.model_copy(update={"law": law})
    desk.config = dataclasses.replace(desk.config, settings=settings)
    desk.state.close()
    desk.open()


def test_people_are_erased_when_their_days_are_over(desk: Desk) -> None:
    with pytest.raises(Refused, match="no retention"):
        desk.ask("contacts.expire")
    with_retention(desk, 30)
    desk.load(contacts_csv((ADA, "Ada", "2027-04-01T00:00:00+02:00"), (BO, "Bo", "")))
    key = desk.state.registry.number_key
    desk.at = datetime(2027, 4, 30, 21, 59, tzinfo=UTC)
    assert desk.ask("contacts.expire")["people"] == []
    desk.at += timedelta(minutes=1)
    (named,) = desk.ask("contacts.expire", dry_run=True)["people"]
    assert ADA not in named["number"]
    assert len(desk.state.registry) == 2
    (erased,) = desk.ask("contacts.expire")["people"]
    assert erased == named
    last = list(read_entries(desk.directory / "ledger"))[-1]
    assert (last.kind, last.subject) == ("contact.erased", erased["subject"])
    assert last.data == {"number_hash": hash_number(key, ADA), "by": "retention"}
    assert holds(desk.directory, ADA, "Ada") == []
    assert [c.name for c in desk.state.registry.contacts()] == ["Bo"]


@pytest.fixture
def daily(desk: Desk) -> Callable[[], None]:
    with_retention(desk, 30)
    operations = Operations(desk.box)

    def run() -> None:
        for _ in range(4):
            desk.box.take([inputs.Tick()])
            operations.keep_house()

    return run


@pytest.mark.parametrize("busy", ["calls", "incoming_calls"])
def test_nobody_is_erased_during_a_call(
    desk: Desk, daily: Callable[[], None], mocker: MockerFixture, busy: str
) -> None:
    desk.load(contacts_csv((ADA, "Ada", "2027-03-20T00:00:00+02:00")))
    desk.at = datetime(2027, 4, 30, 22, 0, tzinfo=UTC)
    running = mocker.patch.object(Engine, busy, new={"line-1": object()})
    daily()
    assert len(desk.state.registry) == 1
    running.clear()
    daily()
    assert len(desk.state.registry) == 0


def test_a_running_box_does_it_once_a_day(desk: Desk, daily: Callable[[], None]) -> None:
    desk.load(contacts_csv((ADA, "Ada", "2027-04-01T00:00:00+02:00")))
    daily()
    assert len(desk.state.registry) == 1
    desk.at = datetime(2027, 4, 30, 22, 0, tzinfo=UTC)
    daily()
    assert len(desk.state.registry) == 0
    desk.load(contacts_csv((BO, "Bo", "2027-03-20T00:00:00+02:00")))
    desk.at += timedelta(hours=1)
    daily()
    assert len(desk.state.registry) == 1
    desk.at += timedelta(days=1)
    daily()
    assert len(desk.state.registry) == 0
