"""``--json`` on everything that answers, errors included, as ``docs/json.md`` documents it."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import COMMANDS, command_parser, main
from appliance.cli.parser import children, options
from appliance.config.paths import sample_config

PAGE = (Path(__file__).parents[3] / "docs" / "json.md").read_text(encoding="utf-8")
NO_ANSWER = {"run", "completion", "panel", "panel show", "panel test", "panel card", "panel wiring"}
"""What prints a log, a script or a drawing; the page says so."""
NUMBER = "+33639980001"
CONTACTS = (
    "number,timezone,purpose,consent_given_at,consent_source,consent_evidence,windows\n"
    f"{NUMBER},Europe/Paris,neighbourhood-news,2027-01-15,web,form 1,mon-fri 18:00-20:00\n"
)


def actions() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command, or each action of one that has some, with its parser."""
    pending: list[tuple[str, argparse.ArgumentParser]] = []
    pending += [(name, command_parser(name)) for name in COMMANDS]
    while pending:
        words, parser = pending.pop(0)
        inner = children(parser)
        if inner:
            pending += [(f"{words} {name}", one) for name, one in inner.items()]
        else:
            yield words, parser


ACTIONS = dict(actions())
ANSWERING = sorted(set(ACTIONS) - NO_ANSWER)


@pytest.mark.parametrize("words", sorted(ACTIONS))
def test_everything_that_answers_takes_json(words: str) -> None:
    taken = {name for option in options(ACTIONS[words]) for name in option.option_strings}
    assert ("--json" in taken) is (words not in NO_ANSWER)


def documented() -> dict[str, set[str]]:
    """Return the top-level keys that the page names for each command."""
    found: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.*?) \| (.*) \|$", PAGE, re.MULTILINE):
        keys = set(re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", row[1])))
        for command in re.findall(r"`([a-z ]+)`", row[0]):
            found[command] = found.get(command, set()) | keys
    return found


@pytest.mark.parametrize("words", ANSWERING)
def test_the_page_documents_every_answer(words: str) -> None:
    known = documented()
    # A page of its own explains what comes of an update.
    assert words in known or words.partition(" ")[0] in ("status", "update"), words


@pytest.mark.parametrize("words", ANSWERING)
def test_a_wrong_command_line_is_answered_in_json(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [*words.split(), "--json", "--nonsense"]
    monkeypatch.setattr(sys, "argv", ["autodialer", *given])
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    told = capsys.readouterr()
    error = json.loads(told.out)
    assert_is_error(error)
    assert told.err == ""


def assert_is_error(error: Any) -> None:
    """Hold *error* against the schema of the page, so far as it is used there."""
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (schema,) = [json.loads(block) for block in blocks if "$schema" in block]
    assert_fits(error, schema)


def assert_fits(value: Any, schema: dict[str, Any]) -> None:
    kinds: dict[str, type[Any]] = {"object": dict, "array": list, "string": str, "integer": int}
    kind = schema["type"]
    assert isinstance(value, kinds[kind])
    if kind == "object":
        assert set(schema.get("required", ())) <= value.keys()
        for key, inner in schema["properties"].items():
            if key in value:
                assert_fits(value[key], inner)
    elif kind == "array":
        for one in value:
            assert_fits(one, schema["items"])
    elif kind == "integer":
        assert value >= schema["minimum"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box that is down, with one person, and what the commands need beside it."""
    directory = tmp_path_factory.mktemp("place")
    sample = sample_config()
    shutil.copy(sample, directory / "config.yaml")
    (directory / "audio").symlink_to(sample.parent / "audio")
    (directory / "people.csv").write_text(CONTACTS)
    (directory / "wrong.csv").write_text(CONTACTS.replace(NUMBER, "12"))
    return directory


FLEET = "fleet hub --campaign c --node a=127.0.0.1 --node b=127.0.0.2 --node c=127.0.0.3 --bench"
WORKING = (
    "contacts import people.csv --dry-run",
    "contacts import people.csv",
    "contacts import wrong.csv",
    "contacts list",
    "contacts export",
    f"why {NUMBER}",
    f"dossier {NUMBER}",
    "status",
    "pause",
    "resume",
    "stop",
    "reset --by Ada --reason drill",
    "clock",
    "messages list",
    "ledger verify",
    "ledger show",
    "ledger export --out rows.jsonl",
    "report",
    "report --out page.html --csv table.csv",
    "check",
    "doctor",
    "config explain campaign",
    "audio check audio/greeting.fr.wav audio/prompt.fr.wav",
    "audio check nothing.wav",
    "audio prepare audio/greeting.fr.wav new.wav",
    "audio dtmf audio/greeting.fr.wav",
    "modem list",
    "modem probe /dev/null",
    "provision check .",
    f"contacts revoke {NUMBER}",
    f"contacts erase {NUMBER}",
    FLEET,
    "fleet enrol north",
    "fleet remove north --by Ada --reason lost",
)
REFUSED = (
    "watch --count 1",
    "contacts expire",
    "messages show nothing",
    "messages delete nothing",
    "modem record /dev/nothing",
    "modem probe /dev/nothing/at/all",
    "modem bench",
    "why nonsense",
    "audio prepare nothing.wav out.wav",
    "dossier nonsense",
    "fleet status",
    "fleet watch --count 1",
    "fleet stop --all --by Ada --reason drill",
    "fleet resume --all --by Ada --reason drill",
    f"fleet revoke {NUMBER}",
    "fleet send people.csv --box south",
    "fleet report",
    "fleet verify",
    "fleet join nothing.join",
    "contacts import nothing.csv",
    "contacts import nothing.csv --dry-run",
    "contacts import people.csv --dry-run --accept-valid",
    "contacts revoke",
    f"contacts revoke {NUMBER} --file nothing.txt",
    "contacts revoke --file nothing.txt",
    "contacts revoke --file .",
    "contacts revoke nonsense",
    "--config nothing.yaml check",
    "--config nothing.yaml status",
    "--config nothing.yaml rehearse",
    "--state nowhere stop",
)


class Asked:
    """Runs commands in the place and reads what they print."""

    def __init__(
        self, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.err = ""
        monkeypatch.chdir(place)

    def __call__(self, line: str) -> tuple[int, list[Any]]:
        """Run a command with ``--json``; return its code and the documents that it printed."""
        given = [*line.split(), "--json"]
        self._monkeypatch.setattr(sys, "argv", ["autodialer", *given])
        try:
            code = main(given)
        except SystemExit as ended:
            code = int(str(ended.code))
        told = self._capsys.readouterr()
        self.err = told.err
        try:
            # One document, or one a line.
            return code, [json.loads(told.out)]
        except ValueError:
            pass
        try:
            return code, [json.loads(row) for row in told.out.splitlines()]
        except ValueError:
            pytest.fail(f"{line}: {told.out[:300]} {told.err[:300]}")


@pytest.fixture
def asked(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Asked:
    return Asked(place, capsys, monkeypatch)


def test_answers_are_json_with_the_documented_keys(asked: Asked) -> None:
    known = documented()
    commands = sorted(ACTIONS, key=len, reverse=True)
    for line in WORKING:
        code, answers = asked(line)
        assert code in (0, 1), line
        named = (words for words in commands if f"{line} ".startswith(f"{words} "))
        command = next(named, line.split()[0])
        rows = [row for one in answers for row in (one if isinstance(one, list) else [one])]
        for row in rows:
            assert isinstance(row, dict), line
            assert "error" not in row, (line, row)
            if command != "status":
                assert row.keys() <= known[command], line
            else:
                assert "host" in row


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused_is_an_error_in_json(asked: Asked, line: str) -> None:
    code, answers = asked(line)
    assert code in (1, 2)
    (answer,) = answers
    if line.startswith("modem probe"):
        assert answer["usable"] is False
        return
    assert_is_error(answer)


OF_A_BOX = (
    "contacts import people.csv",
    "contacts import people.csv --dry-run",
    "contacts list",
    "contacts export",
    "contacts expire",
    f"contacts revoke {NUMBER}",
    f"contacts erase {NUMBER}",
    f"why {NUMBER}",
    f"dossier {NUMBER}",
    "status",
    "watch --count 1",
    "pause",
    "resume",
    "stop",
    "reset --by Ada --reason drill",
    "clock",
    "clock correct --by Ada --reason drill",
    "messages list",
    "messages show nothing",
    "messages delete nothing",
    "ledger verify",
    "ledger show",
    "ledger export",
    "report",
    "check",
    "doctor",
    "modem selftest",
    "provision settle",
)
"""What asks for a configuration, a state or a running box."""
LOOKS = {"check", "doctor", "ledger verify"}
"""What answers by what it finds, whatever that is."""
LEDGER_ALONE = {"ledger show", "ledger export", "report", "provision settle"}
"""What asks no configuration but for the state's place; ``watch`` asks a running box alone."""


@pytest.mark.parametrize("line", OF_A_BOX)
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("broken configuration", 2),
        ("no configuration", 2),
        ("no state", 1),
        ("state is a file", 1),
        ("damaged state", 1),
        ("box is down", 1),
    ],
)
def test_each_kind_of_trouble_is_told_in_json(
    line: str,
    kind: str,
    code: int,
    tmp_path: Path,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One document on standard output, nothing beside it; the code is the kind's."""
    sample = (place / "config.yaml").read_text()
    (tmp_path / "audio").symlink_to(place / "audio")
    (tmp_path / "people.csv").write_text(CONTACTS)
    (tmp_path / "state").mkdir(mode=0o700)
    if kind == "broken configuration":
        sample = sample.replace("mode: automatic", "mode: atomatic")
    if kind != "no configuration":
        (tmp_path / "config.yaml").write_text(sample)
    if kind == "no state":
        (tmp_path / "state").rmdir()
    elif kind == "state is a file":
        (tmp_path / "state").rmdir()
        (tmp_path / "state").write_text("mine")
    elif kind == "damaged state":
        (tmp_path / "state" / "ledger").mkdir()
        (tmp_path / "state" / "ledger" / "mine.jsonl").write_text("no row\n")
    asked = Asked(tmp_path, capsys, monkeypatch)
    was, answers = asked(f"--config config.yaml {line}")
    (answer,) = answers
    told = isinstance(answer, dict) and "error" in answer
    if told:
        assert_is_error(answer)
        assert asked.err == ""
        assert was == (2 if "faults" in answer else 1)
        assert code == was or (code == 2 and line in LOOKS | LEDGER_ALONE | {"watch --count 1"})
    if kind == "state is a file" and told and not line.startswith(("watch", "modem")):
        assert answer["error"].endswith("is not a directory")
        assert "--state" in answer["remedy"]
    if kind == "box is down" or line in LOOKS | LEDGER_ALONE:
        return
    # Where the state is begun by whoever comes first, there is nothing wrong with none.
    assert told or (kind == "no state" and line.startswith("contacts import"))
