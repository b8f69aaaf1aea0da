"""When a resync probes, with what, and when it has ended: to the hundredth of a second."""

from __future__ import annotations

import pytest

from firmware.at.outcomes import ResyncFailed, Resynchronised
from firmware.at.resync import (
    DRAIN_SECONDS,
    GUARD_SECONDS,
    PROBE_ERRORS,
    PROBE_SECONDS,
    QUIET_SECONDS,
    Resync,
)
from tests.support.at_talk import Talk


def test_the_times_are_those_that_were_measured() -> None:
    assert (QUIET_SECONDS, GUARD_SECONDS, DRAIN_SECONDS, PROBE_SECONDS) == (0.3, 0.1, 1.5, 0.5)
    assert PROBE_ERRORS == 3


def test_a_silent_modem_is_asked_in_every_way_in_turn_until_time_is_up() -> None:
    talk = Talk()
    talk.resync(timeout=4.2)
    talk.wait(4.19)
    assert talk.outcomes == []
    assert talk.written == [
        (0.0, b"AT\r"),
        (0.5, b"\x1bAT\r"),
        (1.0, b"ATQ0V1\r"),
        (1.5, b"\x1bAT\r"),
        (2.0, b"ATQ0V1\r"),
        (2.5, b"\x1bAT\r"),
        (3.0, b"ATQ0V1\r"),
        (3.5, b"\x1bAT\r"),
        (4.0, b"ATQ0V1\r"),
    ]
    talk.wait(0.01)
    assert talk.outcomes == [ResyncFailed()]
    assert talk.exchange.wake_at is None


def test_a_modem_in_text_entry_is_freed_first_and_asked_in_turn_as_well() -> None:
    talk = Talk()
    talk.send("AT+CMGS=23", timeout=1.0, payload=b"0011\x1a")
    talk.wait(1.0)
    talk.resync(timeout=2.0)
    talk.wait(2.0)
    assert talk.written[1:] == [
        (1.0, b"\x1bAT\r"),
        (1.5, b"\x1bAT\r"),
        (2.0, b"ATQ0V1\r"),
        (2.5, b"\x1bAT\r"),
    ]
    assert talk.outcomes[-1] == ResyncFailed()
    # The next one begins anew, and still knows of the text entry.
    talk.resync(timeout=2.0)
    talk.wait(0.6)
    assert talk.written[5:] == [(3.0, b"\x1bAT\r"), (3.5, b"\x1bAT\r")]


def test_each_resync_begins_anew() -> None:
    talk = Talk()
    for _ in range(2):
        talk.resync(timeout=1.0)
        talk.hear("ERROR")
        talk.wait(0.1)
        talk.hear("ERROR")
        talk.wait(0.9)
        assert talk.outcomes.pop() == ResyncFailed()
    assert talk.written == [
        (0.0, b"AT\r"),
        (0.1, b"AT\r"),
        (0.2, b"AT\r"),
        (0.7, b"\x1bAT\r"),
        (1.0 + QUIET_SECONDS - 0.3, b"AT\r"),
        (1.1, b"AT\r"),
        (1.2, b"AT\r"),
        (1.7, b"\x1bAT\r"),
    ]


def test_so_many_errors_and_no_fewer_stand_for_an_ok() -> None:
    talk = Talk()
    talk.resync()
    for count in range(1, PROBE_ERRORS + 1):
        assert len(talk.sent) == count
        talk.hear("ERROR")
        talk.wait(0.09)
        assert len(talk.sent) == count
        assert talk.outcomes == []
        talk.wait(0.01)
    assert len(talk.sent) == PROBE_ERRORS
    assert talk.outcomes == [Resynchronised()]


def test_an_ok_stands_alone_for_the_tenth_of_a_second() -> None:
    talk = Talk()
    talk.resync()
    talk.wait(0.2)
    talk.hear("OK")
    talk.wait(0.09)
    assert talk.outcomes == []
    talk.wait(0.01)
    assert talk.outcomes == [Resynchronised()]
    assert talk.exchange.idle


@pytest.mark.parametrize("line", ["words", "+CSQ: 1,0", "OK", "ERROR", "0"])
def test_what_comes_behind_the_ok_begins_a_new_silence(line: str) -> None:
    talk = Talk()
    talk.send("AT+CSQ", timeout=1.0)
    talk.wait(1.0)
    talk.resync()
    talk.hear("OK")
    talk.wait(0.05)
    talk.hear(line)
    talk.wait(0.09)
    assert len(talk.sent) == 2
    talk.wait(0.01)
    assert talk.written[2:] == [(1.15, b"AT\r")]
    talk.hear("OK")
    talk.wait(0.1)
    assert talk.outcomes[-1] == Resynchronised()


@pytest.mark.parametrize("line", ["RING", "+CREG: 1", "AT"])
def test_a_notice_or_an_echo_behind_the_ok_begins_none(line: str) -> None:
    talk = Talk()
    talk.resync()
    talk.hear("OK")
    talk.wait(0.05)
    talk.hear(line)
    talk.wait(0.05)
    assert talk.outcomes == [Resynchronised()]


@pytest.mark.parametrize(
    ("before", "quiet"), [("words", 0.3), ("OK", 0.3), ("RING", 0.0), ("+CREG: 1", 0.0)]
)
def test_the_silence_begins_with_the_last_word_that_was_no_notice(
    before: str, quiet: float
) -> None:
    talk = Talk()
    talk.send("AT+CSQ", timeout=1.0)
    talk.wait(1.0)
    talk.hear(before)
    talk.resync()
    talk.wait(0.5)
    assert talk.written[1] == (1.0 + quiet, b"AT\r")


@pytest.mark.parametrize("wait", [0.0, 0.1])
def test_the_bytes_of_a_hang_up_count_as_the_last_word(wait: float) -> None:
    talk = Talk()
    talk.take(talk.exchange.abort(talk.now, finals=2))
    talk.wait(wait)
    talk.resync()
    talk.wait(0.4)
    assert talk.written[0] == (0.3, b"AT\r")


def test_a_word_in_the_silence_begins_it_anew_and_a_notice_does_not() -> None:
    talk = Talk()
    talk.take(talk.exchange.abort(talk.now))
    talk.take(talk.exchange.begin_resync(talk.now, timeout=5.0, quiet=1.0))
    talk.wait(0.4)
    talk.hear("OK")
    talk.wait(0.2)
    talk.hear("RING")
    talk.wait(1.0)
    assert talk.written == [(1.4, b"AT\r")]


@pytest.mark.parametrize(("timeout", "probed"), [(1.0, 0.5), (2.0, 1.0), (3.0, 1.5), (9.0, 1.5)])
def test_chatter_is_probed_after_half_the_time_at_most(timeout: float, probed: float) -> None:
    talk = Talk()
    talk.take(talk.exchange.abort(talk.now))
    talk.resync(timeout=timeout)
    while not talk.sent:
        talk.hear("words")
        talk.wait(0.05)
    assert talk.written == [(probed, b"AT\r")]


def test_chatter_behind_the_ok_is_probed_after_the_whole_time() -> None:
    resync = Resync()
    resync.begin(100.0, timeout=9.0, quiet=QUIET_SECONDS, last_byte=0.0)
    resync.tick(100.0)
    assert resync.answered(100.0, ok=True, late=False)
    resync.disturbed(100.05)
    assert resync.draining
    for tenth in range(1, 16):
        resync.heard(100.0 + tenth / 10)
    assert resync.wake_at == pytest.approx(101.55)
    assert resync.tick(101.54) is None
    assert resync.tick(101.55) is not None


@pytest.mark.parametrize(
    ("lines", "taken"), [(("0",), True), (("4",), True), (("3",), False), (("00",), False)]
)
def test_only_the_numbers_of_ok_and_error_ask_for_words(
    lines: tuple[str, ...], taken: bool
) -> None:
    talk = Talk()
    talk.resync()
    talk.hear(*lines)
    talk.wait(0.1)
    assert talk.written[1:] == ([(0.1, b"ATV1\r")] if taken else [])
    talk.wait(1.0)
    # Words are asked for once; then the silent modem is asked in turn.
    rest = [b"\x1bAT\r", b"ATQ0V1\r"]
    assert talk.sent[2 if taken else 1 :] == rest


def test_a_number_is_no_result_where_no_probe_is_out() -> None:
    resync = Resync()
    assert not resync.answered_tersely("0", 100.0)
    resync.begin(100.0, timeout=5.0, quiet=QUIET_SECONDS, last_byte=100.0)
    assert not resync.answered_tersely("0", 100.0)
    resync.tick(100.3)
    assert resync.answered(100.3, ok=True, late=False)
    assert not resync.answered_tersely("0", 100.3)


def test_a_late_answer_to_a_probe_is_none() -> None:
    resync = Resync()
    resync.begin(100.0, timeout=5.0, quiet=QUIET_SECONDS, last_byte=0.0)
    resync.tick(100.0)
    assert not resync.answered(100.1, ok=True, late=True)
    assert not resync.draining
    assert resync.tick(100.2) is None
    assert resync.answered(100.2, ok=True, late=False)
    assert resync.tick(100.3) == Resynchronised()
    assert resync.tick(100.4) is None
    assert not resync.answered(100.3, ok=True, late=False)


def test_an_answer_that_is_not_the_probes_still_shows_that_the_modem_hears() -> None:
    talk = Talk()
    talk.resync()
    talk.wait(1.0)
    assert talk.sent[-1] == b"ATQ0V1\r"
    talk.hear("OK", "OK")
    talk.wait(1.0)
    assert talk.sent[3:] == [b"AT\r", b"\x1bAT\r"]
