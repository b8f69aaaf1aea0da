"""Removing one person from the files that the box handed out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.people.exports import (
    FILE,
    HandedOut,
    Index,
    IndexUnreadable,
    Kind,
    mentions,
    without,
)

NUMBER = "+33639980012"
HASH = "b" * 64


@pytest.mark.parametrize(
    ("number", "written", "found"),
    [
        (NUMBER, "+33639980012,Ada", True),
        (NUMBER, "+33 6 39 98 00 12,Ada", True),
        (NUMBER, "06 39 98 00 12;Ada", True),
        (NUMBER, "06.39.98.00.12;Ada", True),
        (NUMBER, "0033639980012", True),
        (NUMBER, "+33 (0)6 39 98 00 12", True),
        (NUMBER, "639980012", True),
        (NUMBER, '"called from 06-39-98-00-12"', True),
        (NUMBER, "+33639980013,Ada", False),
        (NUMBER, "+336399800125,Ada", False),
        (NUMBER, "5506399800122", False),
        ("+12025550123", "(202) 555-0123", True),
        ("+12025550123", "1-202-555-0123", True),
        ("+447700900123", "07700 900123", True),
    ],
)
def test_numbers_are_found_as_people_write_them(number: str, written: str, found: bool) -> None:
    assert (mentions(number).search(written) is not None) is found


def test_a_date_is_not_a_number() -> None:
    assert without("number,at\n+33639980013,2026-11-24T10:00:00Z\n", ["+4520261124"])[1] == 0
    assert without("number,at\n20 26 11 24,2026-11-24T10:00:00Z\n", ["+4520261124"])[1] == 1


BO = "+33639980013,Bo,form 2\n"


@pytest.mark.parametrize(
    ("row", "rows"),
    [
        ('+33639980012,"Ada\nLovelace","form\r\n\r\nsigned at home"\n', 1),
        ('"+33 6 39\n98 00 12",Ada,form 1\n', 1),
        ('+33639980012,"Ada ""the first""\nLovelace",form 1\n', 1),
        ('"Ada\nLovelace",form 1,+33639980012\n', 1),
        ("+33639980012,Ada\u2028Lovelace,form\x0b1\x0cx\x851\n", 1),
        ("+33639980012,Ada,form 1\r+33639980012,Ada,form 1\r", 2),
        # Three cells with a quote of somebody's own: what is no table is taken line by line.
        ('+33639980012,5" Ada,form 1\n', 1),
    ],
)
def test_a_row_goes_with_all_of_its_lines(row: str, rows: int) -> None:
    text = f'number,name,"evi\ndence"\n{BO}{row}{BO}' if row.count('"') % 2 == 0 else BO + row + BO
    assert without(text, [NUMBER]) == (text.replace(row, ""), rows)


def test_one_person_leaves_every_file_and_the_others_stay(tmp_path: Path) -> None:
    index = Index(tmp_path)
    rejects, export, mine, other, gone, reused = (
        tmp_path / name for name in ("r.csv", "e.csv", "mine.html", "other.json", "gone", "reused")
    )
    rejects.write_bytes(b"\xef\xbb\xbfnumber,line,reasons\r\n06 39 98 00 12,2,x\r\n12,3,y\r\n")
    export.write_text("number,name\n+33639980012,Ada\n+33639980013,Bo\n")
    mine.write_text("+33639980012 Ada")
    other.write_text("+33639980013 Bo")
    reused.write_text("a shopping list")
    for path, kind, number_hash in (
        (rejects, Kind.REJECTS, ""),
        (export, Kind.EXPORT, ""),
        (mine, Kind.DOSSIER, HASH),
        (other, Kind.DOSSIER, "c" * 64),
        (gone, Kind.EXPORT, ""),
        (reused, Kind.DOSSIER, HASH),
    ):
        index.remember(HandedOut(str(path), kind, number_hash))
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600

    done = index.forget([(NUMBER, HASH)])

    assert done.rewritten == {str(rejects): 1, str(export): 1}
    assert done.removed == (str(mine),)
    assert done.unreachable == {}
    assert rejects.read_bytes() == b"\xef\xbb\xbfnumber,line,reasons\r\n12,3,y\r\n"
    assert export.read_text() == "number,name\n+33639980013,Bo\n"
    assert not mine.exists()
    assert reused.read_text() == "a shopping list"
    assert {file.path for file in index.files()} == {str(rejects), str(export), str(other)}
    assert index.forget([(NUMBER, HASH)]).rewritten == {}


def test_a_file_that_cannot_be_read_is_told_and_remembered(tmp_path: Path) -> None:
    index = Index(tmp_path)
    index.remember(HandedOut(str(tmp_path), Kind.EXPORT))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    index.remember(HandedOut(str(binary), Kind.EXPORT))
    done = index.forget([(NUMBER, HASH)])
    assert set(done.unreachable) == {str(tmp_path), str(binary)}
    assert len(index.files()) == 2


def test_a_path_that_is_written_anew_is_what_it_was_written_as_last(tmp_path: Path) -> None:
    index = Index(tmp_path)
    index.remember(HandedOut("/x", Kind.EXPORT))
    index.remember(HandedOut("/x", Kind.DOSSIER, HASH))
    assert index.files() == (HandedOut("/x", Kind.DOSSIER, HASH),)


@pytest.mark.parametrize("damage", ["", "[]", json.dumps({"version": 9, "files": []})])
def test_a_damaged_index_is_not_taken_for_an_empty_one(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).write_text(damage)
    with pytest.raises(IndexUnreadable):
        Index(tmp_path).files()
