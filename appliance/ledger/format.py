"""One ledger line: canonical JSON, the hash chain, and what may never stand in it. Pure.

A line is the JSON object of the contract, keys sorted, no spaces, non-ASCII as it is, so that
``hash`` is SHA-256 over the same bytes without the ``hash`` member. Because the members around
``data`` have a fixed alphabet, the line can be cut apart without parsing it as JSON, and every
changed byte shows.

Rows that one write brought to disk together carry ``data.batch`` = ``[k, n]`` (the k-th of n).
A cut may leave a later page of that write and lose an earlier one; these marks are how the next
start tells such a tail, which nobody was told of, from damage to rows that were acknowledged.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from appliance.effects import Entry
from appliance.storage.files import StorageError
from firmware.json_text import parse_json
from firmware.wording import joined, worded

GENESIS = "0" * 64
"""``prev`` of the first line."""

BATCH = "batch"
"""Reserved member of ``data``."""

MAX_LINE = 256 * 1024
"""Bytes; a row is a few hundred, so a longer line is damage and need not fit into memory."""

_LINE = re.compile(
    rb'\{"at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","data":(\{.*\}),"hash":"([0-9a-f]{64})",'
    rb'"kind":"([a-z][a-z0-9_.]*)","prev":"([0-9a-f]{64})","seq":([1-9]\d*),'
    rb'"subject":(null|"[0-9A-Za-z_-]{1,64}")\}',
    re.DOTALL,
)
# Made once: json.dumps() would make an encoder for every row, which costs more than encoding it.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_TEXT = frozenset({str})
_TEXT_OR_NULL = frozenset({str, type(None)})
_SCALARS = frozenset({str, int, float, bool, type(None)})
_HASH_MEMBER = len(',"hash":""') + 64
_KIND = re.compile(r"[a-z][a-z0-9_.]*")
_SUBJECT = re.compile(r"[0-9A-Za-z_-]{1,64}")
_PHONE_NUMBER = re.compile(r"\+\d(?:[ .\-()]?\d){7,14}")


class RecordRefused(ValueError):
    """A record that may not stand in the ledger; nothing was written. A fault of the caller."""


class BadLine(ValueError):
    """Why a line cannot be part of the chain."""


class LedgerCorrupt(StorageError):
    """Acknowledged rows are damaged. Nothing was changed; ``file`` and ``line`` say where."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(
            f"{file}:{line}: " + joined("", [reason]),
            remedy=worded(
                "Keep a copy of the state directory; docs/backup.md says what to do then."
            ),
        )
        self.file = file
        self.line = line
        self.reason = reason


class Line(NamedTuple):
    """A line cut apart; ``data`` is still the JSON text."""

    at: str
    data: bytes
    hash: str
    kind: str
    prev: str
    seq: int
    subject: str | None

    @property
    def batch(self) -> tuple[int, int]:
        """First and last sequence number of the write that this line belongs to."""
        mark = parse_json(self.data.decode()).get(BATCH)
        if not (isinstance(mark, list) and len(mark) == 2 and all(type(n) is int for n in mark)):
            return self.seq, self.seq
        first = self.seq - mark[0] + 1
        return first, first + mark[1] - 1

    def entry(self, written: Mapping[str, Any] | None = None) -> Entry:
        """Return the row as the box reads it back, without the mark of its write.

        What reads back as it was *written* need not be read.
        """
        if written is not None and is_flat(written):
            data = dict(written)
        else:
            data = parse_json(self.data.decode())
            data.pop(BATCH, None)
        return Entry(
            seq=self.seq,
            at=datetime.fromisoformat(self.at),
            kind=self.kind,
            subject=self.subject,
            data=data,
        )


def canonical(value: Mapping[str, Any]) -> str:
    """Return *value* as the contract's JSON text. Raises :class:`RecordRefused`."""
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordRefused(worded("not a JSON object: {error}", error=error)) from error


def _canonical_texts(data: Mapping[str, Any], batch: tuple[int, int] | None) -> str | None:
    """Return what :func:`canonical` does of texts by text with *batch*, in a third of the time;
    None where *data* holds anything else.

    An import writes a row for each person, and these are all that such a row holds.
    """
    members = _members(tuple(data), batch is not None)
    if members is None or not _TEXT_OR_NULL.issuperset(map(type, data.values())):
        return None
    mark = "" if batch is None else f"[{batch[0]},{batch[1]}]"
    told = [
        begin
        + (
            mark
            if name == BATCH
            else "null"
            if (text := data[name]) is None
            else encode_basestring(text)
        )
        for name, begin in members
    ]
    return f"{{{','.join(told)}}}"


@lru_cache(maxsize=256)
def _members(names: tuple[object, ...], batch: bool) -> tuple[tuple[str, str], ...] | None:
    """Return the members of a row in their order, each with the text that begins it; None where one
    of the *names* is no text."""
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) < len(names):
        return None
    if batch:
        texts.append(BATCH)
    return tuple((name, encode_basestring(name) + ":") for name in sorted(texts))


def is_flat(data: Mapping[str, Any]) -> bool:
    """Tell whether *data* is text by text, numbers and the like: JSON gives just that back."""
    return _SCALARS.issuperset(map(type, data.values())) and _TEXT.issuperset(map(type, data))


def timestamp(at: datetime) -> str:
    """Return *at* as RFC 3339 in UTC with milliseconds (cut, not rounded)."""
    if at.tzinfo is None:
        raise RecordRefused(worded("a ledger time must be aware"))
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(
    *,
    seq: int,
    at: str,
    kind: str,
    subject: str | None,
    data: Mapping[str, Any],
    prev: str,
    batch: tuple[int, int] | None = None,
) -> tuple[Line, bytes]:
    """Return the next line of the chain, and its bytes with the newline.

    Raises :class:`RecordRefused` for anything that is not plain JSON, is too long, or looks like
    a phone number: the ledger outlives people's right to be forgotten.
    """
    if not _KIND.fullmatch(kind):
        raise RecordRefused(worded("not a kind: {kind!r}", kind=kind))
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise RecordRefused(worded("a subject is a random id of letters and digits"))
    if BATCH in data:
        raise RecordRefused(worded("data.{batch} is reserved", batch=BATCH))
    text = _canonical_texts(data, batch)
    if text is None:
        text = canonical({**data, BATCH: batch} if batch else data)
        # Keys that are not strings become strings, but are sorted as what they were. Where no
        # mapping stands in another, a look at them does, and reading all back takes as long as the
        # rest.
        if not is_flat(data) and (
            not all(isinstance(key, str) for key in data) or canonical(parse_json(text)) != text
        ):
            raise RecordRefused(worded("{kind}: the keys of data must be strings", kind=kind))
    if _PHONE_NUMBER.search(text):
        raise RecordRefused(worded("{kind}: a phone number may not stand in the ledger", kind=kind))
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise RecordRefused(f"{kind}: {error.reason}") from error
    head = b'{"at":"%b","data":%b' % (at.encode(), encoded)
    tail = b',"kind":"%b","prev":"%b","seq":%d,"subject":%b}' % (
        kind.encode(),
        prev.encode(),
        seq,
        b"null" if subject is None else b'"%b"' % subject.encode(),
    )
    digest = hashlib.sha256(head + tail).hexdigest()
    raw = b'%b,"hash":"%b"%b\n' % (head, digest.encode(), tail)
    if len(raw) > MAX_LINE:
        raise RecordRefused(
            worded("{kind}: the row is {count} bytes long", kind=kind, count=len(raw))
        )
    return Line(at, encoded, digest, kind, prev, seq, subject), raw


def decode(raw: bytes) -> Line:
    """Cut one line (without its newline) apart and check its own hash. Raises :class:`BadLine`."""
    match = _LINE.fullmatch(raw)
    if match is None:
        raise BadLine(_why_not_a_line(raw))
    start = match.start(3) - len(',"hash":"')
    digest = hashlib.sha256(raw[:start] + raw[start + _HASH_MEMBER :]).hexdigest()
    at, data, found, kind, prev, seq, subject = match.groups()
    if digest != found.decode():
        raise BadLine(worded("the hash does not fit the contents"))
    return Line(
        at.decode(),
        data,
        digest,
        kind.decode(),
        prev.decode(),
        int(seq),
        None if subject == b"null" else subject[1:-1].decode(),
    )


def check_follows(line: Line, seq: int, prev: str) -> None:
    """Raise :class:`BadLine` unless *line* follows the line *seq* with hash *prev*."""
    if line.seq != seq + 1:
        raise BadLine(
            worded("sequence number {seq} where {seq2} belongs", seq=line.seq, seq2=seq + 1)
        )
    if line.prev != prev:
        raise BadLine(worded("prev is not the hash of the line before"))


def check_canonical(line: Line) -> None:
    """Raise :class:`BadLine` unless ``at`` is a time and ``data`` is canonical JSON."""
    try:
        datetime.fromisoformat(line.at)
        data = parse_json(line.data.decode())
        same = canonical(data).encode() == line.data
    except ValueError as error:
        raise BadLine(worded("not a time or not JSON: {error}", error=error)) from error
    if not same:
        raise BadLine(worded("data is not in canonical form"))


def _why_not_a_line(raw: bytes) -> str:
    if not raw:
        return worded("empty line")
    if b"\0" in raw or b"\xff" in raw:
        return worded("bytes that no row contains")
    try:
        parse_json(raw)
    except ValueError:
        return worded("not JSON")
    return worded("not a row of the ledger in canonical form")
