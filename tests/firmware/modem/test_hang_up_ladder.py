"""Who counts when a call list is read for silence, and when a ladder is given up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware.at.calls import call_row
from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.errors import CommandAborted, CommandTimeout, LinkLost
from firmware.families.base import Rung
from firmware.modem import hang_up as hang_up_module
from firmware.modem.hang_up import (
    Proof,
    Silence,
    hang_up,
    is_silent,
    prove_silence,
    read_calls,
    waits,
)

OK = Final(kind=FinalKind.OK, text="OK")
ERROR = Final(kind=FinalKind.ERROR, text="ERROR")
UP = "+CLCC: 1,0,0,0,0"
RINGS = "+CLCC: 2,1,4,0,0"
WAITS = "+CLCC: 3,1,5,0,0"

FAMILY: Any = SimpleNamespace(
    timing=SimpleNamespace(call_list=7.0),
    hang_up=(Rung(command="FIRST", timeout=3.0), Rung(command="SECOND", timeout=4.0, settle=1.5)),
    last_resort=(Rung(command="OFF", timeout=5.0), Rung(command="ON", timeout=6.0)),
)


class Modem:
    """*lists* are the answers to AT+CLCC in turn, the last one for ever."""

    emergency_count = 5

    def __init__(self, *lists: Any, fails: dict[str, list[Exception]] | None = None) -> None:
        self.lists = list(lists)
        self.fails = fails or {}
        self.asked: list[str] = []
        self.timeouts: dict[str, object] = {}

    def command(self, text: str, **options: object) -> Reply:
        self.asked.append(text)
        self.timeouts[text] = options["timeout"]
        assert options.get("dial", False) is False
        if self.fails.get(text):
            raise self.fails[text].pop(0)
        if text != "AT+CLCC":
            return Reply(final=OK)
        answer = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(answer, Exception):
            raise answer
        return Reply(final=OK, lines=answer) if isinstance(answer, tuple) else answer

    def emergency_hang_up(self) -> None:
        self.asked.append("blind")


def climb(modem: Modem, *, spares: bool = False) -> tuple[Silence, list[float]]:
    pauses: list[float] = []
    found = hang_up(cast(Any, modem), FAMILY, pause=pauses.append, spares_callers=spares)
    return found, pauses


@pytest.mark.parametrize(
    ("line", "waiting"),
    [(UP, False), (RINGS, True), (WAITS, True), ("+CLCC: 2,1,0,0,0", False),
     ("+CLCC: 2,0,4,0,0", False), ("+CLCC: 2,0,5,0,0", False), ("+CLCC: 2,1,3,0,0", False)],
)  # fmt: skip
def test_who_waits(line: str, waiting: bool) -> None:
    row = call_row(line)
    assert row is not None
    assert waits(row) is waiting
    modem = Modem((line,))
    assert len(read_calls(cast(Any, modem), FAMILY) or ()) == 1
    spared = read_calls(cast(Any, modem), FAMILY, spares_callers=True)
    assert len(spared or ()) == (not waiting)
    assert modem.timeouts == {"AT+CLCC": 7.0}


@pytest.mark.parametrize(
    "answer",
    [
        Reply(final=ERROR),
        Reply(final=ERROR, lines=(UP,)),
        Reply(final=OK, lines=("+CLCC: rubbish",)),
        Reply(final=OK, lines=(UP, "rubbish")),
        CommandTimeout("none"),
        CommandAborted("thrown out"),
    ],
)
def test_a_list_that_cannot_be_read_is_none(answer: object) -> None:
    assert read_calls(cast(Any, Modem(answer)), FAMILY) is None
    lost = Modem(LinkLost("gone"))
    with pytest.raises(LinkLost):
        read_calls(cast(Any, lost), FAMILY)


@pytest.mark.parametrize(
    ("lists", "proof", "reads"),
    [
        (((),), Proof.SILENT, 2),
        (((UP,), (), ()), Proof.SILENT, 3),
        (((), (UP,), (), ()), Proof.SILENT, 4),
        (((UP,), (UP,), (UP,), (), ()), Proof.SILENT, 5),
        (((UP,), (UP,), (UP,), (UP,), ()), Proof.NONE, 5),
        (((), (UP,), (), (UP,), ()), Proof.NONE, 5),
        ((CommandTimeout("none"),), Proof.MUTE, 3),
        ((CommandTimeout("none"), (), ()), Proof.SILENT, 3),
        ((CommandTimeout("none"), CommandTimeout("none"), (UP,), CommandTimeout("none"),
          CommandTimeout("none")), Proof.NONE, 5),
    ],
)  # fmt: skip
def test_silence_is_two_empty_lists_in_a_row(
    lists: tuple[Any, ...], proof: Proof, reads: int
) -> None:
    pauses: list[float] = []
    modem = Modem(*lists)
    assert prove_silence(cast(Any, modem), FAMILY, pause=pauses.append) is proof
    assert len(modem.asked) == reads
    assert pauses == [0.2] * (reads - 1)
    again = Modem(*lists)
    assert is_silent(cast(Any, again), FAMILY, pause=pauses.append) is (proof is Proof.SILENT)


def test_callers_are_spared_nowhere_by_themselves() -> None:
    modem = Modem((RINGS,))
    assert len(read_calls(cast(Any, modem), FAMILY) or ()) == 1
    assert not is_silent(cast(Any, modem), FAMILY, pause=lambda _: None)
    assert prove_silence(cast(Any, modem), FAMILY, pause=lambda _: None) is Proof.NONE
    assert not hang_up(cast(Any, modem), FAMILY, pause=lambda _: None).confirmed


def test_a_modem_that_is_listened_to_is_asked_as_any_other() -> None:
    modem = Modem(())
    listening = hang_up_module._Listening(cast(Any, modem))
    listening.command("AT")
    assert modem.timeouts == {"AT": 2.0}
    assert listening.emergency_count == 5
    assert not listening.mute


def test_callers_are_spared_where_that_is_wanted() -> None:
    for spares in (True, False):
        modem = Modem((RINGS, WAITS))
        proven = prove_silence(
            cast(Any, modem), FAMILY, pause=lambda _: None, spares_callers=spares
        )
        assert proven is (Proof.SILENT if spares else Proof.NONE)
        silent = is_silent(cast(Any, modem), FAMILY, pause=lambda _: None, spares_callers=spares)
        assert silent is spares
        found, _ = climb(modem, spares=spares)
        assert found.confirmed is spares


def test_every_rung_is_climbed_with_its_own_time() -> None:
    modem = Modem((UP,))
    found, pauses = climb(modem)
    assert found == Silence(confirmed=False, by="ON", radio_cycled=True)
    listed = ["AT+CLCC"] * 5
    rungs = ("FIRST", "SECOND", "OFF", "ON")
    assert modem.asked == [one for rung in rungs for one in (rung, *listed)]
    assert [modem.timeouts[rung] for rung in rungs] == [3.0, 4.0, 5.0, 6.0]
    assert pauses == [0.2] * 4 + [1.5] + [0.2] * 12


@pytest.mark.parametrize(
    ("up", "by", "radio", "asked"),
    [
        (0, "FIRST", False, ["FIRST"]),
        (5, "SECOND", False, ["FIRST", "SECOND"]),
        (10, "ON", True, ["FIRST", "SECOND", "OFF", "ON"]),
        (15, "ON", True, ["FIRST", "SECOND", "OFF", "ON"]),
    ],
)
def test_the_rung_that_ended_the_call(up: int, by: str, radio: bool, asked: list[str]) -> None:
    modem = Modem(*[(UP,)] * up, ())
    found, _ = climb(modem)
    assert found == Silence(confirmed=True, by=by, radio_cycled=radio)
    assert [one for one in modem.asked if one != "AT+CLCC"] == asked
    assert Silence(confirmed=True, by="x").radio_cycled is False


def test_a_rung_without_a_result_is_written_blind_once() -> None:
    modem = Modem((), fails={"FIRST": [CommandTimeout("none")]})
    found, _ = climb(modem)
    assert modem.asked == ["FIRST", "blind", "AT+CLCC", "AT+CLCC"]
    assert found.confirmed


@pytest.mark.parametrize(("aborts", "tries"), [(1, 2), (2, 3), (3, 3), (4, 3)])
def test_a_rung_that_was_thrown_out_is_tried_three_times(aborts: int, tries: int) -> None:
    modem = Modem((), fails={"FIRST": [CommandAborted("stop") for _ in range(aborts)]})
    climb(modem)
    assert modem.asked == ["FIRST"] * tries + ["AT+CLCC"] * 2


def test_a_mute_modem_is_given_up_after_the_third_silence_in_a_row() -> None:
    silent: list[Exception] = [CommandTimeout("none") for _ in range(9)]
    modem = Modem(CommandTimeout("none"), fails={"FIRST": silent})
    found, _ = climb(modem)
    assert found == Silence(confirmed=False, by="FIRST")
    assert modem.asked == ["FIRST", "blind", "AT+CLCC", "AT+CLCC"]
    hears = Modem((UP,), fails={"FIRST": [CommandTimeout("none")]})
    found, _ = climb(hears)
    assert found.by == "ON"
