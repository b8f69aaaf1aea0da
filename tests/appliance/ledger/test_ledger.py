"""The ledger: contract of a line, group append, recovery at open, verification."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.effects import Record
from appliance.ledger import (
    Anchor,
    Ledger,
    LedgerCorrupt,
    RecordRefused,
    StorageFailed,
    checkpoint,
    read_entries,
    verify,
)
from appliance.storage.files import StateInUse
from tests.rigs.power_cut import MemoryDisk

AT = datetime(2026, 11, 24, 17, 0, 0, 123999, tzinfo=UTC)
DIRECTORY = Path("/state/ledger")
INDEPENDENT = Path(__file__).parents[3] / "docs" / "verify_ledger.py"


def record(number: int = 1, **data: Any) -> Record:
    return Record(kind="call.key", subject=f"{number:032x}", data=data or {"attempt": "é", "n": 1})


def filled(disk: MemoryDisk, *batches: int, segment_bytes: int = 800) -> Ledger:
    ledger = Ledger.open(DIRECTORY, segment_bytes=segment_bytes, disk=disk)
    for number, size in enumerate(batches):
        ledger.append([record(number, n=number, part=k) for k in range(size)], AT)
    return ledger


def test_a_line_is_the_contract_byte_by_byte(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        entries = ledger.append(
            [Record(kind="box.started", data={"z": "é", "a": [1, 2.5, None, True]})],
            AT.astimezone(timezone(timedelta(hours=1))),
        )
        head = ledger.head
    raw = (tmp_path / "0000000001.jsonl").read_bytes()
    body = (
        '{"at":"2026-11-24T17:00:00.123Z","data":{"a":[1,2.5,null,true],"z":"é"},'
        '"kind":"box.started","prev":"' + "0" * 64 + '","seq":1,"subject":null}'
    )
    value = json.loads(raw)
    assert value.pop("hash") == hashlib.sha256(body.encode()).hexdigest() == head[1]
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert plain == body
    assert entries[0].at == datetime(2026, 11, 24, 17, 0, 0, 123000, tzinfo=UTC)
    assert entries[0].data == {"z": "é", "a": [1, 2.5, None, True]}


def test_a_batch_is_one_write_and_one_synchronisation() -> None:
    disk = MemoryDisk()
    ledger = filled(disk, 1)
    calls: list[str] = []
    disk.after_call = calls.append
    ledger.append([record(n) for n in range(5)], AT)
    assert calls == ["write", "sync"]
    assert ledger.append([], AT) == []
    assert calls == ["write", "sync"]


def test_entries_of_a_batch_come_back_without_its_marks_and_equal_what_append_returned() -> None:
    disk = MemoryDisk()
    ledger = Ledger.open(DIRECTORY, disk=disk)
    appended = ledger.append([record(1), record(2, tuple=(1, 2)), record(3)], AT)
    assert list(ledger.entries()) == appended
    assert [e.data for e in appended][1] == {"tuple": [1, 2]}
    raw = disk.contents()[DIRECTORY / "0000000001.jsonl"]
    assert [json.loads(line)["data"]["batch"] for line in raw.splitlines()] == [
        [1, 3],
        [2, 3],
        [3, 3],
    ]


@pytest.mark.parametrize("after", [0, 1, 2, 3, 7, 8, 9, 14, 15, 16, 99])
def test_entries_start_anywhere_across_segments(after: int) -> None:
    disk = MemoryDisk()
    ledger = filled(disk, 1, 2, 3, 1, 3, 4, 1)
    assert len(disk.names(DIRECTORY)) > 3
    assert [e.seq for e in ledger.entries(after)] == list(range(after + 1, 16))
    assert [e.seq for e in read_entries(DIRECTORY, after, disk)] == list(range(after + 1, 16))


def test_a_row_in_a_large_segment_is_found_without_reading_all_of_it() -> None:
    disk = MemoryDisk()
    ledger = filled(disk, *[1 + n % 4 for n in range(120)], segment_bytes=10**7)
    last = ledger.head[0]
    every = list(ledger.entries())
    for after in (0, 1, last // 3, last // 2, last - 1, last):
        assert list(ledger.entries(after)) == every[after:]
    files = disk.contents()
    path = DIRECTORY / "0000000001.jsonl"
    rows = files[path].splitlines(keepends=True)
    rows[last - 3] = rows[last - 3].replace(b'"n":', b'"m":')
    damaged = MemoryDisk({**files, path: b"".join(rows)})
    with pytest.raises(LedgerCorrupt) as caught:
        list(read_entries(DIRECTORY, last - 10, damaged))
    assert caught.value.line == last - 2


def test_opening_again_goes_on_where_it_was_and_reads_only_the_end() -> None:
    disk = MemoryDisk()
    head = filled(disk, *[1] * 30).head
    names = disk.names(DIRECTORY)
    read: list[str] = []
    reader = disk.reader

    def noting(path: Path) -> BinaryIO:
        read.append(path.name)
        return reader(path)

    disk.reader = noting  # type: ignore[method-assign]
    ledger = Ledger.open(DIRECTORY, segment_bytes=800, disk=disk)
    assert ledger.head == head
    assert set(read) == set(names[-2:])
    ledger.append([record()], AT)
    assert verify(DIRECTORY, disk=disk).seq == 31


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (record(evidence="call +33639980123 back"), "phone number"),
        (record(evidence="call +33 6 39 98 01 23 back"), "phone number"),
        (record(deep=[{"x": "+15555550123"}]), "phone number"),
        (record(value=float("nan")), "JSON"),
        (record(value=float("inf")), "JSON"),
        (record(value=datetime), "JSON"),
        (record(value={10: 1, 9: 2}), "strings"),
        (record(value="\ud800"), "surrogates"),
        (record(batch=[1, 2]), "reserved"),
        (record(value="x" * 300_000), "long"),
        (Record(kind="Call Key"), "kind"),
        (Record(kind="call.key", subject="Émile Zola"), "subject"),
        (Record(kind="call.key", data={1: 2}), "string|JSON"),  # type: ignore[dict-item]
    ],
)
def test_a_refused_record_leaves_the_ledger_usable_and_writes_nothing(
    bad: Record, why: str
) -> None:
    disk = MemoryDisk()
    ledger = filled(disk, 1)
    before = disk.contents()
    with pytest.raises(RecordRefused, match=why):
        ledger.append([record(), bad], AT)
    assert disk.contents() == before
    ledger.append([record()], AT)
    assert verify(DIRECTORY, disk=disk).ok


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(RecordRefused, match="aware"):
        filled(MemoryDisk(), 1).append([record()], datetime(2026, 11, 24))  # noqa: DTZ001


@pytest.mark.parametrize("text", ["2026-11-24T17:00:00+01:00", "+CLCC: 1,0,3", "cause 31 +1 rule"])
def test_times_and_notices_are_not_phone_numbers(text: str) -> None:
    assert filled(MemoryDisk(), 1).append([record(evidence=text)], AT)


def _with_last_file(disk: MemoryDisk, change: Any) -> MemoryDisk:
    files = disk.contents()
    last = max(path for path in files if path.suffix == ".jsonl")
    files[last] = change(files[last])
    return MemoryDisk(files)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda raw: raw[:-40], 6),
        (lambda raw: raw[:-1], 7),
        (lambda raw: raw + b'{"at":"2026', 7),
        (lambda raw: raw + bytes(700), 7),
        (lambda raw: raw + b"\xff" * 300 + b"\n", 7),
        (lambda raw: raw[:-40] + bytes(40), 6),
        (lambda raw: raw[:0], 4),
    ],
)
def test_a_torn_tail_is_cut_and_told(change: Any, left: int) -> None:
    disk = _with_last_file(_torn_source(), change)
    ledger = Ledger.open(DIRECTORY, segment_bytes=2000, disk=disk)
    assert ledger.head[0] == left
    ledger.append([record()], AT)
    assert verify(DIRECTORY, disk=disk).seq == left + 1


def _torn_source() -> MemoryDisk:
    disk = MemoryDisk()
    filled(disk, 4, 1, 1, 1, segment_bytes=1000)
    assert len(disk.names(DIRECTORY)) == 2
    return disk


def test_a_write_whose_first_sectors_were_lost_is_a_torn_tail_if_it_was_one_write() -> None:
    disk = MemoryDisk()
    ledger = filled(disk, 2, segment_bytes=10**6)
    size = len(disk.contents()[DIRECTORY / "0000000001.jsonl"])
    ledger.append([record(n) for n in range(4)], AT)
    torn = _with_last_file(disk, lambda raw: raw[:size] + bytes(500) + raw[size + 500 :])
    reopened = Ledger.open(DIRECTORY, disk=torn)
    assert reopened.head[0] == 2
    assert reopened.recovery is not None
    assert (reopened.recovery.file, reopened.recovery.line) == ("0000000001.jsonl", 3)

    # The same hole with one more acknowledged write behind it is damage.
    ledger.append([record()], AT)
    damaged = _with_last_file(disk, lambda raw: raw[:size] + bytes(500) + raw[size + 500 :])
    before = damaged.contents()
    with pytest.raises(LedgerCorrupt, match=r"0000000001\.jsonl:3: ") as caught:
        Ledger.open(DIRECTORY, disk=damaged)
    assert (caught.value.file, caught.value.line) == ("0000000001.jsonl", 3)
    assert damaged.contents() == before


@pytest.mark.parametrize("line", [0, 1, 2])
def test_an_altered_line_is_refused_and_kept_even_at_the_very_end(line: int) -> None:
    def alter(raw: bytes) -> bytes:
        rows = raw.splitlines(keepends=True)
        rows[line] = rows[line].replace(b'"n":', b'"m":')
        return b"".join(rows)

    disk = _with_last_file(_torn_source(), alter)
    before = disk.contents()
    with pytest.raises(LedgerCorrupt):
        Ledger.open(DIRECTORY, disk=disk)
    assert disk.contents() == before


def test_two_writers_are_refused(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.append([record()], AT)
        with pytest.raises(StateInUse):
            Ledger.open(tmp_path)
        ledger.append([record()], AT)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.head[0] == 2


def test_files_and_directories_are_private(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "state" / "ledger") as ledger:
        ledger.append([record()], AT)
    for path in [tmp_path / "state", *(tmp_path / "state").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)


def test_a_closed_ledger_refuses() -> None:
    ledger = filled(MemoryDisk(), 1)
    ledger.close()
    ledger.close()
    with pytest.raises(StorageFailed, match="closed"):
        ledger.append([record()], AT)


# Verification.

SOUND = MemoryDisk()
filled(SOUND, 1, 2, 3, 1, 3, 4, 1)
SOUND_FILES = SOUND.contents()
SOUND_LINES = [
    (path, number)
    for path in sorted(SOUND_FILES)
    for number in range(len(SOUND_FILES[path].splitlines()))
]


def independent(files: dict[Path, bytes], directory: Path, *anchor: str) -> int:
    for path, data in files.items():
        (directory / path.name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, str(INDEPENDENT), str(directory), *anchor],
        capture_output=True,
        check=False,
    )
    return done.returncode


def test_a_sound_ledger_verifies() -> None:
    result = verify(DIRECTORY, disk=SOUND)
    assert result.ok
    assert (result.lines, result.seq, result.files) == (15, 15, len(SOUND_FILES))
    assert result.hash == Ledger.open(DIRECTORY, disk=MemoryDisk(SOUND_FILES)).head[1]


@given(st.sampled_from(sorted(SOUND_FILES)), st.integers(0, 10**6), st.integers(1, 255))
def test_verify_finds_any_changed_byte(path: Path, place: int, change: int) -> None:
    raw = bytearray(SOUND_FILES[path])
    raw[place % len(raw)] ^= change
    result = verify(DIRECTORY, disk=MemoryDisk({**SOUND_FILES, path: bytes(raw)}))
    assert result.fault is not None
    assert result.fault.file == path.name
    # A line end that is gone joins two lines: then the fault is named where the first began.
    assert result.fault.line in (raw[: place % len(raw)].count(b"\n") + 1, 0)


@given(st.sampled_from(SOUND_LINES), st.sampled_from(SOUND_LINES), st.data())
def test_verify_finds_removed_added_and_moved_lines(
    one: tuple[Path, int], other: tuple[Path, int], data: st.DataObject
) -> None:
    rows = {path: raw.splitlines(keepends=True) for path, raw in SOUND_FILES.items()}
    kind = data.draw(st.sampled_from(["remove", "double", "swap"]))
    if kind == "swap":
        (a, i), (b, j) = one, other
        rows[a][i], rows[b][j] = rows[b][j], rows[a][i]
        if one == other:
            return
    elif kind == "double":
        rows[one[0]].insert(one[1], rows[other[0]][other[1]])
    else:
        del rows[one[0]][one[1]]
    files = {path: b"".join(lines) for path, lines in rows.items()}
    anchors = [Anchor.of(Ledger.open(DIRECTORY, disk=MemoryDisk(SOUND_FILES)).head, AT)]
    assert not verify(DIRECTORY, anchors=anchors, disk=MemoryDisk(files)).ok


@pytest.mark.parametrize("rewrite", ["space", "escape", "double key", "float", "order"])
def test_verify_wants_the_canonical_form(rewrite: str) -> None:
    """The same object in other bytes, with a hash that fits those bytes, is still a change."""
    disk = MemoryDisk()
    Ledger.open(DIRECTORY, disk=disk).append([record(1, a="é", b=1.5)], AT)
    path = DIRECTORY / "0000000001.jsonl"
    raw = disk.contents()[path].decode()
    start = raw.index(',"hash":"')
    body = raw[:start] + raw[start + len(',"hash":""') + 64 : -1]
    changed = {
        "space": body.replace('"a":', '"a": '),
        "escape": body.replace("é", "\\u00e9"),
        "double key": body.replace('"a":', '"a":1,"a":'),
        "float": body.replace("1.5", "1.50"),
        "order": body.replace('"a":"é","b":1.5', '"b":1.5,"a":"é"'),
    }[rewrite]
    assert changed != body
    digest = hashlib.sha256(changed.encode()).hexdigest()
    end = changed.index(',"kind"')
    forged = f'{changed[:end]},"hash":"{digest}"{changed[end:]}\n'.encode()
    fault = verify(DIRECTORY, disk=MemoryDisk({path: forged})).fault
    assert fault is not None
    assert "canonical" in fault.reason


@pytest.mark.parametrize("victim", [0, 1, 2, -1])
def test_verify_finds_missing_and_misnamed_segments(victim: int) -> None:
    name = sorted(SOUND_FILES)[victim]
    anchors = [Anchor(seq=15, hash=verify(DIRECTORY, disk=SOUND).hash, at="")]
    files = dict(SOUND_FILES)
    data = files.pop(name)
    assert not verify(DIRECTORY, anchors=anchors, disk=MemoryDisk(files)).ok
    files[name.with_name(f"{int(name.stem) + 1:010d}.jsonl")] = data
    assert not verify(DIRECTORY, disk=MemoryDisk(files)).ok
    files = {**SOUND_FILES, name.with_name("copy.jsonl"): data}
    assert not verify(DIRECTORY, disk=MemoryDisk(files)).ok


def test_only_an_anchor_shows_that_the_end_is_missing() -> None:
    files = dict(SOUND_FILES)
    head = verify(DIRECTORY, disk=SOUND)
    del files[max(files)]
    anchor = Anchor(seq=head.seq, hash=head.hash, at="")
    assert verify(DIRECTORY, disk=MemoryDisk(files)).ok
    fault = verify(DIRECTORY, anchors=[anchor], disk=MemoryDisk(files)).fault
    assert fault is not None
    assert "anchor" in fault.reason
    met = verify(DIRECTORY, anchors=[anchor], disk=SOUND)
    assert (met.ok, met.anchors) == (True, 1)
    other = Anchor(seq=4, hash="1" * 64, at="")
    assert not verify(DIRECTORY, anchors=[other], disk=SOUND).ok


def test_an_empty_ledger_verifies() -> None:
    assert verify(DIRECTORY, disk=MemoryDisk()).ok


# Checkpoints.


def test_a_checkpoint_counts_only_where_its_row_is() -> None:
    disk = MemoryDisk()
    ledger = filled(disk, 1, 2, 3)
    state = Path("/state")
    assert checkpoint.load(state, ledger, disk) is None
    entries = list(ledger.entries())
    digest = ledger.hash_at(4)
    assert digest is not None
    checkpoint.save(state, {"open": {"a": "é"}}, 4, digest, disk)
    found = checkpoint.load(state, ledger, disk)
    assert found is not None
    assert (found.seq, found.payload) == (4, {"open": {"a": "é"}})
    assert list(ledger.entries(found.seq)) == entries[4:]
    with pytest.raises(LedgerCorrupt, match="ends at row 2, but the checkpoint has seen row 4"):
        checkpoint.load(state, filled(MemoryDisk(), 1, 1), disk)
    assert checkpoint.load(state, filled(MemoryDisk(), 6), disk) is None


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_damaged_checkpoint_is_none(place: int, change: int) -> None:
    disk = MemoryDisk()
    checkpoint.save(Path("/state"), {"a": 1}, 4, "0" * 64, disk)
    raw = bytearray(disk.contents()[Path("/state") / checkpoint.FILE])
    raw[place % len(raw)] ^= change
    damaged = MemoryDisk({Path("/state") / checkpoint.FILE: bytes(raw)})
    assert checkpoint.read(Path("/state"), damaged) is None


# The verifier for outsiders.


@pytest.mark.process
def test_the_independent_verifier_agrees(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    head = verify(DIRECTORY, disk=SOUND)
    assert independent(SOUND_FILES, tmp_path / "a", "15", head.hash) == 0
    assert independent(SOUND_FILES, tmp_path / "a", "15", "1" * 64) == 1
    path = sorted(SOUND_FILES)[1]
    (tmp_path / "b").mkdir()
    changed = SOUND_FILES[path].replace(b'"part":', b'"pert":')
    assert independent({**SOUND_FILES, path: changed}, tmp_path / "b") == 1
    (tmp_path / "c").mkdir()
    without = {p: raw for p, raw in SOUND_FILES.items() if p != path}
    assert independent(without, tmp_path / "c") == 1


def both_say(tmp_path: Path, files: dict[str, bytes]) -> tuple[bool, bool]:
    """What the box and the independent verifier make of a ledger."""
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    spec = importlib.util.spec_from_file_location("verify_ledger", INDEPENDENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return verify(tmp_path).ok, module.check(tmp_path, (0, "")) == ""


def forged(**members: object) -> bytes:
    """A first row with other members, whose hash is right all the same."""
    row: dict[str, object] = {
        "at": "2026-11-24T17:00:00.123Z",
        "data": {"n": 1},
        "kind": "call.key",
        "prev": "0" * 64,
        "seq": 1,
        "subject": None,
    }
    row |= members

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    row = {name: value for name, value in row.items() if value is not ...}
    row["hash"] = hashlib.sha256(text(row).encode()).hexdigest()
    return (text(row) + "\n").encode()


@pytest.mark.parametrize(
    "members",
    [
        {"seq": 1.0},
        {"seq": True},
        {"seq": "1"},
        {"seq": 0},
        {"seq": -1},
        {"seq": 2},
        {"seq": None},
        {"at": "2026-13-24T17:00:00.123Z"},
        {"at": "2026-02-30T17:00:00.123Z"},
        {"at": "2026-11-24T24:00:00.123Z"},
        {"at": "2026-11-24T17:00:60.123Z"},
        {"at": "2026-11-24T17:00:00Z"},
        {"at": "2026-11-24T17:00:00.123+00:00"},
        {"at": "\u0662026-11-24T17:00:00.123Z"},
        {"at": 1},
        {"kind": "Call.key"},
        {"kind": ""},
        {"kind": "call key"},
        {"prev": "0" * 63},
        {"prev": "F" * 64},
        {"prev": "1" * 64},
        {"subject": ""},
        {"subject": "a b"},
        {"subject": "x" * 65},
        {"subject": 1},
        {"data": []},
        {"data": None},
        {"data": "x" * 300_000},
        {"data": {"long": "x" * 300_000}},
        {"more": 1},
        {"data": ...},
        {"subject": ...},
    ],
    ids=lambda members: str(members)[:50],
)
def test_both_verifiers_refuse_the_same_rows(members: dict[str, object], tmp_path: Path) -> None:
    assert both_say(tmp_path, {"0000000001.jsonl": forged()}) == (True, True)
    assert both_say(tmp_path, {"0000000001.jsonl": forged(**members)}) == (False, False)


@pytest.mark.parametrize(
    "files",
    [
        {"0000000001.jsonl": forged(), "0000000003.jsonl": b""},
        {"0000000001.jsonl": forged(), "1.jsonl": b""},
        {"0000000001.jsonl": forged() + b"\n"},
        {"0000000001.jsonl": forged()[:-1]},
        {"0000000001.jsonl": forged() + forged()},
        {"0000000001.jsonl": b"\0" * 4096},
        {"0000000001.jsonl": b"\xff" * 4096},
        {"0000000001.jsonl": b"[" * 100_000},
        {"0000000001.jsonl": b'{"seq": ' + b"9" * 5000 + b"}\n"},
        {"0000000002.jsonl": forged(seq=2)},
        {"0000000001.jsonl": forged().replace(b'"n":1', b'"n":1,"n":1')},
        {"0000000001.jsonl": forged().replace(b'"n":1', b'"n":NaN')},
        {"0000000001.jsonl": forged().replace(b'"n":1', b'"n": 1')},
    ],
    ids=range(13),
)
def test_both_verifiers_refuse_the_same_files(files: dict[str, bytes], tmp_path: Path) -> None:
    assert both_say(tmp_path, files) == (False, False)


@pytest.mark.process
@pytest.mark.parametrize("what", ["no directory", "an empty one", "an empty file", "no argument"])
def test_nothing_to_verify_is_no_sound_ledger(what: str, tmp_path: Path) -> None:
    place = tmp_path / "ledger"
    if what == "an empty one":
        place.mkdir()
    elif what == "an empty file":
        place.write_bytes(b"")
    done = subprocess.run(
        [sys.executable, str(INDEPENDENT), *([] if what == "no argument" else [str(place)])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_an_exported_part_is_verified_and_a_gap_in_it_is_found(tmp_path: Path) -> None:
    rows = b"".join(SOUND_FILES[path] for path in sorted(SOUND_FILES)).splitlines(keepends=True)
    export = tmp_path / "export.jsonl"

    def verdict(data: bytes, *anchor: str) -> tuple[int, str]:
        export.write_bytes(data)
        done = subprocess.run(
            [sys.executable, str(INDEPENDENT), str(export), *anchor],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    head = verify(DIRECTORY, disk=SOUND)
    assert verdict(b"".join(rows))[0] == 0
    assert verdict(b"".join(rows[4:]), "15", head.hash)[0] == 0
    assert "rows are sound, 5 to 15" in verdict(b"".join(rows[4:]))[1]
    assert verdict(b"".join(rows[:4]), "15", head.hash)[0] == 1
    assert verdict(b"".join(rows[:4] + rows[5:]))[0] == 1
    assert verdict(b"".join(reversed(rows)))[0] == 1


def test_the_independent_verifier_is_short_and_imports_nothing_of_ours() -> None:
    source = INDEPENDENT.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 60
    assert "appliance" not in source
    assert "firmware" not in source
