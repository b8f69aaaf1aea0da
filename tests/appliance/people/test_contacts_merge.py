from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from appliance.clearance.consent import standing
from appliance.model import Consent, Contact, Revocation
from appliance.people.contacts_format import COLUMNS, ContactRow, Defaults, RejectedRow
from appliance.people.contacts_merge import ImportPlan, export_lines, rejects_lines
from tests.support.contacts import parse_contacts

NOW = datetime(2027, 3, 10, tzinfo=UTC)
GIVEN = datetime(2026, 9, 1, tzinfo=UTC)
ROW = ContactRow(
    line=2,
    number="+33639980012",
    name="Ada",
    language="fr",
    timezone="Europe/Paris",
    purpose="news",
    given_at=GIVEN,
    source="web",
    evidence="form 3",
    windows="mon-fri 18:00-20:00; sat 10:00-12:00",
    valid_until=None,
)
DEFAULTS = Defaults(country="FR", language="fr", fiction=True, now=NOW)


class Imported:
    """What one import did."""

    def __init__(self, plan: ImportPlan) -> None:
        self.plan = plan
        self.consents: list[Consent] = []
        self.rejected: list[RejectedRow] = []


class Registry:
    """What the registry knows, in dictionaries."""

    def __init__(self) -> None:
        self.people: dict[str, Contact] = {}
        self.given: dict[str, list[Consent]] = {}
        self.withdrawn: dict[str, Revocation] = {}
        self.ids = (f"{n:032x}" for n in itertools.count())

    def by_number(self, number: str) -> Contact | None:
        return self.people.get(number)

    def consents(self, subject: str) -> Sequence[Consent]:
        return self.given.get(subject, [])

    def suppression(self, number_hash: str) -> Revocation | None:
        return self.withdrawn.get(number_hash)

    def take(self, *rows: ContactRow) -> Imported:
        plan = ImportPlan(
            self,
            hash_number=lambda number: "hash of " + number,
            new_id=lambda: next(self.ids),
            recorded_at=NOW,
        )
        done = Imported(plan)
        given: list[Consent] = []
        for row in rows:
            found = plan.take(row)
            if isinstance(found, RejectedRow):
                done.rejected.append(found)
            elif found is not None:
                # People are known from the next row on, consents when all are written.
                self.people[found.contact.number] = found.contact
                given.append(found.consent)
        for consent in given:
            self.given.setdefault(consent.subject, []).append(consent)
        done.consents = given
        return done

    def exported(self) -> str:
        return "".join(
            export_lines((c, self.given.get(c.subject, [])) for c in self.people.values())
        )


def counts(done: Imported) -> tuple[int, int, int, int, int, int]:
    return (
        done.plan.new_people,
        done.plan.changed_people,
        done.plan.new_consents,
        done.plan.unchanged,
        len(done.plan.withdrawn),
        len(done.rejected),
    )


def test_a_second_import_changes_nothing() -> None:
    registry = Registry()
    rows = (ROW, ROW._replace(line=3, number="+33639980013"))
    assert counts(registry.take(*rows)) == (2, 0, 2, 0, 0, 0)
    assert counts(registry.take(*rows)) == (0, 0, 0, 2, 0, 0)


def test_a_newer_consent_stands_beside_the_older() -> None:
    registry = Registry()
    registry.take(ROW)
    newer = ROW._replace(given_at=GIVEN + timedelta(days=30), windows="tue 18:00-19:00")
    plan = registry.take(newer)
    assert counts(plan) == (0, 0, 1, 0, 0, 0)
    (contact,) = registry.people.values()
    assert [c.windows for c in registry.consents(contact.subject)] == [ROW.windows, newer.windows]
    assert counts(registry.take(ROW)) == (0, 0, 0, 1, 0, 0)


def test_a_newer_consent_brings_the_persons_newer_details() -> None:
    registry = Registry()
    registry.take(ROW)
    moved = ROW._replace(given_at=GIVEN + timedelta(days=1), timezone="Indian/Reunion")
    plan = registry.take(moved)
    assert counts(plan) == (0, 1, 1, 0, 0, 0)
    assert registry.people[ROW.number].timezone == "Indian/Reunion"
    older = ROW._replace(given_at=GIVEN - timedelta(days=1), timezone="Europe/London")
    assert counts(registry.take(older)) == (0, 0, 1, 0, 0, 0)
    assert registry.people[ROW.number].timezone == "Indian/Reunion"
    assert counts(registry.take(ROW)) == (0, 0, 0, 1, 0, 0)


def test_two_consents_of_a_new_person_in_one_file() -> None:
    registry = Registry()
    plan = registry.take(ROW, ROW._replace(line=3, given_at=GIVEN + timedelta(days=1)))
    assert counts(plan) == (1, 0, 2, 0, 0, 0)
    assert len({consent.subject for consent in plan.consents}) == 1


def test_history_is_never_overwritten() -> None:
    registry = Registry()
    registry.take(ROW)
    plan = registry.take(ROW._replace(windows="mon-sun 08:00-22:00", evidence="form 4"))
    assert counts(plan) == (0, 0, 0, 0, 0, 1)
    assert [fault.column for row in plan.rejected for fault in row.faults] == [
        "consent_evidence",
        "windows",
    ]
    assert all(fault.remedy for row in plan.rejected for fault in row.faults)


def test_withdrawn_people_do_not_come_back_with_an_old_file() -> None:
    registry = Registry()
    registry.withdrawn["hash of " + ROW.number] = Revocation(at=GIVEN, by="erased")
    plan = registry.take(ROW)
    assert counts(plan) == (0, 0, 0, 0, 1, 0)
    assert plan.plan.withdrawn == [2]
    assert registry.people == {}
    assert counts(registry.take(ROW._replace(given_at=GIVEN + timedelta(seconds=1)))) == (
        1,
        0,
        1,
        0,
        0,
        0,
    )


def test_a_known_person_who_withdrew_keeps_the_history_unchanged() -> None:
    registry = Registry()
    registry.take(ROW)
    registry.withdrawn["hash of " + ROW.number] = Revocation(at=NOW, by="key")
    assert counts(registry.take(ROW)) == (0, 0, 0, 1, 0, 0)
    later = ROW._replace(given_at=GIVEN + timedelta(days=2))
    assert counts(registry.take(later)) == (0, 0, 0, 0, 1, 0)


def test_agreeing_anew_counts_even_while_the_clock_is_wrong() -> None:
    """A box whose clock fell back still records the new consent after the withdrawal."""
    registry = Registry()
    registry.take(ROW)
    withdrawal = Revocation(at=NOW + timedelta(days=900), by="key")
    registry.withdrawn["hash of " + ROW.number] = withdrawal
    again = ROW._replace(given_at=withdrawal.at + timedelta(days=1))
    (consent,) = registry.take(again).consents
    assert standing([consent], "news", withdrawal, again.given_at).consent is consent


def test_an_export_imports_as_unchanged() -> None:
    registry = Registry()
    registry.take(
        ROW,
        ROW._replace(number="+33639980013", name='=HYPERLINK("x")', evidence="a, b; 'c'"),
        ROW._replace(number="+33639980014", name="Zoé “Z”", valid_until=NOW + timedelta(days=9)),
        ROW._replace(given_at=GIVEN + timedelta(days=1)),
    )
    exported = registry.exported()
    assert exported.splitlines()[0] == ",".join((*COLUMNS, "subject"))
    assert not any(
        line.lstrip('"').startswith("=") for line in exported.replace(",", "\n").splitlines()
    )
    reading = parse_contacts(exported.encode(), "export.csv", DEFAULTS)
    assert reading.faults == ()
    assert counts(registry.take(*reading.rows)) == (0, 0, 0, 4, 0, 0)


def test_rejects_can_be_corrected_and_imported() -> None:
    raw = (
        ";".join(COLUMNS) + "\n"
        "0639980012;Ada;fr;Mars/Olympus;news;2026-09-01;web;form 3;mon 18:00-20:00;\n"
        "0639980013;Bob;fr;;news;2026-09-01;web;form 3;mon 18:00-20:00;\n"
        "=cmd;Eve;fr;;news;2026-09-01;web;form 3;mon 18:00-20:00;\n"
        '0639980014;"Zoe\n'
    )
    reading = parse_contacts(raw.encode(), "c.csv", DEFAULTS)
    lines = list(rejects_lines(reading.header, reading.rejected))
    assert lines[0].strip() == ",".join((*COLUMNS, "line", "reasons"))
    assert len(lines) == 4
    assert lines[1].startswith("'0639980012,Ada,")
    assert ",2,timezone: " in lines[1]
    assert lines[2].startswith("'=cmd,")
    corrected = "".join(lines[:2]).replace("Mars/Olympus", "Europe/Paris", 1)
    again = parse_contacts(corrected.encode(), "rejects.csv", DEFAULTS)
    assert again.faults == ()
    assert [row.name for row in again.rows] == ["Ada"]


def test_rows_that_contradict_history_are_written_to_the_rejects() -> None:
    registry = Registry()
    registry.take(ROW)
    plan = registry.take(ROW._replace(windows="mon 08:00-22:00"))
    header = (",".join(COLUMNS) + "\n").encode()
    reading = parse_contacts(header, "c.csv", DEFAULTS)
    lines = list(rejects_lines(reading.header, plan.rejected))
    assert lines[1].startswith("+33639980012,Ada,fr,Europe/Paris,news,2026-09-01T00:00:00Z,")
    assert "windows: differs" in lines[1]


def test_only_a_row_that_is_newer_than_all_others_brings_details() -> None:
    """Two purposes agreed to at one moment tell nothing newer about the person."""
    rows = {
        timedelta(seconds=-1): "Ada",
        timedelta(0): "Ada",
        timedelta(seconds=1): "Ada Lovelace",
    }
    for later, name in rows.items():
        registry = Registry()
        registry.take(ROW)
        registry.take(
            ROW._replace(purpose="offers", given_at=GIVEN + later, name="Ada Lovelace", line=3)
        )
        assert registry.people[ROW.number].name == name
