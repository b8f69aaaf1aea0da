"""Commands without a running box: what they may begin, and what they must not claim."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from appliance.cli import ledger
from appliance.cli.main import default_config, main

HEADER = (
    "number,name,language,timezone,purpose,consent_given_at,consent_source,consent_evidence,"
    "windows,valid_until\n"
)
ROW = (
    "{number},Ada,fr,Europe/Paris,neighbourhood-news,2027-01-15,web,form 1,"
    "mon-fri 18:00-20:00,2027-12-31\n"
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with one person, made as people make it."""
    people = tmp_path / "people.csv"
    people.write_text(HEADER + ROW.format(number="+33639980001"))
    directory = tmp_path / "state"
    assert main(["--state", str(directory), "contacts", "import", str(people)]) == 0
    return directory


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["contacts", "list"],
        ["contacts", "export"],
        ["contacts", "revoke", "+33639980001"],
        ["why", "+33639980001"],
        ["dossier", "+33639980001"],
        ["stop"],
        ["pause"],
        ["resume"],
        ["reset", "--by", "a", "--reason", "b"],
    ],
)
def test_no_command_answers_for_a_box_that_is_not_there(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "mistyped"
    assert main(["--state", str(nowhere), *command]) == 1
    assert f"{nowhere} does not exist; name the state directory" in capsys.readouterr().err
    assert not nowhere.exists()


def test_doctor_leaves_no_state_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = tmp_path / "mistyped"
    assert main(["--state", str(nowhere), "doctor"]) == 0
    assert "no box ever ran here" in capsys.readouterr().out
    assert not nowhere.exists()


def test_a_stop_without_a_box_says_that_it_only_latched(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state", str(state), "stop"]) == 0
    assert "no line was hung up; the stop is latched" in capsys.readouterr().out
    main(["--state", str(state), "status", "--json"])
    assert json.loads(capsys.readouterr().out)["stopped"] is True


@pytest.mark.parametrize("left", [0, 1])
def test_a_ledger_whose_end_was_cut_off_is_found_by_the_checkpoint(
    left: int, state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.box.state import BoxState

    monkeypatch.setattr(ledger, "REREAD_AFTER", 0.0)
    main(["--state", str(state), "pause"])
    opened = BoxState.open(state)
    opened.save_checkpoint(force=True)
    opened.close()
    assert main(["--state", str(state), "ledger", "verify"]) == 0
    (file,) = (state / "ledger").glob("*.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:left]))
    capsys.readouterr()
    assert main(["--state", str(state), "ledger", "verify"]) == 1
    assert f"the ledger ends at {left}, but" in capsys.readouterr().err


def test_the_demonstration_removes_nothing_but_a_demonstration(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = ["--state", str(state), "demo", "--plain"]
    (state / "demo").mkdir()
    assert main(demo) == 1
    assert "is not a demonstration" in capsys.readouterr().err
    for name in ("scenario.yaml", "config.yaml"):
        (state / "demo" / name).write_text("")
    assert main(demo) == 1
    assert "real people since" in capsys.readouterr().err
    assert (state / "ledger").is_dir()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("asked 0639980001 about it", "asked (number) about it"),
        ("06 39 98 00 01, twice", "(number), twice"),
        ("+33 6 39 98 00 01", "(number)"),
        ("checked 2027-03-10, line 12", "checked 2027-03-10, line 12"),
    ],
)
def test_no_number_that_a_technician_types_reaches_the_ledger(
    said: str, kept: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--state", str(state), "stop"])
    assert main(["--state", str(state), "reset", "--by", "Ada", "--reason", said]) == 0
    capsys.readouterr()
    main(["--state", str(state), "ledger", "show", "--kind", "stop.reset", "--json"])
    assert json.loads(capsys.readouterr().out)["data"] == {"by": "Ada", "reason": kept}


def test_a_state_of_another_account_is_refused_with_the_remedy(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The suite may run as root, whom no mode bits stop.
    def is_dir(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("appliance.cli.paths.Path.is_dir", is_dir)
    assert main(["--state", str(state), "status"]) == 1
    said = capsys.readouterr().err
    assert f"{state}: Permission denied; run the command as the box's user" in said


READING = (
    ["status"],
    ["why", "+33639980001"],
    ["contacts", "list"],
    ["contacts", "export"],
    ["dossier", "+33639980001"],
    ["ledger", "verify"],
    ["ledger", "show"],
    ["contacts", "import", "{people}", "--dry-run"],
)


@pytest.mark.parametrize("command", READING, ids=lambda command: " ".join(command[:2]))
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_what_only_reads_answers_where_nothing_can_be_written(
    state: Path, number: int, command: list[str], mocker: MockerFixture
) -> None:
    (state / "lock").unlink()
    really = os.open

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    def open_to_read(path: str, flags: int, *arguments: int, **named: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse()
        return really(path, flags, *arguments, **named)

    mocker.patch("os.open", open_to_read)
    for name in ("write", "mkdir", "rename", "replace", "unlink", "fsync", "fdatasync"):
        mocker.patch(f"os.{name}", refuse)
    people = state.parent / "people.csv"
    told = [word.format(people=people) for word in command]
    assert main(["--state", str(state), *told]) == 0


@pytest.mark.parametrize("command", [["contacts", "revoke", "+33639980001"], ["pause"]])
def test_what_writes_says_why_it_cannot(
    state: Path, command: list[str], mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    mocker.patch("os.ftruncate", side_effect=full)
    assert main(["--state", str(state), *command]) == 1
    assert "No space left on device" in (told := capsys.readouterr().err)
    assert "make room" in told


def test_a_dry_run_creates_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = tmp_path / "people.csv"
    people.write_text(HEADER + ROW.format(number="+33639980001"))
    nowhere = tmp_path / "none"
    assert main(["--state", str(nowhere), "contacts", "import", str(people), "--dry-run"]) == 0
    assert "1 new person, 1 new consent," in capsys.readouterr().out
    assert not nowhere.exists()


def test_a_file_of_a_header_alone_is_told_so(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = state.parent / "empty.csv"
    people.write_text(HEADER)
    capsys.readouterr()
    assert main(["--state", str(state), "contacts", "import", str(people)]) == 0
    assert "a header and no rows" in capsys.readouterr().out


def test_a_ledger_that_was_restored_as_the_remedy_says_revokes_again(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a technician meets it: from the copy to the reset, by commands alone."""
    number = "+33639980001"
    backup = state.parent / "backup"
    shutil.copytree(state / "ledger", backup)
    assert main(["--state", str(state), "contacts", "revoke", number]) == 0
    shutil.rmtree(state / "ledger")
    shutil.copytree(backup, state / "ledger")
    capsys.readouterr()

    assert main(["--state", str(state), "doctor"]) == 1
    told = capsys.readouterr().out
    assert "rows of the ledger are missing" in told
    assert "autodialer reset --by NAME --reason TEXT" in told
    main(["--state", str(state), "status"])
    assert "WAITS" in capsys.readouterr().out
    main(["--state", str(state), "why", number, "--json"])
    assert json.loads(capsys.readouterr().out)["may_be_called"] is False

    assert main(["--state", str(state), "reset", "--by", "Ada", "--reason", "replayed"]) == 0
    assert "accepted" in capsys.readouterr().out
    assert main(["--state", str(state), "doctor"]) in (0, 1)
    assert "rows of the ledger" not in capsys.readouterr().out
    main(["--state", str(state), "why", number, "--json"])
    verdicts = json.loads(capsys.readouterr().out)["verdicts"]
    assert {one["rule"]: one["allowed"] for one in verdicts}["consent"] is False
    main(["--state", str(state), "ledger", "show", "--kind", "state.", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["kind"] for row in rows] == ["state.restored", "state.accepted"]
    assert rows[1]["data"]["by"] == "Ada"
    assert main(["--state", str(state), "ledger", "verify"]) == 0


def test_a_registry_that_lost_people_refuses_an_import_until_somebody_accepts(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = max((state / "registry").glob("*.log"))
    os.truncate(log, log.stat().st_size * 60 // 100)
    people = str(state.parent / "people.csv")
    assert main(["--state", str(state), "doctor"]) == 1
    assert "has lost 1 consent of 1 person" in capsys.readouterr().out
    assert main(["--state", str(state), "contacts", "import", people]) == 1
    assert "nobody can be imported" in capsys.readouterr().err
    assert main(["--state", str(state), "reset", "--by", "Ada", "--reason", "no copy"]) == 0
    assert main(["--state", str(state), "contacts", "import", people]) == 0
    capsys.readouterr()
    main(["--state", str(state), "doctor"])
    assert "has lost" not in capsys.readouterr().out


@pytest.mark.parametrize("contents", [b"", bytes(64), b"{}", b"[1]", b'{"version": 1}'])
def test_a_list_of_exports_that_is_lost_is_told(
    contents: bytes, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "exports.json").write_bytes(contents)
    assert main(["--state", str(state), "doctor"]) == 1
    assert "exports.json" in capsys.readouterr().out


def test_a_folder_that_may_not_be_looked_into_has_no_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As root asks the box's account to act, from root's own home."""

    real = Path.exists

    def closed(self: Path) -> bool:
        if self == Path("config.yaml"):
            raise PermissionError(13, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(Path, "exists", closed)
    assert default_config() != Path("config.yaml")
