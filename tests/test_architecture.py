"""The walls of the house: who may import whom, read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("firmware", "appliance")

# Rooms that decide or parse: no I/O, no clock, no thread, no chance. Elsewhere a module that says
# "Pure" in its docstring is held to it.
PURE_ROOMS = (
    "firmware/at",
    "firmware/dtmf",
    "firmware/families",
    "appliance/call",
    "appliance/campaign",
    "appliance/clearance",
    "appliance/report",
    "appliance/screen",
)
IMPURE_MODULES = {
    "threading",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "serial",
    "gpiozero",
    "tinydb",
    "os",
    "queue",
    "time",
}

# Each of these libraries has one door (serial has two, AT and voice, and a device they share).
DOORS = {
    "serial": {
        "firmware/modem/port.py",
        "firmware/terminal.py",
        "firmware/voice/serial_port.py",
    },
    "gpiozero": {"firmware/gpio/panel.py", "firmware/gpio/pins.py", "firmware/gpio/power.py"},
    "tinydb": {"appliance/people/registry.py", "appliance/people/registry_database.py"},
    "nats": {
        f"appliance/fleet/{name}.py"
        for name in "canary exchange follower headquarters member sender wire".split()
    },
    "nkeys": {"appliance/fleet/keys.py"},
    "textual": {"appliance/cli/watching.py"},
    "nacl": {"appliance/fleet/signing.py"},
    "cryptography": {"appliance/fleet/certificates.py"},
    "gsmmodem": {"firmware/modem/transport.py", "firmware/modem/modem.py"},
}


def sources(*tops: str) -> list[Path]:
    return sorted(path for top in tops for path in (ROOT / top).rglob("*.py"))


@cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


_IMPORT = re.compile(r"^[ \t]*((?:import|from)[ \t][^\n(]*(?:\([^)]*\))?)", re.MULTILINE)


def import_statements(path: Path) -> Iterator[ast.stmt]:
    """Every import in *path*, also inside functions.

    Only these statements are parsed: the whole of each file would take longer than all else here.
    """
    for found in _IMPORT.finditer(source(path)):
        try:
            yield ast.parse(found[1]).body[0]
        except SyntaxError:
            continue  # a line of prose that begins with such a word


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    """The calls in *path*; a file in whose text none of *names* is called is not searched."""
    if any(f"{name}(" in source(path) for name in names):
        for node in ast.walk(ast.parse(source(path))):
            if isinstance(node, ast.Call):
                yield node


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that *path* imports anywhere, also inside functions."""
    found: list[str] = []
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.append(node.module)
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        '"""Prose\nfrom here on, and\nimport duties."""\n'
        "import a, b.c as d\n"
        "from e import (\n    f,\n    g as h,\n)\n"
        "from . import near\n"
        "if True:\n    import i\n"
        "def late():\n    from j.k import l  # a reason\n"
    )
    assert imports(path) == ("a", "b.c", "e", "e.f", "e.g", "i", "j.k", "j.k.l")


@pytest.mark.parametrize("library", sorted(DOORS))
def test_each_library_has_its_door(library: str) -> None:
    users = {
        relative(path)
        for path in sources(*PACKAGES)
        for module in imports(path)
        if within(module, library)
    }
    assert users <= DOORS[library], f"{library} is imported elsewhere"
    assert users, f"nothing imports {library}: the door moved"


def pure_modules() -> list[Path]:
    """The modules of the pure rooms, and those elsewhere that call themselves pure."""
    return [
        path
        for path in sources(*PACKAGES)
        if any(relative(path).startswith(f"{room}/") for room in PURE_ROOMS)
        or re.search(r"\bPure\b", ast.get_docstring(ast.parse(source(path))) or "")
    ]


def test_pure_rooms_exist() -> None:
    assert [room for room in PURE_ROOMS if not (ROOT / room).is_dir()] == []


@pytest.mark.parametrize("path", pure_modules(), ids=relative)
def test_pure_modules_touch_nothing(path: Path) -> None:
    assert [module for module in imports(path) if within(module, *IMPURE_MODULES)] == []


@pytest.mark.parametrize("path", pure_modules(), ids=relative)
def test_pure_modules_never_ask_for_the_time(path: Path) -> None:
    asked = [
        node.lineno
        for node in calls(path, "now", "utcnow", "today")
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date"}
    ]
    assert asked == []


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("Dial", "appliance/call/attempt.py"),
        ("AnswerCall", "appliance/call/incoming.py"),
        ("Clearance", "appliance/clearance/gate.py"),
    ],
)
def test_one_place_makes_it(name: str, maker: str) -> None:
    makers = {
        relative(path)
        for path in sources(*PACKAGES)
        for node in calls(path, name)
        if (
            (isinstance(node.func, ast.Name) and node.func.id == name)
            or (isinstance(node.func, ast.Attribute) and node.func.attr == name)
        )
    }
    assert makers == {maker}


_WHY_LONG = re.compile(r"\bLong(?:er than 400 lines)?(?:,)? because\b")


def test_a_long_module_says_why() -> None:
    """Above 400 lines the docstring gives the reason; above 700 no reason is good enough."""
    sizes = {path: len(source(path).splitlines()) for path in sources(*PACKAGES)}
    assert {relative(path): size for path, size in sizes.items() if size > 700} == {}
    unexplained = {
        relative(path): size
        for path, size in sizes.items()
        if size > 400 and not _WHY_LONG.search(ast.get_docstring(ast.parse(source(path))) or "")
    }
    assert unexplained == {}
