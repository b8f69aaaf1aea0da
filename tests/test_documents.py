"""The pages for developers say what is so: each file and name that they mention exists, every room
stands in the table, and each trip goes through few rooms and never back."""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("architecture.md", "developing.md", "adding-a-modem-family.md")
MOST_ROOMS = 12
TRIPS = 4

_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.-]+(?:/[\w.*-]+)*/?")
_CALL = re.compile(r"([A-Za-z_][\w.]*)\(\)")
_CLASS = re.compile(r"[A-Z][a-z]\w*")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+")
_ROW = re.compile(r"[a-z]+\.[a-z_]+")
_DEFINITION = re.compile(
    r"^( *)(?:class|(?:async )?def) (\w+)|^(\w+)(?:: [^=\n]+)? = ", re.MULTILINE
)
_TOPS = ("appliance", "firmware", "tests", "docs", "bench", "audio", "systemd")


@cache
def names_in(path: Path) -> frozenset[str]:
    """What a module defines: ``step``, ``Box``, ``Box.perform``."""
    found: set[str] = set()
    inside: list[tuple[int, str]] = []
    for match in _DEFINITION.finditer(path.read_text(encoding="utf-8")):
        if match[3]:
            found.add(match[3])
            continue
        depth, name = len(match[1]), match[2]
        inside = [(at, outer) for at, outer in inside if at < depth]
        found.add(".".join([*(outer for _, outer in inside), name]))
        inside.append((depth, name))
    return frozenset(found)


@cache
def names_anywhere() -> frozenset[str]:
    paths = [path for top in ("appliance", "firmware") for path in (ROOT / top).rglob("*.py")]
    return frozenset(name for path in paths for name in names_in(path))


@cache
def text_of_the_box() -> str:
    paths = [path for top in ("appliance", "firmware") for path in (ROOT / top).rglob("*.py")]
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def is_path(token: str) -> bool:
    if not _PATH.fullmatch(token):
        return False
    if token.startswith(_TOPS) and "/" in token:
        return True
    return token.endswith((".py", ".md", ".yaml", ".toml", ".csv")) and "STATE" not in token


def faults(text: str) -> list[str]:
    """What *text* mentions and is not there.

    A function stands with its brackets, after the file that it is in: `box.py` `Box.perform()`.
    """
    found: list[str] = []
    for block in re.split(r"\n(?=\d+\. |- |\| |\n)", text):
        place: Path | None = None
        for token in _CODE.findall(block):
            call = _CALL.fullmatch(token)
            if is_path(token):
                paths = sorted(ROOT.glob(token.rstrip("/")))
                if not paths:
                    found.append(f"{token} does not exist")
                place = paths[0] if paths and paths[0].is_file() else None
            elif call:
                known = names_anywhere() if place is None else names_in(place)
                if call[1] not in known:
                    found.append(f"{call[1]} is not in {place}")
            elif _CLASS.fullmatch(token) or _CONSTANT.fullmatch(token):
                if token not in names_anywhere():
                    found.append(f"nothing is called {token}")
            elif _ROW.fullmatch(token) and f'"{token}"' not in text_of_the_box():
                found.append(f"no row is called {token}")
    return found


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`appliance/box/box.py` `Box.perform()` and `Box`", []),
        ("`appliance/box/box.py` `Box.performs()`", ["Box.performs"]),
        ("`appliance/box/box.py` `perform()`", ["perform"]),
        ("`appliance/box/none.py`", ["appliance/box/none.py"]),
        ("`appliance/nowhere/`", ["appliance/nowhere/"]),
        ("`call.ended` `call.endet`", ["call.endet"]),
        ("`KeyHeard` `KeyHerd` `HANG_UP` `HANG_UPP_X`", ["KeyHerd", "HANG_UPP_X"]),
        ("`ATD`, `make pure`, `STATE/lines/`, `autodialer run`", []),
        ("`appliance/box/box.py`\n\n`Box.perform()` stands alone", []),
    ],
)
def test_what_does_not_exist_is_found(text: str, missing: list[str]) -> None:
    found = faults(text)
    assert len(found) == len(missing)
    assert all(name in said for name, said in zip(missing, found, strict=True))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_name_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert len(_CODE.findall(text)) > 10
    assert faults(text) == []


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
)
def test_no_page_names_a_file_that_is_not_there(page: str) -> None:
    tokens = _CODE.findall((ROOT / page).read_text(encoding="utf-8"))
    paths = [one for one in tokens if is_path(one) and "/" in one and "NAME" not in one]
    assert [one for one in paths if not any(ROOT.glob(one.rstrip("/")))] == []


def architecture() -> str:
    return (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", ["appliance", "firmware"])
def test_every_room_stands_in_the_table(package: str) -> None:
    rooms = {path.parent.name for path in (ROOT / package).glob("*/*.py")}
    table = architecture().split(f"### `{package}/`")[1].split("\n#")[0]
    told = set(re.findall(r"^\| `(\w+)/`", table, re.MULTILINE))
    assert told == rooms


def trips() -> list[tuple[str, list[str]]]:
    """Each trip's title, and the room of each of its steps."""
    found = []
    for section in architecture().split("\n### Trip ")[1:]:
        title, _, body = section.split("\n#")[0].partition("\n")
        steps = re.findall(r"^\d+\. `([\w/]+)/\w+\.py`", body, re.MULTILINE)
        assert len(steps) == len(re.findall(r"^\d+\. ", body, re.MULTILINE)), title
        found.append((title, steps))
    return found


def test_each_trip_goes_through_few_rooms_and_never_back() -> None:
    assert len(trips()) == TRIPS
    for title, steps in trips():
        rooms = [room for room, _ in groupby(steps)]
        assert len(rooms) >= 3, title
        assert len(rooms) <= MOST_ROOMS, title
        assert len(rooms) == len(set(rooms)), f"{title}: a way back: {rooms}"


def rows_of(page: str) -> list[list[str]]:
    """The cells of each table row of *page*, without rules."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and not re.fullmatch(r"[|\- ]+", line)
    ]


def test_each_threat_that_was_tried_names_what_holds_it() -> None:
    """Each test and make target of the last column exists; a row without one is no claim."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    rows = [row for row in rows_of("threats.md") if len(row) == 3 and row[2] != "held by"]
    assert len(rows) > 50
    for row in rows:
        held = _CODE.findall(row[2])
        assert held or row[2] == "the same", row
        for word in held:
            make, _, target = word.partition(" ")
            path, _, name = word.partition("::")
            if make == "make":
                assert target in targets, word
                continue
            text = (ROOT / path).read_text(encoding="utf-8")
            assert not name or f"def {name}(" in text, word
