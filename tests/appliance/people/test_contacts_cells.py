"""One cell at a time: what is read, what is at fault, on both sides of each limit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appliance.model import Consent, Contact, Revocation
from appliance.people import contacts_cells, registry_rows
from appliance.people.contacts_cells import CELL_LIMIT, CellReader
from appliance.people.contacts_format import COLUMNS, ContactRow, Defaults, RejectedRow, RowFault
from appliance.people.contacts_merge import Addition, ImportPlan, export_lines, rejects_lines
from appliance.people.sender import home_region, possible_numbers
from firmware.events import AddressKind

PARIS = ZoneInfo("Europe/Paris")


def reader(cells: dict[str, str], *, day_first: bool = False) -> CellReader:
    defaults = Defaults(country="FR", language="fr", fiction=True, day_first=day_first)
    return CellReader(7, cells, defaults, lambda name, region: f"suggest {name} {region}")


def whats(cells: CellReader) -> list[tuple[str, str]]:
    assert all(fault.line == 7 for fault in cells.faults)
    return [(fault.column, fault.what) for fault in cells.faults]


@pytest.mark.parametrize(
    ("column", "written", "text", "what"),
    [
        ("purpose", "news", "news", None),
        ("purpose", "  news  ", "news", None),
        ("purpose", "'=news", "=news", None),
        ("purpose", "", "", "is empty"),
        ("purpose", "   ", "", "is empty"),
        ("name", "", "", None),
        ("purpose", "x" * 500, "x" * 500, None),
        ("purpose", "x" * 501, "x" * 501, "is longer than 500 characters"),
        ("purpose", "a\x07b", "a\x07b", "holds a control character"),
        ("purpose", "a\tb", "a\tb", "holds a control character"),
        ("purpose", "a\nb", "a\nb", "holds a line break"),
        ("name", "Ana\r\nB.", "Ana\r\nB.", "holds a line break"),
        ("consent_evidence", "a\rb", "a\rb", "holds a line break"),
        ("purpose", "a\u00a0b", "a\u00a0b", None),  # not printable, and no control character
        ("name", "Ame\u0301lie", "Am\u00e9lie", None),
    ],
)
def test_text(column: str, written: str, text: str, what: str | None) -> None:
    cells = reader({column: written})
    assert cells.text(column) == text
    assert whats(cells) == ([] if what is None else [(column, what)])
    assert CELL_LIMIT == 500


def test_a_column_that_is_not_there_is_empty() -> None:
    cells = reader({})
    assert (cells.text("name"), cells.text("purpose"), cells.raw("purpose")) == ("", "", "")
    assert whats(cells) == [("purpose", "is empty")]


@pytest.mark.parametrize(
    ("written", "language"),
    [("fr", "fr"), ("FR", "fr"), ("fr-FR", "fr"), ("en_GB", "en"), ("", "fr")]
    + [(bad, "") for bad in ("f", "fra", "fr-", "fr-FRA", "fr FR", "12")],
)
def test_language(written: str, language: str) -> None:
    cells = reader({"language": written})
    assert cells.language() == language
    assert len(cells.faults) == (not language)


@pytest.mark.parametrize(
    ("number", "written", "zone", "fault", "warned"),
    [
        ("+33639980012", "", "Europe/Paris", None, False),
        ("+33639980012", "Europe/Paris", "Europe/Paris", None, False),
        ("+33639980012", "America/New_York", "America/New_York", None, True),
        ("", "America/New_York", "America/New_York", None, False),
        ("", "", "UTC", None, False),  # the number's own fault says enough
        ("+12125550124", "", "UTC", "numbers of US have more than one time zone", False),
        ("+999123456", "", "UTC", "such numbers name no country's time", False),
        ("+33639980012", "EST", "UTC", "“EST” is no civil time", False),
        ("+33639980012", "Nowhere", "UTC", "“Nowhere” is not a time zone", False),
    ],
)
def test_zone(number: str, written: str, zone: str, fault: str | None, warned: bool) -> None:
    cells = reader({"timezone": written})
    assert cells.zone(number).key == zone
    assert len(cells.warnings) == warned
    assert len(cells.faults) == (fault is not None)
    if fault is not None:
        (told,) = cells.faults
        assert fault in told.what
        if written:
            assert told.remedy == f"suggest {written} FR"
    if warned:
        assert cells.warnings == [
            RowFault(
                7,
                "timezone",
                "the number is one of Europe/Paris, the zone is America/New_York",
                "make sure that the person lives there, and that no column has slipped",
            )
        ]


@pytest.mark.parametrize(
    ("count", "told"), [(1, "a"), (2, "a, b"), (3, "a, b, c"), (4, "a, b, c …"), (9, "a, b, c …")]
)
def test_of_many_zones_three_are_named(count: int, told: str) -> None:
    assert contacts_cells._some("abcdefghi"[:count]) == told


def test_an_empty_zone_names_three_of_many() -> None:
    cells = reader({})
    cells.zone("+12125550124")
    (told,) = cells.faults
    places = told.remedy.removeprefix("write where the person lives: ")
    assert places.endswith(" …")
    assert places.count(",") == 2


@pytest.mark.parametrize(
    ("written", "last", "utc"),
    [
        ("2026-09-01", False, "2026-08-31T22:00:00"),
        ("2026-09-01", True, "2026-09-01T22:00:00"),
        ("2026-09-01T00:00", True, "2026-08-31T22:00:00"),
        ("1970-01-02", False, "1970-01-01T23:00:00"),
        ("2200-12-31", False, "2200-12-30T23:00:00"),
        ("2026-09-01T23:59:59", False, "2026-09-01T21:59:59"),
        ("2026-09-01T18:00:00.9Z", False, "2026-09-01T18:00:00"),
        ("1969-12-31", False, None),
        ("2201-01-01", False, None),
        ("2026-09-01T24:00", False, None),
        ("2026-9-1", False, "2026-08-31T22:00:00"),
        ("20260901", False, None),
        ("2026-09-01T", False, None),
        ("yesterday", False, None),
    ],
)
def test_moment(written: str, last: bool, utc: str | None) -> None:
    cells = reader({"valid_until": written})
    found = cells.moment("valid_until", PARIS, last=last)
    expected = None if utc is None else datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert found == expected
    assert len(cells.faults) == (utc is None)


def test_an_empty_moment_is_a_fault_where_it_may_not_be_empty() -> None:
    cells = reader({})
    assert cells.moment("valid_until", PARIS, last=True) is None
    assert cells.moment("consent_given_at", PARIS, last=False) is None
    assert whats(cells) == [("consent_given_at", "is empty")]


@pytest.mark.parametrize(
    ("written", "day_first", "iso"),
    [
        ("03/04/2026", True, "2026-04-03"),
        ("3.4.2026", True, "2026-04-03"),
        ("03-04-26", True, "2026-04-03"),
        ("3-04-2026", True, "2026-04-03"),
        ("3-4-26", True, "2026-04-03"),
        ("03/04/2026", False, None),  # the third of April, or the fourth of March
        ("12/12/2026", False, "2026-12-12"),
        ("11/12/2026", False, None),
        ("12/11/2026", False, None),
        ("13/12/2026", False, "2026-12-13"),  # there is no thirteenth month
        ("01/13/2026", True, None),
        ("03/04.2026", True, None),
        ("03/04/202", True, None),
        ("03/04/2026 18:30", True, "2026-04-03T18:30"),
        ("03/04/2026, 8:05:07", True, "2026-04-03T08:05:07"),
        ("03 / 04 / 2026", True, "2026-04-03"),
        ("03/04/2026 8h05", True, "2026-04-03T08:05"),
        ("03/04/2026 à 18 h", True, "2026-04-03T18:00"),
        ("03/04/2026 6:30 PM", True, "2026-04-03T18:30"),
        ("03/04/2026 12:30 a.m.", True, "2026-04-03T00:30"),
        ("03/04/2026 13:30 PM", True, "2026-04-03T13:30"),
        ("03/04/2026 6 PM", True, None),
        ("03/04/2026 8h61", True, None),
        ("03/04/2026 25:00", True, None),
        ("2026/04/03", False, "2026-04-03"),
        ("2026.4.3 18:30", False, "2026-04-03T18:30"),
        ("2026/04-03", False, None),
        ("26/04/2026", False, "2026-04-26"),
        ("3-Apr-26", False, "2026-04-03"),
        ("03-avr-26", False, "2026-04-03"),
        ("3 avril 2026", False, "2026-04-03"),
        ("1er août 2026", False, "2026-08-01"),
        ("1er aou\u0302t 2026", False, "2026-08-01"),
        ("vendredi 3 avril 2026", False, "2026-04-03"),
        ("ven. 3 avr. 2026 18h30", False, "2026-04-03T18:30"),
        ("April 3, 2026", False, "2026-04-03"),
        ("Fri, Apr 3rd 2026, 6:30 PM", False, "2026-04-03T18:30"),
        ("3 févr. 2026", False, "2026-02-03"),
        ("3 déc. 2026", False, "2026-12-03"),
        ("30 février 2026", False, None),
        ("3 avril", False, None),
        ("avril 2026", False, None),
        ("3 floréal 2026", False, None),
        ("2026-04-03+02:00", False, None),
    ],
)
def test_a_date_as_a_spreadsheet_shows_it(written: str, day_first: bool, iso: str | None) -> None:
    cells = reader({"valid_until": written}, day_first=day_first)
    found = cells.moment("valid_until", ZoneInfo("UTC"), last=False)
    expected = None if iso is None else datetime.fromisoformat(iso).replace(tzinfo=UTC)
    if iso is None:
        assert cells.faults
    else:
        assert (found, cells.faults) == (expected, [])


def test_a_date_that_may_be_two_is_asked_for_in_the_form_that_is_one() -> None:
    for written, remedy in (("03/04/2026", "2026-04-03"), ("03/04/26", "2026-04-03")):
        cells = reader({"valid_until": written})
        cells.moment("valid_until", PARIS, last=False)
        assert cells.faults[0] == RowFault(
            7,
            "valid_until",
            f"“{written}” may be two dates",
            f"write {remedy} if the day stands first",
        )


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("04/13/2026", "write 2026-04-13 if the month stands first"),
        ("4/13/26 18:30", "write 2026-04-13T18:30 if the month stands first"),
    ],
)
def test_a_date_with_the_month_first_is_asked_for_the_same_way(written: str, remedy: str) -> None:
    for day_first in (False, True):
        cells = reader({"valid_until": written}, day_first=day_first)
        cells.moment("valid_until", PARIS, last=False)
        assert cells.faults == [RowFault(7, "valid_until", f"“{written}” has no month 13", remedy)]


@pytest.mark.parametrize("day", range(1, 29))
@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_in_letters_is_the_same_date_everywhere(day: int, month: int) -> None:
    meant = datetime(2026, month, day, tzinfo=UTC)
    french = (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ).split()
    for day_first in (False, True):
        for written in (f"{meant:%d %B %Y}", f"{meant:%b %d, %Y}", f"{day} {french[month - 1]} 26"):
            cells = reader({"valid_until": written}, day_first=day_first)
            assert cells.moment("valid_until", ZoneInfo("UTC"), last=False) == meant


@pytest.mark.parametrize(
    "written",
    [
        "\u202a+33 6 39 98 00 12\u202c",
        "\u200e06 39 98 00 12",
        "06\u200b39980012",
        "\ufeff0639980012",
        "06\u00a039\u202f98\u00a000\u00a012",
    ],
)
def test_marks_that_nobody_sees_come_along_with_a_copied_number(written: str) -> None:
    cells = reader({"number": written})
    assert (cells.number(), cells.faults) == ("+33639980012", [])


# -- rows of the registry -------------------------------------------------------------------------

PERSON = Contact(
    subject="0" * 30 + "ab",
    number="+33639980012",
    number_hash="0f" * 32,
    name='A "b", ü',
    language="fr",
    timezone="Europe/Paris",
)
GIVEN = datetime(2026, 9, 1, 12, tzinfo=UTC)
AGREED = Consent(
    id="c" * 32,
    subject=PERSON.subject,
    purpose="news",
    given_at=GIVEN,
    source="web",
    evidence="form 3",
    windows="mon-fri 18:00-20:00",
    valid_until=None,
    recorded_at=GIVEN,
)


def test_people_and_consents_come_back_from_their_rows() -> None:
    row = registry_rows.contact_row(PERSON)
    assert registry_rows.contact_of(0xAB, row) == PERSON
    assert registry_rows.number_of(row) == 33639980012
    assert registry_rows.hash_of(row) == PERSON.number_hash
    until = GIVEN.replace(year=2028)
    for consent in (AGREED, Consent(**_fields(AGREED) | {"valid_until": until})):
        told = registry_rows.consent_row(consent)
        assert registry_rows.consent_of(int("c" * 32, 16), told) == consent
        assert registry_rows.subject_of(told) == 0xAB
        sketch = registry_rows.sketch_of(row, told)
        assert sketch == (
            PERSON.number,
            "Europe/Paris",
            "news",
            GIVEN,
            "mon-fri 18:00-20:00",
            consent.valid_until,
            True,
        )
        assert registry_rows.terms_of(told) == (
            PERSON.subject,
            {
                "purpose": "news",
                "given_at": GIVEN.isoformat(),
                "valid_until": None if consent.valid_until is None else until.isoformat(),
                "windows": "mon-fri 18:00-20:00",
            },
        )


def _fields(consent: Consent) -> dict[str, Any]:
    return {name: getattr(consent, name) for name in Consent.__slots__}


@pytest.mark.parametrize(
    ("source", "evidence", "proven"),
    [("web", "form", True), (" ", "form", False), ("web", "\t", False), ("", "", False)],
)
def test_a_consent_without_source_or_evidence_is_not_proven(
    source: str, evidence: str, proven: bool
) -> None:
    told = Consent(**_fields(AGREED) | {"source": source, "evidence": evidence})
    row = registry_rows.contact_row(PERSON)
    assert registry_rows.sketch_of(row, registry_rows.consent_row(told)).proven is proven


def test_ids_have_their_digits_and_no_others() -> None:
    assert registry_rows.SCHEMA == 2
    for table in ("contacts", "consents", "messages"):
        assert registry_rows.key_text(table, 0xAB) == "0" * 30 + "ab"
    assert registry_rows.key_text("suppressions", 1) == "0" * 63 + "1"
    assert registry_rows.person_id("0" * 31 + "f") == 15
    assert registry_rows.hash_id("0" * 63 + "f") == 15
    assert registry_rows.person_id("0" * 30 + "a0") == 160
    assert registry_rows.hash_id("0" * 62 + "a0") == 160
    for count in (31, 33):
        with pytest.raises(ValueError, match="32"):
            registry_rows.person_id("0" * count)
    for count in (63, 65):
        with pytest.raises(ValueError, match="64"):
            registry_rows.hash_id("0" * count)
    assert registry_rows.digits("+33639980012") == 33639980012
    with pytest.raises(ValueError, match=r"E\.164"):
        registry_rows.digits("33639980012")
    bad = Contact(**{n: getattr(PERSON, n) for n in Contact.__slots__} | {"number_hash": "x" * 64})
    with pytest.raises(ValueError, match="hex"):
        registry_rows.contact_row(bad)


def test_what_an_older_schema_lacks_is_null() -> None:
    assert registry_rows.decode_row(b'["a"]', 3) == ["a", None, None]
    assert registry_rows.decode_row(b'["a","b","c"]', 3) == ["a", "b", "c"]
    assert registry_rows.decode_row(b'["a","b"]', 1) == ["a", "b"]
    assert registry_rows.encode_document(("a", "b"), {"b": 1}) == b"[null,1]"
    with pytest.raises(ValueError, match="no such column: c, d"):
        registry_rows.encode_document(("a",), {"d": 1, "c": 2})
    rows = registry_rows.Rows(("a", "b"), {10: b"[1]", 11: b"[1,2]"})
    assert (list(rows), len(rows)) == (["10", "11"], 2)
    assert rows["10"] == {"a": 1, "b": None}


# -- what an import adds --------------------------------------------------------------------------


class Known:
    """One person, or nobody."""

    def __init__(
        self, contact: Contact | None, *consents: Consent, revoked: Revocation | None = None
    ) -> None:
        self.contact, self.given, self.revoked = contact, consents, revoked

    def by_number(self, _: str) -> Contact | None:
        return self.contact

    def consents(self, _: str) -> tuple[Consent, ...]:
        return self.given

    def suppression(self, _: str) -> Revocation | None:
        return self.revoked


def written(minutes: int = 0, **changes: Any) -> ContactRow:
    row: dict[str, Any] = {
        "line": 4,
        "number": PERSON.number,
        "name": PERSON.name,
        "language": "fr",
        "timezone": "Europe/Paris",
        "purpose": "news",
        "given_at": GIVEN.replace(minute=minutes),
        "source": "web",
        "evidence": "form 3",
        "windows": "mon-fri 18:00-20:00",
        "valid_until": None,
    }
    return ContactRow(**row | changes)


IMPORTED = GIVEN.replace(month=10)


def plan(known: Known) -> ImportPlan:
    ids = iter([PERSON.subject, "c" * 32] if known.contact is None else ["c" * 32])
    return ImportPlan(
        known,
        hash_number=lambda _: PERSON.number_hash,
        new_id=lambda: next(ids),
        recorded_at=IMPORTED,
    )


def test_somebody_new() -> None:
    importing = plan(Known(None))
    added = Consent(**_fields(AGREED) | {"recorded_at": IMPORTED})
    assert importing.take(written()) == Addition(PERSON, True, False, added)
    assert (importing.new_people, importing.new_consents, importing.changed_people) == (1, 1, 0)
    assert (importing.unchanged, importing.withdrawn) == (0, [])


@pytest.mark.parametrize(
    ("minutes", "changes", "changed"),
    [
        (1, {}, False),
        (1, {"name": "Bea"}, True),
        (1, {"timezone": "Europe/Berlin"}, True),
        (1, {"language": "en"}, True),
        (-1, {"name": "Bea"}, False),  # an older word changes nothing
    ],
)
def test_a_further_consent_of_somebody_known(
    minutes: int, changes: dict[str, Any], changed: bool
) -> None:
    known = Known(PERSON, Consent(**_fields(AGREED) | {"given_at": GIVEN.replace(minute=30)}))
    importing = plan(known)
    found = importing.take(written(30 + minutes, **changes))
    assert isinstance(found, Addition)
    assert (found.is_new, found.is_changed) == (False, changed)
    expected = {name: getattr(PERSON, name) for name in Contact.__slots__}
    assert found.contact == Contact(**expected | (changes if changed else {}))
    assert (importing.new_people, importing.new_consents) == (0, 1)
    assert importing.changed_people == changed


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        ({}, None),
        ({"name": "Bea"}, None),
        ({"source": "x"}, ["consent_source"]),
        ({"evidence": "x"}, ["consent_evidence"]),
        ({"windows": "sun 10:00-11:00"}, ["windows"]),
        ({"valid_until": IMPORTED}, ["valid_until"]),
        (
            {"source": "x", "windows": "sun 10:00-11:00"},
            ["consent_source", "windows"],
        ),
    ],
)
def test_the_same_consent_again_is_known_or_contradicts(
    changes: dict[str, Any], columns: list[str] | None
) -> None:
    importing = plan(Known(PERSON, AGREED))
    found = importing.take(written(**changes))
    if columns is None:
        assert found is None
    else:
        assert isinstance(found, RejectedRow)
        assert [(fault.line, fault.column) for fault in found.faults] == [(4, c) for c in columns]
        assert set(found.cells) == set(COLUMNS)
    assert importing.unchanged == (columns is None)
    assert importing.new_consents == 0


@pytest.mark.parametrize(("minutes", "left_out"), [(0, True), (29, True), (30, True), (31, False)])
def test_a_consent_that_a_withdrawal_has_overtaken_is_left_out(
    minutes: int, left_out: bool
) -> None:
    revoked = Revocation(at=GIVEN.replace(minute=30), by="key")
    importing = plan(Known(PERSON, revoked=revoked))
    found = importing.take(written(minutes))
    assert (found is None) is left_out
    assert importing.withdrawn == [4] * left_out


def test_a_consent_counts_as_recorded_after_the_withdrawal_that_is_known() -> None:
    for revoked_at, recorded in (
        (GIVEN, IMPORTED),
        (IMPORTED, IMPORTED.replace(second=1)),
        (IMPORTED.replace(minute=5), IMPORTED.replace(minute=5, second=1)),
    ):
        known = Known(PERSON, revoked=Revocation(at=revoked_at, by="key"))
        importing = plan(known)
        assert importing.recorded_at("h") == recorded
        known.revoked = Revocation(at=IMPORTED.replace(minute=50), by="key")
        assert importing.recorded_at("h") == recorded, "settled when it was first asked"
    assert plan(Known(PERSON)).recorded_at("h") == IMPORTED


def test_the_files_that_are_written() -> None:
    until = Consent(**_fields(AGREED) | {"valid_until": IMPORTED})
    assert list(export_lines([(PERSON, [AGREED, until])]))[1:] == [
        '+33 6 39 98 00 12,"A ""b"", ü",fr,Europe/Paris,news,2026-09-01T12:00:00Z,web,form 3,'
        f"mon-fri 18:00-20:00,{end},{PERSON.subject}\n"
        for end in ("", "2026-10-01T12:00:00Z")
    ]
    rejected = [
        RejectedRow(
            line=9,
            cells={"number": "x", "name": "n"},
            faults=(RowFault(9, "number", "is odd", "mend it"), RowFault(9, "", "is long", "cut")),
        ),
        RejectedRow(line=3, cells={"": "a;b"}, faults=(RowFault(3, "", "is broken", "see"),)),
    ]
    assert list(rejects_lines(["number", "line", "name"], rejected)) == [
        "number,name,line,reasons\n",
        "a;b,,3,is broken; see\n",
        "x,n,9,number: is odd; mend it | is long; cut\n",
    ]


# -- whose number ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("iccid", "region"),
    [
        ("8933010000000000001", "FR"),
        ("89330", "FR"),
        ("8901260000000000000", "US"),
        ("8944100000000000000", "GB"),
        ("8935310000000000000", "IE"),  # +353
        ("89", ""),
        ("8833010000000000001", ""),
        ("8988200000000000000", ""),  # a number of no country
        (None, ""),
        ("", ""),
    ],
)
def test_the_country_of_a_sim(iccid: str | None, region: str) -> None:
    assert home_region(iccid) == region


@pytest.mark.parametrize(
    ("written_as", "kind", "numbers"),
    [
        ("+33639980012", AddressKind.INTERNATIONAL, ("+33639980012",)),
        ("0639980012", AddressKind.NATIONAL, ("+33639980012",)),
        ("0639980012", AddressKind.NAME, ()),
        ("063998", AddressKind.UNKNOWN, ()),
        ("+336399800121234567", AddressKind.UNKNOWN, ()),
        ("06a39980012", AddressKind.UNKNOWN, ()),
    ],
)
def test_what_a_sender_can_be(written_as: str, kind: AddressKind, numbers: tuple[str, ...]) -> None:
    assert possible_numbers(written_as, kind, ["", "FR"]) == numbers


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("45931", "is a count of days, as spreadsheets keep a date"),
        ("45931.5", "is a count of days, as spreadsheets keep a date"),
        ("45931,770833333", "is a count of days, as spreadsheets keep a date"),
        ("4593", "is not a date"),
        ("20261001", "is not a date"),
        ("1790000000", "is not a date"),
        ("04593", "is not a date"),
    ],
)
def test_a_date_that_lost_its_format_is_told_as_one(written: str, what: str) -> None:
    """It is not guessed: two spreadsheets count from different days."""
    cells = reader({"consent_given_at": written})
    assert cells.moment("consent_given_at", PARIS, last=False) is None
    assert whats(cells) == [("consent_given_at", f"“{written}” {what}")]
