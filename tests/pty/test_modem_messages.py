"""Messages over our floor: the library encodes and decodes, nothing else reads or deletes them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from gsmmodem.pdu import encodeGsm7, packSeptets

from firmware.errors import CommandRefused, CommandTimeout
from firmware.modem.message_store import MessageStore
from firmware.modem.modem import VoiceModem
from tests.support.scripted_port import OK, ScriptedPort

pytestmark = pytest.mark.pty

SENDER = "+33639980001"


def deliver(number: str, text: str) -> str:
    """An SMS-DELIVER of 3GPP TS 23.040, 9.2.2.1, in the default alphabet."""
    digits = number.lstrip("+")
    padded = digits + "F" * (len(digits) % 2)
    swapped = "".join(b + a for a, b in zip(padded[::2], padded[1::2], strict=True))
    septets = encodeGsm7(text)
    body = bytes(packSeptets(septets)).hex().upper()
    return f"0004{len(digits):02X}91{swapped}0000" + "62114250231140" + f"{len(septets):02X}{body}"


class Sim:
    """A message store behind a scripted port, in PDU mode."""

    def __init__(self) -> None:
        self.stored: dict[int, str] = {}
        self.sent: list[str] = []
        self.length: str | None = None

    def answer(self, line: str) -> bytes:
        if line.startswith("AT+CMGS="):
            self.length = line
            return b"\r\n> "
        if line.endswith("\x1a"):
            self.sent.append(line[:-1])
            return b"\r\n+CMGS: 7\r\n" + OK
        if line == "AT+CMGL=4":
            rows = "".join(f"\r\n+CMGL: {i},1,,23\r\n{pdu}\r\n" for i, pdu in self.stored.items())
            return rows.encode() + OK
        if line.startswith("AT+CMGD="):
            index = int(line.removeprefix("AT+CMGD="))
            return OK if self.stored.pop(index, None) else b"\r\n+CMS ERROR: 321\r\n"
        return OK


@pytest.fixture
def sim() -> Sim:
    return Sim()


@pytest.fixture
def port(sim: Sim) -> Iterator[ScriptedPort]:
    with ScriptedPort(default=sim.answer) as port:
        yield port


@pytest.fixture
def modem(port: ScriptedPort) -> Iterator[VoiceModem]:
    modem = VoiceModem(port.path, on_urc=lambda _: None, on_lost=lambda _: None)
    modem.open()
    yield modem
    modem.close()


def store_of(modem: VoiceModem) -> MessageStore:
    return MessageStore(modem=modem, now=lambda: 0.0, log=logging.getLogger("test"))


def test_stored_messages_are_read_and_deleted_one_by_one(modem: VoiceModem, sim: Sim) -> None:
    sim.stored = {1: deliver(SENDER, "STOP"), 3: deliver(SENDER, "NO CARRIER"), 4: "0791"}
    store = store_of(modem)
    units = store.sweep()
    assert [(u.place.index, u.part.number, u.part.text) for u in units] == [
        (1, SENDER, "STOP"),
        (3, SENDER, "NO CARRIER"),
        (4, "", None),
    ]
    assert sorted(sim.stored) == [1, 3, 4]
    assert store.delete([units[0].place])
    assert sorted(sim.stored) == [3, 4]
    assert not store.delete([units[0].place])


def test_a_notice_between_header_and_pdu_disturbs_neither(
    modem: VoiceModem, port: ScriptedPort
) -> None:
    pdu = deliver(SENDER, "STOP")
    port.answers["AT+CMGL=4"] = f"\r\n+CMGL: 1,0,,23\r\nRING\r\n{pdu}\r\n".encode() + OK
    assert [unit.part.text for unit in store_of(modem).sweep()] == ["STOP"]


@pytest.mark.parametrize(
    ("text", "parts"), [("Desinscription faite", 1), ("Noté, à bientôt, ê", 1), ("x" * 200, 2)]
)
def test_messages_go_out_in_pdu_mode(
    modem: VoiceModem, sim: Sim, port: ScriptedPort, text: str, parts: int
) -> None:
    assert modem.send_text(SENDER, text) == 7
    assert len(sim.sent) == parts
    assert not any("STOP" in pdu or "+" in pdu for pdu in sim.sent)
    # The digits travel in swapped pairs inside the PDU, never as text in the command.
    assert all("3336990800F1" in pdu for pdu in sim.sent)
    assert "AT+CMGF=0" in port.lines
    assert not [line for line in port.lines if "CSCS" in line or "CLAC" in line]


@pytest.mark.parametrize("number", ["+33639980001\r", "STOP", "+33639980001;", ""])
def test_only_plain_numbers_get_messages(modem: VoiceModem, sim: Sim, number: str) -> None:
    with pytest.raises(ValueError, match="not a plain telephone number"):
        modem.send_text(number, "x")
    assert sim.sent == []


def test_a_refused_message_is_sent_once(modem: VoiceModem, port: ScriptedPort) -> None:
    port.default = lambda line: b"\r\n+CMS ERROR: 515\r\n" if "CMGS" in line else OK
    with pytest.raises(CommandRefused, match="refused"):
        modem.send_text(SENDER, "x")
    assert len([line for line in port.lines if line.startswith("AT+CMGS")]) == 1
    assert modem.command("AT+CSQ").final.ok


def test_a_message_notice_is_passed_on_and_nothing_is_read_or_deleted(
    port: ScriptedPort, sim: Sim
) -> None:
    """The library would read it, hand it to nobody, and delete it: an opt-out lost."""
    sim.stored = {2: deliver(SENDER, "STOP")}
    seen: list[str] = []
    modem = VoiceModem(port.path, on_urc=lambda n: seen.append(n.text), on_lost=seen.append)
    modem.open()
    port.say(b'\r\n+CMTI: "SM",2\r\n')
    assert [unit.part.text for unit in store_of(modem).sweep()] == ["STOP"]
    modem.close()
    assert seen == ['+CMTI: "SM",2']
    assert sorted(sim.stored) == [2]
    assert not [line for line in port.lines if "CMGR" in line or "CMGD" in line]


def test_a_message_without_a_prompt_times_out_as_ours(
    modem: VoiceModem, port: ScriptedPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = modem.write

    def hurried(data: str, **options: object) -> object:
        return original(data, **{**options, "timeout": 0.05})  # type: ignore[arg-type]

    monkeypatch.setattr(modem, "write", hurried)
    port.default = lambda line: None if "CMGS" in line else OK
    with pytest.raises(CommandTimeout):
        modem.send_text(SENDER, "x")
    assert modem.needs_resync


def test_ussd_answers_reach_the_library_through_the_worker(
    modem: VoiceModem, port: ScriptedPort
) -> None:
    port.answers['AT+CUSD=1,"#123#",15'] = OK + b'\r\n+CUSD: 0,"Credit 5",15\r\n'
    assert modem.sendUssd("#123#", responseTimeout=2).message == "Credit 5"
