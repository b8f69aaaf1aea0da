"""Why a line of the ledger is none, in words."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.effects import Record
from appliance.ledger import Ledger, read_entries
from appliance.ledger import format as ledger_format
from appliance.model import Outcome

_SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
_VALUES = st.recursive(
    _SCALARS | st.sampled_from(Outcome),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(), _VALUES, max_size=4), min_size=1, max_size=4))
def test_a_row_that_was_just_written_is_what_the_file_gives_back(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, object]]
) -> None:
    directory = tmp_path_factory.mktemp("ledger")
    records = [Record(kind="stop.pressed", data=data) for data in written]
    with Ledger.open(directory) as ledger:
        try:
            rows = ledger.append(records, datetime(2027, 3, 1, tzinfo=UTC))
        except ledger_format.RecordRefused:
            return
    assert rows == list(read_entries(directory))


@pytest.mark.parametrize("data", [{"a": math.nan}, {"a": math.inf}, {1: "a"}, {"a": "\ud800"}])
def test_what_would_not_come_back_is_refused(tmp_path: Path, data: dict[str, object]) -> None:
    with Ledger.open(tmp_path) as ledger, pytest.raises(ledger_format.RecordRefused):
        ledger.append([Record(kind="stop.pressed", data=data)], datetime(2027, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty line"),
        (b"{\0}", "bytes that no row contains"),
        (b"{\xff}", "bytes that no row contains"),
    ],
)
def test_why_a_line_is_none(raw: bytes, reason: str) -> None:
    assert ledger_format._why_not_a_line(raw) == reason


def test_other_bytes_are_not_called_impossible() -> None:
    assert ledger_format._why_not_a_line(b"nonsense") != "bytes that no row contains"


@pytest.mark.parametrize(
    ("mark", "batch"),
    [
        ([1, 1], (7, 7)),
        ([1, 3], (7, 9)),
        ([3, 3], (5, 7)),
        ([2], (7, 7)),
        ([2, 3, 4], (7, 7)),
        ([2, "3"], (7, 7)),
        ([True, 3], (7, 7)),
        ([2, 3.0], (7, 7)),
        ({"2": 3}, (7, 7)),
        ("23", (7, 7)),
        (None, (7, 7)),
    ],
)
def test_which_write_a_line_belongs_to(mark: object, batch: tuple[int, int]) -> None:
    """A mark that no box of ours writes says nothing."""
    line, _ = written("x")
    data = json.dumps({"note": "x", "batch": mark}).encode()
    assert line._replace(data=data).batch == batch


def test_a_row_may_be_as_long_as_a_line_and_no_longer() -> None:
    room = ledger_format.MAX_LINE - len(written("")[1])
    assert len(written("x" * room)[1]) == ledger_format.MAX_LINE
    with pytest.raises(ledger_format.RecordRefused, match=str(ledger_format.MAX_LINE + 1)):
        written("x" * (room + 1))


def written(note: str) -> tuple[ledger_format.Line, bytes]:
    return ledger_format.encode(
        seq=7,
        at="2027-03-10T17:30:00.000Z",
        kind="note.made",
        subject=None,
        data={"note": note},
        prev=ledger_format.GENESIS,
    )


NOON = "2027-03-10T12:00:00.000Z"


def row(
    data: dict[str, object] | None = None,
    *,
    seq: int = 7,
    kind: str = "note.made",
    subject: str | None = None,
    prev: str = "a" * 64,
    batch: tuple[int, int] | None = None,
) -> tuple[ledger_format.Line, bytes]:
    return ledger_format.encode(
        seq=seq, at=NOON, kind=kind, subject=subject, data=data or {}, prev=prev, batch=batch
    )


def test_a_row_is_written_as_the_contract_says_and_cut_apart_as_it_was() -> None:
    for subject, batch in (("s-1_x", (2, 3)), (None, None)):
        line, raw = row({"é": 1, "a": [None, True]}, subject=subject, batch=batch)
        whole = json.loads(raw)
        digest = whole.pop("hash")
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == digest == line.hash
        assert raw.endswith(b"}\n")
        assert ledger_format.decode(raw[:-1]) == line
        assert line.seq == 7
        assert (line.subject, line.batch) == (subject, (6, 8) if batch else (7, 7))
        assert line.entry().data == {"é": 1, "a": [None, True]}
        ledger_format.check_canonical(line)


def test_the_genesis_and_the_longest_line() -> None:
    assert ledger_format.GENESIS == "0" * 64
    assert ledger_format.MAX_LINE == 262144


@pytest.mark.parametrize("kind", ["", "Stop", "1stop", "stop pressed", "stop.préssed", ".stop"])
def test_a_kind_is_small_letters(kind: str) -> None:
    with pytest.raises(ledger_format.RecordRefused, match="not a kind"):
        row(kind=kind)


@pytest.mark.parametrize(("subject", "right"), [
    ("", False), ("x", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("é", False),
])  # fmt: skip
def test_a_subject_is_up_to_64_letters_and_digits(subject: str, right: bool) -> None:
    if right:
        line, raw = row(subject=subject)
        assert ledger_format.decode(raw[:-1]) == line
    else:
        with pytest.raises(ledger_format.RecordRefused, match="random id"):
            row(subject=subject)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"batch": [1, 1]}, "data.batch is reserved"),
        ({"a": {"b": math.nan}}, "not a JSON object"),
        ({"a": object()}, "not a JSON object"),
        ({1: "a"}, "the keys of data must be strings"),
        ({"a": [{2: "b", 10: "a"}]}, "the keys of data must be strings"),
        ({"a": "+33 6 39 98 00 12"}, "a phone number may not stand in the ledger"),
        ({"+33639980012": 1}, "a phone number may not stand in the ledger"),
        ({"a": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_what_no_row_may_hold(data: dict[str, object], words: str) -> None:
    with pytest.raises(ledger_format.RecordRefused, match=words):
        row(data)


@pytest.mark.parametrize(("text", "number"), [
    ("+1234567", False), ("+12345678", True), ("+33.6.39.98.00.12", True), ("33639980012", False),
    ("+33(6)39", False), ("+3 3 6 3 9 9 8 0", True), ("+3  363998", False),
])  # fmt: skip
def test_what_looks_like_a_phone_number(text: str, number: bool) -> None:
    if number:
        with pytest.raises(ledger_format.RecordRefused, match="phone number"):
            row({"a": text})
    else:
        row({"a": text})


@pytest.mark.parametrize("place", range(0, 300, 7))
def test_every_changed_byte_of_a_row_shows(place: int) -> None:
    _, raw = row({"note": "x" * 40}, subject="s", batch=(1, 2))
    raw = raw[:-1]
    place %= len(raw)
    changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
    with pytest.raises(ledger_format.BadLine):
        ledger_format.decode(changed)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{}", "not a row of the ledger in canonical form"),
        (b"[]", "not a row of the ledger in canonical form"),
        (b"{", "not JSON"),
        (b"", "empty line"),
    ],
)
def test_why_it_cannot_be_cut_apart(raw: bytes, reason: str) -> None:
    with pytest.raises(ledger_format.BadLine, match=f"^{reason}$"):
        ledger_format.decode(raw)


def test_a_row_follows_the_one_before() -> None:
    line, _ = row()
    ledger_format.check_follows(line, 6, "a" * 64)
    for seq in (5, 7, 8):
        with pytest.raises(
            ledger_format.BadLine, match=f"^sequence number 7 where {seq + 1} belongs$"
        ):
            ledger_format.check_follows(line, seq, "a" * 64)
    with pytest.raises(ledger_format.BadLine, match=r"^prev is not the hash"):
        ledger_format.check_follows(line, 6, "b" * 64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"at": "2027-13-10T12:00:00.000Z"}, "not a time or not JSON"),
        ({"data": b"{"}, "not a time or not JSON"),
        ({"data": b'{"b":1,"a":2}'}, "data is not in canonical form"),
        ({"data": b'{"a": 1}'}, "data is not in canonical form"),
        ({"data": b'{"a":"\\u00e9"}'}, "data is not in canonical form"),
    ],
)
def test_a_row_that_is_not_as_it_would_be_written(change: dict[str, object], words: str) -> None:
    line, _ = row({"a": 1})
    ledger_format.check_canonical(line)
    with pytest.raises(ledger_format.BadLine, match=words):
        ledger_format.check_canonical(line._replace(**change))  # type: ignore[arg-type]


def test_what_was_written_flat_need_not_be_read_back() -> None:
    line, _ = row({"a": "x"}, batch=(1, 1))
    assert line.entry({"a": "other"}).data == {"a": "other"}
    assert line.entry({"a": ["other"]}).data == {"a": "x"}
    assert line.entry({1: "other"}).data == {"a": "x"}  # type: ignore[dict-item]
    assert line.entry().data == {"a": "x"}
    assert line.entry({}).data == {}


@pytest.mark.parametrize(
    ("data", "flat"),
    [
        ({}, True),
        ({"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}, True),
        ({"a": []}, False),
        ({"a": {}}, False),
        ({"a": Outcome.BUSY}, False),
        ({1: "x"}, False),
    ],
)
def test_what_is_flat(data: dict[str, object], flat: bool) -> None:
    assert ledger_format.is_flat(data) is flat


def test_a_time_is_cut_to_milliseconds_of_utc_and_must_be_aware() -> None:
    at = datetime(2027, 3, 10, 18, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert ledger_format.timestamp(at) == "2027-03-10T17:00:00.999Z"
    with pytest.raises(ledger_format.RecordRefused, match="aware"):
        ledger_format.timestamp(datetime(2027, 3, 10))  # noqa: DTZ001


def test_damage_names_its_place() -> None:
    damage = ledger_format.LedgerCorrupt("a.jsonl", 3, "it is odd")
    assert str(damage) == "a.jsonl:3: it is odd"
    assert (damage.file, damage.line, damage.reason) == ("a.jsonl", 3, "it is odd")


_NAMES = st.text(max_size=4) | st.sampled_from(["batch", "bat", "clock", "%s", "{", '"'])


@given(
    st.dictionaries(_NAMES, st.text() | st.none(), max_size=6),
    st.none() | st.tuples(st.integers(1, 999), st.integers(1, 999)),
)
def test_texts_are_written_as_any_json_is(
    data: dict[str, str | None], batch: tuple[int, int] | None
) -> None:
    data.pop(ledger_format.BATCH, None)
    told = {**data, ledger_format.BATCH: batch} if batch else data
    assert ledger_format._canonical_texts(data, batch) == ledger_format.canonical(told)


@pytest.mark.parametrize(
    "data", [{"a": 1}, {"a": True}, {"a": "b", "c": 1.5}, {"a": ["b"]}, {1: "a"}, {True: None}]
)
def test_anything_but_texts_goes_the_long_way(data: dict[str, object]) -> None:
    assert ledger_format._canonical_texts(data, None) is None
    assert ledger_format._canonical_texts(data, (1, 2)) is None
