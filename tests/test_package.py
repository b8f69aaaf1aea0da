"""What the package leaves out of its libraries to be small, no module of the box asks for."""

from __future__ import annotations

import getpass
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import contacts, fleet_orders
from appliance.control.protocol import FILE_LIMIT
from appliance.provisioning import folder

ROOT = Path(__file__).parent.parent

PROGRAM = """
import importlib, pkgutil, sys

LEFT_OUT = {left_out!r}

class Package:
    "Finds nothing that the package does not have."

    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in LEFT_OUT):
            raise ModuleNotFoundError("not in the package: " + name, name=name)

sys.meta_path.insert(0, Package())
for name in {extra!r}:
    importlib.import_module(name)
for room in ("firmware", "appliance"):
    for module in pkgutil.walk_packages([room], room + "."):
        importlib.import_module(module.name)
"""


def import_all(*extra: str) -> subprocess.CompletedProcess[str]:
    """Import every module where only what the package holds is found."""
    unread = runpy.run_path(str(ROOT / "debian" / "assemble.py"))["UNREAD"]
    left_out = [name.replace("/", ".") for name in unread]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(left_out=left_out, extra=extra)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def as_box() -> str:
    return str(runpy.run_path(str(ROOT / "debian" / "assemble.py"))["as_box"]())


def test_the_command_hands_over_as_much_as_the_box_takes() -> None:
    program = as_box().replace("\nmain()\n", "\n")
    names: dict[str, Any] = {"__name__": "as-box"}
    exec(compile(program, "as-box", "exec"), names)  # noqa: S102
    assert names["LIMIT"] == FILE_LIMIT
    # So do the other ways by which people's files come in.
    assert folder.LIMITS[folder.CONTACTS] == FILE_LIMIT
    assert {vars(module)["FILE_LIMIT"] for module in (contacts, fleet_orders)} == {FILE_LIMIT}


@pytest.mark.parametrize("more", [0, 1])
def test_a_private_file_is_handed_over_whole_or_refused(
    more: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {"__name__": "as-box"}
    exec(compile(as_box().replace("\nmain()\n", "\n"), "as-box", "exec"), names)  # noqa: S102
    names["readable"] = lambda *_: False
    names["LIMIT"] = 1 << 20
    private = tmp_path / "people.csv"
    private.write_bytes(b"x" * ((1 << 20) + more))
    if more:
        with pytest.raises(SystemExit, match="larger than 1 MiB"):
            names["hand_over"](str(private), None)
        return
    handed = Path(names["hand_over"](str(private), None))
    assert handed.read_bytes() == private.read_bytes()
    os.close(int(handed.name))


SUDO = """\
#!/bin/sh
echo "$@" >>"{log}"
shift
AS=0 exec "$@"
"""
ECHO = """\
#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done
exit 7
"""


def as_somebody(tmp_path: Path) -> Path:
    """The command for a person who is not root, with a sudo that asks nothing."""
    program = as_box().replace("/usr/lib/autodialer/current/autodialer", str(tmp_path / "box"))
    program = program.replace('ACCOUNT = "autodialer"', f'ACCOUNT = "{getpass.getuser()}"')
    program = program.replace("/etc/autodialer/config.yaml", str(tmp_path / "config.yaml"))
    # Nobody's account is changed here: the environment says who asks.
    program = program.replace("os.geteuid()", 'int(os.environ.get("AS", "4242"))')
    program = re.sub(
        r"^    os\.(initgroups|setgid|setuid)\(.*\)$", "    pass", program, flags=re.MULTILINE
    )
    for name, text in (
        ("box", ECHO),
        ("sudo", SUDO.format(log=tmp_path / "log")),
        ("autodialer", program),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    return tmp_path / "autodialer"


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "logged"),
    [
        (["why", "+33639980001"], False),
        (["why", "06 39 98 00 01", "--json"], False),
        (["contacts", "revoke", "0639980001", "06.39.98.00.02"], False),
        (["--state", "/x", "dossier", "+33-6-39-98-00-01"], False),
        (["reset", "--by", "A", "--reason", "asked by 06 39 98 00 01"], False),
        (["contacts", "import", "+33639980001.csv"], False),
        (["messages", "show", "06\u202f39\u202f98\u202f00\u202f01"], False),
        (["status", "--json"], True),
        (["why", "--at", "2027-03"], True),
        (["clock", "correct", "--by", "é", "--reason", ""], True),
    ],
)
def test_no_number_of_a_command_reaches_the_log_of_sudo(
    words: list[str], *, logged: bool, tmp_path: Path
) -> None:
    """sudo writes each command into the journal, where nobody's number can be erased."""
    done = subprocess.run(
        [sys.executable, "-I", str(as_somebody(tmp_path)), *words],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split("\n")) == (7, [*words, ""]), done.stderr
    told = (tmp_path / "log").read_text(encoding="utf-8")
    assert (words[0] in told) == logged
    assert logged or not re.search(r"\d{4,}", re.sub(r"/proc/\d+/|\S*pytest\S*", "", told))


@pytest.mark.process
@pytest.mark.parametrize("asks", ["4242", "0"])
@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["stop"], True),
        (["contacts", "revoke", "--file", "list"], True),
        (["--config", "/mine", "check"], True),
        (["audio", "check"], False),
        (["demo"], False),
        (["--version"], False),
    ],
)
def test_the_command_asks_the_box_of_this_machine_wherever_it_is_called(
    asks: str, words: list[str], *, ours: bool, tmp_path: Path
) -> None:
    """In a folder for a stick, with its own configuration, a stop found no box."""
    program = as_somebody(tmp_path)
    stick = tmp_path / "stick"
    stick.mkdir()
    for place in (stick, tmp_path):
        (place / "config.yaml").write_text("box: {}\n")
    done = subprocess.run(
        [sys.executable, "-I", str(program), *words],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "AS": asks},
        cwd=stick,
        capture_output=True,
        text=True,
        check=False,
    )
    first = ["--config", str(tmp_path / "config.yaml")] if ours else []
    assert done.stdout.split("\n")[:-1] == [*first, *words], done.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    "place", ["/etc/passwd", "/proc/1/fd/../environ", "/proc/self/fd/0", "proc/1/fd/0", ""]
)
def test_words_come_from_the_memory_of_the_one_who_asks_and_from_nowhere_else(
    place: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(as_somebody(tmp_path)), "--words-of", place],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "AS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    # Passed on as it is, for the box to refuse.
    assert done.stdout.split("\n")[:2] == ["--words-of", place], done.stderr


@pytest.mark.process
def test_no_module_of_the_box_asks_for_what_the_package_leaves_out() -> None:
    done = import_all()
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.process
def test_a_module_that_did_would_be_seen() -> None:
    done = import_all("rich.markdown")
    assert done.returncode != 0
    assert "not in the package" in done.stderr


def test_udev_knows_what_a_device_is_before_the_packages_rules_ask() -> None:
    """60-persistent-storage says what lies on a stick, 60-serial which port a modem has; from 77 on
    ModemManager's rules ask whether it may have it."""
    rules = (ROOT / "debian" / "rules").read_text(encoding="utf-8")
    [priority] = re.findall(r"^\tdh_installudev --priority=(\d+)$", rules, re.MULTILINE)
    asked = (ROOT / "debian" / "autodialer.udev").read_text(encoding="utf-8")
    assert {"ID_FS_TYPE", "ID_BUS", "ID_PATH_TAG"} <= set(re.findall(r"ENV\{(\w+)\}[!=]=", asked))
    assert 60 < int(priority) < 77
    card = ROOT / "debian/image/files/etc/udev/rules.d/61-autodialer-card.rules"
    assert card.name > "60-persistent-storage.rules"
    assert "ID_PART_ENTRY_UUID" in card.read_text(encoding="utf-8")
