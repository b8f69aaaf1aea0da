from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.main import main
from appliance.people.contacts_file import (
    EMPTY_AT_ONCE,
    LINE_LIMIT,
    SUGGESTIONS,
    ContactsFile,
    ContactsUnreadable,
    RejectedRow,
    _cells,
    _lines,
    decoded,
)
from appliance.people.contacts_format import COLUMNS, Defaults, RowFault, guarded, unguarded
from tests.support.contacts import Reading, parse_contacts, whole

ROOT = Path(__file__).parents[3]
DEFAULTS = Defaults(
    country="FR",
    language="fr",
    fiction=True,
    now=datetime(2027, 3, 10, tzinfo=UTC),
)
GOOD = {
    "number": "06 39 98 00 12",
    "name": "Ada",
    "language": "fr",
    "timezone": "Europe/Paris",
    "purpose": "information",
    "consent_given_at": "2026-09-01",
    "consent_source": "web",
    "consent_evidence": "form 3",
    "windows": "mon-fri 18:00-20:00; sat 10:00-12:00",
    "valid_until": "2027-08-31",
}


def text(*rows: dict[str, str], delimiter: str = ",") -> str:
    lines = [delimiter.join(COLUMNS)]
    for changes in rows:
        cells = {**GOOD, **changes}
        lines.append(
            delimiter.join(
                f'"{cells[name]}"' if delimiter in cells[name] else cells[name] for name in COLUMNS
            )
        )
    return "\n".join(lines) + "\n"


def read(content: str | bytes, **changes: object) -> Reading:
    raw = content.encode() if isinstance(content, str) else content
    return parse_contacts(raw, "c.csv", replace(DEFAULTS, **changes))  # type: ignore[arg-type]


def faults(reading: Reading) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for fault in reading.faults]


@pytest.mark.parametrize(
    "raw",
    [
        text({}).encode(),
        b"\xef\xbb\xbf" + text({}).encode(),
        text({}, delimiter=";").encode(),
        text({}).replace("\n", "\r\n").encode(),
        text({}).replace("\n", "\r").encode(),
        ("sep=;\n" + text({}, delimiter=";")).encode(),
        text({}).rstrip("\n").encode(),
        (text({}) + "\n\n,,,,,,,,,\n").encode(),
        text({}).replace("number,name", "Number, NAME").encode(),
        text({}).replace("2027-08-31\n", "2027-08-31,,\n").encode(),
    ],
    ids=["plain", "bom", "semicolon", "crlf", "cr", "sep", "no-end", "blank", "case", "empty-tail"],
)
def test_shapes_of_a_good_file(raw: bytes) -> None:
    reading = read(raw)
    assert reading.faults == ()
    (row,) = reading.rows
    assert row.number == "+33639980012"
    assert row.windows == "mon-fri 18:00-20:00; sat 10:00-12:00"
    # Local midnight, and the whole last day.
    assert row.given_at == datetime(2026, 8, 31, 22, tzinfo=UTC)
    assert row.valid_until == datetime(2027, 8, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "zone", "expected"),
    [
        ("2026-09-01", "Europe/Paris", "2026-08-31T22:00:00"),
        ("2026-09-01", "Pacific/Tahiti", "2026-09-01T10:00:00"),
        ("2026-09-01T18:42", "Europe/Paris", "2026-09-01T16:42:00"),
        ("2026-09-01 18:42:07", "Europe/Paris", "2026-09-01T16:42:07"),
        ("2026-09-01T18:42:07Z", "Europe/Paris", "2026-09-01T18:42:07"),
        ("2026-09-01T18:42:07.999+05:30", "Europe/Paris", "2026-09-01T13:12:07"),
        ("2026-09-01T18:42-0400", "Europe/Paris", "2026-09-01T22:42:00"),
    ],
)
def test_moments(written: str, zone: str, expected: str) -> None:
    (row,) = read(text({"consent_given_at": written, "timezone": zone})).rows
    assert row.given_at.isoformat() == expected + "+00:00"


def test_optional_cells_take_the_defaults() -> None:
    (row,) = read(
        text({"name": "", "language": "", "timezone": "", "valid_until": ""}),
        language="en",
    ).rows
    assert (row.name, row.language, row.timezone, row.valid_until) == (
        "",
        "en",
        "Europe/Paris",
        None,
    )
    required = [c for c in COLUMNS if c not in ("name", "language", "timezone", "valid_until")]
    reading = read(",".join(required) + "\n" + ",".join(GOOD[c] for c in required) + "\n")
    assert len(reading.rows) == 1


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("number", "", "no number"),
        ("number", "112", "emergency"),
        ("number", "0899123456", "premium"),
        ("number", "3615", "short"),
        ("number", "+33…;+CMGD=1,4", "letters"),
        ("number", "+33…639980012", "no place"),
        ("number", "+33639980012;+CMGD=1,4", "letters"),
        ("number", "3.36398E+10", "spreadsheet"),
        ("number", "639980012", "leading zero"),
        ("number", "06399800", "no numbering plan"),
        ("language", "français", "not a language"),
        ("timezone", "Europe/Lutetia", "not a time zone"),
        ("timezone", "Paris", "not a time zone"),
        ("timezone", "../../etc/passwd", "not a time zone"),
        ("timezone", "Europe", "not a time zone"),
        ("purpose", "", "is empty"),
        ("consent_given_at", "", "is empty"),
        ("consent_given_at", "01/09/2026", "may be two dates"),
        ("consent_given_at", "2026-13-01", "not a date"),
        ("consent_given_at", "2026-02-29", "not a date"),
        ("consent_given_at", "20260901", "not a date"),
        ("consent_given_at", "2026-09-01T25:00", "not a date"),
        ("consent_given_at", "2026-09-01T18:00+99:00", "not a date"),
        ("consent_given_at", "0001-01-01", "not a date"),
        ("consent_given_at", "2027-03-11", "future"),
        ("consent_source", "  ", "is empty"),
        ("consent_evidence", "", "is empty"),
        ("consent_evidence", "form\x073", "control character"),
        ("consent_evidence", "x" * 501, "longer than"),
        ("name", "\x1b[31mAda", "control character"),
        ("windows", "", "no window"),
        ("windows", "mon-fri 25:00-26:00", "no time 25:00"),
        ("windows", "mon-fri 20:00-18:00", "ends before it starts"),
        ("windows", "lu-ve 18:00-20:00", "not a day"),
        ("valid_until", "never", "not a date"),
        ("valid_until", "2026-08-30", "not after"),
    ],
)
def test_each_fault_names_line_column_and_remedy(column: str, value: str, words: str) -> None:
    reading = read(text({}, {column: value, **({} if column == "number" else OTHER)}))
    assert len(reading.rows) == 1
    assert faults(reading) == [(3, column)]
    (fault,) = reading.faults
    assert words in fault.what
    assert fault.remedy
    assert fault.text("c.csv").startswith(f"c.csv:3: {column}: ")
    if column == "number":
        assert "3998" not in fault.text("c.csv")


OTHER = {"number": "06 39 98 00 13"}


def test_all_faults_of_all_rows_at_once() -> None:
    reading = read(
        text(
            {"number": "112", "timezone": "Mars/Olympus", "windows": "25:00"},
            {},
            {"number": "0899123456", "consent_given_at": "yesterday"},
        )
    )
    assert faults(reading) == [
        (2, "number"),
        (2, "timezone"),
        (2, "windows"),
        (4, "consent_given_at"),
        (4, "number"),
    ]
    assert [row.line for row in reading.rows] == [3]


def test_suggestions() -> None:
    (fault,) = read(text({"timezone": "Europe/Pari"})).faults
    assert fault.remedy == "did you mean Europe/Paris?"
    with pytest.raises(ContactsUnreadable, match="did you mean windows"):
        read(text({}).replace("windows", "windwos", 1))


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (b"", 1, "no header"),
        (b"\n\n", 1, "no header"),
        (b"number,name\n\x81\x8d\n", 2, "not UTF-8"),
        (b"\0\1\2\3", 1, "binary"),
        (b"PK\x03\x04\xff\xfe", 1, "spreadsheet's own file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", 1, "spreadsheet's own file"),
        (b"number\n+33639980012\n", 1, "missing from the header"),
        (text({}).replace("number", "number,number", 1).encode(), 1, "twice"),
        (text({}).replace("valid_until", "valid_untill", 1).encode(), 1, "not a column"),
        (text({}).replace("timezone", "timezonne", 1).encode(), 1, "not a column"),
        (text({}).replace("name", "numéro", 1).encode(), 1, "is meant by “number” and by “numéro”"),
    ],
)
def test_files_that_are_useless_as_awhole(raw: bytes, line: int, words: str) -> None:
    with pytest.raises(ContactsUnreadable) as unreadable:
        read(raw)
    assert any(f.line == line and words in f.what for f in unreadable.value.faults)
    assert str(unreadable.value).startswith("c.csv:")


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.csv", "No such file"), (".", "Is a directory"), ("big.csv", "Is larger than")],
)
def test_a_file_that_cannot_be_read_is_told_with_what_to_do(
    name: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("appliance.cli.contacts.FILE_LIMIT", 10)
    (tmp_path / "big.csv").write_text(text({}), encoding="utf-8")
    state = tmp_path / "state"
    assert main(["--state", str(state), "contacts", "import", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "check the path and its rights" in said
    assert not state.exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("+33639980012,Ada", "2 cells"),
        ('"+33639980012,Ada,fr', "quotation mark"),
        ('+33639980012,"Ada" x,fr,,information,2026-09-01,web,form,mon 18:00-20:00,', "quotation"),
        ("x" * (LINE_LIMIT + 1), "longer than"),
    ],
)
def test_broken_lines_spoil_only_themselves(line: str, words: str) -> None:
    reading = read(text({}) + line + "\n" + text(OTHER).split("\n")[1] + "\n")
    assert [row.line for row in reading.rows] == [2, 4]
    assert faults(reading) == [(3, "")]
    assert words in reading.faults[0].what


def test_unquoted_windows_in_a_semicolon_file_are_explained() -> None:
    reading = read(text({}, delimiter=";").replace('"', ""))
    (fault,) = reading.faults
    assert "11 cells" in fault.what
    assert "windows of several spans" in fault.remedy


def test_duplicates_within_the_file() -> None:
    reading = read(
        text(
            {},
            {"number": "+33 6 39 98 00 12"},
            {"consent_given_at": "2026-10-01"},
            {"consent_given_at": "2026-11-01", "timezone": "Europe/London"},
        )
    )
    assert [row.line for row in reading.rows] == [2, 4]
    assert faults(reading) == [(3, "number"), (5, "timezone")]
    assert "line 2" in reading.faults[0].what


def test_only_the_first_misspelt_zones_get_a_suggestion() -> None:
    reading = read(text(*({"timezone": f"Europe/Paris{n}"} for n in range(SUGGESTIONS + 5))))
    suggested = [fault for fault in reading.faults if "did you mean" in fault.remedy]
    assert len(reading.faults) == SUGGESTIONS + 5
    assert len(suggested) == SUGGESTIONS


def test_fiction_is_refused_without_a_bench() -> None:
    reading = read(text({}), fiction=False)
    assert faults(reading) == [(2, "number")]
    assert "fiction" in reading.faults[0].what


def test_without_a_trusted_clock_the_future_is_not_judged() -> None:
    assert read(text({"consent_given_at": "2027-03-11"}), now=None).faults == ()


def test_the_example_imports_cleanly() -> None:
    reading = parse_contacts(
        (ROOT / "docs" / "contacts-example.csv").read_bytes(), "contacts-example.csv", DEFAULTS
    )
    assert reading.faults == ()
    assert len(reading.rows) == 5


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("Ada", "Ada"),
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("-2+3", "'-2+3"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("+33 6 39 98 00 12", "+33 6 39 98 00 12"),
        ("+33639980012", "+33639980012"),
        ("007", "'007"),
        ("12", "'12"),
        ("2026-01-02", "'2026-01-02"),
        ("01/02", "'01/02"),
        ("18:00", "'18:00"),
        ("1E5", "'1E5"),
        ("12 %", "'12 %"),
        ("form 3", "form 3"),
        ("3 rue", "3 rue"),
        ("'=1", "''=1"),
        ("", ""),
    ],
)
def test_formulas_are_defused_and_come_back(cell: str, safe: str) -> None:
    assert guarded(cell) == safe
    assert unguarded(safe) == cell


@given(st.text(max_size=12))
def test_guarding_round_trips(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
    assert guarded(cell)[:1] not in ("=", "-", "@", "\t", "\r")


@given(st.from_regex(r"[0-9 .,:/%+-]{1,12}([eE][0-9]{1,2})?", fullmatch=True))
def test_quantities_round_trip(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)), st.booleans())
def test_any_bytes_are_judged_and_never_crash(raw: bytes, headed: bool) -> None:
    content = (",".join(COLUMNS) + "\n").encode() + raw if headed else raw
    try:
        reading = read(content)
    except ContactsUnreadable:
        return
    assert all(isinstance(fault, RowFault) and fault.remedy for fault in reading.faults)


@given(st.lists(st.text(max_size=15), min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_any_cells_are_judged_line_by_line(cells: list[str]) -> None:
    line = ",".join('"' + value.replace('"', '""') + '"' for value in cells)
    line = line.replace("\r", " ").replace("\n", " ")
    reading = read(text({}) + line + "\n")
    assert [row.line for row in reading.rows] in ([2], [2, 3])
    assert {fault.line for fault in reading.faults} <= {3}


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+33 6 39 98 00 12", "Europe/Paris"),
        ("01 99 00 12 34", "Europe/Paris"),
        ("+44 7700 900123", "Europe/London"),
        ("+44 20 7946 0123", "Europe/London"),
        ("+33 3 53 01 00 12", "Europe/Paris"),
        # One country of a code that several share.
        ("+1 876 555 0100", "America/Jamaica"),
    ],
)
def test_a_missing_zone_is_that_of_the_numbers_country(number: str, zone: str) -> None:
    (row,) = read(text({"number": number, "timezone": ""})).rows
    assert row.timezone == zone
    assert not row.warnings


@pytest.mark.parametrize(
    ("number", "country"),
    [("+1 212 555 0124", "US"), ("+1 416 555 0100", "CA"), ("+1 808 555 0100", "US")],
)
def test_a_missing_zone_is_asked_for_where_the_country_has_several(
    number: str, country: str
) -> None:
    reading = read(text({"number": number, "timezone": ""}))
    assert faults(reading) == [(2, "timezone")]
    assert f"numbers of {country} have more than one time zone" in reading.faults[0].what
    assert "write where the person lives: America/" in reading.faults[0].remedy


def test_a_faulty_number_is_not_blamed_for_its_missing_zone() -> None:
    assert faults(read(text({"number": "112", "timezone": ""}))) == [(2, "number")]


@pytest.mark.parametrize(
    ("number", "zone", "warned"),
    [
        ("+33 6 39 98 00 12", "Europe/Paris", False),
        # The same clock under another name.
        ("+33 6 39 98 00 12", "Europe/Brussels", False),
        ("+33 6 39 98 00 12", "Indian/Reunion", True),
        ("+33 6 39 98 00 12", "America/New_York", True),
        ("+44 7700 900123", "Europe/Jersey", False),
        ("+44 7700 900123", "Europe/Paris", True),
        ("+1 212 555 0124", "America/New_York", False),
        ("+1 212 555 0124", "America/Detroit", False),
        # Another clock of the country than the area code's.
        ("+1 212 555 0124", "America/Los_Angeles", True),
        ("+1 212 555 0124", "Europe/Paris", True),
    ],
)
def test_a_zone_that_contradicts_the_number_is_taken_with_a_warning(
    number: str, zone: str, warned: bool
) -> None:
    reading = read(text({"number": number, "timezone": zone}))
    assert len(reading.rows) == 1
    assert [(w.line, w.column) for w in reading.warnings] == ([(2, "timezone")] if warned else [])


@pytest.mark.parametrize("zone", ["EST", "MST", "HST", "Etc/GMT-5", "GMT", "UTC", "CET", "EST5EDT"])
def test_a_zone_that_no_place_keeps_is_refused(zone: str) -> None:
    reading = read(text({"timezone": zone}))
    assert faults(reading) == [(2, "timezone")]
    assert "no civil time" in reading.faults[0].what


@pytest.mark.parametrize(
    "header", ["x" * 5000, "," * 5000, "number;" * 5000, '"' + "a" * 5000, " " * 5000 + "number"]
)
def test_a_header_without_end_is_refused_at_once(header: str) -> None:
    with pytest.raises(ContactsUnreadable) as refused:
        parse_contacts((header + "\n+33639980012\n").encode(), "c.csv", DEFAULTS)
    (fault,) = refused.value.faults
    assert fault.line == 1
    assert "header is longer" in fault.what


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("filler", ["", "  ", ",,,,", "\t; ,"])
def test_rows_behind_any_number_of_empty_lines_keep_their_line(end: str, filler: str) -> None:
    size = EMPTY_AT_ONCE // (len(filler) + len(end))
    for empty in (0, 1, 2, size - 1, size, size + 1, 2 * size + 3):
        lines = [",".join(COLUMNS), "+33639980012", *[filler] * empty, "x", *[filler] * empty, "y"]
        contacts = ContactsFile(end.join(lines), "c.csv", DEFAULTS)
        assert [judged.line for judged in contacts.judged() if judged is not None] == [
            2,
            3 + empty,
            4 + 2 * empty,
        ]


@given(st.binary(max_size=60), st.integers(1, 5))
def test_text_is_the_same_in_pieces(raw: bytes, size: int) -> None:
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]

    def read(parts: list[bytes]) -> str | list[RowFault]:
        try:
            return whole(decoded(parts, "c.csv"))
        except ContactsUnreadable as unreadable:
            return list(unreadable.faults)

    if b"\0" not in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert read(pieces) == read([raw])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("length", [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, 3 * LINE_LIMIT])
def test_a_line_of_any_length_ends_where_it_ends(end: str, length: int) -> None:
    lines = [",".join(COLUMNS), "x" * length, "y", "z" * length, ""]
    contacts = ContactsFile(end.join(lines), "c.csv", DEFAULTS)
    found = [judged for judged in contacts.judged() if judged is not None]
    assert [judged.line for judged in found] == [2, 3, 4]
    for judged in found:
        assert isinstance(judged, RejectedRow)
        assert max(map(len, judged.cells.values())) <= LINE_LIMIT + 1
        too_long = "is longer than" in judged.faults[0].what
        assert too_long == (length > LINE_LIMIT and judged.line != 3)


@given(
    st.text(
        st.sampled_from("ab,;\t|' \0\x0b\x1c\u2028é") | st.characters(exclude_characters='\r\n"')
    ),
    st.sampled_from(",;\t|"),
)
def test_a_line_without_quotes_is_cut_as_the_standard_library_cuts_it(
    line: str, delimiter: str
) -> None:
    told = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    assert _cells(line, delimiter) == told


@given(st.lists(st.sampled_from(["a", " ", ",", "\r", "\n", "\r\n", "b c"]), max_size=40))
def test_lines_are_those_that_an_editor_counts(parts: list[str]) -> None:
    text = "".join(parts)
    ends = re.split(r"\r\n|\r|\n", text)
    found = {number: line for number, _, line in _lines(text) if line.strip(" ,")}
    assert found == {number: line for number, line in enumerate(ends, 1) if line.strip(" ,")}
