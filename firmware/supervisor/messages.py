"""What box and supervisor tell each other: one JSON object a packet, over a Unix socket.

The box sends ``hello``, ``beat``, ``found``, ``silenced``, ``recorded``, ``code`` (of its fault
lamp), ``farewell``; a technician's command ``stop``; ``ExecStopPost=`` ``hang_up``. The supervisor
sends ``welcome``, ``alive``, ``stop``, ``released``, ``contacts``. Nothing that is sent waits: a
reader that is stuck gets no more than its buffer holds.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

from firmware.json_text import parse_json

SOCKET = "socket"
"""Name in the run folder."""
MESSAGE_BYTES = 1 << 16


def channel() -> socket.socket:
    """Return a socket whose packets keep their bounds and whose end is seen at once."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)


def send(peer: socket.socket, message: dict[str, Any]) -> None:
    """Send without waiting; a peer that is gone is found out by reading."""
    with contextlib.suppress(OSError):
        peer.send(json.dumps(message).encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def decode(data: bytes) -> dict[str, Any] | None:
    """Read one packet; None where it is none of ours."""
    try:
        message = parse_json(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
