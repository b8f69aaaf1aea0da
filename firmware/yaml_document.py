"""YAML that remembers where each value stood, with YAML 1.2 meaning for plain scalars.

PyYAML follows YAML 1.1, in which ``0123`` is 83, ``+447700900001`` loses its plus, ``12:30`` is
750 and ``no`` is False: each of them a wrong PIN, number, time or country. This reader resolves
plain scalars by the YAML 1.2 core schema, refuses what a configuration has no use for (duplicate
keys, aliases, tags), and reports every fault it can find at once. The configuration, the law and
the simulator's scenario are read with it.
"""

from __future__ import annotations

import contextlib
import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from firmware.bounded_read import read_bounded
from firmware.wording import joined, reason_of, worded

Path_ = tuple[str | int, ...]
Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

SIZE_LIMIT = 1 << 20
DEPTH_LIMIT = 50

_FAST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml reads a configuration twenty times faster; a PyYAML may have been built without it."""

_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_MOST_DIGITS = 30
"""Python itself refuses to read some thousands of them."""
_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, where, and what to write instead."""

    mark: Mark
    path: str
    message: str

    def text(self, file: str) -> str:
        """Return ``FILE:LINE:COLUMN: key.path: message``."""
        place = f"{file}:{self.mark.line}:{self.mark.column}: "
        return place + joined("", [f"{self.path}: " if self.path else "", self.message])


class DocumentFaulty(Exception):
    """The document cannot be used; ``faults`` holds all that was found, in file order.

    ``document`` is what could be read all the same, for whoever looks for further faults.
    """

    def __init__(self, file: str, faults: list[Fault], document: Document | None = None) -> None:
        self.file = file
        self.document = document
        self.faults = sorted(set(faults))
        super().__init__("\n".join(fault.text(file) for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: plain values, and the place and source text of each."""

    file: str
    value: Value
    marks: dict[Path_, Mark]
    keys: dict[Path_, Mark]
    """Where each mapping key stands."""
    sources: dict[Path_, str]
    """The text of each scalar as written (without quotes)."""
    plain: frozenset[Path_]
    """Scalars that stand without quotes."""

    def mark(self, path: Path_) -> Mark:
        """Return where the value at *path* stands, or its nearest parent that exists."""
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Mark(1, 1))

    def key_mark(self, path: Path_) -> Mark:
        """Return where the key of *path* stands."""
        return self.keys.get(path) or self.mark(path)


def dotted(path: Path_) -> str:
    """Return ``lines[0].port`` for ``("lines", 0, "port")``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def read_document(path: Path) -> Document:
    """Read a YAML file; raises :class:`DocumentFaulty` with all faults found."""
    return parse_document(
        read_source(path, too_large=worded("people belong in the contacts file")), str(path)
    )


def read_source(path: Path, *, too_large: str) -> str:
    """Return the text of a YAML file; raises :class:`DocumentFaulty`.

    *too_large* says what to do about a file of more than 1 MiB.
    """
    name = str(path)
    try:
        raw = read_bounded(path, SIZE_LIMIT)
    except OSError as error:
        wrong = worded("cannot be read ({strerror}); check the path", strerror=reason_of(error))
        if error.errno == errno.EFBIG:
            wrong = worded("is larger than 1 MiB; {too_large}", too_large=too_large)
        raise DocumentFaulty(name, [Fault(Mark(1, 1), "", wrong)]) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DocumentFaulty(
            name, [Fault(Mark(line, 1), "", worded("is not UTF-8; save it as UTF-8"))]
        ) from error


def parse_document(text: str, file: str) -> Document:
    """Parse YAML text; raises :class:`DocumentFaulty` with all faults found."""
    root = compose(text, file)
    builder = _Builder()
    value = builder.build(root, ()) if root is not None else {}
    document = Document(
        file, value, builder.marks, builder.keys, builder.sources, frozenset(builder.plain)
    )
    if builder.faults:
        raise DocumentFaulty(file, builder.faults, document)
    return document


def compose(text: str, file: str) -> yaml.Node | None:
    """Return the nodes of a document; raises :class:`DocumentFaulty` where there are none.

    What comes back has no alias and no tag, and is not nested too deeply to be walked.
    """
    try:
        return _composed(text, file, _FAST)
    except yaml.YAMLError:
        # Once more in PyYAML's own words, which name the place better than libyaml's.
        return _composed_slowly(text, file)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _composed(text: str, file: str, loader: type[yaml.SafeLoader]) -> yaml.Node | None:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            unwanted = worded("aliases (*name) are not used here; repeat the value")
        elif getattr(event, "tag", None) is not None:
            unwanted = _TAG
        elif isinstance(event, yaml.ScalarEvent) and _CONTROL.search(event.value):
            # An escape such as "\\0" brings in what the reader refuses in the text itself.
            unwanted = worded("holds a control character; remove it")
        else:
            # Before the composer, which calls itself for each level.
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth <= DEPTH_LIMIT:
                continue
            unwanted = worded("is nested too deeply")
        raise DocumentFaulty(file, [Fault(_mark(event.start_mark), "", unwanted)])
    root: yaml.Node | None = yaml.compose(text, Loader=loader)
    return root


_TAG = worded("tags (!name) are not used here; remove it")
_BACKSLASH = worded("a backslash in double quotes; use single quotes")
_COLON = worded("a colon where none can be: the indentation is wrong, or the text needs quotes")
_BEHIND = worded("text behind a closing quotation mark, or indentation that does not fit")
_OPEN = "<stream end>"
_PROBLEMS = (
    ("mapping values are not allowed", _COLON),
    ("mapping keys are not allowed", worded("a sign that must stand in quotes")),
    ("could not find expected ':'", worded("a key without its colon, or a text over two lines")),
    ("'\\t' that cannot start", worded("a tab; indent with spaces")),
    ("found unexpected end of stream", worded("a quotation mark that is not closed")),
    ("unexpected document separator", worded("a quotation mark that is not closed")),
    (_OPEN, worded("a bracket or brace that is not closed")),
    ("but found '<scalar>'", _BEHIND),
    ("expected <block end>", worded("the indentation does not fit the lines above")),
    ("inconsistent indentation", worded("the indentation does not fit the lines above")),
    ("sequence entries are not allowed", worded("a dash where no list can begin")),
    ("unknown escape character", _BACKSLASH),
    ("expected escape sequence", _BACKSLASH),
    ("cannot start any token", worded("a sign that must stand in quotes")),
    ("expected alphabetic or numeric", worded("a sign that must stand in quotes")),
    ("scanning a directive", worded("a sign that must stand in quotes")),
    ("YAML directive", worded("a sign that must stand in quotes")),
    ("expected ',' or", worded("a comma or a closing bracket is missing")),
    ("expected the node content", worded("a bracket, brace or comma where a value should stand")),
    ("scanning a block scalar", worded("a | or > with more behind it; put the text in quotes")),
    ("another document", worded("a second document; keep what stands before or after this line")),
    ("<document start>", worded("more behind the end of the document; remove it")),
    ("anchor", worded("anchors (&name) are not used here; remove it")),
    (" tag", _TAG),
)
"""What PyYAML says, by a part of it, in words for whoever edits the file."""


def _in_words(error: yaml.MarkedYAMLError) -> str:
    told = f"{error.problem or ''} {error.context or ''}"
    known = (words for part, words in _PROBLEMS if part in told)
    return next(known, worded("it cannot be read from here on"))


def _last_open(text: str) -> Any:
    """Return where the innermost bracket or brace stands that nothing closes; None of none."""
    opened: list[Any] = []
    with contextlib.suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.CollectionStartEvent) and event.flow_style:
                opened.append(event.start_mark)
            elif isinstance(event, yaml.CollectionEndEvent) and opened:
                opened.pop()
    return opened[-1] if opened else None


def _composed_slowly(text: str, file: str) -> yaml.Node | None:
    try:
        return _composed(text, file, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        # What is not closed, not the place where that showed.
        if "unexpected" in str(error.problem) or "find expected" in str(error.problem):
            where = error.context_mark or where
        elif _OPEN in str(error.problem):
            where = _last_open(text) or where
        raise DocumentFaulty(
            file,
            [
                Fault(
                    _mark(where),
                    "",
                    worded("is not YAML: {problem}", problem=_in_words(error)),
                )
            ],
        ) from error
    except yaml.reader.ReaderError as error:
        # The position counts characters; for a decoded text that is an index into it.
        line = text[: error.position].count("\n") + 1
        raise DocumentFaulty(
            file, [Fault(Mark(line, 1), "", worded("holds a control character; remove it"))]
        ) from error


def _mark(mark: Any) -> Mark:
    # PyYAML's two loaders have a mark class each, alike in shape.
    return Mark(1, 1) if mark is None else Mark(mark.line + 1, mark.column + 1)


class _Builder:
    def __init__(self) -> None:
        self.marks: dict[Path_, Mark] = {}
        self.keys: dict[Path_, Mark] = {}
        self.sources: dict[Path_, str] = {}
        self.plain: set[Path_] = set()
        self.faults: list[Fault] = []

    def build(self, node: yaml.Node, path: Path_) -> Value:
        self.marks[path] = _mark(node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> Value:
        result: dict[str, Value] = {}
        first: dict[str, Mark] = {}
        for key_node, value_node in node.value:
            mark = _mark(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self.faults.append(Fault(mark, dotted(path), worded("a key must be a single word")))
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in first:
                self.faults.append(
                    Fault(
                        mark,
                        dotted(here),
                        worded(
                            "is given twice (first on line {line}); keep one", line=first[key].line
                        ),
                    )
                )
                continue
            first[key] = mark
            self.keys[here] = mark
            result[key] = self.build(value_node, here)
        return result

    def _scalar(self, node: yaml.ScalarNode, path: Path_) -> Value:
        text = str(node.value)
        self.sources[path] = text
        if node.style:  # libyaml says "" where PyYAML says None
            return text
        self.plain.add(path)
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INT.match(text):
            if len(text) > _MOST_DIGITS:
                what = worded(
                    "is a number of more than {most_digits} digits; put quotes around a text",
                    most_digits=_MOST_DIGITS,
                )
                self.faults.append(Fault(self.marks[path], dotted(path), what))
                return None
            return int(text)
        if _FLOAT.match(text):
            return float(text)
        return text
