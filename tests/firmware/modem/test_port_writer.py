"""Bytes to a modem: a payload that waits for room, and the hang-up that waits for nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from firmware.errors import CommandAborted, LinkLost
from firmware.modem.port_writer import HANG_UP, WRITE_CHUNK, PortWriter
from tests.support.port_fakes import FakePort, PipePort


class Desk:
    """A writer with what it tells."""

    def __init__(self, *ports: FakePort, in_text: bool = False) -> None:
        self.seen: list[bytes] = []
        self.lost: list[str] = []
        self.writer = PortWriter(
            note=self.seen.append, lost=self.lost.append, escape_needed=lambda: in_text
        )
        self.writer.attach(*(*ports, None)[:2])


@pytest.fixture
def pipe() -> Iterator[PipePort]:
    port = PipePort()
    yield port
    port.close()


def test_a_payload_goes_out_in_pieces_between_which_the_stop_is_seen() -> None:
    port = FakePort()
    desk = Desk(port)
    desk.writer.write(bytes(WRITE_CHUNK + 1), 0, "AT+QFUPL")
    assert [len(piece) for piece in desk.seen] == [WRITE_CHUNK, 1]
    assert len(port.written) == WRITE_CHUNK + 1


def test_nothing_is_written_after_a_stop_that_its_command_has_not_seen() -> None:
    port = FakePort()
    desk = Desk(port)
    desk.writer.hang_up()
    with pytest.raises(CommandAborted, match="ATD was thrown out"):
        desk.writer.write(b"ATD+33199000001;\r", 0, "ATD")
    assert port.written == HANG_UP
    desk.writer.write(b"AT\r", 1, "AT")
    assert port.written == HANG_UP + b"AT\r"


def test_whoever_wakes_because_of_a_stop_writes_behind_it() -> None:
    port = FakePort()
    late = threading.Thread(target=lambda: writer.write(b"AT\r", 1, "AT"))

    def between_the_count_and_the_bytes() -> bool:
        late.start()
        late.join(0.05)
        return False

    writer = PortWriter(
        note=lambda _: None, lost=lambda _: None, escape_needed=between_the_count_and_the_bytes
    )
    writer.attach(port, None)
    writer.hang_up()
    late.join(5)
    assert port.written == HANG_UP + b"AT\r"


def test_a_write_that_fails_is_told_and_raised() -> None:
    port = FakePort()
    desk = Desk(port)
    port.write_error = OSError(5, "Input/output error")
    with pytest.raises(LinkLost, match="Input/output error"):
        desk.writer.write(b"AT\r", 0, "AT")
    assert len(desk.lost) == 1


def test_text_entry_is_left_before_the_hang_up() -> None:
    port = FakePort()
    Desk(port, in_text=True).writer.hang_up()
    assert port.written == b"\x1b" + HANG_UP


def test_a_hang_up_beside_a_stuck_write_ends_the_half_line() -> None:
    port = FakePort()
    desk = Desk(port)
    with desk.writer._byte_lock:
        desk.writer.hang_up()
    assert port.written == b"\r" + HANG_UP


def test_a_port_without_room_does_not_hold_the_stop_of_other_lines_up(pipe: PipePort) -> None:
    pipe.fill()
    desk = Desk(pipe)
    desk.writer.hang_up()
    # Returned although nothing was taken yet; the hang-up waits behind it.
    assert pipe.written == b""
    pipe.room.set()
    with desk.writer._byte_lock:
        assert pipe.written == HANG_UP


def test_a_payload_waits_for_a_module_that_writes_its_flash(pipe: PipePort) -> None:
    desk = Desk(pipe)
    payload = bytes(range(256)) * 1024
    writer = threading.Thread(target=desk.writer._put, args=(payload, 0, 30.0))
    writer.start()
    taken = bytearray()
    while len(taken) < len(payload):
        taken += os.read(pipe.far_end, 65536)
    writer.join(10)
    assert taken == payload


def test_a_port_that_takes_everything_is_not_lost_however_late_that_is_seen(
    pipe: PipePort,
) -> None:
    desk = Desk(pipe)
    desk.writer._put(b"AT\r", 0, 0.0)
    assert os.read(pipe.far_end, 10) == b"AT\r"
    pipe.fill()
    with pytest.raises(TimeoutError):
        desk.writer._put(b"AT\r", 0, 0.0)


def test_the_stop_ends_a_payload_that_waits_for_room(pipe: PipePort) -> None:
    desk = Desk(pipe)
    pipe.fill()
    pipe.room.set()
    writer = threading.Thread(target=desk.writer._put, args=(b"clip", 0, 30.0))
    writer.start()
    desk.writer.hang_up()
    writer.join(10)
    assert not writer.is_alive()


def test_both_ports_hang_up_and_one_dead_port_does_not_spare_the_other() -> None:
    first, second = FakePort(), FakePort()
    desk = Desk(first, second)
    first.write_error = OSError(5, "Input/output error")
    desk.writer.hang_up()
    assert second.written == HANG_UP
    assert len(desk.lost) == 1


def test_a_dead_spare_port_is_no_loss_of_the_line() -> None:
    first, second = FakePort(), FakePort()
    desk = Desk(first, second)
    second.write_error = OSError(5, "Input/output error")
    desk.writer.hang_up()
    assert first.written == HANG_UP
    assert desk.lost == []
