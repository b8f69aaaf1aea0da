"""YAML with places and YAML 1.2 scalars."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from firmware import yaml_document
from firmware.yaml_document import DocumentFaulty, Mark, dotted, parse_document, read_document


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("0123", 123),
        ("12:30", "12:30"),
        ("1:30", "1:30"),
        ("no", "no"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("1e3", 1000.0),
        ("0x10", "0x10"),
        ("~", None),
        ("'0123'", "0123"),
        ('"+33199000001"', "+33199000001"),
        ("2027-04-11", "2027-04-11"),
        ("=", "="),
    ],
)
def test_plain_scalars_follow_yaml_1_2(source: str, value: object) -> None:
    assert parse_document(f"a: {source}\n", "f").value == {"a": value}


def test_a_value_knows_its_place_and_its_source() -> None:
    document = parse_document("lines:\n  - port: 0123\n", "f")

    path = ("lines", 0, "port")
    assert document.mark(path) == Mark(2, 11)
    assert document.key_mark(path) == Mark(2, 5)
    assert document.sources[path] == "0123"
    assert path in document.plain
    assert dotted(path) == "lines[0].port"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\na: 2\n", "f:2:1: a: is given twice (first on line 1); keep one"),
        ("b: {c: 1, c: 2}\n", "f:1:11: b.c: is given twice (first on line 1); keep one"),
        ("[" * 51 + "]" * 51, "f:1:51: is nested too deeply"),
        ('a:\n  b: "x\\0y"\n', "f:2:6: holds a control character; remove it"),
        ('a: "\\e[2J"\n', "f:1:4: holds a control character; remove it"),
        ('"a\\a": 1\n', "f:1:1: holds a control character; remove it"),
        ('a: "\\x9b2J"\n', "f:1:4: holds a control character; remove it"),
        ('a: ["\\r"]\n', "f:1:5: holds a control character; remove it"),
        ("- " * 20_000, "is nested too deeply"),
        ("a: " + "1" * 5000, "f:1:4: a: is a number of more than 30 digits"),
        ("a: &x 1\nb: *x\n", "f:2:4: aliases"),
        ("a: !!python/object:os.system x\n", "f:1:4: tags"),
        ("a: !secret x\n", "f:1:4: tags"),
        ("a: [\n", "f:1:4: is not YAML"),
        ("\tb: 1\n", "f:1:1: is not YAML"),
        ("? [1, 2]\n: 3\n", "f:1:3: a key must be a single word"),
    ],
)
def test_what_a_configuration_has_no_use_for_is_refused(text: str, fault: str) -> None:
    with pytest.raises(DocumentFaulty) as caught:
        parse_document(text, "f")
    assert fault in str(caught.value)


def test_every_duplicate_is_reported_at_once() -> None:
    with pytest.raises(DocumentFaulty) as caught:
        parse_document("a: 1\na: 2\nb: 1\nb: 2\n", "f")
    assert [fault.path for fault in caught.value.faults] == ["a", "b"]


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(DocumentFaulty, match=r"c\.yaml:2:1: is not UTF-8; save it as UTF-8"):
        read_document(file)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DocumentFaulty, match="No such file"):
        read_document(tmp_path / "none.yaml")


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(DocumentFaulty, match="larger than 1 MiB"):
        read_document(file)


@given(st.text(max_size=60))
def test_any_text_gives_a_document_or_faults(text: str) -> None:
    with contextlib.suppress(DocumentFaulty):
        parse_document(text, "f")


YAML_TEXT = st.lists(
    st.sampled_from(
        [*":-[]{},'\"#?|> \nab01.~%&*!", ": ", "- ", "\n  ", "\n- ", "a: ", "---", "..."]
    ),
    max_size=16,
).map("".join)


@given(YAML_TEXT)
@example("a: 'x'\nb: y\nc: ''\nd:\n")
def test_libyaml_and_its_python_twin_read_the_same(text: str) -> None:
    """A box whose PyYAML was built without libyaml must not live by another configuration."""
    read = []
    for loader in (yaml.SafeLoader, yaml_document._FAST):
        try:
            builder = yaml_document._Builder()
            root = yaml_document._composed(text, "f", loader)
            value = None if root is None else builder.build(root, ())
            read.append((value, builder.sources, builder.plain))
        except (yaml.YAMLError, DocumentFaulty):
            return
    assert read[0] == read[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: b: c\n", "f:1:5: is not YAML: a colon where none can be"),
        ('a: "x\nb: 1\n', "f:1:4: is not YAML: a quotation mark that is not closed"),
        ("a:\n\t- b\n", "f:2:1: is not YAML: a tab; indent with spaces"),
        ("a: 'x\n---\nb: 1\n", "f:1:4: is not YAML: a quotation mark that is not closed"),
        ("a: [1, 2\n", "f:1:4: is not YAML: a bracket or brace that is not closed"),
        ("a: [1, {b: [2], c: 3\n\n", "f:1:8: is not YAML: a bracket or brace that is not closed"),
        ("a: [1, 2\nb: 3\n", "f:2:2: is not YAML: a comma or a closing bracket is missing"),
        ("a: [,]\n", "f:1:5: is not YAML: a bracket, brace or comma where a value should"),
        ("a: }\n", "f:1:4: is not YAML: a bracket, brace or comma where a value should"),
        ("a: - b\n", "f:1:4: is not YAML: a dash where no list can begin"),
        ("a: 1\nb\n", "f:2:1: is not YAML: a key without its colon"),
        ("a: 1\n---\nb: 2\n", "f:2:1: is not YAML: a second document; keep what stands before"),
        ("a: 1\n...\nb: 2\n", "f:3:1: is not YAML: more behind the end of the document"),
        ("a: 'it's'\n", "f:1:8: is not YAML: text behind a closing quotation mark"),
        ('a: "x" y\n', "f:1:8: is not YAML: text behind a closing quotation mark"),
        ("a:\n  b: 1\n   c: 2\n", "f:3:5: is not YAML: a colon where none can be"),
        ("a: | x\n  y\n", "f:1:6: is not YAML: a | or > with more behind it"),
        ("a: |99\n b\n", "f:1:6: is not YAML: a | or > with more behind it"),
        ("a: & b\n", "f:1:5: is not YAML: a sign that must stand in quotes"),
        ("a: ? b\n", "f:1:4: is not YAML: a sign that must stand in quotes"),
        ("a: !x!y z\n", "f:1:4: is not YAML: tags (!name) are not used here"),
        ("a: &x 1\nb: &x 2\n", "f:2:4: is not YAML: anchors (&name) are not used here"),
        ('a: "\\x4"\n', "f:1:7: is not YAML: a backslash in double quotes"),
        ("%YAML 2.0\n---\na: 1\n", "f:1:1: is not YAML: it cannot be read from here on"),
        ("box:\n  name: x\n state: y\n", "f:3:2: is not YAML: the indentation does not fit"),
        ("law:\n  - a\n  b: c\n", "f:3:3: is not YAML: the indentation does not fit"),
        ('x: "\\d"\n', "is not YAML: a backslash in double quotes"),
        ("x: @a\n", "f:1:4: is not YAML: a sign that must stand in quotes"),
    ],
)
def test_what_is_no_yaml_is_told_in_plain_words(text: str, told: str) -> None:
    with pytest.raises(DocumentFaulty) as faulty:
        parse_document(text, "f")
    assert told in str(faulty.value)
