"""Delays, disorder and loss for packets in a network namespace, from a seed.

The kernel holds each packet in a queue of netfilter (NFQUEUE) and asks here what becomes of it;
the answer comes late, out of order, or is "drop it". ``tc netem`` would do the same, but is not in
every kernel, and takes no seed.
"""

from __future__ import annotations

import ctypes
import heapq
import os
import random
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NETLINK_NETFILTER = 12
_QUEUE = 3 << 8
_PACKET, _VERDICT, _CONFIG = 0, 1, 2
_BIND, _META = 1, 1
_DROP, _ACCEPT = 0, 1
_REQUEST = 1
_CLONE_NEWNET = 0x40000000
_LONGEST = 20000
"""Packets that wait in one queue at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to packets: each waits *delay* to *delay* + *jitter* seconds, or is lost."""

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0


def enter(namespace: Path) -> None:
    """Move this thread into a network namespace."""
    with namespace.open("rb") as stream:
        if ctypes.CDLL(None, use_errno=True).setns(stream.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"entering {namespace}")


def leave_for_a_new_one() -> None:
    """Give this process, which has one thread, a network namespace of its own."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "making a network namespace")


class Delays:
    """Judges the packets of many queues on one thread."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._weather: dict[socket.socket, Weather] = {}
        self._late: list[tuple[float, int, socket.socket, int, int]] = []
        self._count = 0
        self.seen = 0
        self.lost = 0
        self._wake, self._woken = os.pipe()
        threading.Thread(target=self._run, name="delays", daemon=True).start()

    def queue(self, namespace: Path) -> socket.socket:
        """Open queue 0 of *namespace*; what a rule sends there passes by this thread."""
        made: list[socket.socket | OSError] = []

        def open_there() -> None:
            try:
                enter(namespace)
                made.append(_bound())
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=open_there)
        thread.start()
        thread.join()
        (found,) = made
        if isinstance(found, OSError):
            raise found
        self._weather[found] = Weather()
        os.write(self._woken, b".")
        return found

    def change(self, queue: socket.socket, weather: Weather) -> None:
        """Let *weather* hold from the next packet on."""
        self._weather[queue] = weather

    def _run(self) -> None:
        while True:
            left = max(self._late[0][0] - time.monotonic(), 0.0) if self._late else None
            queues = {one.fileno(): one for one in list(self._weather)}
            ready, _, _ = select.select([self._wake, *queues], (), (), left)
            for one in ready:
                if one == self._wake:
                    os.read(one, 100)
                else:
                    self._take(queues[one])
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, queue, number, verdict = heapq.heappop(self._late)
                with suppress(OSError):
                    queue.send(_verdict(number, verdict))

    def _take(self, queue: socket.socket) -> None:
        weather = self._weather[queue]
        with suppress(BlockingIOError):
            while True:
                try:
                    datagram = queue.recv(65536)
                except BlockingIOError:
                    raise
                except OSError:
                    continue  # ENOBUFS: the kernel had more than fits; those packets are lost.
                for number in _packets(datagram):
                    self.seen += 1
                    verdict = _ACCEPT
                    if self._chance.random() < weather.loss:
                        verdict = _DROP
                        self.lost += 1
                    due = time.monotonic() + weather.delay
                    due += self._chance.uniform(0.0, weather.jitter)
                    self._count += 1
                    heapq.heappush(self._late, (due, self._count, queue, number, verdict))


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    made.bind((0, 0))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.setblocking(False)
    made.send(_message(_CONFIG, _attribute(1, struct.pack(">BBH", _BIND, 0, 0))))
    made.send(_message(_CONFIG, _attribute(2, struct.pack(">IB", 0, _META))))
    made.send(_message(_CONFIG, _attribute(3, struct.pack(">I", _LONGEST))))
    return made


def _message(kind: int, attributes: bytes) -> bytes:
    body = struct.pack(">BBH", 0, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), _QUEUE | kind, _REQUEST, 0, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _verdict(number: int, verdict: int) -> bytes:
    return _message(_VERDICT, _attribute(2, struct.pack(">II", verdict, number)))


def _packets(datagram: bytes) -> list[int]:
    """Return the numbers of the packets that *datagram* tells of."""
    numbers, place = [], 0
    while place + 20 <= len(datagram):
        length, kind = struct.unpack_from("=IH", datagram, place)
        if length < 20:
            break
        if kind == _QUEUE | _PACKET:
            at, end = place + 20, min(place + length, len(datagram))
            while at + 4 <= end:
                size, attribute = struct.unpack_from("=HH", datagram, at)
                if size < 4:
                    break
                if attribute & 0x3FFF == 1:
                    numbers.append(struct.unpack_from(">I", datagram, at + 4)[0])
                at += (size + 3) & ~3
        place += (length + 3) & ~3
    return numbers
