"""Files as spreadsheets and their users write them: imported as meant, or refused in words.

The files of ``tests/fixtures/spreadsheets`` are an export of the box, opened in LibreOffice 7.4 and
saved again in each of its ways.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.people.contacts_file import ContactsFile
from appliance.people.contacts_format import ContactRow, ContactsUnreadable, Defaults
from tests.support.contacts import parse_contacts

SAVED = Path(__file__).parents[2] / "fixtures" / "spreadsheets"
FRENCH = Defaults(
    country="FR",
    language="fr",
    fiction=True,
    day_first=True,
    now=datetime(2027, 3, 10, tzinfo=UTC),
)
ENGLISH = replace(FRENCH, language="en", day_first=False)

HEAD = "number,name,purpose,consent_given_at,consent_source,consent_evidence,windows"
ROW = "+33639980012,Ada,news,2026-09-03,form,sheet 1,lun-ven 18h-20h"
MEANT = ("+33639980012", "Ada", "news", "form", "sheet 1", "mon-fri 18:00-20:00")
GIVEN = datetime(2026, 9, 2, 22, tzinfo=UTC)


def what_is_meant(row: ContactRow) -> tuple[str, ...]:
    return (row.number, row.name, row.purpose, row.source, row.evidence, row.windows)


def french_head(delimiter: str) -> str:
    names = "Numéro de téléphone|Nom|Objet|Date de consentement|Origine|Preuve|Créneaux"
    return names.replace("|", delimiter)


@pytest.mark.parametrize(
    "raw",
    [
        f"{HEAD}\n{ROW}\n",
        f"\ufeff{HEAD}\n{ROW}\n",
        f"{HEAD}\r\n{ROW}\r\n",
        f"{HEAD}\r{ROW}\r",
        f"{HEAD}\n{ROW}",
        f"sep=,\n{HEAD}\n{ROW}\n",
        f"{HEAD}\n{ROW}\n".replace(",", ";"),
        f"sep=;\n{HEAD}\n{ROW}\n".replace(",", ";"),
        f"{HEAD}\n{ROW}\n".replace(",", "\t"),
        f"{HEAD}\n{ROW}\n".replace(",", "|"),
        f"{HEAD.upper()}\n{ROW}\n",
        f"{HEAD.replace('_', ' ').title()}\n{ROW}\n",
        f"{french_head(',')}\n{ROW}\n",
        f"{french_head(';')}\n{ROW}\n".replace(",", ";"),
        f"{french_head(';')};;;\n{ROW};;;\n".replace(",", ";"),
        f"{HEAD},,\n{ROW},,\n",
        f"{HEAD}\n{ROW},,,,\n",
        f",{HEAD}\n,{ROW}\n",
        f"{HEAD},colour,shoe size\n{ROW},red,43\n",
        f"{HEAD},colour\n{ROW}\n",
        f"{HEAD}\n{ROW}\n,,,,,,\n;;;\n\n\n",
        f"{HEAD}\n{ROW}\n" + "\n" * 1000,
        f"\n{HEAD}\n{ROW}\n",
        f",,,,,,\n;;;\n\n{HEAD}\n{ROW}\n",
        f"Contacts 2026\n\n{HEAD}\n{ROW}\n",
        f"Contacts 2026,,,,,,\nnom de la campagne,news,,,,,\n{HEAD}\n{ROW}\n",
        f"sep=\t\n{HEAD}\n{ROW}\n".replace(",", "\t"),
        f'"sep=;"\n{HEAD}\n{ROW}\n'.replace(",", ";"),
        f"{HEAD}\n{ROW}\n".replace("consent_given_at", '"Date de\nconsentement"'),
        f'{HEAD},"a note\r\nof two"\r\n{ROW},x\r\n',
        f'{HEAD},note\n{ROW},"two\nlines, and a ""quote"""\n',
        f'{HEAD},note\r\n{ROW},"a\r\nb\r\nc"\r\n',
        f"{HEAD}\n{ROW}\n".replace("lun-ven 18h-20h", '"lun-ven\n18h-20h"'),
        f"{HEAD}\n{ROW}\n".replace("2026-09-03", "03/09/2026"),
        f"{HEAD}\n{ROW}\n".replace("2026-09-03", "3/9/26"),
        f"{HEAD}\n{ROW}\n".replace("2026-09-03", "03.09.2026"),
        f"{HEAD}\n{ROW}\n".replace("2026-09-03", "03-09-2026"),
        f"{HEAD}\n{ROW}\n".replace("2026-09-03", "03/09/2026 00:00:00"),
        f"{HEAD}\n{ROW}\n".replace("lun-ven 18h-20h", "du lundi au vendredi de 18h à 20h"),
        f"{HEAD}\n{ROW}\n".replace("lun-ven 18h-20h", "Mon–Fri 18:00–20:00"),
        f"{HEAD}\n{ROW}\n".replace("+33639980012", "06 39 98 00 12"),
        f"{HEAD}\n{ROW}\n".replace("+33639980012", "'+33639980012"),
        f"{HEAD}\n{ROW}\n".replace("+33639980012", "0033 (0)6.39.98.00.12"),
    ],
    ids=range(43),
)
def test_a_file_is_imported_as_it_is_meant(raw: str) -> None:
    reading = parse_contacts(raw.encode(), "c.csv", FRENCH)
    assert reading.faults == ()
    (row,) = reading.rows
    assert what_is_meant(row) == MEANT
    assert row.given_at == GIVEN


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "Zoé Łukasz"),
        ("utf-8-sig", "Zoé Łukasz"),
        ("utf-16", "Zoé Łukasz"),
        ("cp1252", "Zoé Œuf – l’été"),
        ("latin-1", "Zoé Hélène"),
        ("ascii", "Zoe"),
    ],
)
def test_names_arrive_in_every_encoding(encoding: str, name: str) -> None:
    raw = f"{HEAD}\n{ROW}\n".replace("Ada", name).encode(encoding)
    (row,) = parse_contacts(raw, "c.csv", FRENCH).rows
    assert row.name == name


@pytest.mark.parametrize("file", sorted(path.name for path in SAVED.glob("*.csv")))
def test_what_was_exported_and_saved_in_a_spreadsheet_imports_again(file: str) -> None:
    original = parse_contacts((SAVED / "box-export.csv").read_bytes(), "box-export.csv", ENGLISH)
    again = parse_contacts((SAVED / file).read_bytes(), file, ENGLISH)
    assert again.faults == ()
    assert len(again.rows) == len(original.rows) == 10
    for before, after in zip(original.rows, again.rows, strict=True):
        name = before.name.replace("\u202f", "?") if "latin" in file else before.name
        assert after == before._replace(name=name, line=after.line)
    # What the box exported, the people's own words among it.
    names = [row.name for row in original.rows]
    assert names[2:4] == ["=1+1", "Ann, B"]
    evidence = [row.evidence for row in original.rows]
    assert evidence[:6] == ["form 3", "12", "007", "1/2", "2026-01-02", "+12"]


def test_a_file_saved_without_quotes_is_refused_where_it_lost_its_cells() -> None:
    reading = parse_contacts((SAVED / "unquoted.txt").read_bytes(), "c.csv", ENGLISH)
    assert [fault.line for fault in reading.faults] == [5]
    assert "in quotes" in reading.faults[0].remedy


@pytest.mark.parametrize(
    ("was", "written", "column", "words"),
    [
        ("+33639980012", "33639980012", "number", "number of FR (+33)"),
        ("+33639980012", "447700900012", "number", "number of GB (+44)"),
        ("+33639980012", "639980012", "number", "leading zero"),
        ("+33639980012", "3.3639980012E+10", "number", "spreadsheet"),
        ("+33639980012", "33639980012.0", "number", "spreadsheet"),
        ("2026-09-03", "46268", "consent_given_at", "count of days"),
        ("2026-09-03", "31/02/2026", "consent_given_at", "not a date"),
        ("2026-09-03", "09/2026", "consent_given_at", "not a date"),
        ("lun-ven 18h-20h", "18h-20h", "windows", "days are missing"),
        ("lun-ven 18h-20h", "0.75", "windows", "day"),
    ],
)
def test_a_cell_that_is_nobodys_to_guess_is_named(
    was: str, written: str, column: str, words: str
) -> None:
    raw = f"{HEAD}\n{ROW}\n".replace(was, written)
    (fault,) = parse_contacts(raw.encode(), "c.csv", FRENCH).faults
    assert (fault.line, fault.column) == (2, column)
    assert words in f"{fault.what}; {fault.remedy}"


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("24/11/2026", "2026-11-24"),
        ("11/11/2026", "2026-11-11"),
        ("12/12/2026", "2026-12-12"),
        # There is no thirteenth month, whichever stands first.
        ("13/12/2026", "2026-12-13"),
        ("13/01/2026", "2026-01-13"),
        ("03/04/2026", None),
        ("3.4.26", None),
        ("2026-04-03", "2026-04-03"),
    ],
)
def test_a_box_that_speaks_english_asks_which_is_the_month(written: str, given: str | None) -> None:
    raw = f"{HEAD},timezone\n{ROW},Europe/Paris\n".replace("2026-09-03", written)
    reading = parse_contacts(raw.encode(), "c.csv", ENGLISH)
    if given is None:
        (fault,) = reading.faults
        assert "may be two dates" in fault.what
        assert "2026-04-03" in fault.remedy
    else:
        (row,) = reading.rows
        assert f"{row.given_at.astimezone():%Y-%m-%d}" >= "2026-01-01"
        assert abs(row.given_at - datetime.fromisoformat(f"{given}T00:00+00:00")).days <= 1


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "\n\n",
        "\ufeff",
        "Contacts 2026\n" * 50,
        f"{ROW}\n{ROW}\n",
        f"{HEAD}\n{ROW}\n".replace(",", ":"),
        '[{"number": "+33639980012"}]',
        "<html><table>",
        "%PDF-1.7\n%âãÏÓ\n",
        "BEGIN:VCARD\nTEL:+33639980012\n",
        '"Contacts\n' * 50,
    ],
)
def test_what_names_no_columns_is_told_once(raw: str) -> None:
    with pytest.raises(ContactsUnreadable) as refused:
        parse_contacts(raw.encode(), "c.csv", FRENCH)
    (fault,) = refused.value.faults
    assert fault.what == "there is no header"


def test_a_title_is_noted_and_lines_keep_their_numbers() -> None:
    text = f"Contacts 2026\n\n{HEAD}\n{ROW}\n{ROW.replace('2026-09-03', 'x')}\n"
    contacts = ContactsFile(text, "c.csv", FRENCH)
    assert [(note.line, note.what) for note in contacts.notes] == [(1, "stands above the header")]
    assert [row.line for row in contacts.judged() if row] == [4, 5]


def test_an_open_quote_spoils_its_row_alone() -> None:
    broken = ROW.replace("Ada", '"Ada')
    raw = "\n".join([HEAD, ROW, broken, *[ROW.replace("12,", f"{n},") for n in range(13, 60)]])
    reading = parse_contacts(raw.encode(), "c.csv", FRENCH)
    assert [fault.line for fault in reading.faults] == [3]
    assert len(reading.rows) == 48


def test_unknown_columns_are_noted_and_near_misses_refused() -> None:
    for name in ("valid_untill", "timezonne", "langage"):
        with pytest.raises(ContactsUnreadable, match="did you mean"):
            parse_contacts(f"{HEAD},{name}\n{ROW},x\n".encode(), "c.csv", FRENCH)
    for name in ("colour", "adresse", "remarques", "code postal"):
        text = f"{HEAD},{name}\n{ROW},x\n"
        contacts = ContactsFile(text, "c.csv", FRENCH)
        assert [note.column for note in contacts.notes] == [name]


def test_an_export_is_read_by_programs_too() -> None:
    rows = list(csv.DictReader(io.StringIO((SAVED / "box-export.csv").read_text("utf-8-sig"))))
    assert rows[0]["number"] == "+33 6 39 98 00 10"
