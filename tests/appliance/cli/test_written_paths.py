"""No command destroys what the box did not write: every path that a command writes, every trick.

The tables are the product of commands and places; another command or another place is one line.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.config.paths import sample_config

PERSON = "+33639980001"
CSV = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until\n"
    f"{PERSON},Ada,fr,Europe/Paris,neighbourhood-news,2027-01-15,web,form 1,"
    "mon-fri 18:00-20:00,2027-12-31\n"
)
BROKEN = CSV + "112,,fr,Europe/Paris,neighbourhood-news,2027-01-15,web,form 2,mon 18:00-19:00,\n"

COMMANDS = {
    "report --out": ("report", "--out"),
    "report --csv": ("report", "--csv"),
    "ledger export": ("ledger", "export", "--out"),
    "contacts export": ("contacts", "export", "--out"),
    "dossier": ("dossier", PERSON, "--out"),
    "rejects": ("contacts", "import", "broken.csv", "--accept-valid", "--rejects"),
    "modem record": ("modem", "record", "socket://127.0.0.1:1", "--out"),
    "modem bench": ("modem", "bench", "--out"),
    "audio prepare": ("audio", "prepare", "voice.wav"),
    "audio say": ("audio", "say", "Bonjour"),
    "simulate --log": ("simulate", "--log"),
    "run --starts": ("run", "--starts"),
}


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A box of one person in a directory of its own, which is the current one."""
    shutil.copytree(sample_config().parent / "audio", tmp_path / "audio")
    text = sample_config().read_text(encoding="utf-8")
    if shutil.which("ssh-keygen"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "box", "-f", "anchor_key"]
        subprocess.run(key, cwd=tmp_path, check=True)
        text = text.replace("# ledger:", "ledger:").replace("#   signing_key", "  signing_key")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "people.csv").write_text(CSV)
    (tmp_path / "broken.csv").write_text(BROKEN)
    (tmp_path / "notes.txt").write_text("mine\n")
    (tmp_path / "empty").write_text("")
    shutil.copy(tmp_path / "audio" / "greeting.fr.wav", tmp_path / "voice.wav")
    monkeypatch.chdir(tmp_path)
    assert main(["contacts", "import", "people.csv"]) == 0
    return tmp_path


def everything(top: Path) -> dict[str, object]:
    """Every file, link and device below *top*, with what it holds."""
    found: dict[str, object] = {}
    for path in sorted(top.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            found[str(path)] = path.read_bytes()
        else:
            found[str(path)] = os.readlink(path) if stat.S_ISLNK(mode) else stat.S_IFMT(mode)  # noqa: PTH115
    return found


def segment(box: Path) -> Path:
    return box / "state" / "ledger" / "0000000001.jsonl"


def linked(make: Callable[[Path, Path], object], to: Callable[[Path], Path]) -> Callable[..., Path]:
    def lay(box: Path) -> Path:
        place = box / "elsewhere.html"
        make(place, to(box))
        return place

    return lay


def beside(box: Path) -> Path:
    (box / "way").symlink_to(box / "state", target_is_directory=True)
    return box / "way" / "ledger" / "new.html"


def own_clip(box: Path) -> Path:
    """A clip that somebody made; a copy of one that came with the program may be written over."""
    clip = box / "audio" / "message.fr.wav"
    clip.write_bytes(clip.read_bytes()[:-2] + b"\1\0")
    return clip


PLACES: dict[str, Callable[[Path], Path]] = {
    "a segment of the ledger": segment,
    "a new file in the ledger": lambda box: box / "state" / "ledger" / "0000000999.jsonl",
    "the lock": lambda box: box / "state" / "lock",
    "the key of the number hashes": lambda box: box / "state" / "number.key",
    "the registry": lambda box: box / "state" / "registry" / "registry-00000001.log",
    "a new file in the state": lambda box: box / "state" / "report.html",
    "the state directory": lambda box: box / "state",
    "a relative path": lambda _: Path("state/ledger/0000000001.jsonl"),
    "a path with dots": lambda _: Path("audio/../state/./ledger/../number.key"),
    "a directory that leads there": beside,
    "a symbolic link to the ledger": linked(lambda a, b: a.symlink_to(b), segment),
    "a hard link to the ledger": linked(lambda a, b: a.hardlink_to(b), segment),
    "a symbolic link to a file": linked(lambda a, b: a.symlink_to(b), lambda b: b / "notes.txt"),
    "a symbolic link to nothing": linked(lambda a, b: a.symlink_to(b), lambda b: b / "none"),
    "the configuration": lambda box: box / "config.yaml",
    "a hard link to the configuration": linked(
        lambda a, b: a.hardlink_to(b), lambda box: box / "config.yaml"
    ),
    "the signing key": lambda box: box / "anchor_key",
    "its public half": lambda box: box / "anchor_key.pub",
    "a clip": own_clip,
    "the contacts file": lambda _: Path("people.csv"),
    "a file of one's own": lambda box: box / "notes.txt",
    "an empty file": lambda box: box / "empty",
    "a directory": lambda box: box / "audio",
    "a directory that is not there": lambda box: box / "no" / "f.html",
    "a disk": lambda box: _node(box / "disk", stat.S_IFBLK, os.makedev(7, 250)),
    "a serial port": lambda box: _node(box / "tty", stat.S_IFCHR, os.makedev(188, 250)),
    "the caller's stream, and on from there": lambda box: Path(
        f"/dev/fd/../../..{box}/state/number.key"
    ),
}


def _node(path: Path, kind: int, device: int) -> Path:
    try:
        os.mknod(path, kind | 0o600, device)
    except PermissionError:
        pytest.skip("only root makes device nodes")
    return path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_box_did_not_write_stays_as_it_is(
    command: str, place: str, box: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = PLACES[place](box)
    before = everything(box)
    assert main([*COMMANDS[command], str(path)]) == 1
    assert everything(box) == before
    said = capsys.readouterr().err
    assert str(path) in said
    assert ";" in said, "no remedy"
    assert "Traceback" not in said


FLEET = {
    "fleet join": ("fleet", "join", "north.join", "--key"),
    "fleet verify": ("fleet", "verify", "--save"),
    "fleet hub": ("fleet", "hub", "--campaign", "spring", "--node", "a=hub.example", "--hub"),
    "fleet enrol": ("fleet", "enrol", "north", "--hub", "office", "--out"),
    "fleet report": ("fleet", "report", "--hub", "office", "--out"),
    "fleet demo": ("fleet", "demo", "--directory"),
}


@pytest.mark.parametrize(
    "place", [place for place in PLACES if "state" in place or "ledger" in place]
)
@pytest.mark.parametrize("command", FLEET)
def test_no_command_of_a_fleet_writes_into_the_state(
    command: str, place: str, box: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They write keys and directories; the state directory is the box's all the same."""
    path = PLACES[place](box)
    office = ("fleet", "hub", "--campaign", "spring", "--bench", "--node", "a=127.0.0.1")
    assert main([*office, "--hub", "office"]) == 0
    before = everything(box)
    assert main([*FLEET[command], str(path)]) == 1
    assert everything(box) == before
    said = capsys.readouterr().err
    assert str(path) in said
    assert ";" in said, "no remedy"


@pytest.mark.parametrize("command", list(COMMANDS)[:6])
def test_what_the_box_wrote_itself_is_written_anew(
    command: str, box: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = box / "mine.html"
    for _ in range(3):
        assert main([*COMMANDS[command], str(out)]) == 0, capsys.readouterr().err
    out.write_bytes(out.read_bytes() + b"a remark of somebody\n")
    kept = out.read_bytes()
    assert main([*COMMANDS[command], str(out)]) == 1
    assert out.read_bytes() == kept
    assert "is not what this box wrote there" in capsys.readouterr().err


def test_a_file_of_one_name_is_known_by_all_its_names(box: Path) -> None:
    (box / "here").symlink_to(box, target_is_directory=True)
    assert main(["report", "--out", "page.html"]) == 0
    assert main(["report", "--out", str(box / "page.html")]) == 0
    assert main(["report", "--out", "here/page.html"]) == 0
    assert main(["report", "--out", "audio/../page.html"]) == 0


@pytest.mark.parametrize("name", ["page.html.anchor", "page.html.anchor.sig"])
def test_what_is_written_beside_a_page_is_looked_at_before(name: str, box: Path) -> None:
    (box / name).write_text("mine\n")
    before = everything(box)
    assert main(["report", "--out", "page.html"]) == 1
    assert everything(box) == before


def test_two_files_of_one_command_are_two_files(box: Path) -> None:
    assert main(["report", "--out", "page.html", "--csv", "page.html"]) == 1
    assert main(["report", "--out", "page.html", "--csv", "page.html.anchor"]) == 1
    assert not (box / "page.html").exists()


@pytest.mark.parametrize("command", list(COMMANDS)[:6])
@pytest.mark.parametrize("place", ["/dev/null", "/dev/stdout", "/proc/self/fd/1"])
def test_streams_take_what_is_written(command: str, place: str, box: Path) -> None:
    """In a process of its own: what stands behind standard output is the test's here."""
    before = everything(box)
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli.main", *COMMANDS[command], place],
        cwd=box,
        env={**os.environ, "PYTHONPATH": str(sample_config().parent)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path("/dev/null").is_char_device()
    changed = {path for path, held in everything(box).items() if before.get(path) != held}
    assert not {path for path in changed if "/state/" not in path}


def test_the_name_of_a_half_written_file_is_nobodys(box: Path) -> None:
    for name in ("page.html.tmp", ".page.html.tmp", ".page.html.new", "page.html.anchor.tmp"):
        (box / name).write_text("mine\n")
    before = everything(box)
    assert main(["report", "--out", "page.html"]) == 0
    assert {path: held for path, held in everything(box).items() if path in before} == {
        **before,
        **{k: v for k, v in everything(box).items() if k in before and "written.jsonl" in k},
    }


def test_a_simulation_goes_on_in_a_log_of_its_own(box: Path) -> None:
    from appliance.cli.simulate import _is_network_log

    log = box / "network.jsonl"
    log.write_text('{"at": "x", "port": "line-1", "event": "dialled", "monotonic_ms": 5}\n')
    assert _is_network_log(log)
    log.write_text("mine\n")
    assert not _is_network_log(log)
    assert not _is_network_log(box / "config.yaml")


def test_a_simulation_links_over_nothing_but_links(
    box: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (box / "links").mkdir()
    (box / "links" / "line-1.at").write_text("mine\n")
    assert main(["simulate", "--link", "links"]) == 1
    assert "is no link of a simulation" in capsys.readouterr().err
    assert (box / "links" / "line-1.at").read_text() == "mine\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes into another's directory")
@pytest.mark.parametrize(
    "command",
    [
        ["contacts", "import", "people.csv"],
        ["contacts", "revoke", "+33639980009"],
        ["contacts", "export", "--out", "export.csv"],
        ["report", "--out", "page.html"],
        ["pause"],
        ["stop"],
    ],
)
def test_root_leaves_nothing_of_its_own_behind(command: list[str], box: Path) -> None:
    for path in (box, *box.rglob("*")):
        os.chown(path, 1234, 4321)
    assert main(command) == 0
    left = [path for path in box.rglob("*") if path.lstat().st_uid != 1234]
    assert left == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes into another's directory")
def test_root_begins_a_state_for_the_owner_of_the_place(box: Path) -> None:
    shutil.rmtree(box / "state")
    os.chown(box, 1234, 4321)
    assert main(["contacts", "import", "people.csv"]) == 0
    made = [box / "state", *(box / "state").rglob("*")]
    assert made
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in made} == {(1234, 4321)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could be led astray")
def test_root_does_not_follow_a_link_that_another_laid_in_the_state(box: Path) -> None:
    (box / "lock").write_text("mine\n")
    (box / "state" / "lock").unlink()
    (box / "state" / "lock").symlink_to(box / "lock")
    assert main(["pause"]) == 1
    assert (box / "lock").read_text() == "mine\n"
