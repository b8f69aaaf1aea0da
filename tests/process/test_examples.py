"""The examples of the pages do what the pages say: run in a scratch box, compared with what was
written, but for hashes, random ids and times.

Each fenced block says what it is. What it tells people to type is run here, or stands in
:data:`NOT_RUN` with the reason why not; then at least its command line is one that the program, the
Makefile or the interpreter takes.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.cli.main import _top, command_parser
from tests.support.examples import (
    FENCED,
    ROOT,
    examples,
    run,
    scratch_box,
    settled,
    told,
    typed,
)

PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md")))
KINDS = {"console", "sh", "text", "yaml", "json"}
"""What a block may be: typed with its answer, typed, and what nobody types."""

WHOLE = ("docs/data-protection.md",)
"""Pages whose every example is run, in its order, by a test of their own."""

_INIT = (
    "autodialer config init --out my-box/config.yaml --yes --purpose information"
    ' --number "01 99 00 00 01"'
)
RUN: dict[str, tuple[str, ...]] = {
    "README.md": (
        "mkdir my-box",
        _INIT,
        "autodialer audio prepare recording.mp3 my-box/audio/greeting.en.wav",
        "autodialer --state state-demo ledger verify",
        "autodialer --state state-demo contacts list",
        "autodialer --state state-demo report --out report.html",
    ),
    "docs/contacts.md": ("autodialer contacts import people.csv",),
    "docs/provisioning.md": ("autodialer provision pack stick/autodialer --key key",),
    "docs/time.md": ("autodialer clock",),
}
"""What is run of the other pages, page by page, each in a scratch box of its own."""

REFUSED = {"autodialer contacts import people.csv"}
"""Examples of what is refused: they end with 1."""

_BUILDS = "builds, tests or measures for minutes; CI and people run it"
_ROOT = "needs root, a package or a card"
_MODEM = "needs a running box with a real modem and somebody beside it"
_HUB = "needs a hub of three computers; `make demo-fleet` and the fleet's tests do it"
_PLAYS = "plays a campaign for two minutes; tests/process/ rehearses and demonstrates"
_REHEARSE = "autodialer --config my-box/config.yaml rehearse --contacts"
NOT_RUN: dict[str, dict[str, str]] = {
    "README.md": {
        "make demo": _PLAYS,
        "make test": _BUILDS,
        f"{_REHEARSE} docs/contacts-example.csv": _PLAYS,
        f"{_REHEARSE} people.csv": _PLAYS,
        "sudo apt install ./autodialer_0.1.0+bookworm_arm64.deb": _ROOT,
        "sudo nano /etc/autodialer/config.yaml": _ROOT,
        "autodialer check": "an installed box's configuration; `check` has tests of its own",
    },
    "CONTRIBUTING.md": dict.fromkeys(("make test", "make lint", "make check"), _BUILDS),
    "docs/audio.md": {
        "sudo apt install libportaudio2": _ROOT,
        "/opt/autodialer/bin/pip install '.[alsa]'": _ROOT,
        "/opt/autodialer/bin/python -m sounddevice": "needs the library of sound cards",
    },
    "docs/card.md": dict.fromkeys(("make deb-3.11", "make image"), _BUILDS),
    "docs/developing.md": {
        **dict.fromkeys(
            ("make pure", "make lint", "make mutants", "make check", "make docs"), _BUILDS
        ),
        "make demo": _PLAYS,
        "python -m pytest -q tests/appliance/call": _BUILDS,
    },
    "docs/fleet.md": {
        "autodialer fleet hub --campaign spring --node hub-1=hub1.example.org --node"
        " hub-2=hub2.example.org --node hub-3=hub3.example.org": _HUB,
        "autodialer fleet hub --check": _HUB,
        "autodialer fleet enrol north": _HUB,
    },
    "docs/modems.md": {"autodialer modem bench --line line-1 --out EC25.json": _MODEM},
    "docs/read-only-root.md": {
        "sudo mkfs.ext4 -L autodialer /dev/mmcblk0p3": _ROOT,
        "sudo mount /dev/mmcblk0p3 /mnt": _ROOT,
        "sudo cp -a /var/lib/autodialer/. /mnt/": _ROOT,
        "sudo umount /mnt": _ROOT,
        "sudo mount --bind / /mnt": _ROOT,
        "sudo mv /mnt/var/lib/autodialer /mnt/var/lib/autodialer.before": _ROOT,
        "sudo install -d -m 0000 /mnt/var/lib/autodialer": _ROOT,
    },
    "docs/time.md": {
        'autodialer clock correct --by "Alix" --reason "compared with my watch after power-up"':
            "needs a running box whose clock waits for a word; tests/process/test_clock_process.py",
        'autodialer clock correct --by "Alix" --reason "RTC was set to a wrong month"':
            "needs a box whose time ran ahead; tests/process/test_clock_process.py",
        "python3 -m firmware.kernel_clock /run/autodialer-clock/clock.json":
            "serves until it is ended; tests/firmware/test_kernel_clock.py",
    },
}  # fmt: skip
"""What is typed on a page and not run here, with the reason."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_each_block_says_what_it_is(page: str) -> None:
    assert {kind for _, kind, _ in FENCED.findall(text_of(page))} <= KINDS
    assert len(FENCED.findall(text_of(page))) * 2 == text_of(page).count("```")


@pytest.mark.parametrize("page", [page for page in PAGES if page not in WHOLE])
def test_each_example_is_run_or_says_why_not(page: str) -> None:
    written = {example.command for example in typed(text_of(page))}
    assert written == set(RUN.get(page, ())) | set(NOT_RUN.get(page, {}))
    assert not set(RUN.get(page, ())) & set(NOT_RUN.get(page, {}))


@pytest.mark.parametrize(
    "command", sorted({command for told in NOT_RUN.values() for command in told})
)
def test_what_is_not_run_is_taken_by_what_it_names(command: str) -> None:
    words = shlex.split(command)
    if words[0] == "autodialer":
        top, _ = _top(words[1:])
        command_parser(top.command, top.config, top.state).parse_args(top.rest)
    elif words[0] == "make":
        rules = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = re.findall(r"^([a-z0-9%-]+(?: [a-z0-9-]+)*):", rules, re.MULTILINE)
        known = {one for row in targets for one in row.split()}
        assert words[1] in known or re.sub("-[0-9.]+$", "-%", words[1]) in known
    elif words[0].startswith("python"):
        assert words[1] == "-m"
        assert importlib.util.find_spec(words[2]) is not None
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))
    else:
        assert words[0] == "sudo" or words[0].startswith("/opt/autodialer/bin/")


@pytest.mark.process
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", WHOLE)
def test_each_example_answers_as_the_page_says(page: str, tmp_path: Path) -> None:
    scratch_box(tmp_path)
    told_there = list(examples(text_of(page)))
    assert len(told_there) > 10
    for example in told_there:
        answer = run(example.command, tmp_path)
        assert settled(answer, tmp_path) == settled(example.answer), example.command


@pytest.fixture(scope="module")
def known_box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box that knows its people, with what the pages take for granted beside it."""
    place = tmp_path_factory.mktemp("box")
    scratch_box(place)
    shutil.copytree(place / "state", place / "state-demo")
    shutil.copytree(ROOT / "docs", place / "docs", ignore=shutil.ignore_patterns("*.png", "*.svg"))
    time = np.arange(5 * 22050) / 22050
    tone = 0.2 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(place / "recording.mp3", tone, 22050)
    header = (
        "number,consent_given_at,timezone,purpose,consent_source,consent_evidence,language,windows"
    )
    rest = "Europe/Paris,information,form,sheet,fr,mon-fri 18:00-20:00"
    rows = [
        header,
        f"+33199000031,2026-01-04,{rest}",
        f"33199000032,2026-01-04,{rest}",
        f"+33199000033,31/02/2026,{rest}",
    ]
    (place / "people.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    folder = place / "stick" / "autodialer"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "contacts-example.csv", folder / "contacts.csv")
    (folder / "withdrawals.txt").write_text("+33199000034\n", encoding="utf-8")
    shutil.copy(place / "config.yaml", folder)
    (folder / "clips").mkdir()
    for clip in (place / "audio").glob("*.wav"):
        shutil.copy(clip, folder / "clips")
    text = (folder / "config.yaml").read_text(encoding="utf-8").replace("audio/", "clips/")
    text = text.replace("state: state", "state: /var/lib/autodialer")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    if shutil.which("ssh-keygen"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "office", "-f", "key"]
        subprocess.run(made, cwd=place, check=True)
    return place


@pytest.mark.process
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", RUN)
def test_what_is_run_answers_as_the_page_says(page: str, known_box: Path, tmp_path: Path) -> None:
    place = tmp_path / "box"
    shutil.copytree(known_box, place)
    for example in typed(text_of(page)):
        if example.command not in RUN[page]:
            continue
        if " provision pack " in example.command and not shutil.which("ssh-keygen"):
            pytest.skip("no OpenSSH")
        code, answer = told(example.command, place)
        assert code == (example.command in REFUSED), answer
        if example.answer.strip():
            assert settled(answer, place) == settled(example.answer), example.command
