"""Both memories are swept, full ones emptied of reports, and nothing unread is ever deleted."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import cast

import pytest

from firmware.at.command_port import CommandPort
from firmware.at.outcomes import Reply
from firmware.at.results import Final, FinalKind
from firmware.events import StoredAt
from firmware.modem.message_store import MessageStore
from tests.support.messages import deliver

REPORT = "07913336998000F006050B913336990810F0621181103000006211811030150000"


def ok(*lines: str) -> Reply:
    return Reply(final=Final(kind=FinalKind.OK, text="OK"), lines=lines)


REFUSED = Reply(final=Final(kind=FinalKind.CMS_ERROR, code=303, text="+CMS ERROR: 303"), lines=())


@dataclass
class Stores:
    """A modem with message stores (3GPP TS 27.005, 3.2 to 3.5), in PDU mode."""

    sm: dict[int, str] = field(default_factory=dict)
    me: dict[int, str] | None = field(default_factory=dict)
    status: int = 0
    total: int = 20
    tells_memories: bool = True
    lets_choose_all: bool = True
    cnmi: str = r"AT\+CNMI=2,1,0,0,0"
    cnmi_test: str = "+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)"
    csms: int = 0
    reads: bool = True
    selected: list[str] = field(default_factory=lambda: ["ME", "ME", "SM"])
    sent: list[str] = field(default_factory=list)

    def command(self, text: str, *, timeout: float = 2.0) -> Reply:
        self.sent.append(text)
        if text == "AT+CPMS=?":
            names = '("SM","ME")' if self.me is not None else '("SM")'
            return ok(f"+CPMS: {names},{names},{names}") if self.tells_memories else REFUSED
        if text == "AT+CPMS?":
            return ok("+CPMS: " + ",".join(f'"{m}",{len(self._of(m))},20' for m in self.selected))
        if text.startswith("AT+CPMS="):
            return self._select(re.findall(r'"(\w+)"', text))
        if text == "AT+CNMI=?":
            return ok(self.cnmi_test)
        if text.startswith("AT+CNMI="):
            return ok() if re.fullmatch(self.cnmi, text) else REFUSED
        if text == "AT+CSMS?":
            return ok(f"+CSMS: {self.csms},1,1,1")
        there = self._of(self.selected[0])
        if text == "AT+CMGL=4":
            return ok(*(x for i, pdu in there.items() for x in (f"+CMGL: {i},0,,23", pdu)))
        if text.startswith("AT+CMGR="):
            pdu = there.get(int(text[8:]))
            return ok("+CMGR: 0,,23", pdu) if pdu is not None and self.reads else ok()
        if text.startswith("AT+CMGD="):
            return ok() if there.pop(int(text[8:]), None) is not None else REFUSED
        return ok()

    def _of(self, memory: str) -> dict[int, str]:
        return self.sm if memory == "SM" else (self.me or {})

    def _select(self, names: list[str]) -> Reply:
        if "ME" in names and self.me is None:
            return REFUSED
        if len(names) > 1 and not self.lets_choose_all:
            return REFUSED
        self.selected[: len(names)] = names
        return ok("+CPMS: " + ",".join(f"{len(self._of(m))},{self.total}" for m in self.selected))


def store_of(modem: Stores) -> MessageStore:
    store = MessageStore(
        modem=cast(CommandPort, modem), now=lambda: 0.0, log=logging.getLogger("test")
    )
    store.set_up()
    return store


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("all_at_once", [True, False])
def test_both_memories_are_swept_whatever_the_modem_tells(tells: bool, all_at_once: bool) -> None:
    modem = Stores(
        sm={1: deliver(text="STOP")},
        me={1: deliver(text="ARRET")},
        tells_memories=tells,
        lets_choose_all=all_at_once,
    )
    store = store_of(modem)
    units = store.sweep()
    assert [(u.place.memory, u.part.text) for u in units] == [("SM", "STOP"), ("ME", "ARRET")]
    assert [usage.memory for usage in store.usage] == ["SM", "ME"]
    # One of them is deleted in its own memory.
    assert store.delete([units[1].place])
    assert (list(modem.sm), modem.me) == ([1], {})


@pytest.mark.parametrize("named", ['("SM")', '("MT")'])
def test_where_messages_come_to_is_swept_though_no_list_names_it(named: str) -> None:
    """A list that leaves out where messages come to, and one whose only memory is refused."""

    class Unlisted(Stores):
        def command(self, text: str, *, timeout: float = 2.0) -> Reply:
            if text == "AT+CPMS=?":
                return ok(f"+CPMS: {named},{named},{named}")
            if "MT" in text or text.count('"') == 6:
                return REFUSED
            return super().command(text, timeout=timeout)

    modem = Unlisted(sm={}, me={4: deliver(text="STOP")}, selected=["SM", "SM", "ME"])
    assert [(u.place.memory, u.part.text) for u in store_of(modem).sweep()] == [("ME", "STOP")]


@pytest.mark.parametrize("tells", [True, False])
def test_a_modem_without_a_store_of_its_own_has_one_memory(tells: bool) -> None:
    modem = Stores(sm={1: deliver()}, me=None, tells_memories=tells)
    modem.selected = ["SM", "SM", "SM"]
    store = store_of(modem)
    assert [u.place.memory for u in store.sweep()] == ["SM"]
    assert store.receives_in == "SM"


def test_messages_are_received_where_they_are_kept_best() -> None:
    assert store_of(Stores()).receives_in == "SM"
    assert store_of(Stores(lets_choose_all=False, selected=["ME", "ME", "ME"])).receives_in == "ME"


def test_a_full_store_is_emptied_of_reports_alone() -> None:
    modem = Stores(sm=dict.fromkeys(range(1, 20), REPORT) | {20: deliver()})
    store = store_of(modem)
    assert [u.part.text for u in store.sweep()] == ["STOP"]
    assert list(modem.sm) == [20]
    assert not store.usage[0].nearly_full


def test_a_store_that_stays_full_is_told() -> None:
    store = store_of(Stores(sm={i: deliver(text=f"x{i}") for i in range(1, 19)}))
    assert len(store.sweep()) == 18
    assert store.usage[0].nearly_full


def test_what_was_written_here_is_left_alone() -> None:
    draft = "0011000B913336990810F20000AA0453EA130A"
    modem = Stores(sm={1: draft})
    assert store_of(modem).sweep() == []
    assert modem.sm == {1: draft}


def test_a_place_that_holds_another_message_by_now_is_left_alone() -> None:
    modem = Stores(sm={1: deliver(text="STOP")})
    store = store_of(modem)
    (unit,) = store.sweep()
    modem.sm[1] = deliver(text="ARRET")
    store.delete([unit.place])
    assert modem.sm == {1: deliver(text="ARRET")}


def test_a_modem_that_shows_no_single_message_deletes_all_the_same() -> None:
    modem = Stores(sm={1: deliver()}, reads=False)
    store = store_of(modem)
    assert store.delete([unit.place for unit in store.sweep()])
    assert modem.sm == {}


@pytest.mark.parametrize(
    ("takes", "announces", "last"),
    [
        (r"AT\+CNMI=2,1,0,0,0", True, "AT+CNMI=2,1,0,0,0"),
        (r"AT\+CNMI=.,.,.,.,1", True, "AT+CNMI=2,1,0,0,1"),
        (r"AT\+CNMI=2,1", True, "AT+CNMI=2,1"),
        (r"nothing", False, "AT+CNMI=1,1,0,0,0"),
    ],
)
def test_notices_are_asked_for_in_each_way_that_a_modem_takes(
    takes: str, announces: bool, last: str
) -> None:
    modem = Stores(cnmi=takes)
    assert store_of(modem).announces is announces
    assert [line for line in modem.sent if line.startswith("AT+CNMI=") and "?" not in line][
        -1
    ] == last


@pytest.mark.parametrize(("csms", "acknowledged"), [(0, False), (1, True)])
def test_an_inline_message_is_acknowledged_where_that_is_ours_to_do(
    csms: int, acknowledged: bool
) -> None:
    modem = Stores(csms=csms)
    assert store_of(modem).delete([StoredAt(memory="", index=-1, pdu=deliver())])
    assert ("AT+CNMA" in modem.sent) is acknowledged
    assert not any(line.startswith("AT+CMGD") for line in modem.sent)
