"""What a pty cannot do: ports that die in the middle, refuse to open, or are held by others."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import serial
from pytest_mock import MockerFixture

from firmware.at.outcomes import Urc
from firmware.errors import CommandAborted, CommandTimeout, LinkLost, PortUnusable
from firmware.modem import port_users
from firmware.modem.modem import VoiceModem
from firmware.modem.transport import AtTransport
from tests.support.port_fakes import FakePort


class Rig:
    def __init__(self, mocker: MockerFixture) -> None:
        self.port = FakePort()
        self.opened = mocker.patch(
            "firmware.modem.port.serial.serial_for_url", return_value=self.port
        )
        self.urcs: list[Urc] = []
        self.lost: list[str] = []
        self.gone = threading.Event()
        self.modem = VoiceModem("fake", on_urc=self.urcs.append, on_lost=self.loss)

    def loss(self, reason: str) -> None:
        self.lost.append(reason)
        self.modem.close()
        self.gone.set()


@pytest.fixture
def rig(mocker: MockerFixture) -> Rig:
    rig = Rig(mocker)
    AtTransport.connect(rig.modem)
    return rig


def test_the_port_is_opened_by_url_exclusively_with_a_write_timeout(rig: Rig) -> None:
    options = rig.opened.call_args.kwargs
    assert rig.opened.call_args.args == ("fake",)
    assert options["exclusive"] is True
    assert options["rtscts"] is False
    assert 0 < options["write_timeout"] <= 2
    assert "dsrdtr" not in options
    rig.modem.close()


def test_a_write_that_times_out_is_a_lost_link_reported_once(rig: Rig) -> None:
    rig.port.write_error = serial.SerialTimeoutException("Write timeout")
    for _ in range(2):
        with pytest.raises(LinkLost, match="Write timeout"):
            rig.modem.command("AT+CSQ")
    assert rig.gone.wait(2)
    assert rig.lost == ["write failed: Write timeout"]


@pytest.mark.parametrize(
    "error",
    [OSError(5, "Input/output error"), TypeError("closed"), serial.SerialException("gone")],
)
def test_a_port_that_dies_releases_the_waiter_and_is_reported_once(
    rig: Rig, error: Exception
) -> None:
    rig.port.silent.add(b"AT+COPS=?\r")
    failure: list[Exception] = []

    def wait() -> None:
        try:
            rig.modem.command("AT+COPS=?", timeout=60)
        except LinkLost as lost:
            failure.append(lost)

    waiter = threading.Thread(target=wait)
    waiter.start()
    while b"AT+COPS=?\r" not in rig.port.written:
        pass
    rig.port.fail(error)
    waiter.join(2)
    assert not waiter.is_alive()
    assert len(failure) == 1
    assert rig.gone.wait(2)
    assert len(rig.lost) == 1
    rig.modem.emergency_hang_up()
    with pytest.raises(LinkLost):
        rig.modem.command("AT")
    assert len(rig.lost) == 1


def test_closing_on_purpose_is_no_loss(rig: Rig) -> None:
    rig.modem.close()
    rig.modem.close()
    assert rig.lost == []
    with pytest.raises(LinkLost, match="closed"):
        rig.modem.command("AT")


def test_a_callback_that_raises_stops_nothing(mocker: MockerFixture) -> None:
    rig = Rig(mocker)
    seen: list[str] = []
    done = threading.Event()

    def explode(notification: Urc) -> None:
        seen.append(notification.text)
        if len(seen) == 2:
            done.set()
        raise RuntimeError("broken callback")

    rig.modem._on_urc = explode
    AtTransport.connect(rig.modem)
    rig.modem._received(b"\r\nRING\r\n\r\n+RXDTMF: 1\r\n", 1.0)
    assert done.wait(2)
    assert seen == ["RING", "+RXDTMF: 1"]
    assert rig.modem.command("AT").final.ok
    rig.modem.close()


def test_a_modem_that_never_answers_is_a_timeout_with_a_remedy(mocker: MockerFixture) -> None:
    rig = Rig(mocker)
    rig.port.silent |= {b"AT\r", b"\x1bAT\r"}
    with pytest.raises(CommandTimeout, match="nothing on fake answers AT") as caught:
        rig.modem.open(timeout=0.02)
    assert "baud rate" in caught.value.remedy
    assert rig.port.closed
    assert rig.lost == []


def test_nothing_follows_the_hang_up_of_an_emergency(rig: Rig) -> None:
    """A command that was about to be written when the stop came stays unwritten."""
    epoch = rig.modem.emergency_count
    rig.modem.emergency_hang_up()
    written = bytes(rig.port.written)
    assert written.endswith(b"ATH\rAT+CHUP\r")
    with pytest.raises(CommandAborted):
        rig.modem.command("ATD+33199000001;", dial=True, epoch=epoch)
    assert rig.port.written == written
    rig.modem.close()


def test_the_stop_between_start_and_write_keeps_the_command_off_the_wire(
    rig: Rig, mocker: MockerFixture
) -> None:
    original = rig.modem._exchange.send

    def stop_first(*arguments: object) -> object:
        rig.modem._writer.emergencies += 1
        return original(*arguments)  # type: ignore[arg-type]

    mocker.patch.object(rig.modem._exchange, "send", side_effect=stop_first)
    with pytest.raises(CommandAborted):
        rig.modem.command("ATD+33199000001;", dial=True)
    assert b"ATD" not in rig.port.written
    assert rig.modem.needs_resync
    rig.modem.close()


def test_the_first_port_is_closed_again_where_the_second_cannot_be_opened(
    mocker: MockerFixture,
) -> None:
    first = FakePort()
    mocker.patch(
        "firmware.modem.port.serial.serial_for_url",
        side_effect=[first, serial.SerialException(2, "nothing there")],
    )
    modem = VoiceModem("a", emergency_port="b", on_urc=lambda _: None, on_lost=lambda _: None)
    with pytest.raises(PortUnusable):
        modem.open()
    assert first.closed


def test_a_port_without_permission_names_the_group(mocker: MockerFixture, tmp_path: Path) -> None:
    device = tmp_path / "port"
    device.touch()
    mocker.patch(
        "firmware.modem.port.serial.serial_for_url",
        side_effect=serial.SerialException(13, "could not open port"),
    )
    mocker.patch("firmware.modem.port.port_users.explain", return_value=("", ""))
    modem = VoiceModem(str(device), on_urc=lambda _: None, on_lost=lambda _: None)
    with pytest.raises(PortUnusable, match="Permission denied") as caught:
        modem.open()
    assert "dialout" in caught.value.remedy


def test_a_port_that_is_not_there() -> None:
    modem = VoiceModem("/dev/nothing", on_urc=lambda _: None, on_lost=lambda _: None)
    with pytest.raises(PortUnusable, match="/dev/nothing does not exist"):
        modem.open()


@pytest.mark.parametrize("name", ["/dev/null", "/tmp", "relative"])
def test_what_is_no_serial_port_is_said_to_be_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative").touch()
    modem = VoiceModem(name, on_urc=lambda _: None, on_lost=lambda _: None)
    with pytest.raises(PortUnusable, match="is not a serial port") as caught:
        modem.open()
    assert caught.value.remedy == "correct the port of the line"


def test_a_url_that_means_nothing() -> None:
    modem = VoiceModem("carrier-pigeon://", on_urc=lambda _: None, on_lost=lambda _: None)
    with pytest.raises(PortUnusable, match="carrier-pigeon") as caught:
        modem.open()
    assert "correct the address" in caught.value.remedy


def test_modem_manager_on_an_open_port_is_refused_by_name(mocker: MockerFixture) -> None:
    rig = Rig(mocker)
    rig.modem.port = "/dev/ttyUSB2"
    mocker.patch(
        "firmware.modem.port.port_users.holders",
        return_value=(port_users.Holder(pid=7, name="ModemManager"),),
    )
    with pytest.raises(PortUnusable, match=r"ModemManager \(pid 7\)") as caught:
        rig.modem.open()
    assert "systemctl mask --now ModemManager" in caught.value.remedy
    assert rig.port.closed
