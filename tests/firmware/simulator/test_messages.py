"""Text messages in the simulated SIM, against an independent PDU library."""

from __future__ import annotations

from datetime import datetime

import pytest
from gsmmodem import pdu
from hypothesis import given
from hypothesis import strategies as st

from firmware.simulator.modem.messages import (
    Message,
    deliver_pdu,
    pack_septets,
    read_submit,
    unpack_septets,
)
from firmware.simulator.network.scenario import IncomingSms, LineScenario
from tests.support.simulator_bench import NUMBER, Bench, one_line

AT = datetime.fromisoformat("2026-11-24T12:00:00+01:00")


def with_sms(*texts: str) -> Bench:
    sms = tuple(
        IncomingSms(at=index, number=NUMBER, text=text) for index, text in enumerate(texts, 1)
    )
    return Bench(scenario=one_line(LineScenario(line=1, sms=sms)))


def test_notice_read_and_delete_in_text_mode() -> None:
    bench = with_sms("STOP", "one\nOK\n\nthree")
    bench.send("AT+CMGF=1;+CNMI=2,1,0,0,0")
    assert bench.run(3) == ['+CMTI: "SM",1', '+CMTI: "SM",2']
    header = f'"{NUMBER}","","26/11/24,12:00:00+04"'
    assert bench.send("AT+CMGR=1") == [f'+CMGR: "REC UNREAD",{header}', "STOP", "OK"]
    assert bench.send("AT+CMGR=1")[0] == f'+CMGR: "REC READ",{header}'
    assert bench.send('AT+CMGL="REC UNREAD"') == [
        f'+CMGL: 2,"REC UNREAD",{header}',
        "one",
        "OK",
        "three",
        "OK",
    ]
    assert bench.send("AT+CMGD=1") == ["OK"]
    assert bench.send("AT+CMGR=1") == ["+CMS ERROR: 321"]
    assert bench.send("AT+CPMS?") == ['+CPMS: "SM",1,30,"SM",1,30,"SM",1,30', "OK"]
    assert bench.send("AT+CMGD=1,4") == ["OK"]
    assert bench.send('AT+CMGL="ALL"') == ["OK"]


def test_without_notices_the_message_waits() -> None:
    bench = with_sms("STOP")
    assert bench.run(3) == []
    listed = bench.send("AT+CMGL=4")
    assert listed[0].startswith("+CMGL: 1,0,,")
    assert pdu.decodeSmsPdu(listed[1])["text"] == "STOP"


def test_sending_in_both_modes() -> None:
    bench = Bench()
    bench.send("AT+CMGF=1")
    assert bench.send(f'AT+CMGS="{NUMBER}"') == ["> "]
    assert bench.send_bytes(b"hello\x1a") == ["+CMGS: 1", "OK"]
    assert bench.fact("sms", "text") == "hello"
    bench.send("AT+CMGF=0")
    submit = pdu.encodeSmsSubmitPdu(NUMBER, "Désinscription faite", reference=0)[0]
    assert bench.send(f"AT+CMGS={submit.tpduLength}") == ["> "]
    assert bench.send_bytes(str(submit).encode() + b"\x1a") == ["+CMGS: 2", "OK"]
    assert (bench.fact("sms", "number"), bench.fact("sms", "text")) == (
        NUMBER,
        "Désinscription faite",
    )
    assert bench.send("AT+CMGS=5") == ["> "]
    assert bench.send_bytes(b"zz\x1a") == ["+CMS ERROR: 304"]
    bench.send("AT+CMGS=5")
    assert bench.send_bytes(b"abc\x1b") == ["OK"]


@given(
    st.text(
        # No @: the other library drops one that is the last of eight septets.
        st.sampled_from("STOP arrêt ÀÉ éèà £$ 0123 ’…☎\n"),
        min_size=1,
        max_size=60,
    )
)
def test_delivered_text_reads_the_same_elsewhere(text: str) -> None:
    encoded, length = deliver_pdu(Message(NUMBER, text, AT))
    decoded = pdu.decodeSmsPdu(encoded)
    assert decoded["text"] == text
    assert decoded["number"] == NUMBER
    assert decoded["time"] == AT
    assert length == len(encoded) // 2 - 1


@given(st.lists(st.integers(0, 127), max_size=160))
def test_septets_pack_and_unpack(values: list[int]) -> None:
    assert unpack_septets(pack_septets(values), len(values)) == values


@given(st.text(max_size=80))
def test_no_submitted_text_breaks_the_modem(text: str) -> None:
    result = read_submit(text)
    assert result is None or len(result) == 2


@pytest.mark.parametrize("length", [1, 7, 8, 70, 153, 160])
def test_submitted_lengths(length: int) -> None:
    text = "x" * length
    submit = str(pdu.encodeSmsSubmitPdu(NUMBER, text, reference=0)[0])
    assert read_submit(submit) == (NUMBER, text)


def test_what_comes_lies_in_the_memory_that_was_chosen_for_it() -> None:
    """TS 27.005 §3.2.2: read, written and received messages each have a memory of their own."""
    bench = with_sms("STOP")
    assert bench.send("AT+CPMS=?") == [
        '+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")',
        "OK",
    ]
    assert bench.send('AT+CPMS="SM","SM","ME"') == ["+CPMS: 0,30,0,30,0,30", "OK"]
    bench.send("AT+CNMI=2,1,0,0,0")
    assert bench.run(3) == ['+CMTI: "ME",1']
    assert bench.send("AT+CMGL=4") == ["OK"]
    assert bench.send('AT+CPMS="ME"') == ["+CPMS: 1,30,0,30,1,30", "OK"]
    assert bench.send("AT+CMGL=4")[0].startswith("+CMGL: 1,0,,")
    assert bench.send("AT+CMGD=1") == ["OK"]
    assert bench.send("AT+CPMS?") == ['+CPMS: "ME",0,30,"SM",0,30,"ME",0,30', "OK"]
    assert bench.send('AT+CPMS="XX"') == ["+CMS ERROR: 304"]


def test_a_message_that_is_routed_comes_inline_and_is_stored_nowhere() -> None:
    bench = with_sms("STOP")
    bench.send("AT+CMGF=0;+CNMI=2,2,0,0,0")
    header, told = bench.run(3)
    assert header.startswith("+CMT: ,")
    assert pdu.decodeSmsPdu(told)["text"] == "STOP"
    assert bench.send("AT+CMGL=4") == ["OK"]
