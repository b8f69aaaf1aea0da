"""What a short command must not pay for at its start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.config.paths import sample_config

LIBRARIES = (
    *("numpy", "serial", "gpiozero", "gsmmodem", "asyncio", "multiprocessing", "textual", "rich"),
    *("pydantic", "yaml", "phonenumbers", "holidays", "jinja2", "pygal", "tinydb"),
)
WITH_CONFIG = {"pydantic", "yaml", "phonenumbers"}


def imported(directory: Path, *words: str) -> set[str]:
    """Return the libraries that a command has imported when it ends."""
    code = (
        "import sys\nfrom appliance.cli.main import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        f"print('\\n' + ' '.join(name for name in {LIBRARIES!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache")},
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return set(done.stdout.rpartition("\n")[0].rpartition("\n")[2].split())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("place")
    sample = sample_config()
    shutil.copy(sample, directory / "config.yaml")
    (directory / "audio").symlink_to(sample.parent / "audio")
    return directory


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        # What asks a running box: here none answers, and there is no state to open.
        (("status",), set()),
        (("status", "--json"), set()),
        (("pause",), set()),
        (("resume",), set()),
        (("clock",), set()),
        (("why", "+33199000012"), {"phonenumbers"}),
        (("watch", "--plain", "--count", "1"), set()),
        (("--help",), set()),
        (("run", "--help"), set()),
        (("stop", "--help"), set()),
        (("doctor", "--help"), set()),
        (("contacts", "import", "--help"), set()),
        (("ledger", "verify"), {"yaml"}),
        (("config", "explain", "campaign"), {"pydantic", "yaml"}),
        # A shell asks at each of its own starts; these import every command.
        (("completion", "bash"), set()),
        (("completion", "manual"), set()),
        (("demo", "--help"), set()),
        (("rehearse", "--help"), set()),
        (("audio", "dtmf", "--help"), set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_imports_only_what_its_answer_needs(
    place: Path, words: tuple[str, ...], allowed: set[str]
) -> None:
    assert imported(place, *words) <= allowed


@pytest.mark.process
def test_a_status_of_a_running_box_loads_no_part_of_the_library_that_it_does_not_use(
    tmp_path: Path,
) -> None:
    unused = ("typing", "textwrap", "string", "base64", "threading", "locale", "dataclasses")
    code = (
        "import sys, appliance.cli.running, appliance.screen.status\n"
        "from appliance.cli.main import command_parser, top_parser\n"
        "top_parser(); command_parser('status').parse_args(['--json'])\n"
        "from appliance.language import translator\n"
        "translator('en')('ready')\n"
        f"print(sorted(name for name in {unused!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.process
def test_pydantic_looks_for_no_plugins_and_judges_all_the_same(place: Path) -> None:
    code = (
        "import sys\nfrom appliance.cli.main import main\n"
        "main(('check',))\n"
        "print(sorted(name for name in ('importlib.metadata', 'email') if name in sys.modules))"
    )
    (place / "wrong").mkdir(exist_ok=True)
    text = (place / "config.yaml").read_text()
    (place / "wrong" / "config.yaml").write_text(text.replace("mode: automatic", "mode: eager"))
    for directory, said in ((place, ""), (place / "wrong", "campaign.mode")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=directory,
            env={**os.environ, "XDG_CACHE_HOME": str(place / "another")},
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        )
        assert done.stdout.rstrip().endswith("[]")
        assert said in done.stderr + done.stdout


@pytest.mark.process
def test_a_check_hears_clips_once(place: Path) -> None:
    assert "numpy" in imported(place, "check")
    assert imported(place, "check") <= WITH_CONFIG


@pytest.mark.process
def test_a_status_of_a_box_that_is_down_needs_no_sound(place: Path) -> None:
    code = (
        "import sys, appliance.cli.running, appliance.cli.session, appliance.control.operations\n"
        "from appliance.config.load import load; from appliance.config.paths import sample_config\n"
        "from appliance.box.box import Box\n"
        "load(sample_config())\n"
        "heavy = ('numpy', 'serial', 'gpiozero', 'gsmmodem', 'asyncio', 'multiprocessing')\n"
        "print(sorted(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.strip() == "[]"
