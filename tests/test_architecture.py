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

# Modules that decide or parse: no I/O, no clock, no thread, no chance.
PURE = (
    "firmware/events.py",
    "firmware/orders.py",
    "firmware/call/key_witnesses.py",
    "firmware/call/progress.py",
    "firmware/call/facts.py",
    "firmware/call/release.py",
    "firmware/at",
    "firmware/families",
    "firmware/gpio/buttons.py",
    "firmware/gpio/lamp.py",
    "firmware/gpio/panel_health.py",
    "firmware/line/log_throttle.py",
    "firmware/voice/frames.py",
    "firmware/voice/card_buffer.py",
    "firmware/dtmf",
    "appliance/model.py",
    "appliance/effects.py",
    "appliance/windows.py",
    "appliance/clearance/consent.py",
    "appliance/clearance/gate.py",
    "appliance/campaign/history.py",
    "appliance/campaign/packed_history.py",
    "appliance/storage/journal_format.py",
    "appliance/people/registry_rows.py",
    "appliance/call/attempt.py",
    "appliance/campaign/engine.py",
    "appliance/call/state.py",
    "appliance/call/outcome.py",
    "appliance/call/keys.py",
    "appliance/call/ledger_rows.py",
    "appliance/campaign/lines.py",
    "appliance/campaign/recorder.py",
    "appliance/campaign/withdrawals.py",
    "appliance/campaign/incoming_calls.py",
    "appliance/campaign/placing.py",
    "appliance/campaign/planner.py",
    "appliance/campaign/scheduler.py",
    "appliance/campaign/idleness.py",
    "appliance/campaign/interfaces.py",
    "appliance/campaign/commands.py",
    "appliance/campaign/options.py",
    "appliance/clearance/openings.py",
    "appliance/people/contacts_merge.py",
    "appliance/people/contacts_cells.py",
    "appliance/control/job.py",
    "appliance/report/report.py",
    "appliance/box/lamps.py",
    "appliance/ledger/format.py",
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

# Each of these libraries has one door (serial has two: AT and voice).
DOORS = {
    "serial": {"firmware/modem/port.py", "firmware/voice/serial_port.py"},
    "gpiozero": {"firmware/gpio/panel.py", "firmware/gpio/pins.py", "firmware/gpio/power.py"},
    "tinydb": {"appliance/people/registry.py", "appliance/people/registry_database.py"},
    "gsmmodem": {"firmware/modem/transport.py", "firmware/modem/modem.py"},
}

SIMULATOR_MAY_NOT = (
    "firmware.at",
    "firmware.families",
    "firmware.modem.transport",
    "firmware.modem.port_writer",
    "firmware.modem.modem",
    "firmware.line.line",
    "firmware.call.progress",
    "firmware.call.facts",
    "firmware.dtmf",
    "firmware.call.key_witnesses",
)


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


def test_firmware_never_imports_appliance() -> None:
    guilty = [
        (relative(path), module)
        for path in sources("firmware")
        for module in imports(path)
        if within(module, "appliance")
    ]
    assert guilty == []


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


def test_the_simulator_knows_nothing_of_the_driver() -> None:
    guilty = [
        (relative(path), module)
        for path in sources("firmware/simulator")
        for module in imports(path)
        if within(module, *SIMULATOR_MAY_NOT)
    ]
    assert guilty == []


def test_the_driver_knows_nothing_of_the_simulator() -> None:
    guilty = [
        relative(path)
        for path in sources("firmware")
        if "simulator" not in path.parts
        for module in imports(path)
        if within(module, "firmware.simulator")
    ]
    assert guilty == []


@pytest.mark.parametrize("place", PURE)
def test_pure_modules_touch_nothing(place: str) -> None:
    top = ROOT / place
    paths = sorted(top.rglob("*.py")) if top.is_dir() else [top]
    assert paths
    guilty = [
        (relative(path), module)
        for path in paths
        for module in imports(path)
        if within(module, *IMPURE_MODULES)
    ]
    assert guilty == []


@pytest.mark.parametrize("place", PURE)
def test_pure_modules_never_ask_for_the_time(place: str) -> None:
    top = ROOT / place
    paths = sorted(top.rglob("*.py")) if top.is_dir() else [top]
    guilty = [
        (relative(path), node.lineno)
        for path in paths
        for node in calls(path, "now", "utcnow", "today")
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in {"now", "utcnow", "today"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date"}
    ]
    assert guilty == []


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("Dial", "appliance/call/attempt.py"),
        ("AnswerCall", "appliance/campaign/incoming_calls.py"),
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
