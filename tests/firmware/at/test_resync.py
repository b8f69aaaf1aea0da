"""Back in step: silence, a probe, and an answer that stands alone."""

from __future__ import annotations

import pytest

from firmware.at.outcomes import Aborted, ResyncFailed, Resynchronised, Send
from firmware.at.resync import (
    DRAIN_SECONDS,
    GUARD_SECONDS,
    PROBE_SECONDS,
    QUIET_SECONDS,
    Resync,
)
from tests.support.at_talk import Talk


def begun(*, timeout: float = 5.0, last_byte: float = 0.0) -> Resync:
    resync = Resync()
    resync.begin(100.0, timeout=timeout, quiet=QUIET_SECONDS, last_byte=last_byte)
    return resync


def test_a_modem_that_was_silent_for_long_is_probed_at_once() -> None:
    assert begun().tick(100.0) == Send(b"AT\r")


def test_silence_is_counted_from_the_last_word() -> None:
    resync = begun(last_byte=99.9)
    assert resync.wake_at == pytest.approx(99.9 + QUIET_SECONDS)
    resync.heard(100.1)
    assert resync.wake_at == pytest.approx(100.1 + QUIET_SECONDS)
    assert resync.tick(100.3) is None
    for at in (100.3, 100.6, 100.9, 101.2, 101.5):
        resync.heard(at)
    assert resync.wake_at == 100.0 + DRAIN_SECONDS


def test_only_an_answer_that_stands_alone_ends_it() -> None:
    resync = begun()
    resync.tick(100.0)
    assert resync.answered(100.01, ok=True, late=False)
    # A second result behind it: one of the two was an older command's.
    assert not resync.answered(100.02, ok=True, late=False)
    assert resync.draining
    assert resync.tick(100.02 + GUARD_SECONDS) == Send(b"AT\r")
    assert resync.answered(100.2, ok=True, late=False)
    assert resync.tick(100.2 + GUARD_SECONDS) == Resynchronised()


def test_what_is_given_up_takes_no_answer() -> None:
    resync = begun()
    resync.tick(100.0)
    resync.stop()
    assert not resync.answered(100.01, ok=True, late=False)
    assert not resync.answered_tersely("0", 100.01)
    assert resync.tick(100.1) is None


def test_a_late_ok_during_the_probe_costs_one_more_probe() -> None:
    talk = Talk()
    talk.send("AT+CPCMREG=1")
    talk.wait(2.0)
    talk.resync()
    talk.wait(0.3)
    talk.hear("OK", "OK")
    talk.wait(0.1)
    assert talk.sent.count(b"AT\r") == 2
    talk.hear("OK")
    talk.wait(0.1)
    assert talk.outcomes[-1] == Resynchronised()
    assert talk.exchange.debt(talk.now) == 0


def test_late_information_during_the_probe_marks_its_ok() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    talk.wait(2.0)
    talk.resync()
    talk.wait(0.3)
    talk.hear("+CSQ: 1,0", "OK")
    talk.wait(0.2)
    assert Resynchronised() not in talk.outcomes
    talk.hear("OK")
    talk.wait(0.1)
    assert talk.outcomes[-1] == Resynchronised()
    assert talk.urcs == []


def test_call_notices_survive_the_resync() -> None:
    talk = Talk()
    talk.send("AT+CSQ")
    talk.wait(2.0)
    talk.hear("RING", "stray words", "VOICE CALL: BEGIN")
    talk.resync()
    talk.hear("+RXDTMF: 1")
    talk.wait(0.3)
    talk.hear('+CLCC: 1,0,6,0,0,"10086",129', "OK", "NO CARRIER")
    talk.wait(0.1)
    assert talk.outcomes[-1] == Resynchronised()
    assert talk.urcs == [
        "RING", "VOICE CALL: BEGIN", "+RXDTMF: 1", '+CLCC: 1,0,6,0,0,"10086",129', "NO CARRIER",
    ]  # fmt: skip


def test_a_modem_that_answers_at_with_error_is_in_step_all_the_same() -> None:
    talk = Talk()
    talk.resync()
    for _ in range(3):
        talk.wait(0.15)
        talk.hear("ERROR")
    talk.wait(0.2)
    assert talk.outcomes == [Resynchronised()]


def test_one_error_from_line_noise_is_probed_again() -> None:
    talk = Talk()
    talk.resync()
    talk.hear("ERROR")
    talk.wait(0.2)
    assert talk.outcomes == []
    talk.hear("OK")
    talk.wait(0.2)
    assert talk.outcomes == [Resynchronised()]


def test_a_deaf_modem_that_answers_everything_at_once_is_waited_for() -> None:
    talk = Talk()
    talk.resync()
    talk.wait(2.2)
    probes = len(talk.sent)
    assert probes == 5
    for _ in range(probes):
        talk.hear("OK")
    talk.wait(0.3)
    talk.hear("OK")
    talk.wait(0.15)
    assert talk.outcomes == [Resynchronised()]


@pytest.mark.parametrize(("line", "longest"), [("^RSSI: 20", 0.4), ("words without end", 1.6)])
def test_a_chattering_modem_is_probed_all_the_same(line: str, longest: float) -> None:
    talk = Talk()
    talk.send("AT")
    talk.hear("words")
    talk.wait(2.0)
    talk.outcomes.clear()
    talk.take(talk.exchange.abort(talk.now))
    talk.resync()
    started = talk.now
    while b"AT\r" not in talk.sent[1:]:
        talk.hear(line)
        talk.wait(0.1)
    assert talk.now - started <= longest
    talk.hear("OK")
    talk.wait(0.1)
    assert talk.outcomes == [Resynchronised()]


def test_line_noise_neither_answers_nor_keeps_a_modem_out_of_step() -> None:
    talk = Talk()
    talk.resync()
    talk.take(talk.exchange.receive(b"\0\r\nOK\r\n\xff\xfe\r\n", talk.now))
    talk.wait(0.15)
    assert talk.outcomes.pop() == Resynchronised()
    talk.send("AT+CGMM")
    talk.take(talk.exchange.receive(b"\xf8\xff\r\nEC25\r\n\r\nOK\r\n", talk.now))
    assert talk.reply().lines == ("EC25",)
    assert talk.urcs == []


def test_a_modem_left_in_numeric_results_is_asked_for_words() -> None:
    talk = Talk()
    talk.resync()
    talk.take(talk.exchange.receive(b"AT\r0\r", talk.now))
    talk.wait(0.15)
    assert talk.sent == [b"AT\r", b"ATV1\r"]
    talk.hear("OK")
    talk.wait(0.15)
    assert talk.outcomes == [Resynchronised()]


def test_a_modem_left_without_results_is_asked_for_them() -> None:
    talk = Talk()
    talk.resync()
    talk.wait(2 * PROBE_SECONDS)
    assert talk.sent[-1] == b"ATQ0V1\r"
    talk.hear("OK")
    talk.wait(0.15)
    assert talk.outcomes == [Resynchronised()]


def test_a_modem_that_answers_escape_too_is_not_probed_with_it_for_ever() -> None:
    talk = Talk()
    talk.resync()
    talk.wait(PROBE_SECONDS)
    assert talk.sent == [b"AT\r", b"\x1bAT\r"]
    talk.hear("OK", "OK")
    talk.wait(0.2)
    assert talk.sent[2:] == [b"AT\r"]
    talk.hear("OK")
    talk.wait(0.2)
    assert talk.outcomes == [Resynchronised()]


def test_resync_gives_up_in_time_and_may_be_started_again() -> None:
    talk = Talk()
    talk.resync(timeout=2.0)
    talk.wait(2.0)
    assert talk.outcomes.pop() == ResyncFailed()
    assert not talk.exchange.idle
    talk.in_step()
    assert talk.exchange.idle


def test_resync_leaves_text_entry_without_sending_the_message() -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", payload=b"0011\x1a")
    talk.wait(2.0)
    talk.resync()
    talk.wait(0.3)
    assert talk.sent[-1] == b"\x1bAT\r"
    assert not any(b"\x1a" in sent for sent in talk.sent)
    talk.hear("ERROR")
    talk.wait(PROBE_SECONDS)
    talk.hear("OK")
    talk.wait(0.2)
    talk.send("AT+CMGS=23", payload=b"0011\x1a")


def test_an_emergency_during_the_resync_aborts_it() -> None:
    talk = Talk()
    talk.resync()
    talk.take(talk.exchange.abort(talk.now, finals=2))
    assert talk.outcomes == [Aborted()]
    assert not talk.exchange.idle
