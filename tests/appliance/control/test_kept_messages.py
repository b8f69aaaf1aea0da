"""Kept messages on real files: nobody is called for one that waits; what is gone is in no file."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import main
from appliance.control.operations import Operations
from appliance.errors import Refused
from appliance.model import KeptMessage
from firmware.events import AddressKind, SmsReceived, StoredAt
from firmware.orders import DeleteSms
from tests.support.box_bench import START, Bench, bench, loaded

__all__ = ["bench", "loaded"]

ALIX, BO = "+33199001234", "+33639980099"
WORDS = "Quoi de neuf zyx ?"


def message(text: str | None = WORDS, number: str = ALIX, **more: Any) -> SmsReceived:
    place = StoredAt(memory="SM", index=3, pdu=f"pdu {text} {number}")
    return SmsReceived(
        line="line-1",
        at=0.0,
        number=number,
        sender=more.pop("sender", AddressKind.INTERNATIONAL),
        text=text,
        sent_at=START,
        mark=place.pdu,
        places=(place,),
        **more,
    )


def files_with(directory: Path, text: str) -> list[str]:
    raw = text.encode()
    return [p.name for p in directory.rglob("*") if p.is_file() and raw in p.read_bytes()]


def allowed(bench: Bench, number: str = ALIX) -> dict[str, bool]:
    told = Operations(bench.box).perform("why", {"number": number})
    return {verdict["rule"]: verdict["allowed"] for verdict in told["verdicts"]}


def test_a_message_is_on_disk_in_registry_and_ledger_before_it_is_deleted(bench: Bench) -> None:
    bench.register()
    bench.box.take([message()])
    (order,) = bench.line.orders
    assert isinstance(order, DeleteSms)
    assert "message.kept" in bench.line.kinds_on_disk[0]
    assert files_with(bench.directory / "ledger", "zyx") == []
    assert files_with(bench.directory / "ledger", ALIX) == []
    bench.restart()
    (kept,) = bench.state.registry.messages
    assert (kept.readings, kept.numbers, kept.why) == ((WORDS,), (ALIX,), "not_understood")
    assert allowed(bench)["message"] is False


def test_a_look_lets_the_sender_be_called_and_deleting_leaves_no_trace(bench: Bench) -> None:
    bench.register()
    bench.box.take([message()])
    desk = Operations(bench.box)
    (row,) = desk.perform("messages.list", {})["messages"]
    assert (row["sender"], row["waits"]) == ("+33 ••••••• 34", True)
    assert WORDS not in json.dumps(row)
    assert desk.perform("status", {})["messages"] == {"kept": 1, "waiting": 1, "held_back": 1}
    shown = desk.perform("messages.show", {"message": row["message"][:6]})
    assert (shown["text"], shown["sender"]) == (WORDS, ALIX)
    assert allowed(bench)["message"]
    assert desk.perform("messages.list", {})["messages"][0]["waits"] is False
    desk.perform("messages.delete", {"messages": [row["message"]]})
    assert files_with(bench.directory, "zyx") == []
    bench.restart()
    assert list(bench.state.registry.messages) == []
    assert bench.kinds()[-2:] == ["message.read", "message.deleted"]
    # The modem kept it: known, deleted again there, and not kept anew.
    bench.box.take([message()])
    assert list(bench.state.registry.messages) == []


@pytest.mark.parametrize("named", ["", "ffff", "abc", "zzzz"])
def test_an_id_that_names_no_message_is_refused(bench: Bench, named: str) -> None:
    bench.box.take([message()])
    with pytest.raises(Refused):
        Operations(bench.box).perform("messages.delete", {"messages": [named]})
    assert len(bench.state.registry.messages) == 1


def test_what_a_cut_left_between_registry_and_ledger_is_carried_forward(bench: Bench) -> None:
    bench.register()
    kept = KeptMessage(
        id="ab" * 16,
        received_at=START,
        sent_at=None,
        line="line-1",
        number=ALIX,
        numbers=(ALIX,),
        readings=("?",),
        why="not_understood",
        pdus=(),
    )
    bench.state.registry.messages.keep(kept)
    bench.restart()
    assert allowed(bench)["message"] is False
    assert bench.kinds().count("message.kept") == 1
    bench.restart()
    assert bench.kinds().count("message.kept") == 1


def test_an_older_registry_lets_no_call_through(bench: Bench) -> None:
    """The words are lost with it; the hold is folded from the ledger."""
    bench.register()
    bench.box.take([message()])
    (kept,) = bench.state.registry.messages
    bench.state.registry.messages.forget([kept.id])
    bench.restart()
    assert allowed(bench)["message"] is False
    desk = Operations(bench.box)
    (row,) = desk.perform("messages.list", {})["messages"]
    assert (row["why"], row["waits"]) == ("text_lost", True)
    desk.perform("messages.delete", {"messages": [row["message"]]})
    assert allowed(bench)["message"]


@pytest.mark.parametrize("registered", [True, False])
def test_erasing_a_number_erases_what_it_wrote(bench: Bench, registered: bool) -> None:
    number = ALIX if registered else BO
    if registered:
        bench.register()
    bench.box.take([message(number=number)])
    desk = Operations(bench.box)
    assert WORDS in json.dumps(desk.perform("dossier", {"number": number})["messages"])
    assert desk.perform("contacts.erase", {"number": number})["messages"] == 1
    assert files_with(bench.directory, "zyx") == []
    assert files_with(bench.directory, number[1:]) == []
    bench.restart()
    assert list(bench.state.registry.messages) == []
    bench.register(number)
    # Nobody read it: it may have been an objection, so the number stays uncallable.
    assert allowed(bench, number)["consent"] is False


def test_retention_erases_the_words_and_keeps_the_hold(bench: Bench) -> None:
    bench.register()
    bench.box.take([message()])
    law = bench.config.settings.law.model_copy(update={"retention_days": 10})
    settings = bench.config.settings.model_copy(update={"law": law})
    object.__setattr__(bench.config, "settings", settings)
    bench.seconds = timedelta(days=11).total_seconds()
    told = Operations(bench.box).perform("contacts.expire", {"dry_run": False})
    assert told["messages"] == 1
    assert files_with(bench.directory, "zyx") == []
    assert allowed(bench)["message"] is False


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("33199001234", AddressKind.UNKNOWN),
        ("199001234", AddressKind.NATIONAL),
        ("0199001234", AddressKind.UNKNOWN),
        ("0033199001234", AddressKind.UNKNOWN),
    ],
)
def test_an_objection_finds_its_sender_in_each_form(
    bench: Bench, written: str, kind: AddressKind
) -> None:
    bench.register()
    bench.box.take([message("STOP", written, sender=kind)])
    assert allowed(bench)["consent"] is False
    assert list(bench.state.registry.messages) == []


# --- contacts revoke ---------------------------------------------------------------------------


def revoke(bench: Bench, *arguments: str) -> int:
    bench.state.close()
    code = main(["--state", str(bench.directory), "contacts", "revoke", *arguments])
    bench.restart()
    return code


def revoked(bench: Bench) -> int:
    return bench.kinds().count("consent.revoked")


def test_a_list_is_revoked_as_a_whole(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.register()
    listed = tmp_path / "list.txt"
    listed.write_text("\ufeff# of Tuesday\n01 99 00 12 34\n\n+33639980099\r\n+33639980099\n")
    assert revoke(bench, "--file", str(listed)) == 0
    out = capsys.readouterr().out
    assert "2 numbers revoked" in out
    assert "in no registry" in out
    assert "639980099" not in out
    assert revoked(bench) == 2
    assert allowed(bench)["consent"] is False
    bench.register(BO)
    assert allowed(bench, BO)["consent"] is False


def test_one_line_that_is_no_number_revokes_nobody(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.register()
    listed = tmp_path / "list.txt"
    listed.write_text("+33639980099\n112\nhello\n")
    assert revoke(bench, "--file", str(listed)) == 1
    told = capsys.readouterr().err
    assert f"{listed}:2: " in told
    assert f"{listed}:3: " in told
    assert "nobody was revoked: 2 of the lines" in told
    assert revoked(bench) == 0


def test_a_list_may_come_in_through_a_pipe(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.register()
    stream = io.TextIOWrapper(io.BytesIO(f"{ALIX}\n{BO}\n".encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert revoke(bench, "-", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["known"] for one in told["numbers"]] == [True, False]
    assert revoked(bench) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-", ALIX),
        (ALIX, "--file", "x"),
        ("--file", "missing.txt"),
        ("--file", "/dev/zero"),
        ("--file", "/"),
    ],
)
def test_wrong_use_is_told_with_two(bench: Bench, arguments: tuple[str, ...]) -> None:
    assert revoke(bench, *arguments) == 2
    assert revoked(bench) == 0


def test_messages_are_listed_shown_and_deleted_by_command(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.register()
    bench.box.take([message()])
    (kept,) = bench.state.registry.messages
    bench.state.close()
    tool = ["--state", str(bench.directory), "messages"]
    assert main([*tool, "list"]) == 0
    out = capsys.readouterr().out
    assert kept.id[:8] in out
    assert WORDS not in out
    assert "1 waits to be read" in out
    assert main([*tool, "show", kept.id[:8]]) == 0
    out = capsys.readouterr().out
    assert WORDS in out
    assert f"contacts revoke {ALIX}" in out
    assert main([*tool, "delete", kept.id[:8]]) == 0
    assert main([*tool, "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"messages": []}
    assert main([*tool, "show", kept.id[:8]]) == 1
    bench.restart()
