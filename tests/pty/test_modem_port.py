"""VoiceModem on a real pty: each fault of the stock library's floor, shown to be absent."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from gsmmodem.exceptions import CommandError
from gsmmodem.modem import Call

from firmware.at.outcomes import Urc
from firmware.at.results import FinalKind
from firmware.errors import (
    CommandAborted,
    CommandTimeout,
    FirmwareError,
    LinkLost,
    PortUnusable,
)
from firmware.modem.modem import VoiceModem
from tests.support.scripted_port import OK, ScriptedPort

pytestmark = pytest.mark.pty

DIAL = "ATD+33199000001;"


class Rig:
    """A scripted port, a modem on it, and everything that the modem reports."""

    def __init__(self, port: ScriptedPort, emergency: ScriptedPort | None = None) -> None:
        self.port = port
        self.urcs: list[Urc] = []
        self.lost: list[str] = []
        self.changed = threading.Condition()
        self.modem = VoiceModem(
            port.path,
            emergency_port=emergency.path if emergency else None,
            on_urc=self._notice,
            on_lost=self._loss,
        )

    def _notice(self, notification: Urc) -> None:
        with self.changed:
            self.urcs.append(notification)
            self.changed.notify_all()

    def _loss(self, reason: str) -> None:
        self.modem.close()
        with self.changed:
            self.lost.append(reason)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 2)

    @property
    def texts(self) -> list[str]:
        return [notice.text for notice in self.urcs]


class Outstanding:
    """A command that runs on a thread of its own, and how it ended."""

    def __init__(self, rig: Rig, text: str, *, dial: bool = False, payload: bytes | None = None):
        self.error: FirmwareError | None = None
        self.ended_at = 0.0
        start = len(rig.port.raw)

        def run() -> None:
            try:
                rig.modem.command(text, timeout=60, dial=dial, payload=payload)
            except FirmwareError as error:
                self.error = error
            self.ended_at = time.monotonic()

        self._thread = threading.Thread(target=run)
        self._thread.start()
        rig.port.wait_for(f"{text}\r".encode(), start=start)

    def join(self) -> None:
        self._thread.join(2)
        assert not self._thread.is_alive()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with ScriptedPort() as port:
        rig = Rig(port)
        rig.modem.open()
        yield rig
        rig.modem.close()


# -- opening --------------------------------------------------------------------------------------


def test_opening_sends_at_and_nothing_else(rig: Rig) -> None:
    assert rig.port.raw == b"AT\r"
    assert rig.modem.alive


def test_a_second_opener_is_refused_and_told_why(rig: Rig) -> None:
    second = Rig(rig.port)
    with pytest.raises(PortUnusable, match="cannot be opened"):
        second.modem.open()
    assert rig.modem.command("AT").final.ok


@pytest.mark.process
def test_the_program_that_holds_the_port_is_named() -> None:
    code = (
        "import fcntl, sys; port = open(sys.argv[1], 'rb+', buffering=0);"
        "fcntl.flock(port, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    )
    with (
        ScriptedPort() as port,
        subprocess.Popen(
            [sys.executable, "-c", code, port.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holder,
    ):
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(
            PortUnusable, match=f"held by python.* \\(pid {holder.pid}\\)"
        ) as caught:
            Rig(port).modem.open()
        assert "or give the line another port" in caught.value.remedy
        holder.communicate()


def test_close_is_fast_and_the_port_can_be_opened_again(rig: Rig) -> None:
    started = time.monotonic()
    rig.modem.close()
    assert time.monotonic() - started < 0.5
    rig.modem.open()
    assert rig.modem.command("AT").final.ok
    assert rig.lost == []


def test_urls_work() -> None:
    """loop:// gives back what is sent, so AT is its own echo and nothing ever answers."""
    modem = VoiceModem("loop://", on_urc=lambda _: None, on_lost=lambda _: None)
    with pytest.raises(CommandTimeout, match="nothing on loop:// answers AT"):
        modem.open(timeout=0.2)


@pytest.mark.parametrize("answer", [b"\r\nERROR\r\n", b"\r\nRDY\r\n\r\nOK\r\n"])
def test_a_modem_that_greets_oddly_can_be_opened(answer: bytes) -> None:
    with ScriptedPort({"AT": answer}) as port:
        rig = Rig(port)
        rig.modem.open()
        assert rig.modem.command("AT+CSQ").final.ok
        rig.modem.close()


def test_a_modem_left_in_text_entry_is_freed_without_sending() -> None:
    in_text = [True]

    def answer(line: str) -> bytes | None:
        if line.endswith("\x1b"):
            in_text[0] = False
            return OK
        return None if in_text[0] else OK

    with ScriptedPort(default=answer) as port:
        rig = Rig(port)
        rig.modem.open()
        assert b"\x1a" not in port.raw
        rig.modem.close()


# -- notices --------------------------------------------------------------------------------------


def test_a_notice_inside_an_answer_is_delivered_and_the_answer_is_right(rig: Rig) -> None:
    rig.port.answers["AT+CSQ"] = b"\r\nVOICE CALL: BEGIN\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n"
    assert rig.modem.signalStrength == 20
    rig.wait(lambda: rig.texts == ["VOICE CALL: BEGIN"])


@pytest.mark.parametrize("echo", [False, True])
def test_single_bytes_and_echo_change_nothing(echo: bool) -> None:
    with ScriptedPort(echo=echo) as port:

        def answer(line: str) -> None:
            port.say(b"\r\r\n+CSQ: 20,99\r\r\n\r\nRING\r\n\r\nOK\r\n", bytewise=True)

        rig = Rig(port)
        rig.modem.open()
        port.answers["AT+CSQ"] = answer
        assert rig.modem.command("AT+CSQ").lines == ("+CSQ: 20,99",)
        rig.wait(lambda: rig.texts == ["RING"])
        rig.modem.close()


def test_bursts_of_keys_lose_none_and_keep_their_order(rig: Rig) -> None:
    keys = "1234567890" * 20
    for at in range(0, len(keys), 10):
        rig.port.say("".join(f"\r\n+DTMF: {key}\r\n" for key in keys[at : at + 10]).encode())
    rig.wait(lambda: len(rig.urcs) == len(keys))
    assert rig.texts == [f"+DTMF: {key}" for key in keys]


def test_a_key_followed_by_half_a_line_is_delivered_at_once(rig: Rig) -> None:
    rig.port.say(b"\r\n+RXDTMF: 1\r\n\r\n+RXDT")
    rig.wait(lambda: rig.texts == ["+RXDTMF: 1"])
    rig.port.say(b"MF: 2\r\n")
    rig.wait(lambda: rig.texts == ["+RXDTMF: 1", "+RXDTMF: 2"])


def test_bad_bytes_do_not_kill_the_reader(rig: Rig) -> None:
    rig.port.say(b"\r\n\xff\xfe\x80\r\n\x00\x00\r\nRING\r\n")
    rig.wait(lambda: "RING" in rig.texts)
    assert rig.modem.command("AT+CSQ").final.ok


def test_notices_come_on_one_thread_that_may_send_commands(rig: Rig) -> None:
    threads: list[str] = []
    replies: list[bool] = []

    def react(notification: Urc) -> None:
        threads.append(threading.current_thread().name)
        replies.append(rig.modem.command("AT+CSQ").final.ok)
        with rig.changed:
            rig.changed.notify_all()

    rig.modem._on_urc = react
    rig.port.say(b"\r\nRING\r\n\r\nRING\r\n")
    rig.wait(lambda: replies == [True, True])
    assert set(threads) == {"at-dispatcher"}


def test_work_that_sends_commands_does_not_delay_notices(rig: Rig) -> None:
    rig.port.answers["AT+SLOW"] = None
    done = threading.Event()

    def slow() -> None:
        with pytest.raises(LinkLost):
            rig.modem.command("AT+SLOW", timeout=60)
        done.set()

    rig.modem.defer(slow)
    rig.port.wait_for(b"AT+SLOW\r")
    rig.port.say(b"\r\n+RXDTMF: 1\r\n")
    rig.wait(lambda: rig.texts == ["+RXDTMF: 1"])
    rig.modem.close()
    assert done.wait(2)


# -- results --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind"),
    [("BUSY", FinalKind.BUSY), ("NO CARRIER", FinalKind.NO_CARRIER),
     ("+CME ERROR: SIM not inserted", FinalKind.CME_ERROR),
     ("COMMAND NOT SUPPORT", FinalKind.NOT_SUPPORTED)],
)  # fmt: skip
def test_a_refused_dial_ends_at_once(rig: Rig, line: str, kind: FinalKind) -> None:
    rig.port.answers[DIAL] = f"\r\n{line}\r\n".encode()
    assert rig.modem.command(DIAL, dial=True, timeout=60).final.kind is kind


def test_progress_before_the_result_of_a_dial(rig: Rig) -> None:
    rig.port.answers[DIAL] = b"\r\nVOICE CALL: BEGIN\r\n\r\nOK\r\n"
    assert rig.modem.command(DIAL, dial=True, timeout=60).final.ok
    rig.wait(lambda: rig.texts == ["VOICE CALL: BEGIN"])


def test_a_dial_without_a_result_leaves_no_orphan_call(rig: Rig) -> None:
    """The stock library gives up and sends nothing: the phone keeps ringing."""
    rig.port.answers[DIAL] = None
    with pytest.raises(CommandTimeout, match="no result for ATD…") as caught:
        rig.modem.command(DIAL, dial=True, timeout=0.05)
    assert "33199000001" not in str(caught.value)
    assert rig.modem.needs_resync
    rig.modem.emergency_hang_up()
    rig.port.wait_for(DIAL.encode() + b"\rATH\rAT+CHUP\r")
    assert rig.modem.command("AT+CLCC").final.ok


def test_a_late_ok_is_not_the_next_commands(rig: Rig) -> None:
    def late(line: str) -> None:
        threading.Timer(0.15, rig.port.say, (OK,)).start()

    rig.port.answers["AT+CPCMREG=1"] = late
    rig.port.answers["AT+CSQ"] = b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n"
    with pytest.raises(CommandTimeout):
        rig.modem.command("AT+CPCMREG=1", timeout=0.05)
    assert rig.modem.command("AT+CSQ").lines == ("+CSQ: 20,99",)
    assert rig.modem._exchange.dropped == 1


def test_a_late_ok_is_not_an_empty_call_list(rig: Rig) -> None:
    """The modem answers the slow command after the probe: its OK looks like "no call"."""
    row = b'\r\n+CLCC: 1,0,3,0,0,"+33199000001",145\r\n'
    rig.port.answers["AT+CHUP"] = None
    answers = iter([OK, row + OK + row + OK])
    rig.port.answers["AT+CLCC"] = lambda _: next(answers)
    with pytest.raises(CommandTimeout):
        rig.modem.command("AT+CHUP", timeout=0.05)
    assert len(rig.modem.command("AT+CLCC").lines) == 1


# -- the emergency --------------------------------------------------------------------------------


def test_the_hang_up_passes_a_silent_command(rig: Rig) -> None:
    rig.port.answers["AT+COPS=?"] = None
    waiter = Outstanding(rig, "AT+COPS=?")
    before = time.monotonic()
    rig.modem.emergency_hang_up()
    assert rig.port.wait_for(b"AT+COPS=?\rATH\rAT+CHUP\r") - before < 1
    waiter.join()
    assert isinstance(waiter.error, CommandAborted)
    rig.port.answers["AT+CSQ"] = b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n"
    assert rig.modem.command("AT+CSQ").lines == ("+CSQ: 20,99",)


def test_the_hang_up_leaves_text_entry_first(rig: Rig) -> None:
    rig.port.answers["AT+CMGS=23"] = b"\r\n> "
    rig.port.default = None
    waiter = Outstanding(rig, "AT+CMGS=23", payload=b"0011")
    rig.port.wait_for(b"0011")
    rig.modem.emergency_hang_up()
    rig.port.wait_for(b"\x1bATH\rAT+CHUP\r")
    # Where the text's own write has not returned yet its line is ended first, by a CR.
    written = rig.port.raw
    assert b"0011\x1bATH" in written or b"0011\r\x1bATH" in written
    waiter.join()
    assert isinstance(waiter.error, CommandAborted)


def test_the_hang_up_goes_out_on_the_second_port_too() -> None:
    with ScriptedPort() as port, ScriptedPort() as second:
        rig = Rig(port, second)
        rig.modem.open()
        second.say(b"\r\nRING\r\n" * 2000)
        rig.modem.emergency_hang_up()
        port.wait_for(b"ATH\rAT+CHUP\r")
        second.wait_for(b"ATH\rAT+CHUP\r")
        assert rig.texts == []
        rig.modem.close()


def test_a_queued_command_is_thrown_out_with_the_running_one(rig: Rig) -> None:
    rig.port.answers["AT+COPS=?"] = None
    running = Outstanding(rig, "AT+COPS=?")
    errors: list[Exception] = []
    queued = threading.Event()

    def second() -> None:
        queued.set()
        try:
            rig.modem.command(DIAL, dial=True)
        except CommandAborted as error:
            errors.append(error)

    thread = threading.Thread(target=second)
    # Its epoch is read before it queues for the port; hold the stop until it waits there.
    thread.start()
    queued.wait(2)
    time.sleep(0.02)
    rig.modem.emergency_hang_up()
    thread.join(2)
    running.join()
    assert len(errors) == 1
    assert b"ATD" not in rig.port.raw


def test_many_threads_notices_and_stops_at_once(rig: Rig) -> None:
    """Each command gets its own answer or an error of ours, and no notice is lost."""

    def answer(line: str) -> bytes:
        value = line.removeprefix("AT+Q").removesuffix("?")
        return f"\r\n+Q{value}: {value}\r\n".encode() + OK if line.startswith("AT+Q") else OK

    rig.port.default = answer
    outcomes: list[bool | FirmwareError] = []

    def work(name: str) -> None:
        for count in range(15):
            value = f"{name}X{count}"
            try:
                reply = rig.modem.command(f"AT+Q{value}?")
                outcomes.append(reply.lines == (f"+Q{value}: {value}",))
            except CommandAborted as error:
                outcomes.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ABCD"]
    for thread in threads:
        thread.start()
    for count in range(100):
        rig.port.say(f"\r\n+RXDTMF: {count}\r\n".encode())
        if count == 50:
            rig.modem.emergency_hang_up()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert len(outcomes) == 60
    assert False not in outcomes
    rig.wait(lambda: len(rig.urcs) >= 100)
    assert rig.texts == [f"+RXDTMF: {count}" for count in range(100)]


# -- loss -----------------------------------------------------------------------------------------


def test_unplug_releases_the_waiter_and_is_reported_once(rig: Rig) -> None:
    rig.port.answers["AT+COPS=?"] = None
    waiter = Outstanding(rig, "AT+COPS=?")
    rig.port.say(b"\r\nRING\r\n")
    rig.wait(lambda: bool(rig.urcs))
    rig.port.unplug()
    waiter.join()
    assert isinstance(waiter.error, LinkLost)
    rig.wait(lambda: bool(rig.lost))
    with pytest.raises(LinkLost):
        rig.modem.command("AT")
    rig.modem.emergency_hang_up()
    assert len(rig.lost) == 1
    assert rig.texts == ["RING"]


def test_close_releases_the_waiter(rig: Rig) -> None:
    rig.port.answers["AT+COPS=?"] = None
    waiter = Outstanding(rig, "AT+COPS=?")
    rig.modem.close()
    waiter.join()
    assert isinstance(waiter.error, LinkLost)
    assert rig.lost == []


# -- the library's half ---------------------------------------------------------------------------


def test_no_pin_goes_through_the_library(rig: Rig) -> None:
    with pytest.raises(ValueError, match="PIN"):
        rig.modem.connect("1234")
    with pytest.raises(CommandError, match="PIN"):
        rig.modem.write('AT+CPIN="1234"')
    with pytest.raises(CommandError, match="PIN"):
        rig.modem._unlockSim("1234")
    assert b"CPIN" not in rig.port.raw


def test_the_library_cannot_dial(rig: Rig) -> None:
    with pytest.raises(CommandError, match="dial"):
        rig.modem.dial("+33199000001")
    with pytest.raises(CommandError, match="dial"):
        rig.modem.write(DIAL)
    assert b"ATD" not in rig.port.raw


def test_sim_busy_is_retried_a_few_times_only(rig: Rig) -> None:
    rig.port.answers["AT+CIMI"] = b"\r\n+CME ERROR: 14\r\n"
    with pytest.raises(CommandError, match="14"):
        _ = rig.modem.imsi
    assert rig.port.lines.count("AT+CIMI") == 3


@pytest.mark.parametrize("text", ["AT+CMGD=1,0", "AT+CMGF=0"])
def test_sim_busy_never_repeats_a_command_with_a_value(rig: Rig, text: str) -> None:
    rig.port.answers[text] = b"\r\n+CME ERROR: 14\r\n"
    with pytest.raises(CommandError, match="14"):
        rig.modem.write(text)
    assert rig.port.lines.count(text) == 1


def test_opening_leaves_the_librarys_class_globals_alone() -> None:
    before = (Call.DTMF_COMMAND_BASE, Call.dtmfSupport)
    with ScriptedPort({"AT+CGMI": b"\r\nhuawei\r\n\r\nOK\r\n"}) as port:
        rig = Rig(port)
        rig.modem.connect()
        assert rig.modem.manufacturer == "huawei"
        rig.modem.close()
    assert (Call.DTMF_COMMAND_BASE, Call.dtmfSupport) == before


def test_nothing_is_logged_with_its_number(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        rig.modem.command(DIAL, dial=True)
        rig.modem.emergency_hang_up()
    assert "33199000001" not in caplog.text
